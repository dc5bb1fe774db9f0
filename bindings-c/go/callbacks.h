/* Between C's callbacks with a pointer and Go's with a handle, which is a number. */
#ifndef DATASUS_GO_CALLBACKS_H
#define DATASUS_GO_CALLBACKS_H

#include <datasus.h>

enum datasus_status datasus_go_on_event(datasus_job *job, uintptr_t handle, datasus_error *error);
enum datasus_status datasus_go_set_log(int32_t level, uintptr_t handle, datasus_error *error);
enum datasus_status datasus_go_sync(datasus_client *client, const char *params, uintptr_t watching, datasus_text *outcome,
                               datasus_error *error);
enum datasus_status datasus_go_profile(datasus_client *client, const char *params, uintptr_t context, datasus_text *profile,
                                  datasus_error *error);

#endif
