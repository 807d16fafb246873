/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/generate_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { GOLDEN_BYTES_MAX = 1 << 16 };

void generate_view_open(struct generate_view *request, struct slice body)
{
	struct err err = {.msg = ""};
	budget_init(&request->budget, UINT64_MAX);
	request->keys = key_table_new();
	assert_non_null(request->keys);
	assert_int_equal(key_table_freeze(request->keys, &err), 0);
	trace_index_init(&request->index, &request->budget, request->keys);
	if (trace_index_build(&request->index, body, &err) != 0)
		fail_msg("byte %llu: %s", (unsigned long long)err.offset, err.msg);
	request->view = view_new(&request->budget);
	assert_non_null(request->view);
	assert_int_equal(view_begin(request->view, &request->index, &err), 0);
}

void generate_view_close(struct generate_view *request)
{
	view_free(request->view);
	trace_index_fini(&request->index);
	key_table_free(request->keys);
	assert_int_equal(budget_used(&request->budget), 0);
}

void generate_assert_golden(const char *name, struct slice text)
{
	static char golden[GOLDEN_BYTES_MAX];
	char path[256];
	(void)snprintf(path, sizeof(path), "tests/fixtures/%s", name);
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s: cannot open; tests run from the root of the tree", path);
	size_t len = fread(golden, 1, sizeof(golden), file);
	(void)fclose(file);
	if (slice_equal(text, slice_of(golden, len)))
		return;
	(void)fwrite(text.ptr, 1, text.len, stderr); /* cmocka's messages end at 1 KiB */
	fail_msg("%s differs from the text above", path);
}
