/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace buffer: spans by trace, as received bytes plus a small entry each, until their trace is
 * taken out: printed as a tree, judged, sampled, let go. The only place where spans wait by trace.
 *
 * Nothing is copied of a span: the buffer holds the chunks that the spans came in, and for each of
 * their scopes once what stands around its spans. A trace is read as one OTLP request, made of its
 * spans' bytes in the order in which they came, fields that the schema does not know included.
 *
 *   bodies   chunk ─ what is around the spans of each scope        counted by the spans kept of it
 *   traces   in order of arrival, found by trace id ─ spans: body, scope, offset and length
 *
 * Bounds: bytes (whole chunks count, as long as one span of them is kept), traces, spans, age. At a
 * bound either the oldest traces go, each handed to `evicted` first, or new spans are refused; both
 * are counted by the reason. Everything is charged to the budget.
 *
 * Not thread-safe: one owner. Times are clock_monotonic_ns.
 */
#ifndef SLUICE_TRACE_BUFFER_TRACE_BUFFER_H
#define SLUICE_TRACE_BUFFER_TRACE_BUFFER_H

#include "pipeline/trace/otlp/view.h"

enum trace_bound {
	TRACE_BOUND_BYTES = 0,
	TRACE_BOUND_TRACES,
	TRACE_BOUND_SPANS,
	TRACE_BOUND_AGE,
	TRACE_BOUND_MEMORY, /* the budget or the allocator had no more */
	TRACE_BOUND_COUNT
};

/* What the owner of a buffer notes about a trace; zeros at first. */
struct trace_notes {
	uint32_t judged;   /* spans when it was last looked at */
	uint32_t shown;	   /* spans when it was last shown; 0: never */
	uint32_t distinct; /* of those */
	bool whole;	   /* nothing seemed to be missing */
};

/* One trace. Read-only for all but the buffer. */
struct buffered_trace {
	uint8_t id[TRACE_ID_BYTES]; /* zeros: spans without a trace id */
	uint32_t span_count;
	uint64_t first_ns, seen_ns; /* when its first span was added, and its last */
	struct trace_notes notes;

	/* private */
	struct kept_span *spans;
	uint32_t capacity;
	struct buffered_trace *older, *newer, *next_in_slot;
};

struct trace_buffer_config {
	size_t bytes_max;
	uint32_t traces_max, spans_max; /* spans of all traces */
	uint64_t age_max_ns;		/* since the first span; 0: none */
	bool refuse_new;		/* at a bound: refuse new spans instead of letting old go */
	/* Called before a trace is let go for ${bound}; it may be read there. May be NULL. */
	void (*evicted)(void *arg, const struct buffered_trace *trace, enum trace_bound bound);
	void *arg;
};

struct trace_buffer;

/* ${budget} outlives the buffer. NULL: no memory. */
MUST_CHECK struct trace_buffer *trace_buffer_new(const struct trace_buffer_config *config,
						 struct budget *budget);
void trace_buffer_free(struct trace_buffer *buffer);

/*
 * Adds the live spans of ${view}, which is open on ${chunk} and has no edits (ASSERTed by
 * view_is_clean); the buffer takes a reference to the bytes. Returns the spans that were kept; the
 * others were refused and are counted.
 */
uint32_t trace_buffer_add(struct trace_buffer *buffer, const struct trace_view *view,
			  struct chunk *chunk, uint64_t now_ns);

/* Lets the traces go that are older than age_max_ns. */
void trace_buffer_expire(struct trace_buffer *buffer, uint64_t now_ns);

/* The trace with the 16-byte ${id}, NULL when there is none. */
const struct buffered_trace *trace_buffer_find(const struct trace_buffer *buffer, struct slice id);

/* The trace that came first, and the one that came after ${trace}; NULL: there is none. */
const struct buffered_trace *trace_buffer_first(const struct trace_buffer *buffer);
const struct buffered_trace *trace_buffer_next(const struct buffered_trace *trace);

/* The trace as an OTLP request in a new chunk, span_count set; NULL when there is no memory. */
MUST_CHECK struct chunk *trace_buffer_request(const struct trace_buffer *buffer,
					      const struct buffered_trace *trace);

/* Replaces the notes of ${trace}, which is in ${buffer}. */
void trace_buffer_note(struct trace_buffer *buffer, const struct buffered_trace *trace,
		       struct trace_notes notes);

/* Forgets a trace that was taken out; it counts as neither evicted nor refused. */
void trace_buffer_remove(struct trace_buffer *buffer, const struct buffered_trace *trace);

/* What is kept now. */
size_t trace_buffer_bytes(const struct trace_buffer *buffer);
uint32_t trace_buffer_spans(const struct trace_buffer *buffer);
uint32_t trace_buffer_traces(const struct trace_buffer *buffer);

/* Spans that went for ${bound}, evicted or refused, since the beginning. */
uint64_t trace_buffer_lost(const struct trace_buffer *buffer, enum trace_bound bound);

#endif
