/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One expectation about the shape of each group of traces, and one about each name of spans in it: how many,
 * of which kind, below whom, with which attributes of which type. Bounds are the least and the most
 * that came; what differed from span to span in a way that the language has no word for is left out.
 */
#include "cmd/assert_record.h"

#include "cmd/assert_report.h"

#include <inttypes.h>
#include <stdio.h>

/* Facts [begin, end) of one group and one name. */
struct part {
	struct fact *const *begin, *const *end;
	uint32_t traces; /* of the group */
};

static void append_quoted(struct buf *out, struct slice text, bool expanded)
{
	buf_append_byte(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\'' || (expanded && text.ptr[i] == '$'))
			buf_append_byte(out, text.ptr[i]);
		buf_append_byte(out, text.ptr[i]);
	}
	buf_append_byte(out, '\'');
}

void assert_append_scalar(struct buf *out, struct slice text)
{
	append_quoted(out, text, true);
}

void assert_append_key(struct buf *out, struct slice text)
{
	append_quoted(out, text, false);
}

static void append_bounds(struct buf *out, const char *key, uint32_t least, uint32_t most)
{
	if (least == most)
		buf_printf(out, "    %s: %" PRIu32 "\n", key, least);
	else
		buf_printf(out, "    %s: {min: %" PRIu32 ", max: %" PRIu32 "}\n", key, least, most);
}

static void append_head(struct buf *out, struct slice title, struct slice group)
{
	buf_append_str(out, "  - that: ");
	assert_append_scalar(out, title);
	buf_append_str(out, "\n    in: each trace\n    where: ");
	assert_append_scalar(out, group);
	buf_append_byte(out, '\n');
}

/* ---- the shape of a group ------------------------------------------------------------------- */

static void append_services(struct buf *out, const struct part *part)
{
	bool any = false;
	for (struct fact *const *at = part->begin; at < part->end; at++) {
		if ((*at)->type != FACT_SERVICE || (*at)->traces < part->traces)
			continue;
		buf_append_str(out, any ? ", " : "    services: [");
		assert_append_scalar(out, (*at)->value);
		any = true;
	}
	if (any)
		buf_append_str(out, "]\n");
}

static void append_shape(struct buf *out, const struct part *part)
{
	struct slice group = (*part->begin)->group;
	struct buf title = BUF_INIT;
	buf_printf(&title, "the shape of traces with %.*s", SLICE_FMT(group));
	append_head(out, buf_slice(&title), group);
	for (struct fact *const *at = part->begin; at < part->end; at++) {
		if ((*at)->type == FACT_ROOTS || (*at)->type == FACT_ORPHANS)
			append_bounds(out, (*at)->type == FACT_ROOTS ? "roots" : "orphans",
				      (*at)->least, (*at)->most);
	}
	append_services(out, part);
	out->failed = out->failed || title.failed;
	buf_fini(&title);
}

/* ---- spans of a name ------------------------------------------------------------------------ */

static bool is_kind(struct slice word)
{
	return !slice_equal(word, SLICE("unspecified")) && !slice_equal(word, SLICE("unknown"));
}

static void append_kinds(struct buf *out, const struct part *part)
{
	bool any = false;
	for (struct fact *const *at = part->begin; at < part->end; at++) {
		if ((*at)->type == FACT_KIND && !is_kind((*at)->value))
			return;
	}
	for (struct fact *const *at = part->begin; at < part->end; at++) {
		if ((*at)->type != FACT_KIND)
			continue;
		buf_printf(out, "%s%.*s", any ? ", " : "    kind: [", SLICE_FMT((*at)->value));
		any = true;
	}
	buf_append_str(out, any ? "]\n" : "");
}

/* All are roots, or all have parents that can be named. */
static void append_parents(struct buf *out, const struct part *part)
{
	struct buf condition = BUF_INIT;
	size_t parents = 0, named = 0, roots = 0;
	for (struct fact *const *at = part->begin; at < part->end; at++) {
		if ((*at)->type != FACT_PARENT)
			continue;
		parents++;
		if (slice_equal((*at)->value, SLICE(FACT_PARENT_NONE)))
			roots++;
		if ((*at)->value.ptr[0] == '(')
			continue;
		if (named++ > 0)
			buf_append_str(&condition, " or ");
		survey_append_name_condition(&condition, (*at)->value);
	}
	if (roots == parents) {
		buf_append_str(out, "    must: IsRootSpan()\n");
	} else if (named == parents) {
		buf_append_str(out, "    parent: ");
		assert_append_scalar(out, buf_slice(&condition));
		buf_append_byte(out, '\n');
	}
	out->failed = out->failed || condition.failed;
	buf_fini(&condition);
}

/* The one type of the values under ${key}; NULL: several, or none that has a word. Keys come in order:
 * ${types} goes on behind what was found. */
static const struct fact *only_type(const struct part *part, struct fact *const **types,
				    struct slice key)
{
	const struct fact *type = NULL;
	bool clear = true;
	for (; *types < part->end; ++*types) {
		const struct fact *at = **types;
		int order = at->type < FACT_VALUE_TYPE ? -1 : slice_compare(at->key, key);
		if (order > 0)
			break;
		if (order < 0)
			continue;
		clear = clear && !type && !slice_equal(at->value, SLICE("empty"));
		type = at;
	}
	return clear ? type : NULL;
}

static void append_attributes(struct buf *out, const struct part *part, uint64_t spans)
{
	struct fact *const *types = part->begin;
	bool any = false;
	for (struct fact *const *at = part->begin; at < part->end; at++) {
		const struct fact *type =
			(*at)->type == FACT_KEY ? only_type(part, &types, (*at)->key) : NULL;
		if (!type)
			continue;
		buf_append_str(out, any ? "      " : "    attributes:\n      ");
		any = true;
		assert_append_key(out, type->key);
		if ((*at)->spans == spans)
			buf_printf(out, ": %.*s\n", SLICE_FMT(type->value));
		else
			buf_printf(out, ": {type: %.*s, optional: true}\n", SLICE_FMT(type->value));
	}
}

static void append_spans(struct buf *out, const struct part *part)
{
	const struct fact *span = *part->begin; /* FACT_SPAN: it sorts first */
	struct buf condition = BUF_INIT;
	survey_append_name_condition(&condition, span->span);
	append_head(out, span->span, span->group);
	buf_append_str(out, "    spans: ");
	assert_append_scalar(out, buf_slice(&condition));
	buf_append_byte(out, '\n');
	append_bounds(out, "count", span->traces < part->traces ? 0 : span->least, span->most);
	append_kinds(out, part);
	append_parents(out, part);
	append_attributes(out, part, span->spans);
	out->failed = out->failed || condition.failed;
	buf_fini(&condition);
}

/* ---- the file ------------------------------------------------------------------------------- */

static void append_file_head(struct buf *out, const struct survey *survey)
{
	buf_printf(out,
		   "# Written by `sluice assert --record` from %" PRIu64 " spans in %" PRIu64
		   " traces, which it holds for.\n"
		   "# Edit it: name what matters, take out what may change.\n",
		   survey->spans, survey->traces);
	if (survey->hidden_names > 0)
		buf_printf(out,
			   "# %" PRIu64 " spans are left out: the policy would not let their names "
			   "pass (--show-values does).\n",
			   survey->hidden_names);
	if (survey->hidden_keys > 0)
		buf_printf(out,
			   "# %" PRIu64 " attributes are left out: the policy would remove them.\n",
			   survey->hidden_keys);
}

static void append_expectations(struct buf *out, const struct facts *facts)
{
	struct fact *const *end = facts->at + facts->count;
	struct part part = {.begin = facts->at};
	buf_append_str(out, facts->count > 0 ? "expect:\n" : "expect: []\n");
	for (; part.begin < end; part.begin = part.end) {
		const struct fact *first = *part.begin;
		const struct fact *roots = facts_find(
			facts, &(struct fact){.group = first->group, .type = FACT_ROOTS});
		part.end = part.begin;
		while (part.end < end && slice_equal((*part.end)->group, first->group) &&
		       slice_equal((*part.end)->span, first->span))
			part.end++;
		part.traces = roots ? roots->traces : 0;
		if (first->group.len == 0)
			continue; /* traces without a name that may be shown */
		if (first->span.len == 0)
			append_shape(out, &part);
		else
			append_spans(out, &part);
	}
}

bool assert_record(const char *path, const struct trace_buffer *const *buffers, size_t count,
		   struct assert_policy *policy)
{
	struct survey survey;
	struct buf text = BUF_INIT;
	struct err err;
	bool written = survey_init(&survey, buffers, count, policy, true, &err) == 0;
	if (written) {
		append_file_head(&text, &survey);
		append_expectations(&text, &survey.facts);
		written = assert_write_file(path, &text);
	} else {
		fprintf(stderr, "Error: %s: %s\n", path, err.msg);
	}
	buf_fini(&text);
	survey_fini(&survey);
	return written;
}
