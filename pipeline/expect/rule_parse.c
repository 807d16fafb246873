/* SPDX-License-Identifier: Apache-2.0 */
/* Value rules: what a value must be. */
#include "pipeline/expect/expect_internal.h"

static const struct {
	const char *word;
	uint32_t types;
} type_words[] = {
	{"string", 1u << VALUE_STRING}, {"int", 1u << VALUE_INT},
	{"double", 1u << VALUE_DOUBLE}, {"bool", 1u << VALUE_BOOL},
	{"bytes", 1u << VALUE_BYTES},	{"array", 1u << VALUE_ARRAY},
	{"map", 1u << VALUE_KVLIST},
};

struct rule_block {
	const struct config_node *type, *equal, *one_of, *matches, *min, *max, *length;
	bool optional;
};

static const struct config_field rule_fields[] = {
	CONFIG_NODE(struct rule_block, type, "type",
		    "string, int, double, bool, bytes, array or map."),
	CONFIG_NODE(struct rule_block, equal, "equal", "Its value."),
	CONFIG_NODE(struct rule_block, one_of, "one_of", "List of values, one of which it has."),
	CONFIG_NODE(struct rule_block, matches, "matches",
		    "Regular expression that is found in the text."),
	CONFIG_NODE(struct rule_block, min, "min", "The number is at least this."),
	CONFIG_NODE(struct rule_block, max, "max", "The number is at most this."),
	CONFIG_NODE(struct rule_block, length, "length", "Bounds of the text's bytes."),
	CONFIG_BOOL(struct rule_block, optional, "optional", "false", "It may be missing."),
};
static const struct config_block rule_block = CONFIG_BLOCK(struct rule_block, rule_fields);

static bool type_parse(struct loading *loading, const struct config_node *node,
		       struct value_rule *rule)
{
	const char *words[ARRAY_COUNT(type_words) + 2];
	size_t count = 0;
	for (; count < ARRAY_COUNT(type_words); count++) {
		words[count] = type_words[count].word;
		if (slice_equal(node->text, slice_str(words[count]))) {
			rule->types = type_words[count].types;
			return true;
		}
	}
	words[count++] = "present";
	words[count++] = "absent";
	config_problem(loading->report, CONFIG_ERROR, node->loc, loading->path,
		       config_nearest(node->text, words, count),
		       "expected present, absent, a type (string, int, double, bool, bytes, array, "
		       "map), or {equal: …}");
	return false;
}

static bool literal_parse(struct loading *loading, const struct config_node *node,
			  struct value *ret_value)
{
	if (node->kind != CONFIG_SCALAR)
		return load_problem(loading, node->loc, "expected a text, a number or a bool");
	switch (node->scalar) {
	case SCALAR_BOOL: *ret_value = value_of_bool(config_bool_of(node)); break;
	case SCALAR_INT: *ret_value = value_of_int(config_int_of(node)); break;
	case SCALAR_FLOAT: *ret_value = value_of_double(config_double_of(node)); break;
	case SCALAR_STRING: *ret_value = value_of_str(node->text); break;
	}
	return true;
}

static bool literals_parse(struct loading *loading, const struct config_node *list,
			   struct value_rule *rule)
{
	if (list->kind != CONFIG_LIST || list->count == 0)
		return load_problem(loading, list->loc, "expected a list of values");
	struct value *values = load_alloc(loading, list->count, sizeof(*values));
	for (size_t i = 0; values && i < list->count; i++) {
		if (!literal_parse(loading, list->items[i], &values[i]))
			return false;
	}
	rule->any_of = values;
	rule->any_count = (uint32_t)list->count;
	return values != NULL;
}

static bool equal_parse(struct loading *loading, const struct config_node *node,
			struct value_rule *rule)
{
	struct value *value = load_alloc(loading, 1, sizeof(*value));
	rule->any_of = value;
	rule->any_count = 1;
	return value && literal_parse(loading, node, value);
}

static bool matches_parse(struct loading *loading, const struct config_node *node,
			  struct value_rule *rule)
{
	struct err err = {0};
	if (node->kind != CONFIG_SCALAR)
		return load_problem(loading, node->loc, "expected a regular expression");
	rule->regex = regex_new(node->text, &err);
	if (!rule->regex)
		return load_problem(loading, node->loc, "%s", err.msg);
	return load_keep(loading, NULL, NULL, rule->regex);
}

static bool map_parse(struct loading *loading, const struct config_node *node,
		      struct value_rule *rule)
{
	struct rule_block block = {.optional = false};
	if (!load_bind(loading, &rule_block, node, &block))
		return false;
	rule->optional = block.optional;
	rule->has_number = block.min || block.max;
	rule->has_length = block.length != NULL;
	if (block.equal && block.one_of)
		return load_problem(loading, node->loc, "'equal' and 'one_of' exclude each other");
	return (!block.type || type_parse(loading, block.type, rule)) &&
	       (!block.equal || equal_parse(loading, block.equal, rule)) &&
	       (!block.one_of || literals_parse(loading, block.one_of, rule)) &&
	       (!block.matches || matches_parse(loading, block.matches, rule)) &&
	       (!rule->has_number || bounds_of_nodes(loading, node, block.min, block.max,
						     BOUNDS_NUMBER, &rule->number)) &&
	       (!block.length || bounds_parse(loading, block.length, BOUNDS_COUNT, &rule->length));
}

bool rule_parse(struct loading *loading, const struct config_node *node, struct value_rule *rule)
{
	rule->loc = node->loc;
	if (node->kind == CONFIG_MAP)
		return map_parse(loading, node, rule);
	if (node->kind == CONFIG_SCALAR && slice_equal(node->text, SLICE("present")))
		return true;
	rule->absent = node->kind == CONFIG_SCALAR && slice_equal(node->text, SLICE("absent"));
	return rule->absent || type_parse(loading, node, rule);
}

bool rules_parse(struct loading *loading, const struct config_node *node,
		 struct value_rules *ret_rules)
{
	const char *path = loading->path;
	bool ok = true;
	if (node->kind != CONFIG_MAP || node->count == 0)
		return load_problem(loading, node->loc,
				    "expected a map of attribute keys to value rules");
	struct value_rule *rules = load_alloc(loading, node->count, sizeof(*rules));
	for (size_t i = 0; rules && i < node->count; i++) {
		const struct config_entry *entry = &node->entries[i];
		struct err err = {0};
		const char *below =
			arena_printf(loading->arena, "%s.%.*s", path, SLICE_FMT(entry->key));
		loading->path = below ? below : path;
		rules[i].key = entry->key;
		rules[i].key_id = key_table_add(loading->keys, entry->key, &err);
		if (rules[i].key_id == KEY_ID_NONE)
			ok = load_problem(loading, entry->key_loc, "%s", err.msg);
		ok = rule_parse(loading, entry->node, &rules[i]) && ok;
	}
	loading->path = path;
	*ret_rules = (struct value_rules){rules, (uint32_t)node->count};
	return ok && rules;
}
