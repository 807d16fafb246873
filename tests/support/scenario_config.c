/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scenario_config.h"

#include "tests/support/peer_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct daemon *scenario_start(const char *const *args, const char *format, ...)
{
	char *text = NULL;
	va_list list;
	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	assert_true(len >= 0);
	struct daemon *daemon = daemon_start(text, args);
	free(text);
	return daemon;
}

static void serve_nobody(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)stream;
	(void)index;
	(void)arg;
}

uint16_t scenario_dead_port(void)
{
	struct peer *peer = peer_start(&(struct peer_options){0}, serve_nobody, NULL);
	uint16_t port = peer_port(peer);
	peer_stop(peer);
	return port;
}
