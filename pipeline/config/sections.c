/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections of the top level: which components are defined, under which ids and of which types.
 * A type that this build lacks is refused; what the Collector has under that name is said with it.
 */
#include "pipeline/config/service_internal.h"

const struct config_section_name config_section_names[SECTION_COUNT] = {
	[SECTION_RECEIVERS] = {"receivers", "receiver"},
	[SECTION_PROCESSORS] = {"processors", "processor"},
	[SECTION_EXPORTERS] = {"exporters", "exporter"},
	[SECTION_EXTENSIONS] = {"extensions", "extension"},
	[SECTION_CONNECTORS] = {"connectors", "connector"},
};

bool config_expect_map(struct service_binder *b, const struct config_node *node, const char *name)
{
	if (node->kind == CONFIG_MAP)
		return true;
	config_problem(b->report, CONFIG_ERROR, node->loc, name, NULL,
		       "'%s' expected a map, got '%s'", name, config_go_type(node));
	return false;
}

bool config_same_id(struct slice a, struct slice b)
{
	size_t i = 0, k = 0;
	for (;;) {
		while (i < a.len && (a.ptr[i] == ' ' || a.ptr[i] == '\t'))
			i++;
		while (k < b.len && (b.ptr[k] == ' ' || b.ptr[k] == '\t'))
			k++;
		if (i == a.len || k == b.len)
			return i == a.len && k == b.len;
		if (a.ptr[i++] != b.ptr[k++])
			return false;
	}
}

bool config_list_has(const struct config_node *list, struct slice id)
{
	size_t count = list && list->kind == CONFIG_LIST ? list->count : 0;
	for (size_t i = 0; i < count; i++) {
		if (config_same_id(list->items[i]->text, id))
			return true;
	}
	struct slice rest = list && list->kind == CONFIG_SCALAR ? list->text : slice_of(NULL, 0);
	while (rest.len > 0) {
		const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
		if (config_same_id(slice_of(rest.ptr, len), id))
			return true;
		len += comma != NULL;
		rest = slice_of(rest.ptr + len, rest.len - len);
	}
	return false;
}

static size_t count_words(const char *const *words)
{
	size_t count = 0;
	while (words && words[count])
		count++;
	return count;
}

static bool type_known(const char *const *types, const char *type)
{
	for (; types && *types; types++) {
		if (strcmp(*types, type) == 0)
			return true;
	}
	return false;
}

/* Whether ${pipeline}, as it is written, names ${id} where components of ${section} stand: a
 * connector stands among the receivers or the exporters. */
static bool pipeline_names(const struct config_node *pipeline, enum config_section section,
			   const char *id)
{
	if (section == SECTION_CONNECTORS)
		return pipeline_names(pipeline, SECTION_RECEIVERS, id) ||
		       pipeline_names(pipeline, SECTION_EXPORTERS, id);
	return config_list_has(config_get(pipeline, config_section_names[section].key),
			       slice_str(id));
}

/* Whether the service names ${id}, judged before its lists are bound. */
static bool is_referenced(const struct service_binder *b, enum config_section section,
			  const char *id)
{
	const struct config_node *service = config_get(b->root, "service");
	const struct config_node *pipelines = config_get(service, "pipelines");
	if (section == SECTION_EXTENSIONS)
		return config_list_has(config_get(service, "extensions"), slice_str(id));
	for (size_t i = 0; pipelines && pipelines->kind == CONFIG_MAP && i < pipelines->count;
	     i++) {
		if (pipeline_names(pipelines->entries[i].node, section, id))
			return true;
	}
	return false;
}

static const struct config_foreign_type *foreign_type(const struct service_binder *b,
						      enum config_section section, const char *type)
{
	return b->known->foreign ? b->known->foreign(section, type) : NULL;
}

static void report_unknown_type(struct service_binder *b, enum config_section section,
				const struct config_id *id, const struct config_entry *entry,
				const char *path)
{
	const char *const *types = b->known->types[section];
	struct buf valid = BUF_INIT;
	size_t count = count_words(types);
	/* Charts and overlays take a component out by setting it to null. */
	if (entry->node->kind == CONFIG_NULL && !is_referenced(b, section, id->id)) {
		config_problem(b->report, CONFIG_WARNING, entry->key_loc, path, NULL,
			       "unknown type: \"%s\" for id: \"%s\" is null and left out", id->type,
			       id->id);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!foreign_type(b, section, types[i])) /* no former names */
			buf_printf(&valid, "%s%s", valid.len > 0 ? " " : "", types[i]);
	}
	config_problem(b->report, CONFIG_ERROR, entry->key_loc, path,
		       config_nearest(slice_str(id->type), types, count),
		       "unknown type: \"%s\" for id: \"%s\" (valid values: [%s])", id->type, id->id,
		       buf_cstr(&valid));
	buf_fini(&valid);
}

/* What the Collector has under a name that is no component here: refused with what to do, or
 * left out with a line when nothing about traces depends on it. */
static bool answer_foreign_type(struct service_binder *b, enum config_section section,
				const struct config_id *id, const struct config_entry *entry,
				const char *path)
{
	const struct config_foreign_type *foreign = foreign_type(b, section, id->type);
	if (!foreign)
		return false;
	const char *kind = config_section_names[section].kind;
	if (foreign->inert)
		config_problem(b->report, CONFIG_WARNING, entry->key_loc, path, NULL,
			       "the %s \"%s\" does nothing in this program: %s", kind, id->id,
			       foreign->advice);
	else if (entry->node->kind == CONFIG_NULL && !is_referenced(b, section, id->id))
		return false;
	else
		config_problem(b->report, CONFIG_ERROR, entry->key_loc, path, NULL,
			       "unknown type: \"%s\" for id: \"%s\": the Collector %s this %s, "
			       "this build does not have it: %s",
			       id->type, id->id, foreign->removed ? "had" : "has", kind,
			       foreign->advice);
	return true;
}

const struct config_component *config_find_component(const struct config_components *components,
						     const char *id)
{
	for (size_t i = 0; i < components->count; i++) {
		if (strcmp(components->at[i].id, id) == 0)
			return &components->at[i];
	}
	return NULL;
}

static void bind_component(struct service_binder *b, enum config_section section,
			   const struct config_entry *entry)
{
	struct config_components *components = &b->service->sections[section];
	struct config_id id;
	const char *path = arena_printf(b->arena, "%s.%.*s", config_section_names[section].key,
					SLICE_FMT(entry->key));
	if (!path || !config_id_parse(entry->key, entry->key_loc, path, b->report, &id))
		return;
	if (!type_known(b->known->types[section], id.type)) {
		if (!answer_foreign_type(b, section, &id, entry, path))
			report_unknown_type(b, section, &id, entry, path);
		return;
	}
	if (config_find_component(components, id.id)) {
		config_problem(b->report, CONFIG_ERROR, entry->key_loc, path, NULL,
			       "duplicate name \"%s\" after trimming spaces \"%.*s\"", id.id,
			       SLICE_FMT(entry->key));
		return;
	}
	const struct config_foreign_type *former = foreign_type(b, section, id.type);
	if (former)
		config_problem(b->report, CONFIG_WARNING, entry->key_loc, path, NULL,
			       "the %s \"%s\" is %s", config_section_names[section].kind, id.id,
			       former->advice);
	components->at[components->count++] = (struct config_component){
		.id = id.id,
		.type = id.type,
		.name = id.name,
		.loc = entry->key_loc,
		.node = entry->node,
	};
}

void config_bind_section(struct service_binder *b, enum config_section section,
			 const struct config_node *node)
{
	if (!node || node->kind == CONFIG_NULL ||
	    !config_expect_map(b, node, config_section_names[section].key))
		return;
	struct config_component *at = arena_calloc(b->arena, node->count, sizeof(*at));
	if (!at)
		return;
	b->service->sections[section].at = at;
	for (size_t i = 0; i < node->count; i++)
		bind_component(b, section, &node->entries[i]);
}
