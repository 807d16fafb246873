/* SPDX-License-Identifier: Apache-2.0 */
/* Values of attributes as a configuration writes them. */
#ifndef SLUICE_PROCESSORS_ATTRIBUTE_ACTIONS_CONFIG_VALUE_H
#define SLUICE_PROCESSORS_ATTRIBUTE_ACTIONS_CONFIG_VALUE_H

#include "pipeline/graph/component.h"

/* Whether ${node} writes a value at all: null counts as not written, as in the Collector. */
static inline bool config_value_is_set(const struct config_node *node)
{
	return node && node->kind != CONFIG_NULL;
}

/* The value at ${node}, of the type that YAML gives it; its bytes are in env->arena. False when
 * memory is short. */
MUST_CHECK bool config_value_read(const struct component_env *env, const struct config_node *node,
				  struct value *ret_value);

#endif
