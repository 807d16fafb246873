/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer of spans that a processor holds back, because another request of their trace may say
 * what they lack. They wait encoded, as they were before the processor, and run from there on when
 * what they wait for has come, or when their time is over. As every consumer it keeps what it took
 * until the next one has taken it; it pushes back when it is full, never drops, and a crash loses
 * what is in it.
 */
#ifndef SLUICE_GRAPH_HELD_SPANS_H
#define SLUICE_GRAPH_HELD_SPANS_H

#include "pipeline/graph/consumer.h"

struct pipeline;
struct processor_node;

/* For processor number ${at} of stage ${stage}, which holds spans for ${wait_ns} at most; registers
 * its series. NULL: no memory. */
MUST_CHECK struct consumer *held_spans_new(struct pipeline *pipeline, size_t stage, size_t at,
					   const struct processor_node *processor,
					   uint64_t wait_ns);

/* Whether the room for what waits is used up. Any thread. */
bool held_spans_full(struct consumer *consumer);

#endif
