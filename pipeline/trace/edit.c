/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of an edit, dropping of elements, and the marks that tell encode what to copy whole.
 *
 * Memory: columns sized by the index's counts and an arena for what is added, all charged to the
 * budget and kept from run to run. Columns that few runs need (additions, renamed attributes) come
 * into being with the first use.
 */
#include "pipeline/trace/edit.h"

#include "pipeline/trace/edit_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { COLUMN_PAGE_BYTES = 4096 };

struct edit *edit_new(struct budget *budget)
{
	struct edit *edit = calloc(1, sizeof(*edit));
	if (!edit)
		return NULL;
	edit->budget = budget;
	arena_init(&edit->arena, budget, EDIT_ARENA_BYTES_MAX);
	return edit;
}

static void free_column(struct edit *edit, struct column *column)
{
	free(column->data);
	budget_give(edit->budget, column->bytes);
	*column = (struct column){NULL, 0};
}

void edit_free(struct edit *edit)
{
	if (!edit)
		return;
	free_column(edit, &edit->flag_column);
	free_column(edit, &edit->patch_column);
	free_column(edit, &edit->rewrite_column);
	free_column(edit, &edit->length_column);
	arena_fini(&edit->arena);
	tally_fini(&edit->tally);
	free(edit);
}

bool edit_column_reserve(struct edit *edit, struct column *column, size_t bytes)
{
	if (bytes < column->bytes)
		return true;
	free_column(edit, column);
	/* Whole pages: few sizes, so that growth ends; and never none, so that data is a pointer.
	 */
	size_t rounded = (bytes / COLUMN_PAGE_BYTES + 1) * COLUMN_PAGE_BYTES;
	if (!budget_take(edit->budget, rounded))
		goto fail;
	column->data = malloc(rounded);
	if (!column->data) {
		budget_give(edit->budget, rounded);
		goto fail;
	}
	column->bytes = rounded;
	return true;
fail:
	edit->failure = ERR_NOMEM;
	return false;
}

void edit_fail(struct edit *edit)
{
	edit->failure = edit->arena.over_max ? ERR_LIMIT : ERR_NOMEM;
}

static void trim_column(struct edit *edit, struct column *column)
{
	if (column->bytes > EDIT_COLUMN_KEEP_BYTES)
		free_column(edit, column);
}

/* All but the flags, which nearly every run needs. */
static void trim(struct edit *edit)
{
	arena_reset(&edit->arena, EDIT_ARENA_KEEP_BYTES);
	trim_column(edit, &edit->patch_column);
	trim_column(edit, &edit->rewrite_column);
	trim_column(edit, &edit->length_column);
}

void edit_release(struct edit *edit)
{
	edit->index = NULL;
	trim(edit);
	trim_column(edit, &edit->flag_column);
}

int edit_begin(struct edit *edit, const struct trace_index *index, struct err *err)
{
	edit->index = index;
	edit->changed = edit->known_only = edit->may_hold = false;
	edit->failure = ERR_NONE;
	edit->added_count = 0;
	edit->held_spans = 0;
	edit->live_spans = index->span_count;
	edit->rewrites = NULL;
	trim(edit);
	size_t flag_bytes = index->attr_count;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++)
		flag_bytes += edit_count_of(index, (enum owner_kind)kind);
	if (flag_bytes < edit->flag_column.bytes / 4)
		trim_column(edit, &edit->flag_column);
	if (!edit_column_reserve(edit, &edit->flag_column, flag_bytes))
		return err_set(err, ERR_NOMEM, "out of memory for the edit of a request");
	uint8_t *flags = edit->flag_column.data;
	memset(flags, 0, flag_bytes);
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++) {
		edit->flags[kind] = flags;
		edit->patches[kind] = NULL;
		flags += edit_count_of(index, (enum owner_kind)kind);
	}
	edit->attr_flags = flags;
	return 0;
}

const struct trace_index *edit_index(const struct edit *edit)
{
	return edit->index;
}

struct tally *edit_tally(struct edit *edit)
{
	return &edit->tally;
}

int edit_check(const struct edit *edit, struct err *err)
{
	if (edit->tally.failed)
		return err_set(err, ERR_NOMEM, "out of memory for what is counted of a request");
	if (edit->failure == ERR_NONE)
		return 0;
	return err_set(err, edit->failure,
		       edit->failure == ERR_LIMIT ? "the request's edits exceed their memory bound"
						  : "out of memory for the edits of a request");
}

bool edit_is_clean(const struct edit *edit)
{
	return !edit->changed;
}

uint32_t edit_live_spans(const struct edit *edit)
{
	return edit->live_spans;
}

/* ---- marks ---- */

static void mark_scope_inside(struct edit *edit, uint32_t scope)
{
	edit->flags[OWNER_SCOPE][scope] |= FLAG_INSIDE;
	edit->flags[OWNER_RESOURCE][edit->index->scopes[scope].resource] |= FLAG_INSIDE;
}

static void mark_span(struct edit *edit, uint32_t span, uint8_t flags)
{
	uint8_t *at = &edit->flags[OWNER_SPAN][span];
	uint8_t before = *at;
	*at |= flags;
	edit->changed = true;
	if (!(before & (FLAG_CHANGED | FLAG_DROPPED)))
		mark_scope_inside(edit, edit->index->spans[span].scope);
}

void edit_mark(struct edit *edit, struct owner owner, uint8_t flags)
{
	flags |= FLAG_CHANGED;
	if (owner.kind == OWNER_SPAN) {
		mark_span(edit, owner.at, flags);
		return;
	}
	edit->changed = true;
	edit->flags[owner.kind][owner.at] |= flags;
	if (owner.kind == OWNER_EVENT)
		mark_span(edit, edit->index->events[owner.at].span, FLAG_CHANGED);
	else if (owner.kind == OWNER_LINK)
		mark_span(edit, edit->index->links[owner.at].span, FLAG_CHANGED);
	else if (owner.kind == OWNER_SCOPE)
		edit->flags[OWNER_RESOURCE][edit->index->scopes[owner.at].resource] |= FLAG_INSIDE;
}

/* ---- dropping ---- */

void edit_drop_span(struct edit *edit, uint32_t span)
{
	if (edit->flags[OWNER_SPAN][span] & FLAG_DROPPED)
		return;
	mark_span(edit, span, FLAG_DROPPED);
	edit->live_spans--;
}

void edit_allow_holding(struct edit *edit, bool allowed)
{
	edit->may_hold = allowed;
}

bool edit_may_hold(const struct edit *edit)
{
	return edit->may_hold;
}

void edit_hold_span(struct edit *edit, uint32_t span)
{
	assert(edit->may_hold && edit_span_live(edit, span));
	edit_drop_span(edit, span);
	edit->flags[OWNER_SPAN][span] |= FLAG_HELD;
	edit->held_spans++;
}

bool edit_span_held(const struct edit *edit, uint32_t span)
{
	return (edit->flags[OWNER_SPAN][span] & FLAG_HELD) != 0;
}

uint32_t edit_held_spans(const struct edit *edit)
{
	return edit->held_spans;
}

static void swap_counts(struct edit *edit)
{
	uint32_t live = edit->live_spans;
	edit->live_spans = edit->held_spans;
	edit->held_spans = live;
}

void edit_turn_to_held(struct edit *edit)
{
	for (uint32_t span = 0; span < edit->index->span_count; span++) {
		uint8_t *flags = &edit->flags[OWNER_SPAN][span];
		if (*flags & FLAG_HELD)
			*flags &= (uint8_t)~FLAG_DROPPED;
		else if (!(*flags & FLAG_DROPPED))
			*flags |= FLAG_DROPPED | FLAG_ASIDE;
	}
	swap_counts(edit);
	for (uint32_t scope = 0; scope < edit->index->scope_count; scope++)
		mark_scope_inside(edit, scope);
}

void edit_turn_back(struct edit *edit)
{
	for (uint32_t span = 0; span < edit->index->span_count; span++) {
		uint8_t *flags = &edit->flags[OWNER_SPAN][span];
		if (*flags & FLAG_HELD)
			*flags |= FLAG_DROPPED;
		else if (*flags & FLAG_ASIDE)
			*flags &= (uint8_t) ~(FLAG_DROPPED | FLAG_ASIDE);
	}
	swap_counts(edit);
}

void edit_forget_held(struct edit *edit)
{
	edit->held_spans = 0;
	for (uint32_t span = 0; span < edit->index->span_count; span++)
		edit->flags[OWNER_SPAN][span] &= (uint8_t)~FLAG_HELD;
}

void edit_drop_resource(struct edit *edit, uint32_t resource)
{
	const struct resource_entry *entry = &edit->index->resources[resource];
	edit->flags[OWNER_RESOURCE][resource] |= FLAG_DROPPED;
	edit->changed = true;
	for (uint32_t i = 0; i < entry->scope_count; i++) {
		const struct scope_entry *scope = &edit->index->scopes[entry->scope_begin + i];
		for (uint32_t j = 0; j < scope->span_count; j++)
			edit_drop_span(edit, scope->span_begin + j);
	}
}

void edit_drop_event(struct edit *edit, uint32_t event)
{
	edit->flags[OWNER_EVENT][event] |= FLAG_DROPPED;
	mark_span(edit, edit->index->events[event].span, FLAG_CHANGED);
}

void edit_drop_link(struct edit *edit, uint32_t link)
{
	edit->flags[OWNER_LINK][link] |= FLAG_DROPPED;
	mark_span(edit, edit->index->links[link].span, FLAG_CHANGED);
}

bool edit_span_live(const struct edit *edit, uint32_t span)
{
	return !(edit->flags[OWNER_SPAN][span] & FLAG_DROPPED);
}

bool edit_event_live(const struct edit *edit, uint32_t event)
{
	return !(edit->flags[OWNER_EVENT][event] & FLAG_DROPPED) &&
	       edit_span_live(edit, edit->index->events[event].span);
}

bool edit_link_live(const struct edit *edit, uint32_t link)
{
	return !(edit->flags[OWNER_LINK][link] & FLAG_DROPPED) &&
	       edit_span_live(edit, edit->index->links[link].span);
}

/* ---- additions ---- */

static bool reserve_patches(struct edit *edit)
{
	size_t count = 0;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++)
		count += edit_count_of(edit->index, (enum owner_kind)kind);
	if (!edit_column_reserve(edit, &edit->patch_column, count * sizeof(struct patch *)))
		return false;
	struct patch **patches = edit->patch_column.data;
	for (unsigned kind = 0; kind < OWNER_KIND_COUNT; kind++) {
		edit->patches[kind] = patches;
		patches += edit_count_of(edit->index, (enum owner_kind)kind);
	}
	return true;
}

struct patch *edit_patch_for(struct edit *edit, struct owner owner)
{
	if (edit_has_flag(edit, owner, FLAG_PATCHED))
		return edit->patches[owner.kind][owner.at];
	if (!edit->patches[owner.kind] && !reserve_patches(edit))
		return NULL;
	struct patch *patch = arena_calloc(&edit->arena, 1, sizeof(*patch));
	if (!patch) {
		edit_fail(edit);
		return NULL;
	}
	edit->patches[owner.kind][owner.at] = patch;
	edit_mark(edit, owner, FLAG_PATCHED);
	return patch;
}

struct slice edit_copy(struct edit *edit, struct slice bytes)
{
	struct slice copy = arena_copy(&edit->arena, bytes);
	if (!copy.ptr)
		edit_fail(edit);
	return copy;
}
