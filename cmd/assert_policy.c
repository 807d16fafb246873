/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each question is a trial: the processor gets a request made for the question, or the trace itself,
 * and what is left of it is the answer. So it cannot differ from what a pipeline does.
 */
#include "cmd/assert_policy.h"

#include "pipeline/trace/otlp/builder.h"
#include "processors/metadata_only/explain.h"
#include "processors/metadata_only/rules.h"

#include <string.h>

/* ---- denied keys ---------------------------------------------------------------------------- */

static bool key_is_denied(void *arg, struct slice key, struct value value)
{
	struct assert_policy *policy = arg;
	struct processor_trial *trial = &policy->metadata_only;
	(void)pthread_mutex_lock(&policy->mutex);
	bool denied = explain_denies(trial->self, trial->state, trial->view, key, value);
	(void)pthread_mutex_unlock(&policy->mutex);
	return denied;
}

/* ---- noise ---------------------------------------------------------------------------------- */

/* The noise filter gets the trace and drops what it would drop. A trace that cannot be opened has no
 * noise that could be named. */
static uint32_t count_noise(void *arg, const struct trace_view *view, const uint64_t *spans)
{
	struct assert_policy *policy = arg;
	struct processor_trial *trial = &policy->scrape_filter;
	uint32_t count = 0;
	struct err err;
	(void)pthread_mutex_lock(&policy->mutex);
	bool opened = processor_trial_run(trial, view_body(view), &err) == 0;
	for (uint32_t i = 0; opened && i < view_span_count(trial->view); i++) {
		bool asked = spans[i / 64] >> (i % 64) & 1;
		count += asked && !view_span_live(trial->view, i);
	}
	if (opened)
		view_close(trial->view);
	(void)pthread_mutex_unlock(&policy->mutex);
	return count;
}

struct judge_env assert_policy_env(struct assert_policy *policy)
{
	return (struct judge_env){
		.key_is_denied = key_is_denied, .count_noise = count_noise, .arg = policy};
}

/* ---- what may be printed -------------------------------------------------------------------- */

/* What is asked about. */
struct question {
	struct slice key; /* of a span's attribute; empty: another text, in value.bytes */
	struct value value;
	bool is_scope; /* the other text is a scope's name, not a span's */
	bool passes;
};

/* A model call, where the policy is strictest. */
static struct chunk *request(struct budget *budget, const struct question *question)
{
	struct trace_builder builder;
	struct err err;
	trace_builder_init(&builder, budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	if (question->is_scope) {
		trace_builder_begin(&builder, SCOPE_SPANS_SCOPE);
		trace_builder_bytes(&builder, SCOPE_NAME, question->value.bytes);
		trace_builder_end(&builder);
	}
	trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
	trace_builder_bytes(&builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	trace_builder_bytes(&builder, SPAN_SPAN_ID, SLICE("01234567"));
	if (question->key.len > 0)
		trace_builder_attr(&builder, SPAN_ATTRIBUTES, question->key, question->value);
	else if (!question->is_scope)
		trace_builder_bytes(&builder, SPAN_NAME, question->value.bytes);
	trace_builder_attr(&builder, SPAN_ATTRIBUTES, SLICE("gen_ai.request.n"), value_of_int(1));
	return trace_builder_take(&builder, 1, &err);
}

static void answer(void *arg, const struct trace_view *view)
{
	struct question *question = arg;
	const struct owner span = {OWNER_SPAN, 0};
	struct attr_view attr;
	if (question->key.len > 0)
		question->passes = view_attr_at(view, span, 0, &attr) &&
				   slice_equal(attr.key, question->key) &&
				   value_equal(view_attr_value(view, span, &attr), question->value);
	else
		question->passes = slice_equal(question->is_scope ? view_scope_name(view, 0)
								  : view_span_name(view, 0),
					       question->value.bytes);
}

static bool passes(struct assert_policy *policy, struct question question)
{
	struct err err;
	if (policy->shows_all)
		return true;
	struct chunk *body = request(&policy->metadata_only.budget, &question);
	bool asked = body &&
		     assert_policy_apply(policy, chunk_slice(body), answer, &question, &err) == 0;
	chunk_unref(body);
	return asked && question.passes;
}

bool assert_policy_shows(struct assert_policy *policy, struct slice key, struct value value)
{
	return key.len > 0 && passes(policy, (struct question){.key = key, .value = value});
}

bool assert_policy_names_key(struct slice key)
{
	for (size_t i = 0; i < policy_row_count; i++) {
		if (slice_equal(key, slice_str(policy_rows[i].pattern)))
			return true;
	}
	return false;
}

bool assert_policy_shows_key(struct assert_policy *policy, struct slice key, struct value value)
{
	return assert_policy_names_key(key) || assert_policy_shows(policy, key, value);
}

bool assert_policy_shows_name(struct assert_policy *policy, struct slice name)
{
	return name.len == 0 || passes(policy, (struct question){.value = value_of_str(name)});
}

bool assert_policy_shows_scope(struct assert_policy *policy, struct slice name)
{
	return name.len == 0 ||
	       passes(policy, (struct question){.value = value_of_str(name), .is_scope = true});
}

int assert_policy_apply(struct assert_policy *policy, struct slice body, assert_policy_visit *visit,
			void *arg, struct err *err)
{
	struct processor_trial *trial = &policy->metadata_only;
	(void)pthread_mutex_lock(&policy->mutex);
	int status = policy->shows_all ? view_open(trial->view, body, err)
				       : processor_trial_run(trial, body, err);
	if (status == 0) {
		visit(arg, trial->view);
		view_close(trial->view);
	}
	(void)pthread_mutex_unlock(&policy->mutex);
	return status;
}

/* ---- life ----------------------------------------------------------------------------------- */

bool assert_policy_init(struct assert_policy *policy, const struct option_list *configs,
			const struct option_list *sets)
{
	*policy = (struct assert_policy){.shows_all = policy->shows_all};
	(void)pthread_mutex_init(&policy->mutex, NULL); /* cannot fail without attributes */
	bool made = processor_trial_init(&policy->metadata_only, "metadata_only", configs, sets);
	/* Both are begun, so that both can be ended. */
	return processor_trial_init(&policy->scrape_filter, "scrape_filter", configs, sets) && made;
}

void assert_policy_fini(struct assert_policy *policy)
{
	processor_trial_fini(&policy->metadata_only);
	processor_trial_fini(&policy->scrape_filter);
	(void)pthread_mutex_destroy(&policy->mutex);
}
