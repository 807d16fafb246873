/* SPDX-License-Identifier: Apache-2.0 */
/* The names of llm_stack.def as lists, and whether a name is among them. */
#ifndef SLUICE_VOCABULARY_LLM_STACK_H
#define SLUICE_VOCABULARY_LLM_STACK_H

#include "pipeline/base/slice.h"

/* Texts that a name is compared with; one that ends in '*' stands for all that begin so. */
struct stack_names {
	const struct slice *at; /* none is empty */
	size_t count;
};

extern const struct stack_names stack_routing_spans, stack_engine_spans, stack_disaggregation_spans,
	stack_prefill_spans, stack_decode_spans, stack_background_spans, stack_request_spans;
extern const struct stack_names stack_proxy_prefixes;
extern const struct stack_names stack_model_keys;			   /* prefixes */
extern const struct stack_names stack_routing_scopes, stack_engine_scopes; /* prefixes */

/* Whether ${name} is one of ${names}. */
bool stack_names_has(const struct stack_names *names, struct slice name);

/* Whether ${text} begins with one of ${prefixes}. */
bool stack_prefixes_has(const struct stack_names *prefixes, struct slice text);

#endif
