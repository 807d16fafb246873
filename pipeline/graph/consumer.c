/* SPDX-License-Identifier: Apache-2.0 */
/* All consumers of a graph, in the order in which spans move on. The list is made once and owns none. */
#include "pipeline/graph/consumer.h"

#include "pipeline/graph/internal.h"

void consumer_free(struct consumer *consumer)
{
	if (consumer && consumer->ops && consumer->ops->free)
		consumer->ops->free(consumer);
}

/* ---- listed --------------------------------------------------------------------------------- */

static void add(struct graph *graph, struct consumer *consumer)
{
	if (consumer && consumer->ops->held)
		graph->consumers[graph->consumer_count++] = consumer;
}

static void add_stage(struct graph *graph, const struct stage *stage)
{
	for (size_t i = 0; i < stage->processor_count; i++)
		add(graph, stage->processors[i].held);
	for (size_t i = 0; i < stage->consumer_count; i++)
		add(graph, stage->consumers[i]);
}

static size_t count_all(const struct graph *graph)
{
	size_t count = graph->exporter_count;
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		const struct pipeline *pipeline = &graph->pipelines[p];
		count += pipeline->processor_count;
		for (size_t s = 0; s < pipeline->stage_count; s++)
			count += pipeline->stages[s].consumer_count;
	}
	return count;
}

bool consumers_list(struct graph *graph)
{
	graph->consumers =
		arena_calloc(graph->arena, count_all(graph) + 1, sizeof(struct consumer *));
	if (!graph->consumers)
		return false;
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		for (size_t s = 0; s < graph->order[p]->stage_count; s++)
			add_stage(graph, &graph->order[p]->stages[s]);
	}
	for (size_t i = 0; i < graph->exporter_count; i++) {
		if (graph->exporters[i].sender)
			add(graph, &graph->exporters[i].consumer);
	}
	return true;
}

/* ---- their life ----------------------------------------------------------------------------- */

int consumers_start(struct graph *graph, struct err *err)
{
	for (size_t i = 0; i < graph->consumer_count; i++) {
		struct consumer *consumer = graph->consumers[graph->consumer_count - 1 - i];
		consumer->home = &graph->shards[i % graph->shard_count];
		if (consumer->ops->start(consumer, err) != 0)
			return -1;
	}
	return 0;
}

uint64_t consumers_flush(struct graph *graph)
{
	uint64_t held = 0;
	for (size_t i = 0; i < graph->consumer_count; i++) {
		struct consumer *consumer = graph->consumers[i];
		held += consumer->ops->held(consumer);
		if (consumer->ops->flush)
			consumer->ops->flush(consumer);
	}
	return held;
}

static void run_abort(struct loop_task *task)
{
	struct consumer *consumer = CONTAINER_OF(task, struct consumer_task, task)->consumer;
	consumer->ops->abort(consumer);
}

static void run_stop(struct loop_task *task)
{
	struct consumer *consumer = CONTAINER_OF(task, struct consumer_task, task)->consumer;
	consumer->ops->stop(consumer);
}

static void post(struct consumer *consumer, struct consumer_task *task,
		 void (*run)(struct loop_task *task))
{
	*task = (struct consumer_task){.task = {.run = run}, .consumer = consumer};
	loop_post(&consumer->home->loop, &task->task);
}

void consumers_abort(struct graph *graph)
{
	for (size_t i = 0; i < graph->consumer_count; i++) {
		struct consumer *consumer = graph->consumers[i];
		if (consumer->ops->abort)
			post(consumer, &consumer->abort_task, run_abort);
	}
}

void consumers_stop(struct graph *graph)
{
	for (size_t i = 0; i < graph->consumer_count; i++) {
		struct consumer *consumer = graph->consumers[i];
		if (consumer->home)
			post(consumer, &consumer->stop_task, run_stop);
	}
}
