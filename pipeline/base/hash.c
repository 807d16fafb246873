/* SPDX-License-Identifier: Apache-2.0 */
/* The random key; hashing itself is inline in the header. */
#include "pipeline/base/hash.h"

#include "pipeline/base/clock.h"

#include <sys/random.h>

struct hash_key hash_key_random(void)
{
	struct hash_key key;
	/* Before the kernel's pool is ready getrandom would block: the clock then has to do. */
	if (getrandom(&key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key)) {
		key.a = clock_wall_ns() * UINT64_C(0xd6e8feb86659fd93);
		key.b = clock_monotonic_ns() * UINT64_C(0xa0761d6478bd642f);
	}
	key.a |= 1;
	key.b |= 1;
	return key;
}
