/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a heap of spans to trees. Parent ids are a peer's claims: they may name no span, the span
 * itself, or run in a circle, and ids may be taken twice. Steps, each O(n log n) at most:
 *  1. sort by id; a span that is the same as its neighbour is a repeated delivery and left out;
 *  2. find each parent by binary search (of several with one id, the first that came);
 *  3. one placeholder node per parent id that names nothing;
 *  4. walk up from every node, each node once; where a walk meets itself, cut that circle there;
 *  5. hang the nodes, latest first, in front of their parents' lists of children.
 */
#include "exporters/debug/tree_internal.h"

#include <stdlib.h>

struct sort_item {
	uint64_t key;
	uint32_t at; /* place in the list that is sorted; also decides between equal keys */
};

static int compare_items(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

bool tree_same_span(const struct tree_span *a, const struct tree_span *b)
{
	return a->id == b->id && a->parent == b->parent && a->start_ns == b->start_ns &&
	       a->end_ns == b->end_ns && a->name.len == b->name.len &&
	       memcmp(a->name.bytes, b->name.bytes, a->name.len) == 0;
}

/* Fills nodes in order of their ids, without repeated ones. */
static void place_spans(struct forest *forest, const struct tree_span *spans,
			struct sort_item *items, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		items[i] = (struct sort_item){spans[i].id, i};
	qsort(items, count, sizeof(*items), compare_items);
	for (uint32_t i = 0; i < count; i++) {
		const struct tree_span *span = &spans[items[i].at];
		if (i > 0 && span->id != 0 && tree_same_span(span, &spans[items[i - 1].at])) {
			forest->repeated++;
			continue;
		}
		forest->nodes[forest->count++] = (struct forest_node){
			.span = span,
			.id = span->id,
			.start_ns = span->start_ns,
			.parent = FOREST_NONE,
			.first_child = FOREST_NONE,
			.next_sibling = FOREST_NONE,
		};
	}
}

/* The first of the first ${count} nodes (sorted by id) that has ${id}. */
static uint32_t find_node(const struct forest *forest, uint32_t count, uint64_t id)
{
	uint32_t low = 0, high = count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (forest->nodes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && forest->nodes[low].id == id ? low : FOREST_NONE;
}

/* Sets the parents; what has none that was seen goes to ${orphans}. Returns how many those are. */
static uint32_t find_parents(struct forest *forest, struct sort_item *orphans)
{
	uint32_t orphan_count = 0;
	for (uint32_t i = 0; i < forest->count; i++) {
		struct forest_node *node = &forest->nodes[i];
		if (node->span->parent == 0)
			continue;
		node->parent = find_node(forest, forest->count, node->span->parent);
		if (node->parent == FOREST_NONE)
			orphans[orphan_count++] = (struct sort_item){node->span->parent, i};
	}
	return orphan_count;
}

static void add_placeholders(struct forest *forest, struct sort_item *orphans, uint32_t count)
{
	qsort(orphans, count, sizeof(*orphans), compare_items);
	for (uint32_t i = 0; i < count; i++) {
		struct forest_node *orphan = &forest->nodes[orphans[i].at];
		if (i == 0 || orphans[i].key != orphans[i - 1].key)
			forest->nodes[forest->count++] = (struct forest_node){
				.id = orphans[i].key,
				.start_ns = orphan->start_ns,
				.parent = FOREST_NONE,
				.first_child = FOREST_NONE,
				.next_sibling = FOREST_NONE,
			};
		struct forest_node *parent = &forest->nodes[forest->count - 1];
		if (orphan->start_ns < parent->start_ns)
			parent->start_ns = orphan->start_ns;
		orphan->parent = forest->count - 1;
	}
}

/* ${walks}: the number of the walk that came by a node, 0 for none; cleared. */
static void cut_circles(struct forest *forest, uint32_t *walks)
{
	for (uint32_t i = 0; i < forest->count; i++) {
		uint32_t at = i;
		while (at != FOREST_NONE && walks[at] == 0) {
			walks[at] = i + 1;
			at = forest->nodes[at].parent;
		}
		if (at != FOREST_NONE && walks[at] == i + 1) {
			forest->nodes[at].parent = FOREST_NONE;
			forest->nodes[at].cyclic = true;
		}
	}
}

static void hang_up(struct forest *forest, struct sort_item *items)
{
	for (uint32_t i = 0; i < forest->count; i++)
		items[i] = (struct sort_item){forest->nodes[i].start_ns, i};
	qsort(items, forest->count, sizeof(*items), compare_items);
	forest->first_root = FOREST_NONE;
	for (uint32_t i = forest->count; i-- > 0;) {
		struct forest_node *node = &forest->nodes[items[i].at];
		uint32_t *list = node->parent == FOREST_NONE
					 ? &forest->first_root
					 : &forest->nodes[node->parent].first_child;
		node->next_sibling = *list;
		*list = items[i].at;
	}
}

int forest_build(struct forest *forest, const struct tree_span *spans, uint32_t count)
{
	*forest = (struct forest){.first_root = FOREST_NONE};
	if (count == 0)
		return 0;
	/* At worst every span is an orphan with a placeholder of its own. */
	size_t nodes_max = 2 * (size_t)count;
	struct sort_item *items = calloc(nodes_max, sizeof(*items));
	uint32_t *walks = calloc(nodes_max, sizeof(*walks));
	forest->nodes = calloc(nodes_max, sizeof(*forest->nodes));
	int result = -1;
	if (items && walks && forest->nodes) {
		place_spans(forest, spans, items, count);
		add_placeholders(forest, items, find_parents(forest, items));
		cut_circles(forest, walks);
		hang_up(forest, items);
		result = 0;
	}
	free(items);
	free(walks);
	if (result != 0)
		forest_fini(forest);
	return result;
}

void forest_fini(struct forest *forest)
{
	free(forest->nodes);
	*forest = (struct forest){.first_root = FOREST_NONE};
}
