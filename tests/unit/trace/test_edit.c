/* SPDX-License-Identifier: Apache-2.0 */
/* Edits: each rule by itself, then random runs against a naive model on protobuf-c's tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/encode.h"
#include "tests/support/edit_fixture.h"
#include "tests/support/test_memory.h"
#include "tests/support/trace_actions.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

enum { ROUNDS = 20000 };

/* ---- random runs ---- */

static void compare_readers(struct edit_fixture *f, const struct trace_model *model, uint64_t seed)
{
	const uint32_t counts[OWNER_KIND_COUNT] = {
		f->view->index.resource_count, f->view->index.scope_count,
		f->view->index.span_count, f->view->index.event_count, f->view->index.link_count};
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++) {
		for (uint32_t at = 0; at < counts[kind]; at++) {
			struct owner owner = {(enum owner_kind)kind, at};
			const char *differs = model_attrs_differ(model, f->view, owner);
			if (!differs)
				differs = model_fields_differ(model, f->view, owner);
			if (differs)
				fail_msg("seed %llu: %s of owner kind %u, %u",
					 (unsigned long long)seed, differs, kind, at);
		}
	}
	assert_int_equal(view_live_spans(f->view), model_live_spans(model));
}

/* view_find_attr agrees with stepping through: the first one with the key. */
static void compare_find(struct edit_fixture *f, struct owner owner, uint64_t seed)
{
	for (key_id id = 1; id <= RANDOM_KEYS_KNOWN; id++) {
		struct attr_view seen;
		struct value first = {.type = VALUE_EMPTY}, found = {.type = VALUE_EMPTY};
		struct attr_cursor cursor = view_attrs(f->view, owner);
		bool any = false;
		while (view_next_attr(f->view, &cursor, &seen)) {
			if (seen.key_id != id)
				continue;
			if (!any)
				first = view_attr_value(f->view, owner, &seen);
			any = true;
		}
		if (view_find_attr(f->view, owner, id, &found) != any || found.type != first.type ||
		    found.bytes.ptr != first.bytes.ptr)
			fail_msg("seed %llu: find differs from next", (unsigned long long)seed);
	}
}

static void compare_encoded(struct edit_fixture *f, struct trace_model *model, uint64_t seed)
{
	struct err err;
	struct chunk *chunk;
	assert_int_equal(view_is_clean(f->view), !model->changed);
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	uint32_t live_spans = model_live_spans(model);
	if (model->changed)
		model_finish(model);
	if (live_spans == 0) {
		assert_null(chunk);
		return;
	}
	assert_int_equal(chunk->span_count, live_spans);
	trace_tree *ours = trace_tree_parse(chunk_slice(chunk));
	assert_non_null(ours);
	size_t expected_len = otlp__export_trace_service_request__get_packed_size(model->tree);
	size_t len = otlp__export_trace_service_request__get_packed_size(ours);
	uint8_t *expected = test_malloc(expected_len + 1), *packed = test_malloc(len + 1);
	(void)otlp__export_trace_service_request__pack(model->tree, expected);
	(void)otlp__export_trace_service_request__pack(ours, packed);
	if (len != expected_len || memcmp(expected, packed, len) != 0)
		fail_msg("seed %llu: encoded request differs from the model",
			 (unsigned long long)seed);
	test_free(expected);
	test_free(packed);
	trace_request_free(ours);
	struct trace_index again;
	trace_index_init(&again, &f->budget, f->keys);
	assert_int_equal(trace_index_build(&again, chunk_slice(chunk), &err), 0);
	assert_null(again.normalised);
	trace_index_fini(&again);
	chunk_unref(chunk);
}

static void random_edits_equal_a_naive_model(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	unsigned with_spans = 0;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		buf_reset(&f->body);
		random_request(&shape, &f->body);
		assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
		struct trace_model model = {.tree = trace_tree_parse(f->view->index.body),
					    .index = &f->view->index};
		assert_non_null(model.tree);
		for (uint32_t left = tw_below(&shape.rng, 24); left > 0; left--)
			random_action(f->view, &model, &shape.rng);
		compare_readers(f, &model, seed);
		if (f->view->index.span_count > 0)
			compare_find(
				f,
				(struct owner){OWNER_SPAN,
					       tw_below(&shape.rng, f->view->index.span_count)},
				seed);
		with_spans += f->view->index.span_count > 0;
		compare_encoded(f, &model, seed);
		trace_request_free(model.tree);
	}
	assert_true(with_spans > ROUNDS / 4);
}

/* ---- rule by rule, on one span with the attributes a=1, b=2, a=3 ---- */

static void begin_simple(struct edit_fixture *f)
{
	struct err err;
	struct buf span = BUF_INIT;
	tw_text(&span, SPAN_NAME, "old");
	tw_attr_int(&span, SPAN_ATTRIBUTES, "a", 1);
	tw_attr_int(&span, SPAN_ATTRIBUTES, "http.target", 2);
	tw_attr_int(&span, SPAN_ATTRIBUTES, "a", 3);
	buf_reset(&f->body);
	tw_request_of_span(&f->body, buf_slice(&span));
	buf_fini(&span);
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
}

static const struct owner the_span = {OWNER_SPAN, 0};

static key_id id_of(struct edit_fixture *f, const char *key)
{
	return key_table_find(f->keys, slice_str(key));
}

static unsigned count_attrs(struct edit_fixture *f)
{
	struct attr_view seen;
	struct attr_cursor cursor = view_attrs(f->view, the_span);
	unsigned count = 0;
	while (view_next_attr(f->view, &cursor, &seen))
		count++;
	return count;
}

static void finding_gives_the_first_of_equal_keys(void **state)
{
	struct edit_fixture *f = *state;
	struct value value;
	begin_simple(f);
	assert_true(view_find_attr(f->view, the_span, id_of(f, "a"), &value));
	assert_int_equal(value.i, 1);
	edit_drop_attr(f->view, 0);
	assert_true(view_find_attr(f->view, the_span, id_of(f, "a"), &value));
	assert_int_equal(value.i, 3);
	assert_false(view_find_attr(f->view, the_span, id_of(f, "service.name"), &value));
}

static void setting_replaces_all_of_the_key_and_setting_again_keeps_one(void **state)
{
	struct edit_fixture *f = *state;
	struct value value;
	begin_simple(f);
	edit_set_attr(f->view, the_span, SLICE("a"), 0, value_of_int(7));
	assert_int_equal(count_attrs(f), 2);
	edit_set_attr(f->view, the_span, SLICE("a"), id_of(f, "a"), value_of_str(SLICE("x")));
	assert_int_equal(count_attrs(f), 2);
	assert_true(view_find_attr(f->view, the_span, id_of(f, "a"), &value));
	assert_int_equal(value.type, VALUE_STRING);
}

static void removing_takes_received_and_added(void **state)
{
	struct edit_fixture *f = *state;
	struct value value;
	begin_simple(f);
	assert_int_equal(edit_remove_attr(f->view, the_span, id_of(f, "a")), 2);
	assert_int_equal(edit_remove_attr(f->view, the_span, id_of(f, "a")), 0);
	edit_set_attr(f->view, the_span, SLICE("a"), 0, value_of_int(7));
	assert_int_equal(edit_remove_attr(f->view, the_span, id_of(f, "a")), 1);
	assert_false(view_find_attr(f->view, the_span, id_of(f, "a"), &value));
	assert_int_equal(count_attrs(f), 1);
}

static void renaming_keeps_the_value_and_moves_the_key(void **state)
{
	struct edit_fixture *f = *state;
	struct value value;
	begin_simple(f);
	edit_rename_attr(f->view, the_span, 1, SLICE("service.name"), 0);
	assert_false(view_find_attr(f->view, the_span, id_of(f, "http.target"), &value));
	assert_true(view_find_attr(f->view, the_span, id_of(f, "service.name"), &value));
	assert_int_equal(value.i, 2);
	assert_int_equal(edit_remove_attr(f->view, the_span, id_of(f, "service.name")), 1);
}

static void dropping_is_idempotent_and_counts_spans(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	begin_simple(f);
	assert_true(view_is_clean(f->view));
	edit_drop_span(f->view, 0);
	edit_drop_span(f->view, 0);
	edit_drop_resource(f->view, 0);
	assert_int_equal(view_live_spans(f->view), 0);
	assert_false(view_span_live(f->view, 0));
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	assert_null(chunk);
}

static void span_fields_read_back_as_set(void **state)
{
	struct edit_fixture *f = *state;
	begin_simple(f);
	assert_true(slice_equal(view_span_name(f->view, 0), SLICE("old")));
	assert_int_equal(view_span_parent(f->view, 0).len, 0);
	edit_set_span_name(f->view, 0, SLICE("new"));
	edit_set_span_trace_state(f->view, 0, SLICE("k=v"));
	edit_set_span_parent(f->view, 0, SLICE("12345678"));
	edit_set_span_status(f->view, 0, 2, SLICE("broken"));
	assert_true(slice_equal(view_span_name(f->view, 0), SLICE("new")));
	assert_true(slice_equal(view_span_trace_state(f->view, 0), SLICE("k=v")));
	assert_true(slice_equal(view_span_parent(f->view, 0), SLICE("12345678")));
	assert_int_equal(view_span_status_code(f->view, 0), 2);
	assert_true(slice_equal(view_span_status_message(f->view, 0), SLICE("broken")));
}

static void dropped_spans_take_their_events_along(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	buf_reset(&f->body);
	tw_request_of_span(&f->body, SLICE("\x5a\x00\x6a\x00"));
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	assert_true(view_event_live(f->view, 0) && view_link_live(f->view, 0));
	edit_drop_span(f->view, 0);
	assert_false(view_event_live(f->view, 0) || view_link_live(f->view, 0));
}

static void an_edit_that_runs_out_of_memory_is_refused(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	begin_simple(f);
	struct buf large = BUF_INIT;
	for (unsigned i = 0; i < 1 << 20; i++)
		buf_append_byte(&large, 'x');
	for (unsigned i = 0; i < 100; i++)
		edit_set_attr(f->view, the_span, SLICE("a"), 0, value_of_str(buf_slice(&large)));
	buf_fini(&large);
	assert_int_equal(edit_check(f->view, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	begin_simple(f);
	assert_int_equal(edit_check(f->view, &err), 0);
}

static void beginning_needs_budget(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	begin_simple(f);
	struct budget none;
	budget_init(&none, 10);
	struct trace_view *view = view_new(&none, f->keys);
	assert_int_equal(view_open(view, buf_slice(&f->body), &err), -1);
	assert_int_equal(err.kind, ERR_NOMEM);
	view_free(view);
	assert_int_equal(budget_used(&none), 0);
}

/* The small parts of an edit fit, the text does not: nothing half-made stays. */
static void a_text_without_memory_is_refused(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	struct buf large = BUF_INIT;
	for (unsigned i = 0; i < 1 << 20; i++)
		buf_append_byte(&large, 'x');
	for (int what = 0; what < 3; what++) {
		begin_simple(f);
		edit_set_attr(f->view, the_span, SLICE("b"), 0, value_of_int(1));
		atomic_store(&f->budget.limit, budget_used(&f->budget));
		if (what == 0)
			edit_set_attr(f->view, the_span, buf_slice(&large), 0, value_of_int(1));
		else if (what == 1)
			edit_set_attr(f->view, the_span, SLICE("c"), 0,
				      value_of_str(buf_slice(&large)));
		else
			edit_rename_attr(f->view, the_span, 0, buf_slice(&large), 0);
		atomic_store(&f->budget.limit, UINT64_MAX);
		assert_int_equal(edit_check(f->view, &err), -1);
		assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), -1);
	}
	buf_fini(&large);
}

/* Of a key of any length, of the value, of the small parts around them: whichever finds no memory, the
 * edit is refused as a whole. */
static void an_edit_is_refused_whatever_finds_no_memory(void **state)
{
	enum { LEN_MAX = 40000, STEP = 8 };
	struct edit_fixture *f = *state;
	struct err err;
	static uint8_t text[LEN_MAX];
	size_t refusals = 0;
	TEST_MEMORY_OR_RETURN();
	memset(text, 'k', sizeof(text));
	for (size_t len = 1; len < LEN_MAX; len += STEP) {
		begin_simple(f);
		test_memory_refuse_after(0);
		edit_set_attr(f->view, the_span, slice_of(text, len), 0,
			      value_of_str(SLICE("value")));
		bool refused = test_memory_refused();
		assert_int_equal(edit_check(f->view, &err), refused ? -1 : 0);
		refusals += refused;
	}
	assert_in_range(refusals, 1, LEN_MAX / STEP - 1);
}

/* Edits that reserve room for every attribute of the request at once. */
static void rewriting_without_memory_is_refused(void **state)
{
	enum { SPANS = 4000 }; /* room that is not kept from one request to the next */
	struct edit_fixture *f = *state;
	struct err err;
	TEST_MEMORY_OR_RETURN();
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, SPANS, 1);
	for (int what = 0; what < 4; what++) {
		assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
		if (what < 2)
			test_memory_refuse_after(0);
		else
			atomic_store(&f->budget.limit, budget_used(&f->budget));
		if (what % 2 == 0)
			edit_rename_attr(f->view, the_span, 0, SLICE("k"), 0);
		else
			edit_replace_value(f->view, the_span, 0, value_of_int(1));
		atomic_store(&f->budget.limit, UINT64_MAX);
		assert_true(what >= 2 || test_memory_refused());
		assert_int_equal(edit_check(f->view, &err), -1);
		view_close(f->view);
	}
}

/* What was handed on is not handed on again. */
static void a_span_held_and_forgotten_is_not_held_any_more(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	buf_reset(&f->body);
	payload_append(&f->body, PAYLOAD_S, 3, 1);
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	edit_set_holding(f->view, HOLDING_ON);
	edit_hold_span(f->view, 0);
	edit_hold_span(f->view, 2);
	assert_int_equal(trace_encode_held(f->view, &f->budget, &chunk, &err), 0);
	assert_int_equal(chunk->span_count, 2);
	chunk_unref(chunk);
	edit_forget_held(f->view);
	assert_int_equal(trace_encode_held(f->view, &f->budget, &chunk, &err), 0);
	assert_null(chunk);
	edit_hold_span(f->view, 1);
	assert_int_equal(trace_encode_held(f->view, &f->budget, &chunk, &err), 0);
	assert_int_equal(chunk->span_count, 1);
	chunk_unref(chunk);
	assert_int_equal(view_live_spans(f->view), 0);
}

enum span_lot { LOT_STAY = 0, LOT_HOLD, LOT_DROP, LOT_COUNT };

/* The bytes of the request whose spans that are not ${wanted} were dropped; NULL for none. */
static struct chunk *only(struct edit_fixture *f, const uint8_t *lots, enum span_lot wanted)
{
	struct err err;
	struct chunk *chunk;
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	for (uint32_t span = 0; span < view_span_count(f->view); span++) {
		if (lots[span] != wanted)
			edit_drop_span(f->view, span);
	}
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	return chunk;
}

static void append_packed(struct buf *out, const void *message)
{
	const ProtobufCMessage *m = message;
	size_t len = m ? protobuf_c_message_get_packed_size(m) : 0;
	uint8_t *packed = test_malloc(len + 1);
	if (m)
		(void)protobuf_c_message_pack(m, packed);
	buf_append_u64(out, len);
	buf_append(out, slice_of(packed, len));
	test_free(packed);
}

/* Each span with its resource and scope. Containers without spans are nobody's. */
static void append_spans(struct buf *out, const struct chunk *chunk)
{
	trace_tree *tree = trace_tree_parse(chunk_slice(chunk));
	assert_non_null(tree);
	for (size_t i = 0; i < tree->n_resource_spans; i++) {
		const Otlp__ResourceSpans *resource = tree->resource_spans[i];
		for (size_t j = 0; j < resource->n_scope_spans; j++) {
			const Otlp__ScopeSpans *scope = resource->scope_spans[j];
			for (size_t k = 0; k < scope->n_spans; k++) {
				append_packed(out, resource->resource);
				append_packed(out, scope->scope);
				append_packed(out, scope->spans[k]);
			}
		}
	}
	trace_request_free(tree);
}

/* Takes both references. */
static void assert_same_chunk(struct chunk *one, struct chunk *other)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	assert_int_equal(one != NULL, other != NULL);
	if (!one)
		return;
	assert_int_equal(one->span_count, other->span_count);
	append_spans(&a, one);
	append_spans(&b, other);
	assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
	buf_fini(&a);
	buf_fini(&b);
	chunk_unref(one);
	chunk_unref(other);
}

static void check_lots(struct edit_fixture *f, const uint8_t *lots)
{
	struct err err;
	struct chunk *held, *stays;
	struct chunk *only_held = only(f, lots, LOT_HOLD), *only_stays = only(f, lots, LOT_STAY);
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	edit_set_holding(f->view, HOLDING_ON);
	for (uint32_t span = 0; span < view_span_count(f->view); span++) {
		if (lots[span] == LOT_DROP)
			edit_drop_span(f->view, span);
		else if (lots[span] == LOT_HOLD)
			edit_hold_span(f->view, span);
	}
	uint32_t live = only_stays ? only_stays->span_count : 0;
	assert_int_equal(view_live_spans(f->view), live);
	assert_int_equal(trace_encode_held(f->view, &f->budget, &held, &err), 0);
	assert_int_equal(view_live_spans(f->view), live);
	assert_int_equal(trace_encode(f->view, &f->budget, &stays, &err), 0);
	assert_same_chunk(stays, only_stays);
	assert_same_chunk(held, only_held);
	edit_forget_held(f->view);
	assert_int_equal(trace_encode_held(f->view, &f->budget, &held, &err), 0);
	assert_null(held);
	assert_int_equal(view_live_spans(f->view), live);
}

/* Whatever is held, dropped and left: what is held is what would be left without the rest. */
static void held_spans_are_those_left_when_the_others_are_dropped(void **state)
{
	enum { SPANS_MAX = 4096 };
	static uint8_t lots[SPANS_MAX];
	struct edit_fixture *f = *state;
	uint64_t rng = 7;
	for (uint64_t seed = 1; seed <= ROUNDS / 20; seed++) {
		struct random_shape shape = {.rng = seed};
		struct err err;
		buf_reset(&f->body);
		random_request(&shape, &f->body);
		random_request(&shape, &f->body); /* several resources and scopes */
		if (view_open(f->view, buf_slice(&f->body), &err) != 0)
			fail_msg("seed %llu: %s", (unsigned long long)seed, err.msg);
		uint32_t count = view_span_count(f->view);
		assert_true(count <= SPANS_MAX);
		for (uint32_t span = 0; span < count; span++)
			lots[span] = (uint8_t)tw_below(&rng, LOT_COUNT);
		check_lots(f, lots);
	}
}

/* Of the resource that has them, and nothing else of it. */
static void entity_refs_of_a_resource_can_be_dropped(void **state)
{
	struct edit_fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	struct buf expected = BUF_INIT;
	buf_reset(&f->body);
	for (int with = 0; with < 2; with++) {
		struct buf *outs[] = {&f->body, &expected};
		for (size_t i = 0; i < ARRAY_COUNT(outs); i++) {
			size_t of_spans = tw_open(outs[i], EXPORT_REQUEST_RESOURCE_SPANS);
			size_t resource = tw_open(outs[i], RESOURCE_SPANS_RESOURCE);
			tw_attr_int(outs[i], RESOURCE_ATTRIBUTES, "a", with);
			if (with && i == 0)
				tw_text(outs[i], RESOURCE_ENTITY_REFS, "an entity");
			tw_close(outs[i], resource);
			size_t scope = tw_open(outs[i], RESOURCE_SPANS_SCOPE_SPANS);
			tw_close(outs[i], tw_open(outs[i], SCOPE_SPANS_SPANS));
			tw_close(outs[i], scope);
			tw_close(outs[i], of_spans);
		}
	}
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	assert_false(edit_drop_entity_refs(f->view, 0));
	assert_true(edit_drop_entity_refs(f->view, 1));
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	struct trace_view *view = view_new(&f->budget, f->keys);
	assert_int_equal(view_open(view, chunk_slice(chunk), &err), 0);
	assert_false(edit_drop_entity_refs(view, 0) || edit_drop_entity_refs(view, 1));
	assert_int_equal(chunk->len, expected.len);
	view_free(view);
	chunk_unref(chunk);
	buf_fini(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_equal_a_naive_model),
		cmocka_unit_test(finding_gives_the_first_of_equal_keys),
		cmocka_unit_test(setting_replaces_all_of_the_key_and_setting_again_keeps_one),
		cmocka_unit_test(removing_takes_received_and_added),
		cmocka_unit_test(renaming_keeps_the_value_and_moves_the_key),
		cmocka_unit_test(dropping_is_idempotent_and_counts_spans),
		cmocka_unit_test(span_fields_read_back_as_set),
		cmocka_unit_test(dropped_spans_take_their_events_along),
		cmocka_unit_test(an_edit_that_runs_out_of_memory_is_refused),
		cmocka_unit_test(beginning_needs_budget),
		cmocka_unit_test(a_text_without_memory_is_refused),
		cmocka_unit_test(an_edit_is_refused_whatever_finds_no_memory),
		cmocka_unit_test(held_spans_are_those_left_when_the_others_are_dropped),
		cmocka_unit_test(rewriting_without_memory_is_refused),
		cmocka_unit_test(a_span_held_and_forgotten_is_not_held_any_more),
		cmocka_unit_test(entity_refs_of_a_resource_can_be_dropped),
	};
	return cmocka_run_group_tests(tests, edit_fixture_set_up, edit_fixture_tear_down);
}
