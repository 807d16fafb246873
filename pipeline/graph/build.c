/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the checked configuration to instances: every component's block is bound and checked, the
 * ones that a pipeline uses are created, and each pipeline is cut into stages and groups.
 */
#include "pipeline/graph/collector_types.h"
#include "pipeline/graph/internal.h"

#include <stdlib.h>

static const enum component_kind section_kinds[SECTION_COUNT] = {
	[SECTION_RECEIVERS] = COMPONENT_RECEIVER,   [SECTION_PROCESSORS] = COMPONENT_PROCESSOR,
	[SECTION_EXPORTERS] = COMPONENT_EXPORTER,   [SECTION_EXTENSIONS] = COMPONENT_EXTENSION,
	[SECTION_CONNECTORS] = COMPONENT_CONNECTOR,
};
static const char *const section_names[SECTION_COUNT] = {"receivers", "processors", "exporters",
							 "extensions", "connectors"};
static const char *const kind_names[COMPONENT_KIND_COUNT] = {"receiver", "processor", "exporter",
							     "connector", "extension"};

enum { KNOWN_TYPES_MAX = 64 };

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const struct config_known_types *graph_known_types(void)
{
	static const char *names[SECTION_COUNT][KNOWN_TYPES_MAX + 1];
	static struct config_known_types known;
	if (known.types[0])
		return &known;
	size_t type_count;
	const struct component_type *const *types = component_list(&type_count);
	known.foreign = collector_type_find;
	for (int section = 0; section < SECTION_COUNT; section++) {
		size_t count = 0;
		for (size_t i = 0; i < type_count; i++) {
			const struct component_type *type = types[i];
			for (size_t n = 0;
			     n < COMPONENT_NAMES_MAX && type->names[n] &&
			     type->kind == section_kinds[section] && count < KNOWN_TYPES_MAX;
			     n++)
				names[section][count++] = type->names[n];
		}
		qsort(names[section], count, sizeof(names[section][0]), compare_names);
		known.types[section] = names[section];
	}
	return &known;
}

/* ---- one node ------------------------------------------------------------------------------- */

static struct log log_of(const struct graph *graph, enum component_kind kind, const char *id)
{
	return (struct log){.logger = graph->options.logger, .kind = kind_names[kind], .id = id};
}

/* Finds the type and binds the block. Problems go to the report; with one, nothing may be created
 * from the block, which holds defaults where the problem is. */
bool graph_bind_node(struct graph *graph, enum config_section section, size_t at, struct node *node,
		     struct config_report *report)
{
	const struct config_component *component = &graph->service->sections[section].at[at];
	enum component_kind kind = section_kinds[section];
	node->type = component_find(kind, component->type);
	node->id = component->id;
	node->path = arena_printf(graph->arena, "%s.%s", section_names[section], component->id);
	if (!node->type || !node->path)
		return false; /* config_service_bind has reported the unknown type */
	node->log = log_of(graph, kind, node->id);
	node->config = arena_calloc(graph->arena, 1, node->type->config->struct_size + 1);
	if (!node->config)
		return false;
	size_t errors_before = report->error_count;
	config_bind(node->type->config, component->node, node->path, node->config, report);
	return report->error_count == errors_before &&
	       graph_check_node_addresses(graph, component, node, report);
}

static struct component_env env_of(struct graph *graph, const struct node *node)
{
	return (struct component_env){.id = node->id,
				      .path = node->path,
				      .log = node->log,
				      .metrics = graph->metrics,
				      .budget = &graph->budget,
				      .keys = graph->keys,
				      .arena = graph->arena,
				      .memory = graph->memory};
}

bool graph_no_memory(struct config_report *report, const char *path)
{
	config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL, "out of memory");
	return false;
}

/* ---- exporters ------------------------------------------------------------------------------ */

static bool create_exporter(struct graph *graph, struct exporter_node *exporter,
			    struct config_report *report)
{
	struct node *node = &exporter->node;
	const struct exporter_ops *ops = node->type->exporter;
	struct component_env env = env_of(graph, node);
	node->self = component_create(node->type, &env, node->config, report);
	if (!node->self)
		return false;
	const struct export_target target = {
		.self = node->self, .send = ops->send, .cancel = ops->cancel};
	exporter->sender = sender_new(ops->delivery(node->config), &target, &node->log,
				      &graph->budget, graph->keys);
	struct buf where = BUF_INIT;
	if (ops->target)
		ops->target(node->self, &where);
	bool added = exporter->sender &&
		     sender_register(exporter->sender, graph->metrics, node->id, buf_cstr(&where));
	buf_fini(&where);
	return added || graph_no_memory(report, node->path);
}

/* ---- pipelines ------------------------------------------------------------------------------ */

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
	struct component_env env = env_of(graph, node);
	node->self = component_create(node->type, &env, node->config, report);
	if (!node->self)
		return false;
	/* What carries out a batch counts its batches; spans do not pass the processor itself. */
	if (!ops->batching && !register_processor(graph, processor))
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

static bool is_batching(const struct processor_node *processor)
{
	return processor->node.type->processor->batching != NULL;
}

/* A waiting room for a processor that holds spans back. ${at}: its place in the last stage. */
static bool make_room(struct pipeline *pipeline, struct processor_node *processor, size_t at)
{
	const struct processor_ops *ops = processor->node.type->processor;
	struct waiting_room_config config = {.pipeline = pipeline,
					     .processor = processor,
					     .stage = pipeline->stage_count - 1,
					     .at = at};
	if (ops->hold_ns)
		config.wait_ns = ops->hold_ns(processor->node.self);
	if (config.wait_ns == 0)
		return true;
	processor->room = waiting_room_new(&config);
	return processor->room && waiting_room_register(processor->room, pipeline->graph->metrics);
}

/* Fills the pipeline's stages: a batch processor that others follow ends a stage with a holder. */
static bool cut_stages(struct pipeline *pipeline)
{
	struct graph *graph = pipeline->graph;
	struct processor_node *processors = pipeline->processors;
	size_t count = pipeline->processor_count;
	pipeline->stages = arena_calloc(graph->arena, count + 1, sizeof(*pipeline->stages));
	if (!pipeline->stages)
		return false;
	struct stage *stage = &pipeline->stages[0];
	stage->processors = processors;
	pipeline->stage_count = 1;
	for (size_t i = 0; i < count; i++) {
		struct processor_node *processor = &processors[i];
		if (!is_batching(processor)) {
			if (!make_room(pipeline, processor, stage->processor_count))
				return false;
			stage->processor_count++;
			continue;
		}
		const struct batching *batching =
			processor->node.type->processor->batching(processor->node.self);
		/* Behind a connector nobody knows of this one's bounds: it gathers itself. */
		if (i + 1 == count && pipeline->connector_count == 0) {
			pipeline->batching = *batching;
			pipeline->batch_id = processor->node.id;
			break;
		}
		stage->holder = holder_new(pipeline, pipeline->stage_count, batching);
		if (!stage->holder ||
		    !holder_register(stage->holder, graph->metrics, processor->node.id))
			return false;
		stage = &pipeline->stages[pipeline->stage_count++];
		stage->processors = &processors[i + 1];
	}
	return true;
}

static void group_take(void *arg, struct batch *batch, uint64_t takers)
{
	struct group *group = arg;
	for (size_t i = 0; i < group->member_count; i++) {
		if (takers & UINT64_C(1) << i)
			sender_enqueue(group->members[i]->sender, batch_ref(batch));
	}
	batch_unref(batch);
}

static uint32_t clamp_u32(uint64_t number)
{
	return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* What the assembler in front of ${exporter} shall do: the queue's own batching, else the
 * pipeline's, within the exporter's request bound. */
static struct assembler_config assembling(const struct pipeline *pipeline,
					  const struct exporter_node *exporter)
{
	const struct delivery_config *delivery =
		exporter->node.type->exporter->delivery(exporter->node.config);
	const struct queue_batch_config *batch = &delivery->queue.batch;
	struct batching want = pipeline->batching;
	if (delivery->queue.batch_present) {
		want = (struct batching){.timeout_ns = batch->flush_timeout_ns};
		if (batch->sizer == SIZER_BYTES) {
			want.bytes_min = batch->min_size;
			want.bytes_max = batch->max_size;
		} else {
			want.spans_min = clamp_u32(batch->min_size);
			want.spans_max = clamp_u32(batch->max_size);
		}
		if (batch->min_size == 0)
			want.timeout_ns = 0; /* any size is enough */
	}
	size_t bytes_max = delivery->max_request_bytes;
	if (want.bytes_max > 0 && want.bytes_max < bytes_max)
		bytes_max = want.bytes_max;
	return (struct assembler_config){.spans_min = want.spans_min,
					 .spans_max = want.spans_max,
					 .bytes_min = want.bytes_min,
					 .bytes_max = bytes_max,
					 .timeout_ns = want.timeout_ns,
					 .take = group_take};
}

static bool same_assembling(const struct assembler_config *a, const struct assembler_config *b)
{
	return a->spans_min == b->spans_min && a->spans_max == b->spans_max &&
	       a->bytes_min == b->bytes_min && a->bytes_max == b->bytes_max &&
	       a->timeout_ns == b->timeout_ns;
}

static struct group *group_for(struct pipeline *pipeline, const struct assembler_config *config,
			       size_t members_max)
{
	struct graph *graph = pipeline->graph;
	for (size_t i = 0; i < pipeline->group_count; i++) {
		if (same_assembling(&pipeline->groups[i].config, config))
			return &pipeline->groups[i];
	}
	struct group *group = &pipeline->groups[pipeline->group_count];
	group->config = *config;
	group->config.arg = group;
	group->members = arena_calloc(graph->arena, members_max, sizeof(struct exporter_node *));
	group->assembler = assembler_new(&group->config, &graph->budget, graph->keys);
	pipeline->group_count++;
	return group->members && group->assembler ? group : NULL;
}

static bool has_own_batch(const struct exporter_node *exporter)
{
	return exporter->node.type->exporter->delivery(exporter->node.config)->queue.batch_present;
}

static bool join_exporters(struct pipeline *pipeline, const struct config_pipeline *config,
			   struct config_report *report)
{
	struct graph *graph = pipeline->graph;
	size_t count = config->exporters.count;
	if (count > GRAPH_EXPORTERS_PER_PIPELINE_MAX) {
		config_problem(report, CONFIG_ERROR, config->loc, config->id, NULL,
			       "a pipeline may have at most %d exporters",
			       GRAPH_EXPORTERS_PER_PIPELINE_MAX);
		return false;
	}
	pipeline->groups = arena_calloc(graph->arena, count + 1, sizeof(*pipeline->groups));
	for (size_t i = 0; pipeline->groups && i < count; i++) {
		struct exporter_node *exporter = &graph->exporters[config->exporters.at[i].at];
		if (!exporter->sender)
			return false; /* its own problem is in the report */
		struct assembler_config want = assembling(pipeline, exporter);
		struct group *group = group_for(pipeline, &want, count);
		bool batched = pipeline->batch_id && !has_own_batch(exporter);
		if (!group ||
		    (batched && group->member_count == 0 &&
		     !assembler_register(group->assembler, graph->metrics, pipeline->batch_id)))
			return graph_no_memory(report, config->id);
		group->members[group->member_count++] = exporter;
	}
	return pipeline->groups != NULL;
}

static bool build_pipeline(struct graph *graph, const struct config_pipeline *config,
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
	if (!connect_pipeline(pipeline, config) || !cut_stages(pipeline))
		return graph_no_memory(report, config->id);
	return join_exporters(pipeline, config, report);
}

/* ---- receivers ------------------------------------------------------------------------------ */

static bool uses(const struct config_refs *refs, size_t at)
{
	for (size_t i = 0; i < refs->count; i++) {
		if (refs->at[i].at == at)
			return true;
	}
	return false;
}

static bool create_receiver(struct graph *graph, size_t at, struct receiver_node *receiver,
			    struct config_report *report)
{
	struct node *node = &receiver->node;
	struct receiver_port *port = &receiver->port;
	port->pipelines =
		arena_calloc(graph->arena, graph->pipeline_count, sizeof(struct pipeline *));
	if (!port->pipelines)
		return graph_no_memory(report, node->path);
	port->graph = graph;
	port->log = node->log;
	for (size_t i = 0; i < graph->pipeline_count; i++) {
		if (uses(&graph->service->pipelines[i].receivers, at))
			port->pipelines[port->pipeline_count++] = &graph->pipelines[i];
	}
	if (!telemetry_register_receiver(graph, receiver))
		return graph_no_memory(report, node->path);
	struct component_env env = env_of(graph, node);
	node->self = component_create(node->type, &env, node->config, report);
	return node->self != NULL;
}

/* ---- all ------------------------------------------------------------------------------------ */

bool graph_uses(const struct graph *graph, enum config_section section, size_t at)
{
	for (size_t i = 0; i < graph->service->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &graph->service->pipelines[i];
		if ((section == SECTION_RECEIVERS && uses(&pipeline->receivers, at)) ||
		    (section == SECTION_PROCESSORS && uses(&pipeline->processors, at)) ||
		    (section == SECTION_EXPORTERS && uses(&pipeline->exporters, at)) ||
		    (section == SECTION_CONNECTORS &&
		     (uses(&pipeline->from_connectors, at) || uses(&pipeline->to_connectors, at))))
			return true;
	}
	return false;
}

/* Components that no pipeline uses are checked, too, and then forgotten. */
static void bind_unused(struct graph *graph, enum config_section section,
			struct config_report *report)
{
	for (size_t i = 0; i < graph->service->sections[section].count; i++) {
		struct node unused = {0};
		if (!graph_uses(graph, section, i) &&
		    graph_bind_node(graph, section, i, &unused, report))
			log_debug(&unused.log,
				  LOG_MSG("defined but not used in any pipeline: not started"));
	}
}

static bool create_extensions(struct graph *graph, struct config_report *report)
{
	bool built = true;
	const struct config_refs *refs = &graph->service->extensions;
	graph->extension_count = refs->count;
	graph->extensions = arena_calloc(graph->arena, refs->count + 1, sizeof(*graph->extensions));
	for (size_t i = 0; graph->extensions && i < refs->count; i++) {
		struct node *node = &graph->extensions[i];
		if (!graph_bind_node(graph, SECTION_EXTENSIONS, refs->at[i].at, node, report)) {
			built = false;
			continue;
		}
		struct component_env env = env_of(graph, node);
		node->self = component_create(node->type, &env, node->config, report);
		built &= node->self != NULL;
	}
	for (size_t i = 0; i < graph->service->sections[SECTION_EXTENSIONS].count; i++) {
		struct node unused = {0};
		if (!uses(refs, i))
			(void)graph_bind_node(graph, SECTION_EXTENSIONS, i, &unused, report);
	}
	return graph->extensions && built;
}

static bool create_exporters(struct graph *graph, struct config_report *report)
{
	bool built = true;
	graph->exporter_count = graph->service->sections[SECTION_EXPORTERS].count;
	graph->exporters =
		arena_calloc(graph->arena, graph->exporter_count + 1, sizeof(*graph->exporters));
	for (size_t i = 0; graph->exporters && i < graph->exporter_count; i++) {
		struct exporter_node *exporter = &graph->exporters[i];
		if (graph_uses(graph, SECTION_EXPORTERS, i))
			built &= graph_bind_node(graph, SECTION_EXPORTERS, i, &exporter->node,
						 report) &&
				 create_exporter(graph, exporter, report);
	}
	return graph->exporters && built;
}

static bool create_receivers(struct graph *graph, struct config_report *report)
{
	bool built = true;
	graph->receiver_count = graph->service->sections[SECTION_RECEIVERS].count;
	graph->receivers =
		arena_calloc(graph->arena, graph->receiver_count + 1, sizeof(*graph->receivers));
	for (size_t i = 0; graph->receivers && i < graph->receiver_count; i++) {
		struct receiver_node *receiver = &graph->receivers[i];
		if (graph_uses(graph, SECTION_RECEIVERS, i))
			built &= graph_bind_node(graph, SECTION_RECEIVERS, i, &receiver->node,
						 report) &&
				 create_receiver(graph, i, receiver, report);
	}
	return graph->receivers && built;
}

int graph_bind_components(struct graph *graph, struct config_report *report)
{
	bool built = create_extensions(graph, report);
	built &= create_exporters(graph, report);
	graph->pipelines = arena_calloc(graph->arena, graph->service->pipeline_count + 1,
					sizeof(*graph->pipelines));
	if (!graph->pipelines)
		return -1;
	built &= connect_create(graph, report);
	for (size_t i = 0; i < graph->service->pipeline_count; i++) {
		graph->pipeline_count++;
		built &= build_pipeline(graph, &graph->service->pipelines[i], &graph->pipelines[i],
					report);
	}
	built &= connect_order(graph, report);
	graph_check_policies(graph, report);
	built &= create_receivers(graph, report);
	graph_check_addresses(graph, report);
	bind_unused(graph, SECTION_RECEIVERS, report);
	bind_unused(graph, SECTION_PROCESSORS, report);
	bind_unused(graph, SECTION_EXPORTERS, report);
	bind_unused(graph, SECTION_CONNECTORS, report);
	if (built && report->error_count == 0)
		built = connect_check_ends(graph, report);
	if (!built && report->error_count == 0)
		(void)graph_no_memory(report, "service");
	return built && report->error_count == 0 ? 0 : -1;
}
