/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations beside the lines of the expectation file, by the workflow commands of GitHub Actions. */
#include "cmd/assert_report.h"

/* ${property}: within the properties ':' and ',' part what belongs together. */
static void append_escaped(struct buf *out, const char *text, bool property)
{
	for (; *text; text++) {
		bool escaped = *text == '%' || *text == '\n' || *text == '\r' ||
			       (property && (*text == ':' || *text == ','));
		if (escaped)
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
		else
			buf_append_byte(out, (uint8_t)*text);
	}
}

static void append_annotation(const struct assert_case *at, struct config_loc loc,
			      const char *message, struct buf *out)
{
	buf_append_str(out, "::error ");
	if (loc.file) {
		buf_append_str(out, "file=");
		append_escaped(out, loc.file, true);
		buf_printf(out, ",line=%u,", (unsigned)loc.line);
		if (loc.column > 0)
			buf_printf(out, "col=%u,", (unsigned)loc.column);
	}
	buf_append_str(out, "title=");
	append_escaped(out, at->title, true);
	buf_append_str(out, "::");
	append_escaped(out, message, false);
	buf_append_byte(out, '\n');
}

static void append_miss(const struct assert_case *at, const struct assert_miss *miss,
			struct buf *out)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "%s: %s", miss->wanted, miss->why);
	for (uint32_t i = 0; i < miss->found_count; i++)
		buf_printf(&text, "%s%s: %s", i == 0 ? "; found " : ", ", miss->found[i].what,
			   miss->found[i].value ? miss->found[i].value : "not there");
	if (miss->nearest_word)
		buf_printf(&text, "; did you mean %s?", miss->nearest_word);
	append_annotation(at, miss->loc.file ? miss->loc : at->loc, buf_cstr(&text), out);
	out->failed = out->failed || text.failed;
	buf_fini(&text);
}

void assert_report_github(const struct assert_results *results, struct buf *out)
{
	for (const struct assert_case *at = results->cases; at; at = at->next) {
		if (at->result == VERDICT_HOLDS)
			continue;
		for (const struct assert_miss *miss = at->misses; miss; miss = miss->next)
			append_miss(at, miss, out);
		if (!at->misses)
			append_annotation(at, at->loc, at->summary, out);
	}
}
