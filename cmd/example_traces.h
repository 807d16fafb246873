/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The example traces that Sluice ships: what an LLM-serving stack sends, span by span, as OTLP
 * requests. They hold metadata only, but for "rag", which has prompts, answers and documents (made
 * up) to show what happens to them. Ids come from the seed and the variation alone, so two runs with
 * the same numbers send the same trace, shifted in time.
 */
#ifndef SLUICE_CMD_EXAMPLE_TRACES_H
#define SLUICE_CMD_EXAMPLE_TRACES_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"

enum { EXAMPLE_REQUESTS_MAX = 8 }; /* services of one trace, each sends its own request */

struct example_variant {
	uint64_t seed;
	uint64_t variation; /* 0: durations and tokens of the table; others: up to 25 % beside */
	uint64_t end_ns;    /* Unix time at which the last span ends; now, as a rule */
	bool merged;	    /* one request with all services instead of one request per service */
};

struct example_requests {
	struct chunk *items[EXAMPLE_REQUESTS_MAX]; /* span_count is set */
	size_t count;
};

size_t example_trace_count(void);

/* A short name for command lines ("llm-d") and one line for people. ${which} < the count. */
const char *example_trace_name(size_t which);
const char *example_trace_description(size_t which);

/* Spans that trace ${which} has in all its requests together. */
uint32_t example_trace_spans(size_t which);

/* Builds trace ${which}, charged to ${budget}; the caller releases what it gets with
 * example_requests_fini. 0, or -1 with ERR_NOMEM; ${ret_requests} is empty then. */
MUST_CHECK int example_trace_build(size_t which, const struct example_variant *variant,
				   struct budget *budget, struct example_requests *ret_requests,
				   struct err *err);

void example_requests_fini(struct example_requests *requests);

#endif
