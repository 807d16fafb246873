/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Langfuse exporter: otlp_http with what Langfuse's endpoint needs (dialect.h), so that
 * a host and a project's two keys are all there is to configure. What its spans mean to Langfuse is
 * the concern of the processor of the same name.
 */
#include "exporters/langfuse/dialect.h"
#include "exporters/otlp/otlp_preset.h"
#include "pipeline/net/basic_auth.h"

struct langfuse_config {
	struct delivery_config delivery;
	const char *public_key, *secret_key;
	struct http_client_settings
		http; /* endpoint: the host; compression: place in compressions */
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
	http_client_settings_check(&langfuse->http, "host", node, path, report);
	if (!langfuse->http.endpoint[0])
		client_key_problem(report, CONFIG_ERROR, node, "host", path,
				   "requires Langfuse's base URL, such as "
				   "https://cloud.langfuse.com");
	if (!has_keys(langfuse) && !has_authorization(&langfuse->http.headers))
		config_problem(report, CONFIG_ERROR, loc, path, NULL,
			       "requires \"public_key\" and \"secret_key\": the keys of a Langfuse "
			       "project (Settings, API Keys)");
}

static const struct config_field fields[] = {
	CONFIG_STRING(struct langfuse_config, http.endpoint, "host", "https://cloud.langfuse.com",
		      "Langfuse's base URL; the cloud's other regions: us., jp., hipaa."),
	CONFIG_OPAQUE(struct langfuse_config, public_key, "public_key",
		      "A project's public key, pk-lf-…; required."),
	CONFIG_OPAQUE(struct langfuse_config, secret_key, "secret_key",
		      "The secret key that goes with it, sk-lf-…; required."),
	CONFIG_ENUM(struct langfuse_config, http.compression, "compression", compressions, "gzip",
		    "gzip or none: Langfuse reads no other."),
	HTTP_CLIENT_CONNECTION_FIELDS(struct langfuse_config, http),
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
	if (has_authorization(&langfuse->http.headers)) {
		*ret_headers = langfuse->http.headers;
		return true;
	}
	const char *pair = arena_printf(arena, "%s:%s", langfuse->public_key, langfuse->secret_key);
	char *value = pair ? arena_alloc(arena, BASIC_AUTH_BYTES(strlen(pair))) : NULL;
	struct config_header *at =
		arena_calloc(arena, langfuse->http.headers.count + 1, sizeof(*at));
	if (!value || !at)
		return false;
	basic_auth_write(slice_str(pair), value);
	if (langfuse->http.headers.count > 0)
		memcpy(at, langfuse->http.headers.at, langfuse->http.headers.count * sizeof(*at));
	at[langfuse->http.headers.count] =
		(struct config_header){.name = "authorization", .value = value};
	*ret_headers = (struct config_headers){.at = at, .count = langfuse->http.headers.count + 1};
	return true;
}

static void *create(const struct component_env *env, const void *config,
		    struct config_report *report)
{
	const struct langfuse_config *langfuse = config;
	struct config_headers *headers = arena_calloc(env->arena, 1, sizeof(*headers));
	struct otlp_client_config client = otlp_preset_http(&langfuse->http, &langfuse->delivery);
	client.endpoint = endpoint_of(langfuse->http.endpoint, env->arena);
	client.coding = coding_of[langfuse->http.compression];
	client.headers = headers;
	if (client.endpoint && headers && add_authorization(langfuse, env->arena, headers) &&
	    otlp_client_use(&client, &otlp_dialect_langfuse, env->budget, env->keys))
		return otlp_preset_create(&client, env, report);
	config_problem(report, CONFIG_ERROR, (struct config_loc){0}, env->path, NULL,
		       "out of memory");
	return NULL;
}

static const struct delivery_config *delivery(const void *config)
{
	return &((const struct langfuse_config *)config)->delivery;
}

static void addresses(const void *config, component_visit_address *visit, void *arg)
{
	const struct langfuse_config *langfuse = config;
	const struct component_address address = {
		.key = "host", .endpoint = langfuse->http.endpoint, .default_port = 443};
	visit(arg, &address);
}

static const struct exporter_ops ops = {OTLP_CLIENT_OPS(create, delivery)};

const struct component_type exporter_langfuse = {
	.kind = COMPONENT_EXPORTER,
	.names = {"langfuse"},
	.summary = "Langfuse, by host and keys; goes with the processor of the same name.",
	.config = &block,
	.addresses = addresses,
	.exporter = &ops};
