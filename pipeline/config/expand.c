/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${…} in scalars, by the Collector's rules: the innermost reference is replaced first, so
 * references nest; what a reference gives is expanded again; "$$" stands for "$" and makes the
 * reference behind it plain text; "$NAME" without braces stays as it is.
 *
 * A scalar that is one reference takes the YAML type of what it names (and keeps the original text
 * for fields that want a string); inside a longer text a reference must give a scalar. Keys are not
 * expanded.
 *
 * Bounds: CONFIG_EXPANSIONS_MAX replacements in one scalar (an alias is a scalar each time, so the
 * load's quota bounds them all), CONFIG_SOURCE_BYTES_MAX of text,
 * CONFIG_DEPTH_MAX levels, and the load's quotas.
 */
#include "pipeline/config/internal.h"

/* One scalar while its references are replaced. */
struct expansion {
	struct config_loader *loader;
	const struct config_node *node;
	const struct config_scope *scope;
	size_t depth;
	struct buf text;
	const char *unset_env;
	struct config_node *container; /* the one reference was a map or a list */
	bool whole;		       /* the last replacement was the whole scalar */
};

/* What one reference names. */
struct retrieved {
	struct slice text;
	const char *file; /* for places inside the text */
	bool is_env;
};

static struct config_node *expand_node(struct config_loader *loader, struct config_node *node,
				       const struct config_scope *scope, size_t depth);

static bool fail(const struct expansion *x, const char *what, struct slice uri)
{
	struct arena *arena = x->loader->report->arena;
	config_problem(x->loader->report, CONFIG_ERROR, x->node->loc,
		       config_scope_path(x->scope, arena), NULL, "${%.*s}: %s", SLICE_FMT(uri),
		       what);
	return false;
}

static void too_deep(struct config_loader *loader, const struct config_node *node,
		     const struct config_scope *scope)
{
	config_problem(loader->report, CONFIG_ERROR, node->loc,
		       config_scope_path(scope, loader->report->arena), NULL,
		       "too many recursive expansions: more than %d levels", CONFIG_DEPTH_MAX);
}

/* ---- finding references ---- */

/* Whether an odd number of further "$" stands before the "$" at ${at}: then it is escaped. */
static bool is_escaped(struct slice text, size_t from, size_t at)
{
	size_t dollars = 0;
	while (at > from + dollars && text.ptr[at - dollars - 1] == '$')
		dollars++;
	return dollars % 2 == 1;
}

/* The first reference that can be replaced: text[*ret_open, *ret_end) is "${…}". */
static bool find_reference(struct slice text, size_t *ret_open, size_t *ret_end)
{
	size_t from = 0;
	bool has_open = false;
	size_t open = 0;
	for (size_t at = 0; at < text.len; at++) {
		if (text.ptr[at] == '$' && at + 1 < text.len && text.ptr[at + 1] == '{') {
			open = at;
			has_open = true;
		}
		if (text.ptr[at] != '}')
			continue;
		if (has_open && !is_escaped(text, from, open)) {
			*ret_open = open;
			*ret_end = at + 1;
			return true;
		}
		from = at + 1;
		has_open = false;
	}
	return false;
}

/* ---- retrieving ---- */

static size_t find_default(struct slice text)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.ptr[i] == ':' && text.ptr[i + 1] == '-')
			return i;
	}
	return text.len;
}

/* "NAME" or "NAME:-default". */
static bool retrieve_env(struct expansion *x, struct slice uri, struct slice rest,
			 struct retrieved *ret)
{
	struct config_report *report = x->loader->report;
	size_t at = find_default(rest);
	struct slice name = slice_of(rest.ptr, at);
	if (!config_env_name_valid(name)) {
		const char *path = config_scope_path(x->scope, report->arena);
		config_problem(report, CONFIG_ERROR, x->node->loc, path, NULL,
			       "environment variable \"%.*s\" has invalid name: must match regex "
			       "^[a-zA-Z_][a-zA-Z0-9_]*$",
			       SLICE_FMT(name));
		return false;
	}
	const char *name_text = (const char *)arena_copy(report->arena, name).ptr;
	if (!name_text)
		return fail(x, "configuration is too large", uri);
	const char *value = config_read_env(x->loader, name_text);
	ret->file = arena_printf(report->arena, "env:%s", name_text);
	ret->is_env = true;
	if (value) {
		ret->text = slice_str(value);
		return true;
	}
	if (at < rest.len) {
		ret->text = slice_of(rest.ptr + at + 2, rest.len - at - 2);
		return true;
	}
	ret->text = SLICE("");
	if (!x->unset_env)
		x->unset_env = name_text;
	config_problem(report, CONFIG_WARNING, x->node->loc,
		       config_scope_path(x->scope, report->arena), NULL,
		       "Configuration references unset environment variable \"%s\"", name_text);
	return true;
}

static bool retrieve_file(struct expansion *x, struct slice rest, struct retrieved *ret)
{
	struct config_report *report = x->loader->report;
	struct err err;
	const char *path = (const char *)arena_copy(report->arena, rest).ptr;
	if (!path || !config_read_file(x->loader, path, &ret->text, &err)) {
		config_problem(report, CONFIG_ERROR, x->node->loc,
			       config_scope_path(x->scope, report->arena), NULL, "%s",
			       path ? err.msg : "no memory");
		return false;
	}
	/* A secret in a file ends with the editor's line end, which no value wants. */
	while (ret->text.len > 0 && (ret->text.ptr[ret->text.len - 1] == '\n' ||
				     ret->text.ptr[ret->text.len - 1] == '\r'))
		ret->text.len--;
	ret->file = path;
	return true;
}

/* Whether ${uri} is "NAME" or "NAME:-default" of a variable, whose scheme may be left out. */
static bool is_bare_variable(struct slice uri, struct slice scheme)
{
	size_t colon = 0;
	while (colon < uri.len && uri.ptr[colon] != ':')
		colon++;
	if (colon == uri.len)
		return true;
	bool known = slice_equal(scheme, SLICE("env")) || slice_equal(scheme, SLICE("file")) ||
		     slice_equal(scheme, SLICE("yaml"));
	return !known && find_default(uri) == colon;
}

static bool retrieve(struct expansion *x, struct slice uri, struct retrieved *ret)
{
	struct slice rest, scheme = config_uri_scheme(uri, &rest);
	*ret = (struct retrieved){.file = "yaml:"};
	if (is_bare_variable(uri, scheme))
		return retrieve_env(x, uri, uri, ret);
	if (memchr(rest.ptr, '$', rest.len))
		return fail(x, "the uri contains unsupported characters ('$')", uri);
	if (slice_equal(scheme, SLICE("env")))
		return retrieve_env(x, uri, rest, ret);
	if (slice_equal(scheme, SLICE("file")))
		return retrieve_file(x, rest, ret);
	if (slice_equal(scheme, SLICE("yaml"))) {
		ret->text = rest;
		return true;
	}
	if (scheme.len == 0)
		return fail(x, "invalid uri", uri);
	return fail(x, "scheme is not supported (supported: env, file, yaml)", uri);
}

/* ---- replacing ---- */

/* What ${text} is as YAML; NULL when it is no YAML, so a string. */
static struct config_node *parse_quietly(struct expansion *x, const struct retrieved *r)
{
	struct arena *arena = x->loader->report->arena;
	struct config_origin origin = {.file = r->file};
	struct config_documents documents;
	struct config_report unheard;
	config_report_init(&unheard, arena);
	if (!config_yaml_parse(r->text, &origin, &x->loader->quota, &unheard, &documents) ||
	    documents.count > 1)
		return NULL;
	if (documents.count == 1)
		return documents.at[0];
	return arena_calloc(arena, 1, sizeof(struct config_node)); /* CONFIG_NULL */
}

static bool is_container(const struct config_node *node)
{
	return node && (node->kind == CONFIG_MAP || node->kind == CONFIG_LIST);
}

/* The whole scalar names a map or a list: its own scalars are expanded each by itself. */
static bool take_container(struct expansion *x, struct config_node *node, struct slice text)
{
	struct arena *arena = x->loader->report->arena;
	node = config_split_keys(arena, node, x->depth);
	if (!node) {
		too_deep(x->loader, x->node, x->scope);
		return false;
	}
	node = expand_node(x->loader, node, x->scope, x->depth);
	if (!node)
		return false;
	struct config_node *copy = arena_alloc(arena, sizeof(*copy));
	if (!copy)
		return false;
	*copy = *node;
	copy->loc = x->node->loc;
	copy->text = arena_copy(arena, text);
	x->container = copy;
	return true;
}

static bool replace(struct expansion *x, size_t open, size_t end)
{
	struct slice before = buf_slice(&x->text);
	struct slice uri = slice_of(before.ptr + open + 2, end - open - 3);
	struct retrieved r;
	bool whole = open == 0 && end == before.len;
	if (!retrieve(x, uri, &r))
		return false;
	if (r.text.len > CONFIG_SOURCE_BYTES_MAX - before.len ||
	    r.text.len > x->loader->quota.bytes)
		return fail(x, "configuration is too large", uri);
	x->loader->quota.bytes -= r.text.len;
	if (whole || !r.is_env) {
		struct config_node *node = parse_quietly(x, &r);
		if (is_container(node) && whole)
			return take_container(x, node, r.text);
		if (is_container(node))
			return fail(
				x, "expected convertable to string value type, got a map or a list",
				uri);
	}
	struct buf after = BUF_INIT;
	buf_append(&after, slice_of(before.ptr, open));
	buf_append(&after, r.text);
	buf_append(&after, slice_of(before.ptr + end, before.len - end));
	buf_fini(&x->text);
	x->text = after;
	x->whole = whole;
	return !after.failed;
}

/* ${text} with each "$$" made "$". */
static struct slice unescape(struct arena *arena, struct slice text)
{
	uint8_t *out = arena_alloc(arena, text.len + 1);
	size_t len = 0;
	if (!out)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < text.len; i++) {
		out[len++] = text.ptr[i];
		if (text.ptr[i] == '$' && i + 1 < text.len && text.ptr[i + 1] == '$')
			i++;
	}
	out[len] = 0;
	return slice_of(out, len);
}

static struct config_node *finish_scalar(struct expansion *x, bool expanded)
{
	struct arena *arena = x->loader->report->arena;
	struct config_node *node = arena_alloc(arena, sizeof(*node));
	if (!node)
		return NULL;
	*node = x->container ? *x->container : *x->node;
	node->expanded = expanded;
	node->from_env = x->whole || x->container;
	node->unset_env = x->unset_env;
	if (x->container)
		return node;
	node->text = unescape(arena, buf_slice(&x->text));
	if (expanded) {
		node->scalar = SCALAR_STRING;
		node->literal_string = !x->whole;
	}
	if (x->whole) {
		struct retrieved r = {.text = node->text, .file = "yaml:"};
		const struct config_node *typed = parse_quietly(x, &r);
		if (typed && !is_container(typed)) {
			node->kind = typed->kind;
			node->scalar = typed->scalar;
		}
	}
	return node->text.ptr ? node : NULL;
}

static struct config_node *expand_scalar(struct config_loader *loader, struct config_node *node,
					 const struct config_scope *scope, size_t depth)
{
	struct expansion x = {.loader = loader, .node = node, .scope = scope, .depth = depth};
	struct config_node *result = NULL;
	size_t open, end, count = 0;
	if (!memchr(node->text.ptr, '$', node->text.len))
		return node;
	buf_append(&x.text, node->text);
	while (!x.container && find_reference(buf_slice(&x.text), &open, &end)) {
		if (++count > CONFIG_EXPANSIONS_MAX || loader->quota.expansions == 0) {
			config_problem(loader->report, CONFIG_ERROR, node->loc,
				       config_scope_path(scope, loader->report->arena), NULL,
				       "too many recursive expansions");
			goto out;
		}
		loader->quota.expansions--;
		if (!replace(&x, open, end))
			goto out;
	}
	result = finish_scalar(&x, count > 0);
out:
	buf_fini(&x.text);
	return result;
}

/* ---- the tree ---- */

static struct config_node *expand_list(struct config_loader *loader, const struct config_node *list,
				       const struct config_scope *scope, size_t depth)
{
	struct arena *arena = loader->report->arena;
	struct config_node *copy = arena_alloc(arena, sizeof(*copy));
	struct config_node **items = arena_calloc(arena, list->count, sizeof(*items));
	if (!copy || !items)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		struct config_scope here = {.parent = scope, .index = i};
		items[i] = expand_node(loader, list->items[i], &here, depth + 1);
		if (!items[i])
			items[i] = list->items[i]; /* reported; go on for the next problem */
	}
	*copy = *list;
	copy->items = items;
	return copy;
}

static struct config_node *expand_map(struct config_loader *loader, const struct config_node *map,
				      const struct config_scope *scope, size_t depth)
{
	struct arena *arena = loader->report->arena;
	struct config_node *copy = arena_alloc(arena, sizeof(*copy));
	struct config_entry *entries = arena_calloc(arena, map->count, sizeof(*entries));
	if (!copy || !entries)
		return NULL;
	for (size_t i = 0; i < map->count; i++) {
		struct config_scope here = {.parent = scope, .key = map->entries[i].key};
		entries[i] = map->entries[i];
		entries[i].node = expand_node(loader, map->entries[i].node, &here, depth + 1);
		if (!entries[i].node)
			entries[i].node = map->entries[i].node;
	}
	*copy = *map;
	copy->entries = entries;
	return copy;
}

static struct config_node *expand_node(struct config_loader *loader, struct config_node *node,
				       const struct config_scope *scope, size_t depth)
{
	if (depth > CONFIG_DEPTH_MAX) {
		too_deep(loader, node, scope);
		return NULL;
	}
	switch (node->kind) {
	case CONFIG_SCALAR: return expand_scalar(loader, node, scope, depth);
	case CONFIG_LIST: return expand_list(loader, node, scope, depth);
	case CONFIG_MAP: return expand_map(loader, node, scope, depth);
	case CONFIG_NULL:
	case CONFIG_KIND_COUNT: break;
	}
	return node;
}

struct config_node *config_expand(struct config_loader *loader, struct config_node *node)
{
	struct config_scope root = {.path = "", .name = ""};
	return expand_node(loader, node, &root, 1);
}
