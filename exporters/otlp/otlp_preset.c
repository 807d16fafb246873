/* SPDX-License-Identifier: Apache-2.0 */
/* Presets of the OTLP client: see otlp_preset.h. */
#include "exporters/otlp/otlp_preset.h"

struct otlp_client_config otlp_preset_grpc(const struct grpc_client_settings *settings,
					   uint16_t default_port)
{
	return (struct otlp_client_config){
		.mode = CLIENT_GRPC,
		.endpoint = settings->endpoint,
		.default_port = default_port,
		.tls_by_default = true,
		.coding = grpc_client_coding(settings),
		.tls = &settings->tls,
		.headers = &settings->headers,
		.auth = settings->keys.auth_present ? &settings->keys.auth : NULL,
		.authority = settings->authority,
		.user_agent = settings->user_agent,
		.connections_max = 1,
		.keepalive_time_ns = settings->keepalive_present ? settings->keepalive.time_ns : 0,
		.keepalive_timeout_ns = settings->keepalive.timeout_ns,
	};
}

struct otlp_client_config otlp_preset_http(const struct http_client_settings *settings,
					   const struct delivery_config *delivery)
{
	return (struct otlp_client_config){
		.mode = CLIENT_HTTP,
		.endpoint = settings->endpoint,
		.tls = &settings->tls,
		.headers = &settings->headers,
		.auth = settings->keys.auth_present ? &settings->keys.auth : NULL,
		.proxy_url = settings->proxy_url,
		.user_agent = settings->user_agent,
		.connections_max = settings->max_conns_per_host > 0 ? settings->max_conns_per_host
								    : delivery->queue.num_consumers,
		.idle_timeout_ns = settings->idle_conn_timeout_ns,
	};
}

/* False with the problem in ${report}. */
static bool find_authenticator(struct otlp_client_config *config, const struct component_env *env,
			       struct config_report *report)
{
	if (!config->auth)
		return true;
	const char *path = arena_printf(env->arena, "%s.auth", env->path);
	config->authenticator = component_client_authenticator(
		env, config->auth, config->mode == CLIENT_GRPC, path ? path : "", report);
	return config->authenticator;
}

struct otlp_client *otlp_preset_create(struct otlp_client_config *config,
				       const struct component_env *env,
				       struct config_report *report)
{
	struct err err;
	config->metrics = env->metrics;
	if (!find_authenticator(config, env, report)) {
		otlp_client_drop(config);
		return NULL;
	}
	struct otlp_client *client =
		otlp_client_new(config, &env->log, env->budget, env->arena, &err);
	if (!client)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL, "%s",
			       err.msg);
	return client;
}
