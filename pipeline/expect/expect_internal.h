/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of pipeline/expect share: an expectation file as it was understood. Everything is in
 * the arena of the load and immutable afterwards.
 */
#ifndef SLUICE_EXPECT_EXPECT_INTERNAL_H
#define SLUICE_EXPECT_EXPECT_INTERNAL_H

#include "pipeline/config/bind.h"
#include "pipeline/expect/expectations.h"
#include "pipeline/expect/judge.h"
#include "pipeline/ottl/explain.h"
#include "pipeline/pattern/regex.h"

#include <math.h>

/* ---- parts ---------------------------------------------------------------------------------- */

/* Inclusive; without a bound infinite. Counts, bytes, nanoseconds, plain numbers. */
struct bounds {
	double min, max;
};

static inline bool bounds_hold(struct bounds bounds, double number)
{
	return number >= bounds.min && number <= bounds.max;
}

static inline struct bounds bounds_at_least(double min)
{
	return (struct bounds){min, INFINITY};
}

/* A distinct condition on spans. */
struct span_condition {
	const struct ottl_condition *condition;
	struct slice name; /* of the definition; empty: written where it is used */
	struct slice text;
	struct config_loc loc; /* of the text */
};

struct selector_term {
	uint32_t condition; /* in expectations.conditions */
	bool negated;
};

/* Spans for which all terms are true; without terms all. */
struct selector {
	struct selector_term *terms;
	uint32_t count;
	struct config_loc loc;
	bool given;
};

struct value_rule {
	struct slice key;
	key_id key_id;
	struct config_loc loc;
	bool absent, optional;
	uint32_t types; /* bit per enum value_type; 0: any */
	const struct value *any_of;
	uint32_t any_count;  /* 0: any value */
	struct regex *regex; /* NULL: none */
	struct bounds number, length;
	bool has_number, has_length;
};

struct value_rules {
	struct value_rule *at;
	uint32_t count;
};

struct relation {
	struct selector spans;
	struct bounds count;
};

/* ---- checks --------------------------------------------------------------------------------- */

enum check_id {
#define CHECK(key, doc) CHECK_##key,
#include "pipeline/expect/checks.def"
#undef CHECK
	CHECK_COUNT
};

struct check_type;

struct check {
	const struct check_type *type;
	struct slice key;
	struct config_loc loc;
	const void *params;   /* what type->parse made */
	uint32_t at;	      /* in its expectation */
	uint32_t slot_bytes;  /* that it keeps of each trace, a multiple of 8 */
	uint32_t slot_offset; /* in the entry of a trace */
};

struct capture;

struct expectation {
	struct slice title;
	struct config_loc loc;
	enum expect_scope scope;
	struct selector where, unless, spans;
	struct bounds traces, count;
	struct config_loc count_loc, traces_loc;
	const struct capture *captures;
	uint32_t capture_count;
	struct check *checks;
	uint32_t check_count;
	bool needs_denied_keys, needs_noise;
};

struct expectations {
	const struct expectation **at;
	uint32_t count;
	struct span_condition *conditions;
	uint32_t condition_count;
	uint32_t slot_bytes; /* of all checks together */
	struct freed_with_expectations *first_freed;
};

/* What is on the heap: expressions. */
struct freed_with_expectations {
	struct freed_with_expectations *next;
	const struct ottl_condition *condition;
	const struct ottl_value *value;
	struct regex *regex;
};

/* ---- loading -------------------------------------------------------------------------------- */

struct definition {
	struct slice name, text;
	uint32_t condition;
};

struct loading {
	const struct config_load *load;
	struct config_report *report;
	struct arena *arena;
	struct key_table *keys;
	struct expectations *e;
	struct definition *definitions;
	uint32_t definition_count;
	struct expectation *expectation; /* that is being read */
	const char *path;		 /* of the key that is being read */
	size_t errors_before;
	bool no_memory;
};

/* An error about ${node} at the path of ${loading}. Returns false. */
bool load_problem(struct loading *loading, struct config_loc loc, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* Memory for ${count} elements; NULL latches loading->no_memory. */
void *load_alloc(struct loading *loading, size_t count, size_t size);
/* Keeps what has to be freed. False: no memory, and freed already. */
bool load_keep(struct loading *loading, const struct ottl_condition *condition,
	       const struct ottl_value *value, struct regex *regex);
/* Binds ${node} by ${block} under the loading's path. False when there were problems. */
bool load_bind(struct loading *loading, const struct config_block *block,
	       const struct config_node *node, void *config);
/* The items of a list, or *${node} alone when it is none. */
const struct config_node *const *load_items(const struct config_node *const *node,
					    size_t *ret_count);
/* The place of byte ${offset} of a scalar: exact on one line, else the scalar's beginning. */
struct config_loc load_place(const struct config_node *node, uint64_t offset);

/* expectation.c: the form of one expectation, what it is bound to, and what is made of that. */
struct expectation_block;
extern const struct config_block expectation_block;
void expectation_read(struct loading *loading, const struct config_node *node,
		      const struct expectation_block *block, size_t at);

/* selector.c */
bool selector_parse(struct loading *loading, const struct config_node *node,
		    struct selector *ret_selector);
/* Whether ${text} can be the name of a definition: it is no OTTL condition. */
bool selector_is_name(struct slice text);
/* ${node} NULL: selects all. */
bool selector_parse_optional(struct loading *loading, const struct config_node *node,
			     struct selector *ret_selector);
bool relation_parse(struct loading *loading, const struct config_node *node,
		    struct relation *ret_relation);
/* Adds the condition ${text}, which ${node} stands for (NULL: built in). */
bool condition_add(struct loading *loading, const struct config_node *node, struct slice text,
		   struct slice name, uint32_t *ret_at);
const struct ottl_condition *
condition_parse(struct loading *loading, const struct config_node *node, enum ottl_context context);
const struct ottl_value *value_parse(struct loading *loading, const struct config_node *node);

/* definitions.c */
bool definition_add(struct loading *loading, struct slice name, struct config_loc loc,
		    const struct config_node *node, struct slice text);
/* The names of the set ${name} ("llm-d", "llm-d@v0.9"). False with a problem at ${loc}. */
bool definitions_import(struct loading *loading, struct slice name, struct config_loc loc);

/* bounds.c */
enum bounds_unit { BOUNDS_COUNT = 0, BOUNDS_NUMBER, BOUNDS_DURATION };
bool bounds_parse(struct loading *loading, const struct config_node *node, enum bounds_unit unit,
		  struct bounds *ret_bounds);
/* From the `min` and `max` of a map; NULL: without. At least one of them. */
bool bounds_of_nodes(struct loading *loading, const struct config_node *node,
		     const struct config_node *min, const struct config_node *max,
		     enum bounds_unit unit, struct bounds *ret_bounds);
/* One duration. */
bool duration_parse(struct loading *loading, const struct config_node *node, double *ret_ns);

/* rule.c */
bool rule_parse(struct loading *loading, const struct config_node *node, struct value_rule *rule);
bool rules_parse(struct loading *loading, const struct config_node *node,
		 struct value_rules *ret_rules);

/* ---- judging -------------------------------------------------------------------------------- */

struct trial;

struct check_type {
	/* Fills check->params from ${node}, of the value under its key. False with a problem. */
	bool (*parse)(struct loading *loading, const struct config_node *node, struct check *check);
	/* Once for a trace, before the others: what `span` needs, into trial_work. */
	void (*prepare)(struct trial *trial, const struct check *check);
	/* Whether the selected ${span} passes; tells what is missing by trial_miss. NULL: all do. */
	bool (*span)(struct trial *trial, const struct check *check, uint32_t span);
	/* Likewise for a trace as a whole. */
	bool (*trace)(struct trial *trial, const struct check *check);
	/* Puts into ${slot} what it keeps of the trace under trial; `clear` undoes it. */
	void (*fill)(struct trial *trial, const struct check *check, void *slot);
	void (*clear)(const struct check *check, void *slot, struct budget *budget);
	/* Over the slots of all traces that the expectation speaks of. */
	bool (*all)(struct trial *trial, const struct check *check, void *const *slots,
		    uint32_t count);
};

#define CHECK(key, doc) extern const struct check_type check_type_##key;
#include "pipeline/expect/checks.def"
#undef CHECK

/* capture.c */
bool captures_parse(struct loading *loading, const struct config_node *node,
		    struct expectation *expectation);

#endif
