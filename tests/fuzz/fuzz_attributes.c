/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processors attributes and resource on any request that the index accepts: what leaves is a
 * request again with as many spans, and on none of them, nor on a resource, is there a key that was
 * to be deleted, or a value under one that was to be hashed.
 */
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/processor_fixture.h"

#include <stdlib.h>

#define ACTIONS                                                                                    \
	"[{key: copied, action: upsert, from_attribute: service.name}, "                           \
	"{key: url.path, action: extract, pattern: '(?P<a>[a-z]+)/?(?P<b>.)?'}, "                  \
	"{key: count, action: convert, converted_type: int}, "                                     \
	"{key: ratio, action: convert, converted_type: double}, "                                  \
	"{key: service.name, action: convert, converted_type: string}, "                           \
	"{key: user.id, pattern: '^http', action: hash}, "                                         \
	"{key: a, action: insert, value: {x: [1, two]}}, "                                         \
	"{key: gen_ai.prompt, pattern: '^(url|db)', action: delete}]"
#define MATCH                                                                                      \
	"match_type: regexp, span_names: [never], services: ['^x+$'], attributes: [{key: count, "  \
	"value: '^1'}], libraries: [{name: '.', version: '^2'}]"

static void check(bool fact)
{
	if (!fact)
		abort();
}

static struct processor_fixture *fixture_of(const char *type, const char *yaml,
					    struct processor_fixture *fixture)
{
	if (!fixture->self)
		check(processor_fixture_open(fixture, type, yaml));
	return fixture;
}

static void check_attrs(const struct trace_view *view, struct owner owner)
{
	enum { DIGITS = 64 };
	struct attr_cursor cursor = view_attrs(view, owner);
	struct attr_view attr;
	while (view_next_attr(view, &cursor, &attr)) {
		struct value value = view_attr_value(view, owner, &attr);
		check(!slice_equal(attr.key, SLICE("gen_ai.prompt")));
		check(!slice_has_prefix(attr.key, SLICE("url")));
		check(!slice_has_prefix(attr.key, SLICE("db")));
		if (slice_equal(attr.key, SLICE("user.id")) ||
		    slice_has_prefix(attr.key, SLICE("http")))
			check(value.type == VALUE_STRING &&
			      (value.bytes.len == 0 || value.bytes.len == DIGITS));
	}
}

static void run(struct processor_fixture *fixture, enum owner_kind kind)
{
	struct trace_view *view = fixture->view;
	struct chunk *result = NULL;
	check(fixture->ops->process(fixture->self, fixture->state, view, &fixture->err) ==
	      OUTCOME_TAKEN);
	tally_forget(edit_tally(view));
	uint32_t spans = view_live_spans(view);
	if (edit_check(view, &fixture->err) != 0 ||
	    trace_encode(view, &fixture->budget, &result, &fixture->err) != 0)
		return;
	if (result) {
		check(result->span_count == spans);
		check(view_open_chunk(view, result, &fixture->err) == 0);
		uint32_t count =
			kind == OWNER_SPAN ? view_span_count(view) : view_resource_count(view);
		for (uint32_t i = 0; i < count; i++)
			check_attrs(view, (struct owner){kind, i});
		view_close(view);
	}
	chunk_unref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct processor_fixture spans, resources;
	struct slice body = slice_of(data, size);
	(void)fixture_of("attributes", "{exclude: {" MATCH "}, actions: " ACTIONS "}", &spans);
	(void)fixture_of("resource", "{attributes: " ACTIONS "}", &resources);
	if (view_open(spans.view, body, &spans.err) == 0)
		run(&spans, OWNER_SPAN);
	if (view_open(resources.view, body, &resources.err) == 0)
		run(&resources, OWNER_RESOURCE);
	return 0;
}
