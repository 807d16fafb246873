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

void client_endpoint_check(const struct config_node *block, const char *key, const char *endpoint,
			   const char *path, struct config_report *report)
{
	struct arena arena;
	struct endpoint parts;
	struct err err;
	if (!endpoint[0])
		return;
	arena_init(&arena, NULL, ENDPOINT_ARENA_BYTES_MAX);
	/* The port does not matter here: a default stands for whatever the exporter's is. */
	if (endpoint_parse(endpoint, 1, &arena, &parts, &err) != 0)
		client_key_problem(report, CONFIG_ERROR, block, key, path, err.msg);
	arena_fini(&arena);
}

void client_proxy_check(const struct config_node *block, const char *key, const char *url,
			const char *path, struct config_report *report)
{
	struct proxy proxy;
	struct err err;
	if (url[0] && proxy_choose(url, "backend.invalid", 443, true, getenv, &proxy, &err) != 0)
		client_key_problem(report, CONFIG_ERROR, block, key, path, err.msg);
}
