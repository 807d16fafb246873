/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte of a hash chooses the set: nobody outside can choose it. */
#include "extensions/basicauth/judged.h"

static bool has(const struct judged_table *table, const struct keyed_hash *hash)
{
	size_t set = hash->bytes[0];
	bool found = false;
	for (size_t i = 0; i < table->used[set]; i++)
		found |= keyed_hash_equal(&table->at[set][i], hash);
	return found;
}

enum judgement judged_find(const struct judged *judged, const struct keyed_hash *hash)
{
	if (has(&judged->right, hash))
		return JUDGED_RIGHT;
	return has(&judged->wrong, hash) ? JUDGED_WRONG : JUDGED_NOT;
}

void judged_add(struct judged *judged, const struct keyed_hash *hash, bool is_right)
{
	struct judged_table *table = is_right ? &judged->right : &judged->wrong;
	size_t set = hash->bytes[0];
	if (has(table, hash))
		return;
	table->at[set][table->next[set]] = *hash;
	table->next[set] = (uint8_t)((table->next[set] + 1) % JUDGED_WAYS);
	if (table->used[set] < JUDGED_WAYS)
		table->used[set]++;
}
