/** Rows, read once, as they come. */

import { Readable } from 'node:stream'
import type * as Arrow from 'apache-arrow'

import { Builder, loaded, type LoadArrow } from './arrow'
import type { Csv } from './contract'
import { abortedBy, atOnce, Conflict, settled } from './errors'
import { Job } from './job'
import type { NativeRows } from './native'
import { Objects, type ArrayOptions } from './objects'
import { exactJson, snakeKeys, type CamelKeys } from './params'
import type { Report } from './report'

/** A column of a result: its name, and its type as Arrow calls it. */
export interface ResultColumn {
  name: string
  type: string
  nullable: boolean
}

/** How rows are written to a stream. */
export type StreamFormat =
  | ({ format: 'csv' } & Omit<CamelKeys<Csv>, 'path' | 'overwrite' | 'zstd'>)
  | {
      format: 'ndjson'
      /** Decimals and 64-bit integers as JSON numbers with all their digits (default), or as text: `JSON.parse` rounds numbers. */
      numbers?: 'number' | 'text'
    }
  | { format: 'arrow' }

/** The media type of each format, for an HTTP answer. */
export const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
  arrow: 'application/vnd.apache.arrow.stream',
} as const

const READ_ONCE = 'As linhas deste resultado já foram pedidas; repita a consulta para lê-las outra vez'

/** Bytes of a piece of a stream, at most. */
const PIECE = 1 << 20

/** What a query's rows and a file's have in common. */
export class Rows implements AsyncIterable<Arrow.RecordBatch>, AsyncDisposable {
  readonly #rows: NativeRows
  readonly #arrow: LoadArrow
  readonly #signal: AbortSignal | undefined
  #begun = false
  readonly columns: readonly ResultColumn[]

  /** @internal */
  constructor(rows: NativeRows, arrow: LoadArrow, signal?: AbortSignal) {
    this.#rows = rows
    this.#arrow = arrow
    this.#signal = signal
    this.columns = rows.columns.map(({ name, kind, nullable }) => ({ name, type: kind, nullable }))
  }

  /** True while there are rows that nobody has read. */
  protected get waits(): boolean {
    return this.#rows.isWaiting
  }

  /** Rows are read once, by one reader: another would get what the first left, and take it for all. */
  #begin(): void {
    if (this.#begun) throw new Conflict({ error_code: 'DS-409', detail: READ_ONCE, diagnostic: {} })
    this.#begun = true
  }

  async #builder(): Promise<Builder> {
    this.#begin()
    return new Builder(await loaded(this.#arrow), atOnce(() => this.#rows.schema()))
  }

  async *#batches(builder: Builder): AsyncGenerator<Arrow.RecordBatch, void, undefined> {
    let complete = false
    try {
      for (let handed = await this.#next(); handed !== null; handed = await this.#next()) yield builder.batch(handed)
      complete = true
    } finally {
      // A loop that was left lets the rest go.
      if (!complete) await this.close()
    }
  }

  #next(): ReturnType<NativeRows['next']> {
    return settled(this.#rows.next(), this.#signal)
  }

  /** Record batches over the addon's memory, without a copy. Leaving the loop cancels the query. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Arrow.RecordBatch, void, undefined> {
    yield* this.#batches(await this.#builder())
  }

  /** All rows as a Table of apache-arrow, over the addon's memory, without a copy. */
  async toTable(): Promise<Arrow.Table> {
    const builder = await this.#builder()
    const batches: Arrow.RecordBatch[] = []
    for await (const batch of this.#batches(builder)) batches.push(batch)
    const { Table } = await loaded(this.#arrow)
    return new Table(builder.schema, batches)
  }

  /** All rows as plain objects, exact: 64-bit integers are BigInt, decimals and dates are text; see {@link ArrayOptions}. */
  async toArray(options: ArrayOptions = {}): Promise<Record<string, unknown>[]> {
    const objects = new Objects(this.#rows.columns, options)
    const rows: Record<string, unknown>[] = []
    for await (const lines of this.#bytes({ ndjson: { numbers: 'text' } })) await objects.add(lines, rows)
    return rows
  }

  /** All rows as an Arrow IPC stream. */
  async toIPC(): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const piece of this.#bytes('arrow')) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  /**
   * The rows as bytes, written off the event loop as fast as they are read. Destroyed before its end (a client went away),
   * it cancels the query; where the query fails, it emits the error and never ends short.
   */
  toReadable(how: StreamFormat): Readable {
    const { format, ...options } = how
    this.#encodeAs(format === 'arrow' ? format : { [format]: snakeKeys(options) })
    const next = (): Promise<Buffer | null> => settled(this.#rows.nextBytes(), this.#signal)
    const signal = this.#signal
    let [bytes, sent]: [Buffer, number] = [Buffer.alloc(0), 0]
    const readable = new Readable({
      highWaterMark: PIECE,
      read() {
        if (sent < bytes.length) {
          // A batch is some megabytes; a socket wants less at a time.
          this.push(bytes.subarray(sent, (sent += PIECE)))
          return
        }
        next().then(
          (some) => {
            if (some === null) return this.push(null)
            ;[bytes, sent] = [some, PIECE]
            return this.push(bytes.subarray(0, PIECE))
          },
          (error: Error) => this.destroy(error),
        )
      },
      destroy: (error, done) => {
        bytes = Buffer.alloc(0)
        this.close().then(
          () => done(error),
          () => done(error),
        )
      },
    })
    if (signal !== undefined) {
      // Also where nobody reads at the moment.
      const abort = (): unknown => readable.destroy(abortedBy(signal))
      signal.addEventListener('abort', abort, { once: true })
      readable.once('close', () => signal.removeEventListener('abort', abort))
    }
    return readable
  }

  #encodeAs(format: unknown): void {
    if (!this.#begun) atOnce(() => this.#rows.encodeAs(exactJson(format)))
    this.#begin()
  }

  async *#bytes(format: unknown): AsyncGenerator<Buffer, void, undefined> {
    this.#encodeAs(format)
    const next = (): Promise<Buffer | null> => settled(this.#rows.nextBytes(), this.#signal)
    for (let bytes = await next(); bytes !== null; bytes = await next()) yield bytes
  }

  /** Lets go of the rows that were not taken; the query is cancelled. */
  async close(): Promise<void> {
    await settled(this.#rows.close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/**
 * The rows of a query: read once, as they come. A damaged file or a cancelled job is an error, never a short answer.
 *
 * `for await (const batch of result)`, or all of them by `toTable()`, `toArray()`, `toIPC()`, or as bytes by `toReadable()`.
 */
export class Result extends Rows {
  /** The job that makes the rows. */
  readonly job: Job
  readonly #sampling: Report['sampling']

  /** @internal */
  constructor(rows: NativeRows, job: Job, arrow: LoadArrow, signal?: AbortSignal) {
    super(rows, arrow, signal)
    this.job = job
    this.#sampling = JSON.parse(rows.sampling ?? 'null') as Report['sampling']
  }

  /** null: all rows are read. Else they are of a sample, which the query or the client asked for; known before the first row. */
  get sampling(): Report['sampling'] {
    return this.#sampling
  }

  /** The report of the job, once its rows are taken. */
  async report(): Promise<Report> {
    // The job waits for a reader, and we would wait for the job.
    if (this.waits) throw new Error('datasus: the report comes after the rows: take them first, or close() the result')
    return this.job.report()
  }
}
