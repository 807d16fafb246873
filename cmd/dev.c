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
		"take both.\nTraces are printed when they are complete. Ctrl-C ends it.\n",
		local->grpc_port, local->http_port);
}

int command_dev(int argc, char **argv)
{
	struct collector_options options = {.shards = 1};
	struct local local = {0};
	uint64_t grpc_port = 0, http_port = 0;
	const struct option_spec specs[] = {
		{"--grpc-port", 0, OPTION_NUMBER, &grpc_port, "N", "Default 4317."},
		{"--http-port", 0, OPTION_NUMBER, &http_port, "N", "Default 4318."},
		{"--config", 0, OPTION_LIST, &options.configs, "URI",
		 "Merged over the built-in configuration (configs/dev.yaml)."},
		COLLECTOR_OPTIONS(options)};
	switch (options_parse(specs, ARRAY_COUNT(specs), argc, argv)) {
	case OPTIONS_OK: break;
	case OPTIONS_BAD: return 1;
	case OPTIONS_HELP:
		options_help("sluice dev [options]",
			     "Runs a local collector that prints traces as trees.", specs,
			     ARRAY_COUNT(specs));
		return 0;
	}
	local.grpc_port = (uint16_t)grpc_port;
	local.http_port = (uint16_t)http_port;
	struct collector collector;
	int code = 1;
	if (!local_prepare(&local, &options))
		return 1;
	if (collector_init(&collector, &options, false, on_ready, &local))
		code = collector_run(&collector);
	collector_fini(&collector);
	return code;
}
