/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few facts of a span that a line shows, copied into one entry of a fixed size.
 */
#include "exporters/debug/tree_internal.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/le.h"

#include <stdlib.h>

enum fact {
	FACT_MODEL = 0,
	FACT_PROMPT_TOKENS,
	FACT_OUTPUT_TOKENS,
	FACT_MAX_TOKENS,
	FACT_TTFT_SECONDS,
	FACT_TTFT_MS,
	FACT_QUEUE_SECONDS,
	FACT_HTTP_STATUS,
	FACT_CACHE_HIT,
	FACT_ERROR_TYPE,
	FACT_COUNT
};

/* Of several models on one span the one whose key stands first is shown. */
static const struct {
	struct slice key;
	enum fact fact;
} facts[] = {
#define STACK_KEY(fact_, key_) {SLICE_INIT(key_), FACT_##fact_},
#include "pipeline/vocabulary/llm_stack.def"
};

/* Copies what fits of ${text}, whole characters only. Returns the length. */
static uint8_t copy_beginning(uint8_t *bytes, size_t bytes_max, struct slice text, bool *ret_cut)
{
	size_t len = text.len;
	*ret_cut = len > bytes_max;
	if (*ret_cut) {
		len = bytes_max;
		while (len > bytes_max - 3 && (text.ptr[len] & 0xc0) == 0x80)
			len--;
	}
	if (len > 0)
		memcpy(bytes, text.ptr, len);
	return (uint8_t)len;
}

static void set_word(struct tree_word *word, struct slice text)
{
	word->len = copy_beginning(word->bytes, sizeof(word->bytes), text, &word->cut);
}

/* A number of any type, times ${scale}; TREE_UNKNOWN when it makes no sense. */
static uint64_t to_count(struct value value, double scale)
{
	double number;
	if (value.type == VALUE_INT)
		number = (double)value.i;
	else if (value.type == VALUE_DOUBLE)
		number = value.d;
	else
		return TREE_UNKNOWN;
	number *= scale;
	/* 2^53: above that neither a count nor nanoseconds are believable. Excludes NaN. */
	return number >= 0 && number <= 9007199254740992.0 ? (uint64_t)number : TREE_UNKNOWN;
}

static void take_fact(struct tree_span *span, uint8_t rank, struct value value)
{
	switch (facts[rank].fact) {
	case FACT_MODEL:
		if (value.type != VALUE_STRING || value.bytes.len == 0 || rank > span->model_rank)
			break;
		set_word(&span->model, value.bytes);
		span->model_rank = rank;
		break;
	case FACT_PROMPT_TOKENS: span->prompt_tokens = to_count(value, 1); break;
	case FACT_OUTPUT_TOKENS: span->output_tokens = to_count(value, 1); break;
	case FACT_MAX_TOKENS: span->max_tokens = to_count(value, 1); break;
	case FACT_TTFT_SECONDS: span->ttft_ns = to_count(value, (double)NS_PER_S); break;
	case FACT_TTFT_MS: span->ttft_ns = to_count(value, (double)NS_PER_MS); break;
	case FACT_QUEUE_SECONDS: span->queue_ns = to_count(value, (double)NS_PER_S); break;
	case FACT_HTTP_STATUS: span->http_status = to_count(value, 1); break;
	case FACT_CACHE_HIT:
		span->cache_known = value.type == VALUE_BOOL;
		span->cache_hit = value.i != 0;
		break;
	case FACT_ERROR_TYPE:
		if (value.type == VALUE_STRING)
			set_word(&span->error_type, value.bytes);
		break;
	case FACT_COUNT: break;
	}
}

static void take_facts(struct tree_span *span, const struct trace_view *view, struct owner owner)
{
	struct attr_view attr;
	struct attr_cursor cursor = view_attrs(view, owner);
	while (view_next_attr(view, &cursor, &attr)) {
		for (size_t rank = 0; rank < ARRAY_COUNT(facts); rank++) {
			if (slice_equal(facts[rank].key, attr.key)) {
				take_fact(span, (uint8_t)rank, view_attr_value(view, owner, &attr));
				break;
			}
		}
	}
}

static uint64_t read_id(struct slice id)
{
	return id.len == sizeof(uint64_t) ? le_read64(id.ptr) : 0;
}

static void fill_span(struct tree_span *span, const struct trace_view *view, uint32_t at,
		      const struct tree_word *service)
{
	struct view_range events = view_span_events(view, at);
	*span = (struct tree_span){
		.id = read_id(view_span_id(view, at)),
		.parent = read_id(view_span_parent(view, at)),
		.start_ns = view_span_start_ns(view, at),
		.end_ns = view_span_end_ns(view, at),
		.prompt_tokens = TREE_UNKNOWN,
		.output_tokens = TREE_UNKNOWN,
		.max_tokens = TREE_UNKNOWN,
		.ttft_ns = TREE_UNKNOWN,
		.queue_ns = TREE_UNKNOWN,
		.http_status = TREE_UNKNOWN,
		.status_code = view_span_status_code(view, at),
		.model_rank = UINT8_MAX,
		.service = *service,
	};
	span->name.len = copy_beginning(span->name.bytes, sizeof(span->name.bytes),
					view_span_name(view, at), &span->name.cut);
	for (uint32_t i = 0; i < events.count; i++) {
		if (view_event_live(view, events.begin + i))
			take_facts(span, view, (struct owner){OWNER_EVENT, events.begin + i});
	}
	take_facts(span, view, (struct owner){OWNER_SPAN, at}); /* last: it outweighs events */
}

static void find_service(const struct trace_view *view, uint32_t resource,
			 struct tree_word *ret_service)
{
	const struct owner owner = {OWNER_RESOURCE, resource};
	struct attr_view attr;
	struct attr_cursor cursor = view_attrs(view, owner);
	ret_service->len = 0;
	while (view_next_attr(view, &cursor, &attr)) {
		if (attr.value_type == VALUE_STRING && slice_equal(attr.key, SLICE("service.name")))
			set_word(ret_service, view_attr_value(view, owner, &attr).bytes);
	}
}

struct tree_span *tree_spans_of(const struct trace_view *view)
{
	uint32_t count = view_span_count(view), resource = UINT32_MAX;
	struct tree_word service = {.len = 0};
	struct tree_span *spans = calloc((size_t)count + 1, sizeof(*spans));
	for (uint32_t at = 0; spans && at < count; at++) {
		uint32_t owner = view_span_resource(view, at);
		if (owner != resource)
			find_service(view, owner, &service);
		resource = owner;
		fill_span(&spans[at], view, at, &service);
	}
	return spans;
}
