package datasus

import "encoding/json"

// Sink is where a job's rows go: CSV, Parquet, Postgres, or a File.
type Sink interface {
	json.Marshaler
	sink()
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
