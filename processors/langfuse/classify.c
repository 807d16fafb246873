/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a span is, and as what Langfuse would show it. Langfuse takes every span that names a model
 * for a generation: with llm-d in front, that is a dozen scheduler spans per request, while the
 * model server's own span names none and becomes a plain span.
 */
#include "pipeline/vocabulary/llm_stack.h"
#include "processors/langfuse/langfuse_internal.h"
#include "processors/langfuse/values.h"

static const char *const type_names[TYPE_COUNT] = {"",	    "",		 "span",      "generation",
						   "event", "embedding", "agent",     "tool",
						   "chain", "retriever", "guardrail", "evaluator"};

/* ---- type ----------------------------------------------------------------------------------- */

const char *observation_type_name(enum observation_type type)
{
	return type_names[type];
}

static enum observation_type type_named(struct slice word)
{
	static const struct {
		const char *word;
		enum observation_type type;
	} others[] = {{"llm", TYPE_GENERATION},
		      {"function", TYPE_TOOL},
		      {"workflow", TYPE_CHAIN},
		      {"rerank", TYPE_RETRIEVER}};
	for (int type = TYPE_SPAN; type < TYPE_COUNT; type++) {
		if (slice_equal_nocase(word, slice_str(type_names[type])))
			return (enum observation_type)type;
	}
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		if (slice_equal_nocase(word, slice_str(others[i].word)))
			return others[i].type;
	}
	return TYPE_UNSAID;
}

struct word_type {
	const char *word;
	enum observation_type type;
	bool explicit; /* Langfuse does not know the word */
};

static enum observation_type look_up(const struct word_type *table, size_t count, struct slice word,
				     bool *ret_explicit)
{
	for (size_t i = 0; i < count && word.len > 0; i++) {
		if (!slice_equal(word, slice_str(table[i].word)))
			continue;
		*ret_explicit = table[i].explicit;
		return table[i].type;
	}
	return TYPE_UNSAID;
}

static enum observation_type type_by_openinference(struct slice word, bool *ret_explicit)
{
	static const struct word_type table[] = {
		{"LLM", TYPE_GENERATION, false},      {"CHAIN", TYPE_CHAIN, false},
		{"RETRIEVER", TYPE_RETRIEVER, false}, {"EMBEDDING", TYPE_EMBEDDING, false},
		{"AGENT", TYPE_AGENT, false},	      {"TOOL", TYPE_TOOL, false},
		{"GUARDRAIL", TYPE_GUARDRAIL, false}, {"EVALUATOR", TYPE_EVALUATOR, false},
		{"RERANKER", TYPE_RETRIEVER, true}};
	return look_up(table, ARRAY_COUNT(table), word, ret_explicit);
}

static enum observation_type type_by_operation(struct slice word, bool *ret_explicit)
{
	static const struct word_type table[] = {{"chat", TYPE_GENERATION, false},
						 {"completion", TYPE_GENERATION, false},
						 {"text_completion", TYPE_GENERATION, false},
						 {"generate_content", TYPE_GENERATION, false},
						 {"generate", TYPE_GENERATION, false},
						 {"embeddings", TYPE_EMBEDDING, false},
						 {"embedding", TYPE_EMBEDDING, true},
						 {"rerank", TYPE_RETRIEVER, true},
						 {"fetch_response", TYPE_GENERATION, true},
						 {"invoke_agent", TYPE_AGENT, false},
						 {"create_agent", TYPE_AGENT, false},
						 {"execute_tool", TYPE_TOOL, false},
						 {"retrieval", TYPE_RETRIEVER, true},
						 {"plan", TYPE_CHAIN, true},
						 {"handle_conversation_turn", TYPE_CHAIN, true},
						 {"invoke_workflow", TYPE_CHAIN, true}};
	return look_up(table, ARRAY_COUNT(table), word, ret_explicit);
}

/* Kinds of spans by OpenLLMetry; a task is a plain span. */
static enum observation_type type_by_traceloop(struct slice word, bool *ret_explicit)
{
	static const struct word_type table[] = {{"workflow", TYPE_CHAIN, true},
						 {"agent", TYPE_AGENT, true},
						 {"tool", TYPE_TOOL, true}};
	return look_up(table, ARRAY_COUNT(table), word, ret_explicit);
}

/* What the request was for, by OpenLLMetry and LiteLLM. */
static enum observation_type type_by_request(struct slice word, bool *ret_explicit)
{
	static const struct word_type table[] = {{"chat", TYPE_GENERATION, true},
						 {"completion", TYPE_GENERATION, true},
						 {"embedding", TYPE_EMBEDDING, true},
						 {"rerank", TYPE_RETRIEVER, true}};
	return look_up(table, ARRAY_COUNT(table), word, ret_explicit);
}

/* MLflow writes its attributes as JSON: texts stand between quotation marks. */
static enum observation_type type_by_mlflow(struct slice word, bool *ret_explicit)
{
	static const struct word_type table[] = {
		{"LLM", TYPE_GENERATION, true},	     {"CHAT_MODEL", TYPE_GENERATION, true},
		{"CHAIN", TYPE_CHAIN, true},	     {"WORKFLOW", TYPE_CHAIN, true},
		{"AGENT", TYPE_AGENT, true},	     {"TOOL", TYPE_TOOL, true},
		{"RETRIEVER", TYPE_RETRIEVER, true}, {"RERANKER", TYPE_RETRIEVER, true},
		{"EMBEDDING", TYPE_EMBEDDING, true}, {"GUARDRAIL", TYPE_GUARDRAIL, true},
		{"EVALUATOR", TYPE_EVALUATOR, true}};
	return look_up(table, ARRAY_COUNT(table), values_unquoted(word), ret_explicit);
}

static enum observation_type type_by_ai_sdk(struct slice operation)
{
	if (slice_has_suffix(operation, SLICE(".doGenerate")) ||
	    slice_has_suffix(operation, SLICE(".doStream")))
		return TYPE_GENERATION;
	if (slice_has_suffix(operation, SLICE(".doEmbed")))
		return TYPE_EMBEDDING;
	return slice_equal(operation, SLICE("ai.toolCall")) ? TYPE_TOOL : TYPE_UNSAID;
}

/* Langfuse takes whoever names a model for a generation: by a key that it reads, or by one that is
 * going to be rewritten into one. */
static bool names_model(const struct span_roles *roles)
{
	return (roles->flags & KEY_NAMES_MODEL) || roles_has(roles, ROLE_OTHER_MODEL);
}

#define BIT(role) (UINT64_C(1) << (role))

/* Roles that say of what type a span is. Most spans have none of them. */
#define TYPE_ROLES                                                                                 \
	(BIT(ROLE_TYPE) | BIT(ROLE_OPENINFERENCE_KIND) | BIT(ROLE_OPERATION) |                     \
	 BIT(ROLE_AI_OPERATION) | BIT(ROLE_TOOL_NAME) | BIT(ROLE_NATIVE_TYPE) |                    \
	 BIT(ROLE_TRACELOOP_KIND) | BIT(ROLE_REQUEST_TYPE) | BIT(ROLE_MLFLOW_TYPE))

/* By whatever the span says of its type. */
static enum observation_type type_said(const struct span_roles *roles, bool *ret_explicit)
{
	enum observation_type type = TYPE_UNSAID;
	struct slice word = roles_text(roles, ROLE_TYPE);
	if (word.len > 0)
		type = type_named(word);
	if (type != TYPE_UNSAID) {
		*ret_explicit = !slice_equal(word, slice_str(type_names[type]));
		return type;
	}
	type = type_by_openinference(roles_text(roles, ROLE_OPENINFERENCE_KIND), ret_explicit);
	if (type == TYPE_UNSAID)
		type = type_by_operation(roles_text(roles, ROLE_OPERATION), ret_explicit);
	if (type == TYPE_UNSAID)
		type = type_by_ai_sdk(roles_text(roles, ROLE_AI_OPERATION));
	if (type == TYPE_UNSAID && roles_has(roles, ROLE_TOOL_NAME))
		type = TYPE_TOOL;
	if (type == TYPE_UNSAID && roles_has(roles, ROLE_NATIVE_TYPE))
		type = TYPE_NATIVE;
	if (type == TYPE_UNSAID)
		type = type_by_traceloop(roles_text(roles, ROLE_TRACELOOP_KIND), ret_explicit);
	if (type == TYPE_UNSAID)
		type = type_by_request(roles_text(roles, ROLE_REQUEST_TYPE), ret_explicit);
	if (type == TYPE_UNSAID)
		type = type_by_mlflow(roles_text(roles, ROLE_MLFLOW_TYPE), ret_explicit);
	/* Langfuse finds that out by the model. */
	if (type == TYPE_GENERATION && (roles->flags & KEY_NAMES_MODEL))
		*ret_explicit = false;
	return type;
}

enum observation_type observation_type(const struct span_roles *roles, enum span_class class,
				       bool *ret_explicit)
{
	enum observation_type type = TYPE_UNSAID;
	*ret_explicit = false;
	if (roles->present & TYPE_ROLES)
		type = type_said(roles, ret_explicit);
	if (type != TYPE_UNSAID)
		return type;
	if (class == CLASS_ENGINE) {
		*ret_explicit = true;
		return TYPE_GENERATION;
	}
	if (!names_model(roles))
		return TYPE_UNSAID;
	*ret_explicit = class == CLASS_ROUTING;
	return class == CLASS_ROUTING ? TYPE_SPAN : TYPE_GENERATION;
}

/* ---- class ---------------------------------------------------------------------------------- */

static bool is_routing_name(const struct langfuse *self, struct slice name)
{
	if (stack_names_has(&stack_routing_spans, name))
		return true;
	for (size_t i = 0; i < self->routing_names.count; i++) {
		if (slice_fits(name, self->routing_names.at[i]))
			return true;
	}
	return false;
}

static enum span_class class_of_scope(const struct langfuse *self, struct slice name)
{
	if (stack_prefixes_has(&stack_engine_scopes, name))
		return CLASS_ENGINE;
	if (stack_prefixes_has(&stack_routing_scopes, name))
		return CLASS_ROUTING;
	for (size_t i = 0; i < self->routing_scopes.count; i++) {
		if (slice_has_prefix(name, self->routing_scopes.at[i]))
			return CLASS_ROUTING;
	}
	return CLASS_PLAIN;
}

static enum span_class scope_class(struct run *run, uint32_t span)
{
	uint8_t *cached = &run->scope_classes[view_span_scope(run->view, span)];
	if (*cached == 0)
		*cached = (uint8_t)(1 + class_of_scope(run->self, run_scope_name(run, span)));
	return (enum span_class)(*cached - 1);
}

/* Of the AI SDK's spans those without "do" in their operation sum up what is below them. */
static bool is_ai_sdk_parent(struct slice operation)
{
	return slice_has_prefix(operation, SLICE("ai.")) &&
	       type_by_ai_sdk(operation) == TYPE_UNSAID;
}

static bool is_aggregate(const struct span_roles *roles)
{
	bool explicit;
	static const char *const operations[] = {"invoke_agent", "agent_step", "invoke_workflow",
						 "handle_conversation_turn"};
	struct slice operation = roles_text(roles, ROLE_OPERATION);
	struct slice kind = roles_text(roles, ROLE_OPENINFERENCE_KIND);
	struct slice traceloop = roles_text(roles, ROLE_TRACELOOP_KIND);
	for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
		if (slice_equal(operation, slice_str(operations[i])))
			return true;
	}
	if (type_by_mlflow(roles_text(roles, ROLE_MLFLOW_TYPE), &explicit) == TYPE_CHAIN ||
	    type_by_mlflow(roles_text(roles, ROLE_MLFLOW_TYPE), &explicit) == TYPE_AGENT ||
	    is_ai_sdk_parent(roles_text(roles, ROLE_AI_OPERATION)))
		return true;
	return slice_equal(kind, SLICE("AGENT")) || slice_equal(kind, SLICE("CHAIN")) ||
	       slice_equal(traceloop, SLICE("workflow")) || slice_equal(traceloop, SLICE("agent"));
}

enum span_class classify(struct run *run, uint32_t span, const struct span_roles *roles)
{
	enum span_class scope = scope_class(run, span);
	struct slice name = view_span_name(run->view, span);
	if ((scope == CLASS_ENGINE && (roles->flags & KEY_USAGE)) ||
	    stack_names_has(&stack_engine_spans, name))
		return CLASS_ENGINE;
	if (names_model(roles) || roles_has(roles, ROLE_ROUTED_MODEL)) {
		if (scope == CLASS_ROUTING || is_routing_name(run->self, name))
			return CLASS_ROUTING;
	}
	if ((roles->present & TYPE_ROLES) && is_aggregate(roles))
		return CLASS_AGGREGATE;
	bool explicit;
	enum observation_type type = observation_type(roles, CLASS_PLAIN, &explicit);
	return type == TYPE_GENERATION || type == TYPE_EMBEDDING ? CLASS_CALL : CLASS_PLAIN;
}

bool classify_disaggregated(const struct run *run, uint32_t span)
{
	return stack_names_has(&stack_disaggregation_spans, view_span_name(run->view, span));
}
