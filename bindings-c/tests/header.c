/* The header is C99, twice, and its sizes are those of version 1 for as long as the version is 1. */
#include <stddef.h>

#include <datasus.h>
#include <datasus.h>

#define IS(name, condition) typedef char name[(condition) ? 1 : -1]
IS(the_version_that_these_tests_know, DATASUS_ABI_VERSION == 1);
IS(as_the_standard_has_it, sizeof(struct ArrowArrayStream) == 5 * sizeof(void *));
IS(an_error_of_version_1, sizeof(void *) != 8 || sizeof(datasus_error) == 72);
/* Longer since then, at its end alone. */
IS(progress_of_version_1, offsetof(datasus_progress, phase) == 64 && sizeof(datasus_progress) == 104);
IS(statuses_are_numbers, (int)DATASUS_STATUS_DISK_FULL == 507 && sizeof(datasus_status) == 4);

datasus_error an_error_in_c(void);
datasus_error an_error_in_c(void) {
  datasus_error error = DATASUS_ERROR_INIT;
  return error;
}
