/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: the filter, its scratch and its pass over one request. */
#ifndef SLUICE_PROCESSORS_SCRAPE_FILTER_INTERNAL_H
#define SLUICE_PROCESSORS_SCRAPE_FILTER_INTERNAL_H

#include "pipeline/trace/memory/trace_memory.h"
#include "pipeline/trace/otlp/edit.h"
#include "pipeline/trace/otlp/span_map.h"
#include "processors/scrape_filter/rules.h"

/* What the memory could not decide. */
enum undecided {
	UNDECIDED_CHILD_LEFT = 0, /* a child left with an earlier request */
	UNDECIDED_NOT_REMEMBERED, /* the memory had no room for a dropped span */
	UNDECIDED_COUNT
};

/* Why a span left although its parent, which nobody has seen, may be noise. */
enum unseen {
	UNSEEN_TIME_OVER = 0, /* it has waited for child_wait */
	UNSEEN_NO_ROOM,	      /* too much waited already */
	UNSEEN_COUNT
};

enum moved { MOVED_TO_ANCESTOR = 0, MOVED_TO_ROOT, MOVED_COUNT };

struct scrape_filter {
	struct log log;
	struct scrape_rules rules;
	bool closure;
	uint64_t child_wait_ns; /* 0: children do not wait */
	struct trace_memory *memory;
	uint32_t client;
	struct budget *budget;
	key_id mark_key;
	struct counter dropped[RULE_COUNT], moved[MOVED_COUNT], undecided[UNDECIDED_COUNT];
	struct counter unseen[UNSEEN_COUNT];
	uint64_t reported[RULE_COUNT]; /* of dropped, at the last report; main thread */
};

/* What is known of a span besides the rule by which it goes. */
enum span_state {
	SPAN_DECIDED = 1 << 0,	 /* its ancestors are, too */
	SPAN_PROTECTED = 1 << 1, /* a protected span is below or the span itself */
	SPAN_ALL_BELOW = 1 << 2, /* the span goes, and so does all that is below it */
	SPAN_WAITS = 1 << 3,	 /* held back until it is known what becomes of its parent */
	SPAN_LEAVES = 1 << 4,	 /* a span that does not wait is below or the span itself */
	SPAN_MOVED = 1 << 5,	 /* it has an ancestor for its parent */
};

struct scratch {
	struct budget *budget;
	struct span_map map;
	uint32_t *path;	 /* spans on the way up that are decided by what is above */
	uint8_t *rules;	 /* enum scrape_rule per span */
	uint8_t *states; /* of enum span_state per span */
	size_t span_cap, bytes_held;
};

struct pass {
	struct scrape_filter *filter;
	struct trace_view *view;
	struct scratch *scratch;
	uint32_t dropped[RULE_COUNT];
	uint32_t moved[MOVED_COUNT], undecided[UNDECIDED_COUNT], unseen[UNSEEN_COUNT];
	bool leavers_marked; /* SPAN_LEAVES is set where it should be */
	bool circle;	     /* parents form one: somebody was decided before his parent */
	bool moved_far;	     /* a span, to an ancestor that the memory named */
};

static inline struct trace_key pass_key(const struct pass *pass, uint32_t span)
{
	return (struct trace_key){pass->filter->client, view_span_trace_id(pass->view, span)};
}

/* Whether ${span} was dropped by this filter in this request. */
static inline bool pass_goes(const struct pass *pass, uint32_t span)
{
	return pass->scratch->rules[span] != RULE_NONE;
}

/* ---- waits.c ---- */

/* What became of the parent of ${span}, which is in another request. ANCESTRY_UNKNOWN: the span has to
 * be held back, until somebody knows. */
enum ancestry waits_ask(struct pass *pass, uint32_t span, uint8_t ret_id[SPAN_ID_BYTES]);

/* Holds ${span} back, which is live. */
void waits_hold(struct pass *pass, uint32_t span);

/* Remembers which spans stay. */
void waits_remember_kept(struct pass *pass);

extern const struct hold_ops scrape_filter_holds;

#endif
