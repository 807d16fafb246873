/* SPDX-License-Identifier: Apache-2.0 */
/* Which patterns a key matches, by the naive answer (every prefix compared, every expression run),
 * beside the key table's. */
#ifndef SLUICE_TEST_KEY_ORACLE_H
#define SLUICE_TEST_KEY_ORACLE_H

#include "pipeline/pattern/regex.h"
#include "pipeline/trace/keys/key_cache.h"

enum { KEY_ORACLE_PATTERNS_MAX = 2048 };

struct key_oracle {
	struct key_table *keys;
	struct key_cache *cache; /* NULL until frozen */
	struct regex_scratch scratch;
	size_t count;
	struct slice texts[KEY_ORACLE_PATTERNS_MAX]; /* of the patterns; owned */
	pattern_id ids[KEY_ORACLE_PATTERNS_MAX];
	struct regex *regexes[KEY_ORACLE_PATTERNS_MAX];
};

void key_oracle_init(struct key_oracle *oracle);
void key_oracle_fini(struct key_oracle *oracle);

/* Registers ${pattern}; fails the test when it is refused. */
void key_oracle_add(struct key_oracle *oracle, struct slice pattern);
void key_oracle_freeze(struct key_oracle *oracle);

/* Fails the test unless both answers for ${key} are the same. */
void key_oracle_check(struct key_oracle *oracle, struct slice key);

#endif
