/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From index + edit to bytes: kept ranges of the received body, minus some, plus appended fields,
 * with the nested length prefixes recomputed. Ranges that lie side by side are copied at once.
 * Unknown fields and field order are kept. Scopes and resources left without spans are not written.
 *
 * Two steps, so that admission knows the size before anything is allocated:
 *   trace_encode_measure → size and span count;  trace_encode_write → the bytes.
 */
#ifndef SLUICE_TRACE_OTLP_ENCODE_H
#define SLUICE_TRACE_OTLP_ENCODE_H

#include "pipeline/base/chunk.h"
#include "pipeline/trace/otlp/edit.h"

/* Spans [begin, end) of the index; the whole request is {0, index->span_count}. */
struct span_window {
	uint32_t begin, end;
};

struct encode_plan {
	struct span_window window;
	size_t bytes;	/* exact size of the encoded request, 0 when no span is left */
	uint32_t spans; /* live spans in the window */
};

/* Computes the plan for the live spans of ${window}. Remembers per-element lengths inside the edit
 * until the next measure; so measure, then write, for one window at a time. -1 as edit_check, with
 * ERR_LIMIT when the result would exceed TRACE_BODY_BYTES_MAX, or with ERR_NOMEM. */
MUST_CHECK int trace_encode_measure(struct trace_view *view, struct span_window window,
				    struct encode_plan *ret_plan, struct err *err);

/* Writes exactly plan->bytes at ${out}. */
void trace_encode_write(const struct trace_view *view, const struct encode_plan *plan,
			uint8_t *out);

/* Measure and write the whole request into a new chunk (span_count set). *ret_chunk is NULL when no
 * span is left. -1 with ERR_LIMIT or ERR_NOMEM. */
MUST_CHECK int trace_encode(struct trace_view *view, struct budget *budget,
			    struct chunk **ret_chunk, struct err *err);

/* As trace_encode, but of the held spans alone (edit_hold_span), with the edits made so far. */
MUST_CHECK int trace_encode_held(struct trace_view *view, struct budget *budget,
				 struct chunk **ret_chunk, struct err *err);

/*
 * Splits an encoded request into pieces of at most ${bytes_max} bytes and ${spans_max} spans (0: no
 * bound), in order, resource, scope and schema URLs repeated on each. A single span that is larger
 * than bytes_max gets a piece of its own. Calls ${take} with each piece (ownership passes to it).
 * ${view} is a clean edit of the request. -1 with ERR_NOMEM after some pieces may have been taken:
 * *ret_spans_taken says how many spans they hold.
 */
typedef void split_take(void *arg, struct chunk *piece);
MUST_CHECK int trace_split(struct trace_view *view, struct budget *budget, size_t bytes_max,
			   uint32_t spans_max, split_take *take, void *arg,
			   uint32_t *ret_spans_taken, struct err *err);

#endif
