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
 * Limits: OTTL_DEPTH_MAX, OTTL_NODES_MAX. Nodes are in the caller's arena; tokens die with the parse.
 */
#include "pipeline/ottl/parser.h"

#include "pipeline/ottl/function.h"
#include "pipeline/ottl/lexer.h"
#include "pipeline/ottl/path.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct parser {
	struct slice text;
	const struct token *at;
	const struct token *tokens;
	struct path_scope scope;
	struct arena *arena;
	struct ottl_scratch *scratch;
	struct regex *regexes;
	uint32_t depth, nodes;
	const struct token *call_from, *call_end; /* of the last call that was read to its end */
	struct err mistake; /* the first one in meaning; kind ERR_NONE while there is none */
	struct err *err;    /* syntax, limits, memory */
};

static struct node *parse_or(struct parser *parser);
static struct node *parse_value(struct parser *parser, bool *ret_stands_alone);
static struct node *parse_sum(struct parser *parser);

/* ---- errors ---- */

static struct slice token_text(const struct parser *parser, const struct token *token)
{
	if (token->kind == TOKEN_END)
		return SLICE("<EOF>");
	return (struct slice){parser->text.ptr + token->offset, token->len};
}

static void *fail_syntax(struct parser *parser, uint32_t offset, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Puts "line:column" (characters, from 1) before the text. */
static void *fail_syntax(struct parser *parser, uint32_t offset, const char *format, ...)
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
	err_set(parser->err, ERR_CONFIG, "condition has invalid syntax: %u:%u: %s", line, column,
		what);
	parser->err->offset = offset;
	return NULL;
}

static void *fail_unexpected(struct parser *parser, const char *expected)
{
	struct slice text = token_text(parser, parser->at);
	struct slice sample = {text.ptr, text.len > 64 ? 64 : text.len};
	return fail_syntax(parser, parser->at->offset, "unexpected token \"%.*s\" (expected %s)",
			   SLICE_FMT(sample), expected);
}

static void *fail_memory(struct parser *parser)
{
	err_set(parser->err, ERR_NOMEM, "no memory for a condition");
	return NULL;
}

/* Keeps the first mistake in meaning, which is what ${err} holds. */
static void note_mistake(struct parser *parser, uint32_t offset, const struct err *err)
{
	if (parser->mistake.kind != ERR_NONE)
		return;
	parser->mistake = *err;
	parser->mistake.offset = offset;
}

static void note_text(struct parser *parser, uint32_t offset, const char *before, struct slice name,
		      const char *after)
{
	struct err err = {0};
	err_set(&err, ERR_CONFIG, "%s%.*s%s", before, SLICE_FMT(name), after);
	note_mistake(parser, offset, &err);
}

/* ---- nodes ---- */

static struct node *new_node(struct parser *parser, enum node_kind kind, uint32_t offset)
{
	if (++parser->nodes > OTTL_NODES_MAX)
		return fail_syntax(parser, offset, "condition has more than %d parts",
				   OTTL_NODES_MAX);
	struct node *node = arena_calloc(parser->arena, 1, sizeof(*node));
	if (!node)
		return fail_memory(parser);
	node->kind = kind;
	node->offset = offset;
	node->type = TERM_BOOL;
	return node;
}

static struct node *new_literal(struct parser *parser, uint32_t offset, struct term term)
{
	struct node *node = new_node(parser, NODE_LITERAL, offset);
	if (!node)
		return NULL;
	node->literal = term;
	node->type = term.type;
	node->constant = true;
	return node;
}

static bool enter(struct parser *parser)
{
	if (++parser->depth <= OTTL_DEPTH_MAX)
		return true;
	return fail_syntax(parser, parser->at->offset, "nesting deeper than %d", OTTL_DEPTH_MAX);
}

static bool expect(struct parser *parser, enum token_kind kind, const char *expected)
{
	if (parser->at->kind != kind)
		return fail_unexpected(parser, expected);
	parser->at++;
	return true;
}

static bool is_word(const struct parser *parser, const struct token *token, struct slice word)
{
	return token->kind == TOKEN_LOWER && slice_equal(token_text(parser, token), word);
}

/* Replaces a value that reads nothing from the request by its result. What fails stays as it is and
 * fails at run time, where error_mode decides. */
static struct node *fold(struct parser *parser, struct node *node)
{
	if (!node || !node->constant || node->kind == NODE_LITERAL ||
	    parser->mistake.kind != ERR_NONE)
		return node;
	struct evaluation ev = {.scratch = parser->scratch};
	struct term term;
	bool folded = eval_value(&ev, node, &term) && term.type != TERM_MAP && term.type != TERM_LIST;
	if (folded && term.bytes.len > 0) {
		term.bytes = arena_copy(parser->arena, term.bytes);
		if (!term.bytes.ptr)
			return fail_memory(parser);
	}
	arena_reset(&parser->scratch->texts, EVAL_TEXT_KEEP_BYTES);
	if (folded) {
		node->kind = NODE_LITERAL;
		node->type = term.type;
		node->child = NULL;
		node->literal = term;
	}
	return node;
}

/* ---- literals ---- */

static struct node *parse_string(struct parser *parser)
{
	const struct token *token = parser->at++;
	struct slice literal = token_text(parser, token), text;
	if (!token_unquote(literal, parser->arena, &text)) {
		struct slice sample = {literal.ptr, literal.len > 64 ? 64 : literal.len};
		return fail_syntax(parser, token->offset, "invalid quoted string %.*s: invalid syntax",
				   SLICE_FMT(sample));
	}
	if (!text.ptr)
		return fail_memory(parser);
	return new_literal(parser, token->offset, term_string(text));
}

static uint8_t hex_value(uint8_t digit)
{
	return (uint8_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static struct node *parse_bytes(struct parser *parser)
{
	const struct token *token = parser->at++;
	struct slice digits = token_text(parser, token);
	digits = (struct slice){digits.ptr + 2, digits.len - 2};
	if (digits.len % 2 != 0)
		return fail_syntax(parser, token->offset,
				   "encoding/hex: odd length hex string");
	uint8_t *bytes = arena_alloc(parser->arena, digits.len / 2);
	if (!bytes)
		return fail_memory(parser);
	for (size_t i = 0; i < digits.len / 2; i++)
		bytes[i] = (uint8_t)(hex_value(digits.ptr[2 * i]) << 4 |
				     hex_value(digits.ptr[2 * i + 1]));
	struct term term = {.type = TERM_BYTES, .bytes = {bytes, digits.len / 2}};
	return new_literal(parser, token->offset, term);
}

static struct node *parse_number(struct parser *parser)
{
	const struct token *token = parser->at++;
	struct slice digits = token_text(parser, token);
	char copy[64];
	uint64_t whole;
	if (token->kind == TOKEN_INT) {
		if (!slice_parse_u64(digits, &whole) || whole > INT64_MAX)
			return fail_syntax(parser, token->offset,
					   "strconv.ParseInt: parsing \"%.*s\": value out of range",
					   (int)(digits.len > 40 ? 40 : digits.len), digits.ptr);
		return new_literal(parser, token->offset, term_int((int64_t)whole));
	}
	double number = HUGE_VAL;
	if (digits.len < sizeof(copy)) {
		memcpy(copy, digits.ptr, digits.len);
		copy[digits.len] = 0;
		number = strtod(copy, NULL);
	}
	if (isinf(number))
		return fail_syntax(parser, token->offset,
				   "strconv.ParseFloat: parsing \"%.*s\": value out of range",
				   (int)(digits.len > 40 ? 40 : digits.len), digits.ptr);
	return new_literal(parser, token->offset, term_double(number));
}

static struct node *parse_enum(struct parser *parser)
{
	static const struct {
		struct slice name;
		int64_t number;
	} enums[] = {
		{SLICE_INIT("SPAN_KIND_UNSPECIFIED"), SPAN_KIND_UNSPECIFIED},
		{SLICE_INIT("SPAN_KIND_INTERNAL"), SPAN_KIND_INTERNAL},
		{SLICE_INIT("SPAN_KIND_SERVER"), SPAN_KIND_SERVER},
		{SLICE_INIT("SPAN_KIND_CLIENT"), SPAN_KIND_CLIENT},
		{SLICE_INIT("SPAN_KIND_PRODUCER"), SPAN_KIND_PRODUCER},
		{SLICE_INIT("SPAN_KIND_CONSUMER"), SPAN_KIND_CONSUMER},
		{SLICE_INIT("STATUS_CODE_UNSET"), STATUS_CODE_UNSET},
		{SLICE_INIT("STATUS_CODE_OK"), STATUS_CODE_OK},
		{SLICE_INIT("STATUS_CODE_ERROR"), STATUS_CODE_ERROR},
	};
	const struct token *token = parser->at++;
	struct slice name = token_text(parser, token);
	for (size_t i = 0; i < ARRAY_COUNT(enums); i++) {
		if (slice_equal(name, enums[i].name))
			return new_literal(parser, token->offset, term_int(enums[i].number));
	}
	note_text(parser, token->offset, "enum symbol, ", name, ", not found");
	return new_literal(parser, token->offset, term_nil());
}

/* Appends ${child} to ${parent}; *tail is the last child so far. */
static void append_child(struct node *parent, struct node **tail, struct node *child)
{
	if (*tail)
		(*tail)->next = child;
	else
		parent->child = child;
	*tail = child;
}

static struct node *make_container(struct node *node, enum term_type type)
{
	node->type = type;
	node->constant = true;
	for (const struct node *child = node->child; child; child = child->next)
		node->constant = node->constant && child->constant;
	return node;
}

static struct node *parse_list(struct parser *parser)
{
	struct node *list = new_node(parser, NODE_LIST, parser->at++->offset), *tail = NULL;
	if (!list || !enter(parser))
		return NULL;
	while (parser->at->kind != TOKEN_RBRACKET) {
		struct node *member = parse_value(parser, NULL);
		if (!member)
			return NULL;
		append_child(list, &tail, member);
		if (parser->at->kind != TOKEN_COMMA)
			break;
		parser->at++;
		if (parser->at->kind == TOKEN_RBRACKET)
			return fail_unexpected(parser, "Value");
	}
	parser->depth--;
	if (!expect(parser, TOKEN_RBRACKET, "\"]\""))
		return NULL;
	return make_container(list, TERM_LIST);
}

static struct node *parse_map(struct parser *parser)
{
	struct node *map = new_node(parser, NODE_MAP, parser->at++->offset), *tail = NULL;
	if (!map || !enter(parser))
		return NULL;
	while (parser->at->kind == TOKEN_STRING) {
		struct node *key = parse_string(parser);
		if (!key || !expect(parser, TOKEN_COLON, "\":\" Value"))
			return NULL;
		struct node *member = parse_value(parser, NULL);
		if (!member)
			return NULL;
		member->key = key->literal.bytes;
		append_child(map, &tail, member);
		if (parser->at->kind == TOKEN_COMMA)
			parser->at++;
	}
	parser->depth--;
	if (!expect(parser, TOKEN_RBRACE, "\"}\""))
		return NULL;
	return make_container(map, TERM_MAP);
}

/* ---- paths and calls ---- */

/* The keys behind a path segment or a call: *ret_keys is their list, NULL when there are none. */
static bool parse_keys(struct parser *parser, struct node **ret_keys)
{
	struct node *tail = NULL;
	*ret_keys = NULL;
	while (parser->at->kind == TOKEN_LBRACKET) {
		parser->at++;
		if (!enter(parser))
			return false;
		struct node *key = parser->at->kind == TOKEN_STRING ? parse_string(parser)
								    : parse_sum(parser);
		parser->depth--;
		if (!key || !expect(parser, TOKEN_RBRACKET, "\"]\""))
			return false;
		if (tail)
			tail->next = key;
		else
			*ret_keys = key;
		tail = key;
	}
	return true;
}

static void append_path_text(struct path_text *path, size_t *used, struct slice piece)
{
	size_t room = sizeof(path->text) - 1 - *used;
	size_t len = piece.len < room ? piece.len : room;
	memcpy(path->text + *used, piece.ptr, len);
	*used += len;
	path->text[*used] = 0;
}

/* The path as the Collector prints it: attributes[http.url]. */
static void describe_path(const struct parser *parser, const struct token *from,
			  struct path_text *path)
{
	size_t used = 0;
	path->text[0] = 0;
	for (const struct token *token = from; token < parser->at; token++) {
		struct slice piece = token_text(parser, token);
		if (token->kind == TOKEN_STRING)
			piece = (struct slice){piece.ptr + 1, piece.len - 2};
		append_path_text(path, &used, piece);
	}
}

static struct node *parse_path(struct parser *parser)
{
	const struct token *from = parser->at;
	struct path_text path = {.count = 0};
	struct slice name = {NULL, 0};
	bool too_long = false;
	for (;;) {
		struct node *keys;
		name = token_text(parser, parser->at);
		if (!expect(parser, TOKEN_LOWER, "Field (\".\" Field)*") || !parse_keys(parser, &keys))
			return NULL;
		too_long = path.count == PATH_SEGMENTS_MAX;
		if (!too_long)
			path.segments[path.count++] = (struct path_segment){name, keys};
		if (parser->at->kind != TOKEN_DOT)
			break;
		parser->at++;
	}
	struct node *node = new_node(parser, NODE_PATH, from->offset);
	struct node *spare = node ? new_node(parser, NODE_PATH, from->offset) : NULL;
	struct err err = {0};
	if (!spare)
		return NULL;
	describe_path(parser, from, &path);
	if (path_resolve(&parser->scope, &path, node, spare, &err) != 0)
		note_mistake(parser, from->offset, &err);
	else if (too_long)
		note_text(parser, from->offset, "the path section \"", name,
			  "\" was not used by the context - this likely means you are using extra "
			  "path sections");
	return node;
}

/* The tokens of a function's name are glued: Is|Match, S|HA256. Returns what follows it. */
static const struct token *name_end(const struct token *token)
{
	const struct token *end = token + 1;
	while ((end->kind == TOKEN_UPPER || end->kind == TOKEN_LOWER) &&
	       end->offset == end[-1].offset + end[-1].len)
		end++;
	return end;
}

static bool parse_arguments(struct parser *parser, struct arguments *arguments)
{
	*arguments = (struct arguments){.count = 0};
	parser->at++;
	if (parser->at->kind == TOKEN_RPAREN) {
		parser->at++;
		return true;
	}
	if (!enter(parser))
		return false;
	do {
		struct argument argument = {{NULL, 0}, NULL};
		if (parser->at->kind == TOKEN_COMMA)
			parser->at++;
		if (parser->at->kind == TOKEN_LOWER && parser->at[1].kind == TOKEN_EQUAL) {
			argument.name = token_text(parser, parser->at);
			parser->at += 2;
		}
		argument.value = parse_value(parser, NULL);
		if (!argument.value)
			return false;
		if (arguments->count < CALL_ARGS_MAX)
			arguments->list[arguments->count] = argument;
		arguments->count++;
	} while (parser->at->kind == TOKEN_COMMA);
	parser->depth--;
	return expect(parser, TOKEN_RPAREN, "\")\"");
}

static struct node *parse_call(struct parser *parser)
{
	const struct token *from = parser->at, *end = name_end(from);
	struct slice name = {parser->text.ptr + from->offset,
			     end[-1].offset + end[-1].len - from->offset};
	struct arguments arguments;
	struct node *keys;
	parser->at = end;
	if (end->kind != TOKEN_LPAREN)
		return fail_unexpected(parser, "\"(\" (Argument (\",\" Argument)*)? \")\" Key*");
	struct node *call = new_node(parser, NODE_CALL, from->offset);
	if (!call || !parse_arguments(parser, &arguments) || !parse_keys(parser, &keys))
		return NULL;
	struct err err = {0};
	const struct function *function = function_find(name, parser->scope.context);
	if (!function)
		note_text(parser, from->offset, "undefined function \"", name, "\"");
	else if (function_bind(function, &arguments, call, &parser->regexes, &err) != 0)
		note_mistake(parser, from->offset, &err);
	parser->call_from = from;
	parser->call_end = parser->at;
	if (!keys)
		return fold(parser, call);
	struct node *index = new_node(parser, NODE_INDEX, from->offset);
	if (!index)
		return NULL;
	index->type = TERM_UNKNOWN;
	index->child = call;
	call->next = keys;
	return index;
}

/* ---- arithmetic ---- */

static struct node *parse_operand(struct parser *parser)
{
	struct node *inner;
	switch ((int)parser->at->kind) {
	case TOKEN_INT:
	case TOKEN_FLOAT: return parse_number(parser);
	case TOKEN_UPPER: return parse_call(parser);
	case TOKEN_LOWER: return parse_path(parser);
	case TOKEN_LPAREN:
		parser->at++;
		inner = enter(parser) ? parse_sum(parser) : NULL;
		parser->depth--;
		return inner && expect(parser, TOKEN_RPAREN, "\")\"") ? inner : NULL;
	default: return fail_unexpected(parser, "Value");
	}
}

static struct node *parse_factor(struct parser *parser)
{
	const struct token *sign = parser->at;
	if (sign->kind != TOKEN_ADD_SUB)
		return parse_operand(parser);
	parser->at++;
	/* The one number that only fits with its sign. */
	if (parser->text.ptr[sign->offset] == '-' && parser->at->kind == TOKEN_INT &&
	    slice_equal(token_text(parser, parser->at), SLICE("9223372036854775808"))) {
		parser->at++;
		return new_literal(parser, sign->offset, term_int(INT64_MIN));
	}
	struct node *operand = parse_operand(parser);
	if (!operand || parser->text.ptr[sign->offset] == '+')
		return operand;
	struct node *negate = new_node(parser, NODE_NEGATE, sign->offset);
	if (!negate)
		return NULL;
	negate->type = term_is_number(operand->type) ? operand->type : TERM_UNKNOWN;
	negate->constant = operand->constant;
	negate->child = operand;
	return fold(parser, negate);
}

/* A chain of ${parse_part}s joined by operators of ${kind}. */
static struct node *parse_chain(struct parser *parser, enum token_kind kind,
				struct node *(*parse_part)(struct parser *parser))
{
	struct node *first = parse_part(parser), *chain = NULL, *tail = NULL;
	if (!first || parser->at->kind != kind)
		return first;
	chain = new_node(parser, NODE_MATH, first->offset);
	if (!chain)
		return NULL;
	append_child(chain, &tail, first);
	chain->constant = first->constant;
	chain->type = first->type == TERM_INT ? TERM_INT : TERM_UNKNOWN;
	while (parser->at->kind == kind) {
		static const char operators[] = "+-*/";
		const char *symbol = strchr(operators, parser->text.ptr[parser->at->offset]);
		parser->at++;
		struct node *part = parse_part(parser);
		if (!part)
			return NULL;
		part->op = (uint8_t)(symbol - operators); /* enum math_op has this order */
		append_child(chain, &tail, part);
		chain->constant = chain->constant && part->constant;
		if (part->type != TERM_INT)
			chain->type = TERM_UNKNOWN;
	}
	return fold(parser, chain);
}

static struct node *parse_product(struct parser *parser)
{
	return parse_chain(parser, TOKEN_MUL_DIV, parse_factor);
}

static struct node *parse_sum(struct parser *parser)
{
	return parse_chain(parser, TOKEN_ADD_SUB, parse_product);
}

/* ---- values ---- */

/* *ret_stands_alone (may be NULL): the value may be a condition without a comparison. */
static struct node *parse_value(struct parser *parser, bool *ret_stands_alone)
{
	const struct token *token = parser->at;
	bool ignored, *stands_alone = ret_stands_alone ? ret_stands_alone : &ignored;
	*stands_alone = false;
	switch ((int)token->kind) {
	case TOKEN_STRING: return parse_string(parser);
	case TOKEN_BYTES: return parse_bytes(parser);
	case TOKEN_LBRACKET: return parse_list(parser);
	case TOKEN_LBRACE: return parse_map(parser);
	case TOKEN_BOOLEAN:
		parser->at++;
		*stands_alone = true;
		return new_literal(parser, token->offset,
				   term_bool(parser->text.ptr[token->offset] == 't'));
	case TOKEN_UPPER:
		if (name_end(token) == token + 1 && token[1].kind != TOKEN_LPAREN)
			return parse_enum(parser);
		break;
	case TOKEN_LOWER:
		if (is_word(parser, token, SLICE("nil"))) {
			parser->at++;
			return new_literal(parser, token->offset, term_nil());
		}
		if (name_end(token)->kind == TOKEN_LPAREN) {
			const struct token *last = name_end(token) - 1;
			return fail_syntax(parser, token->offset,
					   "converter names must start with an uppercase letter "
					   "but got '%.*s'",
					   (int)(last->offset + last->len - token->offset),
					   parser->text.ptr + token->offset);
		}
		break;
	default: break;
	}
	struct node *value = parse_sum(parser);
	*stands_alone = value && parser->call_from == token && parser->call_end == parser->at;
	return value;
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

static struct node *parse_comparison(struct parser *parser)
{
	uint32_t offset = parser->at->offset;
	bool stands_alone;
	struct node *left = parse_value(parser, &stands_alone);
	if (!left)
		return NULL;
	bool compares = parser->at->kind == TOKEN_COMPARE;
	if (!compares && !stands_alone)
		return fail_unexpected(parser, "<opcomparison> Value");
	struct node *node = new_node(parser, compares ? NODE_COMPARE : NODE_TRUTH, offset);
	if (!node)
		return NULL;
	node->child = left;
	node->constant = left->constant;
	if (!compares)
		return node;
	node->op = (uint8_t)read_operator(token_text(parser, parser->at++));
	left->next = parse_value(parser, NULL);
	if (!left->next)
		return NULL;
	node->constant = left->constant && left->next->constant;
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
		node = enter(parser) ? parse_or(parser) : NULL;
		parser->depth--;
		if (!node || !expect(parser, TOKEN_RPAREN, "\")\""))
			return NULL;
	} else {
		node = parse_comparison(parser);
	}
	if (!node || from->kind != TOKEN_NOT)
		return node;
	struct node *negation = new_node(parser, NODE_NOT, from->offset);
	if (!negation)
		return NULL;
	negation->child = node;
	negation->constant = node->constant;
	return negation;
}

static struct node *parse_junction(struct parser *parser, enum token_kind word, enum node_kind kind,
				   struct node *(*parse_part)(struct parser *parser))
{
	struct node *first = parse_part(parser), *junction, *tail = NULL;
	if (!first || parser->at->kind != word)
		return first;
	junction = new_node(parser, kind, first->offset);
	if (!junction)
		return NULL;
	append_child(junction, &tail, first);
	junction->constant = first->constant;
	while (parser->at->kind == word) {
		parser->at++;
		struct node *part = parse_part(parser);
		if (!part)
			return NULL;
		append_child(junction, &tail, part);
		junction->constant = junction->constant && part->constant;
	}
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
		struct slice name = token_text(parser, token);
		bool prefix = token->kind == TOKEN_LOWER && token[1].kind == TOKEN_DOT &&
			      (token == parser->tokens || token[-1].kind != TOKEN_DOT) &&
			      path_context_of(name, &found);
		if (!prefix && token->kind == TOKEN_UPPER) {
			const struct token *last = name_end(token) - 1;
			name.len = last->offset + last->len - token->offset;
			prefix = function_wants_context(name, &found);
		}
		if (prefix && (!any || found > lowest))
			lowest = found;
		any = any || prefix;
	}
	return any ? lowest : OTTL_SPAN;
}

int parser_parse(struct slice text, enum ottl_context context, struct key_table *keys,
		 struct arena *arena, struct ottl_scratch *scratch,
		 struct ottl_condition *condition, struct err *err)
{
	struct token_list tokens;
	struct parser parser = {
		.text = text,
		.scope = {.context = context, .keys = keys},
		.arena = arena,
		.scratch = scratch,
		.err = err,
	};
	if (token_list_new(text, &tokens, err) != 0) {
		if (err->kind == ERR_CONFIG)
			fail_syntax(&parser, (uint32_t)err->offset, "%s", err->msg);
		return -1;
	}
	parser.at = parser.tokens = tokens.tokens;
	if (context == OTTL_INFER) {
		parser.scope.context = infer_context(&parser);
		parser.scope.prefixes_required = true;
	}
	condition->context = parser.scope.context;
	condition->root = parse_or(&parser);
	condition->regexes = parser.regexes;
	if (condition->root && parser.at->kind != TOKEN_END)
		condition->root = fail_unexpected(&parser, "<EOF>");
	if (condition->root && parser.mistake.kind != ERR_NONE) {
		*err = parser.mistake;
		condition->root = NULL;
	}
	token_list_free(&tokens);
	return condition->root ? 0 : -1;
}
