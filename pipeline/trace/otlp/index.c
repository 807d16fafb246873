/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building the index: the request, its resources and scopes, and the memory that holds it.
 *
 * One pass checks the whole request and fills the arrays. When the pass met a singular field twice,
 * several members of a oneof or a field of an old version, the body is rewritten by trace_normalise into a chunk that the
 * index owns, and the pass runs once more over that; all offsets then refer to the rewritten body.
 *
 * Memory: six arrays that double, charged to the budget, never above bytes_max for one request.
 * At most TRACE_INDEX_KEEP_BYTES of them outlive trace_index_release, so that a steady load
 * allocates nothing and one large request does not stay for ever.
 */
#include "pipeline/trace/otlp/index.h"

#include "pipeline/base/assert.h"
#include "pipeline/trace/otlp/index_internal.h"
#include "pipeline/trace/otlp/index_verify.h"
#include "pipeline/trace/otlp/normalise.h"

#include <stdlib.h>

enum { ENTRIES_MIN = 64 };

void trace_index_init(struct trace_index *index, struct budget *budget,
		      const struct key_table *keys)
{
	*index = (struct trace_index){.budget = budget, .keys = keys};
}

COLD void *index_grow(struct walk *walk, void *array, uint32_t *cap, size_t entry_bytes)
{
	struct trace_index *index = walk->index;
	size_t wanted = *cap ? (size_t)*cap * 2 : ENTRIES_MIN;
	size_t room = index->bytes_max - index->bytes_held;
	if (wanted - *cap > room / entry_bytes)
		wanted = *cap + room / entry_bytes;
	if (wanted == *cap || wanted > UINT32_MAX) {
		walk->over_max = true;
		(void)err_set(walk->err, ERR_LIMIT, "request needs more than %zu bytes of index",
			      index->bytes_max);
		return NULL;
	}
	size_t more = (wanted - *cap) * entry_bytes;
	if (!budget_take(index->budget, more)) {
		(void)err_set(walk->err, ERR_NOMEM, "memory budget exhausted by the index");
		return NULL;
	}
	void *grown = realloc(array, wanted * entry_bytes);
	if (!grown) {
		budget_give(index->budget, more);
		(void)err_set(walk->err, ERR_NOMEM, "out of memory for the index");
		return NULL;
	}
	*cap = (uint32_t)wanted;
	index->bytes_held += more;
	return grown;
}

/* ---- the walk: resources and scopes ---- */

static bool walk_resource(struct walk *walk, uint32_t resource_at, const uint8_t *at,
			  const uint8_t *end)
{
	struct resource_entry *resource = &walk->index->resources[resource_at];
	struct walk_seen seen = {0, 0};
	resource->resource = walk_range(walk, at, end);
	resource->attrs.begin = walk->index->attr_count;
	while (at < end) {
		const uint8_t *field = at;
		struct varint tag = read_tag(at, end), word;
		switch (tag.value) {
		case TAG_LEN(RESOURCE_ATTRIBUTES):
		case TAG_LEN(RESOURCE_ENTITY_REFS):
			word = read_len(tag.at, end);
			if (!word.at)
				return index_fail(walk, SCHEMA_RESOURCE, field, end);
			at = word.at + word.value;
			if (tag.value == TAG_LEN(RESOURCE_ATTRIBUTES)) {
				if (!walk_attr(walk, OWNER_RESOURCE, resource_at, field, word.at,
					       at))
					return false;
			} else if (!index_check_message(walk, SCHEMA_ENTITY_REF,
							slice_of(word.at, (size_t)word.value),
							NULL)) {
				return false;
			}
			break;
		case TAG_VARINT(RESOURCE_DROPPED_ATTRIBUTES_COUNT):
			at = read_varint(tag.at, end, 10).at;
			if (!at)
				return index_fail(walk, SCHEMA_RESOURCE, field, end);
			walk_see(&seen, RESOURCE_DROPPED_ATTRIBUTES_COUNT);
			break;
		default:
			if (!(at = index_skip_unknown(walk, SCHEMA_RESOURCE, field, end)))
				return false;
		}
	}
	resource->attrs.count = walk->index->attr_count - resource->attrs.begin;
	walk_note_repeats(walk, seen);
	return true;
}

static bool walk_scope(struct walk *walk, uint32_t scope_at, const uint8_t *at, const uint8_t *end)
{
	struct scope_entry *scope = &walk->index->scopes[scope_at];
	struct walk_seen seen = {0, 0};
	scope->scope = walk_range(walk, at, end);
	scope->attrs.begin = walk->index->attr_count;
	while (at < end) {
		const uint8_t *field = at;
		struct varint tag = read_tag(at, end), word;
		switch (tag.value) {
		case TAG_LEN(SCOPE_NAME):
		case TAG_LEN(SCOPE_VERSION):
		case TAG_LEN(SCOPE_ATTRIBUTES):
			word = read_len(tag.at, end);
			if (!word.at)
				return index_fail(walk, SCHEMA_SCOPE, field, end);
			at = word.at + word.value;
			if (tag.value == TAG_LEN(SCOPE_ATTRIBUTES)) {
				if (!walk_attr(walk, OWNER_SCOPE, scope_at, field, word.at, at))
					return false;
				break;
			}
			walk_see(&seen, (uint32_t)tag.value >> 3);
			*(tag.value == TAG_LEN(SCOPE_NAME) ? &scope->name : &scope->version) =
				walk_range(walk, word.at, at);
			break;
		case TAG_VARINT(SCOPE_DROPPED_ATTRIBUTES_COUNT):
			at = read_varint(tag.at, end, 10).at;
			if (!at)
				return index_fail(walk, SCHEMA_SCOPE, field, end);
			walk_see(&seen, SCOPE_DROPPED_ATTRIBUTES_COUNT);
			break;
		default:
			if (!(at = index_skip_unknown(walk, SCHEMA_SCOPE, field, end)))
				return false;
		}
	}
	scope->attrs.count = walk->index->attr_count - scope->attrs.begin;
	walk_note_repeats(walk, seen);
	return true;
}

static bool walk_scope_spans(struct walk *walk, uint32_t resource, const uint8_t *field,
			     const uint8_t *at, const uint8_t *end)
{
	struct trace_index *index = walk->index;
	struct scope_entry *scope = walk_push_scope(walk);
	if (!scope)
		return false;
	uint32_t scope_at = index->scope_count - 1;
	*scope = (struct scope_entry){
		.field = walk_range(walk, field, end),
		.content = walk_range(walk, at, end),
		.resource = resource,
		.span_begin = index->span_count,
	};
	struct walk_seen seen = {0, 0};
	while (at < end) {
		field = at;
		struct varint tag = read_tag(at, end), len = {NULL, 0};
		if ((tag.value & 7) == WIRE_LEN && tag.at)
			len = read_len(tag.at, end);
		if (!len.at) { /* no scalar field is known here */
			if (!(at = index_skip_unknown(walk, SCHEMA_SCOPE_SPANS, field, end)))
				return false;
			continue;
		}
		at = len.at + len.value;
		switch (tag.value) {
		case TAG_LEN(SCOPE_SPANS_SPANS):
			if (!index_walk_span(walk, scope_at, field, len.at, at))
				return false;
			break;
		case TAG_LEN(SCOPE_SPANS_SCOPE):
			walk_see(&seen, SCOPE_SPANS_SCOPE);
			if (!walk_scope(walk, scope_at, len.at, at))
				return false;
			break;
		case TAG_LEN(SCOPE_SPANS_SCHEMA_URL):
			walk_see(&seen, SCOPE_SPANS_SCHEMA_URL);
			scope->schema_url = walk_range(walk, len.at, at);
			break;
		default:
			if (!index_skip_unknown(walk, SCHEMA_SCOPE_SPANS, field, end))
				return false;
		}
	}
	scope->span_count = index->span_count - scope->span_begin;
	walk_note_repeats(walk, seen);
	return true;
}

static bool walk_resource_spans(struct walk *walk, const uint8_t *field, const uint8_t *at,
				const uint8_t *end)
{
	struct trace_index *index = walk->index;
	struct resource_entry *resource = walk_push_resource(walk);
	if (!resource)
		return false;
	uint32_t resource_at = index->resource_count - 1;
	*resource = (struct resource_entry){
		.field = walk_range(walk, field, end),
		.content = walk_range(walk, at, end),
		.scope_begin = index->scope_count,
	};
	struct walk_seen seen = {0, 0};
	while (at < end) {
		field = at;
		struct varint tag = read_tag(at, end), len = {NULL, 0};
		if ((tag.value & 7) == WIRE_LEN && tag.at)
			len = read_len(tag.at, end);
		if (!len.at) { /* no scalar field is known here */
			if (!(at = index_skip_unknown(walk, SCHEMA_RESOURCE_SPANS, field, end)))
				return false;
			continue;
		}
		at = len.at + len.value;
		switch (tag.value) {
		case TAG_LEN(RESOURCE_SPANS_DEPRECATED_ILS): /* checked, whether it stays or not */
			walk->rewrite = true;
			FALLTHROUGH;
		case TAG_LEN(RESOURCE_SPANS_SCOPE_SPANS):
			if (!walk_scope_spans(walk, resource_at, field, len.at, at))
				return false;
			break;
		case TAG_LEN(RESOURCE_SPANS_RESOURCE):
			walk_see(&seen, RESOURCE_SPANS_RESOURCE);
			if (!walk_resource(walk, resource_at, len.at, at))
				return false;
			break;
		case TAG_LEN(RESOURCE_SPANS_SCHEMA_URL):
			walk_see(&seen, RESOURCE_SPANS_SCHEMA_URL);
			resource->schema_url = walk_range(walk, len.at, at);
			break;
		default:
			if (!index_skip_unknown(walk, SCHEMA_RESOURCE_SPANS, field, end))
				return false;
		}
	}
	resource->scope_count = index->scope_count - resource->scope_begin;
	walk_note_repeats(walk, seen);
	return true;
}

static bool walk_request(struct walk *walk, const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		const uint8_t *field = at;
		struct varint tag = read_tag(at, end), len;
		if (tag.value != TAG_LEN(EXPORT_REQUEST_RESOURCE_SPANS)) {
			if (!(at = index_skip_unknown(walk, SCHEMA_EXPORT_REQUEST, field, end)))
				return false;
			continue;
		}
		len = read_len(tag.at, end);
		if (!len.at)
			return index_fail(walk, SCHEMA_EXPORT_REQUEST, field, end);
		at = len.at + len.value;
		if (!walk_resource_spans(walk, field, len.at, at))
			return false;
	}
	return true;
}

/* ---- build and release ---- */

static void forget_request(struct trace_index *index)
{
	index->resource_count = index->scope_count = index->span_count = 0;
	index->attr_count = index->event_count = index->link_count = 0;
	index->superseded_count = 0;
	index->body = SLICE("");
	chunk_unref(index->normalised);
	index->normalised = NULL;
}

static void free_arrays(struct trace_index *index)
{
	free(index->resources);
	free(index->scopes);
	free(index->spans);
	free(index->attrs);
	free(index->events);
	free(index->links);
	budget_give(index->budget, index->bytes_held);
	*index = (struct trace_index){.budget = index->budget,
				      .keys = index->keys,
				      .key_cache = index->key_cache,
				      .normalised = index->normalised,
				      .bytes_max = index->bytes_max};
}

void trace_index_fini(struct trace_index *index)
{
	forget_request(index);
	free_arrays(index);
	key_cache_free(index->key_cache);
	index->key_cache = NULL;
}

int trace_index_use_patterns(struct trace_index *index, struct err *err)
{
	if (!key_table_has_patterns(index->keys))
		return 0;
	index->key_cache = key_cache_new(index->keys);
	return index->key_cache ? 0 : err_set(err, ERR_NOMEM, "out of memory for attribute keys");
}

key_id index_key_id(const struct trace_index *index, struct slice key)
{
	return index->key_cache ? key_cache_find(index->key_cache, key.ptr, key.len)
				: key_table_find(index->keys, key);
}

struct key_set index_key_set(const struct trace_index *index, key_id id)
{
	return key_cache_set(index->key_cache, id);
}

uint64_t index_key_epoch(const struct trace_index *index)
{
	return key_cache_epoch(index->key_cache);
}

void trace_index_release(struct trace_index *index)
{
	forget_request(index);
	if (index->bytes_held > TRACE_INDEX_KEEP_BYTES)
		free_arrays(index);
	index->body = SLICE("");
}

static bool walk_once(struct trace_index *index, struct slice body, struct walk *walk)
{
	index->resource_count = index->scope_count = index->span_count = 0;
	index->attr_count = index->event_count = index->link_count = 0;
	index->unknown_count = index->map_count = 0;
	index->ids_usable = true;
	index->body = body.len > 0 ? body : SLICE("");
	if (index->key_cache)
		key_cache_begin(index->key_cache);
	walk->body = index->body.ptr;
	walk->over_max = walk->rewrite = false;
	return walk_request(walk, index->body.ptr, index->body.ptr + index->body.len);
}

static bool walk_body(struct trace_index *index, struct slice body, bool *ret_rewrite,
		      struct err *err)
{
	struct walk walk = {
		.index = index, .keys = index->keys, .cache = index->key_cache, .err = err};
	bool had_arrays = index->bytes_held > 0;
	bool ok = walk_once(index, body, &walk);
	if (!ok && walk.over_max && had_arrays) {
		/* What an earlier request needed most may be what this one has room for least. */
		free_arrays(index);
		ok = walk_once(index, body, &walk);
	}
	*ret_rewrite = walk.rewrite;
	return ok;
}

static bool walk_normalised(struct trace_index *index, struct slice body, struct err *err)
{
	index->normalised = trace_normalise(body, index->budget, &index->superseded_count, err);
	if (!index->normalised)
		return false;
	bool rewrite;
	if (!walk_body(index, chunk_slice(index->normalised), &rewrite, err))
		return false;
	if (rewrite)
		(void)err_set(err, ERR_INTERNAL, "normalised request still has to be rewritten");
	return !rewrite;
}

static size_t bytes_for(size_t entries)
{
	/* Arrays double, so they are never twice as long as needed, but for the first few. */
	return 2 * entries +
	       (OWNER_KIND_COUNT + 1) * (size_t)ENTRIES_MIN * sizeof(struct span_entry);
}

size_t trace_index_bytes(const struct trace_index *index)
{
	return index->resource_count * sizeof(*index->resources) +
	       index->scope_count * sizeof(*index->scopes) +
	       index->span_count * sizeof(*index->spans) +
	       index->attr_count * sizeof(*index->attrs) +
	       index->event_count * sizeof(*index->events) +
	       index->link_count * sizeof(*index->links);
}

static int build(struct trace_index *index, struct slice body, size_t entry_bytes, struct err *err)
{
	forget_request(index);
	if (body.len > TRACE_BODY_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "request over %zu bytes", TRACE_BODY_BYTES_MAX);
	size_t bytes_max = body.len * TRACE_INDEX_BYTES_PER_BODY_BYTE;
	if (bytes_max < TRACE_INDEX_BYTES_MIN)
		bytes_max = TRACE_INDEX_BYTES_MIN;
	if (bytes_max < bytes_for(entry_bytes))
		bytes_max = bytes_for(entry_bytes);
	if (index->bytes_held > bytes_max)
		free_arrays(index);
	index->bytes_max = bytes_max;
	bool rewrite;
	bool ok = walk_body(index, body, &rewrite, err);
	if (ok && rewrite)
		ok = walk_normalised(index, body, err);
	if (!ok)
		forget_request(index);
	ASSERT(!trace_index_fault(index));
	return ok ? 0 : -1;
}

int trace_index_build(struct trace_index *index, struct slice body, struct err *err)
{
	return build(index, body, 0, err);
}

int trace_index_rebuild(struct trace_index *index, const struct chunk *body, struct err *err)
{
	return build(index, chunk_slice(body), body->index_bytes, err);
}

uint64_t index_scan_number(const struct trace_index *index, struct range message, uint32_t number)
{
	struct slice content = index_slice(index, message);
	struct wire_reader reader = {content.ptr, content.ptr + content.len};
	struct wire_field field;
	uint64_t value = 0;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number == number && field.type != WIRE_LEN)
			value = field.value;
	}
	return value;
}
