/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of when a span is, beside others. The others are sorted by their start once; with the two
 * latest ends among the first n of them (two, since a span is not compared with itself) each check
 * is a binary search.
 */
#include "pipeline/expect/trial.h"

#include <stdlib.h>

struct other {
	uint64_t start_ns, end_ns;
	uint32_t span;
	/* among those up to here */
	uint64_t latest_ns, second_ns;
	uint32_t latest_span;
};

struct others {
	struct other *at;
	uint32_t count;
};

static bool selector_check_parse(struct loading *loading, const struct config_node *node,
				 struct check *check)
{
	struct selector *selector = load_alloc(loading, 1, sizeof(*selector));
	check->params = selector;
	return selector && selector_parse(loading, node, selector);
}

static int compare_others(const void *a, const void *b)
{
	const struct other *x = a, *y = b;
	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static void add_latest(struct others *others)
{
	uint64_t latest_ns = 0, second_ns = 0;
	uint32_t latest_span = NO_SPAN;
	for (uint32_t i = 0; i < others->count; i++) {
		struct other *other = &others->at[i];
		if (latest_span == NO_SPAN || other->end_ns > latest_ns) {
			second_ns = latest_ns;
			latest_ns = other->end_ns;
			latest_span = other->span;
		} else if (other->end_ns > second_ns) {
			second_ns = other->end_ns;
		}
		other->latest_ns = latest_ns;
		other->second_ns = second_ns;
		other->latest_span = latest_span;
	}
}

static void sort_others(struct trial *trial, const struct check *check,
			const struct selector *selector)
{
	const uint64_t *bits = trial_select(trial, selector);
	struct others *others = trial_alloc(trial, 1, sizeof(*others));
	trial->work[check->at] = others;
	if (others)
		others->at = trial_alloc(trial, bits_count(bits, trial->word_count),
					 sizeof(*others->at));
	if (trial->no_memory)
		return;
	FOR_EACH_BIT (span, bits, trial)
		others->at[others->count++] = (struct other){
			.start_ns = view_span_start_ns(trial->view, span),
			.end_ns = view_span_end_ns(trial->view, span),
			.span = span,
		};
	qsort(others->at, others->count, sizeof(*others->at), compare_others);
	add_latest(others);
}

static void selector_prepare(struct trial *trial, const struct check *check)
{
	sort_others(trial, check, check->params);
}

/* How many of ${others} start before ${time_ns}, or at it when ${or_at}. */
static uint32_t started(const struct others *others, uint64_t time_ns, bool or_at)
{
	uint32_t low = 0, high = others->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint64_t start_ns = others->at[middle].start_ns;
		if (start_ns < time_ns || (or_at && start_ns == time_ns))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The latest end among the first ${count} of ${others}, ${span} itself left out. False: no others. */
static bool latest_end(const struct others *others, uint32_t count, uint32_t span,
		       uint64_t *ret_end_ns)
{
	if (count == 0)
		return false;
	const struct other *last = &others->at[count - 1];
	bool itself = last->latest_span == span;
	*ret_end_ns = itself ? last->second_ns : last->latest_ns;
	return !itself || count > 1;
}

/* ---- before, after -------------------------------------------------------------------------- */

static bool before_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct others *others = trial->work[check->at];
	uint64_t end_ns = view_span_end_ns(trial->view, span);
	uint32_t first = others->count > 0 && others->at[0].span == span ? 1 : 0;
	if (first >= others->count)
		return trial_miss_why(trial, check, "there is no such span");
	return others->at[first].start_ns >= end_ns ||
	       trial_miss_why(trial, check, "one starts %.6gms before this ends",
			      time_between(others->at[first].start_ns, end_ns) / 1e6);
}

static bool after_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct others *others = trial->work[check->at];
	uint64_t start_ns = view_span_start_ns(trial->view, span), end_ns;
	if (!latest_end(others, others->count, span, &end_ns))
		return trial_miss_why(trial, check, "there is no such span");
	return end_ns <= start_ns ||
	       trial_miss_why(trial, check, "one ends %.6gms after this starts",
			      time_between(start_ns, end_ns) / 1e6);
}

const struct check_type check_type_before = {
	.parse = selector_check_parse, .prepare = selector_prepare, .span = before_span};
const struct check_type check_type_after = {
	.parse = selector_check_parse, .prepare = selector_prepare, .span = after_span};

/* ---- overlaps, inside ----------------------------------------------------------------------- */

static bool overlaps_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct others *others = trial->work[check->at];
	uint32_t count = started(others, view_span_end_ns(trial->view, span), false);
	uint64_t end_ns;
	if (latest_end(others, count, span, &end_ns) &&
	    end_ns > view_span_start_ns(trial->view, span))
		return true;
	return trial_miss_why(trial, check, "no such span shares time with it");
}

static bool inside_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct others *others = trial->work[check->at];
	uint32_t count = started(others, view_span_start_ns(trial->view, span), true);
	uint64_t end_ns;
	if (latest_end(others, count, span, &end_ns) &&
	    end_ns >= view_span_end_ns(trial->view, span))
		return true;
	return trial_miss_why(trial, check, "it lies in the time of no such span");
}

const struct check_type check_type_overlaps = {
	.parse = selector_check_parse, .prepare = selector_prepare, .span = overlaps_span};
const struct check_type check_type_inside = {
	.parse = selector_check_parse, .prepare = selector_prepare, .span = inside_span};

/* ---- gap ------------------------------------------------------------------------------------ */

struct gap {
	struct selector to;
	struct bounds bounds;
};

struct gap_block {
	const struct config_node *to, *min, *max;
};

static const struct config_field gap_fields[] = {
	CONFIG_NODE(struct gap_block, to, "to", "Selector of the spans that follow."),
	CONFIG_NODE(struct gap_block, min, "min", "At least this."),
	CONFIG_NODE(struct gap_block, max, "max", "At most this."),
};
static const struct config_block gap_block = CONFIG_BLOCK(struct gap_block, gap_fields);

static bool gap_parse(struct loading *loading, const struct config_node *node, struct check *check)
{
	struct gap_block block = {NULL, NULL, NULL};
	struct gap *gap = load_alloc(loading, 1, sizeof(*gap));
	check->params = gap;
	if (!gap || !load_bind(loading, &gap_block, node, &block))
		return false;
	if (!block.to)
		return load_problem(loading, node->loc, "'to' is required: a selector");
	return selector_parse(loading, block.to, &gap->to) &&
	       bounds_of_nodes(loading, node, block.min, block.max, BOUNDS_DURATION, &gap->bounds);
}

static void gap_prepare(struct trial *trial, const struct check *check)
{
	const struct gap *gap = check->params;
	sort_others(trial, check, &gap->to);
}

static bool gap_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct gap *gap = check->params;
	const struct others *others = trial->work[check->at];
	uint32_t next = started(others, view_span_start_ns(trial->view, span), false);
	while (next < others->count && others->at[next].span == span)
		next++;
	if (next == others->count)
		return trial_miss_why(trial, check, "no such span follows");
	double gap_ns =
		time_between(view_span_end_ns(trial->view, span), others->at[next].start_ns);
	return bounds_hold(gap->bounds, gap_ns) ||
	       trial_miss_bounds(trial, check->loc, check->key, "the gap", gap->bounds, gap_ns,
				 true);
}

const struct check_type check_type_gap = {
	.parse = gap_parse, .prepare = gap_prepare, .span = gap_span};
