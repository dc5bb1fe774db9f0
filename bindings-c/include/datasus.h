/* datasus: Brazil's public-health records (DATASUS), from the ministry's files to Arrow, CSV, Parquet and PostgreSQL.
 *
 * Made by cbindgen from bindings-c/src, and committed; the tests compare it. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Status. Every function but datasus_abi_version returns a datasus_status: 0, or the number of the error's code. The last
 * argument, `error`, receives the rest; it may be NULL. Where a function fails, its other out-arguments are left as they were.
 *
 * Text. Arguments are UTF-8 and end with NUL; they are read during the call only. A text that the library gives is a
 * datasus_text, the caller's until datasus_text_release.
 *
 * JSON. Parameters, configuration, sinks and reports are one contract for every language: see datasus_json_schema and the
 * README. An unknown key is an error; readers ignore keys that they do not know.
 *
 * Handles. datasus_client, datasus_job and datasus_cancel are tickets, not addresses: NULL, one that was released and one that never was are
 * DS-422, in whatever thread. Each is released once, in any order.
 *
 * Rows come as an ArrowArrayStream (https://arrow.apache.org/docs/format/CStreamInterface.html): the caller owns it and calls
 * its `release`; so it is with every array and schema that comes out of it, which may outlive stream and client.
 *
 * Threads. Any thread may call any function, several at once, also with the same handle. One stream has one reader at a time,
 * and a struct that the caller passes is used by one thread at a time. Callbacks come from threads of the library's.
 *
 * Fork. In a child that was forked after the first call every function returns DATASUS_STATUS_FORKED and does nothing.
 *
 * Growth. A struct that the caller makes begins with struct_size, its sizeof or 0; fields are added at the end only.
 */


#ifndef DATASUS_H
#define DATASUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

#ifdef __cplusplus
}
#endif

/* An error that nothing has been told yet; zeros do as well. */
#define DATASUS_ERROR_INIT {(uint32_t)sizeof(datasus_error), 0, {0}, false, NULL, NULL, NULL, NULL, NULL, NULL}


/**
 * Of the interface that this header describes.
 */
#define DATASUS_ABI_VERSION 1

/**
 * What a function returns: 0, or the number of the error's code (DS-422 is 422).
 */
typedef enum datasus_status {
  /**
   * Done.
   */
  DATASUS_STATUS_OK = 0,
  /**
   * Not an error: the time is up, and the job goes on. From datasus_job_wait only.
   */
  DATASUS_STATUS_NOT_YET = 1,
  /**
   * DS-400: malformed JSON, or an unknown key.
   */
  DATASUS_STATUS_MALFORMED = 400,
  /**
   * DS-401: credentials were refused.
   */
  DATASUS_STATUS_CREDENTIALS_REFUSED = 401,
  /**
   * DS-403: a path or function outside what the client may touch.
   */
  DATASUS_STATUS_FORBIDDEN = 403,
  /**
   * DS-404: no such dataset, table or job; or files are missing.
   */
  DATASUS_STATUS_NOT_FOUND = 404,
  /**
   * DS-409: the target has another shape, or a job is in another state.
   */
  DATASUS_STATUS_CONFLICT = 409,
  /**
   * DS-413: more rows than the sink takes.
   */
  DATASUS_STATUS_TOO_MANY_ROWS = 413,
  /**
   * DS-422: a parameter is wrong; also NULL, text that is not UTF-8, and a handle that was released.
   */
  DATASUS_STATUS_INVALID_PARAMS = 422,
  /**
   * DS-424: more dead letters than allowed.
   */
  DATASUS_STATUS_TOO_MANY_DEAD_LETTERS = 424,
  /**
   * DS-429: the queue is full; try again later.
   */
  DATASUS_STATUS_QUEUE_FULL = 429,
  /**
   * DS-460: a source file is damaged.
   */
  DATASUS_STATUS_DAMAGED_FILE = 460,
  /**
   * DS-498: used in a forked child.
   */
  DATASUS_STATUS_FORKED = 498,
  /**
   * DS-499: cancelled.
   */
  DATASUS_STATUS_CANCELLED = 499,
  /**
   * DS-500: a defect of the library.
   */
  DATASUS_STATUS_INTERNAL = 500,
  /**
   * DS-502: a source, store or database is unreachable or broke off; try again later.
   */
  DATASUS_STATUS_UNREACHABLE = 502,
  /**
   * DS-503: memory is exhausted; try again later.
   */
  DATASUS_STATUS_OUT_OF_MEMORY = 503,
  /**
   * DS-504: the deadline passed.
   */
  DATASUS_STATUS_DEADLINE_PASSED = 504,
  /**
   * DS-507: the disk is full.
   */
  DATASUS_STATUS_DISK_FULL = 507,
} datasus_status;

/**
 * Where a job stands.
 */
typedef enum datasus_job_state {
  /**
   * It waits for a slot.
   */
  DATASUS_JOB_STATE_QUEUED = 0,
  DATASUS_JOB_STATE_RUNNING = 1,
  /**
   * It waits for its reader, and others use its slot.
   */
  DATASUS_JOB_STATE_PARKED = 2,
  /**
   * It waits before another attempt.
   */
  DATASUS_JOB_STATE_RETRYING = 3,
  DATASUS_JOB_STATE_COMPLETED = 4,
  DATASUS_JOB_STATE_FAILED = 5,
  DATASUS_JOB_STATE_CANCELLED = 6,
} datasus_job_state;

/**
 * Ends a call that is under way in another thread, and what it has begun. Any thread may use it.
 */
typedef struct datasus_cancel datasus_cancel;

/**
 * A source of DATASUS files, opened. Any thread may use it, and several at once.
 */
typedef struct datasus_client datasus_client;

/**
 * A query at work. Any thread may use it, and several at once.
 */
typedef struct datasus_job datasus_job;

/**
 * What went wrong. The caller makes it, with zeros or DATASUS_ERROR_INIT, and passes its address; a function that fails fills
 * it (and releases what an earlier one left there), one that does not leaves it alone. One thread at a time.
 *
 * The texts are UTF-8, end with NUL, have none inside, and are valid until the error is released.
 */
typedef struct datasus_error {
  /**
   * sizeof(datasus_error) as the caller was compiled; 0 stands for that of version 1.
   */
  uint32_t struct_size;
  /**
   * The datasus_status that was returned.
   */
  int32_t status;
  /**
   * "DS-422".
   */
  char code[8];
  /**
   * Whether the same call may succeed when it is made again, unchanged.
   */
  bool retryable;
  /**
   * The sentence for people, in the client's language.
   */
  const char *message;
  /**
   * The facts for programs, a JSON object: expected_format, received, did_you_mean, ...
   */
  const char *diagnostic;
  /**
   * All of it, the contract's JSON: error_code, detail, diagnostic, trace_id, retry, retryable, problems, context.
   */
  const char *json;
  /**
   * By which logs and support find it.
   */
  const char *trace_id;
  /**
   * NULL where there is nothing to release; the same as datasus_error_release.
   */
  void (*release)(struct datasus_error *error);
  /**
   * The library's.
   */
  void *private_data;
} datasus_error;

/**
 * A text of the library's: UTF-8, `size` bytes, and a NUL behind them that `size` does not count; there is none inside. To be
 * released with datasus_text_release, by any thread.
 */
typedef struct datasus_text {
  const char *data;
  size_t size;
  /**
   * The library's.
   */
  void *private_data;
} datasus_text;

/**
 * How far a job has come. Where the caller makes it, it sets `struct_size` (0 stands for that of version 1).
 */
typedef struct datasus_progress {
  /**
   * sizeof(datasus_progress) as the caller was compiled.
   */
  uint32_t struct_size;
  /**
   * A datasus_job_state.
   */
  int32_t state;
  /**
   * How full the memory is: 0 normal, 1 conservative (from 70 % on), 2 emergency (from 85 %), 3 maintenance (by hand).
   */
  int32_t mode;
  /**
   * Rows delivered.
   */
  uint64_t rows;
  /**
   * Rows that there will be; -1 while unknown.
   */
  int64_t rows_total;
  /**
   * Bytes of source files that were read to be converted; in phase 4, that have come.
   */
  uint64_t bytes;
  uint64_t files_done;
  uint64_t files_total;
  /**
   * Share of the phase's work done, from 0 to 1, and 1 once the job is complete; -1 while unknown.
   */
  double fraction;
  /**
   * What the job is busy with: 0 it waits, 1 files become Parquet, 2 the engine computes, 3 rows go into files and tables, 4 files
   * are downloaded.
   */
  int32_t phase;
  /**
   * Seconds since the job was submitted, until its end.
   */
  double elapsed_sec;
  /**
   * Seconds that the phase will take at its pace so far; -1 while unknown.
   */
  double remaining_sec;
  /**
   * Bytes that are downloaded or converted in this phase, all in all; -1 in others.
   */
  int64_t bytes_total;
  /**
   * Bytes downloaded a second, on average; -1 in other phases.
   */
  double bytes_per_sec;
} datasus_progress;

/**
 * Called with `user` by a thread of the library's, one call at a time; `progress` is valid during the call. It must not throw,
 * nor call datasus_shut_down.
 */
typedef void (*datasus_event_callback)(const struct datasus_progress *progress, void *user);

/**
 * Called once with `user`, when it is needed no more.
 */
typedef void (*datasus_destructor)(void *user);

/**
 * Called ten times a second or more by the thread that waits; false ends the wait. It must return, and must not throw.
 */
typedef bool (*datasus_keep_going)(void *user);

/**
 * Called with `user` by a thread of the library's, one call at a time; `line`, a JSON object with level, target, message, the
 * event's fields, and trace_id, job_id and stage where they are known, is valid during the call. It must not throw, nor call
 * datasus_shut_down.
 */
typedef void (*datasus_log_callback)(const char *line, void *user);

/**
 * The same with how far the call has come, which is valid during this one.
 */
typedef bool (*Watch)(const struct datasus_progress *progress, void *user);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes a cancel for one call, or for several that are to end together. `cancel` receives the handle, to be released with
 * datasus_cancel_release.
 *
 * # Safety
 * `cancel`: a place for a handle; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_cancel_new(struct datasus_cancel **cancel, struct datasus_error *error);

/**
 * Sets it, for good, and returns at once: calls that it was passed to come back with DS-499, also while the text of SQL is parsed or
 * listings are read, and what they have begun is cancelled as by datasus_job_cancel. Any thread; not from a signal's handler.
 *
 * # Safety
 * `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_cancel_set(struct datasus_cancel *cancel,
                                       struct datasus_error *error);

/**
 * Releases it, whether it was set or not, and whatever it was passed to; NULL is fine. DS-422: released already. Any thread.
 *
 * # Safety
 * Any value is allowed: a handle is looked up, not followed.
 */
enum datasus_status datasus_cancel_release(struct datasus_cancel *cancel);

/**
 * Opens a folder of DBC, DBF or Parquet files in any layout, or one file; only the list of files is read, when a query asks.
 *
 * `config`: a JSON object with any of declared (files of any name by dataset, {"SIH-RD": ["rd_*.parquet"]}; `source` may then be
 * ""), tables (of one's own for SQL, by name: a Parquet or CSV), csv (how these are
 * written, by name: delimiter, encoding, types), lake, output, state, spill, memory_limit, spill_limit, postgres, s3_endpoint, s3_region,
 * s3_path_style, s3_key, s3_secret, s3_token, s3_profile, s3_credentials, s3_ca, s3_proxy, s3_timeout, mirrors, home, refresh,
 * refresh_after, keep_files, max_download, transfers, ca, remote_cache,
 * remote_cache_limit, cache_memory, cache_folder, cache_limit, cache_entry_limit, cache_level, redis, redis_secret, redis_level, redis_ca, redis_ttl,
 * rate_limit, processes, deadline, threads, engine, engine_folder, isolation, worker, max_priority, on_emergency, chunk_rows, verify_crc, language ("pt", "en"); what is left out comes from the DATASUS_* variables,
 * and from the defaults; NULL: all of it. `client` receives the handle, to be released with datasus_client_release. DS-400: config is no
 * JSON, or has an unknown key; DS-404: there is no such folder; DS-422: a setting cannot work.
 *
 * # Safety
 * `source`: a text; `config`: a text or NULL; `client`: a place for a handle; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_open(const char *source,
                                        const char *config,
                                        struct datasus_client **client,
                                        struct datasus_error *error);

/**
 * Releases a client; NULL is fine. Its jobs and streams go on. DS-422: released already. Any thread.
 *
 * # Safety
 * Any value is allowed: a handle is looked up, not followed.
 */
enum datasus_status datasus_client_release(struct datasus_client *client);

/**
 * Starts a query, and returns when it has been checked and queued.
 *
 * `params`: the contract's JSON (datasus_json_schema). `stream` receives the rows, which come as they are taken; its get_schema
 * waits until files are converted and the query has begun (of aggregates and SQL: until their first rows are there). Releasing it before its end cancels the query. `job`, unless it is
 * NULL, receives a handle to watch and cancel it with, from any thread. While the text of SQL is parsed there is none yet: the
 * call comes back within hundredths of a second, at the latest after `options.deadline` or 30 s (DS-504), and
 * datasus_client_query_until can be cancelled meanwhile. DS-400, DS-422: what is wrong with params, every problem
 * at once; DS-429: the queue is full. Everything later is the stream's error (datasus_stream_error): DS-404 missing files, DS-460
 * a damaged one, DS-499 cancelled, DS-504 too late.
 *
 * # Safety
 * `params`: a text; `stream`: a place for an ArrowArrayStream; `job`: NULL or a place for a handle; `error`: NULL or a
 * datasus_error.
 */
enum datasus_status datasus_client_query(struct datasus_client *client,
                                         const char *params,
                                         struct ArrowArrayStream *stream,
                                         struct datasus_job **job,
                                         struct datasus_error *error);

/**
 * The same, until `cancel` is set (datasus_cancel_new, datasus_cancel_set by any thread): the call ends with DS-499, and so does the
 * query that it has started. `cancel` may be NULL, and released once this has returned.
 *
 * # Safety
 * As for datasus_client_query.
 */
enum datasus_status datasus_client_query_until(struct datasus_client *client,
                                               const char *params,
                                               struct datasus_cancel *cancel,
                                               struct ArrowArrayStream *stream,
                                               struct datasus_job **job,
                                               struct datasus_error *error);

/**
 * Starts a query into files or tables, and returns when it has been checked and queued.
 *
 * `sinks`: a JSON list, or one of it: "a.csv" (or .csv.zst, .parquet), {"csv": {"path": "a.csv"}}, {"parquet": {...}},
 * {"postgres": {"table": "sih_data.rd"}}.
 * `job` receives the handle, to be released with datasus_job_release; the job goes on without it. While the text of SQL is parsed
 * there is none yet, as with datasus_client_query. DS-400, DS-422: what is wrong
 * with params or sinks; DS-403: a path outside config's output; DS-409: the target has another shape.
 *
 * # Safety
 * `params`, `sinks`: texts; `job`: a place for a handle; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_submit(struct datasus_client *client,
                                          const char *params,
                                          const char *sinks,
                                          struct datasus_job **job,
                                          struct datasus_error *error);

/**
 * The same, until `cancel` is set, as datasus_client_query_until.
 *
 * # Safety
 * As for datasus_client_submit.
 */
enum datasus_status datasus_client_submit_until(struct datasus_client *client,
                                                const char *params,
                                                const char *sinks,
                                                struct datasus_cancel *cancel,
                                                struct datasus_job **job,
                                                struct datasus_error *error);

/**
 * What a query would read, against what is there, as JSON; converts nothing. The text is the caller's. DS-400, DS-422: what is
 * wrong with params.
 *
 * # Safety
 * `params`: a text; `plan`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_explain(struct datasus_client *client,
                                           const char *params,
                                           struct datasus_text *plan,
                                           struct datasus_error *error);

/**
 * What a query will take, as JSON: rows, bytes, duration and peak memory, each with low, likely and high, between which 90 of 100
 * queries stay. Nothing is fetched, converted or run. The text is the caller's. DS-400, DS-422: what is wrong with params.
 *
 * # Safety
 * `params`: a text; `estimate`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_estimate(struct datasus_client *client,
                                            const char *params,
                                            struct datasus_text *estimate,
                                            struct datasus_error *error);

/**
 * A dataset ("SIH-RD") as the catalogue knows it, as JSON: columns with type, drift and meaning. The text is the caller's.
 * DS-404: no such dataset.
 *
 * # Safety
 * `dataset`: a text; `schema`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_schema(struct datasus_client *client,
                                          const char *dataset,
                                          struct datasus_text *schema,
                                          struct datasus_error *error);

/**
 * Every dataset that there is, whether the source holds any of it or not, as a JSON list. The text is the caller's.
 *
 * # Safety
 * `catalog`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_catalog(struct datasus_client *client,
                                           struct datasus_text *catalog,
                                           struct datasus_error *error);

/**
 * The lists of labels, built in and of fetched kits, as a JSON list: which, of whom, from when. The text is the caller's.
 *
 * # Safety
 * `dictionaries`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_dictionaries(struct datasus_client *client,
                                                struct datasus_text *dictionaries,
                                                struct datasus_error *error);

/**
 * Brings the ministry's kits of labels into the lake; `source`: a tree, a zip or a folder, or NULL for the client's own. `outcome`
 * receives JSON, the caller's: `kits`, `failed`, `absent`. DS-404: no kit is there.
 *
 * # Safety
 * `source`: NULL or a text; `outcome`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_sync_dictionaries(struct datasus_client *client,
                                                     const char *source,
                                                     struct datasus_text *outcome,
                                                     struct datasus_error *error);

/**
 * What the source holds, as JSON: `datasets`, and `ignored`, the files that no query reads, each with the reason. The text is
 * the caller's.
 *
 * # Safety
 * `datasets`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_datasets(struct datasus_client *client,
                                            struct datasus_text *datasets,
                                            struct datasus_error *error);

/**
 * What this client has counted, and the state of the process's queue and memory, in Prometheus' text form. The text is the
 * caller's.
 *
 * # Safety
 * `metrics`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_metrics(struct datasus_client *client,
                                           struct datasus_text *metrics,
                                           struct datasus_error *error);

/**
 * The same in OpenMetrics' text form, with a job's trace_id as exemplar of each bucket of durations and waits. The text is the
 * caller's.
 *
 * # Safety
 * `metrics`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_open_metrics(struct datasus_client *client,
                                                struct datasus_text *metrics,
                                                struct datasus_error *error);

/**
 * Maintenance, for the whole process: 1 on, one job at a time with one thread; 0 off. DS-422: another number.
 *
 * # Safety
 * `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_set_maintenance(struct datasus_client *client, int32_t on, struct datasus_error *error);

/**
 * Releases an error and empties the struct, which can then be used again; an empty one is fine. DS-422: released already, by
 * way of a copy of the struct.
 *
 * # Safety
 * `error` is NULL, or points to a datasus_error that was filled by this library, with zeros, or by DATASUS_ERROR_INIT.
 */
enum datasus_status datasus_error_release(struct datasus_error *error);

/**
 * Tells the changes of a job's state, each in order, and its progress, ten times a second at most; the last call has a final
 * state (completed, failed, cancelled). It goes on when the job's handle is released.
 *
 * `user` belongs to the library from here on, whatever this returns: `destroy`, unless it is NULL, is called with it once,
 * after the last event, by some thread. DS-422: callback is NULL, or the job was released.
 *
 * # Safety
 * `callback`, `destroy`: functions that `user` suits, in any thread; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_job_on_event(struct datasus_job *job,
                                         datasus_event_callback callback,
                                         void *user,
                                         datasus_destructor destroy,
                                         struct datasus_error *error);

/**
 * The ABI version of the library that was loaded. Equal to DATASUS_ABI_VERSION, or the header is another library's; functions
 * and fields at the end of structs are added without changing it. Any thread.
 */
uint32_t datasus_abi_version(void);

/**
 * The JSON Schema of `params`; the text is the caller's.
 *
 * # Safety
 * `schema`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_json_schema(struct datasus_text *schema, struct datasus_error *error);

/**
 * Cancels what runs, waits two seconds for it at most, and ends the events; no job is taken any more. To be called before the
 * library's users go (a plugin that is unloaded, a runtime that ends); when the process exits it is called by itself. Handles,
 * texts and errors stay and are still to be released. Any thread, but none inside a callback.
 */
enum datasus_status datasus_shut_down(void);

/**
 * The job's id, a ULID, by which datasus_client_resume and others find it. The text is the caller's.
 *
 * # Safety
 * `id`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_job_id(struct datasus_job *job, struct datasus_text *id, struct datasus_error *error);

/**
 * State and progress, now; does not wait.
 *
 * # Safety
 * `progress`: a datasus_progress with its struct_size set; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_job_status(struct datasus_job *job, struct datasus_progress *progress, struct datasus_error *error);

/**
 * Asks the job to stop, and returns at once: its stream and datasus_job_wait end with DS-499, within 100 ms. Nothing of it
 * stays. A job that has ended stays as it is. Any thread; not from a signal's handler.
 *
 * # Safety
 * `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_job_cancel(struct datasus_job *job, struct datasus_error *error);

/**
 * The same as datasus_job_cancel, but what the job has written into files and tables is kept: its error names it, and
 * datasus_client_resume goes on where it stopped. For a program that Ctrl-C ends.
 *
 * # Safety
 * `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_job_interrupt(struct datasus_job *job, struct datasus_error *error);

/**
 * Waits for the job's end, `timeout_ms` milliseconds at most (0: not at all; negative: for as long as it takes).
 *
 * DATASUS_STATUS_OK: it is complete, and `report`, unless that is NULL, received the report as JSON, the caller's.
 * DATASUS_STATUS_NOT_YET: it goes on. Anything else is how the job failed, in `error`, every time it is asked. A query is
 * complete when its rows have been taken: one thread that waits before it reads them waits for ever.
 *
 * # Safety
 * `report`: NULL or a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_job_wait(struct datasus_job *job,
                                     int64_t timeout_ms,
                                     struct datasus_text *report,
                                     struct datasus_error *error);

/**
 * Releases the handle; NULL is fine. The job goes on. DS-422: released already. Any thread.
 *
 * # Safety
 * Any value is allowed: a handle is looked up, not followed.
 */
enum datasus_status datasus_job_release(struct datasus_job *job);

/**
 * What is in the columns of a dataset, and waits for it: NULLs, different values, range, the most frequent with their labels, codes
 * without one, values that did not parse, changes over competências, and warnings for who analyses it. `params`: the contract's JSON,
 * of which dataset, uf, competencia, columns, filters and options count. `keep_going`, unless it is NULL, is called meanwhile by the
 * calling thread, with `user`; once it says false the call ends with DS-499. `profile` receives JSON, the caller's; `rows`, unless it
 * is NULL, the same as rows, one a column. DS-422: SQL, aggregates, an order or a limit; DS-404, DS-460, DS-504 as for a query.
 *
 * # Safety
 * `params`: a text; `keep_going`: NULL or a function that `user` suits; `profile`: a place for a datasus_text; `rows`: NULL or a
 * place for an ArrowArrayStream; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_profile(struct datasus_client *client,
                                           const char *params,
                                           datasus_keep_going keep_going,
                                           void *user,
                                           struct datasus_text *profile,
                                           struct ArrowArrayStream *rows,
                                           struct datasus_error *error);

/**
 * Crude and age-standardised rates of events by municipality of residence, as JSON. `params`: a JSON object of events (a query: dataset,
 * uf, competencia, where), population (a query; left out: IBGE-POPSVS of the events' year), standard (a table of one's own; left out:
 * the whole country) and per (100000). The text is the caller's. DS-400, DS-422: what is wrong with params; DS-404: events in a
 * municipality whose population is missing, and as for a query.
 *
 * # Safety
 * `params`: a text; `rates`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_rates(struct datasus_client *client,
                                         const char *params,
                                         struct datasus_text *rates,
                                         struct datasus_error *error);

/**
 * The columns in whose names, meanings or labels all of `words` are, the best first, as a JSON list: of one dataset, or of the whole
 * catalogue where `dataset` is NULL. Neither case nor accents count. The text is the caller's. DS-404: no such dataset.
 *
 * # Safety
 * `words`: a text; `dataset`: NULL or a text; `found`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_search(struct datasus_client *client,
                                          const char *words,
                                          const char *dataset,
                                          struct datasus_text *found,
                                          struct datasus_error *error);

/**
 * Sends log lines to `callback`: of level 1 (errors), and also 2 (warnings), 3 (what jobs do), 4 (debug) or 5 (trace); 0 or a NULL
 * callback: none any more. One listener for the process; a new one takes the place of the old. Without one nothing is logged,
 * and nothing is ever printed.
 *
 * `user` belongs to the library from here on, whatever this returns: `destroy`, unless it is NULL, is called with it once, after
 * the last call. A host that is slow loses lines, and no job waits for it. DS-422: another level.
 *
 * # Safety
 * `callback`, `destroy`: functions that `user` suits, in any thread; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_set_log(int32_t level,
                                    datasus_log_callback callback,
                                    void *user,
                                    datasus_destructor destroy,
                                    struct datasus_error *error);

/**
 * Reads one DBC or DBF file as rows, without a client or a lake.
 *
 * `options`: a JSON object with any of columns (a list of names, labels and derived columns such as idade_anos among them), dataset
 * ("SIH-RD", where the file's name does not tell), typed (true: the catalogue's types; false: all text), verify_crc, batch_rows,
 * encoding ("latin-1", "cp850", "cp1252", "utf-8", "auto"; left out: Latin-1 for files of the catalogue, else auto), partial (true:
 * fewer records than declared are no error), labels (true, or a list of columns: words for codes beside them; the summary counts
 * codes without one), labels_only (true: in their place); NULL: none.
 * `stream` receives the rows; a damaged file ends it with DS-460, and datasus_stream_summary says what was noticed.
 * DS-400: options is no JSON or has an unknown key; DS-404: no such file; DS-422: no such column, dataset or encoding;
 * DS-460: not a DBC or DBF, or a column of a type that is not read.
 *
 * # Safety
 * `path`: a text; `options`: NULL or a text; `stream`: a place for an ArrowArrayStream; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_read_dbc(const char *path,
                                     const char *options,
                                     struct ArrowArrayStream *stream,
                                     struct datasus_error *error);

/**
 * Writes made-up files of several datasets into `folder`, `rows` records each, the same on every machine; files that are there
 * stay as they are. DS-403, DS-507: the folder cannot be written.
 *
 * # Safety
 * `folder`: a text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_write_example_data(const char *folder, uint32_t rows, struct datasus_error *error);

/**
 * Goes on with a job where it stopped, in this process or an earlier one: nothing is lost, and nothing comes twice. `job`
 * receives a handle. DS-404: the job left nothing; DS-409: it runs, or cannot go on exactly.
 *
 * # Safety
 * `job_id`: a text; `job`: a place for a handle; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_resume(struct datasus_client *client,
                                          const char *job_id,
                                          struct datasus_job **job,
                                          struct datasus_error *error);

/**
 * The same, until `cancel` is set, as datasus_client_query_until: the call ends with DS-499, and so does the job that goes on.
 *
 * # Safety
 * As for datasus_client_resume.
 */
enum datasus_status datasus_client_resume_until(struct datasus_client *client,
                                                const char *job_id,
                                                struct datasus_cancel *cancel,
                                                struct datasus_job **job,
                                                struct datasus_error *error);

/**
 * The jobs that earlier processes left or that run now, as a JSON list; the text is the caller's.
 *
 * # Safety
 * `jobs`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_jobs(struct datasus_client *client, struct datasus_text *jobs, struct datasus_error *error);

/**
 * Gives a job up, with what it left in its targets; rows that were published stay. DS-404: no such job; DS-409: it runs.
 *
 * # Safety
 * `job_id`: a text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_discard(struct datasus_client *client, const char *job_id, struct datasus_error *error);

/**
 * The records of a job that were not taken, as a JSON list: reason, sqlstate, source file and row, column, raw value. The text
 * is the caller's. DS-404: no such job.
 *
 * # Safety
 * `job_id`: a text; `letters`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_dead_letters(struct datasus_client *client,
                                                const char *job_id,
                                                struct datasus_text *letters,
                                                struct datasus_error *error);

/**
 * The same as a Parquet file below config's output; `count`, unless it is NULL, receives how many there are. DS-403: a path
 * outside; DS-404: no such job.
 *
 * # Safety
 * `job_id`, `path`: texts; `count`: NULL or a place for a number; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_export_dead_letters(struct datasus_client *client,
                                                       const char *job_id,
                                                       const char *path,
                                                       uint64_t *count,
                                                       struct datasus_error *error);

/**
 * Sends the dead letters of a completed job to their table once more; `outcome` receives JSON. The text is the caller's.
 *
 * # Safety
 * `job_id`: a text; `outcome`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_replay(struct datasus_client *client,
                                          const char *job_id,
                                          struct datasus_text *outcome,
                                          struct datasus_error *error);

/**
 * The error with which a stream of this library failed, whole: `get_last_error` has its sentence only. Returns its status, and
 * fills `error` as the failed call would have; DATASUS_STATUS_OK for a stream that has not failed. DS-422: not a stream of this
 * library, or released. Any thread, also after the struct was moved.
 *
 * # Safety
 * `stream` is NULL or points to an ArrowArrayStream; `error` is NULL or points to a datasus_error.
 */
enum datasus_status datasus_stream_error(struct ArrowArrayStream *stream, struct datasus_error *error);

/**
 * What is to be said after the last row, as JSON: of a query its report, of datasus_read_dbc rows, crc, sha256, rows_deleted,
 * rows_rejected, bad_values, normalised, warnings. The text is the caller's. DS-409: rows are left; the stream's own error where it
 * failed. Any thread.
 *
 * # Safety
 * `stream` is NULL or points to an ArrowArrayStream; `summary` to a datasus_text; `error` is NULL or points to a datasus_error.
 */
enum datasus_status datasus_stream_summary(struct ArrowArrayStream *stream,
                                           struct datasus_text *summary,
                                           struct datasus_error *error);

/**
 * Fetches and converts ahead of a query, and waits for it; `params`: a query, or a list of them, of which only dataset, uf and
 * competencia count; without a dataset it is all that the source holds. `keep_going`, unless it is
 * NULL, is called meanwhile by the calling thread, with `user`; once it says false the call ends with DS-499, and files that
 * were converted by then stay. `outcome` receives JSON, the caller's. DS-460: a damaged file.
 *
 * # Safety
 * `params`: a text; `keep_going`: NULL or a function that `user` suits; `outcome`: a place for a datasus_text; `error`: NULL or
 * a datasus_error.
 */
enum datasus_status datasus_client_sync(struct datasus_client *client,
                                        const char *params,
                                        datasus_keep_going keep_going,
                                        void *user,
                                        struct datasus_text *outcome,
                                        struct datasus_error *error);

/**
 * datasus_client_sync with a function that is told how far it has come: files, bytes, pace and the time that is left (phase 4 while files
 * are downloaded). `watch`, unless it is NULL, is called by the calling thread with `user`, ten times a second or more, and once
 * when all is there; once it says false the call ends with DS-499, and files that were converted by then stay.
 *
 * # Safety
 * `params`: a text; `watch`: NULL or a function that `user` suits; `outcome`: a place for a datasus_text; `error`: NULL or a
 * datasus_error.
 */
enum datasus_status datasus_client_sync_watched(struct datasus_client *client,
                                                const char *params,
                                                Watch watch,
                                                void *user,
                                                struct datasus_text *outcome,
                                                struct datasus_error *error);

/**
 * What datasus_client_sync would fetch and convert, of the same `params`: files, bytes, what is here, what has changed, what is
 * preliminary. No file is fetched. `plan` receives JSON, the caller's.
 *
 * # Safety
 * `params`: a text; `plan`: a place for a datasus_text; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_plan_sync(struct datasus_client *client,
                                             const char *params,
                                             struct datasus_text *plan,
                                             struct datasus_error *error);

/**
 * Takes the rows of a stream as a table, which SQL may read under `name` from now on, in the place of one that was given before. They
 * are copied once, beside the lake, before this returns, and never changed. `stream` belongs to the library from here on, whatever this
 * returns: it is left released. DS-422: no name for a table, a table of the catalogue, or a stream that is released or fails.
 *
 * # Safety
 * `name`: a text; `stream`: an ArrowArrayStream; `error`: NULL or a datasus_error.
 */
enum datasus_status datasus_client_add_table(struct datasus_client *client,
                                             const char *name,
                                             struct ArrowArrayStream *stream,
                                             struct datasus_error *error);

/**
 * Releases a text and empties the struct; an empty one is fine. DS-422: released already, by way of a copy of the struct.
 *
 * # Safety
 * `text` is NULL, or points to a datasus_text that was filled by this library or with zeros.
 */
enum datasus_status datasus_text_release(struct datasus_text *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DATASUS_H */
