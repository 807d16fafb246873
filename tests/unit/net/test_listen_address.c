/* SPDX-License-Identifier: Apache-2.0 */
/* What `sluice validate` and the listener make of an address: one function, so one table. */
#include "pipeline/net/listen_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static void every_form_that_can_be_is_read(void **state)
{
	static const struct {
		const char *transport, *endpoint, *host;
		uint16_t port;
		int family;
	} cases[] = {
		{"tcp", "localhost:4317", "localhost", 4317, AF_UNSPEC},
		{"tcp", "127.0.0.1:0", "127.0.0.1", 0, AF_UNSPEC},
		{"tcp", ":65535", "", 65535, AF_UNSPEC},
		{"tcp", "[::]:4317", "::", 4317, AF_UNSPEC},
		{"tcp", "[::1]:4317", "::1", 4317, AF_UNSPEC},
		{"tcp", "[fe80::1%eth0]:4317", "fe80::1%eth0", 4317, AF_UNSPEC},
		{"tcp", "my_host.name-1:1", "my_host.name-1", 1, AF_UNSPEC},
		{"tcp4", "0.0.0.0:4317", "0.0.0.0", 4317, AF_INET},
		{"tcp6", "[::1]:4317", "::1", 4317, AF_INET6},
		{"tcp6", "localhost:4317", "localhost", 4317, AF_INET6},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct listen_address address;
		struct err err = {0};
		if (listen_address_parse(cases[i].transport, cases[i].endpoint, &address, &err) !=
		    0)
			fail_msg("%s", err.msg);
		assert_string_equal(address.host, cases[i].host);
		assert_int_equal(address.port, cases[i].port);
		assert_int_equal(address.family, cases[i].family);
		assert_false(address.is_unix);
	}
	struct listen_address address;
	assert_int_equal(listen_address_parse("unix", "/run/sluice.sock", &address, NULL), 0);
	assert_true(address.is_unix);
}

static void every_wrong_form_is_refused_and_says_what_to_write(void **state)
{
	static const struct {
		const char *transport, *endpoint, *text;
	} cases[] = {
		{"tcp", "", "missing port in address"},
		{"tcp", "localhost", "missing port in address"},
		{"tcp", "4317", "missing port in address"},
		{"tcp", "[::1]", "missing port in address"},
		{"tcp", "localhost:", "invalid port \"\""},
		{"tcp", "localhost:http", "invalid port \"http\""},
		{"tcp", "localhost:-1", "invalid port \"-1\""},
		{"tcp", "localhost:65536", "invalid port \"65536\""},
		{"tcp", "localhost:4317 ", "invalid port \"4317 \""},
		{"tcp", "::1:4317", "too many colons in address; an IPv6 address needs brackets"},
		{"tcp", "[::1:4317", "too many colons"},
		{"tcp", "::1]:4317", "too many colons"},
		{"tcp", "[localhost]:4317", "no IPv6 address between '[' and ']'"},
		{"tcp", "[]:4317", "no IPv6 address between '[' and ']'"},
		{"tcp", "300.1.1.1:4317", "300.1.1.1 is no IPv4 address"},
		{"tcp", "127.1:4317", "127.1 is no IPv4 address"},
		{"tcp", "1:4317", "1 is no IPv4 address"},
		{"tcp", "a b:4317", "invalid character in host name"},
		{"tcp", "a\xe2\x80\x8b:4317", "invalid character in host name"},
		{"tcp", "http://127.0.0.1:4317", "leave out what stands before the host"},
		{"tcp", "127.0.0.1:4317/v1/traces", "leave out the path"},
		{"tcp", "$POD_IP:4317",
		 "$POD_IP is not replaced: only braces name a variable; write "
		 "${env:POD_IP}"},
		{"tcp", "0.0.0.0:$PORT", "write ${env:PORT}"},
		{"tcp", "a$:4317", "invalid character in host name"},
		{"tcp", "/run/sluice.sock", "needs transport: unix"},
		{"tcp", "unix:///run/sluice.sock", "needs transport: unix"},
		{"tcp4", "[::1]:4317", "no IPv4 address for transport tcp4"},
		{"tcp6", "127.0.0.1:4317", "no IPv6 address for transport tcp6"},
		{"unix", "", "the endpoint has no path"},
		{"udp", "127.0.0.1:4317", "unknown transport \"udp\""},
		{"", "127.0.0.1:4317", "unknown transport \"\""},
		{"TCP", "127.0.0.1:4317", "unknown transport \"TCP\""},
	};
	char path[256], host[300];
	struct listen_address address = {.port = 7};
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		err = (struct err){0};
		if (listen_address_parse(cases[i].transport, cases[i].endpoint, &address, &err) ==
		    0)
			fail_msg("%s is taken", cases[i].endpoint);
		assert_int_equal(err.kind, ERR_CONFIG);
		if (!strstr(err.msg, cases[i].text))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, cases[i].text);
	}
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	assert_int_equal(listen_address_parse("unix", path, &address, &err), -1);
	assert_non_null(strstr(err.msg, "path too long"));
	memset(host, 'h', sizeof(host));
	memcpy(host + 290, ":1", 3);
	assert_int_equal(listen_address_parse("tcp", host, &address, &err), -1);
	assert_non_null(strstr(err.msg, "host name too long"));
	assert_int_equal(address.port, 7); /* untouched */
}

static void addresses_that_share_a_port_overlap(void **state)
{
	static const struct {
		const char *transport_a, *a, *transport_b, *b;
		bool overlap;
	} cases[] = {
		{"tcp", "127.0.0.1:1", "tcp", "127.0.0.1:1", true},
		{"tcp", "127.0.0.1:1", "tcp", "127.0.0.1:2", false},
		{"tcp", "127.0.0.1:0", "tcp", "127.0.0.1:0", false},
		{"tcp", "127.0.0.1:1", "tcp", "127.0.0.2:1", false},
		{"tcp", "0.0.0.0:1", "tcp", "127.0.0.1:1", true},
		{"tcp", "[::1]:1", "tcp", ":1", true},
		{"tcp", "[::]:1", "tcp", "10.0.0.1:1", true},
		{"tcp", "localhost:1", "tcp", "127.0.0.1:1", true},
		{"tcp", "[::1]:1", "tcp", "LOCALHOST:1", true},
		{"tcp", "localhost:1", "tcp", "127.0.0.2:1", false},
		{"tcp4", ":1", "tcp6", ":1", false},
		{"tcp4", ":1", "tcp", ":1", true},
		{"unix", "/a", "unix", "/a", true},
		{"unix", "/a", "unix", "/b", false},
		{"unix", "/a", "tcp", ":1", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct listen_address a, b;
		assert_int_equal(listen_address_parse(cases[i].transport_a, cases[i].a, &a, NULL),
				 0);
		assert_int_equal(listen_address_parse(cases[i].transport_b, cases[i].b, &b, NULL),
				 0);
		if (listen_address_overlaps(&a, cases[i].a, &b, cases[i].b) != cases[i].overlap ||
		    listen_address_overlaps(&b, cases[i].b, &a, cases[i].a) != cases[i].overlap)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_that_can_be_is_read),
		cmocka_unit_test(every_wrong_form_is_refused_and_says_what_to_write),
		cmocka_unit_test(addresses_that_share_a_port_overlap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
