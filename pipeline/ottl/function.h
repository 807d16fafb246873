/* SPDX-License-Identifier: Apache-2.0 */
/* Converters: their table, how a call is bound to one, and how it is evaluated. */
#ifndef SLUICE_OTTL_FUNCTION_H
#define SLUICE_OTTL_FUNCTION_H

#include "pipeline/ottl/evaluation.h"

enum argument_kind {
	ARGUMENT_VALUE = 0,
	ARGUMENT_PATTERN, /* string literal, compiled */
	ARGUMENT_CASE,	  /* string literal, one of the case names */
	ARGUMENT_BYTES,	  /* 0x literal */
};

struct function {
	struct slice name;
	enum term_type result; /* TERM_UNKNOWN: may be nil as well */
	unsigned contexts;     /* bit per context; 0: all */
	size_t argument_count;
	struct {
		struct slice name;
		enum argument_kind kind;
	} arguments[CALL_ARGS_MAX];
	bool (*call)(struct evaluation *ev, const struct node *call, struct term *ret_term);
};

/* One argument as written. */
struct argument {
	struct slice name; /* empty: positional */
	struct node *value;
};

struct arguments {
	struct argument list[CALL_ARGS_MAX];
	size_t count; /* written; only the first CALL_ARGS_MAX are in the list */
};

/* The function ${name} of ${context}; NULL when there is none. */
const struct function *function_find(struct slice name, enum ottl_context context);

/* The lowest context that a call of ${name} asks for; false when it asks for none. */
bool function_wants_context(struct slice name, enum ottl_context *ret_context);

/* Completes ${call} (kind NODE_CALL) for ${function}. A compiled pattern is pushed on ${regexes}.
 * -1 with the Collector's text, without position. */
MUST_CHECK int function_bind(const struct function *function, const struct arguments *arguments,
			     struct node *call, struct regex **regexes, struct err *err);

bool function_call(struct evaluation *ev, const struct node *call, struct term *ret_term);

/* ConvertCase (letter_case.c). */
enum letter_case { LETTERS_LOWER, LETTERS_UPPER, LETTERS_SNAKE, LETTERS_CAMEL, LETTER_CASE_COUNT };
bool letter_case_find(struct slice name, enum letter_case *ret_case);
void letter_case_append(struct buf *out, struct slice text, enum letter_case wanted);

#endif
