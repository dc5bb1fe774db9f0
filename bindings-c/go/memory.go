package datasus

// #include <stdlib.h>
import "C"

import "unsafe"

func free(pointer unsafe.Pointer) { C.free(pointer) }

// Zeroed memory that C may keep the address of.
func zeroed(size uintptr) unsafe.Pointer { return C.calloc(1, C.size_t(size)) }
