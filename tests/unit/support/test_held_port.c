/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/held_port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/peer_socket.h"
#include "tests/support/scenario_raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORTS = 20 };

static void serve_nobody(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)stream;
	(void)index;
	(void)arg;
}

/* What another program gets that wants the port for itself alone: 0 or errno. */
static int try_to_take(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	int error = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
	(void)close(fd);
	return error;
}

static void a_held_port_is_dead_and_nobody_elses(void **state)
{
	(void)state;
	for (size_t i = 0; i < PORTS; i++) {
		uint16_t port = held_port();
		assert_int_equal(raw_try_connect(port), ECONNREFUSED);
		assert_int_equal(try_to_take(port), EADDRINUSE);
	}
}

/* In whatever state connections are that its peer has cut. */
static void a_peer_may_come_back_to_its_port(void **state)
{
	(void)state;
	const struct peer_options any = {0};
	struct peer *peer = peer_start(&any, serve_nobody, NULL);
	const struct peer_options same = {.port = peer_port(peer)};
	for (size_t i = 0; i < PORTS; i++) {
		assert_int_equal(raw_try_connect(same.port), 0);
		peer_stop(peer);
		assert_int_equal(raw_try_connect(same.port), ECONNREFUSED);
		assert_int_equal(try_to_take(same.port), EADDRINUSE);
		peer = peer_start(&same, serve_nobody, NULL);
		assert_int_equal(peer_port(peer), same.port);
	}
	peer_stop(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_port_is_dead_and_nobody_elses),
		cmocka_unit_test(a_peer_may_come_back_to_its_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
