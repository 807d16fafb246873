/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of texts, and headers. Header values are opaque: no message shows one. Names and values are
 * checked here (RFC 9110 §5.1, §5.5), so that no secret with a stray line end reaches the wire.
 */
#include "pipeline/config/internal.h"

#include "pipeline/base/ascii.h"

/* ---- lists of texts ---- */

static bool list_problem(const struct config_node *node, const struct config_scope *scope,
			 struct config_report *report)
{
	config_problem(report, CONFIG_ERROR, node->loc, config_scope_path(scope, report->arena),
		       NULL, "'%s' source data must be an array or slice, got %s",
		       config_scope_name(scope, report->arena), config_go_type(node));
	return false;
}

static bool alloc_strings(struct arena *arena, size_t count, struct config_strings *ret)
{
	ret->at = arena_calloc(arena, count, sizeof(*ret->at));
	ret->nodes = arena_calloc(arena, count, sizeof(*ret->nodes));
	ret->count = ret->at && ret->nodes ? count : 0;
	return ret->at && ret->nodes;
}

static bool split_commas(const struct config_node *node, struct arena *arena,
			 struct config_strings *ret)
{
	struct slice rest = node->text;
	size_t count = rest.len > 0;
	for (size_t i = 0; i < rest.len; i++)
		count += rest.ptr[i] == ',';
	if (!alloc_strings(arena, count, ret))
		return false;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
		struct slice item = slice_trim(slice_of(rest.ptr, len));
		const char *text = (const char *)arena_copy(arena, item).ptr;
		ret->at[i] = text ? text : "";
		ret->nodes[i] = node;
		rest = comma ? slice_of(comma + 1, rest.len - len - 1) : slice_of(rest.ptr, 0);
	}
	return true;
}

bool config_bind_strings(const struct config_node *node, const struct config_scope *scope,
			 struct config_strings *ret_strings, struct config_report *report)
{
	struct config_strings strings = {0};
	bool ok = true;
	bool is_text = node->kind == CONFIG_SCALAR && node->scalar == SCALAR_STRING;
	if (is_text || (node->kind != CONFIG_LIST && node->from_env))
		ok = split_commas(node, report->arena, &strings);
	else if (node->kind != CONFIG_LIST)
		return list_problem(node, scope, report);
	else
		ok = alloc_strings(report->arena, node->count, &strings);
	for (size_t i = 0; ok && node->kind == CONFIG_LIST && i < node->count; i++) {
		struct config_scope here = {.parent = scope, .index = i};
		strings.nodes[i] = node->items[i];
		strings.at[i] = config_string_of(node->items[i], report->arena);
		if (!strings.at[i]) {
			config_type_problem(node->items[i], &here, "string", CONFIG_TYPE_STRING,
					    report);
			strings.at[i] = "";
			ok = false;
		}
	}
	*ret_strings = strings;
	return ok;
}

/* ---- headers ---- */

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct slice trim_space(struct slice text)
{
	while (text.len > 0 && is_space(text.ptr[0]))
		text = slice_of(text.ptr + 1, text.len - 1);
	while (text.len > 0 && is_space(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

/* The length of "Basic " and the white space after it; 0 when ${value} is no such credential. */
static size_t basic_prefix(struct slice value)
{
	size_t len = strlen("Basic");
	if (value.len <= len || !slice_equal_nocase(slice_of(value.ptr, len), SLICE("Basic")) ||
	    !is_space(value.ptr[len]))
		return 0;
	while (len < value.len && is_space(value.ptr[len]))
		len++;
	return len;
}

/* `base64` wraps its output at 76 columns; what is inside "Basic …" cannot contain white space
 * (RFC 7617), so it is taken out. */
static struct slice join_basic(struct arena *arena, struct slice value)
{
	size_t prefix = basic_prefix(value), len = 0;
	uint8_t *joined = prefix > 0 ? arena_alloc(arena, value.len) : NULL;
	if (!joined)
		return value;
	memcpy(joined, value.ptr, strlen("Basic"));
	len = strlen("Basic");
	joined[len++] = ' ';
	for (size_t i = prefix; i < value.len; i++) {
		if (!is_space(value.ptr[i]))
			joined[len++] = value.ptr[i];
	}
	return slice_of(joined, len);
}

/* Whether ${value} has a byte that no field value may have: controls but for the tab. */
static bool has_control(struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

static bool header_problem(const struct config_node *node, const struct config_scope *scope,
			   struct slice name, const char *what, struct config_report *report)
{
	config_problem(report, CONFIG_ERROR, node->loc, config_scope_path(scope, report->arena),
		       NULL, "'%s' header \"%.*s\" %s",
		       config_scope_name(scope->parent ? scope->parent : scope, report->arena),
		       SLICE_FMT(name), what);
	return false;
}

static bool bind_header(struct slice name, const struct config_node *node,
			const struct config_scope *scope, struct config_header *ret,
			struct config_report *report)
{
	struct arena *arena = report->arena;
	bool is_plain_null = node->kind == CONFIG_NULL && !node->from_env;
	if (!is_plain_null && !config_string_of(node, arena)) {
		config_type_problem(node, scope, "string", CONFIG_TYPE_OPAQUE, report);
		return false;
	}
	if (!ascii_is_token(name))
		return header_problem(node, scope, name, "has an invalid name", report);
	/* The node's length counts: a value may hold zero bytes, which are controls. */
	struct slice whole = is_plain_null ? SLICE("") : node->text;
	/* In another header two words may be meant: "Basic plan". */
	bool is_credential = slice_equal_nocase(name, SLICE("Authorization"));
	struct slice value = trim_space(whole);
	if (is_credential)
		value = join_basic(arena, value);
	if (has_control(value))
		return header_problem(node, scope, name,
				      "has a value with a line end or another control character",
				      report);
	bool is_basic = is_credential && basic_prefix(value) > 0;
	if (value.len != whole.len && !node->unset_env)
		config_problem(report, CONFIG_WARNING, node->loc, config_scope_path(scope, arena),
			       NULL, "white space %s the value of header \"%.*s\" was removed%s",
			       is_basic ? "inside" : "around", SLICE_FMT(name),
			       is_basic ? " (base64 wraps its output at 76 "
					  "columns; use base64 -w0)"
					: "");
	ret->name = (const char *)arena_copy(arena, name).ptr;
	ret->value = (const char *)arena_copy(arena, value).ptr;
	ret->loc = node->loc;
	ret->unset_env = node->unset_env;
	return ret->name && ret->value;
}

/* One item of the list form: {name: …, value: …}. */
static bool bind_header_item(const struct config_node *item, const struct config_scope *scope,
			     struct config_header *ret, struct config_report *report)
{
	static const struct config_node no_value = {.kind = CONFIG_NULL};
	const struct config_node *name = config_get(item, "name");
	const struct config_node *value = config_get(item, "value");
	size_t known = (name ? 1u : 0u) + (value ? 1u : 0u);
	if (!name || name->kind != CONFIG_SCALAR || item->count != known) {
		config_problem(report, CONFIG_ERROR, item->loc,
			       config_scope_path(scope, report->arena), NULL,
			       "'%s' expected a map with the keys name and value",
			       config_scope_name(scope, report->arena));
		return false;
	}
	return bind_header(name->text, value ? value : &no_value, scope, ret, report);
}

bool config_bind_headers(const struct config_node *node, const struct config_scope *scope,
			 struct config_headers *ret_headers, struct config_report *report)
{
	bool ok = true;
	if (node->kind != CONFIG_MAP && node->kind != CONFIG_LIST) {
		config_type_problem(node, scope, "map[string]string", CONFIG_TYPE_OPAQUE, report);
		return false;
	}
	struct config_header *at = arena_calloc(report->arena, node->count, sizeof(*at));
	if (!at)
		return false;
	for (size_t i = 0; i < node->count; i++) {
		struct config_scope here = {.parent = scope, .index = i};
		if (node->kind == CONFIG_LIST) {
			ok = bind_header_item(node->items[i], &here, &at[i], report) && ok;
			continue;
		}
		here.key = node->entries[i].key;
		ok = bind_header(here.key, node->entries[i].node, &here, &at[i], report) && ok;
	}
	if (ok)
		*ret_headers = (struct config_headers){at, node->count};
	return ok;
}
