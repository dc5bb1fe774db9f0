// Package hooks reaches what the library has for its tests alone; cgo cannot be used in test files.
package hooks

// #cgo pkg-config: datasus
// #include <stddef.h>
// #include <stdint.h>
// size_t datasus_test_alive(void);
// int datasus_test_hang_next(size_t statements, size_t texts, uint32_t milliseconds);
// size_t datasus_test_hanging(void);
import "C"

import "time"

// Alive is how many handles, streams, texts and errors the library holds for this process.
func Alive() int { return int(C.datasus_test_alive()) }

// HangNext makes the statements and the texts of SQL that come next hear no interrupt for so long.
func HangNext(statements, texts int, time_ time.Duration) {
	C.datasus_test_hang_next(C.size_t(statements), C.size_t(texts), C.uint32_t(time_.Milliseconds()))
}

// Hanging is how many of them hang at the moment.
func Hanging() int { return int(C.datasus_test_hanging()) }
