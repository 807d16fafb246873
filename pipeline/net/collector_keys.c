/* SPDX-License-Identifier: Apache-2.0 */
/* Each key is answered by what ignoring it would mean. */
#include "pipeline/net/collector_keys.h"

/* An empty map or list of the ${kind} that the Collector has there asks for nothing. */
static bool is_set(const struct config_node *node, enum config_kind kind)
{
	return node && node->kind != CONFIG_NULL && !(node->kind == kind && node->count == 0);
}

void collector_keys_check(const struct collector_keys *keys, const char *path,
			  struct config_report *report)
{
	if (is_set(keys->middlewares, CONFIG_LIST))
		config_problem(report, CONFIG_ERROR, keys->middlewares->loc, path, NULL,
			       "'middlewares' are not in this build: remove them");
	if (is_set(keys->cors, CONFIG_MAP) && keys->cors->kind != CONFIG_MAP)
		config_problem(report, CONFIG_ERROR, keys->cors->loc, path, NULL,
			       "'cors' expected a map");
	else if (is_set(keys->cors, CONFIG_MAP))
		config_problem(report, CONFIG_WARNING, keys->cors->loc, path, NULL,
			       "'cors' is not in this build: requests from web pages of other "
			       "origins stay without permission");
}
