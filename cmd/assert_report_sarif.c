/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SARIF 2.1.0: one run, a rule per kind of case, a result per missed part at its line of the
 * expectation file. What holds is a result of kind "pass", so that a viewer can tell it from what was
 * not judged.
 */
#include "cmd/assert_report.h"
#include "cmd/commands.h"

static void append_text(struct buf *out, const char *text)
{
	buf_append_byte(out, '"');
	buf_append_json(out, slice_str(text));
	buf_append_byte(out, '"');
}

/* A path as a relative reference (RFC 3986); what would not be a path's character is percent-encoded. */
static void append_uri(struct buf *out, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	for (; *path; path++) {
		if (strchr(plain, *path))
			buf_append_byte(out, (uint8_t)*path);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*path);
	}
}

static void append_location(struct buf *out, struct config_loc loc)
{
	if (!loc.file || loc.line == 0) {
		buf_append_str(out, "[]");
		return;
	}
	buf_append_str(out, loc.file[0] == '/' ? "[{\"physicalLocation\": {\"artifactLocation\": "
						 "{\"uri\": \"file://"
					       : "[{\"physicalLocation\": {\"artifactLocation\": "
						 "{\"uri\": \"");
	append_uri(out, loc.file);
	buf_printf(out, "\"}, \"region\": {\"startLine\": %u", (unsigned)loc.line);
	if (loc.column > 0)
		buf_printf(out, ", \"startColumn\": %u", (unsigned)loc.column);
	buf_append_str(out, "}}}]");
}

static void append_result(struct buf *out, bool *first, const struct assert_case *at,
			  struct config_loc loc, const char *message)
{
	bool holds = at->result == VERDICT_HOLDS;
	buf_append_str(out, *first ? "\n        " : ",\n        ");
	*first = false;
	buf_printf(out,
		   "{\"ruleId\": \"%s\", \"ruleIndex\": %d, \"kind\": \"%s\", \"level\": \"%s\", "
		   "\"message\": {\"text\": ",
		   assert_case_word(at->kind), (int)at->kind, holds ? "pass" : "fail",
		   holds ? "none" : "error");
	append_text(out, message);
	buf_append_str(out, "}, \"locations\": ");
	append_location(out, loc);
	buf_append_byte(out, '}');
}

static void append_misses(struct buf *out, bool *first, const struct assert_case *at)
{
	for (const struct assert_miss *miss = at->misses; miss; miss = miss->next) {
		struct buf text = BUF_INIT;
		buf_printf(&text, "%s: %s: %s", at->title, miss->wanted, miss->why);
		for (uint32_t i = 0; i < miss->found_count; i++)
			buf_printf(&text, "; found %s: %s", miss->found[i].what,
				   miss->found[i].value ? miss->found[i].value : "not there");
		out->failed = out->failed || text.failed;
		append_result(out, first, at, miss->loc.file ? miss->loc : at->loc,
			      buf_cstr(&text));
		buf_fini(&text);
	}
}

static void append_rules(struct buf *out)
{
	static const char *const texts[ASSERT_CASE_KIND_COUNT] = {
		[ASSERT_CASE_EXPECTATION] = "The traces are as the expectation says",
		[ASSERT_CASE_SPANS] = "Spans are received, and all of them are judged",
		[ASSERT_CASE_COMMAND] = "The command ends with exit code 0",
		[ASSERT_CASE_SNAPSHOT] = "Spans, attributes and parents are as committed",
		[ASSERT_CASE_REGISTRY] = "Attributes are as the semantic conventions say",
	};
	for (int kind = 0; kind < ASSERT_CASE_KIND_COUNT; kind++)
		buf_printf(out, "%s{\"id\": \"%s\", \"shortDescription\": {\"text\": \"%s\"}}",
			   kind == 0 ? "\n          " : ",\n          ",
			   assert_case_word((enum assert_case_kind)kind), texts[kind]);
}

void assert_report_sarif(const struct assert_results *results, struct buf *out)
{
	bool first = true;
	buf_append_str(out, "{\n  \"$schema\": "
			    "\"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
			    "sarif-schema-2.1.0.json\",\n  \"version\": \"2.1.0\",\n"
			    "  \"runs\": [\n    {\n      \"tool\": {\"driver\": {\"name\": "
			    "\"sluice assert\", \"version\": \"" SLUICE_VERSION "\", \"rules\": [");
	append_rules(out);
	buf_append_str(out, "]}},\n      \"columnKind\": \"unicodeCodePoints\",\n"
			    "      \"results\": [");
	for (const struct assert_case *at = results->cases; at; at = at->next) {
		if (at->misses)
			append_misses(out, &first, at);
		else
			append_result(out, &first, at, at->loc, at->title);
	}
	buf_append_str(out, "\n      ]\n    }\n  ]\n}\n");
}
