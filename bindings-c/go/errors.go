package datasus

// #cgo pkg-config: datasus
// #include <datasus.h>
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unsafe"
)

// Error says what went wrong, where, and whether the same call may be made again.
type Error struct {
	// Code is stable and the same in every language: DS-422.
	Code string
	// Status is its number: 422.
	Status int
	// Message is the sentence for people, in the client's language.
	Message string
	// Retryable is true where the same call may succeed when it is made again, unchanged.
	Retryable bool
	// TraceID is what logs know it by.
	TraceID string
	// Diagnostic holds the facts for programs: expected_format, received, did_you_mean, ...
	Diagnostic map[string]any
	// JSON is all of it, in the form that every language shares.
	JSON json.RawMessage

	cause error
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap gives the error of the context that ended the call, if one did.
func (e *Error) Unwrap() error { return e.cause }

// What C's enum is in Go.
type statusCode = uint32

// Takes what the library told, and releases it.
func taken(told *C.datasus_error) *Error {
	defer C.datasus_error_release(told)
	if told.message == nil {
		return &Error{Code: "DS-500", Status: 500, Message: "the library failed without an error"}
	}
	failure := &Error{
		Code:      C.GoString(&told.code[0]),
		Status:    int(told.status),
		Message:   C.GoString(told.message),
		Retryable: bool(told.retryable),
		TraceID:   C.GoString(told.trace_id),
		JSON:      json.RawMessage(C.GoString(told.json)),
	}
	// An object, by contract; without it the rest still stands.
	_ = json.Unmarshal([]byte(C.GoString(told.diagnostic)), &failure.Diagnostic)
	return failure
}

// Runs a call that reports by status and error.
func call(work func(told *C.datasus_error) statusCode) error {
	var told C.datasus_error
	if work(&told) == C.DATASUS_STATUS_OK {
		return nil
	}
	return taken(&told)
}

// An error after a context was done is that context's, too.
func because(ctx context.Context, err error) error {
	if failure, ok := err.(*Error); ok && failure.Status == C.DATASUS_STATUS_CANCELLED && ctx.Err() != nil {
		failure.cause = context.Cause(ctx)
	}
	return err
}

// Runs a call that answers with a text.
func text(work func(out *C.datasus_text, told *C.datasus_error) statusCode) (string, error) {
	var out C.datasus_text
	if err := call(func(told *C.datasus_error) statusCode { return work(&out, told) }); err != nil {
		return "", err
	}
	defer C.datasus_text_release(&out)
	return C.GoStringN(out.data, C.int(out.size)), nil
}

// Texts for C, which live until they are freed together.
type texts struct {
	language string
	held     []unsafe.Pointer
	err      error
}

// C would take a text for its end at a NUL, and a folder or a query for another one.
func (t *texts) add(name, of string) *C.char {
	if strings.ContainsRune(of, 0) && t.err == nil {
		wrong := odd{name, words{"texto sem NUL", "text without NUL"}, fmt.Sprintf("%.80q", of)}
		t.err = wrong.in(t.language)
	}
	text := C.CString(of)
	t.held = append(t.held, unsafe.Pointer(text))
	return text
}

func (t *texts) free() {
	for _, text := range t.held {
		free(text)
	}
}
