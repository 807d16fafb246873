/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first look at a request: what its resources and spans are and say. What is found is left in the
 * run's notes and in the facts of the traces; of what is edited here, only values are converted.
 */
#include "processors/langfuse/langfuse_internal.h"
#include "processors/langfuse/values.h"

#include "pipeline/base/ascii.h"

/* Values are converted before anything is read from them: what they say must not depend on whether
 * they were converted already, when a request comes here a second time. */
static void read_roles(struct run *run, struct owner owner, struct span_roles *roles)
{
	keys_roles(&run->self->keys, run->view, owner, roles);
	if (roles->structured && values_convert(run, owner))
		keys_roles(&run->self->keys, run->view, owner, roles);
}

/* What Langfuse reads of a resource, and what it does not, but is meant for all its spans. */
void reading_resource(struct run *run, uint32_t at)
{
	static const enum role facts[] = {ROLE_TRACE_NAME, ROLE_USER, ROLE_SESSION, ROLE_TAGS,
					  ROLE_TRACE_METADATA};
	struct resource_roles *resource = &run->resources[at];
	struct owner owner = {OWNER_RESOURCE, at};
	struct span_roles *roles = &resource->roles;
	read_roles(run, owner, roles);
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
	resource->version = roles_text(roles, ROLE_SERVICE_VERSION);
	roles->present = present; /* the rest is read by Langfuse itself, or not meant for spans */
}

#define BIT(role) (UINT64_C(1) << (role))

/* Roles that leave a span as it is. */
#define PASSIVE_ROLES                                                                              \
	(BIT(ROLE_SERVICE_VERSION) | BIT(ROLE_SERVICE) | BIT(ROLE_OPENINFERENCE_KIND) |            \
	 BIT(ROLE_OPERATION) | BIT(ROLE_TRACELOOP_KIND) | BIT(ROLE_TOOL_NAME) |                    \
	 BIT(ROLE_AI_TOOL_NAME) | BIT(ROLE_AI_OPERATION) | BIT(ROLE_GENKIT_NAME) |                 \
	 BIT(ROLE_LOGFIRE_MESSAGE) | BIT(ROLE_REQUEST_TYPE) | BIT(ROLE_MLFLOW_TYPE) |              \
	 BIT(ROLE_RESPONSE_ID) | BIT(ROLE_REQUEST_ID) | BIT(ROLE_PUBLIC) | BIT(ROLE_NATIVE_TYPE) | \
	 BIT(ROLE_APP_ROOT) | BIT(ROLE_AS_ROOT) | BIT(ROLE_MODEL) | BIT(ROLE_ROUTED_MODEL) |       \
	 BIT(ROLE_PARAMETERS) | BIT(ROLE_INVOCATION) | BIT(ROLE_MAX_TOKENS) |                      \
	 BIT(ROLE_TEMPERATURE) | BIT(ROLE_TOP_P) | BIT(ROLE_TOP_K) | BIT(ROLE_FREQUENCY_PENALTY) | \
	 BIT(ROLE_PRESENCE_PENALTY) | BIT(ROLE_SEED) | BIT(ROLE_REASONING_EFFORT) |                \
	 BIT(ROLE_SERVICE_TIER) | BIT(ROLE_COMPLETION_START) | BIT(ROLE_NATIVE_FIRST_CHUNK) |      \
	 BIT(ROLE_USAGE_DETAILS) | BIT(ROLE_COST_DETAILS) | BIT(ROLE_TRACE_METADATA))

/* A leg that only fills the cache was allowed one token, and no more came. */
static uint32_t prefill_flags(const struct span_roles *roles)
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
		       ? NOTE_ONE_TOKEN
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
	(void)traces_note(run, group, NULL, &resource->roles, CLASS_PLAIN);
}

/* How the span's tokens and costs are to be counted. */
static uint32_t usage_flags(const struct span_roles *roles, enum span_class class)
{
	bool settled = roles_has(roles, ROLE_USAGE_DETAILS) &&
		       !slice_equal(roles_text(roles, ROLE_USAGE_DETAILS), SLICE(NO_USAGE));
	bool cost = roles_has(roles, ROLE_COST_DETAILS) || (roles->flags & KEY_COST);
	uint32_t flags = (settled ? NOTE_SETTLED : 0u) | (cost ? NOTE_COST : 0u);
	if (settled || cost || (roles->flags & KEY_USAGE))
		flags |= NOTE_USAGE;
	return flags | (class == CLASS_ENGINE ? prefill_flags(roles) : 0);
}

/* What has to be rewritten. */
static uint32_t work_flags(const struct span_roles *roles, enum span_class class,
			   enum observation_type type, bool explicit)
{
	if (class == CLASS_ENGINE || class == CLASS_CALL ||
	    (roles->present & ~PASSIVE_ROLES) != 0 || (explicit && type != TYPE_SPAN))
		return NOTE_REWRITE;
	return explicit ? NOTE_SPAN_TYPE : 0;
}

/* The name of the call that the span tells of, for those that are told twice. */
static uint64_t call_name(const struct run *run, uint32_t span, const struct span_roles *roles,
			  enum span_class class)
{
	struct slice parent = view_span_parent(run->view, span);
	if (class == CLASS_ENGINE && parent.len > 0) {
		struct slice request = roles_text(roles, ROLE_REQUEST_ID);
		/* vLLM puts the number of the choice before it. */
		while (request.len > 0 && ascii_is_digit(request.ptr[0]))
			request = slice_of(request.ptr + 1, request.len - 1);
		if (request.len > 1)
			return calls_name(run->self, NOTE_KIND_PROMPT, parent, request);
	}
	if (class == CLASS_CALL && roles_text(roles, ROLE_RESPONSE_ID).len > 0)
		return calls_name(run->self, NOTE_KIND_ANSWER, roles_text(roles, ROLE_RESPONSE_ID),
				  (struct slice){NULL, 0});
	return 0;
}

/* A span below which another call begins. */
static bool is_boundary(enum span_class class, enum observation_type type)
{
	if (class == CLASS_AGGREGATE)
		return true;
	return type == TYPE_AGENT || type == TYPE_TOOL || type == TYPE_CHAIN ||
	       type == TYPE_RETRIEVER || type == TYPE_GUARDRAIL || type == TYPE_EVALUATOR;
}

/* What is said about the trace's calls, by whatever span. */
static void read_call(struct run *run, uint32_t span, const struct span_roles *roles)
{
	struct span_note *note = &run->notes[span];
	enum span_class class = (enum span_class)note->class;
	if (roles_has(roles, ROLE_MODEL) || roles_has(roles, ROLE_OTHER_MODEL))
		note->flags |= NOTE_MODEL;
	else if (class == CLASS_ENGINE)
		run->joins = true;
	if (note->flags & NOTE_USAGE)
		note->call = call_name(run, span, roles, class);
	if (roles_has(roles, ROLE_FIRST_TOKEN) || view_span_events(run->view, span).count > 0)
		note->first_token_ns = values_first_token(run, span, roles);
	if (note->first_token_ns != 0)
		note->flags |= NOTE_REWRITE;
	struct trace_facts *facts = &run->groups[note->group].facts;
	if (facts->text[TRACE_FACT_DISAGGREGATED].len == 0 && classify_disaggregated(run, span))
		trace_facts_add(facts, TRACE_FACT_DISAGGREGATED, 1, SLICE("1"));
	if ((note->flags & NOTE_SHORT) || ((note->flags & NOTE_USAGE) && class != CLASS_ENGINE))
		run->parents_matter = true;
}

/* Step 2, one span. */
void reading_span(struct run *run, uint32_t span)
{
	struct span_roles roles;
	bool explicit;
	struct span_note *note = &run->notes[span];
	struct trace_group *group = traces_group(run, span);
	enum span_class class = CLASS_PLAIN;
	read_roles(run, span_owner(span), &roles);
	if (roles.present != 0 || view_span_name(run->view, span).len > 0)
		class = classify(run, span, &roles);
	note->group = (uint32_t)(group - run->groups);
	note->class = (uint8_t) class;
	note->own_facts = traces_note(run, group, note, &roles, class);
	note_resource(run, span, group);
	enum observation_type type = observation_type(&roles, class, &explicit);
	note->flags = usage_flags(&roles, class) | work_flags(&roles, class, type, explicit);
	if (is_boundary(class, type))
		note->flags |= NOTE_BOUNDARY;
	read_call(run, span, &roles);
	if (roles_has(&roles, ROLE_AS_ROOT) && view_span_parent(run->view, span).len > 0)
		note->flags |= NOTE_AS_ROOT;
	if (view_span_parent(run->view, span).len == 0)
		traces_note_root(run, group, span);
}

/* A span that an earlier processor has dropped says what its trace is about all the same. */
void reading_dropped(struct run *run, uint32_t span)
{
	struct span_roles roles;
	if (view_span_to_come(run->view, span) || reading_is_zero(run_trace_id(run, span)) ||
	    reading_is_zero(view_span_id(run->view, span)))
		return;
	struct trace_group *group = traces_group(run, span);
	run->notes[span].group = (uint32_t)(group - run->groups);
	keys_roles(&run->self->keys, run->view, span_owner(span), &roles);
	roles.present &= ~(BIT(ROLE_MODEL) | BIT(ROLE_OTHER_MODEL) | BIT(ROLE_ROUTED_MODEL));
	(void)traces_note(run, group, NULL, &roles, CLASS_PLAIN);
	note_resource(run, span, group);
	if (view_span_parent(run->view, span).len == 0)
		traces_note_dropped_root(run, group, span);
}
