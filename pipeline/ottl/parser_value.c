/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are computed: paths, calls of Converters, indexing, arithmetic. Chains of operators
 * become siblings, so that a long sum is no deep tree.
 */
#include "pipeline/ottl/function.h"
#include "pipeline/ottl/parser_internal.h"

static struct node *parse_sum(struct parser *parser);

/* ---- paths and calls ---- */

/* The keys behind a path segment or a call: *ret_keys is their list, NULL when there are none. */
static bool parse_keys(struct parser *parser, struct node **ret_keys)
{
	struct node *tail = NULL;
	*ret_keys = NULL;
	while (parser->at->kind == TOKEN_LBRACKET) {
		parser->at++;
		if (!parser_enter(parser))
			return false;
		struct node *key = parser->at->kind == TOKEN_STRING ? parser_string(parser)
								    : parse_sum(parser);
		parser->depth--;
		if (!key || !parser_expect(parser, TOKEN_RBRACKET, "\"]\""))
			return false;
		if (tail)
			tail->next = key;
		else
			*ret_keys = key;
		tail = key;
	}
	return true;
}

static void append_path_text(char text[PATH_TEXT_MAX], size_t *used, struct slice piece)
{
	size_t room = PATH_TEXT_MAX - 1 - *used;
	size_t len = piece.len < room ? piece.len : room;
	memcpy(text + *used, piece.ptr, len);
	*used += len;
	text[*used] = 0;
}

static void describe_path(const struct parser *parser, const struct token *from,
			  struct path_text *path)
{
	size_t used = 0, source_used = 0;
	path->text[0] = path->source[0] = 0;
	for (const struct token *token = from; token < parser->at; token++) {
		struct slice piece = parser_token_text(parser, token);
		append_path_text(path->source, &source_used, piece);
		if (token->kind == TOKEN_STRING)
			piece = (struct slice){piece.ptr + 1, piece.len - 2};
		append_path_text(path->text, &used, piece);
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
		name = parser_token_text(parser, parser->at);
		if (!parser_expect(parser, TOKEN_LOWER, "Field (\".\" Field)*") ||
		    !parse_keys(parser, &keys))
			return NULL;
		too_long = path.count == PATH_SEGMENTS_MAX;
		if (!too_long)
			path.segments[path.count++] = (struct path_segment){name, keys};
		if (parser->at->kind != TOKEN_DOT)
			break;
		parser->at++;
	}
	struct node *node = parser_new_node(parser, NODE_PATH, from->offset);
	struct node *spare = node ? parser_new_node(parser, NODE_PATH, from->offset) : NULL;
	struct err err = {0};
	if (!spare)
		return NULL;
	describe_path(parser, from, &path);
	if (path_resolve(&parser->scope, &path, node, spare, &err) != 0)
		parser_note_mistake(parser, from->offset, &err);
	else if (too_long)
		parser_note_text(
			parser, from->offset, "the path section \"", name,
			"\" was not used by the context - this likely means you are using extra "
			"path sections");
	return node;
}

static bool parse_arguments(struct parser *parser, struct arguments *arguments)
{
	*arguments = (struct arguments){.count = 0};
	parser->at++;
	if (parser->at->kind == TOKEN_RPAREN) {
		parser->at++;
		return true;
	}
	if (!parser_enter(parser))
		return false;
	do {
		struct argument argument = {{NULL, 0}, NULL};
		if (parser->at->kind == TOKEN_COMMA)
			parser->at++;
		if (parser->at->kind == TOKEN_LOWER && parser->at[1].kind == TOKEN_EQUAL) {
			argument.name = parser_token_text(parser, parser->at);
			parser->at += 2;
		}
		argument.value = parser_value(parser, NULL);
		if (!argument.value)
			return false;
		if (arguments->count < CALL_ARGS_MAX)
			arguments->list[arguments->count] = argument;
		arguments->count++;
	} while (parser->at->kind == TOKEN_COMMA);
	parser->depth--;
	return parser_expect(parser, TOKEN_RPAREN, "\")\"");
}

static struct node *parse_call(struct parser *parser)
{
	const struct token *from = parser->at, *end = parser_name_end(from);
	struct slice name = {parser->text.ptr + from->offset,
			     end[-1].offset + end[-1].len - from->offset};
	struct arguments arguments;
	struct node *keys;
	parser->at = end;
	if (end->kind != TOKEN_LPAREN)
		return parser_fail_unexpected(parser,
					      "\"(\" (Argument (\",\" Argument)*)? \")\" Key*");
	struct node *call = parser_new_node(parser, NODE_CALL, from->offset);
	if (!call || !parse_arguments(parser, &arguments) || !parse_keys(parser, &keys))
		return NULL;
	struct err err = {0};
	struct binding binding = {.scratch = parser->scratch, .regexes = &parser->regexes};
	const struct function *function = function_find(name, parser->scope.context);
	if (!function)
		parser_note_text(parser, from->offset, "undefined function \"", name, "\"");
	else if (function_bind(function, &arguments, call, &binding, &err) != 0)
		parser_note_mistake(parser, from->offset, &err);
	parser->call_from = from;
	parser->call_end = parser->at;
	if (!keys)
		return parser_fold(parser, call);
	struct node *index = parser_new_node(parser, NODE_INDEX, from->offset);
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
	case TOKEN_FLOAT: return parser_number(parser);
	case TOKEN_UPPER: return parse_call(parser);
	case TOKEN_LOWER: return parse_path(parser);
	case TOKEN_LPAREN:
		parser->at++;
		inner = parser_enter(parser) ? parse_sum(parser) : NULL;
		parser->depth--;
		return inner && parser_expect(parser, TOKEN_RPAREN, "\")\"") ? inner : NULL;
	default: return parser_fail_unexpected(parser, "Value");
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
	    slice_equal(parser_token_text(parser, parser->at), SLICE("9223372036854775808"))) {
		parser->at++;
		return parser_new_literal(parser, sign->offset, term_int(INT64_MIN));
	}
	bool number = parser->at->kind == TOKEN_INT || parser->at->kind == TOKEN_FLOAT;
	struct node *operand = parse_operand(parser);
	if (!operand || parser->text.ptr[sign->offset] == '+')
		return operand;
	struct node *negate = parser_new_node(parser, NODE_NEGATE, sign->offset);
	if (!negate)
		return NULL;
	negate->type = term_is_number(operand->type) ? operand->type : TERM_UNKNOWN;
	negate->constant = operand->constant;
	negate->child = operand;
	struct node *folded = parser_fold(parser, negate);
	if (folded)
		folded->written = number && folded->kind == NODE_LITERAL;
	return folded;
}

/* A chain of ${parse_part}s joined by operators of ${kind}. */
static struct node *parse_chain(struct parser *parser, enum token_kind kind,
				struct node *(*parse_part)(struct parser *parser))
{
	struct node *first = parse_part(parser), *chain = NULL, *tail = NULL;
	if (!first || parser->at->kind != kind)
		return first;
	chain = parser_new_node(parser, NODE_MATH, first->offset);
	if (!chain)
		return NULL;
	parser_append_child(chain, &tail, first);
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
		parser_append_child(chain, &tail, part);
		chain->constant = chain->constant && part->constant;
		if (part->type != TERM_INT)
			chain->type = TERM_UNKNOWN;
	}
	return parser_fold(parser, chain);
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

static bool is_word(const struct parser *parser, const struct token *token, struct slice word)
{
	return token->kind == TOKEN_LOWER && slice_equal(parser_token_text(parser, token), word);
}

static struct node *read_value(struct parser *parser, bool *ret_stands_alone)
{
	const struct token *token = parser->at;
	bool ignored = false, *stands_alone = ret_stands_alone ? ret_stands_alone : &ignored;
	*stands_alone = false;
	switch ((int)token->kind) {
	case TOKEN_STRING: return parser_string(parser);
	case TOKEN_BYTES: return parser_bytes(parser);
	case TOKEN_LBRACKET: return parser_list(parser);
	case TOKEN_LBRACE: return parser_map(parser);
	case TOKEN_BOOLEAN:
		parser->at++;
		*stands_alone = true;
		return parser_new_literal(parser, token->offset,
					  term_bool(parser->text.ptr[token->offset] == 't'));
	case TOKEN_UPPER:
		if (parser_name_end(token) == token + 1 && token[1].kind != TOKEN_LPAREN)
			return parser_enum(parser);
		break;
	case TOKEN_LOWER:
		if (is_word(parser, token, SLICE("nil"))) {
			parser->at++;
			return parser_new_literal(parser, token->offset, term_nil());
		}
		if (parser_name_end(token)->kind == TOKEN_LPAREN) {
			const struct token *last = parser_name_end(token) - 1;
			return parser_fail_syntax(
				parser, token->offset,
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

struct node *parser_value(struct parser *parser, bool *ret_stands_alone)
{
	struct node *value = read_value(parser, ret_stands_alone);
	if (value)
		value->end = parser_end_offset(parser);
	return value;
}
