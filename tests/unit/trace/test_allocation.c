/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations, counted: this file defines the malloc family itself and passes each call on to
 * glibc. After a warm-up, requests of 512 spans cost none in index, edit and encode, and two for
 * the chunk that carries the result. Under a sanitizer, which brings its own allocator, nothing is
 * counted and the test is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/encode.h"
#include "tests/support/trace_payload.h"

#include <stdlib.h>

enum { REQUESTS = 1000, SPANS = 512, BODIES = 4 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef COUNTS_ALLOCATIONS
#define COUNTS_ALLOCATIONS 1
#endif

static unsigned long allocations;

#if COUNTS_ALLOCATIONS
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
	allocations++;
	return __libc_realloc(ptr, size);
}

void *memalign(size_t alignment, size_t size);

void *memalign(size_t alignment, size_t size)
{
	allocations++;
	return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}
#endif

struct fixture {
	struct budget budget;
	struct key_table *keys;
	key_id denied, model;
	struct trace_view *view;
	struct buf bodies[BODIES];
	uint8_t *out;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct err err;
	budget_init(&f.budget, UINT64_MAX);
	f.keys = key_table_new();
	f.denied = key_table_add(f.keys, SLICE(PAYLOAD_DENIED_KEY_G), &err);
	f.model = key_table_add(f.keys, SLICE("gen_ai.request.model"), &err);
	assert_int_equal(key_table_freeze(f.keys, &err), 0);
	f.view = view_new(&f.budget, f.keys);
	for (unsigned i = 0; i < BODIES; i++)
		payload_append(&f.bodies[i], PAYLOAD_G, SPANS, i);
	f.out = malloc(2 * f.bodies[0].len);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < BODIES; i++)
		buf_fini(&f->bodies[i]);
	free(f->out);
	view_free(f->view);
	key_table_free(f->keys);
	return 0;
}

/* Drops, sets and renames on every span: the dearest edit a policy makes. */
static void edit_request(struct fixture *f, struct slice body)
{
	struct err err;
	assert_int_equal(view_open(f->view, body, &err), 0);
	for (uint32_t span = 0; span < SPANS; span++) {
		struct owner owner = {OWNER_SPAN, span};
		(void)edit_remove_attr(f->view, owner, f->denied);
		edit_set_attr(f->view, owner, SLICE("langfuse.observation.type"), 0,
			      value_of_str(SLICE("generation")));
		edit_rename_attr(f->view, owner, f->view->index.spans[span].attrs.begin,
				 SLICE("operation"), 0);
	}
	assert_int_equal(view_live_spans(f->view), SPANS);
}

static void encode_in_place(struct fixture *f, struct slice body)
{
	struct err err;
	struct encode_plan plan;
	edit_request(f, body);
	assert_int_equal(trace_encode_measure(f->view, (struct span_window){0, SPANS}, &plan, &err),
			 0);
	assert_true(plan.bytes <= 2 * f->bodies[0].len);
	trace_encode_write(f->view, &plan, f->out);
}

static void a_thousand_requests_allocate_nothing(void **state)
{
	struct fixture *f = *state;
	if (!COUNTS_ALLOCATIONS)
		skip();
	for (unsigned i = 0; i < BODIES; i++)
		encode_in_place(f, buf_slice(&f->bodies[i]));
	unsigned long before = allocations;
	assert_true(before > 0);
	for (unsigned i = 0; i < REQUESTS; i++)
		encode_in_place(f, buf_slice(&f->bodies[i % BODIES]));
	assert_int_equal(allocations - before, 0);
}

static void an_encoded_chunk_costs_two_allocations(void **state)
{
	struct fixture *f = *state;
	struct err err;
	struct chunk *chunk;
	if (!COUNTS_ALLOCATIONS)
		skip();
	encode_in_place(f, buf_slice(&f->bodies[0]));
	edit_request(f, buf_slice(&f->bodies[0]));
	unsigned long before = allocations;
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	assert_int_equal(allocations - before, 2);
	assert_int_equal(chunk->span_count, SPANS);
	chunk_unref(chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_requests_allocate_nothing),
		cmocka_unit_test(an_encoded_chunk_costs_two_allocations),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
