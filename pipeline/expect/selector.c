/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors, relations and the OTTL texts in an expectation file. */
#include "pipeline/expect/expect_internal.h"

/* ---- OTTL ----------------------------------------------------------------------------------- */

static bool no_condition(struct loading *loading, const struct config_node *node,
			 const struct err *err)
{
	loading->no_memory = loading->no_memory || err->kind == ERR_NOMEM;
	struct config_loc loc = node ? load_place(node, err->offset) : (struct config_loc){0};
	return load_problem(loading, loc, "%s", err->msg);
}

static bool is_text(struct loading *loading, const struct config_node *node, const char *what)
{
	if (node->kind == CONFIG_SCALAR)
		return true;
	return load_problem(loading, node->loc, "expected %s", what);
}

const struct ottl_condition *
condition_parse(struct loading *loading, const struct config_node *node, enum ottl_context context)
{
	struct err err = {0};
	if (!is_text(loading, node, "an OTTL condition"))
		return NULL;
	const struct ottl_condition *condition =
		ottl_parse(node->text, context, loading->keys, loading->arena, &err);
	if (!condition)
		(void)no_condition(loading, node, &err);
	else if (!load_keep(loading, condition, NULL, NULL))
		condition = NULL;
	return condition;
}

const struct ottl_value *value_parse(struct loading *loading, const struct config_node *node)
{
	struct err err = {0};
	if (!is_text(loading, node, "an OTTL value"))
		return NULL;
	const struct ottl_value *value =
		ottl_value_parse(node->text, OTTL_SPAN, loading->keys, loading->arena, &err);
	if (!value)
		(void)no_condition(loading, node, &err);
	else if (!load_keep(loading, NULL, value, NULL))
		value = NULL;
	return value;
}

bool condition_add(struct loading *loading, const struct config_node *node, struct slice text,
		   struct slice name, uint32_t *ret_at)
{
	struct expectations *e = loading->e;
	struct err err = {0};
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	for (uint32_t i = 0; i < e->condition_count; i++) {
		if (e->conditions[i].name.len == 0 && name.len == 0 &&
		    slice_equal(e->conditions[i].text, text)) {
			*ret_at = i;
			return true;
		}
	}
	if (e->condition_count == EXPECT_SELECTORS_MAX)
		return load_problem(loading, loc, "more than %d selectors", EXPECT_SELECTORS_MAX);
	const struct ottl_condition *condition =
		ottl_parse(text, OTTL_SPAN, loading->keys, loading->arena, &err);
	if (!condition)
		return no_condition(loading, node, &err);
	if (!load_keep(loading, condition, NULL, NULL))
		return false;
	*ret_at = e->condition_count;
	e->conditions[e->condition_count++] =
		(struct span_condition){condition, name, text, node ? load_place(node, 0) : loc};
	return true;
}

/* ---- selectors ------------------------------------------------------------------------------ */

bool selector_is_name(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		bool ok = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
			  (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
		if (!ok)
			return false;
	}
	return text.len > 0 && !slice_equal(text, SLICE("true")) &&
	       !slice_equal(text, SLICE("false"));
}

static bool find_definition(struct loading *loading, struct slice name, struct config_loc loc,
			    uint32_t *ret_condition)
{
	const char *names[EXPECT_SELECTORS_MAX];
	for (uint32_t i = 0; i < loading->definition_count; i++) {
		if (slice_equal(loading->definitions[i].name, name)) {
			*ret_condition = loading->definitions[i].condition;
			return true;
		}
		names[i] = (const char *)loading->definitions[i].name.ptr;
	}
	config_problem(loading->report, CONFIG_ERROR, loc, loading->path,
		       config_nearest(name, names, loading->definition_count),
		       "\"%.*s\" is not defined", SLICE_FMT(name));
	return false;
}

static bool term_parse(struct loading *loading, const struct config_node *node,
		       struct selector_term *ret_term)
{
	static const struct slice negation = SLICE_INIT("not ");
	if (!is_text(loading, node, "a name or an OTTL condition"))
		return false;
	struct slice text = slice_trim(node->text), name = text;
	ret_term->negated = slice_has_prefix(text, negation);
	if (ret_term->negated)
		name = slice_trim(slice_of(text.ptr + negation.len, text.len - negation.len));
	if (selector_is_name(name))
		return find_definition(loading, name, node->loc, &ret_term->condition);
	ret_term->negated = false;
	return condition_add(loading, node, node->text, SLICE(""), &ret_term->condition);
}

bool selector_parse(struct loading *loading, const struct config_node *node,
		    struct selector *ret_selector)
{
	size_t count;
	const struct config_node *const *items = load_items(&node, &count);
	bool ok = true;
	if (count == 0)
		return load_problem(loading, node->loc, "an empty selector selects nothing");
	*ret_selector = (struct selector){.loc = node->loc, .given = true};
	ret_selector->terms = load_alloc(loading, count, sizeof(*ret_selector->terms));
	for (size_t i = 0; ret_selector->terms && i < count; i++)
		ok = term_parse(loading, items[i], &ret_selector->terms[i]) && ok;
	if (!ok || !ret_selector->terms)
		return false;
	ret_selector->count = (uint32_t)count;
	return true;
}

bool selector_parse_optional(struct loading *loading, const struct config_node *node,
			     struct selector *ret_selector)
{
	*ret_selector = (struct selector){.count = 0};
	return !node || selector_parse(loading, node, ret_selector);
}

/* ---- relations ------------------------------------------------------------------------------ */

struct relation_block {
	const struct config_node *spans, *count;
};

static const struct config_field relation_fields[] = {
	CONFIG_NODE(struct relation_block, spans, "spans", "Selector."),
	CONFIG_NODE(struct relation_block, count, "count", "Bounds of their number."),
};
static const struct config_block relation_block =
	CONFIG_BLOCK(struct relation_block, relation_fields);

bool relation_parse(struct loading *loading, const struct config_node *node,
		    struct relation *ret_relation)
{
	struct relation_block block = {NULL, NULL};
	ret_relation->count = bounds_at_least(1);
	if (node->kind != CONFIG_MAP)
		return selector_parse(loading, node, &ret_relation->spans);
	if (!load_bind(loading, &relation_block, node, &block))
		return false;
	if (block.count && !bounds_parse(loading, block.count, BOUNDS_COUNT, &ret_relation->count))
		return false;
	return selector_parse_optional(loading, block.spans, &ret_relation->spans);
}
