/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting: nothing lost, nothing twice, bounds kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/encode.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

enum { PIECES_MAX = 2048, ROUNDS = 5000 };

struct fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_index index, piece_index;
	struct trace_view *view;
	struct buf body;
	struct chunk *pieces[PIECES_MAX];
	unsigned piece_count;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct err err;
	budget_init(&f.budget, UINT64_MAX);
	f.keys = key_table_new();
	assert_int_equal(key_table_freeze(f.keys, &err), 0);
	trace_index_init(&f.piece_index, &f.budget, f.keys);
	f.view = view_new(&f.budget, f.keys);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	view_free(f->view);
	trace_index_fini(&f->piece_index);
	key_table_free(f->keys);
	buf_fini(&f->body);
	assert_int_equal(budget_used(&f->budget), 0);
	return 0;
}

static void take_piece(void *arg, struct chunk *piece)
{
	struct fixture *f = arg;
	assert_in_range(f->piece_count, 0, PIECES_MAX - 1);
	f->pieces[f->piece_count++] = piece;
}

static void drop_pieces(struct fixture *f)
{
	for (unsigned i = 0; i < f->piece_count; i++)
		chunk_unref(f->pieces[i]);
	f->piece_count = 0;
}

static void split(struct fixture *f, size_t bytes_max, uint32_t spans_max)
{
	struct err err;
	uint32_t taken;
	drop_pieces(f);
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	assert_int_equal(
		trace_split(f->view, &f->budget, bytes_max, spans_max, take_piece, f, &taken, &err),
		0);
	assert_int_equal(taken, f->view->index.span_count);
}

/* What stands around a span: packed resource and scope with their schema URLs. */
static void append_surroundings(struct buf *out, const Otlp__ResourceSpans *resource,
				const Otlp__ScopeSpans *scope)
{
	Otlp__ResourceSpans around;
	Otlp__ScopeSpans inner;
	Otlp__ScopeSpans *inner_at = &inner;
	otlp__resource_spans__init(&around);
	otlp__scope_spans__init(&inner);
	around.resource = resource->resource;
	around.schema_url = resource->schema_url;
	inner.scope = scope->scope;
	inner.schema_url = scope->schema_url;
	around.scope_spans = &inner_at;
	around.n_scope_spans = 1;
	size_t len = otlp__resource_spans__get_packed_size(&around);
	uint8_t *bytes = test_malloc(len + 1);
	(void)otlp__resource_spans__pack(&around, bytes);
	tw_bytes(out, 1, slice_of(bytes, len));
	test_free(bytes);
}

/* All spans of ${body} in order, each with what stands around it; unknown container fields not. */
static void flatten(struct buf *out, struct slice body)
{
	trace_tree *tree = trace_tree_parse(body);
	assert_non_null(tree);
	for (size_t r = 0; r < tree->n_resource_spans; r++) {
		const Otlp__ResourceSpans *resource = tree->resource_spans[r];
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			const Otlp__ScopeSpans *scope = resource->scope_spans[s];
			for (size_t i = 0; i < scope->n_spans; i++) {
				size_t len = otlp__span__get_packed_size(scope->spans[i]);
				uint8_t *bytes = test_malloc(len + 1);
				(void)otlp__span__pack(scope->spans[i], bytes);
				append_surroundings(out, resource, scope);
				tw_bytes(out, 2, slice_of(bytes, len));
				test_free(bytes);
			}
		}
	}
	trace_request_free(tree);
}

/* Bytes of fields that the schema does not know in the containers of ${tree} that have spans. */
static size_t unknown_bytes(const ProtobufCMessage *message)
{
	size_t bytes = 0;
	for (size_t i = 0; i < message->n_unknown_fields; i++)
		bytes += message->unknown_fields[i].len;
	return bytes;
}

static size_t container_unknown_bytes(struct slice body)
{
	trace_tree *tree = trace_tree_parse(body);
	size_t bytes = unknown_bytes(&tree->base);
	for (size_t r = 0; r < tree->n_resource_spans; r++) {
		const Otlp__ResourceSpans *resource = tree->resource_spans[r];
		size_t spans = 0;
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			spans += resource->scope_spans[s]->n_spans;
			if (resource->scope_spans[s]->n_spans > 0)
				bytes += unknown_bytes(&resource->scope_spans[s]->base);
		}
		if (spans > 0)
			bytes += unknown_bytes(&resource->base);
	}
	trace_request_free(tree);
	return bytes;
}

static void assert_pieces_are_the_request(struct fixture *f, size_t bytes_max, uint32_t spans_max)
{
	struct buf whole = BUF_INIT, joined = BUF_INIT;
	struct err err;
	size_t unknown = 0;
	flatten(&whole, f->view->index.body);
	for (unsigned i = 0; i < f->piece_count; i++) {
		struct chunk *piece = f->pieces[i];
		flatten(&joined, chunk_slice(piece));
		unknown += container_unknown_bytes(chunk_slice(piece));
		assert_int_equal(trace_index_build(&f->piece_index, chunk_slice(piece), &err), 0);
		assert_int_equal(piece->span_count, f->piece_index.span_count);
		assert_true(piece->span_count > 0);
		assert_true(spans_max == 0 || piece->span_count <= spans_max);
		assert_true(bytes_max == 0 || piece->len <= bytes_max || piece->span_count == 1);
	}
	assert_true(slice_equal(buf_slice(&whole), buf_slice(&joined)));
	assert_int_equal(unknown, f->view->index.span_count > 0
					  ? container_unknown_bytes(f->view->index.body)
					  : 0);
	buf_fini(&whole);
	buf_fini(&joined);
}

static void pieces_of_random_requests_make_up_the_request(void **state)
{
	struct fixture *f = *state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		buf_reset(&f->body);
		random_request(&shape, &f->body);
		size_t bytes_max = tw_below(&shape.rng, 3) ? 1 + tw_below(&shape.rng, 2000) : 0;
		uint32_t spans_max = tw_below(&shape.rng, 3) ? 1 + tw_below(&shape.rng, 4) : 0;
		split(f, bytes_max, spans_max);
		assert_pieces_are_the_request(f, bytes_max, spans_max);
	}
	drop_pieces(f);
}

static void a_request_that_fits_is_one_piece_as_received(void **state)
{
	struct fixture *f = *state;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 100, 1);
	split(f, f->body.len, 100);
	assert_int_equal(f->piece_count, 1);
	assert_true(slice_equal(chunk_slice(f->pieces[0]), buf_slice(&f->body)));
	drop_pieces(f);
}

static void pieces_are_filled_to_their_bounds(void **state)
{
	struct fixture *f = *state;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 1000, 1);
	payload_append(&f->body, PAYLOAD_G, 1000, 2);
	split(f, 0, 300);
	assert_int_equal(f->piece_count, 7);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(f->pieces[i]->span_count, 300);
		/* what an index of it takes: batches are bounded by it */
		assert_true(f->pieces[i]->index_bytes >= 300 * sizeof(struct span_entry));
	}
	assert_pieces_are_the_request(f, 0, 300);
	split(f, 100000, 0);
	for (unsigned i = 0; i + 1 < f->piece_count; i++)
		assert_in_range(f->pieces[i]->len, 98500, 100000);
	assert_pieces_are_the_request(f, 100000, 0);
	drop_pieces(f);
}

static void a_span_over_the_bound_goes_alone(void **state)
{
	struct fixture *f = *state;
	struct buf spans = BUF_INIT, large = BUF_INIT;
	for (unsigned i = 0; i < 5000; i++)
		buf_append_byte(&large, 'x');
	for (unsigned i = 0; i < 9; i++) {
		size_t span = tw_open(&spans, SCOPE_SPANS_SPANS);
		tw_bytes(&spans, SPAN_NAME, i == 4 ? buf_slice(&large) : SLICE("small"));
		tw_close(&spans, span);
	}
	buf_reset(&f->body);
	size_t resource = tw_open(&f->body, EXPORT_REQUEST_RESOURCE_SPANS);
	tw_bytes(&f->body, RESOURCE_SPANS_SCOPE_SPANS, buf_slice(&spans));
	tw_close(&f->body, resource);
	split(f, 1000, 0);
	assert_int_equal(f->piece_count, 3);
	assert_int_equal(f->pieces[0]->span_count, 4);
	assert_int_equal(f->pieces[1]->span_count, 1);
	assert_int_equal(f->pieces[2]->span_count, 4);
	assert_pieces_are_the_request(f, 1000, 0);
	drop_pieces(f);
	buf_fini(&spans);
	buf_fini(&large);
}

static void a_request_without_spans_gives_no_piece(void **state)
{
	struct fixture *f = *state;
	buf_reset(&f->body);
	buf_append(&f->body, SLICE("\x0a\x02\x12\x00"));
	split(f, 1, 1);
	assert_int_equal(f->piece_count, 0);
}

static void memory_shortage_says_how_many_spans_were_taken(void **state)
{
	struct fixture *f = *state;
	struct budget small;
	struct err err;
	uint32_t taken;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 100, 1);
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	budget_init(&small, 10000);
	assert_int_equal(trace_split(f->view, &small, 0, 20, take_piece, f, &taken, &err), -1);
	assert_int_equal(err.kind, ERR_NOMEM);
	assert_int_equal(taken, 20 * f->piece_count);
	assert_true(taken > 0 && taken < 100);
	drop_pieces(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_random_requests_make_up_the_request),
		cmocka_unit_test(a_request_that_fits_is_one_piece_as_received),
		cmocka_unit_test(pieces_are_filled_to_their_bounds),
		cmocka_unit_test(a_span_over_the_bound_goes_alone),
		cmocka_unit_test(a_request_without_spans_gives_no_piece),
		cmocka_unit_test(memory_shortage_says_how_many_spans_were_taken),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
