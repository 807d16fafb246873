/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding by windows and its refusals; whole requests under edits are in test_edit.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/encode.h"
#include "tests/support/edit_fixture.h"
#include "tests/support/trace_actions.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

enum { ROUNDS = 3000 };

static void begin(struct edit_fixture *f)
{
	struct err err;
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
}

/* Appends each span of the encoded ${body} after its packed resource and scope. */
static void append_spans(struct buf *out, struct slice body)
{
	trace_tree *tree = trace_tree_parse(body);
	assert_non_null(tree);
	for (size_t r = 0; r < tree->n_resource_spans; r++) {
		const Otlp__ResourceSpans *resource = tree->resource_spans[r];
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			const Otlp__ScopeSpans *scope = resource->scope_spans[s];
			for (size_t i = 0; i < scope->n_spans; i++) {
				const ProtobufCMessage *parts[] = {
					resource->resource ? &resource->resource->base : NULL,
					scope->scope ? &scope->scope->base : NULL,
					&scope->spans[i]->base};
				for (size_t p = 0; p < ARRAY_COUNT(parts); p++) {
					uint8_t bytes[1 << 16];
					size_t len = parts[p] ? protobuf_c_message_get_packed_size(
									parts[p])
							      : 0;
					assert_in_range(len, 0, sizeof(bytes));
					if (parts[p])
						(void)protobuf_c_message_pack(parts[p], bytes);
					tw_bytes(out, (uint32_t)p + 1, slice_of(bytes, len));
				}
			}
		}
	}
	trace_request_free(tree);
}

/* Encodes the window at exactly its measured size and returns its live spans. */
static uint32_t append_window(struct edit_fixture *f, struct span_window window, struct buf *spans)
{
	struct err err;
	struct encode_plan plan;
	assert_int_equal(trace_encode_measure(f->view, window, &plan, &err), 0);
	assert_int_equal(plan.bytes == 0, plan.spans == 0);
	uint8_t *out = test_malloc(plan.bytes + 1); /* overruns are found when freed */
	trace_encode_write(f->view, &plan, out);
	append_spans(spans, slice_of(out, plan.bytes));
	test_free(out);
	return plan.spans;
}

static void windows_of_an_edited_request_make_up_the_whole(void **state)
{
	struct edit_fixture *f = *state;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		struct buf whole = BUF_INIT, pieces = BUF_INIT;
		buf_reset(&f->body);
		random_request(&shape, &f->body);
		begin(f);
		for (uint32_t left = tw_below(&shape.rng, 16); left > 0; left--)
			random_action(f->view, NULL, &shape.rng);
		uint32_t count = f->view->index.span_count, live = 0;
		(void)append_window(f, (struct span_window){0, count}, &whole);
		for (uint32_t at = 0; at < count;) {
			uint32_t end = at + 1 + tw_below(&shape.rng, 3);
			end = end < count ? end : count;
			live += append_window(f, (struct span_window){at, end}, &pieces);
			at = end;
		}
		assert_int_equal(live, view_live_spans(f->view));
		if (!slice_equal(buf_slice(&whole), buf_slice(&pieces)))
			fail_msg("seed %llu", (unsigned long long)seed);
		buf_fini(&whole);
		buf_fini(&pieces);
	}
}

static void an_empty_window_has_no_bytes(void **state)
{
	struct edit_fixture *f = *state;
	struct encode_plan plan;
	struct err err;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 3, 1);
	begin(f);
	assert_int_equal(trace_encode_measure(f->view, (struct span_window){2, 2}, &plan, &err), 0);
	assert_int_equal(plan.bytes, 0);
	assert_int_equal(plan.spans, 0);
}

static void dropping_all_spans_of_a_scope_drops_the_scope(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 2, 1);
	payload_append(&f->body, PAYLOAD_G, 2, 2);
	begin(f);
	edit_drop_span(f->view, 0);
	edit_drop_span(f->view, 1);
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	struct range kept = f->view->index.resources[1].field;
	assert_true(slice_equal(chunk_slice(chunk), index_slice(&f->view->index, kept)));
	assert_int_equal(chunk->span_count, 2);
	chunk_unref(chunk);
}

static void an_untouched_part_is_copied_byte_for_byte(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_G, 3, 1);
	begin(f);
	edit_drop_span(f->view, 1);
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	struct slice last = index_slice(&f->view->index, f->view->index.spans[2].field);
	assert_true(slice_has_suffix(chunk_slice(chunk), last));
	chunk_unref(chunk);
}

static void a_short_budget_refuses_the_chunk(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	struct budget small;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 3, 1);
	begin(f);
	budget_init(&small, 10);
	assert_int_equal(trace_encode(f->view, &small, &chunk, &err), -1);
	assert_int_equal(err.kind, ERR_NOMEM);
	assert_int_equal(budget_used(&small), 0);
}

/* Appends a field as ${inner}, with a length of more bytes than it needs. */
static void append_padded(struct buf *out, uint32_t number, struct buf *inner)
{
	tw_raw_varint(out, number << 3 | 2);
	tw_padded_varint(out, inner->len, 5);
	buf_append(out, buf_slice(inner));
	buf_fini(inner);
}

/* A ResourceSpans with one span, in an order and with lengths that our own encoder would not choose. */
static void append_odd_resource(struct buf *body)
{
	struct buf resource = BUF_INIT, scope = BUF_INIT;
	tw_text(&resource, RESOURCE_SPANS_SCHEMA_URL, "before the scopes");
	tw_text(&scope, SCOPE_SPANS_SCHEMA_URL, "before the span");
	tw_close(&scope, tw_open(&scope, SCOPE_SPANS_SPANS));
	append_padded(&resource, RESOURCE_SPANS_SCOPE_SPANS, &scope);
	append_padded(body, EXPORT_REQUEST_RESOURCE_SPANS, &resource);
}

static void an_untouched_resource_is_copied_byte_for_byte(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 1, 1);
	append_odd_resource(&f->body);
	begin(f);
	edit_drop_span(f->view, 0);
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	struct range last = f->view->index.resources[1].field;
	assert_true(slice_equal(chunk_slice(chunk), index_slice(&f->view->index, last)));
	chunk_unref(chunk);
}

/* The same one level deeper: what surrounds the scope changes, the scope does not. */
static void an_untouched_scope_is_copied_byte_for_byte(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	buf_reset(&f->body);
	append_odd_resource(&f->body);
	begin(f);
	edit_drop_schema_url(f->view, (struct owner){OWNER_RESOURCE, 0});
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	struct slice scope = index_slice(&f->view->index, f->view->index.scopes[0].field);
	assert_true(slice_has_suffix(chunk_slice(chunk), scope));
	assert_in_range(chunk->len, scope.len + 2, f->body.len - 1);
	chunk_unref(chunk);
}

/* What we do not know of the request goes with its first spans, once. */
static void unknown_fields_of_the_request_go_with_its_first_window(void **state)
{
	enum { UNKNOWN = 77 };
	struct edit_fixture *f = *state;
	struct buf unknown = BUF_INIT;
	tw_text(&unknown, UNKNOWN, "of a later version");
	for (int place = 0; place < 2; place++) { /* before the spans, behind them */
		buf_reset(&f->body);
		if (place == 0)
			buf_append(&f->body, buf_slice(&unknown));
		payload_append(&f->body, PAYLOAD_S, 3, 1);
		if (place == 1)
			buf_append(&f->body, buf_slice(&unknown));
		begin(f);
		for (uint32_t i = 0; i < 3; i++) {
			struct encode_plan plan;
			struct err err;
			uint8_t out[16384];
			assert_int_equal(trace_encode_measure(f->view,
							      (struct span_window){i, i + 1}, &plan,
							      &err),
					 0);
			assert_in_range(plan.bytes, 1, sizeof(out));
			trace_encode_write(f->view, &plan, out);
			assert_int_equal(
				slice_has_prefix(slice_of(out, plan.bytes), buf_slice(&unknown)),
				i == 0);
			assert_int_equal(plan.spans, 1);
		}
	}
	buf_fini(&unknown);
}

/* Two resources of two scopes of one span each, of which one is kept. */
static void what_holds_no_live_span_is_dead(void **state)
{
	struct edit_fixture *f = *state;
	buf_reset(&f->body);
	for (unsigned r = 0; r < 2; r++) {
		size_t resource = tw_open(&f->body, EXPORT_REQUEST_RESOURCE_SPANS);
		for (unsigned s = 0; s < 2; s++) {
			size_t scope = tw_open(&f->body, RESOURCE_SPANS_SCOPE_SPANS);
			tw_close(&f->body, tw_open(&f->body, SCOPE_SPANS_SPANS));
			tw_close(&f->body, scope);
		}
		tw_close(&f->body, resource);
	}
	for (uint32_t kept = 0; kept < 4; kept++) {
		begin(f);
		for (uint32_t span = 0; span < 4; span++) {
			if (span != kept)
				edit_drop_span(f->view, span);
		}
		for (uint32_t scope = 0; scope < 4; scope++)
			assert_int_equal(view_scope_live(f->view, scope), scope == kept);
		for (uint32_t resource = 0; resource < 2; resource++)
			assert_int_equal(view_resource_live(f->view, resource),
					 resource == kept / 2);
	}
}

/* More attributes than are looked at in one step. */
static void any_one_of_many_attributes_can_be_dropped(void **state)
{
	enum { ATTRS = 37 };
	struct edit_fixture *f = *state;
	struct err err;
	for (unsigned dropped = 0; dropped < ATTRS; dropped++) {
		struct buf span = BUF_INIT, expected = BUF_INIT;
		struct chunk *chunk;
		char key[16];
		for (int pass = 0; pass < 2; pass++) {
			buf_reset(&span);
			for (unsigned i = 0; i < ATTRS; i++) {
				(void)snprintf(key, sizeof(key), "key.%u", i);
				if (pass == 0 || i != dropped)
					tw_attr_int(&span, SPAN_ATTRIBUTES, key, i);
			}
			buf_reset(pass == 0 ? &f->body : &expected);
			tw_request_of_span(pass == 0 ? &f->body : &expected, buf_slice(&span));
		}
		begin(f);
		edit_drop_attr(f->view, f->view->index.spans[0].attrs.begin + dropped);
		assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
		assert_true(slice_equal(chunk_slice(chunk), buf_slice(&expected)));
		chunk_unref(chunk);
		buf_fini(&span);
		buf_fini(&expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_of_an_edited_request_make_up_the_whole),
		cmocka_unit_test(an_empty_window_has_no_bytes),
		cmocka_unit_test(dropping_all_spans_of_a_scope_drops_the_scope),
		cmocka_unit_test(an_untouched_part_is_copied_byte_for_byte),
		cmocka_unit_test(a_short_budget_refuses_the_chunk),
		cmocka_unit_test(an_untouched_scope_is_copied_byte_for_byte),
		cmocka_unit_test(unknown_fields_of_the_request_go_with_its_first_window),
		cmocka_unit_test(an_untouched_resource_is_copied_byte_for_byte),
		cmocka_unit_test(what_holds_no_live_span_is_dead),
		cmocka_unit_test(any_one_of_many_attributes_can_be_dropped),
	};
	return cmocka_run_group_tests(tests, edit_fixture_set_up, edit_fixture_tear_down);
}
