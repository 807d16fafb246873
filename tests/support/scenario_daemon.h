/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real binary ($SLUICE_BIN, else bin/sluice) as a child process: started with a configuration,
 * watched through a pipe that takes its stdout and stderr, scraped, stopped. Every wait ends with an
 * event or, after a deadline, with a failed test that shows the output. $SLUICE_TEST_SHARDS sets
 * --shards (1).
 */
#ifndef SLUICE_TESTS_SCENARIO_DAEMON_H
#define SLUICE_TESTS_SCENARIO_DAEMON_H

#include "pipeline/base/buf.h"

#include <stdint.h>

enum { DAEMON_DEADLINE_MS = 60000, DAEMON_ARGS_MAX = 32 };

struct daemon;

/*
 * Starts it with ${config} (YAML; listeners on port 0) and waits until it is ready. ${args}: further
 * arguments, NULL-terminated, or NULL.
 */
struct daemon *daemon_start(const char *config, const char *const *args);

/* Ports that were bound, as its log says; 0 when that protocol or extension is off. */
uint16_t daemon_grpc_port(const struct daemon *daemon);
uint16_t daemon_http_port(const struct daemon *daemon);
uint16_t daemon_health_port(const struct daemon *daemon);

/* All that it has written so far. */
const char *daemon_output(struct daemon *daemon);

/* Fails the test unless each line is a JSON object with level, ts and msg: for `encoding: json`. */
void daemon_assert_json_lines(struct daemon *daemon);

/* Waits until ${text} is in the output. */
void daemon_wait_output(struct daemon *daemon, const char *text);

/* The sum of all series whose line begins with ${prefix}, e.g. "otelcol_exporter_sent_spans{". */
double daemon_metric(struct daemon *daemon, const char *prefix);

/* Waits until that sum is ${value}. */
void daemon_wait_metric(struct daemon *daemon, const char *prefix, double value);

/* The whole metrics page, appended to ${page}. */
void daemon_scrape(struct daemon *daemon, struct buf *page);

/* Sends ${signal} without waiting. */
void daemon_signal(struct daemon *daemon, int signal);

/* Waits for its end; returns the exit code, or 128 + signal. */
int daemon_wait_exit(struct daemon *daemon);

/* Fills the pipe that takes its output: from here on nobody reads, until the next wait. */
void daemon_stop_reading(struct daemon *daemon);

/* As daemon_wait_exit, without reading what it writes. */
int daemon_wait_exit_unread(struct daemon *daemon);

/* SIGTERM, waits, frees. Returns the exit code. */
int daemon_stop(struct daemon *daemon);

/* Fails the test when ${canary} stands anywhere in the output. */
void daemon_assert_silent_about(struct daemon *daemon, const char *canary);

/* Starts the binary with ${args} alone (NULL-terminated, without the name) and waits for nothing. */
struct daemon *daemon_spawn(const char *const *args);

/* Runs the binary with ${args} (NULL-terminated, without the name) to its end; its stdout and
 * stderr are appended to ${output}. Returns the exit code. */
int daemon_run(const char *const *args, struct buf *output);

#endif
