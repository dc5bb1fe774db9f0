/** The front of the SDK: one source folder, and everything that can be asked of it. */

import type { LoadArrow } from './arrow'
import type { QueryParams } from './contract'
import { atOnce, Conflict, refuseAborted, settled } from './errors'
import { Job, type JobEvent } from './job'
import { native, type NativeClient } from './native'
import { exactJson, paramsJson, snakeKeys, type Query, type To } from './params'
import { schemaOf, type DatasetSchema, type DeadLetter, type Explain, type Holdings, type JobInfo, type Known, type Mode, type Report, type SyncReport } from './report'
import { Result } from './result'

/** Settings; what is left out comes from its `DATASUS_*` variable (`DATASUS_LAKE`, `DATASUS_OUTPUT`, ...), or is the default. */
export interface Config {
  /** A folder of DBC, DBF or Parquet files, in any layout, or one file; the current folder. */
  source?: string
  /** Folder of converted Parquet; `.datasus/lake` inside the source folder. */
  lake?: string
  /** Folder that holds every file an export writes; the current one. */
  output?: string
  /** Folder of what jobs keep to be resumed, on a local file system. */
  state?: string
  /** Folder for what a query spills; the system's temporary one. */
  spill?: string
  /** Bytes that one query may hold in the engine; 45 % of the machine's or container's memory. */
  memoryLimit?: number
  /** Bytes that one query may spill; 50 GB. */
  spillLimit?: number
  /** Address of the PostgreSQL server for sinks that name none; never shown. */
  postgres?: string
  /** Seconds that any query may take; one day. */
  deadline?: number
  /** Threads for conversion and engine; one per core. */
  threads?: number
  /** The most urgent class that a query gets. */
  maxPriority?: 'health' | 'admin' | 'user'
  /** What the rows of a dataset that come as a stream do when memory is nearly exhausted, where the query does not say; `wait`. */
  onEmergency?: 'sample' | 'spill' | 'wait' | 'fail'
  /** Most rows of a batch; 65,536. */
  chunkRows?: number
  /** Whether a DBC's CRC-32 is checked; true. */
  verifyCrc?: boolean
  /** Language of the texts for people; Portuguese. */
  language?: 'pt' | 'en'
}

/** What may be given to a call that takes its time. */
export interface CallOptions {
  /** Aborted, it cancels the work within 100 ms; the promise is rejected with {@link Cancelled}, its `cause` the signal's reason. */
  signal?: AbortSignal | undefined
}

/** Where the rows of a job go. */
export interface SinkOptions extends CallOptions {
  /** A path (`'a.csv'`, `'a.parquet'`), `csv()`, `parquet()`, `postgres()`, or several of them: all in one pass. */
  to: To | readonly To[]
}

/** Opens a folder. @internal */
export async function openWith(arrow: LoadArrow, config: Config | string = {}): Promise<Client> {
  const { source = '.', ...settings } = typeof config === 'string' ? { source: config } : config
  return new Client(await settled(native.open(source, exactJson(snakeKeys(settings)))), source, arrow)
}

/** A source of DATASUS files, opened by {@link open}. */
export class Client implements AsyncDisposable {
  #client: NativeClient | null
  readonly #arrow: LoadArrow
  /** The folder. */
  readonly source: string

  /** @internal */
  constructor(client: NativeClient, source: string, arrow: LoadArrow) {
    this.#client = client
    this.#arrow = arrow
    this.source = source
  }

  get #native(): NativeClient {
    if (this.#client !== null) return this.#client
    const detail = 'Este cliente foi fechado; abra outro'
    throw new Conflict({ error_code: 'DS-409', detail, diagnostic: {} })
  }

  /**
   * Runs a query; settles when its schema is known, and the rows come as they are taken. Files that the lake does not hold
   * yet are converted first.
   */
  async query(query: Query | QueryParams | string, { signal }: CallOptions = {}): Promise<Result> {
    refuseAborted(signal)
    const pending = await settled(this.#native.beginQuery(paramsJson(query)))
    const job = new Job(pending.job, signal)
    return new Result(await settled(pending.rows(), signal), job, this.#arrow, signal)
  }

  /** Starts a query into files and tables. Killed at any instant, it goes on by {@link Client.resume}. */
  async submit(query: Query | QueryParams | string, { to, signal }: SinkOptions): Promise<Job> {
    refuseAborted(signal)
    return new Job(await settled(this.#native.submit(paramsJson(query), exactJson(to))), signal)
  }

  /** The same, and waits for the report. */
  async export(query: Query | QueryParams | string, { onEvent, ...options }: SinkOptions & { onEvent?: (event: JobEvent) => void }): Promise<Report> {
    const job = await this.submit(query, options)
    if (onEvent !== undefined) for await (const event of job.events()) onEvent(event)
    return job.report()
  }

  /** What earlier processes left: jobs that crashed, failed and can be resumed, or ended with dead letters. */
  async jobs(): Promise<JobInfo[]> {
    return JSON.parse(await settled(this.#native.jobs())) as JobInfo[]
  }

  /** Goes on with a job where it stopped: nothing is lost, and nothing comes twice. DS-404 or DS-409 where it cannot. */
  async resume(jobId: string, { signal }: CallOptions = {}): Promise<Job> {
    refuseAborted(signal)
    return new Job(await settled(this.#native.resume(jobId)), signal)
  }

  /** Gives a job up, with what it left in its targets. Rows that were published stay. */
  async discard(jobId: string): Promise<void> {
    await settled(this.#native.discard(jobId))
  }

  /** The records of a job that were not taken, each with its reason, source file and row. */
  async deadLetters(jobId: string): Promise<DeadLetter[]> {
    return JSON.parse(await settled(this.#native.deadLetters(jobId))) as DeadLetter[]
  }

  /** The same as a Parquet file below the output folder; gives how many there are. */
  async exportDeadLetters(jobId: string, path: string): Promise<number> {
    return settled(this.#native.exportDeadLetters(jobId, path))
  }

  /** Sends the dead letters of a completed job to their table once more, after the cause has been mended. */
  async replay(jobId: string): Promise<{ loaded: number; left: number }> {
    return JSON.parse(await settled(this.#native.replay(jobId))) as { loaded: number; left: number }
  }

  /** Converts ahead of a query; only `dataset`, `uf` and `competencia` count. */
  async sync(query: Query | QueryParams | string, { signal }: CallOptions = {}): Promise<SyncReport> {
    refuseAborted(signal)
    const stop = new native.Stop()
    const abort = (): void => stop.set()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      return JSON.parse(await settled(this.#native.sync(paramsJson(query), stop), signal)) as SyncReport
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** What a query would read, against what is there. Converts nothing. */
  async explain(query: Query | QueryParams | string): Promise<Explain> {
    return JSON.parse(await settled(this.#native.explain(paramsJson(query)))) as Explain
  }

  /** The dataset's columns, with types and meanings. */
  schema(dataset: string): DatasetSchema {
    return schemaOf(JSON.parse(atOnce(() => this.#native.schema(dataset))) as Parameters<typeof schemaOf>[0])
  }

  /** Every dataset that there is, whether the source holds any of it or not. */
  catalog(): Known[] {
    return JSON.parse(atOnce(() => this.#native.catalog())) as Known[]
  }

  /** What the source holds, by dataset, and the files that no query reads. */
  async datasets(): Promise<Holdings> {
    return JSON.parse(await settled(this.#native.datasets())) as Holdings
  }

  /** What this client has counted, and the state of the process's queue and memory, in Prometheus' text form. */
  metrics(): string {
    return atOnce(() => this.#native.metrics())
  }

  /** How full the memory is. */
  get mode(): Mode {
    return atOnce(() => this.#native.mode) as Mode
  }

  /** One job at a time with one thread, for the whole process, until it is turned off. */
  setMaintenance(on: boolean): void {
    atOnce(() => this.#native.setMaintenance(on))
  }

  /** Lets go of the source; running jobs go on. */
  async close(): Promise<void> {
    this.#client = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
