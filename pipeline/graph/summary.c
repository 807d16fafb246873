/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration amounts to, for people: which way spans take, what judges them and with which
 * settings, where data is sent, what a crash loses. Read from the graph that would run, not from the
 * file. Values are the operator's own; secrets, and what came from the environment, are not shown.
 */
#include "pipeline/graph/summary.h"

#include "pipeline/graph/internal.h"

/* ", " between items. */
static const char *separator(const struct buf *out, size_t begin)
{
	return out->len > begin ? ", " : "";
}

/* ---- pipelines ------------------------------------------------------------------------------ */

static void list_refs(const struct config_components *section, const struct config_refs *refs,
		      size_t begin, struct buf *out)
{
	for (size_t i = 0; i < refs->count; i++)
		buf_printf(out, "%s%s", separator(out, begin), section->at[refs->at[i].at].id);
}

static void write_pipeline(const struct config_service *service,
			   const struct config_pipeline *pipeline, struct buf *out)
{
	const struct config_components *sections = service->sections;
	buf_printf(out, "%s: ", pipeline->id);
	size_t begin = out->len;
	list_refs(&sections[SECTION_RECEIVERS], &pipeline->receivers, begin, out);
	list_refs(&sections[SECTION_CONNECTORS], &pipeline->from_connectors, begin, out);
	buf_append_str(out, " -> ");
	list_refs(&sections[SECTION_PROCESSORS], &pipeline->processors, out->len, out);
	buf_append_str(out, pipeline->processors.count > 0 ? " -> " : "");
	begin = out->len;
	list_refs(&sections[SECTION_EXPORTERS], &pipeline->exporters, begin, out);
	list_refs(&sections[SECTION_CONNECTORS], &pipeline->to_connectors, begin, out);
	buf_append_byte(out, '\n');
}

/* ---- policies ------------------------------------------------------------------------------- */

static void write_value(const struct config_node *node, struct buf *out)
{
	if (node->expanded) {
		buf_append_str(out, "(from the environment)");
	} else if (node->kind == CONFIG_SCALAR) {
		buf_append(out, node->text);
	} else if (node->kind == CONFIG_LIST) {
		buf_append_byte(out, '[');
		for (size_t i = 0; i < node->count; i++) {
			buf_append_str(out, i > 0 ? ", " : "");
			if (node->items[i]->kind == CONFIG_SCALAR && !node->items[i]->expanded)
				buf_append(out, node->items[i]->text);
			else
				buf_append_str(out, "…");
		}
		buf_append_byte(out, ']');
	} else {
		buf_append_str(out, node->kind == CONFIG_NULL ? "null" : "{…}");
	}
}

static bool is_secret(const struct component_type *type, struct slice key)
{
	for (size_t i = 0; i < type->config->field_count; i++) {
		if (slice_equal(slice_str(type->config->fields[i].key), key))
			return type->config->fields[i].type == CONFIG_TYPE_OPAQUE;
	}
	return true;
}

/* The settings that were written, in place of the defaults: what weakens a policy is among them. */
static void write_settings(const struct component_type *type, const struct config_node *node,
			   struct buf *out)
{
	size_t count = node && node->kind == CONFIG_MAP ? node->count : 0;
	buf_append_str(out, count > 0 ? " with " : " with its defaults");
	for (size_t i = 0; i < count; i++) {
		const struct config_entry *entry = &node->entries[i];
		buf_append_str(out, i > 0 ? ", " : "");
		buf_append(out, entry->key);
		buf_append_str(out, ": ");
		if (is_secret(type, entry->key))
			buf_append_str(out, "[REDACTED]");
		else
			write_value(entry->node, out);
	}
}

static bool is_required(const struct graph *graph, const struct component_type *type)
{
	const struct config_strings *policies = &graph->service->policies;
	for (size_t i = 0; i < policies->count; i++) {
		if (component_find(COMPONENT_PROCESSOR, policies->at[i]) == type)
			return true;
	}
	return false;
}

static void write_policy(const struct graph *graph, const struct pipeline *pipeline, size_t at,
			 struct buf *out)
{
	const struct node *node = &pipeline->processors[at].node;
	const struct config_pipeline *config =
		&graph->service->pipelines[pipeline - graph->pipelines];
	const struct config_component *component =
		&graph->service->sections[SECTION_PROCESSORS].at[config->processors.at[at].at];
	buf_printf(out, "%s in %s%s", node->id, pipeline->id,
		   node->type->processor->enforces(node->self) ? "" : ", counting only (dry_run)");
	write_settings(node->type, component->node, out);
	buf_append_str(out, is_required(graph, node->type)
				    ? "; required in every pipeline (service.policies)\n"
				    : "; not required of other pipelines (service.policies)\n");
}

/* ---- where data is sent --------------------------------------------------------------------- */

/* Without what may be a password or a token: user and query. */
static void write_endpoint(void *arg, const struct component_address *address)
{
	struct buf *out = arg;
	struct slice endpoint = slice_str(address->endpoint);
	const char *scheme = strstr(address->endpoint, "://");
	size_t begin = scheme ? (size_t)(scheme - address->endpoint) + 3 : 0;
	size_t end = begin + strcspn(address->endpoint + begin, "?#");
	size_t host = begin;
	for (size_t i = begin; i < end && endpoint.ptr[i] != '/'; i++) {
		if (endpoint.ptr[i] == '@')
			host = i + 1;
	}
	if (endpoint.len == 0)
		return;
	buf_append_byte(out, ' ');
	buf_append(out, slice_of(endpoint.ptr, begin));
	buf_append(out, slice_of(endpoint.ptr + host, end - host));
}

static void write_target(const struct exporter_node *exporter, struct buf *out)
{
	const struct node *node = &exporter->node;
	buf_append_str(out, node->id);
	size_t named = out->len;
	if (node->type->addresses)
		node->type->addresses(node->config, write_endpoint, out);
	if (out->len == named && node->type->exporter->target) {
		buf_append_byte(out, ' ');
		node->type->exporter->target(node->self, out);
	} else if (out->len == named) {
		buf_append_str(out, " (this machine)");
	}
	buf_append_byte(out, '\n');
}

/* ---- what a crash loses --------------------------------------------------------------------- */

static void write_loss(const struct exporter_node *exporter, struct buf *out)
{
	static const char *const units[] = {
		[SIZER_REQUESTS] = "requests", [SIZER_ITEMS] = "spans", [SIZER_BYTES] = "bytes"};
	const struct node *node = &exporter->node;
	const struct queue_config *queue = &node->type->exporter->delivery(node->config)->queue;
	if (!queue->enabled || queue->wait_for_result)
		buf_printf(out, "%s: nothing that was acknowledged\n", node->id);
	else
		buf_printf(out,
			   "%s: what waits in its memory queue (up to %llu %s) or in a batch\n",
			   node->id, (unsigned long long)queue->queue_size, units[queue->sizer]);
}

/* ---- all of it ------------------------------------------------------------------------------ */

void graph_summarise(const struct graph *graph, struct graph_summary *ret)
{
	*ret = (struct graph_summary){0};
	for (size_t p = 0; p < graph->pipeline_count; p++) {
		const struct pipeline *pipeline = &graph->pipelines[p];
		write_pipeline(graph->service, &graph->service->pipelines[p], &ret->pipelines);
		for (size_t i = 0; i < pipeline->processor_count; i++) {
			if (pipeline->processors[i].node.type->processor->enforces)
				write_policy(graph, pipeline, i, &ret->policies);
		}
	}
	if (ret->policies.len == 0)
		buf_append_str(&ret->policies, "none: everything that arrives is sent on\n");
	for (size_t i = 0; i < graph->exporter_count; i++) {
		if (!graph->exporters[i].node.self)
			continue; /* no pipeline uses it */
		write_target(&graph->exporters[i], &ret->targets);
		write_loss(&graph->exporters[i], &ret->losses);
	}
}

void graph_summary_fini(struct graph_summary *summary)
{
	buf_fini(&summary->pipelines);
	buf_fini(&summary->policies);
	buf_fini(&summary->targets);
	buf_fini(&summary->losses);
}

/* Lines as one: each line end but the last becomes "; ". */
static struct slice on_one_line(struct buf *lines)
{
	struct buf joined = BUF_INIT;
	for (size_t i = 0; i < lines->len; i++) {
		if (lines->data[i] != '\n')
			buf_append_byte(&joined, lines->data[i]);
		else if (i + 1 < lines->len)
			buf_append_str(&joined, "; ");
	}
	buf_fini(lines);
	*lines = joined;
	return slice_str(buf_cstr(lines));
}

void graph_log_summary(const struct graph *graph)
{
	struct graph_summary s;
	graph_summarise(graph, &s);
	const struct log_field fields[] = {LOG_MSG("Configuration in force"),
					   LOG_SLICE("pipelines", on_one_line(&s.pipelines)),
					   LOG_SLICE("policies", on_one_line(&s.policies)),
					   LOG_SLICE("sends_to", on_one_line(&s.targets)),
					   LOG_SLICE("a_crash_loses", on_one_line(&s.losses))};
	log_write(&graph->log, LOG_LEVEL_INFO, __FILE__, fields, ARRAY_COUNT(fields));
	graph_summary_fini(&s);
}
