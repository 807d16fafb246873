/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What metadata_only has removed is removed for everybody behind it: for each field that it can take
 * out, a filter condition behind it no longer sees the text, and what leaves does not hold it.
 */
#include "tests/support/langfuse_bench.h"
#include "tests/support/trace_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define SECRET "what is the capital of France, please tell me"
#define SECRET_URL "https://h/?question=what-is-the-capital"

static struct slice request(void)
{
	static struct buf out;
	buf_reset(&out);
	size_t resource_spans = tw_open(&out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(&out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(&out, RESOURCE_ATTRIBUTES, "gen_ai.prompt", SECRET);
	tw_close(&out, resource);
	tw_text(&out, RESOURCE_SPANS_SCHEMA_URL, SECRET_URL);
	size_t scope_spans = tw_open(&out, RESOURCE_SPANS_SCOPE_SPANS);
	size_t scope = tw_open(&out, SCOPE_SPANS_SCOPE);
	tw_text(&out, SCOPE_NAME, SECRET);
	tw_text(&out, SCOPE_VERSION, SECRET);
	tw_attr_text(&out, SCOPE_ATTRIBUTES, "gen_ai.prompt", SECRET);
	tw_close(&out, scope);
	tw_text(&out, SCOPE_SPANS_SCHEMA_URL, SECRET_URL);
	size_t span = tw_open(&out, SCOPE_SPANS_SPANS);
	tw_bytes(&out, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	tw_bytes(&out, SPAN_SPAN_ID, SLICE("01234567"));
	tw_text(&out, SPAN_NAME, SECRET);
	tw_text(&out, SPAN_TRACE_STATE, "vendor=" SECRET);
	tw_attr_text(&out, SPAN_ATTRIBUTES, "gen_ai.prompt", SECRET);
	size_t event = tw_open(&out, SPAN_EVENTS);
	tw_text(&out, EVENT_NAME, SECRET);
	tw_attr_text(&out, EVENT_ATTRIBUTES, "gen_ai.prompt", SECRET);
	tw_close(&out, event);
	size_t status = tw_open(&out, SPAN_STATUS);
	tw_text(&out, STATUS_MESSAGE, SECRET);
	tw_close(&out, status);
	tw_close(&out, span);
	tw_close(&out, scope_spans);
	tw_close(&out, resource_spans);
	return buf_slice(&out);
}

/* For each field, a condition of `filter` that is true where the text still stands. */
static const struct {
	const char *list, *path, *text;
} fields[] = {
	{"span", "span.name", SECRET},
	{"span", "span.status.message", SECRET},
	{"span", "span.trace_state", "vendor=" SECRET},
	{"span", "span.attributes[\\\"gen_ai.prompt\\\"]", SECRET},
	{"span", "instrumentation_scope.name", SECRET},
	{"span", "instrumentation_scope.version", SECRET},
	{"span", "instrumentation_scope.schema_url", SECRET_URL},
	{"span", "instrumentation_scope.attributes[\\\"gen_ai.prompt\\\"]", SECRET},
	{"span", "resource.schema_url", SECRET_URL},
	{"span", "resource.attributes[\\\"gen_ai.prompt\\\"]", SECRET},
	{"spanevent", "spanevent.name", SECRET},
	{"spanevent", "spanevent.attributes[\\\"gen_ai.prompt\\\"]", SECRET},
};

static uint32_t elements_left(const char *const *processors, bool events)
{
	struct processor_bench bench;
	processor_bench_open(&bench, processors);
	assert_int_equal(processor_bench_run(&bench, request()), OUTCOME_TAKEN);
	uint32_t left = 0;
	if (bench.out) {
		left = events ? view_event_count(bench.out_view) : view_span_count(bench.out_view);
		assert_true(!processors[2] || !processors[3] ||
			    !memmem(bench.out->data, bench.out->len, "capital", 7));
	}
	processor_bench_close(&bench);
	return left;
}

static void a_condition_sees_what_the_policy_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		char filter[512];
		bool events = fields[i].list[4] != 0;
		(void)snprintf(filter, sizeof(filter), "traces: {%s: [\"%s == \\\"%s\\\"\"]}",
			       fields[i].list, fields[i].path, fields[i].text);
		const char *const alone[] = {"filter", filter, NULL};
		const char *const behind[] = {"metadata_only", "{}", "filter", filter, NULL};
		if (elements_left(alone, events) != 0)
			fail_msg("%s: the condition does not see what was received", filter);
		if (elements_left(behind, events) != 1)
			fail_msg("%s: the condition sees what the policy removed", filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_condition_sees_what_the_policy_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
