/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up in the order in which it can fail: configuration, logger, graph, sockets. What is wrong
 * with a configuration is printed as a whole before anything starts; the graph owns the
 * configuration's arena.
 */
#include "cmd/collector.h"

#include "cmd/commands.h"
#include "exporters/debug/terminal.h"
#include "pipeline/base/memory.h"
#include "pipeline/config/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CONFIG_ARENA_BYTES_MAX = 256 << 20 };
#define SHUTDOWN_TIMEOUT_DEFAULT_NS (25 * UINT64_C(1000000000)) /* under Kubernetes' 30 s */

static const char *get_env(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

void collector_print_problems(const struct collector *collector, enum config_severity severity)
{
	struct buf text = BUF_INIT;
	config_report_print(&collector->report, severity, &text);
	fputs(buf_cstr(&text), stderr);
	buf_fini(&text);
}

static void log_warnings(const struct collector *collector)
{
	const struct log log = {.logger = collector->logger};
	for (const struct config_problem *problem = collector->report.first; problem;
	     problem = problem->next) {
		if (problem->severity == CONFIG_WARNING) {
			const struct log_field fields[] = {
				{.type = LOG_FIELD_MSG, .str = slice_str(problem->text)},
				LOG_STR("key", problem->path),
				LOG_STR("file", problem->loc.file ? problem->loc.file : ""),
				LOG_UINT("line", problem->loc.line)};
			log_write(&log, LOG_LEVEL_WARN, __FILE__, fields, ARRAY_COUNT(fields));
		}
	}
}

static struct logger *make_logger(const struct config_telemetry *telemetry)
{
	struct logger_config config = logger_config_default();
	config.fd = STDERR_FILENO;
	config.level = (enum log_level)telemetry->log_level;
	config.encoding = (enum log_encoding)telemetry->log_encoding;
	config.sampling = telemetry->log_sampling;
	config.sampling_tick_ns = telemetry->sampling_tick_ns;
	config.sampling_initial = telemetry->sampling_initial;
	config.sampling_thereafter = telemetry->sampling_thereafter;
	return logger_new(&config);
}

/* Whether only the traces part of the configuration shall run. False after a message. */
static bool read_signals(const struct collector_options *options, bool *ret_traces_only)
{
	const char *env = getenv("SLUICE_SIGNALS");
	const char *signals = options->signals ? options->signals : env;
	*ret_traces_only = signals && strcmp(signals, "traces") == 0;
	if (*ret_traces_only || !signals || (!options->signals && !env[0]))
		return true;
	return options_complain(options->signals ? "--signals" : "SLUICE_SIGNALS", signals,
				"traces");
}

/* False after a message. */
static bool use_colour(const char *when)
{
	static const struct {
		const char *word;
		enum terminal_colour colour;
	} words[] = {{"auto", COLOUR_AUTO}, {"always", COLOUR_ALWAYS}, {"never", COLOUR_NEVER}};
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (!when || strcmp(when, words[i].word) == 0) {
			terminal_set_colour(words[i].colour);
			return true;
		}
	}
	return options_complain("--color", when, "auto, always or never");
}

static const struct config_service *load(struct collector *collector,
					 const struct collector_options *options)
{
	bool traces_only;
	if (!use_colour(options->colour) || !read_signals(options, &traces_only))
		return NULL;
	const struct config_load load = {.uris = options->configs.at,
					 .uri_count = options->configs.count,
					 .sets = options->sets.at,
					 .set_count = options->sets.count,
					 .env = {.get = get_env}};
	const struct config_node *root = config_load(&load, &collector->report);
	if (root && traces_only)
		root = config_keep_traces(root, &collector->report);
	return root ? config_service_bind(root, graph_known_types(), &collector->report) : NULL;
}

bool collector_init(struct collector *collector, const struct collector_options *options,
		    bool quiet, void (*ready)(void *arg, struct graph *graph), void *arg)
{
	*collector = (struct collector){0};
	arena_init(&collector->arena, NULL, CONFIG_ARENA_BYTES_MAX);
	config_report_init(&collector->report, &collector->arena);
	collector->service = load(collector, options);
	if (collector->service && !quiet) {
		collector->logger = make_logger(&collector->service->telemetry);
		log_warnings(collector);
	}
	const struct graph_options graph = {.logger = collector->logger,
					    .shard_count = options->shards,
					    .shutdown_timeout_ns =
						    options->shutdown_timeout_ns > 0
							    ? options->shutdown_timeout_ns
							    : SHUTDOWN_TIMEOUT_DEFAULT_NS,
					    .version = SLUICE_VERSION,
					    .ready = ready,
					    .arg = arg};
	if (collector->service)
		collector->graph = graph_new(collector->service, &graph, &collector->report);
	if (!collector->graph)
		collector_print_problems(collector, CONFIG_ERROR);
	return collector->graph != NULL;
}

/* ---- running -------------------------------------------------------------------------------- */

/* As many connections as the hard limit allows. */
static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* the soft limit still works */
}

int collector_start(struct collector *collector, struct err *err)
{
	struct signals *signals = &collector->signals;
	memory_prepare();
	raise_file_limit();
	signals_hold(signals);
	if (graph_start(collector->graph, err) == 0 &&
	    signals_watch(signals, collector->graph, collector->hangup_ends, err) == 0)
		return 0;
	signals_release(signals);
	return -1;
}

int collector_wait(struct collector *collector)
{
	int code = graph_run(collector->graph);
	signals_unwatch(&collector->signals);
	signals_release(&collector->signals);
	return code;
}

int collector_run(struct collector *collector)
{
	struct err err;
	if (collector_start(collector, &err) == 0)
		return collector_wait(collector);
	fprintf(stderr, "Error: %s\n", err.msg);
	return 1;
}

uint16_t collector_first_port(const struct graph *graph)
{
	struct buf text = BUF_INIT;
	graph_describe(graph, &text);
	const char *at = strchr(buf_cstr(&text), '='); /* "otlp grpc=4317 …" */
	unsigned long port = at ? strtoul(at + 1, NULL, 10) : 0;
	buf_fini(&text);
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

void collector_fini(struct collector *collector)
{
	graph_free(collector->graph);
	logger_free(collector->logger);
	arena_fini(&collector->arena);
}
