/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view: one request as it stands after the edits made so far. The one way to read a request:
 * processors, conditions, exporters and JSON all see through it, so that nobody can see what an
 * earlier stage has removed. Changes are made through edit.h; what was received stays as it is.
 *
 *   resources[] → scopes[] → spans[] → events[], links[]      each with attributes
 *
 * Elements are numbered in wire order from 0, each kind by itself, dropped ones included: they stay
 * visible as tombstones, and view_…_live tells. What a reader returns is borrowed from the request
 * or the view's arena and is valid until the next view_open or view_close.
 *
 * A view belongs to one thread. It is opened on a request, and gone through in one or more runs
 * (view_begin), each of which starts without edits. Its memory is reused from request to request
 * and charged to the budget: the index to the bound of index.h, the edits to EDIT_ARENA_BYTES_MAX.
 */
#ifndef SLUICE_TRACE_OTLP_VIEW_H
#define SLUICE_TRACE_OTLP_VIEW_H

#include "pipeline/trace/otlp/view_layout.h"

/* ---- life ----------------------------------------------------------------------------------- */

/* ${budget} and ${keys} (frozen) outlive the view. NULL: no memory. */
MUST_CHECK struct trace_view *view_new(struct budget *budget, const struct key_table *keys);
void view_free(struct trace_view *view);

/* From the next view_open on key ids tell which patterns a key matches, too. Once, after view_new;
 * without effect when the key table has no patterns. -1 with ERR_NOMEM. */
MUST_CHECK int view_use_patterns(struct trace_view *view, struct err *err);

/*
 * Opens the view on an ExportTraceServiceRequest as a peer sent it, and begins a run. ${body} must
 * stay in place until view_close. -1 with ERR_DECODE (malformed), ERR_LIMIT (over the bounds of
 * index.h) or ERR_NOMEM; the view is closed then.
 */
MUST_CHECK int view_open(struct trace_view *view, struct slice body, struct err *err);

/* The same for a request that was open before, as it is or as parts of it joined: it has been
 * admitted, so that only what its entries need (chunk->index_bytes) bounds it. */
MUST_CHECK int view_open_chunk(struct trace_view *view, const struct chunk *body, struct err *err);

/* Another run over the open request: nothing is edited any more. -1 with ERR_NOMEM. */
MUST_CHECK int view_begin(struct trace_view *view, struct err *err);

/* Forgets the request and frees what a large one needed. */
void view_close(struct trace_view *view);

/* True while nothing has been changed in this run. */
static inline bool view_is_clean(const struct trace_view *view)
{
	return !view->changed;
}

/* True when the bytes at ${body} are what the view shows: nothing was changed, nor was the request
 * rewritten when it was opened (normalise.h). */
static inline bool view_is_body(const struct trace_view *view, const uint8_t *body)
{
	return !view->changed && view->index.body.ptr == body;
}

/* Writes on ${chunk}, which holds ${span_count} spans of the request as the view shows it, what is
 * known of it: nobody has to index it again to learn that. */
void view_describe(const struct trace_view *view, uint32_t span_count, struct chunk *chunk);

/* Bytes of memory that opening the request takes again. */
static inline size_t view_index_bytes(const struct trace_view *view)
{
	return trace_index_bytes(&view->index);
}

/* The request as it was opened, without the edits made since: for who wants to see it with a view of
 * his own. Valid until view_close. */
static inline struct slice view_body(const struct trace_view *view)
{
	return view->index.body;
}

/* Bytes of the request as it was opened, and of a span in it with its tag and length: what cutting a
 * request by size goes by. */
static inline size_t view_body_bytes(const struct trace_view *view)
{
	return view->index.body.len;
}

static inline size_t view_span_bytes(const struct trace_view *view, uint32_t span)
{
	return view->index.spans[span].field.len;
}

/* The Span message as it was received. */
static inline struct slice view_span_message(const struct trace_view *view, uint32_t span)
{
	return index_slice(&view->index, view->index.spans[span].content);
}

/* ---- what there is -------------------------------------------------------------------------- */

static inline uint32_t view_resource_count(const struct trace_view *view)
{
	return view->index.resource_count;
}

static inline uint32_t view_scope_count(const struct trace_view *view)
{
	return view->index.scope_count;
}

static inline uint32_t view_span_count(const struct trace_view *view)
{
	return view->index.span_count;
}

static inline uint32_t view_event_count(const struct trace_view *view)
{
	return view->index.event_count;
}

static inline uint32_t view_link_count(const struct trace_view *view)
{
	return view->index.link_count;
}

/* Attributes of all elements together, as received. */
static inline uint32_t view_attr_count(const struct trace_view *view)
{
	return view->index.attr_count;
}

/* Fields that the schema does not know, at any level. They are passed on unless edit_drop_unknown
 * takes them out. */
static inline uint32_t view_unknown_fields(const struct trace_view *view)
{
	return view->index.unknown_count;
}

/* Fields of older versions of OTLP that were left out because newer ones stand beside them. */
static inline uint32_t view_superseded_fields(const struct trace_view *view)
{
	return view->index.superseded_count;
}

/* Whether any attribute was received that holds a map, at any level. */
static inline bool view_has_maps(const struct trace_view *view)
{
	return view->index.map_count > 0;
}

/* Spans not dropped. O(1). */
static inline uint32_t view_live_spans(const struct trace_view *view)
{
	return view->live_spans;
}

static inline bool view_span_live(const struct trace_view *view, uint32_t span)
{
	return !(view->flags[OWNER_SPAN][span] & FLAG_DROPPED);
}

static inline bool view_event_live(const struct trace_view *view, uint32_t event)
{
	return !(view->flags[OWNER_EVENT][event] & FLAG_DROPPED) &&
	       view_span_live(view, view->index.events[event].span);
}

static inline bool view_link_live(const struct trace_view *view, uint32_t link)
{
	return !(view->flags[OWNER_LINK][link] & FLAG_DROPPED) &&
	       view_span_live(view, view->index.links[link].span);
}

/* Whether a span of the scope, or of the resource, is live. O(spans). */
bool view_scope_live(const struct trace_view *view, uint32_t scope);
bool view_resource_live(const struct trace_view *view, uint32_t resource);

/* ---- what is in what ------------------------------------------------------------------------ */

/* Elements [begin, begin + count) of a kind. */
struct view_range {
	uint32_t begin, count;
};

static inline struct view_range view_resource_scopes(const struct trace_view *view,
						     uint32_t resource)
{
	const struct resource_entry *entry = &view->index.resources[resource];
	return (struct view_range){entry->scope_begin, entry->scope_count};
}

static inline struct view_range view_scope_spans(const struct trace_view *view, uint32_t scope)
{
	const struct scope_entry *entry = &view->index.scopes[scope];
	return (struct view_range){entry->span_begin, entry->span_count};
}

static inline struct view_range view_span_events(const struct trace_view *view, uint32_t span)
{
	const struct span_entry *entry = &view->index.spans[span];
	return (struct view_range){entry->event_begin, entry->event_count};
}

static inline struct view_range view_span_links(const struct trace_view *view, uint32_t span)
{
	const struct span_entry *entry = &view->index.spans[span];
	return (struct view_range){entry->link_begin, entry->link_count};
}

static inline uint32_t view_scope_resource(const struct trace_view *view, uint32_t scope)
{
	return view->index.scopes[scope].resource;
}

static inline uint32_t view_span_scope(const struct trace_view *view, uint32_t span)
{
	return view->index.spans[span].scope;
}

static inline uint32_t view_span_resource(const struct trace_view *view, uint32_t span)
{
	return view_scope_resource(view, view_span_scope(view, span));
}

static inline uint32_t view_event_span(const struct trace_view *view, uint32_t event)
{
	return view->index.events[event].span;
}

static inline uint32_t view_link_span(const struct trace_view *view, uint32_t link)
{
	return view->index.links[link].span;
}

/* ---- fields of a span ----------------------------------------------------------------------- */

/* 16 bytes, or empty when the span has none. */
static inline struct slice view_span_trace_id(const struct trace_view *view, uint32_t span)
{
	return index_id(&view->index, view->index.spans[span].trace_id_off, TRACE_ID_BYTES);
}

/* 8 bytes, or empty when the span has none. */
static inline struct slice view_span_id(const struct trace_view *view, uint32_t span)
{
	return index_id(&view->index, view->index.spans[span].span_id_off, SPAN_ID_BYTES);
}

/* Span.SpanKind as on the wire, numbers unknown to the schema included. */
static inline int32_t view_span_kind(const struct trace_view *view, uint32_t span)
{
	return view->index.spans[span].kind;
}

/* Unix epoch. */
static inline uint64_t view_span_start_ns(const struct trace_view *view, uint32_t span)
{
	return view->index.spans[span].start_ns;
}

static inline uint64_t view_span_end_ns(const struct trace_view *view, uint32_t span)
{
	return view->index.spans[span].end_ns;
}

/* Span.flags: W3C trace flags and the bits about remote parents. */
static inline uint32_t view_span_flags(const struct trace_view *view, uint32_t span)
{
	return view->index.spans[span].flags;
}

/* The fields that an edit can have set anew (view.c, when the span has any such). */
struct slice view_edited_text(const struct trace_view *view, struct owner owner, uint32_t field,
			      struct range received);
struct slice view_edited_parent(const struct trace_view *view, uint32_t span);
int32_t view_edited_status_code(const struct trace_view *view, uint32_t span);
struct slice view_edited_status_message(const struct trace_view *view, uint32_t span);

static inline struct slice view_text(const struct trace_view *view, struct owner owner,
				     uint32_t field, struct range received)
{
	if (UNLIKELY(view_has_flag(view, owner, FLAG_PATCHED)))
		return view_edited_text(view, owner, field, received);
	return index_slice(&view->index, received);
}

static inline struct slice view_span_name(const struct trace_view *view, uint32_t span)
{
	return view_text(view, (struct owner){OWNER_SPAN, span}, SPAN_NAME,
			 view->index.spans[span].name);
}

static inline struct slice view_span_trace_state(const struct trace_view *view, uint32_t span)
{
	return view_text(view, (struct owner){OWNER_SPAN, span}, SPAN_TRACE_STATE,
			 view->index.spans[span].trace_state);
}

/* 8 bytes, or empty for a root. */
static inline struct slice view_span_parent(const struct trace_view *view, uint32_t span)
{
	if (UNLIKELY(view_has_flag(view, (struct owner){OWNER_SPAN, span}, FLAG_PATCHED)))
		return view_edited_parent(view, span);
	return index_id(&view->index, view->index.spans[span].parent_span_id_off, SPAN_ID_BYTES);
}

/* Status.StatusCode as on the wire. */
static inline int32_t view_span_status_code(const struct trace_view *view, uint32_t span)
{
	if (UNLIKELY(view_has_flag(view, (struct owner){OWNER_SPAN, span}, FLAG_PATCHED)))
		return view_edited_status_code(view, span);
	return view->index.spans[span].status_code;
}

static inline struct slice view_span_status_message(const struct trace_view *view, uint32_t span)
{
	if (UNLIKELY(view_has_flag(view, (struct owner){OWNER_SPAN, span}, FLAG_PATCHED)))
		return view_edited_status_message(view, span);
	return index_slice(&view->index, view->index.spans[span].status_message);
}

/* ---- fields of what is around and in a span ------------------------------------------------- */

static inline struct slice view_scope_name(const struct trace_view *view, uint32_t scope)
{
	return view_text(view, (struct owner){OWNER_SCOPE, scope}, SCOPE_NAME,
			 view->index.scopes[scope].name);
}

static inline struct slice view_scope_version(const struct trace_view *view, uint32_t scope)
{
	return view_text(view, (struct owner){OWNER_SCOPE, scope}, SCOPE_VERSION,
			 view->index.scopes[scope].version);
}

/* Of a ScopeSpans (OWNER_SCOPE) or ResourceSpans (OWNER_RESOURCE). */
struct slice view_schema_url(const struct trace_view *view, struct owner owner);

/* Whether the InstrumentationScope, or the Resource, was there at all. */
static inline bool view_has_scope(const struct trace_view *view, uint32_t scope)
{
	return view->index.scopes[scope].scope.off != 0;
}

static inline bool view_has_resource(const struct trace_view *view, uint32_t resource)
{
	return view->index.resources[resource].resource.off != 0;
}

/* The InstrumentationScope message as received. */
static inline struct slice view_scope_bytes(const struct trace_view *view, uint32_t scope)
{
	return index_slice(&view->index, view->index.scopes[scope].scope);
}

/* The Resource message as received, for telling whether two are the same. */
static inline struct slice view_resource_bytes(const struct trace_view *view, uint32_t resource)
{
	return index_slice(&view->index, view->index.resources[resource].resource);
}

static inline struct slice view_event_name(const struct trace_view *view, uint32_t event)
{
	return view_text(view, (struct owner){OWNER_EVENT, event}, EVENT_NAME,
			 view->index.events[event].name);
}

static inline uint64_t view_event_time_ns(const struct trace_view *view, uint32_t event)
{
	return view->index.events[event].time_ns;
}

static inline struct slice view_link_trace_id(const struct trace_view *view, uint32_t link)
{
	return index_slice(&view->index, view->index.links[link].trace_id);
}

static inline struct slice view_link_span_id(const struct trace_view *view, uint32_t link)
{
	return index_slice(&view->index, view->index.links[link].span_id);
}

static inline struct slice view_link_trace_state(const struct trace_view *view, uint32_t link)
{
	return view_text(view, (struct owner){OWNER_LINK, link}, LINK_TRACE_STATE,
			 view->index.links[link].trace_state);
}

/* Link.flags. Read from the message: rarely asked for. */
uint32_t view_link_flags(const struct trace_view *view, uint32_t link);

/* What the SDK left out, by its own account. Read from the message: rarely asked for. */
uint32_t view_dropped_attributes(const struct trace_view *view, struct owner owner);
uint32_t view_dropped_events(const struct trace_view *view, uint32_t span);
uint32_t view_dropped_links(const struct trace_view *view, uint32_t span);

/* ---- keys ----------------------------------------------------------------------------------- */

/* The id that an attribute with ${key} has in this request. */
static inline key_id view_key_id(const struct trace_view *view, struct slice key)
{
	return index_key_id(&view->index, key);
}

/* The patterns behind a key id of this request. Only after view_use_patterns. */
static inline struct key_set view_key_set(const struct trace_view *view, key_id id)
{
	return index_key_set(&view->index, id);
}

/* Changes when the ids of pattern sets have changed their meaning (never within a request). */
static inline uint64_t view_key_epoch(const struct trace_view *view)
{
	return index_key_epoch(&view->index);
}

/* The registered key with ${id}, empty for other ids. */
static inline struct slice view_key_text(const struct trace_view *view, key_id id)
{
	return key_table_text(view->index.keys, id);
}

/* ---- attributes ----------------------------------------------------------------------------- */

#define VIEW_ATTR_ADDED UINT32_MAX

/* One attribute, without its value: values lie all over the body, and few are needed. */
struct attr_view {
	struct slice key;
	key_id key_id;
	enum value_type value_type;
	bool received; /* as it came: neither added nor changed by an edit */
	uint32_t at;   /* its place in its element */
	uint32_t attr; /* its number in the request, for edit.h; VIEW_ATTR_ADDED for an added one */
	const struct added_attr *added; /* which one, for the files of this folder */
};

/* Attributes of ${owner} at most: places are below it, dropped ones included. */
uint32_t view_attr_places(const struct trace_view *view, struct owner owner);

/* The attribute at place ${at} where edits have to be looked at: attr.at is VIEW_NO_ATTR when it was
 * dropped, or there is none. By value, so that the fast path's attribute can stay in registers. */
#define VIEW_NO_ATTR UINT32_MAX
struct attr_view view_edited_attr(const struct trace_view *view, struct owner owner, uint32_t at);

/* As view_attr_at, where the received attributes of ${owner} are known to be ${attrs}. */
static inline bool view_attr_in(const struct trace_view *view, struct owner owner,
				struct attr_range attrs, uint32_t at, struct attr_view *ret_attr)
{
	if (UNLIKELY(at >= attrs.count || view->attr_flags[attrs.begin + at] != 0)) {
		*ret_attr = view_edited_attr(view, owner, at);
		return ret_attr->at != VIEW_NO_ATTR;
	}
	const struct attr_entry *entry = &view->index.attrs[attrs.begin + at];
	*ret_attr = (struct attr_view){.key = index_slice(&view->index, entry->key),
				       .key_id = entry->key_id,
				       .value_type = (enum value_type)entry->value_type,
				       .received = true,
				       .at = at,
				       .attr = attrs.begin + at};
	return true;
}

/* The attribute of ${owner} at place ${at}; false when it was dropped, or there is none. */
static inline bool view_attr_at(const struct trace_view *view, struct owner owner, uint32_t at,
				struct attr_view *ret_attr)
{
	return view_attr_in(view, owner, view_attrs_of(&view->index, owner), at, ret_attr);
}

/* A walk over the attributes of one element. */
struct attr_cursor {
	struct owner owner;
	struct attr_range received;	/* in the index */
	uint32_t at;			/* the place that comes next */
	const struct added_attr *added; /* the last one met; NULL: none yet */
};

/* The first live attribute behind the received ones from place ${at} on, behind ${last}, the one that
 * was met last. As view_edited_attr. */
struct attr_view view_next_added(const struct trace_view *view, struct owner owner, uint32_t at,
				 const struct added_attr *last);

/* Stands before the first attribute of ${owner}. */
static inline struct attr_cursor view_attrs(const struct trace_view *view, struct owner owner)
{
	return (struct attr_cursor){.owner = owner, .received = view_attrs_of(&view->index, owner)};
}

/* Steps through the live attributes: received ones in wire order, then added ones. False when there
 * are no more. Those added meanwhile are met, too. */
static inline bool view_next_attr(const struct trace_view *view, struct attr_cursor *cursor,
				  struct attr_view *ret_attr)
{
	while (cursor->at < cursor->received.count) {
		if (LIKELY(view_attr_in(view, cursor->owner, cursor->received, cursor->at++,
					ret_attr)))
			return true;
	}
	if (LIKELY(!view_has_flag(view, cursor->owner, FLAG_PATCHED)))
		return false;
	*ret_attr = view_next_added(view, cursor->owner, cursor->at, cursor->added);
	if (ret_attr->at == VIEW_NO_ATTR)
		return false;
	cursor->at = ret_attr->at + 1;
	cursor->added = ret_attr->added;
	return true;
}

/* The value of an attribute that view_next_attr or view_attr_at found in this run, as it is now. */
struct value view_attr_value(const struct trace_view *view, struct owner owner,
			     const struct attr_view *attr);

/* The value at place ${at}, where the caller has found an attribute in this run. */
struct value view_value_at(const struct trace_view *view, struct owner owner, uint32_t at);

/* The AnyValue of an attribute that is as it came (attr->received). */
static inline struct slice view_attr_bytes(const struct trace_view *view,
					   const struct attr_view *attr)
{
	return index_slice(&view->index, view->index.attrs[attr->attr].value);
}

/* The live attribute of ${owner} with the registered key ${id} (not 0); the first one wins, as in
 * the Collector. False when there is none. The hot path of conditions. */
bool view_find_attr(const struct trace_view *view, struct owner owner, key_id id,
		    struct value *ret_value);

/* True when no attribute of ${owner} was changed, dropped or added in this run. */
static inline bool view_attrs_untouched(const struct trace_view *view, struct owner owner)
{
	return !view_has_flag(view, owner, FLAG_CHANGED | FLAG_PATCHED);
}

#endif
