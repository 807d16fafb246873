/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks a condition's tree for the parts that make the difference. Under `not` the wanted truth turns
 * round. Each level evaluates what is below it again, which the depth of a condition bounds.
 */
#include "pipeline/ottl/explain.h"

#include "pipeline/ottl/evaluation.h"

struct explanation {
	struct evaluation ev;
	ottl_visit *visit;
	void *arg;
	uint32_t parts;
};

static struct value value_of_term(const struct term *term)
{
	struct value value = {.type = VALUE_EMPTY};
	switch (term->type) {
	case TERM_STRING: return value_of_str(term->bytes);
	case TERM_BOOL: return value_of_bool(term->i != 0);
	case TERM_INT:
	case TERM_TIME:
	case TERM_DURATION:
	case TERM_EVENTS:
	case TERM_LINKS: return value_of_int(term->i);
	case TERM_DOUBLE: return value_of_double(term->d);
	case TERM_BYTES:
	case TERM_TRACE_ID:
	case TERM_SPAN_ID: value.type = VALUE_BYTES; break;
	case TERM_MAP: value.type = term->store == STORE_WIRE ? VALUE_KVLIST : VALUE_EMPTY; break;
	case TERM_LIST: value.type = term->store == STORE_WIRE ? VALUE_ARRAY : VALUE_EMPTY; break;
	case TERM_NIL:
	case TERM_STATUS:
	case TERM_TYPE_COUNT: break;
	}
	if (value.type != VALUE_EMPTY)
		value.bytes = term->bytes;
	return value;
}

static struct slice key_of(const struct node *node)
{
	bool plain = node->kind == NODE_PATH && node->path.field == FIELD_ATTRIBUTE;
	return plain ? node->key : slice_of(NULL, 0);
}

static void add_value(struct explanation *ex, struct ottl_part *part, const struct node *node)
{
	struct term term = term_nil();
	if (node->constant || part->value_count == OTTL_PART_VALUES_MAX)
		return;
	if (!eval_value(&ex->ev, node, &term))
		term = term_nil();
	part->values[part->value_count].offset = node->offset;
	part->values[part->value_count].len = node->end - node->offset;
	part->values[part->value_count].key = key_of(node);
	part->values[part->value_count++].value = value_of_term(&term);
}

/* A comparison's side, or the call that a test is: of that only the arguments tell something. */
static void add_side(struct explanation *ex, struct ottl_part *part, const struct node *node,
		     bool is_test)
{
	bool is_text = node->kind == NODE_LITERAL && node->type == TERM_STRING;
	if (is_text)
		part->literal = node->literal.bytes;
	if (!is_test || node->kind != NODE_CALL)
		add_value(ex, part, node);
	for (size_t i = 0; node->kind == NODE_CALL && i < CALL_ARGS_MAX; i++) {
		if (node->call.args[i])
			add_value(ex, part, node->call.args[i]);
	}
}

static void tell(struct explanation *ex, const struct node *node, bool wanted, bool error)
{
	struct ottl_part part = {
		.offset = node->offset,
		.len = node->end - node->offset,
		.not_wanted = !wanted,
		.error = error,
	};
	ex->parts++;
	if (!ex->visit)
		return;
	for (const struct node *side = node->child; side; side = side->next)
		add_side(ex, &part, side, node->kind == NODE_TRUTH);
	ex->visit(ex->arg, &part);
}

static void explain(struct explanation *ex, const struct node *node, bool wanted)
{
	enum ottl_result result = eval_truth(&ex->ev, node);
	if (result == (wanted ? OTTL_TRUE : OTTL_FALSE))
		return;
	if (node->kind == NODE_NOT) {
		explain(ex, node->child, !wanted);
	} else if (node->kind == NODE_AND || node->kind == NODE_OR) {
		for (const struct node *child = node->child; child; child = child->next)
			explain(ex, child, wanted);
	} else {
		tell(ex, node, wanted, result == OTTL_ERROR);
	}
}

static struct evaluation evaluation_of(const struct ottl_condition *condition,
				       const struct trace_view *view, uint32_t at,
				       struct ottl_scratch *scratch, struct err *err)
{
	arena_reset(&scratch->texts, EVAL_TEXT_KEEP_BYTES);
	return (struct evaluation){
		.view = view,
		.context = condition->context,
		.at = at,
		.scratch = scratch,
		.err = err,
	};
}

uint32_t ottl_explain(const struct ottl_condition *condition, const struct trace_view *view,
		      uint32_t at, struct ottl_scratch *scratch, ottl_visit *visit, void *arg)
{
	struct explanation ex = {
		.ev = evaluation_of(condition, view, at, scratch, NULL),
		.visit = visit,
		.arg = arg,
	};
	explain(&ex, condition->root, true);
	return ex.parts;
}

struct slice ottl_value_key(const struct ottl_value *value)
{
	return key_of(value->expression->root);
}

int ottl_value_eval(const struct ottl_value *value, const struct trace_view *view, uint32_t at,
		    struct ottl_scratch *scratch, struct value *ret_value, struct err *err)
{
	struct evaluation ev = evaluation_of(value->expression, view, at, scratch, err);
	struct term term = term_nil();
	if (!eval_value(&ev, value->expression->root, &term))
		return -1;
	*ret_value = value_of_term(&term);
	return 0;
}
