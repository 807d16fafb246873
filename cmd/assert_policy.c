/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each question is a trial: the processor gets a request made for the question, or the trace itself,
 * and what is left of it is the answer. So it cannot differ from what a pipeline does.
 */
#include "cmd/assert_policy.h"

#include "pipeline/trace/otlp/builder.h"
#include "processors/metadata_only/explain.h"

#include <stdio.h>
#include <string.h>

/* ---- denied keys ---------------------------------------------------------------------------- */

static bool key_is_denied(void *arg, struct slice key)
{
	struct assert_policy *policy = arg;
	struct processor_trial *trial = &policy->metadata_only;
	(void)pthread_mutex_lock(&policy->mutex);
	bool denied = explain_denies(trial->self, trial->state, trial->view, key);
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

/* The key in a path such as attributes["a.b"]; ${what} itself when it is no such path. */
static struct slice key_of(struct slice what)
{
	const uint8_t *open = what.len > 0 ? memchr(what.ptr, '"', what.len) : NULL;
	if (!open)
		return what;
	struct slice rest = slice_of(open + 1, what.len - (size_t)(open + 1 - what.ptr));
	const uint8_t *close = rest.len > 0 ? memchr(rest.ptr, '"', rest.len) : NULL;
	return close ? slice_of(rest.ptr, (size_t)(close - rest.ptr)) : what;
}

/* A model call with the attribute: where the policy is strictest. */
static struct chunk *request(struct budget *budget, struct slice key, struct value value)
{
	struct trace_builder builder;
	struct err err;
	trace_builder_init(&builder, budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
	trace_builder_bytes(&builder, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	trace_builder_bytes(&builder, SPAN_SPAN_ID, SLICE("01234567"));
	trace_builder_attr(&builder, SPAN_ATTRIBUTES, key, value);
	trace_builder_attr(&builder, SPAN_ATTRIBUTES, SLICE("gen_ai.request.n"), value_of_int(1));
	return trace_builder_take(&builder, 1, &err);
}

bool assert_policy_shows(struct assert_policy *policy, struct slice key, struct value value)
{
	struct processor_trial *trial = &policy->metadata_only;
	const struct owner span = {OWNER_SPAN, 0};
	struct attr_view attr;
	struct err err;
	bool shown = false;
	(void)pthread_mutex_lock(&policy->mutex);
	struct chunk *body = request(&trial->budget, key_of(key), value);
	if (body && processor_trial_run(trial, chunk_slice(body), &err) == 0) {
		shown = view_attr_at(trial->view, span, 0, &attr) &&
			slice_equal(attr.key, key_of(key)) &&
			value_equal(view_attr_value(trial->view, span, &attr), value);
		view_close(trial->view);
	}
	chunk_unref(body);
	(void)pthread_mutex_unlock(&policy->mutex);
	return shown;
}

/* ---- life ----------------------------------------------------------------------------------- */

bool assert_policy_init(struct assert_policy *policy, const struct option_list *configs,
			const struct option_list *sets)
{
	*policy = (struct assert_policy){0};
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
