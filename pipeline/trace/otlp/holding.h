/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run knows of spans that are held back: a span that waits for another request leaves the run
 * and comes again, in a run of its own (edit_hold_span).
 */
#ifndef SLUICE_TRACE_OTLP_HOLDING_H
#define SLUICE_TRACE_OTLP_HOLDING_H

#include "pipeline/trace/otlp/view_layout.h"

/* Spans held in this run (edit_hold_span) by the processor at work: dropped, to come again. */
static inline uint32_t view_held_spans(const struct trace_view *view)
{
	return view->held_spans;
}

static inline bool view_span_held(const struct trace_view *view, uint32_t span)
{
	return (view->flags[OWNER_SPAN][span] & FLAG_HELD) != 0;
}

/* Spans that were held in this run by any processor: not live, but nobody has dropped them. */
static inline uint32_t view_spans_to_come(const struct trace_view *view)
{
	return view->held_spans + view->away_spans;
}

static inline bool view_span_to_come(const struct trace_view *view, uint32_t span)
{
	return (view->flags[OWNER_SPAN][span] & (FLAG_HELD | FLAG_AWAY)) != 0;
}

static inline enum holding view_holding(const struct trace_view *view)
{
	return view->holding;
}

static inline bool view_may_hold(const struct trace_view *view)
{
	return view->holding == HOLDING_ON;
}

#endif
