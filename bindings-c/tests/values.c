/* A table of odd JSON values at every parameter: values <folder> <records a file>. What runs has the rows that SQL counts for the
 * same condition; everything else is an error of the right class, and no query runs with fewer conditions than were written. */
#include "every.h"

static int ROWS;

/* A value, and the literal of SQL that means the same; NULL: it is no single value. */
typedef struct {
  const char *json, *sql;
} value;

static const value VALUES[] = {
    {"null", NULL}, {"true", "true"}, {"false", "false"}, {"\"3\"", "'3'"}, {"\"1\"", "'1'"}, {"\"\"", "''"}, {"\" \"", "' '"},
    {"\"\\u0033\"", "'3'"}, {"\"3\\u0000\"", NULL}, {"\"3 \"", "'3 '"}, {"\"' OR 1=1 --\"", "''' OR 1=1 --'"}, {"\"%\"", "'%'"},
    {"\"\\ud83d\\ude00\"", NULL}, {"\"\\ud83d\"", NULL}, {"\"\\udc00x\"", NULL}, {"\"AC\"", "'AC'"}, {"\"SEXO\"", "'SEXO'"},
    {"\"202401\"", "'202401'"}, {"\"SIH-RD\"", "'SIH-RD'"}, {"\"2024-01-10\"", "'2024-01-10'"}, {"\"20240110\"", "'2024-01-10'"},
    {"\"2024-02-30\"", NULL}, {"0", "0"}, {"-0", "0"}, {"3", "3"}, {"30", "30"}, {"-1", "-1"}, {"1.5", "1.5"}, {"30.0", "30.0"}, {"3e1", "30"},
    {"1e-400", NULL}, {"1e400", NULL}, {"1e300", "1e300"}, {"9223372036854775807", "9223372036854775807"},
    {"9223372036854775808", "9223372036854775808"}, {"18446744073709551615", "18446744073709551615"}, {"18446744073709551616", NULL},
    {"123456789012345678901234567890", NULL}, {"1000.10000000000000000001", NULL}, {"12345678901234567.89", NULL}, {"NaN", NULL},
    {"Infinity", NULL}, {"-Infinity", NULL}, {"nan", NULL}, {"+3", NULL}, {"03", NULL}, {".5", NULL}, {"3.", NULL}, {"0x3", NULL},
    {"'3'", NULL}, {"undefined", NULL}, {"", NULL}, {"[]", NULL}, {"[null]", NULL}, {"[\"3\"]", NULL}, {"[\"3\", \"1\"]", NULL},
    {"[\"3\",]", NULL}, {"[[\"3\"]]", NULL}, {"[3, \"3\"]", NULL}, {"[30, 40]", NULL}, {"[40, 30]", NULL}, {"[\"AC\", \"RR\"]", NULL}, {"{}", NULL},
    {"{\"SEXO\": \"3\"}", NULL}, {"{\"from\": \"202401\", \"to\": \"202402\"}", NULL},
    {"{\"from\": \"202401\", \"to\": \"202401\", \"to\": \"202402\"}", NULL}, {"{\"from\": \"202401\"}", NULL},
    {"{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}", NULL},
    {"{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\", \"value\": \"1\"}", NULL},
    {"[{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}]", NULL}, {"{\"all\": []}", NULL}, {"{\"any\": []}", NULL},
    {"{\"all\": [], \"any\": []}", NULL}, {"\"3\" /* 3 */", NULL}, {"\"3\", \"limit\": 1", NULL}, {"3 3", NULL}, {"\"3", NULL},
    {"\"a\tb\"", NULL}, {"{\"__proto__\": 3}", NULL}, {"{\"$serde_json::private::Number\": \"3\"}", NULL},
};
#define COUNT (sizeof VALUES / sizeof VALUES[0])

static const struct {
  const char *op, *sql;
} COMPARISONS[] = {{"eq", "="}, {"ne", "<>"}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="}};

static int status_of_last;

/* Rows of the answer; -1 for an error, which is of the class of a caller's mistake. */
static int64_t rows_of(const char *params) {
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  datasus_error error = DATASUS_ERROR_INIT;
  int64_t rows = -1;
  datasus_status status = datasus_client_query(the_client, params, &stream, NULL, &error);
  if (status == DATASUS_STATUS_OK) {
    if (stream.get_schema(&stream, &schema) == 0) {
      schema.release(&schema);
      rows = 0;
      for (;;) {
        struct ArrowArray batch;
        if (stream.get_next(&stream, &batch) != 0) {
          rows = -1;
          break;
        }
        if (batch.release == NULL) break;
        rows += batch.length;
        batch.release(&batch);
      }
    }
    if (rows < 0) status = datasus_stream_error(&stream, &error);
    stream.release(&stream);
  }
  status_of_last = (int)status;
  if (rows < 0) {
    bool ours = status == 400 || status == 403 || status == 404 || status == 422;
    if (!ours) fprintf(stderr, "%s\n%s\n", params, error.json == NULL ? "no error" : error.json);
    CHECK(ours && strlen(error.trace_id) == 8);
  }
  datasus_error_release(&error);
  return rows;
}

/* What SQL counts, asked apart. */
static int64_t counted(const char *column, const char *comparison, const char *literal) {
  char params[600], digits[100];
  /* An amount may come as text: the number that it is. */
  if (strcmp(column, "VAL_TOT") == 0 && literal[0] == '\'') {
    size_t size = 0;
    for (const char *at = literal; *at != '\0' && size + 1 < sizeof digits; at++)
      if (strchr("'- ", *at) == NULL) digits[size++] = *at;
    digits[size] = '\0';
    literal = digits;
  }
  snprintf(params, sizeof params, "{\"sql\": \"SELECT N_AIH FROM sih_rd WHERE %s %s %s\"}", column, comparison, literal);
  return rows_of(params);
}

static void same(int64_t rows, int64_t wanted, const char *params) {
  if (rows != wanted) fprintf(stderr, "%s\n%ld rows, and SQL counts %ld\n", params, (long)rows, (long)wanted);
  CHECK(rows == wanted);
}

static void a_value_of_a_condition_is_compared_or_refused(void) {
  static const char *const COLUMNS[] = {"SEXO", "IDADE", "VAL_TOT", "DT_INTER"};
  char params[800];
  for (size_t c = 0; c < 4; c++) {
    int ran = 0;
    for (size_t i = 0; i < COUNT; i++) {
      for (size_t o = 0; o < 6; o++) {
        snprintf(params, sizeof params, "{\"dataset\": \"SIH-RD\", \"columns\": [\"N_AIH\"], \"where\": [{\"column\": \"%s\", \"op\": \"%s\", \"value\": %s}]}",
                 COLUMNS[c], COMPARISONS[o].op, VALUES[i].json);
        int64_t rows = rows_of(params);
        if (rows < 0) continue;
        ran++;
        const char *json = VALUES[i].json, *sql = VALUES[i].sql;
        /* A code is compared in the column's form, without the padding of DBF fields: blanks and NULs around it. */
        if (c == 0 && (strcmp(json, "\"3 \"") == 0 || strcmp(json, "\"3\\u0000\"") == 0)) sql = "'3'";
        /* Text of another plane is what it is: no row has it. */
        if (sql == NULL && json[0] == '"' && COMPARISONS[o].sql[0] == '=') same(rows, 0, params);
        else if (sql == NULL) CHECK(json[0] == '"');
        else same(rows, counted(COLUMNS[c], COMPARISONS[o].sql, sql), params);
      }
    }
    CHECK(ran > 0);
  }
}

static void a_list_of_a_condition_is_whole_or_refused(void) {
  static const struct {
    const char *column, *json, *sql;
  } FINE_ONES[] = {{"SEXO", "[\"3\"]", "IN ('3')"}, {"SEXO", "[\"3\", \"1\"]", "IN ('3', '1')"}, {"IDADE", "[30, 40]", "IN (30, 40)"}, {"IDADE", "[40, 30]", "IN (40, 30)"},
                   {"VAL_TOT", "[30, 40]", "IN (30, 40)"}, {"VAL_TOT", "[\"3\"]", "IN (3)"}, {"VAL_TOT", "[\"3\", \"1\"]", "IN (3, 1)"}, {"VAL_TOT", "[3, \"3\"]", "IN (3)"}, {"VAL_TOT", "[40, 30]", "IN (40, 30)"}, {"SEXO", "[\"AC\", \"RR\"]", "IN ('AC', 'RR')"}};
  static const char *const COLUMNS[] = {"SEXO", "IDADE", "VAL_TOT", "DT_INTER"};
  static const char *const OPS[] = {"in", "not_in", "between", "starts_with", "is_null", "not_null"};
  char params[800];
  for (size_t c = 0; c < 4; c++)
    for (size_t i = 0; i < COUNT; i++)
      for (size_t o = 0; o < 6; o++) {
        snprintf(params, sizeof params, "{\"dataset\": \"SIH-RD\", \"columns\": [\"N_AIH\"], \"where\": [{\"column\": \"%s\", \"op\": \"%s\", \"value\": %s}]}",
                 COLUMNS[c], OPS[o], VALUES[i].json);
        int64_t rows = rows_of(params);
        if (rows < 0) continue;
        if (o == 3) {
          /* The beginning of a text. */
          CHECK(c == 0 && VALUES[i].json[0] == '"');
          if (VALUES[i].sql != NULL && strchr(VALUES[i].sql, '%') == NULL) {
            char pattern[100];
            snprintf(pattern, sizeof pattern, "%.*s%%'", (int)strlen(VALUES[i].sql) - 1, VALUES[i].sql);
            same(rows, counted("SEXO", "LIKE", pattern), params);
          }
          continue;
        }
        if (o >= 4) {
          CHECK(strcmp(VALUES[i].json, "null") == 0);
          same(rows, counted(COLUMNS[c], o == 4 ? "IS NULL" : "IS NOT NULL", ""), params);
          continue;
        }
        bool known = false;
        for (size_t f = 0; f < sizeof FINE_ONES / sizeof FINE_ONES[0]; f++) {
          if (strcmp(FINE_ONES[f].column, COLUMNS[c]) != 0 || strcmp(FINE_ONES[f].json, VALUES[i].json) != 0) continue;
          known = true;
          if (o == 0) same(rows, counted(COLUMNS[c], FINE_ONES[f].sql, ""), params);
          if (o == 1) same(rows, counted(COLUMNS[c], "NOT", FINE_ONES[f].sql), params);
          if (o == 2) CHECK(rows < 6 * ROWS || c == 0);
        }
        if (!known) fprintf(stderr, "%s ran\n", params);
        CHECK(known);
      }
}

/* Where everything but a few values is refused: the query, with %s for the value, and what may run. */
static const struct {
  const char *params, *may[12];
} PLACES[] = {
    {"%s", {NULL}},
    {"{\"dataset\": %s}", {"\"SIH-RD\"", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"where\": %s}", {"[]", "[{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}]", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"where\": [%s]}", {"{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}", "{\"all\": []}", "{\"any\": []}", "", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"where\": [{\"not\": %s}]}", {"{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}", "{\"all\": []}", "{\"any\": []}", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"where\": [{\"all\": %s}]}", {"[]", "[{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}]", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"where\": [{\"column\": %s, \"op\": \"eq\", \"value\": \"3\"}]}", {"\"SEXO\"", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"where\": [{\"column\": \"SEXO\", \"op\": %s, \"value\": \"3\"}]}", {NULL}},
    {"{\"dataset\": \"SIH-RD\", \"columns\": %s}", {"null", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"columns\": [%s]}", {"\"SEXO\"", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"group_by\": %s}", {"[]", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"group_by\": [%s]}", {"\"SEXO\"", "", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"aggregates\": %s}", {"[]", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"aggregates\": [{\"fn\": %s}]}", {NULL}},
    {"{\"dataset\": \"SIH-RD\", \"aggregates\": [{\"fn\": \"count\", \"column\": %s}]}", {"\"SEXO\"", "null", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"order_by\": %s}", {"[]", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"order_by\": [{\"column\": \"SEXO\", \"desc\": %s}]}", {"true", "false", NULL}},
    {"{\"sql\": \"SELECT N_AIH FROM sih_rd WHERE SEXO = $x\", \"bind\": %s}", {NULL}},
    {"{\"dataset\": \"SIH-RD\", \"bind\": %s}", {"{}", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"options\": %s}", {"{}", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"options\": {\"missing\": %s}}", {NULL}},
    {"{\"dataset\": \"SIH-RD\", \"options\": {\"priority\": %s}}", {NULL}},
    {"{\"dataset\": \"SIH-RD\", \"options\": {\"partial\": %s}}", {"true", "false", NULL}},
    {"{\"dataset\": \"SIH-RD\", \"options\": {\"deadline\": %s}}", {"null", "3", "30", "30.0", "3e1", "1.5", NULL}},
};

static void what_no_parameter_takes_is_refused(void) {
  char params[800];
  for (size_t p = 0; p < sizeof PLACES / sizeof PLACES[0]; p++)
    for (size_t i = 0; i < COUNT; i++) {
      bool may = false;
      for (size_t m = 0; PLACES[p].may[m] != NULL; m++) may = may || strcmp(PLACES[p].may[m], VALUES[i].json) == 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(params, sizeof params, PLACES[p].params, VALUES[i].json);
#pragma GCC diagnostic pop
      int64_t rows = rows_of(params);
      if (rows >= 0 && !may) fprintf(stderr, "%s ran\n", params);
      CHECK(rows < 0 || may);
    }
}

/* The rows of a few queries by name, counted apart. */
static void what_a_parameter_takes_is_what_it_says(void) {
  char params[400];
  int64_t women = counted("SEXO", "=", "'3'"), all = 6 * ROWS;
  CHECK(women > 0 && women < all);
#define ROWS_OF(text) rows_of("{\"dataset\": \"SIH-RD\", \"columns\": [\"N_AIH\"], " text "}")
  CHECK(ROWS_OF("\"where\": [{\"all\": []}]") == all && ROWS_OF("\"where\": [{\"any\": []}]") == 0);
  CHECK(ROWS_OF("\"where\": [{\"not\": {\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}}]") == all - women);
  CHECK(ROWS_OF("\"uf\": \"AC\"") == all / 2 && ROWS_OF("\"uf\": [\"AC\", \"RR\"]") == all && ROWS_OF("\"uf\": null") == all);
  CHECK(ROWS_OF("\"competencia\": \"202401\"") == all / 3);
  CHECK(ROWS_OF("\"competencia\": {\"from\": \"202401\", \"to\": \"202402\"}") == all / 3 * 2);
  CHECK(ROWS_OF("\"limit\": 3") == 3 && ROWS_OF("\"limit\": 0") == 0 && ROWS_OF("\"limit\": null") == all);
  static const char *const NO_LIMIT[] = {"-1", "1.5", "3e0", "\"3\"", "[3]", "true", "18446744073709551616", "1e400"};
  for (size_t i = 0; i < sizeof NO_LIMIT / sizeof NO_LIMIT[0]; i++) {
    snprintf(params, sizeof params, "{\"dataset\": \"SIH-RD\", \"limit\": %s}", NO_LIMIT[i]);
    CHECK(rows_of(params) < 0);
  }
  static const char *const NO_UF[] = {"[]", "[null]", "[[\"AC\"]]", "\"\"", "\"AC\\u0000\"", "true", "{}", "[\"AC\", 1.5]", "\"XX\""};
  static const char *const NO_MONTH[] = {"[]", "[null]", "\"\"", "\"202413\"", "\"202401\\u0000\"", "true", "{}", "{\"from\": \"202401\"}", "1.5", "-202401",
                                         "{\"from\": \"202401\", \"to\": null}", "{\"from\": \"202401\", \"to\": \"202401\", \"to\": \"202403\"}"};
  for (size_t i = 0; i < sizeof NO_UF / sizeof NO_UF[0]; i++) {
    snprintf(params, sizeof params, "{\"dataset\": \"SIH-RD\", \"uf\": %s}", NO_UF[i]);
    CHECK(rows_of(params) < 0);
  }
  for (size_t i = 0; i < sizeof NO_MONTH / sizeof NO_MONTH[0]; i++) {
    snprintf(params, sizeof params, "{\"dataset\": \"SIH-RD\", \"competencia\": %s}", NO_MONTH[i]);
    CHECK(rows_of(params) < 0);
  }
}

static void a_bound_value_is_compared_or_refused(void) {
  char params[400];
  for (size_t i = 0; i < COUNT; i++) {
    snprintf(params, sizeof params, "{\"sql\": \"SELECT N_AIH FROM sih_rd WHERE IDADE >= CAST($x AS DOUBLE)\", \"bind\": {\"x\": %s}}", VALUES[i].json);
    int64_t rows = rows_of(params);
    if (rows < 0) continue;
    const char *json = VALUES[i].json;
    if (strcmp(json, "null") == 0) same(rows, 0, params);
    else if (VALUES[i].sql == NULL) CHECK(json[0] == '"'); /* text that is a number to the engine */
    else {
      char literal[120];
      /* The engine's own reading of a text, and not a day's. */
      bool plain = json[0] == '"' && strchr(json, '\\') == NULL;
      if (plain) snprintf(literal, sizeof literal, "CAST('%.*s' AS DOUBLE)", (int)strlen(json) - 2, json + 1);
      else snprintf(literal, sizeof literal, "CAST(%s AS DOUBLE)", VALUES[i].sql);
      same(rows, counted("IDADE", ">=", literal), params);
    }
  }
}

/* A key that stands twice would make one of two queries of it, and nobody says which. */
static void a_key_that_stands_twice_is_refused_everywhere(void) {
  static const char *const TWICE[] = {
      "{\"dataset\": \"SIH-RD\", \"uf\": \"AC\", \"uf\": \"RR\"}",
      "{\"dataset\": \"SIH-RD\", \"where\": [{\"column\": \"SEXO\", \"op\": \"eq\", \"value\": \"3\"}], \"where\": []}",
      "{\"dataset\": \"SIH-RD\", \"where\": [{\"column\": \"SEXO\", \"column\": \"CNES\", \"op\": \"eq\", \"value\": \"3\"}]}",
      "{\"dataset\": \"SIH-RD\", \"dataset\": \"SIH-RD\"}",
      "{\"dataset\": \"SIH-RD\", \"options\": {\"partial\": false, \"partial\": true}}",
      "{\"dataset\": \"SIH-RD\", \"lim\\u0069t\": 1, \"limit\": 5}",
      "{\"sql\": \"SELECT $x AS x\", \"bind\": {\"x\": 1, \"x\": 2}}",
  };
  datasus_client *client;
  datasus_job *job;
  struct ArrowArrayStream stream;
  for (size_t i = 0; i < sizeof TWICE / sizeof TWICE[0]; i++) REFUSED(400, datasus_client_query(the_client, TWICE[i], &stream, NULL, error));
  REFUSED(400, datasus_client_open("/tmp", "{\"output\": \"/tmp\", \"output\": \"/\"}", &client, error));
  REFUSED(400, datasus_client_submit(the_client, "{\"dataset\": \"SIH-RD\"}", "{\"csv\": {\"path\": \"a.csv\", \"path\": \"b.csv\"}}", &job, error));
  REFUSED(400, datasus_client_submit(the_client, "{\"dataset\": \"SIH-RD\"}", "{\"csv\": {}, \"csv\": {}}", &job, error));
  REFUSED(400, datasus_read_dbc("x", "{\"typed\": true, \"typed\": false}", &stream, error));
}

/* The same values where a query's destination, a client's settings and a file's options are due. */
static void what_no_other_json_takes_is_refused(void) {
  static const char *const SINKS[] = {"%s", "[%s]", "{\"csv\": %s}", "{\"csv\": {\"path\": \"%s\", \"zstd\": []}}", "{\"csv\": {\"overwrite\": %s, \"delimiter\": 1}}",
                                      "{\"parquet\": {\"zstd\": %s, \"row_group_rows\": 0}}", "{\"postgres\": {\"table\": %s, \"mode\": 1}}"};
  static const char *const CONFIGS[] = {"{\"threads\": %s, \"thread\": 1}", "{\"lake\": %s, \"memory_limit\": -1}", "{\"deadline\": %s, \"chunk_rows\": \"1\"}",
                                        "{\"verify_crc\": %s, \"language\": \"fr\"}", "{\"postgres\": %s, \"threads\": 0}"};
  static const char *const OPTIONS[] = {"{\"columns\": %s, \"column\": 1}", "{\"typed\": %s, \"batch_rows\": -1}", "{\"dataset\": %s, \"verify_crc\": 1}"};
  char text[400];
  datasus_client *client;
  datasus_job *job;
  struct ArrowArrayStream stream;
#define REFUSED_BY(table, call)                                                     \
  for (size_t p = 0; p < sizeof table / sizeof table[0]; p++)                       \
    for (size_t i = 0; i < COUNT; i++) {                                            \
      datasus_error refusal = DATASUS_ERROR_INIT, *const error = &refusal;          \
      _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"") \
      snprintf(text, sizeof text, table[p], VALUES[i].json);                        \
      _Pragma("GCC diagnostic pop")                                                 \
      int status = (int)(call);                                                     \
      if (status != 400 && status != 422) fprintf(stderr, "%s: %d\n", text, status); \
      CHECK(status == 400 || status == 422);                                        \
      datasus_error_release(error);                                                 \
    }
  REFUSED_BY(CONFIGS, datasus_client_open("/tmp", text, &client, error))
  REFUSED_BY(OPTIONS, datasus_read_dbc("x", text, &stream, error))
  for (size_t p = 0; p < sizeof SINKS / sizeof SINKS[0]; p++)
    for (size_t i = 0; i < COUNT; i++) {
      /* Plain text is the path of a file, and an empty object a file of a name of its own. */
      bool path = p <= 1 && VALUES[i].json[0] == '"', named = p == 2 && strcmp(VALUES[i].json, "{}") == 0;
      if (path || named || (p == 3 && VALUES[i].json[0] == '"')) continue;
      datasus_error refusal = DATASUS_ERROR_INIT;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(text, sizeof text, SINKS[p], VALUES[i].json);
#pragma GCC diagnostic pop
      int status = (int)datasus_client_submit(the_client, "{\"dataset\": \"SIH-RD\"}", text, &job, &refusal);
      if (status == 0) {
        /* What only the job looks at: numbers outside their bounds. */
        status = (int)datasus_job_wait(job, -1, NULL, &refusal);
        CHECK(datasus_job_release(job) == DATASUS_STATUS_OK);
      }
      if (status != 400 && status != 422) fprintf(stderr, "%s: %d\n", text, status);
      CHECK(status == 400 || status == 422);
      datasus_error_release(&refusal);
    }
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  ROWS = atoi(argv[2]);
  begin(argv[1], (unsigned)ROWS);
  RUN(a_value_of_a_condition_is_compared_or_refused);
  RUN(a_list_of_a_condition_is_whole_or_refused);
  RUN(what_no_parameter_takes_is_refused);
  RUN(what_a_parameter_takes_is_what_it_says);
  RUN(a_bound_value_is_compared_or_refused);
  RUN(a_key_that_stands_twice_is_refused_everywhere);
  RUN(what_no_other_json_takes_is_refused);
  end();
  CHECK(datasus_test_alive() == 0);
  return 0;
}
