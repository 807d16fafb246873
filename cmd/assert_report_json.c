/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report for programs. Its schema is stable: keys may be added, none changes its meaning as long as
 * "version" is 1. A key is there whether it has something to say or not.
 */
#include "cmd/assert_report.h"

#include <inttypes.h>

/* "key": "text" with a comma before, unless it opens an object; NULL becomes null. */
static void append_text(struct buf *out, const char *before, const char *key, const char *text)
{
	buf_printf(out, "%s\"%s\": ", before, key);
	if (!text) {
		buf_append_str(out, "null");
		return;
	}
	buf_append_byte(out, '"');
	buf_append_json(out, slice_str(text));
	buf_append_byte(out, '"');
}

static void append_loc(struct buf *out, struct config_loc loc)
{
	append_text(out, ", ", "file", loc.file);
	buf_printf(out, ", \"line\": %u, \"column\": %u", (unsigned)loc.line, (unsigned)loc.column);
}

static void append_miss(const struct assert_miss *miss, struct buf *out)
{
	append_text(out, "\n        {", "wanted", miss->wanted);
	append_text(out, ", ", "why", miss->why);
	append_loc(out, miss->loc);
	append_text(out, ", ", "nearest_word", miss->nearest_word);
	buf_append_str(out, ", \"found\": [");
	for (uint32_t i = 0; i < miss->found_count; i++) {
		const struct assert_found *found = &miss->found[i];
		append_text(out, i == 0 ? "{" : ", {", "what", found->what);
		append_text(out, ", ", "value", found->hidden ? NULL : found->value);
		append_text(out, ", ", "hidden", found->hidden ? found->value : NULL);
		buf_append_byte(out, '}');
	}
	buf_append_str(out, "]}");
}

static void append_counts(const struct assert_case *at, struct buf *out)
{
	buf_printf(out,
		   ",\n      \"traces\": %" PRIu32 ", \"traces_failed\": %" PRIu32
		   ", \"spans\": %" PRIu64 ", \"spans_failed\": %" PRIu64,
		   at->verdict.traces, at->verdict.traces_failed, at->verdict.spans,
		   at->verdict.spans_failed);
}

static void append_case(const struct assert_case *at, struct buf *out)
{
	static const char *const results[] = {[VERDICT_HOLDS] = "holds",
					      [VERDICT_FAILED] = "failed",
					      [VERDICT_SELECTED_NOTHING] = "selected_nothing"};
	append_text(out, "\n    {", "kind", assert_case_word(at->kind));
	append_text(out, ", ", "title", at->title);
	append_text(out, ", ", "result", results[at->result]);
	append_loc(out, at->loc);
	append_text(out, ",\n      ", "summary", at->summary);
	append_counts(at, out);
	append_text(out, ",\n      ", "trace_id", at->trace_id[0] ? at->trace_id : NULL);
	append_text(out, ", ", "span_id", at->span_id[0] ? at->span_id : NULL);
	append_text(out, ",\n      ", "tree", at->tree[0] ? at->tree : NULL);
	buf_printf(out, ",\n      \"miss_count\": %" PRIu32 ", \"misses\": [", at->miss_count);
	for (const struct assert_miss *miss = at->misses; miss; miss = miss->next) {
		append_miss(miss, out);
		if (miss->next)
			buf_append_byte(out, ',');
	}
	buf_append_str(out, "]}");
}

void assert_report_json(const struct assert_results *results, struct buf *out)
{
	buf_printf(out, "{\n  \"version\": 1,\n  \"exit_code\": %d", results->exit_code);
	append_text(out, ",\n  ", "end", assert_end_word(results->end));
	buf_printf(out,
		   ",\n  \"spans\": %" PRIu64 ",\n  \"traces\": %" PRIu64 ",\n  \"lost\": %" PRIu64,
		   results->spans, results->traces, results->lost);
	if (results->has_command && results->command_code >= 0)
		buf_printf(out, ",\n  \"command_exit_code\": %d", results->command_code);
	else
		buf_append_str(out, ",\n  \"command_exit_code\": null");
	buf_printf(out,
		   ",\n  \"held\": %" PRIu64 ",\n  \"failed\": %" PRIu64
		   ",\n  \"selected_nothing\": %" PRIu64 ",\n  \"cases\": [",
		   results->held, results->failed, results->empty);
	for (const struct assert_case *at = results->cases; at; at = at->next) {
		append_case(at, out);
		if (at->next)
			buf_append_byte(out, ',');
	}
	buf_append_str(out, "\n  ]\n}\n");
}
