/* SPDX-License-Identifier: Apache-2.0 */
/* Looking a key up. Maps are short: they are searched from the front. */
#include "pipeline/config/tree.h"

const struct config_node *config_get(const struct config_node *map, const char *key)
{
	if (!map || map->kind != CONFIG_MAP)
		return NULL;
	struct slice wanted = slice_str(key);
	for (size_t i = 0; i < map->count; i++) {
		if (slice_equal(map->entries[i].key, wanted))
			return map->entries[i].node;
	}
	return NULL;
}
