/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of how long a span takes: by itself, within its parent, beside its children. */
#include "pipeline/expect/trial.h"

/* ---- duration ------------------------------------------------------------------------------- */

static bool duration_check_parse(struct loading *loading, const struct config_node *node,
				 struct check *check)
{
	struct bounds *bounds = load_alloc(loading, 1, sizeof(*bounds));
	check->params = bounds;
	return bounds && bounds_parse(loading, node, BOUNDS_DURATION, bounds);
}

static bool duration_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct bounds *bounds = check->params;
	double ns = trial_duration(trial, span);
	if (ns < 0)
		return trial_miss_why(trial, check, "it ends before it starts");
	return bounds_hold(*bounds, ns) ||
	       trial_miss_bounds(trial, check->loc, check->key, "the duration", *bounds, ns, true);
}

const struct check_type check_type_duration = {.parse = duration_check_parse,
					       .span = duration_span};

/* ---- within_parent, children_fit ------------------------------------------------------------ */

struct fit {
	struct selector except; /* not given: none */
	double tolerance_ns;
};

struct fit_block {
	const struct config_node *except, *tolerance;
};

#define TOLERANCE                                                                                  \
	CONFIG_NODE(struct fit_block, tolerance, "tolerance", "So much more is still right.")

static const struct config_field within_fields[] = {
	CONFIG_NODE(struct fit_block, except, "except", "Selector of spans that may lie outside."),
	TOLERANCE,
};
static const struct config_block within_block = CONFIG_BLOCK(struct fit_block, within_fields);

static const struct config_field fit_fields[] = {TOLERANCE};
static const struct config_block fit_block = CONFIG_BLOCK(struct fit_block, fit_fields);

static bool fit_parse(struct loading *loading, const struct config_block *form,
		      const struct config_node *node, struct check *check)
{
	struct fit_block block = {NULL, NULL};
	struct fit *fit = load_alloc(loading, 1, sizeof(*fit));
	check->params = fit;
	if (!fit)
		return false;
	if (node->kind == CONFIG_SCALAR && node->scalar == SCALAR_BOOL && config_bool_of(node))
		return true;
	if (node->kind != CONFIG_MAP)
		return load_problem(loading, node->loc, "expected true, or a map");
	if (!load_bind(loading, form, node, &block) ||
	    !selector_parse_optional(loading, block.except, &fit->except))
		return false;
	return !block.tolerance || duration_parse(loading, block.tolerance, &fit->tolerance_ns);
}

static bool within_parent_parse(struct loading *loading, const struct config_node *node,
				struct check *check)
{
	return fit_parse(loading, &within_block, node, check);
}

static void within_parent_prepare(struct trial *trial, const struct check *check)
{
	const struct fit *fit = check->params;
	if (fit->except.given)
		trial->work[check->at] = (void *)(uintptr_t)trial_select(trial, &fit->except);
}

static bool within_parent_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct fit *fit = check->params;
	const uint64_t *except = trial->work[check->at];
	uint32_t parent = trial->tree.parent[span];
	if (parent == NO_SPAN || (except && bit_get(except, span)))
		return true;
	double early_ns = time_between(view_span_start_ns(trial->view, span),
				       view_span_start_ns(trial->view, parent));
	double late_ns = time_between(view_span_end_ns(trial->view, parent),
				      view_span_end_ns(trial->view, span));
	if (early_ns > fit->tolerance_ns)
		return trial_miss_why(trial, check, "it starts %.6gms before its parent",
				      early_ns / 1e6);
	return late_ns <= fit->tolerance_ns ||
	       trial_miss_why(trial, check, "it ends %.6gms after its parent", late_ns / 1e6);
}

const struct check_type check_type_within_parent = {
	.parse = within_parent_parse, .prepare = within_parent_prepare, .span = within_parent_span};

static bool children_fit_parse(struct loading *loading, const struct config_node *node,
			       struct check *check)
{
	return fit_parse(loading, &fit_block, node, check);
}

static void children_fit_prepare(struct trial *trial, const struct check *check)
{
	double *sums_ns = trial_alloc(trial, trial->span_count, sizeof(*sums_ns));
	trial->work[check->at] = sums_ns;
	if (!sums_ns)
		return;
	FOR_EACH_BIT (span, trial->live, trial) {
		uint32_t parent = trial->tree.parent[span];
		if (parent != NO_SPAN)
			sums_ns[parent] += trial_duration(trial, span);
	}
}

static bool children_fit_span(struct trial *trial, const struct check *check, uint32_t span)
{
	const struct fit *fit = check->params;
	const double *sums_ns = trial->work[check->at];
	double over_ns = sums_ns[span] - trial_duration(trial, span);
	return over_ns <= fit->tolerance_ns ||
	       trial_miss_why(trial, check, "its children take %.6gms more than it does",
			      over_ns / 1e6);
}

const struct check_type check_type_children_fit = {
	.parse = children_fit_parse, .prepare = children_fit_prepare, .span = children_fit_span};
