// Command answer answers queries for tests/conformance/c.py: see bindings-c/tests/answer.c.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
)

type answer struct {
	Columns  []string          `json:"columns"`
	Rows     [][]*string       `json:"rows"`
	Report   *datasus.Report   `json:"report"`
	Estimate *datasus.Estimate `json:"estimate"`
	// Of params in a file profile.json.
	Profile *datasus.Profile `json:"profile,omitempty"`
}

// What a case declares, as c.py writes it behind the settings.
type declared struct {
	Declared, Tables map[string]string
	Csv              map[string]datasus.CsvForm
}

func ask(source, output, params string, profiles bool, of declared) (*answer, error) {
	config := datasus.Config{Output: output, Language: "pt", Tables: of.Tables, Csv: of.Csv, Declared: map[string][]string{}}
	for dataset, path := range of.Declared {
		config.Declared[dataset] = []string{path}
	}
	client, err := datasus.Open(source, &config)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	rows, err := client.Query(context.Background(), params)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	found := &answer{Rows: [][]*string{}, Columns: []string{}}
	for _, field := range rows.Schema().Fields() {
		found.Columns = append(found.Columns, field.Name)
	}
	for rows.Next() {
		batch := rows.RecordBatch()
		for row := range int(batch.NumRows()) {
			values := make([]*string, batch.NumCols())
			for i, column := range batch.Columns() {
				if column.IsValid(row) {
					// A copy: the batch owns its texts.
					text := strings.Clone(column.ValueStr(row))
					values[i] = &text
				}
			}
			found.Rows = append(found.Rows, values)
		}
	}
	if rows.Err() != nil {
		return nil, rows.Err()
	}
	if found.Report, err = rows.Report(); err != nil {
		return nil, err
	}
	if found.Estimate, err = client.Estimate(params); err != nil || !profiles {
		return found, err
	}
	found.Profile, err = client.Profile(context.Background(), params)
	return found, err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		given := strings.Split(lines.Text(), "\t")
		params, err := os.ReadFile(given[2])
		if err != nil {
			panic(err)
		}
		var of declared
		if len(given) > 3 {
			if err := json.Unmarshal([]byte("{"+strings.TrimPrefix(given[3], ", ")+"}"), &of); err != nil {
				panic(err)
			}
		}
		var said any
		found, err := ask(given[0], given[1], string(params), strings.HasSuffix(given[2], "/profile.json"), of)
		var failure *datasus.Error
		switch {
		case err == nil:
			said = found
		case errors.As(err, &failure):
			said = map[string]json.RawMessage{"error": failure.JSON}
		default:
			panic(err)
		}
		line, err := json.Marshal(said)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s\n\n", line)
	}
}
