/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's log: lines on a file descriptor (stderr unless told), in the two shapes of the
 * Collector's logger: console (tab-separated) and JSON. Messages are constant texts that people and
 * tools grep for; everything variable is a field. Fields carry only what the operator wrote
 * (configuration), what we counted, and fixed words: no text from a peer, no attribute value.
 *
 * A line is handed over before the call returns, but a reader that has stopped holds nobody up for
 * long: lines are lost then, and counted.
 *
 * Equal messages are sampled: the first `initial` of each interval are written, then every
 * `thereafter`-th, and a line says how many were left out. Thread-safe.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

enum log_level {
	LOG_LEVEL_DEBUG = 0,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_COUNT
};

enum log_encoding { LOG_CONSOLE = 0, LOG_JSON, LOG_ENCODING_COUNT };

enum log_field_type {
	LOG_FIELD_MSG = 0,
	LOG_FIELD_STR,
	LOG_FIELD_INT,
	LOG_FIELD_UINT,
	LOG_FIELD_DOUBLE,
	LOG_FIELD_BOOL,
	LOG_FIELD_TYPE_COUNT
};

struct log_field {
	const char *name;
	enum log_field_type type;
	struct slice str;
	int64_t i;
	uint64_t u;
	double d;
};

/* clang-format off */
#define LOG_MSG(text) {.type = LOG_FIELD_MSG, .str = SLICE_INIT(text)}
/* A line that comes by the clock, not by the traffic: written whatever the sampling says. */
#define LOG_REPORT(text) {.type = LOG_FIELD_MSG, .str = SLICE_INIT(text), .u = 1}
#define LOG_STR(key, text) {.name = (key), .type = LOG_FIELD_STR, .str = slice_str(text)}
#define LOG_SLICE(key, slice) {.name = (key), .type = LOG_FIELD_STR, .str = (slice)}
#define LOG_INT(key, value) {.name = (key), .type = LOG_FIELD_INT, .i = (value)}
#define LOG_UINT(key, value) {.name = (key), .type = LOG_FIELD_UINT, .u = (value)}
#define LOG_DOUBLE(key, value) {.name = (key), .type = LOG_FIELD_DOUBLE, .d = (value)}
#define LOG_BOOL(key, value) {.name = (key), .type = LOG_FIELD_BOOL, .u = (value)}
/* The text of a struct err that holds no peer text. */
#define LOG_ERR(err) {.name = "error", .type = LOG_FIELD_STR, .str = slice_str((err)->msg)}
/* clang-format on */

struct logger; /* the sink: one per process */

/* Who speaks. Immutable after it is made; name pointers are borrowed and outlive the log. */
struct log {
	struct logger *logger;
	const char *kind; /* "receiver", "processor", "exporter", "extension"; NULL: the service */
	const char *id;	  /* the component id, e.g. "otlp/in"; NULL: the service */
};

/* Nanoseconds now; see clock.h. */
typedef uint64_t log_clock(void);

struct logger_config {
	int fd; /* borrowed */
	enum log_level level;
	enum log_encoding encoding;
	bool disable_caller;
	bool sampling;		      /* default on: 10 s, 10, 100 */
	uint64_t sampling_tick_ns;    /* interval */
	uint32_t sampling_initial;    /* lines of equal message per interval before sampling */
	uint32_t sampling_thereafter; /* then one of so many; 0 = none */
	/* Both lists are printed once here and not kept. */
	const struct log_field *resource; /* members of the "resource" object of each line */
	size_t resource_count;
	const struct log_field *initial; /* service.telemetry.logs.initial_fields */
	size_t initial_count;
	log_clock *wall_ns, *monotonic_ns; /* NULL: the real ones */
};

struct logger_config logger_config_default(void);
MUST_CHECK struct logger *logger_new(const struct logger_config *config);
void logger_free(struct logger *logger);

/* Lines that did not reach the file descriptor, wholly or in part; 0 for NULL. Any thread. */
uint64_t logger_lost_lines(const struct logger *logger);

/* Lets the lines that follow wait for a slow reader, up to a second in all, whatever was waited
 * before: for the shutdown messages, which say what was lost. NULL: nothing happens. Any thread. */
void logger_renew_patience(struct logger *logger);

bool log_enabled(const struct log *log, enum log_level level);

/* Writes one line: fields[0] is the message (LOG_MSG). A NULL ${log} or logger writes nothing. */
void log_write(const struct log *log, enum log_level level, const char *caller,
	       const struct log_field *fields, size_t field_count);

#define LOG_TEXT_OF_(x) #x
#define LOG_TEXT_OF(x) LOG_TEXT_OF_(x)
#define LOG_AT(log, level, ...)                                                                    \
	log_write((log), (level), __FILE__ ":" LOG_TEXT_OF(__LINE__),                              \
		  (const struct log_field[]){__VA_ARGS__},                                         \
		  sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* Usage: log_info(&self->log, LOG_MSG("Starting GRPC server"), LOG_STR("endpoint", endpoint)); */
#define log_debug(log, ...) LOG_AT(log, LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(log, ...) LOG_AT(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(log, ...) LOG_AT(log, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(log, ...) LOG_AT(log, LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
