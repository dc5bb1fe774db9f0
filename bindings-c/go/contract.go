// Code generated from the core's JSON Schema by `make contract`. DO NOT EDIT.

package datasus

// Report: the report of a completed job.
type Report struct {
	// Version of the contract.
	Contract uint64 `json:"contract"`
	// Of the job; a report is of one that has completed.
	Status Status `json:"status"`
	// A ULID: jobs sort by the time of their submission.
	JobID string `json:"job_id"`
	// Ties the job to its log lines and errors.
	TraceID string `json:"trace_id"`
	// Rows delivered to the sinks.
	RecordsProcessed uint64 `json:"records_processed"`
	// Where the rows are now: by sink, the file relative to the output folder.
	Storage map[string]Storage `json:"storage"`
	// Times, sizes and memory.
	Performance Performance `json:"performance"`
	// The memory's when the job began.
	Mode Mode `json:"mode"`
	// None: every row was read. Else the answer is of these rows of the sources alone, and nothing is scaled.
	Sampling *Sampled `json:"sampling"`
	// Records that were not taken; each is kept with its reason.
	DeadLetters uint64 `json:"dead_letters"`
	// How often the job was begun.
	Attempts uint64 `json:"attempts"`
	// Rows that each sink held from earlier attempts when the last one began; none where it began with nothing.
	ResumedFrom map[string]uint64 `json:"resumed_from"`
	// Whether the answer came from a cache. A sample never enters one.
	Cache CacheUse `json:"cache"`
	// The files that were read, in the order of the answer.
	Sources []SourceFile `json:"sources"`
	// Row groups of `sources`: those that were read, of all; the others were ruled out by their statistics or by a
	// condition on the file, or not come to (`limit`, rows that an earlier attempt had). Of a query that DuckDB runs,
	// those that the conditions of the query leave (of SQL, all). A kept answer reads none.
	RowGroups Share `json:"row_groups"`
	// Compressed bytes of the column chunks in them: of columns and row groups that were read, of all.
	Bytes Share `json:"bytes"`
	// Files that were asked for by name and are not there (`missing = warn`).
	Missing []Missing `json:"missing,omitempty"`
	// Files left out because they could not be read (`partial = true`).
	Unreadable []Unreadable `json:"unreadable,omitempty"`
	// Fields that did not parse and are NULL in the lake, by file and column.
	BadValues []BadValue `json:"bad_values,omitempty"`
	// Codes that stood in the sources in another form than the catalogue's, by column that the query reads; the lake and
	// the answer hold that form.
	Normalised []NormalisedCodes `json:"normalised,omitempty"`
	// Codes of the files that were read, before conditions, for which the list of their label has none; NULL codes are
	// not among them.
	Unlabelled []Unlabelled `json:"unlabelled,omitempty"`
	// What ran on a cluster (`engine`), and what it took there; none where no statement ran on one.
	Cluster *ClusterUse `json:"cluster,omitempty"`
	// Indexes of PostgreSQL tables that were wanted, each with why, and what became of it.
	Indexes []TableIndex `json:"indexes,omitempty"`
	// In the client's language.
	Warnings []string `json:"warnings"`
}

// Status: where a job stands.
type Status string

const (
	// It waits for a slot.
	StatusQueued Status = "queued"
	// It is at work.
	StatusRunning Status = "running"
	// It waits for its consumer, and others use its slot.
	StatusParked Status = "parked"
	// It waits before an attempt: before another one, or for memory before the first.
	StatusRetrying Status = "retrying"
	// Everything is where it should be; final.
	StatusCompleted Status = "completed"
	// It ended with an error; final.
	StatusFailed Status = "failed"
	// It was stopped; final.
	StatusCancelled Status = "cancelled"
)

// Performance: what a job took.
type Performance struct {
	// From submission to the last durable byte.
	DurationSec float64 `json:"duration_sec"`
	// `records_processed` by the unrounded duration.
	ThroughputRPS uint64 `json:"throughput_rps"`
	// The process's peak resident memory during the job, in 10^9 bytes.
	MemoryPeakGB float64 `json:"memory_peak_gb"`
}

// Mode: how full the memory is, and with it how carefully the process works.
type Mode string

const (
	// Full speed.
	ModeNormal Mode = "normal"
	// From 70 % on: smaller batches, fewer workers, smaller new leases; memory is given back.
	ModeConservative Mode = "conservative"
	// From 85 % on: a job that starts now is sampled, spilled, made to wait or refused.
	ModeEmergency Mode = "emergency"
	// By hand: one job at a time, one thread.
	ModeMaintenance Mode = "maintenance"
)

// Sampled: the sample that an answer is of.
type Sampled struct {
	// Share of the source rows, from 0 to 1.
	Fraction float64 `json:"fraction"`
	// Chooses the rows: the same seed, the same rows.
	Seed uint64 `json:"seed"`
	// How a row's number and the seed decide.
	Method string `json:"method"`
	// Rows of the source files, before conditions.
	RowsSeen uint64 `json:"rows_seen"`
	// Those of them that are in the sample, before conditions.
	RowsKept uint64 `json:"rows_kept"`
}

// CacheUse: whether an answer came from a cache.
type CacheUse string

const (
	// None was asked: the query or the client says so, or the answer is one that is not kept.
	CacheUseOff CacheUse = "off"
	// It was run, and its answer is kept where it is not too large.
	CacheUseMiss CacheUse = "miss"
)

// SourceFile: a source file of the answer.
type SourceFile struct {
	// Its name.
	File string `json:"file"`
	// Rows in the file, before filters.
	Rows uint64 `json:"rows"`
	// None for the user's own Parquet, which is not hashed.
	SHA256 *string `json:"sha256"`
	// Whether its checksum was right.
	CRC CrcState `json:"crc"`
	// True: the ministry has not closed it yet; it lies in a folder PRELIM.
	Preliminary *bool `json:"preliminary,omitempty"`
	// The address of the source that it was fetched from; none for files of this machine.
	Origin *string `json:"origin,omitempty"`
	// Of a population of IBGE's: a series is published anew with other numbers for the same year.
	Series *Series `json:"series,omitempty"`
}

// CrcState: whether the CRC-32 was right.
type CrcState string

const (
	// It matches the whole content.
	CrcStateOk CrcState = "ok"
	// It was not looked at, the file was not read to its end, or it did not match.
	CrcStateUnchecked CrcState = "unchecked"
	// DBF has none, nor has most Parquet.
	CrcStateAbsent CrcState = "absent"
)

// Series: which series a population is of, and which revision of it.
type Series struct {
	// `IBGE-POPSVS`, `IBGE-POPTCU`, `IBGE-POP`, ...
	Dataset string `json:"dataset"`
	// What the series is, in Portuguese.
	Name string `json:"name"`
	// The file's own day (`2025-01-07`), in UTC, as its server or the system tells it.
	FileDate *string `json:"file_date,omitempty"`
	// The day of the last change that the header of the DBF says (`2024-12-12`); none for other kinds of files, and for
	// those that an earlier version converted.
	HeaderDate *string `json:"header_date,omitempty"`
}

// Share: read, of those present.
type Share struct {
	// What the query reads.
	Read uint64 `json:"read"`
	// What is there.
	Present uint64 `json:"present"`
}

// Missing: a file that was asked for by name and is not in the source.
type Missing struct {
	// Of which dataset.
	Dataset string `json:"dataset"`
	// The UF, where it is one.
	UF *string `json:"uf,omitempty"`
	// The competência, where it is one.
	Competencia *string `json:"competencia,omitempty"`
	// Of a file whose later parts are there.
	Part *string `json:"part,omitempty"`
}

// Unreadable: a file that could not be read, and why.
type Unreadable struct {
	// The source file.
	File string `json:"file"`
	// `DS-460`, ...
	ErrorCode string `json:"error_code"`
	// In the client's language.
	Detail string `json:"detail"`
}

// BadValue: a column of a file in which some fields did not parse.
type BadValue struct {
	// The source file.
	File string `json:"file"`
	// The column.
	Column string `json:"column"`
	// How many values.
	Count uint64 `json:"count"`
	// The first ten raw values.
	Samples []string `json:"samples"`
}

// NormalisedCodes: a column of a dataset whose codes were brought into the catalogue's form.
type NormalisedCodes struct {
	// The dataset.
	Dataset string `json:"dataset"`
	// The column.
	Column string `json:"column"`
	// `municipality`, `year` or `digits(n)`.
	Form string `json:"form"`
	// Files that had such codes.
	Files uint64 `json:"files"`
	// How many codes.
	Count uint64 `json:"count"`
	// The first ten, as a file has them and as they are in the answer.
	Samples [][2]string `json:"samples"`
}

// Unlabelled: a column whose list of labels lacks some of its codes.
type Unlabelled struct {
	Dataset string `json:"dataset"`
	// Of the codes.
	Column string `json:"column"`
	// Rows with such a code.
	Count uint64 `json:"count"`
	// Ten of them, the most frequent first; codes that are looked up together stand with a plus between.
	Codes []string `json:"codes"`
}

// ClusterUse: what a query did on a cluster. The bytes of the files that it read are the report's `bytes`.
type ClusterUse struct {
	// What ran it, and its version: `spark 4.3.0`.
	Engine string `json:"engine"`
	// Stages that ran, of all its statements, as far as the cluster told of them: it does while it is at work, and
	// promises no last word.
	Stages uint64 `json:"stages"`
	// Tasks of theirs that ended, as far as it told of them.
	Tasks uint64 `json:"tasks"`
	// How often the connection broke off and was taken up again.
	Reconnects uint64 `json:"reconnects"`
}

// TableIndex: an index that a load was to make in PostgreSQL.
type TableIndex struct {
	// `schema.table`; of a partitioned table its partition.
	Table string `json:"table"`
	// The column.
	Column string `json:"column"`
	// `btree`, or `brin` where the rows came in the column's order; of one that was there, what it is (`hash` as well).
	Method string `json:"method"`
	// Its name in the table's schema; none where there is none.
	Name *string `json:"name"`
	// What became of it.
	State IndexState `json:"state"`
	// Why it was wanted, and why it was not made where it was not; in the client's language.
	Why string `json:"why"`
}

// IndexState: what became of an index.
type IndexState string

const (
	// This load made it.
	IndexStateMade IndexState = "made"
	// The table had one that serves the same.
	IndexStatePresent IndexState = "present"
	// It is not there; the rows are.
	IndexStateFailed IndexState = "failed"
)

// SyncReport: what a conversion ahead of a query did.
type SyncReport struct {
	// Files that are in the lake now.
	Files uint64 `json:"files"`
	// Their rows.
	Rows uint64 `json:"rows"`
	// Bytes of the lake's Parquet for these files.
	Bytes uint64 `json:"bytes"`
	// How long it took.
	DurationSec float64 `json:"duration_sec"`
	// Each of the files.
	Sources []SourceFile `json:"sources"`
	// Files left out because they could not be fetched or read (`partial`).
	Unreadable []Unreadable `json:"unreadable,omitempty"`
	// Values that did not parse.
	BadValues []BadValue `json:"bad_values"`
	// Codes that were written in another form.
	Normalised []NormalisedCodes `json:"normalised"`
	// What people should know.
	Warnings []string `json:"warnings"`
}

// SyncPlan: what `Client.sync`(crate::Client::sync) would do.
type SyncPlan struct {
	// Files that the datasets, UFs and competências mean, and their bytes where the source lies.
	Files uint64 `json:"files"`
	// Of these files, as far as a listing tells.
	Bytes uint64 `json:"bytes"`
	// Of these, what would be fetched from elsewhere; none for a folder of this machine.
	FilesToFetch uint64 `json:"files_to_fetch"`
	// Of these, as listed.
	BytesToFetch uint64 `json:"bytes_to_fetch"`
	// Of these, what is not in the lake as it is now.
	FilesToConvert uint64 `json:"files_to_convert"`
	// Each of the files, in the order of an answer.
	Planned []PlannedFile `json:"planned"`
	// Asked for by name, and in no listing.
	Missing []Missing `json:"missing,omitempty"`
	// In the client's language.
	Warnings []string `json:"warnings"`
}

// PlannedFile: a file that a sync would look after.
type PlannedFile struct {
	// Where it lies.
	File string `json:"file"`
	// Of its name.
	Dataset string `json:"dataset"`
	// Of its name.
	UF string `json:"uf"`
	// Of its name.
	Competencia string `json:"competencia"`
	// 0 where only the file itself will tell.
	Bytes uint64 `json:"bytes"`
	// What a sync would do with it.
	State FileState `json:"state"`
	// The ministry has not closed it yet.
	Preliminary bool `json:"preliminary"`
	// When the listing was read that it stands in; none for files of this machine.
	ListedAt *string `json:"listed_at,omitempty"`
}

// FileState: what is here of a file.
type FileState string

const (
	// It is in the lake as it is now: nothing is to be done.
	FileStateThere FileState = "there"
	// The file is here, and is to be converted.
	FileStateHere FileState = "here"
	// It was never fetched.
	FileStateAbsent FileState = "absent"
	// It was published anew since it was fetched.
	FileStateChanged FileState = "changed"
)

// JobInfo: a job that left something, as `Client.jobs` lists it.
type JobInfo struct {
	// By which it is resumed or discarded.
	JobID string `json:"job_id"`
	// How it stands.
	Standing Standing `json:"standing"`
	// When it was submitted, as RFC 3339.
	CreatedAt string `json:"created_at"`
	// The query, without passwords; null where it cannot be read.
	Params *Params `json:"params"`
	// Where its rows go, without passwords; empty where that cannot be read, which its standing says.
	Destinations []JobDestination `json:"destinations"`
	// The error that it ended with, in the contract's form.
	Error *ErrorForm `json:"error"`
	// Records that were not taken.
	DeadLetters uint64 `json:"dead_letters"`
	// The process that ran it; 0 where that cannot be read.
	PID uint64 `json:"pid"`
	// The machine that had it.
	Host string `json:"host"`
}

// Standing: how the process that ran a job stands.
type Standing string

const (
	// A process works at it now.
	StandingRunning Standing = "running"
	// Its process died.
	StandingCrashed Standing = "crashed"
	// It began on another machine, or in another container, and nobody holds it here.
	StandingForeign Standing = "foreign"
	// It failed, and can be resumed.
	StandingFailed Standing = "failed"
	// It has ended; only its dead letters are left.
	StandingEnded Standing = "ended"
	// What its folder holds cannot be read, or is not to be trusted; the error says why. Nothing but `discard` goes on.
	StandingUnreadable Standing = "unreadable"
)

// Params: one query: over one dataset (`dataset`, `columns`, `where`, ...), or one SELECT over several (`sql`,
// `bind`).
type Params struct {
	// Version of this contract; 1, or left out.
	Contract uint64 `json:"contract,omitempty"`
	// `SIH-RD`, `CNES-ST`, `SIM-DO`, ..., or for short `RD`, `dengue`; left out (empty) with `sql`.
	Dataset string `json:"dataset,omitempty"`
	// One SELECT over the tables of the catalogue (`sih_rd`, `cnes_st`, ...) instead of `dataset` and the keys that go
	// with it. Only the files that `uf` and `competencia` choose are in the tables. DuckDB's dialect; 64 KiB.
	SQL string `json:"sql,omitempty"`
	// Values of the SQL's parameters: `{"cnes": "2000733"}` for `$cnes`. Text, number, true, false or null.
	Bind map[string]any `json:"bind,omitempty"`
	// Siglas, names (`Acre`) or IBGE's codes (`12`); left out: every UF that the source holds.
	UF Texts `json:"uf,omitzero"`
	// Month (`202401`, `2024-01`, `01/2024`) or year (`2024`) of processing; left out: all that the source holds. A year
	// stands for its twelve months where a dataset is monthly.
	Competencia any `json:"competencia,omitempty"`
	// Columns of the answer, in this order; left out: all.
	Columns []string `json:"columns,omitzero"`
	// Words for codes: true, or a list of columns, adds `<COLUMN>_rotulo` beside each column that has a list of labels.
	// Names of labels and of derived columns also stand in `columns`, `where`, `group_by` and `order_by`.
	Labels any `json:"labels,omitempty"`
	// True: a label of `labels` stands in its code's place.
	LabelsOnly bool `json:"labels_only,omitempty"`
	// Conditions that every row must meet.
	Where []Filter `json:"where,omitzero"`
	// One row of the answer for each combination of these columns.
	GroupBy []string `json:"group_by,omitzero"`
	// Figures over each group (or over everything, without `group_by`).
	Aggregates []Aggregate `json:"aggregates,omitzero"`
	// Order of the answer; NULL comes last. Left out: the order of the files and of their rows.
	OrderBy []OrderBy `json:"order_by,omitzero"`
	// Rows at most.
	Limit *uint64 `json:"limit,omitempty"`
	// How it is run.
	Options *Options `json:"options,omitempty"`
}

// Filter: a condition; a row for which it is unknown (NULL) does not meet it, as in SQL.
type Filter struct {
	// The column.
	Column string `json:"column,omitempty"`
	// How they are compared.
	Op Op `json:"op,omitempty"`
	// One value; two for `between`; a list for `in` and `not_in`; none for `is_null` and `not_null`.
	Value any `json:"value,omitempty"`
	// Of which one is enough.
	Any []Filter `json:"any,omitzero"`
	// Which all have to hold.
	All []Filter `json:"all,omitzero"`
	// What does not hold.
	Not *Filter `json:"not,omitempty"`
}

// Op: how a column is compared.
type Op string

const (
	// Equal to the value.
	OpEq Op = "eq"
	// Different from the value.
	OpNe Op = "ne"
	// Less than the value.
	OpLt Op = "lt"
	// Not greater than the value.
	OpLe Op = "le"
	// Greater than the value.
	OpGt Op = "gt"
	// Not less than the value.
	OpGe Op = "ge"
	// Both ends included.
	OpBetween Op = "between"
	// One of the list.
	OpIn Op = "in"
	// None of the list.
	OpNotIn Op = "not_in"
	// Text that begins with the value: `J18` finds `J180` and `J189`.
	OpStartsWith Op = "starts_with"
	// Without a value.
	OpIsNull Op = "is_null"
	// With a value.
	OpNotNull Op = "not_null"
)

// Aggregate: a figure over a group.
type Aggregate struct {
	// What is computed.
	Fn AggregateFn `json:"fn"`
	// May be left out (or `*`) for `count` alone, which then counts rows.
	Column string `json:"column,omitempty"`
	// Name in the answer; left out: `sum_val_tot`, `count`.
	As string `json:"as,omitempty"`
}

// AggregateFn: how the values of a group become one.
type AggregateFn string

const (
	// Rows, or values that are not NULL.
	AggregateFnCount AggregateFn = "count"
	// Different values that are not NULL.
	AggregateFnCountDistinct AggregateFn = "count_distinct"
	// Exact for integers and decimals.
	AggregateFnSum AggregateFn = "sum"
	// A floating-point mean of the values that are not NULL.
	AggregateFnAvg AggregateFn = "avg"
	// The least; of texts, the first.
	AggregateFnMin AggregateFn = "min"
	// The greatest; of texts, the last.
	AggregateFnMax AggregateFn = "max"
)

// OrderBy: one key of the order.
type OrderBy struct {
	// A column of the answer, or of the dataset where rows are not grouped.
	Column string `json:"column"`
	// Greatest first; false, or left out: least first.
	Desc bool `json:"desc,omitempty"`
}

// Options: options of one query. Each is capped by the client's configuration.
type Options struct {
	// Seconds after which the job ends with DS-504; none: as long as it takes.
	Deadline float64 `json:"deadline,omitempty"`
	// What to do about files that were asked for by name and are not there.
	Missing MissingFiles `json:"missing,omitempty"`
	// Which of several versions of a file is read, where neither folder, date nor content tells.
	Versions Versions `json:"versions,omitempty"`
	// True: a file that cannot be read is left out and named in the report. False: it ends the job.
	Partial bool `json:"partial,omitempty"`
	// Class of the job: health before admin before user, where jobs wait; at most the client's `max_priority`.
	Priority Priority `json:"priority,omitempty"`
	// What a job that starts in an emergency of memory (above 85 %) does; none: `wait` for the rows of a dataset that
	// come back as a stream, or what the client's `on_emergency` says; `spill` for aggregates, SQL, files and tables.
	OnEmergency OnEmergency `json:"on_emergency,omitempty"`
	// Whether an answer may come from a cache, and be kept in one. It is that of the sources as they are now in any case.
	Cache CacheMode `json:"cache,omitempty"`
	// Who asks, where a service limits how often: a user, an address. Past the client's `rate_limit` it is DS-429 with
	// the seconds to wait; none: no limit.
	RateKey string `json:"rate_key,omitempty"`
	// What becomes of a value that does not parse in a column that the query reads.
	OnBadValue OnBadValue `json:"on_bad_value,omitempty"`
	// Source rows between two checkpoints of a durable sink, from 1 to 10,000,000; none: 10,000. A killed process loses
	// about so many rows of each connection's work.
	CheckpointRows uint64 `json:"checkpoint_rows,omitempty"`
	// Share of the rows, from 0 to 1, that may become dead letters before the job fails with DS-424; none: 0.01.
	DeadLetterLimit *float64 `json:"dead_letter_limit,omitempty"`
}

// MissingFiles: what to do about files that were asked for by name and are not there.
type MissingFiles string

const (
	// DS-404 that names every one.
	MissingFilesError MissingFiles = "error"
	// The report lists them.
	MissingFilesWarn MissingFiles = "warn"
)

// Versions: what to do about versions of a file with different rows. A final one stands before a preliminary one in
// any case.
type Versions string

const (
	// DS-409 that names them.
	VersionsRefuse Versions = "refuse"
	// The one that was changed last; the report names the others.
	VersionsNewest Versions = "newest"
)

// Priority: class of a job; the more urgent is the smaller.
type Priority string

const (
	// Before all others.
	PriorityHealth Priority = "health"
	// Before users.
	PriorityAdmin Priority = "admin"
	// After the others.
	PriorityUser Priority = "user"
)

// OnEmergency: what a job does that starts when the memory is nearly exhausted; a job that runs already is left as it
// is.
type OnEmergency string

const (
	// Reads one source row in ten, the same ones each time, before conditions, order, limit and aggregates. Nothing is
	// scaled; report, metadata, warnings, log and table comments say so. Not for SQL over several tables (DS-422).
	OnEmergencySample OnEmergency = "sample"
	// Goes on with less memory and more disk: exact, and slower.
	OnEmergencySpill OnEmergency = "spill"
	// Waits until the memory is below 80 % again, for 30 s at most: then DS-503 (or DS-504, where the deadline passes
	// first).
	OnEmergencyWait OnEmergency = "wait"
	// Ends with DS-503.
	OnEmergencyFail OnEmergency = "fail"
)

// CacheMode: what a query asks of the cache of answers. Samples and partial answers never enter it.
type CacheMode string

const (
	// A kept answer of the same question over the same content is given; another is kept.
	CacheModeUse CacheMode = "use"
	// It is run, and its answer kept in the place of what was.
	CacheModeRefresh CacheMode = "refresh"
	// It is run, and nothing is kept.
	CacheModeOff CacheMode = "off"
)

// OnBadValue: what becomes of a value that does not parse (`36.6` in a whole number, the 30th of February) in a column
// that the query reads, its conditions included.
type OnBadValue string

const (
	// It is NULL, and counted; the report has the first raw values of each column.
	OnBadValueNull OnBadValue = "null"
	// Its row is not in the answer, whatever the conditions say of it, but among the job's dead letters, with file, row,
	// column and raw value. More of them than `dead_letter_limit` allows is DS-424.
	OnBadValueDeadLetter OnBadValue = "dead_letter"
	// DS-422 that names the first one, before anything is published.
	OnBadValueFail OnBadValue = "fail"
)

// JobDestination: where the rows of a job go, as its state keeps it.
type JobDestination struct {
	// Its options by its kind, with the name that it has for this job.
	To DestinationOptions `json:"to"`
	// The address that it named, without its password; null for a file, and where it is the client's own.
	URL *string `json:"url"`
	// That address had a password, or options for the session, which are not stored.
	PasswordLeftOut bool `json:"password_left_out"`
}

// CSV: how a CSV file is written. For Brazilian spreadsheets: `delimiter = ";"`, `decimal_comma`, `bom`.
type CSV struct {
	// The file, below the output root; without it, the first six hex digits of the job's hash and `.csv` (`.csv.zst` with
	// `zstd`).
	Path string `json:"path,omitempty"`
	// Replaces an existing file in one act; when false, an existing file is DS-409.
	Overwrite bool `json:"overwrite,omitempty"`
	// Compresses with zstd at this level, from 1 to 22; without it, it is plain text.
	Zstd int64 `json:"zstd,omitempty"`
	// What stands between two fields.
	Delimiter Delimiter `json:"delimiter,omitempty"`
	// Writes `1234,56` for decimals and floats; when false, `1234.56`. Not together with the delimiter `,`.
	DecimalComma bool `json:"decimal_comma,omitempty"`
	// Begins with the column names; when false, with the first row.
	Header *bool `json:"header,omitempty"`
	// Begins with a byte order mark, by which Excel knows UTF-8; when false, there is none.
	BOM bool `json:"bom,omitempty"`
	// What ends a row.
	LineEnding LineEnding `json:"line_ending,omitempty"`
}

// Delimiter: what stands between two fields.
type Delimiter string

const (
	// `,`
	DelimiterComma Delimiter = ","
	// `;`
	DelimiterSemicolon Delimiter = ";"
	// A tab.
	DelimiterTab Delimiter = "\t"
	// `|`
	DelimiterPipe Delimiter = "|"
)

// LineEnding: what ends a row.
type LineEnding string

const (
	// CR LF, as RFC 4180 has it.
	LineEndingCRLF LineEnding = "crlf"
	// LF alone, as most tools on Unix write it.
	LineEndingLF LineEnding = "lf"
)

// Parquet: how a Parquet file is written.
type Parquet struct {
	// The file, below the output root; without it, the first six hex digits of the job's hash and `.parquet`.
	Path string `json:"path,omitempty"`
	// Replaces an existing file in one act; when false, an existing file is DS-409.
	Overwrite bool `json:"overwrite,omitempty"`
	// zstd level, from 1 (fast) to 22 (small).
	Zstd int64 `json:"zstd,omitempty"`
	// Most rows of a row group; a group also ends at 64 MiB.
	RowGroupRows *uint64 `json:"row_group_rows,omitempty"`
}

// Postgres: a table to load.
type Postgres struct {
	// `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path/ca.pem`; without it, the
	// client's (`Config::postgres`, `DATASUS_POSTGRES`). Never shown again.
	URL string `json:"url,omitempty"`
	// `schema.table`; without it `<sistema>_data.<grupo>_<competencia>` for one competência and `<sistema>_data.<grupo>`
	// for many. Aggregates and SQL must name it.
	Table string `json:"table,omitempty"`
	// What happens to rows that are there already.
	Mode LoadMode `json:"mode,omitempty"`
	// Columns that identify a row, for `upsert`.
	Key []string `json:"key,omitzero"`
	// What `replace_by` replaces.
	ReplaceBy ReplaceBy `json:"replace_by,omitempty"`
	// True: `append` takes a source that the table already holds. False: that is DS-409.
	AllowReload bool `json:"allow_reload,omitempty"`
	// Connections that load, from 1 to 16; one more looks after the table.
	Connections uint64 `json:"connections,omitempty"`
	// True: `ANALYZE` follows the load, so that plans know the new rows. False: autovacuum comes to it in its own time.
	Analyze *bool `json:"analyze,omitempty"`
	// Columns to index, one index each, made after the load while the table is read (`CONCURRENTLY`). `auto`, or left
	// out: of a table that datasus made, those that this query and this client's others put conditions on, join and order
	// by; `none`: no index. A column by whose values the rows came in order gets a BRIN.
	Indexes Texts `json:"indexes,omitzero"`
	// A new table has a partition for each of these, made as loads bring them; it has the three columns of `replace_by`,
	// in any mode but `upsert`. Left out: it has none. A table that is there and has no such partitions is DS-409.
	PartitionBy PartitionBy `json:"partition_by,omitempty"`
}

// LoadMode: what happens to the table that is there, and to its rows.
type LoadMode string

const (
	// A new table; DS-409 if there is one of that name.
	LoadModeCreate LoadMode = "create"
	// Rows are added; the table is made if there is none.
	LoadModeAppend LoadMode = "append"
	// A new table takes the place of the old one, in one act. Grants and indexes of the old one go with it.
	LoadModeReplace LoadMode = "replace"
	// Rows of the same UFs and competências, or of the same source files, are replaced by the new ones, in one act, and
	// no others. The table has three more columns, `datasus_arquivo`, `datasus_uf` and `datasus_competencia`.
	LoadModeReplaceBy LoadMode = "replace_by"
	// Rows of the same `key` are updated, the others added. Of several rows of one key the last one counts.
	LoadModeUpsert LoadMode = "upsert"
)

// ReplaceBy: what makes rows of the table and of the result the same load.
type ReplaceBy string

const (
	// The same UF (BR in national files) and competência.
	ReplaceByCompetencia ReplaceBy = "competencia"
	// The same file of them, whatever it is called: a part of a month that is split.
	ReplaceBySourceFile ReplaceBy = "source_file"
)

// PartitionBy: what a partition of a table holds.
type PartitionBy string

const (
	// One competência, by `datasus_competencia`.
	PartitionByCompetencia PartitionBy = "competencia"
)

// ErrorForm: what went wrong, in the same shape in every language.
type ErrorForm struct {
	// Always `error`.
	Status ErrorStatus `json:"status"`
	// Stable code, as `DS-422`: that of the first problem.
	ErrorCode string `json:"error_code"`
	// The sentence for people, in the client's language.
	Detail string `json:"detail"`
	// Facts for programs: `expected_format`, `received`, `valid_examples`, `did_you_mean`, ...
	Diagnostic map[string]any `json:"diagnostic"`
	// Of the sentences.
	Language Language `json:"language"`
	// Ties the error to log lines and reports.
	TraceID *string `json:"trace_id"`
	// Whether the same call may be made again.
	Retry Retry `json:"retry"`
	// `retry` is `later`.
	Retryable bool `json:"retryable"`
	// Every problem, the first included, where there are several.
	Problems []Problem `json:"problems,omitempty"`
	// Where it happened, as far as it is known.
	Context *ErrorContext `json:"context,omitempty"`
}

// ErrorStatus: the `status` of every error.
type ErrorStatus string

const (
	// The one value.
	ErrorStatusError ErrorStatus = "error"
)

// Language: the language of the texts that people read.
type Language string

const (
	// Português do Brasil.
	LanguagePt Language = "pt"
	// English.
	LanguageEn Language = "en"
)

// Retry: whether the same call may succeed when it is made again unchanged.
type Retry string

const (
	// Something must be changed first.
	RetryNever Retry = "never"
	// The cause may pass by itself.
	RetryLater Retry = "later"
)

// Problem: one thing that is wrong.
type Problem struct {
	// `DS-422` and its like.
	ErrorCode string `json:"error_code"`
	// What is wrong, and what to do, in the client's language.
	Detail string `json:"detail"`
	// Facts for programs.
	Diagnostic map[string]any `json:"diagnostic"`
}

// ErrorContext: where an error happened; what is not known is left out.
type ErrorContext struct {
	// The part of the line that failed: `validate`, `convert`, `query`, `csv`, ...
	Stage *string `json:"stage,omitempty"`
	// The file that it is about.
	File *string `json:"file,omitempty"`
	// Byte offset in `file`.
	Offset *uint64 `json:"offset,omitempty"`
	// Row in `file`, or of the result where no file is named, counted from 0.
	Row *uint64 `json:"row,omitempty"`
	// The column that it is about.
	Column *string `json:"column,omitempty"`
	// PostgreSQL's code.
	Sqlstate *string `json:"sqlstate,omitempty"`
}

// DeadLetter: one record, and why it was refused.
type DeadLetter struct {
	// Who refused it: `postgres`, or `source` for a record that cannot be read.
	Sink string `json:"sink"`
	// Number of the sink among the job's.
	SinkNumber uint64 `json:"sink_number"`
	// The unit that it belongs to.
	Unit uint64 `json:"unit"`
	// The row in that unit, from 0.
	Row uint64 `json:"row"`
	// Why it was not taken.
	Reason string `json:"reason"`
	// PostgreSQL's code.
	Sqlstate *string `json:"sqlstate,omitempty"`
	// The source file; without one, `source_row` is that of the result.
	SourceFile *string `json:"source_file,omitempty"`
	// The row in it, from 0.
	SourceRow *uint64 `json:"source_row,omitempty"`
	// The column that is to blame, where one is.
	Column *string `json:"column,omitempty"`
	// What the column held, as text.
	Value *string `json:"value,omitempty"`
	// Every column of the record, as text; null for NULL.
	Record map[string]any `json:"record"`
	// Of the job.
	TraceID string `json:"trace_id"`
}

// Replayed: what a replay of dead letters did.
type Replayed struct {
	// Rows that are in their table now.
	Loaded uint64 `json:"loaded"`
	// Letters that stay, with the reason that they were refused for this time.
	Left uint64 `json:"left"`
}

// Explain: the plan of a query, in figures. `present` counts the dataset's files in the source, wanted or not; row
// groups and bytes are known for those that the lake holds already.
type Explain struct {
	// One, or with SQL every dataset that it reads, in the order of the text.
	Datasets []string `json:"datasets"`
	// Of the dataset's files.
	Files Share `json:"files"`
	// Wanted files that the query would first convert.
	ToConvert []string `json:"to_convert"`
	// Of the row groups of the files that are in the lake.
	RowGroups Share `json:"row_groups"`
	// Compressed bytes of the column chunks.
	Bytes Share `json:"bytes"`
	// With SQL and `*` the most that can be read.
	Columns []string `json:"columns"`
	// What the source does not hold, though it was published.
	Missing []Missing `json:"missing"`
	// The files that would be read, in the order of the answer. Of versions that must have the same rows, the first.
	Sources []string `json:"sources"`
	// Files that would not be read, each with the one that is instead.
	LeftOut []LeftOut `json:"left_out"`
	// What a PostgreSQL table of the answer would be indexed by, where its `indexes` say nothing else.
	Indexes []PlannedIndex `json:"indexes,omitempty"`
	// What the query would say of its files, as far as it can be known without converting them; in the client's language.
	Warnings []string `json:"warnings"`
	// None while nothing is converted: the columns come from the files.
	SQL *string `json:"sql"`
}

// LeftOut: a file that is not read, because another is.
type LeftOut struct {
	// The one that is not read.
	File string `json:"file"`
	// The one that is read instead.
	Kept string `json:"kept"`
	// Why it is not.
	Why LeftOutReason `json:"why"`
}

// LeftOutReason: why a file is not read.
type LeftOutReason string

const (
	// It is preliminary, and there is the final one.
	LeftOutReasonPreliminary LeftOutReason = "preliminary"
	// Its name has an earlier day.
	LeftOutReasonOlderDate LeftOutReason = "older_date"
	// It was changed earlier, and `versions = newest`.
	LeftOutReasonOlderTime LeftOutReason = "older_time"
	// It has the same rows.
	LeftOutReasonSameRows LeftOutReason = "same_rows"
)

// PlannedIndex: an index that a load would make.
type PlannedIndex struct {
	// The column.
	Column string `json:"column"`
	// Who looks for rows by it; in the client's language.
	Why string `json:"why"`
}

// Estimate: what a query will probably take. It was not run, and nothing was fetched or converted for it; a kept
// answer takes less.
type Estimate struct {
	// Of the answer.
	Rows Expected `json:"rows"`
	// Rows of the source files that are read for it, before its conditions.
	RowsRead Expected `json:"rows_read"`
	// Bytes of the files that would be fetched from elsewhere, as their listing says.
	BytesToDownload Expected `json:"bytes_to_download"`
	// Bytes of the files that would be converted first, those to be fetched among them.
	BytesToConvert Expected `json:"bytes_to_convert"`
	// Compressed bytes of the Parquet columns that would be read.
	BytesToRead Expected `json:"bytes_to_read"`
	// From submission to the last row of its stream, on this machine, without the time in a queue.
	DurationSec ExpectedSeconds `json:"duration_sec"`
	// The process's peak resident memory while it runs, as its report will say: what the process has now is part of it.
	MemoryBytes Expected `json:"memory_bytes"`
	// Of this, what the query itself works with, at its most.
	WorkBytes uint64 `json:"work_bytes"`
	// Files that would be read.
	Files uint64 `json:"files"`
	// Of these, files to be fetched from elsewhere.
	FilesToDownload uint64 `json:"files_to_download"`
	// Of these, files to be converted, those to be fetched among them.
	FilesToConvert uint64 `json:"files_to_convert"`
	// What runs it.
	Engine EstimateEngine `json:"engine"`
	// How many joins, aggregates and windows it has.
	Complexity Complexity `json:"complexity"`
	// Settings whose bounds it may not keep.
	Exceeds []EstimateBound `json:"exceeds,omitempty"`
	// What the figures are from.
	Basis []EstimateBasis `json:"basis"`
	// Earlier jobs of this kind that duration and memory are learned from; with few of them they are a guess.
	History uint64 `json:"history"`
	// How duration is told from these: by whichever has been closer so far.
	DurationBy EstimateModel `json:"duration_by"`
	// The same of memory.
	MemoryBy EstimateModel `json:"memory_by"`
	// In the client's language.
	Warnings []string `json:"warnings,omitempty"`
}

// Expected: a number that only the end will tell: in 90 of 100 queries it lies between `low` and `high`. All three are
// the same where it is known.
type Expected struct {
	// In 5 of 100 queries it is less.
	Low uint64 `json:"low"`
	// As often more as less.
	Likely uint64 `json:"likely"`
	// In 5 of 100 queries it is more.
	High uint64 `json:"high"`
}

// ExpectedSeconds: the same in seconds.
type ExpectedSeconds struct {
	// In 5 of 100 queries it is less.
	Low float64 `json:"low"`
	// As often more as less.
	Likely float64 `json:"likely"`
	// In 5 of 100 queries it is more.
	High float64 `json:"high"`
}

// EstimateEngine: what runs a query.
type EstimateEngine string

const (
	// The reader of plain rows.
	EstimateEngineScan EstimateEngine = "scan"
	// DuckDB.
	EstimateEngineDuckdb EstimateEngine = "duckdb"
	// The catalogue answers by itself.
	EstimateEngineCatalogue EstimateEngine = "catalogue"
	// A cluster, beside which this process only takes rows.
	EstimateEngineCluster EstimateEngine = "cluster"
)

// Complexity: how many joins, aggregates and windows a query has, those of its subqueries included.
type Complexity struct {
	// Two tables side by side, on a condition or without.
	Joins uint64 `json:"joins"`
	// Aggregate functions without a window.
	Aggregations uint64 `json:"aggregations"`
	// Functions with OVER.
	Windows uint64 `json:"windows"`
}

// EstimateBound: a bound of the client's settings.
type EstimateBound string

const (
	// What it works with may not fit `memory_limit`: the rest goes to disk.
	EstimateBoundMemoryLimit EstimateBound = "memory_limit"
	// What goes to disk may be more than `spill_limit`: DS-507.
	EstimateBoundSpillLimit EstimateBound = "spill_limit"
	// It would fetch more than `max_download`: DS-422.
	EstimateBoundMaxDownload EstimateBound = "max_download"
)

// EstimateBasis: what an estimate is made of.
type EstimateBasis string

const (
	// Row counts, sizes and least and greatest values in the Parquet's footers.
	EstimateBasisFooters EstimateBasis = "footers"
	// Some rows of the columns that the query compares or groups by.
	EstimateBasisSample EstimateBasis = "sample"
	// The number of records in the headers of files that are not converted yet.
	EstimateBasisHeaders EstimateBasis = "headers"
	// Sizes of files in a listing; their rows are estimated by those of other files of the dataset.
	EstimateBasisListing EstimateBasis = "listing"
	// What the catalogue knows of the columns: nothing of the dataset was there to be looked at.
	EstimateBasisCatalogue EstimateBasis = "catalogue"
	// What earlier jobs of this installation took.
	EstimateBasisHistory EstimateBasis = "history"
)

// EstimateModel: how a figure is told from earlier jobs.
type EstimateModel string

const (
	// There are too few of them: it is a guess.
	EstimateModelNone EstimateModel = "none"
	// By the middle of what jobs like it took.
	EstimateModelTable EstimateModel = "table"
	// By a line through what all of its kind took.
	EstimateModelRegression EstimateModel = "regression"
)

// Holdings: what the source holds.
type Holdings struct {
	// In the catalogue's order.
	Datasets []DatasetSummary `json:"datasets"`
	// What is not read as a source, in order of path.
	Ignored []IgnoredFile `json:"ignored"`
}

// DatasetSummary: what the source holds of one dataset; of several versions of a file one counts.
type DatasetSummary struct {
	// `SIH-RD`.
	Dataset string `json:"dataset"`
	// What it holds, in Portuguese.
	Nome string `json:"nome"`
	// How many files count.
	Files uint64 `json:"files"`
	// Bytes of the source files.
	Bytes uint64 `json:"bytes"`
	// UFs of its files.
	UFs []string `json:"ufs"`
	// The first and the last competência of its files.
	First *string `json:"first"`
	// The last competência of its files.
	Last *string `json:"last"`
}

// IgnoredFile: a file of the source that no query reads.
type IgnoredFile struct {
	// Below the source folder.
	File string `json:"file"`
	// Why none reads it.
	Reason IgnoredReason `json:"reason"`
}

// IgnoredReason: why a file of the source is not read.
type IgnoredReason string

const (
	// Its name is of no dataset.
	IgnoredReasonName IgnoredReason = "name"
	// It has to be extracted first: gz, zip, ...
	IgnoredReasonArchive IgnoredReason = "archive"
	// Written by datasus: an answer, not a source.
	IgnoredReasonOurs IgnoredReason = "ours"
	// A link that leads to nothing.
	IgnoredReasonLink IgnoredReason = "link"
	// A link to a folder, behind too many others to be followed.
	IgnoredReasonDepth IgnoredReason = "depth"
	// In the ministry's tree: a folder that is not the catalogue's, or a file in one that is not its dataset's.
	IgnoredReasonFolder IgnoredReason = "folder"
)

// Known: a dataset of the catalogue.
type Known struct {
	// `SIH-RD`.
	Dataset string `json:"dataset"`
	// Its name in SQL: `sih_rd`.
	Table string `json:"table"`
	// What it holds, in Portuguese.
	Nome string `json:"nome"`
	// Other names that are accepted in the place of `dataset`.
	Aliases []string `json:"aliases"`
	// Whether its files are of a month or of a year.
	Period Period `json:"period"`
	// True: one file for the whole country.
	National bool `json:"national"`
	// The first and the last competência that is known to have been published.
	First *string `json:"first"`
	// The last competência that is known to have been published.
	Last *string `json:"last"`
	// Columns that the catalogue knows; with 0 they come from the files.
	Columns uint64 `json:"columns"`
}

// Period: what a file is of.
type Period string

const (
	// A month.
	PeriodMonth Period = "month"
	// A year.
	PeriodYear Period = "year"
)

// CatalogEntry: a dataset as the catalogue knows it. Competência is the month of processing; `event_dates` say when
// the event was.
type CatalogEntry struct {
	// `SIH-RD`.
	Dataset string `json:"dataset"`
	// What it holds, in Portuguese.
	Nome string `json:"nome"`
	// Other names that users give it.
	Aliases []string `json:"aliases"`
	// Whether its files are of a month or of a year.
	Period Period `json:"period"`
	// True: each of its files is published in a zip, and is read from there.
	Zipped bool `json:"zipped"`
	// One file for the whole country, and what stands for its UF: `BR`, or `EX` for residents abroad or unknown.
	National *string `json:"national"`
	// In national files, the column that a query's `uf` filters.
	UFColumn *UfColumn `json:"uf_column"`
	// Columns by which a row's own UF and competência are known, whatever its file is called; none: no column says them.
	RowKeys *RowKeys `json:"row_keys"`
	// The first competência that is known to have been published.
	First *string `json:"first"`
	// The last one.
	Last *string `json:"last"`
	// Folders of the ministry's FTP tree.
	Folders []FtpFolder `json:"folders"`
	// Known to be without a file: never missing.
	Gaps []Gap `json:"gaps"`
	// Columns that say when the event happened; competência says when it was processed.
	EventDates []string `json:"event_dates"`
	// Empty where no genuine header was seen: names and types come from the files' own headers.
	Columns []CatalogColumn `json:"columns"`
	// Fields that are known by name alone, and the files that have them; their types come from the files' own headers.
	Fields []CatalogFields `json:"fields"`
	// Columns that no star shows: the labels of codes, and what is made of other columns. Each is used by its name like
	// any other.
	Derived []DerivedColumn `json:"derived"`
}

// UfColumn: the column of a national file that says of which UF a record is.
type UfColumn struct {
	// The column that says the UF.
	Name string `json:"name"`
	// How it says it.
	Coding UfCoding `json:"coding"`
}

// UfCoding: how a column names a UF.
type UfCoding string

const (
	// By its sigla: `AC`.
	UfCodingSigla UfCoding = "sigla"
	// IBGE's two digits.
	UfCodingIbge UfCoding = "ibge"
	// A municipality's code, whose first two digits are the UF's.
	UfCodingMunicipio UfCoding = "municipio"
)

// RowKeys: the columns that say a row's own UF and competência.
type RowKeys struct {
	// A sigla, IBGE's code, or a municipality's, which begins with it; none in national files.
	UF *string `json:"uf"`
	// One of year and month, one of a day or a year, or a year's and a month's.
	Competencia []string `json:"competencia"`
	// Who says so.
	Source string `json:"source"`
}

// FtpFolder: a folder of the ministry's FTP tree, and the competências whose files it holds.
type FtpFolder struct {
	// On the ministry's server.
	Path string `json:"path"`
	// The first competência that lies there; none: from the start.
	From *string `json:"from"`
	// The last one; none: until today.
	To *string `json:"to"`
}

// Gap: competências of a UF that were never published.
type Gap struct {
	// The UF whose files are missing.
	UF string `json:"uf"`
	// The first competência that is missing.
	From string `json:"from"`
	// The last one.
	To string `json:"to"`
}

// CatalogColumn: a column of a dataset.
type CatalogColumn struct {
	// In upper case.
	Name string `json:"name"`
	// Its type.
	Kind LogicalType `json:"kind"`
	// Layouts seen in genuine headers, oldest first.
	Eras []Era `json:"eras"`
	// Place in the catalogue's order: that of the newest files, then what older files had.
	Position uint64 `json:"position"`
	// None where no named source gives one.
	Meaning *Meaning `json:"meaning"`
	// How its codes are written, the same in every year; none: as the files have them.
	Form *StatedForm `json:"form"`
	// Where the code itself changed with the years: how it was written when, oldest first. Nothing is brought from one
	// into another.
	Codings []Coding `json:"codings"`
}

// DateFormat: how a day is written.
type DateFormat string

const (
	// `YYYYMMDD`.
	DateFormatYYYYMMDD DateFormat = "YYYYMMDD"
	// `DDMMYYYY`.
	DateFormatDDMMYYYY DateFormat = "DDMMYYYY"
	// Two digits of year: the latest century that does not lie after the file's competência.
	DateFormatYYMMDD DateFormat = "YYMMDD"
)

// Era: a layout of a column, and the years of the files that had it.
type Era struct {
	// `C`, `N`, `D`, ...
	DbfType string `json:"dbf_type"`
	// Bytes of the field.
	Width uint64 `json:"width"`
	// Digits behind the point.
	Decimals uint64 `json:"decimals"`
	// The first year whose files have it so.
	FirstYear uint64 `json:"first_year"`
	// The last one.
	LastYear uint64 `json:"last_year"`
}

// Meaning: what a column means, and who says so.
type Meaning struct {
	// In Portuguese.
	Pt string `json:"pt"`
	// What says so.
	Source string `json:"source"`
}

// StatedForm: a form, and who says so.
type StatedForm struct {
	// Which form the codes of those years have.
	Form string `json:"form"`
	// What says so.
	Source string `json:"source"`
}

// Coding: what a column's codes were for some years.
type Coding struct {
	// Of the files; none: from the first.
	From *string `json:"from"`
	// None: to this day.
	To *string `json:"to"`
	// None: as the files have them.
	Form *string `json:"form"`
	// In Portuguese.
	Meaning string `json:"meaning"`
	// What says so.
	Source string `json:"source"`
}

// CatalogFields: names of fields that files of some years have and of which no genuine header was seen.
type CatalogFields struct {
	// None: from the first.
	From *string `json:"from"`
	// None: to this day.
	To *string `json:"to"`
	// In upper case, in the files' order.
	Names []string `json:"names"`
}

// DerivedColumn: a label's column, or one that is made of others.
type DerivedColumn struct {
	Name string      `json:"name"`
	Kind LogicalType `json:"kind"`
	// Of the codes whose labels it holds; none: it is made by a rule.
	LabelOf *string `json:"label_of"`
	// The list of its labels, as `dictionaries` names it.
	LabelList *string `json:"label_list"`
	// The columns that it is made of.
	Inputs []string `json:"inputs"`
	// In Portuguese.
	Meaning string `json:"meaning"`
	// The rule's, or the list's with its date; it says where a list is no official one.
	Source string `json:"source"`
}

// DictionaryEntry: a list of the dictionary, as `dictionaries` tells it.
type DictionaryEntry struct {
	// Kit and table (`sih/SEXO`), or a name of its own (`cid10`).
	List string `json:"list"`
	// Which table it was made from, and who published it.
	Source string `json:"source"`
	// When that was published, as exactly as is known.
	Date string `json:"date"`
	// False: written by hand in another project, and no official table.
	Official bool `json:"official"`
	// Different labels.
	Labels uint64 `json:"labels"`
}

// Profile: what is in the columns of a dataset, as far as a query selects it.
type Profile struct {
	Dataset string `json:"dataset"`
	// Rows that were looked at.
	Rows uint64 `json:"rows"`
	// False: they are a sample (`report.sampling` says which), and so is every figure.
	Exact bool `json:"exact"`
	// The rows of each competência, in order.
	Competencias []CompetenciaRows `json:"competencias"`
	// In the order of the query, or of the dataset.
	Columns []ColumnProfile `json:"columns"`
	// What somebody who analyses these rows should look at first, in the client's language.
	Warnings []string `json:"warnings"`
	// Of the job: files with their hashes, and what it has to say of them.
	Report Report `json:"report"`
}

// CompetenciaRows: how many rows a competência has.
type CompetenciaRows struct {
	Competencia string `json:"competencia"`
	Rows        uint64 `json:"rows"`
}

// ColumnProfile: what is in a column.
type ColumnProfile struct {
	Name string `json:"name"`
	// `text`, `integer`, `decimal(14, 2)`, `date`; of a file's own columns also others.
	Kind string `json:"kind"`
	// In Portuguese; none where no source says it.
	Meaning *string `json:"meaning"`
	// The list of its labels, as `dictionaries` names it; none: its values are no codes, or no list is known.
	LabelList *string `json:"label_list"`
	// Rows without a value.
	Nulls uint64 `json:"nulls"`
	// Different values.
	Distinct uint64 `json:"distinct"`
	// False: `distinct` is an estimate, for there are too many to count; two in three are off by less than 1.6 %.
	DistinctExact bool `json:"distinct_exact"`
	// The least value; text is compared byte by byte.
	Min *string `json:"min"`
	// The greatest value.
	Max *string `json:"max"`
	// The ten most frequent values; where `distinct` is an estimate, those alone that are so for certain.
	Frequent []FrequentValue `json:"frequent"`
	// Rows whose code the list of labels does not have.
	Unlabelled uint64 `json:"unlabelled"`
	// Ten of these codes, the most frequent first; those that are looked up together stand with a plus between.
	UnlabelledCodes []string `json:"unlabelled_codes"`
	// Values of the files that did not parse, before conditions; they are NULL.
	BadValues uint64 `json:"bad_values"`
	// The first of them, as they stand in the files.
	BadSamples []string `json:"bad_samples"`
	// The same column in each competência, in order.
	ByCompetencia []InCompetencia `json:"by_competencia"`
	// Where the share of NULL or of a value changed from one competência to the next by ten points or more, and by more
	// than chance explains; the greatest first.
	Changes []Change `json:"changes"`
}

// FrequentValue: a value, and how many rows have it.
type FrequentValue struct {
	// As text.
	Value string `json:"value"`
	// Where the column has a list of labels, and it has one for it.
	Label *string `json:"label"`
	Rows  uint64  `json:"rows"`
}

// InCompetencia: a column in a competência.
type InCompetencia struct {
	Competencia string `json:"competencia"`
	Rows        uint64 `json:"rows"`
	// Rows without a value.
	Nulls uint64 `json:"nulls"`
	// Rows of each of the column's `frequent` values, in their order; none where the column has more than 256 values.
	Frequent []uint64 `json:"frequent"`
}

// Change: a share that is another in the next competência.
type Change struct {
	// The competência before.
	From string `json:"from"`
	// The competência after.
	To string `json:"to"`
	// Of which value among those that are not NULL; none: of NULL among all rows.
	Value *string `json:"value"`
	// Its label.
	Label *string `json:"label"`
	// The share before, from 0 to 1.
	Before float64 `json:"before"`
	// The share after.
	After float64 `json:"after"`
}

// Found: a column in which the words were found.
type Found struct {
	Dataset string `json:"dataset"`
	// As queries name it.
	Column string      `json:"column"`
	Kind   LogicalType `json:"kind"`
	// In Portuguese; none where no source says it.
	Meaning *string `json:"meaning"`
	// True: one that the dataset has by name alone.
	Derived bool `json:"derived"`
	// Where the words were found; of several places the first.
	FoundIn FoundIn `json:"found_in"`
	// Labels of its codes in which the words are, or words that a derived column has, five at most.
	Labels []string `json:"labels"`
}

// FoundIn: where words were found.
type FoundIn string

const (
	// In the column's name.
	FoundInName FoundIn = "name"
	// In what it means.
	FoundInMeaning FoundIn = "meaning"
	// In a label of its codes, or in a word that a derived column has.
	FoundInLabel FoundIn = "label"
)

// Rates: rates by municipality of residence.
type Rates struct {
	// A rate is of so many people.
	Per float64 `json:"per"`
	// All municipalities that have people, those without an event among them; in order of their code.
	Rows []Rate `json:"rows"`
	// Events whose municipality of residence is not known: in no row.
	UnknownMunicipality uint64 `json:"unknown_municipality"`
	// Events of unknown age: in the crude rate, and not in the standardised one.
	UnknownAge uint64 `json:"unknown_age"`
	// The files of the population: which series and which revision of it, of IBGE's.
	PopulationSources []SourceFile `json:"population_sources,omitempty"`
	// What people should know, in the client's language.
	Warnings []string `json:"warnings"`
}

// Rate: the rates of a municipality.
type Rate struct {
	// Six digits.
	Municipio  string `json:"municipio"`
	Events     uint64 `json:"events"`
	Population uint64 `json:"population"`
	// Events by people.
	Crude float64 `json:"crude"`
	// By the direct method: the rates of each band, with the standard's people in it. None where births are the
	// population, or where a band has events and no people.
	Standardised *float64 `json:"standardised"`
}

// DictionarySync: what became of the kits of labels.
type DictionarySync struct {
	// Kits that are in the lake now.
	Kits []KitSynced `json:"kits"`
	// Kits that were there and could not be taken; what the lake had of them stays.
	Failed []KitFailed `json:"failed,omitempty"`
	// Kits that the source does not have, by the names of their zips.
	Absent []string `json:"absent,omitempty"`
	// What people should know.
	Warnings []string `json:"warnings,omitempty"`
}

// KitSynced: a kit that is in the lake.
type KitSynced struct {
	// `sih`, as lists of labels are named.
	Kit string `json:"kit"`
	// Where it came from.
	Source string `json:"source"`
	// The day of its newest table.
	Date string `json:"date"`
	// Of its zip, or of its files together.
	SHA256 string `json:"sha256"`
	// Conversion tables.
	Tables uint64 `json:"tables"`
	// Codes and ranges of codes.
	Rows uint64 `json:"rows"`
	// False: the lake had this very kit.
	New bool `json:"new"`
}

// KitFailed: a kit that could not be taken.
type KitFailed struct {
	// `sih`, as lists of labels are named.
	Kit string `json:"kit"`
	// Where it lies.
	Source string `json:"source"`
	// Why: `DS-460`.
	ErrorCode string `json:"error_code"`
	// The same in words.
	Detail string `json:"detail"`
}

// FileSummary: what was noticed in a file that was read by itself.
type FileSummary struct {
	// Rows in the batches.
	Rows uint64 `json:"rows"`
	// Records that the header declares.
	RowsDeclared uint64 `json:"rows_declared"`
	// Marked deleted, and left out.
	RowsDeleted uint64 `json:"rows_deleted"`
	// Kept, although their flag is the byte 0x00 and not a blank.
	RowsUnflagged uint64 `json:"rows_unflagged"`
	// Records that could not be read.
	RowsRejected uint64 `json:"rows_rejected"`
	// Whether the checksum was right.
	CRC CrcState `json:"crc"`
	// Of the file.
	SHA256 string `json:"sha256"`
	// Columns in which some fields did not parse, and are NULL.
	BadValues []BadColumn `json:"bad_values"`
	// Columns whose codes were brought into the catalogue's form.
	Normalised []Normalised `json:"normalised"`
	// Codes for which the list of their label has none; NULL codes are not among them.
	Unlabelled []Unlabelled `json:"unlabelled,omitempty"`
	// What is odd about the file and does no harm, in the language that was asked for.
	Warnings []string `json:"warnings"`
}

// BadColumn: a column in which some fields did not parse.
type BadColumn struct {
	// The column.
	Column string `json:"column"`
	// How many values.
	Count uint64 `json:"count"`
	// The first ten raw values.
	Samples []string `json:"samples"`
}

// Normalised: the codes of a column that stood in the file in another form than the catalogue's.
type Normalised struct {
	// The column.
	Column string `json:"column"`
	// The form that its codes have now.
	Form string `json:"form"`
	// How many were written in another one.
	Count uint64 `json:"count"`
	// The first ten, as the file has them and as they are now.
	Samples [][2]string `json:"samples"`
}

// Config: settings of one client.
type Config struct {
	// Where else the tree of a source like `datasus://` lies, tried in order where those before do not serve:
	// `ftp://host/folder`, `https://host/folder/`, `s3://bucket/prefix`, a folder (`DATASUS_MIRRORS`, with commas between
	// them).
	Mirrors []string `json:"mirrors,omitzero"`
	// Folder of what is fetched from a source elsewhere: lake, jobs, listings, files; none: `datasus` in the user's data
	// folder, `$XDG_DATA_HOME` or `~/.local/share` (`DATASUS_HOME`).
	Home string `json:"home,omitempty"`
	// When a source elsewhere is asked again what it has (`DATASUS_REFRESH`: `never`, `changed` or `always`).
	Refresh Refresh `json:"refresh,omitempty"`
	// Seconds for which a listing of a source elsewhere holds (`DATASUS_REFRESH_AFTER`). Default one day.
	RefreshAfter *float64 `json:"refresh_after,omitempty"`
	// Whether a file that was fetched stays beside what it was converted into (`DATASUS_KEEP_FILES`). Default no: it
	// would be fetched again where it is needed again.
	KeepFiles bool `json:"keep_files,omitempty"`
	// Bytes that one query may fetch (`DATASUS_MAX_DOWNLOAD`); default 5 GB. Beyond them it is DS-422; `sync` has no
	// limit.
	MaxDownload *uint64 `json:"max_download,omitempty"`
	// Files that are fetched at once (`DATASUS_TRANSFERS`), 1 to 6; default 2.
	Transfers uint64 `json:"transfers,omitempty"`
	// A PEM file of authorities that are trusted beside the system's, for sources by HTTPS and S3 servers (`DATASUS_CA`).
	Ca string `json:"ca,omitempty"`
	// Datasets by declaration: `{"SIH-RD": ["exports/*.parquet"], "SIM-DO": "mortes.parquet"}`. Parquet or CSV of any
	// name, which may hold many UFs and months: the dataset's columns say which. They stand in the place of what the
	// source folder holds of the dataset; with them the source may be left out (empty). `*` and `?` stand for letters of
	// a name, `**` for folders. Read from the settings alone.
	Declared map[string][]string `json:"declared,omitempty"`
	// Tables of one's own for SQL to read beside the catalogue's, by name: a Parquet or CSV each. Read from the settings
	// alone.
	Tables map[string]string `json:"tables,omitempty"`
	// How CSV among `declared` and `tables` are written, by their name, where the files are not to say it themselves:
	// `{"municipios": {"delimiter": ";", "types": {"populacao": "integer"}}}`. Read from the settings alone.
	Csv map[string]CsvForm `json:"csv,omitempty"`
	// Folder of converted Parquet; none: `.datasus/lake` inside the source folder (`DATASUS_LAKE`).
	Lake string `json:"lake,omitempty"`
	// Folder that holds every file an export writes; none: the process's current folder (`DATASUS_OUTPUT`).
	Output string `json:"output,omitempty"`
	// Folder of what jobs keep to be resumed: checkpoints, dead letters, kept results; on a local file system. None:
	// `.datasus/jobs` inside the source folder, or `jobs` beside a lake of your own (`DATASUS_STATE`).
	State string `json:"state,omitempty"`
	// Folder for what queries spill, each into a folder of its own that goes with it; what killed processes left there
	// goes when a client opens. None: the system's temporary folder (`DATASUS_SPILL`).
	Spill string `json:"spill,omitempty"`
	// Bytes that one query may hold in the engine; none: 45 % of the machine's or cgroup's memory, the tighter
	// (`DATASUS_MEMORY_LIMIT`).
	MemoryLimit uint64 `json:"memory_limit,omitempty"`
	// Bytes that one query may spill, and that a kept result may have (`DATASUS_SPILL_LIMIT`); default 50 GB. Past them,
	// or once less than 5 % of the disk (1 GiB at most) would be left, it is DS-507.
	SpillLimit *uint64 `json:"spill_limit,omitempty"`
	// Server of the PostgreSQL sinks that name none (`DATASUS_POSTGRES`); never shown.
	Postgres string `json:"postgres,omitempty"`
	// Server of `s3://` sources, lakes and outputs: `https://minio.example:9000`; none: Amazon's of the region
	// (`DATASUS_S3_ENDPOINT`). Only this says where requests go; no link or redirect does.
	S3Endpoint string `json:"s3_endpoint,omitempty"`
	// Region of the buckets; none: the profile's, or `us-east-1`, which servers other than Amazon's mostly take
	// (`DATASUS_S3_REGION`).
	S3Region string `json:"s3_region,omitempty"`
	// True: the bucket stands in the path, as MinIO has it; false: in the name of the server. None: true with an
	// `s3_endpoint` (`DATASUS_S3_PATH_STYLE`).
	S3PathStyle bool `json:"s3_path_style,omitempty"`
	// Access key (`DATASUS_S3_KEY`); never shown. Without key and profile requests are not signed, as public buckets take
	// them.
	S3Key string `json:"s3_key,omitempty"`
	// Secret of the access key (`DATASUS_S3_SECRET`); never shown.
	S3Secret string `json:"s3_secret,omitempty"`
	// Session token of a temporary key (`DATASUS_S3_TOKEN`); never shown.
	S3Token string `json:"s3_token,omitempty"`
	// Profile of `~/.aws/credentials` (or of the file in AWS_SHARED_CREDENTIALS_FILE) whose key is used
	// (`DATASUS_S3_PROFILE`).
	S3Profile string `json:"s3_profile,omitempty"`
	// Where keys come from (`DATASUS_S3_CREDENTIALS`): `keys`, which is the default, of the settings or the profile;
	// `instance`, of the machine's metadata service, whose address nothing else ever asks.
	S3Credentials S3Credentials `json:"s3_credentials,omitempty"`
	// The same for S3 servers alone; none: `ca` (`DATASUS_S3_CA`).
	S3Ca string `json:"s3_ca,omitempty"`
	// Proxy of these requests (`DATASUS_S3_PROXY`); never shown. None: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
	S3Proxy string `json:"s3_proxy,omitempty"`
	// Seconds without a byte from the server before a request is given up and tried again (`DATASUS_S3_TIMEOUT`). Default
	// 30.
	S3Timeout float64 `json:"s3_timeout,omitempty"`
	// Folder of copies of what lies in other stores, which all clients of the user share; none: `datasus/objects` in the
	// user's cache folder (`DATASUS_REMOTE_CACHE`).
	RemoteCache string `json:"remote_cache,omitempty"`
	// Bytes that those copies may have together (`DATASUS_REMOTE_CACHE_LIMIT`); default 20 GB. What was used longest ago
	// goes first.
	RemoteCacheLimit *uint64 `json:"remote_cache_limit,omitempty"`
	// Bytes of answers that this client keeps in memory for who asks the same again, and at most a sixteenth of what jobs
	// may have (`DATASUS_CACHE_MEMORY`); default 64 MB, 0: none.
	CacheMemory *uint64 `json:"cache_memory,omitempty"`
	// Folder of answers that are kept for longer than the process, which all processes of the user share; none: nothing
	// is (`DATASUS_CACHE_FOLDER`).
	CacheFolder string `json:"cache_folder,omitempty"`
	// Bytes of that folder (`DATASUS_CACHE_LIMIT`); default 5 GB. What was used longest ago goes first.
	CacheLimit *uint64 `json:"cache_limit,omitempty"`
	// Bytes of an answer, unpacked, above which it is not kept (`DATASUS_CACHE_ENTRY_LIMIT`); default 8 MB, 0: no answer
	// is.
	CacheEntryLimit *uint64 `json:"cache_entry_limit,omitempty"`
	// zstd level of kept answers, 1 to 19 (`DATASUS_CACHE_LEVEL`); default 1.
	CacheLevel int64 `json:"cache_level,omitempty"`
	// Redis in which several machines keep answers, `redis://server:6379/0`, or `rediss://` with TLS (`DATASUS_REDIS`);
	// never shown. Who may write there can change answers, unless `redis_secret` is set.
	Redis string `json:"redis,omitempty"`
	// Secret of all clients that share answers in Redis, of 16 signs at least (`DATASUS_REDIS_SECRET`); never shown. With
	// it an answer that was made without it is refused and counted.
	RedisSecret string `json:"redis_secret,omitempty"`
	// zstd level of answers in Redis, 1 to 19 (`DATASUS_REDIS_LEVEL`); none: `cache_level`.
	RedisLevel int64 `json:"redis_level,omitempty"`
	// File of certificates (PEM) of a private authority for `rediss://`, in the place of the system's
	// (`DATASUS_REDIS_CA`).
	RedisCa string `json:"redis_ca,omitempty"`
	// Seconds after which Redis forgets an answer (`DATASUS_REDIS_TTL`). Default one day.
	RedisTtl float64 `json:"redis_ttl,omitempty"`
	// Queries a minute for each `rate_key` that queries of this client bear; one more is DS-429 (`DATASUS_RATE_LIMIT`).
	// Default 100, 0: no limit. With `redis` all processes count together; while that does not answer, each counts up to
	// its part by `processes`.
	RateLimit *uint64 `json:"rate_limit,omitempty"`
	// How many processes serve together on this machine, as the workers of a service do (`DATASUS_PROCESSES`). Memory of
	// jobs and, without Redis, `rate_limit` are divided by it. Default 1.
	Processes uint64 `json:"processes,omitempty"`
	// Seconds that any query may take before DS-504; a query's own `deadline` can only be shorter (`DATASUS_DEADLINE`).
	// Default one day.
	Deadline float64 `json:"deadline,omitempty"`
	// Threads for conversion and engine, and the most jobs of this client that run at once (of all clients together: one
	// per core); none: one per core (`DATASUS_THREADS`). At most 512.
	Threads uint64 `json:"threads,omitempty"`
	// Cluster on which queries run: `sc://host:15002`, the address of a Spark Connect server, with
	// `/;use_ssl=true;token=...` behind it where that asks for TLS and a token (`DATASUS_ENGINE`); never shown. The
	// cluster must see the lake under the path that it has here. None: they run in this process. SQL does not go there.
	Engine string `json:"engine,omitempty"`
	// Folder that the cluster of `engine` and this machine see under one path, and in which both may write: what goes to
	// files and tables the cluster writes there as Parquet, by itself and however much it is, and it is loaded from
	// there; the job's folder in it goes with the job. None: rows come through the server and are kept in `state`, up to
	// `spill_limit` (`DATASUS_ENGINE_FOLDER`).
	EngineFolder string `json:"engine_folder,omitempty"`
	// What runs in a process of its own, which can read the query's files and do nothing else (`DATASUS_ISOLATION`:
	// `none`, `process` or `all`). Default `none`. A service that takes SQL of others says `process`.
	Isolation Isolation `json:"isolation,omitempty"`
	// The program that runs there, `datasus-worker` of the same build (`DATASUS_WORKER`); none: the one beside the
	// library, or the program itself where it calls `datasus::worker::main()`. One that is not there, or of another
	// build, is DS-422 when the client opens.
	Worker string `json:"worker,omitempty"`
	// The most urgent class that a query of this client gets, whatever its `priority` asks (`DATASUS_MAX_PRIORITY`:
	// `health`, `admin` or `user`). Default `health`: an application may use every class. A gateway sets `user` for those
	// it does not trust.
	MaxPriority Priority `json:"max_priority,omitempty"`
	// What the rows of a dataset that come back as a stream do in an emergency of memory, where the query does not say
	// (`DATASUS_ON_EMERGENCY`: `sample`, `spill`, `wait` or `fail`); none: `wait`. Aggregates, SQL, files and tables are
	// `spill` unless the query says otherwise.
	OnEmergency OnEmergency `json:"on_emergency,omitempty"`
	// Most rows in a batch of an answer; each but the last has at least half of that, or fewer while memory is scarce
	// (`DATASUS_CHUNK_ROWS`). At most 1,048,576.
	ChunkRows uint64 `json:"chunk_rows,omitempty"`
	// True: a DBC whose CRC-32 does not match is DS-460. False: it is not looked at, and the report says `unchecked`
	// (`DATASUS_VERIFY_CRC`).
	VerifyCRC *bool `json:"verify_crc,omitempty"`
	// Language of the texts for people (`DATASUS_LANGUAGE`: `pt` or `en`).
	Language Language `json:"language,omitempty"`
}

// Refresh: whether files that are here are looked up where they came from: the ministry publishes recent months anew
// under their names.
type Refresh string

const (
	// A listing that was read once holds for ever, and what is here is never fetched again.
	RefreshNever Refresh = "never"
	// Listings hold for `refresh_after`; what has changed in them is fetched again.
	RefreshChanged Refresh = "changed"
	// Every query reads the listings anew; what has changed in them is fetched again.
	RefreshAlways Refresh = "always"
)

// CsvForm: what is said of a CSV; what is left out the file itself says.
type CsvForm struct {
	// One character of ASCII between values: `;`, `,`, `|`, a tab. None: the one that separates most names of the header.
	Delimiter string `json:"delimiter,omitempty"`
	// None: UTF-8 where the whole file is, and Latin-1 where it is not.
	Encoding CsvEncoding `json:"encoding,omitempty"`
	// Types of columns, by name: `text`, `integer`, `decimal(14,2)`, `date` (2024-01-31, 20240131 or 31/01/2024). Others
	// are text; of a declared dataset the catalogue says the types of its own columns, and this those of others.
	Types map[string]string `json:"types,omitempty"`
}

// CsvEncoding: what the letters of a CSV are.
type CsvEncoding string

const (
	// ISO 8859-1.
	CsvEncodingLatin1 CsvEncoding = "latin1"
)

// S3Credentials: where the keys of an S3 server come from.
type S3Credentials string

const (
	// The settings, or a profile.
	S3CredentialsKeys S3Credentials = "keys"
	// The metadata service of the machine.
	S3CredentialsInstance S3Credentials = "instance"
)

// Isolation: what runs in a process of its own.
type Isolation string

const (
	// Nothing: the engine is in the process.
	IsolationNone Isolation = "none"
	// SQL of users.
	IsolationProcess Isolation = "process"
	// Whatever the engine runs, aggregates and sorts too. Rows that are only read are read in the process all the same.
	IsolationAll Isolation = "all"
)

// RatesParams: what rates are asked of.
type RatesParams struct {
	// What is counted, each row once: dataset, UF, competência, conditions and options. UF says which files are read, and
	// whose municipalities are in the answer: a warning counts the events of residents of other UFs.
	Events Params `json:"events"`
	// The people among whom: `IBGE-POPSVS` of one year (left out: that of `events`' competência), or a dataset whose rows
	// are counted, `SINASC-DN` for infant mortality; without a competência, of the time of the events.
	Population *Params `json:"population,omitempty"`
	// A table of one's own (`tables`) with the standard population: `faixa_etaria` (`0 a 4 anos`, ..., `80 anos e mais`)
	// and `populacao`. Left out: the whole country of the same year of `IBGE-POPSVS`.
	Standard string `json:"standard,omitempty"`
	// A rate is of so many people; left out: 100,000.
	Per *float64 `json:"per,omitempty"`
}
