package datasus

// #include <datasus.h>
// #include "callbacks.h"
import "C"

import (
	"context"
	"encoding/json"
	"io"
	"runtime"
	"runtime/cgo"
	"sync"
	"time"
)

// State is where a job stands.
type State int

const (
	Queued State = iota
	Running
	// Parked: it waits for its reader, and others use its slot.
	Parked
	// Retrying: it waits before another attempt.
	Retrying
	Completed
	Failed
	Cancelled
)

func (s State) String() string {
	names := [...]string{"queued", "running", "parked", "retrying", "completed", "failed", "cancelled"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// IsFinal is true of a state that nothing comes after.
func (s State) IsFinal() bool { return s >= Completed }

// Progress is how far a job has come.
type Progress struct {
	State State
	Rows  uint64
	// RowsTotal is -1 while unknown.
	RowsTotal  int64
	Bytes      uint64
	FilesDone  uint64
	FilesTotal uint64
	// Fraction is of the phase's work, from 0 to 1, and 1 once the job is complete; -1 while unknown.
	Fraction float64
	Phase    Phase
	// Elapsed is since the job was submitted, until its end.
	Elapsed time.Duration
	// Remaining is what the phase will take at its pace so far; negative while unknown.
	Remaining time.Duration
	// BytesTotal are those that are downloaded or converted in this phase; -1 in others.
	BytesTotal int64
	// BytesPerSec is how fast files come, on average; -1 in other phases.
	BytesPerSec float64
}

// Phase is what a job is busy with.
type Phase int

const (
	// Waiting: it is in the queue, or waits for memory.
	Waiting Phase = iota
	// Converting: source files become Parquet.
	Converting
	// Computing: the engine is at work.
	Computing
	// Loading: rows go into files and tables.
	Loading
	// Downloading: source files come from elsewhere.
	Downloading
)

func (p Phase) String() string {
	names := [...]string{"waiting", "converting", "running", "loading", "downloading"}
	if p < 0 || int(p) >= len(names) {
		return "unknown"
	}
	return names[p]
}

func seconds(of C.double) time.Duration { return time.Duration(float64(of) * float64(time.Second)) }

func progressOf(of *C.datasus_progress) Progress {
	return Progress{
		State: State(of.state), Rows: uint64(of.rows), RowsTotal: int64(of.rows_total), Bytes: uint64(of.bytes),
		FilesDone: uint64(of.files_done), FilesTotal: uint64(of.files_total), Fraction: float64(of.fraction),
		Phase: Phase(of.phase), Elapsed: seconds(of.elapsed_sec), Remaining: seconds(of.remaining_sec),
		BytesTotal: int64(of.bytes_total), BytesPerSec: float64(of.bytes_per_sec),
	}
}

func reportOf(said string) (*Report, error) {
	return read[*Report](said, nil)
}

// What the library says, as a type of the contract; keys that are not known are left alone.
func read[T any](said string, err error) (T, error) {
	var form T
	if err != nil {
		return form, err
	}
	return form, json.Unmarshal([]byte(said), &form)
}

// Job is a query at work.
type Job struct {
	handle   *C.datasus_job
	language string
	ctx      context.Context
	stop     func() bool
	// Closed once the job has ended; one thread of the library's waits for it, from the first call on.
	ended   func() <-chan struct{}
	cleanup runtime.Cleanup
}

var _ io.Closer = (*Job)(nil)

// The job is cancelled once ctx is done. Neither that nor the clean-up may keep the job itself reachable.
func (j *Job) follow(ctx context.Context) {
	handle := j.handle
	j.ctx = ctx
	j.ended = sync.OnceValue(func() <-chan struct{} {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			// How it ended, whoever waits asks for himself.
			C.datasus_job_wait(handle, -1, nil, nil)
		}()
		return ended
	})
	// A handle that was closed meanwhile is an error, and of no consequence.
	j.stop = context.AfterFunc(ctx, func() {
		_ = call(func(told *C.datasus_error) statusCode { return C.datasus_job_cancel(handle, told) })
	})
	j.cleanup = runtime.AddCleanup(j, func(stop func() bool) {
		stop()
		C.datasus_job_release(handle)
	}, j.stop)
}

// ID is a ULID, by which Resume and others find the job.
func (j *Job) ID() (string, error) {
	defer runtime.KeepAlive(j)
	return text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
		return C.datasus_job_id(j.handle, out, told)
	})
}

// Progress is state and counters, now.
func (j *Job) Progress() (Progress, error) {
	defer runtime.KeepAlive(j)
	var progress C.datasus_progress
	err := call(func(told *C.datasus_error) statusCode { return C.datasus_job_status(j.handle, &progress, told) })
	return progressOf(&progress), err
}

// Cancel asks the job to stop, and returns at once; nothing of it stays.
func (j *Job) Cancel() error {
	defer runtime.KeepAlive(j)
	return call(func(told *C.datasus_error) statusCode { return C.datasus_job_cancel(j.handle, told) })
}

// Interrupt stops the job as Cancel does, but keeps what it has written: Client.Resume goes on where it stopped.
func (j *Job) Interrupt() error {
	defer runtime.KeepAlive(j)
	return call(func(told *C.datasus_error) statusCode { return C.datasus_job_interrupt(j.handle, told) })
}

// Wait waits for the job's end, or until ctx is done, which does not cancel the job. A query ends when its rows have been read.
func (j *Job) Wait(ctx context.Context) (*Report, error) {
	defer runtime.KeepAlive(j)
	for {
		var status statusCode
		said, err := text(func(out *C.datasus_text, told *C.datasus_error) statusCode {
			status = C.datasus_job_wait(j.handle, 0, out, told)
			if status == C.DATASUS_STATUS_NOT_YET {
				return C.DATASUS_STATUS_OK
			}
			return status
		})
		if err != nil {
			return nil, because(j.ctx, err)
		}
		if status == C.DATASUS_STATUS_OK {
			return reportOf(said)
		}
		select {
		case <-j.ended():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// OnEvent calls listen with each change of the job's state, in order, and its progress, ten times a second at most, one call at
// a time; the last call has a final state. A panic in it ends the program, as in any goroutine.
func (j *Job) OnEvent(listen func(Progress)) error {
	defer runtime.KeepAlive(j)
	handle := cgo.NewHandle(listen)
	// The library gives the handle back, whatever happens.
	return call(func(told *C.datasus_error) statusCode {
		return C.datasus_go_on_event(j.handle, C.uintptr_t(handle), told)
	})
}

// Close releases the job, which goes on, and no longer ends with its context. A second time it is an error. What is dropped without it
// is released once it is collected.
func (j *Job) Close() error {
	defer runtime.KeepAlive(j)
	j.stop()
	j.cleanup.Stop()
	return released(j.language, words{"Este trabalho já foi fechado", "This job is closed already"}, C.datasus_job_release(j.handle))
}
