/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of clients: see client_settings.h. Nothing is kept; texts are the configuration's. */
#include "pipeline/net/client_settings.h"

#include "pipeline/net/client.h"
#include "pipeline/net/proxy.h"

#include <stdlib.h>

enum { ENDPOINT_ARENA_BYTES_MAX = 1 << 20 };

/* What an endpoint may have behind host and port. */
enum endpoint_kind {
	ENDPOINT_GRPC = 0, /* no path */
	ENDPOINT_BASE,	   /* a path is added: no query */
	ENDPOINT_URL,	   /* used as it stands */
};

const char *const grpc_client_compressions[] = {"gzip", "zstd", "snappy", "none", "", NULL};
const char *const http_client_compressions[] = {
	"gzip", "zstd", "deflate", "zlib", "snappy", "x-snappy-framed", "lz4", "none", "", NULL};

static const struct config_field keepalive_fields[] = {
	CONFIG_DURATION(struct client_keepalive, time_ns, "time", "10s",
			"PING after this long without a sign of the peer."),
	CONFIG_DURATION(struct client_keepalive, timeout_ns, "timeout", "10s",
			"Close the connection when the PING is not answered in this time."),
	CONFIG_IGNORED(BOOL, "permit_without_stream", "Accepted; PINGs are sent while calls run."),
};
const struct config_block client_keepalive_block =
	CONFIG_BLOCK(struct client_keepalive, keepalive_fields);

static const struct config_field compression_fields[] = {
	CONFIG_IGNORED(I64, "level", "Accepted; the level is fixed."),
};
const struct config_block http_compression_block = CONFIG_BLOCK_OF_IGNORED(compression_fields);

static const struct config_field cookie_fields[] = {
	CONFIG_IGNORED(BOOL, "enabled", "Accepted; cookies are not kept."),
};
const struct config_block http_cookie_block = CONFIG_BLOCK_OF_IGNORED(cookie_fields);

enum coding grpc_client_coding(const struct grpc_client_settings *settings)
{
	enum coding coding = CODING_IDENTITY; /* of "none" */
	(void)coding_parse_grpc(slice_str(grpc_client_compressions[settings->compression]),
				&coding);
	return coding;
}

enum coding http_client_coding(const struct http_client_settings *settings)
{
	enum coding coding = CODING_IDENTITY; /* of "none" */
	(void)coding_parse_http(slice_str(http_client_compressions[settings->compression]),
				&coding);
	return coding;
}

/* ---- checks --------------------------------------------------------------------------------- */

void client_key_problem(struct config_report *report, enum config_severity severity,
			const struct config_node *block, const char *key, const char *path,
			const char *text)
{
	const struct config_node *node = config_get(block, key);
	struct buf full = BUF_INIT;
	buf_printf(&full, "%s.%s", path, key);
	if (!node)
		node = block;
	config_problem(report, severity, node ? node->loc : (struct config_loc){0}, buf_cstr(&full),
		       NULL, "%s", text);
	buf_fini(&full);
}

/* NULL, or what is wrong with ${endpoint}, in ${err} or fixed. */
static const char *fault_of(const char *endpoint, enum endpoint_kind kind, struct err *err)
{
	struct arena arena;
	struct endpoint parts;
	const char *fault = NULL;
	arena_init(&arena, NULL, ENDPOINT_ARENA_BYTES_MAX);
	/* The port does not matter here: a default stands for whatever the exporter's is. */
	if (endpoint_parse(endpoint, 1, &arena, &parts, err) != 0)
		fault = err->msg;
	else if (kind == ENDPOINT_GRPC && parts.path[0] && strcmp(parts.path, "/") != 0)
		fault = "a gRPC endpoint is host:port: leave out what follows the port, or send "
			"with otlp_http";
	else if (kind == ENDPOINT_BASE && strchr(parts.path, '?'))
		fault = "a base URL has no query: /v1/traces is added to it; give the whole URL as "
			"traces_endpoint";
	arena_fini(&arena);
	return fault;
}

/* "" is accepted. */
static void check_endpoint(const struct config_node *block, const char *key, const char *endpoint,
			   enum endpoint_kind kind, const char *path, struct config_report *report)
{
	struct err err;
	const char *fault = endpoint[0] ? fault_of(endpoint, kind, &err) : NULL;
	if (fault)
		client_key_problem(report, CONFIG_ERROR, block, key, path, fault);
}

static void check_proxy(const struct config_node *block, const char *key, const char *url,
			const char *path, struct config_report *report)
{
	struct proxy proxy;
	struct err err;
	if (url[0] && proxy_choose(url, "backend.invalid", 443, true, getenv, &proxy, &err) != 0)
		client_key_problem(report, CONFIG_ERROR, block, key, path, err.msg);
}

void client_url_check(const struct config_node *block, const char *key, const char *url,
		      const char *path, struct config_report *report)
{
	check_endpoint(block, key, url, ENDPOINT_URL, path, report);
}

void grpc_client_settings_check(const struct grpc_client_settings *settings,
				const struct config_node *block, const char *path,
				struct config_report *report)
{
	collector_keys_check(&settings->keys, path, report);
	check_endpoint(block, "endpoint", settings->endpoint, ENDPOINT_GRPC, path, report);
	if (!settings->endpoint[0])
		config_problem(report, CONFIG_ERROR, block ? block->loc : (struct config_loc){0},
			       path, NULL, "requires a non-empty \"endpoint\"");
}

void http_client_settings_check(const struct http_client_settings *settings,
				const char *endpoint_key, const struct config_node *block,
				const char *path, struct config_report *report)
{
	collector_keys_check(&settings->keys, path, report);
	check_endpoint(block, endpoint_key, settings->endpoint, ENDPOINT_BASE, path, report);
	check_proxy(block, "proxy_url", settings->proxy_url, path, report);
}
