package datasus

// Params is a query. In its place every function takes JSON as well, as a string or a json.RawMessage: see JSONSchema.
type Params struct {
	// Dataset is sistema and grupo: SIH-RD, CNES-ST, SIM-DO. Or there is SQL.
	Dataset string `json:"dataset,omitempty"`
	// SQL is one SELECT over the tables of the catalogue (sih_rd, cnes_st, ...), with Bind for its $names.
	SQL  string         `json:"sql,omitempty"`
	Bind map[string]any `json:"bind,omitempty"`
	// UF holds siglas, names (Acre) or IBGE's codes (12). Left out (nil), it means all that the source holds; an empty list is an
	// error, here and in Columns.
	UF []string `json:"uf,omitzero"`
	// Competencia is a month (2024-01, 01/2024, 202401) or a year (2024: its twelve months) as a string or a number, several in
	// a slice, a Range, or a time.Time at midnight, which stands for its month.
	Competencia any         `json:"competencia,omitempty"`
	Columns     []string    `json:"columns,omitzero"`
	Where       []Filter    `json:"where,omitzero"`
	GroupBy     []string    `json:"group_by,omitzero"`
	Aggregates  []Aggregate `json:"aggregates,omitzero"`
	OrderBy     []OrderBy   `json:"order_by,omitzero"`
	Limit       *uint64     `json:"limit,omitempty"`
	Options     *Options    `json:"options,omitempty"`
}

// Range is of months or years, both ends included.
type Range struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Filter is one condition, {Column: "DIAG_PRINC", Op: "starts_with", Value: "J18"}; or one of Any, every one of All, or Not. A
// time.Time at midnight stands for its day.
type Filter struct {
	Column string   `json:"column,omitempty"`
	Op     string   `json:"op,omitempty"`
	Value  any      `json:"value,omitempty"`
	Any    []Filter `json:"any,omitempty"`
	All    []Filter `json:"all,omitempty"`
	Not    *Filter  `json:"not,omitempty"`
}

// Aggregate is a figure of each group: count, sum, avg, min, max.
type Aggregate struct {
	Fn     string `json:"fn"`
	Column string `json:"column,omitempty"`
	As     string `json:"as,omitempty"`
}

// OrderBy is a column of the answer to sort by.
type OrderBy struct {
	Column string `json:"column"`
	Desc   bool   `json:"desc,omitempty"`
}

// Options say how a query is run.
type Options struct {
	// Deadline in seconds, queueing included.
	Deadline float64 `json:"deadline,omitempty"`
	// Missing is "error" (the default) or "warn", where a file that was asked for by name is not there.
	Missing string `json:"missing,omitempty"`
	// Versions is "refuse" (the default) or "newest", where neither folder, date nor content tells which version of a file
	// is right.
	Versions string `json:"versions,omitempty"`
	// Partial leaves out files that cannot be read, and the report lists them.
	Partial bool `json:"partial,omitempty"`
	// Priority is "health", "admin" or "user".
	Priority string `json:"priority,omitempty"`
	// OnEmergency is "sample", "spill", "wait" or "fail", where memory is nearly exhausted when the query begins.
	OnEmergency string `json:"on_emergency,omitempty"`
	// OnBadValue is "null" (the default), "dead_letter" or "fail", where a value does not parse in a column that is read.
	OnBadValue string `json:"on_bad_value,omitempty"`
}

// Config is how a client is set up; what is left out comes from the DATASUS_* variables and the defaults.
type Config struct {
	// Lake is the folder of converted Parquet.
	Lake string `json:"lake,omitempty"`
	// Output is the folder that holds every file an export writes.
	Output string `json:"output,omitempty"`
	// State is the folder of what jobs keep to be resumed.
	State string `json:"state,omitempty"`
	Spill string `json:"spill,omitempty"`
	// MemoryLimit and SpillLimit are bytes.
	MemoryLimit uint64 `json:"memory_limit,omitempty"`
	SpillLimit  uint64 `json:"spill_limit,omitempty"`
	// Postgres is the server of the sinks that name none: postgres://user:password@host:5432/database.
	Postgres string `json:"postgres,omitempty"`
	// Deadline of any query, in seconds.
	Deadline    float64 `json:"deadline,omitempty"`
	Threads     int     `json:"threads,omitempty"`
	MaxPriority string  `json:"max_priority,omitempty"`
	// OnEmergency of the rows of a dataset that come as a stream, where the query does not say.
	OnEmergency string `json:"on_emergency,omitempty"`
	ChunkRows   int    `json:"chunk_rows,omitempty"`
	VerifyCRC   *bool  `json:"verify_crc,omitempty"`
	// Language of the texts for people: "pt" or "en".
	Language string `json:"language,omitempty"`
}
