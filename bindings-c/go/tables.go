package datasus

// #include <datasus.h>
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"
)

// AddTable takes the rows of a reader as a table, which SQL may read under that name from now on, in the place of one that was given
// before. They are copied once, before this returns. The reader belongs to the library, which releases it, whatever this returns.
func (c *Client) AddTable(name string, rows array.RecordReader) error {
	defer runtime.KeepAlive(c)
	stream := (*C.struct_ArrowArrayStream)(zeroed(unsafe.Sizeof(C.struct_ArrowArrayStream{})))
	cdata.ExportRecordReader(rows, (*cdata.CArrowArrayStream)(unsafe.Pointer(stream)))
	// What the library took is released already.
	defer release(stream)
	given := texts{language: c.language}
	defer given.free()
	named := given.add("name", name)
	if given.err != nil {
		return given.err
	}
	return call(func(told *C.datasus_error) statusCode {
		return C.datasus_client_add_table(c.handle, named, stream, told)
	})
}
