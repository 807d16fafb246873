/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds: a number for exactly that, or {min, max}. */
#include "pipeline/expect/expect_internal.h"

struct bounds_block {
	const struct config_node *min, *max;
};

static const struct config_field bounds_fields[] = {
	CONFIG_NODE(struct bounds_block, min, "min", "At least this."),
	CONFIG_NODE(struct bounds_block, max, "max", "At most this."),
};
static const struct config_block bounds_block = CONFIG_BLOCK(struct bounds_block, bounds_fields);

bool duration_parse(struct loading *loading, const struct config_node *node, double *ret_ns)
{
	uint64_t ns;
	if (node->kind != CONFIG_SCALAR || !config_parse_duration(node->text, &ns))
		return load_problem(loading, node->loc, "expected a duration such as 150ms");
	*ret_ns = (double)ns;
	return true;
}

static bool number_parse(struct loading *loading, const struct config_node *node,
			 enum bounds_unit unit, double *ret_number)
{
	bool is_int = node->kind == CONFIG_SCALAR && node->scalar == SCALAR_INT;
	bool is_float = node->kind == CONFIG_SCALAR && node->scalar == SCALAR_FLOAT;
	if (unit == BOUNDS_DURATION)
		return duration_parse(loading, node, ret_number);
	if (unit == BOUNDS_COUNT && (!is_int || config_int_of(node) < 0))
		return load_problem(loading, node->loc, "expected a whole number from 0 on");
	if (!is_int && !is_float)
		return load_problem(loading, node->loc, "expected a number");
	*ret_number = config_double_of(node);
	return true;
}

bool bounds_of_nodes(struct loading *loading, const struct config_node *node,
		     const struct config_node *min, const struct config_node *max,
		     enum bounds_unit unit, struct bounds *ret_bounds)
{
	struct bounds bounds = {-INFINITY, INFINITY};
	if (!min && !max)
		return load_problem(loading, node->loc, "expected 'min' or 'max'");
	if (min && !number_parse(loading, min, unit, &bounds.min))
		return false;
	if (max && !number_parse(loading, max, unit, &bounds.max))
		return false;
	if (bounds.min > bounds.max || isnan(bounds.min) || isnan(bounds.max))
		return load_problem(loading, node->loc, "'min' is above 'max'");
	*ret_bounds = bounds;
	return true;
}

bool bounds_parse(struct loading *loading, const struct config_node *node, enum bounds_unit unit,
		  struct bounds *ret_bounds)
{
	struct bounds_block block = {NULL, NULL};
	if (node->kind != CONFIG_MAP)
		return bounds_of_nodes(loading, node, node, node, unit, ret_bounds);
	if (!load_bind(loading, &bounds_block, node, &block))
		return false;
	return bounds_of_nodes(loading, node, block.min, block.max, unit, ret_bounds);
}
