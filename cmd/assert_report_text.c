/* SPDX-License-Identifier: Apache-2.0 */
/* The report for people: what failed comes with the parts that are missed and the trace as a tree. */
#include "cmd/assert_report.h"

#include <inttypes.h>

static void append_loc(struct buf *out, struct config_loc loc)
{
	if (loc.file)
		buf_printf(out, "%s:%u: ", loc.file, (unsigned)loc.line);
}

void assert_report_misses(const struct assert_case *at, const char *indent, struct buf *out)
{
	for (const struct assert_miss *miss = at->misses; miss; miss = miss->next) {
		buf_append_str(out, indent);
		append_loc(out, miss->loc);
		buf_printf(out, "%s: %s\n", miss->wanted, miss->why);
		for (uint32_t i = 0; i < miss->found_count; i++) {
			const struct assert_found *found = &miss->found[i];
			buf_printf(out, "%s  found %s: %s%s\n", indent, found->what,
				   found->value ? found->value : "not there",
				   found->hidden ? " (--show-values prints it)" : "");
		}
		if (miss->nearest_word)
			buf_printf(out, "%s  did you mean %s?\n", indent, miss->nearest_word);
	}
	if (at->miss_count > ASSERT_MISSES_MAX)
		buf_printf(out, "%sand %u more\n", indent,
			   (unsigned)(at->miss_count - ASSERT_MISSES_MAX));
}

static void append_indented(struct buf *out, const char *indent, const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		if (end > text) {
			buf_append_str(out, indent);
			buf_append(out, slice_of(text, (size_t)(end - text)));
		}
		buf_append_byte(out, '\n');
		text = *end ? end + 1 : end;
	}
}

static void report_word(const struct assert_results *results, bool holds, struct buf *out)
{
	struct terminal_line line = terminal_line_begin(&results->terminal, out);
	terminal_line_style(&line, holds ? STYLE_FACT : STYLE_ERROR);
	terminal_line_own(&line, holds ? "ok  " : "FAIL", holds ? "ok  " : "FAIL");
	terminal_line_style(&line, STYLE_PLAIN);
}

/* What is as it should be and was not asked for needs no line. */
static bool is_worth_a_line(const struct assert_case *at)
{
	return at->result != VERDICT_HOLDS ||
	       (at->kind != ASSERT_CASE_SPANS && at->kind != ASSERT_CASE_COMMAND);
}

static void report_case(const struct assert_results *results, const struct assert_case *at,
			struct buf *out)
{
	bool holds = at->result == VERDICT_HOLDS;
	report_word(results, holds, out);
	buf_printf(out, "  %s", at->title);
	if (at->loc.file)
		buf_printf(out, " (%s:%u)", at->loc.file, (unsigned)at->loc.line);
	if (!holds && at->summary[0])
		buf_printf(out, ": %s", at->summary);
	buf_append_byte(out, '\n');
	if (holds)
		return;
	if (at->trace_id[0])
		buf_printf(out, "      nearest: trace %s%s%s\n", at->trace_id,
			   at->span_id[0] ? ", span " : "", at->span_id);
	if (at->kind != ASSERT_CASE_SPANS && at->kind != ASSERT_CASE_COMMAND)
		assert_report_misses(at, "      ", out);
	append_indented(out, "      ", at->terminal_tree);
}

void assert_report_text(const struct assert_results *results, struct buf *out)
{
	for (const struct assert_case *at = results->cases; at; at = at->next) {
		if (is_worth_a_line(at))
			report_case(results, at, out);
	}
	buf_append_str(out, results->notes);
	buf_printf(out,
		   "%" PRIu64 " expectations: %" PRIu64 " held, %" PRIu64 " failed, %" PRIu64
		   " selected nothing; %" PRIu64 " spans in %" PRIu64 " traces; %s.\n",
		   results->held + results->failed + results->empty, results->held, results->failed,
		   results->empty, results->spans, results->traces, assert_end_text(results->end));
}
