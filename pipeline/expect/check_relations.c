/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of who stands where in the tree. For each relation one pass over the tree counts, for every
 * span, the related spans that match; a check is then a look-up.
 */
#include "pipeline/expect/trial.h"

static bool relation_check_parse(struct loading *loading, const struct config_node *node,
				 struct check *check)
{
	struct relation *relation = load_alloc(loading, 1, sizeof(*relation));
	check->params = relation;
	return relation && relation_parse(loading, node, relation);
}

static bool counted_span(struct trial *trial, const struct check *check, uint32_t span,
			 const char *what)
{
	const struct relation *relation = check->params;
	const uint32_t *counts = trial->work[check->at];
	return bounds_hold(relation->count, counts[span]) ||
	       trial_miss_bounds(trial, check->loc, check->key, what, relation->count, counts[span],
				 false);
}

/* Zeros, to be counted up, and the spans that match; NULL: no memory. */
static uint32_t *begin(struct trial *trial, const struct check *check, const uint64_t **ret_bits)
{
	const struct relation *relation = check->params;
	uint32_t *counts = trial_alloc(trial, trial->span_count, sizeof(*counts));
	trial->work[check->at] = counts;
	*ret_bits = trial_select(trial, &relation->spans);
	return trial->no_memory ? NULL : counts;
}

static void parent_prepare(struct trial *trial, const struct check *check)
{
	const uint64_t *bits;
	uint32_t *counts = begin(trial, check, &bits);
	for (uint32_t span = 0; counts && span < trial->span_count; span++) {
		uint32_t parent = trial->tree.parent[span];
		counts[span] = parent != NO_SPAN && bit_get(bits, parent);
	}
}

static void count_children(const struct trial *trial, const uint64_t *bits, uint32_t *counts)
{
	FOR_EACH_BIT (span, bits, trial) {
		uint32_t parent = trial->tree.parent[span];
		if (parent != NO_SPAN)
			counts[parent]++;
	}
}

static void child_prepare(struct trial *trial, const struct check *check)
{
	const uint64_t *bits;
	uint32_t *counts = begin(trial, check, &bits);
	if (counts)
		count_children(trial, bits, counts);
}

static void descendant_prepare(struct trial *trial, const struct check *check)
{
	const struct span_tree *tree = &trial->tree;
	const uint64_t *bits;
	uint32_t *counts = begin(trial, check, &bits);
	uint32_t *before = trial_alloc(trial, (size_t)tree->count + 1, sizeof(*before));
	if (!counts || !before)
		return;
	for (uint32_t at = 0; at < tree->count; at++)
		before[at + 1] = before[at] + bit_get(bits, tree->order[at]);
	for (uint32_t at = 0; at < tree->count; at++) {
		uint32_t span = tree->order[at];
		counts[span] = before[tree->end[span]] - before[at + 1];
	}
}

static void ancestor_prepare(struct trial *trial, const struct check *check)
{
	const struct span_tree *tree = &trial->tree;
	const uint64_t *bits;
	uint32_t *counts = begin(trial, check, &bits);
	for (uint32_t at = 0; counts && at < tree->count; at++) {
		uint32_t span = tree->order[at], parent = tree->parent[span];
		if (parent != NO_SPAN)
			counts[span] = counts[parent] + bit_get(bits, parent);
	}
}

static void sibling_prepare(struct trial *trial, const struct check *check)
{
	const uint64_t *bits;
	uint32_t *counts = begin(trial, check, &bits);
	uint32_t *children = trial_alloc(trial, trial->span_count, sizeof(*children));
	if (!counts || !children)
		return;
	count_children(trial, bits, children);
	FOR_EACH_BIT (span, trial->live, trial) {
		uint32_t parent = trial->tree.parent[span];
		if (parent != NO_SPAN)
			counts[span] = children[parent] - bit_get(bits, span);
	}
}

static bool parent_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return counted_span(trial, check, span, "the number of such parents");
}

static bool child_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return counted_span(trial, check, span, "the number of such children");
}

static bool descendant_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return counted_span(trial, check, span, "the number of such descendants");
}

static bool ancestor_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return counted_span(trial, check, span, "the number of such ancestors");
}

static bool sibling_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return counted_span(trial, check, span, "the number of such siblings");
}

#define RELATION(name)                                                                             \
	const struct check_type check_type_##name = {                                              \
		.parse = relation_check_parse, .prepare = name##_prepare, .span = name##_span}
RELATION(parent);
RELATION(child);
RELATION(descendant);
RELATION(ancestor);
RELATION(sibling);
