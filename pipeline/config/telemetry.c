/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.telemetry: what the program tells about itself. All keys of the Collector are accepted;
 * those without effect here are marked as such in the tables below, from which the reference
 * documentation is printed.
 */
#include "pipeline/config/internal.h"

#include "pipeline/base/log.h"

#include <strings.h>

enum { METRICS_NONE = 0, METRICS_BASIC, METRICS_NORMAL, METRICS_DETAILED };

struct sampling {
	bool enabled;
	uint64_t tick_ns;
	uint32_t initial, thereafter;
};

struct logs {
	const char *level;
	int encoding;
	struct sampling sampling;
};

struct exporter {
	bool has_prometheus;
	struct config_prometheus prometheus;
};

struct pull {
	struct exporter exporter;
};

struct reader {
	bool has_pull;
	struct pull pull;
	const struct config_node *periodic;
};

struct metrics {
	const char *level, *address;
	struct config_blocks readers;
};

struct telemetry {
	struct logs logs;
	struct metrics metrics;
};

static const struct config_field sampling_fields[] = {
	CONFIG_BOOL(struct sampling, enabled, "enabled", "true", "Leave out repeated lines."),
	CONFIG_DURATION(struct sampling, tick_ns, "tick", "10s", "Interval that is counted over."),
	CONFIG_U32(struct sampling, initial, "initial", "10", 0, UINT32_MAX, "{line}",
		   "Equal messages written in each interval before sampling begins."),
	CONFIG_U32(struct sampling, thereafter, "thereafter", "100", 0, UINT32_MAX, "{line}",
		   "Then one of so many is written; 0: none."),
};
static const struct config_block sampling_block = CONFIG_BLOCK(struct sampling, sampling_fields);

static const char *const encodings[] = {"console", "json", NULL};
static const struct config_field logs_fields[] = {
	CONFIG_STRING(struct logs, level, "level", "info",
		      "debug, info, warn or error, in any case."),
	CONFIG_ENUM(struct logs, encoding, "encoding", encodings, "console", "Shape of a line."),
	CONFIG_SUB(struct logs, sampling, "sampling", &sampling_block, "Bounds on repeated lines."),
	CONFIG_IGNORED(BOOL, "development", "No stack traces are written."),
	CONFIG_IGNORED(BOOL, "disable_caller", "The caller is always written."),
	CONFIG_IGNORED(BOOL, "disable_stacktrace", "No stack traces are written."),
	CONFIG_IGNORED(STRING_LIST, "output_paths", "Logs go to standard error."),
	CONFIG_IGNORED(STRING_LIST, "error_output_paths", "Logs go to standard error."),
	CONFIG_IGNORED(MAP, "initial_fields", "Not added."),
	CONFIG_IGNORED(LIST, "processors", "Logs are not exported."),
};
static const struct config_block logs_block = CONFIG_BLOCK(struct logs, logs_fields);

static const struct config_field prometheus_fields[] = {
	CONFIG_STRING(struct config_prometheus, host, "host", "localhost", "Address to listen on."),
	CONFIG_U32(struct config_prometheus, port, "port", "8888", 0, 65535, "",
		   "Port to listen on; 0: any free one."),
	CONFIG_BOOL(struct config_prometheus, without_scope_info, "without_scope_info", "true",
		    "Leave out the otel_scope_* labels."),
	CONFIG_BOOL(struct config_prometheus, without_units, "without_units", "true",
		    "Leave out units in names."),
	CONFIG_BOOL(struct config_prometheus, without_type_suffix, "without_type_suffix", "true",
		    "Leave out _total in the names of counters."),
	CONFIG_IGNORED(MAP, "with_resource_constant_labels",
		       "Resource attributes are in target_info."),
	CONFIG_IGNORED(STRING, "translation_strategy",
		       "Names are always escaped with underscores."),
};
static const struct config_block prometheus_block =
	CONFIG_BLOCK(struct config_prometheus, prometheus_fields);

static const struct config_field exporter_fields[] = {
	CONFIG_OPTIONAL(struct exporter, prometheus, has_prometheus, "prometheus",
			&prometheus_block, "A page that Prometheus scrapes."),
};
static const struct config_block exporter_block = CONFIG_BLOCK(struct exporter, exporter_fields);

static const struct config_field pull_fields[] = {
	CONFIG_SUB(struct pull, exporter, "exporter", &exporter_block, "What is pulled."),
	CONFIG_IGNORED(MAP, "producers", "There are none."),
	CONFIG_IGNORED(MAP, "cardinality_limits", "Series are bounded by the configuration."),
};
static const struct config_block pull_block = CONFIG_BLOCK(struct pull, pull_fields);

static const struct config_field reader_fields[] = {
	CONFIG_OPTIONAL(struct reader, pull, has_pull, "pull", &pull_block, "Metrics by scraping."),
	CONFIG_NODE(struct reader, periodic, "periodic", "Not in this build: accepted, warned of."),
};
static const struct config_block reader_block = CONFIG_BLOCK(struct reader, reader_fields);

static const struct config_field metrics_fields[] = {
	CONFIG_STRING(struct metrics, level, "level", "normal",
		      "none, basic, normal or detailed, in any case."),
	CONFIG_SUB_LIST(struct metrics, readers, "readers", &reader_block,
			"Absent: one pull reader on localhost:8888; empty: none."),
	CONFIG_STRING(struct metrics, address, "address", NULL,
		      "Deprecated: host:port of the page when there are no readers."),
	CONFIG_IGNORED(LIST, "views", "Views are not applied."),
};
static const struct config_block metrics_block = CONFIG_BLOCK(struct metrics, metrics_fields);

static const struct config_field telemetry_fields[] = {
	CONFIG_SUB(struct telemetry, logs, "logs", &logs_block, "The program's log."),
	CONFIG_SUB(struct telemetry, metrics, "metrics", &metrics_block, "The program's metrics."),
	CONFIG_IGNORED(MAP, "traces", "The program makes no traces of its own."),
	CONFIG_IGNORED(MAP, "resource", "Attributes of the program's own telemetry."),
};
static const struct config_block telemetry_block = CONFIG_BLOCK(struct telemetry, telemetry_fields);

/* The node at a path of two keys, for places in messages; ${node} itself when there is none. */
static const struct config_node *node_at(const struct config_node *node, const char *first,
					 const char *second)
{
	const struct config_node *found = config_get(config_get(node, first), second);
	return found ? found : node;
}

static int find_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(words[i], word) == 0)
			return (int)i;
	}
	return -1;
}

static void bind_log_level(const struct config_node *node, const struct logs *logs,
			   struct config_telemetry *telemetry, struct config_report *report)
{
	/* In the order of enum log_level; what the Collector has above error is error here. */
	static const char *const levels[] = {"debug",  "info",	"warn", "error",
					     "dpanic", "panic", "fatal"};
	/* The Collector's own zero value: what "" and an unset variable are. */
	const char *word = *logs->level ? logs->level : "info";
	int level = find_word(levels, ARRAY_COUNT(levels), word);
	telemetry->log_level = level > LOG_LEVEL_ERROR ? LOG_LEVEL_ERROR : level;
	if (level >= 0)
		return;
	const struct config_node *place = node_at(node, "logs", "level");
	telemetry->log_level = LOG_LEVEL_INFO;
	if (!place) /* nobody wrote it: the default is missing because memory is short */
		return;
	config_problem(report, CONFIG_ERROR, place->loc, "service.telemetry.logs.level",
		       config_nearest(slice_str(logs->level), levels, ARRAY_COUNT(levels)),
		       "'service.telemetry.logs.level' unrecognized level: \"%.*s\"",
		       SLICE_FMT(config_shown(place, CONFIG_TYPE_ENUM)));
}

static void bind_metrics_level(const struct config_node *node, const struct metrics *metrics,
			       struct config_telemetry *telemetry, struct config_report *report)
{
	static const char *const levels[] = {"none", "basic", "normal", "detailed"};
	const struct config_node *place = node_at(node, "metrics", "level");
	/* Zero is basic to the Collector, while "" is no level. */
	bool is_null = place && place->kind == CONFIG_NULL;
	const char *word = is_null ? levels[METRICS_BASIC] : metrics->level;
	telemetry->metrics_level = find_word(levels, ARRAY_COUNT(levels), word);
	if (telemetry->metrics_level >= 0)
		return;
	telemetry->metrics_level = METRICS_NORMAL;
	if (!place) /* as above */
		return;
	config_problem(report, CONFIG_ERROR, place->loc, "service.telemetry.metrics.level",
		       config_nearest(slice_str(metrics->level), levels, ARRAY_COUNT(levels)),
		       "'service.telemetry.metrics.level' unknown metrics level \"%.*s\"",
		       SLICE_FMT(config_shown(place, CONFIG_TYPE_ENUM)));
}

/* "host:port", "[::1]:8888", ":8888". */
static bool split_address(const char *address, struct arena *arena,
			  struct config_prometheus *prometheus)
{
	struct slice text = slice_str(address);
	size_t colon = text.len;
	uint64_t port;
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0 || !slice_parse_u64(slice_of(text.ptr + colon, text.len - colon), &port) ||
	    port > 65535)
		return false;
	struct slice host = slice_of(text.ptr, colon - 1);
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = slice_of(host.ptr + 1, host.len - 2);
	if (host.len == 0)
		host = SLICE("0.0.0.0");
	prometheus->host = (const char *)arena_copy(arena, host).ptr;
	prometheus->port = (uint32_t)port;
	return prometheus->host != NULL;
}

static void apply_address(const struct config_node *node, const struct metrics *metrics,
			  bool has_readers, struct config_telemetry *telemetry,
			  struct config_report *report)
{
	static const char path[] = "service.telemetry.metrics.address";
	if (!*metrics->address)
		return;
	struct config_loc loc = node_at(node, "metrics", "address")->loc;
	if (has_readers) {
		config_problem(report, CONFIG_WARNING, loc, path, NULL,
			       "service::telemetry::metrics::address is deprecated and has no "
			       "effect beside readers");
		return;
	}
	config_problem(report, CONFIG_WARNING, loc, path, NULL,
		       "service::telemetry::metrics::address is deprecated: write "
		       "readers: [{pull: {exporter: {prometheus: {host: …, port: …}}}}]");
	telemetry->metrics_loc = loc;
	if (!split_address(metrics->address, report->arena, &telemetry->prometheus))
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "'service.telemetry.metrics.address' expected host:port");
}

static void bind_readers(const struct config_node *list, const struct metrics *metrics,
			 struct config_telemetry *telemetry, struct config_report *report)
{
	telemetry->metrics_pull = false;
	for (size_t i = 0; i < metrics->readers.count; i++) {
		const struct reader *reader = metrics->readers.at[i];
		const char *path =
			arena_printf(report->arena, "service.telemetry.metrics.readers[%zu]", i);
		struct config_loc loc = list->items[i]->loc;
		bool pulls = reader->has_pull && reader->pull.exporter.has_prometheus;
		if (reader->periodic)
			config_problem(report, CONFIG_WARNING, reader->periodic->loc, path, NULL,
				       "periodic metric readers are not in this build; the "
				       "reader is ignored");
		else if (!pulls)
			config_problem(report, CONFIG_ERROR, loc, path, NULL,
				       "'service.telemetry.metrics.readers[%zu]' must have "
				       "pull.exporter.prometheus or periodic",
				       i);
		if (pulls && telemetry->metrics_pull)
			config_problem(report, CONFIG_WARNING, loc, path, NULL,
				       "only one pull reader is served; the reader is ignored");
		if (pulls && !telemetry->metrics_pull) {
			telemetry->prometheus = reader->pull.exporter.prometheus;
			telemetry->metrics_loc = loc;
		}
		telemetry->metrics_pull = telemetry->metrics_pull || pulls;
	}
}

void config_telemetry_bind(const struct config_node *node, struct config_telemetry *ret_telemetry,
			   struct config_report *report)
{
	static const char path[] = "service.telemetry";
	struct telemetry bound;
	size_t errors_before = report->error_count;
	config_bind_named(&telemetry_block, node, path, path, &bound, report);
	*ret_telemetry = (struct config_telemetry){
		.log_level = LOG_LEVEL_INFO,
		.log_encoding = bound.logs.encoding,
		.log_sampling = bound.logs.sampling.enabled,
		.sampling_tick_ns = bound.logs.sampling.tick_ns,
		.sampling_initial = bound.logs.sampling.initial,
		.sampling_thereafter = bound.logs.sampling.thereafter,
		.metrics_level = METRICS_NORMAL,
		.metrics_pull = true,
	};
	config_bind(&prometheus_block, NULL, "", &ret_telemetry->prometheus, report);
	if (report->error_count != errors_before)
		return;
	const struct config_node *readers = config_get(config_get(node, "metrics"), "readers");
	bool has_readers = readers && readers->kind == CONFIG_LIST;
	enum config_stage stage_before = report->stage;
	report->stage = CONFIG_STAGE_DECODE;
	bind_log_level(node, &bound.logs, ret_telemetry, report);
	bind_metrics_level(node, &bound.metrics, ret_telemetry, report);
	apply_address(node, &bound.metrics, has_readers, ret_telemetry, report);
	if (has_readers)
		bind_readers(readers, &bound.metrics, ret_telemetry, report);
	if (ret_telemetry->metrics_level == METRICS_NONE)
		ret_telemetry->metrics_pull = false;
	report->stage = stage_before;
}
