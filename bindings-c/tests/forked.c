/* In a forked child nothing works, and nothing hangs or crashes: forked <folder>. */
#include "every.h"

#include <sys/wait.h>
#include <unistd.h>

#define QUERY "{\"dataset\": \"SIH-RD\", \"columns\": [\"N_AIH\"]}"

/* With what the parent holds: a client, a job, a stream at work, an error. */
static void a_forked_child_gets_ds_498_from_every_function(void) {
  struct ArrowArrayStream stream;
  datasus_error held = DATASUS_ERROR_INIT;
  FINE(datasus_client_query(the_client, QUERY, &stream, NULL, error));
  CHECK(datasus_job_cancel(NULL, &held) == DATASUS_STATUS_INVALID_PARAMS);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(120); /* never a hang */
    for (size_t i = 0; i < EVERY_COUNT; i++) {
      datasus_error error = DATASUS_ERROR_INIT;
      if (EVERY[i].call(&error) != DATASUS_STATUS_FORKED) _exit(2);
      if (error.message != NULL && (strcmp(error.code, "DS-498") != 0 || strlen(error.message) < 10)) _exit(3);
    }
    struct ArrowArray array;
    struct ArrowSchema schema;
    if (stream.get_next(&stream, &array) == 0 || stream.get_schema(&stream, &schema) == 0) _exit(4);
    if (strstr(stream.get_last_error(&stream), "DS-498") == NULL) _exit(5);
    stream.release(&stream);
    datasus_error_release(&held);
    exit(0); /* with what the library does at exit */
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fprintf(stderr, "the child: %d\n", status);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  datasus_error_release(&held);
  CHECK(read_all(&stream) > 0);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  begin(argv[1], 20);
  RUN(a_forked_child_gets_ds_498_from_every_function);
  end();
  return 0;
}
