/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each list is the rows of llm_stack.def under one macro. Lists are short and searched from the front.
 */
#include "pipeline/vocabulary/llm_stack.h"

#include "pipeline/base/compiler.h"

#define NAMES(list)                                                                                \
	{                                                                                          \
		(list), ARRAY_COUNT(list)                                                          \
	}

static const struct slice routing_spans[] = {
#define ROUTING_SPAN(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_routing_spans = NAMES(routing_spans);

static const struct slice engine_spans[] = {
#define ENGINE_SPAN(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_engine_spans = NAMES(engine_spans);

static const struct slice disaggregation_spans[] = {
#define DISAGGREGATION_SPAN(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_disaggregation_spans = NAMES(disaggregation_spans);

static const struct slice prefill_spans[] = {
#define PREFILL_SPAN(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_prefill_spans = NAMES(prefill_spans);

static const struct slice decode_spans[] = {
#define DECODE_SPAN(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_decode_spans = NAMES(decode_spans);

static const struct slice background_spans[] = {
#define BACKGROUND_SPAN(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_background_spans = NAMES(background_spans);

static const struct slice request_spans[] = {
#define REQUEST_SPAN(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_request_spans = NAMES(request_spans);

static const struct slice proxy_prefixes[] = {
#define PROXY_PREFIX(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_proxy_prefixes = NAMES(proxy_prefixes);

static const struct slice routing_scopes[] = {
#define ROUTING_SCOPE(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_routing_scopes = NAMES(routing_scopes);

static const struct slice engine_scopes[] = {
#define ENGINE_SCOPE(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_engine_scopes = NAMES(engine_scopes);

static const struct slice model_keys[] = {
#define MODEL_KEY(text) SLICE_INIT(text),
#include "pipeline/vocabulary/llm_stack.def"
};
const struct stack_names stack_model_keys = NAMES(model_keys);

bool stack_names_has(const struct stack_names *names, struct slice name)
{
	for (size_t i = 0; name.len > 0 && i < names->count; i++) {
		/* Most names differ in their first letter, and every span is asked about. */
		if (name.ptr[0] == names->at[i].ptr[0] && slice_fits(name, names->at[i]))
			return true;
	}
	return false;
}

bool stack_prefixes_has(const struct stack_names *prefixes, struct slice text)
{
	for (size_t i = 0; i < prefixes->count; i++) {
		if (slice_has_prefix(text, prefixes->at[i]))
			return true;
	}
	return false;
}
