/** Rows, read once, as they come. */

import type { Readable } from 'node:stream'
import type * as Arrow from 'apache-arrow'

import { Builder, loaded, type LoadArrow } from './arrow'
import type { Csv, Report, Sampled } from './contract'
import { abortedBy, atOnce, conflict, settled, type Language } from './errors'
import { exactJson, Given, type Plain } from './given'
import { Job } from './job'
import type { NativeRows } from './native'
import { arrayOptions, Objects, type ArrayOptions } from './objects'
import { settings, type CamelKeys } from './params'
import { RowsReadable } from './readable'
import { told } from './told'

/** A column of a result: its name, and its type as Arrow calls it. */
export interface ResultColumn {
  name: string
  type: string
  nullable: boolean
}

/** How rows are written to a stream; with `zstd`, a level from 1 to 22, in one frame, as `Content-Encoding: zstd` wants it. */
export type StreamFormat =
  | ({ format: 'csv' } & Omit<CamelKeys<Csv>, 'path' | 'overwrite'>)
  | {
      format: 'ndjson'
      /** Decimals and 64-bit integers as JSON numbers with all their digits (default), or as text: `JSON.parse` rounds numbers. */
      numbers?: 'number' | 'text'
      zstd?: number | null
    }
  | { format: 'arrow'; zstd?: number | null }

/** The media type of each format, for an HTTP answer. */
export const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
  arrow: 'application/vnd.apache.arrow.stream',
} as const

const READ_ONCE = {
  pt: 'As linhas deste resultado já foram pedidas; repita a consulta para lê-las outra vez',
  en: 'The rows of this result were asked for already; run the query again to read them once more',
}
const REPORT_LAST = {
  pt: 'O relatório vem depois das linhas: leia-as antes, ou feche o resultado com close()',
  en: 'The report comes after the rows: take them first, or close() the result',
}

/** What a query's rows and a file's have in common. */
export class Rows implements AsyncIterable<Arrow.RecordBatch>, AsyncDisposable {
  readonly #rows: NativeRows
  readonly #arrow: LoadArrow
  readonly #signal: AbortSignal | undefined
  /** @internal */
  protected readonly language: Language
  #begun = false
  readonly columns: readonly ResultColumn[]

  /** @internal */
  constructor(rows: NativeRows, arrow: LoadArrow, language: Language, signal?: AbortSignal) {
    this.#rows = rows
    this.#arrow = arrow
    this.language = language
    this.#signal = signal
    this.columns = rows.columns.map(({ name, kind, nullable }) => ({ name, type: kind, nullable }))
  }

  /** True while there are rows that nobody has read. */
  protected get waits(): boolean {
    return this.#rows.isWaiting
  }

  /** Called once, after the last row. @internal */
  protected ended(): void {}

  /** Rows are read once, by one reader: another would get what the first left, and take it for all. */
  #begin(): void {
    if (this.#begun) throw conflict(READ_ONCE, this.language)
    this.#begun = true
  }

  async #builder(): Promise<Builder> {
    this.#begin()
    return new Builder(await loaded(this.#arrow, this.language), atOnce(() => this.#rows.schema()), this.language)
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

  async #next(): ReturnType<NativeRows['next']> {
    const handed = await settled(this.#rows.next(), this.#signal)
    if (handed === null) this.ended()
    return handed
  }

  async #nextBytes(): ReturnType<NativeRows['nextBytes']> {
    const bytes = await settled(this.#rows.nextBytes(), this.#signal)
    if (bytes === null) this.ended()
    return bytes
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
    const { Table } = await loaded(this.#arrow, this.language)
    return new Table(builder.schema, batches)
  }

  /** All rows as plain objects, exact: 64-bit integers are BigInt, decimals and dates are text; see {@link ArrayOptions}. */
  async toArray(options: ArrayOptions = {}): Promise<Record<string, unknown>[]> {
    const objects = new Objects(this.#rows.columns, arrayOptions(new Given(this.language), options))
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
   * it cancels the query; where the query fails, it emits the error and never ends short. For an HTTP answer:
   * `await pipeline(result.toReadable({ format: 'csv' }), response, { signal })` of `node:stream/promises`.
   */
  toReadable(how: StreamFormat): Readable {
    const given = new Given(this.language)
    const example = { pt: 'um formato', en: 'a format', examples: ["{ format: 'csv' }", "{ format: 'ndjson' }", "{ format: 'arrow' }"] }
    const { format, ...options } = Object.fromEntries(given.entries('toReadable', how, example))
    const name = given.text('format', format, example)
    const form = settings(given, 'toReadable', options)
    this.#encodeAs(name === 'arrow' && Object.keys(form).length === 0 ? name : { [name]: form })
    const signal = this.#signal
    const readable = new RowsReadable({ next: () => this.#nextBytes(), close: () => this.close() })
    if (signal !== undefined) {
      // Also where nobody reads at the moment.
      const abort = (): unknown => readable.destroy(abortedBy(signal, this.language))
      signal.addEventListener('abort', abort, { once: true })
      readable.once('close', () => signal.removeEventListener('abort', abort))
    }
    return readable
  }

  #encodeAs(format: Plain): void {
    if (!this.#begun) atOnce(() => this.#rows.encodeAs(exactJson(format)))
    this.#begin()
  }

  async *#bytes(format: Plain): AsyncGenerator<Buffer, void, undefined> {
    this.#encodeAs(format)
    for (let bytes = await this.#nextBytes(); bytes !== null; bytes = await this.#nextBytes()) yield bytes
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
  /** null: all rows are read. Else they are of a sample, which the query or the client asked for; known before the first row. */
  readonly sampling: Report['sampling']

  /** @internal */
  constructor(rows: NativeRows, job: Job, arrow: LoadArrow, language: Language, signal?: AbortSignal) {
    super(rows, arrow, language, signal)
    this.job = job
    this.sampling = told<Sampled | null>(rows.sampling ?? 'null', 'Sampled')
  }

  /** @internal */
  protected override ended(): void {
    void this.job.warn()
  }

  /** The report of the job, once its rows are taken. */
  async report(): Promise<Report> {
    // The job waits for a reader, and we would wait for the job.
    if (this.waits) throw conflict(REPORT_LAST, this.language)
    return this.job.report()
  }
}
