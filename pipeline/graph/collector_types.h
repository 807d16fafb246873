/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Collector's other components (core and contrib) by type name: so that one which this build
 * lacks is called that, with what to do, and not a misspelling.
 */
#ifndef SLUICE_GRAPH_COLLECTOR_TYPES_H
#define SLUICE_GRAPH_COLLECTOR_TYPES_H

#include "pipeline/config/service.h"

/* Types about which the same is to be said. */
struct collector_types {
	enum config_section section;
	const char *names; /* separated by spaces, without underscores */
	struct config_foreign_type type;
};

/* All that are known, by section; ${ret_count}: how many rows. In static memory. */
const struct collector_types *collector_types_list(size_t *ret_count);

/* For config_known_types.foreign: what the Collector has, or had, as ${type} in ${section}; NULL:
 * nothing that is known here. In static memory. */
const struct config_foreign_type *collector_type_find(enum config_section section,
						      const char *type);

#endif
