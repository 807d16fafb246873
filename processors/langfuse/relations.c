/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on other spans: whose tokens count, and what becomes of spans whose ancestors were
 * dropped before they came here.
 *
 * One call of a model is told by the model server and, above it, by the application's library.
 * Whoever sums up a trace would count it twice, so one of both keeps its tokens. Within a request
 * ancestry decides: the application's span keeps them. Across requests nobody sees the ancestry, and
 * the trace's tally decides: model servers add one, applications take one away, and whoever comes
 * when the other side is ahead leaves its tokens out.
 */
#include "pipeline/trace/memory/drop_batch.h"
#include "processors/langfuse/langfuse_internal.h"

enum { CLIMB_MAX = 64, PREFILL_CLIMB_MAX = 3 };

static bool has(const struct run *run, uint32_t span, enum note_flag flag)
{
	return (run->notes[span].flags & flag) != 0;
}

static void set(struct run *run, uint32_t span, enum note_flag flag)
{
	run->notes[span].flags |= (uint16_t)flag | NOTE_REWRITE;
}

/* What was said to Langfuse itself is not taken back. */
static void yield(struct run *run, uint32_t span)
{
	if (!has(run, span, NOTE_SETTLED))
		set(run, span, NOTE_YIELDS);
}

static struct trace_key key_of(const struct run *run, uint32_t span)
{
	return (struct trace_key){run->self->party, run_trace_id(run, span)};
}

static struct slice id_of(const struct run *run, uint32_t span)
{
	return view_span_id(run->view, span);
}

/* ---- usage ---------------------------------------------------------------------------------- */

/* A short engine span without max_tokens is a prefill leg when the sidecar's span above says so. */
static void find_prefill(struct run *run, uint32_t span)
{
	const struct span_map *map = &run->scratch->map;
	uint32_t at = span;
	for (int i = 0; i < PREFILL_CLIMB_MAX && span_map_has_parent(map, at); i++) {
		at = map->parents[at];
		struct slice name = view_span_name(run->view, at);
		if (slice_equal(name, SLICE("decode")) ||
		    slice_equal(name, SLICE("llm_d.pd_proxy.decode")))
			return;
		if (slice_equal(name, SLICE("prefill")) ||
		    slice_equal(name, SLICE("llm_d.pd_proxy.prefill"))) {
			set(run, span, NOTE_PREFILL);
			return;
		}
	}
}

/* Looks upwards from a span with usage: aggregates above give theirs up, and an engine's yields to
 * the call that caused it. */
static void climb(struct run *run, uint32_t span)
{
	const struct span_map *map = &run->scratch->map;
	bool engine = run->notes[span].class == CLASS_ENGINE;
	uint32_t at = span;
	for (int i = 0; i < CLIMB_MAX && span_map_has_parent(map, at); i++) {
		at = map->parents[at];
		if (!view_span_live(run->view, at) || !has(run, at, NOTE_USAGE))
			continue;
		if (run->notes[at].class == CLASS_AGGREGATE)
			yield(run, at);
		if (engine && run->notes[at].class == CLASS_CALL && !has(run, span, NOTE_MATCHED)) {
			yield(run, span);
			set(run, span, NOTE_MATCHED);
			set(run, at, NOTE_MATCHED);
		}
	}
}

/* What ancestry in this request does not tell. */
static void tally(struct run *run, uint32_t span)
{
	enum span_class class = (enum span_class)run->notes[span].class;
	if (class != CLASS_ENGINE && class != CLASS_CALL)
		return;
	int32_t step = class == CLASS_ENGINE ? 1 : -1;
	int32_t before =
		trace_memory_tally(run->self->memory, key_of(run, span), id_of(run, span), step);
	if (step > 0 ? before < 0 : before > 0)
		yield(run, span);
}

static bool counts(const struct run *run, uint32_t span)
{
	return view_span_live(run->view, span) && has(run, span, NOTE_USAGE) &&
	       !has(run, span, NOTE_PREFILL);
}

static void settle_usage(struct run *run)
{
	for (uint32_t span = 0; run->parents_matter && span < view_span_count(run->view); span++) {
		if (view_span_live(run->view, span) && has(run, span, NOTE_SHORT))
			find_prefill(run, span);
	}
	for (uint32_t span = 0; run->parents_matter && span < view_span_count(run->view); span++) {
		if (counts(run, span))
			climb(run, span);
	}
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (counts(run, span) && !has(run, span, NOTE_MATCHED))
			tally(run, span);
	}
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span))
			continue;
		run->counts[COUNT_PREFILL] += has(run, span, NOTE_PREFILL);
		run->counts[COUNT_USAGE_YIELDED] += has(run, span, NOTE_YIELDS);
	}
}

/* ---- dropped ancestors ---------------------------------------------------------------------- */

static bool is_tombstone(const struct run *run, uint32_t span)
{
	return !view_span_live(run->view, span) && !view_span_held(run->view, span);
}

static void make_root(struct run *run, uint32_t span)
{
	set(run, span, NOTE_ROOT);
	run->groups[run->notes[span].group].roots_made++;
}

/* The parent ${id} is in another request. */
static void move_to_foreign(struct run *run, uint32_t span, struct slice id, bool moved)
{
	uint8_t nearest[SPAN_ID_BYTES];
	switch (trace_memory_ancestor(run->self->memory, key_of(run, span), id, nearest)) {
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
	struct drop_batch batch = {.memory = run->self->memory, .key = {.party = run->self->party}};
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
	bool tombstones = view_live_spans(run->view) + view_held_spans(run->view) +
				  run->counts[COUNT_BAD_IDS] <
			  view_span_count(run->view);
	if (tombstones)
		atomic_store_explicit(&self->drops_seen, true, memory_order_relaxed);
	bool repairs = atomic_load_explicit(&self->drops_seen, memory_order_relaxed);
	if ((run->parents_matter || repairs) &&
	    span_map_build(&run->scratch->map, run->view, err) != 0)
		return -1;
	settle_usage(run);
	if (repairs)
		repair_all(run);
	return 0;
}
