/* SPDX-License-Identifier: Apache-2.0 */
/* A developer's local collector: OTLP on localhost, traces as trees on the terminal, no file. */
#include "cmd/commands.h"
#include "cmd/local.h"

#include <stdio.h>

static void on_ready(void *arg, struct graph *graph)
{
	const struct local *local = arg;
	(void)graph;
	fprintf(stderr,
		"Sluice listens for OTLP on localhost:%u (gRPC) and localhost:%u (HTTP); both "
		"take both.\nTraces are printed when they are complete, without prompts and "
		"scrapes. "
		"Ctrl-C ends it.\n",
		(unsigned)local->grpc_port, (unsigned)local->http_port);
}

int command_dev(int argc, char **argv)
{
	struct local local = {.options = {.shards = 1}};
	const struct option_spec specs[] = {LOCAL_OPTIONS(local)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice dev [options]",
			     "Runs a local collector that prints traces as trees.", specs,
			     ARRAY_COUNT(specs));
		return 0;
	}
	if (!local_start(&local, on_ready, &local))
		return 1;
	int code = collector_wait(&local.collector);
	collector_fini(&local.collector);
	return code;
}
