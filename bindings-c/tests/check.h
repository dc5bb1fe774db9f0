/* Says which check failed, and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include "hooks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void pause_ms(long ms) {
  struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

#define CHECK(condition)                                                     \
  do {                                                                       \
    if (!(condition)) {                                                      \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                               \
    }                                                                        \
  } while (0)

/* The call failed with this status, and its error says the same in every form. */
#define REFUSED(expected, call)                                                                        \
  do {                                                                                                 \
    datasus_error refusal = DATASUS_ERROR_INIT, *const error = &refusal;                               \
    int status = (int)(call);                                                                          \
    if (status != (expected)) fprintf(stderr, "%s:%d: %d: %s\n", __FILE__, __LINE__, status, refusal.message ? refusal.message : ""); \
    CHECK(status == (expected) && refusal.status == status);                                           \
    CHECK(strncmp(refusal.code, "DS-", 3) == 0 && atoi(refusal.code + 3) == status);                   \
    CHECK(strlen(refusal.message) > 10 && strlen(refusal.trace_id) > 0);                               \
    CHECK(strstr(refusal.json, refusal.code) != NULL && strstr(refusal.json, refusal.trace_id) != NULL); \
    CHECK(refusal.diagnostic[0] == '{');                                                               \
    CHECK(refusal.release != NULL);                                                                    \
    refusal.release(&refusal);                                                                         \
    CHECK(refusal.release == NULL && refusal.message == NULL);                                         \
  } while (0)

/* The call is fine. Within it the error is `error`. */
#define FINE(call)                                                                                  \
  do {                                                                                              \
    datasus_error failure = DATASUS_ERROR_INIT, *const error = &failure;                            \
    if ((call) != DATASUS_STATUS_OK) {                                                              \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, failure.json ? failure.json : "no error"); \
      exit(1);                                                                                      \
    }                                                                                               \
  } while (0)

#define RUN(test)                        \
  do {                                   \
    size_t before = datasus_test_alive(); \
    test();                              \
    printf("ok %s\n", #test);            \
    fflush(stdout);                      \
    CHECK(datasus_test_alive() == before); \
  } while (0)

#endif
