/* SPDX-License-Identifier: Apache-2.0 */
/* A developer's local collector: OTLP on localhost, traces as trees on the terminal, no file. Says what
 * it refuses while it runs, and at the end what came and what its policies removed. */
#include "cmd/commands.h"
#include "cmd/demo_report.h"
#include "cmd/local.h"
#include "cmd/refusals.h"

#include <stdio.h>
#include <unistd.h>

struct dev {
	struct local local;
	struct refusals refusals;
};

static void on_ready(void *arg, struct graph *graph)
{
	struct dev *dev = arg;
	refusals_watch(&dev->refusals, graph);
	fprintf(stderr,
		"Sluice listens for OTLP on localhost:%u and localhost:%u; either port accepts "
		"gRPC and HTTP.\nTraces are printed when they are complete, without prompts and "
		"scrapes. Ctrl-C ends it.\n",
		(unsigned)dev->local.grpc_port, (unsigned)dev->local.http_port);
}

static void print_summary(const struct dev *dev)
{
	const struct terminal terminal = terminal_of(STDOUT_FILENO);
	const struct metrics *metrics = graph_metrics(dev->local.collector.graph);
	struct buf out = BUF_INIT;
	demo_report_counts(metrics, &out);
	demo_report_print(metrics, &terminal, &out);
	(void)fwrite(out.data, 1, out.len, stdout);
	buf_fini(&out);
}

int command_dev(int argc, char **argv)
{
	struct dev dev = {.local = {.options = {.shards = 1}}};
	const struct option_spec specs[] = {LOCAL_OPTIONS(dev.local)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice dev [options]",
			     "Runs a local collector that prints traces as trees. Ctrl-C ends it "
			     "and prints what its\npolicies removed.",
			     specs, ARRAY_COUNT(specs));
		return 0;
	}
	if (!local_start(&dev.local, on_ready, &dev))
		return 1;
	int code = collector_wait(&dev.local.collector);
	refusals_end(&dev.refusals);
	print_summary(&dev);
	collector_fini(&dev.local.collector);
	return code;
}
