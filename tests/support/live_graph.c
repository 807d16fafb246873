/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/live_graph.h"

#include "pipeline/base/clock.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_S = 60 };

void live_graph_open(struct live_graph *fixture, const char *yaml, uint64_t shutdown_ns,
		     const struct component_type *type)
{
	const struct graph_options options = {.shard_count = LIVE_GRAPH_SHARDS,
					      .shutdown_timeout_ns = shutdown_ns,
					      .version = "test"};
	struct err err;
	fixture->text = strdup(yaml);
	assert_non_null(fixture->text);
	config_support_init(&fixture->config);
	const struct config_node *root = config_support_load_text(&fixture->config, fixture->text);
	assert_non_null(root);
	const struct config_service *service =
		config_service_bind(root, graph_known_types(), &fixture->config.report);
	fixture->graph = service ? graph_new(service, &options, &fixture->config.report) : NULL;
	if (!fixture->graph)
		fail_msg("%s", config_support_errors(&fixture->config));
	if (type)
		fixture->graph->pipelines[0].processors[0].node.type = type;
	if (graph_start(fixture->graph, &err) != 0)
		fail_msg("%s", err.msg);
	budget_init(&fixture->budget, UINT64_MAX);
	llmd_fixture_build(FIXTURE_A5, false, &fixture->budget, &fixture->requests);
}

/* Stops as a signal does: everything held leaves first. */
void live_graph_stop(struct live_graph *fixture, int exit_code)
{
	graph_stop(fixture->graph);
	assert_int_equal(graph_run(fixture->graph), exit_code);
}

void live_graph_free(struct live_graph *fixture)
{
	graph_free(fixture->graph);
	example_requests_fini(&fixture->requests);
	assert_int_equal(budget_used(&fixture->budget), 0);
	config_support_fini(&fixture->config);
	free(fixture->text);
}

void live_graph_close(struct live_graph *fixture, int exit_code)
{
	live_graph_stop(fixture, exit_code);
	live_graph_free(fixture);
}

double live_graph_metric(const struct live_graph *fixture, const char *name, const char *labels)
{
	double value = -1;
	if (!metrics_value(graph_metrics(fixture->graph), name, labels, &value))
		fail_msg("no series %s{%s}", name, labels);
	return value;
}

/* Waits until the metric has the value. */
void live_graph_await(const struct live_graph *fixture,
		      double (*read)(const struct live_graph *fixture), double value)
{
	uint64_t deadline_ns = clock_monotonic_ns() + DEADLINE_S * NS_PER_S;
	while (read(fixture) != value) {
		if (clock_monotonic_ns() > deadline_ns)
			fail_msg("%g instead of %g", read(fixture), value);
		(void)sched_yield();
	}
}

/* ---- pushing on a shard's thread ------------------------------------------------------------ */

struct pushing {
	struct loop_task task;
	struct push push;
	struct live_graph *fixture;
	size_t shard;
	struct chunk *body;
	struct push_result result;
	_Atomic bool done;
};

static void on_done(struct push *push, const struct push_result *result)
{
	struct pushing *pushing = CONTAINER_OF(push, struct pushing, push);
	pushing->result = *result;
	atomic_store(&pushing->done, true);
}

static void run_push(struct loop_task *task)
{
	struct pushing *pushing = CONTAINER_OF(task, struct pushing, task);
	struct graph *graph = pushing->fixture->graph;
	receiver_push(&graph->receivers[0].port, &graph->server_shards[pushing->shard], PUSH_HTTP,
		      pushing->body, &pushing->push);
}

enum outcome live_graph_push(struct live_graph *fixture, size_t shard, struct chunk *body)
{
	struct pushing pushing = {.task = {.run = run_push},
				  .push = {.done = on_done},
				  .fixture = fixture,
				  .shard = shard,
				  .body = body};
	loop_post(&fixture->graph->shards[shard].loop, &pushing.task);
	while (!atomic_load(&pushing.done))
		(void)sched_yield();
	return pushing.result.outcome;
}
