// The header is C++17, twice, and beside another one's Arrow structs.
#include <datasus.h>
#include <datasus.h>

static_assert(DATASUS_ABI_VERSION == 1, "the version that these tests know");
static_assert(sizeof(ArrowArrayStream) == 5 * sizeof(void *), "as the standard has it");
static_assert(offsetof(datasus_error, struct_size) == 0 && offsetof(datasus_progress, struct_size) == 0, "it comes first");

datasus_error an_error() {
  datasus_error error = DATASUS_ERROR_INIT;
  return error;
}
