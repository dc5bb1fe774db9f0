package datasus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
	"github.com/datasus-sdk/datasus/bindings-c/go/internal/hooks"
)

// What every language puts through its doors.
type doors struct {
	Words, Spellings, Jobs []string
	Settings, Params, To   []any
	Ranges, Sizes          [][2]any
}

func theDoors(t *testing.T) (of doors) {
	t.Helper()
	text, err := os.ReadFile("../../tests/conformance/doors.json")
	if err == nil {
		err = json.Unmarshal(text, &of)
	}
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// The same with the address in the place of URL.
func withURL(form any, url string) any {
	switch form := form.(type) {
	case string:
		return strings.ReplaceAll(form, "URL", url)
	case []any:
		list := make([]any, len(form))
		for i, one := range form {
			list[i] = withURL(one, url)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(form))
		for key, one := range form {
			object[strings.ReplaceAll(key, "URL", url)] = withURL(one, url)
		}
		return object
	default:
		return form
	}
}

// What the list only describes, made.
func made(form any) any {
	switch form := form.(type) {
	case []any:
		list := make([]any, len(form))
		for i, one := range form {
			list[i] = made(one)
		}
		return list
	case map[string]any:
		if text, ok := form["$text"].([]any); ok {
			return strings.Repeat(text[0].(string), int(text[1].(float64)))
		}
		if list, ok := form["$list"].([]any); ok {
			all := make([]any, int(list[1].(float64)))
			for i := range all {
				all[i] = list[0]
			}
			return all
		}
		object := make(map[string]any, len(form))
		if count, ok := form["$keys"].(float64); ok {
			for i := range int(count) {
				object[fmt.Sprintf("k%d", i)] = 1
			}
			return object
		}
		for key, one := range form {
			object[key] = made(one)
		}
		return object
	default:
		return form
	}
}

func TestNoSpellingOfAPasswordComesOutOfAnyDoor(t *testing.T) {
	all := theDoors(t)
	_, folder := open(t)
	place := t.TempDir()
	client, err := datasus.Open(folder, &datasus.Config{Output: filepath.Join(place, "out"), State: filepath.Join(place, "state"), Language: "en", Deadline: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	ways := 0
	look := func(door string, texts ...string) {
		ways++
		for _, text := range texts {
			for _, word := range all.Words {
				if strings.Contains(text, word) {
					t.Errorf("%s: %.500s", door, text)
				}
			}
		}
	}
	shown := func(value any) []string {
		var text strings.Builder
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "value", value)
		// JSON is what the library is told: of a list of them slog would write all.
		if reflect.TypeOf(value) == nil || reflect.TypeOf(value).Kind() != reflect.Slice {
			slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "value", value)
		}
		return []string{
			fmt.Sprint(value), fmt.Sprintf("%+v", value), fmt.Sprintf("%#v", value), fmt.Sprintf("%d %q %x %s", value, value, value, value), text.String(),
		}
	}
	call := func(door string, answer any, err error) {
		look(door, shown(err)...)
		var failure *datasus.Error
		if errors.As(err, &failure) {
			look(door, shown(*failure)...)
			look(door, string(failure.JSON), fmt.Sprint(failure.Diagnostic))
		}
		if text, ok := answer.(json.RawMessage); ok {
			look(door, string(text))
		} else {
			look(door, shown(answer)...)
		}
	}
	ctx := t.Context()
	for _, url := range all.Spellings {
		other, err := datasus.Open(url, nil)
		call("open", other, err)
		for _, config := range []datasus.Config{
			{Lake: url}, {Output: url}, {State: url}, {Spill: url}, {Postgres: url}, {MaxPriority: datasus.Priority(url)}, {OnEmergency: datasus.OnEmergency(url)}, {Language: datasus.Language(url)}, {State: url + "\x00"}, {Lake: url + "\xff"},
		} {
			other, err := datasus.Open(folder, &config)
			call("open", other, err)
			look("config", shown(config)...)
			look("config", shown(&config)...)
			look("config", shown([]datasus.Config{config})...)
			if err == nil {
				jobs, err := other.Jobs()
				call("jobs", jobs, err)
				_ = other.Close()
			}
		}
		for _, params := range all.Params {
			params := withURL(params, url)
			rows, err := client.Query(ctx, params)
			call("query", rows, err)
			text, _ := json.Marshal(params)
			plan, err := client.Explain(string(text))
			call("explain", plan, err)
			estimate, err := client.Estimate(string(text))
			call("estimate", estimate, err)
		}
		for _, sink := range []datasus.Sink{
			datasus.File(url), datasus.File(url + ".csv"), datasus.CSV{Path: url + ".csv", Delimiter: datasus.Delimiter(url)}, datasus.CSV{Path: url}, datasus.Parquet{Path: url},
			datasus.Postgres{Table: url}, datasus.Postgres{Table: "a.b", URL: url}, datasus.Postgres{Table: "a.b", Mode: datasus.LoadMode(url)}, datasus.Postgres{Table: "a.b", Mode: "upsert", Key: []string{url}},
			datasus.Postgres{Table: "a.b", URL: url + "\xff"},
		} {
			report, err := client.Export(ctx, datasus.Params{Dataset: "SIH-RD"}, sink)
			call("export", report, err)
			look("sink", shown(sink)...)
			look("sinks", shown([]datasus.Sink{sink})...)
		}
		for _, params := range []any{
			datasus.Params{Dataset: url + "\xff"}, datasus.Params{SQL: "SELECT $x", Bind: map[string]any{"x": func() {}, url: 1}}, map[string]any{url: func() {}},
			map[string]any{"dataset": url, "where": map[string]any{url: []byte(url)}}, url + "\x00",
		} {
			rows, err := client.Query(ctx, params)
			call("query", rows, err)
		}
		for _, job := range all.Jobs {
			id := strings.ReplaceAll(job, "URL", url)
			resumed, err := client.Resume(ctx, id)
			call("resume", resumed, err)
			call("discard", nil, client.Discard(id))
			letters, err := client.DeadLetters(id)
			call("letters", letters, err)
			replayed, err := client.Replay(id)
			call("replay", replayed, err)
		}
		schema, err := client.Schema(url)
		call("schema", schema, err)
		call("read", nil, read(datasus.ReadDBC(url, nil)))
		call("read", nil, read(datasus.ReadDBC(filepath.Join(folder, "RDAC2401.dbc"), &datasus.ReadOptions{Encoding: url})))
		call("example", nil, datasus.WriteExampleData(filepath.Join(folder, "RDAC2401.dbc", url), 1))
	}
	jobs, err := client.Jobs()
	call("jobs", jobs, err)
	look("client", shown(client)...)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	err = filepath.Walk(place, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		look("kept", path)
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			look("kept", string(text))
			return err
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d spellings, %d ways", len(all.Spellings), ways)
	sent, err := json.Marshal(datasus.Postgres{Table: "a.b", URL: all.Spellings[0]})
	if err != nil || !strings.Contains(string(sent), all.Words[0]) {
		t.Errorf("%s: the library is told all of it", sent)
	}
}

func TestWhatIsTooLargeIsRefusedSoonByAShortError(t *testing.T) {
	client, folder := open(t)
	refused := func(what string, ask func() error) {
		t.Helper()
		began := time.Now()
		err := ask()
		var failure *datasus.Error
		if !errors.As(err, &failure) || (failure.Status != 400 && failure.Status != 404 && failure.Status != 422) {
			t.Fatalf("%s: %.300v", what, err)
		}
		if size := len(failure.Error()) + len(failure.JSON); size > 150_000 || time.Since(began) > 2*time.Minute {
			t.Errorf("%s: %d bytes in %v", what, size, time.Since(began))
		}
	}
	all := theDoors(t)
	for _, size := range all.Sizes {
		refused(size[0].(string), func() error {
			rows, err := client.Query(t.Context(), made(size[1]))
			return read(rows, err)
		})
	}
	long := strings.Repeat("x", 10<<20)
	order := make([]datasus.OrderBy, 100_000)
	for what, params := range map[string]datasus.Params{
		"a typed name": {Dataset: long}, "half a letter": {Dataset: long + "\xff"}, "a NUL": {Dataset: "SIH-RD", UF: []string{long + "\x00"}}, "typed keys": {Dataset: "SIH-RD", OrderBy: order},
		"a key": {SQL: "SELECT 1", Bind: map[string]any{long: func() {}}},
	} {
		refused(what, func() error { return read(client.Query(t.Context(), params)) })
	}
	for what, config := range map[string]datasus.Config{
		"threads": {Threads: 100_000}, "chunk_rows": {ChunkRows: 4_000_000_000}, "memory_limit": {MemoryLimit: 1}, "deadline": {Deadline: 1e300}, "language": {Language: datasus.Language(long)}, "lake": {Lake: long},
	} {
		refused(what, func() error {
			other, err := datasus.Open(folder, &config)
			if err == nil {
				_ = other.Close()
			}
			return err
		})
	}
	sql := "SELECT CAST($x AS DECIMAL(20,1)) + VAL_TOT - VAL_TOT AS x FROM sih_rd LIMIT 1"
	refused("a number", func() error {
		return read(client.Query(t.Context(), datasus.Params{SQL: sql, Bind: map[string]any{"x": json.Number("9007199254740993.5")}}))
	})
	for _, x := range []any{"9007199254740993.5", int64(9007199254740993)} {
		rows, err := client.Query(t.Context(), datasus.Params{SQL: sql, Bind: map[string]any{"x": x}})
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			if found := rows.RecordBatch().Column(0).ValueStr(0); !strings.HasPrefix(found, "9007199254740993") {
				t.Errorf("%v became %s", x, found)
			}
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What hangs does so for an hour: this is for a machine of any speed.
func soon(t *testing.T, what string, work func()) {
	t.Helper()
	began := time.Now()
	work()
	if took := time.Since(began); took > 4*time.Minute {
		t.Errorf("%s came back after %v", what, took)
	}
}

func TestSQLThatDoesNotStopKeepsNobody(t *testing.T) {
	client, _ := open(t)
	// Run each time: a kept answer hangs nowhere.
	const sql = `{"options": {"cache": "off"}, "sql": "SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES"}`
	untilAbandoned := func(count int, also func() bool) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
			metrics, err := client.Metrics()
			if err != nil || time.Now().After(end) {
				t.Fatalf("%v in %s", err, metrics)
			}
			if strings.Contains(metrics, fmt.Sprintf("\ndatasus_threads_abandoned %d.0\n", count)) && also() {
				return
			}
		}
	}
	settled := func() {
		hooks.HangNext(0, 0, 0)
		// The client is left, and what was given up is let go of.
		untilAbandoned(0, func() bool { return hooks.Hanging() == 0 && hooks.Alive() == 1 })
	}
	defer settled()
	works := func() {
		t.Helper()
		soon(t, "the next query", func() {
			if err := read(client.Query(t.Context(), sql)); err != nil {
				t.Error(err)
			}
		})
	}
	for _, hang := range [][2]int{{1, 0}, {0, 1}} {
		before := hooks.Hanging()
		hooks.HangNext(hang[0], hang[1], time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- read(client.Query(ctx, sql)) }()
		for hooks.Hanging() == before {
			time.Sleep(time.Millisecond)
		}
		cancel()
		soon(t, "what was cancelled", func() {
			err := <-ended
			coded(t, err, "DS-499")
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		if hang[1] == 1 {
			// The call itself came back as well, while its text is still being parsed: nothing but the client is left.
			for end := time.Now().Add(2 * time.Minute); hooks.Alive() > 1 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if hooks.Alive() != 1 || hooks.Hanging() == before {
				t.Errorf("%d alive, %d hang", hooks.Alive(), hooks.Hanging())
			}
		}
		works()
	}
	settled()
	hooks.HangNext(4, 0, time.Hour)
	// One by one: of several some would wait for a slot, and not hang. On a busy machine a deadline may pass before that.
	for deadline := 0.3; hooks.Hanging() < 4; {
		before := hooks.Hanging()
		late := strings.Replace(sql, `"off"`, fmt.Sprintf(`"off", "deadline": %.1f`, deadline), 1)
		soon(t, "a deadline", func() { coded(t, read(client.Query(t.Context(), late)), "DS-504") })
		untilAbandoned(hooks.Hanging(), func() bool { return true })
		if hooks.Hanging() == before {
			deadline *= 2
		}
	}
	if failure := coded(t, read(client.Query(t.Context(), sql)), "DS-503"); !failure.Retryable {
		t.Error(failure)
	}
	soon(t, "rows of a dataset", func() {
		if err := read(client.Query(t.Context(), datasus.Params{Dataset: "SIH-RD", Columns: []string{"CNES"}})); err != nil {
			t.Error(err)
		}
	})
	settled()
	works()
}
