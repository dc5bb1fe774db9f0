/** Errors: one class for each family of codes, all under {@link DatasusError}. */

/** One thing that is wrong. */
export interface Problem {
  error_code: string
  detail: string
  diagnostic: Record<string, unknown>
}

interface Form extends Problem {
  status?: string
  problems?: Problem[]
  retryable?: boolean
  trace_id?: string | null
  context?: Record<string, unknown>
}

/** What went wrong, in the same shape in every language. */
export class DatasusError extends Error {
  /** Stable code, such as `DS-422`. */
  readonly code: string
  /** The sentence for people, in the client's language. */
  readonly detail: string
  /** Facts for programs: `expected_format`, `received`, `valid_examples`, `did_you_mean`, ... */
  readonly diagnostic: Record<string, unknown>
  /** Every problem found, the first included. */
  readonly problems: Problem[]
  /** True where the same call may succeed later, unchanged. */
  readonly retryable: boolean
  /** Ties the error to log lines and reports. */
  readonly traceId: string | null
  /** Where it happened, as far as it is known: `stage`, `file`, `offset`, `row`, `column`, `sqlstate`. */
  readonly context: Record<string, unknown>
  readonly #form: Form

  constructor(form: Form, options?: ErrorOptions) {
    const all = form.problems ?? []
    const lines = all.length > 1 ? all.map((problem) => `\n- ${problem.error_code}: ${problem.detail}`) : []
    super(`${form.error_code}: ${form.detail}${lines.join('')}`, options)
    this.name = new.target.name
    this.code = form.error_code
    this.detail = form.detail
    this.diagnostic = form.diagnostic ?? {}
    const own = { error_code: form.error_code, detail: form.detail, diagnostic: this.diagnostic }
    this.problems = all.length > 0 ? all : [own]
    this.retryable = form.retryable ?? false
    this.traceId = form.trace_id ?? null
    this.context = form.context ?? {}
    this.#form = form
  }

  /** The error in the contract's JSON form, as every language has it. */
  toJSON(): Record<string, unknown> {
    return { ...this.#form }
  }
}

/** A parameter is wrong, or unknown, or the SQL of the user's fails (DS-400, DS-422). */
export class InvalidParams extends DatasusError {}
/** Credentials were refused (DS-401). */
export class CredentialsRefused extends DatasusError {}
/** A path or function outside what the client may touch (DS-403). */
export class Forbidden extends DatasusError {}
/** No such dataset, table, file or job (DS-404). */
export class NotFound extends DatasusError {}
/** The target has another shape, or a resume cannot be exact (DS-409). */
export class Conflict extends DatasusError {}
/** More rows than the sink takes: a CSV file takes 10 million (DS-413). */
export class TooManyRows extends DatasusError {}
/** More records were refused than the job allows (DS-424). */
export class TooManyDeadLetters extends DatasusError {}
/** The queue is full; `diagnostic.retry_after_sec` says when to come back (DS-429). */
export class QueueFull extends DatasusError {}
/** A source file is damaged; `context` has file and offset (DS-460). */
export class DamagedFile extends DatasusError {}
/** Used in a forked process (DS-498). */
export class ForkError extends DatasusError {}
/** The job was cancelled; `cause` is the reason of the signal that did it (DS-499). */
export class Cancelled extends DatasusError {}
/** A defect of datasus; please report it with its `traceId` (DS-500). */
export class InternalError extends DatasusError {}
/** A source, store or database is unreachable or broke off (DS-502). */
export class Unreachable extends DatasusError {}
/** Memory is exhausted, or did not become free in time (DS-503). */
export class OutOfMemory extends DatasusError {}
/** The deadline passed (DS-504). */
export class DeadlinePassed extends DatasusError {}
/** The disk is full (DS-507). */
export class DiskFull extends DatasusError {}

const CLASSES: Record<string, typeof DatasusError> = {
  'DS-400': InvalidParams,
  'DS-401': CredentialsRefused,
  'DS-403': Forbidden,
  'DS-404': NotFound,
  'DS-409': Conflict,
  'DS-413': TooManyRows,
  'DS-422': InvalidParams,
  'DS-424': TooManyDeadLetters,
  'DS-429': QueueFull,
  'DS-460': DamagedFile,
  'DS-498': ForkError,
  'DS-499': Cancelled,
  'DS-500': InternalError,
  'DS-502': Unreachable,
  'DS-503': OutOfMemory,
  'DS-504': DeadlinePassed,
  'DS-507': DiskFull,
}

/** What the addon threw, as the error of its code. */
export function typed(thrown: unknown, cause?: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(String(thrown))
  if (thrown instanceof DatasusError || !thrown.message.startsWith('{')) return thrown
  const form = JSON.parse(thrown.message) as Form
  const kind = CLASSES[form.error_code] ?? DatasusError
  return new kind(form, cause === undefined ? undefined : { cause })
}

/** Waits for a call of the addon. */
export async function settled<T>(call: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw typed(error, signal?.aborted ? signal.reason : undefined)
  }
}

/** Makes a call of the addon that answers at once. */
export function atOnce<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw typed(error)
  }
}

/** What an aborted signal makes of a call. */
export function abortedBy(signal: AbortSignal): Cancelled {
  const detail = 'O trabalho foi cancelado por quem o pediu'
  return new Cancelled({ status: 'error', error_code: 'DS-499', detail, diagnostic: {} }, { cause: signal.reason })
}

/** Nothing begins whose signal was aborted before. */
export function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal)
}
