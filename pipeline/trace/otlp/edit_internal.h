/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that edit a view share: edit.c (elements), edit_attr.c (attributes), edit_field.c
 * (other fields) and encode.c. */
#ifndef SLUICE_TRACE_OTLP_EDIT_INTERNAL_H
#define SLUICE_TRACE_OTLP_EDIT_INTERNAL_H

#include "pipeline/trace/otlp/edit.h"

/* Frees the memory of the edits; trims it to what is kept between requests; starts a run without
 * edits over the index as it is (-1 with ERR_NOMEM). For view.c. */
void edit_fini(struct trace_view *view);
void edit_trim(struct trace_view *view);
MUST_CHECK int edit_reset(struct trace_view *view, struct err *err);

/* Held spans become live and live ones dropped, until the second call turns it back. */
void edit_turn_to_held(struct trace_view *view);
void edit_turn_back(struct trace_view *view);

/* Makes ${column} at least ${bytes} long; the content is lost. False latches ERR_NOMEM. */
bool edit_column_reserve(struct trace_view *view, struct column *column, size_t bytes);

/* Marks ${owner} changed, with ${flags} besides, and whatever contains it. */
void edit_mark(struct trace_view *view, struct owner owner, uint8_t flags);

/* The patch of ${owner}, made when there is none yet; NULL when memory is short (latched). */
struct patch *edit_patch_for(struct trace_view *view, struct owner owner);

/* The whole field ${number} of ${message}, {0, 0} when there is none. */
struct range edit_find_field(const struct trace_index *index, struct range message,
			     uint32_t number);

/* The arena had no room: latches why. */
void edit_fail(struct trace_view *view);

/* A copy in the arena; latches a failure when there is no room. */
struct slice edit_copy(struct trace_view *view, struct slice bytes);

#endif
