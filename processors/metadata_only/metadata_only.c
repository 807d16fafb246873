/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata_only processor: what leaves says what happened, when, how long and how much, never
 * what was said. rules.def is the policy; this file walks a request and carries it out:
 *
 *   resources → scopes → spans → their events and links; at each, attributes first, then the fields
 *   that are no attributes; at the end, when the index has met any, unknown fields of all levels.
 *
 * A span costs one look into a table per attribute, and work only where a rule has something to do.
 * Keys reach it resolved by the index; see key_table.h. What it did is counted by rule and shard
 * and added up once per request. Nothing of what it sees is ever logged.
 */
#include "processors/metadata_only/names.h"
#include "processors/metadata_only/text.h"

#include <stdlib.h>

_Static_assert((int)SLOT_RESOURCE == (int)OWNER_RESOURCE && (int)SLOT_SCOPE == (int)OWNER_SCOPE &&
		       (int)SLOT_SPAN == (int)OWNER_SPAN && (int)SLOT_EVENT == (int)OWNER_EVENT &&
		       (int)SLOT_LINK == (int)OWNER_LINK,
	       "a slot is an owner's kind");

/* Surveys and filters the attributes of what is no span. */
static void filter_owner(struct pass *pass, struct place *place)
{
	policy_filter_attrs(pass, place, policy_survey(pass, place->owner));
}

/* ---- resources and scopes ---- */

static void filter_schema_url(struct pass *pass, struct owner owner)
{
	struct slice url = view_schema_url(pass->view, owner);
	if (url.len == 0 || text_is_plain_url(url))
		return;
	hit_field(pass, FIELD_SCHEMA_URL);
	if (!pass->dry)
		edit_drop_schema_url(pass->view, owner);
}

static void filter_resource(struct pass *pass, uint32_t at)
{
	struct place place = {.owner = {OWNER_RESOURCE, at}, .model = true};
	filter_owner(pass, &place);
	filter_schema_url(pass, place.owner);
	if (!pass->dry && edit_drop_entity_refs(pass->view, at))
		hit_field(pass, FIELD_ENTITY_REFS);
}

static void filter_scope(struct pass *pass, uint32_t at)
{
	struct place place = {.owner = {OWNER_SCOPE, at}, .model = true};
	filter_owner(pass, &place);
	filter_schema_url(pass, place.owner);
	names_filter_scope(pass, at);
}

static bool is_model_scope(const struct pass *pass, uint32_t at)
{
	struct slice name = view_scope_name(pass->view, at);
	for (size_t i = 0; i < policy_model_scope_count; i++) {
		struct slice known = policy_model_scopes[i];
		if (!slice_has_prefix(name, known))
			continue;
		uint8_t next = name.len > known.len ? name.ptr[known.len] : '.';
		if (next < 'a' || next > 'z')
			return true;
	}
	return false;
}

/* ---- events and links ---- */

static bool is_model_event(struct slice name)
{
	return slice_has_prefix(name, SLICE("gen_ai.")) || slice_has_prefix(name, SLICE("llm."));
}

static void filter_event(struct pass *pass, uint32_t at, bool model)
{
	struct slice name = view_event_name(pass->view, at);
	key_id id = view_key_id(pass->view, name);
	if (verdict_of(pass->policy, pass->shard, pass->view, id) & VERDICT_EVENT) {
		hit(pass, pass->shard->decisions[id].event);
		if (!pass->dry)
			edit_drop_event(pass->view, at);
		return;
	}
	struct place place = {
		.owner = {OWNER_EVENT, at}, .model = model, .model_event = is_model_event(name)};
	filter_owner(pass, &place);
	names_filter_event(pass, at);
}

static void filter_link(struct pass *pass, uint32_t at, bool model)
{
	struct place place = {.owner = {OWNER_LINK, at}, .model = model};
	struct slice trace_state = view_link_trace_state(pass->view, at);
	filter_owner(pass, &place);
	struct slice kept = text_ot_member(trace_state);
	if (slice_equal(kept, trace_state))
		return;
	hit_field(pass, FIELD_LINK_TRACE_STATE);
	if (!pass->dry)
		edit_set_link_trace_state(pass->view, at, kept);
}

/* ---- spans ---- */

static void filter_trace_state(struct pass *pass, uint32_t at)
{
	struct slice trace_state = view_span_trace_state(pass->view, at);
	if (LIKELY(trace_state.len == 0))
		return;
	struct slice kept = text_ot_member(trace_state);
	if (slice_equal(kept, trace_state))
		return;
	hit_field(pass, FIELD_TRACE_STATE);
	if (!pass->dry)
		edit_set_span_trace_state(pass->view, at, kept);
}

static void filter_span(struct pass *pass, uint32_t at, bool model_scope)
{
	struct view_range events = view_span_events(pass->view, at);
	struct view_range links = view_span_links(pass->view, at);
	struct place place = {.owner = {OWNER_SPAN, at}};
	struct survey all = policy_survey(pass, place.owner);
	struct slice name = view_span_name(pass->view, at);
	place.model = model_scope || (all.found & VERDICT_MODEL);
	place.name_weight = names_weight(name);
	policy_filter_attrs(pass, &place, all);
	for (uint32_t i = 0; i < events.count; i++) {
		if (view_event_live(pass->view, events.begin + i))
			filter_event(pass, events.begin + i, place.model);
	}
	for (uint32_t i = 0; i < links.count; i++) {
		if (view_link_live(pass->view, links.begin + i))
			filter_link(pass, links.begin + i, place.model);
	}
	names_filter_status(pass, at);
	filter_trace_state(pass, at);
	names_filter_span(pass, at, place.name_removed && !place.name_constant);
}

/* ---- the request ---- */

static void add_hits(struct policy *policy, struct policy_shard *shard, struct tally *tally)
{
	for (size_t i = 1; i < policy->rule_count; i++) {
		tally_add(tally, &policy->rules[i].hits, shard->hits[i]);
		shard->hits[i] = 0;
	}
}

static enum outcome process(void *arg, void *state, struct trace_view *view, struct err *err)
{
	struct policy *policy = arg;
	(void)err;
	struct pass pass = {
		.policy = policy, .shard = state, .view = view, .dry = policy->config->dry_run};
	decide_begin(pass.shard, view);
	for (uint32_t i = 0; i < view_resource_count(view); i++)
		filter_resource(&pass, i);
	for (uint32_t i = 0; i < view_scope_count(view); i++) {
		struct view_range spans = view_scope_spans(view, i);
		bool model = is_model_scope(&pass, i);
		filter_scope(&pass, i);
		for (uint32_t j = 0; j < spans.count; j++) {
			if (view_span_live(view, spans.begin + j))
				filter_span(&pass, spans.begin + j, model);
		}
	}
	if (view_unknown_fields(view) > 0) {
		pass.shard->hits[policy->field_base + FIELD_UNKNOWN_FIELD] +=
			view_unknown_fields(view);
		if (!pass.dry)
			edit_drop_unknown(view);
	}
	add_hits(policy, pass.shard, edit_tally(view));
	return OUTCOME_TAKEN;
}

/* ---- life ---- */

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	return policy_new(env, config, report);
}

static void destroy(void *self)
{
	policy_free(self);
}

static void shard_free(void *state)
{
	struct policy_shard *shard = state;
	if (!shard)
		return;
	buf_fini(&shard->text);
	free(shard->hits);
	free(shard);
}

static void *shard_new(void *self)
{
	struct policy *policy = self;
	struct policy_shard *shard = calloc(1, sizeof(*shard));
	if (!shard)
		return NULL;
	shard->hits = calloc(policy->rule_count, sizeof(*shard->hits));
	if (!shard->hits) {
		free(shard);
		return NULL;
	}
	shard->hash = hash_key_random();
	return shard;
}

static bool enforces(const void *self)
{
	const struct policy *policy = self;
	return !policy->config->dry_run;
}

static void report(void *self)
{
	struct policy *policy = self;
	for (size_t i = 1; i < policy->rule_count; i++) {
		struct policy_rule *rule = &policy->rules[i];
		uint64_t hits = counter_get(&rule->hits);
		if (hits == rule->reported)
			continue;
		log_info(&policy->log, LOG_REPORT("Policy removed what is not metadata"),
			 LOG_STR("rule", rule->label), LOG_UINT("removed", hits - rule->reported),
			 LOG_UINT("removed_total", hits),
			 LOG_BOOL("dry_run", policy->config->dry_run));
		rule->reported = hits;
	}
}

static const struct processor_ops ops = {.create = create,
					 .shard_new = shard_new,
					 .shard_free = shard_free,
					 .process = process,
					 .report = report,
					 .destroy = destroy,
					 .adds = ADDS_NOTHING,
					 .enforces = enforces};

const struct component_type processor_metadata_only = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"metadata_only"},
	.summary = "Takes content out: prompts, answers, documents, headers, error texts.",
	.config = &policy_block,
	.processor = &ops};
