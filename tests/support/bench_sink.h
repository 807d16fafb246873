/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend that takes everything at once: OTLP over gRPC and HTTP, any coding, counted. It runs on
 * the loop of its caller.
 */
#ifndef SLUICE_TESTS_BENCH_SINK_H
#define SLUICE_TESTS_BENCH_SINK_H

#include "pipeline/net/server.h"

struct bench_sink {
	struct server_shard shard;
	struct server *server;
	struct logger *logger;
	struct log log;
	uint64_t requests, spans;
	uint64_t bytes; /* of decoded bodies */
};

void bench_sink_open(struct bench_sink *sink, struct loop *loop, struct budget *budget);
uint16_t bench_sink_port(const struct bench_sink *sink);
void bench_sink_close(struct bench_sink *sink, struct loop *loop);

#endif
