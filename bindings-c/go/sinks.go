package datasus

import "encoding/json"

// Sink is where a job's rows go: CSV, Parquet, Postgres, or a File.
type Sink interface {
	json.Marshaler
	sink()
}

// CSV is a file of text, below Config.Output.
type CSV struct {
	// Path; none: the first six digits of the job's hash.
	Path string `json:"path,omitempty"`
	// Overwrite replaces a file of that name, which is an error else.
	Overwrite bool `json:"overwrite,omitempty"`
	// Zstd compresses, at this level.
	Zstd int `json:"zstd,omitempty"`
	// Delimiter is ",", ";" or "\t".
	Delimiter    string `json:"delimiter,omitempty"`
	DecimalComma bool   `json:"decimal_comma,omitempty"`
}

// Parquet is a file, below Config.Output.
type Parquet struct {
	Path      string `json:"path,omitempty"`
	Overwrite bool   `json:"overwrite,omitempty"`
}

// Postgres is a table, which is made.
type Postgres struct {
	// URL; none: that of Config.Postgres.
	URL string `json:"url,omitempty"`
	// Table is schema and name.
	Table string `json:"table,omitempty"`
	// Mode is "create" (the default), "append", "replace", "replace_by" or "upsert" (by Key).
	Mode string   `json:"mode,omitempty"`
	Key  []string `json:"key,omitzero"`
}

// File is a path below Config.Output that tells by its ending what it is: .csv, .csv.zst or .parquet.
type File string

func (File) sink()     {}
func (CSV) sink()      {}
func (Parquet) sink()  {}
func (Postgres) sink() {}

// MarshalJSON writes "a.csv".
func (s File) MarshalJSON() ([]byte, error) { return json.Marshal(string(s)) }

// MarshalJSON writes {"csv": {...}}.
func (s CSV) MarshalJSON() ([]byte, error) {
	type plain CSV
	return json.Marshal(map[string]plain{"csv": plain(s)})
}

// MarshalJSON writes {"parquet": {...}}.
func (s Parquet) MarshalJSON() ([]byte, error) {
	type plain Parquet
	return json.Marshal(map[string]plain{"parquet": plain(s)})
}

// MarshalJSON writes {"postgres": {...}}.
func (s Postgres) MarshalJSON() ([]byte, error) {
	type plain Postgres
	return json.Marshal(map[string]plain{"postgres": plain(s)})
}
