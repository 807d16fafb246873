/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one branch changes about one indexed request. The index stays as it is; the edit holds one
 * byte per element and a list of patches. Processors edit through this API and never touch wire
 * bytes; processors that come later in the run see the edits through the readers below; dropped
 * elements stay visible as tombstones to those who ask the index itself.
 *
 * An edit lives from view_begin to the encode that ends the run. Its memory belongs to one shard
 * and is reused. Keys and values given to it are copied into its arena. When something does not fit,
 * the edit latches why (edit_check): the run must then be refused, never encoded.
 */
#ifndef SLUICE_TRACE_EDIT_H
#define SLUICE_TRACE_EDIT_H

#include "pipeline/base/arena.h"
#include "pipeline/base/tally.h"
#include "pipeline/trace/index.h"
#include "pipeline/trace/value_filter.h"

/* The element that an attribute belongs to. */
struct owner {
	enum owner_kind kind;
	uint32_t at; /* index in its array */
};

struct trace_view;

MUST_CHECK struct trace_view *view_new(struct budget *budget);
void view_free(struct trace_view *view);

/* Starts an empty edit of ${index}, which outlives the run. -1 with ERR_NOMEM/ERR_LIMIT. */
MUST_CHECK int view_begin(struct trace_view *view, const struct trace_index *index,
			  struct err *err);

/* Forgets the run and frees what a large one needed. */
void view_release(struct trace_view *view);

const struct trace_index *view_index(const struct trace_view *view);

/* Where processors count what they decide about the request. It spans all edits of the request: the
 * host commits it when the request is taken, else forgets it. */
struct tally *edit_tally(struct trace_view *view);

/* -1 once something did not fit: with ERR_LIMIT when it was over the bound of one request's edits,
 * with ERR_NOMEM when the budget or the allocator had no more just then. */
MUST_CHECK int edit_check(const struct trace_view *view, struct err *err);

/* True while nothing has been changed: the encoded form is the body itself. */
bool view_is_clean(const struct trace_view *view);

/* ---- dropping. Each is idempotent; dropping a span drops its events and links with it. ---- */
void edit_drop_resource(struct trace_view *view, uint32_t resource); /* with all its spans */
void edit_drop_span(struct trace_view *view, uint32_t span);
void edit_drop_event(struct trace_view *view, uint32_t event);
void edit_drop_link(struct trace_view *view, uint32_t link);
void edit_drop_attr(struct trace_view *view, uint32_t attr);

bool view_span_live(const struct trace_view *view, uint32_t span);
bool view_event_live(const struct trace_view *view, uint32_t event);
bool view_link_live(const struct trace_view *view, uint32_t link);

/* Spans not dropped. O(1). */
uint32_t view_live_spans(const struct trace_view *view);

/* ---- holding: a span that waits for another request leaves this run and comes again, as it was
 * when it was held, in a run of its own (see processor_ops.hold_over). ---- */

/* Says, after view_begin, whether spans may be held in this run; not, unless allowed. */
void edit_allow_holding(struct trace_view *view, bool allowed);
bool view_may_hold(const struct trace_view *view);

/* Takes a live span out of this run. Only when view_may_hold; no edit of it may follow. */
void edit_hold_span(struct trace_view *view, uint32_t span);
bool view_span_held(const struct trace_view *view, uint32_t span);
uint32_t view_held_spans(const struct trace_view *view);

/* Drops the held spans from the edit for good: somebody has their encoded form now. */
void edit_forget_held(struct trace_view *view);

/* ---- attributes ---- */

/* One attribute as a reader sees it: after all edits made so far. */
struct attr_view {
	struct slice key;
	key_id key_id;
	struct value value;
	uint32_t attr; /* the received attribute's number, EDIT_ATTR_ADDED for an added one */
};

#define EDIT_ATTR_ADDED UINT32_MAX

/* Steps through the live attributes of ${owner} (received ones in wire order, then added ones).
 * ${cursor} starts at 0. False when there are no more. */
bool view_next_attr(const struct trace_view *view, struct owner owner, uint32_t *cursor,
		    struct attr_view *ret_attr);

/* The same without reading the values, which lie all over the body: for those who look at many
 * attributes and need few. */
struct attr_key {
	key_id key_id;
	enum value_type value_type;
	struct slice key;
	uint32_t at;   /* for view_read_attr */
	uint32_t attr; /* in index->attrs; EDIT_ATTR_ADDED for one that an edit added */
	bool received; /* as it came: index->attrs tells all of it */
};
bool view_next_key(const struct trace_view *view, struct owner owner, uint32_t *cursor,
		   struct attr_key *ret_key);

/* The attribute that view_next_key found at ${at}. */
struct attr_view view_read_attr(const struct trace_view *view, struct owner owner, uint32_t at);

/* The live attribute of ${owner} with the registered key ${id} (not 0); the last one wins, as in
 * most backends. False when there is none. The hot path of conditions. */
bool view_find_attr(const struct trace_view *view, struct owner owner, key_id id,
		    struct value *ret_value);

/* Sets the attribute ${key} of ${owner}: every live one with that key is replaced. ${id} is the
 * key's registered id; with 0 it is looked up. */
void edit_set_attr(struct trace_view *view, struct owner owner, struct slice key, key_id id,
		   struct value value);

/* Removes every live attribute of ${owner} with the registered key ${id}. Returns how many. */
uint32_t edit_remove_attr(struct trace_view *view, struct owner owner, key_id id);

/* Gives received attribute ${attr} of ${owner} another key (${id} as in edit_set_attr); the value's
 * bytes stay in place. Another attribute that has the key already is not touched. */
void edit_rename_attr(struct trace_view *view, struct owner owner, uint32_t attr, struct slice key,
		      key_id id);

/* Gives received attribute ${attr} of ${owner} another value; its key stays. */
void edit_replace_value(struct trace_view *view, struct owner owner, uint32_t attr,
			struct value value);

/* Takes out of the array or map that ${attr} of ${owner} holds the pairs that ${keep} refuses (see
 * value_filter.h); with ${dry} it only asks. */
void edit_filter_value(struct trace_view *view, struct owner owner, const struct attr_view *attr,
		       value_keep_pair *keep, void *arg, bool dry);

/* True when no attribute of ${owner} was changed, dropped or added: the index tells all. */
bool view_attrs_untouched(const struct trace_view *view, struct owner owner);

static inline struct value value_of_str(struct slice text)
{
	return (struct value){.type = VALUE_STRING, .bytes = text};
}

static inline struct value value_of_int(int64_t number)
{
	return (struct value){.type = VALUE_INT, .i = number};
}

static inline struct value value_of_double(double number)
{
	return (struct value){.type = VALUE_DOUBLE, .d = number};
}

static inline struct value value_of_bool(bool yes)
{
	return (struct value){.type = VALUE_BOOL, .i = yes};
}

/* ---- fields of a span ---- */
void edit_set_span_name(struct trace_view *view, uint32_t span, struct slice name);
void edit_set_span_trace_state(struct trace_view *view, uint32_t span, struct slice trace_state);
void edit_set_span_parent(struct trace_view *view, uint32_t span,
			  struct slice parent_id); /* 0 or 8 B */
void edit_set_span_status(struct trace_view *view, uint32_t span, int32_t code,
			  struct slice message);

struct slice view_span_name(const struct trace_view *view, uint32_t span);
struct slice view_span_trace_state(const struct trace_view *view, uint32_t span);
struct slice view_span_parent(const struct trace_view *view, uint32_t span);
int32_t view_span_status_code(const struct trace_view *view, uint32_t span);
struct slice view_span_status_message(const struct trace_view *view, uint32_t span);

/* ---- fields of what is around and in a span. An empty text takes the field out. ---- */
void edit_set_scope_name(struct trace_view *view, uint32_t scope, struct slice name);
void edit_set_scope_version(struct trace_view *view, uint32_t scope, struct slice version);
void edit_set_event_name(struct trace_view *view, uint32_t event, struct slice name);
void edit_set_link_trace_state(struct trace_view *view, uint32_t link, struct slice trace_state);
struct slice view_scope_name(const struct trace_view *view, uint32_t scope);
struct slice view_event_name(const struct trace_view *view, uint32_t event);

/* Takes out the schema URL of a ScopeSpans (OWNER_SCOPE) or ResourceSpans (OWNER_RESOURCE). */
void edit_drop_schema_url(struct trace_view *view, struct owner owner);

/* Takes out Resource.entity_refs. Returns whether there were any. */
bool edit_drop_entity_refs(struct trace_view *view, uint32_t resource);

/* Takes out every field that the schema does not know, at every level, and all entity references.
 * What is added later in the run has none. */
void edit_drop_unknown(struct trace_view *view);

#endif
