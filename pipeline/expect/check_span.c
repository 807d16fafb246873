/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what stands on a span, its scope and its resource. */
#include "pipeline/expect/trial.h"

/* ---- must ----------------------------------------------------------------------------------- */

struct must {
	struct must_condition {
		const struct ottl_condition *condition;
		struct slice text;
		struct config_loc loc;
	} * at;
	size_t count;
};

static bool must_parse(struct loading *loading, const struct config_node *node, struct check *check)
{
	size_t count;
	const struct config_node *const *items = load_items(&node, &count);
	struct must *must = load_alloc(loading, 1, sizeof(*must));
	bool ok = true;
	if (must)
		must->at = load_alloc(loading, count, sizeof(*must->at));
	for (size_t i = 0; must && must->at && i < count; i++) {
		must->at[i] = (struct must_condition){condition_parse(loading, items[i], OTTL_SPAN),
						      items[i]->text, load_place(items[i], 0)};
		ok = must->at[i].condition && ok;
		must->count++;
	}
	check->params = must;
	return ok && must && must->at;
}

static bool must_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct must *must = check->params;
	bool passes = true;
	for (size_t i = 0; i < must->count; i++) {
		const struct must_condition *at = &must->at[i];
		if (ottl_eval(at->condition, trial->view, span, trial->scratch, NULL) == OTTL_TRUE)
			continue;
		(void)condition_misses(trial, at->condition, at->text, at->loc, span);
		passes = false;
	}
	return passes;
}

const struct check_type check_type_must = {.parse = must_parse, .span = must_span};

/* ---- one word of a list --------------------------------------------------------------------- */

static const char *const kind_words[] = {"unspecified", "internal", "server",
					 "client",	"producer", "consumer"};
static const char *const status_words[] = {"unset", "ok", "error"};

/* A bit per word, in a uint32_t. */
static bool words_parse(struct loading *loading, const struct config_node *node,
			struct check *check, const char *const *words, size_t word_count)
{
	size_t count;
	const struct config_node *const *items = load_items(&node, &count);
	uint32_t *set = load_alloc(loading, 1, sizeof(*set));
	for (size_t i = 0; set && i < count; i++) {
		size_t word = 0;
		while (word < word_count && !slice_equal(items[i]->text, slice_str(words[word])))
			word++;
		if (word == word_count) {
			config_problem(loading->report, CONFIG_ERROR, items[i]->loc, loading->path,
				       config_nearest(items[i]->text, words, word_count),
				       "\"%.*s\" is none of the words", SLICE_FMT(items[i]->text));
			return false;
		}
		*set |= 1u << word;
	}
	check->params = set;
	return set != NULL;
}

static bool word_span(struct trial *trial, const struct check *check, int32_t number,
		      const char *const *words, size_t word_count)
{
	const uint32_t *set = check->params;
	bool known = number >= 0 && (size_t)number < word_count;
	if (known && *set & (1u << number))
		return true;
	if (!known)
		return trial_miss_why(trial, check, "is %d, which is no %.*s", number,
				      SLICE_FMT(check->key));
	return trial_miss_why(trial, check, "is %s, wanted %s%s", words[number],
			      words[__builtin_ctz(*set)], *set & (*set - 1) ? " or another" : "");
}

static bool kind_parse(struct loading *loading, const struct config_node *node, struct check *check)
{
	return words_parse(loading, node, check, kind_words, ARRAY_COUNT(kind_words));
}

static bool kind_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return word_span(trial, check, view_span_kind(trial->view, span), kind_words,
			 ARRAY_COUNT(kind_words));
}

const struct check_type check_type_kind = {.parse = kind_parse, .span = kind_span};

static bool status_parse(struct loading *loading, const struct config_node *node,
			 struct check *check)
{
	return words_parse(loading, node, check, status_words, ARRAY_COUNT(status_words));
}

static bool status_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return word_span(trial, check, view_span_status_code(trial->view, span), status_words,
			 ARRAY_COUNT(status_words));
}

const struct check_type check_type_status = {.parse = status_parse, .span = status_span};

/* ---- value rules ---------------------------------------------------------------------------- */

static bool rule_check_parse(struct loading *loading, const struct config_node *node,
			     struct check *check)
{
	struct value_rule *rule = load_alloc(loading, 1, sizeof(*rule));
	check->params = rule;
	return rule && rule_parse(loading, node, rule);
}

/* A field of text; an empty one is not there, as on the wire. */
static bool text_judge(struct trial *trial, const struct check *check, struct slice text)
{
	struct value value = value_of_str(text);
	return rule_judge(trial, check, check->params, text.len > 0 ? &value : NULL);
}

static bool status_message_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return text_judge(trial, check, view_span_status_message(trial->view, span));
}

static bool scope_name_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return text_judge(trial, check,
			  view_scope_name(trial->view, view_span_scope(trial->view, span)));
}

static bool scope_version_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return text_judge(trial, check,
			  view_scope_version(trial->view, view_span_scope(trial->view, span)));
}

const struct check_type check_type_status_message = {.parse = rule_check_parse,
						     .span = status_message_span};
const struct check_type check_type_scope_name = {.parse = rule_check_parse,
						 .span = scope_name_span};
const struct check_type check_type_scope_version = {.parse = rule_check_parse,
						    .span = scope_version_span};

static bool rules_check_parse(struct loading *loading, const struct config_node *node,
			      struct check *check)
{
	struct value_rules *rules = load_alloc(loading, 1, sizeof(*rules));
	check->params = rules;
	return rules && rules_parse(loading, node, rules);
}

static bool attributes_span(struct trial *trial, const struct check *check, uint32_t span)
{
	return rules_judge(trial, check, check->params, (struct owner){OWNER_SPAN, span});
}

static bool resource_span(struct trial *trial, const struct check *check, uint32_t span)
{
	uint32_t resource = view_span_resource(trial->view, span);
	return rules_judge(trial, check, check->params, (struct owner){OWNER_RESOURCE, resource});
}

static bool scope_span(struct trial *trial, const struct check *check, uint32_t span)
{
	uint32_t scope = view_span_scope(trial->view, span);
	return rules_judge(trial, check, check->params, (struct owner){OWNER_SCOPE, scope});
}

const struct check_type check_type_attributes = {.parse = rules_check_parse,
						 .span = attributes_span};
const struct check_type check_type_resource = {.parse = rules_check_parse, .span = resource_span};
const struct check_type check_type_scope = {.parse = rules_check_parse, .span = scope_span};
