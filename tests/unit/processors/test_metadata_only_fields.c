/* SPDX-License-Identifier: Apache-2.0 */
/* metadata_only and what is no attribute: names, texts, URLs, states; each field of its table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/policy_fixture.h"
#include "tests/support/policy_plant.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_wire.h"

#define CANARY "CANARY-7e1f"

static void every_field_is_proven(void **state)
{
	struct policy_fixture f;
	bool proven[FIELD_COUNT] = {false};
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < policy_field_plant_count; i++) {
		const struct policy_field_plant *c = &policy_field_plants[i];
		const char *rule = policy_fields[c->field].label;
		uint64_t before = policy_fixture_removed(&f, rule);
		struct buf body = BUF_INIT, text = BUF_INIT;
		policy_field_text(c, CANARY, &text);
		policy_plant_put_field(&body, c->field, buf_cstr(&text));
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		if (policy_holds(chunk_slice(chunk), CANARY))
			fail_msg("%s: \"%s\" leaves", rule, buf_cstr(&text));
		if (c->instead && !policy_holds(chunk_slice(chunk), c->instead))
			fail_msg("%s: not \"%s\" instead of \"%s\"", rule, c->instead, c->text);
		assert_true(policy_fixture_removed(&f, rule) > before);
		proven[c->field] = true;
		chunk_unref(chunk);
		buf_fini(&body);
		buf_fini(&text);
	}
	/* Nested values and unknown fields are proven with every rule, keys that could not be judged
	 * and references by tests of their own. */
	proven[FIELD_UNKNOWN_FIELD] = proven[FIELD_NESTED_VALUE] = true;
	proven[FIELD_DOUBTFUL_KEY] = proven[FIELD_REFERENCE] = true;
	for (int i = 0; i < FIELD_COUNT; i++)
		assert_true(proven[i]);
	policy_fixture_fini(&f);
}

static void data_in_a_path_becomes_a_placeholder(void **state)
{
	static const char *const names[][2] = {
		{"GET /a/0a1b2c3d4e5f6071 http send", "GET /a/{} http send"},
		{"GET /users/12345", "GET /users/{}"},
	};
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct buf body = BUF_INIT;
		policy_plant_put_field(&body, FIELD_SPAN_NAME, names[i][0]);
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		assert_false(policy_holds(chunk_slice(chunk), names[i][0]));
		assert_true(policy_holds(chunk_slice(chunk), names[i][1]));
		chunk_unref(chunk);
		buf_fini(&body);
	}
	policy_fixture_fini(&f);
}

static void ordinary_names_and_fields_pass_unchanged(void **state)
{
	static const char *const names[] = {
		"chat Llama-3.1-70B-Instruct",
		"llm_d.epp.scorer.prefix_cache",
		"GET /v1/models",
		"GET /metrics http receive",
		"POST /v1/chat/completions",
		"llm_d.pd_proxy.POST /v1/chat/completions",
		"SELECT mydb.users",
		"GET /users/{user_id}",
		"Loading (GPU)",
		"opentelemetry/proto",
		"Update user profile",
		"Select best pod",
		"Execute tool look_up",
		"UsersController#show",
		"GET ^polls/(?P<pk>[0-9]+)/$",
		"GET ^admin/(?:list/)?$",
		"Chat Completion with {request_data[model]!r}",
		"invoke_agent Customer Support Agent",
		"tools/call look_up",
		"execute_tool mcp__github__create_issue",
		"prompts/get analyze-code",
		"resources/read archive://page",
		"EngineCoreProc init",
		"\xe6\x9b\xb4\xe6\x96\xb0\xe7\x94\xa8\xe6\x88\xb7", /* update user */
	};
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct buf body = BUF_INIT;
		policy_plant_put_field(&body, FIELD_SPAN_NAME, names[i]);
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		if (!slice_equal(chunk_slice(chunk), buf_slice(&body)))
			fail_msg("%s: changed", names[i]);
		chunk_unref(chunk);
		buf_fini(&body);
	}
	policy_fixture_fini(&f);
}

/* logfire.msg is such a name: the text with its arguments. */
static void a_name_that_quotes_a_removed_text_goes(void **state)
{
	static const char quote[] = CANARY " is what I asked";
	struct policy_fixture f;
	struct buf body = BUF_INIT, span = BUF_INIT;
	(void)state;
	policy_fixture_init(&f, "{}");
	tw_text(&span, SPAN_NAME, quote);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "input.value", quote);
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
	assert_false(policy_holds(chunk_slice(chunk), CANARY));
	chunk_unref(chunk);
	buf_fini(&body);
	buf_fini(&span);
	policy_fixture_fini(&f);
}

/* Logfire names spans by its templates, which it also sends: such names are constants. */
static void templates_stay_names(void **state)
{
	static const char *const names[][3] = {
		/* name, template, message; the first two are alike */
		{"agent run", "agent run", "agent run"},
		{"preparing model request params {run_step=}",
		 "preparing model request params {run_step=}",
		 "preparing model request params run_step=1"},
	};
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct buf body = BUF_INIT, span = BUF_INIT;
		tw_text(&span, SPAN_NAME, names[i][0]);
		tw_attr_text(&span, SPAN_ATTRIBUTES, "logfire.msg_template", names[i][1]);
		tw_attr_text(&span, SPAN_ATTRIBUTES, "logfire.msg", names[i][2]);
		tw_request_of_span(&body, buf_slice(&span));
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		if (!policy_holds(chunk_slice(chunk), names[i][0]))
			fail_msg("%s is no name", names[i][0]);
		assert_false(policy_holds(chunk_slice(chunk), "logfire.msg"));
		chunk_unref(chunk);
		buf_fini(&body);
		buf_fini(&span);
	}
	policy_fixture_fini(&f);
}

/* What a name says too much is replaced by the best that is left. */
static void a_name_that_goes_is_replaced_by_the_best_left(void **state)
{
	static const struct {
		const char *name, *removed;
		const char *const attrs[4];
		const char *instead;
	} cases[] = {
		{"please tell me what my doctor wrote",
		 NULL,
		 {"gen_ai.operation.name", "chat", "gen_ai.request.model", "m-1"},
		 "chat m-1"},
		{"Answer my mother is ill",
		 "my mother is ill",
		 {"gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "look_up"},
		 "execute_tool look_up"},
		{"my mother is ill",
		 "my mother is ill and needs more",
		 {"http.request.method", "POST", "http.route", "/ask/{id}"},
		 "POST /ask/{id}"},
		{"why is she ill?", NULL, {"openinference.span.kind", "CHAIN"}, "CHAIN"},
		{"\xe6\x88\x91\xe7\x9a\x84\xe7\x97\x85\xe6\x98\xaf\xe4\xbb\x80\xe4\xb9\x88"
		 "\xe6\x88\x91\xe7\x9a\x84\xe7\x97\x85\xe6\x98\xaf\xe4\xbb\x80\xe4\xb9\x88"
		 "\xe5\x91\xa2",
		 NULL,
		 {"rpc.method", "Ask"},
		 "Ask"},
		{"warum\xc2\xa0"
		 "hat\xc2\xa0"
		 "der\xc2\xa0"
		 "Arzt\xc2\xa0mir\xc2\xa0nichts gesagt",
		 NULL,
		 {NULL},
		 "client"},
		{"select name from patients where note = 'ill'", NULL, {NULL}, "select"},
		/* names of what a request asked for */
		{"prompts/get my illness please",
		 NULL,
		 {"gen_ai.prompt.name", "my illness please", "mcp.method.name", "prompts/get"},
		 "prompts/get"},
		{"execute_tool find my illness",
		 NULL,
		 {"gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "find my illness"},
		 "execute_tool"},
		{"chat my illness please",
		 NULL,
		 {"gen_ai.operation.name", "chat", "gen_ai.request.model", "my illness please"},
		 "chat"},
		{"my illness please", NULL, {"tool.name", "my illness please"}, "client"},
		/* the name alone says it */
		{"prompts/get my illness please", NULL, {NULL}, "prompts/get"},
		{"tools/call my illness please", NULL, {NULL}, "tools/call"},
		{"resources/read my illness", NULL, {NULL}, "resources/read"},
		{"completion/complete my illness", NULL, {NULL}, "completion/complete"},
		{"execute_tool my illness please", NULL, {NULL}, "execute_tool"},
	};
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf body = BUF_INIT, span = BUF_INIT;
		tw_text(&span, SPAN_NAME, cases[i].name);
		tw_varint(&span, SPAN_KIND, 3);
		if (cases[i].removed)
			tw_attr_text(&span, SPAN_ATTRIBUTES, "input.value", cases[i].removed);
		for (size_t a = 0; a < ARRAY_COUNT(cases[i].attrs) && cases[i].attrs[a]; a += 2)
			tw_attr_text(&span, SPAN_ATTRIBUTES, cases[i].attrs[a],
				     cases[i].attrs[a + 1]);
		tw_request_of_span(&body, buf_slice(&span));
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		trace_tree *tree = trace_tree_parse(chunk_slice(chunk));
		assert_string_equal(tree->resource_spans[0]->scope_spans[0]->spans[0]->name,
				    cases[i].instead);
		trace_request_free(tree);
		chunk_unref(chunk);
		buf_fini(&body);
		buf_fini(&span);
	}
	policy_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_proven),
		cmocka_unit_test(data_in_a_path_becomes_a_placeholder),
		cmocka_unit_test(ordinary_names_and_fields_pass_unchanged),
		cmocka_unit_test(a_name_that_quotes_a_removed_text_goes),
		cmocka_unit_test(templates_stay_names),
		cmocka_unit_test(a_name_that_goes_is_replaced_by_the_best_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
