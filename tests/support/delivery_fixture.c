/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/delivery_fixture.h"

#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/edit.h"
#include "tests/support/trace_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { DEADLINE_S = 60 };

void delivery_fixture_open(struct delivery_fixture *fixture)
{
	struct err err;
	memset(fixture, 0, sizeof(*fixture));
	budget_init(&fixture->budget, UINT64_MAX);
	assert_int_equal(loop_init(&fixture->loop, &err), 0);
	fixture->keys = key_table_new();
	assert_non_null(fixture->keys);
	assert_int_equal(key_table_freeze(fixture->keys, &err), 0);
}

void delivery_fixture_close(struct delivery_fixture *fixture)
{
	loop_fini(&fixture->loop);
	key_table_free(fixture->keys);
	assert_int_equal(budget_used(&fixture->budget), 0);
}

void delivery_run_until(struct delivery_fixture *fixture, bool (*done)(void *arg), void *arg)
{
	uint64_t deadline = clock_monotonic_ns() + DEADLINE_S * NS_PER_S;
	while (!done(arg)) {
		assert_true(clock_monotonic_ns() < deadline);
		(void)uv_run(&fixture->loop.uv, UV_RUN_NOWAIT);
	}
}

static void add_filler(struct buf *out, uint32_t number, size_t len)
{
	static const char fill[4096];
	size_t text = tw_open(out, number);
	for (; len > sizeof(fill); len -= sizeof(fill))
		buf_append(out, slice_of(fill, sizeof(fill)));
	buf_append(out, slice_of(fill, len));
	tw_close(out, text);
}

static void add_span(struct buf *out, uint64_t id, size_t padding)
{
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	tw_bytes(out, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	tw_bytes(out, SPAN_SPAN_ID, slice_of(&id, sizeof(id)));
	add_filler(out, SPAN_NAME, padding);
	tw_close(out, span);
}

static struct chunk *request_of(struct delivery_fixture *fixture, uint64_t first, uint32_t spans,
				size_t padding, const size_t *paddings, size_t around)
{
	struct buf out = BUF_INIT;
	size_t request = tw_open(&out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(&out, RESOURCE_SPANS_SCOPE_SPANS);
	for (uint32_t i = 0; i < spans; i++)
		add_span(&out, first + i, paddings ? paddings[i] : padding);
	tw_close(&out, scope);
	add_filler(&out, RESOURCE_SPANS_SCHEMA_URL, around);
	tw_close(&out, request);
	struct chunk *chunk = chunk_new(&fixture->budget, out.len);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, buf_slice(&out)));
	chunk->span_count = spans;
	buf_fini(&out);
	return chunk;
}

struct chunk *delivery_request(struct delivery_fixture *fixture, uint64_t first, uint32_t spans,
			       size_t padding)
{
	return request_of(fixture, first, spans, padding, NULL, 0);
}

struct chunk *delivery_request_of_sizes(struct delivery_fixture *fixture, uint64_t first,
					uint32_t spans, const size_t *paddings, size_t around)
{
	return request_of(fixture, first, spans, 0, paddings, around);
}

/* Calls ${visit} with the id of each span in ${batch}. */
static void each_span(const struct batch *batch, void (*visit)(void *arg, uint64_t id), void *arg)
{
	struct err err;
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct key_table *keys = key_table_new();
	assert_int_equal(key_table_freeze(keys, &err), 0);
	struct trace_index index;
	trace_index_init(&index, &budget, keys);
	/* Looking must work even while the test keeps the budget short. */
	uint64_t limit = atomic_exchange(&batch->budget->limit, UINT64_MAX);
	struct chunk *body = batch_flatten(batch);
	atomic_store(&batch->budget->limit, limit);
	assert_non_null(body);
	assert_int_equal(trace_index_rebuild(&index, body, &err), 0);
	assert_int_equal(index.span_count, batch->span_count);
	for (uint32_t i = 0; i < index.span_count; i++) {
		uint64_t id = 0;
		struct slice bytes = index_id(&index, index.spans[i].span_id_off, SPAN_ID_BYTES);
		assert_non_null(bytes.ptr);
		if (bytes.ptr) /* cmocka's assertions do not tell gcc that they never return */
			memcpy(&id, bytes.ptr, sizeof(id));
		visit(arg, id);
	}
	trace_index_fini(&index);
	chunk_unref(body);
	key_table_free(keys);
}

static void count_delivered(void *arg, uint64_t id)
{
	struct scripted_exporter *script = arg;
	assert_true(id < SCRIPT_SPANS_MAX);
	script->delivered[id]++;
}

struct search {
	uint64_t id;
	bool found;
};

static void look_at(void *arg, uint64_t id)
{
	struct search *search = arg;
	search->found |= id == search->id;
}

bool script_holds_span(const struct batch *batch, uint64_t id)
{
	struct search search = {.id = id};
	each_span(batch, look_at, &search);
	return search.found;
}

static void answer(struct scripted_exporter *script, struct export_call *call)
{
	struct export_result result = {.outcome = EXPORT_DELIVERED};
	if (script->answer)
		result = script->answer(script, call->batch);
	if (result.outcome == EXPORT_DELIVERED)
		each_span(call->batch, count_delivered, script);
	export_done(call, &result);
}

static void script_send(void *self, struct export_call *call)
{
	struct scripted_exporter *script = self;
	assert_true(script->calls < SCRIPT_CALLS_MAX);
	assert_non_null(call->compressions);
	script->usable_calls += call->batch->ids_usable;
	script->batch_spans[script->calls++] = call->batch->span_count;
	if (script->hold)
		script->held[script->held_count++] = call;
	else
		answer(script, call);
}

static void script_cancel(void *self, struct export_call *call)
{
	struct scripted_exporter *script = self;
	const struct export_result cancelled = {.outcome = EXPORT_RETRY};
	for (uint32_t i = 0; i < script->held_count; i++) {
		if (script->held[i] == call)
			script->held[i] = script->held[--script->held_count];
	}
	export_done(call, &cancelled);
}

void script_init(struct scripted_exporter *script)
{
	memset(script, 0, sizeof(*script));
	script->target = (struct export_target){
		.self = script, .send = script_send, .cancel = script_cancel};
}

void script_release(struct scripted_exporter *script)
{
	script->hold = false;
	while (script->held_count > 0)
		answer(script, script->held[--script->held_count]);
}
