/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The visible list of components. A list in place of constructor functions: it can be searched, it
 * has an order, and the linker cannot drop an entry from a static archive.
 */
#include "pipeline/graph/component.h"

#define COMPONENT(kind, folder) extern const struct component_type kind##_##folder;
#include "pipeline/graph/components.def"
#undef COMPONENT

#define COMPONENT(kind, folder) &kind##_##folder,
static const struct component_type *const list[] = {
#include "pipeline/graph/components.def"
};
#undef COMPONENT

const struct component_type *const *component_list(size_t *ret_count)
{
	*ret_count = ARRAY_COUNT(list);
	return list;
}

const struct component_type *component_find(enum component_kind kind, const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(list); i++) {
		for (size_t n = 0; n < COMPONENT_NAMES_MAX && list[i]->names[n]; n++) {
			if (list[i]->kind == kind && strcmp(list[i]->names[n], name) == 0)
				return list[i];
		}
	}
	return NULL;
}
