/* Every function of the interface, called as it should be: for tests that something holds for each of them. */
#ifndef EVERY_H
#define EVERY_H

#include "check.h"

/* A client on made-up files, and a job of it that has ended. */
extern datasus_client *the_client;
extern datasus_job *the_job;

typedef struct {
  const char *name;
  datasus_status (*call)(datasus_error *error);
  /* What a call without a fault returns. */
  datasus_status status;
} Every;

extern const Every EVERY[];
extern const size_t EVERY_COUNT;

/* Makes both in the folder, of `rows` records a file. */
void begin(const char *folder, unsigned rows);
void end(void);

/* Reads a stream to its end and releases it; the number of its rows, or -1 where it failed. */
int64_t read_all(struct ArrowArrayStream *stream);

#endif
