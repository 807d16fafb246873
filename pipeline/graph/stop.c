/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the graph, on the main thread:
 *
 *   RUNNING ─stop─▶ DRAINING ─▶ SENDING ─▶ ABORTING ─▶ ENDED
 *                   receivers   batches    cancelled   handles closed,
 *                   finish      flushed,   exports     threads joined
 *                               queues     come back
 *                               empty
 *
 * One deadline spans DRAINING and SENDING: a third of it is for the receivers, the rest for the
 * queues. What the queues still hold then is dropped, counted and logged. The main loop looks every
 * TICK_MS whether the state is over: nothing here is worth a callback chain across threads.
 */
#include "pipeline/base/clock.h"
#include "pipeline/graph/internal.h"

#include <stdlib.h>

enum {
	TICK_MS = 20,
	ABORT_SECONDS_MAX = 2, /* for cancelled exports to come back */
	RECEIVERS_SHARE = 3,   /* of the deadline: one part in three */
};

static uint64_t since_ns(uint64_t began_ns)
{
	return clock_monotonic_ns() - began_ns;
}

/* Closes everything on the shards' loops and ends their threads. Also after a start half-way. */
static void stop_shards(struct graph *graph)
{
	consumers_stop(graph);
	for (size_t i = 0; i < graph->loops_made; i++) {
		struct shard *shard = &graph->shards[i];
		loop_stop(&shard->loop);
		if (shard->thread_started)
			(void)pthread_join(shard->thread, NULL);
		else
			loop_run(&shard->loop);
		shard->thread_started = false;
	}
}

static void on_receiver_drained(void *arg)
{
	struct receiver_node *receiver = arg;
	if (receiver->drained)
		return;
	receiver->drained = true;
	receiver->port.graph->receivers_draining--;
}

static void drain_receiver(struct graph *graph, struct receiver_node *receiver)
{
	if (receiver->drain_asked || !receiver->node.self)
		return;
	receiver->drain_asked = true;
	graph->receivers_draining++;
	receiver->node.type->receiver->drain(receiver->node.self, on_receiver_drained, receiver);
}

/* Also those that were started half-way: a listener that stays open would keep its loop alive. */
static void abort_receivers(struct graph *graph)
{
	for (size_t i = 0; i < graph->receiver_count; i++) {
		struct receiver_node *receiver = &graph->receivers[i];
		drain_receiver(graph, receiver);
		if (receiver->node.self && !receiver->drained)
			receiver->node.type->receiver->abort(receiver->node.self);
	}
}

static void end(struct graph *graph)
{
	if (graph->state == GRAPH_ENDED)
		return;
	graph->state = GRAPH_ENDED;
	abort_receivers(graph);
	stop_shards(graph);
	for (size_t i = 0; i < graph->extension_count; i++) {
		const struct node *node = &graph->extensions[i];
		if (node->started && node->type->extension->stop)
			node->type->extension->stop(node->self);
	}
	telemetry_stop(graph);
	if (graph->timers_made) {
		uv_close((uv_handle_t *)&graph->tick_timer, NULL);
		uv_close((uv_handle_t *)&graph->report_timer, NULL);
	}
	graph->timers_made = false;
	if (graph->main_loop_made)
		loop_stop(&graph->main_loop);
}

static void complete(struct graph *graph)
{
	logger_renew_patience(graph->log.logger);
	graph_report(graph);
	log_info(&graph->log, LOG_MSG("Shutdown complete."),
		 LOG_UINT("spans_left", consumers_flush(graph)));
	end(graph);
}

static void begin_abort(struct graph *graph)
{
	graph->state = GRAPH_ABORTING;
	graph->abort_began_ns = clock_monotonic_ns();
	graph->exit_code = consumers_flush(graph) > 0 ? 1 : 0;
	consumers_abort(graph);
}

/* Looks whether the current state of the end is over. */
static void on_tick(uv_timer_t *timer)
{
	struct graph *graph = CONTAINER_OF(timer, struct graph, tick_timer);
	uint64_t limit = graph->options.shutdown_timeout_ns;
	uint64_t age = since_ns(graph->stop_began_ns);
	switch (graph->state) {
	case GRAPH_DRAINING:
		if (graph->receivers_draining == 0)
			graph->state = GRAPH_SENDING;
		else if (age > limit / RECEIVERS_SHARE)
			abort_receivers(graph);
		break;
	case GRAPH_SENDING:
		if (consumers_flush(graph) == 0)
			complete(graph);
		else if (age > limit)
			begin_abort(graph);
		break;
	case GRAPH_ABORTING:
		if (consumers_flush(graph) == 0 ||
		    since_ns(graph->abort_began_ns) > ABORT_SECONDS_MAX * NS_PER_S)
			complete(graph);
		break;
	case GRAPH_NEW:
	case GRAPH_RUNNING:
	case GRAPH_ENDED: break;
	}
}

void graph_stop(struct graph *graph)
{
	if (graph->state == GRAPH_DRAINING || graph->state == GRAPH_SENDING) {
		abort_receivers(graph);
		begin_abort(graph);
		return;
	}
	if (graph->state != GRAPH_RUNNING)
		return;
	log_info(&graph->log, LOG_MSG("Starting shutdown..."));
	graph->state = GRAPH_DRAINING;
	graph->stop_began_ns = clock_monotonic_ns();
	for (size_t i = 0; i < graph->extension_count; i++) {
		const struct node *node = &graph->extensions[i];
		if (node->type->extension->ready)
			node->type->extension->ready(node->self, false);
	}
	for (size_t i = 0; i < graph->receiver_count; i++)
		drain_receiver(graph, &graph->receivers[i]);
	/* Fails only for a timer that is being closed. */
	(void)uv_timer_start(&graph->tick_timer, on_tick, 0, TICK_MS);
}

/* ---- freed ---------------------------------------------------------------------------------- */

static void free_loops(struct graph *graph)
{
	for (size_t i = 0; i < graph->loops_made; i++)
		loop_fini(&graph->shards[i].loop);
	if (graph->main_loop_made)
		loop_fini(&graph->main_loop);
}

static void free_components(struct graph *graph)
{
	for (size_t i = 0; graph->receivers && i < graph->receiver_count; i++) {
		struct node *node = &graph->receivers[i].node;
		if (node->self)
			node->type->receiver->destroy(node->self);
	}
	for (size_t i = 0; i < graph->pipeline_count; i++)
		pipeline_free(&graph->pipelines[i]);
	for (size_t i = 0; graph->exporters && i < graph->exporter_count; i++)
		consumer_free(&graph->exporters[i].consumer);
	for (size_t i = 0; graph->extensions && i < graph->extension_count; i++) {
		struct node *node = &graph->extensions[i];
		if (node->self)
			node->type->extension->destroy(node->self);
	}
}

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	if (graph->main_loop_made)
		end(graph);
	free_loops(graph);
	free_components(graph);
	admin_server_fini(&graph->metrics_server);
	for (size_t i = 0; graph->shards && graph->server_shards && i < graph->shard_count; i++) {
		if (graph->shards[i].server) /* made */
			view_free(graph->shards[i].view);
		coder_free(graph->server_shards[i].coder);
	}
	coder_free(graph->main_coder);
	free(graph->shards);
	free(graph->server_shards);
	trace_memory_free(graph->memory);
	key_table_free(graph->keys);
	metrics_free(graph->metrics);
	free(graph);
}
