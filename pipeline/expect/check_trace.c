/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a trace as a whole: its shape, its services, its volume. */
#include "pipeline/expect/trial.h"

static bool count_parse(struct loading *loading, const struct config_node *node,
			struct check *check)
{
	struct bounds *bounds = load_alloc(loading, 1, sizeof(*bounds));
	check->params = bounds;
	return bounds && bounds_parse(loading, node, BOUNDS_COUNT, bounds);
}

static bool number_passes(struct trial *trial, const struct check *check, const char *what,
			  double number, bool is_time)
{
	const struct bounds *bounds = check->params;
	return bounds_hold(*bounds, number) ||
	       trial_miss_bounds(trial, check->loc, check->key, what, *bounds, number, is_time);
}

static uint32_t count_flag(const struct trial *trial, enum span_flag flag)
{
	uint32_t count = 0;
	FOR_EACH_BIT (span, trial->live, trial)
		count += (trial->tree.flags[span] & flag) != 0;
	return count;
}

/* ---- shape ---------------------------------------------------------------------------------- */

static bool roots_trace(struct trial *trial, const struct check *check)
{
	return number_passes(trial, check, "the number of roots", count_flag(trial, SPAN_ROOT),
			     false);
}

static bool orphans_trace(struct trial *trial, const struct check *check)
{
	return number_passes(trial, check, "the number of spans without their parents",
			     count_flag(trial, SPAN_ORPHAN), false);
}

static bool cycles_trace(struct trial *trial, const struct check *check)
{
	return number_passes(trial, check, "the number of spans in circles",
			     count_flag(trial, SPAN_CYCLIC), false);
}

static bool duplicate_ids_trace(struct trial *trial, const struct check *check)
{
	return number_passes(trial, check, "the number of spans that share their id",
			     count_flag(trial, SPAN_DUPLICATE), false);
}

const struct check_type check_type_roots = {.parse = count_parse, .trace = roots_trace};
const struct check_type check_type_orphans = {.parse = count_parse, .trace = orphans_trace};
const struct check_type check_type_cycles = {.parse = count_parse, .trace = cycles_trace};
const struct check_type check_type_duplicate_ids = {.parse = count_parse,
						    .trace = duplicate_ids_trace};

/* ---- volume --------------------------------------------------------------------------------- */

static bool noise_parse(struct loading *loading, const struct config_node *node,
			struct check *check)
{
	loading->expectation->needs_noise = true;
	return count_parse(loading, node, check);
}

static bool noise_trace(struct trial *trial, const struct check *check)
{
	uint32_t count = trial->env->count_noise(trial->env->arg, trial->view, trial->live);
	return number_passes(trial, check, "the number of spans that are noise", count, false);
}

static bool trace_spans_trace(struct trial *trial, const struct check *check)
{
	return number_passes(trial, check, "the number of spans", trial->tree.count, false);
}

static bool trace_bytes_trace(struct trial *trial, const struct check *check)
{
	double bytes = 0;
	FOR_EACH_BIT (span, trial->live, trial)
		bytes += (double)view_span_message(trial->view, span).len;
	return number_passes(trial, check, "the number of bytes", bytes, false);
}

static bool trace_duration_parse(struct loading *loading, const struct config_node *node,
				 struct check *check)
{
	struct bounds *bounds = load_alloc(loading, 1, sizeof(*bounds));
	check->params = bounds;
	return bounds && bounds_parse(loading, node, BOUNDS_DURATION, bounds);
}

static bool trace_duration_trace(struct trial *trial, const struct check *check)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0;
	FOR_EACH_BIT (span, trial->live, trial) {
		uint64_t start_ns = view_span_start_ns(trial->view, span);
		uint64_t end_ns = view_span_end_ns(trial->view, span);
		first_ns = start_ns < first_ns ? start_ns : first_ns;
		last_ns = end_ns > last_ns ? end_ns : last_ns;
	}
	double ns = last_ns > first_ns ? time_between(first_ns, last_ns) : 0;
	return number_passes(trial, check, "the duration of the trace", ns, true);
}

const struct check_type check_type_noise = {.parse = noise_parse, .trace = noise_trace};
const struct check_type check_type_trace_spans = {.parse = count_parse, .trace = trace_spans_trace};
const struct check_type check_type_trace_bytes = {.parse = count_parse, .trace = trace_bytes_trace};
const struct check_type check_type_trace_duration = {.parse = trace_duration_parse,
						     .trace = trace_duration_trace};

/* ---- services ------------------------------------------------------------------------------- */

struct services {
	key_id name_key;
	struct slice *at;
	size_t count;
};

static bool services_parse(struct loading *loading, const struct config_node *node,
			   struct check *check)
{
	struct services *services = load_alloc(loading, 1, sizeof(*services));
	struct err err = {0};
	if (node->kind != CONFIG_LIST || node->count == 0)
		return load_problem(loading, node->loc, "expected a list of service names");
	if (services)
		services->at = load_alloc(loading, node->count, sizeof(*services->at));
	if (loading->no_memory)
		return false;
	check->params = services;
	services->name_key = key_table_add(loading->keys, SLICE("service.name"), &err);
	if (services->name_key == KEY_ID_NONE)
		return load_problem(loading, node->loc, "%s", err.msg);
	for (size_t i = 0; i < node->count; i++) {
		if (node->items[i]->kind != CONFIG_SCALAR)
			return load_problem(loading, node->items[i]->loc,
					    "expected a service name");
		services->at[services->count++] = node->items[i]->text;
	}
	return true;
}

/* The service of ${resource}; empty when it has none. */
static struct slice service_of(const struct trial *trial, const struct services *services,
			       uint32_t resource)
{
	struct value value;
	bool found = view_find_attr(trial->view, (struct owner){OWNER_RESOURCE, resource},
				    services->name_key, &value);
	return found && value.type == VALUE_STRING ? value.bytes : slice_of(NULL, 0);
}

static bool services_trace(struct trial *trial, const struct check *check)
{
	const struct services *services = check->params;
	uint32_t resources = view_resource_count(trial->view);
	bool passes = true;
	for (size_t i = 0; i < services->count; i++) {
		uint32_t at = 0;
		while (at < resources &&
		       !slice_equal(service_of(trial, services, at), services->at[i]))
			at++;
		if (at == resources)
			passes = trial_miss_why(trial, check, "no span is of service \"%.*s\"",
						SLICE_FMT(services->at[i]));
	}
	return passes;
}

static bool is_listed(const struct services *services, struct slice name)
{
	for (size_t i = 0; i < services->count; i++) {
		if (slice_equal(services->at[i], name))
			return true;
	}
	return false;
}

static bool services_only_trace(struct trial *trial, const struct check *check)
{
	const struct services *services = check->params;
	for (uint32_t at = 0; at < view_resource_count(trial->view); at++) {
		struct slice name = service_of(trial, services, at);
		if (!is_listed(services, name))
			return trial_miss_value(
				trial, check, check->loc, "a span is of another service",
				&(struct expect_found){.what = SLICE("service.name"),
						       .key = SLICE("service.name"),
						       .value = value_of_str(name)});
	}
	return true;
}

const struct check_type check_type_services = {.parse = services_parse, .trace = services_trace};
const struct check_type check_type_services_only = {.parse = services_parse,
						    .trace = services_only_trace};
