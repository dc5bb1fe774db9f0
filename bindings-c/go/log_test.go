package datasus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
)

// Lines of JSON, by a handler of slog's own, which any thread may read.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *lines) of(trace string) (found []map[string]any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["trace_id"] == trace {
			found = append(found, fields)
		}
	}
	return found
}

func (l *lines) until(t *testing.T, trace, event string) map[string]any {
	t.Helper()
	for range 6000 {
		for _, line := range l.of(trace) {
			if line["msg"] == event {
				return line
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no %q of %s within two minutes:\n%s", event, trace, l.text.String())
	return nil
}

func TestRecordsOfAJobGoToAnySlogHandlerUntilAnotherTakesItsPlace(t *testing.T) {
	client, _ := open(t)
	trace := func(name string, params datasus.Params) string {
		job, err := client.Submit(t.Context(), params, datasus.File(name))
		if err != nil {
			t.Fatal(err)
		}
		defer job.Close()
		report, err := job.Wait(t.Context())
		var failure *datasus.Error
		if errors.As(err, &failure) {
			return failure.TraceID
		} else if err != nil {
			t.Fatal(err)
		}
		return report.TraceID
	}
	debug, info := &lines{}, &lines{}
	listen := func(to *lines, level slog.Level) {
		if err := datasus.SetLog(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: datasus.LevelTrace}), level); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := datasus.SetLog(nil, 0); err != nil {
			t.Error(err)
		}
	})

	listen(debug, slog.LevelDebug)
	first := trace("first.csv", datasus.Params{Dataset: "SIH-RD", UF: []string{"AC"}, Competencia: "202401"})
	completed := debug.until(t, first, "completed")
	if completed["level"] != "INFO" || completed["rows"] != float64(recordsAFile) || completed["job_id"] == "" ||
		!strings.HasPrefix(completed["target"].(string), "datasus") {
		t.Errorf("%v", completed)
	}
	if ended := debug.until(t, first, "stage ended"); ended["level"] != "DEBUG" || ended["stage"] == "" || ended["seconds"] == 0 {
		t.Errorf("%v", ended)
	}

	// One thread tells them all, in order: once the new one has the second job's last line, the old one can get none.
	listen(info, slog.LevelInfo)
	// So late that it has begun by then.
	late := trace("late.csv", datasus.Params{SQL: "SELECT count(*) FROM range(100000000000) t(i), sih_rd", Options: &datasus.Options{Deadline: 5}})
	failed := info.until(t, late, "failed")
	if failed["level"] != "WARN" || failed["code"] != "DS-504" || failed["stage"] == "" {
		t.Errorf("%v", failed)
	}
	for _, line := range info.of(late) {
		if line["level"] == "DEBUG" {
			t.Errorf("below its level: %v", line)
		}
	}
	if old := debug.of(late); len(old) != 0 {
		t.Errorf("the old one still hears: %v", old)
	}
}

// A handler that wants nothing, and counts.
type deaf struct{ asked, given atomic.Int64 }

func (d *deaf) Enabled(context.Context, slog.Level) bool  { d.asked.Add(1); return false }
func (d *deaf) Handle(context.Context, slog.Record) error { d.given.Add(1); return nil }
func (d *deaf) WithAttrs([]slog.Attr) slog.Handler        { return d }
func (d *deaf) WithGroup(string) slog.Handler             { return d }

func TestAHandlerThatWantsNoRecordIsAskedAndGetsNone(t *testing.T) {
	client, _ := open(t)
	handler := &deaf{}
	if err := datasus.SetLog(handler, slog.LevelInfo); err != nil {
		t.Fatal(err)
	}
	if err := read(client.Query(t.Context(), datasus.Params{Dataset: "SIH-RD", UF: []string{"AC"}})); err != nil {
		t.Fatal(err)
	}
	for range 6000 {
		if handler.asked.Load() > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := datasus.SetLog(nil, 0); err != nil {
		t.Fatal(err)
	}
	if handler.asked.Load() == 0 || handler.given.Load() != 0 {
		t.Errorf("asked %d times, given %d", handler.asked.Load(), handler.given.Load())
	}
}

func TestMetricsHaveTheFamiliesOfEveryLanguage(t *testing.T) {
	client, _ := open(t)
	job, err := client.Submit(t.Context(), datasus.Params{Dataset: "SIH-RD"}, datasus.File("metrics.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	if _, err := job.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	var of struct{ Families []string }
	text, err := os.ReadFile("../../tests/conformance/metrics.json")
	if err == nil {
		err = json.Unmarshal(text, &of)
	}
	plain, failed := client.Metrics()
	opened, failedToo := client.OpenMetrics()
	if err := errors.Join(err, failed, failedToo); err != nil || len(of.Families) == 0 {
		t.Fatal(err)
	}
	for _, family := range of.Families {
		if !strings.Contains(plain, "# TYPE "+family+"\n") {
			t.Errorf("no %s", family)
		}
		if !strings.Contains(opened, "# TYPE "+strings.Replace(family, "_total counter", " counter", 1)+"\n") {
			t.Errorf("no %s in OpenMetrics", family)
		}
	}
}
