/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One expectation: its keys by one table, which is made of its own keys and of the checks in
 * checks.def, and what cannot be meant although each key by itself is right.
 */
#include "pipeline/expect/expect_internal.h"

#include "pipeline/base/assert.h"

static const char *const scope_words[] = {"each trace", "one trace", "all traces", NULL};

struct expectation_block {
	const char *that;
	int in;
	bool in_present;
	const struct config_node *where, *unless, *traces, *spans, *count, *capture;
	const struct config_node *checks[CHECK_COUNT];
};

static const struct config_field expectation_fields[] = {
	CONFIG_STRING(struct expectation_block, that, "that", NULL,
		      "What is expected, in words: the head of its report."),
	{.key = "in",
	 .type = CONFIG_TYPE_ENUM,
	 .offset = CONFIG_CHECKED_OFFSET(struct expectation_block, in, int),
	 .present_offset = CONFIG_CHECKED_OFFSET(struct expectation_block, in_present, bool),
	 .names = scope_words,
	 .unit = "",
	 .doc = "Over which traces it speaks. Required."},
	CONFIG_NODE(struct expectation_block, where, "where",
		    "Selector: only traces with a span that it matches."),
	CONFIG_NODE(struct expectation_block, unless, "unless",
		    "Selector: only traces without a span that it matches."),
	CONFIG_NODE(struct expectation_block, traces, "traces",
		    "Bounds of the number of these traces; at least 1 without it."),
	CONFIG_NODE(struct expectation_block, spans, "spans",
		    "Selector of the spans that it is about; all without it."),
	CONFIG_NODE(struct expectation_block, count, "count",
		    "Bounds of their number, per trace or in all; at least 1 without it."),
	CONFIG_NODE(struct expectation_block, capture, "capture",
		    "Names for values of spans, for `compare`: {spans, value, select}."),
#define CHECK(id, text) CONFIG_NODE(struct expectation_block, checks[CHECK_##id], #id, text),
#include "pipeline/expect/checks.def"
#undef CHECK
};
const struct config_block expectation_block =
	CONFIG_BLOCK(struct expectation_block, expectation_fields);

static const struct check_type *const check_types[] = {
#define CHECK(id, text) &check_type_##id,
#include "pipeline/expect/checks.def"
#undef CHECK
};

static const struct config_field *field_of(enum check_id id)
{
	return &expectation_fields[ARRAY_COUNT(expectation_fields) - CHECK_COUNT + (size_t)id];
}

static const char *sub_path(struct loading *loading, const char *path, const char *key)
{
	const char *text = arena_printf(loading->arena, "%s.%s", path, key);
	loading->no_memory = loading->no_memory || !text;
	return text ? text : path;
}

static void read_check(struct loading *loading, const struct config_node *node, enum check_id id)
{
	struct expectation *expectation = loading->expectation;
	struct check *check = &expectation->checks[expectation->check_count];
	*check = (struct check){
		.type = check_types[id],
		.key = slice_str(field_of(id)->key),
		.loc = node->loc,
		.at = expectation->check_count,
	};
	size_t errors = loading->report->error_count;
	bool empty = node->kind == CONFIG_LIST && node->count == 0;
	if (empty)
		(void)load_problem(loading, node->loc, "an empty list says nothing");
	if (empty || !check->type->parse(loading, node, check)) {
		ASSERT(loading->report->error_count > errors || loading->no_memory);
		return;
	}
	check->slot_offset = loading->e->slot_bytes;
	loading->e->slot_bytes += check->slot_bytes;
	expectation->check_count++;
}

static void read_checks(struct loading *loading, const struct expectation_block *block,
			const char *path)
{
	size_t given = 0;
	for (size_t id = 0; id < CHECK_COUNT; id++)
		given += block->checks[id] != NULL;
	loading->expectation->checks =
		load_alloc(loading, given, sizeof(*loading->expectation->checks));
	for (size_t id = 0; loading->expectation->checks && id < CHECK_COUNT; id++) {
		if (!block->checks[id])
			continue;
		loading->path = sub_path(loading, path, field_of((enum check_id)id)->key);
		read_check(loading, block->checks[id], (enum check_id)id);
	}
	loading->path = path;
}

static void read_bounds(struct loading *loading, const struct config_node *node, const char *path,
			const char *key, struct bounds *ret_bounds, struct config_loc *ret_loc)
{
	*ret_bounds = bounds_at_least(1);
	*ret_loc = node ? node->loc : loading->expectation->loc;
	loading->path = sub_path(loading, path, key);
	if (node)
		(void)bounds_parse(loading, node, BOUNDS_COUNT, ret_bounds);
}

static void read_selector(struct loading *loading, const struct config_node *node, const char *path,
			  const char *key, struct selector *ret_selector)
{
	loading->path = sub_path(loading, path, key);
	(void)selector_parse_optional(loading, node, ret_selector);
}

/* What parses and yet says nothing, or cannot be. */
static void check_sense(struct loading *loading, const struct expectation_block *block)
{
	const struct expectation *expectation = loading->expectation;
	bool about_spans = expectation->spans.given || block->count;
	bool checks_spans = false, checks = false;
	for (size_t id = 0; id < CHECK_COUNT; id++) {
		checks = checks || block->checks[id];
		checks_spans = checks_spans || (block->checks[id] && check_types[id]->span);
		if (block->checks[id] && check_types[id]->all && !check_types[id]->trace &&
		    expectation->scope != EXPECT_ALL_TRACES)
			(void)load_problem(loading, block->checks[id]->loc,
					   "'%s' asks for `in: all traces`",
					   field_of((enum check_id)id)->key);
	}
	if (!block->in_present)
		(void)load_problem(loading, expectation->loc,
				   "'in' is required: \"each trace\", \"one trace\" or "
				   "\"all traces\"");
	/* A key that is misspelt left the expectation empty: it has been told. */
	bool understood = loading->report->error_count == loading->errors_before;
	if (!about_spans && !checks && !block->traces && understood)
		(void)load_problem(loading, expectation->loc, "the expectation says nothing");
	if (expectation->count.max <= 0 && checks_spans)
		(void)load_problem(loading, expectation->count_loc,
				   "`count: 0` leaves no span to check");
	if (block->capture && !block->checks[CHECK_compare])
		(void)load_problem(loading, block->capture->loc,
				   "'capture' without 'compare' says nothing");
}

void expectation_read(struct loading *loading, const struct config_node *node,
		      const struct expectation_block *block, size_t at)
{
	struct expectation *expectation = load_alloc(loading, 1, sizeof(*expectation));
	const char *path = arena_printf(loading->arena, "expect[%zu]", at);
	if (!expectation || !path)
		return;
	loading->expectation = expectation;
	loading->path = path;
	expectation->loc = node->loc;
	expectation->scope = (enum expect_scope)block->in;
	expectation->title = slice_str(block->that);
	const struct config_node *that = config_get(node, "that");
	if (!that || slice_trim(that->text).len == 0)
		(void)load_problem(loading, node->loc, "'that' is required: say what is expected");
	read_selector(loading, block->where, path, "where", &expectation->where);
	read_selector(loading, block->unless, path, "unless", &expectation->unless);
	read_selector(loading, block->spans, path, "spans", &expectation->spans);
	read_bounds(loading, block->traces, path, "traces", &expectation->traces,
		    &expectation->traces_loc);
	read_bounds(loading, block->count, path, "count", &expectation->count,
		    &expectation->count_loc);
	loading->path = sub_path(loading, path, "capture");
	if (block->capture)
		(void)captures_parse(loading, block->capture, expectation);
	read_checks(loading, block, path);
	check_sense(loading, block);
	if (loading->e->count < EXPECTATIONS_MAX)
		loading->e->at[loading->e->count++] = expectation;
	else
		(void)load_problem(loading, node->loc, "more than %d expectations",
				   EXPECTATIONS_MAX);
}
