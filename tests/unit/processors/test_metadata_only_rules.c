/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof of the policy, in process: this test reads the table that the processor runs by, plants a
 * canary for every key of every row wherever the row says that it applies, nested and unknown fields
 * included, and searches the bytes that leave. Rows that keep have survivors planted instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/pattern/regex.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/policy_plant.h"
#include "tests/support/trace_proto.h"

#define CANARY "CANARY-7e1f"
#define SURVIVOR "SURVIVOR-90b3"

/* Runs the plant through ${f}: whether ${text} is in what leaves. The output must decode. */
static bool leaves(struct policy_fixture *f, const struct policy_plant *plant, const char *text)
{
	struct buf body = BUF_INIT;
	policy_plant_put(&body, plant);
	struct chunk *chunk = policy_fixture_run(f, buf_slice(&body));
	assert_non_null(chunk);
	trace_tree *tree = trace_tree_parse(chunk_slice(chunk));
	assert_non_null(tree);
	trace_request_free(tree);
	bool found = policy_holds(chunk_slice(chunk), text);
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
		struct policy_plant plant = {
			.key = key,
			.value = value,
			.slots = 1u << slot,
			.mark = proof->row->when != WHEN_ALWAYS ? "gen_ai.system" : NULL,
			.unknown = slot % 2 == 0 ? CANARY : NULL};
		if (proof->row->when == WHEN_MODEL_EVENT)
			plant.event_name = "gen_ai.other";
		if ((proof->row->slots >> slot & 1) && leaves(fixture_of(proof), &plant, CANARY))
			fail_row(proof, key, "leaves");
	}
	const struct policy_plant nested = {
		.key = key, .value = value, .nested = true, .unknown = CANARY};
	if (leaves(fixture_of(proof), &nested, CANARY))
		fail_row(proof, key, "leaves in a nested value");
}

static void prove_kept(struct proof *proof, const char *key)
{
	const bool number = proof->row->action == ACTION_KEEP_NUMBER;
	struct policy_plant plant = {.key = key,
				     .value = number ? "9071253" : SURVIVOR,
				     .slots = POLICY_EVERYWHERE,
				     .mark = "gen_ai.system"};
	if (!leaves(fixture_of(proof), &plant, plant.value))
		fail_row(proof, key, "does not survive");
	if (!leaves(&proof->strict, &plant, plant.value))
		fail_row(proof, key, "does not survive mode strict");
}

static void prove_event(struct proof *proof, const char *name)
{
	struct policy_plant plant = {
		.key = "harmless", .value = CANARY, .slots = 1 << SLOT_EVENT, .event_name = name};
	if (leaves(fixture_of(proof), &plant, CANARY) || leaves(fixture_of(proof), &plant, name))
		fail_row(proof, name, "leaves as an event");
}

/* The key alone makes a bare name one of content. */
static void prove_mark(struct proof *proof, const char *key)
{
	const struct policy_plant plant = {
		.key = "query", .value = CANARY, .slots = 1 << SLOT_SPAN, .mark = key};
	if (leaves(&proof->denylist, &plant, CANARY))
		fail_row(proof, key, "does not tell a model call");
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
	assert_true(policy_row_count >= POLICY_SOURCE_ROWS);
	assert_int_equal(proven, policy_row_count);
	regex_scratch_fini(&proof.scratch);
	policy_fixture_fini(&proof.denylist);
	policy_fixture_fini(&proof.strict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_is_proven_in_every_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
