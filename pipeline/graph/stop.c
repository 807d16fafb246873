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

static uint64_t held_in_rooms(struct stage *stage)
{
	uint64_t held = 0;
	for (size_t i = 0; i < stage->processor_count; i++) {
		struct waiting_room *room = stage->processors[i].room;
		if (!room)
			continue;
		held += waiting_room_held_spans(room);
		waiting_room_flush(room);
	}
	return held;
}

/* In the order in which spans move on: what leaves one place while it is being counted is then
 * counted in the next one, never in neither. */
static uint64_t held_by_stages(struct pipeline *pipeline)
{
	uint64_t held = 0;
	for (size_t i = 0; i < pipeline->stage_count; i++) {
		struct holder *holder = pipeline->stages[i].holder;
		held += held_in_rooms(&pipeline->stages[i]);
		if (!holder)
			continue;
		held += holder_held_spans(holder);
		holder_flush(holder);
	}
	return held;
}

/* Also sends on what waits for more. Stages first, in the order of connectors: what has left them is
 * with the senders then. */
static uint64_t held_spans(struct graph *graph)
{
	uint64_t held = 0;
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		struct pipeline *pipeline = graph->order[p];
		held += held_by_stages(pipeline);
		for (size_t i = 0; i < pipeline->group_count; i++)
			assembler_flush(pipeline->groups[i].assembler);
	}
	for (size_t i = 0; i < graph->exporter_count; i++) {
		if (graph->exporters[i].sender)
			held += sender_held_spans(graph->exporters[i].sender);
	}
	return held;
}

static void run_abort(struct loop_task *task)
{
	struct exporter_node *exporter = CONTAINER_OF(task, struct exporter_node, abort_task);
	sender_abort(exporter->sender);
}

static void run_abort_stage(struct loop_task *task)
{
	holder_abort(CONTAINER_OF(task, struct stage, abort_task)->holder);
}

static void abort_stages(struct graph *graph)
{
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		struct pipeline *pipeline = &graph->pipelines[p];
		for (size_t i = 0; i < pipeline->stage_count; i++) {
			struct stage *stage = &pipeline->stages[i];
			stage->abort_task.run = run_abort_stage;
			if (stage->holder_home)
				loop_post(stage->holder_home, &stage->abort_task);
		}
	}
}

static void abort_senders(struct graph *graph)
{
	for (size_t i = 0; i < graph->exporter_count; i++) {
		struct exporter_node *exporter = &graph->exporters[i];
		if (!exporter->node.started)
			continue;
		exporter->abort_task.run = run_abort;
		loop_post(exporter->home, &exporter->abort_task);
	}
}

static void run_stop_exporter(struct loop_task *task)
{
	struct exporter_node *exporter = CONTAINER_OF(task, struct exporter_node, stop_task);
	if (exporter->node.started && exporter->node.type->exporter->stop)
		exporter->node.type->exporter->stop(exporter->node.self);
	sender_stop(exporter->sender);
}

static void run_stop_group(struct loop_task *task)
{
	assembler_stop(CONTAINER_OF(task, struct group, stop_task)->assembler);
}

static void run_stop_stage(struct loop_task *task)
{
	holder_stop(CONTAINER_OF(task, struct stage, stop_task)->holder);
}

/* Closes everything on the shards' loops and ends their threads. Also after a start half-way. */
static void stop_shards(struct graph *graph)
{
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		struct pipeline *pipeline = &graph->pipelines[p];
		for (size_t i = 0; i < pipeline->group_count; i++) {
			struct group *group = &pipeline->groups[i];
			group->stop_task.run = run_stop_group;
			if (group->home)
				loop_post(group->home, &group->stop_task);
		}
		for (size_t i = 0; i < pipeline->processor_count; i++) {
			if (pipeline->processors[i].room)
				waiting_room_post_stop(pipeline->processors[i].room);
		}
		for (size_t s = 0; s < pipeline->stage_count; s++) {
			struct stage *stage = &pipeline->stages[s];
			stage->stop_task.run = run_stop_stage;
			if (stage->holder_home)
				loop_post(stage->holder_home, &stage->stop_task);
		}
	}
	for (size_t i = 0; i < graph->exporter_count; i++) {
		struct exporter_node *exporter = &graph->exporters[i];
		exporter->stop_task.run = run_stop_exporter;
		if (exporter->home)
			loop_post(exporter->home, &exporter->stop_task);
	}
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
		 LOG_UINT("spans_left", held_spans(graph)));
	end(graph);
}

static void begin_abort(struct graph *graph)
{
	graph->state = GRAPH_ABORTING;
	graph->abort_began_ns = clock_monotonic_ns();
	graph->exit_code = held_spans(graph) > 0 ? 1 : 0;
	abort_stages(graph);
	abort_senders(graph);
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
		if (held_spans(graph) == 0)
			complete(graph);
		else if (age > limit)
			begin_abort(graph);
		break;
	case GRAPH_ABORTING:
		if (held_spans(graph) == 0 ||
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

static void free_processor(struct graph *graph, struct processor_node *processor)
{
	waiting_room_free(processor->room);
	if (!processor->node.self)
		return;
	const struct processor_ops *ops = processor->node.type->processor;
	for (size_t i = 0; processor->shard_states && i < graph->shard_count; i++) {
		if (processor->shard_states[i])
			ops->shard_free(processor->shard_states[i]);
	}
	if (ops->destroy)
		ops->destroy(processor->node.self);
}

static void free_pipeline(struct graph *graph, struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->processor_count; i++)
		free_processor(graph, &pipeline->processors[i]);
	for (size_t i = 0; i < pipeline->stage_count; i++)
		holder_free(pipeline->stages[i].holder);
	for (size_t i = 0; i < pipeline->group_count; i++)
		assembler_free(pipeline->groups[i].assembler);
}

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
		free_pipeline(graph, &graph->pipelines[i]);
	for (size_t i = 0; graph->exporters && i < graph->exporter_count; i++) {
		struct exporter_node *exporter = &graph->exporters[i];
		if (exporter->node.self)
			exporter->node.type->exporter->destroy(exporter->node.self);
		sender_free(exporter->sender);
	}
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
	server_free(graph->metrics_server);
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
