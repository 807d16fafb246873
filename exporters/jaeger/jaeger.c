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
#include "exporters/otlp/otlp_preset.h"
#include "pipeline/net/grpc_status.h"

enum { DEFAULT_PORT = 14250 };

struct jaeger_config {
	struct delivery_config delivery;
	struct grpc_client_settings grpc;
};

static void check(const void *config, const struct config_node *node, const char *path,
		  struct config_report *report)
{
	const struct jaeger_config *jaeger = config;
	grpc_client_settings_check(&jaeger->grpc, node, path, report);
}

static const struct config_field fields[] = {
	GRPC_CLIENT_FIELDS(
		struct jaeger_config, grpc, "none",
		"host[:14250] of the collector; http:// means plain text, https:// TLS."),
	DELIVERY_FIELDS(struct jaeger_config, delivery, "5s"),
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
	if (!jaeger->grpc.endpoint[0])
		return NULL; /* reported by check */
	struct jaeger_request *request =
		jaeger_request_new(env->budget, env->keys, jaeger->delivery.max_request_bytes);
	if (!request || !jaeger_request_register(request, env->metrics, env->id)) {
		jaeger_request_free(request);
		return NULL;
	}
	struct otlp_client_config client = otlp_preset_grpc(&jaeger->grpc, DEFAULT_PORT);
	client.dialect = &post_spans;
	client.dialect_self = request;
	return otlp_preset_create(&client, env, report);
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
		.endpoint = ((const struct jaeger_config *)config)->grpc.endpoint,
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
