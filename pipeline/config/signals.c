/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `--signals traces`: the traces part of a configuration that has pipelines of other signals beside.
 * What is left out is taken from the tree before anything is bound, so no type, key or value in it
 * has to be known here. Nothing that a remaining pipeline uses is touched.
 */
#include "pipeline/config/service_internal.h"

struct pipeline_part {
	const struct config_entry *entry;
	bool kept;
};

struct selection {
	const struct config_node *root;
	struct arena *arena;
	struct pipeline_part *pipelines;
	size_t pipeline_count;
	struct buf left_out; /* "pipelines metrics, logs; receivers prometheus" */
	bool failed;	     /* out of memory */
};

static const char *const list_keys[] = {"receivers", "exporters"};

/* ---- what goes ------------------------------------------------------------------------------ */

static bool is_other_signal(struct slice id)
{
	static const char *const others[] = {"metrics", "logs", "profiles"};
	const uint8_t *slash = id.len > 0 ? memchr(id.ptr, '/', id.len) : NULL;
	struct slice type = slice_trim(slash ? slice_of(id.ptr, (size_t)(slash - id.ptr)) : id);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		if (slice_equal(type, slice_str(others[i])))
			return true;
	}
	return false;
}

static bool section_has(const struct selection *s, enum config_section section, struct slice id)
{
	const struct config_node *map = config_get(s->root, config_section_names[section].key);
	for (size_t i = 0; map && map->kind == CONFIG_MAP && i < map->count; i++) {
		if (config_same_id(map->entries[i].key, id))
			return true;
	}
	return false;
}

/* Whether a pipeline that is ${kept} has ${id} in its list ${key}. */
static bool listed(const struct selection *s, bool kept, const char *key, struct slice id)
{
	for (size_t i = 0; i < s->pipeline_count; i++) {
		if (s->pipelines[i].kept == kept &&
		    config_list_has(config_get(s->pipelines[i].entry->node, key), id))
			return true;
	}
	return false;
}

/* Whether ${id}, which stands in the list ${key} of a pipeline that is kept, is a connector whose
 * other side is left out. One that has no other side at all stays, to be refused for that. */
static bool is_cut(const struct selection *s, const char *key, struct slice id)
{
	const char *other = list_keys[key == list_keys[0]];
	return section_has(s, SECTION_CONNECTORS, id) && !listed(s, true, other, id) &&
	       listed(s, false, other, id);
}

static bool all_cut(const struct selection *s, const struct config_node *pipeline, const char *key)
{
	const struct config_node *list = config_get(pipeline, key);
	if (!list || list->kind != CONFIG_LIST || list->count == 0)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		if (!is_cut(s, key, list->items[i]->text))
			return false;
	}
	return true;
}

/* Pipelines of other signals, and those that only led to them or came from them, to the end. */
static void choose_pipelines(struct selection *s, const struct config_node *pipelines)
{
	for (size_t i = 0; i < pipelines->count; i++)
		s->pipelines[s->pipeline_count++] = (struct pipeline_part){
			&pipelines->entries[i], !is_other_signal(pipelines->entries[i].key)};
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < s->pipeline_count; i++) {
			struct pipeline_part *part = &s->pipelines[i];
			if (part->kept && (all_cut(s, part->entry->node, list_keys[0]) ||
					   all_cut(s, part->entry->node, list_keys[1]))) {
				part->kept = false;
				changed = true;
			}
		}
	}
}

static bool used(const struct selection *s, bool kept, enum config_section section, struct slice id)
{
	if (section != SECTION_CONNECTORS)
		return listed(s, kept, config_section_names[section].key, id);
	for (size_t i = 0; i < ARRAY_COUNT(list_keys); i++) {
		if (listed(s, kept, list_keys[i], id) && !(kept && is_cut(s, list_keys[i], id)))
			return true;
	}
	return false;
}

static bool component_goes(const struct selection *s, enum config_section section, struct slice id)
{
	return used(s, false, section, id) && !used(s, true, section, id);
}

/* Whether ${node} is the text ${id} or holds it: the loader has bounded its depth. */
static bool mentions(const struct config_node *node, struct slice id)
{
	if (node->kind == CONFIG_SCALAR)
		return config_same_id(node->text, id);
	for (size_t i = 0; i < node->count; i++) {
		if (mentions(node->kind == CONFIG_MAP ? node->entries[i].node : node->items[i], id))
			return true;
	}
	return false;
}

/* Whether a component that goes (${going}), or one that stays, names the extension ${id}. */
static bool component_mentions(const struct selection *s, bool going, struct slice id)
{
	static const enum config_section sections[] = {SECTION_RECEIVERS, SECTION_PROCESSORS,
						       SECTION_EXPORTERS, SECTION_CONNECTORS};
	for (size_t k = 0; k < ARRAY_COUNT(sections); k++) {
		const struct config_node *map =
			config_get(s->root, config_section_names[sections[k]].key);
		for (size_t i = 0; map && map->kind == CONFIG_MAP && i < map->count; i++) {
			const struct config_entry *entry = &map->entries[i];
			if (component_goes(s, sections[k], entry->key) == going &&
			    mentions(entry->node, id))
				return true;
		}
	}
	return false;
}

static bool goes(const struct selection *s, enum config_section section, struct slice id)
{
	if (section == SECTION_EXTENSIONS)
		return component_mentions(s, true, id) && !component_mentions(s, false, id);
	return component_goes(s, section, id);
}

/* ---- the tree without it -------------------------------------------------------------------- */

static void say_left_out(struct selection *s, const char *kinds, size_t *count, struct slice id)
{
	const char *before = s->left_out.len > 0 ? "; " : "";
	if ((*count)++ == 0)
		buf_printf(&s->left_out, "%s%s %.*s", before, kinds, SLICE_FMT(id));
	else
		buf_printf(&s->left_out, ", %.*s", SLICE_FMT(id));
}

static struct config_node *copy_node(struct selection *s, const struct config_node *node)
{
	struct config_node *copy = arena_calloc(s->arena, 1, sizeof(*copy));
	size_t size = node->kind == CONFIG_MAP ? sizeof(*node->entries) : sizeof(node->items[0]);
	void *inside = arena_calloc(s->arena, node->count + 1, size);
	if (!copy || !inside) {
		s->failed = true;
		return NULL;
	}
	*copy = *node;
	copy->count = 0;
	if (node->kind == CONFIG_MAP)
		copy->entries = inside;
	else
		copy->items = inside;
	return copy;
}

/* The list ${key} of a kept pipeline without the connectors that are cut. */
static struct config_node *trim_list(struct selection *s, const char *key, struct config_node *list)
{
	struct config_node *copy = list->kind == CONFIG_LIST ? copy_node(s, list) : NULL;
	for (size_t i = 0; copy && i < list->count; i++) {
		if (!is_cut(s, key, list->items[i]->text))
			copy->items[copy->count++] = list->items[i];
	}
	return copy ? copy : list;
}

static struct config_node *trim_pipeline(struct selection *s, struct config_node *pipeline)
{
	struct config_node *copy = pipeline->kind == CONFIG_MAP ? copy_node(s, pipeline) : NULL;
	for (size_t i = 0; copy && i < pipeline->count; i++) {
		struct config_entry entry = pipeline->entries[i];
		for (size_t k = 0; k < ARRAY_COUNT(list_keys); k++) {
			if (slice_equal(entry.key, slice_str(list_keys[k])))
				entry.node = trim_list(s, list_keys[k], entry.node);
		}
		copy->entries[copy->count++] = entry;
	}
	return copy ? copy : pipeline;
}

static struct config_node *trim_pipelines(struct selection *s, struct config_node *pipelines)
{
	struct config_node *copy = copy_node(s, pipelines);
	for (size_t i = 0; copy && i < s->pipeline_count; i++) {
		struct config_entry entry = *s->pipelines[i].entry;
		if (!s->pipelines[i].kept)
			continue;
		entry.node = trim_pipeline(s, entry.node);
		copy->entries[copy->count++] = entry;
	}
	return copy;
}

static struct config_node *trim_section(struct selection *s, enum config_section section,
					struct config_node *map)
{
	size_t said = 0;
	struct config_node *copy = map->kind == CONFIG_MAP ? copy_node(s, map) : NULL;
	for (size_t i = 0; copy && i < map->count; i++) {
		if (goes(s, section, map->entries[i].key))
			say_left_out(s, config_section_names[section].key, &said,
				     map->entries[i].key);
		else
			copy->entries[copy->count++] = map->entries[i];
	}
	return copy ? copy : map;
}

static struct config_node *trim_extensions(struct selection *s, struct config_node *list)
{
	struct config_node *copy = list->kind == CONFIG_LIST ? copy_node(s, list) : NULL;
	for (size_t i = 0; copy && i < list->count; i++) {
		if (!goes(s, SECTION_EXTENSIONS, list->items[i]->text))
			copy->items[copy->count++] = list->items[i];
	}
	return copy ? copy : list;
}

static struct config_node *trim_service(struct selection *s, struct config_node *service)
{
	struct config_node *copy = copy_node(s, service);
	for (size_t i = 0; copy && i < service->count; i++) {
		struct config_entry entry = service->entries[i];
		if (slice_equal(entry.key, SLICE("pipelines")))
			entry.node = trim_pipelines(s, entry.node);
		else if (slice_equal(entry.key, SLICE("extensions")))
			entry.node = trim_extensions(s, entry.node);
		copy->entries[copy->count++] = entry;
	}
	return copy;
}

static struct config_node *trim_root(struct selection *s)
{
	struct config_node *copy = copy_node(s, s->root);
	for (size_t i = 0; copy && i < s->root->count; i++) {
		struct config_entry entry = s->root->entries[i];
		if (slice_equal(entry.key, SLICE("service")))
			entry.node = trim_service(s, entry.node);
		for (int section = 0; section < SECTION_COUNT; section++) {
			if (slice_equal(entry.key, slice_str(config_section_names[section].key)))
				entry.node =
					trim_section(s, (enum config_section)section, entry.node);
		}
		copy->entries[copy->count++] = entry;
	}
	return s->failed ? NULL : copy;
}

static bool any_kept(const struct selection *s)
{
	for (size_t i = 0; i < s->pipeline_count; i++) {
		if (s->pipelines[i].kept)
			return true;
	}
	return false;
}

/* What goes, for people; pipelines first. */
static const struct config_node *leave_out(struct selection *s, struct config_report *report,
					   struct config_loc loc)
{
	size_t said = 0;
	for (size_t i = 0; i < s->pipeline_count; i++) {
		if (!s->pipelines[i].kept)
			say_left_out(s, "pipelines", &said, s->pipelines[i].entry->key);
	}
	const struct config_node *root = trim_root(s);
	if (!root)
		config_problem(report, CONFIG_ERROR, loc, "service.pipelines", NULL,
			       "the configuration is too large");
	else if (s->left_out.len > 0)
		config_problem(report, CONFIG_WARNING, loc, "service.pipelines", NULL,
			       "--signals traces leaves out: %s", buf_cstr(&s->left_out));
	return root;
}

const struct config_node *config_keep_traces(const struct config_node *root,
					     struct config_report *report)
{
	const struct config_node *pipelines = config_get(config_get(root, "service"), "pipelines");
	struct selection s = {.root = root, .arena = report->arena, .left_out = BUF_INIT};
	if (!pipelines || pipelines->kind != CONFIG_MAP || pipelines->count == 0)
		return root;
	s.pipelines = arena_calloc(s.arena, pipelines->count, sizeof(*s.pipelines));
	if (s.pipelines)
		choose_pipelines(&s, pipelines);
	if (any_kept(&s)) {
		root = leave_out(&s, report, pipelines->loc);
	} else {
		config_problem(report, CONFIG_ERROR, pipelines->loc, "service.pipelines", NULL,
			       "--signals traces: no pipeline carries traces to an exporter of "
			       "traces");
		root = NULL;
	}
	buf_fini(&s.left_out);
	return root;
}
