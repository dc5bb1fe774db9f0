package datasus

// #include <datasus.h>
import "C"

import (
	"context"
	"encoding/json"
)

// ReadOptions say what of a file is wanted.
type ReadOptions struct {
	// Columns in this order, labels and derived columns (idade_anos) among them; none: all.
	Columns []string `json:"columns,omitzero"`
	// Dataset whose types the columns have, where the file's name does not tell.
	Dataset string `json:"dataset,omitempty"`
	// Typed false: every column is text, as it stands in the file.
	Typed     *bool `json:"typed,omitempty"`
	VerifyCRC *bool `json:"verify_crc,omitempty"`
	BatchRows int   `json:"batch_rows,omitempty"`
	// Encoding of the text: latin-1, cp850, cp1252, utf-8, auto; none: Latin-1 for files of the catalogue, else auto.
	Encoding string `json:"encoding,omitempty"`
	// Partial true: where the header declares more records than there are, those that are there are read, with a warning.
	Partial bool `json:"partial,omitempty"`
	// Labels: true, or a list of columns: words for codes beside them. A code without a label is NULL, and counted in FileSummary.
	Labels any `json:"labels,omitempty"`
	// LabelsOnly true: a label stands in its code's place.
	LabelsOnly bool `json:"labels_only,omitempty"`
}

// ReadDBC reads one DBC or DBF file, without a client or a lake. Nil options: none.
func ReadDBC(path string, options *ReadOptions) (*Rows, error) {
	if options == nil {
		options = &ReadOptions{}
	}
	wanted, err := asJSON("", "options", options)
	if err != nil {
		return nil, err
	}
	var given texts
	defer given.free()
	cPath, cWanted := given.add("path", path), given.add("options", wanted)
	if given.err != nil {
		return nil, given.err
	}
	rows := newRows(context.Background())
	err = call(func(told *C.datasus_error) statusCode {
		return C.datasus_read_dbc(cPath, cWanted, rows.stream, told)
	})
	if err != nil {
		rows.forget()
		return nil, err
	}
	return rows.begin()
}

// WriteExampleData writes made-up files of several datasets into folder, to try things on.
func WriteExampleData(folder string, rows uint32) error {
	var given texts
	defer given.free()
	to := given.add("folder", folder)
	if given.err != nil {
		return given.err
	}
	return call(func(told *C.datasus_error) statusCode {
		return C.datasus_write_example_data(to, C.uint32_t(rows), told)
	})
}

// JSONSchema is the JSON Schema of Params.
func JSONSchema() (json.RawMessage, error) {
	said, err := text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_json_schema(out, told)
	})
	return json.RawMessage(said), err
}
