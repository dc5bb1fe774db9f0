package datasus

// #include <datasus.h>
import "C"

import (
	"context"
	"runtime/cgo"
)

//export datasusGoEvent
func datasusGoEvent(progress *C.datasus_progress, handle C.uintptr_t) {
	cgo.Handle(handle).Value().(func(Progress))(progressOf(progress))
}

//export datasusGoLine
func datasusGoLine(line *C.char, handle C.uintptr_t) {
	cgo.Handle(handle).Value().(listener).hear(C.GoString(line))
}

//export datasusGoDestroy
func datasusGoDestroy(handle C.uintptr_t) { cgo.Handle(handle).Delete() }

// Who follows a call without a job.
type watching struct {
	ctx   context.Context
	watch func(Progress)
}

//export datasusGoWatch
func datasusGoWatch(progress *C.datasus_progress, handle C.uintptr_t) C.int {
	watching := cgo.Handle(handle).Value().(watching)
	if watching.ctx.Err() != nil {
		return 0
	}
	if watching.watch != nil {
		watching.watch(progressOf(progress))
	}
	return 1
}

//export datasusGoKeepGoing
func datasusGoKeepGoing(handle C.uintptr_t) C.int {
	if cgo.Handle(handle).Value().(context.Context).Err() != nil {
		return 0
	}
	return 1
}
