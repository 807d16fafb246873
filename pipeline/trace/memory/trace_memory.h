/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one request teaches about a trace for the requests that follow. Spans of a trace come from
 * different pods, connections and seconds; some truths about a span stand in another request: the
 * model that the gateway chose, the user that the application named, the parent that a filter
 * dropped.
 *
 * One memory per process, striped by trace id with a lock per stripe: any shard reads and writes.
 * Bounded in traces, bytes and age; what goes is counted with the reason. It forgets, so nobody may
 * rely on it: a caller says what it does with a trace that is not remembered.
 *
 * Each component instance that uses the memory is a client and sees what it wrote itself, nothing
 * else: one pipeline may have dropped a span, or hashed a user, that another one keeps.
 *
 * Thread-safe, but for trace_memory_join and trace_memory_register (while the graph is built).
 */
#ifndef SLUICE_TRACE_MEMORY_TRACE_MEMORY_H
#define SLUICE_TRACE_MEMORY_TRACE_MEMORY_H

#include "pipeline/base/arena.h"
#include "pipeline/base/budget.h"
#include "pipeline/base/metrics.h"
#include "pipeline/base/slice.h"
#include "pipeline/trace/value/field_numbers.h"

enum {
	TRACE_FACT_BYTES_MAX = 1024,   /* of one fact; longer ones are not remembered */
	TRACE_MEMORY_SPANS_MAX = 4096, /* span ids remembered of one trace */
	TRACE_MEMORY_HOPS_MAX = 64,    /* dropped ancestors looked through for a kept one */
};

struct trace_memory;

struct trace_memory_limits {
	uint32_t traces_max; /* of all clients together */
	uint64_t bytes_max;
	uint64_t age_ns; /* since the last request that touched the trace */
};

typedef uint64_t trace_memory_clock(void);

/* ${budget} outlives the memory; ${clock} gives monotonic nanoseconds, NULL: the real one. */
MUST_CHECK struct trace_memory *trace_memory_new(struct budget *budget, trace_memory_clock *clock);
void trace_memory_free(struct trace_memory *memory);

/* Counters and gauges of the memory. False when memory is short. */
bool trace_memory_register(struct trace_memory *memory, struct metrics *metrics);

/* A new client, never 0. Limits become the largest that any client asked for. */
uint32_t trace_memory_join(struct trace_memory *memory, const struct trace_memory_limits *limits);

/* Forgets what is older than age_ns. Called every few seconds; use of a stripe does it, too. */
void trace_memory_sweep(struct trace_memory *memory);

struct trace_key {
	uint32_t client;
	struct slice trace_id; /* 16 bytes */
};

/* ---- facts ---- */

enum trace_fact {
	TRACE_FACT_NAME = 0,
	TRACE_FACT_USER,
	TRACE_FACT_SESSION,
	TRACE_FACT_TAGS, /* content of an ArrayValue message */
	TRACE_FACT_METADATA,
	TRACE_FACT_RELEASE,
	TRACE_FACT_VERSION,
	TRACE_FACT_ENVIRONMENT,
	TRACE_FACT_PUBLIC,
	TRACE_FACT_DISAGGREGATED, /* prefill and decode ran in different places */
	TRACE_FACT_MODEL,
	TRACE_FACT_COUNT
};

enum { TRACE_NOTED_WORDS = 4 };

/* Facts of one trace, as a request has them and as the memory completes them. */
struct trace_facts {
	struct slice text[TRACE_FACT_COUNT]; /* len 0: not known */
	uint8_t rank[TRACE_FACT_COUNT];	     /* a fact of a higher rank replaces a lower one */
	bool conflict[TRACE_FACT_COUNT];     /* two texts of the same, highest rank were seen */
	uint64_t noted[TRACE_NOTED_WORDS];   /* out: for trace_note_may_be */
};

/* Adds a fact to ${facts}: higher rank wins, then the first. ${text} is borrowed. */
void trace_facts_add(struct trace_facts *facts, enum trace_fact fact, uint8_t rank,
		     struct slice text);

/* Remembers ${facts} of the trace and completes them with what is remembered, copied into ${arena}.
 * One lock. False when something could not be remembered or copied (memory short): it is then as it
 * was given. */
bool trace_memory_exchange(struct trace_memory *memory, struct trace_key key,
			   struct trace_facts *facts, struct arena *arena);

/* How much is remembered of a trace; all 0 when nothing is. */
struct trace_progress {
	uint32_t facts;	  /* a bit for each enum trace_fact */
	uint32_t notes;	  /* how many */
	uint32_t settled; /* spans that were awaited and of which it is known by now what became */
};

/* One lock. */
struct trace_progress trace_memory_progress(struct trace_memory *memory, struct trace_key key);

/* Adds ${step} to the trace's tally for the span ${id} and returns what the tally was before; 0 when
 * the trace cannot be remembered. A span that comes again (its sender tries again) is not counted
 * again and gets the same answer. */
int32_t trace_memory_tally(struct trace_memory *memory, struct trace_key key, struct slice id,
			   int32_t step);

/* ---- notes ---- */

/* Something about one thing of the trace. Names are hashes that tell kinds of things apart. */
struct trace_note {
	uint64_t name;
	uint64_t value; /* not 0; 0: only asked for */
};

/* Whether a note of that name may be remembered, by what trace_memory_exchange has left in ${facts}:
 * where it is not, nobody has to ask. A Bloom filter of one bit a name. */
static inline bool trace_note_may_be(const struct trace_facts *facts, uint64_t name)
{
	return facts->noted[name >> 6 & (TRACE_NOTED_WORDS - 1)] >> (name & 63) & 1;
}

/* Sets the value of each note to the one that is remembered under its name; where there is none, the
 * note's own is remembered. The first one stays. One lock. */
void trace_memory_notes(struct trace_memory *memory, struct trace_key key, struct trace_note *notes,
			size_t count);

/* ---- dropped and kept spans ---- */

struct dropped_span {
	struct slice id;     /* 8 bytes */
	struct slice parent; /* 8 bytes, or empty: it was a root */
};

enum ancestry {
	ANCESTRY_KEPT = 0, /* not remembered as dropped */
	ANCESTRY_MOVED,	   /* dropped; ret_id is the nearest ancestor that is not */
	ANCESTRY_ROOT,	   /* dropped, and so was everything above it */
	ANCESTRY_UNKNOWN,  /* neither dropped nor kept (trace_memory_await) */
};

/* Remembers that ${count} spans of the trace were dropped. *ret_orphans: for how many of them a
 * child asked before (trace_memory_ancestor) and has left. Returns how many were remembered. */
size_t trace_memory_drop(struct trace_memory *memory, struct trace_key key,
			 const struct dropped_span *spans, size_t count, uint32_t *ret_orphans);

/* What became of the span ${id} of the trace, the parent of a span that is about to leave. The
 * question is remembered, so that a later drop of ${id} can be counted as an orphan made. */
enum ancestry trace_memory_ancestor(struct trace_memory *memory, struct trace_key key,
				    struct slice id, uint8_t ret_id[SPAN_ID_BYTES]);

/* The same, of the parent of a span that can wait. ANCESTRY_UNKNOWN: nobody has said what became of
 * ${id}. With ${waits} the child stays until somebody does, and is not remembered as having left. */
enum ancestry trace_memory_await(struct trace_memory *memory, struct trace_key key, struct slice id,
				 bool waits, uint8_t ret_id[SPAN_ID_BYTES]);

/* Remembers that ${count} spans of the trace stay, by their ids (8 bytes). Costs a trace the same
 * few bytes however many they are: of a trace with hundreds of spans, some that never came count as
 * kept, too (a Bloom filter). */
void trace_memory_keep(struct trace_memory *memory, struct trace_key key, const struct slice *ids,
		       size_t count);

#endif
