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
	Report   *datasus.Report   `json:"report,omitempty"`
	Estimate *datasus.Estimate `json:"estimate,omitempty"`
	// Of params in a file profile.json.
	Profile *datasus.Profile `json:"profile,omitempty"`
	// Of a file that is read by itself.
	Summary *datasus.FileSummary `json:"summary,omitempty"`
}

// What a case declares, as c.py writes it behind the settings.
type declared struct {
	Declared, Tables map[string]string
	Csv              map[string]datasus.CsvForm
	Engine           string
}

func opened(source, output string, of declared) (*datasus.Client, error) {
	config := datasus.Config{Output: output, Language: "pt", Tables: of.Tables, Csv: of.Csv, Engine: of.Engine, Declared: map[string][]string{}}
	for dataset, path := range of.Declared {
		config.Declared[dataset] = []string{path}
	}
	return datasus.Open(source, &config)
}

func ask(source, output, params string, profiles bool, of declared) (*answer, error) {
	client, err := opened(source, output, of)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	rows, err := client.Query(context.Background(), params)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	found := &answer{}
	if found.Columns, found.Rows, err = texts(rows); err != nil {
		return nil, err
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

// Names and rows, as text.
func texts(rows *datasus.Rows) ([]string, [][]*string, error) {
	names, all := []string{}, [][]*string{}
	for _, field := range rows.Schema().Fields() {
		names = append(names, field.Name)
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
			all = append(all, values)
		}
	}
	return names, all, rows.Err()
}

// The answer of a call; a word "-" is none.
func known(call, source, output, first, second string, of declared) (any, error) {
	client, err := opened(source, output, of)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	word := func(word string) string {
		if word == "-" {
			return ""
		}
		return word
	}
	switch call {
	case "search":
		return client.Search(first, word(second))
	case "schema":
		return client.Schema(first)
	case "dictionaries":
		return client.Dictionaries()
	case "sync_dictionaries":
		return client.SyncDictionaries(word(first))
	case "profile":
		return client.Profile(context.Background(), file(first))
	case "rates":
		return client.Rates(file(first))
	case "cancelled":
		return cancelled(client, file(first))
	case "read_dbc":
		var options datasus.ReadOptions
		if err := json.Unmarshal([]byte(file(first)), &options); err != nil {
			panic(err)
		}
		rows, err := datasus.ReadDBC(second, &options)
		if err != nil {
			return nil, err
		}
		defer rows.Release()
		names, all, err := texts(rows)
		if err != nil {
			return nil, err
		}
		summary, err := rows.FileSummary()
		return &answer{Columns: names, Rows: all, Summary: summary}, err
	}
	panic(call)
}

// The end of a job that the next line of stdin cancels.
func cancelled(client *datasus.Client, params string) (*datasus.Report, error) {
	job, err := client.Submit(context.Background(), params, datasus.File("cancelled.csv"))
	if err != nil {
		return nil, err
	}
	defer job.Close()
	if !lines.Scan() {
		panic("no line")
	}
	if err := job.Cancel(); err != nil {
		return nil, err
	}
	return job.Wait(context.Background())
}

func file(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(text)
}

var lines = bufio.NewScanner(os.Stdin)

func main() {
	for lines.Scan() {
		given := strings.Split(lines.Text(), "\t")
		// Settings stand at the end, behind as many words as the line's kind has.
		isCall, words := strings.HasPrefix(given[0], "!"), 3
		if isCall {
			words = 5
		}
		var of declared
		if len(given) > words {
			if err := json.Unmarshal([]byte("{"+strings.TrimPrefix(given[words], ", ")+"}"), &of); err != nil {
				panic(err)
			}
		}
		var said, found any
		var err error
		if isCall {
			found, err = known(given[0][1:], given[1], given[2], given[3], given[4], of)
			found = map[string]any{"answer": found}
		} else {
			found, err = ask(given[0], given[1], file(given[2]), strings.HasSuffix(given[2], "/profile.json"), of)
		}
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
