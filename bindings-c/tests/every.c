#include "every.h"

datasus_client *the_client;
datasus_job *the_job;
static char folder_of_all[512];
static char id_of_job[64];

static const char *RATES = "{\"events\": {\"dataset\": \"SIH-RD\"}, \"population\": {\"dataset\": \"SIH-RD\"}}";
static const char *QUERY = "{\"dataset\": \"SIH-RD\", \"uf\": \"AC\", \"competencia\": \"202401\", \"columns\": [\"N_AIH\", \"VAL_TOT\"]}";

int64_t read_all(struct ArrowArrayStream *stream) {
  struct ArrowSchema schema;
  struct ArrowArray batch;
  int64_t rows = 0;
  if (stream->get_schema(stream, &schema) != 0) {
    stream->release(stream);
    return -1;
  }
  schema.release(&schema);
  for (;;) {
    if (stream->get_next(stream, &batch) != 0) {
      rows = -1;
      break;
    }
    if (batch.release == NULL) break;
    rows += batch.length;
    batch.release(&batch);
  }
  stream->release(stream);
  return rows;
}

/* Until the SQL parser is there: under valgrind, on a busy machine, its start alone can take as long as a text may
   (DS-504), and after four such texts no other is taken until one of them ends (DS-503). */
static void sql_is_parsed(void) {
  struct ArrowArrayStream stream;
  datasus_error error = DATASUS_ERROR_INIT;
  datasus_status status = DATASUS_STATUS_OK;
  do {
    if (status == DATASUS_STATUS_OUT_OF_MEMORY) pause_ms(1000);
    datasus_error_release(&error);
    status = datasus_client_query(the_client, "{\"sql\": \"SELECT 1 AS n\"}", &stream, NULL, &error);
  } while ((status == DATASUS_STATUS_DEADLINE_PASSED || status == DATASUS_STATUS_OUT_OF_MEMORY) && error.retryable);
  CHECK(status == DATASUS_STATUS_OK && read_all(&stream) == 1);
}

void begin(const char *folder, unsigned rows) {
  char config[640];
  snprintf(folder_of_all, sizeof folder_of_all, "%s", folder);
  snprintf(config, sizeof config, "{\"output\": \"%s/out\", \"language\": \"en\"}", folder);
  FINE(datasus_write_example_data(folder, rows, error));
  FINE(datasus_client_open(folder, config, &the_client, error));
  sql_is_parsed();
  FINE(datasus_client_submit(the_client, QUERY, "{\"csv\": {\"path\": \"every.csv\"}}", &the_job, error));
  FINE(datasus_job_wait(the_job, -1, NULL, error));
  datasus_text id;
  FINE(datasus_job_id(the_job, &id, error));
  snprintf(id_of_job, sizeof id_of_job, "%s", id.data);
  datasus_text_release(&id);
}

void end(void) {
  CHECK(datasus_job_release(the_job) == DATASUS_STATUS_OK);
  CHECK(datasus_client_release(the_client) == DATASUS_STATUS_OK);
}

/* A function that answers with a text. */
#define SAYS(function, call)                                 \
  static datasus_status function(datasus_error *error) {     \
    datasus_text text;                                       \
    datasus_status status = call;                            \
    if (status == DATASUS_STATUS_OK) {                       \
      CHECK(text.size > 0 && strlen(text.data) == text.size); \
      CHECK(datasus_text_release(&text) == DATASUS_STATUS_OK); \
    }                                                        \
    return status;                                           \
  }

SAYS(json_schema, datasus_json_schema(&text, error))
SAYS(jobs, datasus_client_jobs(the_client, &text, error))
SAYS(dead_letters, datasus_client_dead_letters(the_client, id_of_job, &text, error))
SAYS(replay, datasus_client_replay(the_client, id_of_job, &text, error))
SAYS(sync_all, datasus_client_sync(the_client, QUERY, NULL, NULL, &text, error))
SAYS(sync_watched, datasus_client_sync_watched(the_client, QUERY, NULL, NULL, &text, error))
SAYS(plan_sync, datasus_client_plan_sync(the_client, QUERY, &text, error))
SAYS(explain, datasus_client_explain(the_client, QUERY, &text, error))
SAYS(estimate, datasus_client_estimate(the_client, QUERY, &text, error))
SAYS(profile, datasus_client_profile(the_client, QUERY, NULL, NULL, &text, NULL, error))
SAYS(rates, datasus_client_rates(the_client, RATES, &text, error))
SAYS(search, datasus_client_search(the_client, "sexo", "SIH-RD", &text, error))
SAYS(schema, datasus_client_schema(the_client, "SIH-RD", &text, error))
SAYS(catalog, datasus_client_catalog(the_client, &text, error))
SAYS(dictionaries, datasus_client_dictionaries(the_client, &text, error))
SAYS(sync_dictionaries, datasus_client_sync_dictionaries(the_client, NULL, &text, error))
SAYS(datasets, datasus_client_datasets(the_client, &text, error))
SAYS(metrics, datasus_client_metrics(the_client, &text, error))
SAYS(open_metrics, datasus_client_open_metrics(the_client, &text, error))
SAYS(job_id, datasus_job_id(the_job, &text, error))
SAYS(job_wait, datasus_job_wait(the_job, 10000, &text, error))

static datasus_status add_table(datasus_error *error) {
  struct ArrowArrayStream rows;
  datasus_status status = datasus_client_query(the_client, QUERY, &rows, NULL, error);
  if (status != DATASUS_STATUS_OK) return status;
  status = datasus_client_add_table(the_client, "minha", &rows, error);
  CHECK(rows.release == NULL);
  return status;
}

static datasus_status client_open(datasus_error *error) {
  datasus_client *client;
  datasus_status status = datasus_client_open(folder_of_all, NULL, &client, error);
  if (status == DATASUS_STATUS_OK) CHECK(datasus_client_release(client) == DATASUS_STATUS_OK);
  return status;
}

static datasus_status client_query(datasus_error *error) {
  struct ArrowArrayStream stream;
  datasus_status status = datasus_client_query(the_client, QUERY, &stream, NULL, error);
  if (status == DATASUS_STATUS_OK) CHECK(read_all(&stream) > 0);
  return status;
}

static datasus_status client_submit(datasus_error *error) {
  datasus_job *job;
  static int count = 0;
  char sinks[64];
  snprintf(sinks, sizeof sinks, "[{\"csv\": {\"path\": \"every%d.csv\"}}]", ++count);
  datasus_status status = datasus_client_submit(the_client, QUERY, sinks, &job, error);
  if (status == DATASUS_STATUS_OK) {
    CHECK(datasus_job_wait(job, -1, NULL, NULL) == DATASUS_STATUS_OK);
    CHECK(datasus_job_release(job) == DATASUS_STATUS_OK);
  }
  return status;
}

static datasus_status client_query_until(datasus_error *error) {
  struct ArrowArrayStream stream;
  datasus_status status = datasus_client_query_until(the_client, QUERY, NULL, &stream, NULL, error);
  if (status == DATASUS_STATUS_OK) CHECK(read_all(&stream) > 0);
  return status;
}

static datasus_status client_submit_until(datasus_error *error) {
  datasus_job *job;
  static int count = 0;
  char sinks[64];
  snprintf(sinks, sizeof sinks, "[{\"csv\": {\"path\": \"until%d.csv\"}}]", ++count);
  datasus_status status = datasus_client_submit_until(the_client, QUERY, sinks, NULL, &job, error);
  if (status == DATASUS_STATUS_OK) {
    CHECK(datasus_job_wait(job, -1, NULL, NULL) == DATASUS_STATUS_OK);
    CHECK(datasus_job_release(job) == DATASUS_STATUS_OK);
  }
  return status;
}

static datasus_status cancel_new(datasus_error *error) {
  datasus_cancel *cancel;
  datasus_status status = datasus_cancel_new(&cancel, error);
  if (status == DATASUS_STATUS_OK) CHECK(datasus_cancel_release(cancel) == DATASUS_STATUS_OK);
  return status;
}

static datasus_status cancel_set(datasus_error *error) {
  datasus_cancel *cancel;
  if (datasus_cancel_new(&cancel, error) != DATASUS_STATUS_OK) return datasus_cancel_set(NULL, error);
  datasus_status status = datasus_cancel_set(cancel, error);
  CHECK(datasus_cancel_release(cancel) == DATASUS_STATUS_OK);
  return status;
}

/* Of a job that left nothing. */
static datasus_status client_resume_until(datasus_error *error) {
  datasus_job *job;
  return datasus_client_resume_until(the_client, id_of_job, NULL, &job, error);
}

static datasus_status client_resume(datasus_error *error) {
  datasus_job *job;
  return datasus_client_resume(the_client, id_of_job, &job, error);
}

static datasus_status client_discard(datasus_error *error) {
  return datasus_client_discard(the_client, id_of_job, error);
}

static datasus_status export_dead_letters(datasus_error *error) {
  return datasus_client_export_dead_letters(the_client, id_of_job, "letters.parquet", NULL, error);
}

static datasus_status set_maintenance(datasus_error *error) { return datasus_client_set_maintenance(the_client, 0, error); }

static datasus_status job_status(datasus_error *error) {
  datasus_progress progress;
  memset(&progress, 0, sizeof progress);
  datasus_status status = datasus_job_status(the_job, &progress, error);
  if (status == DATASUS_STATUS_OK) CHECK(progress.state == DATASUS_JOB_STATE_COMPLETED);
  return status;
}

static datasus_status job_cancel(datasus_error *error) { return datasus_job_cancel(the_job, error); }

static datasus_status job_interrupt(datasus_error *error) { return datasus_job_interrupt(the_job, error); }

static void ignore(const datasus_progress *progress, void *user) {
  (void)progress;
  (void)user;
}

static void ignore_line(const char *line, void *user) {
  (void)line;
  (void)user;
}

static datasus_status set_log(datasus_error *error) {
  datasus_status status = datasus_set_log(1, ignore_line, NULL, NULL, error);
  return status == DATASUS_STATUS_OK ? datasus_set_log(0, NULL, NULL, NULL, error) : status;
}

static datasus_status job_on_event(datasus_error *error) { return datasus_job_on_event(the_job, ignore, NULL, NULL, error); }

static datasus_status read_dbc(datasus_error *error) {
  struct ArrowArrayStream stream;
  char path[600];
  snprintf(path, sizeof path, "%s/RDAC2401.dbc", folder_of_all);
  datasus_status status = datasus_read_dbc(path, NULL, &stream, error);
  if (status == DATASUS_STATUS_OK) CHECK(read_all(&stream) > 0);
  return status;
}

static datasus_status write_example_data(datasus_error *error) { return datasus_write_example_data(folder_of_all, 1, error); }

/* Those that release say nothing but their status; NULL is fine. */
static datasus_status told(datasus_status status, datasus_error *error) {
  (void)error;
  return status;
}
static datasus_status client_release(datasus_error *error) { return told(datasus_client_release(NULL), error); }
static datasus_status job_release(datasus_error *error) { return told(datasus_job_release(NULL), error); }
static datasus_status cancel_release(datasus_error *error) { return told(datasus_cancel_release(NULL), error); }
static datasus_status text_release(datasus_error *error) { return told(datasus_text_release(NULL), error); }
static datasus_status error_release(datasus_error *error) { return told(datasus_error_release(NULL), error); }

/* Of a stream that has not begun. */
static datasus_status stream_error(datasus_error *error) {
  static struct ArrowArrayStream stream;
  static char path[600];
  datasus_status opened = DATASUS_STATUS_OK;
  if (stream.release == NULL) {
    snprintf(path, sizeof path, "%s/RDAC2401.dbc", folder_of_all);
    opened = datasus_read_dbc(path, NULL, &stream, error);
  }
  datasus_status status = opened == DATASUS_STATUS_OK ? datasus_stream_error(&stream, error) : opened;
  if (stream.release != NULL) stream.release(&stream);
  return status;
}

static datasus_status stream_summary(datasus_error *error) {
  struct ArrowArrayStream stream;
  datasus_text summary;
  char path[600];
  snprintf(path, sizeof path, "%s/RDAC2401.dbc", folder_of_all);
  datasus_status status = datasus_read_dbc(path, NULL, &stream, error);
  if (status != DATASUS_STATUS_OK) return status;
  status = datasus_stream_summary(&stream, &summary, error);
  stream.release(&stream);
  return status;
}

/* datasus_abi_version cannot fail, and datasus_shut_down comes last of all: both have tests of their own. */
const Every EVERY[] = {
    {"datasus_set_log", set_log, DATASUS_STATUS_OK},
    {"datasus_json_schema", json_schema, DATASUS_STATUS_OK},
    {"datasus_client_open", client_open, DATASUS_STATUS_OK},
    {"datasus_client_release", client_release, DATASUS_STATUS_OK},
    {"datasus_client_query", client_query, DATASUS_STATUS_OK},
    {"datasus_client_query_until", client_query_until, DATASUS_STATUS_OK},
    {"datasus_client_submit", client_submit, DATASUS_STATUS_OK},
    {"datasus_client_submit_until", client_submit_until, DATASUS_STATUS_OK},
    {"datasus_client_resume", client_resume, DATASUS_STATUS_NOT_FOUND},
    {"datasus_client_resume_until", client_resume_until, DATASUS_STATUS_NOT_FOUND},
    {"datasus_client_jobs", jobs, DATASUS_STATUS_OK},
    {"datasus_client_discard", client_discard, DATASUS_STATUS_NOT_FOUND},
    {"datasus_client_dead_letters", dead_letters, DATASUS_STATUS_NOT_FOUND},
    {"datasus_client_export_dead_letters", export_dead_letters, DATASUS_STATUS_NOT_FOUND},
    {"datasus_client_replay", replay, DATASUS_STATUS_NOT_FOUND},
    {"datasus_client_sync", sync_all, DATASUS_STATUS_OK},
    {"datasus_client_sync_watched", sync_watched, DATASUS_STATUS_OK},
    {"datasus_client_plan_sync", plan_sync, DATASUS_STATUS_OK},
    {"datasus_client_add_table", add_table, DATASUS_STATUS_OK},
    {"datasus_client_explain", explain, DATASUS_STATUS_OK},
    {"datasus_client_estimate", estimate, DATASUS_STATUS_OK},
    {"datasus_client_profile", profile, DATASUS_STATUS_OK},
    {"datasus_client_rates", rates, DATASUS_STATUS_OK},
    {"datasus_client_search", search, DATASUS_STATUS_OK},
    {"datasus_client_schema", schema, DATASUS_STATUS_OK},
    {"datasus_client_catalog", catalog, DATASUS_STATUS_OK},
    {"datasus_client_dictionaries", dictionaries, DATASUS_STATUS_OK},
    {"datasus_client_sync_dictionaries", sync_dictionaries, DATASUS_STATUS_NOT_FOUND},
    {"datasus_client_datasets", datasets, DATASUS_STATUS_OK},
    {"datasus_client_metrics", metrics, DATASUS_STATUS_OK},
    {"datasus_client_open_metrics", open_metrics, DATASUS_STATUS_OK},
    {"datasus_client_set_maintenance", set_maintenance, DATASUS_STATUS_OK},
    {"datasus_job_id", job_id, DATASUS_STATUS_OK},
    {"datasus_job_status", job_status, DATASUS_STATUS_OK},
    {"datasus_job_cancel", job_cancel, DATASUS_STATUS_OK},
    {"datasus_job_interrupt", job_interrupt, DATASUS_STATUS_OK},
    {"datasus_job_wait", job_wait, DATASUS_STATUS_OK},
    {"datasus_job_on_event", job_on_event, DATASUS_STATUS_OK},
    {"datasus_job_release", job_release, DATASUS_STATUS_OK},
    {"datasus_cancel_new", cancel_new, DATASUS_STATUS_OK},
    {"datasus_cancel_set", cancel_set, DATASUS_STATUS_OK},
    {"datasus_cancel_release", cancel_release, DATASUS_STATUS_OK},
    {"datasus_read_dbc", read_dbc, DATASUS_STATUS_OK},
    {"datasus_write_example_data", write_example_data, DATASUS_STATUS_OK},
    {"datasus_stream_error", stream_error, DATASUS_STATUS_OK},
    {"datasus_stream_summary", stream_summary, DATASUS_STATUS_CONFLICT},
    {"datasus_text_release", text_release, DATASUS_STATUS_OK},
    {"datasus_error_release", error_release, DATASUS_STATUS_OK},
};
const size_t EVERY_COUNT = sizeof EVERY / sizeof EVERY[0];
