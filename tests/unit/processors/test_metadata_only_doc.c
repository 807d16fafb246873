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
#include "tests/support/generated_page.h"

static void append_rules(struct buf *out)
{
	buf_append_str(out, "| rule | what happens | on | class | why | written by |\n"
			    "| --- | --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < policy_row_count; i++) {
		const struct policy_row *row = &policy_rows[i];
		buf_append_str(out, "| `");
		generated_page_cell(out, row->pattern);
		bool formed = row->action == ACTION_KEEP || row->action == ACTION_KNOWN;
		buf_printf(out, "` | %s%s%s | %s | %s | ", policy_action_words[row->action],
			   formed ? ": " : "", formed ? policy_form_words[row->form] : "",
			   policy_when_words[row->when], policy_class_words[row->class]);
		generated_page_cell(out, row->reason);
		buf_append_str(out, " | ");
		generated_page_cell(out, row->source);
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

static void the_page_says_what_the_tables_say(void **state)
{
	static const struct page_part parts[] = {{"<!-- options -->\n", append_options},
						 {"<!-- rules -->\n", append_rules},
						 {"<!-- fields -->\n", append_fields},
						 {"<!-- scopes -->\n", append_scopes}};
	(void)state;
	generated_page_check("docs/processors/metadata_only.md", parts, ARRAY_COUNT(parts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_says_what_the_tables_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
