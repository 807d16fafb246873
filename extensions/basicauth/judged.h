/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which credentials were verified, and with what result: keyed hashes in two tables of fixed size, in
 * which a new one takes the place of an old one. So credentials cost their bcrypt once, and wrong
 * ones that are sent again and again cost it no more often. The owner's lock guards it.
 */
#ifndef SLUICE_EXTENSIONS_BASICAUTH_JUDGED_H
#define SLUICE_EXTENSIONS_BASICAUTH_JUDGED_H

#include "extensions/auth/keyed_hash.h"

enum { JUDGED_SETS = 256, JUDGED_WAYS = 4 };

struct judged_table {
	struct keyed_hash at[JUDGED_SETS][JUDGED_WAYS];
	uint8_t next[JUDGED_SETS]; /* to be replaced */
	uint8_t used[JUDGED_SETS];
};

struct judged {
	struct judged_table right, wrong;
};

enum judgement { JUDGED_NOT = 0, JUDGED_RIGHT, JUDGED_WRONG };

enum judgement judged_find(const struct judged *judged, const struct keyed_hash *hash);
void judged_add(struct judged *judged, const struct keyed_hash *hash, bool is_right);

#endif
