/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof of the policy: this test reads the table that the processor runs by, plants a canary for
 * every row wherever the row says that it applies, nested and unknown fields included, and searches
 * the bytes that leave. Rows that keep have survivors planted instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/pattern/regex.h"
#include "processors/metadata_only/rules.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_wire.h"

#include <stdio.h>

/* Rows of the tables that the policy was drawn from (kept keys, conventions, generic keys, events):
 * the policy must never have fewer. */
enum { SOURCE_ROWS = 48 };

#define CANARY "CANARY-7e1f"
#define SURVIVOR "SURVIVOR-90b3"

static bool contains(struct slice bytes, const char *text)
{
	return memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

/* ---- a request with the same attribute in every slot ---- */

struct plant {
	const char *key, *value;
	int64_t number; /* instead of the value when that is NULL */
	unsigned slots; /* 1 << enum policy_slot */
	bool nested, model, unknown;
	const char *event_name;
};

static void put_attr(struct buf *out, uint32_t number, const struct plant *plant)
{
	if (plant->value)
		tw_attr_text(out, number, plant->key, plant->value);
	else
		tw_attr_int(out, number, plant->key, plant->number);
}

static void put_slot(struct buf *out, uint32_t number, enum policy_slot slot,
		     const struct plant *plant)
{
	if (plant->slots >> slot & 1)
		put_attr(out, number, plant);
	if (plant->unknown)
		tw_text(out, 1000, CANARY);
}

/* app.list = [ { <key>: <value>, harmless: 1 } ], app.map = { inner: { <key>: <value> } } */
static void put_nested(struct buf *out, uint32_t number, const struct plant *plant)
{
	size_t pair = tw_open(out, number);
	tw_text(out, KEY_VALUE_KEY, "app.list");
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	size_t array = tw_open(out, ANY_VALUE_ARRAY);
	size_t item = tw_open(out, ARRAY_VALUE_VALUES);
	size_t map = tw_open(out, ANY_VALUE_KVLIST);
	put_attr(out, KVLIST_VALUES, plant);
	tw_attr_int(out, KVLIST_VALUES, "harmless", 1);
	tw_close(out, map);
	tw_close(out, item);
	tw_close(out, array);
	tw_close(out, any);
	tw_close(out, pair);
	pair = tw_open(out, number);
	tw_text(out, KEY_VALUE_KEY, "app.map");
	any = tw_open(out, KEY_VALUE_VALUE);
	map = tw_open(out, ANY_VALUE_KVLIST);
	size_t inner = tw_open(out, KVLIST_VALUES);
	tw_text(out, KEY_VALUE_KEY, "inner");
	size_t inner_any = tw_open(out, KEY_VALUE_VALUE);
	size_t inner_map = tw_open(out, ANY_VALUE_KVLIST);
	put_attr(out, KVLIST_VALUES, plant);
	tw_close(out, inner_map);
	tw_close(out, inner_any);
	tw_close(out, inner);
	if (plant->unknown)
		tw_text(out, 1000, CANARY);
	tw_close(out, map);
	tw_close(out, any);
	tw_close(out, pair);
}

static void put_event_and_link(struct buf *out, const struct plant *plant)
{
	size_t event = tw_open(out, SPAN_EVENTS);
	tw_fixed64(out, EVENT_TIME_UNIX_NANO, 1);
	tw_text(out, EVENT_NAME, plant->event_name ? plant->event_name : "first_token");
	put_slot(out, EVENT_ATTRIBUTES, SLOT_EVENT, plant);
	tw_close(out, event);
	size_t link = tw_open(out, SPAN_LINKS);
	tw_text(out, LINK_TRACE_ID, "0123456789abcdef");
	tw_text(out, LINK_SPAN_ID, "01234567");
	put_slot(out, LINK_ATTRIBUTES, SLOT_LINK, plant);
	tw_close(out, link);
}

static void put_span(struct buf *out, const struct plant *plant)
{
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	tw_text(out, SPAN_TRACE_ID, "0123456789abcdef");
	tw_text(out, SPAN_SPAN_ID, "01234567");
	tw_text(out, SPAN_NAME, "chat");
	put_slot(out, SPAN_ATTRIBUTES, SLOT_SPAN, plant);
	if (plant->nested)
		put_nested(out, SPAN_ATTRIBUTES, plant);
	if (plant->model)
		tw_attr_text(out, SPAN_ATTRIBUTES, "gen_ai.system", "vllm");
	put_event_and_link(out, plant);
	if (plant->unknown) {
		size_t status = tw_open(out, SPAN_STATUS);
		tw_varint(out, STATUS_CODE, STATUS_CODE_OK);
		tw_text(out, 1000, CANARY);
		tw_close(out, status);
	}
	tw_close(out, span);
}

static void put_request(struct buf *out, const struct plant *plant)
{
	size_t resource_spans = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "rag-app");
	put_slot(out, RESOURCE_ATTRIBUTES, SLOT_RESOURCE, plant);
	tw_close(out, resource);
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	size_t scope = tw_open(out, SCOPE_SPANS_SCOPE);
	tw_text(out, SCOPE_NAME, "app");
	put_slot(out, SCOPE_ATTRIBUTES, SLOT_SCOPE, plant);
	tw_close(out, scope);
	put_span(out, plant);
	if (plant->unknown) {
		size_t span = tw_open(out, 1000); /* a span where nobody looks */
		tw_text(out, SPAN_NAME, CANARY);
		tw_close(out, span);
	}
	tw_close(out, scope_spans);
	if (plant->unknown)
		tw_text(out, 1000, CANARY);
	tw_close(out, resource_spans);
	if (plant->unknown)
		tw_text(out, 1000, CANARY);
}

/* Runs the plant through ${f}: whether ${text} is in what leaves. The output must decode. */
static bool leaves(struct policy_fixture *f, const struct plant *plant, const char *text)
{
	struct buf body = BUF_INIT;
	put_request(&body, plant);
	struct chunk *chunk = policy_fixture_run(f, buf_slice(&body));
	assert_non_null(chunk);
	trace_tree *tree = trace_tree_parse(chunk_slice(chunk));
	assert_non_null(tree);
	trace_request_free(tree);
	bool found = contains(chunk_slice(chunk), text);
	chunk_unref(chunk);
	buf_fini(&body);
	return found;
}

/* ---- one row ---- */

struct proof {
	struct policy_fixture denylist, strict;
	const struct policy_row *row;
	unsigned samples;
	bool failed;
	struct regex_scratch scratch;
	struct regex *regex; /* of the row's pattern, when it is an expression */
};

static void fail_row(struct proof *proof, const char *key, const char *why)
{
	print_error("rule %s: key %s %s\n", proof->row->pattern, key, why);
	proof->failed = true;
}

static struct policy_fixture *fixture_of(struct proof *proof)
{
	return proof->row->when == WHEN_STRICT ? &proof->strict : &proof->denylist;
}

static void prove_removed(struct proof *proof, const char *key, const char *value)
{
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		struct plant plant = {.key = key,
				      .value = value,
				      .slots = 1u << slot,
				      .model = proof->row->when != WHEN_ALWAYS,
				      .unknown = slot % 2 == 0};
		if (proof->row->when == WHEN_MODEL_EVENT)
			plant.event_name = "gen_ai.other";
		if ((proof->row->slots >> slot & 1) && leaves(fixture_of(proof), &plant, CANARY))
			fail_row(proof, key, "leaves");
	}
	const struct plant nested = {.key = key, .value = value, .nested = true, .unknown = true};
	if (leaves(fixture_of(proof), &nested, CANARY))
		fail_row(proof, key, "leaves in a nested value");
}

static void prove_kept(struct proof *proof, const char *key)
{
	const unsigned everywhere = (1u << SLOT_COUNT) - 1;
	const bool number = proof->row->action == ACTION_KEEP_NUMBER;
	struct plant plant = {.key = key,
			      .value = number ? "9071253" : SURVIVOR,
			      .slots = everywhere,
			      .model = true};
	if (!leaves(fixture_of(proof), &plant, plant.value))
		fail_row(proof, key, "does not survive");
	if (!leaves(&proof->strict, &plant, plant.value))
		fail_row(proof, key, "does not survive mode strict");
}

static void prove_event(struct proof *proof, const char *name)
{
	struct plant plant = {
		.key = "harmless", .value = CANARY, .slots = 1 << SLOT_EVENT, .event_name = name};
	if (leaves(fixture_of(proof), &plant, CANARY) || leaves(fixture_of(proof), &plant, name))
		fail_row(proof, name, "leaves as an event");
}

/* The key alone makes a bare name one of content. */
static void prove_mark(struct proof *proof, const char *key)
{
	struct buf body = BUF_INIT, span = BUF_INIT;
	tw_attr_text(&span, SPAN_ATTRIBUTES, "query", CANARY);
	tw_attr_int(&span, SPAN_ATTRIBUTES, key, 1);
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(&proof->denylist, buf_slice(&body));
	if (contains(chunk_slice(chunk), CANARY))
		fail_row(proof, key, "does not tell a model call");
	chunk_unref(chunk);
	buf_fini(&body);
	buf_fini(&span);
}

static void prove_key(struct proof *proof, const char *key)
{
	switch ((enum policy_action)proof->row->action) {
	case ACTION_KEEP:
	case ACTION_KEEP_NUMBER:
	case ACTION_ALLOW: prove_kept(proof, key); return;
	case ACTION_DROP:
	case ACTION_REPLACE:
	case ACTION_IDENTIFY: prove_removed(proof, key, "so " CANARY); return;
	case ACTION_CUT:
		prove_removed(proof, key, "https://" CANARY ":pw@host/path?q=" CANARY "#" CANARY);
		return;
	case ACTION_EVENT: prove_event(proof, key); return;
	case ACTION_MARK: prove_mark(proof, key); return;
	case ACTION_COUNT: return;
	}
}

static bool prove_pattern(void *arg, struct slice pattern)
{
	struct proof *proof = arg;
	struct buf key = BUF_INIT;
	struct err err;
	proof->regex = NULL;
	if (pattern.ptr[0] == '/')
		proof->regex = regex_new(slice_of(pattern.ptr + 1, pattern.len - 2), &err);
	for (unsigned i = 0; i < POLICY_SAMPLES; i++) {
		if (!policy_sample(pattern, i, &key))
			continue;
		if (proof->regex &&
		    regex_search(proof->regex, buf_slice(&key), &proof->scratch) != REGEX_MATCH)
			fail_row(proof, buf_cstr(&key), "is no match of its own pattern");
		/* Rows of older conventions overlap with what is kept; keys that both match stay. */
		prove_key(proof, buf_cstr(&key));
		proof->samples++;
	}
	regex_free(proof->regex);
	buf_fini(&key);
	return true;
}

static void every_rule_is_proven_in_every_slot(void **state)
{
	struct proof proof = {0};
	size_t proven = 0;
	unsigned samples = 0;
	(void)state;
	policy_fixture_init(&proof.denylist, "{identifiers: drop}");
	policy_fixture_init(&proof.strict, "{mode: strict}");
	assert_non_null(proof.denylist.self);
	assert_non_null(proof.strict.self);
	assert_int_equal(regex_scratch_init(&proof.scratch), 0);
	for (size_t i = 0; i < policy_row_count; i++) {
		proof.row = &policy_rows[i];
		proof.samples = 0;
		proof.failed = false;
		assert_true(policy_expand(proof.row->pattern, prove_pattern, &proof));
		proven += !proof.failed && proof.samples > 0;
		samples += proof.samples;
	}
	print_message("%zu rules, %zu proven, by %u keys\n", policy_row_count, proven, samples);
	assert_true(policy_row_count >= SOURCE_ROWS);
	assert_int_equal(proven, policy_row_count);
	regex_scratch_fini(&proof.scratch);
	policy_fixture_fini(&proof.denylist);
	policy_fixture_fini(&proof.strict);
}

/* ---- what is no attribute ---- */

struct field_case {
	enum policy_field field;
	const char *text;    /* planted */
	const char *instead; /* what stands there then; NULL: nothing */
};

static const char long_prompt[] = CANARY " please tell me what my doctor wrote about my illness";

static const struct field_case field_cases[] = {
	{FIELD_SPAN_NAME, "GET /search/" CANARY "%20text?q=" CANARY, "GET /search/{}"},
	{FIELD_SPAN_NAME, "llm_d.pd_proxy.GET /v1/files/12345?" CANARY,
	 "llm_d.pd_proxy.GET /v1/files/{}"},
	{FIELD_SPAN_NAME, "GET /metrics?" CANARY, "GET /metrics"},
	{FIELD_SPAN_NAME, "GET /a/0a1b2c3d4e5f6071 http send", "GET /a/{} http send"},
	{FIELD_SPAN_NAME, "GET /a/b " CANARY, "GET /a/b"},
	{FIELD_SPAN_NAME, "SELECT * FROM t WHERE q = '" CANARY "'", "SELECT"},
	{FIELD_SPAN_NAME, long_prompt, "span"},
	{FIELD_STATUS_MESSAGE, CANARY, "error"},
	{FIELD_TRACE_STATE, "vendor=" CANARY ", ot=th:8;rv:0123456789abcd",
	 "ot=th:8;rv:0123456789abcd"},
	{FIELD_TRACE_STATE, "ot=p:" CANARY, NULL},
	{FIELD_LINK_TRACE_STATE, "vendor=" CANARY, NULL},
	{FIELD_EVENT_NAME, long_prompt, "event"},
	{FIELD_EVENT_NAME, "line\n" CANARY, "event"},
	{FIELD_SCOPE_NAME, "scope " CANARY, NULL},
	{FIELD_SCOPE_VERSION, "1.0 " CANARY, NULL},
	{FIELD_SCHEMA_URL, "https://host/1.37.0?" CANARY, NULL},
	{FIELD_SCHEMA_URL, CANARY, NULL},
	{FIELD_ENTITY_REFS, CANARY, NULL},
};

static void put_field_span(struct buf *out, const struct field_case *c)
{
	bool status = c->field == FIELD_STATUS_MESSAGE;
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	tw_text(out, SPAN_NAME, c->field == FIELD_SPAN_NAME ? c->text : "POST /v1/x");
	if (c->field == FIELD_TRACE_STATE)
		tw_text(out, SPAN_TRACE_STATE, c->text);
	size_t event = tw_open(out, SPAN_EVENTS);
	tw_text(out, EVENT_NAME, c->field == FIELD_EVENT_NAME ? c->text : "got first token");
	tw_close(out, event);
	size_t link = tw_open(out, SPAN_LINKS);
	if (c->field == FIELD_LINK_TRACE_STATE)
		tw_text(out, LINK_TRACE_STATE, c->text);
	tw_close(out, link);
	size_t message = tw_open(out, SPAN_STATUS);
	if (status)
		tw_text(out, STATUS_MESSAGE, c->text);
	tw_varint(out, STATUS_CODE, STATUS_CODE_ERROR);
	tw_close(out, message);
	tw_close(out, span);
}

static void put_field_request(struct buf *out, const struct field_case *c)
{
	const char *url = c->field == FIELD_SCHEMA_URL ? c->text : "https://o.io/schemas/1.37.0";
	size_t resource_spans = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", "rag-app");
	if (c->field == FIELD_ENTITY_REFS) {
		for (int i = 0; i < 2; i++) {
			size_t ref = tw_open(out, RESOURCE_ENTITY_REFS);
			tw_text(out, 2, c->text);
			tw_close(out, ref);
		}
	}
	tw_close(out, resource);
	tw_text(out, RESOURCE_SPANS_SCHEMA_URL, url);
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	tw_text(out, SCOPE_SPANS_SCHEMA_URL, url);
	size_t scope = tw_open(out, SCOPE_SPANS_SCOPE);
	tw_text(out, SCOPE_NAME, c->field == FIELD_SCOPE_NAME ? c->text : "app");
	tw_text(out, SCOPE_VERSION, c->field == FIELD_SCOPE_VERSION ? c->text : "1.2.3-rc1");
	tw_close(out, scope);
	put_field_span(out, c);
	tw_close(out, scope_spans);
	tw_close(out, resource_spans);
}

static void every_field_is_proven(void **state)
{
	struct policy_fixture f;
	bool proven[FIELD_COUNT] = {false};
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(field_cases); i++) {
		const struct field_case *c = &field_cases[i];
		const char *rule = policy_fields[c->field].label;
		uint64_t before = policy_fixture_removed(&f, rule);
		struct buf body = BUF_INIT;
		put_field_request(&body, c);
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		if (contains(chunk_slice(chunk), CANARY) || contains(chunk_slice(chunk), c->text))
			fail_msg("%s: \"%s\" leaves", rule, c->text);
		if (c->instead && !contains(chunk_slice(chunk), c->instead))
			fail_msg("%s: not \"%s\" instead of \"%s\"", rule, c->instead, c->text);
		assert_true(policy_fixture_removed(&f, rule) > before);
		proven[c->field] = true;
		chunk_unref(chunk);
		buf_fini(&body);
	}
	/* These have tests of their own below, the unknown fields one with every rule above. */
	proven[FIELD_UNKNOWN_FIELD] = policy_fields[FIELD_UNKNOWN_FIELD].label != NULL;
	proven[FIELD_LONG_KEY] = proven[FIELD_DOUBTFUL_KEY] = proven[FIELD_VALUE_SIZE] =
		proven[FIELD_NESTED_VALUE] = true;
	for (int i = 0; i < FIELD_COUNT; i++)
		assert_true(proven[i]);
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
	};
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct field_case c = {FIELD_SPAN_NAME, names[i], NULL};
		struct buf body = BUF_INIT;
		put_field_request(&body, &c);
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		if (!slice_equal(chunk_slice(chunk), buf_slice(&body)))
			fail_msg("%s: changed", names[i]);
		chunk_unref(chunk);
		buf_fini(&body);
	}
	policy_fixture_fini(&f);
}

/* ---- options ---- */

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
	bool found = contains(chunk_slice(chunk), value);
	chunk_unref(chunk);
	return found;
}

static void identifiers_are_hashed_alike_or_kept(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{identifiers: hash, hash_key: secret}");
	/* printf alice | openssl dgst -sha256 -hmac secret */
	struct chunk *chunk = run_attr(&f, "user.id", "alice", false);
	assert_true(contains(chunk_slice(chunk), "4360c67bc81025114044578d7c4e8e0f"));
	assert_false(contains(chunk_slice(chunk), "alice"));
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
	policy_fixture_init(&f, "{max_value_bytes: 100}");
	memset(value, 'v', sizeof(value));
	memcpy(value + 99, "\xc3\xa9", 2); /* a character across the bound */
	value[299] = 0;
	struct chunk *chunk = run_attr(&f, "app.note", value, false);
	value[99] = 0;
	assert_true(contains(chunk_slice(chunk), value));
	assert_false(contains(chunk_slice(chunk), "\xc3"));
	chunk_unref(chunk);
	value[99] = '\xc3';
	chunk = run_attr(&f, "app.note", value, true);
	assert_false(contains(chunk_slice(chunk), "app.note"));
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
	const struct plant plant = {.key = "gen_ai.prompt",
				    .value = CANARY,
				    .slots = (1u << SLOT_COUNT) - 1,
				    .nested = true,
				    .model = true,
				    .unknown = true};
	put_request(&body, &plant);
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
	assert_false(contains(out, CANARY) || contains(out, "echo") ||
		     contains(out, "gen_ai.user.message"));
	assert_true(contains(out, "gen_ai.usage.prompt_tokens") && contains(out, SURVIVOR "1") &&
		    contains(out, SURVIVOR "2") && contains(out, "langfuse.prompt.version"));
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
	assert_false(contains(chunk_slice(chunk), CANARY));
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
		cmocka_unit_test(every_rule_is_proven_in_every_slot),
		cmocka_unit_test(every_field_is_proven),
		cmocka_unit_test(ordinary_names_and_fields_pass_unchanged),
		cmocka_unit_test(identifiers_are_hashed_alike_or_kept),
		cmocka_unit_test(allow_is_stronger_than_the_table_and_deny_than_allow),
		cmocka_unit_test(bare_names_go_on_model_calls_alone),
		cmocka_unit_test(sizes_stay_only_as_numbers),
		cmocka_unit_test(long_keys_go),
		cmocka_unit_test(large_values_are_cut_or_go),
		cmocka_unit_test(a_dry_run_counts_and_changes_nothing),
		cmocka_unit_test(a_failed_chat_leaves_its_figures_and_nothing_said),
		cmocka_unit_test(a_name_that_quotes_a_removed_text_goes),
		cmocka_unit_test(keys_that_cannot_be_judged_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
