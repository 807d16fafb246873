/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside metadata_only: the policy that a configuration makes of the table (policy.c), what it means
 * for one key (decide.c), and one request on its way through it (metadata_only.c).
 */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_POLICY_H
#define SLUICE_PROCESSORS_METADATA_ONLY_POLICY_H

#include "pipeline/base/hash.h"
#include "pipeline/graph/component.h"
#include "processors/metadata_only/rules.h"

enum policy_mode { MODE_SHAPE = 0, MODE_DENYLIST, MODE_STRICT };
/* What happens to identifiers, and of references to content. */
enum policy_identifiers { IDENTIFIERS_KEEP = 0, IDENTIFIERS_DROP, IDENTIFIERS_HASH };
enum policy_status { STATUS_KEEP = 0, STATUS_REPLACE, STATUS_DROP };

struct policy_config {
	int mode, identifiers, content_references, status_message;
	struct config_strings allow, deny;
	const char *hash_key;
	uint32_t max_value_bytes;
	bool dry_run;
};

extern const struct config_block policy_block; /* for struct policy_config */

/* A rule at work. Their order is their precedence: deny, allow, the table's rows, its fields. */
struct policy_rule {
	const char *label; /* the pattern as written in the table or the configuration */
	uint8_t slots, when, action, form;
	bool by_user;
	struct counter hits;
	uint64_t reported; /* of hits, at the last report; main thread */
};

/* That a pattern belongs to a rule; those of one pattern are chained by `next`, 0 ends. */
struct policy_binding {
	uint16_t rule, next;
};

enum { POLICY_NAME_PARTS = 13 };

struct policy {
	struct log log;
	const struct policy_config *config;
	struct policy_rule *rules; /* [1 ..]; 0 is none */
	size_t rule_count;	   /* the 0th included */
	uint16_t field_base;	   /* rule of field 0 */
	struct policy_binding *bindings;
	size_t binding_count, binding_cap;
	uint16_t first_binding[KEY_PATTERNS_MAX + 1]; /* by pattern */
	key_id error_type, exception_type, message_template;
	key_id name_parts[POLICY_NAME_PARTS]; /* see names.c */
};

/* NULL when something was reported, or memory is short. */
struct policy *policy_new(const struct component_env *env, const struct policy_config *config,
			  struct config_report *report);
void policy_free(struct policy *policy);

/* ---- what a key id means ---- */

enum verdict {
	VERDICT_KNOWN = 1 << 0,
	VERDICT_MODEL = 1 << 1,	 /* the key tells a model call */
	VERDICT_ACT = 1 << 2,	 /* a rule may apply: ask the decision */
	VERDICT_EVENT = 1 << 3,	 /* as a name of an event: the event goes */
	VERDICT_KEPT = 1 << 4,	 /* a keep rule decided */
	VERDICT_DROP = 1 << 5,	 /* goes whatever it holds, wherever it stands */
	VERDICT_PLAIN = 1 << 6,	 /* numbers and plain tokens stay: no need to look closer */
	VERDICT_TOKENS = 1 << 7, /* nothing else does: no rule is about the key */
	/* not of keys, but of what a survey of an element's attributes has met */
	SURVEY_MANY = 1 << 8, /* more attributes than survey.acts has bits */
};

enum { DECIDED_WHENS = WHEN_STRICT }; /* strict rules apply always or never */

struct decision {
	uint16_t rules[SLOT_COUNT][DECIDED_WHENS];
	uint16_t nested;    /* the rule that applies inside a map */
	uint16_t kept;	    /* by which it is kept before all others, when the value has its form */
	uint16_t known;	    /* the same, after all others */
	uint16_t reference; /* by which a reference is kept, hashed or dropped */
	uint16_t event;	    /* by which an event of that name goes */
	bool keep_numbers;  /* numbers stay */
};

enum { POLICY_NAMES = 64, POLICY_TOKENS = 128 };

/* A name of a span, or a token, that passed. */
struct policy_name {
	uint8_t len;
	uint8_t text[63];
};

/* Where those with one hash stand: two, so that two that come by turns are both remembered. */
struct policy_place {
	struct policy_name names[2]; /* the one that was met last comes first */
};

/* One shard's memory of decisions, and its scratch. */
struct policy_shard {
	uint64_t epoch; /* of the ids of pattern sets */
	uint8_t verdicts[KEY_ID_COUNT];
	struct decision decisions[KEY_ID_COUNT];
	struct policy_place names[POLICY_NAMES]; /* by hash */
	struct policy_place tokens[POLICY_TOKENS];
	struct hash_key hash;
	uint32_t *hits; /* by rule; of the request being worked on */
	struct buf text;
};

static inline bool policy_name_is(const struct policy_name *name, struct slice text)
{
	return name->len == text.len && memcmp(name->text, text.ptr, text.len) == 0;
}

/* Whether ${text}, not empty, is remembered at ${place}. */
static inline bool policy_remembers(const struct policy_place *place, struct slice text)
{
	return policy_name_is(&place->names[0], text) || policy_name_is(&place->names[1], text);
}

/* Remembers ${text}, unless it is too long or empty. */
static inline void policy_remember(struct policy_place *place, struct slice text)
{
	if (text.len == 0 || text.len > sizeof(place->names[0].text))
		return;
	place->names[1] = place->names[0];
	place->names[0].len = (uint8_t)text.len;
	memcpy(place->names[0].text, text.ptr, text.len);
}

/* Forgets decisions whose ids have lost their meaning. Before each request. */
void decide_begin(struct policy_shard *shard, const struct trace_view *view);

/* Makes the decision about ${id}; returns its verdict. */
uint8_t decide(const struct policy *policy, struct policy_shard *shard,
	       const struct trace_view *view, key_id id);

static inline uint8_t verdict_of(const struct policy *policy, struct policy_shard *shard,
				 const struct trace_view *view, key_id id)
{
	uint8_t verdict = shard->verdicts[id];
	return LIKELY(verdict != 0) ? verdict : decide(policy, shard, view, id);
}

#endif
