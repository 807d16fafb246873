/* SPDX-License-Identifier: Apache-2.0 */
/* metadata_only's options, and rules that need more than a key to be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/policy_fixture.h"
#include "tests/support/policy_plant.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_wire.h"

#define CANARY "CANARY-7e1f"
#define SURVIVOR "SURVIVOR-90b3"

/* What leaves of one span with the attribute ${key}. */
static struct chunk *run_attr(struct policy_fixture *f, const char *key, const char *value,
			      bool model)
{
	struct buf body = BUF_INIT, span = BUF_INIT;
	tw_attr_text(&span, SPAN_ATTRIBUTES, key, value);
	if (model)
		tw_attr_text(&span, SPAN_ATTRIBUTES, "gen_ai.system", "vllm");
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(f, buf_slice(&body));
	buf_fini(&body);
	buf_fini(&span);
	assert_non_null(chunk);
	return chunk;
}

static bool attr_leaves(struct policy_fixture *f, const char *key, const char *value, bool model)
{
	struct chunk *chunk = run_attr(f, key, value, model);
	bool found = policy_holds(chunk_slice(chunk), value);
	chunk_unref(chunk);
	return found;
}

static void identifiers_are_hashed_alike_or_kept(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{identifiers: hash, hash_key: a secret of 16 bytes}");
	/* printf alice | openssl dgst -sha256 -hmac "a secret of 16 bytes" */
	struct chunk *chunk = run_attr(&f, "user.id", "alice", false);
	assert_true(policy_holds(chunk_slice(chunk), "8c7e31061176b79aa8f58a445394d033"));
	assert_false(policy_holds(chunk_slice(chunk), "alice"));
	chunk_unref(chunk);
	policy_fixture_fini(&f);
	policy_fixture_init(&f, "{}");
	assert_true(attr_leaves(&f, "user.id", "alice", true));
	policy_fixture_fini(&f);
	policy_fixture_init(&f, "{identifiers: hash}");
	assert_null(f.self);
	assert_int_equal(f.report.error_count, 1);
	policy_fixture_fini(&f);
}

static void what_strict_allows_is_still_an_identifier(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{mode: strict, identifiers: drop}");
	assert_false(attr_leaves(&f, "gen_ai.conversation.id", CANARY, true));
	assert_true(attr_leaves(&f, "gen_ai.operation.name", SURVIVOR, true));
	policy_fixture_fini(&f);
}

static void a_url_that_is_no_string_goes(void **state)
{
	struct policy_fixture f;
	struct buf body = BUF_INIT, span = BUF_INIT;
	(void)state;
	policy_fixture_init(&f, "{}");
	tw_attr_int(&span, SPAN_ATTRIBUTES, "url.full", 7410529630085);
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
	assert_false(policy_holds(chunk_slice(chunk), "url.full"));
	chunk_unref(chunk);
	buf_fini(&body);
	buf_fini(&span);
	policy_fixture_fini(&f);
}

static void allow_is_stronger_than_the_table_and_deny_than_allow(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{allow: [input.value, app.*, /^x\\.(a|b)$/], deny: [app.secret.*, "
				"/token/, error.type]}");
	assert_non_null(f.self);
	assert_true(attr_leaves(&f, "input.value", SURVIVOR, true));
	assert_true(attr_leaves(&f, "app.note", SURVIVOR, true));
	assert_false(attr_leaves(&f, "app.secret.x", CANARY, false));
	assert_false(attr_leaves(&f, "app.secret", CANARY, false));
	assert_true(attr_leaves(&f, "app.secrets", SURVIVOR, false));
	assert_false(attr_leaves(&f, "app.my_token", CANARY, false));
	assert_false(attr_leaves(&f, "error.type", CANARY, false));
	policy_fixture_fini(&f);
	policy_fixture_init(&f, "{deny: [\"a*b\", \"/(/\"]}");
	assert_null(f.self);
	assert_int_equal(f.report.error_count, 2);
	policy_fixture_fini(&f);
}

static void holes_in_the_policy_have_bounds_and_are_named(void **state)
{
	static const char *const refused[] = {"/./",	 "/.*/",    "/[a-z]/", "/^/",
					      "/(a|e)/", "/\\\\./", "/\\\\w+/"};
	static const char *const warned[] = {"gen_ai.prompt", "gen_ai.*", "/^gen_ai\\\\.prompt/",
					     "llm.input_messages.0.message.content"};
	static const char *const quiet[] = {"acme.*", "/^acme\\\\.(a|b)$/", "http.request.method"};
	struct policy_fixture f;
	char yaml[128];
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		(void)snprintf(yaml, sizeof(yaml), "{allow: [\"%s\"]}", refused[i]);
		policy_fixture_init(&f, yaml);
		if (f.self || f.report.error_count != 1)
			fail_msg("%s is not refused", yaml);
		policy_fixture_fini(&f);
	}
	for (size_t i = 0; i < ARRAY_COUNT(warned) + ARRAY_COUNT(quiet); i++) {
		bool warns = i < ARRAY_COUNT(warned);
		(void)snprintf(yaml, sizeof(yaml), "{allow: [\"%s\"]}",
			       warns ? warned[i] : quiet[i - ARRAY_COUNT(warned)]);
		policy_fixture_init(&f, yaml);
		if (!f.self || f.report.warning_count != (warns ? 1 : 0))
			fail_msg("%s: %zu warnings", yaml, f.report.warning_count);
		policy_fixture_fini(&f);
	}
}

static void a_key_for_hashes_is_long(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{identifiers: hash, hash_key: fifteen-bytes-x}");
	assert_null(f.self);
	assert_int_equal(f.report.error_count, 1);
	policy_fixture_fini(&f);
	policy_fixture_init(&f, "{identifiers: hash, hash_key: sixteen-bytes-xx}");
	assert_non_null(f.self);
	policy_fixture_fini(&f);
}

/* One table for all writers; see also pipeline/vocabulary/identifiers.def. */
static void identifiers_of_all_writers_are_hidden_alike(void **state)
{
	static const char *const keys[] = {
		"user.id",
		"enduser.pseudo.id",
		"session.id",
		"gen_ai.conversation.id",
		"gen_ai.request.user",
		"ai.telemetry.metadata.userId",
		"ai.telemetry.metadata.sessionId",
		"langfuse.trace.user_id",
		"langfuse.observation.metadata.langfuse_user_id",
		"langfuse.trace.metadata.langfuse_session_id",
		"langfuse.observation.metadata.tenant_id",
		"traceloop.association.properties.user_id",
		"traceloop.association.properties.session_id",
		"traceloop.association.properties.thread_id",
		"metadata.user_api_key_user_email",
		"metadata.user_api_key_end_user_id",
		"llm_d.epp.tenant_id",
		"net.sock.peer.addr",
		"network.peer.address",
		"client.address",
		"user.email",
		"acme.customer_id",
		"acme.contact.email",
	};
	struct policy_fixture keep, drop, hash;
	(void)state;
	policy_fixture_init(&keep, "{}");
	policy_fixture_init(&drop, "{identifiers: drop}");
	policy_fixture_init(&hash, "{identifiers: hash, hash_key: sixteen-bytes-xx}");
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		struct chunk *chunk = run_attr(&hash, keys[i], CANARY, true);
		bool named = policy_holds(chunk_slice(chunk), keys[i]);
		bool said = policy_holds(chunk_slice(chunk), CANARY);
		chunk_unref(chunk);
		if (!named || said || attr_leaves(&drop, keys[i], CANARY, true) ||
		    !attr_leaves(&keep, keys[i], CANARY, true))
			fail_msg("%s is no identifier", keys[i]);
	}
	policy_fixture_fini(&keep);
	policy_fixture_fini(&drop);
	policy_fixture_fini(&hash);
}

static void references_follow_their_option(void **state)
{
	static const char *const references[][2] = {
		{"gen_ai.input.messages_ref", "s3://bucket/0af7/input.json"},
		{"gen_ai.output.messages_ref", "https://store/0af7/output.json"},
		{"gen_ai.system_instructions_ref", "gs://bucket/system"},
		{"acme.blob", "gs://bucket/o"}};
	struct policy_fixture f;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(references); i++) {
		const char *key = references[i][0], *uri = references[i][1];
		policy_fixture_init(&f, "{}");
		assert_true(attr_leaves(&f, key, uri, true));
		assert_false(attr_leaves(&f, "gen_ai.input.messages_ref", "what I said", true));
		assert_false(attr_leaves(&f, "gen_ai.input.messages_ref", "s3://b/o?sig=x", true));
		policy_fixture_fini(&f);
		policy_fixture_init(&f, "{content_references: drop}");
		assert_false(attr_leaves(&f, key, uri, true));
		policy_fixture_fini(&f);
		policy_fixture_init(&f, "{content_references: hash, hash_key: sixteen-bytes-xx}");
		struct chunk *chunk = run_attr(&f, key, uri, true);
		assert_true(policy_holds(chunk_slice(chunk), key));
		assert_false(policy_holds(chunk_slice(chunk), uri));
		chunk_unref(chunk);
		policy_fixture_fini(&f);
	}
}

static void strict_keeps_no_text_that_no_row_knows(void **state)
{
	struct policy_fixture shape, strict;
	(void)state;
	policy_fixture_init(&shape, "{}");
	policy_fixture_init(&strict, "{mode: strict}");
	for (int model = 0; model < 2; model++) {
		assert_true(attr_leaves(&shape, "acme.word", SURVIVOR, model));
		assert_false(attr_leaves(&strict, "acme.word", CANARY, model));
		assert_false(attr_leaves(&strict, "acme.map", "{\"a\":\"" CANARY "\"}", model));
		assert_true(attr_leaves(&strict, "http.request.method", SURVIVOR, model));
	}
	policy_fixture_fini(&shape);
	policy_fixture_fini(&strict);
}

static void bare_names_go_on_model_calls_alone(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	assert_false(attr_leaves(&f, "query", CANARY, true));
	assert_true(attr_leaves(&f, "query", SURVIVOR, false));
	assert_true(attr_leaves(&f, "model", SURVIVOR, true));
	assert_true(attr_leaves(&f, "pii.types", SURVIVOR, true));
	policy_fixture_fini(&f);
}

static void sizes_stay_only_as_numbers(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	assert_true(attr_leaves(&f, "gen_ai.content.prompt.token_count", "9071253", true));
	assert_false(attr_leaves(&f, "gen_ai.content.prompt.token_count", CANARY, true));
	policy_fixture_fini(&f);
}

static void long_keys_go(void **state)
{
	struct policy_fixture f;
	char key[1200];
	(void)state;
	policy_fixture_init(&f, "{allow: [app.*]}");
	memset(key, 'k', sizeof(key));
	memcpy(key, "app.", 4);
	key[1024] = 0;
	assert_true(attr_leaves(&f, key, SURVIVOR, false));
	key[1024] = 'k';
	key[1025] = 0;
	assert_false(attr_leaves(&f, key, CANARY, false));
	assert_int_equal(policy_fixture_removed(&f, "key over 1 KiB"), 1);
	policy_fixture_fini(&f);
}

static void large_values_are_cut_or_go(void **state)
{
	struct policy_fixture f;
	char value[300];
	(void)state;
	policy_fixture_init(&f, "{mode: denylist, max_value_bytes: 100}");
	memset(value, 'v', sizeof(value));
	memcpy(value + 99, "\xc3\xa9", 2); /* a character across the bound */
	value[299] = 0;
	struct chunk *chunk = run_attr(&f, "app.note", value, false);
	value[99] = 0;
	assert_true(policy_holds(chunk_slice(chunk), value));
	assert_false(policy_holds(chunk_slice(chunk), "\xc3"));
	chunk_unref(chunk);
	value[99] = '\xc3';
	chunk = run_attr(&f, "app.note", value, true);
	assert_false(policy_holds(chunk_slice(chunk), "app.note"));
	chunk_unref(chunk);
	assert_int_equal(policy_fixture_removed(&f, "value over max_value_bytes"), 2);
	policy_fixture_fini(&f);
}

static void a_dry_run_counts_and_changes_nothing(void **state)
{
	struct policy_fixture f;
	struct buf body = BUF_INIT;
	(void)state;
	policy_fixture_init(&f, "{dry_run: true, identifiers: drop}");
	const struct policy_plant plant = {.key = "gen_ai.prompt",
					   .value = CANARY,
					   .slots = POLICY_EVERYWHERE,
					   .nested = true,
					   .mark = "gen_ai.system",
					   .unknown = CANARY};
	policy_plant_put(&body, &plant);
	struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
	assert_true(slice_equal(chunk_slice(chunk), buf_slice(&body)));
	assert_true(policy_fixture_removed(&f, "gen_ai.{prompt,completion}") >= 5 + 2);
	assert_true(policy_fixture_removed(&f, "unknown field") > 0);
	chunk_unref(chunk);
	buf_fini(&body);
	policy_fixture_fini(&f);
}

/* The tenth vector of what Langfuse must and must not see. */
static void a_failed_chat_leaves_its_figures_and_nothing_said(void **state)
{
	struct policy_fixture f;
	struct buf body = BUF_INIT, span = BUF_INIT;
	(void)state;
	policy_fixture_init(&f, "{}");
	tw_text(&span, SPAN_NAME, "chat m");
	tw_attr_text(&span, SPAN_ATTRIBUTES, "gen_ai.prompt.0.content", CANARY);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "gen_ai.completion.0.content", CANARY);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "llm.prompts", CANARY);
	tw_attr_int(&span, SPAN_ATTRIBUTES, "gen_ai.usage.prompt_tokens", 5);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "langfuse.prompt.name", SURVIVOR "1");
	tw_attr_int(&span, SPAN_ATTRIBUTES, "langfuse.prompt.version", 3);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "gen_ai.prompt.name", SURVIVOR "2");
	size_t event = tw_open(&span, SPAN_EVENTS);
	tw_text(&span, EVENT_NAME, "gen_ai.user.message");
	tw_attr_text(&span, EVENT_ATTRIBUTES, "content", CANARY);
	tw_close(&span, event);
	event = tw_open(&span, SPAN_EVENTS);
	tw_text(&span, EVENT_NAME, "exception");
	tw_attr_text(&span, EVENT_ATTRIBUTES, "exception.type", "ValueError");
	tw_attr_text(&span, EVENT_ATTRIBUTES, "exception.message", CANARY);
	tw_attr_text(&span, EVENT_ATTRIBUTES, "exception.stacktrace", CANARY);
	tw_close(&span, event);
	size_t status = tw_open(&span, SPAN_STATUS);
	tw_text(&span, STATUS_MESSAGE, "echo of prompt " CANARY);
	tw_varint(&span, STATUS_CODE, STATUS_CODE_ERROR);
	tw_close(&span, status);
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
	struct slice out = chunk_slice(chunk);
	assert_false(policy_holds(out, CANARY) || policy_holds(out, "echo") ||
		     policy_holds(out, "gen_ai.user.message"));
	assert_true(policy_holds(out, "gen_ai.usage.prompt_tokens") &&
		    policy_holds(out, SURVIVOR "1") && policy_holds(out, SURVIVOR "2") &&
		    policy_holds(out, "langfuse.prompt.version"));
	trace_tree *tree = trace_tree_parse(out);
	const Otlp__Span *left = tree->resource_spans[0]->scope_spans[0]->spans[0];
	assert_string_equal(left->status->message, "ValueError");
	assert_int_equal(left->status->code, STATUS_CODE_ERROR);
	assert_int_equal(left->n_events, 1);
	trace_request_free(tree);
	chunk_unref(chunk);
	buf_fini(&body);
	buf_fini(&span);
	policy_fixture_fini(&f);
}

/* Sets of patterns beyond what a shard can tell apart: denied until the next request. */
static void keys_that_cannot_be_judged_go(void **state)
{
	enum { PATTERNS = 11 }; /* 2^11 sets */
	struct policy_fixture f;
	struct buf yaml = BUF_INIT, body = BUF_INIT, span = BUF_INIT;
	(void)state;
	buf_append_str(&yaml, "{allow: [");
	for (int i = 0; i < PATTERNS; i++)
		buf_printf(&yaml, "%s/<%c>/", i > 0 ? ", " : "", 'a' + i);
	buf_append_str(&yaml, "]}");
	policy_fixture_init(&f, buf_cstr(&yaml));
	for (unsigned mask = 0; mask < 1u << PATTERNS; mask++) {
		struct buf key = BUF_INIT;
		buf_append_str(&key, "k");
		for (int i = 0; i < PATTERNS; i++) {
			if (mask >> i & 1)
				buf_printf(&key, "<%c>", 'a' + i);
		}
		tw_attr_text(&span, SPAN_ATTRIBUTES, buf_cstr(&key), SURVIVOR);
		buf_fini(&key);
	}
	tw_request_of_span(&body, buf_slice(&span));
	chunk_unref(policy_fixture_run(&f, buf_slice(&body)));
	uint64_t removed = policy_fixture_removed(&f, "key that could not be judged");
	assert_true(removed > 500 && removed < (1u << PATTERNS) - 500);
	assert_true(attr_leaves(&f, "k<a><b><c><d><e><f><g><h><i><j><k>", SURVIVOR, false));
	buf_fini(&yaml);
	buf_fini(&body);
	buf_fini(&span);
	policy_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers_are_hashed_alike_or_kept),
		cmocka_unit_test(what_strict_allows_is_still_an_identifier),
		cmocka_unit_test(a_url_that_is_no_string_goes),
		cmocka_unit_test(allow_is_stronger_than_the_table_and_deny_than_allow),
		cmocka_unit_test(holes_in_the_policy_have_bounds_and_are_named),
		cmocka_unit_test(a_key_for_hashes_is_long),
		cmocka_unit_test(identifiers_of_all_writers_are_hidden_alike),
		cmocka_unit_test(references_follow_their_option),
		cmocka_unit_test(strict_keeps_no_text_that_no_row_knows),
		cmocka_unit_test(bare_names_go_on_model_calls_alone),
		cmocka_unit_test(sizes_stay_only_as_numbers),
		cmocka_unit_test(long_keys_go),
		cmocka_unit_test(large_values_are_cut_or_go),
		cmocka_unit_test(a_dry_run_counts_and_changes_nothing),
		cmocka_unit_test(a_failed_chat_leaves_its_figures_and_nothing_said),
		cmocka_unit_test(keys_that_cannot_be_judged_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
