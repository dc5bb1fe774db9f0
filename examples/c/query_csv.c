/* A query as CSV on stdout: query_csv <folder> [params as JSON]. Without a folder it makes one with made-up files. */
#include "arrow_text.h"

static const char *PARAMS =
    "{\"dataset\": \"SIH-RD\", \"uf\": \"AC\", \"competencia\": \"202401\","
    " \"columns\": [\"N_AIH\", \"CNES\", \"DIAG_PRINC\", \"DT_INTER\", \"VAL_TOT\"],"
    /* Under 18: IDADE alone is no age, COD_IDADE says whether it counts days (2), months (3) or years (4). */
    " \"where\": [{\"any\": [{\"column\": \"COD_IDADE\", \"op\": \"in\", \"value\": [\"2\", \"3\"]},"
    " {\"all\": [{\"column\": \"COD_IDADE\", \"op\": \"eq\", \"value\": \"4\"},"
    " {\"column\": \"IDADE\", \"op\": \"lt\", \"value\": 18}]}]}]}";

static int failed(datasus_error *error) {
  fprintf(stderr, "%s: %s\n", error->code, error->message);
  datasus_error_release(error);
  return 1;
}

static void field(const char *text, int64_t size, bool last) {
  bool quoted = false;
  for (int64_t i = 0; i < size; i++) quoted = quoted || strchr(",\"\r\n", text[i]) != NULL;
  if (quoted) putchar('"');
  for (int64_t i = 0; i < size; i++) {
    if (text[i] == '"') putchar('"');
    putchar(text[i]);
  }
  if (quoted) putchar('"');
  putchar(last ? '\n' : ',');
}

static int write_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch) {
  char room[64];
  for (int64_t row = 0; row < batch->length; row++) {
    for (int64_t column = 0; column < batch->n_children; column++) {
      const struct ArrowArray *values = batch->children[column];
      const char *text = "";
      int64_t size = arrow_is_null(values, row) ? 0 : arrow_text(schema->children[column], values, row, room, &text);
      if (size < 0) {
        fprintf(stderr, "%s has the Arrow type %s\n", schema->children[column]->name, schema->children[column]->format);
        return 1;
      }
      field(text, size, column + 1 == batch->n_children);
    }
  }
  return 0;
}

static int write_all(struct ArrowArrayStream *stream, datasus_error *error) {
  struct ArrowSchema schema;
  if (stream->get_schema(stream, &schema) != 0) {
    datasus_stream_error(stream, error);
    return failed(error);
  }
  for (int64_t i = 0; i < schema.n_children; i++) {
    field(schema.children[i]->name, (int64_t)strlen(schema.children[i]->name), i + 1 == schema.n_children);
  }
  int status = 0;
  struct ArrowArray batch;
  while (status == 0) {
    if (stream->get_next(stream, &batch) != 0) {
      datasus_stream_error(stream, error);
      status = failed(error);
      break;
    }
    if (batch.release == NULL) break; /* the end */
    status = write_batch(&schema, &batch);
    batch.release(&batch);
  }
  schema.release(&schema);
  return status;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "exemplo";
  datasus_error error = DATASUS_ERROR_INIT;
  datasus_client *client = NULL;
  struct ArrowArrayStream stream;
  if (argc < 2 && datasus_write_example_data(folder, 100, &error) != DATASUS_STATUS_OK) return failed(&error);
  if (datasus_client_open(folder, NULL, &client, &error) != DATASUS_STATUS_OK) return failed(&error);
  int status = 1;
  if (datasus_client_query(client, argc > 2 ? argv[2] : PARAMS, &stream, NULL, &error) != DATASUS_STATUS_OK) {
    failed(&error);
  } else {
    status = write_all(&stream, &error);
    stream.release(&stream);
  }
  datasus_client_release(client);
  return status;
}
