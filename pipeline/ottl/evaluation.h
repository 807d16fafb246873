/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the evaluator share: one evaluation's state and the functions that yield and
 * compare values. A function that can fail returns false after it has filled ev->err; texts name
 * types and functions, never a value of the request.
 */
#ifndef SLUICE_OTTL_EVALUATION_H
#define SLUICE_OTTL_EVALUATION_H

#include "pipeline/base/buf.h"
#include "pipeline/ottl/tree.h"
#include "pipeline/pattern/regex.h"

enum {
	/* Members visited by the deep comparisons of one evaluation: two large maps in different
	 * order would otherwise cost the product of their sizes. */
	EVAL_STEPS_MAX = 1000000,
	EVAL_TEXT_BYTES_MAX = 16 << 20,	 /* texts made by one evaluation */
	EVAL_TEXT_KEEP_BYTES = 64 << 10, /* scratch memory kept between evaluations */
};

struct ottl_scratch {
	struct regex_scratch regex;
	struct arena texts;  /* results of Concat and the like; reset after each evaluation */
	struct buf building; /* the text being made */
};

struct evaluation {
	const struct trace_view *view; /* NULL while a constant is folded */
	const struct trace_index *index;
	enum ottl_context context;
	uint32_t at; /* element of context */
	uint32_t steps;
	struct ottl_scratch *scratch;
	struct err *err; /* may be NULL */
};

/* The value of ${node}. */
MUST_CHECK bool eval_value(struct evaluation *ev, const struct node *node, struct term *ret_term);

/* The truth of ${node}, one of the boolean kinds. */
enum ottl_result eval_truth(struct evaluation *ev, const struct node *node);

/* Fills the error and returns false. */
bool eval_fail(struct evaluation *ev, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- paths (path_eval.c) ---- */
bool eval_path(struct evaluation *ev, const struct node *node, struct term *ret_term);
struct owner eval_owner(const struct evaluation *ev, enum ottl_context level);
MUST_CHECK bool eval_index(struct evaluation *ev, const struct node *node, struct term *ret_term);

/* ---- values (term.c) ---- */
struct term term_of_value(struct value value);

static inline struct term term_nil(void)
{
	return (struct term){.type = TERM_NIL};
}

static inline struct term term_string(struct slice text)
{
	return (struct term){.type = TERM_STRING, .bytes = text};
}

static inline struct term term_int(int64_t number)
{
	return (struct term){.type = TERM_INT, .i = number};
}

static inline struct term term_bool(bool yes)
{
	return (struct term){.type = TERM_BOOL, .i = yes};
}

static inline struct term term_double(double number)
{
	return (struct term){.type = TERM_DOUBLE, .d = number};
}

/* Steps through a map or list. */
struct term_walk {
	const struct term *of;
	struct slice wire;
	const struct node *node;
	uint32_t attr;
};

struct term_walk term_walk_begin(const struct term *of);

/* 1: *ret_key (maps) and *ret_member are set; 0: no more; -1: evaluating a member failed. */
int term_walk_next(struct evaluation *ev, struct term_walk *walk, struct slice *ret_key,
		   struct term *ret_member);

/* Members of a map or list. */
size_t term_count(struct evaluation *ev, const struct term *term);

/* Appends the text that functions on "string-like" values see: strings as they are, numbers in
 * decimal without exponent, true/false, bytes and ids in hex, maps and lists as JSON. False
 * (failed) for types without one. nil is the caller's business. */
MUST_CHECK bool term_append_text(struct evaluation *ev, struct buf *out, const struct term *term);

/* ---- comparison (compare.c) ---- */
MUST_CHECK bool eval_compare(struct evaluation *ev, const struct term *left, enum compare_op op,
			     const struct term *right, bool *ret_holds);

/* True when the types alone decide a comparison: it is then a difference, `!=` and nothing else. */
bool compare_types_differ(enum term_type left, enum term_type right);

/* ---- arithmetic (math.c) ---- */
MUST_CHECK bool eval_math(struct evaluation *ev, const struct node *node, struct term *ret_term);
MUST_CHECK bool eval_negate(struct evaluation *ev, const struct node *node, struct term *ret_term);

#endif
