package datasus

// #include <datasus.h>
//
// static int datasus_go_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) { return stream->get_schema(stream, out); }
// static int datasus_go_next(struct ArrowArrayStream *stream, struct ArrowArray *out) { return stream->get_next(stream, out); }
// static void datasus_go_release(struct ArrowArrayStream *stream) { if (stream->release != NULL) stream->release(stream); }
import "C"

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
)

// Rows are the rows of a query or of a file, as an array.RecordReader: batches share the library's memory until they are
// released. For one goroutine at a time. What is dropped without Close or Release is released once it is collected.
type Rows struct {
	references atomic.Int64
	ctx        context.Context
	stream     *C.struct_ArrowArrayStream
	job        *Job
	schema     *arrow.Schema
	batch      arrow.RecordBatch
	err        error
	ended      bool
	cleanup    runtime.Cleanup
}

var (
	_ array.RecordReader = (*Rows)(nil)
	_ io.Closer          = (*Rows)(nil)
)

// Of C's memory: the stream's address must stay.
func newRows(ctx context.Context) *Rows {
	rows := &Rows{ctx: ctx, stream: (*C.struct_ArrowArrayStream)(zeroed(unsafe.Sizeof(C.struct_ArrowArrayStream{})))}
	rows.references.Store(1)
	rows.cleanup = runtime.AddCleanup(rows, release, rows.stream)
	return rows
}

func release(stream *C.struct_ArrowArrayStream) {
	C.datasus_go_release(stream)
	free(unsafe.Pointer(stream))
}

// Waits for the schema.
func (r *Rows) begin() (*Rows, error) {
	defer runtime.KeepAlive(r)
	var schema C.struct_ArrowSchema
	if C.datasus_go_schema(r.stream, &schema) != 0 {
		err := r.failure()
		r.Release()
		return nil, err
	}
	var err error
	if r.schema, err = cdata.ImportCArrowSchema((*cdata.CArrowSchema)(unsafe.Pointer(&schema))); err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

// The stream's error, whole.
func (r *Rows) failure() error {
	defer runtime.KeepAlive(r)
	return because(r.ctx, call(func(told *C.datasus_error) statusCode {
		status := C.datasus_stream_error(r.stream, told)
		if status == C.DATASUS_STATUS_OK { // it failed, and must say why
			return C.DATASUS_STATUS_INTERNAL
		}
		return status
	}))
}

// Schema is known from the start.
func (r *Rows) Schema() *arrow.Schema { return r.schema }

// Next goes on to the next batch; false after the last, and where Err says why. It waits for the batch, or until the query's
// context is done.
func (r *Rows) Next() bool {
	defer runtime.KeepAlive(r)
	r.drop()
	if r.ended || r.err != nil || r.stream == nil {
		return false
	}
	var batch C.struct_ArrowArray
	if C.datasus_go_next(r.stream, &batch) != 0 {
		r.err = r.failure()
		return false
	}
	if batch.release == nil {
		r.ended = true
		return false
	}
	r.batch, r.err = cdata.ImportCRecordBatchWithSchema((*cdata.CArrowArray)(unsafe.Pointer(&batch)), r.schema)
	return r.err == nil
}

// RecordBatch is the batch that Next went on to, until it goes on again; Retain it to keep it, and copy (strings.Clone) texts that
// are to outlive it.
func (r *Rows) RecordBatch() arrow.RecordBatch { return r.batch }

// Record is RecordBatch.
//
// Deprecated: as in array.RecordReader.
func (r *Rows) Record() arrow.RecordBatch { return r.batch }

// Err is what ended the rows before their end: an *Error.
func (r *Rows) Err() error { return r.err }

// Job is the query behind the rows; nil for those of a file. It is the rows' to close.
func (r *Rows) Job() *Job { return r.job }

// Report is that of the query behind the rows, after the last one.
func (r *Rows) Report() (*Report, error) { return read[*Report](r.summary()) }

// FileSummary is what was noticed in the file behind the rows (ReadDBC), after the last one.
func (r *Rows) FileSummary() (*FileSummary, error) { return read[*FileSummary](r.summary()) }

func (r *Rows) summary() (string, error) {
	defer runtime.KeepAlive(r)
	return text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_stream_summary(r.stream, out, told)
	})
}

// Retain and Release count references, as in array.RecordReader; Rows begins with one.
func (r *Rows) Retain() { r.references.Add(1) }

// Release gives one reference back; with the last one the rows are closed. Unread rows are cancelled.
func (r *Rows) Release() {
	if r.references.Add(-1) == 0 {
		r.forget()
	}
}

// Close releases the rows, for io.Closer; call either, once. It gives Err.
func (r *Rows) Close() error {
	r.Release()
	return r.err
}

func (r *Rows) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

func (r *Rows) forget() {
	r.drop()
	r.cleanup.Stop()
	release(r.stream)
	r.stream = nil
	if r.job != nil {
		// It was open until now.
		_ = r.job.Close()
	}
}
