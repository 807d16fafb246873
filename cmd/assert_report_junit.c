/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit's XML in the form that Jenkins, GitLab and GitHub's reporters share: one testsuite, a testcase per
 * case with its file as the class. An expectation that fails is a <failure>; what is no expectation
 * (nothing came, the command failed) is an <error>.
 */
#include "cmd/assert_report.h"

#include <inttypes.h>

/* U+FFFE and U+FFFF are no characters of XML (XML 1.0, 2.2); all other controls are escaped already. */
static bool is_no_character(const char *at)
{
	const uint8_t *bytes = (const uint8_t *)at;
	return bytes[0] == 0xef && bytes[1] == 0xbf && bytes[2] >= 0xbe;
}

static void append_xml(struct buf *out, const char *text, bool attribute)
{
	for (; *text; text++) {
		switch (*text) {
		case '<': buf_append_str(out, "&lt;"); break;
		case '>': buf_append_str(out, "&gt;"); break;
		case '&': buf_append_str(out, "&amp;"); break;
		case '"': buf_append_str(out, "&quot;"); break;
		case '\n': buf_append_str(out, attribute ? "&#10;" : "\n"); break;
		case '\t': buf_append_str(out, attribute ? "&#9;" : "\t"); break;
		default:
			if (is_no_character(text)) {
				buf_append_str(out, "\xef\xbf\xbd");
				text += 2;
			} else {
				buf_append_byte(out, (uint8_t)*text);
			}
		}
	}
}

static void append_attribute(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, " %s=\"", name);
	append_xml(out, text, true);
	buf_append_byte(out, '"');
}

static bool is_error(const struct assert_case *at)
{
	return at->kind == ASSERT_CASE_SPANS || at->kind == ASSERT_CASE_COMMAND;
}

static void append_failure(const struct assert_case *at, struct buf *out)
{
	const char *element = is_error(at) ? "error" : "failure";
	struct buf body = BUF_INIT;
	assert_report_misses(at, "", &body);
	if (at->trace_id[0])
		buf_printf(&body, "nearest: trace %s%s%s\n", at->trace_id,
			   at->span_id[0] ? ", span " : "", at->span_id);
	buf_append_str(&body, at->tree);
	out->failed = out->failed || body.failed;
	buf_printf(out, ">\n      <%s", element);
	append_attribute(out, "type", assert_case_word(at->kind));
	append_attribute(out, "message", at->summary);
	buf_append_byte(out, '>');
	append_xml(out, buf_cstr(&body), false);
	buf_printf(out, "</%s>\n    </testcase>\n", element);
	buf_fini(&body);
}

static void append_case(const struct assert_case *at, struct buf *out)
{
	buf_append_str(out, "    <testcase");
	append_attribute(out, "name", at->title);
	append_attribute(out, "classname", at->loc.file ? at->loc.file : "sluice assert");
	if (at->loc.file) {
		append_attribute(out, "file", at->loc.file);
		buf_printf(out, " line=\"%u\"", (unsigned)at->loc.line);
	}
	if (at->result == VERDICT_HOLDS)
		buf_append_str(out, "/>\n");
	else
		append_failure(at, out);
}

void assert_report_junit(const struct assert_results *results, struct buf *out)
{
	unsigned tests = 0, failures = 0, errors = 0;
	for (const struct assert_case *at = results->cases; at; at = at->next) {
		bool holds = at->result == VERDICT_HOLDS;
		tests++;
		failures += !holds && !is_error(at);
		errors += !holds && is_error(at);
	}
	buf_append_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buf_printf(out, "<testsuites tests=\"%u\" failures=\"%u\" errors=\"%u\">\n", tests,
		   failures, errors);
	buf_printf(out,
		   "  <testsuite name=\"sluice assert\" tests=\"%u\" failures=\"%u\" "
		   "errors=\"%u\">\n",
		   tests, failures, errors);
	for (const struct assert_case *at = results->cases; at; at = at->next)
		append_case(at, out);
	buf_append_str(out, "  </testsuite>\n</testsuites>\n");
}
