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

static void *create(const struct component_type *type, const struct component_env *env,
		    const void *config, struct config_report *report)
{
	switch (type->kind) {
	case COMPONENT_RECEIVER: return type->receiver->create(env, config, report);
	case COMPONENT_PROCESSOR: return type->processor->create(env, config, report);
	case COMPONENT_EXPORTER: return type->exporter->create(env, config, report);
	case COMPONENT_EXTENSION: return type->extension->create(env, config, report);
	case COMPONENT_CONNECTOR:
	case COMPONENT_KIND_COUNT: break;
	}
	return NULL;
}

static void destroy(const struct component_type *type, void *self)
{
	void (*const destroys[COMPONENT_KIND_COUNT])(void *) = {
		[COMPONENT_RECEIVER] = type->receiver ? type->receiver->destroy : NULL,
		[COMPONENT_PROCESSOR] = type->processor ? type->processor->destroy : NULL,
		[COMPONENT_EXPORTER] = type->exporter ? type->exporter->destroy : NULL,
		[COMPONENT_EXTENSION] = type->extension ? type->extension->destroy : NULL,
	};
	if (destroys[type->kind])
		destroys[type->kind](self);
}

void *component_create(const struct component_type *type, const struct component_env *env,
		       const void *config, struct config_report *report)
{
	void *self = create(type, env, config, report);
	if (!self || !type->metrics ||
	    metrics_add_table(env->metrics, type->metrics, env->id, "", self))
		return self;
	destroy(type, self);
	return NULL;
}
