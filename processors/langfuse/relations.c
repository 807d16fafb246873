/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on other spans: which spans of model servers are prefill legs, whose usage counts
 * (calls.c), and what happens to spans whose ancestors were dropped before they came here.
 */
#include "pipeline/trace/memory/drop_batch.h"
#include "pipeline/vocabulary/llm_stack.h"
#include "processors/langfuse/langfuse_internal.h"

enum { PREFILL_CLIMB_MAX = 3 };

static struct slice id_of(const struct run *run, uint32_t span)
{
	return view_span_id(run->view, span);
}

/* ---- prefill legs --------------------------------------------------------------------------- */

/* A short engine span without max_tokens is a prefill leg when the sidecar's span above says so. */
static void find_prefill(struct run *run, uint32_t span)
{
	const struct span_map *map = &run->scratch->map;
	uint32_t at = span;
	for (int i = 0; i < PREFILL_CLIMB_MAX && span_map_has_parent(map, at); i++) {
		at = map->parents[at];
		struct slice name = view_span_name(run->view, at);
		if (stack_names_has(&stack_decode_spans, name))
			return;
		if (stack_names_has(&stack_prefill_spans, name)) {
			run->notes[span].flags |= NOTE_PREFILL | NOTE_REWRITE;
			return;
		}
	}
}

/* A leg that only fills the cache was allowed one token. So is a client's request for one, which is
 * a call like any other: only a trace with traces of disaggregation has legs. */
static void find_prefills(struct run *run)
{
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span))
			continue;
		const struct trace_group *group = &run->groups[run->notes[span].group];
		if ((run->notes[span].flags & NOTE_ONE_TOKEN) &&
		    group->facts.text[TRACE_FACT_DISAGGREGATED].len > 0)
			run->notes[span].flags |= NOTE_PREFILL | NOTE_REWRITE;
		if (run->mapped && (run->notes[span].flags & NOTE_SHORT))
			find_prefill(run, span);
	}
}

/* ---- dropped ancestors ---------------------------------------------------------------------- */

static bool is_tombstone(const struct run *run, uint32_t span)
{
	return !view_span_live(run->view, span) && !view_span_to_come(run->view, span);
}

static void make_root(struct run *run, uint32_t span)
{
	run->notes[span].flags |= NOTE_ROOT | NOTE_REWRITE;
	run->groups[run->notes[span].group].roots_made++;
}

/* The parent ${id} is in another request. */
static void move_to_foreign(struct run *run, uint32_t span, struct slice id, bool moved)
{
	uint8_t nearest[SPAN_ID_BYTES];
	switch (trace_memory_ancestor(run->self->memory, run_trace_key(run, span), id, nearest)) {
	case ANCESTRY_UNKNOWN:
	case ANCESTRY_KEPT:
		if (moved)
			edit_set_span_parent(run->view, span, id);
		break;
	case ANCESTRY_MOVED:
		edit_set_span_parent(run->view, span, slice_of(nearest, sizeof(nearest)));
		break;
	case ANCESTRY_ROOT: make_root(run, span); break;
	}
}

static void repair(struct run *run, uint32_t span)
{
	struct span_map *map = &run->scratch->map;
	uint32_t parent = map->parents[span];
	if (parent == SPAN_MAP_NONE)
		return;
	if (parent == SPAN_MAP_FOREIGN) {
		move_to_foreign(run, span, view_span_parent(run->view, span), false);
		return;
	}
	if (!is_tombstone(run, parent))
		return;
	uint32_t top = span_map_top_of_dropped(map, run->view, parent);
	uint32_t above = map->parents[top];
	if (above == SPAN_MAP_NONE)
		make_root(run, span);
	else if (above == SPAN_MAP_FOREIGN)
		move_to_foreign(run, span, view_span_parent(run->view, top), true);
	else
		edit_set_span_parent(run->view, span, id_of(run, above));
}

static void repair_all(struct run *run)
{
	struct drop_batch batch = {.memory = run->self->memory,
				   .key = {.client = run->self->client}};
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (is_tombstone(run, span))
			drop_batch_add(&batch, run->view, &run->scratch->map, span);
	}
	drop_batch_flush(&batch);
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (view_span_live(run->view, span))
			repair(run, span);
	}
}

/* ---- both ----------------------------------------------------------------------------------- */

int relations_settle(struct run *run, struct err *err)
{
	struct langfuse *self = run->self;
	bool tombstones = view_live_spans(run->view) + view_spans_to_come(run->view) +
				  run->counts[COUNT_BAD_IDS] <
			  view_span_count(run->view);
	if (tombstones)
		atomic_store_explicit(&self->drops_seen, true, memory_order_relaxed);
	bool repairs = atomic_load_explicit(&self->drops_seen, memory_order_relaxed);
	bool models = models_need_map(run);
	run->asks = calls_ask(run);
	run->mapped = run->parents_matter || models || run->asks || repairs;
	if (run->mapped && span_map_build(&run->scratch->map, run->view, err) != 0)
		return -1;
	if (models && models_spread(run, err) != 0)
		return -1;
	find_prefills(run);
	calls_settle(run);
	models_remember(run);
	if (repairs)
		repair_all(run);
	return 0;
}
