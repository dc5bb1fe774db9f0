/* SQL that hears neither interrupt nor deadline (made to hang) keeps nobody: abandoned <folder>. */
#include "every.h"

#include <pthread.h>

enum { ROWS = 20, HOUR = 3600 * 1000, AT_ONCE = 4 };

/* Run each time: a kept answer hangs nowhere. */
static const char SQL[] = "{\"sql\": \"SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES\", \"options\": {\"cache\": \"off\"}}";

/* What hangs does so for an hour: this is for a machine of any speed. */
static void soon(time_t began) { CHECK(time(NULL) - began < 240); }

static void ends_with(struct ArrowArrayStream *stream, int wanted) {
  struct ArrowSchema schema;
  time_t began = time(NULL);
  CHECK(stream->get_schema(stream, &schema) != 0);
  soon(began);
  REFUSED(wanted, datasus_stream_error(stream, error));
  stream->release(stream);
}

static int64_t rows_of(const char *params) {
  struct ArrowArrayStream stream;
  time_t began = time(NULL);
  FINE(datasus_client_query(the_client, params, &stream, NULL, error));
  int64_t rows = read_all(&stream);
  soon(began);
  return rows;
}

static bool are_abandoned(int count) {
  datasus_text metrics;
  char line[64];
  snprintf(line, sizeof line, "\ndatasus_threads_abandoned %d.0\n", count);
  FINE(datasus_client_metrics(the_client, &metrics, error));
  bool so = strstr(metrics.data, line) != NULL;
  datasus_text_release(&metrics);
  return so;
}

static void until_abandoned(int count) {
  for (time_t began = time(NULL); !are_abandoned(count); pause_ms(5)) soon(began);
}

/* A deadline that passes while the query hangs: on a busy machine it may pass before that, and a longer one follows. */
static void late_while_it_hangs(size_t statements, size_t texts) {
  size_t before = datasus_test_hanging();
  CHECK(datasus_test_hang_next(statements, texts, HOUR) == DATASUS_STATUS_OK);
  for (double deadline = 0.3; datasus_test_hanging() == before; deadline *= 2) {
    struct ArrowArrayStream stream;
    char params[200];
    snprintf(params, sizeof params,
             "{\"sql\": \"SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES\", \"options\": {\"cache\": \"off\", \"deadline\": %.1f}}",
             deadline);
    datasus_error refusal = DATASUS_ERROR_INIT;
    time_t began = time(NULL);
    datasus_status status = datasus_client_query(the_client, params, &stream, NULL, &refusal);
    soon(began);
    if (status == DATASUS_STATUS_OK) ends_with(&stream, DATASUS_STATUS_DEADLINE_PASSED);
    else CHECK(status == DATASUS_STATUS_DEADLINE_PASSED && refusal.retryable);
    datasus_error_release(&refusal);
    /* The thread that parses may have been made only just. */
    for (int i = 0; i < 5000 && datasus_test_hanging() == before; i++) pause_ms(1);
  }
}

static void released(void) {
  CHECK(datasus_test_hang_next(0, 0, 0) == DATASUS_STATUS_OK);
  until_abandoned(0);
  CHECK(rows_of(SQL) > 0);
}

static void a_cancel_frees_the_caller_of_a_statement_that_does_not_stop(void) {
  struct ArrowArrayStream stream;
  datasus_job *job;
  CHECK(datasus_test_hang_next(1, 0, HOUR) == DATASUS_STATUS_OK);
  FINE(datasus_client_query(the_client, SQL, &stream, &job, error));
  while (datasus_test_hanging() == 0) pause_ms(1);
  FINE(datasus_job_cancel(job, error));
  ends_with(&stream, DATASUS_STATUS_CANCELLED);
  CHECK(datasus_job_release(job) == DATASUS_STATUS_OK);
  CHECK(rows_of(SQL) > 0);
  /* Who lets go of the rows waits for nothing. */
  CHECK(datasus_test_hang_next(1, 0, HOUR) == DATASUS_STATUS_OK);
  FINE(datasus_client_query(the_client, SQL, &stream, NULL, error));
  while (datasus_test_hanging() == 1) pause_ms(1);
  time_t began = time(NULL);
  stream.release(&stream);
  soon(began);
  CHECK(rows_of(SQL) > 0);
  released();
}

static void a_text_that_is_parsed_for_ever_ends_with_its_deadline(void) {
  late_while_it_hangs(0, 1);
  CHECK(rows_of(SQL) > 0);
  released();
}

static void *cancels_what_hangs(void *cancel) {
  while (datasus_test_hanging() == 0) pause_ms(1);
  FINE(datasus_cancel_set(cancel, error));
  return NULL;
}

/* There is no handle yet that another thread could cancel it by. */
static void a_text_that_is_parsed_for_ever_ends_with_its_cancel(void) {
  struct ArrowArrayStream stream;
  datasus_job *job;
  datasus_cancel *cancel;
  pthread_t thread;
  for (int i = 0; i < 2; i++) {
    time_t began = time(NULL);
    FINE(datasus_cancel_new(&cancel, error));
    CHECK(datasus_test_hang_next(0, 1, HOUR) == DATASUS_STATUS_OK);
    CHECK(pthread_create(&thread, NULL, cancels_what_hangs, cancel) == 0);
    if (i == 0) {
      REFUSED(DATASUS_STATUS_CANCELLED, datasus_client_query_until(the_client, SQL, cancel, &stream, NULL, error));
    } else {
      REFUSED(DATASUS_STATUS_CANCELLED, datasus_client_submit_until(the_client, SQL, "\"a.csv\"", cancel, &job, error));
    }
    CHECK(pthread_join(thread, NULL) == 0);
    soon(began);
    /* For good: what comes later does not begin. */
    REFUSED(DATASUS_STATUS_CANCELLED, datasus_client_query_until(the_client, SQL, cancel, &stream, NULL, error));
    CHECK(datasus_cancel_release(cancel) == DATASUS_STATUS_OK);
    REFUSED(DATASUS_STATUS_INVALID_PARAMS, datasus_client_query_until(the_client, SQL, cancel, &stream, NULL, error));
    CHECK(rows_of(SQL) > 0);
    released();
  }
}

static void a_cancel_reaches_the_query_that_was_begun_with_it_and_one_that_is_released_none(void) {
  struct ArrowArrayStream stream;
  datasus_cancel *cancel;
  FINE(datasus_cancel_new(&cancel, error));
  CHECK(datasus_test_hang_next(1, 0, HOUR) == DATASUS_STATUS_OK);
  FINE(datasus_client_query_until(the_client, SQL, cancel, &stream, NULL, error));
  while (datasus_test_hanging() == 0) pause_ms(1);
  FINE(datasus_cancel_set(cancel, error));
  ends_with(&stream, DATASUS_STATUS_CANCELLED);
  CHECK(datasus_cancel_release(cancel) == DATASUS_STATUS_OK);
  released();
  FINE(datasus_cancel_new(&cancel, error));
  FINE(datasus_client_query_until(the_client, SQL, cancel, &stream, NULL, error));
  CHECK(datasus_cancel_release(cancel) == DATASUS_STATUS_OK);
  CHECK(read_all(&stream) > 0);
}

static void after_four_deadlines_sql_is_refused_and_rows_of_a_dataset_go_on(void) {
  struct ArrowArrayStream stream;
  for (int i = 0; i < AT_ONCE; i++) {
    late_while_it_hangs(1, 0);
    until_abandoned(i + 1);
  }
  datasus_error refusal = DATASUS_ERROR_INIT;
  datasus_status status = datasus_client_query(the_client, SQL, &stream, NULL, &refusal);
  if (status == DATASUS_STATUS_OK) {
    ends_with(&stream, DATASUS_STATUS_OUT_OF_MEMORY);
  } else {
    CHECK(status == DATASUS_STATUS_OUT_OF_MEMORY && refusal.retryable);
    datasus_error_release(&refusal);
  }
  CHECK(rows_of("{\"dataset\": \"SIH-RD\", \"columns\": [\"CNES\"]}") == 6 * ROWS);
  released();
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  begin(argv[1], ROWS);
  RUN(a_cancel_frees_the_caller_of_a_statement_that_does_not_stop);
  RUN(a_text_that_is_parsed_for_ever_ends_with_its_deadline);
  RUN(a_text_that_is_parsed_for_ever_ends_with_its_cancel);
  RUN(a_cancel_reaches_the_query_that_was_begun_with_it_and_one_that_is_released_none);
  RUN(after_four_deadlines_sql_is_refused_and_rows_of_a_dataset_go_on);
  end();
  return 0;
}
