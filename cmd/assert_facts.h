/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen of the spans' form, each fact once, with counts: that there are spans of a name, of which
 * kind, below whom, with which attributes of which type. What --record writes and --snapshot compares.
 */
#ifndef SLUICE_CMD_ASSERT_FACTS_H
#define SLUICE_CMD_ASSERT_FACTS_H

#include "pipeline/base/arena.h"
#include "pipeline/base/hash.h"
#include "pipeline/base/slice.h"

enum { FACTS_MAX = 200000, FACTS_BYTES_MAX = 256 << 20 };

enum fact_type {
	FACT_GROUP = 0,	 /* the group was found */
	FACT_ROOTS,	 /* counted: spans without a parent id; its traces are all of the group */
	FACT_ORPHANS,	 /* counted: spans whose parent is not there; likewise */
	FACT_SERVICE,	 /* value: a service's name */
	FACT_SPAN,	 /* there are spans of this name */
	FACT_KIND,	 /* value: the kind as a word */
	FACT_PARENT,	 /* value: the parent's name, or one of the words below */
	FACT_KEY,	 /* the spans have this attribute */
	FACT_VALUE_TYPE, /* value: the type of that attribute as a word */
};

/* In place of a parent's name. No span is recorded under a name in parentheses. */
#define FACT_PARENT_NONE "(none)"
#define FACT_PARENT_ABSENT "(absent)" /* its id is there, its span is not */
#define FACT_PARENT_CIRCLE "(circle)"
#define FACT_PARENT_HIDDEN "(hidden)" /* it has a name that the policy would not let pass */

struct fact {
	struct slice group; /* a condition in OTTL that selects traces; empty: all */
	enum fact_type type;
	struct slice span, key, value; /* empty where the type has none */
	uint64_t spans;		       /* of which it is true */
	uint32_t traces;	       /* in which it was seen */
	uint32_t least, most;	       /* of these spans in a trace where it was seen */
	/* private */
	uint64_t trace, last_span;
	uint32_t in_trace;
};

struct facts {
	struct fact **at; /* sorted after facts_sort */
	size_t count;
	bool full; /* a limit was reached: what is here is not all */
	/* private */
	struct fact **slots;
	size_t slot_count;
	struct hash_key hash;
	struct arena arena;
};

void facts_init(struct facts *facts);
void facts_fini(struct facts *facts);

/* Counts that ${fact} (group, type and texts; copied) is true of span ${span} of trace ${trace}, both
 * numbered from 1. False when it was said of that span already, or there is no room. */
bool facts_add(struct facts *facts, const struct fact *fact, uint64_t trace, uint64_t span);

/* Counts trace ${trace} without a span: `least` becomes 0 for what counts per trace. */
void facts_add_trace(struct facts *facts, const struct fact *fact, uint64_t trace);

/* NULL: it was never added. */
const struct fact *facts_find(const struct facts *facts, const struct fact *fact);

/* When all is added: in order of group, span, type, key, value, by bytes. */
void facts_sort(struct facts *facts);

#endif
