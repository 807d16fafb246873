/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/config_blocks.h"

static const struct config_field endpoint_fields[] = {
	CONFIG_STRING(struct sample_grpc, endpoint, "endpoint", "localhost:4317",
		      "Where to listen."),
	CONFIG_U32(struct sample_grpc, max_streams, "max_concurrent_streams", "100", 1, 1000,
		   "{stream}", "Streams per connection."),
};
static const struct config_block endpoint_block = CONFIG_BLOCK(struct sample_grpc, endpoint_fields);

static void check_protocols(const void *config, const struct config_node *node, const char *path,
			    struct config_report *report)
{
	(void)node;
	const struct sample_receiver *protocols = config;
	if (!protocols->has_grpc && !protocols->has_http)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL,
			       "must specify at least one protocol when using the OTLP receiver");
}

static const struct config_field protocols_fields[] = {
	CONFIG_OPTIONAL(struct sample_receiver, grpc, has_grpc, "grpc", &endpoint_block,
			"OTLP/gRPC."),
	CONFIG_OPTIONAL(struct sample_receiver, http, has_http, "http", &endpoint_block,
			"OTLP/HTTP."),
};
static const struct config_block protocols_block =
	CONFIG_BLOCK_CHECKED(struct sample_receiver, protocols_fields, check_protocols);

static const struct config_field receiver_fields[] = {
	CONFIG_SUB(struct sample_receiver_top, protocols, "protocols", &protocols_block,
		   "Protocols."),
};
const struct config_block sample_receiver_block =
	CONFIG_BLOCK(struct sample_receiver_top, receiver_fields);

static const struct config_field action_fields[] = {
	CONFIG_STRING(struct sample_action, key, "key", NULL, "The attribute."),
	CONFIG_STRING(struct sample_action, action, "action", "insert", "What is done."),
};
static const struct config_block action_block = CONFIG_BLOCK(struct sample_action, action_fields);

static const char *const modes[] = {"ignore", "silent", "propagate", NULL};
static const struct config_field processor_fields[] = {
	CONFIG_DURATION(struct sample_processor, timeout_ns, "timeout", "200ms",
			"How long | to wait."),
	CONFIG_U32(struct sample_processor, limit_mib, "limit_mib", "512", 0, UINT32_MAX, "MiB",
		   "Memory."),
	CONFIG_U64(struct sample_processor, bytes_max, "bytes_max", "1000", 10, 1e18, "B",
		   "Bytes."),
	{.key = "offset",
	 .type = CONFIG_TYPE_I64,
	 .offset = offsetof(struct sample_processor, offset),
	 .present_offset = SIZE_MAX,
	 .default_text = "-5",
	 .min = -10,
	 .max = 10,
	 .unit = "",
	 .doc = "A signed number."},
	CONFIG_DOUBLE(struct sample_processor, ratio, "ratio", "0.5", 0, 1, "", "A share."),
	CONFIG_BOOL(struct sample_processor, enabled, "enabled", "true", "On."),
	CONFIG_ENUM(struct sample_processor, mode, "error_mode", modes, "silent", "On errors."),
	CONFIG_STRING_LIST(struct sample_processor, keys, "metadata_keys", "Keys."),
	CONFIG_SUB_LIST(struct sample_processor, actions, "actions", &action_block, "Actions."),
	CONFIG_NODE(struct sample_processor, rules, "rules", "Rules."),
	CONFIG_IGNORED(DURATION, "min_gc_interval", "There is no garbage collector."),
};
const struct config_block sample_processor_block =
	CONFIG_BLOCK(struct sample_processor, processor_fields);

static void check_queue(const void *config, const struct config_node *node, const char *path,
			struct config_report *report)
{
	(void)node;
	const struct sample_queue *queue = config;
	if (queue->enabled && queue->size == 0)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL,
			       "`queue_size` must be positive");
}

static const struct config_field queue_fields[] = {
	CONFIG_BOOL(struct sample_queue, enabled, "enabled", "true", "On."),
	CONFIG_U32(struct sample_queue, size, "queue_size", "1000", 0, UINT32_MAX, "{request}",
		   "Room."),
};
static const struct config_block queue_block =
	CONFIG_BLOCK_CHECKED(struct sample_queue, queue_fields, check_queue);

static void check_exporter(const void *config, const struct config_node *node, const char *path,
			   struct config_report *report)
{
	(void)node;
	const struct sample_exporter *exporter = config;
	if (!*exporter->endpoint)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL,
			       "requires a non-empty \"endpoint\"");
}

static const struct config_field exporter_fields[] = {
	CONFIG_STRING(struct sample_exporter, endpoint, "endpoint", NULL, "Where to send."),
	CONFIG_OPAQUE(struct sample_exporter, token, "token", "A secret."),
	CONFIG_HEADERS(struct sample_exporter, headers, "headers", "Added to each request."),
	CONFIG_SUB(struct sample_exporter, queue, "sending_queue", &queue_block, "The queue."),
	CONFIG_OPTIONAL(struct sample_exporter, batch, has_batch, "batch", &queue_block,
			"Batching."),
};
const struct config_block sample_exporter_block =
	CONFIG_BLOCK_CHECKED(struct sample_exporter, exporter_fields, check_exporter);

static const char *const receivers[] = {"otlp", NULL};
static const char *const processors[] = {"batch", "memory_limiter", NULL};
static const char *const exporters[] = {"debug", "otlp", "otlp_grpc", NULL};
static const char *const extensions[] = {"health_check", NULL};
const struct config_known_types sample_types = {.types = {
							[SECTION_RECEIVERS] = receivers,
							[SECTION_PROCESSORS] = processors,
							[SECTION_EXPORTERS] = exporters,
							[SECTION_EXTENSIONS] = extensions,
						}};

static void bind_section(const struct config_service *service, enum config_section section,
			 const struct config_block *block, void *config,
			 struct config_report *report)
{
	static const char *const names[] = {"receivers", "processors", "exporters"};
	const struct config_components *components = &service->sections[section];
	for (size_t i = 0; i < components->count; i++) {
		const struct config_component *component = &components->at[i];
		const char *path =
			arena_printf(report->arena, "%s.%s", names[section], component->id);
		if (path && strcmp(component->type, "debug") != 0)
			config_bind(block, component->node, path, config, report);
	}
}

const struct config_service *sample_bind(const struct config_node *root,
					 struct config_report *report)
{
	struct sample_receiver_top receiver;
	struct sample_processor processor;
	struct sample_exporter exporter;
	const struct config_service *service = config_service_bind(root, &sample_types, report);
	if (!service)
		return NULL;
	bind_section(service, SECTION_RECEIVERS, &sample_receiver_block, &receiver, report);
	bind_section(service, SECTION_PROCESSORS, &sample_processor_block, &processor, report);
	bind_section(service, SECTION_EXPORTERS, &sample_exporter_block, &exporter, report);
	return service;
}
