/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting. Of each live span the few facts that a line shows are copied into one fixed-size
 * entry, so the bound on entries is a bound on bytes. Traces are found by a walk over their ids:
 * spans of one trace come in runs, and this exporter is for people, who read no thousand traces.
 */
#include "exporters/debug/tree_internal.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>

struct trace_tree {
	struct tree_limits limits;
	struct terminal terminal;
	struct tree_trace *traces; /* in the order in which they came */
	uint32_t count, capacity;
	uint32_t last;	     /* where the last span went */
	uint32_t span_count; /* of all traces */
	uint64_t spans_left_out;
};

enum { SPANS_TO_BEGIN_WITH = 8, TRACES_TO_BEGIN_WITH = 8 };

/* ---- facts of a span ---- */

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

/* Keys as vLLM, llm-d, Semantic Router and the semantic conventions write them. Of several models
 * on one span the one whose key stands first here is shown. */
static const struct {
	struct slice key;
	enum fact fact;
} facts[] = {
	{SLICE_INIT("gen_ai.request.model"), FACT_MODEL},
	{SLICE_INIT("gen_ai.response.model"), FACT_MODEL},
	{SLICE_INIT("model.name"), FACT_MODEL},
	{SLICE_INIT("target_model"), FACT_MODEL},
	{SLICE_INIT("routing.selected_model"), FACT_MODEL},
	{SLICE_INIT("llm.model_name"), FACT_MODEL},
	{SLICE_INIT("gen_ai.usage.prompt_tokens"), FACT_PROMPT_TOKENS},
	{SLICE_INIT("gen_ai.usage.input_tokens"), FACT_PROMPT_TOKENS},
	{SLICE_INIT("llm.token_count.prompt"), FACT_PROMPT_TOKENS},
	{SLICE_INIT("gen_ai.usage.completion_tokens"), FACT_OUTPUT_TOKENS},
	{SLICE_INIT("gen_ai.usage.output_tokens"), FACT_OUTPUT_TOKENS},
	{SLICE_INIT("llm.token_count.completion"), FACT_OUTPUT_TOKENS},
	{SLICE_INIT("gen_ai.request.max_tokens"), FACT_MAX_TOKENS},
	{SLICE_INIT("gen_ai.latency.time_to_first_token"), FACT_TTFT_SECONDS},
	{SLICE_INIT("llm_d.pd_proxy.true_ttft_ms"), FACT_TTFT_MS},
	{SLICE_INIT("gen_ai.latency.time_in_queue"), FACT_QUEUE_SECONDS},
	{SLICE_INIT("http.response.status_code"), FACT_HTTP_STATUS},
	{SLICE_INIT("http.status_code"), FACT_HTTP_STATUS},
	{SLICE_INIT("cache.hit"), FACT_CACHE_HIT},
	{SLICE_INIT("llm_d.kv_cache.lookup.cache_hit"), FACT_CACHE_HIT},
	{SLICE_INIT("error.type"), FACT_ERROR_TYPE},
	{SLICE_INIT("exception.type"), FACT_ERROR_TYPE},
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
	uint32_t cursor = 0;
	while (view_next_attr(view, owner, &cursor, &attr)) {
		for (size_t rank = 0; rank < ARRAY_COUNT(facts); rank++) {
			if (slice_equal(facts[rank].key, attr.key)) {
				take_fact(span, (uint8_t)rank, attr.value);
				break;
			}
		}
	}
}

static uint64_t read_id(struct slice id)
{
	uint64_t number = 0;
	if (id.len == sizeof(number))
		memcpy(&number, id.ptr, sizeof(number));
	return number;
}

static void fill_span(struct tree_span *span, const struct trace_view *view, uint32_t at,
		      const struct tree_word *service)
{
	const struct trace_index *index = view_index(view);
	const struct span_entry *entry = &index->spans[at];
	*span = (struct tree_span){
		.id = read_id(index_id(index, entry->span_id_off, SPAN_ID_BYTES)),
		.parent = read_id(view_span_parent(view, at)),
		.start_ns = entry->start_ns,
		.end_ns = entry->end_ns,
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
	for (uint32_t i = 0; i < entry->event_count; i++) {
		if (view_event_live(view, entry->event_begin + i))
			take_facts(span, view, (struct owner){OWNER_EVENT, entry->event_begin + i});
	}
	take_facts(span, view, (struct owner){OWNER_SPAN, at}); /* last: it outweighs events */
}

/* ---- traces ---- */

/* Doubles *${items} to hold at least one more than ${count}. False when there is no memory. */
static bool grow(void **items, size_t item_bytes, uint32_t count, uint32_t *capacity,
		 uint32_t to_begin_with)
{
	if (count < *capacity)
		return true;
	uint32_t wanted = *capacity == 0 ? to_begin_with : *capacity * 2;
	void *grown = reallocarray(*items, wanted, item_bytes);
	if (!grown)
		return false;
	*items = grown;
	*capacity = wanted;
	return true;
}

/* The trace with ${id}, a new one when needed; NULL when it does not fit. */
static struct tree_trace *find_trace(struct trace_tree *tree, const uint8_t *id)
{
	if (tree->last < tree->count &&
	    memcmp(tree->traces[tree->last].id, id, TRACE_ID_BYTES) == 0)
		return &tree->traces[tree->last];
	for (tree->last = 0; tree->last < tree->count; tree->last++) {
		if (memcmp(tree->traces[tree->last].id, id, TRACE_ID_BYTES) == 0)
			return &tree->traces[tree->last];
	}
	void *traces = tree->traces;
	if (tree->count >= tree->limits.traces_max ||
	    !grow(&traces, sizeof(*tree->traces), tree->count, &tree->capacity,
		  TRACES_TO_BEGIN_WITH))
		return NULL;
	tree->traces = traces;
	struct tree_trace *trace = &tree->traces[tree->count++];
	*trace = (struct tree_trace){.spans = NULL};
	memcpy(trace->id, id, TRACE_ID_BYTES);
	return trace;
}

/* Room for one span more in the trace of span ${at}; NULL when it does not fit. */
static struct tree_span *room_for_span(struct trace_tree *tree, const struct trace_index *index,
				       uint32_t at, uint64_t now_ns)
{
	static const uint8_t no_id[TRACE_ID_BYTES];
	struct slice id = index_id(index, index->spans[at].trace_id_off, TRACE_ID_BYTES);
	if (tree->span_count >= tree->limits.spans_max)
		return NULL;
	struct tree_trace *trace = find_trace(tree, id.len > 0 ? id.ptr : no_id);
	if (!trace)
		return NULL;
	void *spans = trace->spans;
	if (!grow(&spans, sizeof(*trace->spans), trace->count, &trace->capacity,
		  SPANS_TO_BEGIN_WITH))
		return NULL;
	trace->spans = spans;
	trace->seen_ns = now_ns;
	tree->span_count++;
	return &trace->spans[trace->count++];
}

static void find_service(const struct trace_view *view, uint32_t resource,
			 struct tree_word *ret_service)
{
	struct attr_view attr;
	uint32_t cursor = 0;
	ret_service->len = 0;
	while (view_next_attr(view, (struct owner){OWNER_RESOURCE, resource}, &cursor, &attr)) {
		if (attr.value.type == VALUE_STRING && slice_equal(attr.key, SLICE("service.name")))
			set_word(ret_service, attr.value.bytes);
	}
}

struct trace_tree *trace_tree_new(struct tree_limits limits, struct terminal terminal)
{
	struct trace_tree *tree = calloc(1, sizeof(*tree));
	if (!tree)
		return NULL;
	tree->limits = limits;
	tree->terminal = terminal;
	return tree;
}

void trace_tree_free(struct trace_tree *tree)
{
	if (!tree)
		return;
	for (uint32_t i = 0; i < tree->count; i++)
		free(tree->traces[i].spans);
	free(tree->traces);
	free(tree);
}

void trace_tree_add(struct trace_tree *tree, const struct trace_view *view, uint64_t now_ns)
{
	const struct trace_index *index = view_index(view);
	uint32_t resource = UINT32_MAX;
	struct tree_word service = {.len = 0};
	for (uint32_t at = 0; at < index->span_count; at++) {
		uint32_t owner = index->scopes[index->spans[at].scope].resource;
		if (!view_span_live(view, at))
			continue;
		struct tree_span *span = room_for_span(tree, index, at, now_ns);
		if (!span) {
			tree->spans_left_out++;
			continue;
		}
		if (owner != resource)
			find_service(view, owner, &service);
		resource = owner;
		fill_span(span, view, at, &service);
	}
}

uint32_t trace_tree_print(struct trace_tree *tree, uint64_t quiet_since_ns, struct buf *out)
{
	uint32_t kept = 0, printed = 0;
	for (uint32_t i = 0; i < tree->count; i++) {
		struct tree_trace *trace = &tree->traces[i];
		if (trace->seen_ns >= quiet_since_ns && quiet_since_ns != UINT64_MAX) {
			tree->traces[kept++] = *trace;
			continue;
		}
		tree_print_trace(trace, &tree->terminal, out);
		tree->span_count -= trace->count;
		free(trace->spans);
		printed++;
	}
	tree->count = kept;
	if (tree->spans_left_out > 0 && printed > 0) {
		buf_printf(out,
			   "(%" PRIu64 " more spans are not shown: at most %" PRIu32
			   " traces and %" PRIu32 " spans are held)\n",
			   tree->spans_left_out, tree->limits.traces_max, tree->limits.spans_max);
		tree->spans_left_out = 0;
	}
	return printed;
}
