/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demonstration behind `make run`: a local collector as `dev` runs it, and the example traces
 * sent to its own port over real OTLP/gRPC. What is printed comes out at the end of the pipeline,
 * from spans that arrived over the socket. Ends by itself unless a person sits at the terminal.
 */
#include "cmd/commands.h"
#include "cmd/example_sender.h"
#include "cmd/local.h"
#include "pipeline/base/metrics.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SUMMARY_DELAY_MS = 1500 }; /* longer than the exporter's tree_quiet */

struct demo {
	struct local local;
	struct graph *graph;
	struct example_sender *sender;
	struct example_sent sent;
	char endpoint[32];
	bool stay; /* stdin is a terminal: go on until Ctrl-C */
	bool failed;
	uv_timer_t summary;
};

/* Prints the value of the label `condition`, without the escapes of the exposition format. */
static void print_condition(const char *labels)
{
	const char *at = strstr(labels, "condition=\"");
	for (at = at ? at + strlen("condition=\"") : ""; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		putchar(*at);
	}
	putchar('\n');
}

/* One line per condition that dropped something. */
static void print_drop(void *arg, const char *labels, double value)
{
	uint64_t *total = arg;
	if (value == 0)
		return;
	if (*total == 0)
		printf("The filter dropped (spans, condition):\n");
	*total += (uint64_t)value;
	printf("  %4.0f  ", value);
	print_condition(labels);
}

static void print_summary(struct demo *demo)
{
	uint64_t dropped = 0;
	const struct example_sent *sent = &demo->sent;
	uint64_t spans = sent->spans + sent->failed_spans;
	printf("\n%llu example traces with %llu spans were sent over OTLP/gRPC to %s.\n",
	       (unsigned long long)sent->traces, (unsigned long long)spans, demo->endpoint);
	if (sent->failed_requests > 0)
		printf("%llu spans were not taken: %s\n", (unsigned long long)sent->failed_spans,
		       sent->first_error.msg);
	metrics_visit(graph_metrics(demo->graph), "sluice_processor_filter_condition_dropped",
		      print_drop, &dropped);
	printf("  %4llu  in all\n", (unsigned long long)dropped);
	(void)fflush(stdout);
}

static void on_summary(uv_timer_t *timer)
{
	struct demo *demo = CONTAINER_OF(timer, struct demo, summary);
	uv_close((uv_handle_t *)timer, NULL);
	print_summary(demo);
	fprintf(stderr,
		"\nStill listening on localhost:%u (gRPC) and localhost:%u (HTTP). Ctrl-C "
		"ends it.\n",
		demo->local.grpc_port, demo->local.http_port);
}

static void on_sent(void *arg, const struct example_sent *sent)
{
	struct demo *demo = arg;
	demo->sent = *sent;
	demo->failed = sent->failed_requests > 0;
	example_sender_free(demo->sender);
	if (!demo->stay) {
		graph_stop(demo->graph);
	} else if (uv_timer_init(&graph_loop(demo->graph)->uv, &demo->summary) == 0) {
		(void)uv_timer_start(&demo->summary, on_summary, SUMMARY_DELAY_MS, 0);
	}
}

static void on_ready(void *arg, struct graph *graph)
{
	struct demo *demo = arg;
	struct err err;
	(void)snprintf(demo->endpoint, sizeof(demo->endpoint), "localhost:%u",
		       demo->local.grpc_port);
	const struct example_sender_config config = {.endpoint = demo->endpoint,
						     .names = "",
						     .seed = 1,
						     .rounds = 1,
						     .budget = graph_budget(graph)};
	demo->graph = graph;
	demo->sender = example_sender_start(graph_loop(graph), &config, on_sent, demo, &err);
	if (!demo->sender) {
		fprintf(stderr, "Error: %s\n", err.msg);
		demo->failed = true;
		graph_stop(graph);
	}
}

int command_demo(int argc, char **argv)
{
	struct collector_options options = {.shards = 1};
	struct demo demo = {.stay = isatty(STDIN_FILENO) == 1};
	const struct option_spec specs[] = {
		{"--config", 0, OPTION_LIST, &options.configs, "URI",
		 "Merged over the built-in configuration (configs/dev.yaml)."},
		COLLECTOR_OPTIONS(options)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice demo [options]",
			     "Runs a local collector, sends example traces through it and prints "
			     "them as trees.\nEnds by itself unless stdin is a terminal.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	struct collector collector;
	int code = 1;
	if (!local_prepare(&demo.local, &options))
		return 1;
	if (collector_init(&collector, &options, false, on_ready, &demo)) {
		code = collector_run(&collector);
		if (!demo.stay && demo.graph)
			print_summary(&demo);
	}
	collector_fini(&collector);
	return demo.failed ? 1 : code;
}
