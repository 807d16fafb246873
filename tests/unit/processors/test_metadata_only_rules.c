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
#define HIDING "identifiers: drop, content_references: drop"

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
	struct policy_fixture shape, denylist, strict; /* identifiers and references go */
	struct policy_fixture keeping, keeping_strict;
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

enum { REMOVING = 3 };

/* The fixture number ${at} of those in which the row removes; NULL: not in that one. */
static struct policy_fixture *removing(struct proof *proof, unsigned at)
{
	struct policy_fixture *const all[REMOVING] = {&proof->strict, &proof->shape,
						      &proof->denylist};
	return at > 0 && proof->row->when == WHEN_STRICT ? NULL : all[at];
}

static void prove_removed_in(struct proof *proof, struct policy_fixture *f, const char *key,
			     const char *value)
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
		if ((proof->row->slots >> slot & 1) && leaves(f, &plant, CANARY))
			fail_row(proof, key, "leaves");
	}
	const struct policy_plant nested = {
		.key = key, .value = value, .nested = true, .unknown = CANARY};
	if (leaves(f, &nested, CANARY))
		fail_row(proof, key, "leaves in a nested value");
}

static void prove_removed(struct proof *proof, const char *key, const char *value)
{
	for (unsigned i = 0; i < REMOVING; i++) {
		struct policy_fixture *f = removing(proof, i);
		if (f)
			prove_removed_in(proof, f, key, value);
	}
}

static void prove_kept(struct proof *proof, const char *key)
{
	const bool number = proof->row->action == ACTION_KEEP_NUMBER;
	const bool known = proof->row->action == ACTION_KNOWN;
	struct policy_plant plant = {
		.key = key,
		.value = policy_form_value(number ? FORM_NUMBER
						  : (enum policy_form)proof->row->form),
		.slots = POLICY_EVERYWHERE,
		.mark = "gen_ai.system"};
	if (!leaves(known ? &proof->keeping : &proof->shape, &plant, plant.value))
		fail_row(proof, key, "does not survive");
	if (!known && !leaves(&proof->denylist, &plant, plant.value))
		fail_row(proof, key, "does not survive mode denylist");
	if (!leaves(known ? &proof->keeping_strict : &proof->strict, &plant, plant.value))
		fail_row(proof, key, "does not survive mode strict");
	/* Under a key that is kept a sentence is a sentence. */
	plant.value = CANARY " is what my doctor wrote to me about my illness, and more than that";
	if (!number && leaves(&proof->shape, &plant, CANARY) && proof->row->form != FORM_LINE)
		fail_row(proof, key, "keeps a sentence");
}

static void prove_event(struct proof *proof, const char *name)
{
	struct policy_plant plant = {
		.key = "harmless", .value = CANARY, .slots = 1 << SLOT_EVENT, .event_name = name};
	for (unsigned i = 0; i < REMOVING; i++) {
		struct policy_fixture *f = removing(proof, i);
		if (leaves(f, &plant, CANARY) || leaves(f, &plant, name))
			fail_row(proof, name, "leaves as an event");
	}
}

/* The key alone makes a bare name one of content. */
static void prove_mark(struct proof *proof, const char *key)
{
	const struct policy_plant plant = {
		.key = "query", .value = CANARY, .slots = 1 << SLOT_SPAN, .mark = key};
	if (leaves(&proof->shape, &plant, CANARY) || leaves(&proof->denylist, &plant, CANARY))
		fail_row(proof, key, "does not tell a model call");
}

/* Not inside a map: there it is what its shape says. */
static void prove_reference(struct proof *proof, const char *key)
{
	const struct policy_plant plant = {
		.key = key, .value = "s3://bucket/" CANARY, .slots = POLICY_EVERYWHERE};
	if (!leaves(&proof->keeping, &plant, CANARY))
		fail_row(proof, key, "is no reference that stays");
	if (leaves(&proof->shape, &plant, CANARY) || leaves(&proof->strict, &plant, CANARY))
		fail_row(proof, key, "leaves");
}

static void prove_key(struct proof *proof, const char *key)
{
	switch ((enum policy_action)proof->row->action) {
	case ACTION_KEEP:
	case ACTION_KEEP_NUMBER:
	case ACTION_KNOWN: prove_kept(proof, key); return;
	case ACTION_DROP:
	case ACTION_REPLACE:
	case ACTION_IDENTIFY: prove_removed(proof, key, "so " CANARY); return;
	case ACTION_REFERENCE: prove_reference(proof, key); return;
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
	policy_fixture_init(&proof.shape, "{" HIDING "}");
	policy_fixture_init(&proof.denylist, "{mode: denylist, " HIDING "}");
	policy_fixture_init(&proof.strict, "{mode: strict, " HIDING "}");
	policy_fixture_init(&proof.keeping, "{}");
	policy_fixture_init(&proof.keeping_strict, "{mode: strict}");
	assert_non_null(proof.shape.self);
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
	policy_fixture_fini(&proof.shape);
	policy_fixture_fini(&proof.denylist);
	policy_fixture_fini(&proof.strict);
	policy_fixture_fini(&proof.keeping);
	policy_fixture_fini(&proof.keeping_strict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_is_proven_in_every_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
