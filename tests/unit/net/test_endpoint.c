/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DEFAULT_PORT = 4317 };

static const struct endpoint_case {
	const char *text, *host, *path;
	uint16_t port;
	int tls;
	const char *problem; /* NULL: parsed */
} cases[] = {
	{"jaeger:4317", "jaeger", "", 4317, -1, NULL},
	{"jaeger", "jaeger", "", DEFAULT_PORT, -1, NULL},
	{" jaeger:14250 ", "jaeger", "", 14250, -1, NULL},
	{":4317", "localhost", "", 4317, -1, NULL},
	{"10.0.0.1:1", "10.0.0.1", "", 1, -1, NULL},
	{"[::1]:4317", "::1", "", 4317, -1, NULL},
	{"[fe80::1%eth0]:4317", "fe80::1%eth0", "", 4317, -1, NULL},
	{"[::1]", "::1", "", DEFAULT_PORT, -1, NULL},
	{"http://host:4318", "host", "", 4318, 0, NULL},
	{"http://host", "host", "", 80, 0, NULL},
	{"https://host", "host", "", 443, 1, NULL},
	{"HTTPS://Host:65535/", "Host", "/", 65535, 1, NULL},
	{"https://cloud.langfuse.com/api/public/otel", "cloud.langfuse.com", "/api/public/otel",
	 443, 1, NULL},
	{"https://host/v1?x=a:b@c", "host", "/v1?x=a:b@c", 443, 1, NULL},
	{"http://[::1]:4318/v1/traces", "::1", "/v1/traces", 4318, 0, NULL},
	{"dns:///jaeger.ns.svc:4317", "jaeger.ns.svc", "", 4317, -1, NULL},
	{"dns://8.8.8.8/jaeger:4317", "jaeger", "", 4317, -1, NULL},
	{"dns:jaeger:4317", "jaeger", "", 4317, -1, NULL},
	{"passthrough:///jaeger:4317", "jaeger", "", 4317, -1, NULL},
	{"passthrough:jaeger", "jaeger", "", DEFAULT_PORT, -1, NULL},
	{"http://h:4318?x=1", "h", "/?x=1", 4318, 0, NULL},
	{"https://h?x=1/2", "h", "/?x=1/2", 443, 1, NULL},
	{"https://h/$metadata", "h", "/$metadata", 443, 1, NULL},
	{"$BACKEND", NULL, NULL, 0, 0,
	 "$BACKEND is not replaced: only braces name a variable; write ${env:BACKEND}"},
	{"http://$HOST:4318/v1", NULL, NULL, 0, 0,
	 "$HOST is not replaced: only braces name a variable; write ${env:HOST}"},
	{"http://h:$MY_PORT", NULL, NULL, 0, 0,
	 "$MY_PORT is not replaced: only braces name a variable; write ${env:MY_PORT}"},
	{"h$:4317", NULL, NULL, 0, 0, "invalid character in host name"},
	{"http://h:4318#a", NULL, NULL, 0, 0, "invalid character in path"},
	{"", NULL, NULL, 0, 0, "endpoint is empty"},
	{" ", NULL, NULL, 0, 0, "endpoint is empty"},
	{"host:abc", NULL, NULL, 0, 0, "invalid port \"abc\""},
	{"host:", NULL, NULL, 0, 0, "invalid port \"\""},
	{"[collector]:4317", NULL, NULL, 0, 0, "no IPv6 address between '[' and ']'"},
	{"[]:4317", NULL, NULL, 0, 0, "no IPv6 address between '[' and ']'"},
	{"[::1]:", NULL, NULL, 0, 0, "invalid port \"\""},
	{"host:0", NULL, NULL, 0, 0, "invalid port \"0\""},
	{"host:65536", NULL, NULL, 0, 0, "invalid port \"65536\""},
	{"host:-1", NULL, NULL, 0, 0, "invalid port \"-1\""},
	{"host:4317x", NULL, NULL, 0, 0, "invalid port \"4317x\""},
	{"http://", NULL, NULL, 0, 0, "endpoint has no host"},
	{"http:///v1", NULL, NULL, 0, 0, "endpoint has no host"},
	{"http://:4318", NULL, NULL, 0, 0, "endpoint has no host"},
	{"dns:///", NULL, NULL, 0, 0, "endpoint has no host"},
	{"http:host", NULL, NULL, 0, 0, "expected \"//\" after \"http:\""},
	{"ftp://host", NULL, NULL, 0, 0, "unsupported scheme \"ftp\""},
	{"unix:///var/run/x", "unix:/var/run/x", "", 0, -1, NULL},
	{"unix:/var/run/x", "unix:/var/run/x", "", 0, -1, NULL},
	{"unix:otel.sock", "unix:otel.sock", "", 0, -1, NULL},
	{"unix:@otel", "unix:@otel", "", 0, -1, NULL},
	{"unix-abstract:otel", "unix:@otel", "", 0, -1, NULL},
	{"unix-abstract:otel/a", "unix:@otel/a", "", 0, -1, NULL},
	{"unix-abstract:///otel", "unix:@/otel", "", 0, -1, NULL},
	{"unix:", NULL, NULL, 0, 0, "the path of a unix socket has 1 to 107 bytes"},
	{"unix:@", NULL, NULL, 0, 0, "the path of a unix socket has 1 to 107 bytes"},
	{"unix-abstract:", NULL, NULL, 0, 0, "the path of a unix socket has 1 to 107 bytes"},
	{"unix://host/x", NULL, NULL, 0, 0,
	 "the path of a unix socket begins with a slash: unix:///path"},
	{"unix:/a\nb", NULL, NULL, 0, 0, "invalid character in path"},
	{"unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
	 "2345678901234567890123456",
	 NULL, NULL, 0, 0, "the path of a unix socket has 1 to 107 bytes"},
	{"::1:4317", NULL, NULL, 0, 0,
	 "too many colons in address; an IPv6 address needs brackets"},
	{"[::1:4317", NULL, NULL, 0, 0, "missing ']' in address"},
	{"[::1]4317", NULL, NULL, 0, 0, "expected ':' after ']' in address"},
	{"host:4317/v1/traces", NULL, NULL, 0, 0,
	 "a path needs http:// or https:// before the host"},
	{"https://user:secret@host", NULL, NULL, 0, 0,
	 "credentials do not belong in an endpoint; set headers"},
	{"ho st:4317", NULL, NULL, 0, 0, "invalid character in host name"},
	{"host\r\nx:4317", NULL, NULL, 0, 0, "invalid character in host name"},
	{"http://host/a b", NULL, NULL, 0, 0, "invalid character in path"},
	{"http://host/a#b", NULL, NULL, 0, 0, "invalid character in path"},
	{"http://host/a\r\nX: y", NULL, NULL, 0, 0, "invalid character in path"},
};

static void every_form_of_an_endpoint_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct endpoint_case *c = &cases[i];
		struct arena arena;
		struct endpoint endpoint = {.host = "untouched"};
		struct err err = {0};
		arena_init(&arena, NULL, 4096);
		int rc = endpoint_parse(c->text, DEFAULT_PORT, &arena, &endpoint, &err);
		if (c->problem) {
			if (rc == 0 || strcmp(err.msg, c->problem) != 0)
				fail_msg("\"%s\": %d, %s", c->text, rc, err.msg);
			assert_int_equal(err.kind, ERR_CONFIG);
			assert_string_equal(endpoint.host, "untouched");
		} else if (rc != 0 || strcmp(endpoint.host, c->host) != 0 ||
			   strcmp(endpoint.path, c->path) != 0 || endpoint.port != c->port ||
			   endpoint.tls != c->tls) {
			fail_msg("\"%s\": %d, %s", c->text, rc, rc == 0 ? endpoint.host : err.msg);
		}
		arena_fini(&arena);
	}
}

static void an_overlong_host_is_refused(void **state)
{
	(void)state;
	char text[300];
	struct arena arena;
	struct endpoint endpoint;
	struct err err;
	memset(text, 'a', 254);
	text[254] = 0;
	arena_init(&arena, NULL, 4096);
	assert_int_equal(endpoint_parse(text, 1, &arena, &endpoint, &err), -1);
	text[253] = 0;
	assert_int_equal(endpoint_parse(text, 1, &arena, &endpoint, &err), 0);
	arena_fini(&arena);
}

static void an_exhausted_arena_is_an_error(void **state)
{
	(void)state;
	struct arena arena;
	struct endpoint endpoint;
	struct err err;
	arena_init(&arena, NULL, 0);
	assert_int_equal(endpoint_parse("host:1", 1, &arena, &endpoint, &err), -1);
	assert_int_equal(err.kind, ERR_NOMEM);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_an_endpoint_is_read),
		cmocka_unit_test(an_overlong_host_is_refused),
		cmocka_unit_test(an_exhausted_arena_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
