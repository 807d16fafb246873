/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticators by name. Extensions are created before everything that may ask for one; whether the
 * one that was found is for servers or for clients is known from its configuration.
 */
#include "pipeline/graph/internal.h"

static const struct node *find(const struct graph *graph, const char *name)
{
	for (size_t i = 0; graph && graph->extensions && i < graph->extension_count; i++) {
		const struct node *node = &graph->extensions[i];
		if (node->id && strcmp(node->id, name) == 0)
			return node;
	}
	return NULL;
}

/* ${wrong_side}: the Collector's text for an extension that is something else. */
static void report_missing(const struct node *node, const struct auth_settings *settings,
			   const char *wrong_side, const char *path, struct config_report *report)
{
	if (!node)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL,
			       "failed to resolve authenticator \"%s\": authenticator not found: "
			       "it must be in service.extensions",
			       settings->authenticator);
	else if (node->self)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL,
			       "failed to resolve authenticator \"%s\": %s",
			       settings->authenticator, wrong_side);
	/* else: what is wrong with the extension itself was reported */
}

const struct server_authenticator *
component_server_authenticator(const struct component_env *env,
			       const struct auth_settings *settings, const char *path,
			       struct config_report *report)
{
	const struct node *node = find(env->graph, settings->authenticator);
	const struct server_authenticator *found = NULL;
	if (node && node->self && node->type->extension->server_authenticator)
		found = node->type->extension->server_authenticator(node->self);
	if (!found)
		report_missing(node, settings,
			       "requested authenticator is not a server authenticator", path,
			       report);
	return found;
}

const struct client_authenticator *
component_client_authenticator(const struct component_env *env,
			       const struct auth_settings *settings, bool is_grpc, const char *path,
			       struct config_report *report)
{
	const struct node *node = find(env->graph, settings->authenticator);
	const struct client_authenticator *found = NULL;
	if (node && node->self && node->type->extension->client_authenticator)
		found = node->type->extension->client_authenticator(node->self);
	if (!found)
		report_missing(
			node, settings,
			is_grpc ? "requested authenticator is not a gRPC client authenticator"
				: "requested authenticator is not a HTTP client "
				  "authenticator",
			path, report);
	return found;
}
