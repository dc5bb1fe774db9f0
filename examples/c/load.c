/* Loads a dataset into PostgreSQL, with progress on stderr. Ctrl-C stops it, and leaves the database as it was; a load whose
 * process was killed goes on where it stopped.
 *
 *   DATASUS_POSTGRES=postgres://user:password@host:5432/database load <folder> <table>
 *   DATASUS_POSTGRES=...                                         load <folder> --resume <job>
 */
#include <datasus.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopped = 0;

/* Nothing of the library's may be called from a signal's handler: the loop below looks at this. */
static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

/* From a thread of the library's. */
static void show(const datasus_progress *progress, void *user) {
  (void)user;
  static const char *const states[] = {"queued", "running", "parked", "retrying", "completed", "failed", "cancelled"};
  fprintf(stderr, "%-9s %12llu rows  %llu of %llu files\n", states[progress->state], (unsigned long long)progress->rows,
          (unsigned long long)progress->files_done, (unsigned long long)progress->files_total);
}

static int failed(datasus_error *error) {
  fprintf(stderr, "%s%s: %s\n", error->code, error->retryable ? " (try again later)" : "", error->message);
  datasus_error_release(error);
  return 1;
}

static int wait(datasus_job *job, datasus_error *error) {
  datasus_text report;
  bool asked = false;
  for (;;) {
    datasus_status status = datasus_job_wait(job, 100, &report, error);
    if (status == DATASUS_STATUS_OK) {
      printf("%s\n", report.data);
      datasus_text_release(&report);
      return 0;
    }
    if (status == DATASUS_STATUS_CANCELLED && asked) {
      fprintf(stderr, "%s: %s\n", error->code, error->message);
      datasus_error_release(error);
      return 130;
    }
    if (status != DATASUS_STATUS_NOT_YET) return failed(error);
    if (stopped && !asked) {
      asked = true;
      datasus_job_cancel(job, NULL);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 3 || getenv("DATASUS_POSTGRES") == NULL) {
    fprintf(stderr, "expected: DATASUS_POSTGRES=postgres://... load <folder> <table> | <folder> --resume <job>\n");
    return 2;
  }
  signal(SIGINT, stop);
  datasus_error error = DATASUS_ERROR_INIT;
  datasus_client *client = NULL;
  datasus_job *job = NULL;
  datasus_status status = datasus_client_open(argv[1], NULL, &client, &error);
  if (status == DATASUS_STATUS_OK && strcmp(argv[2], "--resume") == 0) {
    status = datasus_client_resume(client, argc > 3 ? argv[3] : NULL, &job, &error);
  } else if (status == DATASUS_STATUS_OK) {
    char sinks[512];
    /* A name with a quote in it would have to be escaped, as in any JSON. */
    snprintf(sinks, sizeof sinks, "{\"postgres\": {\"table\": \"%s\"}}", argv[2]);
    const char *params = "{\"dataset\": \"SIH-RD\", \"columns\": [\"N_AIH\", \"CNES\", \"DIAG_PRINC\", \"DT_INTER\", \"VAL_TOT\"]}";
    status = datasus_client_submit(client, params, sinks, &job, &error);
  }
  datasus_text id;
  if (status == DATASUS_STATUS_OK) status = datasus_job_id(job, &id, &error);
  if (status == DATASUS_STATUS_OK) {
    fprintf(stderr, "job %s\n", id.data);
    datasus_text_release(&id);
    status = datasus_job_on_event(job, show, NULL, NULL, &error);
  }
  int outcome = status == DATASUS_STATUS_OK ? wait(job, &error) : failed(&error);
  datasus_job_release(job);
  datasus_client_release(client);
  return outcome;
}
