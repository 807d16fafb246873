/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer's states, and what its files share. For json_lex.c and json_string.c alone. */
#ifndef SLUICE_TRACE_JSON_JSON_LEX_INTERNAL_H
#define SLUICE_TRACE_JSON_JSON_LEX_INTERNAL_H

#include "pipeline/trace/json/json_lex.h"

enum state {
	STATE_VALUE = 0,  /* a value */
	STATE_FIRST_ITEM, /* after [: a value or ] */
	STATE_FIRST_KEY,  /* after {: a key or } */
	STATE_KEY,	  /* after a comma in an object */
	STATE_COLON,
	STATE_COMMA, /* after a value in a container: a comma or its end */
	STATE_DONE,  /* after the outermost value */
	STATE_IN_KEY,
	STATE_IN_TEXT,
	STATE_IN_NUMBER,
	STATE_IN_LITERAL,
	STATE_FAILED,
};

enum escape { ESCAPE_NONE = 0, ESCAPE_BACKSLASH, ESCAPE_HEX };

/* Ends the lexer: ERR_DECODE with ${why} at the byte that comes next. */
COLD enum json_event json_lex_fail(struct json_lexer *lexer, struct err *err, const char *why);

static inline void json_lex_take(struct json_lexer *lexer, struct slice *input, size_t len)
{
	input->ptr += len;
	input->len -= len;
	lexer->offset += len;
}

static inline void json_lex_value_ended(struct json_lexer *lexer)
{
	lexer->state = lexer->depth > 0 ? STATE_COMMA : STATE_DONE;
}

/* The next piece of the string that is being read, a value or a key. JSON_MORE: the input is used up. */
enum json_event json_lex_text(struct json_lexer *lexer, struct slice *input, struct err *err);
enum json_event json_lex_key(struct json_lexer *lexer, struct slice *input, struct err *err);

#endif
