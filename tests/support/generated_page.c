/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/generated_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static void read_page(const char *path, struct buf *out)
{
	char block[4096];
	size_t len;
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	while ((len = fread(block, 1, sizeof(block), file)) > 0)
		buf_append(out, slice_of(block, len));
	(void)fclose(file);
}

void generated_page_cell(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*text);
	}
}

/* The page with its parts made anew. */
static void make_page(struct slice page, const struct page_part *parts, size_t count,
		      struct buf *out)
{
	static const char end_mark[] = "<!-- end -->";
	for (size_t i = 0; i < count; i++) {
		const uint8_t *mark =
			memmem(page.ptr, page.len, parts[i].mark, strlen(parts[i].mark));
		assert_non_null(mark);
		const uint8_t *begin = mark + strlen(parts[i].mark);
		size_t left = page.len - (size_t)(begin - page.ptr);
		const uint8_t *end = memmem(begin, left, end_mark, strlen(end_mark));
		assert_non_null(end);
		buf_append(out, slice_of(page.ptr, (size_t)(begin - page.ptr)));
		parts[i].append(out);
		page = slice_of(end, page.len - (size_t)(end - page.ptr));
	}
	buf_append(out, page);
}

void generated_page_check(const char *path, const struct page_part *parts, size_t count)
{
	struct buf page = BUF_INIT, made = BUF_INIT;
	read_page(path, &page);
	make_page(buf_slice(&page), parts, count, &made);
	assert_false(page.failed || made.failed);
	if (getenv("SLUICE_UPDATE")) {
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(made.data, 1, made.len, file), made.len);
		assert_int_equal(fclose(file), 0);
	} else if (!slice_equal(buf_slice(&page), buf_slice(&made))) {
		fail_msg("%s is out of date: run this test with SLUICE_UPDATE=1", path);
	}
	buf_fini(&page);
	buf_fini(&made);
}
