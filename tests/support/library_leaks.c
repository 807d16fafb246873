/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/library_leaks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORD "kolibri"

enum { PLACE_MAX = 32 };

struct walk {
	const char *prefix;
	struct line_set *out;
	size_t words;
};

/* ---- lines ---- */

void line_set_init(struct line_set *set)
{
	const struct buf empty = BUF_INIT;
	set->text = empty;
	set->count = 0;
}

void line_set_fini(struct line_set *set)
{
	buf_fini(&set->text);
}

void line_set_add(struct line_set *set, const char *line)
{
	assert_true(set->count < ARRAY_COUNT(set->begins));
	set->begins[set->count++] = set->text.len;
	buf_append(&set->text, slice_of(line, strlen(line) + 1));
}

const char *line_set_at(const struct line_set *set, size_t at)
{
	return (const char *)set->text.data + set->begins[at];
}

static int compare(const void *a, const void *b, void *set)
{
	const char *text = (const char *)((struct line_set *)set)->text.data;
	return strcmp(text + *(const size_t *)a, text + *(const size_t *)b);
}

void line_set_sort(struct line_set *set)
{
	size_t kept = 0;
	qsort_r(set->begins, set->count, sizeof(set->begins[0]), compare, set);
	for (size_t i = 0; i < set->count; i++) {
		if (kept == 0 || strcmp(line_set_at(set, kept - 1), line_set_at(set, i)) != 0)
			set->begins[kept++] = set->begins[i];
	}
	set->count = kept;
}

bool line_set_has(const struct line_set *set, const char *line)
{
	size_t from = 0, to = set->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(line_set_at(set, middle), line);
		if (order == 0)
			return true;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

/* ---- words ---- */

static const char *next_word(struct slice *bytes)
{
	const char *at = memmem(bytes->ptr, bytes->len, WORD, strlen(WORD));
	if (at) {
		const uint8_t *end = (const uint8_t *)at + strlen(WORD);
		*bytes = slice_of(end, (size_t)(bytes->ptr + bytes->len - end));
	}
	return at;
}

size_t library_words(struct slice bytes)
{
	size_t count = 0;
	while (next_word(&bytes))
		count++;
	return count;
}

/* "kolibri-tool-result-7f3a" is of the place "tool-result"; the word in an image has no hyphens. */
static void place_of(struct slice after, char place[PLACE_MAX])
{
	size_t len = 0;
	if (after.len > 0 && after.ptr[0] == '-') {
		const uint8_t *end = memmem(after.ptr, after.len, "-7f3a", 5);
		len = end ? (size_t)(end - after.ptr) - 1 : 0;
	}
	if (len == 0 || len >= PLACE_MAX)
		(void)snprintf(place, PLACE_MAX, "%s", len == 0 ? "image" : "unknown");
	else
		(void)snprintf(place, PLACE_MAX, "%.*s", (int)len, (const char *)after.ptr + 1);
}

static void look(struct walk *w, const void *text, size_t len, const char *where, const char *name)
{
	struct slice rest = slice_of(text, len);
	char place[PLACE_MAX], line[1024];
	while (next_word(&rest)) {
		w->words++;
		place_of(rest, place);
		if (strcmp(place, "tag") == 0)
			continue;
		(void)snprintf(line, sizeof(line), "%s %s %s%s%s", w->prefix, place, where,
			       name ? " " : "", name ? name : "");
		line_set_add(w->out, line);
	}
}

static void look_text(struct walk *w, const char *text, const char *where, const char *name)
{
	look(w, text, strlen(text), where, name);
}

/* ---- the tree ---- */

static void walk_value(struct walk *w, const Otlp__AnyValue *value, const char *where,
		       const char *key)
{
	if (!value)
		return;
	if (value->value_case == OTLP__ANY_VALUE__VALUE_STRING_VALUE)
		look_text(w, value->string_value, where, key);
	if (value->value_case == OTLP__ANY_VALUE__VALUE_BYTES_VALUE)
		look(w, value->bytes_value.data, value->bytes_value.len, where, key);
	if (value->value_case == OTLP__ANY_VALUE__VALUE_ARRAY_VALUE) {
		for (size_t i = 0; i < value->array_value->n_values; i++)
			walk_value(w, value->array_value->values[i], where, key);
	}
	if (value->value_case == OTLP__ANY_VALUE__VALUE_KVLIST_VALUE) {
		for (size_t i = 0; i < value->kvlist_value->n_values; i++) {
			look_text(w, value->kvlist_value->values[i]->key, where, key);
			walk_value(w, value->kvlist_value->values[i]->value, where, key);
		}
	}
}

static void walk_attributes(struct walk *w, Otlp__KeyValue *const *attributes, size_t count,
			    const char *where)
{
	for (size_t i = 0; i < count; i++) {
		look_text(w, attributes[i]->key, where, "(key)");
		walk_value(w, attributes[i]->value, where, attributes[i]->key);
	}
}

static void walk_span(struct walk *w, const Otlp__Span *span)
{
	look_text(w, span->name, "span", "(name)");
	look_text(w, span->trace_state, "span", "(trace state)");
	if (span->status)
		look_text(w, span->status->message, "span", "(status)");
	walk_attributes(w, span->attributes, span->n_attributes, "span");
	for (size_t i = 0; i < span->n_events; i++) {
		look_text(w, span->events[i]->name, "event", "(name)");
		walk_attributes(w, span->events[i]->attributes, span->events[i]->n_attributes,
				"event");
	}
	for (size_t i = 0; i < span->n_links; i++) {
		look_text(w, span->links[i]->trace_state, "link", "(trace state)");
		walk_attributes(w, span->links[i]->attributes, span->links[i]->n_attributes,
				"link");
	}
}

static void walk_scope(struct walk *w, const Otlp__ScopeSpans *spans)
{
	if (spans->scope) {
		look_text(w, spans->scope->name, "scope", "(name)");
		look_text(w, spans->scope->version, "scope", "(version)");
		walk_attributes(w, spans->scope->attributes, spans->scope->n_attributes, "scope");
	}
	for (size_t i = 0; i < spans->n_spans; i++)
		walk_span(w, spans->spans[i]);
}

size_t library_leaks(const Otlp__ExportTraceServiceRequest *tree, const char *prefix,
		     struct line_set *out)
{
	struct walk w = {.prefix = prefix, .out = out};
	for (size_t i = 0; i < tree->n_resource_spans; i++) {
		const Otlp__ResourceSpans *spans = tree->resource_spans[i];
		if (spans->resource)
			walk_attributes(&w, spans->resource->attributes,
					spans->resource->n_attributes, "resource");
		for (size_t j = 0; j < spans->n_scope_spans; j++)
			walk_scope(&w, spans->scope_spans[j]);
	}
	return w.words;
}
