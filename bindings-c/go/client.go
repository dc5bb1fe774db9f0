package datasus

// #include <datasus.h>
// #include "callbacks.h"
import "C"

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/cgo"
)

// Client is a source of DATASUS files, opened.
type Client struct {
	handle   *C.datasus_client
	language string
	cleanup  runtime.Cleanup
}

var _ io.Closer = (*Client)(nil)

// Open opens a folder of DBC, DBF or Parquet files in any layout, or one file. A nil config is the defaults.
func Open(source string, config *Config) (*Client, error) {
	if found := C.datasus_abi_version(); found != C.DATASUS_ABI_VERSION {
		detail := words{
			fmt.Sprintf("libdatasus tem a ABI %d, e este pacote foi feito para a %d", found, C.DATASUS_ABI_VERSION),
			fmt.Sprintf("libdatasus has ABI %d, and this package was built for %d", found, C.DATASUS_ABI_VERSION),
		}
		return nil, ours("", 500, detail, nil)
	}
	if config == nil {
		config = &Config{}
	}
	settings, err := asJSON(string(config.Language), "config", config)
	if err != nil {
		return nil, err
	}
	given := texts{language: string(config.Language)}
	defer given.free()
	path, json := given.add("source", source), given.add("config", settings)
	if given.err != nil {
		return nil, given.err
	}
	client := &Client{language: string(config.Language)}
	err = call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_open(path, json, &client.handle, told)
	})
	if err != nil {
		return nil, err
	}
	client.cleanup = runtime.AddCleanup(client, func(handle *C.datasus_client) { C.datasus_client_release(handle) }, client.handle)
	return client, nil
}

// Close releases the client; its rows and jobs go on. A second time it is an error, as is every call after it. What is dropped
// without it is released once it is collected.
func (c *Client) Close() error {
	defer runtime.KeepAlive(c)
	closed := words{"Este cliente já foi fechado", "This client is closed already"}
	c.cleanup.Stop()
	return released(c.language, closed, C.datasus_client_release(c.handle))
}

func released(language string, closed words, status statusCode) error {
	if status != C.DATASUS_STATUS_OK {
		return ours(language, int(status), closed, nil)
	}
	return nil
}

// The JSON of what was passed, for C.
func (c *Client) json(given *texts, name string, of any) *C.char {
	given.language = c.language
	json, err := asJSON(c.language, name, of)
	if err != nil && given.err == nil {
		given.err = err
	}
	return given.add(name, json)
}

// Query starts a query (Params or JSON), and returns when its schema is known; the rows come as they are taken. Once ctx is
// done the query is cancelled.
func (c *Client) Query(ctx context.Context, params any) (*Rows, error) {
	defer runtime.KeepAlive(c)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var given texts
	query := c.json(&given, "params", params)
	rows, err := began(ctx, &given, func(cancel *C.datasus_cancel) (*Rows, error) {
		rows, job := newRows(ctx), &Job{language: c.language}
		err := call(func(told *C.datasus_error) statusCode {
			return C.datasus_client_query_until(c.handle, query, cancel, rows.stream, &job.handle, told)
		})
		if err != nil {
			rows.forget()
			return nil, err
		}
		job.follow(ctx)
		rows.job = job
		return rows, nil
	}, func(late *Rows) { late.Release() })
	if err != nil {
		return nil, err
	}
	return rows.begin()
}

// Submit starts a query (Params or JSON) into files or tables, and returns when it has been checked and queued. Once ctx is
// done the job is cancelled.
func (c *Client) Submit(ctx context.Context, params any, to ...Sink) (*Job, error) {
	defer runtime.KeepAlive(c)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if to == nil {
		to = []Sink{}
	}
	var given texts
	query, sinks := c.json(&given, "params", params), c.json(&given, "to", to)
	return began(ctx, &given, func(cancel *C.datasus_cancel) (*Job, error) {
		return c.jobOf(ctx, func(job **C.datasus_job, told *C.datasus_error) statusCode {
			return C.datasus_client_submit_until(c.handle, query, sinks, cancel, job, told)
		})
	}, stopped)
}

// Runs a call that begins work, and frees what it was given. Once ctx is done the call is cancelled, and nobody waits for it any more
// (a file system may hang); what it gives later is let go of.
func began[T any](ctx context.Context, given *texts, work func(*C.datasus_cancel) (T, error), letGo func(T)) (T, error) {
	var none T
	if given.err != nil {
		given.free()
		return none, given.err
	}
	if ctx.Done() == nil {
		defer given.free()
		return work(nil)
	}
	var cancel *C.datasus_cancel
	if err := call(func(told *C.datasus_error) statusCode { return C.datasus_cancel_new(&cancel, told) }); err != nil {
		given.free()
		return none, err
	}
	type outcome struct {
		of  T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		defer given.free()
		// What was begun goes on without it, and follows ctx itself.
		defer C.datasus_cancel_release(cancel)
		of, err := work(cancel)
		done <- outcome{of, err}
	}()
	select {
	case came := <-done:
		return came.of, came.err
	case <-ctx.Done():
	}
	// Released meanwhile, it has come back.
	C.datasus_cancel_set(cancel, nil)
	go func() {
		if late := <-done; late.err == nil {
			letGo(late.of)
		}
	}()
	failure := ours(given.language, 499, words{"A consulta foi cancelada", "The query was cancelled"}, nil)
	failure.cause = context.Cause(ctx)
	return none, failure
}

// Export is Submit and Wait.
func (c *Client) Export(ctx context.Context, params any, to ...Sink) (*Report, error) {
	job, err := c.Submit(ctx, params, to...)
	if err != nil {
		return nil, err
	}
	defer job.Close()
	return job.Wait(context.WithoutCancel(ctx))
}

// Resume goes on with a job where it stopped, in this process or an earlier one. Once ctx is done the job is cancelled.
func (c *Client) Resume(ctx context.Context, jobID string) (*Job, error) {
	defer runtime.KeepAlive(c)
	given := texts{language: c.language}
	id := given.add("jobID", jobID)
	return began(ctx, &given, func(cancel *C.datasus_cancel) (*Job, error) {
		return c.jobOf(ctx, func(job **C.datasus_job, told *C.datasus_error) statusCode {
			return C.datasus_client_resume_until(c.handle, id, cancel, job, told)
		})
	}, stopped)
}

// A job that follows its context.
func (c *Client) jobOf(ctx context.Context, begin func(**C.datasus_job, *C.datasus_error) statusCode) (*Job, error) {
	job := &Job{language: c.language}
	if err := call(func(told *C.datasus_error) statusCode { return begin(&job.handle, told) }); err != nil {
		return nil, err
	}
	job.follow(ctx)
	return job, nil
}

// What came too late.
func stopped(late *Job) {
	_ = late.Cancel()
	_ = late.Close()
}

// Sync fetches and converts ahead of a query, until ctx is done; params: one query, or several. Without a dataset it is all that the
// source holds.
func (c *Client) Sync(ctx context.Context, params any) (*SyncReport, error) {
	return c.SyncWatched(ctx, params, nil)
}

// SyncWatched is Sync with a function that is told how far it has come, ten times a second or more and once at the end: files, bytes,
// pace and the time that is left. The calling goroutine calls it.
func (c *Client) SyncWatched(ctx context.Context, params any, watch func(Progress)) (*SyncReport, error) {
	defer runtime.KeepAlive(c)
	var given texts
	defer given.free()
	query := c.json(&given, "params", params)
	if given.err != nil {
		return nil, given.err
	}
	handle := cgo.NewHandle(watching{ctx, watch})
	defer handle.Delete()
	outcome, err := text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_go_sync(c.handle, query, C.uintptr_t(handle), out, told)
	})
	return read[*SyncReport](outcome, because(ctx, err))
}

// Profile tells what is in the columns of a dataset, as far as params selects it: NULLs, different values, range, the most frequent with
// their labels, changes over competências, and warnings for who analyses it; until ctx is done. Of params dataset, uf, competencia,
// columns, filters and options count.
func (c *Client) Profile(ctx context.Context, params any) (*Profile, error) {
	defer runtime.KeepAlive(c)
	var given texts
	defer given.free()
	query := c.json(&given, "params", params)
	if given.err != nil {
		return nil, given.err
	}
	handle := cgo.NewHandle(ctx)
	defer handle.Delete()
	outcome, err := text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_go_profile(c.handle, query, C.uintptr_t(handle), out, told)
	})
	return read[*Profile](outcome, because(ctx, err))
}

// Rates gives crude and age-standardised rates of events by municipality of residence: of "events" (a query), "population" (left out:
// IBGE-POPSVS of the same year), "standard" (a table of one's own) and "per".
func (c *Client) Rates(params any) (*Rates, error) {
	defer runtime.KeepAlive(c)
	var given texts
	defer given.free()
	asked := c.json(&given, "params", params)
	if given.err != nil {
		return nil, given.err
	}
	return read[*Rates](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_rates(c.handle, asked, out, told)
	}))
}

// Search gives the columns in whose names, meanings or labels all of words are, the best first: of one dataset, or of the whole
// catalogue where dataset is "". Neither case nor accents count.
func (c *Client) Search(words, dataset string) ([]Found, error) {
	defer runtime.KeepAlive(c)
	given := texts{language: c.language}
	defer given.free()
	asked := given.add("words", words)
	var of *C.char
	if dataset != "" {
		of = given.add("dataset", dataset)
	}
	if given.err != nil {
		return nil, given.err
	}
	return read[[]Found](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_search(c.handle, asked, of, out, told)
	}))
}

// PlanSync says what Sync of the same would fetch and convert: files, bytes, what is here, what has changed. No file is fetched.
func (c *Client) PlanSync(params any) (*SyncPlan, error) {
	defer runtime.KeepAlive(c)
	var given texts
	defer given.free()
	query := c.json(&given, "params", params)
	if given.err != nil {
		return nil, given.err
	}
	return read[*SyncPlan](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_plan_sync(c.handle, query, out, told)
	}))
}

// Jobs are those that earlier processes left, or that run now.
func (c *Client) Jobs() ([]JobInfo, error) {
	defer runtime.KeepAlive(c)
	return read[[]JobInfo](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_jobs(c.handle, out, told)
	}))
}

// Discard gives a job up, with what it left in its targets.
func (c *Client) Discard(jobID string) error {
	defer runtime.KeepAlive(c)
	given := texts{language: c.language}
	defer given.free()
	id := given.add("jobID", jobID)
	if given.err != nil {
		return given.err
	}
	return call(func(told *C.datasus_error) statusCode { return C.datasus_client_discard(c.handle, id, told) })
}

// DeadLetters are the records of a job that were not taken, each with its reason.
func (c *Client) DeadLetters(jobID string) ([]DeadLetter, error) {
	defer runtime.KeepAlive(c)
	given := texts{language: c.language}
	defer given.free()
	id := given.add("jobID", jobID)
	if given.err != nil {
		return nil, given.err
	}
	return read[[]DeadLetter](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_dead_letters(c.handle, id, out, told)
	}))
}

// ExportDeadLetters writes them as Parquet below Config.Output, and gives how many there are.
func (c *Client) ExportDeadLetters(jobID, path string) (uint64, error) {
	defer runtime.KeepAlive(c)
	given := texts{language: c.language}
	defer given.free()
	id, to := given.add("jobID", jobID), given.add("path", path)
	if given.err != nil {
		return 0, given.err
	}
	var count C.uint64_t
	err := call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_export_dead_letters(c.handle, id, to, &count, told)
	})
	return uint64(count), err
}

// Replay sends the dead letters of a completed job to their table once more.
func (c *Client) Replay(jobID string) (*Replayed, error) {
	defer runtime.KeepAlive(c)
	given := texts{language: c.language}
	defer given.free()
	id := given.add("jobID", jobID)
	if given.err != nil {
		return nil, given.err
	}
	return read[*Replayed](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_replay(c.handle, id, out, told)
	}))
}

// Explain tells what a query would read; it converts nothing.
func (c *Client) Explain(params any) (*Explain, error) {
	defer runtime.KeepAlive(c)
	var given texts
	defer given.free()
	query := c.json(&given, "params", params)
	if given.err != nil {
		return nil, given.err
	}
	return read[*Explain](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_explain(c.handle, query, out, told)
	}))
}

// Estimate tells what a query will take: rows, bytes, duration and peak memory, each with an interval that 90 of 100 queries keep.
// Nothing is fetched, converted or run for it.
func (c *Client) Estimate(params any) (*Estimate, error) {
	defer runtime.KeepAlive(c)
	var given texts
	defer given.free()
	query := c.json(&given, "params", params)
	if given.err != nil {
		return nil, given.err
	}
	return read[*Estimate](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_estimate(c.handle, query, out, told)
	}))
}

// Schema is a dataset as the catalogue knows it: columns with type, drift and meaning.
func (c *Client) Schema(dataset string) (*CatalogEntry, error) {
	defer runtime.KeepAlive(c)
	given := texts{language: c.language}
	defer given.free()
	name := given.add("dataset", dataset)
	if given.err != nil {
		return nil, given.err
	}
	return read[*CatalogEntry](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_schema(c.handle, name, out, told)
	}))
}

// Catalog is every dataset that there is, whether the source holds any of it or not.
func (c *Client) Catalog() ([]Known, error) {
	defer runtime.KeepAlive(c)
	return read[[]Known](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_catalog(c.handle, out, told)
	}))
}

// Dictionaries is the lists of labels, built in and of fetched kits: which, of whom, from when.
func (c *Client) Dictionaries() ([]DictionaryEntry, error) {
	defer runtime.KeepAlive(c)
	return read[[]DictionaryEntry](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_dictionaries(c.handle, out, told)
	}))
}

// SyncDictionaries brings the ministry's kits of labels into the lake: those of source, a tree (datasus://, ftp://, https://, s3://), a
// zip or a folder; of the client's own source where it is empty. DS-404: no kit is there.
func (c *Client) SyncDictionaries(source string) (*DictionarySync, error) {
	defer runtime.KeepAlive(c)
	held := texts{language: c.language}
	defer held.free()
	var given *C.char
	if source != "" {
		given = held.add("source", source)
	}
	if held.err != nil {
		return nil, held.err
	}
	return read[*DictionarySync](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_sync_dictionaries(c.handle, given, out, told)
	}))
}

// Datasets is what the source holds: "datasets", and "ignored", the files that no query reads, each with the reason.
func (c *Client) Datasets() (*Holdings, error) {
	defer runtime.KeepAlive(c)
	return read[*Holdings](text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_datasets(c.handle, out, told)
	}))
}

// Metrics is what this client has counted, in Prometheus' text form.
func (c *Client) Metrics() (string, error) {
	defer runtime.KeepAlive(c)
	return text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_metrics(c.handle, out, told)
	})
}

// OpenMetrics is the same in OpenMetrics' text form, with a job's trace id as exemplar of each bucket of durations and waits.
func (c *Client) OpenMetrics() (string, error) {
	defer runtime.KeepAlive(c)
	return text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_open_metrics(c.handle, out, told)
	})
}

// SetMaintenance has the process run one job at a time, with one thread, until it is turned off.
func (c *Client) SetMaintenance(on bool) error {
	defer runtime.KeepAlive(c)
	var number C.int32_t
	if on {
		number = 1
	}
	return call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_set_maintenance(c.handle, number, told)
	})
}
