/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/collector.h"

#include "cmd/commands.h"
#include "pipeline/base/memory.h"
#include "pipeline/config/load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
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

static const struct config_service *load(struct collector *collector,
					 const struct collector_options *options)
{
	const struct config_load load = {.uris = options->configs.at,
					 .uri_count = options->configs.count,
					 .sets = options->sets.at,
					 .set_count = options->sets.count,
					 .env = {.get = get_env}};
	const struct config_node *root = config_load(&load, &collector->report);
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

/* ---- signals -------------------------------------------------------------------------------- */

/* SIGINT and SIGTERM are blocked in every thread and read from a descriptor: no system call of a
 * shard is interrupted, and one that comes before the loop runs is found there when it does. */
static void on_signal(uv_poll_t *poll, int status, int events)
{
	struct collector *collector = poll->data;
	struct signalfd_siginfo info;
	(void)status;
	(void)events;
	if (read(collector->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	log_info(graph_log(collector->graph), LOG_MSG("Received signal from OS"),
		 LOG_STR("signal", info.ssi_signo == SIGINT ? "interrupt" : "terminated"));
	graph_stop(collector->graph);
}

static void unwatch_signals(struct collector *collector)
{
	uv_close((uv_handle_t *)&collector->signal_poll, NULL); /* graph_free's loop ends it */
	(void)close(collector->signal_fd);
}

static int watch_signals(struct collector *collector, const sigset_t *signals, struct err *err)
{
	uv_loop_t *loop = &graph_loop(collector->graph)->uv;
	collector->signal_fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (collector->signal_fd < 0)
		return err_set_sys(err, errno, "watch signals");
	collector->signal_poll.data = collector;
	int failure = uv_poll_init(loop, &collector->signal_poll, collector->signal_fd);
	if (failure) {
		(void)close(collector->signal_fd);
		return err_set(err, ERR_IO, "watch signals: %s", uv_strerror(failure));
	}
	failure = uv_poll_start(&collector->signal_poll, UV_READABLE, on_signal);
	if (failure) {
		unwatch_signals(collector);
		return err_set(err, ERR_IO, "watch signals: %s", uv_strerror(failure));
	}
	return 0;
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

static int run(struct collector *collector, const sigset_t *signals, struct err *err)
{
	if (graph_start(collector->graph, err) != 0)
		return err_wrap(err, "cannot start pipelines");
	if (watch_signals(collector, signals, err) != 0)
		return -1;
	int code = graph_run(collector->graph);
	unwatch_signals(collector);
	return code;
}

int collector_run(struct collector *collector)
{
	struct err err;
	sigset_t signals, before;
	memory_prepare();
	raise_file_limit();
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &signals, &before);
	int code = run(collector, &signals, &err);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code < 0)
		fprintf(stderr, "Error: %s\n", err.msg);
	return code < 0 ? 1 : code;
}

void collector_fini(struct collector *collector)
{
	graph_free(collector->graph);
	logger_free(collector->logger);
	arena_fini(&collector->arena);
}
