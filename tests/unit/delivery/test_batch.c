/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: what is referenced and what is copied, the bytes, and that they are compressed once. */
#include "tests/support/delivery_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pthread.h>
#include <cmocka.h>

static int setup(void **state)
{
	static struct delivery_fixture fixture;
	delivery_fixture_open(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	delivery_fixture_close(*state); /* every byte was given back */
	return 0;
}

static struct chunk *text_chunk(struct delivery_fixture *fixture, char letter, size_t len)
{
	struct chunk *chunk = chunk_new(&fixture->budget, len);
	assert_non_null(chunk);
	memset(chunk->data, letter, len);
	chunk->len = len;
	chunk->span_count = 1;
	return chunk;
}

/* Appends ${count} chunks of ${len} bytes: a, b, c … */
static void append(struct delivery_fixture *fixture, struct batch *batch, size_t count, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		struct chunk *chunk =
			text_chunk(fixture, (char)('a' + (batch->span_count % 26)), len);
		assert_true(batch_append(batch, chunk));
		chunk_unref(chunk);
	}
}

static void the_body_is_what_was_appended_in_order(void **state)
{
	static const struct {
		size_t count, len, chunks;
	} cases[] = {
		{1, 10, 1},    /* alone: as it is */
		{2, 10, 2},    /* the second begins to gather */
		{100, 600, 2}, /* 99 of them in 64 KiB */
		{200, 600, 3}, /* and the rest in another */
		{3, 16384, 3}, /* large ones are referenced */
		{5, 16383, 2}, /* four to a gathering chunk */
		{1, 1000000, 1},
	};
	struct delivery_fixture *fixture = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct batch *batch = batch_new(&fixture->budget);
		append(fixture, batch, cases[i].count, cases[i].len);
		assert_int_equal(batch->chunk_count, cases[i].chunks);
		assert_int_equal(batch->bytes, cases[i].count * cases[i].len);
		assert_int_equal(batch->span_count, cases[i].count);
		struct chunk *whole = batch_flatten(batch);
		assert_int_equal(whole->len, batch->bytes);
		assert_int_equal(whole->span_count, batch->span_count);
		for (size_t at = 0; at < whole->len; at++)
			assert_int_equal(whole->data[at], 'a' + (at / cases[i].len) % 26);
		assert_int_equal(whole == batch->chunks[0], batch->chunk_count == 1);
		chunk_unref(whole);
		batch_unref(batch);
	}
}

/* A chunk that somebody else reads is never written behind. */
static void what_others_hold_is_not_touched(void **state)
{
	struct delivery_fixture *fixture = *state;
	struct chunk *shared = chunk_new(&fixture->budget, 65536); /* as large as a gathering one */
	assert_true(chunk_append(shared, SLICE("shared")));
	struct batch *batch = batch_new(&fixture->budget);
	assert_true(batch_append(batch, shared));
	append(fixture, batch, 1, 10);
	assert_int_equal(shared->len, 6);
	assert_int_equal(batch->chunk_count, 2);
	chunk_unref(shared);
	/* The caller's reference is gone now, so the chunk looks like one of the batch's own. */
	append(fixture, batch, 1, 10);
	struct chunk *whole = batch_flatten(batch);
	assert_int_equal(whole->len, 26);
	assert_memory_equal(whole->data, "shared", 6);
	chunk_unref(whole);
	batch_unref(batch);
}

static void without_memory_nothing_changes(void **state)
{
	struct delivery_fixture *fixture = *state;
	struct batch *batch = batch_new(&fixture->budget);
	append(fixture, batch, 1, 100);
	struct chunk *chunk = text_chunk(fixture, 'x', 100);
	atomic_store(&fixture->budget.limit, budget_used(&fixture->budget) + 1000);
	assert_false(batch_append(batch, chunk));
	assert_int_equal(batch->bytes, 100);
	assert_int_equal(batch->span_count, 1);
	assert_int_equal(batch->chunk_count, 1);
	atomic_store(&fixture->budget.limit, UINT64_MAX);
	assert_true(batch_append(batch, chunk));
	chunk_unref(chunk);
	batch_unref(batch);
}

struct compressor {
	struct batch *batch;
	const struct chunk *coded;
};

static void *compress(void *arg)
{
	struct compressor *compressor = arg;
	struct coder *coder = coder_new();
	struct chunk *const *parts;
	struct err err;
	size_t count;
	if (coder &&
	    batch_body(compressor->batch, CODING_GZIP, coder, NULL, &parts, &count, &err) == 0)
		compressor->coded = parts[0];
	coder_free(coder);
	return NULL;
}

static void all_who_want_a_coding_share_one_compressed_body(void **state)
{
	enum { THREADS = 4 };
	struct delivery_fixture *fixture = *state;
	struct batch *batch = batch_new(&fixture->budget);
	append(fixture, batch, 50, 20000);
	struct compressor compressors[THREADS];
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) {
		compressors[i] = (struct compressor){.batch = batch};
		assert_int_equal(pthread_create(&threads[i], NULL, compress, &compressors[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_non_null(compressors[0].coded);
	for (int i = 1; i < THREADS; i++)
		assert_ptr_equal(compressors[i].coded, compressors[0].coded);
	assert_true(compressors[0].coded->len < batch->bytes / 10);
	/* Identity needs no copy at all. */
	struct chunk *const *parts;
	struct err err;
	size_t count;
	assert_int_equal(batch_body(batch, CODING_IDENTITY, NULL, NULL, &parts, &count, &err), 0);
	assert_ptr_equal(parts, batch->chunks);
	assert_int_equal(count, 50);
	batch_unref(batch);
}

static void compressing_without_memory_can_be_tried_again(void **state)
{
	struct delivery_fixture *fixture = *state;
	struct batch *batch = batch_new(&fixture->budget);
	struct coder *coder = coder_new();
	struct chunk *const *parts;
	struct err err;
	size_t count;
	append(fixture, batch, 5, 20000);
	atomic_store(&fixture->budget.limit, budget_used(&fixture->budget));
	assert_int_equal(batch_body(batch, CODING_GZIP, coder, NULL, &parts, &count, &err), -1);
	assert_int_equal(err.kind, ERR_NOMEM);
	atomic_store(&fixture->budget.limit, UINT64_MAX);
	assert_int_equal(batch_body(batch, CODING_GZIP, coder, NULL, &parts, &count, &err), 0);
	assert_int_equal(count, 1);
	coder_free(coder);
	batch_unref(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_body_is_what_was_appended_in_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_others_hold_is_not_touched, setup, teardown),
		cmocka_unit_test_setup_teardown(without_memory_nothing_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(all_who_want_a_coding_share_one_compressed_body,
						setup, teardown),
		cmocka_unit_test_setup_teardown(compressing_without_memory_can_be_tried_again,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
