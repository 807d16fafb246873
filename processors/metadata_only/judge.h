/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to one attribute: which rule applies to it, and what its value is. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_JUDGE_H
#define SLUICE_PROCESSORS_METADATA_ONLY_JUDGE_H

#include "processors/metadata_only/apply.h"

/* An array of more numbers than this is a vector or the tokens of a text. */
enum { JUDGE_NUMBERS_MAX = 64 };

/* How texts are judged below one attribute. */
struct measure {
	struct pass *pass;
	enum policy_form form; /* FORM_ANY never */
	bool kept;	       /* a row keeps the attribute when its value has the form */
	bool tokens;	       /* any token stays */
	bool numbers_stay;     /* under whatever key */
};

/* The place of ${text} among the tokens that were seen. Eight bytes of its begin, its middle and its
 * end choose it: tokens in one place cost time alone. */
static inline struct policy_place *judge_token_place(struct policy_shard *shard, struct slice text)
{
	if (text.len < sizeof(uint64_t))
		return &shard->tokens[hash_bytes(shard->hash, text.ptr, text.len) % POLICY_TOKENS];
	uint64_t first = hash_read64(text.ptr), last = hash_read64(text.ptr + text.len - 8);
	uint64_t middle = hash_read64(text.ptr + text.len / 2 - 4);
	return &shard->tokens[hash_fold(first ^ middle ^ shard->hash.a, last ^ shard->hash.b) %
			      POLICY_TOKENS];
}

/* Whether ${text} was found to be a token not long ago. */
static inline bool judge_is_known_token(struct policy_shard *shard, struct slice text)
{
	return text.len > 0 && policy_remembers(judge_token_place(shard, text), text);
}

/* As shape_is_token; what is not told at once is remembered. */
bool judge_is_token(struct policy_shard *shard, struct slice text);

bool judge_is_number(const struct value *value);

/* The rule that applies to an attribute of ${place}; 0 when none does. */
uint16_t judge_choose(const struct decision *decision, const struct place *place,
		      const struct value *value);

/* Whether the key is one of references, and those do not stay as they are. */
static inline bool judge_hides_reference(const struct pass *pass, const struct decision *decision)
{
	return decision->reference != 0 &&
	       pass->policy->config->content_references != IDENTIFIERS_KEEP;
}

/* Modes shape and strict: what the rules and the value's shape say is done. */
void judge_by_shape(struct pass *pass, struct place *place, struct attribute *attr);

/* Whether the text ${text} stays by ${measure}. */
bool judge_text(const struct measure *measure, struct slice text);

/* Whether the pair ${key}, at ${path}, of a map may stay, as far as its key says; ${ret_inner} is how
 * texts below it are judged. What denies it is counted. */
bool judge_pair(const struct measure *measure, struct slice key, struct slice path, bool figure,
		struct measure *ret_inner);

#endif
