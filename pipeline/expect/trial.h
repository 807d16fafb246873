/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace under trial: the view on it, its tree, which spans each condition is true of, and the memory
 * for all that, which is reused from trace to trace. For the files of pipeline/expect, and for who
 * takes down spans as they will be judged (cmd/assert_survey.c).
 */
#ifndef SLUICE_EXPECT_TRIAL_H
#define SLUICE_EXPECT_TRIAL_H

#include "pipeline/base/hash.h"
#include "pipeline/expect/expect_internal.h"

#define NO_SPAN EXPECT_NO_SPAN

enum span_flag {
	SPAN_ORPHAN = 1 << 0,	 /* its parent is not in the trace */
	SPAN_CYCLIC = 1 << 1,	 /* it is its own ancestor; has no parent in the tree */
	SPAN_DUPLICATE = 1 << 2, /* another span has its id */
	SPAN_ROOT = 1 << 3,	 /* it names no parent */
};

/*
 * Index arrays over the spans of a view. Repeated deliveries are in no list. Spans whose id is empty
 * have no children. Preorder: order[at] is a span, position[span] its place, and its descendants are
 * order[position + 1 .. end).
 */
struct span_tree {
	uint32_t count;				       /* spans without repeated ones, in order[] */
	uint32_t *parent, *first_child, *next_sibling; /* or NO_SPAN */
	uint32_t *order, *position, *end;
	uint8_t *flags; /* enum span_flag */
};

struct trial {
	const struct expectations *e;
	const struct judge_env *env;
	struct budget *budget;
	struct trace_view *view;
	struct ottl_scratch *scratch;
	struct regex_scratch *regex;
	struct hash_key hash;
	struct chunk *body;
	struct arena arena;  /* of the trace under trial */
	uint32_t span_count; /* of the view, repeated ones included */
	uint32_t word_count; /* of a bit set over them */
	struct span_tree tree;
	uint64_t *live;		   /* bit set: not a repeated delivery */
	uint64_t **condition_bits; /* NULL: not evaluated yet */

	/* of the expectation that is judged */
	const struct expectation *expectation;
	const uint64_t *selected;
	void **work; /* by check->at */

	/* what is missing */
	const struct judge_listener *listener; /* NULL: nobody wants to know */
	uint32_t misses;
	char why[256];
	bool no_memory;
};

MUST_CHECK int trial_init(struct trial *trial, const struct expectations *e,
			  const struct key_table *keys, const struct judge_env *env,
			  struct budget *budget, struct err *err);
void trial_fini(struct trial *trial);

/* Opens ${trace}. -1 with the error; nothing is open then. */
MUST_CHECK int trial_open(struct trial *trial, const struct trace_buffer *buffer,
			  const struct buffered_trace *trace, struct err *err);
void trial_close(struct trial *trial);

/* Zeroed memory until trial_close; NULL latches no_memory. */
void *trial_alloc(struct trial *trial, size_t count, size_t size);

/* The spans of ${selector}, a bit set; never NULL, without memory an empty one. */
const uint64_t *trial_select(struct trial *trial, const struct selector *selector);

static inline bool bit_get(const uint64_t *bits, uint32_t at)
{
	return (bits[at / 64] >> (at % 64)) & 1;
}

static inline void bit_set(uint64_t *bits, uint32_t at)
{
	bits[at / 64] |= UINT64_C(1) << (at % 64);
}

/* The first span of ${bits} at ${from} or behind; NO_SPAN: none. */
uint32_t bits_next(const uint64_t *bits, uint32_t word_count, uint32_t from);
uint32_t bits_count(const uint64_t *bits, uint32_t word_count);

#define FOR_EACH_BIT(span, bits, trial)                                                            \
	for (uint32_t span = bits_next(bits, (trial)->word_count, 0); span != NO_SPAN;             \
	     span = bits_next(bits, (trial)->word_count, span + 1))

/* The elements whose attributes go with a span: itself, its events, its links, its scope, its
 * resource. */
struct owner_walk {
	uint32_t span, at;
};
bool trial_next_owner(const struct trial *trial, struct owner_walk *walk, struct owner *ret_owner);

/* From ${from_ns} to ${to_ns}, exact where their difference as a double would not be; negative when
 * that is backwards. */
static inline double time_between(uint64_t from_ns, uint64_t to_ns)
{
	return (double)(int64_t)(to_ns - from_ns);
}

static inline double trial_duration(const struct trial *trial, uint32_t span)
{
	return time_between(view_span_start_ns(trial->view, span),
			    view_span_end_ns(trial->view, span));
}

/* ---- telling what is missing; each returns false, so that checks can return it ---- */

bool trial_miss(struct trial *trial, const struct expect_miss *miss);
/* A miss of ${check} without a value. */
bool trial_miss_why(struct trial *trial, const struct check *check, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* A number that is out of bounds: "is 3, at least 4 wanted". */
bool trial_miss_bounds(struct trial *trial, struct config_loc loc, struct slice wanted,
		       const char *what, struct bounds bounds, double number, bool is_time);
/* A miss of ${check} with a value. */
bool trial_miss_value(struct trial *trial, const struct check *check, struct config_loc loc,
		      const char *why, const struct expect_found *found);

/* Judges value ${found} (NULL: not there) by ${rule} (rule_judge.c). */
bool rule_judge(struct trial *trial, const struct check *check, const struct value_rule *rule,
		const struct value *found);
bool rules_judge(struct trial *trial, const struct check *check, const struct value_rules *rules,
		 struct owner owner);

/* Tells each part of ${condition} that is not true of element ${at} (explain.c). Returns how many. */
uint32_t condition_misses(struct trial *trial, const struct ottl_condition *condition,
			  struct slice text, struct config_loc loc, uint32_t at);

/* span_tree.c. False: no memory. */
MUST_CHECK bool span_tree_build(struct trial *trial);

/* ---- what a trace amounts to (tally.c) ---- */

/* A span takes some bytes of the 2 GiB that a trace can have. */
#define TALLY_FAILED_MAX ((1u << 30) - 1)

struct trace_tally {
	uint32_t selected;
	uint32_t failed : 30; /* spans */
	uint32_t spoken_of : 1, bad : 1;
};

/* Judges the open trace by ${expectation}; fills ${slots}, the entry's memory for checks. */
struct trace_tally trial_judge(struct trial *trial, const struct expectation *expectation,
			       void *slots);

/* The parts of it. */
void trial_begin(struct trial *trial, const struct expectation *expectation);
bool trial_span_passes(struct trial *trial, uint32_t span);
bool trial_trace_passes(struct trial *trial);
bool trial_count_passes(struct trial *trial, double selected);

#endif
