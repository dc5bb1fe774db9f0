#include "callbacks.h"

#include "_cgo_export.h"

static void event(const datasus_progress *progress, void *user) { datasusGoEvent((datasus_progress *)progress, (uintptr_t)user); }
static void line(const char *said, void *user) { datasusGoLine((char *)said, (uintptr_t)user); }
static void destroy(void *user) { datasusGoDestroy((uintptr_t)user); }
static bool keep_going(void *user) { return datasusGoKeepGoing((uintptr_t)user) != 0; }
static bool watch(const datasus_progress *progress, void *user) {
  return datasusGoWatch((datasus_progress *)progress, (uintptr_t)user) != 0;
}

enum datasus_status datasus_go_on_event(datasus_job *job, uintptr_t handle, datasus_error *error) {
  return datasus_job_on_event(job, event, (void *)handle, destroy, error);
}

enum datasus_status datasus_go_set_log(int32_t level, uintptr_t handle, datasus_error *error) {
  return datasus_set_log(level, line, (void *)handle, destroy, error);
}

enum datasus_status datasus_go_sync(datasus_client *client, const char *params, uintptr_t watching, datasus_text *outcome,
                               datasus_error *error) {
  return datasus_client_sync_watched(client, params, watch, (void *)watching, outcome, error);
}

enum datasus_status datasus_go_profile(datasus_client *client, const char *params, uintptr_t context, datasus_text *profile,
                                  datasus_error *error) {
  return datasus_client_profile(client, params, keep_going, (void *)context, profile, NULL, error);
}
