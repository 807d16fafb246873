/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the configuration to parsed conditions. Three ways to write them, as in the Collector:
 *
 *   traces: { span: [...], spanevent: [...], resource: [...] }     context by block
 *   trace_conditions: [ 'span.attributes["x"] == 1' ]              context by prefix
 *   trace_conditions: [ { context: span, error_mode: silent, conditions: [...] } ]
 */
#include "processors/filter/filter_internal.h"

static const char *const error_modes[] = {"ignore", "silent", "propagate", NULL};
static const char *const contexts[] = {"resource", "scope", "span", "spanevent", NULL};

/* One entry of trace_conditions in its long form. */
struct condition_group {
	int context, error_mode;
	bool context_present, error_mode_present;
	struct config_strings conditions;
};

static const struct config_field group_fields[] = {
	{.key = "context",
	 .type = CONFIG_TYPE_ENUM,
	 .offset = CONFIG_CHECKED_OFFSET(struct condition_group, context, int),
	 .present_offset = CONFIG_CHECKED_OFFSET(struct condition_group, context_present, bool),
	 .names = contexts,
	 .unit = "",
	 .doc = "What unprefixed paths mean; without it the prefixes decide."},
	{.key = "error_mode",
	 .type = CONFIG_TYPE_ENUM,
	 .offset = CONFIG_CHECKED_OFFSET(struct condition_group, error_mode, int),
	 .present_offset = CONFIG_CHECKED_OFFSET(struct condition_group, error_mode_present, bool),
	 .names = error_modes,
	 .unit = "",
	 .doc = "For these conditions; without it the processor's."},
	CONFIG_STRING_LIST(struct condition_group, conditions, "conditions",
			   "OTTL conditions; any that is true drops."),
};
static const struct config_block group_block = CONFIG_BLOCK(struct condition_group, group_fields);

static const struct config_field traces_fields[] = {
	CONFIG_STRING_LIST(struct filter_traces, resource, "resource",
			   "Conditions on resources: drop all their spans."),
	CONFIG_STRING_LIST(struct filter_traces, span, "span", "Conditions on spans."),
	CONFIG_STRING_LIST(struct filter_traces, spanevent, "spanevent",
			   "Conditions on events of the spans that stay."),
};
static const struct config_block traces_block = CONFIG_BLOCK(struct filter_traces, traces_fields);

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct filter_config *filter = config;
	if (filter->traces_present && filter->trace_conditions)
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL,
			       "cannot use \"traces\" and \"trace_conditions\" at the same time");
	if (filter->spans && filter->spans->kind != CONFIG_NULL)
		config_problem(report, CONFIG_ERROR, filter->spans->loc, path, NULL,
			       "'spans' (include and exclude by match properties) is not in this "
			       "build: write conditions under traces.span");
}

static const struct config_field fields[] = {
	CONFIG_ENUM(
		struct filter_config, error_mode, "error_mode", error_modes, "ignore",
		"A condition that cannot be evaluated: ignore logs and goes on, silent goes on, "
		"propagate refuses the request."),
	CONFIG_OPTIONAL(struct filter_config, traces, traces_present, "traces", &traces_block,
			"Conditions by context; any that is true drops."),
	CONFIG_NODE(struct filter_config, trace_conditions, "trace_conditions",
		    "List of conditions with prefixed paths, or of {context, error_mode, "
		    "conditions}."),
	CONFIG_NODE(struct filter_config, spans, "spans",
		    "Match properties of old Collectors: refused when set; write traces.span."),
	CONFIG_IGNORED(MAP, "metrics", "Accepted; Sluice has traces alone."),
	CONFIG_IGNORED(MAP, "logs", "Accepted; Sluice has traces alone."),
	CONFIG_IGNORED(MAP, "profiles", "Accepted; Sluice has traces alone."),
};
const struct config_block filter_block = CONFIG_BLOCK_CHECKED(struct filter_config, fields, check);

/* ---- parsing -------------------------------------------------------------------------------- */

struct parse {
	struct filter *filter;
	const struct component_env *env;
	struct config_report *report;
	size_t room; /* conditions that a list may get at most */
	bool failed;
};

/* The place of byte ${offset} of a scalar: exact on one line, else the scalar's beginning. */
static struct config_loc place(const struct config_node *node, uint64_t offset)
{
	struct config_loc loc = node->loc;
	bool one_line = !memchr(node->text.ptr, '\n', node->text.len);
	if (one_line && loc.column > 0 && offset <= node->text.len)
		loc.column += (uint32_t)offset + (node->literal_string ? 1 : 0);
	return loc;
}

static void add(struct parse *parse, const struct config_node *node, enum ottl_context context,
		enum error_mode error_mode)
{
	const struct component_env *env = parse->env;
	struct err err = {0};
	const struct ottl_condition *condition =
		ottl_parse(node->text, context, env->keys, env->arena, &err);
	if (!condition) {
		config_problem(parse->report, CONFIG_ERROR, place(node, err.offset), env->path,
			       NULL, "%s", err.msg);
		parse->failed = true;
		return;
	}
	struct condition_list *list = &parse->filter->conditions[ottl_condition_context(condition)];
	if (!list->at)
		list->at = arena_calloc(env->arena, parse->room, sizeof(*list->at));
	if (!list->at) {
		ottl_condition_free(condition);
		parse->failed = true;
		return;
	}
	list->at[list->count++] = (struct filter_condition){.condition = condition,
							    .text = node->text,
							    .loc = node->loc,
							    .error_mode = error_mode};
}

static void add_all(struct parse *parse, const struct config_strings *strings,
		    enum ottl_context context, enum error_mode error_mode)
{
	for (size_t i = 0; i < strings->count; i++)
		add(parse, strings->nodes[i], context, error_mode);
}

static void add_group(struct parse *parse, const struct config_node *node, const char *path,
		      enum error_mode error_mode)
{
	struct condition_group group = {0};
	config_bind(&group_block, node, path, &group, parse->report);
	add_all(parse, &group.conditions,
		group.context_present ? (enum ottl_context)group.context : OTTL_INFER,
		group.error_mode_present ? (enum error_mode)group.error_mode : error_mode);
}

static size_t count_conditions(const struct config_node *list)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct config_node *conditions =
			list->items[i]->kind == CONFIG_MAP
				? config_get(list->items[i], "conditions")
				: NULL;
		count += conditions && conditions->kind == CONFIG_LIST ? conditions->count : 1;
	}
	return count;
}

static void add_trace_conditions(struct parse *parse, const struct config_node *list,
				 enum error_mode error_mode)
{
	const char *path = arena_printf(parse->env->arena, "%s.trace_conditions", parse->env->path);
	if (!path || list->kind != CONFIG_LIST) {
		config_problem(parse->report, CONFIG_ERROR, list->loc, parse->env->path, NULL,
			       "'trace_conditions' must be a list");
		parse->failed = true;
		return;
	}
	parse->room = count_conditions(list);
	for (size_t i = 0; i < list->count; i++) {
		const struct config_node *item = list->items[i];
		if (item->kind == CONFIG_MAP) {
			add_group(parse, item, path, error_mode);
		} else if (item->kind != CONFIG_SCALAR) {
			config_problem(parse->report, CONFIG_ERROR, item->loc, path, NULL,
				       "an entry of 'trace_conditions' must be a string or a map "
				       "{context, error_mode, conditions}");
			parse->failed = true;
		} else {
			add(parse, item, OTTL_INFER, error_mode);
		}
	}
}

bool filter_parse(struct filter *filter, const struct component_env *env,
		  const struct filter_config *config, struct config_report *report)
{
	const struct filter_traces *traces = &config->traces;
	enum error_mode error_mode = (enum error_mode)config->error_mode;
	struct parse parse = {.filter = filter,
			      .env = env,
			      .report = report,
			      .room = traces->resource.count + traces->span.count +
				      traces->spanevent.count};
	add_all(&parse, &traces->resource, OTTL_RESOURCE, error_mode);
	add_all(&parse, &traces->span, OTTL_SPAN, error_mode);
	add_all(&parse, &traces->spanevent, OTTL_SPANEVENT, error_mode);
	if (config->trace_conditions)
		add_trace_conditions(&parse, config->trace_conditions, error_mode);
	return !parse.failed;
}
