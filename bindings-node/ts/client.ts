/** The front of the SDK: one source folder, and everything that can be asked of it. */

import type { LoadArrow } from './arrow'
import type { CatalogEntry, CsvForm, DeadLetter, DictionaryEntry, DictionarySync, Estimate, Explain, Found, Holdings, JobInfo, Known, Mode, Profile, QueryParams, Rates, Replayed, Report, SyncPlan, SyncReport } from './contract'
import { atOnce, conflict, settled, type Language } from './errors'
import { exactJson, Given, isPlainObject, languageOf, type Expected } from './given'
import { Job, progressOf, type JobEvent, type Progress } from './job'
import { native, type NativeClient, type NativeJob, type NativeStop } from './native'
import { destinationsJson, paramsJson, settings, type Query, type To } from './params'
import { profileOf } from './profile'
import { Result } from './result'
import { schemaOf, type DatasetSchema } from './schema'
import { begun, stoppable } from './stoppable'
import { ipcOf, isRows, type TableRows } from './tables'
import { told } from './told'
import { Warnings } from './warnings'

/** Beside the events of rates. */
export interface RatesOptions {
  /** The people: `IBGE-POPSVS` of one year, or a dataset whose rows are counted. */
  population?: Query | QueryParams | string
  /** The standard population, a table of `tables`; the whole country of the same year. */
  standard?: string
  /** A rate is of so many people; 100,000. */
  per?: number
}

/** Settings; what is left out comes from its `DATASUS_*` variable (`DATASUS_LAKE`, `DATASUS_OUTPUT`, ...), or is the default. */
export interface Config {
  /**
   * `datasus://` (the ministry's server), a mirror of its tree, or a folder of DBC, DBF or Parquet files, in any layout, or one file; the
   * current folder. Of a list each is tried where those before it do not serve; an object is {@link Config.declared}.
   */
  source?: Source
  /** Where else the tree of a source like `datasus://` lies, tried in order. */
  mirrors?: string[]
  /** Folder of what is fetched: lake, jobs, listings, files; `datasus` in the user's data folder. */
  home?: string | URL
  /** When a server is asked again what it has: once listings are older than `refreshAfter` (`changed`), never, or in every query. */
  refresh?: 'never' | 'changed' | 'always'
  /** Seconds for which a listing holds; one day. */
  refreshAfter?: number
  /** Whether files that were fetched stay beside what they were converted into; false. */
  keepFiles?: boolean
  /** Bytes that one query may fetch; 5 GB. */
  maxDownload?: number
  /** Files that are fetched at once, 1 to 6; 2. */
  transfers?: number
  /** PEM file of authorities that are trusted beside the system's, for sources by HTTPS and S3 servers. */
  ca?: string | URL
  /** Datasets whose files have names of your own, Parquet or CSV: `{ 'SIH-RD': ['exports/*.parquet'] }`; without `source`, these alone. */
  declared?: Record<string, string | readonly string[]>
  /** Tables of your own for SQL, by name: a Parquet or CSV, a table of apache-arrow, or the bytes of an Arrow IPC stream. */
  tables?: Record<string, string | URL | TableRows>
  /** How CSV among them are written, by their name, where the files are not to say it themselves. */
  csv?: Record<string, CsvForm>
  /** Folder of converted Parquet; `.datasus/lake` inside the source folder. */
  lake?: string | URL
  /** Folder that holds every file an export writes; the current one. */
  output?: string | URL
  /** Folder of what jobs keep to be resumed, on a local file system. */
  state?: string | URL
  /** Folder for what a query spills; the system's temporary one. */
  spill?: string | URL
  /** Bytes that one query may hold in the engine; 45 % of the machine's or container's memory. */
  memoryLimit?: number
  /** Bytes that one query may spill; 50 GB. */
  spillLimit?: number
  /** Address of the PostgreSQL server for sinks that name none; never shown. */
  postgres?: string
  /** Server of `s3://` sources, lakes and outputs, `https://minio.example:9000`; Amazon's of the region. */
  s3Endpoint?: string
  /** Region of the buckets; the profile's, or `us-east-1`. */
  s3Region?: string
  /** Whether the bucket stands in the path; true with an `s3_endpoint`. */
  s3PathStyle?: boolean
  /** Access key; never shown. */
  s3Key?: string
  /** Secret of the access key; never shown. */
  s3Secret?: string
  /** Session token of a temporary key; never shown. */
  s3Token?: string
  /** Profile of `~/.aws/credentials` whose key is used. */
  s3Profile?: string
  /** Where keys come from: the settings or the profile, or the machine's metadata service. */
  s3Credentials?: 'keys' | 'instance'
  /** The same for S3 servers alone; `ca`. */
  s3Ca?: string
  /** Proxy of these requests; never shown. */
  s3Proxy?: string
  /** Seconds without a byte before a request is tried again; 30. */
  s3Timeout?: number
  /** Folder of copies of what lies in other stores; in the user's cache folder. */
  remoteCache?: string
  /** Bytes that those copies may have; 20 GB. */
  remoteCacheLimit?: number
  /** Bytes of answers kept in memory; 64 MB, 0 for none. */
  cacheMemory?: number
  /** Folder of answers that all processes of the user share; none. */
  cacheFolder?: string | URL
  /** Bytes of that folder; 5 GB. */
  cacheLimit?: number
  /** Bytes of an answer above which it is not kept; 8 MB. */
  cacheEntryLimit?: number
  /** zstd level of kept answers, 1 to 19; 1. */
  cacheLevel?: number
  /** Redis in which several machines keep answers, `redis://server:6379/0`; never shown. */
  redis?: string
  /** Secret of all clients that share answers in Redis, 16 characters at least; never shown. What was made without it is refused. */
  redisSecret?: string
  /** zstd level of answers in Redis, 1 to 19; `cacheLevel`. */
  redisLevel?: number
  /** File of certificates of a private authority for `rediss://`. */
  redisCa?: string | URL
  /** Seconds after which Redis forgets an answer; one day. */
  redisTtl?: number
  /** Queries a minute for each `rateKey`; 100, 0 for no limit. */
  rateLimit?: number
  /** How many processes serve together, as the workers of a service: each has its part of memory and limit; 1. */
  processes?: number
  /** Seconds that any query may take; one day. */
  deadline?: number
  /** Threads for conversion and engine; one per core. */
  threads?: number
  /**
   * A cluster on which queries run: `sc://host:15002`, a Spark Connect server, with `/;use_ssl=true;token=...` behind it where it asks for
   * them; this process. SQL does not go there.
   */
  engine?: string
  /**
   * A folder that the cluster and this machine see under one path: there the cluster writes what goes to files and tables, however much it
   * is; none, and up to `spillLimit` it comes through the server.
   */
  engineFolder?: string | URL
  /** What runs in a process of its own, which reads the query's files and does nothing else: SQL, or whatever the engine runs; none. */
  isolation?: 'none' | 'process' | 'all'
  /** The program that runs there; `datasus-worker` of this build; the one that the package brings. */
  worker?: string | URL
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

/** What is opened: see {@link Config.source}. */
export type Source = string | URL | readonly (string | URL)[] | Record<string, string | readonly string[]>

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

/** Options of a sync. */
export interface SyncOptions extends CallOptions {
  /** Told how far it has come, ten times a second at most and once at the end: files, bytes, pace and the time that is left. */
  onProgress?: ((progress: Progress) => void) | undefined
}

const FOLDERS = ['source', 'home', 'ca', 'lake', 'output', 'state', 'spill', 's3Ca', 'remoteCache', 'cacheFolder', 'redisCa', 'engineFolder', 'worker']

/** Opens a folder. @internal */
export async function openWith(arrow: LoadArrow, config: Config | Source = {}): Promise<Client> {
  const given = new Given(languageOf(config))
  const isObject = given.read('open', config, () => isPlainObject(config))
  const { source, ...others }: Record<string, unknown> = isObject ? Object.fromEntries(given.entries('open', config)) : { source: config }
  const at = isObject ? 'source' : 'open'
  const place = placed(given, at, source, others)
  const rows = tablesApart(given, others)
  const entries = Object.entries(others).map(([key, value]): [string, unknown] => {
    const isFolder = FOLDERS.includes(key) && value !== undefined && value !== null
    return [key, isFolder ? given.path(key, value) : value]
  })
  const client = await settled(native.open(place, exactJson(settings(given, 'open', Object.fromEntries(entries)))))
  const opened = new Client(client, place, given.language, arrow)
  for (const [name, table] of rows) await opened.addTable(name, table)
  return opened
}

/** The first of the sources; others become mirrors, and what is declared is a setting. */
function placed(given: Given, at: string, source: unknown, others: Record<string, unknown>): string {
  if (given.read(at, source, () => isPlainObject(source) && (source as Partial<URL>).protocol === undefined)) {
    if (others['declared'] !== undefined) throw given.wrong(at, TWICE, source)
    others['declared'] = source
    return ''
  }
  const list = given.elements(at, source)
  if (list !== undefined) {
    const paths = list.map((one, place) => given.path(`${at}[${place}]`, one))
    const [first, ...behind] = paths
    if (first === undefined) throw given.wrong(at, SOME, source)
    const mirrors = given.elements('mirrors', others['mirrors']) ?? []
    if (behind.length + mirrors.length > 0) others['mirrors'] = [...behind, ...mirrors]
    return first
  }
  if (source === undefined) return others['declared'] === undefined ? '.' : ''
  return given.path(at, source)
}

/** Takes tables that are rows out of the settings; those that are left are paths. */
function tablesApart(given: Given, others: Record<string, unknown>): [string, TableRows][] {
  const { tables } = others
  if (tables === undefined || tables === null) return []
  const all = given.entries('tables', tables)
  const rows = all.filter((entry): entry is [string, TableRows] => isRows(given, `tables.${entry[0]}`, entry[1]))
  const paths = all.filter(([name]) => !rows.some(([other]) => other === name))
  others['tables'] = Object.fromEntries(paths.map(([name, path]) => [name, given.path(`tables.${name}`, path)]))
  return rows
}

const TWICE: Expected = { pt: 'a declaração uma vez só: `declared` também foi dado', en: 'the declaration once: `declared` is given as well' }
const SOME: Expected = { pt: 'ao menos uma fonte', en: 'at least one source', examples: ["['datasus://', 'https://espelho.exemplo/']"] }

const CLOSED = { pt: 'Este cliente foi fechado; abra outro', en: 'This client was closed; open another' }

/** What to fetch ahead: one dataset, or several. */
export type SyncQuery = Query | QueryParams | string | (Query | QueryParams | string)[]

/** A source of DATASUS files, opened by {@link open}. */
export class Client implements AsyncDisposable {
  #client: NativeClient | null
  readonly #arrow: LoadArrow
  readonly #given: Given
  readonly #warnings = new Warnings()
  /** The folder. */
  readonly source: string

  /** @internal */
  constructor(client: NativeClient, source: string, language: Language, arrow: LoadArrow) {
    this.#client = client
    this.#arrow = arrow
    this.#given = new Given(language)
    this.source = source
  }

  get #native(): NativeClient {
    if (this.#client !== null) return this.#client
    throw conflict(CLOSED, this.#given.language)
  }

  /** The signal among the options of a call. */
  #signal(options: unknown): AbortSignal | undefined {
    return this.#given.signal('signal', this.#given.options('options', options, ['signal']).signal)
  }

  /**
   * Runs a query; settles when its schema is known, and the rows come as they are taken. Files that the lake does not hold
   * yet are converted first.
   */
  async query(query: Query | QueryParams | string, options: CallOptions = {}): Promise<Result> {
    const signal = this.#signal(options)
    const [client, params, { language }] = [this.#native, paramsJson(this.#given, query), this.#given]
    const pending = await begun(signal, language, () => client.beginQuery(params), (late) => late.job.cancel())
    const job = new Job(pending.job, this.#warnings, signal)
    return new Result(await settled(pending.rows(), signal), job, this.#arrow, language, signal)
  }

  /** Starts a query into files and tables. Killed at any instant, it goes on by {@link Client.resume}. */
  async submit(query: Query | QueryParams | string, options: SinkOptions): Promise<Job> {
    const { to, signal: given } = this.#given.options('options', options, ['to', 'signal'])
    const signal = this.#given.signal('signal', given)
    const [client, params, destinations] = [this.#native, paramsJson(this.#given, query), destinationsJson(this.#given, to)]
    const begins = (): Promise<NativeJob> => client.submit(params, destinations)
    return new Job(await begun(signal, this.#given.language, begins, (late) => late.cancel()), this.#warnings, signal)
  }

  /** The same, and waits for the report. */
  async export(query: Query | QueryParams | string, options: SinkOptions & { onEvent?: (event: JobEvent) => void }): Promise<Report> {
    const { onEvent, ...others } = this.#given.options('options', options, ['to', 'signal', 'onEvent'])
    const heard = onEvent === undefined ? undefined : this.#given.function<(event: JobEvent) => void>('onEvent', onEvent)
    const job = await this.submit(query, others as SinkOptions)
    if (heard !== undefined) for await (const event of job.events()) heard(event)
    return job.report()
  }

  /** What earlier processes left: jobs that crashed, failed and can be resumed, or ended with dead letters. */
  async jobs(): Promise<JobInfo[]> {
    return told<JobInfo[]>(await settled(this.#native.jobs()), 'JobInfo')
  }

  /** Goes on with a job where it stopped: nothing is lost, and nothing comes twice. DS-404 or DS-409 where it cannot. */
  async resume(jobId: string, options: CallOptions = {}): Promise<Job> {
    const signal = this.#signal(options)
    const [client, id] = [this.#native, this.#given.text('jobId', jobId)]
    return new Job(await begun(signal, this.#given.language, () => client.resume(id), (late) => late.cancel()), this.#warnings, signal)
  }

  /** Gives a job up, with what it left in its targets. Rows that were published stay. */
  async discard(jobId: string): Promise<void> {
    await settled(this.#native.discard(this.#given.text('jobId', jobId)))
  }

  /** The records of a job that were not taken, each with its reason, source file and row. */
  async deadLetters(jobId: string): Promise<DeadLetter[]> {
    return told<DeadLetter[]>(await settled(this.#native.deadLetters(this.#given.text('jobId', jobId))), 'DeadLetter')
  }

  /** The same as a Parquet file below the output folder; gives how many there are. */
  async exportDeadLetters(jobId: string, path: string): Promise<number> {
    return settled(this.#native.exportDeadLetters(this.#given.text('jobId', jobId), this.#given.text('path', path)))
  }

  /** Sends the dead letters of a completed job to their table once more, after the cause has been mended. */
  async replay(jobId: string): Promise<Replayed> {
    return told<Replayed>(await settled(this.#native.replay(this.#given.text('jobId', jobId))), 'Replayed')
  }

  /** One query, or one for each of several datasets. */
  #syncJson(query: SyncQuery): string {
    if (!Array.isArray(query)) return paramsJson(this.#given, query)
    return `[${query.map((one) => paramsJson(this.#given, one)).join(', ')}]`
  }

  /**
   * Fetches and converts ahead of a query, of one dataset or several; without `dataset`, of all that the source holds. Only
   * `dataset`, `uf` and `competencia` count.
   */
  async sync(query: SyncQuery = {}, options: SyncOptions = {}): Promise<SyncReport> {
    const { onProgress, signal: given } = this.#given.options('options', options, ['signal', 'onProgress'])
    const signal = this.#given.signal('signal', given)
    const heard = onProgress === undefined ? undefined : this.#given.function<(progress: Progress) => void>('onProgress', onProgress)
    const [client, params] = [this.#native, this.#syncJson(query)]
    const call = (stop: NativeStop): Promise<string> => client.sync(params, stop)
    const outcome = await stoppable(signal, this.#given.language, call, heard && ((progress) => heard(progressOf(progress))))
    const report = told<SyncReport>(outcome, 'SyncReport')
    this.#warnings.tell(report.warnings)
    return report
  }

  /**
   * Takes a table of your own, which SQL may read under that name from now on, in the place of one that was given before. Its rows are
   * copied once, and never changed.
   */
  async addTable(name: string, rows: TableRows): Promise<void> {
    const [client, as] = [this.#native, this.#given.text('name', name)]
    await settled(client.addTable(as, Buffer.from(await ipcOf(this.#arrow, this.#given, 'rows', rows))))
  }

  /** What {@link Client.sync} would fetch and convert: files, bytes, what is here, what has changed. No file is fetched. */
  async planSync(query: SyncQuery = {}): Promise<SyncPlan> {
    return told<SyncPlan>(await settled(this.#native.planSync(this.#syncJson(query))), 'SyncPlan')
  }

  /**
   * What is in the columns of a dataset, as far as `query` selects it: NULLs, different values, range, the most frequent with their
   * labels, codes without one, values that did not parse, changes over competências, and `warnings` for who analyses it. Of the query
   * `dataset`, `uf`, `competencia`, `columns`, `where` and options count. `console.table(profileRows(profile))` shows it.
   */
  async profile(query: Query | QueryParams | string, options: CallOptions = {}): Promise<Profile> {
    const signal = this.#signal(options)
    const [client, params] = [this.#native, paramsJson(this.#given, query)]
    return profileOf(await stoppable(signal, this.#given.language, (stop) => client.profile(params, stop)))
  }

  /**
   * Crude and age-standardised rates of events by municipality of residence. `population`: `IBGE-POPSVS` of one year (that of the events),
   * or a dataset whose rows are counted (`SINASC-DN`); `standard`: a table of `tables` with `faixa_etaria` and `populacao`; `per`: 100,000.
   */
  async rates(events: Query | QueryParams | string, options: RatesOptions = {}): Promise<Rates> {
    const given = this.#given
    const { population, standard, per } = given.options('options', options, ['population', 'standard', 'per'])
    const parts = [`"events": ${paramsJson(given, events)}`]
    if (population !== undefined) parts.push(`"population": ${paramsJson(given, population as Query)}`)
    if (standard !== undefined) parts.push(`"standard": ${JSON.stringify(given.text('standard', standard))}`)
    if (per !== undefined) parts.push(`"per": ${JSON.stringify(per)}`)
    return told<Rates>(await settled(this.#native.rates(`{${parts.join(', ')}}`)), 'Rates')
  }

  /**
   * The columns in whose names, meanings or labels all of `words` are, the best first: of one dataset, or of the whole catalogue.
   * Neither case nor accents count.
   */
  search(words: string, dataset?: string): Found[] {
    const given = this.#given
    const [asked, of] = [given.text('words', words), dataset === undefined ? undefined : given.text('dataset', dataset)]
    return told<Found[]>(atOnce(() => this.#native.search(asked, of)), 'Found')
  }

  /** What a query would read, against what is there. Converts nothing. */
  async explain(query: Query | QueryParams | string): Promise<Explain> {
    return told<Explain>(await settled(this.#native.explain(paramsJson(this.#given, query))), 'Explain')
  }

  /**
   * What a query will take: rows, bytes, duration and peak memory, each with an interval that 90 of 100 queries keep. Nothing is fetched,
   * converted or run for it.
   */
  async estimate(query: Query | QueryParams | string): Promise<Estimate> {
    return told<Estimate>(await settled(this.#native.estimate(paramsJson(this.#given, query))), 'Estimate')
  }

  /** The dataset's columns, with types and meanings. */
  schema(dataset: string): DatasetSchema {
    const name = this.#given.text('dataset', dataset)
    return schemaOf(told<CatalogEntry>(atOnce(() => this.#native.schema(name)), 'CatalogEntry'))
  }

  /** Every dataset that there is, whether the source holds any of it or not. */
  catalog(): Known[] {
    return told<Known[]>(atOnce(() => this.#native.catalog()), 'Known')
  }

  /** The lists of labels, built in and of fetched kits: which, of whom, from when. */
  dictionaries(): DictionaryEntry[] {
    return told<DictionaryEntry[]>(atOnce(() => this.#native.dictionaries()), 'DictionaryEntry')
  }

  /**
   * Brings the ministry's kits of labels into the lake: those of a tree (`datasus://`, `ftp://`, `https://`, `s3://`), a zip, or a
   * folder; without one, of the client's own source. DS-404 where there is none.
   */
  async syncDictionaries(source?: string): Promise<DictionarySync> {
    return told<DictionarySync>(await settled(this.#native.syncDictionaries(source)), 'DictionarySync')
  }

  /** What the source holds, by dataset, and the files that no query reads. */
  async datasets(): Promise<Holdings> {
    return told<Holdings>(await settled(this.#native.datasets()), 'Holdings')
  }

  /** What this client has counted, and the state of the process's queue and memory, in Prometheus' text form. */
  metrics(): string {
    return atOnce(() => this.#native.metrics())
  }

  /** The same in OpenMetrics' text form, with a job's `traceId` as exemplar of each bucket of durations and waits. */
  openMetrics(): string {
    return atOnce(() => this.#native.openMetrics())
  }

  /** How full the memory is. */
  get mode(): Mode {
    return atOnce(() => this.#native.mode) as Mode
  }

  /** One job at a time with one thread, for the whole process, until it is turned off. */
  setMaintenance(on: boolean): void {
    const isOn = this.#given.boolean('on', on)
    atOnce(() => this.#native.setMaintenance(isOn))
  }

  /** Lets go of the source; running jobs go on. */
  async close(): Promise<void> {
    this.#client = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
