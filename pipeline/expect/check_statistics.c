/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that only many traces can pass or fail: percentiles, and the ratio of a sampler. */
#include "pipeline/expect/trial.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- percentile ----------------------------------------------------------------------------- */

struct percentile {
	double p;			/* 0 < p <= 100 */
	const struct ottl_value *value; /* NULL: the span's duration */
	struct bounds bounds;
	struct config_loc loc;
};

struct percentiles {
	struct percentile *at;
	uint32_t count;
};

/* What a trace adds: the numbers of its selected spans. On the heap, charged to the budget. */
struct numbers {
	double *at;
	uint32_t count, capacity;
};

struct percentile_block {
	double p;
	const struct config_node *value, *min, *max;
};

static const struct config_field percentile_fields[] = {
	CONFIG_DOUBLE(struct percentile_block, p, "p", "0", 0, 100, "",
		      "Which percentile; required."),
	CONFIG_NODE(struct percentile_block, value, "value",
		    "`duration`, or an OTTL expression that yields a number."),
	CONFIG_NODE(struct percentile_block, min, "min", "At least this."),
	CONFIG_NODE(struct percentile_block, max, "max", "At most this."),
};
static const struct config_block percentile_block =
	CONFIG_BLOCK(struct percentile_block, percentile_fields);

static bool percentile_parse_one(struct loading *loading, const struct config_node *node,
				 struct percentile *percentile)
{
	struct percentile_block block = {0};
	percentile->loc = node->loc;
	if (!load_bind(loading, &percentile_block, node, &block))
		return false;
	percentile->p = block.p;
	if (block.p <= 0)
		return load_problem(loading, node->loc, "'p' is required: above 0, at most 100");
	bool is_duration = !block.value || slice_equal(block.value->text, SLICE("duration"));
	if (!is_duration) {
		percentile->value = value_parse(loading, block.value);
		if (!percentile->value)
			return false;
	}
	return bounds_of_nodes(loading, node, block.min, block.max,
			       is_duration ? BOUNDS_DURATION : BOUNDS_NUMBER, &percentile->bounds);
}

static bool percentile_parse(struct loading *loading, const struct config_node *node,
			     struct check *check)
{
	struct percentiles *percentiles = load_alloc(loading, 1, sizeof(*percentiles));
	bool ok = true;
	if (node->kind != CONFIG_LIST || node->count == 0)
		return load_problem(loading, node->loc, "expected a list of {p, value, min, max}");
	check->params = percentiles;
	check->slot_bytes = (uint32_t)(node->count * sizeof(struct numbers));
	if (percentiles)
		percentiles->at = load_alloc(loading, node->count, sizeof(*percentiles->at));
	for (size_t i = 0; percentiles && percentiles->at && i < node->count; i++)
		ok = percentile_parse_one(loading, node->items[i],
					  &percentiles->at[percentiles->count++]) &&
		     ok;
	return ok && percentiles && percentiles->at;
}

static bool number_of(struct trial *trial, const struct percentile *percentile, uint32_t span,
		      double *ret_number)
{
	struct value value;
	if (!percentile->value) {
		*ret_number = trial_duration(trial, span);
		return true;
	}
	if (ottl_value_eval(percentile->value, trial->view, span, trial->scratch, &value, NULL) !=
	    0)
		return false;
	*ret_number = value.type == VALUE_INT ? (double)value.i : value.d;
	return value.type == VALUE_INT || (value.type == VALUE_DOUBLE && !isnan(value.d));
}

static void percentile_fill(struct trial *trial, const struct check *check, void *slot)
{
	const struct percentiles *percentiles = check->params;
	struct numbers *all = slot;
	uint32_t selected = bits_count(trial->selected, trial->word_count);
	for (uint32_t i = 0; i < percentiles->count; i++) {
		struct numbers *numbers = &all[i];
		size_t bytes = selected * sizeof(*numbers->at);
		if (selected == 0)
			continue;
		bool taken = budget_take(trial->budget, bytes);
		numbers->at = taken ? malloc(bytes) : NULL;
		if (!numbers->at) {
			if (taken)
				budget_give(trial->budget, bytes);
			trial->no_memory = true;
			return;
		}
		numbers->capacity = selected;
		FOR_EACH_BIT (span, trial->selected, trial)
			numbers->count += number_of(trial, &percentiles->at[i], span,
						    &numbers->at[numbers->count]);
	}
}

static void percentile_clear(const struct check *check, void *slot, struct budget *budget)
{
	const struct percentiles *percentiles = check->params;
	struct numbers *all = slot;
	for (uint32_t i = 0; i < percentiles->count; i++) {
		free(all[i].at);
		budget_give(budget, all[i].capacity * sizeof(*all[i].at));
	}
}

static int compare_numbers(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The numbers of all traces for item ${at}, sorted; to be freed. NULL: no memory. */
static double *gather(void *const *slots, uint32_t slot_count, uint32_t at, size_t *ret_count)
{
	size_t count = 0;
	for (uint32_t i = 0; i < slot_count; i++)
		count += ((const struct numbers *)slots[i])[at].count;
	double *all = calloc(count + 1, sizeof(*all));
	*ret_count = count;
	count = 0;
	for (uint32_t i = 0; all && i < slot_count; i++) {
		const struct numbers *numbers = &((const struct numbers *)slots[i])[at];
		if (numbers->count > 0)
			memcpy(all + count, numbers->at, numbers->count * sizeof(*all));
		count += numbers->count;
	}
	if (all)
		qsort(all, count, sizeof(*all), compare_numbers);
	return all;
}

static bool percentile_all(struct trial *trial, const struct check *check, void *const *slots,
			   uint32_t count)
{
	const struct percentiles *percentiles = check->params;
	bool passes = true;
	for (uint32_t i = 0; i < percentiles->count; i++) {
		const struct percentile *percentile = &percentiles->at[i];
		size_t numbers;
		double *sorted = gather(slots, count, i, &numbers);
		if (!sorted || numbers == 0) {
			free(sorted);
			passes = trial_miss_why(trial, check, "there are no numbers");
			continue;
		}
		/* The nearest rank: the least number that p percent are not above. */
		size_t rank = (size_t)ceil(percentile->p / 100 * (double)numbers);
		double number = sorted[rank > 0 ? rank - 1 : 0];
		free(sorted);
		if (bounds_hold(percentile->bounds, number))
			continue;
		char what[32];
		(void)snprintf(what, sizeof(what), "p%g", percentile->p);
		passes = trial_miss_bounds(trial, percentile->loc, check->key, what,
					   percentile->bounds, number, !percentile->value);
	}
	return passes;
}

const struct check_type check_type_percentile = {
	.parse = percentile_parse,
	.fill = percentile_fill,
	.clear = percentile_clear,
	.all = percentile_all,
};

/* ---- sampled -------------------------------------------------------------------------------- */

struct sampled {
	double ratio, confidence;
	uint32_t of;
};

static const struct config_field sampled_fields[] = {
	CONFIG_DOUBLE(struct sampled, ratio, "ratio", "-1", -1, 1, "",
		      "Part that is kept; required."),
	CONFIG_U32(struct sampled, of, "of", "0", 0, 1e8, "{trace}",
		   "How many traces there were before sampling; required."),
	CONFIG_DOUBLE(struct sampled, confidence, "confidence", "0.999", 0.5, 0.999999, "",
		      "A right sampler passes with this probability."),
};
static const struct config_block sampled_block = CONFIG_BLOCK(struct sampled, sampled_fields);

static bool sampled_parse(struct loading *loading, const struct config_node *node,
			  struct check *check)
{
	struct sampled *sampled = load_alloc(loading, 1, sizeof(*sampled));
	check->params = sampled;
	if (!sampled || !load_bind(loading, &sampled_block, node, sampled))
		return false;
	return (sampled->ratio >= 0 && sampled->of > 0) ||
	       load_problem(loading, node->loc, "'ratio' and 'of' are required");
}

/* log P(X = k), X binomial. */
static double log_probability(double n, double p, double k)
{
	int sign;
	return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign) +
	       k * log(p) + (n - k) * log1p(-p);
}

/* P(X <= k) or, ${upper}, P(X >= k): a sum from k outwards, until nothing is added any more. */
static double tail(double n, double p, double k, bool upper)
{
	double sum = 0;
	for (double at = k; at >= 0 && at <= n; at += upper ? 1 : -1) {
		double more = exp(log_probability(n, p, at));
		sum += more;
		bool past_mode = upper ? at > n * p : at < n * p;
		if (past_mode && more < sum * 1e-15)
			break;
	}
	return sum;
}

static bool sampled_all(struct trial *trial, const struct check *check, void *const *slots,
			uint32_t count)
{
	(void)slots;
	const struct sampled *sampled = check->params;
	double n = sampled->of, p = sampled->ratio, least = (1 - sampled->confidence) / 2;
	bool possible = count <= sampled->of;
	if (p == 0 || p == 1)
		possible = possible && count == n * p;
	else if (possible)
		possible = tail(n, p, count, false) >= least && tail(n, p, count, true) >= least;
	return possible || trial_miss_why(trial, check,
					  "%u of %u traces came, about %.6g wanted (ratio %.6g, "
					  "confidence %.6g)",
					  count, sampled->of, n * p, p, sampled->confidence);
}

const struct check_type check_type_sampled = {.parse = sampled_parse, .all = sampled_all};
