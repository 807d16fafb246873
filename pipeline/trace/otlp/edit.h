/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a view. What was received stays as it is; a run's changes are one byte per element and a
 * list of patches beside it, and are read through view.h by whoever comes later in the run.
 * Processors edit through these functions and never touch wire bytes.
 *
 * A run's edits live from view_open or view_begin to the encode that ends the run. Keys and values
 * given to them are copied into the view's arena. When something does not fit, the view latches why
 * (edit_check): the run must then be refused, never encoded.
 */
#ifndef SLUICE_TRACE_OTLP_EDIT_H
#define SLUICE_TRACE_OTLP_EDIT_H

#include "pipeline/base/tally.h"
#include "pipeline/trace/otlp/holding.h"
#include "pipeline/trace/otlp/view.h"
#include "pipeline/trace/value/value_filter.h"

/* Where processors count what they decide about the request. It spans all edits of the request: the
 * host commits it when the request is taken, else forgets it. */
struct tally *edit_tally(struct trace_view *view);

/* -1 once something did not fit: with ERR_LIMIT when it was over the bound of one request's edits,
 * with ERR_NOMEM when the budget or the allocator had no more just then. */
MUST_CHECK int edit_check(const struct trace_view *view, struct err *err);

/* ---- dropping. Each is idempotent; dropping a span drops its events and links with it. ---- */
void edit_drop_resource(struct trace_view *view, uint32_t resource); /* with all its spans */
void edit_drop_span(struct trace_view *view, uint32_t span);
void edit_drop_event(struct trace_view *view, uint32_t event);
void edit_drop_link(struct trace_view *view, uint32_t link);
void edit_drop_attr(struct trace_view *view, uint32_t attr);

/* ---- holding: a span that waits for another request leaves this run and comes again, as it was
 * when it was held, in a run of its own. Who holds spans declares it (hold_ops). ---- */

/* Says, after view_begin, whether spans may be held in this run; not, unless told. */
void edit_set_holding(struct trace_view *view, enum holding holding);

/* Takes a live span out of this run. Only when view_may_hold; no edit of it may follow. */
void edit_hold_span(struct trace_view *view, uint32_t span);

/* Takes the held spans out of the edit for good: somebody has their encoded form now. */
void edit_forget_held(struct trace_view *view);

/* ---- attributes ---- */

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

/* Drops ${attr}, or gives it another value, as a reader of view.h found it on ${owner} in this run:
 * received or added. */
void edit_drop_found(struct trace_view *view, struct owner owner, const struct attr_view *attr);
void edit_revalue_found(struct trace_view *view, struct owner owner, const struct attr_view *attr,
			struct value value);

/* Takes out of the array or map that ${attr} of ${owner} holds the pairs that ${keep} refuses (see
 * value_filter.h); with ${dry} it only asks. */
void edit_filter_value(struct trace_view *view, struct owner owner, const struct attr_view *attr,
		       value_keep_pair *keep, void *arg, bool dry);

/* ---- fields of a span ---- */
void edit_set_span_name(struct trace_view *view, uint32_t span, struct slice name);
void edit_set_span_trace_state(struct trace_view *view, uint32_t span, struct slice trace_state);
void edit_set_span_parent(struct trace_view *view, uint32_t span,
			  struct slice parent_id); /* 0 or 8 B */
void edit_set_span_status(struct trace_view *view, uint32_t span, int32_t code,
			  struct slice message);

/* ---- fields of what is around and in a span. An empty text takes the field out. ---- */
void edit_set_scope_name(struct trace_view *view, uint32_t scope, struct slice name);
void edit_set_scope_version(struct trace_view *view, uint32_t scope, struct slice version);
void edit_set_event_name(struct trace_view *view, uint32_t event, struct slice name);
void edit_set_link_trace_state(struct trace_view *view, uint32_t link, struct slice trace_state);

/* Takes out the schema URL of a ScopeSpans (OWNER_SCOPE) or ResourceSpans (OWNER_RESOURCE). */
void edit_drop_schema_url(struct trace_view *view, struct owner owner);

/* Takes out Resource.entity_refs. Returns whether there were any. */
bool edit_drop_entity_refs(struct trace_view *view, uint32_t resource);

/* Takes out every field that the schema does not know, at every level, and all entity references.
 * What is added later in the run has none. */
void edit_drop_unknown(struct trace_view *view);

#endif
