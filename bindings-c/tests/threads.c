/* One client for many threads: threads <folder> <rounds>. */
#include "every.h"

#include <pthread.h>

enum { THREADS = 8, ROWS = 20 };
static int ROUNDS;
static const char *FOLDER;
static datasus_job *shared[THREADS]; /* whose are cancelled and watched by the others */
static int finished;

static const char *const QUERIES[] = {
    "{\"dataset\": \"SIH-RD\", \"columns\": [\"N_AIH\"]}",
    "{\"dataset\": \"SIH-RD\", \"uf\": \"AC\", \"competencia\": \"202402\"}",
};
static const int64_t EXPECTED[] = {6 * ROWS, ROWS};

static void *reads(void *user) {
  int self = (int)(intptr_t)user;
  for (int round = 0; round < ROUNDS; round++) {
    struct ArrowArrayStream stream;
    datasus_job *job;
    datasus_text text;
    int which = (self + round) % 2;
    FINE(datasus_client_query(the_client, QUERIES[which], &stream, &job, error));
    __atomic_store_n(&shared[self], job, __ATOMIC_SEQ_CST);
    int64_t rows = read_all(&stream);
    /* All of them, or cancelled by another thread; nothing in between. */
    CHECK(rows == EXPECTED[which] || rows == -1);
    datasus_status status = datasus_job_wait(job, -1, &text, NULL);
    CHECK(status == DATASUS_STATUS_OK || status == DATASUS_STATUS_CANCELLED);
    if (status == DATASUS_STATUS_OK) datasus_text_release(&text);
    __atomic_store_n(&shared[self], NULL, __ATOMIC_SEQ_CST);
    /* Others may hold it still: for them it is an error from here on. */
    CHECK(datasus_job_release(job) == DATASUS_STATUS_OK);
  }
  __atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void *watches(void *user) {
  unsigned state = (unsigned)(intptr_t)user;
  long looked = 0;
  while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) < THREADS) {
    datasus_error error = DATASUS_ERROR_INIT;
    datasus_progress progress;
    memset(&progress, 0, sizeof progress);
    state = state * 1664525u + 1013904223u;
    datasus_job *job = __atomic_load_n(&shared[state >> 24 & (THREADS - 1)], __ATOMIC_SEQ_CST);
    datasus_status status = datasus_job_status(job, &progress, &error);
    CHECK(status == DATASUS_STATUS_OK || status == DATASUS_STATUS_INVALID_PARAMS);
    if ((state >> 8 & 1023) == 0) {
      status = datasus_job_cancel(job, &error);
      CHECK(status == DATASUS_STATUS_OK || status == DATASUS_STATUS_INVALID_PARAMS);
    }
    datasus_error_release(&error);
    looked++;
  }
  CHECK(looked > 0);
  return NULL;
}

/* Clients that come and go meanwhile, each released by two threads at once: one of them wins. */
static void *releases(void *user) {
  int *won = (int *)((void **)user)[1];
  if (datasus_client_release((datasus_client *)((void **)user)[0]) == DATASUS_STATUS_OK) __atomic_add_fetch(won, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void *comes_and_goes(void *user) {
  (void)user;
  while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) < THREADS) {
    datasus_client *client;
    pthread_t other;
    int won = 0;
    FINE(datasus_client_open(FOLDER, NULL, &client, error));
    void *both[2] = {client, &won};
    CHECK(pthread_create(&other, NULL, releases, both) == 0);
    releases(both);
    CHECK(pthread_join(other, NULL) == 0 && won == 1);
  }
  return NULL;
}

static void many_threads_share_a_client_and_its_jobs(void) {
  pthread_t threads[THREADS + 3];
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, reads, (void *)(intptr_t)i) == 0);
  CHECK(pthread_create(&threads[THREADS], NULL, watches, (void *)(intptr_t)1) == 0);
  CHECK(pthread_create(&threads[THREADS + 1], NULL, watches, (void *)(intptr_t)2) == 0);
  CHECK(pthread_create(&threads[THREADS + 2], NULL, comes_and_goes, NULL) == 0);
  for (int i = 0; i < THREADS + 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  FOLDER = argv[1];
  ROUNDS = atoi(argv[2]);
  begin(FOLDER, ROWS);
  RUN(many_threads_share_a_client_and_its_jobs);
  end();
  return 0;
}
