/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the checked configuration to instances: every component's block is bound and checked, the
 * ones that a pipeline uses are created.
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

struct component_env graph_env_of(struct graph *graph, const struct node *node)
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
	struct component_env env = graph_env_of(graph, node);
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
		struct component_env env = graph_env_of(graph, node);
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
				 exporter_create(graph, exporter, report);
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
		built &= pipeline_build(graph, &graph->service->pipelines[i], &graph->pipelines[i],
					report);
	}
	built &= connect_order(graph, report);
	built = built && consumers_list(graph);
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
