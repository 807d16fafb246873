/* SPDX-License-Identifier: Apache-2.0 */
/* Shards push at once, with their threads, while batches, queues and the end are at work: every span
 * that was taken is accounted for, in each branch. */
#include "pipeline/base/clock.h"
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <pthread.h>
#include <cmocka.h>

enum { SHARDS = 2, REQUESTS = 300 };

struct run;

/* Pushes from one shard's thread. */
struct producer {
	struct loop_task task;
	struct run *run;
	size_t shard;
	uint64_t taken, refused; /* spans */
};

struct run {
	struct graph *graph;
	struct producer producers[SHARDS];
	_Atomic uint32_t running;
	struct loop_task stop_task;
};

struct one_push {
	struct push push;
	struct producer *producer;
};

static void on_done(struct push *push, const struct push_result *result)
{
	struct one_push *one = CONTAINER_OF(push, struct one_push, push);
	if (result->outcome == OUTCOME_TAKEN)
		one->producer->taken += result->span_count;
	else
		one->producer->refused += result->span_count;
	free(one);
}

static void produce(struct loop_task *task)
{
	struct producer *producer = CONTAINER_OF(task, struct producer, task);
	struct graph *graph = producer->run->graph;
	struct buf body = BUF_INIT;
	for (uint32_t i = 0; i < REQUESTS; i++) {
		buf_reset(&body);
		graph_request(&body, i, i % 40 + 1, i % 7 * 50, 30);
		struct chunk *chunk = chunk_new(&graph->budget, body.len);
		struct one_push *one = malloc(sizeof(*one));
		assert_non_null(chunk);
		assert_non_null(one);
		assert_true(chunk_append(chunk, buf_slice(&body)));
		*one = (struct one_push){.push.done = on_done, .producer = producer};
		receiver_push(&graph->receivers[0].port, &graph->server_shards[producer->shard],
			      PUSH_HTTP, chunk, &one->push);
		chunk_unref(chunk);
	}
	buf_fini(&body);
	if (atomic_fetch_sub(&producer->run->running, 1) == 1)
		loop_post(&graph->main_loop, &producer->run->stop_task);
}

static void stop(struct loop_task *task)
{
	graph_stop(CONTAINER_OF(task, struct run, stop_task)->graph);
}

static void start_producers(void *arg, struct graph *graph)
{
	struct run *run = arg;
	run->graph = graph;
	run->stop_task.run = stop;
	atomic_store(&run->running, SHARDS);
	for (size_t i = 0; i < SHARDS; i++) {
		run->producers[i] = (struct producer){.task.run = produce, .run = run, .shard = i};
		loop_post(&graph->shards[i].loop, &run->producers[i].task);
	}
}

static const char yaml[] =
	"receivers: {nop: }\n"
	"processors:\n"
	"  batch: {send_batch_size: 100, send_batch_max_size: 120, timeout: 5ms}\n"
	"  batch/last: \n"
	"  filter: {traces: {span: ['name == \"odd\"']}}\n"
	"exporters:\n"
	"  nop/plain: {sending_queue: {queue_size: 100000}}\n"
	"  nop/small: {max_request_bytes: 3000, sending_queue: {queue_size: 20000, sizer: bytes}}\n"
	"  nop/waits: {sending_queue: {wait_for_result: true, queue_size: 100000, batch: "
	"{flush_timeout: 5ms, min_size: 50}}}\n"
	"  nop/last: {sending_queue: {queue_size: 100000, sizer: items}}\n"
	"service:\n"
	"  telemetry: {metrics: {level: none}}\n"
	"  pipelines:\n"
	"    traces/fan: {receivers: [nop], exporters: [nop/plain, nop/small, nop/waits]}\n"
	"    traces/middle: {receivers: [nop], processors: [batch, filter, batch/last], exporters: "
	"[nop/last]}\n";

/* Spans that ended in the sender of exporter ${at}; nothing may be held. */
static uint64_t accounted(struct graph *graph, size_t at)
{
	struct sender *sender = graph->exporters[at].sender;
	const struct ledger *ledger = sender_ledger(sender);
	uint64_t spans = counter_get(&ledger->sent);
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++)
		spans += counter_get(&ledger->dropped[reason]);
	assert_int_equal(sender_held_spans(sender), 0);
	assert_int_equal(sender_used_units(sender), 0);
	assert_int_equal(counter_get(&ledger->in_flight), 0);
	return spans;
}

static void every_span_taken_is_accounted_for_in_each_branch(void **state)
{
	struct run run = {0};
	struct config_support config;
	struct err err;
	(void)state;
	config_support_init(&config);
	const struct graph_options options = {.shard_count = SHARDS,
					      .shutdown_timeout_ns = 30 * NS_PER_S,
					      .version = "test",
					      .ready = start_producers,
					      .arg = &run};
	const struct config_node *root = config_support_load_text(&config, yaml);
	const struct config_service *service =
		config_service_bind(root, graph_known_types(), &config.report);
	struct graph *graph = service ? graph_new(service, &options, &config.report) : NULL;
	if (!graph)
		fail_msg("%s", config_support_errors(&config));
	assert_int_equal(graph_start(graph, &err), 0);
	assert_int_equal(graph_run(graph), 0);
	uint64_t taken = 0, refused = 0, all = 0;
	for (size_t i = 0; i < SHARDS; i++) {
		taken += run.producers[i].taken;
		refused += run.producers[i].refused;
	}
	for (uint32_t i = 0; i < REQUESTS; i++)
		all += SHARDS * (i % 40 + 1);
	assert_int_equal(taken + refused, all); /* each push was answered */
	assert_int_equal(refused, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(accounted(graph, i), taken);
	const struct counter *outgoing = &graph->pipelines[1].processors[1].outgoing;
	const struct counter *incoming = &graph->pipelines[1].processors[1].incoming;
	assert_int_equal(counter_get(incoming), taken);
	assert_int_equal(accounted(graph, 3), counter_get(outgoing));
	graph_free(graph);
	config_support_fini(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_span_taken_is_accounted_for_in_each_branch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
