/* Answers queries for tests/conformance/c.py. Of each line on stdin, "<source>\t<output>\t<file with params>", it writes one:
 * {"columns": [...], "rows": [[text or null, ...], ...], "report": {...}, "estimate": {...}} or {"error": {...}}; of params in a file profile.json
 * also "profile". Of a line "!<call>\t<source>\t<output>\t<word>\t<word>", {"answer": ...} of that call; a word "-" is none. Settings may
 * stand at the end of either. A job that is to be cancelled is so by the next line. */
#include "../../examples/c/arrow_text.h"

static void string(const char *text, int64_t size) {
  putchar('"');
  for (int64_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 0x20) printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

static bool row_of(const struct ArrowSchema *schema, const struct ArrowArray *batch, int64_t row) {
  char room[64];
  putchar('[');
  for (int64_t i = 0; i < batch->n_children; i++) {
    const char *text;
    if (i > 0) putchar(',');
    if (arrow_is_null(batch->children[i], row)) {
      printf("null");
      continue;
    }
    int64_t size = arrow_text(schema->children[i], batch->children[i], row, room, &text);
    if (size < 0) {
      fprintf(stderr, "%s: the Arrow type %s\n", schema->children[i]->name, schema->children[i]->format);
      return false;
    }
    string(text, size);
  }
  putchar(']');
  return true;
}

static datasus_status rows_of(struct ArrowArrayStream *stream, datasus_error *error) {
  struct ArrowSchema schema;
  struct ArrowArray batch;
  datasus_status status = DATASUS_STATUS_OK;
  bool first = true;
  if (stream->get_schema(stream, &schema) != 0) return datasus_stream_error(stream, error);
  printf("{\"columns\": [");
  for (int64_t i = 0; i < schema.n_children; i++) {
    if (i > 0) putchar(',');
    string(schema.children[i]->name, (int64_t)strlen(schema.children[i]->name));
  }
  printf("], \"rows\": [");
  for (;;) {
    if (stream->get_next(stream, &batch) != 0) {
      status = datasus_stream_error(stream, error);
      break;
    }
    if (batch.release == NULL) break;
    for (int64_t row = 0; row < batch.length; row++) {
      if (!first) putchar(',');
      first = false;
      if (!row_of(&schema, &batch, row)) exit(1);
    }
    batch.release(&batch);
  }
  printf("]");
  schema.release(&schema);
  return status;
}

static datasus_status opened(const char *source, const char *output, const char *more, datasus_client **client, datasus_error *error) {
  char config[2048];
  snprintf(config, sizeof config, "{\"output\": \"%s\", \"language\": \"pt\"%s}", output, more);
  return datasus_client_open(source, config, client, error);
}

static char *whole(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = (char *)malloc(1 << 20);
  if (file == NULL || text == NULL) exit(1);
  text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
  fclose(file);
  return text;
}

static datasus_status file_of(const char *path, const char *options, datasus_error *error) {
  struct ArrowArrayStream stream;
  datasus_status status = datasus_read_dbc(path, options, &stream, error);
  if (status != DATASUS_STATUS_OK) return status;
  printf("{\"answer\": ");
  status = rows_of(&stream, error);
  datasus_text summary;
  if (status == DATASUS_STATUS_OK) status = datasus_stream_summary(&stream, &summary, error);
  if (status == DATASUS_STATUS_OK) {
    printf(", \"summary\": %s}}\n", summary.data);
    datasus_text_release(&summary);
  }
  stream.release(&stream);
  return status;
}

/* The end of a job that the next line of stdin cancels. */
static datasus_status cancelled(datasus_client *client, const char *params, datasus_error *error) {
  datasus_job *job;
  datasus_text report;
  char line[64];
  datasus_status status = datasus_client_submit(client, params, "[\"cancelled.csv\"]", &job, error);
  if (status != DATASUS_STATUS_OK) return status;
  if (fgets(line, sizeof line, stdin) == NULL) exit(2);
  status = datasus_job_cancel(job, error);
  if (status == DATASUS_STATUS_OK) status = datasus_job_wait(job, -1, &report, error);
  if (status == DATASUS_STATUS_OK) datasus_text_release(&report);
  datasus_job_release(job);
  return status;
}

/* What a client knows, or counts, beside a query. */
static datasus_status known(const char *call, datasus_client *client, const char *first, const char *second, datasus_error *error) {
  datasus_text text;
  datasus_status status;
  if (strcmp(call, "search") == 0) status = datasus_client_search(client, first, second, &text, error);
  else if (strcmp(call, "schema") == 0) status = datasus_client_schema(client, first, &text, error);
  else if (strcmp(call, "dictionaries") == 0) status = datasus_client_dictionaries(client, &text, error);
  else if (strcmp(call, "sync_dictionaries") == 0) status = datasus_client_sync_dictionaries(client, first, &text, error);
  else {
    char *params = whole(first);
    if (strcmp(call, "profile") == 0) status = datasus_client_profile(client, params, NULL, NULL, &text, NULL, error);
    else if (strcmp(call, "rates") == 0) status = datasus_client_rates(client, params, &text, error);
    else if (strcmp(call, "read_dbc") == 0) {
      status = file_of(second, params, error);
      free(params);
      return status;
    } else if (strcmp(call, "cancelled") == 0) {
      status = cancelled(client, params, error);
      free(params);
      if (status == DATASUS_STATUS_OK) printf("{\"answer\": \"it ended before\"}\n");
      return status;
    } else exit(2);
    free(params);
  }
  if (status != DATASUS_STATUS_OK) return status;
  printf("{\"answer\": %s}\n", text.data);
  datasus_text_release(&text);
  return status;
}

static datasus_status asked(const char *call, const char *source, const char *output, const char *first, const char *second, const char *more,
                            datasus_error *error) {
  datasus_client *client;
  datasus_status status = opened(source, output, more, &client, error);
  if (status != DATASUS_STATUS_OK) return status;
  first = strcmp(first, "-") == 0 ? NULL : first;
  second = strcmp(second, "-") == 0 ? NULL : second;
  status = known(call, client, first, second, error);
  datasus_client_release(client);
  return status;
}

static datasus_status answer(const char *source, const char *output, const char *params, bool profiles, const char *more,
                             datasus_error *error) {
  datasus_client *client;
  struct ArrowArrayStream stream;
  datasus_text summary;
  datasus_status status = opened(source, output, more, &client, error);
  if (status != DATASUS_STATUS_OK) return status;
  status = datasus_client_query(client, params, &stream, NULL, error);
  if (status == DATASUS_STATUS_OK) {
    status = rows_of(&stream, error);
    if (status == DATASUS_STATUS_OK) status = datasus_stream_summary(&stream, &summary, error);
    if (status == DATASUS_STATUS_OK) {
      printf(", \"report\": %s", summary.data);
      datasus_text_release(&summary);
      status = datasus_client_estimate(client, params, &summary, error);
    }
    if (status == DATASUS_STATUS_OK) {
      printf(", \"estimate\": %s", summary.data);
      datasus_text_release(&summary);
      if (profiles) status = datasus_client_profile(client, params, NULL, NULL, &summary, NULL, error);
      if (profiles && status == DATASUS_STATUS_OK) {
        printf(", \"profile\": %s", summary.data);
        datasus_text_release(&summary);
      }
      printf("}\n");
    }
    stream.release(&stream);
  }
  datasus_client_release(client);
  return status;
}

static char *word(void) { return strtok(NULL, "\t\n"); }

int main(void) {
  char line[4096];
  while (fgets(line, sizeof line, stdin) != NULL) {
    datasus_error error = DATASUS_ERROR_INIT;
    datasus_status status;
    char *start = strtok(line, "\t\n");
    if (start != NULL && start[0] == '!') {
      char *source = word(), *output = word(), *first = word(), *second = word();
      if (second == NULL) return 2;
      const char *more = word();
      status = asked(start + 1, source, output, first, second, more == NULL ? "" : more, &error);
    } else {
      char *output = word(), *path = word();
      if (path == NULL) return 2;
      const char *more = word();
      char *params = whole(path);
      bool profiles = strstr(path, "/profile.json") != NULL;
      status = answer(start, output, params, profiles, more == NULL ? "" : more, &error);
      free(params);
    }
    if (status != DATASUS_STATUS_OK) {
      /* Behind rows that came before it, if any: the reader takes the last. */
      printf("\n{\"error\": %s}\n", error.json);
      datasus_error_release(&error);
    }
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
