/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph that runs: shards on threads of their own, requests pushed on them, what became of them
 * counted by the metrics. With the requests of FIXTURE_A5 to push.
 */
#ifndef SLUICE_TESTS_LIVE_GRAPH_H
#define SLUICE_TESTS_LIVE_GRAPH_H

#include "pipeline/graph/internal.h"
#include "tests/support/config_support.h"
#include "tests/support/llmd_fixtures.h"

enum { LIVE_GRAPH_SHARDS = 2 };

struct live_graph {
	struct config_support config;
	struct graph *graph;
	struct budget budget; /* of the requests */
	struct example_requests requests;
	char *text;
};

/* Builds the graph of ${yaml} and starts it; fails the test on errors. Its end may take ${shutdown_ns}.
 * ${type} stands in for the type of the first pipeline's first processor, unless it is NULL. */
void live_graph_open(struct live_graph *fixture, const char *yaml, uint64_t shutdown_ns,
		     const struct component_type *type);

/* Stops as a signal does: everything held leaves first. */
void live_graph_stop(struct live_graph *fixture, int exit_code);

void live_graph_free(struct live_graph *fixture);

/* Both. */
void live_graph_close(struct live_graph *fixture, int exit_code);

/* The series' value now; fails the test when there is none. */
double live_graph_metric(const struct live_graph *fixture, const char *name, const char *labels);

/* Waits until ${read} gives ${value}; fails the test after a minute. */
void live_graph_await(const struct live_graph *fixture,
		      double (*read)(const struct live_graph *fixture), double value);

/* Pushes ${body} on the thread of a shard and waits for the answer. */
enum outcome live_graph_push(struct live_graph *fixture, size_t shard, struct chunk *body);

#endif
