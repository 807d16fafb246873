/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL does the work; the key lives as long as its owner. */
#include "extensions/auth/keyed_hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

bool keyed_hash_key_init(struct keyed_hash_key *key)
{
	return RAND_bytes(key->bytes, sizeof(key->bytes)) == 1;
}

bool keyed_hash_make(const struct keyed_hash_key *key, struct slice text,
		     struct keyed_hash *ret_hash)
{
	unsigned len = 0;
	static const uint8_t nothing[1];
	return HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), text.len > 0 ? text.ptr : nothing,
		    text.len, ret_hash->bytes, &len) &&
	       len == KEYED_HASH_BYTES;
}

bool keyed_hash_equal(const struct keyed_hash *a, const struct keyed_hash *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, KEYED_HASH_BYTES) == 0;
}
