/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting in a trace buffer; a trace that is looked at is read out of it as one request. What does
 * not fit is refused, not let go: a tree that was begun is printed whole. A trace that was printed is
 * kept for a while, as long as it is in nobody's way, so that spans that come late stand in its tree.
 */
#include "exporters/debug/tree_internal.h"

#include "pipeline/base/clock.h"
#include "pipeline/trace/buffer/trace_buffer.h"

#include <inttypes.h>
#include <stdlib.h>

struct trace_tree {
	struct tree_limits limits;
	struct terminal terminal;
	struct trace_buffer *buffer;
	struct trace_view *view; /* on the trace that is being looked at */
	uint64_t flush_ns;	 /* how long senders hold finished spans, by what was seen */
	uint64_t told_left_out;
};

static const uint64_t KEEP_NS = 60 * NS_PER_S;	      /* a printed trace, after its last span */
static const uint64_t FLUSH_NS_MIN = 100 * NS_PER_MS; /* less is the way here */
static const uint64_t FLUSH_NS_MAX = 30 * NS_PER_S;   /* more was recorded, or another clock's */
/* Where one sender collects spans, the others may be as slow as OTEL_BSP_SCHEDULE_DELAY's default. */
static const uint64_t FLUSH_NS_USUAL = 5 * NS_PER_S;

struct trace_tree *trace_tree_new(struct tree_limits limits, struct terminal terminal,
				  struct budget *budget, const struct key_table *keys)
{
	const struct trace_buffer_config config = {.bytes_max = TREE_BYTES_MAX,
						   .traces_max = limits.traces_max,
						   .spans_max = limits.spans_max,
						   .refuse_new = true};
	struct trace_tree *tree = calloc(1, sizeof(*tree));
	if (!tree)
		return NULL;
	tree->limits = limits;
	tree->terminal = terminal;
	tree->buffer = trace_buffer_new(&config, budget);
	tree->view = view_new(budget, keys);
	if (tree->buffer && tree->view)
		return tree;
	trace_tree_free(tree);
	return NULL;
}

void trace_tree_free(struct trace_tree *tree)
{
	if (!tree)
		return;
	trace_buffer_free(tree->buffer);
	view_free(tree->view);
	free(tree);
}

void trace_tree_set_terminal(struct trace_tree *tree, struct terminal terminal)
{
	tree->terminal = terminal;
}

void trace_tree_observe(struct trace_tree *tree, const struct trace_view *view, uint64_t wall_ns)
{
	uint64_t end_ns = 0;
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		if (view_span_live(view, i) && view_span_end_ns(view, i) > end_ns)
			end_ns = view_span_end_ns(view, i);
	}
	uint64_t held_ns = end_ns < wall_ns ? wall_ns - end_ns : 0;
	if (held_ns < FLUSH_NS_MIN || held_ns > FLUSH_NS_MAX)
		return;
	if (held_ns < FLUSH_NS_USUAL)
		held_ns = FLUSH_NS_USUAL;
	if (held_ns > tree->flush_ns)
		tree->flush_ns = held_ns;
}

/* ---- what is kept --------------------------------------------------------------------------- */

static bool is_shown(const struct buffered_trace *trace)
{
	return trace->notes.shown == trace->span_count;
}

static bool is_half_full(const struct trace_tree *tree)
{
	return trace_buffer_traces(tree->buffer) > tree->limits.traces_max / 2 ||
	       trace_buffer_spans(tree->buffer) > tree->limits.spans_max / 2 ||
	       trace_buffer_bytes(tree->buffer) > TREE_BYTES_MAX / 2;
}

/* Printed traces give way to new ones, and go when nothing more is to be expected. */
static void forget_shown(struct trace_tree *tree, uint64_t now_ns)
{
	const struct buffered_trace *next, *trace = trace_buffer_first(tree->buffer);
	for (; trace; trace = next) {
		next = trace_buffer_next(trace);
		bool old = now_ns > trace->seen_ns && now_ns - trace->seen_ns > KEEP_NS;
		if (is_shown(trace) && (old || is_half_full(tree)))
			trace_buffer_remove(tree->buffer, trace);
	}
}

void trace_tree_add(struct trace_tree *tree, const struct trace_view *view, struct chunk *chunk,
		    uint64_t now_ns)
{
	if (is_half_full(tree))
		forget_shown(tree, now_ns);
	(void)trace_buffer_add(tree->buffer, view, chunk, now_ns);
}

/* ---- looking -------------------------------------------------------------------------------- */

/* A trace, read out of the buffer and put in order. */
struct look {
	struct chunk *request;
	struct tree_span *spans;
	struct forest forest;
	uint32_t distinct; /* spans */
	bool whole;	   /* a root has come, and every parent */
};

static void judge(struct look *look)
{
	bool has_root = false, has_gap = false;
	for (uint32_t i = 0; i < look->forest.count; i++) {
		const struct tree_span *span = look->forest.nodes[i].span;
		look->distinct += span != NULL;
		has_gap |= span == NULL;
		has_root |= span && span->parent == 0;
	}
	look->whole = has_root && !has_gap;
}

/* -1: no memory. In either case end with look_close. */
static int look_open(struct look *look, struct trace_tree *tree, const struct buffered_trace *trace)
{
	struct err err;
	*look = (struct look){.request = trace_buffer_request(tree->buffer, trace)};
	if (look->request && view_open_chunk(tree->view, look->request, &err) == 0)
		look->spans = tree_spans_of(tree->view);
	if (!look->spans || forest_build(&look->forest, look->spans, trace->span_count) != 0)
		return -1;
	judge(look);
	return 0;
}

static void look_close(struct look *look, struct trace_tree *tree)
{
	forest_fini(&look->forest);
	free(look->spans);
	view_close(tree->view);
	chunk_unref(look->request);
}

/* ---- printing ------------------------------------------------------------------------------- */

void tree_print_view(const struct trace_view *view, uint32_t marked,
		     const struct terminal *terminal, struct buf *out)
{
	struct tree_span *spans = tree_spans_of(view);
	struct forest forest = {0};
	struct tree_trace trace = {.id = (const uint8_t[TRACE_ID_BYTES]){0}, .forest = &forest};
	uint32_t count = 0;
	for (uint32_t at = 0; spans && at < view_span_count(view); at++) {
		struct slice id = view_span_trace_id(view, at);
		if (!view_span_live(view, at))
			continue;
		if (id.len == TRACE_ID_BYTES)
			trace.id = id.ptr;
		spans[count] = spans[at];
		if (at == marked)
			trace.marked = &spans[count];
		count++;
	}
	if (spans && forest_build(&forest, spans, count) == 0)
		tree_print_trace(&trace, terminal, out);
	else
		out->failed = true;
	forest_fini(&forest);
	free(spans);
}

static void tell_left_out(struct trace_tree *tree, struct buf *out)
{
	uint64_t left_out = 0;
	for (int bound = 0; bound < TRACE_BOUND_COUNT; bound++)
		left_out += trace_buffer_lost(tree->buffer, (enum trace_bound)bound);
	if (left_out > tree->told_left_out)
		buf_printf(out,
			   "(%" PRIu64 " more spans are not shown: at most %" PRIu32
			   " traces and %" PRIu32 " spans are held)\n",
			   left_out - tree->told_left_out, tree->limits.traces_max,
			   tree->limits.spans_max);
	tree->told_left_out = left_out;
}

/* How long nothing came for ${trace}, beyond the time for which its senders may have held more. */
static bool is_quiet(const struct trace_tree *tree, const struct buffered_trace *trace,
		     uint64_t now_ns, uint64_t patience_ns)
{
	uint64_t wait_ns = tree->limits.quiet_ns + patience_ns;
	if (tree->limits.patience_ns > 0)
		wait_ns += tree->flush_ns;
	return now_ns == UINT64_MAX ||
	       (now_ns > trace->seen_ns && now_ns - trace->seen_ns > wait_ns);
}

/* Prints ${trace} if it is complete, or not to be waited for any longer, and has something new. */
static bool print_when_due(struct trace_tree *tree, const struct buffered_trace *trace,
			   uint64_t now_ns, struct buf *out)
{
	struct trace_notes notes = trace->notes;
	bool given_up = is_quiet(tree, trace, now_ns, tree->limits.patience_ns);
	bool prints = false;
	struct look look;
	if (!given_up && notes.judged == trace->span_count && !notes.whole)
		return false; /* as when it was looked at before */
	if (look_open(&look, tree, trace) != 0) {
		out->failed = true;
		notes.shown = trace->span_count; /* not again and again */
	} else {
		notes.judged = trace->span_count;
		notes.whole = look.whole;
		if (look.whole || given_up) {
			prints = look.distinct > notes.distinct;
			const struct tree_trace printed = {
				.id = trace->id,
				.forest = &look.forest,
				.new_spans = notes.shown > 0 ? look.distinct - notes.distinct : 0};
			if (prints)
				tree_print_trace(&printed, &tree->terminal, out);
			notes.shown = trace->span_count;
			notes.distinct = look.distinct;
		}
	}
	look_close(&look, tree);
	trace_buffer_note(tree->buffer, trace, notes);
	return prints;
}

uint32_t trace_tree_print(struct trace_tree *tree, uint64_t now_ns, struct buf *out)
{
	uint32_t printed = 0;
	bool keeps = tree->limits.patience_ns > 0 && now_ns != UINT64_MAX;
	const struct buffered_trace *next, *trace = trace_buffer_first(tree->buffer);
	for (; trace; trace = next) {
		next = trace_buffer_next(trace);
		if (!is_shown(trace) && is_quiet(tree, trace, now_ns, 0))
			printed += print_when_due(tree, trace, now_ns, out);
		if (is_shown(trace) && !keeps)
			trace_buffer_remove(tree->buffer, trace);
	}
	forget_shown(tree, now_ns);
	if (printed > 0)
		tell_left_out(tree, out);
	return printed;
}
