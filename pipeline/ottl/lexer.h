/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of one condition. The whole text is cut at once, because the parser has to look past a
 * closing parenthesis to tell `(a + 1) * 2 == 6` from `(a == 1)`.
 */
#ifndef SLUICE_OTTL_LEXER_H
#define SLUICE_OTTL_LEXER_H

#include "pipeline/base/arena.h"
#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

enum token_kind {
	TOKEN_END = 0,
	TOKEN_BYTES,  /* 0xC0FFEE */
	TOKEN_FLOAT,  /* 1. .5 1.2e3 */
	TOKEN_INT,    /* decimal digits */
	TOKEN_STRING, /* with its quotes */
	TOKEN_NOT,
	TOKEN_OR,
	TOKEN_AND,
	TOKEN_COMPARE, /* == != >= <= > < */
	TOKEN_ADD_SUB,
	TOKEN_MUL_DIV,
	TOKEN_BOOLEAN,
	TOKEN_EQUAL, /* the = of a named argument */
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_LBRACE,
	TOKEN_RBRACE,
	TOKEN_COLON,
	TOKEN_COMMA,
	TOKEN_DOT,
	TOKEN_LBRACKET,
	TOKEN_RBRACKET,
	TOKEN_UPPER, /* [A-Z][A-Z0-9_]* */
	TOKEN_LOWER, /* [a-z][a-z0-9_]* */
	TOKEN_KIND_COUNT
};

struct token {
	enum token_kind kind;
	uint32_t offset, len; /* in the condition's text */
};

struct token_list {
	struct token *tokens; /* malloc; the last one is TOKEN_END */
	size_t count;
};

/* Cuts ${text}. -1 with ERR_CONFIG (offset set; msg has no position) or ERR_NOMEM. */
MUST_CHECK int token_list_new(struct slice text, struct token_list *ret_list, struct err *err);
void token_list_free(struct token_list *list);

/* Replaces the escapes of the quoted ${literal} (Go's rules for interpreted string literals). False
 * when it holds an invalid escape or a line break; *ret_text is in ${arena}, with ptr NULL when the
 * arena is exhausted. */
MUST_CHECK bool token_unquote(struct slice literal, struct arena *arena, struct slice *ret_text);

#endif
