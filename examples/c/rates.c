/* Infant mortality by municipality as JSON on stdout, and what a population that is missing is: rates [folder]. Without a folder it
 * makes one with made-up files. */
#include <datasus.h>

#include <stdio.h>

/* Foetal deaths are in the same file, and are no deaths of the rates; the denominator of infant mortality are births. */
static const char *INFANT =
    "{\"events\": {\"dataset\": \"SIM-DO\", \"uf\": \"AC\", \"competencia\": 2022, \"where\": ["
    " {\"column\": \"TIPOBITO\", \"op\": \"eq\", \"value\": \"2\"},"
    " {\"column\": \"obito_infantil\", \"op\": \"eq\", \"value\": 1}]},"
    " \"population\": {\"dataset\": \"SINASC-DN\"}, \"per\": 1000}";

/* By the population of IBGE-POPSVS of the same year, which the folder need not have. */
static const char *ALL_AGES =
    "{\"events\": {\"dataset\": \"SIM-DO\", \"competencia\": 2022, \"where\": ["
    " {\"column\": \"TIPOBITO\", \"op\": \"eq\", \"value\": \"2\"}]}}";

static int failed(datasus_error *error) {
  fprintf(stderr, "%s: %s\n", error->code, error->message);
  datasus_error_release(error);
  return 1;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "exemplo";
  datasus_error error = DATASUS_ERROR_INIT;
  if (argc < 2 && datasus_write_example_data(folder, 2000, &error) != DATASUS_STATUS_OK) return failed(&error);
  datasus_client *client = NULL;
  if (datasus_client_open(folder, NULL, &client, &error) != DATASUS_STATUS_OK) return failed(&error);
  datasus_text rates;
  int outcome = 0;
  if (datasus_client_rates(client, INFANT, &rates, &error) == DATASUS_STATUS_OK) {
    printf("%s\n", rates.data);
    datasus_text_release(&rates);
    /* Without people there is no rate, and never one of 0. */
    datasus_status status = datasus_client_rates(client, ALL_AGES, &rates, &error);
    if (status == DATASUS_STATUS_OK) {
      printf("%s\n", rates.data);
      datasus_text_release(&rates);
    } else if (status == DATASUS_STATUS_NOT_FOUND) {
      fprintf(stderr, "%s\n", error.code);
      datasus_error_release(&error);
    } else {
      outcome = failed(&error);
    }
  } else {
    outcome = failed(&error);
  }
  datasus_client_release(client);
  return outcome;
}
