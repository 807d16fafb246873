/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting an encoded request. Pieces are filled greedily in span order. The size of a piece is
 * bounded from above as it grows: spans and descriptions by their received lengths, headers at
 * their longest; the exact size is then measured for the window that was found.
 */
#include "pipeline/trace/otlp/encode.h"
#include "pipeline/trace/otlp/index.h"

enum { HEADER_BYTES_MAX = 6 }; /* a tag of one byte and a length of up to five */

struct filling {
	const struct trace_index *index;
	uint64_t bytes_max;
	uint32_t spans_max;
};

static uint64_t text_bytes(struct range text)
{
	return text.off ? HEADER_BYTES_MAX + (uint64_t)text.len : 0;
}

/*
 * What a container costs beside its children. Where it begins (${first}) it brings along all that
 * lies between them: unknown fields, and children without spans, which go along when the request
 * is copied as it is. Counting that takes a step per child, once per container.
 */
static uint64_t scope_bytes(const struct trace_index *index, uint32_t scope_at, bool first)
{
	const struct scope_entry *scope = &index->scopes[scope_at];
	uint64_t bytes =
		HEADER_BYTES_MAX + text_bytes(scope->scope) + text_bytes(scope->schema_url);
	if (!first)
		return bytes;
	bytes += scope->field.len;
	for (uint32_t i = 0; i < scope->span_count; i++)
		bytes -= index->spans[scope->span_begin + i].field.len;
	return bytes;
}

static uint64_t resource_bytes(const struct trace_index *index, uint32_t resource_at, bool first)
{
	const struct resource_entry *resource = &index->resources[resource_at];
	uint64_t bytes = HEADER_BYTES_MAX + text_bytes(resource->resource) +
			 text_bytes(resource->schema_url);
	if (!first)
		return bytes;
	bytes += resource->field.len;
	for (uint32_t i = 0; i < resource->scope_count; i++) {
		const struct scope_entry *scope = &index->scopes[resource->scope_begin + i];
		bytes -= scope->span_count > 0 ? scope->field.len : 0;
	}
	return bytes;
}

static bool resource_has_spans(const struct trace_index *index, const struct resource_entry *entry)
{
	for (uint32_t i = 0; i < entry->scope_count; i++) {
		if (index->scopes[entry->scope_begin + i].span_count > 0)
			return true;
	}
	return false;
}

static uint64_t request_bytes(const struct trace_index *index)
{
	uint64_t bytes = index->body.len;
	for (uint32_t i = 0; i < index->resource_count; i++) {
		const struct resource_entry *resource = &index->resources[i];
		bytes -= resource_has_spans(index, resource) ? resource->field.len : 0;
	}
	return bytes;
}

/* The window that begins at ${begin} and holds as many spans as fit, one at least. */
static struct span_window fill(const struct filling *filling, uint32_t begin)
{
	const struct trace_index *index = filling->index;
	uint64_t bytes = begin == 0 ? request_bytes(index) : 0;
	uint32_t last_scope = UINT32_MAX, last_resource = UINT32_MAX, at = begin;
	for (; at < index->span_count && at - begin < filling->spans_max; at++) {
		uint64_t more = index->spans[at].field.len;
		uint32_t scope = index->spans[at].scope, resource = index->scopes[scope].resource;
		if (scope != last_scope)
			more += scope_bytes(index, scope, at == index->scopes[scope].span_begin);
		if (resource != last_resource) {
			uint32_t first_scope = index->resources[resource].scope_begin;
			more += resource_bytes(index, resource,
					       at == index->scopes[first_scope].span_begin);
		}
		if (at > begin && bytes + more > filling->bytes_max)
			break;
		bytes += more;
		last_scope = scope;
		last_resource = resource;
	}
	return (struct span_window){begin, at};
}

static int take_window(struct trace_view *view, struct budget *budget, struct span_window window,
		       split_take *take, void *arg, struct err *err)
{
	struct encode_plan plan;
	if (trace_encode_measure(view, window, &plan, err))
		return -1;
	struct chunk *piece = chunk_new(budget, plan.bytes);
	if (!piece)
		return err_set(err, ERR_NOMEM, "out of memory for a piece of a request");
	trace_encode_write(view, &plan, piece->data);
	piece->len = plan.bytes;
	view_describe(view, plan.spans, piece);
	take(arg, piece);
	return 0;
}

int trace_split(struct trace_view *view, struct budget *budget, size_t bytes_max,
		uint32_t spans_max, split_take *take, void *arg, uint32_t *ret_spans_taken,
		struct err *err)
{
	const struct trace_index *index = &view->index;
	struct filling filling = {
		.index = index,
		.bytes_max = bytes_max ? bytes_max : UINT64_MAX,
		.spans_max = spans_max ? spans_max : UINT32_MAX,
	};
	struct span_window window = {0, index->span_count};
	bool whole = index->body.len <= filling.bytes_max && index->span_count <= filling.spans_max;
	*ret_spans_taken = 0;
	while (*ret_spans_taken < index->span_count) {
		if (!whole)
			window = fill(&filling, *ret_spans_taken);
		if (take_window(view, budget, window, take, arg, err))
			return -1;
		*ret_spans_taken = window.end;
	}
	return 0;
}
