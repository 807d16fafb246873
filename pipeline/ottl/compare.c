/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison rules. Values of different families are never an error: they differ, and nothing
 * else holds. Numbers are one family, int against double compares as double. Maps and lists are
 * equal when their members are, of exactly the same types, maps in any order.
 *
 * Deep comparison visits at most EVAL_STEPS_MAX members in one evaluation.
 */
#include "pipeline/ottl/evaluation.h"

static bool holds(int order, enum compare_op op)
{
	switch (op) {
	case COMPARE_EQ: return order == 0;
	case COMPARE_NE: return order != 0;
	case COMPARE_LT: return order < 0;
	case COMPARE_LE: return order <= 0;
	case COMPARE_GE: return order >= 0;
	case COMPARE_GT: return order > 0;
	}
	return false;
}

/* Not through an order: NaN has none. */
static bool holds_double(double left, double right, enum compare_op op)
{
	switch (op) {
	case COMPARE_EQ: return left == right;
	case COMPARE_NE: return left != right;
	case COMPARE_LT: return left < right;
	case COMPARE_LE: return left <= right;
	case COMPARE_GE: return left >= right;
	case COMPARE_GT: return left > right;
	}
	return false;
}

static double as_double(const struct term *term)
{
	return term->type == TERM_INT ? (double)term->i : term->d;
}

bool compare_types_differ(enum term_type left, enum term_type right)
{
	if (left == TERM_UNKNOWN || right == TERM_UNKNOWN || left == right)
		return false;
	return !(term_is_number(left) && term_is_number(right));
}

/* An absent id is the id of zeros. */
static bool ids_equal(struct slice left, struct slice right)
{
	static const uint8_t zeros[TRACE_ID_BYTES];
	if (left.len == 0)
		left = (struct slice){zeros, right.len};
	if (right.len == 0)
		right = (struct slice){zeros, left.len};
	return slice_equal(left, right);
}

static int maps_equal(struct evaluation *ev, const struct term *left, const struct term *right);
static int lists_equal(struct evaluation *ev, const struct term *left, const struct term *right);

/* 1 equal, 0 different, -1 failed. Strict about types, as members of maps and lists are. */
static int terms_equal(struct evaluation *ev, const struct term *left, const struct term *right)
{
	if (left->type != right->type)
		return 0;
	switch (left->type) {
	case TERM_STRING:
	case TERM_BYTES: return slice_equal(left->bytes, right->bytes);
	case TERM_TRACE_ID:
	case TERM_SPAN_ID: return ids_equal(left->bytes, right->bytes);
	case TERM_DOUBLE: return left->d == right->d;
	case TERM_BOOL:
	case TERM_INT:
	case TERM_TIME:
	case TERM_DURATION: return left->i == right->i;
	case TERM_MAP: return maps_equal(ev, left, right);
	case TERM_LIST: return lists_equal(ev, left, right);
	case TERM_NIL:
	case TERM_EVENTS: /* one element has one of each */
	case TERM_LINKS:
	case TERM_STATUS:
	case TERM_TYPE_COUNT: break;
	}
	return 1;
}

static bool count_step(struct evaluation *ev)
{
	return ++ev->steps <= EVAL_STEPS_MAX || eval_fail(ev, "comparison visits too many members");
}

/* The first member with ${key}; NULL when there is none. */
static const struct term *find_first(const struct term_pair *pairs, size_t count, struct slice key)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (slice_compare(pairs[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && slice_equal(pairs[low].key, key) ? &pairs[low].member : NULL;
}

/* As many members, and each is equal to the first one of its key on the other side. */
static int maps_equal(struct evaluation *ev, const struct term *left, const struct term *right)
{
	struct term_walk walk = term_walk_begin(ev, left);
	struct term_pair *pairs;
	struct slice key;
	struct term member;
	size_t count;
	int more, equal = 1;
	if (term_count(ev, left) != term_count(ev, right))
		return 0;
	if (!term_sort_map(ev, right, &pairs, &count))
		return -1;
	while (equal == 1 && (more = term_walk_next(ev, &walk, &key, &member)) != 0) {
		if (more < 0 || !count_step(ev))
			return -1;
		const struct term *other = find_first(pairs, count, key);
		equal = other ? terms_equal(ev, &member, other) : 0;
	}
	return equal;
}

static int lists_equal(struct evaluation *ev, const struct term *left, const struct term *right)
{
	struct term_walk left_walk = term_walk_begin(ev, left),
			 right_walk = term_walk_begin(ev, right);
	struct slice ignored;
	struct term left_member, right_member;
	int more, equal = 1;
	if (term_count(ev, left) != term_count(ev, right))
		return 0;
	while (equal == 1 && (more = term_walk_next(ev, &left_walk, &ignored, &left_member)) != 0) {
		if (more < 0 || !count_step(ev) ||
		    term_walk_next(ev, &right_walk, &ignored, &right_member) < 0)
			return -1;
		equal = terms_equal(ev, &left_member, &right_member);
	}
	return equal;
}

bool eval_compare(struct evaluation *ev, const struct term *left, enum compare_op op,
		  const struct term *right, bool *ret_holds)
{
	*ret_holds = op == COMPARE_NE;
	if (term_is_number(left->type) && term_is_number(right->type)) {
		*ret_holds = left->type == TERM_INT && right->type == TERM_INT
				     ? holds((left->i > right->i) - (left->i < right->i), op)
				     : holds_double(as_double(left), as_double(right), op);
		return true;
	}
	if (left->type != right->type)
		return true;
	switch (left->type) {
	case TERM_STRING:
	case TERM_BYTES:
		*ret_holds = holds(slice_compare(left->bytes, right->bytes), op);
		return true;
	case TERM_NIL: *ret_holds = holds(0, op) && op != COMPARE_NE; return true;
	case TERM_BOOL:
	case TERM_TIME:
	case TERM_DURATION:
		*ret_holds = holds((left->i > right->i) - (left->i < right->i), op);
		return true;
	case TERM_MAP:
	case TERM_LIST:
	case TERM_TRACE_ID:
	case TERM_SPAN_ID:
	case TERM_EVENTS:
	case TERM_LINKS:
	case TERM_STATUS: {
		if (op != COMPARE_EQ && op != COMPARE_NE) {
			*ret_holds = false;
			return true;
		}
		int equal = terms_equal(ev, left, right);
		*ret_holds = (equal == 1) == (op == COMPARE_EQ);
		return equal >= 0;
	}
	case TERM_INT:
	case TERM_DOUBLE:
	case TERM_TYPE_COUNT: break;
	}
	return true;
}
