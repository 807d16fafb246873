/* SPDX-License-Identifier: Apache-2.0 */
/* The judge's memory, for judge.c and explain.c. */
#ifndef SLUICE_EXPECT_JUDGE_INTERNAL_H
#define SLUICE_EXPECT_JUDGE_INTERNAL_H

#include "pipeline/expect/trial.h"

/* Of one trace. Behind the tallies, at slots_offset, what checks keep of it. */
struct entry {
	uint8_t id[TRACE_ID_BYTES];
	uint64_t seen_ns;
	uint32_t span_count; /* when it was judged; 0: never */
	struct trace_tally tallies[];
};

struct judge {
	const struct expectations *e;
	struct judge_env env;
	struct budget *budget;
	struct trial trial;
	uint8_t *entries; /* in the buffer's order */
	size_t entry_bytes, slots_offset;
	size_t capacity;
	uint32_t count;
};

static inline struct entry *judge_entry(const struct judge *judge, uint32_t at)
{
	return (struct entry *)(void *)(judge->entries + at * judge->entry_bytes);
}

static inline void *entry_slot(const struct judge *judge, struct entry *entry,
			       const struct check *check)
{
	return (uint8_t *)entry + judge->slots_offset + check->slot_offset;
}

/* The checks over all traces of expectation ${at}; misses go to the trial's listener. */
bool judge_all_checks_pass(struct judge *judge, uint32_t at);

#endif
