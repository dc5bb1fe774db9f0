// Package hooks reaches what the library has for its tests alone; cgo cannot be used in test files.
package hooks

// #cgo pkg-config: datasus
// #include <stddef.h>
// size_t datasus_test_alive(void);
import "C"

// Alive is how many handles, streams, texts and errors the library holds for this process.
func Alive() int { return int(C.datasus_test_alive()) }
