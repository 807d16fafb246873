/* SPDX-License-Identifier: Apache-2.0 */
/* Converters: their table, how a call is bound to one, and how it is evaluated. */
#ifndef SLUICE_OTTL_FUNCTION_H
#define SLUICE_OTTL_FUNCTION_H

#include "pipeline/ottl/evaluation.h"

/* What the Collector asks of an argument. A literal that does not fit is refused when the condition
 * is parsed, a value when it is evaluated. */
enum argument_kind {
	ARGUMENT_ANY = 0,
	ARGUMENT_STRING,
	ARGUMENT_INT,
	ARGUMENT_DOUBLE,
	ARGUMENT_BOOL,
	ARGUMENT_MAP,
	ARGUMENT_TEXT,	 /* whatever has a text */
	ARGUMENT_TO_INT, /* whatever can be made an int */
	ARGUMENT_TO_DOUBLE,
	ARGUMENT_TO_BYTES,
	ARGUMENT_TEXTS,	  /* a list of what has a text */
	ARGUMENT_PATTERN, /* a string; a literal one is compiled */
	ARGUMENT_CASE,	  /* string literal, one of the case names */
	ARGUMENT_FLAG,	  /* true or false */
};

struct function {
	struct slice name;
	enum term_type result; /* TERM_UNKNOWN: may be nil as well */
	unsigned contexts;     /* bit per context; 0: all */
	size_t argument_count, required_count;
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

/* What binding needs of the parser. */
struct binding {
	struct ottl_scratch *scratch;
	struct regex **regexes; /* compiled patterns are pushed on it */
};

/* Completes ${call} (kind NODE_CALL) for ${function}. -1 with the Collector's text, without
 * position. */
MUST_CHECK int function_bind(const struct function *function, const struct arguments *arguments,
			     struct node *call, struct binding *binding, struct err *err);

/* The conversions of arguments (convert.c); false with the error. */
MUST_CHECK bool convert_text(struct evaluation *ev, const struct term *term,
			     struct slice *ret_text);
MUST_CHECK bool convert_int(struct evaluation *ev, const struct term *term, int64_t *ret_number);
MUST_CHECK bool convert_double(struct evaluation *ev, const struct term *term, double *ret_number);
MUST_CHECK bool convert_bytes(struct evaluation *ev, const struct term *term,
			      struct slice *ret_bytes);
/* An id of ${type} from its bytes or from twice as many hexadecimal digits. */
MUST_CHECK bool convert_id(struct evaluation *ev, struct slice bytes, enum term_type type,
			   struct term *ret_term);

/* A text that is made during an evaluation. The scratch buffer is taken out while a text is built in
 * it: what is evaluated meanwhile may build texts of its own. */
struct buf building_take(struct evaluation *ev);

/* Gives the buffer back and, when ${done}, copies what was built into the scratch arena. */
MUST_CHECK bool building_give(struct evaluation *ev, struct buf *building, bool done,
			      struct slice *ret_text);

bool function_call(struct evaluation *ev, const struct node *call, struct term *ret_term);

/* ConvertCase (letter_case.c). */
enum letter_case { LETTERS_LOWER, LETTERS_UPPER, LETTERS_SNAKE, LETTERS_CAMEL, LETTER_CASE_COUNT };
bool letter_case_find(struct slice name, enum letter_case *ret_case);
void letter_case_append(struct buf *out, struct slice text, enum letter_case wanted);

#endif
