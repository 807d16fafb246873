/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser's state and what its files share. Functions that return a node or true return NULL or
 * false after parser->err was filled: syntax, limits, memory. A mistake in meaning is noted
 * instead, and the reading goes on.
 */
#ifndef SLUICE_OTTL_PARSER_INTERNAL_H
#define SLUICE_OTTL_PARSER_INTERNAL_H

#include "pipeline/ottl/lexer.h"
#include "pipeline/ottl/parser.h"
#include "pipeline/ottl/path.h"

struct parser {
	struct slice text;
	const char *noun; /* what the text is, for messages */
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

/* ---- parser.c ---- */

/* Puts "line:column" (characters, from 1) before the text. Returns NULL. */
void *parser_fail_syntax(struct parser *parser, uint32_t offset, const char *format, ...)
	PRINTF_LIKE(3, 4);
void *parser_fail_unexpected(struct parser *parser, const char *expected);
void *parser_fail_memory(struct parser *parser);

/* Keeps the first mistake in meaning, which is what ${err} holds, or the three texts joined. */
void parser_note_mistake(struct parser *parser, uint32_t offset, const struct err *err);
void parser_note_text(struct parser *parser, uint32_t offset, const char *before, struct slice name,
		      const char *after);

/* Where the last token that was read ends. */
uint32_t parser_end_offset(const struct parser *parser);

struct slice parser_token_text(const struct parser *parser, const struct token *token);

/* The tokens of a function's name are glued: Is|Match, S|HA256. Returns what follows it. */
const struct token *parser_name_end(const struct token *token);

/* Consumes a token of ${kind}. */
bool parser_expect(struct parser *parser, enum token_kind kind, const char *expected);

/* One level deeper; the caller undoes it by parser->depth--. */
bool parser_enter(struct parser *parser);

struct node *parser_new_node(struct parser *parser, enum node_kind kind, uint32_t offset);
struct node *parser_new_literal(struct parser *parser, uint32_t offset, struct term term);

/* Appends ${child} to ${parent}; *tail is the last child so far. */
void parser_append_child(struct node *parent, struct node **tail, struct node *child);

/* Replaces a value that reads nothing from the request by its result. What fails stays as it is and
 * fails at run time, where error_mode decides. */
struct node *parser_fold(struct parser *parser, struct node *node);

/* ---- parser_literal.c; the parser stands at the first token ---- */
struct node *parser_string(struct parser *parser);
struct node *parser_bytes(struct parser *parser);
struct node *parser_number(struct parser *parser);
struct node *parser_enum(struct parser *parser);
struct node *parser_list(struct parser *parser);
struct node *parser_map(struct parser *parser);

/* ---- parser_value.c ---- */

/* *ret_stands_alone (may be NULL): the value may be a condition without a comparison. */
struct node *parser_value(struct parser *parser, bool *ret_stands_alone);

#endif
