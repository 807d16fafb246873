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
	uint16_t deny_by_user;	 /* the strongest one; 0: none */
	uint16_t deny_by_strict; /* not applied yet: the key may be known */
	uint16_t identifier;	 /* kept as one: its form is its own */
	bool model;
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
	if (when != WHEN_MODEL_OWN || f->policy->config->mode == MODE_DENYLIST)
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
			f->decision->kept = stronger(f->decision->kept, number);
		return;
	case ACTION_KNOWN:
		if (!doubtful)
			f->decision->known = stronger(f->decision->known, number);
		return;
	case ACTION_REFERENCE:
		if (!doubtful)
			f->decision->reference = stronger(f->decision->reference, number);
		return;
	case ACTION_KEEP_NUMBER: f->decision->keep_numbers |= !doubtful; return;
	case ACTION_MARK: f->model = true; return;
	case ACTION_EVENT: f->decision->event = stronger(f->decision->event, number); return;
	case ACTION_IDENTIFY:
		if (config->identifiers != IDENTIFIERS_KEEP)
			apply_deny(f, rule, number);
		else if (!doubtful)
			f->identifier = stronger(f->identifier, number);
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
	if (rule == 0 || decision->keep_numbers || decision->reference != 0 ||
	    policy->rules[rule].action != ACTION_DROP)
		return false;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		if (decision->rules[slot][WHEN_ALWAYS] != rule)
			return false;
	}
	return true;
}

/* Whether all that a rule does is to cut URLs: in a plain token there is nothing to cut. */
static bool only_cuts(const struct policy *policy, const struct decision *decision)
{
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		for (unsigned when = 0; when < DECIDED_WHENS; when++) {
			uint16_t rule = decision->rules[slot][when];
			if (rule != 0 && policy->rules[rule].action != ACTION_CUT)
				return false;
		}
	}
	return decision->reference == 0;
}

/* Whether a plain token stays under a key that no rule denies. */
static bool plain_stays(const struct policy *policy, const struct decision *decision)
{
	const struct policy_config *config = policy->config;
	uint16_t keeper = decision->kept != 0 ? decision->kept : decision->known;
	if (config->mode == MODE_DENYLIST)
		return false;
	if (config->content_references != IDENTIFIERS_KEEP)
		return false; /* some tokens are references */
	if (config->mode == MODE_SHAPE)
		return true;
	enum policy_form form = keeper != 0 ? policy->rules[keeper].form : FORM_NUMBER;
	return form == FORM_TOKEN || form == FORM_NAME || form == FORM_LINE || form == FORM_PAIRS ||
	       form == FORM_ANY;
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
	if (f.identifier != 0)
		decision->known = f.identifier;
	/* What is known is exempt from the rules of strict alone: the others still hold. */
	if (f.deny_by_strict != 0 && decision->known == 0)
		apply_deny(&f, &policy->rules[f.deny_by_strict], f.deny_by_strict);
	bool too_long =
		id == KEY_ID_TOO_LONG || view_key_text(view, id).len > KEY_MATCHED_BYTES_MAX;
	if (f.deny_by_user != 0 || too_long || id == KEY_ID_UNRESOLVED)
		decision->kept = decision->known = decision->reference = 0;
	bool kept = decision->kept != 0;
	if (too_long)
		deny_all(decision, (uint16_t)(policy->field_base + FIELD_LONG_KEY));
	else if (id == KEY_ID_UNRESOLVED)
		deny_all(decision, (uint16_t)(policy->field_base + FIELD_DOUBTFUL_KEY));
	if (f.deny_by_user != 0 || too_long)
		decision->keep_numbers = false;
	bool acts = decision->nested != 0 || decision->reference != 0;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		acts |= decision->rules[slot][WHEN_MODEL_OWN] != 0;
	uint8_t verdict = VERDICT_KNOWN;
	if (f.model)
		verdict |= VERDICT_MODEL;
	if (decision->event != 0)
		verdict |= VERDICT_EVENT;
	if (kept)
		verdict |= VERDICT_KEPT;
	else if (acts)
		verdict |= VERDICT_ACT;
	if ((kept || !acts || only_cuts(policy, decision)) && plain_stays(policy, decision))
		verdict |= VERDICT_PLAIN;
	if ((verdict & VERDICT_PLAIN) && !acts && decision->kept == 0 && decision->known == 0)
		verdict |= VERDICT_TOKENS;
	if (!kept && drops_always(policy, decision))
		verdict |= VERDICT_DROP;
	shard->verdicts[id] = verdict;
	return verdict;
}
