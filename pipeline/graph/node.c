/* SPDX-License-Identifier: Apache-2.0 */
/* One instance of a component, whatever its kind: its type found, its block bound and checked. */
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
				      .memory = graph->memory,
				      .graph = graph};
}

bool graph_no_memory(struct config_report *report, const char *path)
{
	config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL, "out of memory");
	return false;
}

bool graph_refers_to(const struct config_refs *refs, size_t at)
{
	for (size_t i = 0; i < refs->count; i++) {
		if (refs->at[i].at == at)
			return true;
	}
	return false;
}

bool graph_uses(const struct graph *graph, enum config_section section, size_t at)
{
	for (size_t i = 0; i < graph->service->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &graph->service->pipelines[i];
		if ((section == SECTION_RECEIVERS && graph_refers_to(&pipeline->receivers, at)) ||
		    (section == SECTION_PROCESSORS && graph_refers_to(&pipeline->processors, at)) ||
		    (section == SECTION_EXPORTERS && graph_refers_to(&pipeline->exporters, at)) ||
		    (section == SECTION_CONNECTORS &&
		     (graph_refers_to(&pipeline->from_connectors, at) ||
		      graph_refers_to(&pipeline->to_connectors, at))))
			return true;
	}
	return false;
}
