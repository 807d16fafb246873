/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory limit in front of a pipeline. Everything that grows with traffic (bodies being received,
 * indexes, queues, compressed copies) is charged to the process's byte budget when it is allocated,
 * so the limit is exact: it needs no sampling interval and no garbage collector to catch up.
 *
 *   above the soft limit   a request is refused before its index is made: UNAVAILABLE / 503
 *   at the hard limit      the bytes of a body being received are not even taken
 *
 * The budget is the process's: with several limits the smallest holds for all.
 */
#ifndef SLUICE_GRAPH_MEMORY_LIMIT_H
#define SLUICE_GRAPH_MEMORY_LIMIT_H

#include "pipeline/graph/component.h"

struct memory_limit;

/* For the descriptor of the processor that it is made for. */
extern const struct metric_table memory_limit_metrics;

/* Bounds the budget of ${env} by ${hard_bytes}; speaks as that processor. NULL: no memory. */
MUST_CHECK struct memory_limit *memory_limit_new(const struct component_env *env,
						 uint64_t hard_bytes, uint64_t soft_bytes);
void memory_limit_free(struct memory_limit *limit);

/* Registers ${spans} as what processor ${id} let pass. */
MUST_CHECK bool memory_limit_register_accepted(struct metrics *metrics, const char *id,
					       const struct counter *spans);

/* Whether there is room for the request ${body}, which is itself part of what is held:
 * OUTCOME_TAKEN, or OUTCOME_RETRY with ERR_NOMEM, counted. Any thread. */
enum outcome memory_limit_admit(struct memory_limit *limit, struct slice body, struct err *err);

#endif
