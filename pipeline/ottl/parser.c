/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar, by recursive descent over the token list:
 *
 *   or         := and ("or" and)*
 *   and        := unary ("and" unary)*
 *   unary      := ["not"] ( "(" or ")" | value OP value | true | false | Converter )
 *   value      := nil | string | bytes | true | false | ENUM | list | map | sum
 *   sum        := product (("+"|"-") product)*
 *   product    := factor (("*"|"/") factor)*
 *   factor     := ["+"|"-"] ( number | path | Converter | "(" sum ")" )
 *   Converter  := Name "(" [[name "="] value ("," …)*] ")" key*
 *   path       := name key* ("." name key*)*
 *   key        := "[" (string | int | sum) "]"
 *
 * What "(" opens is decided by what follows its ")": an operator makes it arithmetic.
 *
 * A mistake in meaning (unknown function, unknown path) is kept and the reading goes on, so that a
 * mistake in syntax further right is reported first, as the Collector does; it reads twice.
 * Limits: OTTL_DEPTH_MAX, OTTL_NODES_MAX. Nodes are in the caller's arena; tokens die with the
 * parse.
 */
#include "pipeline/ottl/parser_internal.h"

#include "pipeline/ottl/function.h"

#include <stdarg.h>
#include <stdio.h>

static struct node *parse_or(struct parser *parser);

/* ---- errors ---- */

uint32_t parser_end_offset(const struct parser *parser)
{
	const struct token *last = parser->at - 1;
	return last->offset + last->len;
}

struct slice parser_token_text(const struct parser *parser, const struct token *token)
{
	if (token->kind == TOKEN_END)
		return SLICE("<EOF>");
	return (struct slice){parser->text.ptr + token->offset, token->len};
}

void *parser_fail_syntax(struct parser *parser, uint32_t offset, const char *format, ...)
{
	char what[320];
	unsigned line = 1, column = 1;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	for (uint32_t i = 0; i < offset; i++) {
		uint8_t byte = parser->text.ptr[i];
		if (byte == '\n')
			line++, column = 1;
		else if ((byte & 0xc0) != 0x80)
			column++;
	}
	err_set(parser->err, ERR_CONFIG, "%s has invalid syntax: %u:%u: %s", parser->noun, line,
		column, what);
	parser->err->offset = offset;
	return NULL;
}

void *parser_fail_unexpected(struct parser *parser, const char *expected)
{
	struct slice text = parser_token_text(parser, parser->at);
	struct slice sample = {text.ptr, text.len > 64 ? 64 : text.len};
	return parser_fail_syntax(parser, parser->at->offset,
				  "unexpected token \"%.*s\" (expected %s)", SLICE_FMT(sample),
				  expected);
}

void *parser_fail_memory(struct parser *parser)
{
	err_set(parser->err, ERR_NOMEM, "no memory for a condition");
	return NULL;
}

void parser_note_mistake(struct parser *parser, uint32_t offset, const struct err *err)
{
	if (parser->mistake.kind != ERR_NONE)
		return;
	parser->mistake = *err;
	parser->mistake.offset = offset;
}

void parser_note_text(struct parser *parser, uint32_t offset, const char *before, struct slice name,
		      const char *after)
{
	struct err err = {0};
	err_set(&err, ERR_CONFIG, "%s%.*s%s", before, SLICE_FMT(name), after);
	parser_note_mistake(parser, offset, &err);
}

/* ---- nodes ---- */

struct node *parser_new_node(struct parser *parser, enum node_kind kind, uint32_t offset)
{
	if (++parser->nodes > OTTL_NODES_MAX)
		return parser_fail_syntax(parser, offset, "condition has more than %d parts",
					  OTTL_NODES_MAX);
	struct node *node = arena_calloc(parser->arena, 1, sizeof(*node));
	if (!node)
		return parser_fail_memory(parser);
	node->kind = kind;
	node->offset = offset;
	node->type = TERM_BOOL;
	return node;
}

struct node *parser_new_literal(struct parser *parser, uint32_t offset, struct term term)
{
	struct node *node = parser_new_node(parser, NODE_LITERAL, offset);
	if (!node)
		return NULL;
	node->literal = term;
	node->type = term.type;
	node->constant = true;
	node->written = true;
	return node;
}

bool parser_enter(struct parser *parser)
{
	if (++parser->depth <= OTTL_DEPTH_MAX)
		return true;
	return parser_fail_syntax(parser, parser->at->offset, "nesting deeper than %d",
				  OTTL_DEPTH_MAX);
}

const struct token *parser_name_end(const struct token *token)
{
	const struct token *end = token + 1;
	while ((end->kind == TOKEN_UPPER || end->kind == TOKEN_LOWER) &&
	       end->offset == end[-1].offset + end[-1].len)
		end++;
	return end;
}

bool parser_expect(struct parser *parser, enum token_kind kind, const char *expected)
{
	if (parser->at->kind != kind)
		return parser_fail_unexpected(parser, expected);
	parser->at++;
	return true;
}

void parser_append_child(struct node *parent, struct node **tail, struct node *child)
{
	if (*tail)
		(*tail)->next = child;
	else
		parent->child = child;
	*tail = child;
}

struct node *parser_fold(struct parser *parser, struct node *node)
{
	if (!node || !node->constant || node->kind == NODE_LITERAL ||
	    parser->mistake.kind != ERR_NONE)
		return node;
	struct evaluation ev = {.scratch = parser->scratch};
	struct term term;
	bool folded =
		eval_value(&ev, node, &term) && term.type != TERM_MAP && term.type != TERM_LIST;
	if (folded && term.bytes.len > 0) {
		term.bytes = arena_copy(parser->arena, term.bytes);
		if (!term.bytes.ptr)
			return parser_fail_memory(parser);
	}
	arena_reset(&parser->scratch->texts, EVAL_TEXT_KEEP_BYTES);
	if (folded) {
		node->kind = NODE_LITERAL;
		node->type = term.type;
		node->child = NULL;
		node->written = false;
		node->literal = term;
	}
	return node;
}

/* ---- conditions ---- */

/* True when the parenthesis at the parser holds arithmetic: an operator follows its end. */
static bool paren_is_value(const struct parser *parser)
{
	const struct token *token = parser->at;
	size_t open = 0;
	for (; token->kind != TOKEN_END; token++) {
		open += token->kind == TOKEN_LPAREN;
		if (token->kind == TOKEN_RPAREN && --open == 0)
			break;
	}
	enum token_kind next = token->kind == TOKEN_END ? TOKEN_END : token[1].kind;
	return next == TOKEN_COMPARE || next == TOKEN_ADD_SUB || next == TOKEN_MUL_DIV;
}

static enum compare_op read_operator(struct slice text)
{
	bool or_equal = text.len == 2;
	switch (text.ptr[0]) {
	case '=': return COMPARE_EQ;
	case '!': return COMPARE_NE;
	case '<': return or_equal ? COMPARE_LE : COMPARE_LT;
	default: return or_equal ? COMPARE_GE : COMPARE_GT;
	}
}

/* Recognises the shapes that have a way of their own. */
static void shape_comparison(struct node *compare)
{
	const struct node *path = compare->child, *literal = path->next;
	if (path->kind == NODE_LITERAL) {
		path = literal;
		literal = compare->child;
	}
	bool equality = compare->op == COMPARE_EQ || compare->op == COMPARE_NE;
	if (!equality || path->kind != NODE_PATH || literal->kind != NODE_LITERAL ||
	    literal->type != TERM_STRING)
		return;
	if (path->path.field == FIELD_ATTRIBUTE)
		compare->compare.shape = SHAPE_ATTR_STRING;
	else if (path->path.field == FIELD_NAME && path->path.level == OTTL_SPAN)
		compare->compare.shape = SHAPE_NAME_STRING;
	compare->compare.level = path->path.level;
	compare->compare.key_id = path->path.key_id;
	compare->compare.text = literal->literal.bytes;
}

/* Decides what needs no evaluation: a written bool, or the comparison of two written values. */
static enum fixed_truth fix_comparison(struct parser *parser, const struct node *node)
{
	struct evaluation ev = {.scratch = parser->scratch};
	const struct node *left = node->child, *right = left->next;
	struct term left_term, right_term;
	bool holds = left->written && left->kind == NODE_LITERAL && left->literal.i;
	if (!left->written || (right && !right->written) || parser->mistake.kind != ERR_NONE)
		return FIXED_OPEN;
	if (right &&
	    (!eval_value(&ev, left, &left_term) || !eval_value(&ev, right, &right_term) ||
	     !eval_compare(&ev, &left_term, (enum compare_op)node->op, &right_term, &holds)))
		return FIXED_OPEN;
	return holds ? FIXED_TRUE : FIXED_FALSE;
}

static struct node *parse_comparison(struct parser *parser)
{
	uint32_t offset = parser->at->offset;
	bool stands_alone;
	struct node *left = parser_value(parser, &stands_alone);
	if (!left)
		return NULL;
	bool compares = parser->at->kind == TOKEN_COMPARE;
	if (!compares && !stands_alone)
		return parser_fail_unexpected(parser, "<opcomparison> Value");
	struct node *node = parser_new_node(parser, compares ? NODE_COMPARE : NODE_TRUTH, offset);
	if (!node)
		return NULL;
	node->child = left;
	node->constant = left->constant;
	if (!compares) {
		node->end = left->end;
		node->fixed = fix_comparison(parser, node);
		return node;
	}
	node->op = (uint8_t)read_operator(parser_token_text(parser, parser->at++));
	left->next = parser_value(parser, NULL);
	if (!left->next)
		return NULL;
	node->end = left->next->end;
	node->constant = left->constant && left->next->constant;
	node->fixed = fix_comparison(parser, node);
	shape_comparison(node);
	return node;
}

static struct node *parse_unary(struct parser *parser)
{
	const struct token *from = parser->at;
	struct node *node;
	if (from->kind == TOKEN_NOT)
		parser->at++;
	if (parser->at->kind == TOKEN_LPAREN && !paren_is_value(parser)) {
		parser->at++;
		node = parser_enter(parser) ? parse_or(parser) : NULL;
		parser->depth--;
		if (!node || !parser_expect(parser, TOKEN_RPAREN, "\")\""))
			return NULL;
	} else {
		node = parse_comparison(parser);
	}
	if (!node || from->kind != TOKEN_NOT)
		return node;
	struct node *negation = parser_new_node(parser, NODE_NOT, from->offset);
	if (!negation)
		return NULL;
	negation->child = node;
	negation->constant = node->constant;
	if (node->fixed != FIXED_OPEN)
		negation->fixed = node->fixed == FIXED_TRUE ? FIXED_FALSE : FIXED_TRUE;
	return negation;
}

/* One part that decides is enough, wherever it stands; all parts together decide otherwise. */
static enum fixed_truth fix_junction(const struct node *junction)
{
	enum fixed_truth deciding = junction->kind == NODE_OR ? FIXED_TRUE : FIXED_FALSE;
	enum fixed_truth all = deciding == FIXED_TRUE ? FIXED_FALSE : FIXED_TRUE;
	for (const struct node *child = junction->child; child; child = child->next) {
		if (child->fixed == deciding)
			return deciding;
		if (child->fixed == FIXED_OPEN)
			all = FIXED_OPEN;
	}
	return all;
}

static struct node *parse_junction(struct parser *parser, enum token_kind word, enum node_kind kind,
				   struct node *(*parse_part)(struct parser *parser))
{
	struct node *first = parse_part(parser), *junction, *tail = NULL;
	if (!first || parser->at->kind != word)
		return first;
	junction = parser_new_node(parser, kind, first->offset);
	if (!junction)
		return NULL;
	parser_append_child(junction, &tail, first);
	junction->constant = first->constant;
	while (parser->at->kind == word) {
		parser->at++;
		struct node *part = parse_part(parser);
		if (!part)
			return NULL;
		parser_append_child(junction, &tail, part);
		junction->constant = junction->constant && part->constant;
	}
	junction->fixed = fix_junction(junction);
	return junction;
}

static struct node *parse_and(struct parser *parser)
{
	return parse_junction(parser, TOKEN_AND, NODE_AND, parse_unary);
}

static struct node *parse_or(struct parser *parser)
{
	return parse_junction(parser, TOKEN_OR, NODE_OR, parse_and);
}

/* The lowest context among the prefixes and functions used; OTTL_SPAN when nothing says. */
static enum ottl_context infer_context(const struct parser *parser)
{
	enum ottl_context lowest = OTTL_RESOURCE, found;
	bool any = false;
	for (const struct token *token = parser->tokens; token->kind != TOKEN_END; token++) {
		struct slice name = parser_token_text(parser, token);
		bool prefix = token->kind == TOKEN_LOWER && token[1].kind == TOKEN_DOT &&
			      (token == parser->tokens || token[-1].kind != TOKEN_DOT) &&
			      path_context_of(name, &found);
		if (!prefix && token->kind == TOKEN_UPPER) {
			const struct token *last = parser_name_end(token) - 1;
			name.len = last->offset + last->len - token->offset;
			prefix = function_wants_context(name, &found);
		}
		if (prefix && (!any || found > lowest))
			lowest = found;
		any = any || prefix;
	}
	return any ? lowest : OTTL_SPAN;
}

int parser_parse(struct slice text, enum parser_goal goal, enum ottl_context context,
		 struct key_table *keys, struct arena *arena, struct ottl_scratch *scratch,
		 struct ottl_condition *condition, struct err *err)
{
	struct token_list tokens;
	struct parser parser = {
		.text = text,
		.noun = goal == PARSER_VALUE ? "value expression" : "condition",
		.scope = {.context = context, .keys = keys},
		.arena = arena,
		.scratch = scratch,
		.err = err,
	};
	if (token_list_new(text, &tokens, err) != 0) {
		if (err->kind == ERR_CONFIG)
			parser_fail_syntax(&parser, (uint32_t)err->offset, "%s", err->msg);
		return -1;
	}
	parser.at = parser.tokens = tokens.tokens;
	if (context == OTTL_INFER) {
		parser.scope.context = infer_context(&parser);
		parser.scope.prefixes_required = true;
	}
	condition->context = parser.scope.context;
	condition->prefixes_required = parser.scope.prefixes_required;
	condition->root = goal == PARSER_VALUE ? parser_value(&parser, NULL) : parse_or(&parser);
	condition->regexes = parser.regexes;
	if (condition->root && parser.at->kind != TOKEN_END)
		condition->root = parser_fail_unexpected(&parser, "<EOF>");
	if (condition->root && parser.mistake.kind != ERR_NONE) {
		*err = parser.mistake;
		condition->root = NULL;
	}
	token_list_free(&tokens);
	return condition->root ? 0 : -1;
}
