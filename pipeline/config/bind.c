/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables to structs: unknown keys, blocks, lists of blocks, defaults, checks. Values of
 * single fields are bound by bind_scalar.c and bind_list.c. Everything bound lives in the report's
 * arena or in the caller's struct. Recursion follows the field tables, which are static.
 */
#include "pipeline/config/internal.h"

#include "pipeline/base/assert.h"

/* One config_bind. */
struct binder {
	struct config_report *report;
	struct arena *arena;
	struct config_loc loc; /* of the innermost block that stands in the file */
	size_t bad_values;     /* wrong types and bounds: checks on top of them would mislead */
	size_t off; /* inside so many optional blocks that are off: defaults, but no checks */
};

static void bind_block(struct binder *b, const struct config_block *block,
		       const struct config_node *node, const struct config_scope *scope,
		       void *config);

static void *member_of(void *config, size_t offset)
{
	return (char *)config + offset;
}

/* ---- unknown keys ---- */

enum { SUGGESTED_FIELDS_MAX = 128 };

static const char *nearest_key(const struct config_block *block, struct slice key)
{
	const char *names[SUGGESTED_FIELDS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < block->field_count && count < SUGGESTED_FIELDS_MAX; i++)
		names[count++] = block->fields[i].key;
	return config_nearest(key, names, count);
}

static bool has_field(const struct config_block *block, struct slice key)
{
	for (size_t i = 0; i < block->field_count; i++) {
		if (slice_equal(key, slice_str(block->fields[i].key)))
			return true;
	}
	return false;
}

static void report_unknown_keys(struct binder *b, const struct config_block *block,
				const struct config_node *map, const struct config_scope *scope)
{
	for (size_t i = 0; i < map->count; i++) {
		struct slice key = map->entries[i].key;
		struct config_scope here = {.parent = scope, .key = key};
		if (has_field(block, key))
			continue;
		const char *nearest = nearest_key(block, key);
		/* A misspelt key left its field unset: a check would complain of that, too. */
		b->bad_values += nearest != NULL;
		config_problem(b->report, CONFIG_ERROR, map->entries[i].key_loc,
			       config_scope_path(&here, b->arena), nearest,
			       "'%s' has invalid keys: %.*s", config_scope_name(scope, b->arena),
			       SLICE_FMT(key));
	}
}

/* ---- defaults ---- */

/* Sets the member of ${field} to what its default_text says. The texts are ours: a bad one shows as
 * a problem in the first test that binds the block. */
static void bind_default(struct binder *b, const struct config_field *field,
			 const struct config_scope *scope, void *config)
{
	struct config_node node = {.kind = CONFIG_SCALAR, .text = slice_str(field->default_text)};
	void *member = member_of(config, field->offset);
	node.scalar = config_scalar_resolve(node.text, &node.kind);
	if (field->type == CONFIG_TYPE_STRING || field->type == CONFIG_TYPE_ENUM ||
	    field->type == CONFIG_TYPE_STRING_LIST) {
		node.kind = CONFIG_SCALAR;
		node.scalar = SCALAR_STRING;
	}
	if (field->type == CONFIG_TYPE_STRING_LIST)
		(void)config_bind_strings(&node, scope, member, b->report);
	else
		(void)config_bind_scalar(field, &node, scope, member, b->report);
}

static void bind_defaults(struct binder *b, const struct config_block *block,
			  const struct config_scope *scope, void *config)
{
	memset(config, 0, block->struct_size);
	for (size_t i = 0; i < block->field_count; i++) {
		const struct config_field *field = &block->fields[i];
		struct config_scope here = {.parent = scope, .key = slice_str(field->key)};
		if (field->type == CONFIG_TYPE_STRING || field->type == CONFIG_TYPE_OPAQUE)
			*(const char **)member_of(config, field->offset) = "";
		if (field->default_text)
			bind_default(b, field, &here, config);
	}
}

/* ---- fields ---- */

static bool is_null(const struct config_node *node)
{
	return !node || node->kind == CONFIG_NULL;
}

static bool container_problem(const struct binder *b, const struct config_node *node,
			      const struct config_scope *scope, const char *format_of_kind)
{
	config_problem(b->report, CONFIG_ERROR, node->loc, config_scope_path(scope, b->arena), NULL,
		       "'%s' %s%s", config_scope_name(scope, b->arena), format_of_kind,
		       config_go_type(node));
	return false;
}

/* A value that is checked and then forgotten: where it would be put. */
union unused {
	bool b;
	uint32_t u32;
	uint64_t u64;
	int64_t i64;
	double d;
	const char *text;
	struct config_strings strings;
	struct config_headers headers;
};

static bool check_ignored(const struct binder *b, const struct config_field *field,
			  const struct config_node *node, const struct config_scope *scope)
{
	union unused unused = {0};
	struct config_field as = *field;
	as.type = field->ignored;
	if (is_null(node))
		return true;
	if (as.type == CONFIG_TYPE_MAP)
		return node->kind == CONFIG_MAP ||
		       container_problem(b, node, scope, "expected a map, got ");
	if (as.type == CONFIG_TYPE_LIST)
		return node->kind == CONFIG_LIST ||
		       container_problem(b, node, scope,
					 "source data must be an array or slice, got ");
	if (as.type == CONFIG_TYPE_STRING_LIST)
		return config_bind_strings(node, scope, &unused.strings, b->report);
	return config_bind_scalar(&as, node, scope, &unused, b->report);
}

/* Whether the block of ${field} is on; an optional one is so when its key is there. */
static bool block_is_on(const struct binder *b, const struct config_field *field,
			const struct config_node *node, const struct config_scope *scope)
{
	if (field->present_offset == SIZE_MAX)
		return true;
	bool nothing = node && node->kind == CONFIG_NULL && !node->from_env;
	if (!field->null_is_absent || !nothing)
		return node != NULL;
	config_problem(b->report, CONFIG_WARNING, node->loc, config_scope_path(scope, b->arena),
		       NULL, "'%s' is empty and counts as absent, as in the Collector",
		       config_scope_name(scope, b->arena));
	return false;
}

static void bind_block_list(struct binder *b, const struct config_field *field,
			    const struct config_node *node, const struct config_scope *scope,
			    struct config_blocks *ret_blocks)
{
	if (node->kind != CONFIG_LIST) {
		b->bad_values++;
		(void)container_problem(b, node, scope,
					"source data must be an array or slice, got ");
		return;
	}
	void **at = arena_calloc(b->arena, node->count, sizeof(*at));
	if (!at)
		return;
	for (size_t i = 0; i < node->count; i++) {
		struct config_scope here = {.parent = scope, .index = i};
		at[i] = arena_calloc(b->arena, 1, field->block->struct_size);
		if (!at[i])
			return;
		bind_block(b, field->block, node->items[i], &here, at[i]);
	}
	*ret_blocks = (struct config_blocks){at, node->count};
}

/* Binds the member of ${field} from ${node}, which is NULL when the key is absent. */
static void bind_field(struct binder *b, const struct config_field *field,
		       const struct config_node *node, const struct config_scope *scope,
		       void *config)
{
	void *member = member_of(config, field->offset);
	bool ok = true;
	bool on = block_is_on(b, field, node, scope);
	if (field->present_offset != SIZE_MAX)
		*(bool *)member_of(config, field->present_offset) = on;
	switch (field->type) {
	case CONFIG_TYPE_IGNORED: ok = check_ignored(b, field, node, scope); break;
	case CONFIG_TYPE_NODE: *(const struct config_node **)member = node; return;
	case CONFIG_TYPE_BLOCK:
		b->off += !on;
		bind_block(b, field->block, on ? node : NULL, scope, member);
		b->off -= !on;
		return;
	case CONFIG_TYPE_BLOCK_LIST:
		if (!is_null(node))
			bind_block_list(b, field, node, scope, member);
		return;
	case CONFIG_TYPE_STRING_LIST:
		ok = is_null(node) || config_bind_strings(node, scope, member, b->report);
		break;
	case CONFIG_TYPE_HEADERS:
		ok = is_null(node) || config_bind_headers(node, scope, member, b->report);
		break;
	case CONFIG_TYPE_BOOL:
	case CONFIG_TYPE_U32:
	case CONFIG_TYPE_U64:
	case CONFIG_TYPE_I64:
	case CONFIG_TYPE_DOUBLE:
	case CONFIG_TYPE_DURATION:
	case CONFIG_TYPE_STRING:
	case CONFIG_TYPE_OPAQUE:
	case CONFIG_TYPE_ENUM:
	case CONFIG_TYPE_MAP:
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_COUNT:
		ok = !node || config_bind_scalar(field, node, scope, member, b->report);
		break;
	}
	b->bad_values += !ok;
}

/* ---- blocks ---- */

/* "exporters::otlp::sending_queue: ", as the Collector's validation names the place. The first part
 * of the path is a section, the rest of the root path one id, in which dots may stand. */
static const char *colon_scope(const struct config_scope *scope, struct arena *arena)
{
	const char *text;
	if (!scope->parent) {
		const char *dot = strchr(scope->path, '.');
		if (!dot)
			return scope->path;
		text = arena_printf(arena, "%.*s::%s", (int)(dot - scope->path), scope->path,
				    dot + 1);
	} else if (!scope->key.ptr) {
		text = arena_printf(arena, "%s::%zu", colon_scope(scope->parent, arena),
				    scope->index);
	} else {
		text = arena_printf(arena, "%s::%.*s", colon_scope(scope->parent, arena),
				    SLICE_FMT(scope->key));
	}
	return text ? text : "";
}

static void run_check(struct binder *b, const struct config_block *block,
		      const struct config_node *node, const struct config_scope *scope,
		      const void *config)
{
	const char *scope_before = b->report->scope;
	struct config_loc loc_before = b->report->loc;
	enum config_stage stage_before = b->report->stage;
	const char *place = colon_scope(scope, b->arena);
	const char *with_end = *place ? arena_printf(b->arena, "%s: ", place) : "";
	b->report->scope = with_end ? with_end : "";
	b->report->loc = b->loc;
	b->report->stage = CONFIG_STAGE_VALIDATE;
	block->check(config, node, config_scope_path(scope, b->arena), b->report);
	b->report->scope = scope_before;
	b->report->loc = loc_before;
	b->report->stage = stage_before;
}

static void bind_block(struct binder *b, const struct config_block *block,
		       const struct config_node *node, const struct config_scope *scope,
		       void *config)
{
	size_t bad_before = b->bad_values;
	struct config_loc loc_before = b->loc;
	if (node)
		b->loc = node->loc;
	bind_defaults(b, block, scope, config);
	if (node && !is_null(node) && node->kind != CONFIG_MAP) {
		b->bad_values++;
		config_problem(b->report, CONFIG_ERROR, node->loc,
			       config_scope_path(scope, b->arena), NULL,
			       "'%s' expected a map, got '%s'", config_scope_name(scope, b->arena),
			       config_go_type(node));
		b->loc = loc_before;
		return;
	}
	if (!is_null(node))
		report_unknown_keys(b, block, node, scope);
	for (size_t i = 0; i < block->field_count; i++) {
		const struct config_field *field = &block->fields[i];
		struct config_scope here = {.parent = scope, .key = slice_str(field->key)};
		bind_field(b, field, config_get(node, field->key), &here, config);
	}
	if (block->check && b->off == 0 && b->bad_values == bad_before)
		run_check(b, block, node, scope, config);
	b->loc = loc_before;
}

/* Recursion follows the tables. */
const char *config_block_repeated_key(const struct config_block *block)
{
	for (size_t i = 0; i < block->field_count; i++) {
		const struct config_field *field = &block->fields[i];
		for (size_t j = 0; j < i; j++) {
			if (strcmp(block->fields[j].key, field->key) == 0)
				return field->key;
		}
		const char *inside = field->block ? config_block_repeated_key(field->block) : NULL;
		if (inside)
			return inside;
	}
	return NULL;
}

void config_bind_named(const struct config_block *block, const struct config_node *node,
		       const char *path, const char *name, void *config,
		       struct config_report *report)
{
	struct binder b = {.report = report, .arena = report->arena};
	struct config_scope root = {.path = path, .name = name};
	enum config_stage stage_before = report->stage;
	ASSERT(!config_block_repeated_key(block));
	report->stage = CONFIG_STAGE_DECODE;
	bind_block(&b, block, node, &root, config);
	report->stage = stage_before;
}

void config_bind(const struct config_block *block, const struct config_node *node, const char *path,
		 void *config, struct config_report *report)
{
	config_bind_named(block, node, path, "", config, report);
}
