/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes processor: actions on the attributes of the spans that `include` lets in and
 * `exclude` does not, with the keys and meanings of the Collector's. The actions are in
 * processors/attribute_actions/. Where memory is too short to tell whether a span is meant, it is:
 * actions mostly take something out.
 */
#include "processors/attributes/match.h"

#include <stdlib.h>

struct attributes_config {
	struct config_blocks actions;
	struct match_config include, exclude;
	bool include_present, exclude_present;
};

struct attributes {
	struct attribute_actions *actions;
	struct match *include, *exclude; /* NULL: not asked */
};

static const struct config_field fields[] = {
	CONFIG_SUB_LIST(struct attributes_config, actions, "actions", &attribute_action_block,
			"Actions on the span's attributes, in this order."),
	CONFIG_OPTIONAL_SET(struct attributes_config, include, include_present, "include",
			    &match_block, "Only spans that have all of this."),
	CONFIG_OPTIONAL_SET(struct attributes_config, exclude, exclude_present, "exclude",
			    &match_block, "No spans that have all of this."),
};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct attributes_config *attributes = config;
	if (attributes->actions.count == 0)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "missing required field \"actions\"");
}

static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct attributes_config, fields, check);

static void destroy(void *arg)
{
	struct attributes *self = arg;
	attribute_actions_free(self->actions);
	match_free(self->include);
	match_free(self->exclude);
	free(self);
}

static void *create(const struct component_env *env, const void *arg, struct config_report *report)
{
	const struct attributes_config *config = arg;
	struct attributes *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->actions = attribute_actions_new(env, &config->actions, report);
	if (config->include_present)
		self->include = match_new(env, &config->include, report);
	if (config->exclude_present)
		self->exclude = match_new(env, &config->exclude, report);
	if (self->actions && !self->include == !config->include_present &&
	    !self->exclude == !config->exclude_present)
		return self;
	destroy(self);
	return NULL;
}

static bool moves_values(const void *arg)
{
	const struct attributes *self = arg;
	return attribute_actions_move_values(self->actions);
}

static bool is_meant(const struct attributes *self, struct attribute_scratch *scratch,
		     const struct trace_view *view, uint32_t span)
{
	return view_span_live(view, span) &&
	       (!self->include || match_span(self->include, scratch, view, span, true)) &&
	       (!self->exclude || !match_span(self->exclude, scratch, view, span, false));
}

static enum outcome process(void *arg, void *state, struct trace_view *view, struct err *err)
{
	const struct attributes *self = arg;
	for (uint32_t span = 0; span < view_span_count(view); span++) {
		struct owner owner = {OWNER_SPAN, span};
		if (is_meant(self, state, view, span) &&
		    !attribute_actions_apply(self->actions, state, view, owner)) {
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

const struct component_type processor_attributes = {
	.kind = COMPONENT_PROCESSOR,
	.names = {"attributes"},
	.summary = "Inserts, changes, deletes and hashes attributes of spans.",
	.config = &block,
	.processor = &ops};
