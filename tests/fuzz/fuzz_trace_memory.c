/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of traces between requests: the input is a script of operations on a few traces
 * and spans (first byte even), or a request whose spans are dropped by the bits of the second byte
 * (first byte odd). Checked: answers agree with what was done, walks end, and every byte of the
 * budget comes back.
 */
#include "pipeline/trace/memory/drop_batch.h"
#include "pipeline/trace/memory/trace_memory.h"
#include "pipeline/trace/otlp/edit.h"

#include <stdlib.h>

enum { TRACES = 8, BUDGET_BYTES = 1 << 20 };

static uint64_t now_ns = 1;

static uint64_t read_clock(void)
{
	return now_ns;
}

static void must(bool condition)
{
	if (!condition)
		abort();
}

struct script {
	const uint8_t *at, *end;
};

static uint8_t next(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

/* One of few ids, so that scripts meet the same trace and span again. */
static struct slice id_of(uint8_t *bytes, size_t len, uint8_t number)
{
	memset(bytes, 0, len);
	bytes[len - 1] = number;
	return slice_of(bytes, len);
}

static void exchange(struct trace_memory *memory, struct trace_key key, struct script *script)
{
	struct trace_facts facts = {0};
	struct arena arena;
	enum trace_fact fact = (enum trace_fact)(next(script) % TRACE_FACT_COUNT);
	size_t len = next(script), left = (size_t)(script->end - script->at);
	struct slice text = slice_of(script->at, len < left ? len : left);
	script->at += text.len;
	arena_init(&arena, NULL, 1 << 16);
	trace_facts_add(&facts, fact, next(script) % 4, text);
	bool done = trace_memory_exchange(memory, key, &facts, &arena);
	if (done && text.len > 0)
		must(facts.text[fact].len > 0);
	arena_fini(&arena);
}

static void drop(struct trace_memory *memory, struct trace_key key, struct script *script)
{
	uint8_t id[SPAN_ID_BYTES], parent[SPAN_ID_BYTES], found[SPAN_ID_BYTES];
	struct dropped_span span = {.id = id_of(id, sizeof(id), next(script) % 16)};
	uint8_t above = next(script) % 17;
	if (above < 16)
		span.parent = id_of(parent, sizeof(parent), above);
	uint32_t orphans;
	if (trace_memory_drop(memory, key, &span, 1, &orphans) == 1)
		must(trace_memory_ancestor(memory, key, span.id, found) != ANCESTRY_KEPT);
}

static void step(struct trace_memory *memory, uint32_t client, struct script *script)
{
	uint8_t trace[TRACE_ID_BYTES], id[SPAN_ID_BYTES], found[SPAN_ID_BYTES];
	uint8_t operation = next(script);
	const struct trace_key key = {client, id_of(trace, sizeof(trace), next(script) % TRACES)};
	switch (operation % 7) {
	case 0: exchange(memory, key, script); break;
	case 1: must(trace_memory_progress(memory, key).facts >> TRACE_FACT_COUNT == 0); break;
	case 2: {
		struct slice span = id_of(id, sizeof(id), next(script) % 16);
		int32_t first = trace_memory_tally(memory, key, span, 1);
		must(trace_memory_tally(memory, key, span, 1) == first);
		break;
	}
	case 3: drop(memory, key, script); break;
	case 4:
		(void)trace_memory_ancestor(memory, key, id_of(id, sizeof(id), next(script) % 16),
					    found);
		break;
	case 5: now_ns += (uint64_t)next(script) * 1000; break;
	default: trace_memory_sweep(memory); break;
	}
}

static void drop_spans(struct trace_memory *memory, uint32_t client, uint8_t bits,
		       struct slice request, struct budget *budget)
{
	struct err err;
	struct key_table *keys = key_table_new();
	struct span_map map;
	must(keys && key_table_freeze(keys, &err) == 0);
	struct trace_view *view = view_new(budget, keys);
	must(view != NULL);
	span_map_init(&map, budget);
	if (view_open(view, request, &err) == 0 && span_map_build(&map, view, &err) == 0) {
		struct drop_batch batch = {.memory = memory, .key = {.client = client}};
		for (uint32_t span = 0; span < view_span_count(view); span++) {
			if (!(bits >> (span % 8) & 1))
				continue;
			edit_drop_span(view, span);
			drop_batch_add(&batch, view, &map, span);
		}
		drop_batch_flush(&batch);
		for (uint32_t span = 0; span < view_span_count(view); span++) {
			if (!view_span_live(view, span))
				must(span_map_top_of_dropped(&map, view, span) <
				     view_span_count(view));
		}
	}
	span_map_fini(&map);
	view_free(view);
	key_table_free(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct budget budget;
	struct script script = {data + 2, data + size};
	budget_init(&budget, data[0] & 2 ? BUDGET_BYTES / 16 : BUDGET_BYTES);
	now_ns = 1;
	struct trace_memory *memory = trace_memory_new(&budget, read_clock);
	if (!memory)
		return 0;
	const struct trace_memory_limits limits = {.traces_max = data[0] & 4 ? 4 : 1000,
						   .bytes_max = data[0] & 8 ? 4096 : BUDGET_BYTES,
						   .age_ns = 100000};
	uint32_t client = trace_memory_join(memory, &limits);
	if (data[0] & 1)
		drop_spans(memory, client, data[1], slice_of(data + 2, size - 2), &budget);
	while (!(data[0] & 1) && script.at < script.end)
		step(memory, client, &script);
	trace_memory_free(memory);
	must(budget_used(&budget) == 0);
	return 0;
}
