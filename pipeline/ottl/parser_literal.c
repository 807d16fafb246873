/* SPDX-License-Identifier: Apache-2.0 */
/* Literals: strings, bytes, numbers, enum names, lists and maps. */
#include "pipeline/ottl/parser_internal.h"

#include "pipeline/base/hex.h"

#include <math.h>
#include <stdlib.h>

struct node *parser_string(struct parser *parser)
{
	const struct token *token = parser->at++;
	struct slice literal = parser_token_text(parser, token), text;
	if (!token_unquote(literal, parser->arena, &text)) {
		struct slice sample = {literal.ptr, literal.len > 64 ? 64 : literal.len};
		return parser_fail_syntax(parser, token->offset,
					  "invalid quoted string %.*s: invalid syntax",
					  SLICE_FMT(sample));
	}
	if (!text.ptr)
		return parser_fail_memory(parser);
	return parser_new_literal(parser, token->offset, term_string(text));
}

struct node *parser_bytes(struct parser *parser)
{
	const struct token *token = parser->at++;
	struct slice digits = parser_token_text(parser, token);
	digits = (struct slice){digits.ptr + 2, digits.len - 2};
	if (digits.len % 2 != 0)
		return parser_fail_syntax(parser, token->offset,
					  "encoding/hex: odd length hex string");
	uint8_t *bytes = arena_alloc(parser->arena, digits.len / 2);
	if (!bytes)
		return parser_fail_memory(parser);
	(void)hex_decode(digits, bytes); /* the lexer has seen digits only */
	struct term term = {.type = TERM_BYTES, .bytes = {bytes, digits.len / 2}};
	return parser_new_literal(parser, token->offset, term);
}

/* Digits as Go's ParseInt reads them with base 0: a leading zero makes them octal. */
static bool read_int(struct slice digits, int64_t *ret_number)
{
	uint64_t number = 0;
	bool octal = digits.len > 1 && digits.ptr[0] == '0';
	if (!octal) {
		bool fits = slice_parse_u64(digits, &number) && number <= INT64_MAX;
		*ret_number = (int64_t)number;
		return fits;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] > '7' || number > INT64_MAX >> 3)
			return false;
		number = number << 3 | (uint64_t)(digits.ptr[i] - '0');
	}
	*ret_number = (int64_t)number;
	return true;
}

struct node *parser_number(struct parser *parser)
{
	const struct token *token = parser->at++;
	struct slice digits = parser_token_text(parser, token);
	char copy[64];
	int64_t whole;
	if (token->kind == TOKEN_INT) {
		if (!read_int(digits, &whole))
			return parser_fail_syntax(
				parser, token->offset, "strconv.ParseInt: parsing \"%.*s\": %s",
				(int)(digits.len > 40 ? 40 : digits.len), digits.ptr,
				memchr(digits.ptr, '8', digits.len) ||
						memchr(digits.ptr, '9', digits.len)
					? digits.ptr[0] == '0' ? "invalid syntax"
							       : "value out of range"
					: "value out of range");
		return parser_new_literal(parser, token->offset, term_int(whole));
	}
	double number = HUGE_VAL;
	if (digits.len < sizeof(copy)) {
		memcpy(copy, digits.ptr, digits.len);
		copy[digits.len] = 0;
		number = strtod(copy, NULL);
	}
	if (isinf(number))
		return parser_fail_syntax(
			parser, token->offset,
			"strconv.ParseFloat: parsing \"%.*s\": value out of range",
			(int)(digits.len > 40 ? 40 : digits.len), digits.ptr);
	return parser_new_literal(parser, token->offset, term_double(number));
}

struct node *parser_enum(struct parser *parser)
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
	struct slice name = parser_token_text(parser, token);
	for (size_t i = 0; i < ARRAY_COUNT(enums); i++) {
		if (slice_equal(name, enums[i].name))
			return parser_new_literal(parser, token->offset, term_int(enums[i].number));
	}
	parser_note_text(parser, token->offset, "enum symbol, ", name, ", not found");
	return parser_new_literal(parser, token->offset, term_nil());
}

static struct node *make_container(struct node *node, enum term_type type)
{
	node->type = type;
	node->constant = true;
	node->written = true;
	for (const struct node *child = node->child; child; child = child->next) {
		node->constant = node->constant && child->constant;
		node->written = node->written && child->written;
	}
	return node;
}

struct node *parser_list(struct parser *parser)
{
	struct node *list = parser_new_node(parser, NODE_LIST, parser->at++->offset), *tail = NULL;
	if (!list || !parser_enter(parser))
		return NULL;
	while (parser->at->kind != TOKEN_RBRACKET) {
		struct node *member = parser_value(parser, NULL);
		if (!member)
			return NULL;
		parser_append_child(list, &tail, member);
		if (parser->at->kind != TOKEN_COMMA)
			break;
		parser->at++;
		if (parser->at->kind == TOKEN_RBRACKET)
			return parser_fail_unexpected(parser, "Value");
	}
	parser->depth--;
	if (!parser_expect(parser, TOKEN_RBRACKET, "\"]\""))
		return NULL;
	return make_container(list, TERM_LIST);
}

/* Of two members with one key the later one is meant. */
static void forget_key(struct node *map, struct node **tail, struct slice key)
{
	struct node **link = &map->child, *last = NULL;
	while (*link) {
		if (slice_equal((*link)->key, key)) {
			*link = (*link)->next;
			continue;
		}
		last = *link;
		link = &last->next;
	}
	*tail = last;
}

struct node *parser_map(struct parser *parser)
{
	struct node *map = parser_new_node(parser, NODE_MAP, parser->at++->offset), *tail = NULL;
	if (!map || !parser_enter(parser))
		return NULL;
	while (parser->at->kind == TOKEN_STRING) {
		struct node *key = parser_string(parser);
		if (!key || !parser_expect(parser, TOKEN_COLON, "\":\" Value"))
			return NULL;
		struct node *member = parser_value(parser, NULL);
		if (!member)
			return NULL;
		member->key = key->literal.bytes;
		forget_key(map, &tail, member->key);
		parser_append_child(map, &tail, member);
		if (parser->at->kind == TOKEN_COMMA)
			parser->at++;
	}
	parser->depth--;
	if (!parser_expect(parser, TOKEN_RBRACE, "\"}\""))
		return NULL;
	return make_container(map, TERM_MAP);
}
