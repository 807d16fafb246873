/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demonstration behind `make run`: a local collector as `dev` runs it, and the example traces
 * sent to its own port over real OTLP/gRPC. What is printed comes out at the end of the pipeline,
 * from spans that arrived over the socket; what the policies removed on the way comes from their own
 * counters. Ends by itself unless a person sits at the terminal.
 */
#include "cmd/commands.h"
#include "cmd/demo_report.h"
#include "cmd/example_sender.h"
#include "cmd/local.h"
#include "pipeline/base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
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
	bool summary_due;
};

static void add_value(void *arg, const char *labels, double value)
{
	(void)labels;
	*(double *)arg += value;
}

static void print_sent(const struct demo *demo, struct buf *out)
{
	const struct example_sent *sent = &demo->sent;
	double printed = 0;
	metrics_visit(graph_metrics(demo->graph), "otelcol_exporter_sent_spans", add_value,
		      &printed);
	buf_printf(out,
		   "%" PRIu64 " example traces with %" PRIu64
		   " spans were sent over OTLP/gRPC to %s; "
		   "%.0f spans were kept.\n",
		   sent->traces, sent->spans + sent->failed_spans, demo->endpoint, printed);
	if (demo->failed)
		buf_printf(out, "%" PRIu64 " span%s not taken: %s\n", sent->failed_spans,
			   sent->failed_spans == 1 ? " was" : "s were", sent->first_error.msg);
}

static void print_summary(const struct demo *demo)
{
	const struct terminal terminal = terminal_of(STDOUT_FILENO);
	struct buf out = BUF_INIT;
	print_sent(demo, &out);
	buf_append_byte(&out, '\n');
	demo_report_print(graph_metrics(demo->graph), &terminal, &out);
	(void)fwrite(out.data, 1, out.len, stdout);
	(void)fflush(stdout);
	buf_fini(&out);
}

static void on_summary(uv_timer_t *timer)
{
	struct demo *demo = CONTAINER_OF(timer, struct demo, summary);
	uv_close((uv_handle_t *)timer, NULL);
	demo->summary_due = false;
	print_summary(demo);
	fprintf(stderr,
		"Still listening on localhost:%u and localhost:%u; either port accepts gRPC and "
		"HTTP. Ctrl-C ends it.\n",
		(unsigned)demo->local.grpc_port, (unsigned)demo->local.http_port);
}

static void on_sent(void *arg, const struct example_sent *sent)
{
	struct demo *demo = arg;
	demo->sent = *sent;
	demo->failed = sent->first_error.kind != ERR_NONE;
	example_sender_free(demo->sender);
	if (!demo->stay) {
		graph_stop(demo->graph);
	} else if (uv_timer_init(&graph_loop(demo->graph)->uv, &demo->summary) == 0) {
		demo->summary_due = true;
		(void)uv_timer_start(&demo->summary, on_summary, SUMMARY_DELAY_MS, 0);
	}
}

static void on_ready(void *arg, struct graph *graph)
{
	struct demo *demo = arg;
	struct err err;
	(void)snprintf(demo->endpoint, sizeof(demo->endpoint), "localhost:%u",
		       (unsigned)demo->local.grpc_port);
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
	/* The example's requests are all that comes: nothing more is to be waited for. */
	struct demo demo = {
		.local = {.options = {.shards = 1}, .set = "exporters.debug.tree_patience=0s"},
		.stay = isatty(STDIN_FILENO) == 1};
	struct local *local = &demo.local;
	const struct option_spec specs[] = {LOCAL_OPTIONS(*local)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice demo [options]",
			     "Runs a local collector, sends example traces through it, prints them "
			     "as trees and what\nits policies removed. Ends by itself unless stdin "
			     "is a terminal.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	if (!local_start(local, on_ready, &demo))
		return 1;
	int code = collector_wait(&local->collector);
	if (demo.summary_due) /* ended before it was printed */
		uv_close((uv_handle_t *)&demo.summary, NULL);
	if ((!demo.stay || demo.summary_due) && demo.sent.requests > 0)
		print_summary(&demo);
	collector_fini(&local->collector);
	return demo.failed ? 1 : code;
}
