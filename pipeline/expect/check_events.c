/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a span's events and links. */
#include "pipeline/expect/trial.h"

struct event_rule {
	const struct ottl_condition *where; /* NULL: all */
	struct bounds count;
	struct value_rules attributes;
	struct config_loc loc;
};

struct event_rules {
	struct event_rule *at;
	size_t count;
};

struct event_block {
	const struct config_node *where, *count, *attributes;
};

#define COUNT_AND_ATTRIBUTES                                                                       \
	CONFIG_NODE(struct event_block, count, "count",                                            \
		    "Bounds of their number; at least 1 without it."),                             \
		CONFIG_NODE(struct event_block, attributes, "attributes",                          \
			    "Attribute keys, each with a value rule for all of them.")

static const struct config_field event_fields[] = {
	CONFIG_NODE(struct event_block, where, "where",
		    "OTTL condition in the spanevent context; all events without it."),
	COUNT_AND_ATTRIBUTES,
};
static const struct config_block event_block = CONFIG_BLOCK(struct event_block, event_fields);

static const struct config_field link_fields[] = {COUNT_AND_ATTRIBUTES};
static const struct config_block link_block = CONFIG_BLOCK(struct event_block, link_fields);

static bool event_rule_parse(struct loading *loading, const struct config_block *form,
			     const struct config_node *node, struct event_rule *rule)
{
	struct event_block block = {NULL, NULL, NULL};
	rule->loc = node->loc;
	rule->count = bounds_at_least(1);
	if (!load_bind(loading, form, node, &block))
		return false;
	if (block.where) {
		rule->where = condition_parse(loading, block.where, OTTL_SPANEVENT);
		if (!rule->where)
			return false;
	}
	return (!block.count || bounds_parse(loading, block.count, BOUNDS_COUNT, &rule->count)) &&
	       (!block.attributes || rules_parse(loading, block.attributes, &rule->attributes));
}

static bool events_parse(struct loading *loading, const struct config_node *node,
			 struct check *check)
{
	struct event_rules *rules = load_alloc(loading, 1, sizeof(*rules));
	bool ok = true;
	if (node->kind != CONFIG_LIST)
		return load_problem(loading, node->loc,
				    "expected a list of {where, count, attributes}");
	check->params = rules;
	if (rules)
		rules->at = load_alloc(loading, node->count, sizeof(*rules->at));
	for (size_t i = 0; rules && rules->at && i < node->count; i++)
		ok = event_rule_parse(loading, &event_block, node->items[i],
				      &rules->at[rules->count++]) &&
		     ok;
	return ok && rules && rules->at;
}

static bool count_passes(struct trial *trial, const struct check *check,
			 const struct event_rule *rule, const char *what, uint32_t count)
{
	return bounds_hold(rule->count, count) ||
	       trial_miss_bounds(trial, rule->loc, check->key, what, rule->count, count, false);
}

static bool events_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct event_rules *rules = check->params;
	struct view_range events = view_span_events(trial->view, span);
	bool passes = true;
	for (size_t i = 0; i < rules->count; i++) {
		const struct event_rule *rule = &rules->at[i];
		uint32_t count = 0;
		for (uint32_t at = events.begin; at < events.begin + events.count; at++) {
			if (rule->where && ottl_eval(rule->where, trial->view, at, trial->scratch,
						     NULL) != OTTL_TRUE)
				continue;
			count++;
			passes = rules_judge(trial, check, &rule->attributes,
					     (struct owner){OWNER_EVENT, at}) &&
				 passes;
		}
		passes = count_passes(trial, check, rule, "the number of these events", count) &&
			 passes;
	}
	return passes;
}

const struct check_type check_type_events = {.parse = events_parse, .span = events_span};

static bool links_parse(struct loading *loading, const struct config_node *node,
			struct check *check)
{
	struct event_rule *rule = load_alloc(loading, 1, sizeof(*rule));
	check->params = rule;
	return rule && event_rule_parse(loading, &link_block, node, rule);
}

static bool links_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct event_rule *rule = check->params;
	struct view_range links = view_span_links(trial->view, span);
	bool passes = count_passes(trial, check, rule, "the number of links", links.count);
	for (uint32_t at = links.begin; at < links.begin + links.count; at++)
		passes = rules_judge(trial, check, &rule->attributes,
				     (struct owner){OWNER_LINK, at}) &&
			 passes;
	return passes;
}

const struct check_type check_type_links = {.parse = links_parse, .span = links_span};
