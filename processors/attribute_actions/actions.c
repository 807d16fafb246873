/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the configuration to actions. What is wrong is said with the Collector's texts, which count
 * actions from 0. The expressions belong to the actions, everything else to the graph's arena.
 */
#include "processors/attribute_actions/actions_internal.h"
#include "processors/attribute_actions/config_value.h"

#include <stdlib.h>

struct action_config {
	const char *key, *action, *pattern, *from_attribute, *from_context, *converted_type;
	const struct config_node *value, *default_value;
};

static const struct config_field fields[] = {
	CONFIG_STRING(struct action_config, key, "key", NULL, "The attribute that is acted on."),
	CONFIG_STRING(struct action_config, action, "action", NULL,
		      "insert (only where the key is not), update (only where it is), upsert, "
		      "delete, hash (SHA-256), extract, convert."),
	CONFIG_NODE(struct action_config, value, "value",
		    "insert, update, upsert: the value, of the type that YAML gives it."),
	CONFIG_NODE(struct action_config, default_value, "default_value",
		    "insert, update, upsert: where from_attribute finds nothing."),
	CONFIG_STRING(struct action_config, from_attribute, "from_attribute", NULL,
		      "insert, update, upsert: the value of this attribute; without it nothing is "
		      "done."),
	CONFIG_STRING(struct action_config, from_context, "from_context", NULL,
		      "Refused: headers of requests are not kept in this build."),
	CONFIG_STRING(struct action_config, pattern, "pattern", NULL,
		      "delete, hash: an expression, acts on all keys in which it is found. "
		      "extract: its named groups become attributes."),
	CONFIG_STRING(struct action_config, converted_type, "converted_type", NULL,
		      "convert: string, int or double; what cannot be converted stays."),
};
const struct config_block attribute_action_block = CONFIG_BLOCK(struct action_config, fields);

static const char *const action_names[ACTION_COUNT] = {"insert", "update",  "upsert", "delete",
						       "hash",	 "extract", "convert"};

/* One action while it is read. */
struct reading {
	const struct component_env *env;
	struct config_report *report;
	const struct action_config *config;
	struct attribute_action *action;
	size_t number;
};

static bool wrong(struct reading *reading, const char *what)
{
	config_problem(reading->report, CONFIG_ERROR, (struct config_loc){0}, reading->env->path,
		       NULL, "error with key \"%s\" (%zu-th action): error creating AttrProc%s",
		       reading->config->key, reading->number, what);
	return false;
}

static bool wrong_for_action(struct reading *reading, const char *rest)
{
	const char *what = arena_printf(reading->env->arena, ". Action \"%s\" does not use %s",
					action_names[reading->action->kind], rest);
	return wrong(reading, what ? what : "");
}

static bool wrong_error(struct reading *reading, const struct err *err)
{
	const char *what = arena_printf(reading->env->arena, ": %s", err->msg);
	return wrong(reading, what ? what : "");
}

static bool read_key(struct reading *reading, struct slice text, struct action_key *key)
{
	struct err err;
	*key = (struct action_key){text, key_table_add(reading->env->keys, text, &err)};
	return key->id != KEY_ID_NONE || wrong_error(reading, &err);
}

static unsigned count_sources(const struct action_config *config)
{
	return (unsigned)config_value_is_set(config->value) + (config->from_attribute[0] != 0) +
	       (config->from_context[0] != 0);
}

static bool has_no_converted_type(struct reading *reading)
{
	return !reading->config->converted_type[0] ||
	       wrong_for_action(reading,
				"the \"converted_type\" field. This must not be specified");
}

static bool wrong_pattern(struct reading *reading, const struct err *err)
{
	const char *what = arena_printf(reading->env->arena,
					". Field \"pattern\" has invalid pattern: \"%s\": %s",
					reading->config->pattern, err->msg);
	return wrong(reading, what ? what : "");
}

/* insert, update, upsert */
static bool read_source(struct reading *reading)
{
	const struct action_config *config = reading->config;
	struct attribute_action *action = reading->action;
	bool has_default = config_value_is_set(config->default_value);
	unsigned sources = count_sources(config);
	if (sources == 0 && !has_default)
		return wrong(reading, ". Either field \"value\", \"from_attribute\", "
				      "\"from_context\", or \"default_value\" must be specified");
	if (sources > 1)
		return wrong(reading, " due to multiple value sources being set");
	if (config->pattern[0])
		return wrong_for_action(reading,
					"the \"pattern\" field. This must not be specified");
	if (!has_no_converted_type(reading))
		return false;
	if (config->from_context[0])
		return wrong(reading, ": from_context is not in this build: headers and addresses "
				      "of requests are not kept");
	if (config->from_attribute[0] &&
	    !read_key(reading, slice_str(config->from_attribute), &action->from))
		return false;
	const struct config_node *node =
		config_value_is_set(config->value) ? config->value : config->default_value;
	action->has_value = config_value_is_set(node);
	return !action->has_value || config_value_read(reading->env, node, &action->value);
}

/* delete, hash */
static bool read_removal(struct reading *reading)
{
	const struct action_config *config = reading->config;
	struct err err;
	if (config_value_is_set(config->value) || config->from_attribute[0])
		return wrong_for_action(reading, "\"value\" or \"from_attribute\" field. These "
						 "must not be specified");
	if (config->pattern[0]) {
		reading->action->regex = regex_new(slice_str(config->pattern), &err);
		if (!reading->action->regex)
			return wrong_pattern(reading, &err);
	}
	return has_no_converted_type(reading);
}

static bool read_groups(struct reading *reading)
{
	struct attribute_action *action = reading->action;
	struct slice names[REGEX_GROUPS_MAX];
	struct err err;
	action->regex = regex_new_groups(slice_str(reading->config->pattern), names,
					 &action->group_count, &err);
	if (!action->regex)
		return wrong_pattern(reading, &err);
	if (action->group_count == 0)
		return wrong(reading, ". Field \"pattern\" contains no named matcher groups");
	action->groups =
		arena_calloc(reading->env->arena, action->group_count, sizeof(*action->groups));
	for (size_t i = 0; action->groups && i < action->group_count; i++) {
		if (names[i].len == 0)
			return wrong(reading, ". Field \"pattern\" contains at least one unnamed "
					      "matcher group");
		if (!read_key(reading, names[i], &action->groups[i]))
			return false;
	}
	return action->groups != NULL;
}

static bool read_extraction(struct reading *reading)
{
	if (count_sources(reading->config) > 0)
		return wrong_for_action(reading, "a value source field. These must not be "
						 "specified");
	if (!reading->config->pattern[0])
		return wrong(reading, " due to missing required field \"pattern\" for action "
				      "\"extract\"");
	return has_no_converted_type(reading) && read_groups(reading);
}

static bool read_conversion(struct reading *reading)
{
	static const struct {
		const char *name;
		enum value_type type;
	} types[] = {{"string", VALUE_STRING}, {"int", VALUE_INT}, {"double", VALUE_DOUBLE}};
	const char *wanted = reading->config->converted_type;
	if (count_sources(reading->config) > 0 || reading->config->pattern[0])
		return wrong_for_action(reading, "value sources or \"pattern\" field. These must "
						 "not be specified");
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		reading->action->type = types[i].type;
		if (strcmp(wanted, types[i].name) == 0)
			return true;
	}
	const char *what = arena_printf(reading->env->arena,
					wanted[0] ? " due to invalid value \"%s\" in field "
						    "\"converted_type\" for action \"convert\""
						  : " due to missing required field "
						    "\"converted_type\" for action \"convert\"%s",
					wanted);
	return wrong(reading, what ? what : "");
}

static bool read_kind(struct reading *reading)
{
	for (int kind = 0; kind < ACTION_COUNT; kind++) {
		reading->action->kind = (enum action_kind)kind;
		if (strcasecmp(reading->config->action, action_names[kind]) == 0)
			return true;
	}
	const char *what = arena_printf(reading->env->arena, " due to unsupported action \"%s\"",
					reading->config->action);
	return wrong(reading, what ? what : "");
}

static bool has_key(struct reading *reading)
{
	bool pattern = strcasecmp(reading->config->action, "delete") == 0 ||
		       strcasecmp(reading->config->action, "hash") == 0;
	if (reading->config->key[0] || (pattern && reading->config->pattern[0]))
		return true;
	config_problem(
		reading->report, CONFIG_ERROR, (struct config_loc){0}, reading->env->path, NULL,
		"error creating AttrProc due to missing required field %s at the "
		"%zu-th action",
		pattern ? "(at least one of \"key\" and \"pattern\" have to be used)" : "\"key\"",
		reading->number);
	return false;
}

static bool read_action(struct reading *reading)
{
	static bool (*const readers[ACTION_COUNT])(struct reading * reading) = {
		read_source,  read_source,     read_source,    read_removal,
		read_removal, read_extraction, read_conversion};
	if (!has_key(reading) || !read_kind(reading))
		return false;
	if (reading->config->key[0] &&
	    !read_key(reading, slice_str(reading->config->key), &reading->action->key))
		return false;
	return readers[reading->action->kind](reading);
}

struct attribute_actions *attribute_actions_new(const struct component_env *env,
						const struct config_blocks *list,
						struct config_report *report)
{
	struct attribute_actions *actions = calloc(1, sizeof(*actions));
	if (!actions)
		return NULL;
	actions->at = arena_calloc(env->arena, list->count, sizeof(*actions->at));
	bool ok = actions->at != NULL;
	for (size_t i = 0; ok && i < list->count; i++) {
		struct reading reading = {env, report, list->at[i], &actions->at[i], i};
		actions->count++;
		ok = read_action(&reading);
	}
	if (ok)
		return actions;
	attribute_actions_free(actions);
	return NULL;
}

void attribute_actions_free(struct attribute_actions *actions)
{
	if (!actions)
		return;
	for (size_t i = 0; i < actions->count; i++)
		regex_free(actions->at[i].regex);
	free(actions);
}

bool attribute_actions_move_values(const struct attribute_actions *actions)
{
	for (size_t i = 0; i < actions->count; i++) {
		const struct attribute_action *action = &actions->at[i];
		bool to_text = action->kind == ACTION_CONVERT && action->type == VALUE_STRING;
		if (action->kind == ACTION_EXTRACT || action->from.id != KEY_ID_NONE || to_text)
			return true;
	}
	return false;
}
