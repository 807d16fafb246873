/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OTLP/HTTP exporter (`otlp_http`, alias `otlphttp`): a preset of the common OTLP client with
 * the Collector's HTTP client keys. The scheme of the endpoint decides about TLS.
 */
#include "exporters/otlp/otlp_client.h"
#include "pipeline/graph/client_keys.h"
#include "pipeline/graph/collector_keys.h"
#include "pipeline/graph/component.h"

#include <stdlib.h>

struct otlp_http_config {
	struct delivery_config delivery;
	const char *endpoint, *traces_endpoint, *proxy_url, *user_agent;
	int compression; /* place in otlp_http_compressions */
	int encoding;
	struct tls_config tls;
	struct config_headers headers;
	uint64_t idle_conn_timeout_ns;
	uint32_t max_conns_per_host;
	struct collector_keys keys;
};

enum encoding { ENCODING_PROTO = 0, ENCODING_JSON };

static const char *const encodings[] = {"proto", "json", NULL};

static const char *url_of(const struct otlp_http_config *http)
{
	return http->traces_endpoint[0] ? http->traces_endpoint : http->endpoint;
}

static void check_dialect(const struct otlp_http_config *http, const struct config_node *node,
			  const char *path, struct config_report *report)
{
	const struct otlp_dialect *dialect = otlp_dialect_find(url_of(http));
	enum coding coding = otlp_http_coding(http->compression);
	if (!dialect)
		return;
	if (dialect->compression_fault && coding != CODING_GZIP && coding != CODING_IDENTITY)
		client_key_problem(report, CONFIG_ERROR, node, "compression", path,
				   dialect->compression_fault);
	if (dialect->json_notice && http->encoding == ENCODING_JSON)
		client_key_problem(report, CONFIG_WARNING, node, "encoding", path,
				   dialect->json_notice);
}

/* The whole URL given as the base: the likeliest mistake with a backend that shows its OTLP URL. */
static void check_doubled_path(const struct otlp_http_config *http, const struct config_node *node,
			       const char *path, struct config_report *report)
{
	struct slice url = slice_str(http->endpoint);
	while (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	if (!http->traces_endpoint[0] && slice_has_suffix(url, SLICE("/v1/traces")))
		client_key_problem(report, CONFIG_WARNING, node, "endpoint", path,
				   "/v1/traces is added to the base URL: requests go to "
				   "…/v1/traces/v1/traces; take it off, or give the whole URL as "
				   "traces_endpoint");
}

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct otlp_http_config *http = config;
	collector_keys_check(&http->keys, path, report);
	client_endpoint_check(node, "endpoint", http->endpoint, CLIENT_ENDPOINT_BASE, path, report);
	client_endpoint_check(node, "traces_endpoint", http->traces_endpoint, CLIENT_ENDPOINT_URL,
			      path, report);
	check_doubled_path(http, node, path, report);
	client_proxy_check(node, "proxy_url", http->proxy_url, path, report);
	check_dialect(http, node, path, report);
	if (!http->endpoint[0] && !http->traces_endpoint[0])
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "at least one endpoint must be specified");
}

static const struct config_field compression_fields[] = {
	CONFIG_IGNORED(I64, "level", "Accepted; the level is fixed."),
};
static const struct config_block compression_block = CONFIG_BLOCK_OF_IGNORED(compression_fields);

static const struct config_field cookie_fields[] = {
	CONFIG_IGNORED(BOOL, "enabled", "Accepted; cookies are not kept."),
};
static const struct config_block cookie_block = CONFIG_BLOCK_OF_IGNORED(cookie_fields);

static const struct config_field fields[] = {
	CONFIG_STRING(struct otlp_http_config, endpoint, "endpoint", "",
		      "Base URL of the backend; /v1/traces is added."),
	CONFIG_STRING(struct otlp_http_config, traces_endpoint, "traces_endpoint", "",
		      "Full URL of traces, in place of endpoint."),
	CONFIG_ENUM(struct otlp_http_config, compression, "compression", otlp_http_compressions,
		    "gzip", "gzip, zstd, deflate, zlib, snappy, x-snappy-framed, lz4 or none."),
	CONFIG_ENUM(struct otlp_http_config, encoding, "encoding", encodings, "proto",
		    "proto (protobuf) or json. max_request_bytes bounds the protobuf form: "
		    "JSON takes two to three times as much."),
	CONFIG_SUB(struct otlp_http_config, tls, "tls", &tls_client_block, "TLS to the backend."),
	CONFIG_HEADERS(struct otlp_http_config, headers, "headers",
		       "Header fields sent with each request; values are secret."),
	CONFIG_STRING(struct otlp_http_config, proxy_url, "proxy_url", "",
		      "Proxy; unset: HTTPS_PROXY, HTTP_PROXY and NO_PROXY."),
	CONFIG_STRING(struct otlp_http_config, user_agent, "user_agent", "sluice",
		      "User-Agent to send."),
	CONFIG_DURATION(struct otlp_http_config, idle_conn_timeout_ns, "idle_conn_timeout", "90s",
			"Close a kept connection after this."),
	CONFIG_U32(struct otlp_http_config, max_conns_per_host, "max_conns_per_host", "0", 0, 1000,
		   "", "Connections at once; 0: as many as sending_queue.num_consumers."),
	DELIVERY_FIELDS(struct otlp_http_config, delivery, "30s"),
	CONFIG_IGNORED(I64, "read_buffer_size", "Accepted; buffers belong to shards."),
	CONFIG_IGNORED(I64, "write_buffer_size", "Accepted; output is gathered."),
	CONFIG_IGNORED(I64, "max_idle_conns", "Accepted; idle_conn_timeout bounds the pool."),
	CONFIG_IGNORED(I64, "max_idle_conns_per_host",
		       "Accepted; idle_conn_timeout bounds the pool."),
	CONFIG_IGNORED(BOOL, "disable_keep_alives", "Accepted; connections are kept."),
	CONFIG_IGNORED(BOOL, "force_attempt_http2", "Accepted; under TLS ALPN decides."),
	CONFIG_IGNORED_BLOCK("compression_params", &compression_block,
			     "Accepted; the level is fixed."),
	CONFIG_IGNORED(STRING, "metrics_endpoint", "Accepted; Sluice sends traces alone."),
	CONFIG_IGNORED(STRING, "logs_endpoint", "Accepted; Sluice sends traces alone."),
	CONFIG_IGNORED(STRING, "profiles_endpoint", "Accepted; Sluice sends traces alone."),
	CONFIG_IGNORED(DURATION, "http2_read_idle_timeout",
		       "Accepted; dead peers show by time-outs."),
	CONFIG_IGNORED(DURATION, "http2_ping_timeout", "Accepted; see http2_read_idle_timeout."),
	CONFIG_IGNORED_BLOCK("cookies", &cookie_block, "Accepted; cookies are not kept."),
	COLLECTOR_CLIENT_FIELDS(struct otlp_http_config, keys),
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
static bool add_maker(const struct otlp_http_config *http, const struct component_env *env,
		      struct otlp_client_config *client)
{
	const struct otlp_dialect *dialect = otlp_dialect_find(client->endpoint);
	if (dialect) {
		log_info(&env->log, LOG_MSG("A service's endpoint: sent as by its own exporter"),
			 LOG_STR("service", dialect->name));
		return otlp_client_use(client, dialect, env->budget, env->keys);
	}
	if (http->encoding == ENCODING_JSON)
		client->json = json_body_new(env->budget, env->keys, env->metrics, env->id);
	return http->encoding != ENCODING_JSON || client->json;
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct otlp_http_config *http = config;
	bool full = http->traces_endpoint[0];
	struct err err;
	if (!http->endpoint[0] && !full)
		return NULL; /* reported by check */
	struct otlp_client_config client = {
		.mode = CLIENT_HTTP,
		.endpoint = url_of(http),
		.path = full ? path_of(http->traces_endpoint, env->arena) : NULL,
		.default_port = 0,
		.tls_by_default = false,
		.coding = otlp_http_coding(http->compression),
		.tls = &http->tls,
		.metrics = env->metrics,
		.headers = &http->headers,
		.proxy_url = http->proxy_url,
		.user_agent = http->user_agent,
		.connections_max = http->max_conns_per_host > 0
					   ? http->max_conns_per_host
					   : http->delivery.queue.num_consumers,
		.idle_timeout_ns = http->idle_conn_timeout_ns,
	};
	struct otlp_client *self = NULL;
	(void)err_set(&err, ERR_NOMEM, "out of memory");
	if (add_maker(http, env, &client))
		self = otlp_client_new(&client, &env->log, env->budget, env->arena, &err);
	if (!self)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL, "%s",
			       err.msg);
	return self;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct otlp_http_config *)config)->delivery;
}

static const struct exporter_ops ops = {OTLP_CLIENT_OPS(create, delivery)};

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct otlp_http_config *http = config;
	const struct component_address address = {
		.key = http->traces_endpoint[0] ? "traces_endpoint" : "endpoint",
		.endpoint = url_of(http)};
	visit(arg, &address);
}

const struct component_type exporter_otlp_http = {
	.kind = COMPONENT_EXPORTER,
	.names = {"otlp_http", "otlphttp"},
	.summary = "OTLP over HTTP, protobuf or JSON: Langfuse, Tempo, any OTLP endpoint.",
	.config = &block,
	.addresses = addresses,
	.exporter = &ops};
