/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OTLP/gRPC exporter (`otlp_grpc`, alias `otlp`): a preset of the common OTLP client with the
 * Collector's gRPC client keys. TLS is on unless `tls.insecure` or an http:// endpoint says so.
 */
#include "exporters/otlp/otlp_preset.h"

enum { DEFAULT_PORT = 4317 };

struct otlp_grpc_config {
	struct delivery_config delivery;
	struct grpc_client_settings grpc;
};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct otlp_grpc_config *self = config;
	grpc_client_settings_check(&self->grpc, node, path, report);
}

static const struct config_field fields[] = {
	GRPC_CLIENT_FIELDS(struct otlp_grpc_config, grpc, "gzip",
			   "host:port of the backend; http:// means plain text, https:// TLS."),
	DELIVERY_FIELDS(struct otlp_grpc_config, delivery, "5s"),
};
static const struct config_block block =
	CONFIG_BLOCK_CHECKED(struct otlp_grpc_config, fields, check);

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct otlp_grpc_config *self = config;
	if (!self->grpc.endpoint[0])
		return NULL; /* reported by check */
	struct otlp_client_config client = otlp_preset_grpc(&self->grpc, DEFAULT_PORT);
	return otlp_preset_create(&client, env, report);
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
		.endpoint = ((const struct otlp_grpc_config *)config)->grpc.endpoint,
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
