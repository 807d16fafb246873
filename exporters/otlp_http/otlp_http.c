/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OTLP/HTTP exporter (`otlp_http`, alias `otlphttp`): a preset of the common OTLP client with
 * the Collector's HTTP client keys. The scheme of the endpoint decides about TLS.
 */
#include "exporters/otlp/otlp_preset.h"

#include <stdlib.h>

struct otlp_http_config {
	struct delivery_config delivery;
	struct http_client_settings http;
	const char *traces_endpoint;
	int encoding;
};

enum encoding { ENCODING_PROTO = 0, ENCODING_JSON };

static const char *const encodings[] = {"proto", "json", NULL};

static const char *url_of(const struct otlp_http_config *self)
{
	return self->traces_endpoint[0] ? self->traces_endpoint : self->http.endpoint;
}

static void check_dialect(const struct otlp_http_config *self, const struct config_node *node,
			  const char *path, struct config_report *report)
{
	const struct otlp_dialect *dialect = otlp_dialect_find(url_of(self));
	enum coding coding = http_client_coding(&self->http);
	if (!dialect)
		return;
	if (dialect->compression_fault && coding != CODING_GZIP && coding != CODING_IDENTITY)
		client_key_problem(report, CONFIG_ERROR, node, "compression", path,
				   dialect->compression_fault);
	if (dialect->json_notice && self->encoding == ENCODING_JSON)
		client_key_problem(report, CONFIG_WARNING, node, "encoding", path,
				   dialect->json_notice);
}

/* The whole URL given as the base: the likeliest mistake with a backend that shows its OTLP URL. */
static void check_doubled_path(const struct otlp_http_config *self, const struct config_node *node,
			       const char *path, struct config_report *report)
{
	struct slice url = slice_str(self->http.endpoint);
	while (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	if (!self->traces_endpoint[0] && slice_has_suffix(url, SLICE("/v1/traces")))
		client_key_problem(report, CONFIG_WARNING, node, "endpoint", path,
				   "/v1/traces is added to the base URL: requests go to "
				   "…/v1/traces/v1/traces; take it off, or give the whole URL as "
				   "traces_endpoint");
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct otlp_http_config *self = config;
	http_client_settings_check(&self->http, "endpoint", node, path, report);
	client_url_check(node, "traces_endpoint", self->traces_endpoint, path, report);
	check_doubled_path(self, node, path, report);
	check_dialect(self, node, path, report);
	if (!self->http.endpoint[0] && !self->traces_endpoint[0])
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "at least one endpoint must be specified");
}

static const struct config_field fields[] = {
	HTTP_CLIENT_FIELDS(struct otlp_http_config, http,
			   "Base URL of the backend; /v1/traces is added."),
	CONFIG_STRING(struct otlp_http_config, traces_endpoint, "traces_endpoint", "",
		      "Full URL of traces, in place of endpoint."),
	CONFIG_ENUM(struct otlp_http_config, encoding, "encoding", encodings, "proto",
		    "proto (protobuf) or json. max_request_bytes bounds the protobuf form: "
		    "JSON takes two to three times as much."),
	DELIVERY_FIELDS(struct otlp_http_config, delivery, "30s"),
	CONFIG_IGNORED(STRING, "metrics_endpoint", "Accepted; Sluice sends traces alone."),
	CONFIG_IGNORED(STRING, "logs_endpoint", "Accepted; Sluice sends traces alone."),
	CONFIG_IGNORED(STRING, "profiles_endpoint", "Accepted; Sluice sends traces alone."),
};
static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct otlp_http_config, fields, check);

/* Path and query of a full URL, "/" for no path. NULL: no memory. */
static const char *path_of(const char *url, struct arena *arena)
{
	const char *scheme = strstr(url, "://");
	const char *rest = scheme ? scheme + 3 : url;
	rest += strcspn(rest, "/?");
	return *rest == '/' ? rest : arena_printf(arena, "/%s", rest);
}

/* What makes the bodies, where they are not the batches' own bytes. False: out of memory. */
static bool add_maker(const struct otlp_http_config *self, const struct component_env *env,
		      struct otlp_client_config *client)
{
	const struct otlp_dialect *dialect = otlp_dialect_find(client->endpoint);
	if (dialect) {
		log_info(&env->log, LOG_MSG("A service's endpoint: sent as by its own exporter"),
			 LOG_STR("service", dialect->name));
		return otlp_client_use(client, dialect, env->budget, env->keys);
	}
	if (self->encoding == ENCODING_JSON)
		client->json = json_body_new(env->budget, env->keys, env->metrics, env->id);
	return self->encoding != ENCODING_JSON || client->json;
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct otlp_http_config *self = config;
	bool full = self->traces_endpoint[0];
	if (!self->http.endpoint[0] && !full)
		return NULL; /* reported by check */
	struct otlp_client_config client = otlp_preset_http(&self->http, &self->delivery);
	client.endpoint = url_of(self);
	client.path = full ? path_of(self->traces_endpoint, env->arena) : NULL;
	client.coding = http_client_coding(&self->http);
	if (add_maker(self, env, &client))
		return otlp_preset_create(&client, env, report);
	config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL,
		       "out of memory");
	return NULL;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct otlp_http_config *)config)->delivery;
}

static const struct exporter_ops ops = {OTLP_CLIENT_OPS(create, delivery)};

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct otlp_http_config *self = config;
	const struct component_address address = {
		.key = self->traces_endpoint[0] ? "traces_endpoint" : "endpoint",
		.endpoint = url_of(self)};
	visit(arg, &address);
}

const struct component_type exporter_otlp_http = {
	.kind = COMPONENT_EXPORTER,
	.names = {"otlp_http", "otlphttp"},
	.summary = "OTLP over HTTP, protobuf or JSON: Langfuse, Tempo, any OTLP endpoint.",
	.config = &block,
	.addresses = addresses,
	.exporter = &ops};
