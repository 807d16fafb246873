/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around the spans is copied field by field, without the spans, once for each scope;
 * the spans themselves stay in the chunk.
 */
#include "pipeline/trace/buffer/kept_body.h"

#include "pipeline/trace/value/wire.h"

#include <stdlib.h>

/* Appends the fields of ${message} but those with ${number}, in their order. */
static void append_without(struct buf *out, struct slice message, uint32_t number)
{
	struct wire_reader reader = wire_reader_of(message);
	struct wire_field field;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number != number || field.type != WIRE_LEN)
			buf_append(out, slice_of(field.start, (size_t)(reader.at - field.start)));
	}
}

static void keep_resource(struct kept_body *body, const struct trace_index *index, uint32_t at)
{
	const struct resource_entry *resource = &index->resources[at];
	uint32_t off = (uint32_t)body->around.len;
	append_without(&body->around, index_slice(index, resource->content),
		       RESOURCE_SPANS_SCOPE_SPANS);
	uint32_t len = (uint32_t)body->around.len - off;
	for (uint32_t i = 0; i < resource->scope_count; i++) {
		uint32_t scope = resource->scope_begin + i;
		body->scopes[scope].resource_off = off;
		body->scopes[scope].resource_len = len;
		body->scopes[scope].scope_off = (uint32_t)body->around.len;
		append_without(&body->around, index_slice(index, index->scopes[scope].content),
			       SCOPE_SPANS_SPANS);
		body->scopes[scope].scope_len =
			(uint32_t)body->around.len - body->scopes[scope].scope_off;
	}
}

struct kept_body *kept_body_new(const struct trace_view *view, struct chunk *chunk)
{
	const struct trace_index *index = &view->index;
	struct kept_body *body = calloc(1, sizeof(*body));
	if (!body)
		return NULL;
	/* A request that had to be rewritten lies elsewhere than in the chunk received. */
	body->chunk = chunk_ref(index->normalised ? index->normalised : chunk);
	body->scopes = calloc(index->scope_count + 1, sizeof(*body->scopes));
	for (uint32_t i = 0; body->scopes && i < index->resource_count; i++)
		keep_resource(body, index, i);
	if (!body->scopes || body->around.failed) {
		kept_body_free(body);
		return NULL;
	}
	body->index_bytes = view_index_bytes(view);
	body->own_bytes = sizeof(*body) + body->around.capacity +
			  ((size_t)index->scope_count + 1) * sizeof(*body->scopes);
	return body;
}

void kept_body_free(struct kept_body *body)
{
	if (!body)
		return;
	chunk_unref(body->chunk);
	buf_fini(&body->around);
	free(body->scopes);
	free(body);
}

static struct slice around(const struct kept_body *body, uint32_t off, uint32_t len)
{
	return len > 0 ? slice_of(body->around.data + off, len) : slice_of(NULL, 0);
}

struct slice kept_body_resource(const struct kept_body *body, uint32_t scope)
{
	const struct kept_scope *at = &body->scopes[scope];
	return around(body, at->resource_off, at->resource_len);
}

struct slice kept_body_scope(const struct kept_body *body, uint32_t scope)
{
	const struct kept_scope *at = &body->scopes[scope];
	return around(body, at->scope_off, at->scope_len);
}
