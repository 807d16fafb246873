/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic. Two ints stay int (wrapping, division truncates), an int with a double becomes
 * double; time minus time is a duration, time and duration combine by + and -. Division by zero and
 * every other type are evaluation errors.
 */
#include "pipeline/ottl/evaluation.h"

static bool math_int(struct evaluation *ev, int64_t left, enum math_op op, int64_t right,
		     struct term *ret_term)
{
	int64_t result = 0;
	switch (op) {
	case MATH_ADD: (void)__builtin_add_overflow(left, right, &result); break;
	case MATH_SUB: (void)__builtin_sub_overflow(left, right, &result); break;
	case MATH_MUL: (void)__builtin_mul_overflow(left, right, &result); break;
	case MATH_DIV:
		if (right == 0)
			return eval_fail(ev, "attempted to divide by 0");
		if (right == -1) /* INT64_MIN / -1 traps; it wraps here as it does in Go */
			(void)__builtin_sub_overflow(0, left, &result);
		else
			result = left / right;
		break;
	}
	*ret_term = term_int(result);
	return true;
}

static bool math_double(struct evaluation *ev, double left, enum math_op op, double right,
			struct term *ret_term)
{
	double result = 0;
	switch (op) {
	case MATH_ADD: result = left + right; break;
	case MATH_SUB: result = left - right; break;
	case MATH_MUL: result = left * right; break;
	case MATH_DIV:
		if (right == 0)
			return eval_fail(ev, "attempted to divide by 0");
		result = left / right;
		break;
	}
	*ret_term = term_double(result);
	return true;
}

/* ${left} is a time or a duration. */
static bool math_time(struct evaluation *ev, const struct term *left, enum math_op op,
		      const struct term *right, struct term *ret_term)
{
	bool left_time = left->type == TERM_TIME, right_time = right->type == TERM_TIME;
	const char *found = term_type_name(right->type);
	if (op != MATH_ADD && op != MATH_SUB)
		return eval_fail(ev, "only addition and subtraction supported for time.Time and "
				     "time.Duration");
	if (!right_time && right->type != TERM_DURATION) {
		if (op == MATH_ADD)
			return eval_fail(ev,
					 left_time ? "time.Time must be added to time.Duration; "
						     "found %s instead"
						   : "time.Duration must be added to "
						     "time.Duration or time.Time; found %s "
						     "instead",
					 found);
		return eval_fail(ev,
				 left_time ? "time.Time or time.Duration must be subtracted "
					     "from time.Time; found %s instead"
					   : "time.Duration must be subtracted from "
					     "time.Duration; found %s instead",
				 found);
	}
	if (op == MATH_ADD && left_time && right_time)
		return eval_fail(ev, "time.Time must be added to time.Duration; found %s instead",
				 found);
	if (op == MATH_SUB && !left_time && right_time)
		return eval_fail(ev,
				 "time.Duration must be subtracted from time.Duration; found %s "
				 "instead",
				 found);
	struct term result = {.type = TERM_DURATION};
	if (op == MATH_ADD)
		(void)__builtin_add_overflow(left->i, right->i, &result.i);
	else
		(void)__builtin_sub_overflow(left->i, right->i, &result.i);
	if (op == MATH_ADD ? left_time || right_time : left_time && !right_time)
		result.type = TERM_TIME;
	*ret_term = result;
	return true;
}

static bool math_pair(struct evaluation *ev, const struct term *left, enum math_op op,
		      const struct term *right, struct term *ret_term)
{
	if (left->type == TERM_TIME || left->type == TERM_DURATION)
		return math_time(ev, left, op, right, ret_term);
	if (!term_is_number(left->type))
		return eval_fail(ev, "%s must be int64, float64, time.Time or time.Duration",
				 term_type_name(left->type));
	if (!term_is_number(right->type))
		return eval_fail(ev, "%s must be int64 or float64", term_type_name(right->type));
	if (left->type == TERM_INT && right->type == TERM_INT)
		return math_int(ev, left->i, op, right->i, ret_term);
	return math_double(ev, left->type == TERM_INT ? (double)left->i : left->d, op,
			   right->type == TERM_INT ? (double)right->i : right->d, ret_term);
}

bool eval_math(struct evaluation *ev, const struct node *node, struct term *ret_term)
{
	const struct node *child = node->child;
	struct term left, right;
	if (!eval_value(ev, child, &left))
		return false;
	while ((child = child->next) != NULL) {
		struct term result;
		if (!eval_value(ev, child, &right) ||
		    !math_pair(ev, &left, (enum math_op)child->op, &right, &result))
			return false;
		left = result;
	}
	*ret_term = left;
	return true;
}

bool eval_negate(struct evaluation *ev, const struct node *node, struct term *ret_term)
{
	struct term value;
	if (!eval_value(ev, node->child, &value))
		return false;
	if (!term_is_number(value.type))
		return eval_fail(ev, "unsupported unary minus operation on type %s",
				 term_type_name(value.type));
	if (value.type == TERM_DOUBLE)
		value.d = -value.d;
	else
		(void)__builtin_sub_overflow(0, value.i, &value.i);
	*ret_term = value;
	return true;
}
