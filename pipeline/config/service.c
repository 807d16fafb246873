/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The top level: the service's extensions and pipelines, and their references to the components of
 * the sections (sections.c). What is wrong is reported with the Collector's texts and stage, all of
 * it in one run; references are resolved even when a section has errors, so that one typo shows
 * once.
 */
#include "pipeline/config/service_internal.h"

struct top {
	const struct config_node *sections[SECTION_COUNT];
	const struct config_node *service;
};

static const struct config_field top_fields[] = {
	CONFIG_NODE(struct top, sections[SECTION_RECEIVERS], "receivers", ""),
	CONFIG_NODE(struct top, sections[SECTION_PROCESSORS], "processors", ""),
	CONFIG_NODE(struct top, sections[SECTION_EXPORTERS], "exporters", ""),
	CONFIG_NODE(struct top, sections[SECTION_EXTENSIONS], "extensions", ""),
	CONFIG_NODE(struct top, sections[SECTION_CONNECTORS], "connectors", ""),
	CONFIG_NODE(struct top, service, "service", ""),
};
static const struct config_block top_block = CONFIG_BLOCK(struct top, top_fields);

struct service {
	struct config_strings extensions, policies;
	const struct config_node *pipelines, *telemetry;
};

static const struct config_field service_fields[] = {
	CONFIG_STRING_LIST(struct service, extensions, "extensions", ""),
	CONFIG_STRING_LIST(struct service, policies, "policies", ""),
	CONFIG_NODE(struct service, pipelines, "pipelines", ""),
	CONFIG_NODE(struct service, telemetry, "telemetry", ""),
};
static const struct config_block service_block = CONFIG_BLOCK(struct service, service_fields);

struct pipeline {
	struct config_strings receivers, processors, exporters;
};

static const struct config_field pipeline_fields[] = {
	CONFIG_STRING_LIST(struct pipeline, receivers, "receivers", ""),
	CONFIG_STRING_LIST(struct pipeline, processors, "processors", ""),
	CONFIG_STRING_LIST(struct pipeline, exporters, "exporters", ""),
};
static const struct config_block pipeline_block = CONFIG_BLOCK(struct pipeline, pipeline_fields);

static bool is_null(const struct config_node *node)
{
	return !node || node->kind == CONFIG_NULL;
}

static void check_sections(struct service_binder *b, const struct top *top)
{
	static const enum config_section needed[] = {SECTION_RECEIVERS, SECTION_EXPORTERS};
	for (size_t i = 0; i < ARRAY_COUNT(needed); i++) {
		const struct config_node *node = top->sections[needed[i]];
		if (is_null(node) || (node->kind == CONFIG_MAP && node->count == 0))
			config_problem(b->report, CONFIG_ERROR, b->root->loc, "", NULL,
				       "no %s configuration specified in config",
				       config_section_names[needed[i]].kind);
	}
}

/* ---- references ---- */

static const char *nearest_id(struct service_binder *b, const struct config_components *components,
			      const char *id)
{
	const char **ids = arena_calloc(b->arena, components->count, sizeof(*ids));
	if (!ids)
		return NULL;
	for (size_t i = 0; i < components->count; i++)
		ids[i] = components->at[i].id;
	return config_nearest(slice_str(id), ids, components->count);
}

/* Whether the section in the file has ${id}, or is no map, and was refused: one problem is enough.
 */
static bool was_refused(const struct service_binder *b, enum config_section section, const char *id)
{
	const struct config_node *node = config_get(b->root, config_section_names[section].key);
	if (!is_null(node) && node->kind != CONFIG_MAP)
		return true;
	return config_get(node, id) != NULL;
}

static bool already_in(const struct config_refs *refs, size_t at)
{
	for (size_t i = 0; i < refs->count; i++) {
		if (refs->at[i].at == at)
			return true;
	}
	return false;
}

/* Where a list of references stands: "service::pipelines::traces" and its key path. */
struct referrer {
	const char *place, *path;
};

/* The components of ${section} that one list names, and the connectors, where they may stand in it. */
struct bound_refs {
	enum config_section section;
	struct config_refs *components, *connectors; /* connectors NULL: may not */
};

static void add_ref(struct service_binder *b, enum config_section section, struct config_ref ref,
		    const char *id, const struct referrer *from, struct config_refs *refs)
{
	if (!already_in(refs, ref.at))
		refs->at[refs->count++] = ref;
	else
		config_problem(b->report,
			       section == SECTION_PROCESSORS ? CONFIG_ERROR : CONFIG_WARNING,
			       ref.loc, from->path, NULL, "%s: references %s \"%s\" multiple times",
			       from->place, config_section_names[section].kind, id);
}

static void bind_ref(struct service_binder *b, const char *text, const struct config_node *node,
		     const struct referrer *from, const struct bound_refs *bound)
{
	const struct config_components *components = &b->service->sections[bound->section];
	const struct config_components *connectors = &b->service->sections[SECTION_CONNECTORS];
	struct config_id id;
	if (!config_id_parse(slice_str(text), node->loc, from->path, b->report, &id))
		return;
	const struct config_component *found = config_find_component(components, id.id);
	const struct config_component *connector =
		bound->connectors ? config_find_component(connectors, id.id) : NULL;
	if (found)
		add_ref(b, bound->section,
			(struct config_ref){(size_t)(found - components->at), node->loc}, id.id,
			from, bound->components);
	else if (connector)
		add_ref(b, SECTION_CONNECTORS,
			(struct config_ref){(size_t)(connector - connectors->at), node->loc}, id.id,
			from, bound->connectors);
	else if (!was_refused(b, bound->section, id.id) &&
		 !(bound->connectors && was_refused(b, SECTION_CONNECTORS, id.id)))
		config_problem(b->report, CONFIG_ERROR, node->loc, from->path,
			       nearest_id(b, components, id.id),
			       "%s: references %s \"%s\" which is not configured", from->place,
			       config_section_names[bound->section].kind, id.id);
}

/* ${bound}: its lists are empty before. */
static void bind_refs(struct service_binder *b, const struct config_strings *texts,
		      const struct referrer *from, const struct bound_refs *bound)
{
	struct config_refs *const lists[] = {bound->components, bound->connectors};
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
		if (!lists[i])
			continue;
		lists[i]->at = arena_calloc(b->arena, texts->count, sizeof(*lists[i]->at));
		if (!lists[i]->at)
			return;
	}
	for (size_t i = 0; i < texts->count; i++)
		bind_ref(b, texts->at[i], texts->nodes[i], from, bound);
}

/* ---- pipelines ---- */

enum signal { SIGNAL_TRACES = 0, SIGNAL_OTHER, SIGNAL_UNKNOWN };

static enum signal signal_of(const char *type)
{
	static const char *const others[] = {"metrics", "logs", "profiles"};
	if (strcmp(type, "traces") == 0)
		return SIGNAL_TRACES;
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		if (strcmp(type, others[i]) == 0)
			return SIGNAL_OTHER;
	}
	return SIGNAL_UNKNOWN;
}

/* Whether ${id} can become a pipeline here; a null one of another signal was taken out on purpose.
 */
static bool accept_signal(struct service_binder *b, const struct config_id *id,
			  const struct config_entry *entry, const char *path)
{
	static const char *const signals[] = {"logs", "metrics", "profiles", "traces"};
	enum signal signal = signal_of(id->type);
	b->report->stage = CONFIG_STAGE_DECODE;
	if (signal == SIGNAL_UNKNOWN)
		config_problem(b->report, CONFIG_ERROR, entry->key_loc, path,
			       config_nearest(slice_str(id->type), signals, ARRAY_COUNT(signals)),
			       "in \"%s\" id: unknown pipeline signal: \"%s\"", id->id, id->type);
	b->report->stage = CONFIG_STAGE_VALIDATE;
	if (signal == SIGNAL_OTHER && entry->node->kind != CONFIG_NULL)
		config_problem(b->report, CONFIG_ERROR, entry->key_loc, path, NULL,
			       "service::pipelines::%s: this program carries traces only: start it "
			       "with --signals traces to run without the pipelines of other "
			       "signals",
			       id->id);
	return signal == SIGNAL_TRACES;
}

static void check_pipeline(struct service_binder *b, const struct pipeline *written,
			   const struct config_entry *entry, const struct referrer *from)
{
	if (written->receivers.count == 0)
		config_problem(b->report, CONFIG_ERROR, entry->key_loc, from->path, NULL,
			       "%s: must have at least one receiver", from->place);
	if (written->exporters.count == 0)
		config_problem(b->report, CONFIG_ERROR, entry->key_loc, from->path, NULL,
			       "%s: must have at least one exporter", from->place);
}

static void bind_pipeline(struct service_binder *b, const struct config_entry *entry)
{
	struct config_service *service = b->service;
	struct config_id id;
	struct pipeline written;
	const char *path = arena_printf(b->arena, "service.pipelines.%.*s", SLICE_FMT(entry->key));
	b->report->stage = CONFIG_STAGE_DECODE;
	if (!path || !config_id_parse(entry->key, entry->key_loc, path, b->report, &id) ||
	    !accept_signal(b, &id, entry, path))
		return;
	for (size_t i = 0; i < service->pipeline_count; i++) {
		if (strcmp(service->pipelines[i].id, id.id) == 0) {
			config_problem(b->report, CONFIG_ERROR, entry->key_loc, path, NULL,
				       "duplicate name \"%s\" after trimming spaces \"%.*s\"",
				       id.id, SLICE_FMT(entry->key));
			return;
		}
	}
	const char *name = arena_printf(b->arena, "service.pipelines[%s]", id.id);
	const char *place = arena_printf(b->arena, "service::pipelines::%s", id.id);
	size_t errors_before = b->report->error_count;
	if (!name || !place)
		return;
	config_bind_named(&pipeline_block, entry->node, path, name, &written, b->report);
	if (b->report->error_count != errors_before)
		return;
	struct referrer from = {place, path};
	struct config_pipeline *pipeline = &service->pipelines[service->pipeline_count++];
	*pipeline = (struct config_pipeline){.id = id.id, .loc = entry->key_loc};
	check_pipeline(b, &written, entry, &from);
	bind_refs(b, &written.receivers, &from,
		  &(struct bound_refs){SECTION_RECEIVERS, &pipeline->receivers,
				       &pipeline->from_connectors});
	bind_refs(b, &written.processors, &from,
		  &(struct bound_refs){SECTION_PROCESSORS, &pipeline->processors, NULL});
	bind_refs(b, &written.exporters, &from,
		  &(struct bound_refs){SECTION_EXPORTERS, &pipeline->exporters,
				       &pipeline->to_connectors});
}

static void bind_pipelines(struct service_binder *b, const struct config_node *node,
			   struct config_loc service_loc)
{
	size_t errors_before = b->report->error_count;
	b->report->stage = CONFIG_STAGE_DECODE;
	if (!is_null(node) && !config_expect_map(b, node, "service.pipelines"))
		return;
	size_t count = is_null(node) ? 0 : node->count;
	b->service->pipelines = arena_calloc(b->arena, count, sizeof(*b->service->pipelines));
	for (size_t i = 0; b->service->pipelines && i < count; i++)
		bind_pipeline(b, &node->entries[i]);
	b->report->stage = CONFIG_STAGE_VALIDATE;
	if (b->service->pipeline_count == 0 && b->report->error_count == errors_before)
		config_problem(b->report, CONFIG_ERROR, node ? node->loc : service_loc,
			       "service.pipelines", NULL,
			       "service::pipelines: service must have at least one pipeline");
}

/* ---- the whole ---- */

/* A promise that a file makes and an unset variable takes back is none. */
static void check_policies(struct service_binder *b, const struct config_node *service,
			   const struct config_strings *policies)
{
	const struct config_node *node = service ? config_get(service, "policies") : NULL;
	bool meant = node && node->kind == CONFIG_LIST && !node->from_env; /* [] */
	if (node && policies->count == 0 && !meant)
		config_problem(b->report, CONFIG_ERROR, node->loc, "service.policies", NULL,
			       "service::policies: names no policy: take the key out if none is "
			       "meant to be enforced");
}

static void bind_service(struct service_binder *b, const struct config_node *node)
{
	struct service written;
	struct referrer from = {"service::extensions", "service.extensions"};
	config_bind_named(&service_block, node, "service", "service", &written, b->report);
	b->report->stage = CONFIG_STAGE_VALIDATE;
	bind_refs(b, &written.extensions, &from,
		  &(struct bound_refs){SECTION_EXTENSIONS, &b->service->extensions, NULL});
	check_policies(b, node, &written.policies);
	b->service->policies = written.policies;
	bind_pipelines(b, written.pipelines, node ? node->loc : b->root->loc);
	config_telemetry_bind(written.telemetry, &b->service->telemetry, b->report);
}

const struct config_service *config_service_bind(const struct config_node *root,
						 const struct config_known_types *known,
						 struct config_report *report)
{
	enum config_stage stage_before = report->stage;
	struct top top;
	struct service_binder b = {
		.root = root, .known = known, .report = report, .arena = report->arena};
	b.service = arena_calloc(report->arena, 1, sizeof(*b.service));
	if (!b.service)
		return NULL;
	report->stage = CONFIG_STAGE_VALIDATE;
	if (!root || root->count == 0) {
		config_problem(report, CONFIG_ERROR, root ? root->loc : (struct config_loc){0}, "",
			       NULL, "empty configuration file");
	} else {
		config_bind(&top_block, root, "", &top, report);
		check_sections(&b, &top);
		report->stage = CONFIG_STAGE_DECODE;
		for (int section = 0; section < SECTION_COUNT; section++)
			config_bind_section(&b, (enum config_section)section,
					    top.sections[section]);
		bind_service(&b, top.service);
	}
	report->stage = stage_before;
	return root && root->count > 0 && !report->arena->exhausted ? b.service : NULL;
}
