/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a request's ids goes with its chunks to the exporter: a batch whose ids are all
 * usable is never indexed there; one with others loses those spans alone. */
#include "exporters/langfuse/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/builder.h"
#include "pipeline/trace/otlp/encode.h"

enum id_case {
	USABLE = 0,
	WITH_PARENT,
	LAST_BYTE_ALONE,
	ZERO_PARENT, /* stays, without it */
	NO_TRACE_ID,
	ZERO_TRACE_ID,
	NO_SPAN_ID,
	ZERO_SPAN_ID,
	ID_CASE_COUNT
};

static const struct {
	struct slice trace_id, span_id, parent;
	bool usable;
	uint32_t left_out;
} cases[] = {
	[USABLE] = {SLICE_INIT("0123456789abcdef"), SLICE_INIT("01234567"), SLICE_INIT(""), true,
		    0},
	[WITH_PARENT] = {SLICE_INIT("0123456789abcdef"), SLICE_INIT("01234567"),
			 SLICE_INIT("76543210"), true, 0},
	[LAST_BYTE_ALONE] = {SLICE_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
			     SLICE_INIT("\0\0\0\0\0\0\0\1"), SLICE_INIT("\1\0\0\0\0\0\0\0"), true,
			     0},
	[ZERO_PARENT] = {SLICE_INIT("0123456789abcdef"), SLICE_INIT("01234567"),
			 SLICE_INIT("\0\0\0\0\0\0\0\0"), false, 0},
	[NO_TRACE_ID] = {SLICE_INIT(""), SLICE_INIT("01234567"), SLICE_INIT(""), false, 1},
	[ZERO_TRACE_ID] = {SLICE_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), SLICE_INIT("01234567"),
			   SLICE_INIT(""), false, 1},
	[NO_SPAN_ID] = {SLICE_INIT("0123456789abcdef"), SLICE_INIT(""), SLICE_INIT(""), false, 1},
	[ZERO_SPAN_ID] = {SLICE_INIT("0123456789abcdef"), SLICE_INIT("\0\0\0\0\0\0\0\0"),
			  SLICE_INIT(""), false, 1},
};

struct fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view;
	void *langfuse;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct err err;
	budget_init(&f.budget, UINT64_MAX);
	f.keys = key_table_new();
	assert_int_equal(key_table_freeze(f.keys, &err), 0);
	f.view = view_new(&f.budget, f.keys);
	f.langfuse = otlp_dialect_langfuse.create(&f.budget, f.keys);
	assert_non_null(f.view);
	assert_non_null(f.langfuse);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	otlp_dialect_langfuse.destroy(f->langfuse);
	view_free(f->view);
	key_table_free(f->keys);
	assert_int_equal(budget_used(&f->budget), 0);
	return 0;
}

/* A request with a usable span and one of ${which}, as a receiver leaves it: nothing is known. */
static struct chunk *received(struct fixture *f, enum id_case which)
{
	const enum id_case spans[] = {USABLE, which};
	struct trace_builder builder;
	struct err err;
	trace_builder_init(&builder, &f->budget);
	trace_builder_begin(&builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(&builder, RESOURCE_SPANS_SCOPE_SPANS);
	for (size_t i = 0; i < ARRAY_COUNT(spans); i++) {
		trace_builder_begin(&builder, SCOPE_SPANS_SPANS);
		trace_builder_text(&builder, SPAN_TRACE_ID, cases[spans[i]].trace_id);
		trace_builder_text(&builder, SPAN_SPAN_ID, cases[spans[i]].span_id);
		trace_builder_text(&builder, SPAN_PARENT_SPAN_ID, cases[spans[i]].parent);
		trace_builder_end(&builder);
	}
	struct chunk *chunk = trace_builder_take(&builder, ARRAY_COUNT(spans), &err);
	assert_non_null(chunk);
	assert_false(chunk->ids_usable);
	return chunk;
}

static struct chunk *indexed(struct fixture *f, enum id_case which)
{
	struct err err;
	struct chunk *chunk = received(f, which);
	assert_int_equal(view_open(f->view, chunk_slice(chunk), &err), 0);
	view_describe(f->view, view_span_count(f->view), chunk);
	view_close(f->view);
	return chunk;
}

static struct batch *batch_of(struct fixture *f, struct chunk *first, struct chunk *second)
{
	struct batch *batch = batch_new(&f->budget);
	assert_non_null(batch);
	assert_true(batch_append(batch, first));
	if (second)
		assert_true(batch_append(batch, second));
	chunk_unref(first);
	chunk_unref(second);
	return batch;
}

static void the_index_knows_which_ids_are_usable(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < ID_CASE_COUNT; i++) {
		struct chunk *chunk = indexed(f, (enum id_case)i);
		assert_int_equal(chunk->ids_usable, cases[i].usable);
		assert_int_equal(chunk->span_count, 2);
		assert_true(chunk->index_bytes > 0);
		chunk_unref(chunk);
	}
}

static void an_encoded_request_says_what_its_edits_made_of_the_ids(void **state)
{
	static const struct {
		enum id_case received;
		struct slice parent;
		bool usable;
	} edits[] = {
		{USABLE, SLICE_INIT("76543210"), true},
		{USABLE, SLICE_INIT("\0\0\0\0\0\0\0\0"), false},
		{WITH_PARENT, SLICE_INIT(""), true},
		{ZERO_SPAN_ID, SLICE_INIT("76543210"), false},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(edits); i++) {
		struct err err;
		struct chunk *body = received(f, edits[i].received), *encoded;
		assert_int_equal(view_open(f->view, chunk_slice(body), &err), 0);
		edit_set_span_parent(f->view, 1, edits[i].parent);
		assert_int_equal(trace_encode(f->view, &f->budget, &encoded, &err), 0);
		assert_int_equal(encoded->ids_usable, edits[i].usable);
		/* Another run over the same request begins anew. */
		assert_int_equal(view_begin(f->view, &err), 0);
		view_describe(f->view, 2, body);
		assert_int_equal(body->ids_usable, cases[edits[i].received].usable);
		view_close(f->view);
		chunk_unref(encoded);
		chunk_unref(body);
	}
}

static void a_batch_is_usable_when_all_its_chunks_are(void **state)
{
	static const struct {
		enum id_case first, second;
		bool usable;
	} pairs[] = {
		{USABLE, WITH_PARENT, true},
		{USABLE, NO_SPAN_ID, false},
		{ZERO_PARENT, USABLE, false},
		{ZERO_TRACE_ID, ZERO_TRACE_ID, false},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		struct batch *batch =
			batch_of(f, indexed(f, pairs[i].first), indexed(f, pairs[i].second));
		struct chunk *whole = batch_flatten(batch);
		assert_int_equal(batch->ids_usable, pairs[i].usable);
		assert_int_equal(whole->ids_usable, pairs[i].usable);
		/* What is gathered in a chunk of the batch's own, too. */
		assert_int_equal(batch->chunks[1]->ids_usable, cases[pairs[i].second].usable);
		chunk_unref(whole);
		batch_unref(batch);
	}
}

static void a_batch_with_usable_ids_is_not_looked_at(void **state)
{
	struct fixture *f = *state;
	for (int usable = 0; usable < 2; usable++) {
		/* No request at all: whoever looks at it fails. */
		struct chunk *chunk = chunk_new(&f->budget, 1);
		struct otlp_body body = {0};
		struct err err;
		assert_true(chunk_append(chunk, SLICE("\x0a")));
		chunk->span_count = 1;
		chunk->ids_usable = usable;
		struct batch *batch = batch_of(f, chunk, NULL);
		assert_int_equal(otlp_dialect_langfuse.make(f->langfuse, batch, &body, &err),
				 usable ? 0 : -1);
		assert_null(body.chunk);
		assert_int_equal(body.left_out, 0);
		if (!usable)
			assert_int_equal(err.kind, ERR_DECODE);
		batch_unref(batch);
	}
}

static void what_langfuse_would_refuse_is_left_out_and_no_more(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < ID_CASE_COUNT; i++) {
		struct batch *batch = batch_of(f, indexed(f, (enum id_case)i), NULL);
		struct otlp_body body = {0};
		struct err err;
		assert_int_equal(otlp_dialect_langfuse.make(f->langfuse, batch, &body, &err), 0);
		assert_int_equal(body.left_out, cases[i].left_out);
		assert_int_equal(body.chunk == NULL, cases[i].usable);
		if (body.chunk) {
			assert_int_equal(body.chunk->span_count, 2 - cases[i].left_out);
			assert_int_equal(view_open_chunk(f->view, body.chunk, &err), 0);
			view_describe(f->view, view_span_count(f->view), body.chunk);
			assert_true(body.chunk->ids_usable);
			view_close(f->view);
		}
		chunk_unref(body.chunk);
		batch_unref(batch);
	}
}

/* Chunks that nobody has looked at are, and go out as they are when nothing is wrong with them. */
static void a_batch_of_unknown_ids_is_looked_at(void **state)
{
	struct fixture *f = *state;
	struct batch *batch = batch_of(f, received(f, WITH_PARENT), NULL);
	struct otlp_body body = {0};
	struct err err;
	assert_false(batch->ids_usable);
	assert_int_equal(otlp_dialect_langfuse.make(f->langfuse, batch, &body, &err), 0);
	assert_null(body.chunk);
	assert_int_equal(body.left_out, 0);
	batch_unref(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_knows_which_ids_are_usable),
		cmocka_unit_test(an_encoded_request_says_what_its_edits_made_of_the_ids),
		cmocka_unit_test(a_batch_is_usable_when_all_its_chunks_are),
		cmocka_unit_test(a_batch_with_usable_ids_is_not_looked_at),
		cmocka_unit_test(what_langfuse_would_refuse_is_left_out_and_no_more),
		cmocka_unit_test(a_batch_of_unknown_ids_is_looked_at),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
