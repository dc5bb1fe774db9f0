/** A query at work. */

import type { Report, Status } from './contract'
import { atOnce, settled } from './errors'
import type { NativeJob, Progress as NativeProgress } from './native'
import { told } from './told'
import type { Warnings } from './warnings'

/** How far a job has come. */
export interface Progress {
  /** Rows delivered to the sinks. */
  rows: number
  /** Bytes of source files read for conversion; while they are downloaded, those that have come. */
  bytes: number
  /** Files converted; while they are downloaded, those that have come. */
  filesDone: number
  filesTotal: number
  /** Share of the phase's work done, from 0 to 1, and 1 once the job is complete; null while it cannot be told. */
  fraction: number | null
  /** What the job is busy with: the queue, files that come from elsewhere, files that become Parquet, the engine, or rows that go into files and tables. */
  phase: 'waiting' | 'downloading' | 'converting' | 'running' | 'loading'
  /** Rows that there will be; null where only the end will tell. */
  rowsTotal: number | null
  /** Seconds since the job was submitted, until its end. */
  elapsedSec: number
  /** Seconds that the phase will take at its pace so far; null while that cannot be told. */
  remainingSec: number | null
  /** Bytes that are downloaded or converted in this phase, all in all; null in others. */
  bytesTotal: number | null
  /** Bytes downloaded a second, on average; null in other phases. */
  bytesPerSec: number | null
}

/** A new status, or progress. */
export interface JobEvent {
  status: Status
  progress: Progress
}

/** The same with null where nothing is told. @internal */
export function progressOf(native: NativeProgress): Progress {
  return {
    ...native,
    phase: native.phase as Progress['phase'],
    fraction: native.fraction ?? null,
    rowsTotal: native.rowsTotal ?? null,
    remainingSec: native.remainingSec ?? null,
    bytesTotal: native.bytesTotal ?? null,
    bytesPerSec: native.bytesPerSec ?? null,
  }
}

/**
 * A handle on a job; letting go of it does not stop it, and it keeps no process alive: wait for its {@link Job.report}.
 *
 * `for await (const event of job)` follows it.
 */
export class Job implements AsyncIterable<JobEvent> {
  readonly #job: NativeJob
  readonly #signal: AbortSignal | undefined
  readonly #warnings: Warnings

  /** @internal */
  constructor(job: NativeJob, warnings: Warnings, signal?: AbortSignal) {
    this.#job = job
    this.#warnings = warnings
    this.#signal = signal
    if (signal === undefined) return
    const stop = (): void => job.cancel()
    if (signal.aborted) {
      stop()
      return
    }
    signal.addEventListener('abort', stop, { once: true })
    const done = (): void => signal.removeEventListener('abort', stop)
    job.report().then(done, done)
  }

  /** A ULID: jobs sort by the time of their submission. */
  get id(): string {
    return this.#job.id
  }

  /** Ties the job to its log lines, errors and report. */
  get traceId(): string {
    return this.#job.traceId
  }

  get status(): Status {
    return this.#job.status as Status
  }

  /** True once it has completed, failed or been cancelled. */
  get done(): boolean {
    return ['completed', 'failed', 'cancelled'].includes(this.status)
  }

  get progress(): Progress {
    return progressOf(this.#job.progress)
  }

  /** Asks the job to stop; it ends with {@link Cancelled} within 100 ms, and nothing of it stays. */
  cancel(): void {
    atOnce(() => this.#job.cancel())
  }

  /** The same, but what it has written into files and tables is kept, and its error names it: `client.resume` goes on with it. */
  interrupt(): void {
    atOnce(() => this.#job.interrupt())
  }

  /** Waits for the end. The job's own error where it failed or was cancelled. */
  async report(): Promise<Report> {
    const report = told<Report>(await settled(this.#job.report(), this.#signal), 'Report')
    this.#warnings.tell(report.warnings, report.traceId)
    return report
  }

  /** Waits for the end, and tells the report's warnings as the process's. A failure is told to whoever waits for it. @internal */
  async warn(): Promise<void> {
    this.#warnings.tell(await this.#job.warnings(), this.traceId)
  }

  /** Each status in order, and progress ten times a second at most; ends after the final status. */
  async *events(): AsyncGenerator<JobEvent, void, undefined> {
    const events = atOnce(() => this.#job.events())
    for (let event = await settled(events.next()); event !== null; event = await settled(events.next())) {
      yield { status: event.status as Status, progress: progressOf(event.progress) }
    }
    await this.warn()
  }

  [Symbol.asyncIterator](): AsyncGenerator<JobEvent, void, undefined> {
    return this.events()
  }

  toJSON(): Record<string, unknown> {
    return { id: this.id, traceId: this.traceId, status: this.status, progress: this.progress }
  }
}
