package datasus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	datasus "github.com/datasus-sdk/datasus/bindings-c/go"
	"github.com/datasus-sdk/datasus/bindings-c/go/internal/hooks"
)

const recordsAFile = 50

// It would take hours.
const long = `{"sql": "SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b"}`

func open(t *testing.T) (*datasus.Client, string) {
	t.Helper()
	folder := t.TempDir()
	if err := datasus.WriteExampleData(folder, recordsAFile); err != nil {
		t.Fatal(err)
	}
	client, err := datasus.Open(folder, &datasus.Config{Output: filepath.Join(folder, "out"), Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		// What watches over a context lets go a moment after its call has returned.
		alive := hooks.Alive()
		for end := time.Now().Add(2 * time.Minute); alive != 0 && time.Now().Before(end); alive = hooks.Alive() {
			time.Sleep(time.Millisecond)
		}
		if alive != 0 {
			t.Errorf("%d handles, streams, texts or errors were not released", alive)
		}
	})
	return client, folder
}

func coded(t *testing.T, err error, code string) *datasus.Error {
	t.Helper()
	var failure *datasus.Error
	if !errors.As(err, &failure) {
		t.Fatalf("expected %s, got %v", code, err)
	}
	if failure.Code != code || fmt.Sprintf("DS-%d", failure.Status) != code || failure.Message == "" || failure.TraceID == "" {
		t.Fatalf("expected %s, got %+v", code, failure)
	}
	return failure
}

// Reads to the end.
func read(rows *datasus.Rows, err error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return rows.Close()
}

func TestRowsAreARecordReader(t *testing.T) {
	client, _ := open(t)
	rows, err := client.Query(t.Context(), datasus.Params{
		Dataset: "SIH-RD", UF: []string{"AC"}, Competencia: "202401", Columns: []string{"N_AIH", "DT_INTER", "VAL_TOT"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var reader array.RecordReader = rows
	defer reader.Release()
	if kind := reader.Schema().Field(2).Type.ID(); kind != arrow.DECIMAL128 {
		t.Errorf("VAL_TOT is %v", kind)
	}
	var count int64
	var kept arrow.RecordBatch
	for reader.Next() {
		count += reader.RecordBatch().NumRows()
		kept = reader.RecordBatch()
		kept.Retain()
	}
	if reader.Err() != nil || count != recordsAFile {
		t.Fatalf("%d rows, %v", count, reader.Err())
	}
	// A batch outlives the reader's step, in the library's memory.
	defer kept.Release()
	var sum decimal128.Num
	for i := range int(kept.NumRows()) {
		sum = sum.Add(kept.Column(2).(*array.Decimal128).Value(i))
	}
	if sum.Sign() <= 0 {
		t.Error("no money")
	}
	report, err := rows.Report()
	if err != nil || report.RecordsProcessed != recordsAFile || report.Status != datasus.StatusCompleted || report.Performance.DurationSec <= 0 {
		t.Errorf("%+v, %v", report, err)
	}
	if len(report.Sources) != 1 || report.Sources[0].CRC != datasus.CrcStateOk || report.Sources[0].SHA256 == nil || report.Sampling != nil {
		t.Errorf("%+v", report.Sources)
	}
}

func TestErrorsHaveCodesAndFacts(t *testing.T) {
	client, folder := open(t)
	_, err := client.Query(t.Context(), datasus.Params{Dataset: "SIH-RX"})
	failure := coded(t, err, "DS-404")
	if failure.Diagnostic["received"] != "SIH-RX" || failure.Retryable || !json.Valid(failure.JSON) {
		t.Errorf("%+v", failure)
	}
	_, err = client.Query(t.Context(), `{"dataset": `)
	coded(t, err, "DS-400")
	_, err = client.Query(t.Context(), datasus.Params{Dataset: "SIH-RD", UF: []string{"SP"}})
	coded(t, err, "DS-404")
	_, err = datasus.Open(filepath.Join(folder, "nowhere"), nil)
	coded(t, err, "DS-404")
	_, err = client.Resume(t.Context(), "no-such-job")
	coded(t, err, "DS-404")

	// Who asks too often is told when to come back; another key, and none, are not held up.
	one := uint64(1)
	limited, err := datasus.Open(folder, &datasus.Config{RateLimit: &one})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(key string) error {
		return read(limited.Query(t.Context(), datasus.Params{
			Dataset: "SIH-RD", UF: []string{"AC"}, Columns: []string{"CNES"}, Options: &datasus.Options{RateKey: key},
		}))
	}
	for _, key := range []string{"ana", "bia", "", ""} {
		if err := ask(key); err != nil {
			t.Fatal(err)
		}
	}
	refused := coded(t, ask("ana"), "DS-429")
	if wait, _ := refused.Diagnostic["retry_after_sec"].(float64); wait < 1 || wait > 60 || !refused.Retryable {
		t.Errorf("%+v", refused)
	}
	if err := limited.Close(); err != nil {
		t.Error(err)
	}

	// The typed error of a stream that fails: a file that was cut short.
	file := filepath.Join(folder, "RDAC2401.dbc")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "RDAC2401.dbc")
	if err := os.WriteFile(cut, whole[:len(whole)-40], 0o600); err != nil {
		t.Fatal(err)
	}
	err = read(datasus.ReadDBC(cut, nil))
	coded(t, err, "DS-460")
	_, err = datasus.ReadDBC(file, &datasus.ReadOptions{Encoding: "cp437"})
	coded(t, err, "DS-422")
	if err = read(datasus.ReadDBC(file, &datasus.ReadOptions{Encoding: "cp850", Partial: true})); err != nil {
		t.Fatal(err)
	}
}

func TestAContextCancelsAQueryThatIsBeingRead(t *testing.T) {
	client, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	began := time.Now()
	err := read(client.Query(ctx, long))
	coded(t, err, "DS-499")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not the context's", err)
	}
	if waited := time.Since(began); waited > 2*time.Minute {
		t.Errorf("it took %v", waited)
	}
}

func TestAContextsDeadlineIsTheErrorOfItsQuery(t *testing.T) {
	client, _ := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := read(client.Query(ctx, long))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := client.Query(ctx, long); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that is done starts nothing: %v", err)
	}
}

// The package brings the program, and the library finds it.
func TestSQLInAProcessOfItsOwnIsTheSameAndIsCancelled(t *testing.T) {
	_, folder := open(t)
	config := datasus.Config{Output: filepath.Join(folder, "apart"), Language: "en", Isolation: datasus.IsolationProcess}
	client, err := datasus.Open(folder, &config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	count := `{"sql": "SELECT count(*) AS n FROM sih_rd"}`
	if err := read(client.Query(t.Context(), count)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(200*time.Millisecond, cancel)
	coded(t, read(client.Query(ctx, long)), "DS-499")
	if err := read(client.Query(t.Context(), count)); err != nil {
		t.Error(err)
	}
	config.Worker = filepath.Join(folder, "datasus-worker")
	_, err = datasus.Open(folder, &config)
	coded(t, err, "DS-422")
}

func TestAContextCancelsAJobAndEndsAWait(t *testing.T) {
	client, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	job, err := client.Submit(ctx, long, datasus.CSV{Path: "long.csv"})
	if err != nil {
		t.Fatal(err)
	}
	short, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer end()
	if _, err := job.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if progress, err := job.Progress(); err != nil || progress.State.IsFinal() {
		t.Errorf("the end of a wait ended the job: %v %v", progress.State, err)
	}
	cancel()
	_, err = job.Wait(t.Context())
	coded(t, err, "DS-499")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not the context's", err)
	}
	if err := job.Close(); err != nil {
		t.Error(err)
	}
	closed(t, job.Close())
}

// What is closed twice is an error, and no crash.
func closed(t *testing.T, err error) {
	t.Helper()
	var failure *datasus.Error
	if !errors.As(err, &failure) || failure.Code != "DS-422" {
		t.Errorf("expected DS-422, got %v", err)
	}
}

func TestAClosedClientIsAnError(t *testing.T) {
	client, folder := open(t)
	other, err := datasus.Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := other.Query(t.Context(), datasus.Params{Dataset: "SIH-RD"})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	closed(t, other.Close())
	_, err = other.Metrics()
	coded(t, err, "DS-422")
	_, err = other.Query(t.Context(), datasus.Params{Dataset: "SIH-RD"})
	coded(t, err, "DS-422")
	// Its rows go on.
	var count int64
	for rows.Next() {
		count += rows.RecordBatch().NumRows()
	}
	if err := rows.Close(); err != nil || count != 6*recordsAFile {
		t.Errorf("%d, %v", count, err)
	}
	if _, err := client.Metrics(); err != nil {
		t.Error(err)
	}
}

func TestAJobTellsItsStatesAndEndsWithAReport(t *testing.T) {
	client, folder := open(t)
	job, err := client.Submit(t.Context(), datasus.Params{Dataset: "rd", UF: []string{"acre", "14"}, Competencia: 2024,
		Options: &datasus.Options{Missing: "warn"}}, datasus.File("all.csv"), datasus.Parquet{Path: "all.parquet"})
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan datasus.Progress, 100)
	if err := job.OnEvent(func(progress datasus.Progress) { events <- progress }); err != nil {
		t.Fatal(err)
	}
	report, err := job.Wait(t.Context())
	if err != nil || report.Status != "completed" || report.RecordsProcessed != 6*recordsAFile {
		t.Fatalf("%+v, %v", report, err)
	}
	id, err := job.ID()
	if err != nil || id != report.JobID {
		t.Errorf("%q, %v", id, err)
	}
	if err := job.Close(); err != nil {
		t.Error(err)
	}
	for last := datasus.Queued; last != datasus.Completed; {
		select {
		case event := <-events:
			if event.State < last && last != datasus.Parked && last != datasus.Retrying {
				t.Errorf("%v after %v", event.State, last)
			}
			last = event.State
			if last == datasus.Completed && (event.Phase != datasus.Loading || event.Fraction != 1) {
				t.Errorf("%+v", event)
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("no final event")
		}
	}
	if written, err := os.ReadFile(filepath.Join(folder, "out", "all.csv")); err != nil || strings.Count(string(written), "\n") != 6*recordsAFile+1 {
		t.Error(err)
	}
}

// Many goroutines, one client: for the race detector, and for what is left afterwards.
func TestWhatIsDroppedWithoutCloseIsReleasedOnceItIsCollected(t *testing.T) {
	_, folder := open(t)
	mine := hooks.Alive()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	func() {
		dropped, err := datasus.Open(folder, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			rows, err := dropped.Query(ctx, `{"dataset": "SIH-RD"}`)
			if err != nil {
				t.Fatal(err)
			}
			if !rows.Next() { // and no further
				t.Fatal(rows.Err())
			}
		}
	}()
	for started := time.Now(); hooks.Alive() > mine; time.Sleep(10 * time.Millisecond) {
		if time.Since(started) > 3*time.Minute {
			t.Fatalf("%d are kept, of %d before", hooks.Alive(), mine)
		}
		runtime.GC()
	}
}

func TestManyGoroutinesShareAClientAndLeaveNothing(t *testing.T) {
	client, _ := open(t)
	round := func() {
		var group sync.WaitGroup
		for self := range 8 {
			group.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				rows, err := client.Query(ctx, datasus.Params{Dataset: "SIH-RD", Columns: []string{"N_AIH"}})
				if err != nil {
					t.Error(err)
					return
				}
				defer rows.Close()
				if self%4 == 0 {
					go cancel() // in the midst of it
				}
				var count int64
				for rows.Next() {
					count += rows.RecordBatch().NumRows()
					if _, err := rows.Job().Progress(); err != nil {
						t.Error(err)
					}
				}
				if rows.Err() == nil && count != 6*recordsAFile {
					t.Errorf("%d rows", count)
				} else if err := rows.Err(); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	for range 20 {
		round() // warm
	}
	before := resident(t)
	for range 100 {
		round()
	}
	if grown := resident(t) - before; grown > 32<<20 {
		t.Errorf("800 queries left %d bytes", grown)
	}
}

// Bytes of this process in memory.
func resident(t *testing.T) int64 {
	t.Helper()
	stat, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here")
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(stat), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
