/* SPDX-License-Identifier: Apache-2.0 */
/* What the memory consists of. Shared by the files of this folder alone. */
#ifndef SLUICE_TRACE_MEMORY_TRACE_MEMORY_INTERNAL_H
#define SLUICE_TRACE_MEMORY_TRACE_MEMORY_INTERNAL_H

#include "pipeline/base/hash.h"
#include "pipeline/trace/memory/trace_memory.h"

#include <pthread.h>

enum span_state {
	SPAN_FREE = 0,	/* the slot holds nothing */
	SPAN_NEW,	/* just added: nothing is known yet */
	SPAN_ASKED_FOR, /* kept, as far as is known; a child of it has left */
	SPAN_DROPPED,
	SPAN_DROPPED_ROOT, /* it had no parent */
	SPAN_NOTED,	   /* no span: a note, by its name, with its value in `parent` */
};

struct span_slot {
	uint8_t id[SPAN_ID_BYTES];
	uint8_t parent[SPAN_ID_BYTES]; /* SPAN_DROPPED */
	uint8_t state;		       /* enum span_state */
	bool tallied;
	bool awaited;	      /* a child waits for what becomes of it */
	int32_t tally_before; /* what the tally was when it was added to for this span */
};

/* Span ids of one trace: open addressing, at most three quarters in use, never shrinks. */
struct trace_spans {
	struct span_slot *slots;
	uint32_t slot_count; /* a power of two, or 0 */
	uint32_t count;
};

struct span_slot *trace_spans_find(const struct trace_spans *spans, struct hash_key key,
				   struct slice id);
bool trace_spans_is_full(const struct trace_spans *spans);
size_t trace_spans_bytes(const struct trace_spans *spans);
size_t trace_spans_growth(const struct trace_spans *spans); /* bytes that grow would add */
bool trace_spans_grow(struct trace_spans *spans, struct hash_key key);

/* Adds ${id}, which is not there, as SPAN_NEW. The set is not full. */
struct span_slot *trace_spans_add(struct trace_spans *spans, struct hash_key key, struct slice id);

struct memory_fact {
	uint8_t *text; /* owned */
	uint16_t len;
	uint8_t rank;
	bool conflict;
};

/* Of 25 spans, a stranger is taken for one in 1 of 400 cases; of 100, in 1 of 12. */
enum { KEPT_WORDS = 8, KEPT_BITS = 3 };

struct memory_entry {
	struct memory_entry *next;	    /* in the bucket */
	struct memory_entry *newer, *older; /* in order of use */
	uint64_t hash;
	uint64_t used_ns;
	uint32_t client;
	int32_t tally;
	uint32_t note_count, awaited_count, settled_count;
	uint64_t noted[TRACE_NOTED_WORDS]; /* a bit per name of a note */
	uint64_t kept[KEPT_WORDS];	   /* KEPT_BITS bits per span that stays */
	uint8_t trace_id[TRACE_ID_BYTES];
	struct memory_fact facts[TRACE_FACT_COUNT];
	struct trace_spans spans;
};

enum {
	STRIPES = 64,	/* a power of two */
	BUCKETS = 1024, /* per stripe, a power of two */
};

struct stripe {
	pthread_mutex_t lock;
	struct memory_entry *buckets[BUCKETS];
	struct memory_entry *newest, *oldest;
	uint32_t count;
	uint64_t bytes;
};

enum evicted { EVICTED_TRACES = 0, EVICTED_BYTES, EVICTED_AGE, EVICTED_COUNT };

struct trace_memory {
	struct budget *budget; /* immutable */
	trace_memory_clock *clock;
	struct hash_key hash;
	struct trace_memory_limits limits; /* immutable once shards run */
	uint32_t client_count;
	_Atomic uint64_t traces, bytes;
	struct counter evicted[EVICTED_COUNT], refused;
	struct stripe stripes[STRIPES];
};

/* The hash of a trace, which says its stripe and its bucket. */
uint64_t memory_hash(const struct trace_memory *memory, struct trace_key key);

/* The stripe of ${hash}, locked. All that follows wants it so. */
struct stripe *memory_lock(struct trace_memory *memory, uint64_t hash);

/* The trace's entry, which becomes the newest; NULL when there is none, or no memory for a new one. */
struct memory_entry *memory_find(struct trace_memory *memory, struct stripe *stripe, uint64_t hash,
				 struct trace_key key);
struct memory_entry *memory_find_or_add(struct trace_memory *memory, struct stripe *stripe,
					uint64_t hash, struct trace_key key);

/* Takes bytes for an entry from the budget; a refusal is counted. */
bool memory_charge(struct trace_memory *memory, struct stripe *stripe, size_t bytes);
void memory_discharge(struct trace_memory *memory, struct stripe *stripe, size_t bytes);

/* Forgets the oldest traces of the stripe while it is over one of its limits. */
void memory_keep_bounds(struct trace_memory *memory, struct stripe *stripe, uint64_t now_ns);

#endif
