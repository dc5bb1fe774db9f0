package datasus

import (
	"encoding/json"
	"fmt"
)

// Texts are several texts, or one, which JSON may write without the list: UF: []string{"AC"}.
type Texts []string

// UnmarshalJSON reads "AC", 12, or a list of them.
func (t *Texts) UnmarshalJSON(said []byte) error {
	return several(said, (*[]string)(t))
}

// Storage is where the rows of one kind of sink are: one file or table, or several.
type Storage []string

// UnmarshalJSON reads "a.csv" or a list of them.
func (s *Storage) UnmarshalJSON(said []byte) error {
	return several(said, (*[]string)(s))
}

// MarshalJSON writes one as it is, and several as a list.
func (s Storage) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]string(s))
}

func several(said []byte, into *[]string) error {
	var form any
	if err := json.Unmarshal(said, &form); err != nil {
		return err
	}
	list, isList := form.([]any)
	if !isList {
		list = []any{form}
	}
	*into = make([]string, len(list))
	for i, one := range list {
		(*into)[i] = fmt.Sprint(one)
	}
	return nil
}

// LogicalType is what a column holds, the same in every year: a text where nothing else is said.
type LogicalType struct {
	Integer *struct {
		Digits uint8 `json:"digits"`
	} `json:"integer,omitempty"`
	Decimal *struct {
		Precision uint8 `json:"precision"`
		Scale     uint8 `json:"scale"`
	} `json:"decimal,omitempty"`
	Date *struct {
		Formats []DateFormat `json:"formats"`
	} `json:"date,omitempty"`
}

// UnmarshalJSON reads "text" or {"decimal": {"precision": 14, "scale": 2}}.
func (l *LogicalType) UnmarshalJSON(said []byte) error {
	if string(said) == `"text"` {
		*l = LogicalType{}
		return nil
	}
	type plain LogicalType
	return json.Unmarshal(said, (*plain)(l))
}

// MarshalJSON writes it as it was read.
func (l LogicalType) MarshalJSON() ([]byte, error) {
	if l.Integer == nil && l.Decimal == nil && l.Date == nil {
		return json.Marshal("text")
	}
	type plain LogicalType
	return json.Marshal(plain(l))
}

// DestinationOptions are the options of a destination by its kind; one of these is not nil.
type DestinationOptions struct {
	CSV      *CSV
	Parquet  *Parquet
	Postgres *Postgres
	// Other has those of a kind of another program's own, by its name.
	Other map[string]any
}

// UnmarshalJSON reads {"csv": {...}}.
func (d *DestinationOptions) UnmarshalJSON(said []byte) error {
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(said, &kinds); err != nil {
		return err
	}
	*d = DestinationOptions{}
	if len(kinds) == 1 {
		if options, found := kinds["csv"]; found {
			d.CSV = &CSV{}
			return json.Unmarshal(options, d.CSV)
		}
		if options, found := kinds["parquet"]; found {
			d.Parquet = &Parquet{}
			return json.Unmarshal(options, d.Parquet)
		}
		if options, found := kinds["postgres"]; found {
			d.Postgres = &Postgres{}
			return json.Unmarshal(options, d.Postgres)
		}
	}
	return json.Unmarshal(said, &d.Other)
}

// MarshalJSON writes it as it was read.
func (d DestinationOptions) MarshalJSON() ([]byte, error) {
	switch {
	case d.CSV != nil:
		return d.CSV.MarshalJSON()
	case d.Parquet != nil:
		return d.Parquet.MarshalJSON()
	case d.Postgres != nil:
		return d.Postgres.MarshalJSON()
	}
	return json.Marshal(d.Other)
}
