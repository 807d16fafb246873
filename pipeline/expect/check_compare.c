/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons: SIDE OP SIDE, a side being a capture, sum(capture), count(capture), min(capture),
 * max(capture) or a number. A capture by itself stands for all of its values: for <, <=, >, >= every
 * pair has to be right, so the extremes decide.
 */
#include "pipeline/expect/capture.h"

#include <stdlib.h>

enum side_kind { SIDE_NUMBER, SIDE_VALUES, SIDE_SUM, SIDE_COUNT, SIDE_MIN, SIDE_MAX };
enum comparison_sign { SIGN_EQ, SIGN_NE, SIGN_LE, SIGN_GE, SIGN_LT, SIGN_GT };

struct side {
	enum side_kind kind;
	struct slice text;
	uint32_t capture;
	double number;
};

struct comparison {
	struct side left, right;
	enum comparison_sign sign;
	struct slice text;
	struct config_loc loc;
};

struct comparisons {
	struct comparison *at;
	uint32_t count;
};

/* ---- reading -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum side_kind kind;
} functions[] = {
	{"sum(", SIDE_SUM}, {"count(", SIDE_COUNT}, {"min(", SIDE_MIN}, {"max(", SIDE_MAX}};

/* The longer ones first. */
static const char *const signs[] = {
	[SIGN_EQ] = "==", [SIGN_NE] = "!=", [SIGN_LE] = "<=",
	[SIGN_GE] = ">=", [SIGN_LT] = "<",  [SIGN_GT] = ">",
};

static bool number_of(struct slice text, double *ret_number)
{
	char digits[40], *end;
	if (text.len == 0 || text.len >= sizeof(digits) ||
	    (text.ptr[0] != '-' && (text.ptr[0] < '0' || text.ptr[0] > '9')))
		return false;
	memcpy(digits, text.ptr, text.len);
	digits[text.len] = 0;
	*ret_number = strtod(digits, &end);
	return *end == 0 && isfinite(*ret_number);
}

static bool side_parse(struct loading *loading, struct slice text, struct config_loc loc,
		       struct side *side)
{
	const struct expectation *expectation = loading->expectation;
	struct slice name = text;
	*side = (struct side){.kind = SIDE_NUMBER, .text = text};
	if (number_of(text, &side->number))
		return true;
	side->kind = SIDE_VALUES;
	for (size_t i = 0; i < ARRAY_COUNT(functions); i++) {
		struct slice prefix = slice_str(functions[i].name);
		if (!slice_has_prefix(text, prefix) || text.ptr[text.len - 1] != ')')
			continue;
		side->kind = functions[i].kind;
		name = slice_trim(slice_of(text.ptr + prefix.len, text.len - prefix.len - 1));
	}
	side->capture = capture_find(expectation, name);
	if (side->capture < expectation->capture_count)
		return true;
	config_problem(loading->report, CONFIG_ERROR, loc, loading->path,
		       capture_nearest(expectation, name, loading->arena),
		       "\"%.*s\" is neither a capture nor a number", SLICE_FMT(name));
	return false;
}

/* Where in ${text} a sign stands; text.len: nowhere. */
static size_t find_sign(struct slice text, enum comparison_sign *ret_sign)
{
	for (size_t at = 0; at < text.len; at++) {
		struct slice rest = slice_of(text.ptr + at, text.len - at);
		for (size_t i = 0; i < ARRAY_COUNT(signs); i++) {
			if (!slice_has_prefix(rest, slice_str(signs[i])))
				continue;
			*ret_sign = (enum comparison_sign)i;
			return at;
		}
	}
	return text.len;
}

static bool comparison_parse(struct loading *loading, const struct config_node *node,
			     struct comparison *comparison)
{
	struct slice text = node->kind == CONFIG_SCALAR ? node->text : SLICE("");
	size_t at = find_sign(text, &comparison->sign);
	if (at == text.len)
		return load_problem(
			loading, node->loc,
			"expected a comparison such as `asked == ran` or `sum(tokens) <= 100`");
	size_t behind = at + strlen(signs[comparison->sign]);
	struct slice left = slice_trim(slice_of(text.ptr, at));
	struct slice right = slice_trim(slice_of(text.ptr + behind, text.len - behind));
	comparison->text = text;
	comparison->loc = node->loc;
	bool ok = side_parse(loading, left, node->loc, &comparison->left);
	return side_parse(loading, right, node->loc, &comparison->right) && ok;
}

static bool compare_parse(struct loading *loading, const struct config_node *node,
			  struct check *check)
{
	struct comparisons *comparisons = load_alloc(loading, 1, sizeof(*comparisons));
	size_t count;
	const struct config_node *const *items = load_items(&node, &count);
	bool ok = true;
	check->params = comparisons;
	if (loading->expectation->scope == EXPECT_ALL_TRACES)
		check->slot_bytes =
			loading->expectation->capture_count * (uint32_t)sizeof(struct capture_sum);
	if (comparisons)
		comparisons->at = load_alloc(loading, count, sizeof(*comparisons->at));
	for (size_t i = 0; comparisons && comparisons->at && i < count; i++)
		ok = comparison_parse(loading, items[i], &comparisons->at[comparisons->count++]) &&
		     ok;
	return ok && comparisons && comparisons->at;
}

/* ---- judging -------------------------------------------------------------------------------- */

/* The least and greatest number that a side stands for. False: it stands for none. */
static bool side_range(const struct side *side, const struct capture_sum *sums,
		       struct bounds *ret_range)
{
	const struct capture_sum *sum = &sums[side->capture];
	double number = side->number;
	switch (side->kind) {
	case SIDE_VALUES:
		*ret_range = (struct bounds){sum->min, sum->max};
		return sum->count > 0 && sum->numbers == sum->count;
	case SIDE_SUM: number = sum->sum; break;
	case SIDE_COUNT: number = (double)sum->count; break;
	case SIDE_MIN: number = sum->min; break;
	case SIDE_MAX: number = sum->max; break;
	case SIDE_NUMBER: break;
	}
	*ret_range = (struct bounds){number, number};
	return (side->kind != SIDE_MIN && side->kind != SIDE_MAX) || sum->numbers > 0;
}

static bool numbers_hold(enum comparison_sign sign, struct bounds left, struct bounds right)
{
	switch (sign) {
	case SIGN_EQ:
		return left.min == left.max && right.min == right.max && left.min == right.min;
	case SIGN_NE:
		return left.min == left.max && right.min == right.max && left.min != right.min;
	case SIGN_LE: return left.max <= right.min;
	case SIGN_GE: return left.min >= right.max;
	case SIGN_LT: return left.max < right.min;
	case SIGN_GT: return left.min > right.max;
	}
	return false;
}

static bool comparison_holds(const struct comparison *comparison, const struct capture_sum *sums)
{
	const struct side *left = &comparison->left, *right = &comparison->right;
	bool equality = comparison->sign == SIGN_EQ || comparison->sign == SIGN_NE;
	struct bounds left_range, right_range;
	if (equality && left->kind == SIDE_VALUES && right->kind == SIDE_VALUES) {
		const struct capture_sum *a = &sums[left->capture], *b = &sums[right->capture];
		bool single = a->count > 0 && b->count > 0 && !a->differ && !b->differ;
		return single && (a->hash == b->hash) == (comparison->sign == SIGN_EQ);
	}
	return side_range(left, sums, &left_range) && side_range(right, sums, &right_range) &&
	       numbers_hold(comparison->sign, left_range, right_range);
}

static void add_found(struct expect_miss *miss, const struct expectation *expectation,
		      const struct side *side, const struct capture_sum *sums, bool in_trace)
{
	const struct capture_sum *sum = &sums[side->capture];
	if (side->kind == SIDE_NUMBER)
		return;
	struct expect_found found = {
		.what = side->text,
		.key = capture_key(expectation, side->capture),
	};
	if (side->kind != SIDE_VALUES) {
		struct bounds range;
		if (side_range(side, sums, &range))
			found.value = value_of_double(range.min);
		miss->found[miss->found_count++] = found;
	} else if (in_trace) {
		found.value = sum->first;
		miss->found[miss->found_count++] = found;
		found.value = sum->other;
		if (sum->differ)
			miss->found[miss->found_count++] = found;
	}
}

static const char *why_not(const struct comparison *comparison, const struct capture_sum *sums)
{
	const struct side *sides[] = {&comparison->left, &comparison->right};
	bool equality = comparison->sign == SIGN_EQ || comparison->sign == SIGN_NE;
	for (size_t i = 0; i < ARRAY_COUNT(sides); i++) {
		bool values = sides[i]->kind == SIDE_VALUES;
		if (values && sums[sides[i]->capture].count == 0)
			return "a capture has no value";
		if (values && equality && sums[sides[i]->capture].differ)
			return "a capture has several values";
	}
	return "is not so";
}

static bool judge(struct trial *trial, const struct check *check, const struct capture_sum *sums,
		  bool in_trace)
{
	const struct comparisons *comparisons = check->params;
	bool passes = true;
	for (uint32_t i = 0; i < comparisons->count; i++) {
		const struct comparison *comparison = &comparisons->at[i];
		if (comparison_holds(comparison, sums))
			continue;
		struct expect_miss miss = {
			.loc = comparison->loc,
			.wanted = comparison->text,
			.why = why_not(comparison, sums),
		};
		add_found(&miss, trial->expectation, &comparison->left, sums, in_trace);
		add_found(&miss, trial->expectation, &comparison->right, sums, in_trace);
		passes = trial_miss(trial, &miss);
	}
	return passes;
}

static void compare_prepare(struct trial *trial, const struct check *check)
{
	trial->work[check->at] = captures_sum_up(trial);
}

static bool compare_trace(struct trial *trial, const struct check *check)
{
	return judge(trial, check, trial->work[check->at], true);
}

static void compare_fill(struct trial *trial, const struct check *check, void *slot)
{
	memcpy(slot, trial->work[check->at], check->slot_bytes);
}

static bool compare_all(struct trial *trial, const struct check *check, void *const *slots,
			uint32_t count)
{
	uint32_t captures = trial->expectation->capture_count;
	struct capture_sum *sums = trial_alloc(trial, captures, sizeof(*sums));
	for (uint32_t i = 0; sums && i < count; i++) {
		const struct capture_sum *more = slots[i];
		for (uint32_t at = 0; at < captures; at++)
			capture_sum_add(&sums[at], &more[at]);
	}
	return sums && judge(trial, check, sums, false);
}

const struct check_type check_type_compare = {
	.parse = compare_parse,
	.prepare = compare_prepare,
	.trace = compare_trace,
	.fill = compare_fill,
	.all = compare_all,
};
