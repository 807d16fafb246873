/* SPDX-License-Identifier: Apache-2.0 */
/* From a name, or the path of a unix socket, to a connection. Dead addresses are those of loopback
 * where this test's port is nobody's. */
#include "pipeline/net/client.h"
#include "tests/support/client_fixture.h"
#include "tests/support/name_server.h"
#include "tests/support/peer_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pipeline/net/unix_address.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* Answers one request; the connection then ends, so that every call needs a new one. */
static void serve(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	char byte;
	size_t newlines = 0;
	while (newlines < 2 && peer_read(stream, &byte, 1) == 1)
		newlines = byte == '\n' ? newlines + 1 : byte == '\r' ? newlines : 0;
	(void)peer_write(stream, slice_of(answer, sizeof(answer) - 1));
}

struct scene {
	struct name_server *names;
	struct peer *peer;
	struct client_fixture client;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	assert_non_null(scene);
	scene->names = name_server_start(NULL);
	scene->peer = peer_start(&(struct peer_options){0}, serve, NULL);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	fixture_close(&scene->client);
	peer_stop(scene->peer);
	name_server_stop(scene->names);
	free(scene);
	return 0;
}

static void open_client(struct scene *scene, const char *host)
{
	fixture_open(&scene->client, CLIENT_HTTP, peer_port(scene->peer),
		     &(struct client_config){.host = host});
}

/* The peer listens on 127.0.0.1 alone. */
static void name_is(struct scene *scene, struct name_record record)
{
	name_server_set(scene->names, "backend.test", &record);
}

static struct fixture_call post(struct scene *scene)
{
	struct fixture_call call = {0};
	fixture_call(&scene->client, &call, "/v1/traces", SLICE(""));
	return call;
}

static void every_address_of_a_name_is_tried(void **state)
{
	struct scene *scene = *state;
	name_is(scene, (struct name_record){
			       .ttl_s = 3600,
			       .addresses = {"127.0.0.77", "127.0.0.78", "::1", "127.0.0.1"}});
	open_client(scene, "backend.test");
	for (int i = 0; i < 3; i++)
		assert_int_equal(post(scene).result.http_status, 200);
	assert_int_equal(name_server_questions(scene->names, "backend.test"), 1);
}

static void a_dead_address_is_looked_up_again(void **state)
{
	struct scene *scene = *state;
	name_is(scene, (struct name_record){.ttl_s = 3600, .addresses = {"127.0.0.77"}});
	open_client(scene, "backend.test");
	struct fixture_call call = post(scene);
	assert_int_equal(call.result.outcome, CLIENT_CONNECT_FAILED);
	assert_non_null(strstr(call.result.err.msg, "connect to backend.test:"));
	assert_non_null(strstr(call.result.err.msg, "connection refused"));
	name_is(scene, (struct name_record){.ttl_s = 3600, .addresses = {"127.0.0.1"}});
	assert_int_equal(post(scene).result.http_status, 200);
	assert_int_equal(name_server_questions(scene->names, "backend.test"), 2);
}

static void the_same_address_serves_while_the_name_server_is_away(void **state)
{
	struct scene *scene = *state;
	name_is(scene, (struct name_record){.addresses = {"127.0.0.1"}});
	open_client(scene, "backend.test");
	assert_int_equal(post(scene).result.http_status, 200);
	name_is(scene, (struct name_record){.behaviour = NAME_SERVFAIL});
	for (int i = 0; i < 3; i++)
		assert_int_equal(post(scene).result.http_status, 200);
}

static void what_is_wrong_with_a_name_is_said(void **state)
{
	static const struct {
		struct name_record record;
		const char *text;
	} cases[] = {
		{{.behaviour = NAME_NXDOMAIN}, "no such host"},
		{{.behaviour = NAME_SERVFAIL}, "no name server could answer"},
		{{.behaviour = NAME_SILENT}, "the name server does not answer"},
	};
	struct scene *scene = *state;
	open_client(scene, "backend.test");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char expected[128];
		name_is(scene, cases[i].record);
		struct fixture_call call = post(scene);
		assert_int_equal(call.result.outcome, CLIENT_CONNECT_FAILED);
		snprintf(expected, sizeof(expected), "connect to backend.test:%u: %s",
			 peer_port(scene->peer), cases[i].text);
		assert_string_equal(call.result.err.msg, expected);
	}
}

/* ---- unix sockets --------------------------------------------------------------------------- */

struct unix_peer {
	pthread_t thread;
	int listener;
	char head[1024];
};

static void *serve_unix(void *arg)
{
	struct unix_peer *peer = arg;
	size_t len = 0;
	int fd = accept(peer->listener, NULL, NULL);
	while (len < sizeof(peer->head) - 1 && !strstr(peer->head, "\r\n\r\n") &&
	       read(fd, peer->head + len, 1) == 1)
		len++;
	(void)!write(fd, answer, sizeof(answer) - 1);
	(void)close(fd);
	return NULL;
}

static void a_client_connects_to_a_unix_socket(void **state)
{
	static const char *const forms[] = {"unix:/tmp/", "unix:@"};
	struct scene *scene = *state;
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		struct unix_peer peer = {0};
		struct sockaddr_un address;
		char host[64];
		snprintf(host, sizeof(host), "%ssluice-connector-%d", forms[i], (int)getpid());
		socklen_t len = unix_address_set(host, &address);
		assert_true(len > 0);
		peer.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(peer.listener, (struct sockaddr *)&address, len), 0);
		assert_int_equal(listen(peer.listener, 1), 0);
		assert_int_equal(pthread_create(&peer.thread, NULL, serve_unix, &peer), 0);
		if (i > 0)
			fixture_close(&scene->client);
		/* No proxy stands before a socket of this machine. */
		fixture_open(
			&scene->client, CLIENT_HTTP, 0,
			&(struct client_config){.host = host, .proxy_url = "http://127.0.0.77:1"});
		assert_int_equal(post(scene).result.http_status, 200);
		assert_non_null(strstr(peer.head, "\r\nHost: localhost\r\n"));
		assert_int_equal(pthread_join(peer.thread, NULL), 0);
		(void)close(peer.listener);
		if (address.sun_path[0])
			(void)unlink(address.sun_path);
		struct fixture_call call = post(scene);
		assert_int_equal(call.result.outcome, CLIENT_CONNECT_FAILED);
		char expected[128];
		snprintf(expected, sizeof(expected), "connect to %s: %s", host,
			 i == 0 ? "no such file or directory" : "connection refused");
		assert_string_equal(call.result.err.msg, expected);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(every_address_of_a_name_is_tried),
		CASE(a_dead_address_is_looked_up_again),
		CASE(the_same_address_serves_while_the_name_server_is_away),
		CASE(what_is_wrong_with_a_name_is_said),
		CASE(a_client_connects_to_a_unix_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
