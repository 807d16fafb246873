/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbosity `tree` of the debug exporter: spans of many requests are collected by trace, and each
 * trace is printed as a tree for people, one line per span:
 *
 *     after      took   when in the trace   name [service, where it changes]  facts
 *   53.5 ms    3.09 s   ████████████████    │     └─ decode  TTFT 50.0 ms
 *
 * Facts are what people of LLM stacks look for: model (when the trace has several), tokens, time to
 * first token, queue time, cache hit, errors by type. No message and no content is kept or shown.
 *
 * A trace lasts from its first start to its last end, whatever its root says: roots may end early.
 * Spans whose parent has not come are shown under a line with the parent's id. Memory is bounded by
 * the limits; what does not fit is counted and said. Nothing here loops on a peer's parent ids.
 * Not thread-safe.
 */
#ifndef SLUICE_DEBUG_TREE_H
#define SLUICE_DEBUG_TREE_H

#include "exporters/debug/terminal.h"
#include "pipeline/trace/otlp/view.h"

enum {
	TREE_TRACES_DEFAULT = 1000, /* held at the same time */
	TREE_SPANS_DEFAULT = 10000, /* of all traces */
	TREE_BYTES_MAX = 64 << 20,  /* of the requests that they came in, whatever their number */
};

struct tree_limits {
	uint32_t traces_max;
	uint32_t spans_max;
	uint64_t quiet_ns; /* without a span, before a trace is looked at */
	uint64_t
		patience_ns; /* longer for one that is not complete; 0: not, and printed is forgotten */
};

struct trace_tree;

/* ${budget} and ${keys} outlive the tree. NULL when there is no memory. */
MUST_CHECK struct trace_tree *trace_tree_new(struct tree_limits limits, struct terminal terminal,
					     struct budget *budget, const struct key_table *keys);
void trace_tree_free(struct trace_tree *tree);

/* What is printed from now on is for ${terminal}: it was resized. */
void trace_tree_set_terminal(struct trace_tree *tree, struct terminal terminal);

/* Keeps the spans of ${view}, which is open on ${chunk} and has no edits. ${now_ns} is monotonic. */
void trace_tree_add(struct trace_tree *tree, const struct trace_view *view, struct chunk *chunk,
		    uint64_t now_ns);

/* Learns from the live spans of ${view}, which came at ${wall_ns} (clock_wall_ns), how long their
 * sender holds spans back after their end: so long more may come for any trace. */
void trace_tree_observe(struct trace_tree *tree, const struct trace_view *view, uint64_t wall_ns);

/*
 * Prints the traces that are complete by ${now_ns}, in the order in which they came: a root and every
 * parent are there, and nothing came for quiet_ns and what senders hold spans back. One that lacks
 * something is waited for patience_ns longer. One that was printed and has grown is printed again,
 * whole. UINT64_MAX prints all, and forgets them. Returns how many were printed. A failure to grow
 * latches in ${out}.
 */
uint32_t trace_tree_print(struct trace_tree *tree, uint64_t now_ns, struct buf *out);

/*
 * The trace under ${view} at once, without a collection: its live spans, with a mark at span
 * ${marked}, in the numbers of the view (TREE_NO_MARK: none). ${view} may have edits: what they leave
 * is shown. A failure to grow latches in ${out}.
 */
#define TREE_NO_MARK UINT32_MAX
void tree_print_view(const struct trace_view *view, uint32_t marked,
		     const struct terminal *terminal, struct buf *out);

#endif
