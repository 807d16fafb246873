/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/proxy.h"
#include "tests/support/client_fixture.h"
#include "tests/support/name_server.h"
#include "tests/support/peer_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- NO_PROXY ----------------------------------------------------------------------------- */

static const struct exempt_case {
	const char *no_proxy, *host;
	uint16_t port;
	bool exempt;
} exempt_cases[] = {
	{"", "example.com", 443, false},
	{"", "localhost", 443, true},
	{"", "LocalHost", 443, true},
	{"", "127.0.0.1", 443, true},
	{"", "127.255.0.3", 443, true},
	{"", "::1", 443, true},
	{"", "::ffff:127.0.0.1", 443, true},
	{"", "localhost.example.com", 443, false},
	{"*", "example.com", 443, true},
	{"a.b, *", "example.com", 443, true},
	{"example.com", "example.com", 443, true},
	{"Example.COM", "eXample.com", 443, true},
	{"example.com", "sub.example.com", 443, true},
	{"example.com", "notexample.com", 443, false},
	{".example.com", "example.com", 443, false},
	{".example.com", "a.example.com", 443, true},
	{"*.example.com", "example.com", 443, false},
	{"*.example.com", "a.b.example.com", 443, true},
	{"example.com:443", "example.com", 443, true},
	{"example.com:443", "example.com", 80, false},
	{"example.com:443", "a.example.com", 443, true},
	{" one , two ,three", "two", 443, true},
	{" one , two ,three", "three", 443, true},
	{",,,", "three", 443, false},
	{":443", "example.com", 443, false},
	{"example.com:https", "example.com", 443, false},
	{"10.1.2.3", "10.1.2.3", 443, true},
	{"10.1.2.3", "10.1.2.30", 443, false},
	{"10.1.2.3:443", "10.1.2.3", 443, true},
	{"10.1.2.3:443", "10.1.2.3", 80, false},
	{"10.1.2.3", "::ffff:10.1.2.3", 443, true},
	{"10.0.0.0/8", "10.200.1.1", 443, true},
	{"10.0.0.0/8", "11.0.0.1", 443, false},
	{"10.0.0.0/9", "10.128.0.1", 443, false},
	{"10.0.0.0/9", "10.127.0.1", 443, true},
	{"10.0.0.0/33", "10.0.0.1", 443, false},
	{"10.0.0.0/", "10.0.0.1", 443, false},
	{"0.0.0.0/0", "192.0.2.1", 443, true},
	{"10.0.0.0/8", "ten.example.com", 443, false},
	{"fd00::/8", "fd12::1", 443, true},
	{"fd00::/8", "fe80::1", 443, false},
	{"::/0", "10.0.0.1", 443, false},
	{"fd00::1", "fd00::1", 443, true},
	{"[fd00::1]:443", "fd00::1", 443, true},
	{"[fd00::1]:443", "fd00::1", 80, false},
	{"svc.cluster.local", "jaeger.ns.svc.cluster.local", 4317, true},
};

static void no_proxy_is_read_as_go_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(exempt_cases); i++) {
		const struct exempt_case *c = &exempt_cases[i];
		if (proxy_is_exempt(c->no_proxy, c->host, c->port) != c->exempt)
			fail_msg("NO_PROXY=\"%s\", %s:%u", c->no_proxy, c->host, c->port);
	}
}

/* ---- choice ------------------------------------------------------------------------------- */

static const char *environment[6][2];

static char *get(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(environment); i++) {
		if (environment[i][0] && strcmp(environment[i][0], name) == 0)
			return (char *)(uintptr_t)environment[i][1];
	}
	return NULL;
}

static const struct choice_case {
	const char *name;
	const char *url; /* as client_config.proxy_url */
	const char *environment[6][2];
	bool tls;
	const char *host; /* of the proxy; NULL: an error */
	uint16_t port;
	const char *authorization;
} choice_cases[] = {
	{"nothing is set", NULL, {{0}}, true, "", 0, ""},
	{"https",
	 NULL,
	 {{"HTTPS_PROXY", "http://p:3128"}, {"HTTP_PROXY", "http://q"}},
	 true,
	 "p",
	 3128,
	 ""},
	{"http",
	 NULL,
	 {{"HTTPS_PROXY", "http://p:3128"}, {"HTTP_PROXY", "http://q"}},
	 false,
	 "q",
	 80,
	 ""},
	{"lower case", NULL, {{"https_proxy", "p:1"}}, true, "p", 1, ""},
	{"upper case wins",
	 NULL,
	 {{"https_proxy", "p:1"}, {"HTTPS_PROXY", "q:2"}},
	 true,
	 "q",
	 2,
	 ""},
	{"empty upper case", NULL, {{"https_proxy", "p:1"}, {"HTTPS_PROXY", ""}}, true, "p", 1, ""},
	{"exempt", NULL, {{"HTTPS_PROXY", "p:1"}, {"NO_PROXY", "backend"}}, true, "", 0, ""},
	{"exempt in lower case",
	 NULL,
	 {{"HTTPS_PROXY", "p:1"}, {"no_proxy", "backend"}},
	 true,
	 "",
	 0,
	 ""},
	{"exempt on another port",
	 NULL,
	 {{"HTTPS_PROXY", "p:1"}, {"NO_PROXY", "backend:1"}},
	 true,
	 "p",
	 1,
	 ""},
	{"none is asked for", "", {{"HTTPS_PROXY", "p:1"}}, true, "", 0, ""},
	{"an own one ignores NO_PROXY",
	 "http://own:8080/",
	 {{"NO_PROXY", "*"}},
	 true,
	 "own",
	 8080,
	 ""},
	{"user and password", "http://user:pass@p:1", {{0}}, true, "p", 1, "Basic dXNlcjpwYXNz"},
	{"escapes", "http://us%40er:p%3a%2Fss@p:1", {{0}}, true, "p", 1, "Basic dXNAZXI6cDovc3M="},
	{"user alone", "http://user@p:1", {{0}}, true, "p", 1, "Basic dXNlcjo="},
	{"IPv6", "http://[::1]:3128", {{0}}, true, "::1", 3128, ""},
	{"another scheme", "socks5://p:1", {{0}}, true, NULL, 0, ""},
	{"https proxy", "https://p:1", {{0}}, true, NULL, 0, ""},
	{"a bad port", "http://secret:word@p:port", {{0}}, true, NULL, 0, ""},
	{"a bad escape", "http://us%4@p:1", {{0}}, true, NULL, 0, ""},
	{"no host", "http://", {{0}}, true, NULL, 0, ""},
	{"a unix socket", "unix:proxy", {{0}}, true, NULL, 0, ""},
};

static void the_proxy_is_chosen_as_go_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(choice_cases); i++) {
		const struct choice_case *c = &choice_cases[i];
		struct proxy proxy;
		struct err err;
		memcpy(environment, c->environment, sizeof(environment));
		int rc = proxy_choose(c->url, "backend", 4317, c->tls, get, &proxy, &err);
		if (rc != (c->host ? 0 : -1))
			fail_msg("%s: %d", c->name, rc);
		if (rc != 0) {
			assert_int_equal(err.kind, ERR_CONFIG);
			assert_null(strstr(err.msg, "word")); /* no part of the URL */
		} else if (strcmp(proxy.host, c->host) != 0 || proxy.port != c->port ||
			   strcmp(proxy.authorization, c->authorization) != 0) {
			fail_msg("%s: %s:%u, %s", c->name, proxy.host, proxy.port,
				 proxy.authorization);
		}
	}
}

static void overlong_credentials_are_refused(void **state)
{
	(void)state;
	char url[PROXY_CREDENTIAL_BYTES_MAX + 32];
	struct proxy proxy;
	struct err err;
	for (size_t len = PROXY_CREDENTIAL_BYTES_MAX - 2; len < PROXY_CREDENTIAL_BYTES_MAX + 2;
	     len++) {
		int at = snprintf(url, sizeof(url), "http://");
		memset(url + at, 'u', len);
		snprintf(url + at + len, sizeof(url) - (size_t)at - len, "@p:1");
		int rc = proxy_choose(url, "h", 1, false, get, &proxy, &err);
		assert_int_equal(rc, len < PROXY_CREDENTIAL_BYTES_MAX ? 0 : -1);
	}
}

static void a_reply_is_found_in_any_split(void **state)
{
	(void)state;
	static const char reply[] = "HTTP/1.1 200 OK\r\nVia: x\r\n\r\nbytes of the peer";
	size_t head = (size_t)(strstr(reply, "bytes") - reply);
	for (size_t len = 0; len < sizeof(reply); len++) {
		int status = -1;
		size_t found = proxy_reply_parse(slice_of(reply, len), &status);
		assert_int_equal(found, len < head ? 0 : head);
		assert_int_equal(status, len < head ? -1 : 200);
	}
	static const struct {
		const char *text;
		int status;
	} cases[] = {{"HTTP/1.0 407 No\r\n\r\n", 407},
		     {"HTTP/2 200 OK\r\n\r\n", 0},
		     {"\r\n\r\n", 0},
		     {"HTTP/1.1 \r\n\r\n", 0},
		     {"HTTP/1.1 2x0 OK\r\n\r\n", 0},
		     {"HTTP/1.1 20\r\n\r\n", 0}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int status = -1;
		assert_int_equal(proxy_reply_parse(slice_str(cases[i].text), &status),
				 strlen(cases[i].text));
		assert_int_equal(status, cases[i].status);
	}
}

/* ---- through a proxy ---------------------------------------------------------------------- */

struct proxy_script {
	const char *reply;
	const char *expected; /* the beginning of the request */
	const char *then;     /* the beginning of what comes through a tunnel; NULL: no tunnel */
	unsigned asked_as_expected;
	unsigned connections;
};

static bool read_head(struct peer_stream *stream, char *head, size_t size)
{
	size_t len = 0;
	while (len < size - 1 && peer_read(stream, head + len, 1) == 1) {
		head[++len] = 0;
		if (len >= 4 && strcmp(head + len - 4, "\r\n\r\n") == 0)
			return true;
	}
	return false;
}

static void serve_proxy(struct peer_stream *stream, unsigned index, void *arg)
{
	struct proxy_script *script = arg;
	char head[2048];
	script->connections = index + 1;
	while (read_head(stream, head, sizeof(head))) {
		const char *expected = script->expected;
		if (script->then && script->asked_as_expected > 0)
			expected = script->then;
		script->asked_as_expected += strncmp(head, expected, strlen(expected)) == 0;
		for (const char *at = script->reply; *at; at++) { /* byte by byte */
			if (!peer_write(stream, slice_of(at, 1)))
				return;
		}
	}
}

/* Sends ${count} calls through the proxy that ${script} plays. */
static void run_through_proxy(struct proxy_script *script, enum client_mode mode, unsigned count,
			      struct fixture_call *call)
{
	struct peer *peer = peer_start(&(struct peer_options){0}, serve_proxy, script);
	struct client_fixture fixture;
	char url[64];
	snprintf(url, sizeof(url), "http://user:pass@127.0.0.1:%u", peer_port(peer));
	fixture_open(&fixture, mode, 4318,
		     &(struct client_config){.host = "backend.invalid", .proxy_url = url});
	while (count-- > 0) {
		*call = (struct fixture_call){0};
		fixture_call(&fixture, call, "/v1/traces", SLICE(""));
	}
	fixture_close(&fixture);
	peer_stop(peer);
}

/* Squid as it comes refuses CONNECT to every port but 443. */
static void plain_http_is_forwarded_in_the_absolute_form(void **state)
{
	(void)state;
	struct fixture_call call;
	struct proxy_script script = {
		.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		.expected = "POST http://backend.invalid:4318/v1/traces HTTP/1.1\r\n"
			    "Host: backend.invalid:4318\r\n"
			    "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"};
	run_through_proxy(&script, CLIENT_HTTP, 3, &call);
	assert_int_equal(script.asked_as_expected, 3);
	assert_int_equal(script.connections, 1);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_string_equal(call.body, "ok");
}

static void a_forwarding_proxys_own_refusal_is_told_apart(void **state)
{
	(void)state;
	struct fixture_call call;
	struct proxy_script script = {.reply = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n",
				      .expected = "POST http://"};
	run_through_proxy(&script, CLIENT_HTTP, 1, &call);
	assert_int_equal(call.result.outcome, CLIENT_CONNECT_FAILED);
	assert_non_null(strstr(call.result.err.msg,
			       "connect to backend.invalid:4318 through proxy 127.0.0.1:"));
	assert_non_null(strstr(call.result.err.msg, "answered 407 (authentication required)"));
	assert_null(strstr(call.result.err.msg, "pass"));
	script.reply = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
	run_through_proxy(&script, CLIENT_HTTP, 1, &call);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.http_status, 503);
}

static const char connect_request[] =
	"CONNECT backend.invalid:4318 HTTP/1.1\r\nHost: backend.invalid:4318\r\n"
	"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n";

static void grpc_goes_through_a_tunnel(void **state)
{
	(void)state;
	struct fixture_call call;
	struct proxy_script script = {
		.reply = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n",
		.expected = connect_request,
		.then = "PRI * HTTP/2.0\r\n"};
	run_through_proxy(&script, CLIENT_GRPC, 1, &call); /* our "backend" speaks HTTP/1.1 */
	assert_int_equal(script.asked_as_expected, 2);
	assert_int_equal(call.result.outcome, CLIENT_BROKEN);
}

static void a_proxys_refusal_of_a_tunnel_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *reply, *text;
	} cases[] = {
		{"HTTP/1.1 407 No\r\n\r\n", "the proxy answered 407 (authentication required)"},
		{"HTTP/1.1 503 x\r\n\r\n", "the proxy answered 503"},
		{"SSH-2.0\r\n\r\n", "the proxy does not speak HTTP"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fixture_call call;
		struct proxy_script script = {.reply = cases[i].reply, .expected = connect_request};
		run_through_proxy(&script, CLIENT_GRPC, 1, &call);
		assert_int_equal(script.asked_as_expected, 1);
		assert_int_equal(call.result.outcome, CLIENT_CONNECT_FAILED);
		if (!strstr(call.result.err.msg, cases[i].text))
			fail_msg("%s", call.result.err.msg);
		assert_null(strstr(call.result.err.msg, "pass"));
	}
}

static void https_asks_for_a_tunnel(void **state)
{
	(void)state;
	struct fixture_call call = {0};
	struct err err;
	struct proxy_script script = {.reply = "HTTP/1.1 403 No\r\n\r\n",
				      .expected = "CONNECT backend.invalid:4318 HTTP/1.1\r\n"};
	struct peer *peer = peer_start(&(struct peer_options){0}, serve_proxy, &script);
	struct client_fixture fixture;
	char url[64];
	struct tls_config config = {0};
	struct tls_context *tls = tls_client_context(&config, "http/1.1", NULL, &err);
	assert_non_null(tls);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", peer_port(peer));
	fixture_open(
		&fixture, CLIENT_HTTP, 4318,
		&(struct client_config){.host = "backend.invalid", .proxy_url = url, .tls = tls});
	fixture_call(&fixture, &call, "/v1/traces", SLICE(""));
	assert_int_equal(script.asked_as_expected, 1);
	assert_int_equal(call.result.outcome, CLIENT_CONNECT_FAILED);
	fixture_close(&fixture);
	peer_stop(peer);
}

/* grpc-go asks for the proxy of an https URL, whatever the connection carries. */
static void grpc_in_plain_text_takes_the_https_proxy(void **state)
{
	(void)state;
	static const struct {
		const char *variable;
		enum client_mode mode;
		unsigned connections;
	} cases[] = {
		{"HTTPS_PROXY", CLIENT_GRPC, 1},
		{"HTTP_PROXY", CLIENT_GRPC, 0},
		{"HTTPS_PROXY", CLIENT_HTTP, 0},
		{"HTTP_PROXY", CLIENT_HTTP, 1},
	};
	struct name_server *names = name_server_start(NULL); /* nobody is called backend.invalid */
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fixture_call call = {0};
		struct proxy_script script = {
			.reply = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", .expected = ""};
		struct peer *peer = peer_start(&(struct peer_options){0}, serve_proxy, &script);
		struct client_fixture fixture;
		char url[64];
		snprintf(url, sizeof(url), "http://127.0.0.1:%u", peer_port(peer));
		setenv(cases[i].variable, url, 1);
		fixture_open(&fixture, cases[i].mode, 4318,
			     &(struct client_config){.host = "backend.invalid"});
		unsetenv(cases[i].variable);
		fixture_call(&fixture, &call, "/v1/traces", SLICE(""));
		fixture_close(&fixture);
		peer_stop(peer);
		if (script.connections != cases[i].connections)
			fail_msg("%s, %d: %u", cases[i].variable, cases[i].mode,
				 script.connections);
	}
	name_server_stop(names);
}

static void a_silent_proxy_is_given_up_at_the_calls_timeout(void **state)
{
	(void)state;
	struct proxy_script script = {.reply = "", .expected = ""};
	struct peer *peer = peer_start(&(struct peer_options){0}, serve_proxy, &script);
	struct client_fixture fixture;
	struct fixture_call call = {.call.timeout_ns = 30 * 1000000};
	char url[64];
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", peer_port(peer));
	fixture_open(&fixture, CLIENT_GRPC, 80,
		     &(struct client_config){.host = "backend.invalid", .proxy_url = url});
	fixture_call(&fixture, &call, "/v1/traces", SLICE(""));
	assert_int_equal(call.result.outcome, CLIENT_TIMED_OUT);
	fixture_close(&fixture);
	peer_stop(peer);
}

static void a_bad_proxy_url_fails_at_once(void **state)
{
	(void)state;
	struct loop loop;
	struct budget budget;
	struct err err;
	budget_init(&budget, UINT64_MAX);
	assert_int_equal(loop_init(&loop, &err), 0);
	const struct client_config config = {
		.host = "backend", .port = 80, .proxy_url = "socks5://p:1", .budget = &budget};
	assert_null(client_new(&loop, &config, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	loop_fini(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_proxy_is_read_as_go_does),
		cmocka_unit_test(the_proxy_is_chosen_as_go_does),
		cmocka_unit_test(overlong_credentials_are_refused),
		cmocka_unit_test(a_reply_is_found_in_any_split),
		cmocka_unit_test(plain_http_is_forwarded_in_the_absolute_form),
		cmocka_unit_test(a_forwarding_proxys_own_refusal_is_told_apart),
		cmocka_unit_test(grpc_goes_through_a_tunnel),
		cmocka_unit_test(a_proxys_refusal_of_a_tunnel_is_told),
		cmocka_unit_test(https_asks_for_a_tunnel),
		cmocka_unit_test(grpc_in_plain_text_takes_the_https_proxy),
		cmocka_unit_test(a_silent_proxy_is_given_up_at_the_calls_timeout),
		cmocka_unit_test(a_bad_proxy_url_fails_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
