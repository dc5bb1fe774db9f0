/* Returns from main while a query, its events and another thread's read are at work: quit <folder>. */
#include "every.h"

#include <pthread.h>

static struct ArrowArrayStream stream;

static void *reads(void *user) {
  (void)user;
  struct ArrowArray batch;
  stream.get_next(&stream, &batch);
  for (;;) pause_ms(1000);
  return NULL;
}

static void told(const datasus_progress *progress, void *user) {
  (void)progress;
  (void)user;
}

int main(int argc, char **argv) {
  pthread_t thread;
  datasus_job *job;
  CHECK(argc == 2);
  begin(argv[1], 20);
  FINE(datasus_client_query(the_client, "{\"sql\": \"SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b\"}",
                            &stream, &job, error));
  FINE(datasus_job_on_event(job, told, NULL, NULL, error));
  CHECK(pthread_create(&thread, NULL, reads, NULL) == 0);
  pause_ms(300);
  return 0;
}
