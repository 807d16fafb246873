/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program about itself: process gauges, receiver series, and the /metrics page for Prometheus
 * on service.telemetry.metrics.readers (default localhost:8888). The page is served from the main
 * loop by the same server code as OTLP, on memory and connections of its own.
 */
#include "pipeline/base/clock.h"
#include "pipeline/graph/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SCRAPE_BYTES_MAX = 32 << 20 /* held for all scrapes */ };

/* ---- process -------------------------------------------------------------------------------- */

static const struct metric_desc metric_uptime = {"otelcol_process_uptime", "s",
						 "Uptime of the process [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_cpu = {"otelcol_process_cpu_seconds", "s",
					      "Total CPU user and system time in seconds [Alpha]",
					      METRIC_COUNTER};
static const struct metric_desc metric_rss = {"otelcol_process_memory_rss", "By",
					      "Total physical memory (resident set size) [Alpha]",
					      METRIC_GAUGE};
static const struct metric_desc metric_held = {
	"sluice_memory_held", "By",
	"Bytes held: received bodies, queues, indexes, compressed copies", METRIC_GAUGE};
static const struct metric_desc metric_held_peak = {
	"sluice_memory_held_peak", "By", "Highest value of sluice_memory_held", METRIC_GAUGE};
static const struct metric_desc metric_limit = {"sluice_memory_limit", "By",
						"Bound of sluice_memory_held", METRIC_GAUGE};
static const struct metric_desc metric_memory_refusals = {"sluice_memory_refusals", "{refusals}",
							  "Times that the memory limit was reached",
							  METRIC_COUNTER};
static const struct metric_desc metric_log_lost = {
	"sluice_log_lost_lines", "{lines}", "Log lines that nobody read in time", METRIC_COUNTER};
static const struct metric_desc metric_target = {"target_info", "", "Target metadata",
						 METRIC_GAUGE};

static double read_uptime(void *arg)
{
	const struct graph *graph = arg;
	return (double)(clock_monotonic_ns() - graph->started_ns) / 1e9;
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double read_cpu(void *arg)
{
	(void)arg;
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static double read_rss(void *arg)
{
	(void)arg;
	char line[128]; /* "total resident …" in pages, proc(5) */
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file)
		return 0;
	const char *text = fgets(line, sizeof(line), file);
	(void)fclose(file);
	const char *resident = text ? strchr(text, ' ') : NULL;
	return resident ? strtod(resident, NULL) * (double)sysconf(_SC_PAGESIZE) : 0;
}

static double read_atomic(void *arg)
{
	return (double)atomic_load((_Atomic uint64_t *)arg);
}

static double read_log_lost(void *arg)
{
	return (double)logger_lost_lines(arg);
}

static double read_one(void *arg)
{
	(void)arg;
	return 1;
}

static bool register_process(struct graph *graph)
{
	struct metrics *metrics = graph->metrics;
	struct budget *budget = &graph->budget;
	struct buf target = BUF_INIT;
	metrics_label(&target, "service_name", "sluice");
	metrics_label(&target, "service_version", graph->options.version);
	bool added =
		metrics_add_read(metrics, &metric_uptime, "", read_uptime, graph) &&
		metrics_add_read(metrics, &metric_cpu, "", read_cpu, NULL) &&
		metrics_add_read(metrics, &metric_rss, "", read_rss, NULL) &&
		metrics_add_read(metrics, &metric_held, "", read_atomic, &budget->used) &&
		metrics_add_read(metrics, &metric_held_peak, "", read_atomic, &budget->peak) &&
		metrics_add_read(metrics, &metric_limit, "", read_atomic, &budget->limit) &&
		metrics_add_read(metrics, &metric_memory_refusals, "", read_atomic,
				 &budget->refusals) &&
		metrics_add_read(metrics, &metric_log_lost, "", read_log_lost, graph->log.logger) &&
		metrics_add_read(metrics, &metric_target, buf_cstr(&target), read_one, NULL);
	buf_fini(&target);
	return added;
}

bool telemetry_register(struct graph *graph)
{
	return register_process(graph);
}

/* ---- receivers ------------------------------------------------------------------------------ */

static const struct metric_desc metric_accepted = {
	"otelcol_receiver_accepted_spans", "{span}",
	"Number of spans successfully pushed into the pipeline. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_refused = {
	"otelcol_receiver_refused_spans", "{span}",
	"Number of spans that could not be pushed into the pipeline. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_failed = {
	"otelcol_receiver_failed_spans", "{span}",
	"The number of spans that failed to be processed by the receiver due to internal errors. "
	"[Alpha]",
	METRIC_COUNTER};
static const struct metric_desc metric_requests_refused = {
	"sluice_receiver_requests_refused", "{requests}", "Requests refused, by reason",
	METRIC_COUNTER};
static const struct metric_desc metric_empty = {"sluice_receiver_requests_empty", "{requests}",
						"Requests without a span", METRIC_COUNTER};
static const struct metric_desc metric_fields = {
	"sluice_receiver_unread_fields", "{fields}",
	"Fields of requests that are not read: unknown to this version of OTLP (passed on), or of "
	"an "
	"old version beside the one that replaced it (superseded, left out)",
	METRIC_COUNTER};

bool telemetry_register_receiver(struct graph *graph, struct receiver_node *receiver)
{
	static const char *const transports[PUSH_TRANSPORT_COUNT] = {"grpc", "http"};
	static const char *const reasons[REFUSAL_COUNT] = {"malformed",	 "limit",     "memory",
							   "queue_full", "processor", "deadline"};
	struct metrics *metrics = graph->metrics;
	struct receiver_counters *counters = &receiver->port.counters;
	static const char *const unread[FIELDS_COUNT] = {"unknown", "superseded"};
	bool added = true;
	struct buf labels = BUF_INIT;
	for (int i = 0; i < FIELDS_COUNT; i++) {
		buf_reset(&labels);
		metrics_label(&labels, "receiver", receiver->node.id);
		metrics_label(&labels, "reason", unread[i]);
		added &= metrics_add(metrics, &metric_fields, buf_cstr(&labels),
				     &counters->fields[i]);
	}
	for (int i = 0; i < PUSH_TRANSPORT_COUNT; i++) {
		buf_reset(&labels);
		metrics_label(&labels, "receiver", receiver->node.id);
		metrics_label(&labels, "transport", transports[i]);
		const char *text = buf_cstr(&labels);
		added &= metrics_add(metrics, &metric_accepted, text, &counters->accepted[i]) &&
			 metrics_add(metrics, &metric_refused, text, &counters->refused[i]) &&
			 metrics_add(metrics, &metric_failed, text, &counters->failed[i]);
	}
	for (int i = 0; i < REFUSAL_COUNT; i++) {
		buf_reset(&labels);
		metrics_label(&labels, "receiver", receiver->node.id);
		metrics_label(&labels, "reason", reasons[i]);
		added &= metrics_add(metrics, &metric_requests_refused, buf_cstr(&labels),
				     &counters->requests_refused[i]);
	}
	buf_reset(&labels);
	metrics_label(&labels, "receiver", receiver->node.id);
	added &= metrics_add(metrics, &metric_empty, buf_cstr(&labels), &counters->empty);
	buf_fini(&labels);
	return added;
}

/* ---- the page ------------------------------------------------------------------------------- */

static bool on_header(void *arg, struct server_request *request)
{
	struct graph *graph = arg;
	const struct config_prometheus *reader = &graph->service->telemetry.prometheus;
	if (!slice_equal(request->path, SLICE("/metrics"))) {
		const struct server_header type = {"content-type", SLICE("text/plain")};
		server_respond_http(request, 404, &type, 1,
				    SLICE("404 page not found: metrics are at /metrics\n"));
		return false;
	}
	struct buf page = BUF_INIT;
	metrics_print(graph->metrics,
		      (struct metrics_page){.type_suffix = !reader->without_type_suffix,
					    .unit_suffix = !reader->without_units},
		      &page);
	const struct server_header type = {"content-type",
					   SLICE("text/plain; version=0.0.4; charset=utf-8")};
	server_respond_http(request, page.failed ? 500 : 200, &type, 1, buf_slice(&page));
	buf_fini(&page);
	return false;
}

static const struct server_handler page_handler = ADMIN_HANDLER(on_header);

const char *telemetry_endpoint(const struct graph *graph)
{
	const struct config_prometheus *reader = &graph->service->telemetry.prometheus;
	bool is_v6 = strchr(reader->host, ':') && reader->host[0] != '[';
	const char *text =
		arena_printf(graph->arena, is_v6 ? "[%s]:%u" : "%s:%u", reader->host, reader->port);
	return text ? text : "";
}

int telemetry_start(struct graph *graph, struct err *err)
{
	const struct config_telemetry *telemetry = &graph->service->telemetry;
	if (telemetry->metrics_level == 0 || !telemetry->metrics_pull)
		return 0;
	const char *endpoint = telemetry_endpoint(graph);
	const struct admin_server_config config = {.endpoint = endpoint,
						   .transport = "tcp",
						   .label = "metrics",
						   .bytes_max = SCRAPE_BYTES_MAX,
						   .handler = &page_handler,
						   .handler_arg = graph,
						   .log = &graph->log,
						   .metrics = graph->metrics,
						   .owner = "telemetry",
						   .id = "metrics",
						   .listener = "metrics"};
	if (admin_server_start(&graph->metrics_server, &config, &graph->main_loop,
			       &graph->main_shard, err) != 0)
		return err_wrap(err, "service::telemetry::metrics");
	log_info(&graph->log, LOG_MSG("Serving metrics"), LOG_STR("endpoint", endpoint),
		 LOG_UINT("port", admin_server_port(&graph->metrics_server)));
	return 0;
}

void telemetry_stop(struct graph *graph)
{
	admin_server_stop(&graph->metrics_server);
}
