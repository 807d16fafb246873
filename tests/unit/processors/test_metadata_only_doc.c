/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/processors/metadata_only.md holds what the tables say: options and rules. Runs in the root of
 * the tree; with SLUICE_UPDATE=1 in the environment it writes the page anew instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors/metadata_only/policy.h"

#include <stdio.h>
#include <stdlib.h>

static const char page_path[] = "docs/processors/metadata_only.md";

static void read_page(struct buf *out)
{
	char block[4096];
	size_t len;
	FILE *file = fopen(page_path, "rb");
	assert_non_null(file);
	while ((len = fread(block, 1, sizeof(block), file)) > 0)
		buf_append(out, slice_of(block, len));
	(void)fclose(file);
}

/* ${text} as the inside of a table's cell. */
static void append_cell(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*text);
	}
}

static void append_rules(struct buf *out)
{
	buf_append_str(out, "| rule | what happens | on | class | why | written by |\n"
			    "| --- | --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < policy_row_count; i++) {
		const struct policy_row *row = &policy_rows[i];
		buf_append_str(out, "| `");
		append_cell(out, row->pattern);
		buf_printf(out, "` | %s | %s | %s | ", policy_action_words[row->action],
			   policy_when_words[row->when], policy_class_words[row->class]);
		append_cell(out, row->reason);
		buf_append_str(out, " | ");
		append_cell(out, row->source);
		buf_append_str(out, " |\n");
	}
}

static void append_fields(struct buf *out)
{
	buf_append_str(out, "| field | what happens | why |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < FIELD_COUNT; i++)
		buf_printf(out, "| %s | %s | %s |\n", policy_fields[i].label, policy_fields[i].what,
			   policy_fields[i].reason);
}

static void append_scopes(struct buf *out)
{
	for (size_t i = 0; i < policy_model_scope_count; i++)
		buf_printf(out, "%s`%.*s`", i > 0 ? ", " : "", SLICE_FMT(policy_model_scopes[i]));
	buf_append_byte(out, '\n');
}

static void append_options(struct buf *out)
{
	config_block_document(&policy_block, out);
}

/* The page with what stands between "<!-- name -->" and "<!-- end -->" made anew. */
static void make_page(struct slice page, struct buf *out)
{
	static const struct {
		const char *mark;
		void (*append)(struct buf *out);
	} parts[] = {{"<!-- options -->\n", append_options},
		     {"<!-- rules -->\n", append_rules},
		     {"<!-- fields -->\n", append_fields},
		     {"<!-- scopes -->\n", append_scopes}};
	static const char end_mark[] = "<!-- end -->";
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
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

static void the_page_says_what_the_tables_say(void **state)
{
	struct buf page = BUF_INIT, made = BUF_INIT;
	(void)state;
	read_page(&page);
	make_page(buf_slice(&page), &made);
	assert_false(page.failed || made.failed);
	if (getenv("SLUICE_UPDATE")) {
		FILE *file = fopen(page_path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(made.data, 1, made.len, file), made.len);
		assert_int_equal(fclose(file), 0);
	} else if (!slice_equal(buf_slice(&page), buf_slice(&made))) {
		fail_msg("%s is out of date: run this test with SLUICE_UPDATE=1", page_path);
	}
	buf_fini(&page);
	buf_fini(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_says_what_the_tables_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
