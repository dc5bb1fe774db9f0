package datasus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
)

type ofText string

type noTags struct{ SEXO string }

type marshalled struct{}

func (marshalled) MarshalJSON() ([]byte, error) { return []byte(`"3"`), nil }

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("on purpose") }

var (
	three   = 3
	pointer = &three
	circle  = func() map[string]any { m := map[string]any{}; m["m"] = m; return m }()
	noon    = time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
	day     = time.Date(2024, 1, 31, 0, 0, 0, 0, time.FixedZone("BRT", -3*3600))
)

// Stands for nothing: refused by name wherever a value is due.
var refused = map[string]any{
	"a function": func() string { return "AC" }, "a nil function": (func())(nil), "a channel": make(chan string), "a nil channel": (chan int)(nil),
	"a complex number": complex(3, 0), "NaN": math.NaN(), "infinity": math.Inf(1), "a float32 NaN": float32(math.NaN()),
	"bytes": []byte("3"), "an array of bytes": [1]byte{'3'}, "nil bytes": []byte(nil), "text that is not UTF-8": "3\xff",
	"a nil pointer": (*int)(nil), "a nil list": []string(nil), "a nil map": map[string]any(nil), "a nil range": (*datasus.Range)(nil),
	"a nil time": (*time.Time)(nil), "a map of numbers": map[int]string{3: "SEXO"}, "a map of anything": map[any]any{"SEXO": "3"},
	"a circle": circle, "a list with a function": []any{"3", func() {}}, "a list with NaN": []float64{3, math.NaN()},
	"a list of bytes": [][]byte{[]byte("3")}, "a struct with a channel": struct{ C chan int }{make(chan int)},
	"a moment": noon, "a list with a moment": []any{noon}, "times": []time.Time{noon}, "a key that is not UTF-8": map[string]any{"\xff": 1},
	"a Marshaler that fails": failing{}, "a list with a nil pointer": []any{(*int)(nil)},
}

// Stands for the JSON beside it.
var taken = map[string][2]any{
	"text": {"3", "3"}, "empty text": {"", ""}, "text with NUL": {"3\x00", "3\x00"}, "text of a type of its own": {ofText("3"), "3"},
	"a sigla": {"AC", "AC"}, "a month": {"202401", "202401"}, "a column": {"SEXO", "SEXO"}, "a dataset": {"SIH-RD", "SIH-RD"},
	"an injection": {"' OR 1=1 --", "' OR 1=1 --"}, "a mark": {"<3>", "<3>"}, "zero": {0, 0}, "three": {3, 3}, "minus one": {int8(-1), -1},
	"uint64": {uint64(math.MaxUint64), uint64(math.MaxUint64)}, "a fraction": {1.5, 1.5}, "float32": {float32(1.5), 1.5}, "true": {true, true},
	"a pointer": {pointer, 3}, "a number as text": {json.Number("3"), 3}, "a large number": {big.NewInt(3), 3}, "a Marshaler": {marshalled{}, "3"},
	"raw JSON": {json.RawMessage(`"3"`), "3"}, "raw JSON with a key twice": {json.RawMessage(`{"from": "202401", "from": "202401", "to": "202401"}`), json.RawMessage(`{"from": "202401", "from": "202401", "to": "202401"}`)},
	"a list": {[]string{"3"}, []string{"3"}}, "an empty list": {[]string{}, []string{}}, "an array": {[2]string{"3", "1"}, []string{"3", "1"}},
	"a list of anything": {[]any{"3", 3}, []any{"3", 3}}, "a nested list": {[][]string{{"3"}}, [][]string{{"3"}}}, "a list with null": {[]any{"3", nil}, []any{"3", nil}},
	"numbers": {[]int{30, 40}, []int{30, 40}}, "a map": {map[string]any{"SEXO": "3"}, map[string]any{"SEXO": "3"}}, "an empty map": {map[string]any{}, map[string]any{}},
	"a struct": {noTags{"3"}, map[string]any{"SEXO": "3"}}, "an empty struct": {struct{}{}, map[string]any{}}, "a range": {datasus.Range{From: "202401", To: "202402"}, map[string]any{"from": "202401", "to": "202402"}},
	"a day": {day, "2024-01-31"}, "days": {[]time.Time{day}, []string{"2024-01-31"}}, "half a character": {json.RawMessage(`"3\ud800"`), json.RawMessage(`"3\ud800"`)},
}

var operators = []string{"eq", "ne", "lt", "le", "gt", "ge", "between", "in", "not_in", "starts_with", "is_null", "not_null"}

// Where a value of any type can be passed: the query with it, and the contract's form.
func places() map[string]func(any) any {
	base := func(change func(*datasus.Params)) any {
		params := datasus.Params{Dataset: "SIH-RD", Columns: []string{"N_AIH"}}
		change(&params)
		return params
	}
	sql := "SELECT N_AIH FROM sih_rd WHERE SEXO = $x"
	all := map[string]func(any) any{
		"params":      func(it any) any { return it },
		"competencia": func(it any) any { return base(func(p *datasus.Params) { p.Competencia = it }) },
		"competencia[0]": func(it any) any {
			return base(func(p *datasus.Params) { p.Competencia = []any{it} })
		},
		"bind.x": func(it any) any { return datasus.Params{SQL: sql, Bind: map[string]any{"x": it}} },
	}
	for _, key := range []string{"dataset", "uf", "columns", "where", "group_by", "aggregates", "order_by", "limit", "options", "sql", "bind"} {
		all[key] = func(it any) any { return map[string]any{"dataset": "SIH-RD", key: it} }
	}
	for _, column := range []string{"SEXO", "IDADE", "VAL_TOT", "DT_INTER"} {
		for _, op := range operators {
			all["where[0].value: "+column+" "+op] = func(it any) any {
				return base(func(p *datasus.Params) { p.Where = []datasus.Filter{{Column: column, Op: datasus.Op(op), Value: it}} })
			}
		}
		all["where[0].value[1]: "+column] = func(it any) any {
			return base(func(p *datasus.Params) {
				p.Where = []datasus.Filter{{Column: column, Op: "in", Value: []any{"3", it}}}
			})
		}
	}
	return all
}

// Rows, or the code of the error; any error of another type fails the test.
func ask(t *testing.T, client *datasus.Client, params any) (int64, string, *datasus.Error) {
	t.Helper()
	rows, err := client.Query(t.Context(), params)
	var count int64
	if err == nil {
		for rows.Next() {
			count += rows.RecordBatch().NumRows()
		}
		err = rows.Close()
	}
	if err == nil {
		return count, "", nil
	}
	var failure *datasus.Error
	if !errors.As(err, &failure) || failure.TraceID == "" || failure.Message == "" || !json.Valid(failure.JSON) {
		t.Fatalf("%T: %v", err, err)
	}
	return 0, failure.Code, failure
}

func TestNoValueMakesAnotherQueryThanTheOneThatWasWritten(t *testing.T) {
	client, _ := open(t)
	for place, with := range places() {
		name, _, _ := strings.Cut(place, ":")
		for what, value := range refused {
			if what == "bytes" && place == "params" {
				continue // the query's JSON
			}
			count, code, failure := ask(t, client, with(value))
			if code != "DS-422" && !(code == "DS-400" && what == "nil bytes") {
				t.Errorf("%s: %s: %d rows, %s", place, what, count, code)
			} else if place != "params" && !strings.Contains(failure.Message, strings.TrimSuffix(name, "[1]")) && !strings.Contains(failure.Message, "params") {
				t.Errorf("%s: %s is not refused by name: %s", place, what, failure.Message)
			}
		}
		for what, value := range taken {
			count, code, _ := ask(t, client, with(value[0]))
			// The same in the contract's own text, where a time is its day already.
			text, err := json.Marshal(with(value[1]))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(place, "competencia") && strings.HasPrefix(what, "day") || what == "a day" && strings.HasPrefix(place, "competencia") {
				text = []byte(strings.ReplaceAll(string(text), "2024-01-31", "202401"))
			}
			wanted, coded, _ := ask(t, client, string(text))
			same := count == wanted && code == coded
			// What encoding/json cannot pass is refused here; what the contract refuses, there.
			if !same && !(code != "" && coded != "") && code != "DS-422" {
				t.Errorf("%s: %s: %d rows %s, and by %s %d rows %s", place, what, count, code, text, wanted, coded)
			}
		}
	}
}

func TestAnEmptyListIsNotTakenForNone(t *testing.T) {
	client, folder := open(t)
	for name, params := range map[string]datasus.Params{
		"uf":          {Dataset: "SIH-RD", UF: []string{}},
		"columns":     {Dataset: "SIH-RD", Columns: []string{}},
		"competencia": {Dataset: "SIH-RD", Competencia: []string{}},
		"value":       {Dataset: "SIH-RD", Where: []datasus.Filter{{Column: "SEXO", Op: "in", Value: []string{}}}},
		"no value":    {Dataset: "SIH-RD", Where: []datasus.Filter{{Column: "SEXO", Op: "eq"}}},
	} {
		if count, code, _ := ask(t, client, params); code != "DS-422" {
			t.Errorf("%s: %d rows, %s", name, count, code)
		}
	}
	if count, _, _ := ask(t, client, datasus.Params{Dataset: "SIH-RD", Columns: []string{"N_AIH"}}); count != 6*recordsAFile {
		t.Errorf("%d rows without any of them", count)
	}
	err := read(datasus.ReadDBC(folder+"/RDAC2401.dbc", &datasus.ReadOptions{Columns: []string{}}))
	if err == nil {
		t.Error("no columns were read as all")
	}
}

func TestATextWithANULIsNotCutThere(t *testing.T) {
	client, folder := open(t)
	calls := map[string]func(string) error{
		"source": func(s string) error { _, err := datasus.Open(folder+s, nil); return err },
		"params": func(s string) error { return read(client.Query(t.Context(), `{"dataset": "SIH-RD"}`+s)) },
		"jobID":  func(s string) error { _, err := client.Resume(t.Context(), "x"+s); return err },
		"discard": func(s string) error {
			return client.Discard("x" + s)
		},
		"dead letters": func(s string) error { _, err := client.DeadLetters("x" + s); return err },
		"path":         func(s string) error { _, err := client.ExportDeadLetters("x", "y.parquet"+s); return err },
		"replay":       func(s string) error { _, err := client.Replay("x" + s); return err },
		"dataset":      func(s string) error { _, err := client.Schema("SIH-RD" + s); return err },
		"explain":      func(s string) error { _, err := client.Explain(`{"dataset": "SIH-RD"}` + s); return err },
		"estimate":     func(s string) error { _, err := client.Estimate(`{"dataset": "SIH-RD"}` + s); return err },
		"sync":         func(s string) error { _, err := client.Sync(t.Context(), `{"dataset": "SIM-DO"}`+s); return err },
		"file":         func(s string) error { return read(datasus.ReadDBC(folder+"/RDAC2401.dbc"+s, nil)) },
		"example data": func(s string) error { return datasus.WriteExampleData(folder+"/more"+s, 1) },
	}
	for name, call := range calls {
		if failure := coded(t, call("\x00and the rest"), "DS-422"); !strings.Contains(failure.Message, "NUL") {
			t.Errorf("%s: %v", name, failure)
		}
	}
	// What a program passes that is no sink, or none at all.
	for _, sinks := range [][]datasus.Sink{nil, {nil}, {(*datasus.CSV)(nil)}, {datasus.CSV{Path: "\xff"}}} {
		_, err := client.Submit(t.Context(), datasus.Params{Dataset: "SIH-RD"}, sinks...)
		var failure *datasus.Error
		if !errors.As(err, &failure) {
			t.Errorf("%v: %v", sinks, err)
		}
	}
	if _, err := datasus.Open(folder, &datasus.Config{Deadline: math.NaN()}); err == nil {
		t.Error("a deadline of NaN")
	}
	if _, err := datasus.Open(folder, &datasus.Config{Lake: "\xff", Language: "en"}); err == nil || !strings.Contains(fmt.Sprint(err), "expected") {
		t.Errorf("a lake that is not UTF-8: %v", err)
	}
}

func TestTheDestinationsOfAJobAreReadByTheirKindAndWrittenAsTheyWere(t *testing.T) {
	said := `[{"to":{"csv":{"path":"a.csv","zstd":3}},"url":null,"password_left_out":false},` +
		`{"to":{"postgres":{"table":"s.t"}},"url":"postgres://u@h/d","password_left_out":true},` +
		`{"to":{"counter":{"most":3}},"url":null,"password_left_out":false}]`
	var read []datasus.JobDestination
	if err := json.Unmarshal([]byte(said), &read); err != nil {
		t.Fatal(err)
	}
	file, table, own := read[0].To, read[1].To, read[2].To
	if file.CSV == nil || file.CSV.Path != "a.csv" || file.Postgres != nil || own.CSV != nil {
		t.Errorf("%+v", read)
	}
	if table.Postgres == nil || table.Postgres.Table != "s.t" || *read[1].URL != "postgres://u@h/d" || !read[1].PasswordLeftOut {
		t.Errorf("%+v", read[1])
	}
	if options, _ := own.Other["counter"].(map[string]any); options["most"] != 3.0 {
		t.Errorf("%+v", own)
	}
	written, err := json.Marshal(read)
	if err != nil || string(written) != said {
		t.Errorf("%s %v", written, err)
	}
}
