/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph made, started and run; stop.c is the rest of its life. Everything here runs on the main
 * thread; the shards' threads are spoken to by tasks.
 */
#include "pipeline/base/clock.h"
#include "pipeline/base/machine.h"
#include "pipeline/base/memory.h"
#include "pipeline/graph/internal.h"
#include "pipeline/graph/summary.h"

#include <stdlib.h>
#include <string.h>

enum { REPORT_INTERVAL_MS = 10000 };

/* ---- made ----------------------------------------------------------------------------------- */

static int make_shards(struct graph *graph, struct err *err)
{
	for (size_t i = 0; i < graph->shard_count; i++) {
		struct shard *shard = &graph->shards[i];
		shard->number = i;
		shard->graph = graph;
		shard->server = &graph->server_shards[i];
		shard->view = view_new(&graph->budget, graph->keys);
		shard->transfers = arena_calloc(graph->arena, graph->transfer_capacity,
						sizeof(*shard->transfers));
		*shard->server = (struct server_shard){
			.loop = &shard->loop, .coder = coder_new(), .budget = &graph->budget};
		if (!shard->view || !shard->transfers || !shard->server->coder)
			return err_set(err, ERR_NOMEM, "out of memory");
		if (view_use_patterns(shard->view, err) != 0)
			return -1;
	}
	return 0;
}

struct graph *graph_new(const struct config_service *service, const struct graph_options *options,
			struct config_report *report)
{
	struct err err;
	struct graph *graph = calloc(1, sizeof(*graph));
	if (!graph)
		return NULL;
	graph->service = service;
	graph->options = *options;
	graph->arena = report->arena;
	graph->log.logger = options->logger;
	graph->started_ns = clock_monotonic_ns();
	graph->started_wall_ns = clock_wall_ns();
	budget_init(&graph->budget, machine_memory_bytes() / 4 * 3);
	graph->shard_count = options->shard_count > 0 ? options->shard_count : machine_cpus();
	if (graph->shard_count > GRAPH_SHARDS_MAX)
		graph->shard_count = GRAPH_SHARDS_MAX;
	graph->metrics = metrics_new();
	graph->keys = key_table_new();
	graph->memory = trace_memory_new(&graph->budget, NULL);
	graph->shards = calloc(graph->shard_count, sizeof(*graph->shards));
	graph->server_shards = calloc(graph->shard_count, sizeof(*graph->server_shards));
	graph->main_coder = coder_new();
	if (!graph->metrics || !graph->keys || !graph->shards || !graph->server_shards ||
	    !graph->main_coder || !graph->memory || !telemetry_register(graph) ||
	    !trace_memory_register(graph->memory, graph->metrics) ||
	    graph_bind_components(graph, report) != 0 || key_table_freeze(graph->keys, &err) != 0 ||
	    make_shards(graph, &err) != 0) {
		if (report->error_count == 0)
			config_problem(report, CONFIG_ERROR, (struct config_loc){0}, "", NULL,
				       "out of memory");
		graph_free(graph);
		return NULL;
	}
	return graph;
}

/* Calls ${visit} for each processor of the graph. */
static void each_processor(struct graph *graph, void (*visit)(struct node *node, void *arg),
			   void *arg)
{
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		struct pipeline *pipeline = &graph->pipelines[p];
		for (size_t i = 0; i < pipeline->processor_count; i++)
			visit(&pipeline->processors[i].node, arg);
	}
}

static void lint_processor(struct node *node, void *arg)
{
	if (node->type->processor->lint)
		node->type->processor->lint(node->self, arg);
}

void graph_lint(struct graph *graph, struct config_report *report)
{
	each_processor(graph, lint_processor, report);
	graph_lint_policies(graph, report);
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		const struct pipeline *pipeline = &graph->pipelines[p];
		for (size_t s = 0; s + 1 < pipeline->stage_count; s++) {
			bool is_last = s + 2 == pipeline->stage_count &&
				       pipeline->stages[s + 1].processor_count == 0;
			config_problem(report, CONFIG_WARNING, graph->service->pipelines[p].loc,
				       pipeline->id, NULL,
				       "batch is followed by %s: spans that wait in it were "
				       "acknowledged and are lost in a crash; put batch last%s",
				       is_last ? "a connector" : "another processor",
				       is_last ? " in the pipelines behind it" : "");
		}
	}
}

/* ---- started -------------------------------------------------------------------------------- */

static int make_loops(struct graph *graph, struct err *err)
{
	if (loop_init(&graph->main_loop, err) != 0)
		return -1;
	graph->main_loop_made = true;
	graph->main_shard = (struct server_shard){
		.loop = &graph->main_loop, .coder = graph->main_coder, .budget = &graph->budget};
	for (; graph->loops_made < graph->shard_count; graph->loops_made++) {
		if (loop_init(&graph->shards[graph->loops_made].loop, err) != 0)
			return -1;
	}
	return 0;
}

static int start_extensions(struct graph *graph, struct err *err)
{
	const struct extension_host host = {.loop = &graph->main_loop, .shard = &graph->main_shard};
	for (size_t i = 0; i < graph->extension_count; i++) {
		struct node *node = &graph->extensions[i];
		if (node->type->extension->start(node->self, &host, err) != 0)
			return err_wrap(err, "extensions::%s", node->id);
		node->started = true;
	}
	return 0;
}

static int start_receivers(struct graph *graph, struct err *err)
{
	for (size_t i = 0; i < graph->receiver_count; i++) {
		struct receiver_node *receiver = &graph->receivers[i];
		if (!receiver->node.self)
			continue;
		const struct receiver_host host = {.port = &receiver->port,
						   .accept_loop = &graph->main_loop,
						   .shards = graph->server_shards,
						   .shard_count = graph->shard_count};
		if (receiver->node.type->receiver->start(receiver->node.self, &host, err) != 0)
			return err_wrap(err, "receivers::%s", receiver->node.id);
		receiver->node.started = true;
	}
	return 0;
}

static void on_report(uv_timer_t *timer);

static int start_timers(struct graph *graph, struct err *err)
{
	int failure = uv_timer_init(&graph->main_loop.uv, &graph->tick_timer);
	if (!failure)
		failure = uv_timer_init(&graph->main_loop.uv, &graph->report_timer);
	if (!failure)
		failure = uv_timer_start(&graph->report_timer, on_report, REPORT_INTERVAL_MS,
					 REPORT_INTERVAL_MS);
	if (failure)
		return err_set(err, ERR_IO, "make a timer: %s", uv_strerror(failure));
	graph->timers_made = true;
	return 0;
}

static void *run_shard(void *arg)
{
	struct shard *shard = arg;
	loop_run(&shard->loop);
	return NULL;
}

static int start_threads(struct graph *graph, struct err *err)
{
	for (size_t i = 0; i < graph->shard_count; i++) {
		struct shard *shard = &graph->shards[i];
		int failure = pthread_create(&shard->thread, NULL, run_shard, shard);
		if (failure)
			return err_set_sys(err, failure, "start a shard's thread");
		shard->thread_started = true;
	}
	return 0;
}

int graph_start(struct graph *graph, struct err *err)
{
	if (make_loops(graph, err) != 0 || start_timers(graph, err) != 0 ||
	    telemetry_start(graph, err) != 0 || start_extensions(graph, err) != 0 ||
	    consumers_start(graph, err) != 0 || start_receivers(graph, err) != 0 ||
	    start_threads(graph, err) != 0)
		return -1;
	graph->state = GRAPH_RUNNING;
	return 0;
}

/* ---- running -------------------------------------------------------------------------------- */

static void report_processor(struct node *node, void *arg)
{
	(void)arg;
	if (node->type->processor->report)
		node->type->processor->report(node->self);
}

void graph_report(struct graph *graph)
{
	each_processor(graph, report_processor, NULL);
}

/* The same number twice: nothing, or hardly anything, has come and gone meanwhile. */
static void give_back_when_idle(struct graph *graph)
{
	uint64_t used_bytes = budget_used(&graph->budget);
	if (used_bytes == graph->reported_bytes)
		memory_give_back();
	graph->reported_bytes = used_bytes;
}

static void on_report(uv_timer_t *timer)
{
	struct graph *graph = CONTAINER_OF(timer, struct graph, report_timer);
	graph_report(graph);
	give_back_when_idle(graph);
	trace_memory_sweep(graph->memory);
}

static void announce_ready(struct graph *graph)
{
	for (size_t i = 0; i < graph->extension_count; i++) {
		const struct node *node = &graph->extensions[i];
		if (node->type->extension->ready)
			node->type->extension->ready(node->self, true);
	}
	graph_log_summary(graph);
	log_info(&graph->log, LOG_MSG("Everything is ready. Begin running and processing data."),
		 LOG_UINT("shards", graph->shard_count),
		 LOG_DOUBLE("start_ms", (double)(clock_monotonic_ns() - graph->started_ns) / 1e6));
	if (graph->options.ready)
		graph->options.ready(graph->options.arg, graph);
}

int graph_run(struct graph *graph)
{
	announce_ready(graph);
	loop_run(&graph->main_loop);
	return graph->exit_code;
}

void graph_describe(const struct graph *graph, struct buf *out)
{
	for (size_t i = 0; i < graph->receiver_count; i++) {
		const struct node *node = &graph->receivers[i].node;
		if (!node->started || !node->type->receiver->describe)
			continue;
		buf_printf(out, "%s ", node->id);
		node->type->receiver->describe(node->self, out);
		buf_append_byte(out, '\n');
	}
}

void *graph_exporter(const struct graph *graph, const char *type, size_t at)
{
	for (size_t i = 0; i < graph->exporter_count; i++) {
		const struct node *node = &graph->exporters[i].node;
		if (node->self && strcmp(node->type->names[0], type) == 0 && at-- == 0)
			return node->self;
	}
	return NULL;
}

void *graph_extension(const struct graph *graph, const char *type)
{
	for (size_t i = 0; i < graph->extension_count; i++) {
		const struct node *node = &graph->extensions[i];
		if (node->self && strcmp(node->type->names[0], type) == 0)
			return node->self;
	}
	return NULL;
}

struct metrics *graph_metrics(const struct graph *graph)
{
	return graph->metrics;
}

struct budget *graph_budget(struct graph *graph)
{
	return &graph->budget;
}

struct loop *graph_loop(struct graph *graph)
{
	return &graph->main_loop;
}

const struct log *graph_log(const struct graph *graph)
{
	return &graph->log;
}
