/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logger formats each line into one buffer under one lock and hands it to write(2) in one call,
 * so lines of different threads never mix and a steady state allocates nothing.
 *
 * Sampling counts equal messages (level and text) in a fixed table over intervals that are common
 * to all of them. When an interval ends, with the first line after it or with logger_free, one line
 * per message says how many were left out. Messages are constants, so the table cannot be flooded;
 * one that finds no slot is written unsampled.
 *
 * Limits: a string value is cut at FIELD_BYTES_MAX. A line that the file descriptor does not take
 * (full disk, closed pipe, no memory) is lost: the log must never stop the pipeline. For a reader
 * that has stopped all lines together wait PATIENCE_NS in each PATIENCE_PERIOD_NS, then lines are
 * lost as well; they are counted, and the first line that gets through says how many. There are no
 * stack traces.
 */
#include "pipeline/base/log.h"

#include "pipeline/base/buf.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/fd_write.h"
#include "pipeline/base/hash.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	FIELD_BYTES_MAX = 8192, /* of one string value, before escaping */
	SAMPLE_SLOTS = 1024,	/* power of two, several times the program's messages */
	SAMPLE_PROBES = 16,
};

static const uint64_t PATIENCE_NS = 200 * NS_PER_MS;
static const uint64_t PATIENCE_PERIOD_NS = 10 * NS_PER_S;
static const uint64_t RENEWED_PATIENCE_NS = NS_PER_S;

_Static_assert((SAMPLE_SLOTS & (SAMPLE_SLOTS - 1)) == 0, "slots are chosen by masking a hash");

/* The comma and colon of JSON in its two dresses: console lines have spaces after them. */
struct json_style {
	const char *comma, *colon;
};

static const struct json_style json_styles[LOG_ENCODING_COUNT] = {
	[LOG_CONSOLE] = {", ", ": "},
	[LOG_JSON] = {",", ":"},
};

static const char *const level_names[LOG_LEVEL_COUNT] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

struct sample {
	uint64_t count;	   /* lines of this message in the interval; 0 = free slot */
	uint64_t left_out; /* of them not written */
	struct slice message;
	enum log_level level;
};

struct logger {
	/* immutable after logger_new */
	struct logger_config config;
	struct hash_key hash_key;
	struct buf common; /* resource and initial fields as JSON members, in the log's style */
	struct fd_writer writer;

	_Atomic uint64_t lost; /* lines that were not written, or not wholly */

	/* locked by mutex */
	pthread_mutex_t mutex;
	struct buf line;
	uint64_t interval_end_ns; /* monotonic */
	uint64_t patience_ns;	  /* left until... */
	uint64_t patience_end_ns; /* ...this; monotonic */
	uint64_t lost_told;	  /* of `lost`, by a line that got through */
	bool cut;		  /* the last line was written in part: its end is missing */
	struct sample samples[SAMPLE_SLOTS];
};

/* ---- JSON members ------------------------------------------------------------------------- */

/* ${start} is where the object's first member begins in ${out}: no comma before that one. */
static void append_key(struct buf *out, struct json_style style, size_t start, const char *key)
{
	if (out->len > start)
		buf_append_str(out, style.comma);
	buf_append_byte(out, '"');
	buf_append_json(out, slice_str(key));
	buf_append_byte(out, '"');
	buf_append_str(out, style.colon);
}

static void append_string(struct buf *out, struct slice text)
{
	bool cut = text.len > FIELD_BYTES_MAX;
	buf_append_byte(out, '"');
	buf_append_json(out, cut ? slice_of(text.ptr, FIELD_BYTES_MAX) : text);
	buf_append_str(out, cut ? "...\"" : "\"");
}

/* JSON has no word for infinities and NaN: strings, as the Collector's logger prints them. */
static void append_double(struct buf *out, double value)
{
	if (isnan(value))
		buf_append_str(out, "\"NaN\"");
	else if (isinf(value))
		buf_append_str(out, value > 0 ? "\"+Inf\"" : "\"-Inf\"");
	else
		buf_append_double(out, value);
}

static void append_field(struct buf *out, struct json_style style, size_t start,
			 const struct log_field *field)
{
	append_key(out, style, start, field->name);
	switch (field->type) {
	case LOG_FIELD_MSG:
	case LOG_FIELD_STR: append_string(out, field->str); return;
	case LOG_FIELD_INT: buf_printf(out, "%lld", (long long)field->i); return;
	case LOG_FIELD_UINT: buf_printf(out, "%llu", (unsigned long long)field->u); return;
	case LOG_FIELD_DOUBLE: append_double(out, field->d); return;
	case LOG_FIELD_BOOL: buf_append_str(out, field->u ? "true" : "false"); return;
	case LOG_FIELD_TYPE_COUNT: return;
	}
}

static void append_common(struct buf *out, const struct logger_config *config)
{
	struct json_style style = json_styles[config->encoding];
	if (config->resource_count > 0) {
		append_key(out, style, 0, "resource");
		buf_append_byte(out, '{');
		size_t start = out->len;
		for (size_t i = 0; i < config->resource_count; i++)
			append_field(out, style, start, &config->resource[i]);
		buf_append_byte(out, '}');
	}
	for (size_t i = 0; i < config->initial_count; i++)
		append_field(out, style, 0, &config->initial[i]);
}

static void append_component(struct buf *out, struct json_style style, size_t start,
			     const struct log *log)
{
	if (!log->kind)
		return;
	append_field(out, style, start,
		     &(struct log_field)LOG_STR("otelcol.component.id", log->id));
	append_field(out, style, start,
		     &(struct log_field)LOG_STR("otelcol.component.kind", log->kind));
	/* Extensions stand beside the pipelines; all other kinds handle the one signal we have. */
	if (strcmp(log->kind, "extension") != 0)
		append_field(out, style, start,
			     &(struct log_field)LOG_STR("otelcol.signal", "traces"));
}

/* Everything after the message: common members, who speaks, the call's own fields. */
static void append_members(struct buf *out, const struct logger *logger, const struct log *log,
			   size_t start, const struct log_field *fields, size_t field_count)
{
	struct json_style style = json_styles[logger->config.encoding];
	if (logger->common.len > 0 && out->len > start)
		buf_append_str(out, style.comma);
	buf_append(out, buf_slice(&logger->common));
	append_component(out, style, start, log);
	for (size_t i = 1; i < field_count; i++)
		append_field(out, style, start, &fields[i]);
}

/* ---- lines -------------------------------------------------------------------------------- */

/* ISO 8601 in UTC with milliseconds. */
static void append_time(struct buf *out, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm utc;
	if (!gmtime_r(&seconds, &utc))
		return; /* a year beyond int: no clock of ours */
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", utc.tm_year + 1900, utc.tm_mon + 1,
		   utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
		   (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
}

/* The folder and file of a source path: "receivers/otlp/grpc.c:7" gives "otlp/grpc.c:7". */
static const char *short_caller(const char *caller)
{
	const char *before_last = caller, *last = caller;
	for (const char *at = caller; *at; at++) {
		if (*at == '/') {
			before_last = last;
			last = at + 1;
		}
	}
	return before_last;
}

static void append_console(struct buf *out, const struct logger *logger, const struct log *log,
			   enum log_level level, const char *caller, const struct log_field *fields,
			   size_t field_count)
{
	append_time(out, logger->config.wall_ns());
	buf_printf(out, "\t%s\t", level_names[level]);
	if (!logger->config.disable_caller)
		buf_printf(out, "%s\t", short_caller(caller));
	buf_append(out, fields[0].str);
	size_t bare = out->len;
	buf_append_str(out, "\t{");
	size_t start = out->len;
	append_members(out, logger, log, start, fields, field_count);
	if (out->len == start)
		out->len = bare; /* a line without fields ends with its message */
	else
		buf_append_byte(out, '}');
	buf_append_byte(out, '\n');
}

static void append_json(struct buf *out, const struct logger *logger, const struct log *log,
			enum log_level level, const char *caller, const struct log_field *fields,
			size_t field_count)
{
	struct json_style style = json_styles[LOG_JSON];
	buf_append_byte(out, '{');
	size_t start = out->len;
	append_field(out, style, start, &(struct log_field)LOG_STR("level", level_names[level]));
	append_key(out, style, start, "ts");
	buf_append_byte(out, '"');
	append_time(out, logger->config.wall_ns());
	buf_append_byte(out, '"');
	if (!logger->config.disable_caller)
		append_field(out, style, start,
			     &(struct log_field)LOG_STR("caller", short_caller(caller)));
	append_field(out, style, start, &(struct log_field)LOG_SLICE("msg", fields[0].str));
	append_members(out, logger, log, start, fields, field_count);
	buf_append_str(out, "}\n");
}

/* Hands the line over. False when it was lost. */
static bool hand_over(struct logger *logger)
{
	uint64_t now = logger->config.monotonic_ns();
	if (now >= logger->patience_end_ns) {
		logger->patience_ns = PATIENCE_NS;
		logger->patience_end_ns = now + PATIENCE_PERIOD_NS;
	}
	struct slice bytes = buf_slice(&logger->line);
	if (logger->cut && fd_write(&logger->writer, SLICE("\n"), &logger->patience_ns) == 0)
		return false;
	size_t taken = fd_write(&logger->writer, bytes, &logger->patience_ns);
	logger->cut = taken > 0 && taken < bytes.len;
	return taken == bytes.len;
}

static bool write_line(struct logger *logger, const struct log *log, enum log_level level,
		       const char *caller, const struct log_field *fields, size_t field_count)
{
	buf_reset(&logger->line);
	if (logger->config.encoding == LOG_JSON)
		append_json(&logger->line, logger, log, level, caller, fields, field_count);
	else
		append_console(&logger->line, logger, log, level, caller, fields, field_count);
	if (!logger->line.failed && hand_over(logger))
		return true;
	atomic_fetch_add_explicit(&logger->lost, 1, memory_order_relaxed);
	return false;
}

/* Says how many lines were lost since the last time, as soon as somebody reads again. */
static void report_lost(struct logger *logger)
{
	uint64_t lost = logger_lost_lines(logger);
	const struct log service = {.logger = logger};
	const struct log_field fields[] = {
		LOG_MSG("Log lines were lost: nobody read them"),
		LOG_UINT("lost", lost - logger->lost_told),
	};
	if (write_line(logger, &service, LOG_LEVEL_WARN, __FILE__ ":" LOG_TEXT_OF(__LINE__), fields,
		       ARRAY_COUNT(fields)))
		logger->lost_told = lost;
	else /* the report itself is no loss */
		atomic_fetch_sub_explicit(&logger->lost, 1, memory_order_relaxed);
}

/* ---- sampling ----------------------------------------------------------------------------- */

static void report_left_out(struct logger *logger)
{
	const struct log service = {.logger = logger};
	for (size_t i = 0; i < SAMPLE_SLOTS; i++) {
		const struct sample *sample = &logger->samples[i];
		if (sample->left_out == 0)
			continue;
		const struct log_field fields[] = {
			LOG_MSG("Equal log lines were left out"),
			LOG_SLICE("message", sample->message),
			LOG_UINT("left_out", sample->left_out),
		};
		(void)write_line(logger, &service, sample->level,
				 __FILE__ ":" LOG_TEXT_OF(__LINE__), fields, ARRAY_COUNT(fields));
	}
}

static struct sample *find_sample(struct logger *logger, enum log_level level, struct slice message)
{
	uint64_t hash = hash_bytes(logger->hash_key, message.ptr, message.len);
	for (uint64_t probe = 0; probe < SAMPLE_PROBES; probe++) {
		struct sample *sample = &logger->samples[(hash + probe) & (SAMPLE_SLOTS - 1)];
		if (sample->count == 0) {
			sample->message = message;
			sample->level = level;
			return sample;
		}
		if (sample->level == level && slice_equal(sample->message, message))
			return sample;
	}
	return NULL;
}

/* Counts one line of ${message}; true when it is to be written. */
static bool sample_pass(struct logger *logger, enum log_level level, struct slice message)
{
	const struct logger_config *config = &logger->config;
	uint64_t now = config->monotonic_ns();
	if (now >= logger->interval_end_ns) {
		report_left_out(logger);
		memset(logger->samples, 0, sizeof(logger->samples));
		logger->interval_end_ns = now + config->sampling_tick_ns;
	}
	struct sample *sample = find_sample(logger, level, message);
	if (!sample)
		return true;
	sample->count++;
	if (sample->count <= config->sampling_initial)
		return true;
	if (config->sampling_thereafter > 0 &&
	    (sample->count - config->sampling_initial) % config->sampling_thereafter == 0)
		return true;
	sample->left_out++;
	return false;
}

/* ---- life --------------------------------------------------------------------------------- */

struct logger_config logger_config_default(void)
{
	return (struct logger_config){
		.fd = STDERR_FILENO,
		.level = LOG_LEVEL_INFO,
		.encoding = LOG_CONSOLE,
		.sampling = true,
		.sampling_tick_ns = 10 * NS_PER_S,
		.sampling_initial = 10,
		.sampling_thereafter = 100,
	};
}

struct logger *logger_new(const struct logger_config *config)
{
	struct logger *logger = calloc(1, sizeof(*logger));
	if (!logger)
		return NULL;
	logger->config = *config;
	if (!config->wall_ns)
		logger->config.wall_ns = clock_wall_ns;
	if (!config->monotonic_ns)
		logger->config.monotonic_ns = clock_monotonic_ns;
	logger->hash_key = hash_key_random();
	logger->writer = fd_writer_of(config->fd);
	append_common(&logger->common, config);
	if (logger->common.failed || pthread_mutex_init(&logger->mutex, NULL) != 0) {
		buf_fini(&logger->common);
		free(logger);
		return NULL;
	}
	return logger;
}

void logger_free(struct logger *logger)
{
	if (!logger)
		return;
	report_left_out(logger);
	(void)pthread_mutex_destroy(&logger->mutex); /* unlocked by contract: nobody logs now */
	buf_fini(&logger->common);
	buf_fini(&logger->line);
	free(logger);
}

uint64_t logger_lost_lines(const struct logger *logger)
{
	return logger ? atomic_load_explicit(&logger->lost, memory_order_relaxed) : 0;
}

void logger_renew_patience(struct logger *logger)
{
	if (!logger)
		return;
	(void)pthread_mutex_lock(&logger->mutex); /* fails only for misuse */
	logger->patience_ns = RENEWED_PATIENCE_NS;
	logger->patience_end_ns = logger->config.monotonic_ns() + PATIENCE_PERIOD_NS;
	(void)pthread_mutex_unlock(&logger->mutex);
}

bool log_enabled(const struct log *log, enum log_level level)
{
	return log && log->logger && level >= log->logger->config.level;
}

void log_write(const struct log *log, enum log_level level, const char *caller,
	       const struct log_field *fields, size_t field_count)
{
	if (!log_enabled(log, level))
		return;
	struct logger *logger = log->logger;
	(void)pthread_mutex_lock(&logger->mutex); /* fails only for misuse */
	bool report = fields[0].u != 0;
	if (!logger->config.sampling || report || sample_pass(logger, level, fields[0].str)) {
		if (logger_lost_lines(logger) != logger->lost_told)
			report_lost(logger);
		(void)write_line(logger, log, level, caller, fields, field_count);
	}
	(void)pthread_mutex_unlock(&logger->mutex);
}
