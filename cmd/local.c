/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/local.h"

#include "pipeline/net/server.h"

#include <stdio.h>
#include <string.h>

enum { PORTS_TRIED = 20 };

/* configs/dev.yaml as it stands, put into the program by the assembler. */
__asm__(".section .rodata\n"
	".global local_dev_yaml\n"
	"local_dev_yaml:\n"
	".incbin \"configs/dev.yaml\"\n"
	".byte 0\n"
	".previous\n");
extern const char local_dev_yaml[]; /* a string: .byte 0 is its end */

/* Nothing is ever accepted by the probe, so nothing is ever handled. */
static const struct server_handler no_handler;

static bool is_free(uint16_t port, struct err *err)
{
	char endpoint[32];
	(void)snprintf(endpoint, sizeof(endpoint), "localhost:%u", port);
	const struct server_config config = {.endpoint = endpoint,
					     .transport = "tcp",
					     .label = "probe",
					     .limits = server_limits_default(),
					     .handler = &no_handler};
	struct server *server = server_new(&config, NULL, err);
	if (server)
		server_free(server);
	return server != NULL;
}

/* *port becomes a free one, ${taken} excepted. */
static bool find_port(uint16_t *port, uint16_t taken)
{
	struct err first, err;
	uint16_t wished = *port;
	if (is_free(wished, &first))
		return true;
	for (uint16_t next = wished + 1; next < wished + PORTS_TRIED && next > wished; next++) {
		if (next != taken && is_free(next, &err)) {
			fprintf(stderr, "%s: using port %u instead\n", first.msg, next);
			*port = next;
			return true;
		}
	}
	fprintf(stderr, "Error: %s, and none of the next %d ports is free\n", first.msg,
		PORTS_TRIED);
	return false;
}

static void prepend(struct option_list *list, const char *text)
{
	if (list->count == OPTION_LIST_MAX)
		list->count--;
	memmove(&list->at[1], &list->at[0], list->count * sizeof(list->at[0]));
	list->at[0] = text;
	list->count++;
}

bool local_prepare(struct local *local, struct collector_options *options)
{
	if (local->grpc_port == 0)
		local->grpc_port = 4317;
	if (local->http_port == 0)
		local->http_port = 4318;
	if (!find_port(&local->grpc_port, local->http_port) ||
	    !find_port(&local->http_port, local->grpc_port))
		return false;
	(void)snprintf(local->config, sizeof(local->config), "yaml:%s", local_dev_yaml);
	(void)snprintf(local->grpc_set, sizeof(local->grpc_set),
		       "receivers.otlp.protocols.grpc.endpoint=localhost:%u", local->grpc_port);
	(void)snprintf(local->http_set, sizeof(local->http_set),
		       "receivers.otlp.protocols.http.endpoint=localhost:%u", local->http_port);
	prepend(&options->configs, local->config);
	prepend(&options->sets, local->grpc_set);
	prepend(&options->sets, local->http_set);
	return true;
}
