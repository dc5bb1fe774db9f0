/** Errors: one class for each family of codes, all under {@link DatasusError}. */

import { randomBytes } from 'node:crypto'

import type { Problem } from './contract'
import { native } from './native'
import { toldOf } from './told'

/** Language of the texts for people. */
export type Language = 'pt' | 'en'

/** One sentence in both languages. @internal */
export interface Words {
  pt: string
  en: string
}

/** The language that was asked for, or that of `DATASUS_LANGUAGE`, or Portuguese. @internal */
export function spoken(asked?: unknown): Language {
  return (asked ?? process.env['DATASUS_LANGUAGE']) === 'en' ? 'en' : 'pt'
}

interface ProblemForm {
  error_code: string
  detail: string
  diagnostic: Record<string, unknown>
}

interface Form extends ProblemForm {
  status?: string
  problems?: ProblemForm[]
  retryable?: boolean
  language?: Language
  trace_id?: string | null
  context?: Record<string, unknown>
}

/** By which another copy of this module (another realm, ESM beside a bundle) knows our errors: the names of their classes. */
const KINDS: unique symbol = Symbol.for('datasus.error.kinds') as never

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
  /** Language of the texts. */
  readonly language: Language
  /** Ties the error to log lines and reports. */
  readonly traceId: string
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
    this.problems = toldOf<Problem[]>(all.length > 0 ? all : [own], 'Problem')
    this.retryable = form.retryable ?? false
    this.language = form.language ?? spoken()
    this.traceId = form.trace_id ?? randomBytes(4).toString('hex')
    this.context = form.context ?? {}
    this.#form = { ...form, language: this.language, trace_id: this.traceId }
  }

  /** The error in the contract's JSON form, as every language has it. */
  toJSON(): Record<string, unknown> {
    return { ...this.#form }
  }

  /** @internal */
  get [KINDS](): readonly string[] {
    const names: string[] = []
    for (let kind: unknown = this.constructor; typeof kind === 'function'; kind = Object.getPrototypeOf(kind)) {
      if (OURS.has(kind)) names.push(kind.name)
    }
    return names
  }

  /** Also true of an error of another copy of this module. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true
    return OURS.has(this) && kindsOf(value).includes(this.name)
  }
}

function kindsOf(value: unknown): readonly unknown[] {
  const kinds: unknown = typeof value === 'object' && value !== null ? (value as { [KINDS]?: unknown })[KINDS] : undefined
  return Array.isArray(kinds) ? kinds : []
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

const OURS = new Set<unknown>([DatasusError, ...Object.values(CLASSES)])

/** What the addon threw, as the error of its code. It may be an error of another realm than ours: Jest runs tests in such. */
export function typed(thrown: unknown, cause?: unknown): Error {
  if (thrown instanceof DatasusError) return thrown
  const { message } = Object(thrown) as { message?: unknown }
  const form = typeof message === 'string' ? formOf(message) : undefined
  if (form !== undefined) {
    const kind = CLASSES[form.error_code] ?? DatasusError
    return new kind(form, cause === undefined ? undefined : { cause })
  }
  return defect({ pt: String(message ?? thrown), en: String(message ?? thrown) }, spoken(), thrown)
}

function formOf(message: string): Form | undefined {
  try {
    const form = JSON.parse(message) as Form | null
    return typeof form?.error_code === 'string' && typeof form.detail === 'string' ? form : undefined
  } catch {
    return undefined
  }
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

function form(error_code: string, detail: Words, language: Language, diagnostic: Record<string, unknown> = {}): Form {
  // What came is quoted, and may be an address with its password.
  const facts = Object.entries(diagnostic).map(([key, value]) => [key, typeof value === 'string' ? native.masked(value) : value])
  return { status: 'error', error_code, detail: native.masked(detail[language]), diagnostic: Object.fromEntries(facts) as typeof diagnostic, language }
}

/** A parameter that cannot be meant so; `diagnostic` has its facts. @internal */
export function invalid(detail: Words, language: Language, diagnostic: Record<string, unknown>, cause?: unknown): InvalidParams {
  return new InvalidParams(form('DS-422', detail, language, diagnostic), cause === undefined ? undefined : { cause })
}

/** A call that does not fit the state of what it is made on. @internal */
export function conflict(detail: Words, language: Language): Conflict {
  return new Conflict(form('DS-409', detail, language))
}

/** What has to be installed is not there. @internal */
export function notFound(detail: Words, language: Language, cause: unknown): NotFound {
  return new NotFound(form('DS-404', detail, language), { cause })
}

/** A defect of ours. @internal */
export function defect(what: Words, language: Language, cause?: unknown): InternalError {
  const detail = {
    pt: `Defeito interno do datasus: ${what.pt}. Por favor, relate-o com o traceId`,
    en: `A defect inside datasus: ${what.en}. Please report it with the traceId`,
  }
  return new InternalError(form('DS-500', detail, language), cause === undefined ? undefined : { cause })
}

/** What an aborted signal makes of a call. @internal */
export function abortedBy(signal: AbortSignal, language: Language): Cancelled {
  const detail = { pt: 'O trabalho foi cancelado por quem o pediu', en: 'The work was cancelled by who asked for it' }
  return new Cancelled(form('DS-499', detail, language), { cause: signal.reason })
}

/** Nothing begins whose signal was aborted before. @internal */
export function refuseAborted(signal: AbortSignal | undefined, language: Language): void {
  if (signal?.aborted) throw abortedBy(signal, language)
}
