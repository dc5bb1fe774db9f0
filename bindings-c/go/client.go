package datasus

// #include <datasus.h>
// #include "callbacks.h"
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/cgo"
)

// Client is a source of DATASUS files, opened.
type Client struct{ handle *C.datasus_client }

var _ io.Closer = (*Client)(nil)

// Open opens a folder of DBC, DBF or Parquet files in any layout, or one file. A nil config is the defaults.
func Open(source string, config *Config) (*Client, error) {
	if found := C.datasus_abi_version(); found != C.DATASUS_ABI_VERSION {
		return nil, fmt.Errorf("datasus: libdatasus has ABI %d, this package was built for %d", found, C.DATASUS_ABI_VERSION)
	}
	if config == nil {
		config = &Config{}
	}
	settings, err := asJSON(config)
	if err != nil {
		return nil, err
	}
	path, freePath := given(source)
	defer freePath()
	json, freeJSON := given(settings)
	defer freeJSON()
	client := &Client{}
	err = call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_open(path, json, &client.handle, told)
	})
	if err != nil {
		return nil, err
	}
	return client, nil
}

// Close releases the client; its rows and jobs go on. A second time it is an error, as is every call after it.
func (c *Client) Close() error {
	return released("client", C.datasus_client_release(c.handle))
}

func released(what string, status statusCode) error {
	if status != C.DATASUS_STATUS_OK {
		return &Error{Code: fmt.Sprintf("DS-%d", status), Status: int(status), Message: "this " + what + " is closed already"}
	}
	return nil
}

// Query starts a query (Params or JSON), and returns when its schema is known; the rows come as they are taken. Once ctx is
// done the query is cancelled.
func (c *Client) Query(ctx context.Context, params any) (*Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	json, err := asJSON(params)
	if err != nil {
		return nil, err
	}
	query, freeQuery := given(json)
	defer freeQuery()
	rows, job := newRows(ctx), &Job{}
	err = call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_query(c.handle, query, rows.stream, &job.handle, told)
	})
	if err != nil {
		rows.forget()
		return nil, err
	}
	job.follow(ctx)
	rows.job = job
	return rows.begin()
}

// Submit starts a query (Params or JSON) into files or tables, and returns when it has been checked and queued. Once ctx is
// done the job is cancelled.
func (c *Client) Submit(ctx context.Context, params any, to ...Sink) (*Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	query, err := asJSON(params)
	if err != nil {
		return nil, err
	}
	sinks, err := asJSON(to)
	if err != nil {
		return nil, err
	}
	cQuery, freeQuery := given(query)
	defer freeQuery()
	cSinks, freeSinks := given(sinks)
	defer freeSinks()
	job := &Job{}
	err = call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_submit(c.handle, cQuery, cSinks, &job.handle, told)
	})
	if err != nil {
		return nil, err
	}
	job.follow(ctx)
	return job, nil
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
	id, freeID := given(jobID)
	defer freeID()
	job := &Job{}
	err := call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_resume(c.handle, id, &job.handle, told)
	})
	if err != nil {
		return nil, err
	}
	job.follow(ctx)
	return job, nil
}

// Sync converts ahead of a query, until ctx is done.
func (c *Client) Sync(ctx context.Context, params any) (json.RawMessage, error) {
	query, err := asJSON(params)
	if err != nil {
		return nil, err
	}
	cQuery, freeQuery := given(query)
	defer freeQuery()
	handle := cgo.NewHandle(ctx)
	defer handle.Delete()
	outcome, err := text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_go_sync(c.handle, cQuery, C.uintptr_t(handle), out, told)
	})
	return json.RawMessage(outcome), because(ctx, err)
}

// Jobs are those that earlier processes left, or that run now.
func (c *Client) Jobs() (json.RawMessage, error) {
	return c.says(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_jobs(c.handle, out, told)
	})
}

// Discard gives a job up, with what it left in its targets.
func (c *Client) Discard(jobID string) error {
	id, freeID := given(jobID)
	defer freeID()
	return call(func(told *C.datasus_error) statusCode { return C.datasus_client_discard(c.handle, id, told) })
}

// DeadLetters are the records of a job that were not taken, each with its reason.
func (c *Client) DeadLetters(jobID string) (json.RawMessage, error) {
	id, freeID := given(jobID)
	defer freeID()
	return c.says(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_dead_letters(c.handle, id, out, told)
	})
}

// ExportDeadLetters writes them as Parquet below Config.Output, and gives how many there are.
func (c *Client) ExportDeadLetters(jobID, path string) (uint64, error) {
	id, freeID := given(jobID)
	defer freeID()
	to, freeTo := given(path)
	defer freeTo()
	var count C.uint64_t
	err := call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_export_dead_letters(c.handle, id, to, &count, told)
	})
	return uint64(count), err
}

// Replay sends the dead letters of a completed job to their table once more.
func (c *Client) Replay(jobID string) (json.RawMessage, error) {
	id, freeID := given(jobID)
	defer freeID()
	return c.says(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_replay(c.handle, id, out, told)
	})
}

// Explain tells what a query would read; it converts nothing.
func (c *Client) Explain(params any) (json.RawMessage, error) {
	query, err := asJSON(params)
	if err != nil {
		return nil, err
	}
	cQuery, freeQuery := given(query)
	defer freeQuery()
	return c.says(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_explain(c.handle, cQuery, out, told)
	})
}

// Schema is a dataset as the catalogue knows it: columns with type, drift and meaning.
func (c *Client) Schema(dataset string) (json.RawMessage, error) {
	name, freeName := given(dataset)
	defer freeName()
	return c.says(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_schema(c.handle, name, out, told)
	})
}

// Catalog is every dataset that there is, whether the source holds any of it or not.
func (c *Client) Catalog() (json.RawMessage, error) {
	return c.says(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_catalog(c.handle, out, told)
	})
}

// Datasets is what the source holds: "datasets", and "ignored", the files that no query reads, each with the reason.
func (c *Client) Datasets() (json.RawMessage, error) {
	return c.says(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_datasets(c.handle, out, told)
	})
}

// Metrics is what this client has counted, in Prometheus' text form.
func (c *Client) Metrics() (string, error) {
	return text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_client_metrics(c.handle, out, told)
	})
}

// SetMaintenance has the process run one job at a time, with one thread, until it is turned off.
func (c *Client) SetMaintenance(on bool) error {
	var number C.int32_t
	if on {
		number = 1
	}
	return call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_set_maintenance(c.handle, number, told)
	})
}

func (c *Client) says(work func(*C.datasus_text, *C.datasus_error) statusCode) (json.RawMessage, error) {
	said, err := text(work)
	return json.RawMessage(said), err
}
