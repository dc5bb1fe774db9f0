/** The contract, as the core has it. Generated (`make contract`): change the core instead. */

/** The report of a completed job. */
export interface Report {
  /** Version of the contract. */
  contract: number
  /** Of the job; a report is of one that has completed. */
  status: Status
  /** A ULID: jobs sort by the time of their submission. */
  jobId: string
  /** Ties the job to its log lines and errors. */
  traceId: string
  /** Rows delivered to the sinks. */
  recordsProcessed: number
  /** Where the rows are now: by sink, the file relative to the output folder. */
  storage: Record<string, Storage>
  /** Times, sizes and memory. */
  performance: Performance
  /** The memory's when the job began. */
  mode: Mode
  /** None: every row was read. Else the answer is of these rows of the sources alone, and nothing is scaled. */
  sampling: Sampled | null
  /** Records that were not taken; each is kept with its reason. */
  deadLetters: number
  /** How often the job was begun. */
  attempts: number
  /** Rows that each sink held from earlier attempts when the last one began; none where it began with nothing. */
  resumedFrom: Record<string, number> | null
  /** Whether the answer came from a cache. A sample never enters one. */
  cache: CacheUse
  /** The files that were read, in the order of the answer. */
  sources: SourceFile[]
  /** Row groups of `sources`: those that were read, of all; the others were ruled out by their statistics or by a condition on the file, or not come to (`limit`, rows that an earlier attempt had). Of a query that DuckDB runs, those that the conditions of the query leave (of SQL, all). A kept answer reads none. */
  rowGroups: Share
  /** Compressed bytes of the column chunks in them: of columns and row groups that were read, of all. */
  bytes: Share
  /** Files that were asked for by name and are not there (`missing = warn`). */
  missing?: Missing[]
  /** Files left out because they could not be read (`partial = true`). */
  unreadable?: Unreadable[]
  /** Fields that did not parse and are NULL in the lake, by file and column. */
  badValues?: BadValue[]
  /** Codes that stood in the sources in another form than the catalogue's, by column that the query reads; the lake and the answer hold that form. */
  normalised?: NormalisedCodes[]
  /** Codes of the files that were read, before conditions, for which the list of their label has none; NULL codes are not among them. */
  unlabelled?: Unlabelled[]
  /** What ran on a cluster (`engine`), and what it took there; none where no statement ran on one. */
  cluster?: ClusterUse | null
  /** Indexes of PostgreSQL tables that were wanted, each with why, and what became of it. */
  indexes?: TableIndex[]
  /** In the client's language. */
  warnings: string[]
}

/**
 * Where a job stands.
 *
 * - `queued`: It waits for a slot.
 * - `running`: It is at work.
 * - `parked`: It waits for its consumer, and others use its slot.
 * - `retrying`: It waits before an attempt: before another one, or for memory before the first.
 * - `completed`: Everything is where it should be; final.
 * - `failed`: It ended with an error; final.
 * - `cancelled`: It was stopped; final.
 */
export type Status = 'queued' | 'running' | 'parked' | 'retrying' | 'completed' | 'failed' | 'cancelled'

/** One file, or several of the same kind. */
export type Storage = string | string[]

/** What a job took. */
export interface Performance {
  /** From submission to the last durable byte. */
  durationSec: number
  /** `records_processed` by the unrounded duration. */
  throughputRps: number
  /** The process's peak resident memory during the job, in 10^9 bytes. */
  memoryPeakGb: number
}

/**
 * How full the memory is, and with it how carefully the process works.
 *
 * - `normal`: Full speed.
 * - `conservative`: From 70 % on: smaller batches, fewer workers, smaller new leases; memory is given back.
 * - `emergency`: From 85 % on: a job that starts now is sampled, spilled, made to wait or refused.
 * - `maintenance`: By hand: one job at a time, one thread.
 */
export type Mode = 'normal' | 'conservative' | 'emergency' | 'maintenance'

/** The sample that an answer is of. */
export interface Sampled {
  /** Share of the source rows, from 0 to 1. */
  fraction: number
  /** Chooses the rows: the same seed, the same rows. */
  seed: number
  /** How a row's number and the seed decide. */
  method: string
  /** Rows of the source files, before conditions. */
  rowsSeen: number
  /** Those of them that are in the sample, before conditions. */
  rowsKept: number
}

/**
 * Whether an answer came from a cache.
 *
 * - `off`: None was asked: the query or the client says so, or the answer is one that is not kept.
 * - `miss`: It was run, and its answer is kept where it is not too large.
 * - `hit-l1`: From this machine: memory, or the folder of answers, or another job that asked the same at the same time.
 * - `hit-l2`: From Redis.
 */
export type CacheUse = 'off' | 'miss' | 'hit-l1' | 'hit-l2'

/** A source file of the answer. */
export interface SourceFile {
  /** Its name. */
  file: string
  /** Rows in the file, before filters. */
  rows: number
  /** None for the user's own Parquet, which is not hashed. */
  sha256: string | null
  /** Whether its checksum was right. */
  crc: CrcState
  /** True: the ministry has not closed it yet; it lies in a folder PRELIM. */
  preliminary?: boolean
  /** The address of the source that it was fetched from; none for files of this machine. */
  origin?: string | null
  /** Of a population of IBGE's: a series is published anew with other numbers for the same year. */
  series?: Series | null
}

/**
 * Whether the CRC-32 was right.
 *
 * - `ok`: It matches the whole content.
 * - `unchecked`: It was not looked at, the file was not read to its end, or it did not match.
 * - `absent`: DBF has none, nor has most Parquet.
 */
export type CrcState = 'ok' | 'unchecked' | 'absent'

/** Which series a population is of, and which revision of it. */
export interface Series {
  /** `IBGE-POPSVS`, `IBGE-POPTCU`, `IBGE-POP`, ... */
  dataset: string
  /** What the series is, in Portuguese. */
  name: string
  /** The file's own day (`2025-01-07`), in UTC, as its server or the system tells it. */
  fileDate?: string | null
  /** The day of the last change that the header of the DBF says (`2024-12-12`); none for other kinds of files, and for those that an earlier version converted. */
  headerDate?: string | null
}

/** Read, of those present. */
export interface Share {
  /** What the query reads. */
  read: number
  /** What is there. */
  present: number
}

/** A file that was asked for by name and is not in the source. */
export interface Missing {
  /** Of which dataset. */
  dataset: string
  /** The UF, where it is one. */
  uf?: string | null
  /** The competência, where it is one. */
  competencia?: string | null
  /** Of a file whose later parts are there. */
  part?: string | null
}

/** A file that could not be read, and why. */
export interface Unreadable {
  /** The source file. */
  file: string
  /** `DS-460`, ... */
  errorCode: string
  /** In the client's language. */
  detail: string
}

/** A column of a file in which some fields did not parse. */
export interface BadValue {
  /** The source file. */
  file: string
  /** The column. */
  column: string
  /** How many values. */
  count: number
  /** The first ten raw values. */
  samples: string[]
}

/** A column of a dataset whose codes were brought into the catalogue's form. */
export interface NormalisedCodes {
  /** The dataset. */
  dataset: string
  /** The column. */
  column: string
  /** `municipality`, `year` or `digits(n)`. */
  form: string
  /** Files that had such codes. */
  files: number
  /** How many codes. */
  count: number
  /** The first ten, as a file has them and as they are in the answer. */
  samples: [string, string][]
}

/** A column whose list of labels lacks some of its codes. */
export interface Unlabelled {
  dataset: string
  /** Of the codes. */
  column: string
  /** Rows with such a code. */
  count: number
  /** Ten of them, the most frequent first; codes that are looked up together stand with a plus between. */
  codes: string[]
}

/** What a query did on a cluster. The bytes of the files that it read are the report's `bytes`. */
export interface ClusterUse {
  /** What ran it, and its version: `spark 4.3.0`. */
  engine: string
  /** Stages that ran, of all its statements, as far as the cluster told of them: it does while it is at work, and promises no last word. */
  stages: number
  /** Tasks of theirs that ended, as far as it told of them. */
  tasks: number
  /** How often the connection broke off and was taken up again. */
  reconnects: number
}

/** An index that a load was to make in PostgreSQL. */
export interface TableIndex {
  /** `schema.table`; of a partitioned table its partition. */
  table: string
  /** The column. */
  column: string
  /** `btree`, or `brin` where the rows came in the column's order; of one that was there, what it is (`hash` as well). */
  method: string
  /** Its name in the table's schema; none where there is none. */
  name: string | null
  /** What became of it. */
  state: IndexState
  /** Why it was wanted, and why it was not made where it was not; in the client's language. */
  why: string
}

/**
 * What became of an index.
 *
 * - `made`: This load made it.
 * - `present`: The table had one that serves the same.
 * - `failed`: It is not there; the rows are.
 */
export type IndexState = 'made' | 'present' | 'failed'

/** What a conversion ahead of a query did. */
export interface SyncReport {
  /** Files that are in the lake now. */
  files: number
  /** Their rows. */
  rows: number
  /** Bytes of the lake's Parquet for these files. */
  bytes: number
  /** How long it took. */
  durationSec: number
  /** Each of the files. */
  sources: SourceFile[]
  /** Files left out because they could not be fetched or read (`partial`). */
  unreadable?: Unreadable[]
  /** Values that did not parse. */
  badValues: BadValue[]
  /** Codes that were written in another form. */
  normalised: NormalisedCodes[]
  /** What people should know. */
  warnings: string[]
}

/** What `Client.sync`(crate::Client::sync) would do. */
export interface SyncPlan {
  /** Files that the datasets, UFs and competências mean, and their bytes where the source lies. */
  files: number
  /** Of these files, as far as a listing tells. */
  bytes: number
  /** Of these, what would be fetched from elsewhere; none for a folder of this machine. */
  filesToFetch: number
  /** Of these, as listed. */
  bytesToFetch: number
  /** Of these, what is not in the lake as it is now. */
  filesToConvert: number
  /** Each of the files, in the order of an answer. */
  planned: PlannedFile[]
  /** Asked for by name, and in no listing. */
  missing?: Missing[]
  /** In the client's language. */
  warnings: string[]
}

/** A file that a sync would look after. */
export interface PlannedFile {
  /** Where it lies. */
  file: string
  /** Of its name. */
  dataset: string
  /** Of its name. */
  uf: string
  /** Of its name. */
  competencia: string
  /** 0 where only the file itself will tell. */
  bytes: number
  /** What a sync would do with it. */
  state: FileState
  /** The ministry has not closed it yet. */
  preliminary: boolean
  /** When the listing was read that it stands in; none for files of this machine. */
  listedAt?: string | null
}

/**
 * What is here of a file.
 *
 * - `there`: It is in the lake as it is now: nothing is to be done.
 * - `here`: The file is here, and is to be converted.
 * - `absent`: It was never fetched.
 * - `changed`: It was published anew since it was fetched.
 */
export type FileState = 'there' | 'here' | 'absent' | 'changed'

/** A job that left something, as `Client.jobs` lists it. */
export interface JobInfo {
  /** By which it is resumed or discarded. */
  jobId: string
  /** How it stands. */
  standing: Standing
  /** When it was submitted, as RFC 3339. */
  createdAt: string
  /** The query, without passwords; null where it cannot be read. */
  params: QueryParams | null
  /** Where its rows go, without passwords; empty where that cannot be read, which its standing says. */
  destinations: JobDestination[]
  /** The error that it ended with, in the contract's form. */
  error: ErrorForm | null
  /** Records that were not taken. */
  deadLetters: number
  /** The process that ran it; 0 where that cannot be read. */
  pid: number
  /** The machine that had it. */
  host: string
}

/**
 * How the process that ran a job stands.
 *
 * - `running`: A process works at it now.
 * - `crashed`: Its process died.
 * - `foreign`: It began on another machine, or in another container, and nobody holds it here.
 * - `failed`: It failed, and can be resumed.
 * - `ended`: It has ended; only its dead letters are left.
 * - `unreadable`: What its folder holds cannot be read, or is not to be trusted; the error says why. Nothing but `discard` goes on.
 */
export type Standing = 'running' | 'crashed' | 'foreign' | 'failed' | 'ended' | 'unreadable'

/** One query: over one dataset (`dataset`, `columns`, `where`, ...), or one SELECT over several (`sql`, `bind`). */
export interface QueryParams {
  /** Version of this contract; 1, or left out. */
  contract?: number | null
  /** `SIH-RD`, `CNES-ST`, `SIM-DO`, ..., or for short `RD`, `dengue`; left out (empty) with `sql`. */
  dataset?: string
  /** One SELECT over the tables of the catalogue (`sih_rd`, `cnes_st`, ...) instead of `dataset` and the keys that go with it. Only the files that `uf` and `competencia` choose are in the tables. DuckDB's dialect; 64 KiB. */
  sql?: string | null
  /** Values of the SQL's parameters: `{"cnes": "2000733"}` for `$cnes`. Text, number, true, false or null. */
  bind?: Record<string, unknown>
  /** Siglas, names (`Acre`) or IBGE's codes (`12`); left out: every UF that the source holds. */
  uf?: OneOrMany | null
  /** Month (`202401`, `2024-01`, `01/2024`) or year (`2024`) of processing; left out: all that the source holds. A year stands for its twelve months where a dataset is monthly. */
  competencia?: CompetenciaParam | null
  /** Columns of the answer, in this order; left out: all. */
  columns?: string[] | null
  /** Words for codes: true, or a list of columns, adds `<COLUMN>_rotulo` beside each column that has a list of labels. Names of labels and of derived columns also stand in `columns`, `where`, `group_by` and `order_by`. */
  labels?: Labels | null
  /** True: a label of `labels` stands in its code's place. */
  labels_only?: boolean
  /** Conditions that every row must meet. */
  where?: Filter[]
  /** One row of the answer for each combination of these columns. */
  group_by?: string[]
  /** Figures over each group (or over everything, without `group_by`). */
  aggregates?: Aggregate[]
  /** Order of the answer; NULL comes last. Left out: the order of the files and of their rows. */
  order_by?: OrderBy[]
  /** Rows at most. */
  limit?: number | null
  /** How it is run. */
  options?: Options
}

/** One text, or a list of them. A number (`202401`, `35`) is read as its digits. */
export type OneOrMany = string | number | (string | number)[]

/** One competência, a list, or a range with both ends included. */
export type CompetenciaParam = OneOrMany | { from: string | number; to: string | number }

/** Which columns get labels. */
export type Labels = boolean | string[]

/** A condition; a row for which it is unknown (NULL) does not meet it, as in SQL. */
export type Filter = { column: string; op: Op; value?: unknown } | { any: Filter[] } | { all: Filter[] } | { not: Filter }

/**
 * How a column is compared.
 *
 * - `eq`: Equal to the value.
 * - `ne`: Different from the value.
 * - `lt`: Less than the value.
 * - `le`: Not greater than the value.
 * - `gt`: Greater than the value.
 * - `ge`: Not less than the value.
 * - `between`: Both ends included.
 * - `in`: One of the list.
 * - `not_in`: None of the list.
 * - `starts_with`: Text that begins with the value: `J18` finds `J180` and `J189`.
 * - `is_null`: Without a value.
 * - `not_null`: With a value.
 */
export type Op = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'between' | 'in' | 'not_in' | 'starts_with' | 'is_null' | 'not_null' | '=' | '==' | '!=' | '<>' | '<' | '<=' | '>' | '>='

/** A figure over a group. */
export interface Aggregate {
  /** What is computed. */
  fn: AggregateFn
  /** May be left out (or `*`) for `count` alone, which then counts rows. */
  column?: string | null
  /** Name in the answer; left out: `sum_val_tot`, `count`. */
  as?: string | null
}

/**
 * How the values of a group become one.
 *
 * - `count`: Rows, or values that are not NULL.
 * - `count_distinct`: Different values that are not NULL.
 * - `sum`: Exact for integers and decimals.
 * - `avg`: A floating-point mean of the values that are not NULL.
 * - `min`: The least; of texts, the first.
 * - `max`: The greatest; of texts, the last.
 */
export type AggregateFn = 'count' | 'count_distinct' | 'sum' | 'avg' | 'min' | 'max' | 'count(*)'

/** One key of the order. */
export interface OrderBy {
  /** A column of the answer, or of the dataset where rows are not grouped. */
  column: string
  /** Greatest first; false, or left out: least first. */
  desc?: boolean
}

/** Options of one query. Each is capped by the client's configuration. */
export interface Options {
  /** Seconds after which the job ends with DS-504; none: as long as it takes. */
  deadline?: number | null
  /** What to do about files that were asked for by name and are not there. */
  missing?: MissingFiles
  /** Which of several versions of a file is read, where neither folder, date nor content tells. */
  versions?: Versions
  /** True: a file that cannot be read is left out and named in the report. False: it ends the job. */
  partial?: boolean
  /** Class of the job: health before admin before user, where jobs wait; at most the client's `max_priority`. */
  priority?: Priority
  /** What a job that starts in an emergency of memory (above 85 %) does; none: `wait` for the rows of a dataset that come back as a stream, or what the client's `on_emergency` says; `spill` for aggregates, SQL, files and tables. */
  on_emergency?: OnEmergency | null
  /** Whether an answer may come from a cache, and be kept in one. It is that of the sources as they are now in any case. */
  cache?: CacheMode
  /** Who asks, where a service limits how often: a user, an address. Past the client's `rate_limit` it is DS-429 with the seconds to wait; none: no limit. */
  rate_key?: string | null
  /** What becomes of a value that does not parse in a column that the query reads. */
  on_bad_value?: OnBadValue
  /** Source rows between two checkpoints of a durable sink, from 1 to 10,000,000; none: 10,000. A killed process loses about so many rows of each connection's work. */
  checkpoint_rows?: number | null
  /** Share of the rows, from 0 to 1, that may become dead letters before the job fails with DS-424; none: 0.01. */
  dead_letter_limit?: number | null
}

/**
 * What to do about files that were asked for by name and are not there.
 *
 * - `error`: DS-404 that names every one.
 * - `warn`: The report lists them.
 */
export type MissingFiles = 'error' | 'warn'

/**
 * What to do about versions of a file with different rows. A final one stands before a preliminary one in any case.
 *
 * - `refuse`: DS-409 that names them.
 * - `newest`: The one that was changed last; the report names the others.
 */
export type Versions = 'refuse' | 'newest'

/**
 * Class of a job; the more urgent is the smaller.
 *
 * - `health`: Before all others.
 * - `admin`: Before users.
 * - `user`: After the others.
 */
export type Priority = 'health' | 'admin' | 'user'

/**
 * What a job does that starts when the memory is nearly exhausted; a job that runs already is left as it is.
 *
 * - `sample`: Reads one source row in ten, the same ones each time, before conditions, order, limit and aggregates. Nothing is scaled; report, metadata, warnings, log and table comments say so. Not for SQL over several tables (DS-422).
 * - `spill`: Goes on with less memory and more disk: exact, and slower.
 * - `wait`: Waits until the memory is below 80 % again, for 30 s at most: then DS-503 (or DS-504, where the deadline passes first).
 * - `fail`: Ends with DS-503.
 */
export type OnEmergency = 'sample' | 'spill' | 'wait' | 'fail'

/**
 * What a query asks of the cache of answers. Samples and partial answers never enter it.
 *
 * - `use`: A kept answer of the same question over the same content is given; another is kept.
 * - `refresh`: It is run, and its answer kept in the place of what was.
 * - `off`: It is run, and nothing is kept.
 */
export type CacheMode = 'use' | 'refresh' | 'off'

/**
 * What becomes of a value that does not parse (`36.6` in a whole number, the 30th of February) in a column that the query reads, its conditions included.
 *
 * - `null`: It is NULL, and counted; the report has the first raw values of each column.
 * - `dead_letter`: Its row is not in the answer, whatever the conditions say of it, but among the job's dead letters, with file, row, column and raw value. More of them than `dead_letter_limit` allows is DS-424.
 * - `fail`: DS-422 that names the first one, before anything is published.
 */
export type OnBadValue = 'null' | 'dead_letter' | 'fail'

/** Where the rows of a job go, as its state keeps it. */
export interface JobDestination {
  /** Its options by its kind, with the name that it has for this job. */
  to: DestinationOptions
  /** The address that it named, without its password; null for a file, and where it is the client's own. */
  url: string | null
  /** That address had a password, or options for the session, which are not stored. */
  passwordLeftOut: boolean
}

/** The options of a destination by its kind: `{"csv": {...}}`. */
export type DestinationOptions = Destination | Record<string, unknown>

/** A file to write, or a table to load. */
export type Destination = { csv: Csv } | { parquet: Parquet } | { postgres: Postgres }

/** How a CSV file is written. For Brazilian spreadsheets: `delimiter = ";"`, `decimal_comma`, `bom`. */
export interface Csv {
  /** The file, below the output root; without it, the first six hex digits of the job's hash and `.csv` (`.csv.zst` with `zstd`). */
  path?: string | null
  /** Replaces an existing file in one act; when false, an existing file is DS-409. */
  overwrite?: boolean
  /** Compresses with zstd at this level, from 1 to 22; without it, it is plain text. */
  zstd?: number | null
  /** What stands between two fields. */
  delimiter?: Delimiter
  /** Writes `1234,56` for decimals and floats; when false, `1234.56`. Not together with the delimiter `,`. */
  decimal_comma?: boolean
  /** Begins with the column names; when false, with the first row. */
  header?: boolean
  /** Begins with a byte order mark, by which Excel knows UTF-8; when false, there is none. */
  bom?: boolean
  /** What ends a row. */
  line_ending?: LineEnding
}

/**
 * What stands between two fields.
 *
 * - `,`: `,`
 * - `;`: `;`
 * - `	`: A tab.
 * - `|`: `|`
 */
export type Delimiter = ',' | ';' | '\t' | '|'

/**
 * What ends a row.
 *
 * - `crlf`: CR LF, as RFC 4180 has it.
 * - `lf`: LF alone, as most tools on Unix write it.
 */
export type LineEnding = 'crlf' | 'lf'

/** How a Parquet file is written. */
export interface Parquet {
  /** The file, below the output root; without it, the first six hex digits of the job's hash and `.parquet`. */
  path?: string | null
  /** Replaces an existing file in one act; when false, an existing file is DS-409. */
  overwrite?: boolean
  /** zstd level, from 1 (fast) to 22 (small). */
  zstd?: number
  /** Most rows of a row group; a group also ends at 64 MiB. */
  row_group_rows?: number
}

/** A table to load. */
export interface Postgres {
  /** `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path/ca.pem`; without it, the client's (`Config::postgres`, `DATASUS_POSTGRES`). Never shown again. */
  url?: string | null
  /** `schema.table`; without it `<sistema>_data.<grupo>_<competencia>` for one competência and `<sistema>_data.<grupo>` for many. Aggregates and SQL must name it. */
  table?: string | null
  /** What happens to rows that are there already. */
  mode?: LoadMode
  /** Columns that identify a row, for `upsert`. */
  key?: string[]
  /** What `replace_by` replaces. */
  replace_by?: ReplaceBy
  /** True: `append` takes a source that the table already holds. False: that is DS-409. */
  allow_reload?: boolean
  /** Connections that load, from 1 to 16; one more looks after the table. */
  connections?: number
  /** True: `ANALYZE` follows the load, so that plans know the new rows. False: autovacuum comes to it in its own time. */
  analyze?: boolean
  /** Columns to index, one index each, made after the load while the table is read (`CONCURRENTLY`). `auto`, or left out: of a table that datasus made, those that this query and this client's others put conditions on, join and order by; `none`: no index. A column by whose values the rows came in order gets a BRIN. */
  indexes?: OneOrMany | null
  /** A new table has a partition for each of these, made as loads bring them; it has the three columns of `replace_by`, in any mode but `upsert`. Left out: it has none. A table that is there and has no such partitions is DS-409. */
  partition_by?: PartitionBy | null
}

/**
 * What happens to the table that is there, and to its rows.
 *
 * - `create`: A new table; DS-409 if there is one of that name.
 * - `append`: Rows are added; the table is made if there is none.
 * - `replace`: A new table takes the place of the old one, in one act. Grants and indexes of the old one go with it.
 * - `replace_by`: Rows of the same UFs and competências, or of the same source files, are replaced by the new ones, in one act, and no others. The table has three more columns, `datasus_arquivo`, `datasus_uf` and `datasus_competencia`.
 * - `upsert`: Rows of the same `key` are updated, the others added. Of several rows of one key the last one counts.
 */
export type LoadMode = 'create' | 'append' | 'replace' | 'replace_by' | 'upsert'

/**
 * What makes rows of the table and of the result the same load.
 *
 * - `competencia`: The same UF (BR in national files) and competência.
 * - `source_file`: The same file of them, whatever it is called: a part of a month that is split.
 */
export type ReplaceBy = 'competencia' | 'source_file'

/**
 * What a partition of a table holds.
 *
 * - `competencia`: One competência, by `datasus_competencia`.
 */
export type PartitionBy = 'competencia'

/** What went wrong, in the same shape in every language. */
export interface ErrorForm {
  /** Always `error`. */
  status: ErrorStatus
  /** Stable code, as `DS-422`: that of the first problem. */
  errorCode: string
  /** The sentence for people, in the client's language. */
  detail: string
  /** Facts for programs: `expected_format`, `received`, `valid_examples`, `did_you_mean`, ... */
  diagnostic: Record<string, unknown>
  /** Of the sentences. */
  language: Language
  /** Ties the error to log lines and reports. */
  traceId: string | null
  /** Whether the same call may be made again. */
  retry: Retry
  /** `retry` is `later`. */
  retryable: boolean
  /** Every problem, the first included, where there are several. */
  problems?: Problem[]
  /** Where it happened, as far as it is known. */
  context?: ErrorContext | null
}

/**
 * The `status` of every error.
 *
 * - `error`: The one value.
 */
export type ErrorStatus = 'error'

/**
 * The language of the texts that people read.
 *
 * - `pt`: Português do Brasil.
 * - `en`: English.
 */
export type Language = 'pt' | 'en'

/**
 * Whether the same call may succeed when it is made again unchanged.
 *
 * - `never`: Something must be changed first.
 * - `later`: The cause may pass by itself.
 */
export type Retry = 'never' | 'later'

/** One thing that is wrong. */
export interface Problem {
  /** `DS-422` and its like. */
  errorCode: string
  /** What is wrong, and what to do, in the client's language. */
  detail: string
  /** Facts for programs. */
  diagnostic: Record<string, unknown>
}

/** Where an error happened; what is not known is left out. */
export interface ErrorContext {
  /** The part of the line that failed: `validate`, `convert`, `query`, `csv`, ... */
  stage?: string | null
  /** The file that it is about. */
  file?: string | null
  /** Byte offset in `file`. */
  offset?: number | null
  /** Row in `file`, or of the result where no file is named, counted from 0. */
  row?: number | null
  /** The column that it is about. */
  column?: string | null
  /** PostgreSQL's code. */
  sqlstate?: string | null
}

/** One record, and why it was refused. */
export interface DeadLetter {
  /** Who refused it: `postgres`, or `source` for a record that cannot be read. */
  sink: string
  /** Number of the sink among the job's. */
  sinkNumber: number
  /** The unit that it belongs to. */
  unit: number
  /** The row in that unit, from 0. */
  row: number
  /** Why it was not taken. */
  reason: string
  /** PostgreSQL's code. */
  sqlstate?: string | null
  /** The source file; without one, `source_row` is that of the result. */
  sourceFile?: string | null
  /** The row in it, from 0. */
  sourceRow?: number | null
  /** The column that is to blame, where one is. */
  column?: string | null
  /** What the column held, as text. */
  value?: string | null
  /** Every column of the record, as text; null for NULL. */
  record: Record<string, unknown>
  /** Of the job. */
  traceId: string
}

/** What a replay of dead letters did. */
export interface Replayed {
  /** Rows that are in their table now. */
  loaded: number
  /** Letters that stay, with the reason that they were refused for this time. */
  left: number
}

/** The plan of a query, in figures. `present` counts the dataset's files in the source, wanted or not; row groups and bytes are known for those that the lake holds already. */
export interface Explain {
  /** One, or with SQL every dataset that it reads, in the order of the text. */
  datasets: string[]
  /** Of the dataset's files. */
  files: Share
  /** Wanted files that the query would first convert. */
  toConvert: string[]
  /** Of the row groups of the files that are in the lake. */
  rowGroups: Share
  /** Compressed bytes of the column chunks. */
  bytes: Share
  /** With SQL and `*` the most that can be read. */
  columns: string[]
  /** What the source does not hold, though it was published. */
  missing: Missing[]
  /** The files that would be read, in the order of the answer. Of versions that must have the same rows, the first. */
  sources: string[]
  /** Files that would not be read, each with the one that is instead. */
  leftOut: LeftOut[]
  /** What a PostgreSQL table of the answer would be indexed by, where its `indexes` say nothing else. */
  indexes?: PlannedIndex[]
  /** What the query would say of its files, as far as it can be known without converting them; in the client's language. */
  warnings: string[]
  /** None while nothing is converted: the columns come from the files. */
  sql: string | null
}

/** A file that is not read, because another is. */
export interface LeftOut {
  /** The one that is not read. */
  file: string
  /** The one that is read instead. */
  kept: string
  /** Why it is not. */
  why: LeftOutReason
}

/**
 * Why a file is not read.
 *
 * - `preliminary`: It is preliminary, and there is the final one.
 * - `older_date`: Its name has an earlier day.
 * - `older_time`: It was changed earlier, and `versions = newest`.
 * - `same_rows`: It has the same rows.
 */
export type LeftOutReason = 'preliminary' | 'older_date' | 'older_time' | 'same_rows'

/** An index that a load would make. */
export interface PlannedIndex {
  /** The column. */
  column: string
  /** Who looks for rows by it; in the client's language. */
  why: string
}

/** What a query will probably take. It was not run, and nothing was fetched or converted for it; a kept answer takes less. */
export interface Estimate {
  /** Of the answer. */
  rows: Expected
  /** Rows of the source files that are read for it, before its conditions. */
  rowsRead: Expected
  /** Bytes of the files that would be fetched from elsewhere, as their listing says. */
  bytesToDownload: Expected
  /** Bytes of the files that would be converted first, those to be fetched among them. */
  bytesToConvert: Expected
  /** Compressed bytes of the Parquet columns that would be read. */
  bytesToRead: Expected
  /** From submission to the last row of its stream, on this machine, without the time in a queue. */
  durationSec: ExpectedSeconds
  /** The process's peak resident memory while it runs, as its report will say: what the process has now is part of it. */
  memoryBytes: Expected
  /** Of this, what the query itself works with, at its most. */
  workBytes: number
  /** Files that would be read. */
  files: number
  /** Of these, files to be fetched from elsewhere. */
  filesToDownload: number
  /** Of these, files to be converted, those to be fetched among them. */
  filesToConvert: number
  /** What runs it. */
  engine: EstimateEngine
  /** How many joins, aggregates and windows it has. */
  complexity: Complexity
  /** Settings whose bounds it may not keep. */
  exceeds?: EstimateBound[]
  /** What the figures are from. */
  basis: EstimateBasis[]
  /** Earlier jobs of this kind that duration and memory are learned from; with few of them they are a guess. */
  history: number
  /** How duration is told from these: by whichever has been closer so far. */
  durationBy: EstimateModel
  /** The same of memory. */
  memoryBy: EstimateModel
  /** In the client's language. */
  warnings?: string[]
}

/** A number that only the end will tell: in 90 of 100 queries it lies between `low` and `high`. All three are the same where it is known. */
export interface Expected {
  /** In 5 of 100 queries it is less. */
  low: number
  /** As often more as less. */
  likely: number
  /** In 5 of 100 queries it is more. */
  high: number
}

/** The same in seconds. */
export interface ExpectedSeconds {
  /** In 5 of 100 queries it is less. */
  low: number
  /** As often more as less. */
  likely: number
  /** In 5 of 100 queries it is more. */
  high: number
}

/**
 * What runs a query.
 *
 * - `scan`: The reader of plain rows.
 * - `duckdb`: DuckDB.
 * - `catalogue`: The catalogue answers by itself.
 * - `cluster`: A cluster, beside which this process only takes rows.
 */
export type EstimateEngine = 'scan' | 'duckdb' | 'catalogue' | 'cluster'

/** How many joins, aggregates and windows a query has, those of its subqueries included. */
export interface Complexity {
  /** Two tables side by side, on a condition or without. */
  joins: number
  /** Aggregate functions without a window. */
  aggregations: number
  /** Functions with OVER. */
  windows: number
}

/**
 * A bound of the client's settings.
 *
 * - `memory_limit`: What it works with may not fit `memory_limit`: the rest goes to disk.
 * - `spill_limit`: What goes to disk may be more than `spill_limit`: DS-507.
 * - `max_download`: It would fetch more than `max_download`: DS-422.
 */
export type EstimateBound = 'memory_limit' | 'spill_limit' | 'max_download'

/**
 * What an estimate is made of.
 *
 * - `footers`: Row counts, sizes and least and greatest values in the Parquet's footers.
 * - `sample`: Some rows of the columns that the query compares or groups by.
 * - `headers`: The number of records in the headers of files that are not converted yet.
 * - `listing`: Sizes of files in a listing; their rows are estimated by those of other files of the dataset.
 * - `catalogue`: What the catalogue knows of the columns: nothing of the dataset was there to be looked at.
 * - `history`: What earlier jobs of this installation took.
 */
export type EstimateBasis = 'footers' | 'sample' | 'headers' | 'listing' | 'catalogue' | 'history'

/**
 * How a figure is told from earlier jobs.
 *
 * - `none`: There are too few of them: it is a guess.
 * - `table`: By the middle of what jobs like it took.
 * - `regression`: By a line through what all of its kind took.
 */
export type EstimateModel = 'none' | 'table' | 'regression'

/** What the source holds. */
export interface Holdings {
  /** In the catalogue's order. */
  datasets: DatasetSummary[]
  /** What is not read as a source, in order of path. */
  ignored: IgnoredFile[]
}

/** What the source holds of one dataset; of several versions of a file one counts. */
export interface DatasetSummary {
  /** `SIH-RD`. */
  dataset: string
  /** What it holds, in Portuguese. */
  nome: string
  /** How many files count. */
  files: number
  /** Bytes of the source files. */
  bytes: number
  /** UFs of its files. */
  ufs: string[]
  /** The first and the last competência of its files. */
  first: string | null
  /** The last competência of its files. */
  last: string | null
}

/** A file of the source that no query reads. */
export interface IgnoredFile {
  /** Below the source folder. */
  file: string
  /** Why none reads it. */
  reason: IgnoredReason
}

/**
 * Why a file of the source is not read.
 *
 * - `name`: Its name is of no dataset.
 * - `archive`: It has to be extracted first: gz, zip, ...
 * - `ours`: Written by datasus: an answer, not a source.
 * - `link`: A link that leads to nothing.
 * - `depth`: A link to a folder, behind too many others to be followed.
 * - `folder`: In the ministry's tree: a folder that is not the catalogue's, or a file in one that is not its dataset's.
 */
export type IgnoredReason = 'name' | 'archive' | 'ours' | 'link' | 'depth' | 'folder'

/** A dataset of the catalogue. */
export interface Known {
  /** `SIH-RD`. */
  dataset: string
  /** Its name in SQL: `sih_rd`. */
  table: string
  /** What it holds, in Portuguese. */
  nome: string
  /** Other names that are accepted in the place of `dataset`. */
  aliases: string[]
  /** Whether its files are of a month or of a year. */
  period: Period
  /** True: one file for the whole country. */
  national: boolean
  /** The first and the last competência that is known to have been published. */
  first: string | null
  /** The last competência that is known to have been published. */
  last: string | null
  /** Columns that the catalogue knows; with 0 they come from the files. */
  columns: number
}

/**
 * What a file is of.
 *
 * - `month`: A month.
 * - `year`: A year.
 */
export type Period = 'month' | 'year'

/** A dataset as the catalogue knows it. Competência is the month of processing; `event_dates` say when the event was. */
export interface CatalogEntry {
  /** `SIH-RD`. */
  dataset: string
  /** What it holds, in Portuguese. */
  nome: string
  /** Other names that users give it. */
  aliases: string[]
  /** Whether its files are of a month or of a year. */
  period: Period
  /** True: each of its files is published in a zip, and is read from there. */
  zipped: boolean
  /** One file for the whole country, and what stands for its UF: `BR`, or `EX` for residents abroad or unknown. */
  national: string | null
  /** In national files, the column that a query's `uf` filters. */
  ufColumn: UfColumn | null
  /** Columns by which a row's own UF and competência are known, whatever its file is called; none: no column says them. */
  rowKeys: RowKeys | null
  /** The first competência that is known to have been published. */
  first: string | null
  /** The last one. */
  last: string | null
  /** Folders of the ministry's FTP tree. */
  folders: FtpFolder[]
  /** Known to be without a file: never missing. */
  gaps: Gap[]
  /** Columns that say when the event happened; competência says when it was processed. */
  eventDates: string[]
  /** Empty where no genuine header was seen: names and types come from the files' own headers. */
  columns: CatalogColumn[]
  /** Fields that are known by name alone, and the files that have them; their types come from the files' own headers. */
  fields: CatalogFields[]
  /** Columns that no star shows: the labels of codes, and what is made of other columns. Each is used by its name like any other. */
  derived: DerivedColumn[]
}

/** The column of a national file that says of which UF a record is. */
export interface UfColumn {
  /** The column that says the UF. */
  name: string
  /** How it says it. */
  coding: UfCoding
}

/**
 * How a column names a UF.
 *
 * - `sigla`: By its sigla: `AC`.
 * - `ibge`: IBGE's two digits.
 * - `municipio`: A municipality's code, whose first two digits are the UF's.
 */
export type UfCoding = 'sigla' | 'ibge' | 'municipio'

/** The columns that say a row's own UF and competência. */
export interface RowKeys {
  /** A sigla, IBGE's code, or a municipality's, which begins with it; none in national files. */
  uf: string | null
  /** One of year and month, one of a day or a year, or a year's and a month's. */
  competencia: string[]
  /** Who says so. */
  source: string
}

/** A folder of the ministry's FTP tree, and the competências whose files it holds. */
export interface FtpFolder {
  /** On the ministry's server. */
  path: string
  /** The first competência that lies there; none: from the start. */
  from: string | null
  /** The last one; none: until today. */
  to: string | null
}

/** Competências of a UF that were never published. */
export interface Gap {
  /** The UF whose files are missing. */
  uf: string
  /** The first competência that is missing. */
  from: string
  /** The last one. */
  to: string
}

/** A column of a dataset. */
export interface CatalogColumn {
  /** In upper case. */
  name: string
  /** Its type. */
  kind: LogicalType
  /** Layouts seen in genuine headers, oldest first. */
  eras: Era[]
  /** Place in the catalogue's order: that of the newest files, then what older files had. */
  position: number
  /** None where no named source gives one. */
  meaning: Meaning | null
  /** How its codes are written, the same in every year; none: as the files have them. */
  form: StatedForm | null
  /** Where the code itself changed with the years: how it was written when, oldest first. Nothing is brought from one into another. */
  codings: Coding[]
}

/** What a column holds, whatever its width or DBF type was in the year at hand. */
export type LogicalType = 'text' | { integer: { digits: number } } | { decimal: { precision: number; scale: number } } | { date: { formats: DateFormat[] } }

/**
 * How a day is written.
 *
 * - `YYYYMMDD`: `YYYYMMDD`.
 * - `DDMMYYYY`: `DDMMYYYY`.
 * - `YYMMDD`: Two digits of year: the latest century that does not lie after the file's competência.
 */
export type DateFormat = 'YYYYMMDD' | 'DDMMYYYY' | 'YYMMDD'

/** A layout of a column, and the years of the files that had it. */
export interface Era {
  /** `C`, `N`, `D`, ... */
  dbfType: string
  /** Bytes of the field. */
  width: number
  /** Digits behind the point. */
  decimals: number
  /** The first year whose files have it so. */
  firstYear: number
  /** The last one. */
  lastYear: number
}

/** What a column means, and who says so. */
export interface Meaning {
  /** In Portuguese. */
  pt: string
  /** What says so. */
  source: string
}

/** A form, and who says so. */
export interface StatedForm {
  /** Which form the codes of those years have. */
  form: string
  /** What says so. */
  source: string
}

/** What a column's codes were for some years. */
export interface Coding {
  /** Of the files; none: from the first. */
  from: string | null
  /** None: to this day. */
  to: string | null
  /** None: as the files have them. */
  form: string | null
  /** In Portuguese. */
  meaning: string
  /** What says so. */
  source: string
}

/** Names of fields that files of some years have and of which no genuine header was seen. */
export interface CatalogFields {
  /** None: from the first. */
  from: string | null
  /** None: to this day. */
  to: string | null
  /** In upper case, in the files' order. */
  names: string[]
}

/** A label's column, or one that is made of others. */
export interface DerivedColumn {
  name: string
  kind: LogicalType
  /** Of the codes whose labels it holds; none: it is made by a rule. */
  labelOf: string | null
  /** The list of its labels, as `dictionaries` names it. */
  labelList: string | null
  /** The columns that it is made of. */
  inputs: string[]
  /** In Portuguese. */
  meaning: string
  /** The rule's, or the list's with its date; it says where a list is no official one. */
  source: string
}

/** A list of the dictionary, as `dictionaries` tells it. */
export interface DictionaryEntry {
  /** Kit and table (`sih/SEXO`), or a name of its own (`cid10`). */
  list: string
  /** Which table it was made from, and who published it. */
  source: string
  /** When that was published, as exactly as is known. */
  date: string
  /** False: written by hand in another project, and no official table. */
  official: boolean
  /** Different labels. */
  labels: number
}

/** What is in the columns of a dataset, as far as a query selects it. */
export interface Profile {
  dataset: string
  /** Rows that were looked at. */
  rows: number
  /** False: they are a sample (`report.sampling` says which), and so is every figure. */
  exact: boolean
  /** The rows of each competência, in order. */
  competencias: CompetenciaRows[]
  /** In the order of the query, or of the dataset. */
  columns: ColumnProfile[]
  /** What somebody who analyses these rows should look at first, in the client's language. */
  warnings: string[]
  /** Of the job: files with their hashes, and what it has to say of them. */
  report: Report
}

/** How many rows a competência has. */
export interface CompetenciaRows {
  competencia: string
  rows: number
}

/** What is in a column. */
export interface ColumnProfile {
  name: string
  /** `text`, `integer`, `decimal(14, 2)`, `date`; of a file's own columns also others. */
  kind: string
  /** In Portuguese; none where no source says it. */
  meaning: string | null
  /** The list of its labels, as `dictionaries` names it; none: its values are no codes, or no list is known. */
  labelList: string | null
  /** Rows without a value. */
  nulls: number
  /** Different values. */
  distinct: number
  /** False: `distinct` is an estimate, for there are too many to count; two in three are off by less than 1.6 %. */
  distinctExact: boolean
  /** The least value; text is compared byte by byte. */
  min: string | null
  /** The greatest value. */
  max: string | null
  /** The ten most frequent values; where `distinct` is an estimate, those alone that are so for certain. */
  frequent: FrequentValue[]
  /** Rows whose code the list of labels does not have. */
  unlabelled: number
  /** Ten of these codes, the most frequent first; those that are looked up together stand with a plus between. */
  unlabelledCodes: string[]
  /** Values of the files that did not parse, before conditions; they are NULL. */
  badValues: number
  /** The first of them, as they stand in the files. */
  badSamples: string[]
  /** The same column in each competência, in order. */
  byCompetencia: InCompetencia[]
  /** Where the share of NULL or of a value changed from one competência to the next by ten points or more, and by more than chance explains; the greatest first. */
  changes: Change[]
}

/** A value, and how many rows have it. */
export interface FrequentValue {
  /** As text. */
  value: string
  /** Where the column has a list of labels, and it has one for it. */
  label: string | null
  rows: number
}

/** A column in a competência. */
export interface InCompetencia {
  competencia: string
  rows: number
  /** Rows without a value. */
  nulls: number
  /** Rows of each of the column's `frequent` values, in their order; none where the column has more than 256 values. */
  frequent: number[]
}

/** A share that is another in the next competência. */
export interface Change {
  /** The competência before. */
  from: string
  /** The competência after. */
  to: string
  /** Of which value among those that are not NULL; none: of NULL among all rows. */
  value: string | null
  /** Its label. */
  label: string | null
  /** The share before, from 0 to 1. */
  before: number
  /** The share after. */
  after: number
}

/** A column in which the words were found. */
export interface Found {
  dataset: string
  /** As queries name it. */
  column: string
  kind: LogicalType
  /** In Portuguese; none where no source says it. */
  meaning: string | null
  /** True: one that the dataset has by name alone. */
  derived: boolean
  /** Where the words were found; of several places the first. */
  foundIn: FoundIn
  /** Labels of its codes in which the words are, or words that a derived column has, five at most. */
  labels: string[]
}

/**
 * Where words were found.
 *
 * - `name`: In the column's name.
 * - `meaning`: In what it means.
 * - `label`: In a label of its codes, or in a word that a derived column has.
 */
export type FoundIn = 'name' | 'meaning' | 'label'

/** Rates by municipality of residence. */
export interface Rates {
  /** A rate is of so many people. */
  per: number
  /** All municipalities that have people, those without an event among them; in order of their code. */
  rows: Rate[]
  /** Events whose municipality of residence is not known: in no row. */
  unknownMunicipality: number
  /** Events of unknown age: in the crude rate, and not in the standardised one. */
  unknownAge: number
  /** The files of the population: which series and which revision of it, of IBGE's. */
  populationSources?: SourceFile[]
  /** What people should know, in the client's language. */
  warnings: string[]
}

/** The rates of a municipality. */
export interface Rate {
  /** Six digits. */
  municipio: string
  events: number
  population: number
  /** Events by people. */
  crude: number
  /** By the direct method: the rates of each band, with the standard's people in it. None where births are the population, or where a band has events and no people. */
  standardised: number | null
}

/** What became of the kits of labels. */
export interface DictionarySync {
  /** Kits that are in the lake now. */
  kits: KitSynced[]
  /** Kits that were there and could not be taken; what the lake had of them stays. */
  failed?: KitFailed[]
  /** Kits that the source does not have, by the names of their zips. */
  absent?: string[]
  /** What people should know. */
  warnings?: string[]
}

/** A kit that is in the lake. */
export interface KitSynced {
  /** `sih`, as lists of labels are named. */
  kit: string
  /** Where it came from. */
  source: string
  /** The day of its newest table. */
  date: string
  /** Of its zip, or of its files together. */
  sha256: string
  /** Conversion tables. */
  tables: number
  /** Codes and ranges of codes. */
  rows: number
  /** False: the lake had this very kit. */
  new: boolean
}

/** A kit that could not be taken. */
export interface KitFailed {
  /** `sih`, as lists of labels are named. */
  kit: string
  /** Where it lies. */
  source: string
  /** Why: `DS-460`. */
  errorCode: string
  /** The same in words. */
  detail: string
}

/** What was noticed in a file that was read by itself. */
export interface FileSummary {
  /** Rows in the batches. */
  rows: number
  /** Records that the header declares. */
  rowsDeclared: number
  /** Marked deleted, and left out. */
  rowsDeleted: number
  /** Kept, although their flag is the byte 0x00 and not a blank. */
  rowsUnflagged: number
  /** Records that could not be read. */
  rowsRejected: number
  /** Whether the checksum was right. */
  crc: CrcState
  /** Of the file. */
  sha256: string
  /** Columns in which some fields did not parse, and are NULL. */
  badValues: BadColumn[]
  /** Columns whose codes were brought into the catalogue's form. */
  normalised: Normalised[]
  /** Codes for which the list of their label has none; NULL codes are not among them. */
  unlabelled?: Unlabelled[]
  /** What is odd about the file and does no harm, in the language that was asked for. */
  warnings: string[]
}

/** A column in which some fields did not parse. */
export interface BadColumn {
  /** The column. */
  column: string
  /** How many values. */
  count: number
  /** The first ten raw values. */
  samples: string[]
}

/** The codes of a column that stood in the file in another form than the catalogue's. */
export interface Normalised {
  /** The column. */
  column: string
  /** The form that its codes have now. */
  form: string
  /** How many were written in another one. */
  count: number
  /** The first ten, as the file has them and as they are now. */
  samples: [string, string][]
}

/** How rows are written to a pipe. */
export type Format = { csv: Csv } | { ndjson: Ndjson } | { arrow: ArrowStream }

/** How NDJSON is written. */
export interface Ndjson {
  /** How exact numbers that a double cannot hold are written. */
  numbers?: Numbers
  /** Compresses with zstd at this level, from 1 to 22; without it, it is plain text. */
  zstd?: number | null
}

/**
 * How decimals and integers of 64 bits are written in JSON.
 *
 * - `number`: As numbers with all their digits: `1234.50`. A reader whose numbers are doubles rounds them.
 * - `text`: As text: `"1234.50"`.
 */
export type Numbers = 'number' | 'text'

/** How an Arrow IPC stream is written. */
export interface ArrowStream {
  /** Compresses with zstd at this level, from 1 to 22; without it, it is the plain stream. */
  zstd?: number | null
}

/** Settings of one client. */
export interface Config {
  /** Where else the tree of a source like `datasus://` lies, tried in order where those before do not serve: `ftp://host/folder`, `https://host/folder/`, `s3://bucket/prefix`, a folder (`DATASUS_MIRRORS`, with commas between them). */
  mirrors?: string[]
  /** Folder of what is fetched from a source elsewhere: lake, jobs, listings, files; none: `datasus` in the user's data folder, `$XDG_DATA_HOME` or `~/.local/share` (`DATASUS_HOME`). */
  home?: string | null
  /** When a source elsewhere is asked again what it has (`DATASUS_REFRESH`: `never`, `changed` or `always`). */
  refresh?: Refresh
  /** Seconds for which a listing of a source elsewhere holds (`DATASUS_REFRESH_AFTER`). Default one day. */
  refresh_after?: number
  /** Whether a file that was fetched stays beside what it was converted into (`DATASUS_KEEP_FILES`). Default no: it would be fetched again where it is needed again. */
  keep_files?: boolean
  /** Bytes that one query may fetch (`DATASUS_MAX_DOWNLOAD`); default 5 GB. Beyond them it is DS-422; `sync` has no limit. */
  max_download?: number
  /** Files that are fetched at once (`DATASUS_TRANSFERS`), 1 to 6; default 2. */
  transfers?: number
  /** A PEM file of authorities that are trusted beside the system's, for sources by HTTPS and S3 servers (`DATASUS_CA`). */
  ca?: string | null
  /** Datasets by declaration: `{"SIH-RD": ["exports/*.parquet"], "SIM-DO": "mortes.parquet"}`. Parquet or CSV of any name, which may hold many UFs and months: the dataset's columns say which. They stand in the place of what the source folder holds of the dataset; with them the source may be left out (empty). `*` and `?` stand for letters of a name, `**` for folders. Read from the settings alone. */
  declared?: Record<string, string[]>
  /** Tables of one's own for SQL to read beside the catalogue's, by name: a Parquet or CSV each. Read from the settings alone. */
  tables?: Record<string, string>
  /** How CSV among `declared` and `tables` are written, by their name, where the files are not to say it themselves: `{"municipios": {"delimiter": ";", "types": {"populacao": "integer"}}}`. Read from the settings alone. */
  csv?: Record<string, CsvForm>
  /** Folder of converted Parquet; none: `.datasus/lake` inside the source folder (`DATASUS_LAKE`). */
  lake?: string | null
  /** Folder that holds every file an export writes; none: the process's current folder (`DATASUS_OUTPUT`). */
  output?: string | null
  /** Folder of what jobs keep to be resumed: checkpoints, dead letters, kept results; on a local file system. None: `.datasus/jobs` inside the source folder, or `jobs` beside a lake of your own (`DATASUS_STATE`). */
  state?: string | null
  /** Folder for what queries spill, each into a folder of its own that goes with it; what killed processes left there goes when a client opens. None: the system's temporary folder (`DATASUS_SPILL`). */
  spill?: string | null
  /** Bytes that one query may hold in the engine; none: 45 % of the machine's or cgroup's memory, the tighter (`DATASUS_MEMORY_LIMIT`). */
  memory_limit?: number | null
  /** Bytes that one query may spill, and that a kept result may have (`DATASUS_SPILL_LIMIT`); default 50 GB. Past them, or once less than 5 % of the disk (1 GiB at most) would be left, it is DS-507. */
  spill_limit?: number
  /** Server of the PostgreSQL sinks that name none (`DATASUS_POSTGRES`); never shown. */
  postgres?: string | null
  /** Server of `s3://` sources, lakes and outputs: `https://minio.example:9000`; none: Amazon's of the region (`DATASUS_S3_ENDPOINT`). Only this says where requests go; no link or redirect does. */
  s3_endpoint?: string | null
  /** Region of the buckets; none: the profile's, or `us-east-1`, which servers other than Amazon's mostly take (`DATASUS_S3_REGION`). */
  s3_region?: string | null
  /** True: the bucket stands in the path, as MinIO has it; false: in the name of the server. None: true with an `s3_endpoint` (`DATASUS_S3_PATH_STYLE`). */
  s3_path_style?: boolean | null
  /** Access key (`DATASUS_S3_KEY`); never shown. Without key and profile requests are not signed, as public buckets take them. */
  s3_key?: string | null
  /** Secret of the access key (`DATASUS_S3_SECRET`); never shown. */
  s3_secret?: string | null
  /** Session token of a temporary key (`DATASUS_S3_TOKEN`); never shown. */
  s3_token?: string | null
  /** Profile of `~/.aws/credentials` (or of the file in AWS_SHARED_CREDENTIALS_FILE) whose key is used (`DATASUS_S3_PROFILE`). */
  s3_profile?: string | null
  /** Where keys come from (`DATASUS_S3_CREDENTIALS`): `keys`, which is the default, of the settings or the profile; `instance`, of the machine's metadata service, whose address nothing else ever asks. */
  s3_credentials?: S3Credentials
  /** The same for S3 servers alone; none: `ca` (`DATASUS_S3_CA`). */
  s3_ca?: string | null
  /** Proxy of these requests (`DATASUS_S3_PROXY`); never shown. None: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. */
  s3_proxy?: string | null
  /** Seconds without a byte from the server before a request is given up and tried again (`DATASUS_S3_TIMEOUT`). Default 30. */
  s3_timeout?: number
  /** Folder of copies of what lies in other stores, which all clients of the user share; none: `datasus/objects` in the user's cache folder (`DATASUS_REMOTE_CACHE`). */
  remote_cache?: string | null
  /** Bytes that those copies may have together (`DATASUS_REMOTE_CACHE_LIMIT`); default 20 GB. What was used longest ago goes first. */
  remote_cache_limit?: number
  /** Bytes of answers that this client keeps in memory for who asks the same again, and at most a sixteenth of what jobs may have (`DATASUS_CACHE_MEMORY`); default 64 MB, 0: none. */
  cache_memory?: number
  /** Folder of answers that are kept for longer than the process, which all processes of the user share; none: nothing is (`DATASUS_CACHE_FOLDER`). */
  cache_folder?: string | null
  /** Bytes of that folder (`DATASUS_CACHE_LIMIT`); default 5 GB. What was used longest ago goes first. */
  cache_limit?: number
  /** Bytes of an answer, unpacked, above which it is not kept (`DATASUS_CACHE_ENTRY_LIMIT`); default 8 MB, 0: no answer is. */
  cache_entry_limit?: number
  /** zstd level of kept answers, 1 to 19 (`DATASUS_CACHE_LEVEL`); default 1. */
  cache_level?: number
  /** Redis in which several machines keep answers, `redis://server:6379/0`, or `rediss://` with TLS (`DATASUS_REDIS`); never shown. Who may write there can change answers, unless `redis_secret` is set. */
  redis?: string | null
  /** Secret of all clients that share answers in Redis, of 16 signs at least (`DATASUS_REDIS_SECRET`); never shown. With it an answer that was made without it is refused and counted. */
  redis_secret?: string | null
  /** zstd level of answers in Redis, 1 to 19 (`DATASUS_REDIS_LEVEL`); none: `cache_level`. */
  redis_level?: number | null
  /** File of certificates (PEM) of a private authority for `rediss://`, in the place of the system's (`DATASUS_REDIS_CA`). */
  redis_ca?: string | null
  /** Seconds after which Redis forgets an answer (`DATASUS_REDIS_TTL`). Default one day. */
  redis_ttl?: number
  /** Queries a minute for each `rate_key` that queries of this client bear; one more is DS-429 (`DATASUS_RATE_LIMIT`). Default 100, 0: no limit. With `redis` all processes count together; while that does not answer, each counts up to its part by `processes`. */
  rate_limit?: number
  /** How many processes serve together on this machine, as the workers of a service do (`DATASUS_PROCESSES`). Memory of jobs and, without Redis, `rate_limit` are divided by it. Default 1. */
  processes?: number
  /** Seconds that any query may take before DS-504; a query's own `deadline` can only be shorter (`DATASUS_DEADLINE`). Default one day. */
  deadline?: number
  /** Threads for conversion and engine, and the most jobs of this client that run at once (of all clients together: one per core); none: one per core (`DATASUS_THREADS`). At most 512. */
  threads?: number | null
  /** Cluster on which queries run: `sc://host:15002`, the address of a Spark Connect server, with `/;use_ssl=true;token=...` behind it where that asks for TLS and a token (`DATASUS_ENGINE`); never shown. The cluster must see the lake under the path that it has here. None: they run in this process. SQL does not go there. */
  engine?: string | null
  /** Folder that the cluster of `engine` and this machine see under one path, and in which both may write: what goes to files and tables the cluster writes there as Parquet, by itself and however much it is, and it is loaded from there; the job's folder in it goes with the job. None: rows come through the server and are kept in `state`, up to `spill_limit` (`DATASUS_ENGINE_FOLDER`). */
  engine_folder?: string | null
  /** What runs in a process of its own, which can read the query's files and do nothing else (`DATASUS_ISOLATION`: `none`, `process` or `all`). Default `none`. A service that takes SQL of others says `process`. */
  isolation?: Isolation
  /** The program that runs there, `datasus-worker` of the same build (`DATASUS_WORKER`); none: the one beside the library, or the program itself where it calls `datasus::worker::main()`. One that is not there, or of another build, is DS-422 when the client opens. */
  worker?: string | null
  /** The most urgent class that a query of this client gets, whatever its `priority` asks (`DATASUS_MAX_PRIORITY`: `health`, `admin` or `user`). Default `health`: an application may use every class. A gateway sets `user` for those it does not trust. */
  max_priority?: Priority
  /** What the rows of a dataset that come back as a stream do in an emergency of memory, where the query does not say (`DATASUS_ON_EMERGENCY`: `sample`, `spill`, `wait` or `fail`); none: `wait`. Aggregates, SQL, files and tables are `spill` unless the query says otherwise. */
  on_emergency?: OnEmergency | null
  /** Most rows in a batch of an answer; each but the last has at least half of that, or fewer while memory is scarce (`DATASUS_CHUNK_ROWS`). At most 1,048,576. */
  chunk_rows?: number
  /** True: a DBC whose CRC-32 does not match is DS-460. False: it is not looked at, and the report says `unchecked` (`DATASUS_VERIFY_CRC`). */
  verify_crc?: boolean
  /** Language of the texts for people (`DATASUS_LANGUAGE`: `pt` or `en`). */
  language?: Language
}

/**
 * Whether files that are here are looked up where they came from: the ministry publishes recent months anew under their names.
 *
 * - `never`: A listing that was read once holds for ever, and what is here is never fetched again.
 * - `changed`: Listings hold for `refresh_after`; what has changed in them is fetched again.
 * - `always`: Every query reads the listings anew; what has changed in them is fetched again.
 */
export type Refresh = 'never' | 'changed' | 'always'

/** What is said of a CSV; what is left out the file itself says. */
export interface CsvForm {
  /** One character of ASCII between values: `;`, `,`, `|`, a tab. None: the one that separates most names of the header. */
  delimiter?: string | null
  /** None: UTF-8 where the whole file is, and Latin-1 where it is not. */
  encoding?: CsvEncoding | null
  /** Types of columns, by name: `text`, `integer`, `decimal(14,2)`, `date` (2024-01-31, 20240131 or 31/01/2024). Others are text; of a declared dataset the catalogue says the types of its own columns, and this those of others. */
  types?: Record<string, string>
}

/**
 * What the letters of a CSV are.
 *
 * - `utf-8`: What is not is DS-460.
 * - `latin1`: ISO 8859-1.
 * - `windows-1252`: Latin-1 with letters in the place of control signs, as programs on Windows write it.
 */
export type CsvEncoding = 'utf-8' | 'latin1' | 'windows-1252'

/**
 * Where the keys of an S3 server come from.
 *
 * - `keys`: The settings, or a profile.
 * - `instance`: The metadata service of the machine.
 */
export type S3Credentials = 'keys' | 'instance'

/**
 * What runs in a process of its own.
 *
 * - `none`: Nothing: the engine is in the process.
 * - `process`: SQL of users.
 * - `all`: Whatever the engine runs, aggregates and sorts too. Rows that are only read are read in the process all the same.
 */
export type Isolation = 'none' | 'process' | 'all'

/** What rates are asked of. */
export interface RatesParams {
  /** What is counted, each row once: dataset, UF, competência, conditions and options. UF says which files are read, and whose municipalities are in the answer: a warning counts the events of residents of other UFs. */
  events: QueryParams
  /** The people among whom: `IBGE-POPSVS` of one year (left out: that of `events`' competência), or a dataset whose rows are counted, `SINASC-DN` for infant mortality; without a competência, of the time of the events. */
  population?: QueryParams | null
  /** A table of one's own (`tables`) with the standard population: `faixa_etaria` (`0 a 4 anos`, ..., `80 anos e mais`) and `populacao`. Left out: the whole country of the same year of `IBGE-POPSVS`. */
  standard?: string | null
  /** A rate is of so many people; left out: 100,000. */
  per?: number | null
}

/** The parts of what is told that are records themselves, by their keys in the contract. @internal */
export const PARTS: Record<string, Record<string, string>> = {
  Report: { performance: 'Performance', sampling: 'Sampled', sources: 'SourceFile', row_groups: 'Share', bytes: 'Share', missing: 'Missing', unreadable: 'Unreadable', bad_values: 'BadValue', normalised: 'NormalisedCodes', unlabelled: 'Unlabelled', cluster: 'ClusterUse', indexes: 'TableIndex' },
  SourceFile: { series: 'Series' },
  SyncReport: { sources: 'SourceFile', unreadable: 'Unreadable', bad_values: 'BadValue', normalised: 'NormalisedCodes' },
  SyncPlan: { planned: 'PlannedFile', missing: 'Missing' },
  JobInfo: { destinations: 'JobDestination', error: 'ErrorForm' },
  ErrorForm: { problems: 'Problem', context: 'ErrorContext' },
  Explain: { files: 'Share', row_groups: 'Share', bytes: 'Share', missing: 'Missing', left_out: 'LeftOut', indexes: 'PlannedIndex' },
  Estimate: { rows: 'Expected', rows_read: 'Expected', bytes_to_download: 'Expected', bytes_to_convert: 'Expected', bytes_to_read: 'Expected', duration_sec: 'ExpectedSeconds', memory_bytes: 'Expected', complexity: 'Complexity' },
  Holdings: { datasets: 'DatasetSummary', ignored: 'IgnoredFile' },
  CatalogEntry: { uf_column: 'UfColumn', row_keys: 'RowKeys', folders: 'FtpFolder', gaps: 'Gap', columns: 'CatalogColumn', fields: 'CatalogFields', derived: 'DerivedColumn' },
  CatalogColumn: { eras: 'Era', meaning: 'Meaning', form: 'StatedForm', codings: 'Coding' },
  Profile: { competencias: 'CompetenciaRows', columns: 'ColumnProfile', report: 'Report' },
  ColumnProfile: { frequent: 'FrequentValue', by_competencia: 'InCompetencia', changes: 'Change' },
  Rates: { rows: 'Rate', population_sources: 'SourceFile' },
  DictionarySync: { kits: 'KitSynced', failed: 'KitFailed' },
  FileSummary: { bad_values: 'BadColumn', normalised: 'Normalised', unlabelled: 'Unlabelled' },
}
