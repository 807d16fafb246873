/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.policies: a promise about the whole configuration. Each policy that it names must stand
 * in every pipeline that has exporters, at work and not only counting, and nothing that could add
 * values may follow it, nor anything that gives content another key stand before it. Such a pipeline
 * is the last part of every way from a receiver to an exporter, so this covers every exporter, debug
 * and file included, and whatever connectors lead there; one that breaks the promise is no valid
 * configuration. What a processor may do to the promise is what it declares (processor_ops).
 */
#include "pipeline/graph/internal.h"

static bool is_policy(const struct component_type *type)
{
	return type && type->kind == COMPONENT_PROCESSOR && type->processor->enforces;
}

static bool may_follow(const struct component_type *type)
{
	return type->kind == COMPONENT_PROCESSOR && type->processor->adds != ADDS_ANYTHING;
}

/* The processors of this build that are ${wanted}, as a list for people. */
static void list_processors(bool (*wanted)(const struct component_type *type), struct buf *out)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	for (size_t i = 0; i < count; i++) {
		if (wanted(types[i]))
			buf_printf(out, "%s%s", out->len > 0 ? ", " : "", types[i]->names[0]);
	}
}

static void warn_of_recall(const struct config_pipeline *config, size_t at, const char *policy,
			   const char *id, struct config_report *report)
{
	config_problem(
		report, CONFIG_WARNING, config->processors.at[at].loc, config->id, NULL,
		"\"%s\" comes after \"%s\" in pipeline \"%s\": it writes "
		"what it remembers of a trace, which another pipeline may have told it before "
		"the policy, and finds no token counts in content that is gone: put it before",
		id, policy, config->id);
}

/* Processors behind number ${from} of ${pipeline}. */
static void check_followers(const struct pipeline *pipeline, const struct config_pipeline *config,
			    const char *policy, size_t from, struct config_report *report)
{
	for (size_t i = from + 1; i < pipeline->processor_count; i++) {
		const struct node *node = &pipeline->processors[i].node;
		if (node->type->processor->adds == ADDS_REMEMBERED)
			warn_of_recall(config, i, policy, node->id, report);
		if (may_follow(node->type))
			continue;
		struct buf list = BUF_INIT;
		list_processors(may_follow, &list);
		config_problem(report, CONFIG_ERROR, config->processors.at[i].loc, config->id, NULL,
			       "service::policies: processor \"%s\" comes after \"%s\" in pipeline "
			       "\"%s\" and may add what the policy would remove: put it before "
			       "(what may follow: %s)",
			       node->id, policy, config->id, buf_cstr(&list));
		buf_fini(&list);
	}
}

/* Processors in front of the policy of ${type}, if it stands in the pipeline at all. */
static void check_predecessors(const struct pipeline *pipeline,
			       const struct config_pipeline *config, const char *policy,
			       const struct component_type *type, struct config_report *report)
{
	for (size_t i = 0; i < pipeline->processor_count; i++) {
		const struct node *node = &pipeline->processors[i].node;
		const struct processor_ops *ops = node->type->processor;
		if (node->type == type && ops->enforces(node->self))
			return;
		if (ops->moves_values && ops->moves_values(node->self))
			config_problem(
				report, CONFIG_ERROR, config->processors.at[i].loc, config->id,
				NULL,
				"service::policies: processor \"%s\" in pipeline \"%s\" gives "
				"values "
				"of one attribute to another (from_attribute, extract, convert to "
				"string) before \"%s\" has judged them by their key: put it behind",
				node->id, config->id, policy);
	}
}

static void check_pipeline(const struct pipeline *pipeline, const struct config_pipeline *config,
			   const char *policy, struct config_report *report)
{
	const struct component_type *type = component_find(COMPONENT_PROCESSOR, policy);
	const struct node *idle = NULL;
	for (size_t i = 0; i < pipeline->processor_count; i++) {
		const struct node *node = &pipeline->processors[i].node;
		if (node->type != type)
			continue;
		if (type->processor->enforces(node->self)) {
			check_followers(pipeline, config, policy, i, report);
			return;
		}
		idle = node;
	}
	if (idle)
		config_problem(
			report, CONFIG_ERROR, config->loc, config->id, NULL,
			"service::policies: \"%s\" in pipeline \"%s\" only counts (dry_run): "
			"its exporters get everything",
			idle->id, config->id);
	else
		config_problem(report, CONFIG_ERROR, config->loc, config->id, NULL,
			       "service::policies: pipeline \"%s\" leads to its exporters without "
			       "\"%s\": add it to the pipeline's processors",
			       config->id, policy);
}

static bool is_built(const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->processor_count; i++) {
		if (!pipeline->processors[i].node.self)
			return false; /* its own problem is in the report */
	}
	return true;
}

static void report_no_policy(const struct config_strings *policies, size_t at,
			     struct config_report *report)
{
	struct buf list = BUF_INIT;
	list_processors(is_policy, &list);
	config_problem(report, CONFIG_ERROR, policies->nodes[at]->loc, "service.policies", NULL,
		       "service::policies: \"%s\" is no policy (valid values: [%s])",
		       policies->at[at], buf_cstr(&list));
	buf_fini(&list);
}

/* Without service.policies nothing is refused, but it is as likely to be a mistake. */
static void lint_pipeline(const struct pipeline *pipeline, const struct config_pipeline *config,
			  struct config_report *report)
{
	const struct node *policy = NULL;
	for (size_t i = 0; i < pipeline->processor_count; i++) {
		const struct node *node = &pipeline->processors[i].node;
		const struct processor_ops *ops = node->type->processor;
		if (ops->enforces && ops->enforces(node->self)) {
			policy = node;
			continue;
		}
		if (policy && ops->adds == ADDS_REMEMBERED)
			warn_of_recall(config, i, policy->id, node->id, report);
		else if (policy && !may_follow(node->type))
			config_problem(report, CONFIG_WARNING, config->processors.at[i].loc,
				       config->id, NULL,
				       "\"%s\" comes after \"%s\" in pipeline \"%s\" and may add "
				       "what the policy would remove: put it before",
				       node->id, policy->id, config->id);
	}
}

void graph_lint_policies(const struct graph *graph, struct config_report *report)
{
	for (size_t p = 0; p < graph->pipeline_count && graph->service->policies.count == 0; p++)
		lint_pipeline(&graph->pipelines[p], &graph->service->pipelines[p], report);
}

void graph_check_policies(const struct graph *graph, struct config_report *report)
{
	const struct config_strings *policies = &graph->service->policies;
	for (size_t i = 0; i < policies->count; i++) {
		const char *policy = policies->at[i];
		if (!is_policy(component_find(COMPONENT_PROCESSOR, policy))) {
			report_no_policy(policies, i, report);
			continue;
		}
		for (size_t p = 0; p < graph->pipeline_count; p++) {
			if (!is_built(&graph->pipelines[p]))
				continue;
			check_predecessors(&graph->pipelines[p], &graph->service->pipelines[p],
					   policy, component_find(COMPONENT_PROCESSOR, policy),
					   report);
			if (graph->service->pipelines[p].exporters.count > 0)
				check_pipeline(&graph->pipelines[p], &graph->service->pipelines[p],
					       policy, report);
		}
	}
}
