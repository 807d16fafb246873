/* SPDX-License-Identifier: Apache-2.0 */
/* From configuration and table to rules whose patterns are registered with the key table. */
#include "processors/metadata_only/policy.h"

#include "processors/metadata_only/allow.h"
#include "processors/metadata_only/names.h"

#include <stdlib.h>

enum { HASH_KEY_BYTES_MIN = 16 };

static const char *const modes[] = {"shape", "denylist", "strict", NULL};
static const char *const identifier_words[] = {"keep", "drop", "hash", NULL};
static const char *const status_words[] = {"keep", "replace", "drop", NULL};

static void check(const void *arg, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct policy_config *config = arg;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	bool hashes = config->identifiers == IDENTIFIERS_HASH ||
		      config->content_references == IDENTIFIERS_HASH;
	if (hashes && config->hash_key[0] == 0)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "identifiers: hash needs a hash_key");
	else if (config->hash_key[0] != 0 && strlen(config->hash_key) < HASH_KEY_BYTES_MIN)
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "hash_key has less than %d bytes: whoever knows the ids could find "
			       "it by trying",
			       HASH_KEY_BYTES_MIN);
}

static const struct config_field fields[] = {
	CONFIG_ENUM(struct policy_config, mode, "mode", modes, "shape",
		    "shape: what no row of the table knows is kept when it is a number or a single "
		    "token. denylist: only what is known to be content is removed. strict: texts "
		    "are kept "
		    "under known keys alone."),
	CONFIG_STRING_LIST(struct policy_config, allow, "allow",
			   "Keys that are kept: a.b, a.b.* or /expression/. Stronger than the "
			   "table. Expressions "
			   "that match keys of all kinds are refused."),
	CONFIG_STRING_LIST(struct policy_config, deny, "deny",
			   "Keys that are removed, written alike. Stronger than allow."),
	CONFIG_ENUM(struct policy_config, identifiers, "identifiers", identifier_words, "keep",
		    "What happens to user and session ids, client addresses and labels of "
		    "content: hash writes the first 128 bits of their HMAC-SHA-256, so that "
		    "equal ones stay equal."),
	CONFIG_ENUM(struct policy_config, content_references, "content_references",
		    identifier_words, "keep",
		    "What happens to URIs of content that was put into a store: keys that end in "
		    "_ref, and values that begin with gs://, s3:// and the like."),
	CONFIG_OPAQUE(struct policy_config, hash_key, "hash_key",
		      "The key for hash, at least 16 bytes."),
	CONFIG_ENUM(struct policy_config, status_message, "status_message", status_words, "replace",
		    "What happens to the text of a status: replace writes the type of the error."),
	CONFIG_U32(struct policy_config, max_value_bytes, "max_value_bytes", "4096", 64, 1 << 20,
		   "By",
		   "Larger values are removed; in mode: denylist, texts of spans that are no model "
		   "calls are "
		   "cut instead."),
	CONFIG_BOOL(struct policy_config, dry_run, "dry_run", "false",
		    "Counts what would be removed and changes nothing."),
};
const struct config_block policy_block = CONFIG_BLOCK_CHECKED(struct policy_config, fields, check);

/* ---- building ---- */

struct build {
	struct policy *policy;
	const struct component_env *env;
	uint16_t rule; /* whose patterns are being registered */
	struct err err;
};

static bool add_binding(struct policy *policy, pattern_id pattern, uint16_t rule)
{
	if (policy->binding_count == policy->binding_cap) {
		size_t cap = policy->binding_cap ? policy->binding_cap * 2 : 256;
		if (cap > UINT16_MAX)
			return false;
		struct policy_binding *grown =
			realloc(policy->bindings, cap * sizeof(*policy->bindings));
		if (!grown)
			return false;
		policy->bindings = grown;
		policy->binding_cap = cap;
	}
	uint16_t at = (uint16_t)policy->binding_count++;
	policy->bindings[at] =
		(struct policy_binding){.rule = rule, .next = policy->first_binding[pattern]};
	policy->first_binding[pattern] = at;
	return true;
}

static bool take_pattern(void *arg, struct slice text)
{
	struct build *build = arg;
	pattern_id pattern = key_table_add_pattern(build->env->keys, text, &build->err);
	return pattern != 0 && add_binding(build->policy, pattern, build->rule);
}

static uint16_t add_rule(struct build *build, struct policy_rule rule)
{
	struct policy *policy = build->policy;
	build->rule = (uint16_t)policy->rule_count++;
	policy->rules[build->rule] = rule;
	return build->rule;
}

static bool add_user_rules(struct build *build, const struct config_strings *patterns,
			   enum policy_action action, struct config_report *report)
{
	bool added = true;
	for (size_t i = 0; i < patterns->count; i++) {
		(void)add_rule(build, (struct policy_rule){.label = patterns->at[i],
							   .slots = (1 << SLOT_COUNT) - 1,
							   .when = WHEN_ALWAYS,
							   .action = (uint8_t)action,
							   .by_user = true});
		if (action == ACTION_KEEP)
			allow_check(patterns->at[i], patterns->nodes[i]->loc, build->env->path,
				    report);
		if (take_pattern(build, slice_str(patterns->at[i])))
			continue;
		config_problem(report, CONFIG_ERROR, patterns->nodes[i]->loc, build->env->path,
			       NULL, "%s", build->err.msg);
		added = false;
	}
	return added;
}

static bool add_table(struct build *build, struct config_report *report)
{
	for (size_t i = 0; i < policy_row_count; i++) {
		const struct policy_row *row = &policy_rows[i];
		(void)add_rule(build, (struct policy_rule){.label = row->pattern,
							   .slots = row->slots,
							   .when = row->when,
							   .action = row->action,
							   .form = row->form});
		if (policy_expand(row->pattern, take_pattern, build))
			continue;
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, build->env->path, NULL,
			       "rule %s: %s", row->pattern, build->err.msg);
		return false;
	}
	build->policy->field_base = (uint16_t)build->policy->rule_count;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		(void)add_rule(build, (struct policy_rule){.label = policy_fields[i].label,
							   .action = ACTION_DROP});
	return true;
}

static bool register_metrics(struct policy *policy, const struct component_env *env)
{
	static const struct metric_desc metric = {
		"sluice_processor_metadata_only_removed", "{items}",
		"What a rule of the policy dropped, cut or replaced", METRIC_COUNTER};
	bool added = true;
	for (size_t i = 1; i < policy->rule_count && added; i++) {
		struct policy_rule *rule = &policy->rules[i];
		bool removes = rule->action >= ACTION_DROP && rule->action != ACTION_MARK &&
			       rule->action != ACTION_KNOWN;
		struct buf labels = BUF_INIT;
		metrics_label(&labels, "processor", env->id);
		metrics_label(&labels, "rule", rule->label);
		if (removes)
			added = metrics_add(env->metrics, &metric, buf_cstr(&labels), &rule->hits);
		buf_fini(&labels);
	}
	return added;
}

static bool build_rules(struct policy *policy, const struct component_env *env,
			const struct policy_config *config, struct config_report *report)
{
	struct build build = {.policy = policy, .env = env};
	size_t count =
		1 + config->deny.count + config->allow.count + policy_row_count + FIELD_COUNT;
	/* Bindings name rules by 16 bits, and number 0 of both means none. */
	if (count > UINT16_MAX)
		return false;
	policy->rules = calloc(count, sizeof(*policy->rules));
	policy->rule_count = 1;
	policy->binding_count = 1;
	policy->binding_cap = 512;
	policy->bindings = calloc(policy->binding_cap, sizeof(*policy->bindings));
	if (!policy->rules || !policy->bindings)
		return false;
	bool added = add_user_rules(&build, &config->deny, ACTION_DROP, report);
	size_t errors_before = report->error_count;
	added &= add_user_rules(&build, &config->allow, ACTION_KEEP, report);
	added &= report->error_count == errors_before;
	return added && add_table(&build, report) &&
	       names_register(policy, env->keys, &build.err) && register_metrics(policy, env);
}

struct policy *policy_new(const struct component_env *env, const struct policy_config *config,
			  struct config_report *report)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	if (!policy)
		return NULL;
	policy->log = env->log;
	policy->config = config;
	if (!build_rules(policy, env, config, report)) {
		policy_free(policy);
		return NULL;
	}
	return policy;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	free(policy->rules);
	free(policy->bindings);
	free(policy);
}
