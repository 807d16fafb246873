/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree walk. Truth values are computed without building terms where a comparison has one of the
 * common shapes; everything else goes through eval_value. Recursion follows the tree, which is at
 * most a few times OTTL_DEPTH_MAX deep.
 */
#include "pipeline/ottl/function.h"

static bool fits_map(struct evaluation *ev, const struct term *term, bool outermost);

static bool fit_map(struct evaluation *ev, const struct term *list, bool outermost)
{
	struct term_walk walk = term_walk_begin(ev, list);
	struct slice ignored;
	struct term member;
	int more;
	while ((more = term_walk_next(ev, &walk, &ignored, &member)) > 0) {
		if (member.type == TERM_MAP ? !outermost : !fits_map(ev, &member, false))
			return false;
	}
	return more == 0;
}

/* A written map takes what pdata can be made of: plain values, maps, and written lists of both; in
 * lists within those no maps. */
static bool fits_map(struct evaluation *ev, const struct term *term, bool outermost)
{
	switch ((int)term->type) {
	case TERM_NIL:
	case TERM_STRING:
	case TERM_BYTES:
	case TERM_BOOL:
	case TERM_INT:
	case TERM_DOUBLE: return true;
	case TERM_MAP: return outermost;
	case TERM_LIST: return term->store == STORE_NODES && fit_map(ev, term, outermost);
	default: return false;
	}
}

/* Evaluates the members of a list or map: one that fails, fails the whole. */
static bool check_members(struct evaluation *ev, const struct node *node)
{
	struct term member;
	for (const struct node *child = node->child; child; child = child->next) {
		if (!eval_value(ev, child, &member))
			return false;
		if (node->kind == NODE_MAP && !fits_map(ev, &member, true))
			return eval_fail(ev, "<Invalid value type %s>",
					 term_type_name(member.type));
	}
	return true;
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
		if (!node->written && !check_members(ev, node))
			return false;
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

/* A comparison of one of the common shapes, on element ${at} of its own level. */
static enum ottl_result eval_shape(const struct trace_view *view, const struct node *node,
				   uint32_t at)
{
	static const enum owner_kind kinds[OTTL_CONTEXT_COUNT] = {
		[OTTL_RESOURCE] = OWNER_RESOURCE,
		[OTTL_SCOPE] = OWNER_SCOPE,
		[OTTL_SPAN] = OWNER_SPAN,
		[OTTL_SPANEVENT] = OWNER_EVENT,
	};
	bool wanted = node->op == COMPARE_EQ, equal;
	if (node->compare.shape == SHAPE_ATTR_STRING) {
		struct owner owner = {kinds[node->compare.level], at};
		struct value value;
		equal = view_find_attr(view, owner, node->compare.key_id, &value) &&
			value.type == VALUE_STRING && slice_equal(value.bytes, node->compare.text);
	} else {
		equal = slice_equal(view_span_name(view, at), node->compare.text);
	}
	return truth_of(equal == wanted);
}

static enum ottl_result eval_comparison(struct evaluation *ev, const struct node *node)
{
	struct term left, right;
	bool holds;
	if (node->compare.shape != SHAPE_GENERAL)
		return eval_shape(ev->view, node, eval_owner(ev, node->compare.level).at);
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
	if (node->fixed != FIXED_OPEN)
		return truth_of(node->fixed == FIXED_TRUE);
	switch ((int)node->kind) {
	case NODE_COMPARE: return eval_comparison(ev, node);
	case NODE_OR: return eval_junction(ev, node, OTTL_TRUE);
	case NODE_AND: return eval_junction(ev, node, OTTL_FALSE);
	case NODE_NOT:
		result = eval_truth(ev, node->child);
		return result == OTTL_ERROR ? result : truth_of(result == OTTL_FALSE);
	case NODE_TRUTH:
		term = term_nil();
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

enum ottl_result ottl_eval(const struct ottl_condition *condition, const struct trace_view *view,
			   uint32_t at, struct ottl_scratch *scratch, struct err *err)
{
	const struct node *root = condition->root;
	if (LIKELY(root->kind == NODE_COMPARE && root->compare.shape != SHAPE_GENERAL &&
		   root->compare.level == condition->context))
		return eval_shape(view, root, at);
	struct evaluation ev = {
		.view = view,
		.context = condition->context,
		.at = at,
		.scratch = scratch,
		.err = err,
	};
	enum ottl_result result = eval_truth(&ev, root);
	if (scratch->texts.used > 0 || scratch->texts.exhausted)
		arena_reset(&scratch->texts, EVAL_TEXT_KEEP_BYTES);
	return result;
}
