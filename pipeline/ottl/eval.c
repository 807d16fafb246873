/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree walk. Truth values are computed without building terms where a comparison has one of the
 * common shapes; everything else goes through eval_value. Recursion follows the tree, which is at
 * most a few times OTTL_DEPTH_MAX deep.
 */
#include "pipeline/ottl/function.h"

#include <stdarg.h>
#include <stdio.h>

bool eval_fail(struct evaluation *ev, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err_set(ev->err, ERR_CONFIG, "%s", text);
	return false;
}

bool eval_value(struct evaluation *ev, const struct node *node, struct term *ret_term)
{
	switch (node->kind) {
	case NODE_LITERAL: *ret_term = node->literal; return true;
	case NODE_PATH: return eval_path(ev, node, ret_term);
	case NODE_CALL: return function_call(ev, node, ret_term);
	case NODE_INDEX: return eval_index(ev, node, ret_term);
	case NODE_MATH: return eval_math(ev, node, ret_term);
	case NODE_NEGATE: return eval_negate(ev, node, ret_term);
	case NODE_LIST:
	case NODE_MAP:
		*ret_term = (struct term){.type = node->kind == NODE_MAP ? TERM_MAP : TERM_LIST,
					  .store = STORE_NODES,
					  .nodes = node->child};
		return true;
	case NODE_AND: /* conditions are not values: the grammar keeps them apart */
	case NODE_OR:
	case NODE_NOT:
	case NODE_COMPARE:
	case NODE_TRUTH: break;
	}
	return eval_fail(ev, "a condition is not a value");
}

static enum ottl_result truth_of(bool yes)
{
	return yes ? OTTL_TRUE : OTTL_FALSE;
}

static enum ottl_result eval_comparison(struct evaluation *ev, const struct node *node)
{
	bool wanted = node->op == COMPARE_EQ, holds;
	struct value value;
	struct term left, right;
	switch (node->compare.shape) {
	case SHAPE_ATTR_STRING:
		holds = edit_find_attr(ev->edit, eval_owner(ev, node->compare.level),
				       node->compare.key_id, &value) &&
			value.type == VALUE_STRING && slice_equal(value.bytes, node->compare.text);
		return truth_of(holds == wanted);
	case SHAPE_NAME_STRING:
		holds = slice_equal(edit_span_name(ev->edit, eval_owner(ev, OTTL_SPAN).at),
				    node->compare.text);
		return truth_of(holds == wanted);
	case SHAPE_GENERAL: break;
	}
	if (!eval_value(ev, node->child, &left) || !eval_value(ev, node->child->next, &right) ||
	    !eval_compare(ev, &left, (enum compare_op)node->op, &right, &holds))
		return OTTL_ERROR;
	return truth_of(holds);
}

/* The first child that decides, or fails, ends the evaluation. */
static enum ottl_result eval_junction(struct evaluation *ev, const struct node *node,
				      enum ottl_result deciding)
{
	for (const struct node *child = node->child; child; child = child->next) {
		enum ottl_result result = eval_truth(ev, child);
		if (result == deciding || result == OTTL_ERROR)
			return result;
	}
	return deciding == OTTL_TRUE ? OTTL_FALSE : OTTL_TRUE;
}

enum ottl_result eval_truth(struct evaluation *ev, const struct node *node)
{
	struct term term;
	enum ottl_result result;
	switch ((int)node->kind) {
	case NODE_COMPARE: return eval_comparison(ev, node);
	case NODE_OR: return eval_junction(ev, node, OTTL_TRUE);
	case NODE_AND: return eval_junction(ev, node, OTTL_FALSE);
	case NODE_NOT:
		result = eval_truth(ev, node->child);
		return result == OTTL_ERROR ? result : truth_of(result == OTTL_FALSE);
	case NODE_TRUTH:
		if (!eval_value(ev, node->child, &term))
			return OTTL_ERROR;
		if (term.type == TERM_BOOL)
			return truth_of(term.i != 0);
		(void)eval_fail(ev,
				"value returned from Converter in constant expression must be bool "
				"but got %s",
				term_type_name(term.type));
		return OTTL_ERROR;
	default: (void)eval_fail(ev, "a value is not a condition"); return OTTL_ERROR;
	}
}
