/* What the library has for its tests alone; not in datasus.h. */
#ifndef DATASUS_TEST_HOOKS_H
#define DATASUS_TEST_HOOKS_H

#include <datasus.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The next call of the function `name` panics. */
enum datasus_status datasus_test_panic_next(const char *name);

/* The statements and the texts of SQL that come next hear no interrupt for so long. */
enum datasus_status datasus_test_hang_next(size_t statements, size_t texts, uint32_t milliseconds);

/* How many of them hang at the moment. */
size_t datasus_test_hanging(void);

/* How many handles, streams, texts and errors are alive. */
size_t datasus_test_alive(void);

#ifdef __cplusplus
}
#endif

#endif
