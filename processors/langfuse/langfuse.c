/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The langfuse processor: spans of model servers, gateways and instrumentation libraries in the
 * words that Langfuse reads. For the pipeline that ends in Langfuse; other pipelines keep the
 * original names. In order:
 *
 *   1. spans without usable ids go: one of them makes Langfuse refuse the whole request
 *   2. every span is read: what it is, what it says about its trace (classify.c, traces.c)
 *   3. facts of the trace are exchanged with the trace memory
 *   4. the span of a model server that names no model may wait for another request to name it
 *   5. whose tokens count, and what became of dropped parents (relations.c)
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

const struct langfuse_decision langfuse_decisions[COUNT_COUNT] = {
	[COUNT_BAD_IDS] =
		{"dropped_bad_ids",
		 "without a usable trace id or span id: Langfuse would refuse the request"},
	[COUNT_MODEL_FROM_TRACE] =
		{"model_from_trace",
		 "of a model server; its model is from the trace or the resource"},
	[COUNT_MODEL_FROM_CONFIG] = {"model_from_config", "the same; its model is from `models`"},
	[COUNT_MODEL_UNKNOWN] = {"model_unknown", "the same; nobody named a model"},
	[COUNT_MODEL_AMBIGUOUS] =
		{"model_ambiguous",
		 "the trace names several models; counted as one of the two above, "
		 "too"},
	[COUNT_PREFILL] = {"prefill_leg", "prefill leg of a request; shown, not counted"},
	[COUNT_USAGE_YIELDED] = {"usage_counted_elsewhere",
				 "its tokens are counted on another span"},
	[COUNT_PRICED] = {"priced", "its cost is from `prices`"},
	[COUNT_NOT_CONVERTED] = {"value_not_converted",
				 "maps, bytes and lists of maps beyond the 256th of one element"},
};

static bool register_metrics(struct langfuse *self, const struct component_env *env)
{
	bool added = true;
	for (int i = 0; i < COUNT_COUNT; i++) {
		struct buf labels = BUF_INIT;
		metrics_label(&labels, "langfuse", env->id);
		metrics_label(&labels, "decision", langfuse_decisions[i].name);
		added &= metrics_add(env->metrics, &metric_count, buf_cstr(&labels),
				     &self->counts[i]);
		buf_fini(&labels);
	}
	return added;
}

static void destroy(void *self)
{
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
	self->party = trace_memory_join(env->memory, langfuse_memory_limits(config));
	if (!langfuse_configure(self, env, config, report) ||
	    !keys_register(&self->keys, env->keys, env->path, report) ||
	    !register_metrics(self, env)) {
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

/* Of a span or trace id: 8 or 16 bytes, or none. */
static bool is_zero(struct slice id)
{
	uint64_t all = 0;
	for (size_t i = 0; i + sizeof(all) <= id.len; i += sizeof(all))
		all |= hash_read64(id.ptr + i);
	return all == 0;
}

/* Step 1. An all-zero parent is none. */
static void check_ids(struct run *run)
{
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		if (!view_span_live(run->view, span))
			continue;
		if (is_zero(run_trace_id(run, span)) || is_zero(view_span_id(run->view, span))) {
			edit_drop_span(run->view, span);
			run->counts[COUNT_BAD_IDS]++;
			continue;
		}
		struct slice parent = view_span_parent(run->view, span);
		if (parent.len > 0 && is_zero(parent))
			edit_set_span_parent(run->view, span, (struct slice){NULL, 0});
	}
}

static int allocate(struct run *run, struct err *err)
{
	struct arena *arena = &run->scratch->arena;
	uint32_t live = view_live_spans(run->view);
	uint64_t slots = 64;
	while (slots < (uint64_t)live * 2)
		slots *= 2;
	arena_reset(arena, ARENA_KEEP_BYTES);
	if (run->scratch->text.capacity > TEXT_KEEP_BYTES)
		buf_fini(&run->scratch->text);
	run->group_slot_mask = slots - 1;
	run->notes = arena_calloc(arena, view_span_count(run->view), sizeof(*run->notes));
	run->group_slots = arena_calloc(arena, slots, sizeof(*run->group_slots));
	run->groups = arena_alloc(arena, live * sizeof(*run->groups));
	run->resources =
		arena_alloc(arena, view_resource_count(run->view) * sizeof(*run->resources));
	run->scope_classes = arena_calloc(arena, view_scope_count(run->view), 1);
	if (run->notes && run->group_slots && run->groups && run->resources && run->scope_classes)
		return 0;
	return err_set(err, ERR_NOMEM, "out of memory for the langfuse processor");
}

/* What Langfuse reads of a resource, and what it does not, but is meant for all its spans. */
static void read_resource(struct run *run, uint32_t at)
{
	static const enum role facts[] = {ROLE_TRACE_NAME, ROLE_USER, ROLE_SESSION, ROLE_TAGS,
					  ROLE_TRACE_METADATA};
	struct resource_roles *resource = &run->resources[at];
	struct owner owner = {OWNER_RESOURCE, at};
	struct span_roles *roles = &resource->roles;
	keys_roles(&run->self->keys, run->view, owner, roles);
	if (roles->structured) {
		values_convert(run, owner);
		keys_roles(&run->self->keys, run->view, owner, roles);
	}
	resource->service = roles_text(roles, ROLE_SERVICE);
	resource->model = roles_text(roles, ROLE_MODEL);
	uint64_t present = 0;
	for (size_t i = 0; i < ARRAY_COUNT(facts); i++)
		present |= roles->present & UINT64_C(1) << facts[i];
	resource->has_facts = present != 0 || roles->trace_metadata;
	if (roles_has(roles, ROLE_ENVIRONMENT))
		values_set_environment(run, owner, roles);
	if (roles_has(roles, ROLE_SERVICE_VERSION) &&
	    roles_value(roles, ROLE_SERVICE_VERSION).type != VALUE_STRING) {
		struct buf *text = &run->scratch->text;
		buf_reset(text);
		value_append_text(text, roles_value(roles, ROLE_SERVICE_VERSION));
		keys_set(&run->self->keys, run->view, owner, ROLE_SERVICE_VERSION, 0,
			 value_of_str(buf_slice(text)));
	}
	roles->present = present; /* the rest is read by Langfuse itself, or not meant for spans */
}

#define BIT(role) (UINT64_C(1) << (role))

/* Roles that leave a span as it is. */
#define PASSIVE_ROLES                                                                              \
	(BIT(ROLE_SERVICE_VERSION) | BIT(ROLE_SERVICE) | BIT(ROLE_OPENINFERENCE_KIND) |            \
	 BIT(ROLE_OPERATION) | BIT(ROLE_TRACELOOP_KIND) | BIT(ROLE_TOOL_NAME) |                    \
	 BIT(ROLE_AI_TOOL_NAME) | BIT(ROLE_AI_OPERATION) | BIT(ROLE_GENKIT_NAME) |                 \
	 BIT(ROLE_LOGFIRE_MESSAGE) | BIT(ROLE_NATIVE_TYPE) | BIT(ROLE_APP_ROOT) |                  \
	 BIT(ROLE_AS_ROOT) | BIT(ROLE_MODEL) | BIT(ROLE_ROUTED_MODEL) | BIT(ROLE_PARAMETERS) |     \
	 BIT(ROLE_INVOCATION) | BIT(ROLE_MAX_TOKENS) | BIT(ROLE_TEMPERATURE) | BIT(ROLE_TOP_P) |   \
	 BIT(ROLE_TOP_K) | BIT(ROLE_FREQUENCY_PENALTY) | BIT(ROLE_PRESENCE_PENALTY) |              \
	 BIT(ROLE_SEED) | BIT(ROLE_REASONING_EFFORT) | BIT(ROLE_SERVICE_TIER) |                    \
	 BIT(ROLE_COMPLETION_START) | BIT(ROLE_NATIVE_FIRST_CHUNK) | BIT(ROLE_USAGE_DETAILS) |     \
	 BIT(ROLE_COST_DETAILS) | BIT(ROLE_TRACE_METADATA))

/* A leg that only fills the cache says so: one token was allowed, and no more than one came. */
static uint16_t prefill_flags(const struct span_roles *roles)
{
	uint64_t limit, output = 0;
	if (roles_has(roles, ROLE_OUTPUT) &&
	    !value_as_count(roles_value(roles, ROLE_OUTPUT), &output))
		return 0;
	if (output > 1)
		return 0;
	if (!roles_has(roles, ROLE_MAX_TOKENS))
		return NOTE_SHORT;
	return value_as_count(roles_value(roles, ROLE_MAX_TOKENS), &limit) && limit == 1
		       ? NOTE_PREFILL
		       : 0;
}

/* What its resource says of the trace, once for spans in a row. */
static void note_resource(struct run *run, uint32_t span, struct trace_group *group)
{
	struct resource_roles *resource = run_resource(run, span);
	uint32_t mark = (uint32_t)(resource - run->resources) + 1;
	if (!resource->has_facts || group->resource == mark)
		return;
	group->resource = mark;
	(void)traces_note(run, group, &resource->roles, CLASS_PLAIN);
}

/* How the span's tokens and costs are to be counted. */
static uint16_t usage_flags(const struct span_roles *roles, enum span_class class)
{
	bool settled = roles_has(roles, ROLE_USAGE_DETAILS);
	uint16_t flags = settled ? NOTE_SETTLED : 0;
	if (settled || roles_has(roles, ROLE_COST_DETAILS) ||
	    (roles->flags & (KEY_USAGE | KEY_COST)))
		flags |= NOTE_USAGE;
	return flags | (class == CLASS_ENGINE ? prefill_flags(roles) : 0);
}

/* What has to be rewritten. */
static uint16_t work_flags(const struct span_roles *roles, enum span_class class)
{
	bool explicit;
	enum observation_type type = observation_type(roles, class, &explicit);
	uint16_t flags = roles->structured ? NOTE_VALUES : 0;
	if (class == CLASS_ENGINE || class == CLASS_CALL ||
	    (roles->present & ~PASSIVE_ROLES) != 0 || (explicit && type != TYPE_SPAN))
		return flags | NOTE_REWRITE;
	return flags | (explicit ? NOTE_SPAN_TYPE : 0);
}

/* Step 2, one span. */
static void read_span(struct run *run, uint32_t span)
{
	struct span_roles roles;
	struct span_note *note = &run->notes[span];
	struct trace_group *group = traces_group(run, span);
	enum span_class class = CLASS_PLAIN;
	keys_roles(&run->self->keys, run->view, span_owner(span), &roles);
	if (roles.present != 0 || view_span_name(run->view, span).len > 0)
		class = classify(run, span, &roles);
	note->group = (uint32_t)(group - run->groups);
	note->class = (uint8_t) class;
	note->own_facts = traces_note(run, group, &roles, class);
	note_resource(run, span, group);
	note->flags = usage_flags(&roles, class) | work_flags(&roles, class);
	if (roles_has(&roles, ROLE_MODEL) || roles_has(&roles, ROLE_OTHER_MODEL))
		note->flags |= NOTE_MODEL;
	if (roles_has(&roles, ROLE_AS_ROOT) && view_span_parent(run->view, span).len > 0)
		note->flags |= NOTE_AS_ROOT;
	if ((note->flags & NOTE_SHORT) || ((note->flags & NOTE_USAGE) && class != CLASS_ENGINE))
		run->parents_matter = true;
}

/* Step 4. A root has nobody above it who could name the model: it does not wait. */
static void hold_back(struct run *run)
{
	if (!view_may_hold(run->view) || run->self->join_wait_ns == 0)
		return;
	for (uint32_t span = 0; span < view_span_count(run->view); span++) {
		const struct span_note *note = &run->notes[span];
		if (!view_span_live(run->view, span) || note->class != CLASS_ENGINE ||
		    (note->flags & (NOTE_MODEL | NOTE_PREFILL)) ||
		    view_span_parent(run->view, span).len == 0 ||
		    rewrite_joined_model(run, span).len > 0 ||
		    run->groups[note->group].facts.conflict[TRACE_FACT_MODEL])
			continue;
		edit_hold_span(run->view, span);
	}
}

static void convert_others(struct run *run)
{
	for (uint32_t scope = 0; scope < view_scope_count(run->view); scope++)
		values_convert(run, (struct owner){OWNER_SCOPE, scope});
	for (uint32_t event = 0; event < view_event_count(run->view); event++) {
		if (view_event_live(run->view, event))
			values_convert(run, (struct owner){OWNER_EVENT, event});
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
		read_resource(&run, at);
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		if (view_span_live(view, span))
			read_span(&run, span);
	}
	traces_exchange(&run);
	hold_back(&run);
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

static uint64_t hold_ns(const void *self)
{
	return ((const struct langfuse *)self)->join_wait_ns;
}

/* What a held span waits for: its trace names a model. */
static bool hold_over(void *arg, struct slice trace_id)
{
	struct langfuse *self = arg;
	return trace_memory_knows(self->memory, (struct trace_key){self->party, trace_id},
				  TRACE_FACT_MODEL);
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

static const struct processor_ops ops = {.create = create,
					 .shard_new = shard_new,
					 .shard_free = shard_free,
					 .process = process,
					 .hold_ns = hold_ns,
					 .hold_over = hold_over,
					 .report = report,
					 .destroy = destroy};

const struct component_type processor_langfuse = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"langfuse"},
	.summary = "Puts spans of model servers, gateways and LLM libraries into Langfuse's words.",
	.config = &langfuse_block,
	.processor = &ops};
