/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/edit_fixture.h"
#include "tests/support/trace_random.h"

int edit_fixture_set_up(void **state)
{
	static struct edit_fixture f;
	struct err err;
	budget_init(&f.budget, UINT64_MAX);
	f.keys = key_table_new();
	for (unsigned i = 0; i < RANDOM_KEYS_KNOWN; i++)
		assert_int_not_equal(key_table_add(f.keys, slice_str(random_keys[i]), &err), 0);
	assert_int_equal(key_table_freeze(f.keys, &err), 0);
	trace_index_init(&f.index, &f.budget, f.keys);
	f.view = view_new(&f.budget);
	assert_non_null(f.view);
	*state = &f;
	return 0;
}

int edit_fixture_tear_down(void **state)
{
	struct edit_fixture *f = *state;
	view_free(f->view);
	trace_index_fini(&f->index);
	key_table_free(f->keys);
	buf_fini(&f->body);
	assert_int_equal(budget_used(&f->budget), 0);
	return 0;
}
