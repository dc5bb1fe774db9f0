package datasus

// #include <datasus.h>
// #include "callbacks.h"
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"runtime/cgo"
	"slices"
	"strings"
	"time"
)

// LevelTrace is below [slog.LevelDebug]: each look and each decision.
const LevelTrace = slog.LevelDebug - 4

// SetLog sends what the library says of itself, of level and above, to handler: the event is the message, its fields are attributes, with
// trace_id, job_id and stage where they are known (docs/logs.md lists them all). One handler for the process; a new one takes the place
// of the old, and nil is none. Without one nothing is logged, and nothing is ever printed. No secret stands in any of it.
//
// Records come by a thread of the library's, one at a time. A handler that is slow loses records, and no job waits for it. A panic in it
// ends the program, as in any goroutine.
func SetLog(handler slog.Handler, level slog.Level) error {
	if handler == nil {
		return call(func(told *C.datasus_error) statusCode { return C.datasus_set_log(0, nil, nil, nil, told) })
	}
	handle := cgo.NewHandle(listener{handler})
	// The library gives the handle back, whatever happens.
	return call(func(told *C.datasus_error) statusCode {
		return C.datasus_go_set_log(C.int32_t(numberOf(level)), C.uintptr_t(handle), told)
	})
}

// The least urgent level of the library's that a record of this one may have.
func numberOf(level slog.Level) int {
	switch {
	case level > slog.LevelWarn:
		return 1
	case level > slog.LevelInfo:
		return 2
	case level > slog.LevelDebug:
		return 3
	case level > LevelTrace:
		return 4
	default:
		return 5
	}
}

var levels = map[string]slog.Level{
	"error": slog.LevelError, "warn": slog.LevelWarn, "info": slog.LevelInfo, "debug": slog.LevelDebug, "trace": LevelTrace,
}

// Who hears of the log's lines.
type listener struct{ handler slog.Handler }

func (l listener) hear(line string) {
	ctx := context.Background()
	record := recordOf(line)
	if l.handler.Enabled(ctx, record.Level) {
		// Where a handler cannot write, nobody is left to be told.
		_ = l.handler.Handle(ctx, record)
	}
}

// A line of the library's, an object in JSON, as slog has it.
func recordOf(line string) slog.Record {
	var fields map[string]any
	decoder := json.NewDecoder(strings.NewReader(line))
	// A long number stays what it is.
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		record := slog.NewRecord(time.Now(), slog.LevelError, "a line of the library's log could not be read", 0)
		record.AddAttrs(slog.String("line", line), slog.String("error", err.Error()))
		return record
	}
	level, _ := fields["level"].(string)
	message, _ := fields["message"].(string)
	delete(fields, "level")
	delete(fields, "message")
	record := slog.NewRecord(time.Now(), levels[level], message, 0)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		record.AddAttrs(slog.Attr{Key: key, Value: valueOf(fields[key])})
	}
	return record
}

func valueOf(field any) slog.Value {
	number, is := field.(json.Number)
	if !is {
		return slog.AnyValue(field)
	}
	if whole, err := number.Int64(); err == nil {
		return slog.Int64Value(whole)
	}
	if float, err := number.Float64(); err == nil {
		return slog.Float64Value(float)
	}
	return slog.StringValue(number.String())
}
