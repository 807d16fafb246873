/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the checked configuration to instances: every component's block is bound and checked, those
 * that a pipeline uses are created, in the order in which they need each other.
 */
#include "pipeline/graph/internal.h"

/* ---- receivers ------------------------------------------------------------------------------ */

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
		if (graph_refers_to(&graph->service->pipelines[i].receivers, at))
			port->pipelines[port->pipeline_count++] = &graph->pipelines[i];
	}
	if (!telemetry_register_receiver(graph, receiver))
		return graph_no_memory(report, node->path);
	struct component_env env = graph_env_of(graph, node);
	node->self = component_create(node->type, &env, node->config, report);
	return node->self != NULL;
}

/* ---- all ------------------------------------------------------------------------------------ */

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
		if (!graph_refers_to(refs, i))
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
