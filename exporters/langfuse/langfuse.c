/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Langfuse exporter: otlp_http with what Langfuse's endpoint needs (dialect.h), so that
 * a host and a project's two keys are all there is to configure. What its spans mean to Langfuse is
 * the concern of the processor of the same name.
 */
#include "exporters/langfuse/dialect.h"
#include "exporters/otlp/otlp_client.h"
#include "pipeline/graph/client_keys.h"
#include "pipeline/graph/component.h"
#include "pipeline/net/basic_auth.h"

struct langfuse_config {
	struct delivery_config delivery;
	const char *host, *public_key, *secret_key, *proxy_url, *user_agent;
	int compression; /* place in compressions */
	struct tls_config tls;
	struct config_headers headers;
	uint64_t idle_conn_timeout_ns;
	uint32_t max_conns_per_host;
};

static const char *const compressions[] = {"gzip", "none", NULL};
static const enum coding coding_of[] = {CODING_GZIP, CODING_IDENTITY};

/* Header names are compared as HTTP does (RFC 9110 §5.1). */
static bool has_authorization(const struct config_headers *headers)
{
	for (size_t i = 0; i < headers->count; i++) {
		if (slice_equal_nocase(slice_str(headers->at[i].name), SLICE("authorization")))
			return true;
	}
	return false;
}

static bool has_keys(const struct langfuse_config *langfuse)
{
	return langfuse->public_key && langfuse->public_key[0] && langfuse->secret_key &&
	       langfuse->secret_key[0];
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct langfuse_config *langfuse = config;
	struct config_loc loc = node ? node->loc : (struct config_loc){0};
	client_endpoint_check(node, "host", langfuse->host, CLIENT_ENDPOINT_BASE, path, report);
	client_proxy_check(node, "proxy_url", langfuse->proxy_url, path, report);
	if (!langfuse->host[0])
		client_key_problem(report, CONFIG_ERROR, node, "host", path,
				   "requires Langfuse's base URL, such as "
				   "https://cloud.langfuse.com");
	if (!has_keys(langfuse) && !has_authorization(&langfuse->headers))
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "requires \"public_key\" and \"secret_key\": the keys of a Langfuse "
			       "project (Settings, API Keys)");
}

static const struct config_field fields[] = {
	CONFIG_STRING(struct langfuse_config, host, "host", "https://cloud.langfuse.com",
		      "Langfuse's base URL; the cloud's other regions: us., jp., hipaa."),
	CONFIG_OPAQUE(struct langfuse_config, public_key, "public_key",
		      "A project's public key, pk-lf-…; required."),
	CONFIG_OPAQUE(struct langfuse_config, secret_key, "secret_key",
		      "The secret key that goes with it, sk-lf-…; required."),
	CONFIG_ENUM(struct langfuse_config, compression, "compression", compressions, "gzip",
		    "gzip or none: Langfuse reads no other."),
	CONFIG_SUB(struct langfuse_config, tls, "tls", &tls_client_block, "TLS to Langfuse."),
	CONFIG_HEADERS(struct langfuse_config, headers, "headers",
		       "Further header fields; values are secret."),
	CONFIG_STRING(struct langfuse_config, proxy_url, "proxy_url", "",
		      "Proxy; unset: HTTPS_PROXY, HTTP_PROXY and NO_PROXY."),
	CONFIG_STRING(struct langfuse_config, user_agent, "user_agent", "sluice",
		      "User-Agent to send."),
	CONFIG_DURATION(struct langfuse_config, idle_conn_timeout_ns, "idle_conn_timeout", "90s",
			"Close a kept connection after this."),
	CONFIG_U32(struct langfuse_config, max_conns_per_host, "max_conns_per_host", "0", 0, 1000,
		   "", "Connections at once; 0: as many as sending_queue.num_consumers."),
	DELIVERY_FIELDS(struct langfuse_config, delivery, "30s"),
};
static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct langfuse_config, fields, check);

/* ---- making --------------------------------------------------------------------------------- */

/* "cloud.langfuse.com", "https://host/" or the whole OTLP URL: its OTLP URL. NULL: no memory. */
static const char *endpoint_of(const char *host, struct arena *arena)
{
	const struct slice traces = SLICE("/v1/traces"); /* added again by the client */
	bool has_path = otlp_dialect_langfuse.matches(host);
	struct slice text = slice_str(host);
	while (text.len > 0 && text.ptr[text.len - 1] == '/')
		text.len--;
	if (has_path && slice_has_suffix(text, traces))
		text.len -= traces.len;
	return arena_printf(arena, "%s%.*s%s", strstr(host, "://") ? "" : "https://", (int)text.len,
			    host, has_path ? "" : LANGFUSE_OTLP_PATH);
}

/* The user's headers and, unless there is one among them, Authorization. False: no memory. */
static bool add_authorization(const struct langfuse_config *langfuse, struct arena *arena,
			      struct config_headers *ret_headers)
{
	if (has_authorization(&langfuse->headers)) {
		*ret_headers = langfuse->headers;
		return true;
	}
	const char *pair = arena_printf(arena, "%s:%s", langfuse->public_key, langfuse->secret_key);
	char *value = pair ? arena_alloc(arena, BASIC_AUTH_BYTES(strlen(pair))) : NULL;
	struct config_header *at = arena_calloc(arena, langfuse->headers.count + 1, sizeof(*at));
	if (!value || !at)
		return false;
	basic_auth_write(slice_str(pair), value);
	if (langfuse->headers.count > 0)
		memcpy(at, langfuse->headers.at, langfuse->headers.count * sizeof(*at));
	at[langfuse->headers.count] =
		(struct config_header){.name = "authorization", .value = value};
	*ret_headers = (struct config_headers){.at = at, .count = langfuse->headers.count + 1};
	return true;
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct langfuse_config *langfuse = config;
	struct config_headers *headers = arena_calloc(env->arena, 1, sizeof(*headers));
	struct otlp_client *self = NULL;
	struct err err;
	struct otlp_client_config client = {
		.mode = CLIENT_HTTP,
		.endpoint = endpoint_of(langfuse->host, env->arena),
		.coding = coding_of[langfuse->compression],
		.tls = &langfuse->tls,
		.metrics = env->metrics,
		.headers = headers,
		.proxy_url = langfuse->proxy_url,
		.user_agent = langfuse->user_agent,
		.connections_max = langfuse->max_conns_per_host > 0
					   ? langfuse->max_conns_per_host
					   : langfuse->delivery.queue.num_consumers,
		.idle_timeout_ns = langfuse->idle_conn_timeout_ns,
	};
	(void)err_set(&err, ERR_NOMEM, "out of memory");
	if (client.endpoint && headers && add_authorization(langfuse, env->arena, headers) &&
	    otlp_client_use(&client, &otlp_dialect_langfuse, env->budget, env->keys))
		self = otlp_client_new(&client, &env->log, env->budget, env->arena, &err);
	if (!self)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL, "%s",
			       err.msg);
	return self;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct langfuse_config *)config)->delivery;
}

static const struct exporter_ops ops = {OTLP_CLIENT_OPS(create, delivery)};

const struct component_type exporter_langfuse = {
	.kind = COMPONENT_EXPORTER,
	.names = {"langfuse"},
	.summary = "Langfuse, by host and keys; goes with the processor of the same name.",
	.config = &block,
	.exporter = &ops};
