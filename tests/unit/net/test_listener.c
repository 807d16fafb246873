/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/server_internal.h"
#include "tests/support/name_server.h"
#include "tests/support/net_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static bool can_connect(int family, uint16_t port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
				   .sin6_port = htons(port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool ok = family == AF_INET6 ? connect(fd, (struct sockaddr *)&six, sizeof(six)) == 0
				     : connect(fd, (struct sockaddr *)&four, sizeof(four)) == 0;
	(void)close(fd);
	return ok;
}

static bool has_ipv6(void)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static void endpoints_listen_where_they_say(void **state)
{
	static const struct {
		const char *transport, *endpoint;
		bool four, six;
	} cases[] = {
		{"tcp", "127.0.0.1:0", true, false}, {"tcp", "[::1]:0", false, true},
		{"tcp", "0.0.0.0:0", true, true},    {"tcp", ":0", true, true},
		{"tcp", "[::]:0", true, true},	     {"tcp4", "0.0.0.0:0", true, false},
		{"tcp6", "[::]:0", false, true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err;
		if (!has_ipv6() && !cases[i].four)
			continue;
		struct listener *listener =
			listener_open(cases[i].transport, cases[i].endpoint, &err);
		if (!listener)
			fail_msg("%s: %s", cases[i].endpoint, err.msg);
		assert_true(listener->port > 0);
		assert_int_equal(can_connect(AF_INET, listener->port), cases[i].four);
		assert_int_equal(can_connect(AF_INET6, listener->port), cases[i].six && has_ipv6());
		listener_close(listener);
	}
}

static void localhost_listens_at_every_address_it_resolves_to(void **state)
{
	struct err err;
	(void)state;
	struct listener *listener = listener_open("tcp", "localhost:0", &err);
	assert_non_null(listener);
	assert_true(listener->count >= 1);
	assert_true(can_connect(AF_INET, listener->port) || can_connect(AF_INET6, listener->port));
	if (listener->count == 2) {
		assert_true(can_connect(AF_INET, listener->port));
		assert_true(can_connect(AF_INET6, listener->port));
	}
	listener_close(listener);
}

static void a_port_in_use_names_its_holder(void **state)
{
	struct err err;
	char endpoint[32], expected[160];
	(void)state;
	struct listener *first = listener_open("tcp", "127.0.0.1:0", &err);
	assert_non_null(first);
	(void)snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", first->port);
	assert_null(listener_open("tcp", endpoint, &err));
	(void)snprintf(
		expected, sizeof(expected),
		"listen tcp %s: bind: address already in use (held by pid %d, test_listener)",
		endpoint, (int)getpid());
	assert_string_equal(err.msg, expected);
	assert_int_equal(err.kind, ERR_IO);
	listener_close(first);
}

static void wrong_endpoints_are_refused(void **state)
{
	static const struct {
		const char *transport, *endpoint, *text;
	} cases[] = {
		{"tcp", "localhost", "missing port in address"},
		{"tcp", "localhost:", "invalid port \"\""},
		{"tcp", "localhost:http", "invalid port \"http\""},
		{"tcp", "localhost:65536", "invalid port \"65536\""},
		{"tcp", "::1:4317", "too many colons in address"},
		{"tcp", "no.such.host.invalid:1", "lookup no.such.host.invalid"},
		{"udp", "localhost:1", "unknown transport \"udp\""},
		{"tcp", "192.0.2.1:0", "listen tcp 192.0.2.1:0: bind: "},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = {0};
		assert_null(listener_open(cases[i].transport, cases[i].endpoint, &err));
		if (!strstr(err.msg, cases[i].text))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, cases[i].text);
	}
}

static void unix_sockets_replace_dead_ones_and_not_living_ones(void **state)
{
	struct err err;
	char path[64];
	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/sluice-test-%d.sock", (int)getpid());
	int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(dead);
	struct listener *listener = listener_open("unix", path, &err);
	assert_non_null(listener);
	assert_int_equal(listener->port, 0);
	assert_null(listener_open("unix", path, &err));
	listener_close(listener);
	assert_int_equal(access(path, F_OK), -1);
}

/* As Go reads it: "@name" is a name in the kernel, not a file. */
static void a_unix_socket_with_an_at_sign_is_abstract(void **state)
{
	struct err err;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[64];
	(void)state;
	int len = snprintf(name, sizeof(name), "@sluice-test-%d", (int)getpid());
	struct listener *listener = listener_open("unix", name, &err);
	assert_non_null(listener);
	assert_int_equal(access(name, F_OK), -1);
	memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
			 0);
	(void)close(fd);
	assert_null(listener_open("unix", name, &err));
	assert_non_null(strstr(err.msg, name));
	listener_close(listener);
	listener = listener_open("unix", name, &err); /* the name went with its socket */
	assert_non_null(listener);
	listener_close(listener);
	assert_null(listener_open("unix", "@", &err));
	assert_null(listener_open("unix", "", &err));
}

static void a_name_of_the_network_is_listened_on(void **state)
{
	struct err err;
	(void)state;
	struct name_server *names = name_server_start(NULL);
	const struct name_record record = {.addresses = {"127.0.0.1", "127.0.0.2"}};
	name_server_set(names, "here.test", &record);
	struct listener *listener = listener_open("tcp4", "here.test:0", &err);
	assert_non_null(listener);
	assert_int_equal(listener->count, 2);
	listener_close(listener);
	assert_null(listener_open("tcp6", "here.test:0", &err));
	assert_string_equal(err.msg, "listen tcp6: lookup here.test: no address of this family");
	assert_null(listener_open("tcp", "nowhere.test:0", &err));
	assert_string_equal(err.msg, "listen tcp: lookup nowhere.test: no such host");
	name_server_stop(names);
}

static void accepting_goes_on_after_descriptors_ran_out(void **state)
{
	struct net_server *server = *state;
	struct rlimit before, none;
	struct buf in = BUF_INIT;
	int fd = net_server_connect(server);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	int lowest = dup(0); /* the next number that would be given out */
	(void)close(lowest);
	none = before;
	none.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	net_settle(&server->loop);
	assert_int_equal(counter_get(&server->counters->connections), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(net_send(&server->loop, fd, SLICE("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), 0));
	assert_true(net_receive_text(&server->loop, fd, &in, "200 OK"));
	(void)close(fd);
	buf_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_listen_where_they_say),
		cmocka_unit_test(localhost_listens_at_every_address_it_resolves_to),
		cmocka_unit_test(a_port_in_use_names_its_holder),
		cmocka_unit_test(wrong_endpoints_are_refused),
		cmocka_unit_test(unix_sockets_replace_dead_ones_and_not_living_ones),
		cmocka_unit_test(a_unix_socket_with_an_at_sign_is_abstract),
		cmocka_unit_test(a_name_of_the_network_is_listened_on),
		cmocka_unit_test_setup_teardown(accepting_goes_on_after_descriptors_ran_out,
						net_server_set_up, net_server_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
