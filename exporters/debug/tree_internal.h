/* SPDX-License-Identifier: Apache-2.0 */
/* What tree_span.c reads, tree_forest.c puts in order, tree_summary.c adds up and tree_print.c shows.
 */
#ifndef SLUICE_DEBUG_TREE_INTERNAL_H
#define SLUICE_DEBUG_TREE_INTERNAL_H

#include "exporters/debug/tree.h"

enum {
	TREE_NAME_BYTES = 127,
	TREE_WORD_BYTES = 63, /* service, model, error type */
	TREE_MODELS_MAX = 4,  /* distinct ones that are told apart in a head */
};
#define TREE_UNKNOWN UINT64_MAX /* a fact that the span does not state */

/* The beginning of a peer's text, as it came. */
struct tree_word {
	uint8_t len;
	bool cut;
	uint8_t bytes[TREE_WORD_BYTES];
};

struct tree_name {
	uint8_t len;
	bool cut;
	uint8_t bytes[TREE_NAME_BYTES];
};

struct tree_span {
	uint64_t id, parent; /* as memory order has them; 0: none */
	uint64_t start_ns, end_ns;
	uint64_t prompt_tokens, output_tokens, max_tokens; /* or TREE_UNKNOWN */
	uint64_t ttft_ns, queue_ns;			   /* or TREE_UNKNOWN */
	uint64_t http_status;				   /* or TREE_UNKNOWN */
	int32_t status_code;
	uint8_t model_rank; /* place of the model's key in the table of facts */
	bool cache_known, cache_hit;
	struct tree_word service, model, error_type;
	struct tree_name name;
};

struct forest;

struct tree_trace {
	const uint8_t *id; /* TRACE_ID_BYTES */
	struct forest *forest;
	uint32_t new_spans;		/* since it was printed before; 0: it was not */
	const struct tree_span *marked; /* NULL: none */
};

/* ---- tree_span.c ---- */

/* What is shown of the spans of ${view}, an entry each, to be freed; NULL: no memory. */
MUST_CHECK struct tree_span *tree_spans_of(const struct trace_view *view);

/* ---- tree_forest.c ---- */

#define FOREST_NONE UINT32_MAX

/* A span in its place, or (span NULL) the place of a parent that was not seen. */
struct forest_node {
	const struct tree_span *span;
	uint64_t id;
	uint64_t start_ns;
	uint32_t parent, first_child, next_sibling; /* or FOREST_NONE */
	bool cyclic; /* its parent is its own descendant: shown without parent */
	bool usage_below;
};

/* Invariants after forest_build: every node is reached from first_root exactly once; siblings are
 * in order of their start. */
struct forest {
	struct forest_node *nodes;
	uint32_t count;
	uint32_t first_root;
	uint32_t repeated; /* spans that came more than once, the same in all we know; shown once */
};

/* Whether they are the same in all we know: a repeated delivery. */
bool tree_same_span(const struct tree_span *a, const struct tree_span *b);

/* -1 when there is no memory. ${spans} stay in place while the forest is used. */
MUST_CHECK int forest_build(struct forest *forest, const struct tree_span *spans, uint32_t count);
void forest_fini(struct forest *forest);

/* ---- tree_summary.c ---- */

struct tree_summary {
	uint64_t begin_ns, end_ns; /* both 0 when no span has a time */
	uint32_t spans;		   /* distinct ones */
	uint32_t services;
	uint32_t errors;
	const struct tree_word *models[TREE_MODELS_MAX];
	uint32_t model_count;
	uint64_t prompt_tokens, output_tokens; /* or TREE_UNKNOWN */
};

/* Marks usage_below in ${forest} on the way. */
struct tree_summary tree_summarise(struct forest *forest);

static inline struct slice tree_word_slice(const struct tree_word *word)
{
	return slice_of(word->bytes, word->len);
}

/* ---- tree_print.c ---- */

void tree_print_trace(const struct tree_trace *trace, const struct terminal *terminal,
		      struct buf *out);

#endif
