/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline made from its configuration: processors are created, cut into stages at each batch that
 * others follow, and every stage gets the consumers that it ends in.
 */
#include "pipeline/graph/batch_stage.h"
#include "pipeline/graph/held_spans.h"
#include "pipeline/graph/internal.h"
#include "pipeline/graph/memory_limit.h"

/* ---- processors ----------------------------------------------------------------------------- */

static const struct metric_desc metric_incoming = {
	"otelcol_processor_incoming_items", "{item}",
	"Number of items passed to the processor. [Alpha]", METRIC_COUNTER};
static const struct metric_desc metric_outgoing = {
	"otelcol_processor_outgoing_items", "{item}",
	"Number of items emitted from the processor. [Alpha]", METRIC_COUNTER};

static bool register_processor(struct graph *graph, struct processor_node *processor)
{
	struct buf labels = BUF_INIT;
	metrics_label(&labels, "otel_signal", "traces");
	metrics_label(&labels, "processor", processor->node.id);
	bool added = metrics_add(graph->metrics, &metric_incoming, buf_cstr(&labels),
				 &processor->incoming) &&
		     metrics_add(graph->metrics, &metric_outgoing, buf_cstr(&labels),
				 &processor->outgoing);
	buf_fini(&labels);
	return added;
}

static bool create_processor(struct graph *graph, size_t at, struct processor_node *processor,
			     struct config_report *report)
{
	struct node *node = &processor->node;
	if (!graph_bind_node(graph, SECTION_PROCESSORS, at, node, report))
		return false;
	const struct processor_ops *ops = node->type->processor;
	struct component_env env = graph_env_of(graph, node);
	node->self = component_create(node->type, &env, node->config, report);
	if (!node->self)
		return false;
	/* What carries out a batch counts its batches; spans do not pass the processor itself. */
	if (ops->feature != GRAPH_BATCH && !register_processor(graph, processor))
		return graph_no_memory(report, node->path);
	if (ops->feature == GRAPH_MEMORY_LIMIT &&
	    !memory_limit_register_accepted(graph->metrics, node->id, &processor->incoming))
		return graph_no_memory(report, node->path);
	if (!ops->shard_new)
		return true;
	processor->shard_states =
		arena_calloc(graph->arena, graph->shard_count, sizeof(*processor->shard_states));
	if (!processor->shard_states)
		return graph_no_memory(report, node->path);
	for (size_t i = 0; i < graph->shard_count; i++) {
		processor->shard_states[i] = ops->shard_new(node->self);
		if (!processor->shard_states[i])
			return graph_no_memory(report, node->path);
	}
	return true;
}

static void free_processor(struct graph *graph, struct processor_node *processor)
{
	consumer_free(processor->held);
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

/* ---- stages --------------------------------------------------------------------------------- */

/* The next stage, with the processors from ${processors} on. It ends in at most ${consumers_max}. */
static struct stage *add_stage(struct pipeline *pipeline, struct processor_node *processors,
			       size_t consumers_max)
{
	struct stage *stage = &pipeline->stages[pipeline->stage_count++];
	stage->processors = processors;
	stage->consumers =
		arena_calloc(pipeline->graph->arena, consumers_max + 1, sizeof(struct consumer *));
	return stage->consumers ? stage : NULL;
}

static void end_in(struct stage *stage, struct consumer *consumer)
{
	stage->consumers[stage->consumer_count++] = consumer;
}

/* Adds ${processor} to the last stage, with a consumer for spans if it holds some back. */
static bool add_processor(struct pipeline *pipeline, struct stage *stage,
			  struct processor_node *processor)
{
	const struct processor_ops *ops = processor->node.type->processor;
	uint64_t wait_ns = ops->holds ? ops->holds->wait_ns(processor->node.self) : 0;
	size_t at = stage->processor_count++;
	if (ops->feature == GRAPH_MEMORY_LIMIT && stage == pipeline->stages)
		pipeline->limits[pipeline->limit_count++] = processor->node.self;
	if (wait_ns == 0)
		return true;
	processor->held =
		held_spans_new(pipeline, pipeline->stage_count - 1, at, processor, wait_ns);
	return processor->held != NULL;
}

/* Fills the pipeline's stages: a batch processor that others follow ends one. */
static bool cut_stages(struct pipeline *pipeline, size_t consumers_max)
{
	struct processor_node *processors = pipeline->processors;
	size_t count = pipeline->processor_count;
	struct arena *arena = pipeline->graph->arena;
	pipeline->stages = arena_calloc(arena, count + 1, sizeof(*pipeline->stages));
	pipeline->limits = arena_calloc(arena, count + 1, sizeof(struct memory_limit *));
	struct stage *stage = pipeline->stages && pipeline->limits
				      ? add_stage(pipeline, processors, consumers_max)
				      : NULL;
	for (size_t i = 0; stage && i < count; i++) {
		struct processor_node *processor = &processors[i];
		if (processor->node.type->processor->feature != GRAPH_BATCH) {
			if (!add_processor(pipeline, stage, processor))
				return false;
			continue;
		}
		const struct batching *batching = processor->node.self;
		/* Behind a connector nobody knows of this one's bounds: it gathers itself. */
		if (i + 1 == count && pipeline->connector_count == 0) {
			pipeline->batching = *batching;
			pipeline->batch_id = processor->node.id;
			break;
		}
		struct consumer *batch = batch_stage_new(pipeline, pipeline->stage_count, batching,
							 processor->node.id);
		if (!batch)
			return false;
		end_in(stage, batch);
		stage = add_stage(pipeline, &processors[i + 1], consumers_max);
	}
	return stage != NULL;
}

/* The last stage ends in the pipeline's exporters and connectors. */
static void end_last_stage(struct pipeline *pipeline)
{
	struct stage *last = &pipeline->stages[pipeline->stage_count - 1];
	for (size_t i = 0; i < pipeline->group_count; i++)
		end_in(last, &pipeline->groups[i].consumer);
	for (size_t i = 0; i < pipeline->connector_count; i++)
		end_in(last, &pipeline->connectors[i]->consumer);
}

/* ---- all ------------------------------------------------------------------------------------ */

bool pipeline_build(struct graph *graph, const struct config_pipeline *config,
		    struct pipeline *pipeline, struct config_report *report)
{
	size_t count = config->processors.count;
	pipeline->id = config->id;
	pipeline->graph = graph;
	pipeline->processors = arena_calloc(graph->arena, count + 1, sizeof(*pipeline->processors));
	if (!pipeline->processors)
		return graph_no_memory(report, config->id);
	pipeline->processor_count = count;
	bool built = true;
	for (size_t i = 0; i < count; i++)
		built &= create_processor(graph, config->processors.at[i].at,
					  &pipeline->processors[i], report);
	if (!built)
		return false;
	if (!connect_pipeline(pipeline, config) ||
	    !cut_stages(pipeline, config->exporters.count + pipeline->connector_count))
		return graph_no_memory(report, config->id);
	if (!exporter_groups_create(pipeline, config, report))
		return false;
	end_last_stage(pipeline);
	return true;
}

/* Also half-made: a group that no stage ends in yet is freed as well. */
void pipeline_free(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->processor_count; i++)
		free_processor(pipeline->graph, &pipeline->processors[i]);
	for (size_t s = 0; s + 1 < pipeline->stage_count; s++) {
		for (size_t i = 0; i < pipeline->stages[s].consumer_count; i++)
			consumer_free(pipeline->stages[s].consumers[i]);
	}
	for (size_t i = 0; i < pipeline->group_count; i++)
		consumer_free(&pipeline->groups[i].consumer);
}
