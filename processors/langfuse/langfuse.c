/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The langfuse processor: spans of model servers, gateways and instrumentation libraries in the
 * words that Langfuse reads. For the pipeline that ends in Langfuse; other pipelines keep the
 * original names. In order:
 *
 *   1. spans without usable ids go: one of them makes Langfuse refuse the whole request
 *   2. every span is read: what it is, what it says about its trace (reading.c, classify.c, traces.c)
 *   3. facts of the trace are exchanged with the trace memory
 *   4. spans may wait for another request that says more (waits.c)
 *   5. whose tokens count (calls.c), and what became of dropped parents (relations.c)
 *   6. every span is rewritten (rewrite.c)
 *
 * Content passes as it came: what must not leave is dropped by metadata_only behind this processor,
 * for some counts are read out of content here.
 *
 * Memory of one run comes from the shard's arena, at most ARENA_BYTES_MAX and charged to the budget.
 */
#include "processors/langfuse/langfuse_internal.h"
#include "processors/langfuse/values.h"

#include <stdlib.h>

enum {
	ARENA_BYTES_MAX = 256 << 20,
	ARENA_KEEP_BYTES = 1 << 20,
	TEXT_KEEP_BYTES = 64 << 10,
};

/* ---- making --------------------------------------------------------------------------------- */

static const struct metric_desc metric_count = {
	"sluice_processor_langfuse", "{spans}",
	"Spans that the langfuse processor decided about, by what was decided", METRIC_COUNTER};

/* What is counted: which, its label, its meaning. */
#define DECISIONS(ROW)                                                                             \
	ROW(COUNT_BAD_IDS, "dropped_bad_ids",                                                      \
	    "without a usable trace id or span id: Langfuse would refuse the request")             \
	ROW(COUNT_MODEL_FROM_TRACE, "model_from_trace",                                            \
	    "of a model server; its model is from the trace or the resource")                      \
	ROW(COUNT_MODEL_FROM_CONFIG, "model_from_config", "the same; its model is from `models`")  \
	ROW(COUNT_MODEL_UNKNOWN, "model_unknown", "the same; nobody named a model")                \
	ROW(COUNT_MODEL_AMBIGUOUS, "model_ambiguous",                                              \
	    "the trace names several models; counted as one of the two above, too")                \
	ROW(COUNT_PREFILL, "prefill_leg", "prefill leg of a request; shown, not counted")          \
	ROW(COUNT_USAGE_ELSEWHERE, "usage_counted_elsewhere",                                      \
	    "its tokens are counted on another span")                                              \
	ROW(COUNT_SAME_PROMPT, "prompt_counted_elsewhere",                                         \
	    "another choice of its request counts the prompt; it counts its answer alone")         \
	ROW(COUNT_PRICED, "priced", "its cost is from `prices`")                                   \
	ROW(COUNT_NOT_CONVERTED, "value_not_converted",                                            \
	    "maps, bytes and lists of maps beyond the 256th of one element")

#define DECISION(count, name, meaning) [count] = {name, meaning},
const struct langfuse_decision langfuse_decisions[COUNT_COUNT] = {DECISIONS(DECISION)};

#define METRIC_ROW(count, name, meaning)                                                           \
	{&metric_count, offsetof(struct langfuse, counts[count]), {"decision", name}},
static const struct metric_row metric_rows[] = {DECISIONS(METRIC_ROW)};
_Static_assert(ARRAY_COUNT(metric_rows) == COUNT_COUNT, "a counter has no row");
static const struct metric_table metrics = METRIC_TABLE("langfuse", metric_rows);

static void destroy(void *arg)
{
	struct langfuse *self = arg;
	model_ids_free(self->model_ids);
	free(self);
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	struct langfuse *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->log = env->log;
	self->budget = env->budget;
	self->memory = env->memory;
	self->client = trace_memory_join(env->memory, langfuse_memory_limits(config));
	self->hash = hash_key_random();
	self->model_ids = model_ids_new();
	if (!self->model_ids || !langfuse_configure(self, env, config, report) ||
	    !keys_register(&self->keys, env->keys, env->path, report)) {
		destroy(self);
		return NULL;
	}
	return self;
}

static void *shard_new(void *arg)
{
	const struct langfuse *self = arg;
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return NULL;
	scratch->budget = self->budget;
	scratch->hash = hash_key_random();
	arena_init(&scratch->arena, self->budget, ARENA_BYTES_MAX);
	span_map_init(&scratch->map, self->budget);
	return scratch;
}

static void shard_free(void *arg)
{
	struct scratch *scratch = arg;
	arena_fini(&scratch->arena);
	span_map_fini(&scratch->map);
	buf_fini(&scratch->text);
	free(scratch);
}

/* ---- a run ---------------------------------------------------------------------------------- */

/* Step 1. An all-zero parent is none. */
static void check_ids(struct run *run)
{
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span))
			continue;
		if (reading_is_zero(run_trace_id(run, span)) ||
		    reading_is_zero(view_span_id(run->view, span))) {
			edit_drop_span(run->view, span);
			run->counts[COUNT_BAD_IDS]++;
			continue;
		}
		struct slice parent = view_span_parent(run->view, span);
		if (parent.len > 0 && reading_is_zero(parent))
			edit_set_span_parent(run->view, span, (struct slice){NULL, 0});
	}
}

static int allocate(struct run *run, struct err *err)
{
	struct arena *arena = &run->scratch->arena;
	uint32_t count = view_span_count(run->view);
	uint64_t slots = 64;
	while (slots < (uint64_t)count * 2)
		slots *= 2;
	arena_reset(arena, ARENA_KEEP_BYTES);
	if (run->scratch->text.capacity > TEXT_KEEP_BYTES)
		buf_fini(&run->scratch->text);
	run->group_slot_mask = slots - 1;
	run->notes = arena_calloc(arena, view_span_count(run->view), sizeof(*run->notes));
	run->group_slots = arena_calloc(arena, slots, sizeof(*run->group_slots));
	run->groups = arena_alloc(arena, (size_t)count * sizeof(*run->groups));
	run->resources =
		arena_alloc(arena, view_resource_count(run->view) * sizeof(*run->resources));
	run->tellers = arena_alloc(arena, (size_t)count * sizeof(*run->tellers));
	run->scope_classes = arena_calloc(arena, view_scope_count(run->view), 1);
	if (run->notes && run->group_slots && run->groups && run->resources && run->tellers &&
	    run->scope_classes)
		return 0;
	return err_set(err, ERR_NOMEM, "out of memory for the langfuse processor");
}

static void convert_others(struct run *run)
{
	for (uint32_t scope = 0; scope < view_scope_count(run->view); scope++)
		(void)values_convert(run, (struct owner){OWNER_SCOPE, scope});
	for (uint32_t event = 0; event < view_event_count(run->view); event++) {
		if (view_event_live(run->view, event))
			(void)values_convert(run, (struct owner){OWNER_EVENT, event});
	}
}

static void count(const struct run *run)
{
	for (int i = 0; i < COUNT_COUNT; i++)
		tally_add(edit_tally(run->view), &run->self->counts[i], run->counts[i]);
}

static enum outcome process(void *self, void *state, struct trace_view *view, struct err *err)
{
	struct run run = {.self = self, .scratch = state, .view = view};
	check_ids(&run);
	if (allocate(&run, err) != 0)
		return OUTCOME_RETRY;
	for (uint32_t at = 0; at < view_resource_count(view); at++)
		reading_resource(&run, at);
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		if (view_span_live(view, span))
			reading_span(&run, span);
		else
			reading_dropped(&run, span);
	}
	traces_exchange(&run);
	waits_hold_back(&run);
	if (relations_settle(&run, err) != 0)
		return OUTCOME_RETRY;
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		if (view_span_live(view, span))
			rewrite_span(&run, span);
	}
	convert_others(&run);
	count(&run);
	return OUTCOME_TAKEN;
}

/* ---- waiting -------------------------------------------------------------------------------- */

static uint64_t wait_ns(const void *self)
{
	return ((const struct langfuse *)self)->join_wait_ns;
}

/* ---- telling -------------------------------------------------------------------------------- */

static void report(void *arg)
{
	struct langfuse *self = arg;
	uint64_t unknown = counter_get(&self->counts[COUNT_MODEL_UNKNOWN]);
	if (unknown == self->reported_unknown)
		return;
	log_warn(
		&self->log,
		LOG_REPORT(
			"Spans of model servers left without a model: no span of their trace names "
			"one; see the setting models"),
		LOG_UINT("spans", unknown - self->reported_unknown),
		LOG_UINT("spans_total", unknown));
	self->reported_unknown = unknown;
}

static const struct hold_ops holds = {.wait_ns = wait_ns, .known = waits_known};

static const struct processor_ops ops = {.create = create,
					 .shard_new = shard_new,
					 .shard_free = shard_free,
					 .process = process,
					 .report = report,
					 .destroy = destroy,
					 .adds = ADDS_REMEMBERED,
					 .sees_dropped = true,
					 .holds = &holds};

const struct component_type processor_langfuse = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"langfuse"},
	.summary = "Puts spans of model servers, gateways and LLM libraries into Langfuse's words.",
	.config = &langfuse_block,
	.metrics = &metrics,
	.processor = &ops};
