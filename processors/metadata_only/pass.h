/* SPDX-License-Identifier: Apache-2.0 */
/* One request on its way through the policy: shared by the files that walk it. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_PASS_H
#define SLUICE_PROCESSORS_METADATA_ONLY_PASS_H

#include "processors/metadata_only/policy.h"

/* One request on its way through the policy. */
struct pass {
	const struct policy *policy;
	struct policy_shard *shard;
	struct trace_view *view;
	bool dry; /* change nothing */
};

/* What the name of a span may have in common with the text of an attribute. */
enum name_weight {
	NAME_WORD = 0, /* nothing: it is short, or one word */
	NAME_PAIR,     /* it may begin as the text does: "chat m" is in many texts */
	NAME_PHRASE,   /* it may stand anywhere in the text */
};

/* The element whose attributes are looked at. */
struct place {
	struct owner owner;
	bool model;	  /* of a model call */
	bool model_event; /* an event of one, by its name */
	enum name_weight name_weight;
	bool name_removed;  /* it is the text of one that went */
	bool name_constant; /* but that is a template of the program */
};

static inline void hit(struct pass *pass, uint16_t rule)
{
	pass->shard->hits[rule]++;
}

static inline void hit_field(struct pass *pass, enum policy_field field)
{
	hit(pass, (uint16_t)(pass->policy->field_base + field));
}

/* ---- attributes.c ---- */

/* What the attributes of an element have in common, and which of them are to be judged. Most elements
 * have fewer than 64; of those with more, all are. */
struct survey {
	unsigned found; /* all their verdicts together */
	uint64_t acts;	/* 1 << place of those that a rule may act on; of the first 64 */
	uint64_t texts; /* the same of those that go: no rule is about their keys */
};

/* Looks at all attributes of ${owner} and changes none. */
struct survey policy_survey(struct pass *pass, struct owner owner);

/* False when a rule denies the pair ${key} of a nested value, at ${path}; the rule is counted.
 * ${figure}: its value is one; with ${numbers_stay} such ones stay. */
bool policy_pair_stays(struct pass *pass, struct slice key, struct slice path, bool figure,
		       bool numbers_stay);

/* Takes out of the attributes of ${place} what the rules say, given their survey. */
void policy_filter_attrs(struct pass *pass, struct place *place, struct survey all);

#endif
