/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Jaeger exporter: spans to a Jaeger collector's own gRPC service on port 14250, with the keys
 * of the Collector's `jaeger` exporter. Mapping in mapping.c, requests in request.c; connection,
 * queue and repeats are those of the OTLP client.
 *
 * A collector answers with an empty message. What its codes mean besides those of OTLP:
 *   RESOURCE_EXHAUSTED  not of a size: its queue is full, which passes
 *   UNIMPLEMENTED       it takes OTLP alone, or this is another of its ports: the error says so
 */
#include "exporters/jaeger/request.h"
#include "exporters/otlp/otlp_client.h"
#include "pipeline/graph/client_keys.h"
#include "pipeline/graph/collector_keys.h"
#include "pipeline/graph/component.h"
#include "pipeline/net/grpc_status.h"

#include <stdlib.h>

enum { DEFAULT_PORT = 14250 };

struct keepalive_config {
	uint64_t time_ns, timeout_ns;
};

struct jaeger_config {
	struct delivery_config delivery;
	const char *endpoint, *authority, *user_agent;
	int compression; /* place in otlp_grpc_compressions */
	struct tls_config tls;
	struct config_headers headers;
	struct keepalive_config keepalive;
	bool keepalive_present;
	struct collector_keys keys;
};

static const struct config_field keepalive_fields[] = {
	CONFIG_DURATION(struct keepalive_config, time_ns, "time", "10s",
			"PING after so long without a sign of the peer."),
	CONFIG_DURATION(struct keepalive_config, timeout_ns, "timeout", "10s",
			"Close the connection when the PING is not answered in this time."),
	CONFIG_IGNORED(BOOL, "permit_without_stream", "Accepted; PINGs are sent while calls run."),
};
static const struct config_block keepalive_block =
	CONFIG_BLOCK(struct keepalive_config, keepalive_fields);

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct jaeger_config *jaeger = config;
	collector_keys_check(&jaeger->keys, path, report);
	client_endpoint_check(node, "endpoint", jaeger->endpoint, CLIENT_ENDPOINT_GRPC, path,
			      report);
	if (!jaeger->endpoint[0])
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "requires a non-empty \"endpoint\"");
}

static const struct config_field fields[] = {
	CONFIG_STRING(struct jaeger_config, endpoint, "endpoint", "",
		      "host[:14250] of the collector; http:// means plain text, https:// TLS."),
	CONFIG_ENUM(struct jaeger_config, compression, "compression", otlp_grpc_compressions,
		    "none", "gzip, zstd, snappy or none."),
	CONFIG_SUB(struct jaeger_config, tls, "tls", &tls_client_block, "TLS to the collector."),
	CONFIG_HEADERS(struct jaeger_config, headers, "headers",
		       "Metadata sent with each request (x-tenant); values are secret."),
	CONFIG_OPTIONAL_SET(struct jaeger_config, keepalive, keepalive_present, "keepalive",
			    &keepalive_block, "HTTP/2 PINGs; off unless the key is there."),
	CONFIG_STRING(struct jaeger_config, authority, "authority", "",
		      ":authority to send in place of the endpoint's."),
	CONFIG_STRING(struct jaeger_config, user_agent, "user_agent", "sluice",
		      "user-agent to send."),
	DELIVERY_FIELDS(struct jaeger_config, delivery, "5s"),
	CONFIG_IGNORED(STRING, "balancer_name",
		       "Accepted; one connection, every address is tried."),
	CONFIG_IGNORED(BOOL, "wait_for_ready", "Accepted; failed connections are retried."),
	CONFIG_IGNORED(I64, "read_buffer_size", "Accepted; buffers belong to shards."),
	CONFIG_IGNORED(I64, "write_buffer_size", "Accepted; output is gathered."),
	COLLECTOR_CLIENT_FIELDS(struct jaeger_config, keys),
};
static const struct config_block block = CONFIG_BLOCK_CHECKED(struct jaeger_config, fields, check);

/* ---- the service ---------------------------------------------------------------------------- */

static int make_request(void *self, const struct batch *batch, struct otlp_body *ret_body,
			struct err *err)
{
	ret_body->chunk = jaeger_request_make(self, batch, err);
	return ret_body->chunk ? 0 : -1;
}

static void judge(const struct client_result *answer, struct export_result *result)
{
	/* PostSpansResponse has no fields: nothing in it is a partial success. */
	result->rejected_spans = 0;
	result->partial_warning = false;
	if (answer->outcome != CLIENT_ANSWERED)
		return;
	if (answer->grpc_status == GRPC_RESOURCE_EXHAUSTED && result->outcome == EXPORT_PERMANENT)
		result->outcome = EXPORT_RETRY;
	if (answer->grpc_status == GRPC_UNIMPLEMENTED)
		(void)err_wrap(&result->err,
			       "the endpoint has no jaeger.api_v2.CollectorService: send to the "
			       "collector's port 14250, or with the exporter otlp_grpc to port "
			       "4317, where Jaeger takes OTLP since 1.35");
}

static void free_request(void *self)
{
	jaeger_request_free(self);
}

static const struct otlp_dialect post_spans = {
	.name = "Jaeger",
	.path = "/jaeger.api_v2.CollectorService/PostSpans",
	.make = make_request,
	.judge = judge,
	.destroy = free_request,
};

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct jaeger_config *jaeger = config;
	struct err err;
	if (!jaeger->endpoint[0])
		return NULL; /* reported by check */
	struct jaeger_request *request =
		jaeger_request_new(env->budget, env->keys, jaeger->delivery.max_request_bytes);
	if (!request || !jaeger_request_register(request, env->metrics, env->id)) {
		jaeger_request_free(request);
		return NULL;
	}
	const struct otlp_client_config client = {
		.mode = CLIENT_GRPC,
		.dialect = &post_spans,
		.dialect_self = request,
		.endpoint = jaeger->endpoint,
		.default_port = DEFAULT_PORT,
		.tls_by_default = true,
		.coding = otlp_grpc_coding(jaeger->compression),
		.tls = &jaeger->tls,
		.metrics = env->metrics,
		.headers = &jaeger->headers,
		.authority = jaeger->authority,
		.user_agent = jaeger->user_agent,
		.connections_max = 1,
		.keepalive_time_ns = jaeger->keepalive_present ? jaeger->keepalive.time_ns : 0,
		.keepalive_timeout_ns = jaeger->keepalive.timeout_ns,
	};
	struct otlp_client *self =
		otlp_client_new(&client, &env->log, env->budget, env->arena, &err);
	if (!self)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL, "%s",
			       err.msg);
	return self;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct jaeger_config *)config)->delivery;
}

static const struct exporter_ops ops = {OTLP_CLIENT_OPS(create, delivery)};

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct component_address address = {
		.key = "endpoint",
		.endpoint = ((const struct jaeger_config *)config)->endpoint,
		.default_port = DEFAULT_PORT};
	visit(arg, &address);
}

const struct component_type exporter_jaeger = {
	.kind = COMPONENT_EXPORTER,
	.names = {"jaeger"},
	.summary = "Jaeger's own gRPC (PostSpans, port 14250), for collectors without OTLP.",
	.config = &block,
	.addresses = addresses,
	.exporter = &ops};
