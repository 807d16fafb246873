/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/graph/client_keys.h"

#include "pipeline/net/client.h"
#include "pipeline/net/proxy.h"

#include <stdlib.h>

enum { ENDPOINT_ARENA_BYTES_MAX = 1 << 20 };

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
static const char *fault_of(const char *endpoint, enum client_endpoint kind, struct err *err)
{
	struct arena arena;
	struct endpoint parts;
	const char *fault = NULL;
	arena_init(&arena, NULL, ENDPOINT_ARENA_BYTES_MAX);
	/* The port does not matter here: a default stands for whatever the exporter's is. */
	if (endpoint_parse(endpoint, 1, &arena, &parts, err) != 0)
		fault = err->msg;
	else if (kind == CLIENT_ENDPOINT_GRPC && parts.path[0] && strcmp(parts.path, "/") != 0)
		fault = "a gRPC endpoint is host:port: leave out what follows the port, or send "
			"with otlp_http";
	else if (kind == CLIENT_ENDPOINT_BASE && strchr(parts.path, '?'))
		fault = "a base URL has no query: /v1/traces is added to it; give the whole URL as "
			"traces_endpoint";
	arena_fini(&arena);
	return fault;
}

void client_endpoint_check(const struct config_node *block, const char *key, const char *endpoint,
			   enum client_endpoint kind, const char *path,
			   struct config_report *report)
{
	struct err err;
	const char *fault = endpoint[0] ? fault_of(endpoint, kind, &err) : NULL;
	if (fault)
		client_key_problem(report, CONFIG_ERROR, block, key, path, fault);
}

void client_proxy_check(const struct config_node *block, const char *key, const char *url,
			const char *path, struct config_report *report)
{
	struct proxy proxy;
	struct err err;
	if (url[0] && proxy_choose(url, "backend.invalid", 443, true, getenv, &proxy, &err) != 0)
		client_key_problem(report, CONFIG_ERROR, block, key, path, err.msg);
}
