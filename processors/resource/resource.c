/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resource processor: actions on the attributes of every resource that has spans, with the keys
 * and meanings of the Collector's. All that it does is in processors/attribute_actions/.
 */
#include "processors/attribute_actions/actions.h"

struct resource_config {
	struct config_blocks attributes;
};

static const struct config_field fields[] = {
	CONFIG_SUB_LIST(struct resource_config, attributes, "attributes", &attribute_action_block,
			"Actions on the resource's attributes, in this order."),
};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct resource_config *resource = config;
	if (resource->attributes.count == 0)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "missing required field \"attributes\"");
}

static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct resource_config, fields, check);

static void *create(const struct component_env *env, const void *arg, struct config_report *report)
{
	const struct resource_config *config = arg;
	return attribute_actions_new(env, &config->attributes, report);
}

static void destroy(void *self)
{
	attribute_actions_free(self);
}

static bool moves_values(const void *self)
{
	return attribute_actions_move_values(self);
}

static enum outcome process(void *self, void *state, struct trace_view *view, struct err *err)
{
	for (uint32_t i = 0; i < view_resource_count(view); i++) {
		struct owner owner = {OWNER_RESOURCE, i};
		if (view_resource_live(view, i) &&
		    !attribute_actions_apply(self, state, view, owner)) {
			(void)err_set(err, ERR_NOMEM, "out of memory for changing attributes");
			return OUTCOME_RETRY;
		}
	}
	return OUTCOME_TAKEN;
}

static const struct processor_ops ops = {.create = create,
					 .shard_new = attribute_scratch_new,
					 .shard_free = attribute_scratch_free,
					 .process = process,
					 .destroy = destroy,
					 .adds = ADDS_NOTHING,
					 .moves_values = moves_values};

const struct component_type processor_resource = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"resource"},
	.summary = "Inserts, changes, deletes and hashes attributes of resources.",
	.config = &block,
	.processor = &ops};
