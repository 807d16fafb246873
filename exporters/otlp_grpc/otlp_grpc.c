/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OTLP/gRPC exporter (`otlp_grpc`, alias `otlp`): a preset of the common OTLP client with the
 * Collector's gRPC client keys. TLS is on unless `tls.insecure` or an http:// endpoint says so.
 */
#include "exporters/otlp/otlp_client.h"
#include "pipeline/graph/client_keys.h"
#include "pipeline/graph/collector_keys.h"
#include "pipeline/graph/component.h"

#include <stdlib.h>

enum { DEFAULT_PORT = 4317 };

struct keepalive_config {
	uint64_t time_ns, timeout_ns;
};

struct otlp_grpc_config {
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
	const struct otlp_grpc_config *grpc = config;
	collector_keys_check(&grpc->keys, path, report);
	client_endpoint_check(node, "endpoint", grpc->endpoint, CLIENT_ENDPOINT_GRPC, path, report);
	if (!grpc->endpoint[0])
		config_problem(report, CONFIG_ERROR, node ? node->loc : (struct config_loc){0},
			       path, NULL, "requires a non-empty \"endpoint\"");
}

static const struct config_field fields[] = {
	CONFIG_STRING(struct otlp_grpc_config, endpoint, "endpoint", "",
		      "host:port of the backend; http:// means plain text, https:// TLS."),
	CONFIG_ENUM(struct otlp_grpc_config, compression, "compression", otlp_grpc_compressions,
		    "gzip", "gzip, zstd, snappy or none."),
	CONFIG_SUB(struct otlp_grpc_config, tls, "tls", &tls_client_block, "TLS to the backend."),
	CONFIG_HEADERS(struct otlp_grpc_config, headers, "headers",
		       "Metadata sent with each request; values are secret."),
	CONFIG_OPTIONAL_SET(struct otlp_grpc_config, keepalive, keepalive_present, "keepalive",
			    &keepalive_block, "HTTP/2 PINGs; off unless the key is there."),
	CONFIG_STRING(struct otlp_grpc_config, authority, "authority", "",
		      ":authority to send in place of the endpoint's."),
	CONFIG_STRING(struct otlp_grpc_config, user_agent, "user_agent", "sluice",
		      "user-agent to send."),
	DELIVERY_FIELDS(struct otlp_grpc_config, delivery, "5s"),
	CONFIG_IGNORED(STRING, "balancer_name",
		       "Accepted; one connection, every address is tried."),
	CONFIG_IGNORED(BOOL, "wait_for_ready", "Accepted; failed connections are retried."),
	CONFIG_IGNORED(I64, "read_buffer_size", "Accepted; buffers belong to shards."),
	CONFIG_IGNORED(I64, "write_buffer_size", "Accepted; output is gathered."),
	COLLECTOR_CLIENT_FIELDS(struct otlp_grpc_config, keys),
};
static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct otlp_grpc_config, fields, check);

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct otlp_grpc_config *grpc = config;
	struct err err;
	if (!grpc->endpoint[0])
		return NULL; /* reported by check */
	const struct otlp_client_config client = {
		.mode = CLIENT_GRPC,
		.endpoint = grpc->endpoint,
		.default_port = DEFAULT_PORT,
		.tls_by_default = true,
		.coding = otlp_grpc_coding(grpc->compression),
		.tls = &grpc->tls,
		.metrics = env->metrics,
		.headers = &grpc->headers,
		.authority = grpc->authority,
		.user_agent = grpc->user_agent,
		.connections_max = 1,
		.keepalive_time_ns = grpc->keepalive_present ? grpc->keepalive.time_ns : 0,
		.keepalive_timeout_ns = grpc->keepalive.timeout_ns,
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
	return &((const struct otlp_grpc_config *)config)->delivery;
}

static const struct exporter_ops ops = {OTLP_CLIENT_OPS(create, delivery)};

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct component_address address = {
		.key = "endpoint",
		.endpoint = ((const struct otlp_grpc_config *)config)->endpoint,
		.default_port = DEFAULT_PORT};
	visit(arg, &address);
}

const struct component_type exporter_otlp_grpc = {
	.kind = COMPONENT_EXPORTER,
	.names = {"otlp_grpc", "otlp"},
	.summary = "OTLP over gRPC: Jaeger, Tempo, another Collector.",
	.config = &block,
	.addresses = addresses,
	.exporter = &ops};
