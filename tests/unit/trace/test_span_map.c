/* SPDX-License-Identifier: Apache-2.0 */
/* Parents by position: as received, kept from run to run, and looked for again when they change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/edit.h"
#include "pipeline/trace/otlp/span_map.h"
#include "tests/support/trace_wire.h"

enum { SPANS = 40 };

struct fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view;
	struct span_map map;
	struct buf body;
};

static struct slice id_of(uint8_t id[SPAN_ID_BYTES], uint8_t number)
{
	memset(id, 0x70, SPAN_ID_BYTES);
	id[3] = number;
	return slice_of(id, SPAN_ID_BYTES);
}

/* Spans of one trace, number 1 ..; the parent of each is the one ${step} before it. */
static void make_body(struct buf *body, uint8_t step)
{
	uint8_t trace_id[TRACE_ID_BYTES] = {1}, id[SPAN_ID_BYTES];
	struct buf span = BUF_INIT;
	buf_reset(body);
	for (uint8_t number = 1; number <= SPANS; number++) {
		buf_reset(&span);
		tw_bytes(&span, SPAN_TRACE_ID, slice_of(trace_id, sizeof(trace_id)));
		tw_bytes(&span, SPAN_SPAN_ID, id_of(id, number));
		if (number > step)
			tw_bytes(&span, SPAN_PARENT_SPAN_ID, id_of(id, number - step));
		tw_request_of_span(body, buf_slice(&span));
	}
	buf_fini(&span);
}

static void open_body(struct fixture *f, uint8_t step)
{
	struct err err;
	make_body(&f->body, step);
	assert_int_equal(view_open(f->view, buf_slice(&f->body), &err), 0);
	assert_int_equal(view_span_count(f->view), SPANS);
}

static void check_parents(struct fixture *f, uint32_t step)
{
	struct err err;
	assert_int_equal(span_map_build(&f->map, f->view, &err), 0);
	assert_int_equal(f->map.count, SPANS);
	for (uint32_t at = 0; at < SPANS; at++)
		assert_int_equal(f->map.parents[at], at < step ? SPAN_MAP_NONE : at - step);
}

static void begin_run(struct fixture *f)
{
	struct err err;
	assert_int_equal(view_begin(f->view, &err), 0);
}

static void init(struct fixture *f)
{
	struct err err;
	*f = (struct fixture){.keys = key_table_new()};
	budget_init(&f->budget, UINT64_MAX);
	assert_non_null(f->keys);
	assert_int_equal(key_table_freeze(f->keys, &err), 0);
	f->view = view_new(&f->budget, f->keys);
	assert_non_null(f->view);
	span_map_init(&f->map, &f->budget);
}

static void fini(struct fixture *f)
{
	view_free(f->view);
	key_table_free(f->keys);
	span_map_fini(&f->map);
	buf_fini(&f->body);
	assert_int_equal(budget_used(&f->budget), 0);
}

static void every_run_sees_the_parents(void **state)
{
	struct fixture f;
	(void)state;
	init(&f);
	open_body(&f, 1);
	for (int run = 0; run < 3; run++) {
		check_parents(&f, 1);
		edit_drop_span(f.view, 7); /* a dropped span is a parent all the same */
		check_parents(&f, 1);
		begin_run(&f);
	}
	open_body(&f, 3);
	check_parents(&f, 3);
	view_close(f.view);
	open_body(&f, 2);
	check_parents(&f, 2);
	fini(&f);
}

/* What a walk over dropped spans has shortened is that map's alone. */
static void maps_do_not_share(void **state)
{
	struct fixture f;
	(void)state;
	init(&f);
	open_body(&f, 1);
	check_parents(&f, 1);
	check_parents(&f, 1); /* this time with those that the view keeps */
	for (uint32_t span = 10; span < 20; span++)
		edit_drop_span(f.view, span);
	assert_int_equal(span_map_top_of_dropped(&f.map, f.view, 19), 10);
	assert_int_equal(f.map.parents[19], 10);
	check_parents(&f, 1);
	fini(&f);
}

static void a_parent_that_was_set_counts_in_its_run(void **state)
{
	struct fixture f;
	struct err err;
	uint8_t id[SPAN_ID_BYTES];
	(void)state;
	init(&f);
	open_body(&f, 1);
	for (int run = 0; run < 2; run++) {
		check_parents(&f, 1);
		edit_set_span_parent(f.view, 9, id_of(id, 3));
		edit_set_span_parent(f.view, 11, (struct slice){NULL, 0});
		assert_int_equal(span_map_build(&f.map, f.view, &err), 0);
		assert_int_equal(f.map.parents[9], 2);
		assert_int_equal(f.map.parents[10], 9);
		assert_int_equal(f.map.parents[11], SPAN_MAP_NONE);
		begin_run(&f);
	}
	check_parents(&f, 1);
	/* Set before anybody has asked. */
	open_body(&f, 1);
	edit_set_span_parent(f.view, 9, id_of(id, 3));
	assert_int_equal(span_map_build(&f.map, f.view, &err), 0);
	assert_int_equal(f.map.parents[9], 2);
	begin_run(&f);
	check_parents(&f, 1);
	fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_run_sees_the_parents),
		cmocka_unit_test(maps_do_not_share),
		cmocka_unit_test(a_parent_that_was_set_counts_in_its_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
