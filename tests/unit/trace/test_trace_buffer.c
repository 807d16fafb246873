/* SPDX-License-Identifier: Apache-2.0 */
/* The trace buffer against protobuf-c's tree of what was added: every span comes back under its
 * trace with its resource and scope, once, or is counted as lost. */
#include "pipeline/trace/buffer/trace_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/support/trace_proto.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

enum { REQUESTS = 12, ROUNDS = 60, LINES_MAX = 4096 };

struct fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view;
	struct trace_buffer *buffer;
	uint64_t now_ns;
	uint64_t evicted; /* spans, as the callback saw them */
};

static int set_up(void **state)
{
	static struct fixture f;
	struct err err;
	f = (struct fixture){.keys = key_table_new(), .now_ns = 1000};
	budget_init(&f.budget, UINT64_MAX);
	assert_int_equal(key_table_freeze(f.keys, &err), 0);
	f.view = view_new(&f.budget, f.keys);
	assert_non_null(f.view);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	trace_buffer_free(f->buffer);
	view_free(f->view);
	key_table_free(f->keys);
	assert_int_equal(budget_used(&f->budget), 0);
	return 0;
}

static void on_evicted(void *arg, const struct buffered_trace *trace, enum trace_bound bound)
{
	struct fixture *f = arg;
	assert_true(bound < TRACE_BOUND_COUNT);
	struct chunk *request = trace_buffer_request(f->buffer, trace);
	assert_non_null(request);
	chunk_unref(request);
	f->evicted += trace->span_count;
}

static void open_buffer(struct fixture *f, struct trace_buffer_config config)
{
	trace_buffer_free(f->buffer);
	config.evicted = on_evicted;
	config.arg = f;
	f->evicted = 0;
	f->buffer = trace_buffer_new(&config, &f->budget);
	assert_non_null(f->buffer);
}

static const struct trace_buffer_config roomy = {
	.bytes_max = SIZE_MAX, .traces_max = UINT32_MAX, .spans_max = UINT32_MAX};

static struct chunk *chunk_of(struct fixture *f, struct slice bytes)
{
	struct chunk *chunk = chunk_new(&f->budget, bytes.len + 1);
	assert_non_null(chunk);
	assert_true(chunk_append(chunk, bytes));
	return chunk;
}

static uint32_t add(struct fixture *f, struct slice body)
{
	struct err err;
	struct chunk *chunk = chunk_of(f, body);
	if (view_open(f->view, chunk_slice(chunk), &err) != 0) {
		chunk_unref(chunk);
		return 0;
	}
	uint32_t kept = trace_buffer_add(f->buffer, f->view, chunk, f->now_ns);
	view_close(f->view);
	chunk_unref(chunk);
	return kept;
}

/* ---- what was added, as lines: trace id, span, resource and scope in protobuf-c's form ---- */

struct lines {
	struct buf at[LINES_MAX];
	size_t count;
};

static void append_packed(struct buf *out, const ProtobufCMessage *message)
{
	if (!message)
		return;
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = malloc(len + 1);
	protobuf_c_message_pack(message, packed);
	buf_append(out, slice_of(packed, len));
	free(packed);
}

static void add_lines(struct lines *lines, struct slice body)
{
	trace_tree *tree = trace_tree_parse(body);
	assert_non_null(tree);
	for (size_t r = 0; r < tree->n_resource_spans; r++) {
		const Otlp__ResourceSpans *resource = tree->resource_spans[r];
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			const Otlp__ScopeSpans *scope = resource->scope_spans[s];
			for (size_t i = 0; i < scope->n_spans; i++) {
				assert_true(lines->count < LINES_MAX);
				struct buf *line = &lines->at[lines->count++];
				buf_reset(line);
				append_packed(line, &scope->spans[i]->base);
				buf_append_byte(line, '|');
				if (resource->resource)
					append_packed(line, &resource->resource->base);
				buf_append_str(line, resource->schema_url);
				buf_append_byte(line, '|');
				if (scope->scope)
					append_packed(line, &scope->scope->base);
				buf_append_str(line, scope->schema_url);
			}
		}
	}
	trace_request_free(tree);
}

static int by_bytes(const void *a, const void *b)
{
	const struct buf *left = a, *right = b;
	size_t len = left->len < right->len ? left->len : right->len;
	int order = len > 0 ? memcmp(left->data, right->data, len) : 0;
	return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

static void free_lines(struct lines *lines)
{
	for (size_t i = 0; i < LINES_MAX; i++)
		buf_fini(&lines->at[i]);
	*lines = (struct lines){.count = 0};
}

static void read_back(struct fixture *f, struct lines *lines)
{
	const struct buffered_trace *trace = trace_buffer_first(f->buffer);
	for (; trace; trace = trace_buffer_next(trace)) {
		struct chunk *request = trace_buffer_request(f->buffer, trace);
		struct err err;
		assert_non_null(request);
		assert_int_equal(request->span_count, trace->span_count);
		assert_int_equal(view_open(f->view, chunk_slice(request), &err), 0);
		for (uint32_t i = 0; i < view_span_count(f->view); i++) {
			struct slice id = view_span_trace_id(f->view, i);
			if (id.len > 0)
				assert_memory_equal(id.ptr, trace->id, TRACE_ID_BYTES);
		}
		view_close(f->view);
		add_lines(lines, chunk_slice(request));
		chunk_unref(request);
	}
}

static void every_span_comes_back_under_its_trace(void **state)
{
	static struct lines added, got;
	struct fixture *f = *state;
	size_t spans = 0;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		open_buffer(f, roomy);
		added.count = got.count = 0;
		for (uint64_t i = 0; i < REQUESTS; i++) {
			struct buf body = BUF_INIT;
			struct random_shape shape = random_shape_of(seed * REQUESTS + i);
			struct err err;
			random_request(&shape, &body);
			if (view_open(f->view, buf_slice(&body), &err) == 0) {
				/* As every decoder sees it: repeats merged, old fields renamed. */
				add_lines(&added, f->view->index.body);
				view_close(f->view);
			}
			(void)add(f, buf_slice(&body));
			buf_fini(&body);
		}
		read_back(f, &got);
		assert_int_equal(got.count, added.count);
		assert_int_equal(trace_buffer_spans(f->buffer), added.count);
		qsort(added.at, added.count, sizeof(added.at[0]), by_bytes);
		qsort(got.at, got.count, sizeof(got.at[0]), by_bytes);
		for (size_t i = 0; i < got.count; i++)
			assert_int_equal(by_bytes(&added.at[i], &got.at[i]), 0);
		spans += got.count;
	}
	assert_true(spans > (size_t)ROUNDS * REQUESTS);
	free_lines(&added);
	free_lines(&got);
}

/* ---- bounds ---- */

/* A request with ${count} spans of the trace ${trace}. */
static void request_of(struct buf *out, char trace, unsigned count)
{
	char id[TRACE_ID_BYTES];
	memset(id, trace, sizeof(id));
	buf_reset(out);
	size_t resource = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	for (unsigned i = 0; i < count; i++) {
		size_t span = tw_open(out, SCOPE_SPANS_SPANS);
		tw_bytes(out, SPAN_TRACE_ID, slice_of(id, sizeof(id)));
		tw_bytes(out, SPAN_SPAN_ID, slice_of(id, SPAN_ID_BYTES));
		tw_close(out, span);
	}
	tw_close(out, scope);
	tw_close(out, resource);
}

static const struct bound_case {
	struct trace_buffer_config config;
	enum trace_bound bound;
	uint32_t left; /* spans, after ten traces of three each */
} bound_cases[] = {
	{{.bytes_max = SIZE_MAX, .traces_max = 4, .spans_max = UINT32_MAX}, TRACE_BOUND_TRACES, 12},
	{{.bytes_max = SIZE_MAX, .traces_max = UINT32_MAX, .spans_max = 7}, TRACE_BOUND_SPANS, 6},
	{{.bytes_max = 1, .traces_max = UINT32_MAX, .spans_max = UINT32_MAX}, TRACE_BOUND_BYTES, 0},
	{{.bytes_max = SIZE_MAX, .traces_max = 4, .spans_max = UINT32_MAX, .refuse_new = true},
	 TRACE_BOUND_TRACES,
	 12},
	{{.bytes_max = SIZE_MAX, .traces_max = UINT32_MAX, .spans_max = 7, .refuse_new = true},
	 TRACE_BOUND_SPANS,
	 7},
};

static void at_a_bound_the_oldest_go_or_the_new_are_refused(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(bound_cases); i++) {
		const struct bound_case *c = &bound_cases[i];
		struct buf body = BUF_INIT;
		uint32_t kept = 0;
		open_buffer(f, c->config);
		for (char trace = 'a'; trace < 'a' + 10; trace++) {
			request_of(&body, trace, 3);
			kept += add(f, buf_slice(&body));
		}
		uint64_t lost = trace_buffer_lost(f->buffer, c->bound);
		assert_int_equal(trace_buffer_spans(f->buffer), c->left);
		assert_int_equal(lost + c->left, 30);
		assert_int_equal(f->evicted, c->config.refuse_new ? 0 : kept - c->left);
		const struct buffered_trace *first = trace_buffer_first(f->buffer);
		if (first)
			assert_int_equal(first->id[0] == 'a', c->config.refuse_new);
		buf_fini(&body);
	}
}

static void traces_end_with_their_age(void **state)
{
	struct fixture *f = *state;
	struct trace_buffer_config config = roomy;
	struct buf body = BUF_INIT;
	config.age_max_ns = 100;
	open_buffer(f, config);
	for (char trace = 'a'; trace < 'a' + 5; trace++) {
		request_of(&body, trace, 1);
		assert_int_equal(add(f, buf_slice(&body)), 1);
		f->now_ns += 40;
	}
	/* Added at 0, 40, 80, 120, 160 before now: the first two are 100 old, and more. */
	trace_buffer_expire(f->buffer, f->now_ns - 40);
	assert_int_equal(trace_buffer_traces(f->buffer), 3);
	assert_int_equal(trace_buffer_lost(f->buffer, TRACE_BOUND_AGE), 2);
	assert_null(trace_buffer_find(f->buffer, SLICE("aaaaaaaaaaaaaaaa")));
	assert_non_null(trace_buffer_find(f->buffer, SLICE("cccccccccccccccc")));
	buf_fini(&body);
}

static void what_is_taken_out_counts_as_nothing(void **state)
{
	struct fixture *f = *state;
	struct buf body = BUF_INIT;
	open_buffer(f, roomy);
	request_of(&body, 'a', 5);
	assert_int_equal(add(f, buf_slice(&body)), 5);
	trace_buffer_remove(f->buffer, trace_buffer_first(f->buffer));
	assert_int_equal(trace_buffer_bytes(f->buffer), 0);
	assert_int_equal(trace_buffer_traces(f->buffer), 0);
	for (int bound = 0; bound < TRACE_BOUND_COUNT; bound++)
		assert_int_equal(trace_buffer_lost(f->buffer, (enum trace_bound)bound), 0);
	buf_fini(&body);
}

static void without_memory_spans_are_refused_and_counted(void **state)
{
	struct fixture *f = *state;
	struct buf body = BUF_INIT;
	struct budget none;
	budget_init(&none, 64);
	f->buffer = trace_buffer_new(&roomy, &none);
	assert_non_null(f->buffer);
	request_of(&body, 'a', 5);
	assert_int_equal(add(f, buf_slice(&body)), 0);
	assert_int_equal(trace_buffer_lost(f->buffer, TRACE_BOUND_MEMORY), 5);
	assert_int_equal(trace_buffer_bytes(f->buffer), 0);
	assert_int_equal(budget_used(&none), 0);
	buf_fini(&body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_span_comes_back_under_its_trace),
		TEST(at_a_bound_the_oldest_go_or_the_new_are_refused),
		TEST(traces_end_with_their_age),
		TEST(what_is_taken_out_counts_as_nothing),
		TEST(without_memory_spans_are_refused_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
