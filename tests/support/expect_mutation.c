/* SPDX-License-Identifier: Apache-2.0 */
/* Faults are put into the rows that a fixture is built from, so the wire format stays right. */
#include "tests/support/expect_mutation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FAULT_US = 30 * 1000 * 1000, NO_SUCH_ROW = 200 };

const struct mutation_text mutation_texts[MUTATION_COUNT] = {
	[MUTATION_RENAMED] = {"renamed", {"renamed", "count"}},
	[MUTATION_MISSING] = {"missing",
			      {"count", "orphans", "child", "trace_spans", "traces spoken of"}},
	[MUTATION_DOUBLED] = {"doubled", {"count", "child", "trace_spans", "compare"}},
	[MUTATION_REPARENTED] = {"re-parented", {"parent", "child", "ancestor", "descendant"}},
	[MUTATION_MADE_ROOT] = {"made a root", {"roots", "parent"}},
	[MUTATION_ORPHANED] = {"orphaned", {"orphans"}},
	[MUTATION_LATE] = {"late", {"within_parent", "trace_duration", "before", "after", "gap"}},
	[MUTATION_SLOWER] = {"slower", {"within_parent", "trace_duration", "duration", "after"}},
	[MUTATION_KIND] = {"of another kind", {"kind"}},
	[MUTATION_FAILED] = {"failed", {"status"}},
	[MUTATION_EXCEPTION] = {"with an exception", {"events"}},
	[MUTATION_LEAKING_KEY] = {"leaking by a key", {NULL}},
	[MUTATION_LEAKING_TEXT] = {"leaking a text", {"value_bytes"}},
	[MUTATION_UNKNOWN_KEY] = {"with an unknown key", {NULL}},
	[MUTATION_RETYPED] = {"re-typed", {NULL}},
	[MUTATION_WITHOUT] = {"without an attribute", {NULL}},
	[MUTATION_WITHOUT_SERVICE] = {"without service.name", {"service.name"}},
	[MUTATION_WITHOUT_SCOPE] = {"without a scope's name", {"scope_name"}},
	[MUTATION_NOISE] = {"with noise", {"noise", "roots"}},
};

/* ---- attributes ----------------------------------------------------------------------------- */

static size_t copy_attrs(struct mutation *mutation, const struct example_attr *from)
{
	size_t count = 0;
	for (; from && from[count].key; count++) {
		assert_true(count + 2 < ARRAY_COUNT(mutation->attrs));
		mutation->attrs[count] = from[count];
	}
	mutation->attrs[count] = (struct example_attr){.key = NULL};
	return count;
}

static void set_key(struct mutation *mutation, const char *key)
{
	(void)snprintf(mutation->key, sizeof(mutation->key), "%s", key);
}

static void add_attr(struct mutation *mutation, struct example_span *span, const char *key,
		     const char *value)
{
	size_t count = copy_attrs(mutation, span->attrs);
	mutation->attrs[count] =
		(struct example_attr){.key = key, .type = EXAMPLE_STR, .strings = {value}};
	mutation->attrs[count + 1] = (struct example_attr){.key = NULL};
	span->attrs = mutation->attrs;
	set_key(mutation, key);
}

/* Strings become a number, all else a string. */
static void retype(struct example_attr *attr)
{
	bool text = attr->type == EXAMPLE_STR || attr->type == EXAMPLE_REQUEST_ID;
	*attr = (struct example_attr){.key = attr->key,
				      .type = text ? EXAMPLE_INT : EXAMPLE_STR,
				      .strings = {"7"},
				      .number = 7};
}

static bool change_attr(struct mutation *mutation, struct example_span *span)
{
	size_t count = copy_attrs(mutation, span->attrs), at = mutation->attr;
	if (at >= count)
		return false;
	set_key(mutation, mutation->attrs[at].key);
	if (mutation->kind == MUTATION_RETYPED)
		retype(&mutation->attrs[at]);
	else
		memmove(&mutation->attrs[at], &mutation->attrs[at + 1],
			(count - at) * sizeof(mutation->attrs[0]));
	span->attrs = mutation->attrs;
	return true;
}

static bool leak_text(struct mutation *mutation, struct example_span *span)
{
	size_t count = copy_attrs(mutation, span->attrs);
	for (size_t i = 0; i < count; i++) {
		if (mutation->attrs[i].type != EXAMPLE_STR)
			continue;
		memset(mutation->text, 'x', sizeof(mutation->text) - 1);
		mutation->attrs[i].strings[0] = mutation->text;
		set_key(mutation, mutation->attrs[i].key);
		span->attrs = mutation->attrs;
		return true;
	}
	return false;
}

/* ---- spans ---------------------------------------------------------------------------------- */

/* To its grandparent, or to a sibling where its parent is the root. */
static bool reparent(const struct llmd_rows *rows, struct example_span *span)
{
	if (span->parent == 0)
		return false;
	uint8_t parent = span->parent, up = rows->spans[parent - 1].parent;
	for (uint8_t i = 0; up == 0 && i < *rows->count; i++) {
		if (&rows->spans[i] != span && rows->spans[i].parent == parent &&
		    rows->spans[i].service != LLMD_NOBODY)
			up = (uint8_t)(i + 1);
	}
	if (up == 0)
		return false;
	span->parent = up;
	return true;
}

static bool append(const struct llmd_rows *rows, const struct example_span *span)
{
	assert_true(*rows->count < LLMD_ROWS_MAX);
	rows->spans[(*rows->count)++] = *span;
	return true;
}

static bool change_span(struct mutation *mutation, const struct llmd_rows *rows,
			struct example_span *span)
{
	switch (mutation->kind) {
	case MUTATION_RENAMED: span->name = "renamed"; return true;
	case MUTATION_MISSING: span->service = LLMD_NOBODY; return true;
	case MUTATION_DOUBLED: return append(rows, span);
	case MUTATION_REPARENTED: return reparent(rows, span);
	case MUTATION_MADE_ROOT:
	case MUTATION_ORPHANED:
		if (span->parent == 0)
			return false;
		span->parent = mutation->kind == MUTATION_ORPHANED ? NO_SUCH_ROW : 0;
		return true;
	case MUTATION_LATE: span->start_us += FAULT_US; return span->parent != 0;
	case MUTATION_SLOWER: span->duration_us += FAULT_US; return true;
	case MUTATION_KIND: span->kind = SPAN_KIND_PRODUCER; return true;
	case MUTATION_FAILED: span->status = STATUS_CODE_ERROR; return true;
	case MUTATION_EXCEPTION: span->exception_type = "ValueError"; return true;
	case MUTATION_LEAKING_KEY:
		add_attr(mutation, span, "gen_ai.prompt.0.content", "CANARY");
		return true;
	case MUTATION_UNKNOWN_KEY: add_attr(mutation, span, "acme.note", "x"); return true;
	case MUTATION_LEAKING_TEXT: return leak_text(mutation, span);
	case MUTATION_RETYPED:
	case MUTATION_WITHOUT: return change_attr(mutation, span);
	case MUTATION_WITHOUT_SERVICE:
	case MUTATION_WITHOUT_SCOPE:
	case MUTATION_NOISE:
	case MUTATION_COUNT: break;
	}
	return false;
}

static bool is_used(const struct llmd_rows *rows, uint8_t part, bool scope)
{
	for (uint8_t i = 0; i < *rows->count; i++) {
		const struct example_span *span = &rows->spans[i];
		if (span->service != LLMD_NOBODY && (scope ? span->scope : span->service) == part)
			return true;
	}
	return false;
}

static bool add_noise(const struct llmd_rows *rows)
{
	static const struct example_attr scrape[] = {
		{.key = "http.method", .type = EXAMPLE_STR, .strings = {"GET"}},
		{.key = "http.target", .type = EXAMPLE_STR, .strings = {"/metrics"}},
		{.key = NULL},
	};
	const struct example_span span = {.parent = 1,
					  .kind = SPAN_KIND_SERVER,
					  .name = "GET /metrics",
					  .start_us = 1,
					  .duration_us = 1,
					  .attrs = scrape};
	return append(rows, &span);
}

void mutation_apply(void *arg, const struct llmd_rows *rows)
{
	struct mutation *mutation = arg;
	bool is_scope = mutation->kind == MUTATION_WITHOUT_SCOPE;
	bool is_part = is_scope || mutation->kind == MUTATION_WITHOUT_SERVICE;
	mutation->applied = false;
	mutation->key[0] = '\0';
	if (is_part) {
		mutation->applied = is_used(rows, mutation->row, is_scope);
		if (mutation->applied && is_scope)
			rows->scopes[mutation->row].name = "";
		else if (mutation->applied)
			rows->services[mutation->row].attrs = NULL;
	} else if (mutation->kind == MUTATION_NOISE) {
		mutation->applied = mutation->row == 1 && add_noise(rows);
	} else if (mutation->row >= 1 && mutation->row <= *rows->count) {
		struct example_span *span = &rows->spans[mutation->row - 1];
		mutation->applied =
			span->service != LLMD_NOBODY && change_span(mutation, rows, span);
	}
}
