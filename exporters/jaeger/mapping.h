/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OTLP request as Jaeger's messages (api_v2), element by element. Messages lie in an
 * arena, their texts and ids in the request's own bytes where they can stay as they are; so they
 * live as long as both. Jaeger has tags where OTLP has fields: jaeger_tag_rows names them.
 */
#ifndef SLUICE_JAEGER_MAPPING_H
#define SLUICE_JAEGER_MAPPING_H

#include "pipeline/base/arena.h"
#include "pipeline/trace/otlp/view.h"

#include "jaeger.pb-c.h"

/* Tags that Sluice adds to what an element's attributes give. */
enum jaeger_tag {
	TAG_SCOPE_NAME = 0,
	TAG_SCOPE_VERSION,
	TAG_SPAN_KIND,
	TAG_STATUS_CODE,
	TAG_ERROR,
	TAG_STATUS_DESCRIPTION,
	TAG_TRACE_STATE,
	TAG_EVENT,
	TAG_DROPPED_ATTRIBUTES,
	TAG_DROPPED_EVENTS,
	TAG_DROPPED_LINKS,
	JAEGER_TAG_COUNT
};

struct jaeger_tag_row {
	const char *key;
	const char *type;   /* Jaeger's name of the value's type */
	const char *source; /* where it comes from, for the documentation */
};

extern const struct jaeger_tag_row jaeger_tag_rows[JAEGER_TAG_COUNT];

/* What the Collector calls a service without a name. */
#define JAEGER_NO_SERVICE_NAME "OTLPResourceNoServiceName"

struct jaeger_mapping {
	const struct trace_view *view;
	struct arena *arena;
	struct buf *text;  /* scratch */
	uint64_t replaced; /* bytes that were not UTF-8 */
	/* The arena, or ${text}, could not grow: whatever was made is incomplete. */
	bool failed;
};

/* Upper bound of the arena's bytes for the messages of ${view}, their new texts not counted. */
uint64_t jaeger_message_bytes(const struct trace_view *view);

/* NULL when memory is short; `failed` is set then, as it is for parts that are missing. */
Jaeger__Process *jaeger_map_process(struct jaeger_mapping *mapping, uint32_t resource);
Jaeger__Span *jaeger_map_span(struct jaeger_mapping *mapping, uint32_t span);

/* ${count} zeroed elements of the arena; NULL and `failed` when there is no room. */
void *jaeger_alloc(struct jaeger_mapping *mapping, size_t count, size_t size);

#endif
