/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/library_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LISTED_BYTES_MAX = 1024 };

struct facts_walk {
	const char *prefix;
	const struct line_set *keys;
	struct line_set *out;
};

static void take_attribute(const struct facts_walk *w, const Otlp__Span *span,
			   const Otlp__KeyValue *attribute)
{
	char listed[LISTED_BYTES_MAX];
	struct buf line = BUF_INIT, value = BUF_INIT;
	(void)snprintf(listed, sizeof(listed), "%s %s", w->prefix, attribute->key);
	if (!line_set_has(w->keys, listed) || !attribute->value)
		return;
	uint8_t *packed = malloc(otlp__any_value__get_packed_size(attribute->value) + 1);
	assert_non_null(packed);
	buf_append(&value, slice_of(packed, otlp__any_value__pack(attribute->value, packed)));
	buf_append(&line, slice_str(attribute->key));
	buf_append_byte(&line, ' ');
	buf_append_hex(&line, slice_of(span->span_id.data, span->span_id.len));
	buf_append_byte(&line, ' ');
	buf_append_hex(&line, buf_slice(&value));
	line_set_add(w->out, buf_cstr(&line));
	free(packed);
	buf_fini(&line);
	buf_fini(&value);
}

static void walk_span(const struct facts_walk *w, const Otlp__Span *span)
{
	for (size_t i = 0; i < span->n_attributes; i++)
		take_attribute(w, span, span->attributes[i]);
	for (size_t i = 0; i < span->n_events; i++) {
		for (size_t j = 0; j < span->events[i]->n_attributes; j++)
			take_attribute(w, span, span->events[i]->attributes[j]);
	}
}

void library_facts(const Otlp__ExportTraceServiceRequest *tree, const char *prefix,
		   const struct line_set *keys, struct line_set *out)
{
	const struct facts_walk w = {.prefix = prefix, .keys = keys, .out = out};
	for (size_t i = 0; i < tree->n_resource_spans; i++) {
		const Otlp__ResourceSpans *resource = tree->resource_spans[i];
		for (size_t j = 0; j < resource->n_scope_spans; j++) {
			for (size_t k = 0; k < resource->scope_spans[j]->n_spans; k++)
				walk_span(&w, resource->scope_spans[j]->spans[k]);
		}
	}
}

size_t library_facts_lost(const struct line_set *before, const struct line_set *after,
			  const char *prefix, struct line_set *out)
{
	char line[LISTED_BYTES_MAX];
	size_t lost = 0;
	for (size_t i = 0; i < before->count; i++) {
		const char *fact = line_set_at(before, i);
		if (line_set_has(after, fact))
			continue;
		lost++;
		(void)snprintf(line, sizeof(line), "%s %.*s", prefix, (int)strcspn(fact, " "),
			       fact);
		line_set_add(out, line);
	}
	return lost;
}
