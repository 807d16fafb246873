/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: flat arrays over one received ExportTraceServiceRequest, made in one pass. Every entry
 * is offsets into the body; nothing is copied, no object is built. Field order on the wire is free
 * (Go's Collector writes descending), so nothing may be decided before the pass has ended.
 *
 *   body   ┌ ResourceSpans ───────────────────────────┐
 *          │ Resource │ ScopeSpans ─────────────────┐ │
 *          │          │ Scope │ Span │ Span │ Span   │ │
 *          └──────────┴───────┴──────┴──────┴────────┴─┘
 *   index  resources[] → scopes[] → spans[] → attrs[], events[] → attrs[], links[] → attrs[]
 *
 * Invariants after trace_index_build returned 0:
 *  1. children of an element are contiguous in their array, in wire order; every range is in
 * bounds;
 *  2. every offset + length lies inside the body; ids have length 0 or 16/8;
 *  3. no element holds a singular field twice, several members of a oneof or a field of an old
 *     version (such a request is rewritten by trace_normalise first), so the view shows what every
 *     decoder will see;
 *  4. nested values are well-formed and at most TRACE_VALUE_DEPTH_MAX deep.
 *
 * The arrays belong to the index and are reused from request to request; they are charged to the
 * budget, and bounded per request by max(1 MiB, 8 × body bytes). One index per shard, not shared.
 */
#ifndef SLUICE_TRACE_OTLP_INDEX_H
#define SLUICE_TRACE_OTLP_INDEX_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/trace/keys/key_cache.h"
#include "pipeline/trace/value/field_numbers.h"
#include "pipeline/trace/value/value.h"

enum {
	TRACE_INDEX_BYTES_MIN = 1 << 20, /* always allowed per request */
	TRACE_INDEX_BYTES_PER_BODY_BYTE = 8,
	TRACE_INDEX_KEEP_BYTES = 1 << 20, /* kept between requests, the rest is freed */
};
#define TRACE_BODY_BYTES_MAX ((size_t)INT32_MAX) /* offsets are 32 bits wide */

/* Offset into the body and length in bytes. off 0 means "absent": byte 0 is always a tag. */
struct range {
	uint32_t off, len;
};

/* What an attribute can belong to. */
enum owner_kind {
	OWNER_RESOURCE = 0,
	OWNER_SCOPE,
	OWNER_SPAN,
	OWNER_EVENT,
	OWNER_LINK,
	OWNER_KIND_COUNT
};

/* One KeyValue of a resource, scope, span, event or link. */
struct attr_entry {
	struct range field; /* the whole field in its parent: tag, length, content */
	struct range key;
	struct range value; /* content of the AnyValue message */
	uint32_t owner;	    /* index of the element it belongs to */
	key_id key_id;
	uint8_t value_type; /* enum value_type */
	uint8_t owner_kind; /* enum owner_kind */
};

/* Attributes of one element: attrs[begin .. begin + count). */
struct attr_range {
	uint32_t begin, count;
};

struct event_entry {
	struct range field;
	struct range content; /* the Event message */
	struct range name;
	uint64_t time_ns;
	struct attr_range attrs;
	uint32_t span; /* index of its span */
};

struct link_entry {
	struct range field;
	struct range content;
	struct range trace_id, span_id, trace_state;
	struct attr_range attrs;
	uint32_t span;
};

struct span_entry {
	struct range field; /* in the ScopeSpans message */
	struct range content;
	struct range name;
	struct range trace_state;
	struct range status; /* content of the Status message */
	struct range status_message;
	uint32_t trace_id_off, span_id_off, parent_span_id_off; /* 0: absent or empty */
	uint32_t scope;						/* index of its scope */
	uint64_t start_ns, end_ns;				/* Unix epoch */
	uint64_t key_mask; /* OR of key_mask_bit of all attribute key ids */
	struct attr_range attrs;
	uint32_t event_begin, event_count;
	uint32_t link_begin, link_count;
	int32_t kind, status_code; /* as on the wire, unknown values included */
	uint32_t flags;
};

struct scope_entry {
	struct range field;   /* in the ResourceSpans message */
	struct range content; /* the ScopeSpans message */
	struct range scope;   /* content of the InstrumentationScope message */
	struct range name, version, schema_url;
	struct attr_range attrs;
	uint32_t resource; /* index of its resource */
	uint32_t span_begin, span_count;
};

struct resource_entry {
	struct range field;    /* in the request */
	struct range content;  /* the ResourceSpans message */
	struct range resource; /* content of the Resource message */
	struct range schema_url;
	struct attr_range attrs;
	uint32_t scope_begin, scope_count;
};

struct trace_index {
	struct slice body; /* what all offsets refer to; borrowed, or owned by `normalised` */
	const struct key_table *keys;
	struct key_cache *key_cache; /* NULL: ids are of registered keys alone */
	/* Fields that the schema does not know, at any level; they are passed on unless the edit
	 * says otherwise (edit_drop_unknown). */
	uint32_t unknown_count;
	/* Fields of old versions that were left out because the field that replaced them is there. */
	uint32_t superseded_count;
	/* Every span has a trace id and a span id that are not of zeros alone (W3C Trace Context
	 * §3.2.2), and no parent id of zeros. */
	bool ids_usable;
	uint32_t map_count; /* maps (VALUE_KVLIST) in attributes, at any level */
	struct resource_entry *resources;
	struct scope_entry *scopes;
	struct span_entry *spans;
	struct attr_entry *attrs;
	struct event_entry *events;
	struct link_entry *links;
	uint32_t resource_count, scope_count, span_count, attr_count, event_count, link_count;

	/* private */
	uint32_t resource_cap, scope_cap, span_cap, attr_cap, event_cap, link_cap;
	size_t bytes_held; /* charged to budget */
	size_t bytes_max;  /* of this request */
	struct budget *budget;
	struct chunk *normalised; /* the rewritten body, when the received one needed it */
};

/* ${budget} and ${keys} outlive the index. */
void trace_index_init(struct trace_index *index, struct budget *budget,
		      const struct key_table *keys);
void trace_index_fini(struct trace_index *index);

/* From the next build on key ids tell which patterns a key matches, too. Once, after init; without
 * effect when the key table has no patterns. -1 with ERR_NOMEM. */
MUST_CHECK int trace_index_use_patterns(struct trace_index *index, struct err *err);

/* The id that an attribute with ${key} has in this request. */
key_id index_key_id(const struct trace_index *index, struct slice key);

/* The patterns behind a key id of this request. Only after trace_index_use_patterns. */
struct key_set index_key_set(const struct trace_index *index, key_id id);

/* Changes when the ids of pattern sets have changed their meaning (never within a request). */
uint64_t index_key_epoch(const struct trace_index *index);

/*
 * Indexes ${body}, which must stay in place until the next build or fini. 0, or -1 with ${err}:
 * ERR_DECODE with the byte offset (malformed: protobuf syntax, wrong wire type for a known field,
 * id of a wrong length), ERR_LIMIT (index over its bound, nesting too deep, body too long),
 * ERR_NOMEM (budget or allocator). After a failure the index is empty. The arrays of the previous
 * request are forgotten either way.
 */
MUST_CHECK int trace_index_build(struct trace_index *index, struct slice body, struct err *err);

/*
 * As trace_index_build, for what was indexed before, as it is or as requests and parts of requests
 * (chunk->index_bytes): it has been admitted, so the bound is what its entries need, if that is
 * more than its size alone would allow.
 */
MUST_CHECK int trace_index_rebuild(struct trace_index *index, const struct chunk *body,
				   struct err *err);

/* Bytes that the entries of the request take, without the arrays' unused ends. */
size_t trace_index_bytes(const struct trace_index *index);

/* Forgets the request and frees what is above TRACE_INDEX_KEEP_BYTES. */
void trace_index_release(struct trace_index *index);

static inline struct slice index_slice(const struct trace_index *index, struct range range)
{
	return (struct slice){index->body.ptr + range.off, range.len};
}

/* The 16-byte trace id, 8-byte span id or 8-byte parent span id at ${off}; empty when absent. */
static inline struct slice index_id(const struct trace_index *index, uint32_t off, size_t len)
{
	return off == 0 ? (struct slice){NULL, 0} : (struct slice){index->body.ptr + off, len};
}

/* Value of the varint or fixed field ${number} of the message ${message}, 0 when absent: for the
 * rare fields that no entry carries (dropped counts). Last one wins. */
uint64_t index_scan_number(const struct trace_index *index, struct range message, uint32_t number);

#endif
