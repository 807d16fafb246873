/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of a configuration, before anything is opened: whether each can be listened at by its
 * form, whether two servers of this process want one port, and whether an exporter sends back to a
 * receiver of this process. Names are not resolved: what only the machine knows shows at the start.
 */
#include "pipeline/graph/internal.h"
#include "pipeline/net/client.h"
#include "pipeline/net/listen_address.h"

enum { ADDRESSES_MAX = 256, ENDPOINT_ARENA_BYTES_MAX = 1 << 20 };

/* A server of this process. */
struct listening {
	const char *path, *endpoint;
	struct config_loc loc;
	struct listen_address address;
	size_t receiver; /* in the service's section; SIZE_MAX: no receiver */
};

struct addresses {
	struct graph *graph;
	struct config_report *report;
	/* of the node that is visited */
	const struct node *node;
	const struct config_component *component;
	size_t at;
	bool valid;
	/* all that is listened at; more than ADDRESSES_MAX are not compared */
	struct listening list[ADDRESSES_MAX];
	size_t count;
};

/* The node under the dotted ${key}, or the nearest above it that stands in the file. */
static struct config_loc place_of(const struct config_node *node, const char *key)
{
	struct config_loc loc = node->loc;
	char name[64];
	while (node && *key) {
		size_t len = strcspn(key, ".");
		if (len >= sizeof(name))
			break;
		memcpy(name, key, len);
		name[len] = 0;
		node = config_get(node, name);
		loc = node ? node->loc : loc;
		key += len + (key[len] == '.');
	}
	return loc;
}

static const char *path_of(const struct addresses *a, const struct component_address *address)
{
	const char *path = arena_printf(a->graph->arena, "%s.%s", a->node->path, address->key);
	return path ? path : "";
}

static const struct config_component *component_of(const struct graph *graph,
						   enum config_section section, size_t at)
{
	return &graph->service->sections[section].at[at];
}

/* ---- the form of each ---- */

static void check_form(void *arg, const struct component_address *address)
{
	struct addresses *a = arg;
	struct listen_address parsed;
	struct err err;
	if (listen_address_parse(address->transport, address->endpoint, &parsed, &err) == 0)
		return;
	a->valid = false;
	config_problem(a->report, CONFIG_ERROR, place_of(a->component->node, address->key),
		       path_of(a, address), NULL, "%s", err.msg);
}

bool graph_check_node_addresses(struct graph *graph, const struct config_component *component,
				const struct node *node, struct config_report *report)
{
	enum component_kind kind = node->type->kind;
	struct addresses a = {.graph = graph,
			      .report = report,
			      .node = node,
			      .component = component,
			      .valid = true};
	if (node->type->addresses && (kind == COMPONENT_RECEIVER || kind == COMPONENT_EXTENSION))
		node->type->addresses(node->config, check_form, &a);
	return a.valid;
}

/* ---- one port twice ---- */

static void add_listening(struct addresses *a, struct listening fresh)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct listening *other = &a->list[i];
		if (listen_address_overlaps(&other->address, other->endpoint, &fresh.address,
					    fresh.endpoint))
			config_problem(
				a->report, CONFIG_ERROR, fresh.loc, fresh.path, NULL,
				"%s is listened at by %s, too: give one of them another port",
				fresh.endpoint, other->path);
	}
	if (a->count < ADDRESSES_MAX)
		a->list[a->count++] = fresh;
}

static void visit_listening(void *arg, const struct component_address *address)
{
	struct addresses *a = arg;
	bool is_receiver = a->node->type->kind == COMPONENT_RECEIVER;
	struct listening fresh = {.path = path_of(a, address),
				  .endpoint = address->endpoint,
				  .loc = place_of(a->component->node, address->key),
				  .receiver = is_receiver ? a->at : SIZE_MAX};
	if (listen_address_parse(address->transport, address->endpoint, &fresh.address, NULL) == 0)
		add_listening(a, fresh);
}

static void visit_node(struct addresses *a, enum config_section section, size_t at,
		       const struct node *node, component_visit_address *visit)
{
	a->node = node;
	a->component = component_of(a->graph, section, at);
	a->at = at;
	if (node->type && node->config && node->type->addresses)
		node->type->addresses(node->config, visit, a);
}

static void add_telemetry(struct addresses *a)
{
	const struct config_telemetry *telemetry = &a->graph->service->telemetry;
	struct listening fresh = {.path = "service.telemetry.metrics.readers",
				  .loc = telemetry->metrics_loc,
				  .receiver = SIZE_MAX};
	struct err err;
	if (telemetry->metrics_level == 0 || !telemetry->metrics_pull)
		return;
	fresh.endpoint = telemetry_endpoint(a->graph);
	if (listen_address_parse("tcp", fresh.endpoint, &fresh.address, &err) == 0)
		add_listening(a, fresh);
	else
		config_problem(a->report, CONFIG_ERROR, fresh.loc, fresh.path, NULL, "%s", err.msg);
}

/* ---- sending to oneself ---- */

static bool has(const struct config_refs *refs, size_t at)
{
	for (size_t i = 0; i < refs->count; i++) {
		if (refs->at[i].at == at)
			return true;
	}
	return false;
}

/* Whether what ${receiver} takes goes to ${exporter}. */
static bool is_loop(const struct graph *graph, size_t receiver, size_t exporter)
{
	for (size_t i = 0; i < graph->service->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &graph->service->pipelines[i];
		if (has(&pipeline->receivers, receiver) && has(&pipeline->exporters, exporter))
			return true;
	}
	return false;
}

/* Whether ${endpoint} is where ${listening} takes connections, by their texts. */
static bool reaches(const struct endpoint *endpoint, const struct listening *listening)
{
	const struct listen_address *address = &listening->address;
	bool to_loopback = listen_host_is_loopback(endpoint->host);
	if (address->is_unix || endpoint->port != address->port || address->port == 0)
		return false;
	if (strcmp(endpoint->host, address->host) == 0)
		return true;
	return listen_address_is_any(address)
		       ? to_loopback || strcmp(endpoint->host, "0.0.0.0") == 0
		       : to_loopback && (strcmp(address->host, "localhost") == 0 ||
					 (strcmp(endpoint->host, "localhost") == 0 &&
					  listen_host_is_loopback(address->host)));
}

static void visit_target(void *arg, const struct component_address *address)
{
	struct addresses *a = arg;
	struct arena arena;
	struct endpoint endpoint;
	arena_init(&arena, NULL, ENDPOINT_ARENA_BYTES_MAX);
	bool parsed =
		address->endpoint[0] && endpoint_parse(address->endpoint, address->default_port,
						       &arena, &endpoint, NULL) == 0;
	for (size_t i = 0; parsed && i < a->count; i++) {
		const struct listening *listening = &a->list[i];
		if (listening->receiver == SIZE_MAX || !reaches(&endpoint, listening))
			continue;
		bool loops = is_loop(a->graph, listening->receiver, a->at);
		config_problem(a->report, loops ? CONFIG_ERROR : CONFIG_WARNING,
			       place_of(a->component->node, address->key), path_of(a, address),
			       NULL, "sends to a receiver of this process, %s%s", listening->path,
			       loops ? ": every span would come back for ever" : "");
	}
	arena_fini(&arena);
}

void graph_check_addresses(struct graph *graph, struct config_report *report)
{
	struct addresses *a = arena_calloc(graph->arena, 1, sizeof(*a));
	if (!a)
		return; /* building fails for the same reason */
	a->graph = graph;
	a->report = report;
	for (size_t i = 0; graph->receivers && i < graph->receiver_count; i++)
		visit_node(a, SECTION_RECEIVERS, i, &graph->receivers[i].node, visit_listening);
	for (size_t i = 0; graph->extensions && i < graph->extension_count; i++)
		visit_node(a, SECTION_EXTENSIONS, graph->service->extensions.at[i].at,
			   &graph->extensions[i], visit_listening);
	add_telemetry(a);
	for (size_t i = 0; graph->exporters && i < graph->exporter_count; i++)
		visit_node(a, SECTION_EXPORTERS, i, &graph->exporters[i].node, visit_target);
}
