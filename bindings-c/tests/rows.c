/* Rows, jobs and what they tell: rows <folder> <records a file>. */
#include "every.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *FOLDER;
static int ROWS;
#define ALL "{\"dataset\": \"SIH-RD\", \"columns\": [\"N_AIH\", \"DT_INTER\", \"VAL_TOT\"]}"
/* It would take hours. */
#define LONG                                                                                                    \
  "{\"sql\": \"SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b WHERE a.range <> b.range\"}"

static void all_rows_come_with_their_types(void) {
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  FINE(datasus_client_query(the_client, ALL, &stream, NULL, error));
  CHECK(stream.get_schema(&stream, &schema) == 0);
  CHECK(strcmp(schema.format, "+s") == 0 && schema.n_children == 3);
  CHECK(strcmp(schema.children[0]->name, "N_AIH") == 0 && strcmp(schema.children[0]->format, "u") == 0);
  CHECK(strcmp(schema.children[1]->format, "tdD") == 0 && strncmp(schema.children[2]->format, "d:", 2) == 0);
  schema.release(&schema);
  CHECK(stream.get_schema(&stream, &schema) == 0); /* as often as one likes */
  schema.release(&schema);
  CHECK(read_all(&stream) == 6 * ROWS);
}

static void a_batch_outlives_its_stream_and_client(void) {
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  datasus_client *client;
  FINE(datasus_client_open(FOLDER, NULL, &client, error));
  FINE(datasus_client_query(client, "{\"sql\": \"SELECT count(*) AS n FROM sih_rd\"}", &stream, NULL, error));
  CHECK(datasus_client_release(client) == DATASUS_STATUS_OK);
  CHECK(stream.get_next(&stream, &batch) == 0); /* without its schema first */
  stream.release(&stream);
  CHECK(batch.length == 1 && batch.n_children == 1);
  CHECK(((const int64_t *)batch.children[0]->buffers[1])[batch.children[0]->offset] == 6 * ROWS);
  batch.release(&batch);
}

static void copy_a_part(const char *from, const char *to) {
  char buffer[600];
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  CHECK(in != NULL && out != NULL);
  size_t size = fread(buffer, 1, sizeof buffer, in);
  CHECK(fwrite(buffer, 1, size, out) == size);
  fclose(in);
  fclose(out);
}

static void the_typed_error_of_a_failed_stream_is_there_wherever_it_was_moved(void) {
  char folder[600], good[700], bad[700];
  datasus_client *client;
  struct ArrowArrayStream stream, moved;
  struct ArrowSchema schema;
  struct ArrowArray batch;
  /* Beside it: inside, it would be another version of the whole one. */
  snprintf(folder, sizeof folder, "%s-damaged", FOLDER);
  snprintf(good, sizeof good, "%s/RDAC2401.dbc", FOLDER);
  snprintf(bad, sizeof bad, "%s/RDAC2401.dbc", folder);
  mkdir(folder, 0700);
  copy_a_part(good, bad);
  FINE(datasus_client_open(folder, "{\"language\": \"en\"}", &client, error));
  FINE(datasus_client_query(client, "{\"dataset\": \"SIH-RD\"}", &stream, NULL, error));
  moved = stream;
  memset(&stream, 0, sizeof stream);
  int failed = moved.get_schema(&moved, &schema);
  if (failed == 0) {
    schema.release(&schema);
    failed = moved.get_next(&moved, &batch);
  }
  CHECK(failed == EIO);
  CHECK(strstr(moved.get_last_error(&moved), "DS-460") != NULL);
  CHECK(moved.get_next(&moved, &batch) == EIO); /* and stays so */
  datasus_error error = DATASUS_ERROR_INIT;
  CHECK(datasus_stream_error(&moved, &error) == DATASUS_STATUS_DAMAGED_FILE);
  CHECK(!error.retryable && strstr(error.json, "RDAC2401.dbc") != NULL && strstr(error.message, "RDAC2401.dbc") != NULL);
  datasus_error_release(&error);
  moved.release(&moved);
  CHECK(datasus_client_release(client) == DATASUS_STATUS_OK);
}

typedef struct {
  datasus_job *job;
  struct ArrowArrayStream copy;
} Other;

static void *cancels(void *user) {
  pause_ms(200);
  FINE(datasus_job_cancel(((Other *)user)->job, error));
  return NULL;
}

static void *releases(void *user) {
  pause_ms(200);
  ((Other *)user)->copy.release(&((Other *)user)->copy);
  return NULL;
}

static void another_thread_cancels_a_stream_that_is_being_read(void) {
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  pthread_t thread;
  Other other;
  datasus_progress progress;
  FINE(datasus_client_query(the_client, LONG, &stream, &other.job, error));
  CHECK(pthread_create(&thread, NULL, cancels, &other) == 0);
  CHECK(stream.get_next(&stream, &batch) == ECANCELED);
  CHECK(pthread_join(thread, NULL) == 0);
  REFUSED(499, datasus_stream_error(&stream, error));
  REFUSED(499, datasus_job_wait(other.job, -1, NULL, error));
  memset(&progress, 0, sizeof progress);
  FINE(datasus_job_status(other.job, &progress, error));
  CHECK(progress.state == DATASUS_JOB_STATE_CANCELLED);
  stream.release(&stream);
  CHECK(datasus_job_release(other.job) == DATASUS_STATUS_OK);
}

static void another_thread_releases_a_stream_that_is_being_read(void) {
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  pthread_t thread;
  Other other;
  FINE(datasus_client_query(the_client, LONG, &stream, &other.job, error));
  other.copy = stream;
  CHECK(pthread_create(&thread, NULL, releases, &other) == 0);
  CHECK(stream.get_next(&stream, &batch) != 0);
  CHECK(pthread_join(thread, NULL) == 0);
  /* What nobody reads any more is cancelled. */
  REFUSED(499, datasus_job_wait(other.job, -1, NULL, error));
  CHECK(datasus_job_release(other.job) == DATASUS_STATUS_OK);
}

/* True where the query began; else its deadline passed before, while its text was parsed, which under valgrind takes its time. */
static bool begins_within(double deadline, struct ArrowArrayStream *stream) {
  char params[300];
  snprintf(params, sizeof params,
           "{\"sql\": \"SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b\", \"options\": {\"deadline\": %.1f}}",
           deadline);
  datasus_error error = DATASUS_ERROR_INIT;
  datasus_status status = datasus_client_query(the_client, params, stream, NULL, &error);
  CHECK(status == DATASUS_STATUS_OK || (status == DATASUS_STATUS_DEADLINE_PASSED && error.retryable));
  datasus_error_release(&error);
  return status == DATASUS_STATUS_OK;
}

static void a_deadline_ends_a_stream_in_time(void) {
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  datasus_error error = DATASUS_ERROR_INIT;
  double deadline = 0.5;
  while (!begins_within(deadline, &stream)) {
    CHECK(deadline < 300);
    deadline *= 2;
  }
  CHECK(stream.get_next(&stream, &batch) == ETIMEDOUT);
  CHECK(datasus_stream_error(&stream, &error) == DATASUS_STATUS_DEADLINE_PASSED && error.retryable);
  datasus_error_release(&error);
  stream.release(&stream);
}

typedef struct {
  int states[16], count, destroyed;
  uint64_t rows;
} Told;

static void told(const datasus_progress *progress, void *user) {
  Told *all = (Told *)user;
  CHECK(progress->struct_size == sizeof *progress);
  int last = all->count > 0 ? all->states[all->count - 1] : -1;
  if (progress->state != last && all->count < 16) all->states[all->count++] = progress->state;
  all->rows = progress->rows;
}
static void forget(void *user) { __atomic_store_n(&((Told *)user)->destroyed, 1, __ATOMIC_SEQ_CST); }

static void a_job_tells_its_states_in_order_and_ends_with_a_report(void) {
  Told all;
  datasus_job *job;
  datasus_text report, again;
  memset(&all, 0, sizeof all);
  FINE(datasus_client_submit(the_client, ALL, "[\"told.csv\", {\"parquet\": {\"path\": \"told.parquet\"}}]", &job, error));
  FINE(datasus_job_on_event(job, told, &all, forget, error));
  FINE(datasus_job_wait(job, -1, &report, error));
  FINE(datasus_job_wait(job, 0, &again, error)); /* as often as one likes */
  CHECK(strstr(report.data, "\"status\":\"completed\"") != NULL && strcmp(report.data, again.data) == 0);
  CHECK(datasus_job_release(job) == DATASUS_STATUS_OK); /* the events go on */
  for (int i = 0; i < 30000 && !__atomic_load_n(&all.destroyed, __ATOMIC_SEQ_CST); i++) pause_ms(10);
  CHECK(__atomic_load_n(&all.destroyed, __ATOMIC_SEQ_CST));
  CHECK(all.count >= 2 && all.states[all.count - 1] == DATASUS_JOB_STATE_COMPLETED && all.rows == (uint64_t)(6 * ROWS));
  datasus_text_release(&report);
  datasus_text_release(&again);
}

static void a_wait_that_is_too_short_is_not_an_error(void) {
  struct ArrowArrayStream stream;
  datasus_job *job;
  datasus_text report;
  datasus_error error = DATASUS_ERROR_INIT;
  FINE(datasus_client_query(the_client, LONG, &stream, &job, error));
  CHECK(datasus_job_wait(job, 0, &report, &error) == DATASUS_STATUS_NOT_YET);
  CHECK(datasus_job_wait(job, 50, &report, &error) == DATASUS_STATUS_NOT_YET && error.message == NULL);
  stream.release(&stream);
  REFUSED(499, datasus_job_wait(job, -1, &report, error));
  CHECK(datasus_job_release(job) == DATASUS_STATUS_OK);
}

static void a_stream_says_after_its_end_what_it_was(void) {
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  datasus_text summary;
  char path[600];
  snprintf(path, sizeof path, "%s/RDAC2401.dbc", FOLDER);
  FINE(datasus_read_dbc(path, "{\"columns\": [\"N_AIH\"], \"typed\": false}", &stream, error));
  REFUSED(409, datasus_stream_summary(&stream, &summary, error));
  do {
    CHECK(stream.get_next(&stream, &batch) == 0);
    if (batch.release != NULL) batch.release(&batch);
    else break;
  } while (true);
  FINE(datasus_stream_summary(&stream, &summary, error));
  CHECK(strstr(summary.data, "\"crc\":\"ok\"") != NULL);
  datasus_text_release(&summary);
  stream.release(&stream);
  FINE(datasus_client_query(the_client, "{\"sql\": \"SELECT 1 AS n FROM sih_rd LIMIT 1\"}", &stream, NULL, error));
  while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) batch.release(&batch);
  FINE(datasus_stream_summary(&stream, &summary, error));
  CHECK(strstr(summary.data, "\"records_processed\":1") != NULL);
  datasus_text_release(&summary);
  stream.release(&stream);
}

typedef struct {
  int lines, destroyed, of_a_stage;
} Log;

static void logged(const char *line, void *user) {
  CHECK(line[0] == '{' && strstr(line, "\"level\":") != NULL && line[strlen(line) - 1] == '}');
  // Whichever thread it comes from, it says of which job it is, and of which stage.
  if (strstr(line, "\"stage\":\"sink\"") != NULL && strstr(line, "\"trace_id\":\"") != NULL && strstr(line, "\"job_id\":\"") != NULL)
    __atomic_add_fetch(&((Log *)user)->of_a_stage, 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&((Log *)user)->lines, 1, __ATOMIC_SEQ_CST);
}
static void log_ended(void *user) { __atomic_add_fetch(&((Log *)user)->destroyed, 1, __ATOMIC_SEQ_CST); }

static void log_lines_go_to_one_listener_until_another_takes_its_place(void) {
  Log first = {0, 0, 0}, second = {0, 0, 0};
  struct ArrowArrayStream stream;
  FINE(datasus_set_log(5, logged, &first, log_ended, error));
  FINE(datasus_client_query(the_client, ALL, &stream, NULL, error));
  CHECK(read_all(&stream) == 6 * ROWS);
  for (int i = 0; i < 30000 && __atomic_load_n(&first.of_a_stage, __ATOMIC_SEQ_CST) == 0; i++) pause_ms(10);
  CHECK(__atomic_load_n(&first.lines, __ATOMIC_SEQ_CST) > 0 && __atomic_load_n(&first.of_a_stage, __ATOMIC_SEQ_CST) > 0);
  FINE(datasus_set_log(1, logged, &second, log_ended, error));
  for (int i = 0; i < 30000 && __atomic_load_n(&first.destroyed, __ATOMIC_SEQ_CST) == 0; i++) pause_ms(10);
  FINE(datasus_set_log(0, NULL, NULL, NULL, error));
  for (int i = 0; i < 30000 && __atomic_load_n(&second.destroyed, __ATOMIC_SEQ_CST) == 0; i++) pause_ms(10);
  CHECK(__atomic_load_n(&first.destroyed, __ATOMIC_SEQ_CST) == 1 && __atomic_load_n(&second.destroyed, __ATOMIC_SEQ_CST) == 1);
}

static bool never(void *user) {
  ++*(int *)user;
  return false;
}

static void a_sync_ends_when_it_is_told_to(void) {
  char folder[600];
  int asked = 0;
  datasus_client *client;
  datasus_text outcome;
  datasus_error error = DATASUS_ERROR_INIT;
  if (ROWS < 1000) return; /* too short to be stopped */
  snprintf(folder, sizeof folder, "%s/to-convert", FOLDER);
  FINE(datasus_write_example_data(folder, (uint32_t)ROWS, error));
  FINE(datasus_client_open(folder, NULL, &client, error));
  CHECK(datasus_client_sync(client, "{\"dataset\": \"SIH-RD\"}", never, &asked, &outcome, &error) == DATASUS_STATUS_CANCELLED);
  CHECK(asked >= 1);
  datasus_error_release(&error);
  CHECK(datasus_client_release(client) == DATASUS_STATUS_OK);
}

typedef struct Watching {
  int asked, completed;
  uint64_t files, bytes;
} Watching;

static bool watch(const datasus_progress *progress, void *user) {
  Watching *seen = user;
  seen->asked++;
  seen->completed += progress->state == DATASUS_JOB_STATE_COMPLETED;
  seen->files = progress->files_done;
  seen->bytes = progress->bytes;
  return true;
}

static void a_sync_tells_how_far_it_has_come(void) {
  char folder[600];
  Watching seen = {0, 0, 0, 0};
  datasus_client *client;
  datasus_text outcome;
  /* Beside it: in it they would be other versions of its files. */
  snprintf(folder, sizeof folder, "%s-watched", FOLDER);
  FINE(datasus_write_example_data(folder, 50, error));
  FINE(datasus_client_open(folder, NULL, &client, error));
  FINE(datasus_client_sync_watched(client, "{\"dataset\": \"SIH-RD\"}", watch, &seen, &outcome, error));
  CHECK(seen.asked >= 1 && seen.completed == 1 && seen.files > 0 && seen.bytes > 0);
  datasus_text_release(&outcome);
  CHECK(datasus_client_release(client) == DATASUS_STATUS_OK);
}

static void the_rows_of_a_stream_are_a_table_for_sql(void) {
  struct ArrowArrayStream rows, joined;
  struct ArrowArray batch;
  FINE(datasus_client_query(the_client, "{\"sql\": \"SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES\"}", &rows, NULL, error));
  FINE(datasus_client_add_table(the_client, "por_cnes", &rows, error));
  CHECK(rows.release == NULL);
  FINE(datasus_client_query(the_client, "{\"sql\": \"SELECT CAST(sum(n) AS BIGINT) AS todas FROM por_cnes\"}", &joined, NULL, error));
  CHECK(joined.get_next(&joined, &batch) == 0 && batch.release != NULL && batch.length == 1);
  CHECK(((const int64_t *)batch.children[0]->buffers[1])[batch.children[0]->offset] > 0);
  batch.release(&batch);
  joined.release(&joined);
  /* It was released above. */
  REFUSED(422, datasus_client_add_table(the_client, "por_cnes", &rows, error));
}

static void says(datasus_text *text, const char *part) {
  CHECK(strstr(text->data, part) != NULL);
  datasus_text_release(text);
}

static void what_the_client_knows_is_json_and_metrics_are_prometheus_text(void) {
  datasus_text text;
  FINE(datasus_client_datasets(the_client, &text, error));
  says(&text, "\"dataset\":\"SIH-RD\"");
  FINE(datasus_client_datasets(the_client, &text, error));
  says(&text, "\"ignored\":[");
  FINE(datasus_client_catalog(the_client, &text, error));
  says(&text, "\"table\":\"sinan_deng\"");
  FINE(datasus_client_schema(the_client, "SIH-RD", &text, error));
  says(&text, "VAL_TOT");
  FINE(datasus_client_explain(the_client, ALL, &text, error));
  says(&text, "\"files");
  FINE(datasus_client_metrics(the_client, &text, error));
  says(&text, "# TYPE datasus_");
  FINE(datasus_client_open_metrics(the_client, &text, error));
  says(&text, "# EOF");
  FINE(datasus_json_schema(&text, error));
  says(&text, "\"$schema\"");
  REFUSED(404, datasus_client_schema(the_client, "SIH-RX", &text, error));
}

/* The last of all. */
static void after_the_library_was_shut_down_jobs_are_refused(void) {
  struct ArrowArrayStream stream, late;
  struct ArrowArray batch;
  FINE(datasus_client_query(the_client, LONG, &stream, NULL, error));
  CHECK(datasus_shut_down() == DATASUS_STATUS_OK);
  CHECK(stream.get_next(&stream, &batch) == ECANCELED);
  stream.release(&stream);
  CHECK(datasus_client_query(the_client, ALL, &late, NULL, NULL) != DATASUS_STATUS_OK);
  CHECK(datasus_shut_down() == DATASUS_STATUS_OK);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  FOLDER = argv[1];
  ROWS = atoi(argv[2]);
  begin(FOLDER, (unsigned)ROWS);
  RUN(all_rows_come_with_their_types);
  RUN(a_batch_outlives_its_stream_and_client);
  RUN(the_typed_error_of_a_failed_stream_is_there_wherever_it_was_moved);
  RUN(another_thread_cancels_a_stream_that_is_being_read);
  RUN(another_thread_releases_a_stream_that_is_being_read);
  RUN(a_deadline_ends_a_stream_in_time);
  RUN(a_job_tells_its_states_in_order_and_ends_with_a_report);
  RUN(a_wait_that_is_too_short_is_not_an_error);
  RUN(a_stream_says_after_its_end_what_it_was);
  RUN(log_lines_go_to_one_listener_until_another_takes_its_place);
  RUN(a_sync_ends_when_it_is_told_to);
  RUN(a_sync_tells_how_far_it_has_come);
  RUN(the_rows_of_a_stream_are_a_table_for_sql);
  RUN(what_the_client_knows_is_json_and_metrics_are_prometheus_text);
  RUN(after_the_library_was_shut_down_jobs_are_refused);
  end();
  CHECK(datasus_test_alive() == 0);
  return 0;
}
