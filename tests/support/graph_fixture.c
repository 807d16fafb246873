/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/graph_fixture.h"

#include "pipeline/base/clock.h"
#include "tests/support/trace_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_S = 60 };

bool graph_fixture_build(struct graph_fixture *fixture, const char *yaml, size_t shard_count)
{
	const struct graph_options options = {.shard_count = shard_count, .version = "test"};
	memset(fixture, 0, sizeof(*fixture));
	config_support_init(&fixture->config);
	const struct config_node *root = config_support_load_text(&fixture->config, yaml);
	if (root)
		fixture->service =
			config_service_bind(root, graph_known_types(), &fixture->config.report);
	if (fixture->service)
		fixture->graph = graph_new(fixture->service, &options, &fixture->config.report);
	return fixture->graph != NULL;
}

/* A sender like the one it had, in front of a script. Series stay those of the old one: 0. */
static void replace_exporter(struct graph_fixture *fixture, size_t at)
{
	struct graph *graph = fixture->graph;
	struct exporter_node *exporter = &graph->exporters[at];
	struct scripted_exporter *script = malloc(sizeof(*script));
	const struct delivery_config *config =
		exporter->node.type->exporter->delivery(exporter->node.config);
	assert_non_null(script);
	script_init(script);
	fixture->scripts[at] = script;
	fixture->replaced[at] = exporter->sender;
	exporter->sender = sender_new(config, &script->target, &exporter->node.log, &graph->budget,
				      graph->keys);
	assert_non_null(exporter->sender);
}

/* Its script needs no start. */
static int start_sender(struct exporter_node *exporter, struct err *err)
{
	return sender_start(exporter->sender, &exporter->consumer.home->loop, err);
}

static void start(struct graph *graph, size_t at)
{
	struct err err;
	struct consumer *consumer = graph->consumers[at];
	size_t first_exporter = graph->consumer_count;
	for (size_t i = 0; i < graph->exporter_count; i++)
		first_exporter -= graph->exporters[i].sender != NULL;
	bool is_exporter = at >= first_exporter;
	consumer->home =
		&graph->shards[is_exporter ? (at - first_exporter) % graph->shard_count : 0];
	int failure =
		is_exporter
			? start_sender(CONTAINER_OF(consumer, struct exporter_node, consumer), &err)
			: consumer->ops->start(consumer, &err);
	assert_int_equal(failure, 0);
}

void graph_fixture_open(struct graph_fixture *fixture, const char *yaml, size_t shard_count)
{
	struct err err;
	if (!graph_fixture_build(fixture, yaml, shard_count))
		fail_msg("%s", config_support_errors(&fixture->config));
	struct graph *graph = fixture->graph;
	assert_true(graph->exporter_count <= GRAPH_FIXTURE_EXPORTERS_MAX);
	for (; graph->loops_made < graph->shard_count; graph->loops_made++)
		assert_int_equal(loop_init(&graph->shards[graph->loops_made].loop, &err), 0);
	for (size_t i = 0; i < graph->exporter_count; i++) {
		struct exporter_node *exporter = &graph->exporters[i];
		if (exporter->sender)
			replace_exporter(fixture, i);
	}
	for (size_t i = graph->consumer_count; i-- > 0;)
		start(graph, i);
}

static void turn(struct graph *graph)
{
	for (size_t i = 0; i < graph->loops_made; i++)
		(void)uv_run(&graph->shards[i].loop.uv, UV_RUN_NOWAIT);
}

void graph_fixture_run_until(struct graph_fixture *fixture, bool (*done)(void *arg), void *arg)
{
	uint64_t deadline = clock_monotonic_ns() + DEADLINE_S * NS_PER_S;
	while (!done(arg)) {
		assert_true(clock_monotonic_ns() < deadline);
		turn(fixture->graph);
	}
}

static bool is_empty(void *arg)
{
	return consumers_flush(arg) == 0;
}

void graph_fixture_drain(struct graph_fixture *fixture)
{
	graph_fixture_run_until(fixture, is_empty, fixture->graph);
	turn(fixture->graph); /* acknowledgements that were posted meanwhile */
}

static void stop(struct graph *graph)
{
	for (size_t i = 0; i < graph->consumer_count; i++) {
		if (graph->consumers[i]->home)
			graph->consumers[i]->ops->stop(graph->consumers[i]);
	}
	turn(graph);
}

static void release_stage(struct stage *stage)
{
	for (size_t i = 0; i < stage->consumer_count; i++)
		consumer_free(stage->consumers[i]);
	stage->consumer_count = 0;
}

static void release_processor(struct graph *graph, struct processor_node *processor)
{
	consumer_free(processor->held);
	processor->held = NULL;
	for (size_t i = 0; processor->shard_states && i < graph->shard_count; i++) {
		processor->node.type->processor->shard_free(processor->shard_states[i]);
		processor->shard_states[i] = NULL;
	}
}

/* Frees what is kept between requests: it belongs to shards and assemblers, not to a request. */
static void release_scratch(struct graph *graph)
{
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		struct pipeline *pipeline = &graph->pipelines[p];
		for (size_t i = 0; i < pipeline->stage_count; i++)
			release_stage(&pipeline->stages[i]);
		pipeline->group_count = 0;
		for (size_t i = 0; i < pipeline->processor_count; i++)
			release_processor(graph, &pipeline->processors[i]);
	}
	trace_memory_free(graph->memory); /* what processors remember of traces */
	graph->memory = NULL;
	for (size_t i = 0; i < graph->shard_count; i++) {
		struct shard *shard = &graph->shards[i];
		view_free(shard->view);
		shard->view = view_new(&graph->budget, graph->keys);
	}
}

void graph_fixture_close(struct graph_fixture *fixture)
{
	struct graph *graph = fixture->graph;
	if (graph) {
		if (graph->state != GRAPH_ENDED)
			stop(graph);
		release_scratch(graph);
	}
	uint64_t held = graph ? budget_used(&graph->budget) : 0;
	graph_free(graph);
	for (size_t i = 0; i < GRAPH_FIXTURE_EXPORTERS_MAX; i++) {
		sender_free(fixture->replaced[i]);
		free(fixture->scripts[i]);
	}
	config_support_fini(&fixture->config);
	assert_int_equal(held, 0);
}

static void add_padding(struct buf *out, uint32_t field, size_t bytes)
{
	char *text = calloc(1, bytes + 1);
	assert_non_null(text);
	memset(text, 'p', bytes);
	if (bytes > 0)
		tw_attr_text(out, field, "pad", text);
	free(text);
}

void graph_request(struct buf *out, uint64_t first, uint32_t spans, size_t padding,
		   size_t resource_padding)
{
	size_t request = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	add_padding(out, RESOURCE_ATTRIBUTES, resource_padding);
	tw_close(out, resource);
	size_t scope = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint64_t id = first; id < first + spans; id++) {
		size_t span = tw_open(out, SCOPE_SPANS_SPANS);
		tw_bytes(out, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
		tw_bytes(out, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
		tw_text(out, SPAN_NAME, id % 2 ? "odd" : "even");
		add_padding(out, SPAN_ATTRIBUTES, padding);
		tw_close(out, span);
	}
	tw_close(out, scope);
	tw_close(out, request);
}

void graph_waiting_span(struct buf *out, uint64_t id, size_t text_bytes)
{
	uint64_t trace_id[2] = {id + 1, id + 1};
	struct buf span = BUF_INIT;
	tw_bytes(&span, SPAN_TRACE_ID, slice_of(trace_id, sizeof(trace_id)));
	tw_bytes(&span, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
	tw_bytes(&span, SPAN_PARENT_SPAN_ID, SLICE("01234567"));
	tw_text(&span, SPAN_NAME, "llm_request");
	tw_attr_int(&span, SPAN_ATTRIBUTES, "gen_ai.usage.prompt_tokens", 7);
	tw_attr_int(&span, SPAN_ATTRIBUTES, "gen_ai.request.max_tokens", 7);
	add_padding(&span, SPAN_ATTRIBUTES, text_bytes);
	tw_request_of_span(out, buf_slice(&span));
	buf_fini(&span);
}

void graph_tiny_spans(struct buf *out, uint32_t spans, size_t large_bytes)
{
	size_t request = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	if (large_bytes > 0) {
		size_t large = tw_open(out, SCOPE_SPANS_SPANS);
		tw_text(out, SPAN_NAME, "large");
		add_padding(out, SPAN_ATTRIBUTES, large_bytes);
		tw_close(out, large);
	}
	for (uint32_t i = 0; i < spans; i++) {
		uint64_t id = i % 1000;
		size_t span = tw_open(out, SCOPE_SPANS_SPANS);
		tw_bytes(out, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
		tw_close(out, span);
	}
	tw_close(out, scope);
	tw_close(out, request);
}

static void on_done(struct push *push, const struct push_result *result)
{
	struct graph_push *self = CONTAINER_OF(push, struct graph_push, push);
	self->answers++;
	self->outcome = result->outcome;
	self->retry_after_ns = result->retry_after_ns;
	self->span_count = result->span_count;
	self->err_kind = result->err.kind;
	(void)snprintf(self->message, sizeof(self->message), "%.255s", result->err.msg);
}

void graph_fixture_push(struct graph_fixture *fixture, size_t shard, struct slice body,
			size_t slack, struct graph_push *push)
{
	struct graph *graph = fixture->graph;
	struct chunk *chunk = chunk_new(&graph->budget, body.len + slack);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, body));
	*push = (struct graph_push){.push.done = on_done};
	receiver_push(&graph->receivers[0].port, &graph->server_shards[shard], PUSH_GRPC, chunk,
		      &push->push);
	chunk_unref(chunk);
}

struct exporter_node *graph_fixture_exporter(struct graph_fixture *fixture, size_t at)
{
	assert_true(at < fixture->graph->exporter_count);
	return &fixture->graph->exporters[at];
}

const struct ledger *graph_fixture_ledger(struct graph_fixture *fixture, size_t at)
{
	return sender_ledger(graph_fixture_exporter(fixture, at)->sender);
}

double graph_fixture_metric(struct graph_fixture *fixture, const char *name, const char *labels)
{
	double value = 0;
	if (!metrics_value(fixture->graph->metrics, name, labels, &value))
		fail_msg("no series %s{%s}", name, labels);
	return value;
}
