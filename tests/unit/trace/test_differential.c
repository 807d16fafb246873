/* SPDX-License-Identifier: Apache-2.0 */
/* The index against protobuf-c, on random requests whole and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/encode.h"
#include "tests/support/trace_exceptions.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

enum { ROUNDS = 40000 };

struct fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct err err;
	budget_init(&f.budget, UINT64_MAX);
	f.keys = key_table_new();
	for (unsigned i = 0; i < RANDOM_KEYS_KNOWN; i++)
		assert_int_not_equal(key_table_add(f.keys, slice_str(random_keys[i]), &err), 0);
	assert_int_equal(key_table_freeze(f.keys, &err), 0);
	f.view = view_new(&f.budget, f.keys);
	assert_non_null(f.view);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	view_free(f->view);
	key_table_free(f->keys);
	assert_int_equal(budget_used(&f->budget), 0);
	return 0;
}

/* What the edit writes when it has to write everything anew, as protobuf-c packs it. */
static void assert_trees_equal(trace_tree *a, trace_tree *b, uint64_t seed)
{
	size_t a_len = otlp__export_trace_service_request__get_packed_size(a);
	size_t b_len = otlp__export_trace_service_request__get_packed_size(b);
	uint8_t *a_bytes = test_malloc(a_len + 1), *b_bytes = test_malloc(b_len + 1);
	(void)otlp__export_trace_service_request__pack(a, a_bytes);
	(void)otlp__export_trace_service_request__pack(b, b_bytes);
	if (a_len != b_len || memcmp(a_bytes, b_bytes, a_len) != 0)
		fail_msg("seed %llu: decoded trees differ", (unsigned long long)seed);
	test_free(a_bytes);
	test_free(b_bytes);
}

static void assert_clean_encode_is_the_body(struct fixture *f, uint64_t seed)
{
	struct err err;
	struct chunk *chunk;
	assert_int_equal(view_begin(f->view, &err), 0);
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	if (f->view->index.span_count == 0) {
		assert_null(chunk);
		return;
	}
	assert_int_equal(chunk->span_count, f->view->index.span_count);
	if (!slice_equal(chunk_slice(chunk), f->view->index.body))
		fail_msg("seed %llu: clean encode differs", (unsigned long long)seed);
	chunk_unref(chunk);
}

/* Renaming each attribute to its own key rewrites every element that has one. */
static void assert_full_rewrite_decodes_equal(struct fixture *f, uint64_t seed)
{
	struct err err;
	struct chunk *chunk;
	assert_int_equal(view_begin(f->view, &err), 0);
	for (uint32_t i = 0; i < f->view->index.attr_count; i++) {
		const struct attr_entry *attr = &f->view->index.attrs[i];
		struct owner owner = {(enum owner_kind)attr->owner_kind, attr->owner};
		edit_rename_attr(f->view, owner, i, index_slice(&f->view->index, attr->key),
				 attr->key_id);
	}
	bool has_empty = view_is_clean(f->view);
	for (uint32_t i = 0; i < f->view->index.scope_count; i++)
		has_empty |= f->view->index.scopes[i].span_count == 0;
	for (uint32_t i = 0; i < f->view->index.resource_count; i++)
		has_empty |= f->view->index.resources[i].scope_count == 0;
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	if (chunk && !has_empty) { /* elements without spans are not written */
		trace_tree *before = trace_tree_parse(f->view->index.body);
		trace_tree *after = trace_tree_parse(chunk_slice(chunk));
		assert_non_null(before);
		assert_non_null(after);
		assert_trees_equal(before, after, seed);
		trace_request_free(before);
		trace_request_free(after);
	}
	chunk_unref(chunk);
}

static void compare_accepted(struct fixture *f, const trace_tree *theirs, unsigned exceptions,
			     uint64_t seed)
{
	const char *differs = NULL;
	if (theirs && !(exceptions & EXCEPTION_MERGE))
		differs = trace_tree_differs(theirs, &f->view->index);
	if (differs)
		fail_msg("seed %llu: %s differs", (unsigned long long)seed, differs);
	trace_tree *normal = trace_tree_parse(f->view->index.body);
	assert_non_null(normal);
	differs = trace_tree_differs(normal, &f->view->index);
	if (differs)
		fail_msg("seed %llu: %s differs after normalising", (unsigned long long)seed,
			 differs);
	trace_request_free(normal);
	assert_clean_encode_is_the_body(f, seed);
	assert_full_rewrite_decodes_equal(f, seed);
}

/* Returns true when the request was accepted. */
static bool compare(struct fixture *f, struct slice body, uint64_t seed)
{
	struct err err = {0};
	unsigned exceptions = trace_exceptions(body);
	bool ours = view_open(f->view, body, &err) == 0;
	if (exceptions & EXCEPTION_REFUSED) {
		if (ours)
			fail_msg("seed %llu: exception %x accepted", (unsigned long long)seed,
				 exceptions);
		return false;
	}
	trace_tree *theirs = trace_tree_parse(body);
	bool merge_fault = !theirs && ours && (exceptions & EXCEPTION_MERGE);
	if (ours != (theirs != NULL) && !merge_fault)
		fail_msg("seed %llu: we %s, protobuf-c does not: %s", (unsigned long long)seed,
			 ours ? "accept" : "refuse", ours ? "" : err.msg);
	if (ours) {
		assert_int_equal(f->view->index.normalised != NULL, trace_repeats(body));
		assert_false(trace_repeats(f->view->index.body));
		compare_accepted(f, theirs, exceptions, seed);
	}
	if (!ours)
		assert_true(err.kind == ERR_DECODE && err.offset < body.len && err.msg[0]);
	trace_request_free(theirs);
	return ours;
}

static void random_requests_are_accepted_and_read_alike(void **state)
{
	struct buf body = BUF_INIT;
	for (uint64_t seed = 0; seed < ROUNDS / 2; seed++) {
		struct random_shape shape = random_shape_of(seed);
		buf_reset(&body);
		random_request(&shape, &body);
		if (!compare(*state, buf_slice(&body), seed))
			fail_msg("seed %llu: refused", (unsigned long long)seed);
	}
	buf_fini(&body);
}

static void damaged_requests_are_judged_alike(void **state)
{
	struct buf body = BUF_INIT;
	unsigned accepted = 0;
	for (uint64_t seed = ROUNDS / 2; seed < ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		buf_reset(&body);
		random_request(&shape, &body);
		random_damage(&shape, &body);
		accepted += compare(*state, buf_slice(&body), seed);
	}
	/* Both verdicts must occur often, or the test says little. */
	assert_in_range(accepted, ROUNDS / 20, ROUNDS / 2 - ROUNDS / 20);
	buf_fini(&body);
}

/* ---- the exceptions, one by one ---- */

static void check_exception(struct fixture *f, struct slice span, unsigned expected)
{
	struct buf body = BUF_INIT;
	struct err err;
	tw_request_of_span(&body, span);
	assert_int_equal(trace_exceptions(buf_slice(&body)), expected);
	trace_tree *theirs = trace_tree_parse(buf_slice(&body));
	assert_non_null(theirs);
	trace_request_free(theirs);
	assert_int_equal(view_open(f->view, buf_slice(&body), &err), -1);
	assert_int_equal(err.kind, ERR_DECODE);
	buf_fini(&body);
}

static void field_number_zero_is_refused(void **state)
{
	check_exception(*state, SLICE("\x80\x00\x01"), EXCEPTION_FIELD_ZERO);
	check_exception(*state, SLICE("\x82\x00\x01x"), EXCEPTION_FIELD_ZERO);
}

static void tag_above_32_bits_is_refused(void **state)
{
	/* Cut to 32 bits this is field 5, the name. */
	check_exception(*state, SLICE("\xaa\x80\x80\x80\x10\x01x"), EXCEPTION_TAG_OVERFLOW);
}

static void ids_of_wrong_length_are_refused(void **state)
{
	check_exception(*state, SLICE("\x0a\x01x"), EXCEPTION_ID_LENGTH);
	check_exception(*state, SLICE("\x12\x04xxxx"), EXCEPTION_ID_LENGTH);
	check_exception(*state, SLICE("\x22\x10xxxxxxxxxxxxxxxx"), EXCEPTION_ID_LENGTH);
	check_exception(*state, SLICE("\x6a\x0a\x0a\x08xxxxxxxx"), EXCEPTION_ID_LENGTH);
	check_exception(*state, SLICE("\x6a\x03\x12\x01x"), EXCEPTION_ID_LENGTH);
}

static void bool_of_another_wire_type_is_refused(void **state)
{
	check_exception(*state, SLICE("\x4a\x05\x12\x03\x12\x01x"), EXCEPTION_BOOL_TYPE);
	check_exception(*state, SLICE("\x4a\x07\x12\x05\x15\x01\x00\x00\x00"), EXCEPTION_BOOL_TYPE);
}

static void empty_values_given_twice_are_merged(void **state)
{
	struct fixture *f = *state;
	struct buf body = BUF_INIT;
	struct err err;
	tw_request_of_span(&body, SLICE("\x4a\x07\x0a\x01k\x12\x00\x12\x00"));
	assert_int_equal(trace_exceptions(buf_slice(&body)), EXCEPTION_MERGE);
	assert_null(trace_tree_parse(buf_slice(&body)));
	assert_int_equal(view_open(f->view, buf_slice(&body), &err), 0);
	assert_int_equal(f->view->index.attrs[0].value_type, VALUE_EMPTY);
	assert_true(f->view->index.attrs[0].value.off > 0);
	buf_fini(&body);
}

static void status_given_twice_keeps_both_fields(void **state)
{
	struct fixture *f = *state;
	struct buf body = BUF_INIT;
	struct err err;
	tw_request_of_span(&body, SLICE("\x7a\x02\x18\x02\x7a\x03\x12\x01m"));
	assert_int_equal(trace_exceptions(buf_slice(&body)), EXCEPTION_MERGE);
	assert_int_equal(view_open(f->view, buf_slice(&body), &err), 0);
	assert_int_equal(f->view->index.spans[0].status_code, 2);
	assert_true(slice_equal(
		index_slice(&f->view->index, f->view->index.spans[0].status_message), SLICE("m")));
	buf_fini(&body);
}

static void text_with_nul_is_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct buf body = BUF_INIT;
	struct err err;
	tw_request_of_span(&body, SLICE("\x2a\x03"
					"a\0b"));
	trace_tree *theirs = trace_tree_parse(buf_slice(&body));
	assert_string_equal(theirs->resource_spans[0]->scope_spans[0]->spans[0]->name, "a");
	trace_request_free(theirs);
	assert_int_equal(view_open(f->view, buf_slice(&body), &err), 0);
	assert_true(slice_equal(index_slice(&f->view->index, f->view->index.spans[0].name),
				SLICE("a\0b")));
	buf_fini(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_requests_are_accepted_and_read_alike),
		cmocka_unit_test(damaged_requests_are_judged_alike),
		cmocka_unit_test(field_number_zero_is_refused),
		cmocka_unit_test(tag_above_32_bits_is_refused),
		cmocka_unit_test(ids_of_wrong_length_are_refused),
		cmocka_unit_test(bool_of_another_wire_type_is_refused),
		cmocka_unit_test(empty_values_given_twice_are_merged),
		cmocka_unit_test(status_given_twice_keeps_both_fields),
		cmocka_unit_test(text_with_nul_is_kept_whole),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
