/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An explanation is a trial: a request of one span with the attribute goes through the policy, and
 * what is left and what was counted is told. So it cannot differ from what happens.
 */
#include "processors/metadata_only/explain.h"

#include "pipeline/trace/otlp/builder.h"
#include "processors/metadata_only/policy.h"
#include "processors/metadata_only/shape.h"

#include <stdlib.h>

extern const struct component_type processor_metadata_only;

static const char *const modes[] = {
	[MODE_SHAPE] = "shape", [MODE_DENYLIST] = "denylist", [MODE_STRICT] = "strict"};

/* The row that ${rule} was made from; NULL for options and fields. */
static const struct policy_row *row_of(const struct policy *policy, const struct policy_rule *rule)
{
	size_t number = (size_t)(rule - policy->rules);
	size_t first = policy->field_base - policy_row_count;
	if (number < first || number >= policy->field_base)
		return NULL;
	return &policy_rows[number - first];
}

const struct policy_rule *explain_key(const void *self, void *state, const struct trace_view *view,
				      struct slice key)
{
	const struct policy *policy = self;
	struct policy_shard *shard = state;
	key_id id = view_key_id(view, key);
	decide_begin(shard, view);
	(void)verdict_of(policy, shard, view, id);
	const struct decision *decision = &shard->decisions[id];
	uint16_t denied = decision->nested;
	for (unsigned at = 0; denied == 0 && at < SLOT_COUNT * DECIDED_WHENS; at++)
		denied = decision->rules[at / DECIDED_WHENS][at % DECIDED_WHENS];
	const uint16_t in_order[] = {decision->kept, decision->reference, denied, decision->known};
	for (size_t i = 0; i < ARRAY_COUNT(in_order); i++) {
		if (in_order[i] != 0)
			return &policy->rules[in_order[i]];
	}
	return NULL;
}

bool explain_denies(const void *self, void *state, const struct trace_view *view, struct slice key,
		    struct value value)
{
	const struct policy_rule *rule = explain_key(self, state, view, key);
	bool replaced =
		value.type == VALUE_STRING && slice_equal(value.bytes, SLICE(POLICY_REPLACEMENT));
	return rule &&
	       (rule->action == ACTION_DROP || (rule->action == ACTION_REPLACE && !replaced));
}

static void append_rule(struct buf *out, const struct policy *policy,
			const struct policy_rule *rule)
{
	const struct policy_row *row = row_of(policy, rule);
	bool formed = rule->action == ACTION_KEEP || rule->action == ACTION_KNOWN;
	buf_printf(out, "  %s", rule->label);
	if (rule->by_user)
		buf_printf(out, ": written under %s",
			   rule->action == ACTION_KEEP ? "allow" : "deny");
	else if (row)
		buf_printf(out, ": %s%s%s (%s; %s; written by %s)",
			   policy_action_words[row->action], formed ? " when it is " : "",
			   formed ? policy_form_words[row->form] : "", row->reason,
			   policy_when_words[row->when], row->source);
	else
		for (size_t i = 0; i < FIELD_COUNT; i++) {
			if (strcmp(policy_fields[i].label, rule->label) == 0)
				buf_printf(out, ": %s", policy_fields[i].what);
		}
	buf_append_byte(out, '\n');
}

static const char *shape_word(struct slice value)
{
	if (shape_is_token(value))
		return "a single token";
	if (shape_is_name(value))
		return "a name of a few words";
	if (shape_is_route(value))
		return "a route or a URL";
	if (shape_is_line(value))
		return "a printable line";
	return "neither a number nor a single token";
}

static struct chunk *request(const char *key, const char *value, bool model, struct budget *budget,
			     struct err *err)
{
	struct trace_builder builder;
	trace_builder_init(&builder, budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
	trace_builder_bytes(&builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	trace_builder_bytes(&builder, SPAN_SPAN_ID, SLICE("01234567"));
	trace_builder_attr(&builder, SPAN_ATTRIBUTES, slice_str(key),
			   value_of_str(slice_str(value)));
	if (model)
		trace_builder_attr(&builder, SPAN_ATTRIBUTES, SLICE("gen_ai.explained"),
				   value_of_int(1));
	return trace_builder_take(&builder, 1, err);
}

static void append_outcome(const struct policy *policy, const struct trace_view *view, bool model,
			   const char *value, const uint64_t *before, struct buf *out)
{
	const struct owner span = {OWNER_SPAN, 0};
	struct attr_view attr;
	buf_printf(out, "%s: ", model ? "on a span of a model call" : "on any other span");
	if (!view_attr_at(view, span, 0, &attr)) {
		buf_append_str(out, "removed\n");
	} else {
		struct value left = view_attr_value(view, span, &attr);
		if (left.type == VALUE_STRING && slice_equal(left.bytes, slice_str(value)))
			buf_printf(out, "kept (it is %s)\n", shape_word(left.bytes));
		else
			buf_printf(out, "changed to: %.*s\n", SLICE_FMT(left.bytes));
	}
	for (size_t i = 1; i < policy->rule_count; i++) {
		if (counter_get(&policy->rules[i].hits) != before[i])
			append_rule(out, policy, &policy->rules[i]);
	}
}

static int try(struct policy *policy, struct policy_shard *shard, struct trace_view *view,
	       const char *key, const char *value, bool model, struct buf *out, struct err *err)
{
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct chunk *body = request(key, value, model, &budget, err);
	uint64_t *before = calloc(policy->rule_count, sizeof(*before));
	int result = body && before ? view_open(view, chunk_slice(body), err) : -1;
	for (size_t i = 1; result == 0 && i < policy->rule_count; i++)
		before[i] = counter_get(&policy->rules[i].hits);
	if (result == 0) {
		(void)processor_metadata_only.processor->process(policy, shard, view, err);
		append_outcome(policy, view, model, value, before, out);
	}
	free(before);
	chunk_unref(body);
	return result;
}

int explain_attribute(void *self, void *state, struct trace_view *view, const char *key,
		      const char *value, struct buf *out, struct err *err)
{
	struct policy *policy = self;
	const struct policy_rule *rule = explain_key(self, state, view, slice_str(key));
	buf_printf(out, "mode: %s\nrule for the key:\n", modes[policy->config->mode]);
	if (rule)
		append_rule(out, policy, rule);
	else
		buf_append_str(out, "  none: its value is judged by its shape\n");
	if (!value)
		return 0;
	if (try(policy, state, view, key, value, true, out, err))
		return -1;
	return try(policy, state, view, key, value, false, out, err);
}

void explain_table(struct buf *out)
{
	buf_append_str(out, "rule\twhat happens\twhen\tclass\twhy\twritten by\n");
	for (size_t i = 0; i < policy_row_count; i++) {
		const struct policy_row *row = &policy_rows[i];
		bool formed = row->action == ACTION_KEEP || row->action == ACTION_KNOWN;
		buf_printf(out, "%s\t%s%s%s\t%s\t%s\t%s\t%s\n", row->pattern,
			   policy_action_words[row->action], formed ? ": " : "",
			   formed ? policy_form_words[row->form] : "", policy_when_words[row->when],
			   policy_class_words[row->class], row->reason, row->source);
	}
}
