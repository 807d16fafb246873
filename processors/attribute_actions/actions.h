/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions on the attributes of one element, in the order in which they are written, with the keys and
 * meanings of the Collector (0.161): what the processors `attributes` and `resource` share.
 *
 *   insert, update, upsert   a value: written (value), of another attribute (from_attribute), or
 *                            default_value when there is none
 *   delete, hash             by key, and by a pattern of keys
 *   extract                  the named groups of a pattern become attributes
 *   convert                  to string, int or double, where the value can be
 *
 * Where a key stands twice on an element, all of them are acted on: a second copy of what was to be
 * deleted or hashed must not get through.
 */
#ifndef SLUICE_PROCESSORS_ATTRIBUTE_ACTIONS_ACTIONS_H
#define SLUICE_PROCESSORS_ATTRIBUTE_ACTIONS_ACTIONS_H

#include "pipeline/graph/component.h"
#include "pipeline/pattern/regex.h"

struct attribute_actions; /* immutable: applied by all shards at once */

/* The keys of one action, for a list of blocks; what is in them is the actions' own. */
extern const struct config_block attribute_action_block;

/* The actions that ${list} (of attribute_action_block) writes. NULL: what is wrong is in ${report}. */
MUST_CHECK struct attribute_actions *attribute_actions_new(const struct component_env *env,
							   const struct config_blocks *list,
							   struct config_report *report);
void attribute_actions_free(struct attribute_actions *actions);

/* Whether an action gives what is under one key to another, or makes a text of what had parts: a
 * policy that came later would judge it by the wrong key. */
bool attribute_actions_move_values(const struct attribute_actions *actions);

/* What one shard needs to apply actions, and to match. */
struct attribute_scratch {
	struct regex_scratch regex;
	struct buf text;
	void *digest; /* of OpenSSL */
};

/* For processor_ops.shard_new and shard_free. NULL: out of memory. */
void *attribute_scratch_new(void *self);
void attribute_scratch_free(void *arg);

/* Applies all actions to ${owner}. Shard's thread. False when memory was short. */
MUST_CHECK bool attribute_actions_apply(const struct attribute_actions *actions,
					struct attribute_scratch *scratch, struct trace_view *view,
					struct owner owner);

#endif
