/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding of the request, its resources and scopes, for a window of spans.
 *
 * A container (ScopeSpans, ResourceSpans, the request) leaves in one of four ways, decided while
 * measuring and remembered as its length:
 *   skipped   no live span of it lies in the window;
 *   whole     all of it lies in the window and nothing in it was changed: one copied range;
 *   in place  all of it lies in the window: received order, gaps (unknown fields) included;
 *   rebuilt   only part of it lies in the window, or a part of the gaps shall go: what describes it
 *             is repeated, unknown fields go with its first span, so that the pieces of a split
 *             hold each of them once.
 */
#include "pipeline/trace/otlp/encode.h"

#include "pipeline/base/assert.h"
#include "pipeline/trace/otlp/encode_internal.h"
#include "pipeline/trace/otlp/schema.h"

/* Lengths that are none: no message is that long (TRACE_BODY_BYTES_MAX). */
#define LEN_SKIPPED UINT32_MAX
#define LEN_WHOLE (UINT32_MAX - 1)

static uint32_t span_end_of_scope(const struct scope_entry *scope)
{
	return scope->span_begin + scope->span_count;
}

/* Spans of a resource: its scopes are neighbours, and so are their spans. */
static struct span_window spans_of_resource(const struct trace_index *index,
					    const struct resource_entry *resource)
{
	if (resource->scope_count == 0)
		return (struct span_window){0, 0};
	const struct scope_entry *first = &index->scopes[resource->scope_begin];
	return (struct span_window){first->span_begin,
				    span_end_of_scope(first + resource->scope_count - 1)};
}

static bool window_holds(struct span_window outer, struct span_window inner)
{
	return outer.begin <= inner.begin && inner.end <= outer.end;
}

static struct span_window window_cut(struct span_window a, struct span_window b)
{
	struct span_window both = {a.begin > b.begin ? a.begin : b.begin,
				   a.end < b.end ? a.end : b.end};
	return both.begin < both.end ? both : (struct span_window){0, 0};
}

/* ---- parts of containers ---- */

/* Keeps the body's bytes [from, to) but for ${hole}, which may lie anywhere. */
static inline void keep_gap(struct sink *sink, uint32_t from, uint32_t to, struct range hole)
{
	if (LIKELY(from == to))
		return;
	if (hole.len == 0 || hole.off < from || hole.off >= to) {
		sink_keep(sink, from, to - from);
		return;
	}
	sink_keep(sink, from, hole.off - from);
	sink_keep(sink, hole.off + hole.len, to - (hole.off + hole.len));
}

static void keep_text(struct sink *sink, uint32_t number, struct range text)
{
	if (text.off == 0)
		return;
	sink_varint(sink, wire_tag(number, WIRE_LEN));
	sink_varint(sink, text.len);
	sink_keep(sink, text.off, text.len);
}

static void keep_unknown(struct sink *sink, enum schema_message message, struct range content)
{
	const struct trace_index *index = &sink->view->index;
	if (sink->view->known_only)
		return;
	struct slice bytes = index_slice(index, content);
	struct wire_reader reader = {bytes.ptr, bytes.ptr + bytes.len};
	struct wire_field field;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (!schema_field(message, field.number))
			sink_keep(sink, (uint32_t)(field.start - index->body.ptr),
				  (uint32_t)(reader.at - field.start));
	}
}

/* Whether ${owner}, which bears ${spans}, can be written with its gaps as they are. */
static bool stays_in_place(const struct trace_view *view, struct owner owner,
			   struct span_window window, struct span_window spans)
{
	return window_holds(window, spans) && !view->known_only &&
	       !view_has_flag(view, owner, FLAG_NO_SCHEMA_URL);
}

/* A mark alone makes no message where none was received. */
static bool has_new_description(const struct trace_view *view, struct owner owner,
				struct range content)
{
	return view_has_flag(view, owner, FLAG_CHANGED) &&
	       (content.off != 0 || view_has_flag(view, owner, FLAG_PATCHED));
}

static void keep_schema_url(struct sink *sink, struct owner owner, uint32_t number,
			    struct range text)
{
	if (!view_has_flag(sink->view, owner, FLAG_NO_SCHEMA_URL))
		keep_text(sink, number, text);
}

/* A changed Resource or InstrumentationScope message, field 1 of its container in both. */
static void put_description(struct sink *sink, struct owner owner, struct range content,
			    uint32_t *len)
{
	size_t opened = sink_open(sink, RESOURCE_SPANS_RESOURCE, len);
	sink_element(sink, owner, content);
	sink_close(sink, opened, len);
}

_Static_assert((int)RESOURCE_SPANS_RESOURCE == (int)SCOPE_SPANS_SCOPE, "put_description");

/* ---- spans ---- */

static inline void put_span(struct sink *sink, uint32_t span_at)
{
	const struct trace_view *view = sink->view;
	const struct span_entry *span = &view->index.spans[span_at];
	uint8_t flags = view->flags[OWNER_SPAN][span_at];
	if (flags & FLAG_DROPPED)
		return;
	if (sink_measures(sink))
		sink->spans++;
	if (!(flags & FLAG_CHANGED)) {
		sink_keep(sink, span->field.off, span->field.len);
		return;
	}
	uint32_t *len = &view->lengths.content[OWNER_SPAN][span_at];
	size_t opened = sink_open(sink, SCOPE_SPANS_SPANS, len);
	sink_element(sink, (struct owner){OWNER_SPAN, span_at}, span->content);
	sink_close(sink, opened, len);
}

/* ---- scopes ---- */

static void put_scope_in_place(struct sink *sink, uint32_t scope_at)
{
	const struct trace_view *view = sink->view;
	const struct scope_entry *scope = &view->index.scopes[scope_at];
	bool changed = view->flags[OWNER_SCOPE][scope_at] & FLAG_CHANGED;
	struct range hole = {0, 0};
	if (changed)
		hole = edit_find_field(&view->index, scope->content, SCOPE_SPANS_SCOPE);
	uint32_t at = scope->content.off, end = span_end_of_scope(scope);
	for (uint32_t span_at = scope->span_begin; span_at < end; span_at++) {
		struct range field = view->index.spans[span_at].field;
		keep_gap(sink, at, field.off, hole);
		put_span(sink, span_at);
		at = field.off + field.len;
	}
	keep_gap(sink, at, scope->content.off + scope->content.len, hole);
	if (changed)
		put_description(sink, (struct owner){OWNER_SCOPE, scope_at}, scope->scope,
				&view->lengths.scope[scope_at]);
}

static void put_scope_rebuilt(struct sink *sink, uint32_t scope_at, struct span_window window)
{
	const struct trace_view *view = sink->view;
	const struct scope_entry *scope = &view->index.scopes[scope_at];
	if (has_new_description(view, (struct owner){OWNER_SCOPE, scope_at}, scope->scope))
		put_description(sink, (struct owner){OWNER_SCOPE, scope_at}, scope->scope,
				&view->lengths.scope[scope_at]);
	else
		keep_text(sink, SCOPE_SPANS_SCOPE, scope->scope);
	keep_schema_url(sink, (struct owner){OWNER_SCOPE, scope_at}, SCOPE_SPANS_SCHEMA_URL,
			scope->schema_url);
	if (window.begin == scope->span_begin)
		keep_unknown(sink, SCHEMA_SCOPE_SPANS, scope->content);
	for (uint32_t span_at = window.begin; span_at < window.end; span_at++)
		put_span(sink, span_at);
}

static void put_scope(struct sink *sink, uint32_t scope_at, struct span_window window)
{
	const struct trace_view *view = sink->view;
	const struct scope_entry *scope = &view->index.scopes[scope_at];
	struct span_window all = {scope->span_begin, span_end_of_scope(scope)};
	struct span_window part = window_cut(all, window);
	uint32_t *len = &view->lengths.content[OWNER_SCOPE][scope_at];
	uint32_t spans_before = sink->spans;
	if (sink_measures(sink)) {
		*len = 0;
		if (part.begin == part.end)
			*len = LEN_SKIPPED;
		else if (view->flags[OWNER_SCOPE][scope_at] == 0 && window_holds(window, all))
			*len = LEN_WHOLE;
	}
	if (*len == LEN_SKIPPED)
		return;
	if (*len == LEN_WHOLE) {
		sink_keep(sink, scope->field.off, scope->field.len);
		sink->spans += part.end - part.begin;
		return;
	}
	size_t opened = sink_open(sink, RESOURCE_SPANS_SCOPE_SPANS, len);
	if (stays_in_place(view, (struct owner){OWNER_SCOPE, scope_at}, window, all))
		put_scope_in_place(sink, scope_at);
	else
		put_scope_rebuilt(sink, scope_at, part);
	if (sink_measures(sink) && sink->spans == spans_before) {
		*len = LEN_SKIPPED;
		sink->bytes = opened;
		return;
	}
	sink_close(sink, opened, len);
}

/* ---- resources ---- */

static void put_resource_in_place(struct sink *sink, uint32_t resource_at,
				  struct span_window window)
{
	const struct trace_view *view = sink->view;
	const struct resource_entry *resource = &view->index.resources[resource_at];
	bool changed = view->flags[OWNER_RESOURCE][resource_at] & FLAG_CHANGED;
	struct range hole = {0, 0};
	if (changed)
		hole = edit_find_field(&view->index, resource->content, RESOURCE_SPANS_RESOURCE);
	uint32_t at = resource->content.off, end = resource->scope_begin + resource->scope_count;
	for (uint32_t scope_at = resource->scope_begin; scope_at < end; scope_at++) {
		struct range field = view->index.scopes[scope_at].field;
		keep_gap(sink, at, field.off, hole);
		put_scope(sink, scope_at, window);
		at = field.off + field.len;
	}
	keep_gap(sink, at, resource->content.off + resource->content.len, hole);
	if (changed)
		put_description(sink, (struct owner){OWNER_RESOURCE, resource_at},
				resource->resource, &view->lengths.resource[resource_at]);
}

static void put_resource_rebuilt(struct sink *sink, uint32_t resource_at, struct span_window window)
{
	const struct trace_view *view = sink->view;
	const struct trace_index *index = &view->index;
	const struct resource_entry *resource = &index->resources[resource_at];
	struct span_window all = spans_of_resource(index, resource);
	if (has_new_description(view, (struct owner){OWNER_RESOURCE, resource_at},
				resource->resource))
		put_description(sink, (struct owner){OWNER_RESOURCE, resource_at},
				resource->resource, &view->lengths.resource[resource_at]);
	else
		keep_text(sink, RESOURCE_SPANS_RESOURCE, resource->resource);
	keep_schema_url(sink, (struct owner){OWNER_RESOURCE, resource_at},
			RESOURCE_SPANS_SCHEMA_URL, resource->schema_url);
	if (window.begin <= all.begin)
		keep_unknown(sink, SCHEMA_RESOURCE_SPANS, resource->content);
	struct span_window part = window_cut(all, window);
	uint32_t first = index->spans[part.begin].scope, last = index->spans[part.end - 1].scope;
	for (uint32_t scope_at = first; scope_at <= last; scope_at++)
		put_scope(sink, scope_at, window);
}

/* True when the received ResourceSpans can be copied: scopes without spans are not passed on. */
static bool resource_untouched(const struct trace_view *view, uint32_t resource_at)
{
	const struct resource_entry *resource = &view->index.resources[resource_at];
	if (view->flags[OWNER_RESOURCE][resource_at] != 0)
		return false;
	for (uint32_t i = 0; i < resource->scope_count; i++) {
		if (view->index.scopes[resource->scope_begin + i].span_count == 0)
			return false;
	}
	return true;
}

static void put_resource(struct sink *sink, uint32_t resource_at, struct span_window window)
{
	const struct trace_view *view = sink->view;
	const struct resource_entry *resource = &view->index.resources[resource_at];
	struct span_window all = spans_of_resource(&view->index, resource);
	struct span_window part = window_cut(all, window);
	uint32_t *len = &view->lengths.content[OWNER_RESOURCE][resource_at];
	uint32_t spans_before = sink->spans;
	if (sink_measures(sink)) {
		*len = 0;
		if (part.begin == part.end ||
		    (view->flags[OWNER_RESOURCE][resource_at] & FLAG_DROPPED))
			*len = LEN_SKIPPED;
		else if (window_holds(window, all) && resource_untouched(view, resource_at))
			*len = LEN_WHOLE;
	}
	if (*len == LEN_SKIPPED)
		return;
	if (*len == LEN_WHOLE) {
		sink_keep(sink, resource->field.off, resource->field.len);
		sink->spans += part.end - part.begin;
		return;
	}
	size_t opened = sink_open(sink, EXPORT_REQUEST_RESOURCE_SPANS, len);
	if (stays_in_place(view, (struct owner){OWNER_RESOURCE, resource_at}, window, all))
		put_resource_in_place(sink, resource_at, window);
	else
		put_resource_rebuilt(sink, resource_at, window);
	if (sink_measures(sink) && sink->spans == spans_before) {
		*len = LEN_SKIPPED;
		sink->bytes = opened;
		return;
	}
	sink_close(sink, opened, len);
}

/* ---- the request ---- */

static bool window_is_all(const struct trace_view *view, struct span_window window)
{
	return window.begin == 0 && window.end == view->index.span_count;
}

static void put_request(struct sink *sink, struct span_window window)
{
	const struct trace_index *index = &sink->view->index;
	const struct range no_hole = {0, 0};
	if (window_is_all(sink->view, window) && !sink->view->known_only) {
		uint32_t at = 0;
		for (uint32_t i = 0; i < index->resource_count; i++) {
			struct range field = index->resources[i].field;
			keep_gap(sink, at, field.off, no_hole);
			put_resource(sink, i, window);
			at = field.off + field.len;
		}
		keep_gap(sink, at, (uint32_t)index->body.len, no_hole);
		return;
	}
	if (window.begin == 0)
		keep_unknown(sink, SCHEMA_EXPORT_REQUEST,
			     (struct range){0, (uint32_t)index->body.len});
	uint32_t first = index->scopes[index->spans[window.begin].scope].resource;
	uint32_t last = index->scopes[index->spans[window.end - 1].scope].resource;
	for (uint32_t i = first; i <= last; i++)
		put_resource(sink, i, window);
}

static bool reserve_lengths(struct trace_view *view)
{
	const struct trace_index *index = &view->index;
	size_t count = (size_t)index->resource_count + index->scope_count;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++)
		count += view_count_of(index, (enum owner_kind)kind);
	if (!edit_column_reserve(view, &view->length_column, count * sizeof(uint32_t)))
		return false;
	uint32_t *lengths = view->length_column.data;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++) {
		view->lengths.content[kind] = lengths;
		lengths += view_count_of(index, (enum owner_kind)kind);
	}
	view->lengths.resource = lengths;
	view->lengths.scope = lengths + index->resource_count;
	return true;
}

int trace_encode_measure(struct trace_view *view, struct span_window window,
			 struct encode_plan *ret_plan, struct err *err)
{
	if (edit_check(view, err) != 0)
		return -1;
	if (window.begin >= window.end || view->live_spans == 0) {
		*ret_plan = (struct encode_plan){.window = window};
		return 0;
	}
	if (!view->changed && window_is_all(view, window)) {
		*ret_plan = (struct encode_plan){.window = window,
						 .bytes = view->index.body.len,
						 .spans = view->index.span_count};
		return 0;
	}
	if (!reserve_lengths(view))
		return err_set(err, ERR_NOMEM, "memory budget exhausted by encoding");
	struct sink sink = {.view = view, .body = view->index.body.ptr};
	put_request(&sink, window);
	if (sink.bytes > TRACE_BODY_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "encoded request over %zu bytes",
			       TRACE_BODY_BYTES_MAX);
	ASSERT(sink.spans <= view->live_spans);
	*ret_plan = (struct encode_plan){
		.window = window, .bytes = sink.spans > 0 ? sink.bytes : 0, .spans = sink.spans};
	return 0;
}

void trace_encode_write(const struct trace_view *view, const struct encode_plan *plan, uint8_t *out)
{
	if (plan->bytes == 0)
		return;
	if (!view->changed && window_is_all(view, plan->window)) {
		memcpy(out, view->index.body.ptr, plan->bytes);
		return;
	}
	struct sink sink = {.view = view, .body = view->index.body.ptr, .out = out};
	put_request(&sink, plan->window);
	sink_flush(&sink);
	ASSERT(sink.out == out + plan->bytes); /* as measured: nothing was edited since */
}

int trace_encode(struct trace_view *view, struct budget *budget, struct chunk **ret_chunk,
		 struct err *err)
{
	struct encode_plan plan;
	struct span_window all = {0, view->index.span_count};
	if (trace_encode_measure(view, all, &plan, err))
		return -1;
	if (plan.spans == 0) {
		*ret_chunk = NULL;
		return 0;
	}
	struct chunk *chunk = chunk_new(budget, plan.bytes);
	if (!chunk)
		return err_set(err, ERR_NOMEM, "out of memory for an encoded request");
	trace_encode_write(view, &plan, chunk->data);
	chunk->len = plan.bytes;
	view_describe(view, plan.spans, chunk);
	*ret_chunk = chunk;
	return 0;
}

int trace_encode_held(struct trace_view *view, struct budget *budget, struct chunk **ret_chunk,
		      struct err *err)
{
	edit_turn_to_held(view);
	int failed = trace_encode(view, budget, ret_chunk, err);
	edit_turn_back(view);
	return failed;
}
