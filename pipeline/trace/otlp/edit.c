/* SPDX-License-Identifier: Apache-2.0 */
/* The edits of a run: their memory, dropping of elements, and the marks that tell encode what to copy
 * whole. */
#include "pipeline/trace/otlp/edit.h"

#include "pipeline/base/assert.h"
#include "pipeline/trace/otlp/edit_internal.h"

#include <stdlib.h>

enum { COLUMN_PAGE_BYTES = 4096 };

static void free_column(struct trace_view *view, struct column *column)
{
	free(column->data);
	budget_give(view->budget, column->bytes);
	*column = (struct column){NULL, 0};
}

void edit_fini(struct trace_view *view)
{
	free_column(view, &view->flag_column);
	free_column(view, &view->patch_column);
	free_column(view, &view->rewrite_column);
	free_column(view, &view->length_column);
	free_column(view, &view->parent_column);
	arena_fini(&view->arena);
	tally_fini(&view->tally);
}

bool edit_column_reserve(struct trace_view *view, struct column *column, size_t bytes)
{
	if (bytes < column->bytes)
		return true;
	free_column(view, column);
	/* Whole pages: few sizes, so that growth ends; and never none, so that data is a pointer.
	 */
	size_t rounded = (bytes / COLUMN_PAGE_BYTES + 1) * COLUMN_PAGE_BYTES;
	if (!budget_take(view->budget, rounded))
		goto fail;
	column->data = malloc(rounded);
	if (!column->data) {
		budget_give(view->budget, rounded);
		goto fail;
	}
	column->bytes = rounded;
	return true;
fail:
	view->failure = ERR_NOMEM;
	return false;
}

void edit_fail(struct trace_view *view)
{
	view->failure = view->arena.over_max ? ERR_LIMIT : ERR_NOMEM;
}

static void trim_column(struct trace_view *view, struct column *column)
{
	if (column->bytes > EDIT_COLUMN_KEEP_BYTES)
		free_column(view, column);
}

/* All but the flags, which nearly every run needs. */
static void trim(struct trace_view *view)
{
	arena_reset(&view->arena, EDIT_ARENA_KEEP_BYTES);
	trim_column(view, &view->patch_column);
	trim_column(view, &view->rewrite_column);
	trim_column(view, &view->length_column);
}

void edit_trim(struct trace_view *view)
{
	trim(view);
	trim_column(view, &view->flag_column);
	trim_column(view, &view->parent_column);
	view->parents_known = false;
}

int edit_reset(struct trace_view *view, struct err *err)
{
	const struct trace_index *index = &view->index;
	bool cleared = view->flags_cleared && !view->changed;
	view->changed = view->known_only = false;
	view->holding = HOLDING_OFF;
	view->failure = ERR_NONE;
	view->added_count = 0;
	view->zero_parent = view->parents_edited = false;
	view->held_spans = view->away_spans = 0;
	view->live_spans = index->span_count;
	view->rewrites = NULL;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++)
		view->patches[kind] = NULL;
	trim(view);
	if (cleared)
		return 0;
	size_t flag_bytes = index->attr_count;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++)
		flag_bytes += view_count_of(index, (enum owner_kind)kind);
	if (flag_bytes < view->flag_column.bytes / 4)
		trim_column(view, &view->flag_column);
	if (!edit_column_reserve(view, &view->flag_column, flag_bytes))
		return err_set(err, ERR_NOMEM, "out of memory for the edit of a request");
	uint8_t *flags = view->flag_column.data;
	memset(flags, 0, flag_bytes);
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++) {
		view->flags[kind] = flags;
		flags += view_count_of(index, (enum owner_kind)kind);
	}
	view->attr_flags = flags;
	view->flags_cleared = true;
	return 0;
}

struct tally *edit_tally(struct trace_view *view)
{
	return &view->tally;
}

int edit_check(const struct trace_view *view, struct err *err)
{
	if (view->tally.failed)
		return err_set(err, ERR_NOMEM, "out of memory for what is counted of a request");
	if (view->failure == ERR_NONE)
		return 0;
	return err_set(err, view->failure,
		       view->failure == ERR_LIMIT ? "the request's edits exceed their memory bound"
						  : "out of memory for the edits of a request");
}

/* ---- marks ---- */

static void mark_scope_inside(struct trace_view *view, uint32_t scope)
{
	view->flags[OWNER_SCOPE][scope] |= FLAG_INSIDE;
	view->flags[OWNER_RESOURCE][view->index.scopes[scope].resource] |= FLAG_INSIDE;
}

static void mark_span(struct trace_view *view, uint32_t span, uint8_t flags)
{
	uint8_t *at = &view->flags[OWNER_SPAN][span];
	uint8_t before = *at;
	*at |= flags;
	view->changed = true;
	if (!(before & (FLAG_CHANGED | FLAG_DROPPED)))
		mark_scope_inside(view, view->index.spans[span].scope);
}

void edit_mark(struct trace_view *view, struct owner owner, uint8_t flags)
{
	flags |= FLAG_CHANGED;
	if (owner.kind == OWNER_SPAN) {
		mark_span(view, owner.at, flags);
		return;
	}
	view->changed = true;
	view->flags[owner.kind][owner.at] |= flags;
	if (owner.kind == OWNER_EVENT)
		mark_span(view, view->index.events[owner.at].span, FLAG_CHANGED);
	else if (owner.kind == OWNER_LINK)
		mark_span(view, view->index.links[owner.at].span, FLAG_CHANGED);
	else if (owner.kind == OWNER_SCOPE)
		view->flags[OWNER_RESOURCE][view->index.scopes[owner.at].resource] |= FLAG_INSIDE;
}

/* ---- dropping ---- */

void edit_drop_span(struct trace_view *view, uint32_t span)
{
	ASSERT(span < view->index.span_count);
	if (view->flags[OWNER_SPAN][span] & FLAG_DROPPED)
		return;
	ASSERT(view->live_spans > 0);
	mark_span(view, span, FLAG_DROPPED);
	view->live_spans--;
}

void edit_set_holding(struct trace_view *view, enum holding holding)
{
	view->holding = holding;
}

void edit_hold_span(struct trace_view *view, uint32_t span)
{
	ASSERT(view_may_hold(view) && view_span_live(view, span));
	edit_drop_span(view, span);
	view->flags[OWNER_SPAN][span] |= FLAG_HELD;
	view->held_spans++;
}

static void swap_counts(struct trace_view *view)
{
	uint32_t live = view->live_spans;
	view->live_spans = view->held_spans;
	view->held_spans = live;
}

void edit_turn_to_held(struct trace_view *view)
{
	for (uint32_t span = 0; span < view->index.span_count; span++) {
		uint8_t *flags = &view->flags[OWNER_SPAN][span];
		if (*flags & FLAG_HELD)
			*flags &= (uint8_t)~FLAG_DROPPED;
		else if (!(*flags & FLAG_DROPPED))
			*flags |= FLAG_DROPPED | FLAG_ASIDE;
	}
	swap_counts(view);
	for (uint32_t scope = 0; scope < view->index.scope_count; scope++)
		mark_scope_inside(view, scope);
}

void edit_turn_back(struct trace_view *view)
{
	for (uint32_t span = 0; span < view->index.span_count; span++) {
		uint8_t *flags = &view->flags[OWNER_SPAN][span];
		if (*flags & FLAG_HELD)
			*flags |= FLAG_DROPPED;
		else if (*flags & FLAG_ASIDE)
			*flags &= (uint8_t) ~(FLAG_DROPPED | FLAG_ASIDE);
	}
	swap_counts(view);
}

void edit_forget_held(struct trace_view *view)
{
	view->away_spans += view->held_spans;
	view->held_spans = 0;
	for (uint32_t span = 0; span < view->index.span_count; span++) {
		uint8_t *flags = &view->flags[OWNER_SPAN][span];
		if (*flags & FLAG_HELD)
			*flags = (uint8_t)((*flags & ~FLAG_HELD) | FLAG_AWAY);
	}
}

void edit_drop_resource(struct trace_view *view, uint32_t resource)
{
	const struct resource_entry *entry = &view->index.resources[resource];
	view->flags[OWNER_RESOURCE][resource] |= FLAG_DROPPED;
	view->changed = true;
	for (uint32_t i = 0; i < entry->scope_count; i++) {
		const struct scope_entry *scope = &view->index.scopes[entry->scope_begin + i];
		for (uint32_t j = 0; j < scope->span_count; j++)
			edit_drop_span(view, scope->span_begin + j);
	}
}

void edit_drop_event(struct trace_view *view, uint32_t event)
{
	ASSERT(event < view->index.event_count);
	view->flags[OWNER_EVENT][event] |= FLAG_DROPPED;
	mark_span(view, view->index.events[event].span, FLAG_CHANGED);
}

void edit_drop_link(struct trace_view *view, uint32_t link)
{
	ASSERT(link < view->index.link_count);
	view->flags[OWNER_LINK][link] |= FLAG_DROPPED;
	mark_span(view, view->index.links[link].span, FLAG_CHANGED);
}

/* ---- additions ---- */

static bool reserve_patches(struct trace_view *view)
{
	size_t count = 0;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++)
		count += view_count_of(&view->index, (enum owner_kind)kind);
	if (!edit_column_reserve(view, &view->patch_column, count * sizeof(struct patch *)))
		return false;
	struct patch **patches = view->patch_column.data;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++) {
		view->patches[kind] = patches;
		patches += view_count_of(&view->index, (enum owner_kind)kind);
	}
	return true;
}

struct patch *edit_patch_for(struct trace_view *view, struct owner owner)
{
	if (view_has_flag(view, owner, FLAG_PATCHED))
		return view->patches[owner.kind][owner.at];
	if (!view->patches[owner.kind] && !reserve_patches(view))
		return NULL;
	struct patch *patch = arena_calloc(&view->arena, 1, sizeof(*patch));
	if (!patch) {
		edit_fail(view);
		return NULL;
	}
	view->patches[owner.kind][owner.at] = patch;
	edit_mark(view, owner, FLAG_PATCHED);
	return patch;
}

struct slice edit_copy(struct trace_view *view, struct slice bytes)
{
	struct slice copy = arena_copy(&view->arena, bytes);
	if (!copy.ptr)
		edit_fail(view);
	return copy;
}
