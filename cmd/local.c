/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports are not asked for beforehand: the receiver binds what is wished, unless one is wished twice.
 * Only when that fails
 * because an address is in use, a probe finds out which port it was, takes the next free one, and
 * everything is made anew. Whoever takes that one in between costs another attempt, no more.
 */
#include "cmd/local.h"

#include "pipeline/net/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PORTS_TRIED = 20, ATTEMPTS_MAX = 5, GRPC_PORT = 4317, HTTP_PORT = 4318 };

/* configs/dev.yaml as it stands, put into the program by the assembler, as a configuration URI. */
__asm__(".section .rodata\n"
	"local_dev_uri:\n"
	".ascii \"yaml:\"\n"
	".incbin \"configs/dev.yaml\"\n"
	".byte 0\n"
	".previous\n");
extern const char local_dev_uri[]; /* a string: .byte 0 is its end */

/* Nothing is ever accepted by the probe, so nothing is ever handled. */
static const struct server_handler no_handler;

static bool is_free(uint64_t port, struct err *err)
{
	char endpoint[32];
	(void)snprintf(endpoint, sizeof(endpoint), "localhost:%u", (unsigned)port);
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
static bool find_port(uint64_t *port, uint64_t taken)
{
	struct err first, err;
	uint64_t wished = *port;
	if (wished != taken && is_free(wished, &first))
		return true;
	if (wished == taken)
		(void)err_set(&first, ERR_CONFIG, "port %u is wished twice", (unsigned)wished);
	for (uint64_t next = wished + 1; next < wished + PORTS_TRIED && next <= UINT16_MAX;
	     next++) {
		if (next != taken && is_free(next, &err)) {
			fprintf(stderr, "%s: using port %u instead\n", first.msg, (unsigned)next);
			*port = next;
			return true;
		}
	}
	fprintf(stderr, "Error: %s, and none of the next %d ports is free\n", first.msg,
		PORTS_TRIED);
	return false;
}

static void write_ports(struct local *local)
{
	(void)snprintf(local->grpc_set, sizeof(local->grpc_set),
		       "receivers.otlp.protocols.grpc.endpoint=localhost:%u",
		       (unsigned)local->grpc_port);
	(void)snprintf(local->http_set, sizeof(local->http_set),
		       "receivers.otlp.protocols.http.endpoint=localhost:%u",
		       (unsigned)local->http_port);
}

/* Puts ${texts} before what the user gave. False when they do not fit in. */
static bool prepend(struct option_list *list, const char *name, const char *const *texts,
		    size_t count)
{
	if (list->count + count > OPTION_LIST_MAX) {
		fprintf(stderr, "Error: %s is given more than %zu times\n", name,
			OPTION_LIST_MAX - count);
		return false;
	}
	memmove(&list->at[count], &list->at[0], list->count * sizeof(list->at[0]));
	memcpy(&list->at[0], texts, count * sizeof(list->at[0]));
	list->count += count;
	return true;
}

static bool check_port(const char *name, uint64_t port)
{
	char text[24];
	if (port <= UINT16_MAX)
		return true;
	(void)snprintf(text, sizeof(text), "%" PRIu64, port);
	return options_complain(name, text, "a port, at most 65535");
}

static bool prepare(struct local *local)
{
	static const char *const config = local_dev_uri;
	const char *const sets[] = {local->grpc_set, local->http_set, local->set};
	size_t set_count = ARRAY_COUNT(sets) - !local->set;
	if (local->grpc_port == 0)
		local->grpc_port = GRPC_PORT;
	if (local->http_port == 0)
		local->http_port = HTTP_PORT;
	if (!check_port("--grpc-port", local->grpc_port) ||
	    !check_port("--http-port", local->http_port))
		return false;
	if (local->grpc_port == local->http_port && !find_port(&local->http_port, local->grpc_port))
		return false;
	write_ports(local);
	return prepend(&local->options.configs, "--config", &config, 1) &&
	       prepend(&local->options.sets, "--set", sets, set_count);
}

bool local_start(struct local *local, void (*ready)(void *arg, struct graph *graph), void *arg)
{
	struct collector *collector = &local->collector;
	struct err err;
	if (!prepare(local))
		return false;
	for (int attempt = 1; collector_init(collector, &local->options, false, ready, arg);
	     attempt++) {
		collector->hangup_ends = true; /* a closed terminal must give back the ports */
		if (collector_start(collector, &err) == 0)
			return true;
		if (err.sys != EADDRINUSE || attempt == ATTEMPTS_MAX) {
			fprintf(stderr, "Error: %s\n", err.msg);
			break;
		}
		collector_fini(collector);
		if (!find_port(&local->grpc_port, local->http_port) ||
		    !find_port(&local->http_port, local->grpc_port))
			return false;
		write_ports(local);
	}
	collector_fini(collector);
	return false;
}
