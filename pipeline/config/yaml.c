/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text to trees, from libyaml's events (its document API has no columns for keys and no
 * bounds). Differences from libyaml are those of yaml.v3, which the Collector uses: duplicate keys
 * are errors,
 * `<<` merges, aliases may not blow a document up.
 *
 * Bounds: CONFIG_DEPTH_MAX levels (aliases add the levels of what they name), and the nodes of the
 * load's quota (an alias is charged all nodes below it each time). An alias shares its nodes, so
 * the result is a graph without cycles; everything that walks it is bounded by the quota.
 */
#include "pipeline/config/internal.h"

#include <yaml.h>

#define NOT_A_CONF                                                                                 \
	"retrieved value (type=string) cannot be used as a Conf: assuming string type since "      \
	"contents are not valid YAML: yaml: "

struct anchor {
	struct anchor *next;
	struct slice name;
	struct config_node *node; /* NULL while the anchored node is still being read */
	size_t nodes, height;	  /* of the subtree, aliases expanded */
};

struct parser {
	yaml_parser_t yaml;
	yaml_event_t event;
	bool has_event;
	const struct config_origin *origin;
	struct slice text;
	struct config_quota *quota;
	struct config_report *report;
	struct arena *arena;
	struct anchor *anchors; /* of this document, newest first */
	size_t deepest;		/* level reached since the innermost anchored node began */
	bool failed;		/* the stream cannot be read further */
};

/* Nodes of a list under construction. */
struct node_list {
	struct config_node **at;
	size_t count, capacity;
};

static struct config_node *parse_node(struct parser *p, size_t depth);

static struct config_loc loc_of(const struct parser *p, yaml_mark_t mark)
{
	if (p->origin->fixed.file)
		return p->origin->fixed;
	return (struct config_loc){p->origin->file,
				   (uint32_t)mark.line + 1 + p->origin->line_offset,
				   (uint32_t)mark.column + 1 + p->origin->column_offset};
}

/* Reports a fault at ${mark} after which the rest of the text is not read. */
static struct config_node *fail(struct parser *p, yaml_mark_t mark, const char *text)
{
	struct config_loc loc = loc_of(p, mark);
	if (!p->failed)
		config_problem(p->report, CONFIG_ERROR, loc, "", NULL, NOT_A_CONF "line %u: %s",
			       loc.line, text);
	p->failed = true;
	return NULL;
}

static bool is_tab_at(const struct parser *p, yaml_mark_t mark)
{
	size_t at = 0;
	for (size_t line = 0; line < mark.line && at < p->text.len; at++)
		line += p->text.ptr[at] == '\n';
	/* Before a tab that indents stands nothing but blanks: columns are bytes there. */
	for (size_t column = 0; column < mark.column; column++, at++) {
		if (at >= p->text.len || (p->text.ptr[at] != ' ' && p->text.ptr[at] != '\t'))
			return false;
	}
	return at < p->text.len && p->text.ptr[at] == '\t';
}

static void fail_syntax(struct parser *p)
{
	const char *problem = p->yaml.problem ? p->yaml.problem : "unknown problem";
	yaml_mark_t mark = p->yaml.problem_mark;
	if (p->yaml.error == YAML_MEMORY_ERROR)
		problem = "out of memory";
	if (p->yaml.error == YAML_READER_ERROR) {
		/* The reader knows an offset only. */
		mark = (yaml_mark_t){0};
		for (size_t at = 0; at < p->yaml.problem_offset && at < p->text.len; at++) {
			mark.column = p->text.ptr[at] == '\n' ? 0 : mark.column + 1;
			mark.line += p->text.ptr[at] == '\n';
		}
	}
	struct config_loc loc = loc_of(p, mark);
	bool tab = p->yaml.error == YAML_SCANNER_ERROR && is_tab_at(p, mark);
	if (!p->failed)
		config_problem(p->report, CONFIG_ERROR, loc, "", NULL, NOT_A_CONF "line %u: %s%s",
			       loc.line, problem,
			       tab ? " (a tab: YAML is indented with spaces)" : "");
	p->failed = true;
}

/* Reads the next event into p->event. */
static bool next_event(struct parser *p)
{
	if (p->has_event)
		yaml_event_delete(&p->event);
	p->has_event = false;
	if (p->failed)
		return false;
	if (!yaml_parser_parse(&p->yaml, &p->event)) {
		fail_syntax(p);
		return false;
	}
	p->has_event = true;
	return true;
}

static bool charge(struct parser *p, yaml_mark_t mark, size_t nodes)
{
	if (nodes > p->quota->nodes) {
		(void)fail(p, mark, "document contains excessive aliasing or too many values");
		return false;
	}
	p->quota->nodes -= nodes;
	return true;
}

static bool reach_depth(struct parser *p, yaml_mark_t mark, size_t depth)
{
	if (depth > CONFIG_DEPTH_MAX) {
		(void)fail(p, mark, "exceeded max depth of 100");
		return false;
	}
	if (depth > p->deepest)
		p->deepest = depth;
	return true;
}

static struct config_node *new_node(struct parser *p, enum config_kind kind, yaml_mark_t mark)
{
	struct config_node *node = arena_calloc(p->arena, 1, sizeof(*node));
	if (!node)
		return fail(p, mark, "configuration is too large");
	node->kind = kind;
	node->loc = loc_of(p, mark);
	return node;
}

static bool list_add(struct parser *p, struct node_list *list, struct config_node *node)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 8;
		struct config_node **at = arena_calloc(p->arena, capacity, sizeof(*at));
		if (!at)
			return false;
		if (list->count > 0)
			memcpy(at, list->at, list->count * sizeof(struct config_node *));
		list->at = at;
		list->capacity = capacity;
	}
	list->at[list->count++] = node;
	return true;
}

/* ---- scalars ---- */

static struct config_node *make_scalar(struct parser *p)
{
	const yaml_event_t *event = &p->event;
	yaml_mark_t mark = event->start_mark;
	struct config_node *node = new_node(p, CONFIG_SCALAR, mark);
	if (!node)
		return NULL;
	node->text =
		arena_copy(p->arena, slice_of(event->data.scalar.value, event->data.scalar.length));
	if (!node->text.ptr)
		return fail(p, mark, "configuration is too large");
	const char *tag = (const char *)event->data.scalar.tag;
	if (tag) {
		const char *wrong = config_scalar_tag(node, tag);
		return wrong ? fail(p, mark, wrong) : node;
	}
	node->literal_string = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!node->literal_string)
		node->scalar = config_scalar_resolve(node->text, &node->kind);
	return node;
}

/* ---- aliases ---- */

static struct anchor *find_anchor(const struct parser *p, struct slice name)
{
	for (struct anchor *anchor = p->anchors; anchor; anchor = anchor->next) {
		if (slice_equal(anchor->name, name))
			return anchor;
	}
	return NULL;
}

static struct config_node *follow_alias(struct parser *p, size_t depth)
{
	yaml_mark_t mark = p->event.start_mark;
	struct slice name = slice_str((const char *)p->event.data.alias.anchor);
	const struct anchor *anchor = find_anchor(p, name);
	if (!anchor) {
		const char *text =
			arena_printf(p->arena, "unknown anchor '%.*s' referenced", SLICE_FMT(name));
		return fail(p, mark, text ? text : "unknown anchor referenced");
	}
	if (!anchor->node)
		return fail(p, mark, "anchor value contains itself");
	if (!reach_depth(p, mark, depth + anchor->height) || !charge(p, mark, anchor->nodes))
		return NULL;
	return anchor->node;
}

/* ---- collections ---- */

static bool is_core_collection_tag(const char *tag, const char *core)
{
	return !tag || strcmp(tag, "!") == 0 || strcmp(tag, core) == 0;
}

static struct config_node *parse_list(struct parser *p, size_t depth)
{
	yaml_mark_t mark = p->event.start_mark;
	struct node_list list = {0};
	if (!is_core_collection_tag((const char *)p->event.data.sequence_start.tag, YAML_SEQ_TAG))
		return fail(p, mark, "a tag other than !!seq on a list is not supported");
	struct config_node *node = new_node(p, CONFIG_LIST, mark);
	while (node && next_event(p) && p->event.type != YAML_SEQUENCE_END_EVENT) {
		struct config_node *item = parse_node(p, depth + 1);
		if (!item)
			return NULL;
		if (!list_add(p, &list, item))
			return fail(p, mark, "configuration is too large");
	}
	if (!node || p->failed)
		return NULL;
	node->items = list.at;
	node->count = list.count;
	return node;
}

/* Reads the scalar key that p->event holds. */
static bool parse_key(struct parser *p, struct config_entry *ret_entry, bool *ret_merge)
{
	const struct config_node *node = NULL;
	yaml_mark_t mark = p->event.start_mark;
	if (p->event.type == YAML_ALIAS_EVENT)
		node = follow_alias(p, 0);
	else if (p->event.type == YAML_SCALAR_EVENT)
		node = parse_node(p, 0);
	else
		(void)fail(p, mark, "invalid map key: only texts and numbers can be keys");
	if (!node)
		return false;
	if (node->kind != CONFIG_SCALAR) {
		(void)fail(p, mark, "invalid map key: only texts and numbers can be keys");
		return false;
	}
	*ret_merge = !node->literal_string && slice_equal(node->text, SLICE("<<"));
	*ret_entry = (struct config_entry){.key = node->text, .key_loc = loc_of(p, mark)};
	return true;
}

/* A duplicate key does not stop the reading, so that all show in one run. */
static void report_duplicate(struct parser *p, const struct config_entry *first,
			     const struct config_entry *again)
{
	config_problem(p->report, CONFIG_ERROR, again->key_loc, "", NULL,
		       NOT_A_CONF "line %u: mapping key \"%.*s\" already defined at line %u",
		       again->key_loc.line, SLICE_FMT(again->key), first->key_loc.line);
}

/* Adds the entries of ${source} whose keys the map does not have (`<<`). */
static bool merge_into(struct config_map *map, const struct config_node *source)
{
	for (size_t i = 0; i < source->count; i++) {
		if (!config_map_find(map, source->entries[i].key) &&
		    !config_map_add(map, source->entries[i]))
			return false;
	}
	return true;
}

static bool apply_merge(struct parser *p, struct config_map *map, const struct config_node *value,
			yaml_mark_t mark)
{
	bool valid = value->kind == CONFIG_MAP || value->kind == CONFIG_LIST, room = true;
	for (size_t i = 0; value->kind == CONFIG_LIST && i < value->count; i++)
		valid = valid && value->items[i]->kind == CONFIG_MAP;
	if (!valid) {
		(void)fail(p, mark, "map merge requires map or sequence of maps as the value");
		return false;
	}
	if (value->kind == CONFIG_MAP)
		room = merge_into(map, value);
	for (size_t i = 0; value->kind == CONFIG_LIST && room && i < value->count; i++)
		room = merge_into(map, value->items[i]);
	if (!room)
		(void)fail(p, mark, "configuration is too large");
	return room;
}

static struct config_node *parse_map(struct parser *p, size_t depth)
{
	yaml_mark_t mark = p->event.start_mark;
	struct config_map map;
	struct node_list merges = {0};
	config_map_init(&map, p->arena);
	if (!is_core_collection_tag((const char *)p->event.data.mapping_start.tag, YAML_MAP_TAG))
		return fail(p, mark, "a tag other than !!map on a map is not supported");
	while (next_event(p) && p->event.type != YAML_MAPPING_END_EVENT) {
		struct config_entry entry;
		bool merge, room;
		if (!parse_key(p, &entry, &merge) || !next_event(p))
			return NULL;
		entry.node = parse_node(p, depth + 1);
		if (!entry.node)
			return NULL;
		const struct config_entry *first = config_map_find(&map, entry.key);
		if (merge)
			room = list_add(p, &merges, entry.node);
		else
			room = first || config_map_add(&map, entry);
		if (!room)
			return fail(p, mark, "configuration is too large");
		if (first && !merge)
			report_duplicate(p, first, &entry);
	}
	for (size_t i = 0; i < merges.count && !p->failed; i++)
		(void)apply_merge(p, &map, merges.at[i], mark);
	if (p->failed)
		return NULL;
	struct config_node *node = config_map_finish(&map, loc_of(p, mark));
	return node ? node : fail(p, mark, "configuration is too large");
}

/* ---- nodes and documents ---- */

static const yaml_char_t *event_anchor(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return event->data.scalar.anchor;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return event->data.sequence_start.anchor;
	return event->data.mapping_start.anchor;
}

static struct config_node *parse_content(struct parser *p, size_t depth)
{
	if (p->event.type == YAML_SCALAR_EVENT)
		return make_scalar(p);
	if (p->event.type == YAML_SEQUENCE_START_EVENT)
		return parse_list(p, depth);
	return parse_map(p, depth);
}

/* The node that p->event begins. Recursion is bounded by CONFIG_DEPTH_MAX. */
static struct config_node *parse_node(struct parser *p, size_t depth)
{
	yaml_mark_t mark = p->event.start_mark;
	if (p->event.type == YAML_ALIAS_EVENT)
		return follow_alias(p, depth);
	if (!reach_depth(p, mark, depth) || !charge(p, mark, 1))
		return NULL;
	const yaml_char_t *name = event_anchor(&p->event);
	if (!name)
		return parse_content(p, depth);

	struct anchor *anchor = arena_calloc(p->arena, 1, sizeof(*anchor));
	if (!anchor)
		return fail(p, mark, "configuration is too large");
	size_t nodes_before = p->quota->nodes, deepest_before = p->deepest;
	anchor->name = arena_copy(p->arena, slice_str((const char *)name));
	anchor->next = p->anchors;
	p->anchors = anchor;
	p->deepest = depth;
	struct config_node *node = parse_content(p, depth);
	anchor->node = node;
	anchor->nodes = nodes_before - p->quota->nodes + 1;
	anchor->height = p->deepest - depth;
	if (deepest_before > p->deepest)
		p->deepest = deepest_before;
	return node;
}

static void parse_stream(struct parser *p, struct config_documents *documents)
{
	struct node_list list = {0};
	while (next_event(p) && p->event.type != YAML_STREAM_END_EVENT) {
		if (p->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		p->anchors = NULL;
		yaml_mark_t mark = p->event.start_mark;
		struct config_node *root = next_event(p) ? parse_node(p, 1) : NULL;
		if (!root)
			return;
		if (!list_add(p, &list, root))
			(void)fail(p, mark, "configuration is too large");
	}
	*documents = (struct config_documents){list.at, list.count};
}

bool config_yaml_parse(struct slice text, const struct config_origin *origin,
		       struct config_quota *quota, struct config_report *report,
		       struct config_documents *ret_documents)
{
	size_t errors_before = report->error_count;
	struct config_documents documents = {0};
	if (slice_has_prefix(text, SLICE("\xef\xbb\xbf"))) /* byte order mark */
		text = slice_of(text.ptr + 3, text.len - 3);
	struct parser p = {.origin = origin,
			   .text = text,
			   .quota = quota,
			   .report = report,
			   .arena = report->arena};
	if (!yaml_parser_initialize(&p.yaml)) {
		(void)fail(&p, (yaml_mark_t){0}, "out of memory");
		return false;
	}
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, text.ptr ? text.ptr : (const uint8_t *)"", text.len);
	parse_stream(&p, &documents);
	if (p.has_event)
		yaml_event_delete(&p.event);
	yaml_parser_delete(&p.yaml);
	if (report->error_count != errors_before)
		return false;
	*ret_documents = documents;
	return true;
}
