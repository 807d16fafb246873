/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the spans of a trace to a tree of index arrays. Parent ids are a peer's claims: they may name
 * no span, the span itself, or run in a circle, and ids may be taken twice. The result depends on
 * the spans alone, never on the order in which they came:
 *  1. sort by id, then by start, then by bytes; what equals its neighbour is a repeated delivery;
 *  2. find each parent by binary search (of several with one id, the first in that order);
 *  3. walk up from every span, each once; where a walk meets itself, all spans of the circle lose
 *     their parents;
 *  4. hang children on parents, and number them in preorder.
 */
#include "pipeline/expect/trial.h"

#include <stdlib.h>

struct sorted_span {
	uint64_t id; /* 0: none */
	uint64_t start_ns;
	uint32_t span;
};

static uint64_t id_number(struct slice id)
{
	uint64_t number = 0;
	if (id.len == sizeof(number))
		memcpy(&number, id.ptr, sizeof(number));
	return number;
}

static int compare_bytes(const struct trace_view *view, uint32_t a, uint32_t b)
{
	int order = slice_compare(view_span_message(view, a), view_span_message(view, b));
	if (order == 0)
		order = slice_compare(view_resource_bytes(view, view_span_resource(view, a)),
				      view_resource_bytes(view, view_span_resource(view, b)));
	if (order == 0)
		order = slice_compare(view_scope_name(view, view_span_scope(view, a)),
				      view_scope_name(view, view_span_scope(view, b)));
	return order;
}

static int compare_spans(const void *a, const void *b, void *view)
{
	const struct sorted_span *x = a, *y = b;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return compare_bytes(view, x->span, y->span);
}

/* Marks what is live, and ids that are taken twice. Returns how many of ${sorted} are left. */
static uint32_t sort_spans(struct trial *trial, struct sorted_span *sorted)
{
	struct trace_view *view = trial->view;
	uint32_t count = 0;
	for (uint32_t i = 0; i < trial->span_count; i++)
		sorted[i] = (struct sorted_span){id_number(view_span_id(view, i)),
						 view_span_start_ns(view, i), i};
	qsort_r(sorted, trial->span_count, sizeof(*sorted), compare_spans, view);
	for (uint32_t i = 0; i < trial->span_count; i++) {
		const struct sorted_span *before = count > 0 ? &sorted[count - 1] : NULL;
		bool same_id = before && before->id == sorted[i].id;
		if (same_id && before->start_ns == sorted[i].start_ns &&
		    compare_bytes(view, before->span, sorted[i].span) == 0)
			continue;
		if (same_id && before->id != 0) {
			trial->tree.flags[before->span] |= SPAN_DUPLICATE;
			trial->tree.flags[sorted[i].span] |= SPAN_DUPLICATE;
		}
		bit_set(trial->live, sorted[i].span);
		sorted[count++] = sorted[i];
	}
	return count;
}

static uint32_t find_span(const struct sorted_span *sorted, uint32_t count, uint64_t id)
{
	uint32_t low = 0, high = count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (sorted[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && sorted[low].id == id ? sorted[low].span : NO_SPAN;
}

static void find_parents(struct trial *trial, const struct sorted_span *sorted, uint32_t count)
{
	struct span_tree *tree = &trial->tree;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t span = sorted[i].span;
		uint64_t parent = id_number(view_span_parent(trial->view, span));
		if (parent == 0) {
			tree->flags[span] |= SPAN_ROOT;
			continue;
		}
		tree->parent[span] = find_span(sorted, count, parent);
		if (tree->parent[span] == NO_SPAN)
			tree->flags[span] |= SPAN_ORPHAN;
	}
}

/* ${walks}: the number of the walk that came by a span, 0 for none; cleared. */
static void mark_circles(struct trial *trial, uint32_t *walks)
{
	struct span_tree *tree = &trial->tree;
	for (uint32_t i = 0; i < trial->span_count; i++) {
		uint32_t at = i;
		while (at != NO_SPAN && walks[at] == 0) {
			walks[at] = i + 1;
			at = tree->parent[at];
		}
		while (at != NO_SPAN && walks[at] == i + 1 && !(tree->flags[at] & SPAN_CYCLIC)) {
			tree->flags[at] |= SPAN_CYCLIC;
			at = tree->parent[at];
		}
	}
	for (uint32_t i = 0; i < trial->span_count; i++) {
		if (tree->flags[i] & SPAN_CYCLIC)
			tree->parent[i] = NO_SPAN;
	}
}

static void hang_up(struct trial *trial, const struct sorted_span *sorted, uint32_t count)
{
	struct span_tree *tree = &trial->tree;
	for (uint32_t i = count; i-- > 0;) {
		uint32_t span = sorted[i].span, parent = tree->parent[span];
		if (parent == NO_SPAN)
			continue;
		tree->next_sibling[span] = tree->first_child[parent];
		tree->first_child[parent] = span;
	}
}

/* The span after ${at} in preorder within the tree of its root; closes what it leaves. */
static uint32_t step(struct span_tree *tree, uint32_t at)
{
	if (tree->first_child[at] != NO_SPAN)
		return tree->first_child[at];
	while (at != NO_SPAN) {
		tree->end[at] = tree->count;
		if (tree->parent[at] != NO_SPAN && tree->next_sibling[at] != NO_SPAN)
			return tree->next_sibling[at];
		at = tree->parent[at];
	}
	return NO_SPAN;
}

static void number_spans(struct trial *trial, const struct sorted_span *sorted, uint32_t count)
{
	struct span_tree *tree = &trial->tree;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = tree->parent[sorted[i].span] == NO_SPAN ? sorted[i].span : NO_SPAN;
		while (at != NO_SPAN) {
			tree->position[at] = tree->count;
			tree->order[tree->count++] = at;
			at = step(tree, at);
		}
	}
}

bool span_tree_build(struct trial *trial)
{
	size_t count = trial->span_count, bytes = count * sizeof(uint32_t);
	struct span_tree *tree = &trial->tree;
	struct sorted_span *sorted = trial_alloc(trial, count, sizeof(*sorted));
	uint32_t *walks = trial_alloc(trial, count, sizeof(*walks));
	*tree = (struct span_tree){
		.parent = trial_alloc(trial, count, sizeof(uint32_t)),
		.first_child = trial_alloc(trial, count, sizeof(uint32_t)),
		.next_sibling = trial_alloc(trial, count, sizeof(uint32_t)),
		.order = trial_alloc(trial, count, sizeof(uint32_t)),
		.position = trial_alloc(trial, count, sizeof(uint32_t)),
		.end = trial_alloc(trial, count, sizeof(uint32_t)),
		.flags = trial_alloc(trial, count, 1),
	};
	if (trial->no_memory)
		return false;
	memset(tree->parent, 0xff, bytes); /* NO_SPAN */
	memset(tree->first_child, 0xff, bytes);
	memset(tree->next_sibling, 0xff, bytes);
	uint32_t live = sort_spans(trial, sorted);
	find_parents(trial, sorted, live);
	mark_circles(trial, walks);
	hang_up(trial, sorted, live);
	number_spans(trial, sorted, live);
	return true;
}
