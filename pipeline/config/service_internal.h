/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the top level share: service.c binds it, sections.c its components. */
#ifndef SLUICE_CONFIG_SERVICE_INTERNAL_H
#define SLUICE_CONFIG_SERVICE_INTERNAL_H

#include "pipeline/config/internal.h"

struct service_binder {
	const struct config_node *root;
	const struct config_known_types *known;
	struct config_report *report;
	struct arena *arena;
	struct config_service *service;
};

/* "receivers", "receiver" */
struct config_section_name {
	const char *key, *kind;
};
extern const struct config_section_name config_section_names[SECTION_COUNT];

/* Whether two ids are the same as they are written: spaces around them and around the slash do not
 * count, and inside no id has any. */
bool config_same_id(struct slice a, struct slice b);

/* Whether ${list}, as it is written (a list, or one text with commas), has ${id} in it. */
bool config_list_has(const struct config_node *list, struct slice id);

/* The one of ${components} that is called ${id}; NULL when there is none. */
const struct config_component *config_find_component(const struct config_components *components,
						     const char *id);

/* Reports a ${node} that is neither null nor a map. */
bool config_expect_map(struct service_binder *b, const struct config_node *node, const char *name);

/* Fills b->service->sections[section] from ${node}; what is wrong with an entry is reported, and the
 * entry is left out. */
void config_bind_section(struct service_binder *b, enum config_section section,
			 const struct config_node *node);

#endif
