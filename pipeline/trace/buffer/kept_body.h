/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of which a trace buffer keeps spans: its chunk, and for each scope once a copy of all
 * that stands around the scope's spans. For the files of this folder alone.
 */
#ifndef SLUICE_TRACE_BUFFER_KEPT_BODY_H
#define SLUICE_TRACE_BUFFER_KEPT_BODY_H

#include "pipeline/trace/otlp/view.h"

struct kept_scope {
	uint32_t resource_off, resource_len; /* in `around`: ResourceSpans without its scopes */
	uint32_t scope_off, scope_len;	     /* ScopeSpans without its spans */
};

struct kept_body {
	struct chunk *chunk; /* referenced */
	struct buf around;
	struct kept_scope *scopes;
	uint32_t span_count; /* kept of it, by the buffer's count */
	size_t own_bytes;    /* of memory beside the chunk */
	size_t index_bytes;  /* that opening the whole request takes */
};

/* Of the request under ${view}, open on ${chunk}. NULL: no memory. */
MUST_CHECK struct kept_body *kept_body_new(const struct trace_view *view, struct chunk *chunk);
void kept_body_free(struct kept_body *body);

/* The fields of a ResourceSpans and a ScopeSpans that stand around the spans of ${scope}. */
struct slice kept_body_resource(const struct kept_body *body, uint32_t scope);
struct slice kept_body_scope(const struct kept_body *body, uint32_t scope);

#endif
