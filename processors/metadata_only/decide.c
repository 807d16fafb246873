/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules say about a key id, once for as long as the id means the same. An expression that
 * did not come to an end on a key keeps nothing and denies what it would deny.
 */
#include "processors/metadata_only/policy.h"

void decide_begin(struct policy_shard *shard, const struct trace_view *view)
{
	uint64_t epoch = view_key_epoch(view);
	if (shard->epoch == epoch)
		return;
	memset(shard->verdicts + KEY_ID_SET_FIRST, 0, KEY_SETS_MAX);
	shard->epoch = epoch;
}

/* The rules that matched one key, as they are found. */
struct findings {
	const struct policy *policy;
	struct decision *decision;
	uint16_t keep, deny_by_user; /* the strongest one; 0: none */
	uint16_t deny_by_strict;     /* not applied yet: may be allowed */
	bool allowed, model;
};

/* The stronger of two rules, 0 being none. */
static uint16_t stronger(uint16_t a, uint16_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void apply_deny(struct findings *f, const struct policy_rule *rule, uint16_t number)
{
	unsigned when = rule->when == WHEN_STRICT ? WHEN_ALWAYS : rule->when;
	struct decision *decision = f->decision;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		uint16_t *at = &decision->rules[slot][when];
		if (rule->slots >> slot & 1)
			*at = stronger(*at, number);
	}
	decision->nested = stronger(decision->nested, number);
	if (rule->by_user)
		f->deny_by_user = stronger(f->deny_by_user, number);
}

static void take_rule(struct findings *f, uint16_t number, bool doubtful)
{
	const struct policy_rule *rule = &f->policy->rules[number];
	const struct policy_config *config = f->policy->config;
	if (rule->when == WHEN_STRICT && config->mode != MODE_STRICT)
		return;
	switch ((enum policy_action)rule->action) {
	case ACTION_KEEP:
		if (!doubtful)
			f->keep = stronger(f->keep, number);
		return;
	case ACTION_ALLOW: f->allowed |= !doubtful; return;
	case ACTION_KEEP_NUMBER: f->decision->keep_numbers |= !doubtful; return;
	case ACTION_MARK: f->model = true; return;
	case ACTION_EVENT: f->decision->event = stronger(f->decision->event, number); return;
	case ACTION_IDENTIFY:
		if (config->identifiers != IDENTIFIERS_KEEP)
			apply_deny(f, rule, number);
		return;
	case ACTION_DROP:
		if (rule->when == WHEN_STRICT)
			f->deny_by_strict = stronger(f->deny_by_strict, number);
		else
			apply_deny(f, rule, number);
		return;
	case ACTION_REPLACE:
	case ACTION_CUT: apply_deny(f, rule, number); return;
	case ACTION_COUNT: return;
	}
}

static void deny_all(struct decision *decision, uint16_t rule)
{
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		decision->rules[slot][WHEN_ALWAYS] = rule;
	decision->nested = rule;
}

/* Whether one and the same DROP rule applies in every slot, to every value. */
static bool drops_always(const struct policy *policy, const struct decision *decision)
{
	uint16_t rule = decision->nested;
	if (rule == 0 || decision->keep_numbers || policy->rules[rule].action != ACTION_DROP)
		return false;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		if (decision->rules[slot][WHEN_ALWAYS] != rule)
			return false;
	}
	return true;
}

uint8_t decide(const struct policy *policy, struct policy_shard *shard,
	       const struct trace_view *view, key_id id)
{
	struct decision *decision = &shard->decisions[id];
	struct findings f = {.policy = policy, .decision = decision};
	*decision = (struct decision){0};
	struct key_set set = view_key_set(view, id);
	for (size_t i = 0; i < set.count; i++) {
		bool doubtful = set.at[i] & PATTERN_FAILED;
		pattern_id pattern = set.at[i] & (pattern_id)~PATTERN_FAILED;
		for (uint16_t at = policy->first_binding[pattern]; at != 0;
		     at = policy->bindings[at].next)
			take_rule(&f, policy->bindings[at].rule, doubtful);
	}
	/* What strict lets pass, it lets pass of itself alone: the other rules still hold. */
	if (f.deny_by_strict != 0 && !f.allowed)
		apply_deny(&f, &policy->rules[f.deny_by_strict], f.deny_by_strict);
	bool too_long =
		id == KEY_ID_TOO_LONG || view_key_text(view, id).len > KEY_MATCHED_BYTES_MAX;
	bool kept = f.keep != 0 && f.deny_by_user == 0 && !too_long;
	if (too_long)
		deny_all(decision, (uint16_t)(policy->field_base + FIELD_LONG_KEY));
	else if (id == KEY_ID_UNRESOLVED)
		deny_all(decision, (uint16_t)(policy->field_base + FIELD_DOUBTFUL_KEY));
	if (f.deny_by_user != 0 || too_long)
		decision->keep_numbers = false;
	uint8_t verdict = VERDICT_KNOWN;
	if (f.model)
		verdict |= VERDICT_MODEL;
	if (decision->event != 0)
		verdict |= VERDICT_EVENT;
	if (kept)
		verdict |= VERDICT_KEPT;
	else if (decision->nested != 0)
		verdict |= VERDICT_ACT;
	if (!kept && drops_always(policy, decision))
		verdict |= VERDICT_DROP;
	shard->verdicts[id] = verdict;
	return verdict;
}
