/* What a careless caller does is an error, never a crash: contract <folder>. */
#include "every.h"

static const char *FOLDER;
#define QUERY "{\"dataset\": \"SIH-RD\", \"uf\": \"AC\", \"competencia\": \"202401\", \"columns\": [\"N_AIH\"]}"

static void every_function_does_what_it_is_called_for(void) {
  for (size_t i = 0; i < EVERY_COUNT; i++) {
    datasus_error error = DATASUS_ERROR_INIT;
    datasus_status status = EVERY[i].call(&error);
    if (status != EVERY[i].status) fprintf(stderr, "%s: %d %s\n", EVERY[i].name, status, error.json ? error.json : "");
    CHECK(status == EVERY[i].status);
    datasus_error_release(&error);
    printf("every %s\n", EVERY[i].name);
  }
}

static void null_for_any_argument_is_an_error(void) {
  struct ArrowArrayStream stream;
  datasus_client *client;
  datasus_job *job;
  datasus_text text;
  datasus_progress progress;
  REFUSED(422, datasus_json_schema(NULL, error));
  REFUSED(422, datasus_client_open(NULL, NULL, &client, error));
  REFUSED(422, datasus_client_open(FOLDER, NULL, NULL, error));
  REFUSED(422, datasus_client_query(NULL, QUERY, &stream, NULL, error));
  REFUSED(422, datasus_client_query(the_client, NULL, &stream, NULL, error));
  REFUSED(422, datasus_client_query(the_client, QUERY, NULL, NULL, error));
  REFUSED(422, datasus_client_submit(NULL, QUERY, "[]", &job, error));
  REFUSED(422, datasus_client_submit(the_client, NULL, "[]", &job, error));
  REFUSED(422, datasus_client_submit(the_client, QUERY, NULL, &job, error));
  REFUSED(422, datasus_client_submit(the_client, QUERY, "[]", NULL, error));
  REFUSED(422, datasus_client_resume(NULL, "x", &job, error));
  REFUSED(422, datasus_client_resume(the_client, NULL, &job, error));
  REFUSED(422, datasus_client_resume(the_client, "x", NULL, error));
  REFUSED(422, datasus_client_jobs(NULL, &text, error));
  REFUSED(422, datasus_client_jobs(the_client, NULL, error));
  REFUSED(422, datasus_client_discard(NULL, "x", error));
  REFUSED(422, datasus_client_discard(the_client, NULL, error));
  REFUSED(422, datasus_client_dead_letters(NULL, "x", &text, error));
  REFUSED(422, datasus_client_dead_letters(the_client, NULL, &text, error));
  REFUSED(422, datasus_client_dead_letters(the_client, "x", NULL, error));
  REFUSED(422, datasus_client_export_dead_letters(NULL, "x", "y", NULL, error));
  REFUSED(422, datasus_client_export_dead_letters(the_client, NULL, "y", NULL, error));
  REFUSED(422, datasus_client_export_dead_letters(the_client, "x", NULL, NULL, error));
  REFUSED(422, datasus_client_replay(NULL, "x", &text, error));
  REFUSED(422, datasus_client_replay(the_client, NULL, &text, error));
  REFUSED(422, datasus_client_replay(the_client, "x", NULL, error));
  REFUSED(422, datasus_client_sync(NULL, QUERY, NULL, NULL, &text, error));
  REFUSED(422, datasus_client_sync_watched(NULL, QUERY, NULL, NULL, &text, error));
  REFUSED(422, datasus_client_sync_watched(the_client, NULL, NULL, NULL, &text, error));
  REFUSED(422, datasus_client_sync_watched(the_client, QUERY, NULL, NULL, NULL, error));
  REFUSED(422, datasus_client_add_table(the_client, "minha", NULL, error));
  REFUSED(422, datasus_client_sync(the_client, NULL, NULL, NULL, &text, error));
  REFUSED(422, datasus_client_sync(the_client, QUERY, NULL, NULL, NULL, error));
  REFUSED(422, datasus_client_explain(NULL, QUERY, &text, error));
  REFUSED(422, datasus_client_explain(the_client, NULL, &text, error));
  REFUSED(422, datasus_client_explain(the_client, QUERY, NULL, error));
  REFUSED(422, datasus_client_estimate(NULL, QUERY, &text, error));
  REFUSED(422, datasus_client_estimate(the_client, NULL, &text, error));
  REFUSED(422, datasus_client_estimate(the_client, QUERY, NULL, error));
  REFUSED(422, datasus_client_schema(NULL, "SIH-RD", &text, error));
  REFUSED(422, datasus_client_schema(the_client, NULL, &text, error));
  REFUSED(422, datasus_client_schema(the_client, "SIH-RD", NULL, error));
  REFUSED(422, datasus_client_catalog(NULL, &text, error));
  REFUSED(422, datasus_client_catalog(the_client, NULL, error));
  REFUSED(422, datasus_client_datasets(NULL, &text, error));
  REFUSED(422, datasus_client_datasets(the_client, NULL, error));
  REFUSED(422, datasus_client_metrics(NULL, &text, error));
  REFUSED(422, datasus_client_metrics(the_client, NULL, error));
  REFUSED(422, datasus_client_open_metrics(NULL, &text, error));
  REFUSED(422, datasus_client_open_metrics(the_client, NULL, error));
  REFUSED(422, datasus_client_set_maintenance(NULL, 0, error));
  memset(&progress, 0, sizeof progress);
  REFUSED(422, datasus_job_id(NULL, &text, error));
  REFUSED(422, datasus_job_id(the_job, NULL, error));
  REFUSED(422, datasus_job_status(NULL, &progress, error));
  REFUSED(422, datasus_job_status(the_job, NULL, error));
  REFUSED(422, datasus_job_cancel(NULL, error));
  REFUSED(422, datasus_job_wait(NULL, 0, &text, error));
  REFUSED(422, datasus_job_on_event(the_job, NULL, NULL, NULL, error));
  REFUSED(422, datasus_job_on_event(NULL, NULL, NULL, NULL, error));
  REFUSED(422, datasus_read_dbc(NULL, NULL, &stream, error));
  REFUSED(422, datasus_read_dbc("x", NULL, NULL, error));
  REFUSED(422, datasus_write_example_data(NULL, 1, error));
  REFUSED(422, datasus_stream_error(NULL, error));
  REFUSED(422, datasus_stream_summary(NULL, &text, error));
  /* Nothing to release, nowhere to tell. */
  CHECK(datasus_client_release(NULL) == DATASUS_STATUS_OK && datasus_job_release(NULL) == DATASUS_STATUS_OK);
  CHECK(datasus_text_release(NULL) == DATASUS_STATUS_OK && datasus_error_release(NULL) == DATASUS_STATUS_OK);
  CHECK(datasus_client_jobs(NULL, NULL, NULL) == DATASUS_STATUS_INVALID_PARAMS);
}

static void a_handle_that_was_released_is_an_error(void) {
  datasus_client *client;
  datasus_job *job;
  datasus_text text;
  struct ArrowArrayStream stream;
  FINE(datasus_client_open(FOLDER, NULL, &client, error));
  FINE(datasus_client_query(client, QUERY, &stream, &job, error));
  CHECK(datasus_client_release(client) == DATASUS_STATUS_OK);
  CHECK(datasus_client_release(client) == DATASUS_STATUS_INVALID_PARAMS);
  REFUSED(422, datasus_client_metrics(client, &text, error));
  REFUSED(422, datasus_client_query(client, QUERY, &stream, NULL, error));
  /* The stream goes on without its client, and without its job's handle. */
  CHECK(datasus_job_release(job) == DATASUS_STATUS_OK);
  CHECK(datasus_job_release(job) == DATASUS_STATUS_INVALID_PARAMS);
  REFUSED(422, datasus_job_cancel(job, error));
  CHECK(read_all(&stream) > 0);
}

static void who_asks_too_often_is_told_when_to_come_back(void) {
  static const char *const ana = "{\"dataset\": \"SIH-RD\", \"columns\": [\"CNES\"], \"limit\": 1, \"options\": {\"rate_key\": \"ana\"}}";
  datasus_client *client;
  datasus_error late = DATASUS_ERROR_INIT;
  struct ArrowArrayStream stream;
  FINE(datasus_client_open(FOLDER, "{\"rate_limit\": 1}", &client, error));
  FINE(datasus_client_query(client, ana, &stream, NULL, error));
  CHECK(read_all(&stream) == 1);
  REFUSED(429, datasus_client_query(client, ana, &stream, NULL, error));
  CHECK(datasus_client_query(client, ana, &stream, NULL, &late) == DATASUS_STATUS_QUEUE_FULL);
  CHECK(strstr(late.diagnostic, "\"retry_after_sec\"") != NULL);
  late.release(&late);
  /* Who gives no key is not held up. */
  FINE(datasus_client_query(client, QUERY, &stream, NULL, error));
  CHECK(read_all(&stream) > 0);
  CHECK(datasus_client_release(client) == DATASUS_STATUS_OK);
}

static void a_number_that_never_was_a_handle_is_an_error(void) {
  datasus_text text;
  int place = 0;
  void *const numbers[] = {(void *)1, (void *)-1, &place, the_job};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    REFUSED(422, datasus_client_jobs((datasus_client *)numbers[i], &text, error));
    CHECK(datasus_client_release((datasus_client *)numbers[i]) == DATASUS_STATUS_INVALID_PARAMS);
  }
  REFUSED(422, datasus_job_id((datasus_job *)the_client, &text, error));
  CHECK(datasus_job_release((datasus_job *)the_client) == DATASUS_STATUS_INVALID_PARAMS);
}

static void what_is_released_twice_by_way_of_a_copy_is_an_error(void) {
  datasus_text text, copy;
  FINE(datasus_client_metrics(the_client, &text, error));
  copy = text;
  CHECK(datasus_text_release(&text) == DATASUS_STATUS_OK && text.data == NULL);
  CHECK(datasus_text_release(&text) == DATASUS_STATUS_OK); /* empty */
  CHECK(datasus_text_release(&copy) == DATASUS_STATUS_INVALID_PARAMS);

  datasus_error error = DATASUS_ERROR_INIT, second;
  CHECK(datasus_client_open("/no/such/folder", NULL, &the_client, &error) == DATASUS_STATUS_NOT_FOUND);
  second = error;
  CHECK(datasus_error_release(&error) == DATASUS_STATUS_OK && error.message == NULL);
  CHECK(datasus_error_release(&error) == DATASUS_STATUS_OK);
  CHECK(datasus_error_release(&second) == DATASUS_STATUS_INVALID_PARAMS);

  struct ArrowArrayStream stream, same;
  FINE(datasus_client_query(the_client, QUERY, &stream, NULL, error));
  same = stream;
  stream.release(&stream);
  CHECK(stream.release == NULL);
  same.release(&same);
  CHECK(same.release == NULL);
}

static void a_stream_that_was_released_gives_errors_to_its_copies(void) {
  struct ArrowArrayStream stream, copy;
  struct ArrowSchema schema;
  struct ArrowArray array;
  FINE(datasus_client_query(the_client, QUERY, &stream, NULL, error));
  copy = stream;
  stream.release(&stream);
  CHECK(copy.get_schema(&copy, &schema) != 0 && copy.get_next(&copy, &array) != 0);
  CHECK(copy.get_last_error(&copy) == NULL);
  REFUSED(422, datasus_stream_error(&copy, error));
  copy.release(&copy);
}

static void an_error_that_is_used_again_is_released_first(void) {
  datasus_error error;
  memset(&error, 0, sizeof error); /* zeros do as well */
  size_t before = datasus_test_alive();
  for (int i = 0; i < 100; i++) CHECK(datasus_job_cancel(NULL, &error) == DATASUS_STATUS_INVALID_PARAMS);
  CHECK(datasus_test_alive() == before + 1);
  datasus_error_release(&error);
}

static void text_that_is_not_utf8_is_an_error(void) {
  datasus_text text;
  datasus_client *client;
  datasus_job *job;
  struct ArrowArrayStream stream;
  REFUSED(422, datasus_client_open("/tmp/\xff", NULL, &client, error));
  REFUSED(422, datasus_client_open(FOLDER, "{\"lake\": \"\xc3\x28\"}", &client, error));
  REFUSED(422, datasus_client_query(the_client, "{\"dataset\": \"S\xe3o\"}", &stream, NULL, error));
  REFUSED(422, datasus_client_submit(the_client, QUERY, "\x80", &job, error));
  REFUSED(422, datasus_client_schema(the_client, "\xf8\x88", &text, error));
  REFUSED(422, datasus_read_dbc("\xed\xa0\x80", NULL, &stream, error));
}

static void json_that_is_cut_short_or_unknown_is_an_error(void) {
  static const char *const WHOLE = QUERY;
  char part[sizeof QUERY];
  datasus_client *client;
  datasus_job *job;
  struct ArrowArrayStream stream;
  for (size_t length = 0; length < strlen(WHOLE); length++) {
    memcpy(part, WHOLE, length);
    part[length] = '\0';
    REFUSED(400, datasus_client_query(the_client, part, &stream, NULL, error));
  }
  REFUSED(400, datasus_client_query(the_client, "{\"datasett\": \"SIH-RD\"}", &stream, NULL, error));
  REFUSED(400, datasus_client_open(FOLDER, "{\"threads\": ", &client, error));
  REFUSED(400, datasus_client_open(FOLDER, "{\"thread\": 1}", &client, error));
  REFUSED(400, datasus_client_submit(the_client, QUERY, "{\"csv\": {", &job, error));
  REFUSED(400, datasus_client_submit(the_client, QUERY, "{\"excel\": {}}", &job, error));
  REFUSED(400, datasus_read_dbc("x", "{\"typed\": tr", &stream, error));
  REFUSED(400, datasus_read_dbc("x", "{\"column\": []}", &stream, error));
  REFUSED(422, datasus_read_dbc("x", "{\"encoding\": \"cp437\"}", &stream, error));
  REFUSED(422, datasus_client_open(FOLDER, "{\"threads\": 0}", &client, error));
}

static void a_number_outside_its_enumeration_is_an_error(void) {
  datasus_client *client;
  struct ArrowArrayStream stream;
  REFUSED(422, datasus_client_set_maintenance(the_client, 7, error));
  REFUSED(422, datasus_client_set_maintenance(the_client, -1, error));
  REFUSED(422, datasus_set_log(6, NULL, NULL, NULL, error));
  REFUSED(422, datasus_set_log(-1, NULL, NULL, NULL, error));
  REFUSED(400, datasus_client_open(FOLDER, "{\"language\": \"fr\"}", &client, error));
  REFUSED(400, datasus_client_query(the_client, "{\"dataset\": \"SIH-RD\", \"options\": {\"priority\": \"king\"}}", &stream, NULL, error));
}

static void a_struct_of_no_version_is_left_as_it_is(void) {
  datasus_progress progress;
  memset(&progress, 0x5a, sizeof progress);
  progress.struct_size = 12;
  REFUSED(422, datasus_job_status(the_job, &progress, error));
  CHECK(progress.rows == 0x5a5a5a5a5a5a5a5aULL);
  datasus_error small;
  memset(&small, 0x5a, sizeof small);
  small.struct_size = 12;
  CHECK(datasus_job_cancel(NULL, &small) == DATASUS_STATUS_INVALID_PARAMS);
  CHECK(small.status == 0x5a5a5a5a);
  CHECK(datasus_error_release(&small) == DATASUS_STATUS_INVALID_PARAMS);
  /* A caller that was compiled with a later header has more room, and keeps it. */
  struct {
    datasus_progress known;
    char later[64];
  } larger;
  memset(&larger, 0x5a, sizeof larger);
  larger.known.struct_size = sizeof larger;
  FINE(datasus_job_status(the_job, &larger.known, error));
  CHECK(larger.known.struct_size == sizeof larger && larger.known.state == DATASUS_JOB_STATE_COMPLETED);
  CHECK(larger.later[0] == 0x5a);
  /* One that was compiled with the first header has less, and nothing behind it is written. */
  size_t of_version_1 = offsetof(datasus_progress, phase);
  memset(&progress, 0x5a, sizeof progress);
  progress.struct_size = (uint32_t)of_version_1;
  FINE(datasus_job_status(the_job, &progress, error));
  CHECK(progress.state == DATASUS_JOB_STATE_COMPLETED && progress.fraction == 1.0);
  CHECK(progress.phase == 0x5a5a5a5a);
}

static void a_nul_in_a_value_does_not_cut_the_message(void) {
  datasus_error error = DATASUS_ERROR_INIT;
  struct ArrowArrayStream stream;
  const char *params = "{\"dataset\": \"SIH\\u0000RD-and-the-rest\"}";
  CHECK(datasus_client_query(the_client, params, &stream, NULL, &error) != DATASUS_STATUS_OK);
  CHECK(strstr(error.message, "RD-and-the-rest") != NULL);
  CHECK(error.json[strlen(error.json) - 1] == '}');
  datasus_error_release(&error);
}

static void an_out_argument_is_left_as_it_was_where_a_call_fails(void) {
  datasus_job *job = the_job;
  struct ArrowArrayStream stream;
  memset(&stream, 0, sizeof stream);
  REFUSED(400, datasus_client_query(the_client, "{", &stream, &job, error));
  CHECK(job == the_job && stream.release == NULL);
}

static void a_panic_anywhere_is_an_error_and_the_next_call_works(void) {
  for (size_t i = 0; i < EVERY_COUNT; i++) {
    datasus_error error = DATASUS_ERROR_INIT;
    CHECK(datasus_test_panic_next(EVERY[i].name) == DATASUS_STATUS_OK);
    datasus_status status = EVERY[i].call(&error);
    if (status != DATASUS_STATUS_INTERNAL) fprintf(stderr, "%s: %d\n", EVERY[i].name, status);
    CHECK(status == DATASUS_STATUS_INTERNAL);
    if (error.message != NULL) CHECK(strstr(error.message, "on purpose") != NULL && strcmp(error.code, "DS-500") == 0);
    datasus_error_release(&error);
    CHECK(EVERY[i].call(NULL) == EVERY[i].status);
  }
}

static void a_panic_below_a_stream_is_its_error(void) {
  static const char *const steps[] = {"get_schema", "get_next"};
  for (int i = 0; i < 2; i++) {
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    FINE(datasus_client_query(the_client, QUERY, &stream, NULL, error));
    CHECK(datasus_test_panic_next(steps[i]) == DATASUS_STATUS_OK);
    int first = stream.get_schema(&stream, &schema);
    if (first == 0) {
      schema.release(&schema);
      first = stream.get_next(&stream, &array);
    }
    CHECK(first != 0 && strstr(stream.get_last_error(&stream), "on purpose") != NULL);
    REFUSED(500, datasus_stream_error(&stream, error));
    /* A panic while it is released ends it all the same, and so does the next try. */
    CHECK(datasus_test_panic_next("release") == DATASUS_STATUS_OK);
    stream.release(&stream);
    if (stream.release != NULL) stream.release(&stream);
  }
  CHECK(datasus_test_panic_next("datasus-sync") == DATASUS_STATUS_OK);
  datasus_text text;
  REFUSED(500, datasus_client_sync(the_client, QUERY, NULL, NULL, &text, error));
  FINE(datasus_client_sync(the_client, QUERY, NULL, NULL, &text, error));
  datasus_text_release(&text);
}

static void count(const datasus_progress *progress, void *user) {
  (void)progress;
  (void)user;
}
static void destroyed(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }
static void destroyed_within(int *times, int expected) {
  for (int i = 0; i < 30000 && __atomic_load_n(times, __ATOMIC_SEQ_CST) < expected; i++) pause_ms(10);
  CHECK(__atomic_load_n(times, __ATOMIC_SEQ_CST) == expected);
}

static void a_user_pointer_is_destroyed_once_whatever_happens(void) {
  int times = 0;
  FINE(datasus_job_on_event(the_job, count, &times, destroyed, error));
  destroyed_within(&times, 1);
  REFUSED(422, datasus_job_on_event(the_job, NULL, &times, destroyed, error));
  destroyed_within(&times, 2);
  REFUSED(422, datasus_job_on_event((datasus_job *)1, count, &times, destroyed, error));
  destroyed_within(&times, 3);
  CHECK(datasus_test_panic_next("datasus-events") == DATASUS_STATUS_OK);
  FINE(datasus_job_on_event(the_job, count, &times, destroyed, error));
  destroyed_within(&times, 4);
}

static void the_library_is_the_headers(void) { CHECK(datasus_abi_version() == DATASUS_ABI_VERSION); }

int main(int argc, char **argv) {
  CHECK(argc == 2);
  FOLDER = argv[1];
  begin(FOLDER, 20);
  RUN(the_library_is_the_headers);
  RUN(every_function_does_what_it_is_called_for);
  RUN(null_for_any_argument_is_an_error);
  RUN(a_handle_that_was_released_is_an_error);
  RUN(who_asks_too_often_is_told_when_to_come_back);
  RUN(a_number_that_never_was_a_handle_is_an_error);
  RUN(what_is_released_twice_by_way_of_a_copy_is_an_error);
  RUN(a_stream_that_was_released_gives_errors_to_its_copies);
  RUN(an_error_that_is_used_again_is_released_first);
  RUN(text_that_is_not_utf8_is_an_error);
  RUN(json_that_is_cut_short_or_unknown_is_an_error);
  RUN(a_number_outside_its_enumeration_is_an_error);
  RUN(a_struct_of_no_version_is_left_as_it_is);
  RUN(a_nul_in_a_value_does_not_cut_the_message);
  RUN(an_out_argument_is_left_as_it_was_where_a_call_fails);
  RUN(a_panic_anywhere_is_an_error_and_the_next_call_works);
  RUN(a_panic_below_a_stream_is_its_error);
  RUN(a_user_pointer_is_destroyed_once_whatever_happens);
  end();
  CHECK(datasus_test_alive() == 0);
  return 0;
}
