/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that no text gets through: by what it says, and by its length. */
#include "pipeline/expect/trial.h"

/* ---- text: none of a list, in any byte ------------------------------------------------------ */

struct texts {
	struct config_strings none;
};

static const struct config_field text_fields[] = {
	CONFIG_STRING_LIST(struct texts, none, "none",
			   "Texts that must not occur. Bytes are compared, capitals differ."),
};
static const struct config_block text_block = CONFIG_BLOCK(struct texts, text_fields);

static bool text_parse(struct loading *loading, const struct config_node *node, struct check *check)
{
	struct texts *texts = load_alloc(loading, 1, sizeof(*texts));
	check->params = texts;
	if (!texts || !load_bind(loading, &text_block, node, texts))
		return false;
	if (texts->none.count == 0)
		return load_problem(loading, node->loc, "'none' is required: the texts");
	for (size_t i = 0; i < texts->none.count; i++) {
		if (!*texts->none.at[i])
			return load_problem(loading, texts->none.nodes[i]->loc,
					    "an empty text occurs everywhere");
	}
	return true;
}

static bool contains(struct slice bytes, const char *text)
{
	return bytes.len > 0 && memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

/* Which texts occur at all: most traces need no closer look. */
static void text_prepare(struct trial *trial, const struct check *check)
{
	const struct texts *texts = check->params;
	bool *occurs = trial_alloc(trial, texts->none.count, sizeof(*occurs));
	trial->work[check->at] = occurs;
	for (size_t i = 0; occurs && i < texts->none.count; i++)
		occurs[i] = contains(chunk_slice(trial->body), texts->none.at[i]);
}

static bool around_contains(const struct trial *trial, uint32_t span, const char *text)
{
	uint32_t scope = view_span_scope(trial->view, span);
	uint32_t resource = view_scope_resource(trial->view, scope);
	return contains(view_scope_bytes(trial->view, scope), text) ||
	       contains(view_resource_bytes(trial->view, resource), text) ||
	       contains(view_schema_url(trial->view, (struct owner){OWNER_SCOPE, scope}), text) ||
	       contains(view_schema_url(trial->view, (struct owner){OWNER_RESOURCE, resource}),
			text);
}

/* The field or attribute of ${span} in which ${text} stands. */
static struct expect_found find_text(const struct trial *trial, uint32_t span, const char *text)
{
	const struct trace_view *view = trial->view;
	struct owner_walk walk = {.span = span};
	struct owner owner;
	while (trial_next_owner(trial, &walk, &owner)) {
		struct attr_cursor cursor = view_attrs(view, owner);
		struct attr_view attr;
		while (view_next_attr(view, &cursor, &attr)) {
			if (contains(attr.key, text) ||
			    contains(view_attr_bytes(view, &attr), text))
				return (struct expect_found){attr.key, attr.key, true,
							     view_attr_value(view, owner, &attr)};
		}
	}
	struct slice name = view_span_name(view, span);
	struct slice message = view_span_status_message(view, span);
	struct slice trace_state = view_span_trace_state(view, span);
	if (contains(name, text))
		return (struct expect_found){.what = SLICE("name"), .value = value_of_str(name)};
	if (contains(message, text))
		return (struct expect_found){.what = SLICE("status.message"),
					     .value = value_of_str(message)};
	if (contains(trace_state, text))
		return (struct expect_found){.what = SLICE("trace_state"),
					     .value = value_of_str(trace_state)};
	return (struct expect_found){.what = SLICE("another field")};
}

static bool text_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct texts *texts = check->params;
	const bool *occurs = trial->work[check->at];
	bool passes = true;
	for (size_t i = 0; i < texts->none.count; i++) {
		const char *text = texts->none.at[i];
		if (!occurs[i] || (!contains(view_span_message(trial->view, span), text) &&
				   !around_contains(trial, span, text)))
			continue;
		struct expect_found found = find_text(trial, span, text);
		passes = trial_miss(trial, &(struct expect_miss){
						   .loc = texts->none.nodes[i]->loc,
						   .wanted = slice_str(text),
						   .why = "the text occurs",
						   .found_count = 1,
						   .found = {found},
					   });
	}
	return passes;
}

/* What stands between the spans (fields that no schema knows) belongs to no span. */
static bool text_trace(struct trial *trial, const struct check *check)
{
	const struct texts *texts = check->params;
	const bool *occurs = trial->work[check->at];
	bool passes = true;
	for (size_t i = 0; !trial->expectation->spans.given && i < texts->none.count; i++) {
		bool in_span = !occurs[i];
		FOR_EACH_BIT (span, trial->live, trial) {
			if (in_span)
				break;
			in_span =
				contains(view_span_message(trial->view, span), texts->none.at[i]) ||
				around_contains(trial, span, texts->none.at[i]);
		}
		if (!in_span)
			passes = trial_miss_why(trial, check,
						"text %zu of the list occurs between the spans",
						i + 1);
	}
	return passes;
}

const struct check_type check_type_text = {
	.parse = text_parse, .prepare = text_prepare, .span = text_span, .trace = text_trace};

/* ---- value_bytes ---------------------------------------------------------------------------- */

static bool value_bytes_parse(struct loading *loading, const struct config_node *node,
			      struct check *check)
{
	struct bounds *bounds = load_alloc(loading, 1, sizeof(*bounds));
	check->params = bounds;
	return bounds && bounds_parse(loading, node, BOUNDS_COUNT, bounds);
}

/* Whether every text in ${value} is within the bounds; values nest TRACE_VALUE_DEPTH_MAX deep at most.
 * *ret_bytes is the length of one that is not. */
static bool texts_fit(struct value value, struct bounds bounds, size_t *ret_bytes)
{
	struct slice cursor = value.bytes, key;
	struct value member;
	bool fits = true;
	switch (value.type) {
	case VALUE_STRING:
	case VALUE_BYTES:
		*ret_bytes = value.bytes.len;
		return bounds_hold(bounds, (double)value.bytes.len);
	case VALUE_ARRAY:
		while (fits && value_next_item(&cursor, &member))
			fits = texts_fit(member, bounds, ret_bytes);
		return fits;
	case VALUE_KVLIST:
		while (fits && value_next_pair(&cursor, &key, &member))
			fits = texts_fit(member, bounds, ret_bytes);
		return fits;
	case VALUE_EMPTY:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_DOUBLE:
	case VALUE_TYPE_COUNT: break;
	}
	return true;
}

static bool value_bytes_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct bounds *bounds = check->params;
	struct owner_walk walk = {.span = span};
	struct owner owner;
	bool passes = true;
	while (trial_next_owner(trial, &walk, &owner) && owner.kind != OWNER_SCOPE) {
		struct attr_cursor cursor = view_attrs(trial->view, owner);
		struct attr_view attr;
		while (view_next_attr(trial->view, &cursor, &attr)) {
			struct value value = view_attr_value(trial->view, owner, &attr);
			size_t bytes = 0;
			if (texts_fit(value, *bounds, &bytes))
				continue;
			passes = trial_miss(trial,
					    &(struct expect_miss){
						    .loc = check->loc,
						    .wanted = check->key,
						    .why = (double)bytes > bounds->max
								   ? "a text is too long"
								   : "a text is too short",
						    .found_count = 1,
						    .found = {{attr.key, attr.key, true, value}},
					    });
		}
	}
	return passes;
}

const struct check_type check_type_value_bytes = {.parse = value_bytes_parse,
						  .span = value_bytes_span};
