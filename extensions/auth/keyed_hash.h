/* SPDX-License-Identifier: Apache-2.0 */
/* What stands for credentials in memory: HMAC-SHA-256 with a key of this process, so that neither a
 * comparison nor a dump of memory tells anything about them. */
#ifndef SLUICE_EXTENSIONS_AUTH_KEYED_HASH_H
#define SLUICE_EXTENSIONS_AUTH_KEYED_HASH_H

#include "pipeline/base/slice.h"

enum { KEYED_HASH_BYTES = 32 };

struct keyed_hash {
	uint8_t bytes[KEYED_HASH_BYTES];
};

struct keyed_hash_key {
	uint8_t bytes[KEYED_HASH_BYTES];
};

/* False: there are no random bytes. */
bool keyed_hash_key_init(struct keyed_hash_key *key);

/* False: out of memory. Any thread. */
bool keyed_hash_make(const struct keyed_hash_key *key, struct slice text,
		     struct keyed_hash *ret_hash);

/* In constant time. */
bool keyed_hash_equal(const struct keyed_hash *a, const struct keyed_hash *b);

#endif
