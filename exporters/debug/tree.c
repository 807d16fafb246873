/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting in a trace buffer; a trace that is printed is read out of it as one request. What does
 * not fit is refused, not let go: a tree that was begun is printed whole.
 */
#include "exporters/debug/tree_internal.h"

#include "pipeline/trace/buffer/trace_buffer.h"

#include <inttypes.h>
#include <stdlib.h>

struct trace_tree {
	struct tree_limits limits;
	struct terminal terminal;
	struct trace_buffer *buffer;
	struct trace_view *view; /* on the trace that is being printed */
	uint64_t told_left_out;
};

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

void trace_tree_add(struct trace_tree *tree, const struct trace_view *view, struct chunk *chunk,
		    uint64_t now_ns)
{
	(void)trace_buffer_add(tree->buffer, view, chunk, now_ns);
}

/* ---- printing ------------------------------------------------------------------------------- */

static void print_trace(struct trace_tree *tree, const struct buffered_trace *trace,
			struct buf *out)
{
	struct err err;
	struct chunk *request = trace_buffer_request(tree->buffer, trace);
	struct tree_span *spans = NULL;
	if (request && view_open_chunk(tree->view, request, &err) == 0)
		spans = tree_spans_of(tree->view);
	if (spans) {
		const struct tree_trace printed = {
			.id = trace->id, .spans = spans, .count = trace->span_count};
		tree_print_trace(&printed, &tree->terminal, out);
	} else {
		out->failed = true;
	}
	free(spans);
	view_close(tree->view);
	chunk_unref(request);
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

uint32_t trace_tree_print(struct trace_tree *tree, uint64_t quiet_since_ns, struct buf *out)
{
	uint32_t printed = 0;
	const struct buffered_trace *next, *trace = trace_buffer_first(tree->buffer);
	for (; trace; trace = next) {
		next = trace_buffer_next(trace);
		if (trace->seen_ns >= quiet_since_ns && quiet_since_ns != UINT64_MAX)
			continue;
		print_trace(tree, trace, out);
		trace_buffer_remove(tree->buffer, trace);
		printed++;
	}
	if (printed > 0)
		tell_left_out(tree, out);
	return printed;
}
