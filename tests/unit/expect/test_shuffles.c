/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes, passes however it comes: each fixture under seeded shuffles of order, batching and
 * repeated delivery, asked in between, with its expectations (tests/fixtures/expect/).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/hash.h"
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/expect_fixture.h"
#include "tests/support/llmd_fixtures.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHUFFLES = 1000, SPANS_MAX = 64, FILE_BYTES_MAX = 64 << 10 };

static const struct {
	enum llmd_fixture which;
	const char *file;
} cases[] = {
	{FIXTURE_A, "a"}, {FIXTURE_A5, "a"}, {FIXTURE_B, "b"},
	{FIXTURE_C, "c"}, {FIXTURE_D, "d"},  {FIXTURE_E, "e"},
};

static uint64_t next_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return hash_fold(*state, UINT64_C(0xd6e8feb86659fd93));
}

static char *read_expectations(const char *name)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "tests/fixtures/expect/%s.yaml", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	char *text = calloc(1, FILE_BYTES_MAX);
	assert_non_null(text);
	assert_true(fread(text, 1, FILE_BYTES_MAX - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

/* ---- single spans --------------------------------------------------------------------------- */

struct pieces {
	struct chunk *at[SPANS_MAX];
	size_t count;
};

static void take(void *arg, struct chunk *piece)
{
	struct pieces *pieces = arg;
	assert_true(pieces->count < SPANS_MAX);
	pieces->at[pieces->count++] = piece;
}

static void take_apart(struct expect_fixture *fixture, enum llmd_fixture which,
		       struct pieces *pieces)
{
	struct example_requests requests;
	uint32_t taken;
	struct err err;
	pieces->count = 0;
	llmd_fixture_build(which, false, &fixture->budget, &requests);
	for (size_t i = 0; i < requests.count; i++) {
		assert_int_equal(view_open_chunk(fixture->view, requests.items[i], &err), 0);
		assert_int_equal(trace_split(fixture->view, &fixture->budget, SIZE_MAX, 1, take,
					     pieces, &taken, &err),
				 0);
		view_close(fixture->view);
	}
	example_requests_fini(&requests);
}

/* ---- one shuffle ---------------------------------------------------------------------------- */

static void shuffle(struct pieces *order, uint64_t *random)
{
	for (size_t i = order->count; i > 1; i--) {
		size_t other = next_random(random) % i;
		struct chunk *swapped = order->at[i - 1];
		order->at[i - 1] = order->at[other];
		order->at[other] = swapped;
	}
}

static void send_batch(struct expect_fixture *fixture, struct buf *batch)
{
	if (batch->len > 0)
		expect_fixture_add_body(fixture, buf_slice(batch));
	buf_reset(batch);
}

static void send_shuffled(struct expect_fixture *fixture, const struct pieces *pieces,
			  uint64_t seed)
{
	uint64_t random = seed;
	struct pieces order = *pieces;
	struct buf batch = BUF_INIT;
	struct err err;
	shuffle(&order, &random);
	for (size_t i = 0; i < order.count; i++) {
		buf_append(&batch, chunk_slice(order.at[i]));
		if (next_random(&random) % 8 == 0) /* delivered again, whichever came before */
			buf_append(&batch, chunk_slice(order.at[next_random(&random) % (i + 1)]));
		if (next_random(&random) % 4 == 0)
			send_batch(fixture, &batch);
		if (next_random(&random) % 16 == 0)
			assert_int_equal(judge_update(fixture->judge, fixture->buffer, &err), 0);
	}
	send_batch(fixture, &batch);
	buf_fini(&batch);
}

static void check_all_hold(struct expect_fixture *fixture, uint64_t seed)
{
	for (uint32_t i = 0; i < expect_count(fixture->expectations); i++) {
		const char *verdict = expect_fixture_verdict(fixture, i);
		if (strcmp(verdict, "holds") != 0)
			fail_msg("seed %u: %.*s: %s", (unsigned)seed,
				 SLICE_FMT(expect_head(fixture->expectations, i).title), verdict);
	}
	assert_true(judge_all_hold(fixture->judge));
}

static void what_holds_holds_in_any_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct expect_fixture fixture;
		struct pieces pieces;
		char *text = read_expectations(cases[i].file);
		if (!expect_fixture_load(&fixture, text, NULL))
			fail_msg("%s", expect_fixture_errors(&fixture));
		take_apart(&fixture, cases[i].which, &pieces);
		for (uint64_t seed = 0; seed < SHUFFLES; seed++) {
			send_shuffled(&fixture, &pieces, seed);
			check_all_hold(&fixture, seed);
			expect_fixture_forget(&fixture);
		}
		for (size_t at = 0; at < pieces.count; at++)
			chunk_unref(pieces.at[at]);
		expect_fixture_fini(&fixture);
		free(text);
	}
}

/* ---- what does not hold --------------------------------------------------------------------- */

/* Of a failure too, the report is the same in any order. */
static void a_failure_is_told_alike_in_any_order(void **state)
{
	static const enum llmd_fixture broken[] = {FIXTURE_A3, FIXTURE_A4, FIXTURE_A6};
	(void)state;
	char *text = read_expectations("a");
	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		struct expect_fixture fixture;
		struct pieces pieces;
		struct buf first = BUF_INIT, again = BUF_INIT;
		assert_true(expect_fixture_load(&fixture, text, NULL));
		take_apart(&fixture, broken[i], &pieces);
		for (uint64_t seed = 0; seed < SHUFFLES / 10; seed++) {
			struct buf *out = seed == 0 ? &first : &again;
			buf_reset(out);
			send_shuffled(&fixture, &pieces, seed);
			for (uint32_t at = 0; at < expect_count(fixture.expectations); at++)
				buf_printf(out, "%s\n", expect_fixture_verdict(&fixture, at));
			assert_false(judge_all_hold(fixture.judge));
			if (seed > 0)
				assert_string_equal(buf_cstr(&again), buf_cstr(&first));
			expect_fixture_forget(&fixture);
		}
		for (size_t at = 0; at < pieces.count; at++)
			chunk_unref(pieces.at[at]);
		buf_fini(&first);
		buf_fini(&again);
		expect_fixture_fini(&fixture);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_holds_in_any_order),
		cmocka_unit_test(a_failure_is_told_alike_in_any_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
