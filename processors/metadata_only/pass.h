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
	const struct trace_index *index;
	bool dry;   /* change nothing */
	bool clean; /* nothing was edited before in this run: the index tells all */
};

/* The element whose attributes are looked at. */
struct place {
	struct owner owner;
	bool model;	   /* of a model call */
	bool model_event;  /* an event of one, by its name */
	bool name_matters; /* the span's name is long enough to be the text of an attribute */
	bool name_removed; /* it is the text of one that went */
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

/* What the attributes of an element have in common, and which of them are to be judged. */
struct survey {
	unsigned found; /* all their verdicts together */
	uint64_t acts;	/* 1 << number of those that a rule may act on; of the first 64 */
};

/* Looks at all attributes of ${owner}, received in ${attrs}, and changes none. ${touched}: they were
 * edited before in this run. */
struct survey policy_survey(struct pass *pass, struct owner owner, struct attr_range attrs,
			    bool touched);

/* False when a rule denies the pair ${key} of a nested value, at ${path}; the rule is counted.
 * ${figure}: its value is one; with ${numbers_stay} such ones stay. */
bool policy_pair_stays(struct pass *pass, struct slice key, struct slice path, bool figure,
		       bool numbers_stay);

/* Takes out of the attributes of ${place} what the rules say, given their survey. */
void policy_filter_attrs(struct pass *pass, struct place *place, struct attr_range attrs,
			 bool touched, struct survey all);

#endif
