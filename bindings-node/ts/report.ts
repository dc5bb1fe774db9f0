/** What came of a job, a conversion, a plan: the contract's JSON, with its keys as every language has them. */

/** A source file. */
export interface SourceFile {
  file: string
  rows: number
  sha256: string
  [key: string]: unknown
}

/** The report of a completed job. */
export interface Report {
  contract: number
  status: string
  job_id: string
  trace_id: string
  /** Rows delivered to the sinks. */
  records_processed: number
  /** Where the rows are now, by sink. */
  storage: Record<string, unknown>
  /** `memory_peak_gb` is the process's, in 10^9 bytes. */
  performance: { duration_sec: number; throughput_rps: number; memory_peak_gb: number; [key: string]: unknown }
  /** The memory's mode when the job began. */
  mode: Mode
  /** null: every row was read. */
  sampling: { fraction: number; seed: unknown; method: string; rows_seen: number; rows_kept: number } | null
  dead_letters: number
  attempts: number
  resumed_from: Record<string, number> | null
  cache: string
  sources: SourceFile[]
  warnings: string[]
  [key: string]: unknown
}

/** How full the memory is. */
export type Mode = 'normal' | 'conservative' | 'emergency' | 'maintenance'

/** What {@link Client.sync} did. */
export interface SyncReport {
  files: number
  rows: number
  /** Bytes of the converted Parquet. */
  bytes: number
  duration_sec: number
  sources: SourceFile[]
  bad_values: Record<string, unknown>[]
  /** Columns whose codes were brought into the catalogue's form. */
  normalised: Record<string, unknown>[]
  warnings: string[]
  [key: string]: unknown
}

/** A job that left something. */
export interface JobInfo {
  job_id: string
  standing: 'running' | 'crashed' | 'failed' | 'ended' | 'foreign' | 'unreadable'
  created_at: string
  params: Record<string, unknown>
  destinations: unknown
  error: Record<string, unknown> | null
  dead_letters: number
  pid: number
  host: string
  [key: string]: unknown
}

/** A record that was not taken. */
export interface DeadLetter {
  sink: string
  unit: number
  row: number
  reason: string
  sqlstate: string | null
  source_file: string | null
  source_row: number | null
  column: string | null
  value: string | null
  record: Record<string, unknown>
  trace_id: string
  [key: string]: unknown
}

/** What a query would read, against what is there: files, row groups, columns, SQL. */
export type Explain = Record<string, unknown>

/** A dataset of the catalogue. */
export interface Known {
  dataset: string
  /** Its name in SQL. */
  table: string
  nome: string
  /** Other names that are accepted. */
  aliases: string[]
  /** What a file is of. */
  period: 'month' | 'year'
  /** One file for the whole country. */
  national: boolean
  /** First and last competência that is known to have been published. */
  first: string | null
  last: string | null
  /** Columns that the catalogue knows; with 0 they come from the files. */
  columns: number
}

/** What the source holds, and what of it no query reads. */
export interface Holdings {
  datasets: Held[]
  /** In order of path. */
  ignored: IgnoredFile[]
}

/** A file of the source that no query reads. */
export interface IgnoredFile {
  /** Below the source folder. */
  file: string
  /** Of no dataset, to be extracted first, written by datasus, a link to nothing, or a folder behind too many links. */
  reason: 'name' | 'archive' | 'ours' | 'link' | 'depth'
}

/** What the source holds of one dataset. */
export interface Held {
  dataset: string
  nome: string
  files: number
  /** Bytes of the source files. */
  bytes: number
  ufs: string[]
  /** First and last competência. */
  first: string | null
  last: string | null
}

/** A column of a dataset. */
export interface ColumnInfo {
  name: string
  /** `text`, `integer`, `decimal(p, s)` or `date`. */
  type: string
  /** What it means, in Portuguese; null where no trustworthy source says so. */
  meaning: string | null
  /** Who says so. */
  source: string | null
  /** First and last year of the files that have it. */
  years: [number, number] | null
  /**
   * How its codes are written in every year: `digits(7)` (with the zeros on the left), `municipality` (six digits), `year` (four
   * digits); null: as the files have them.
   */
  form: string | null
  /** Where the code itself changed: what it was for each stretch of years, oldest first. */
  codings: Coding[]
}

/** What a column's codes were for some years. */
export interface Coding {
  /** Competência of the files, `YYYYMM` or `YYYY`; null: from the first. */
  from: string | null
  /** null: to this day. */
  to: string | null
  form: string | null
  /** In Portuguese. */
  meaning: string
  source: string
}

/** A dataset as the catalogue knows it. Competência is the month of processing; the event's dates are `eventDates`. */
export interface DatasetSchema {
  dataset: string
  nome: string
  eventDates: string[]
  columns: ColumnInfo[]
  /** Everything that the catalogue knows, in the contract's form. */
  catalog: Record<string, unknown>
}

interface CatalogForm {
  dataset: string
  nome: string
  event_dates?: string[]
  columns: {
    name: string
    kind: string | Record<string, { precision: number; scale: number }>
    meaning?: { pt?: string; source?: string } | null
    eras?: { first_year: number; last_year: number }[]
    form?: { form: string } | null
    codings?: Coding[]
  }[]
}

/** @internal */
export function schemaOf(form: CatalogForm): DatasetSchema {
  const columns = form.columns.map(({ name, kind, meaning, eras = [], form, codings = [] }): ColumnInfo => {
    const [type, of] = typeof kind === 'string' ? [kind, undefined] : (Object.entries(kind)[0] ?? ['text', undefined])
    const [first, last] = [eras[0], eras.at(-1)]
    return {
      name,
      type: type === 'decimal' && of !== undefined ? `decimal(${of.precision}, ${of.scale})` : type,
      meaning: meaning?.pt ?? null,
      source: meaning?.source ?? null,
      years: first === undefined || last === undefined ? null : [first.first_year, last.last_year],
      form: form?.form ?? null,
      codings,
    }
  })
  return { dataset: form.dataset, nome: form.nome, eventDates: form.event_dates ?? [], columns, catalog: form as never }
}
