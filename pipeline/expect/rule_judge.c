/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a value is as a value rule says, and if not, which part of the rule it misses. */
#include "pipeline/expect/trial.h"

#include <stdio.h>

static const char *const type_names[VALUE_TYPE_COUNT] = {
	[VALUE_EMPTY] = "empty",  [VALUE_STRING] = "a string", [VALUE_BOOL] = "a bool",
	[VALUE_INT] = "an int",	  [VALUE_DOUBLE] = "a double", [VALUE_ARRAY] = "an array",
	[VALUE_KVLIST] = "a map", [VALUE_BYTES] = "bytes",
};

static bool has_type(const struct value_rule *rule, const struct value *value)
{
	return rule->types == 0 || rule->types & (1u << value->type);
}

static bool has_value(const struct value_rule *rule, const struct value *value)
{
	for (uint32_t i = 0; i < rule->any_count; i++) {
		if (value_equal(rule->any_of[i], *value))
			return true;
	}
	return rule->any_count == 0;
}

static bool has_number(const struct value_rule *rule, const struct value *value)
{
	if (!rule->has_number)
		return true;
	double number = value->type == VALUE_INT ? (double)value->i : value->d;
	return (value->type == VALUE_INT || value->type == VALUE_DOUBLE) &&
	       bounds_hold(rule->number, number);
}

static bool has_length(const struct value_rule *rule, const struct value *value)
{
	bool is_text = value->type == VALUE_STRING || value->type == VALUE_BYTES;
	return !rule->has_length ||
	       (is_text && bounds_hold(rule->length, (double)value->bytes.len));
}

static bool has_match(struct trial *trial, const struct value_rule *rule, const struct value *value)
{
	return !rule->regex ||
	       (value->type == VALUE_STRING &&
		regex_search(rule->regex, value->bytes, trial->regex) == REGEX_MATCH);
}

/* Which part of ${rule} ${value} misses, in words; NULL: none. */
static const char *missed_part(struct trial *trial, const struct value_rule *rule,
			       const struct value *value)
{
	if (!has_type(rule, value)) {
		(void)snprintf(trial->why, sizeof(trial->why), "is %s, wanted %s",
			       type_names[value->type], type_names[__builtin_ctz(rule->types)]);
		return trial->why;
	}
	if (!has_value(rule, value))
		return rule->any_count == 1 ? "has another value" : "has none of the values";
	if (!has_number(rule, value))
		return "is no number within the bounds";
	if (!has_length(rule, value))
		return "has no length within the bounds";
	return has_match(trial, rule, value) ? NULL : "does not match";
}

bool rule_judge(struct trial *trial, const struct check *check, const struct value_rule *rule,
		const struct value *found)
{
	struct expect_found missed = {
		.what = rule->key.len > 0 ? rule->key : check->key,
		.key = rule->key,
		.value = {.type = VALUE_EMPTY},
	};
	if (!found && (rule->absent || rule->optional))
		return true;
	if (!found)
		return trial_miss_value(trial, check, rule->loc, "is missing", &missed);
	const char *why = rule->absent ? "is there" : missed_part(trial, rule, found);
	missed.value = *found;
	return !why || trial_miss_value(trial, check, rule->loc, why, &missed);
}

bool rules_judge(struct trial *trial, const struct check *check, const struct value_rules *rules,
		 struct owner owner)
{
	bool passes = true;
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct value_rule *rule = &rules->at[i];
		struct value value;
		bool found = view_find_attr(trial->view, owner, rule->key_id, &value);
		passes = rule_judge(trial, check, rule, found ? &value : NULL) && passes;
	}
	return passes;
}
