/* SPDX-License-Identifier: Apache-2.0 */
/* A server over three shards, each on its own thread: what only threads can break. */
#include "pipeline/base/clock.h"
#include "pipeline/net/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SHARDS = 3, CLIENTS = 30, REQUESTS = 20 };

struct service {
	struct loop accept_loop, loops[SHARDS];
	struct server_shard shards[SHARDS];
	struct budget budget;
	struct server *server;
	pthread_t accept_thread, threads[SHARDS];
	_Atomic uint32_t answered[SHARDS];
	_Atomic uint32_t held;
	struct loop_task begin_drain, begin_abort;
};

static bool on_header(void *arg, struct server_request *request)
{
	(void)arg;
	(void)request;
	return true;
}

static void on_request(void *arg, struct server_request *request)
{
	struct service *service = arg;
	if (slice_equal(request->path, SLICE("/hold"))) {
		atomic_fetch_add(&service->held, 1);
		return; /* never answered: the abort cancels it */
	}
	atomic_fetch_add(&service->answered[request->shard - service->shards], 1);
	server_respond_http(request, 200, NULL, 0, SLICE("ok"));
}

static void on_refused(void *arg, struct server_request *request, enum server_refusal why,
		       int http_status, int grpc_status, const char *message)
{
	(void)arg;
	(void)why;
	(void)grpc_status;
	server_respond_http(request, http_status, NULL, 0, slice_str(message));
}

static void on_cancel(void *arg, struct server_request *request)
{
	struct service *service = arg;
	(void)request;
	atomic_fetch_sub(&service->held, 1);
}

static const struct server_handler handler = {.on_header = on_header,
					      .on_request = on_request,
					      .on_refused = on_refused,
					      .on_cancel = on_cancel};

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static struct service *start(void)
{
	struct service *service = calloc(1, sizeof(*service));
	struct server_config config = {.endpoint = "127.0.0.1:0",
				       .transport = "tcp",
				       .limits = server_limits_default(),
				       .handler = &handler,
				       .handler_arg = service,
				       .keep_alives = true};
	assert_non_null(service);
	budget_init(&service->budget, 64 << 20);
	assert_int_equal(loop_init(&service->accept_loop, NULL), 0);
	for (int i = 0; i < SHARDS; i++) {
		assert_int_equal(loop_init(&service->loops[i], NULL), 0);
		service->shards[i].loop = &service->loops[i];
		service->shards[i].budget = &service->budget;
		service->shards[i].coder = coder_new();
	}
	service->server = server_new(&config, NULL, NULL);
	assert_non_null(service->server);
	assert_int_equal(
		server_start(service->server, &service->accept_loop, service->shards, SHARDS, NULL),
		0);
	for (int i = 0; i < SHARDS; i++)
		assert_int_equal(
			pthread_create(&service->threads[i], NULL, run_loop, &service->loops[i]),
			0);
	assert_int_equal(
		pthread_create(&service->accept_thread, NULL, run_loop, &service->accept_loop), 0);
	return service;
}

static void on_drained(void *arg)
{
	struct service *service = arg;
	loop_stop(&service->accept_loop);
}

static void begin_drain(struct loop_task *task)
{
	struct service *service = CONTAINER_OF(task, struct service, begin_drain);
	server_drain(service->server, on_drained, service);
}

static void begin_abort(struct loop_task *task)
{
	struct service *service = CONTAINER_OF(task, struct service, begin_abort);
	server_abort(service->server);
}

/* Drains (and cuts what does not end by itself), joins, frees. */
static void stop(struct service *service, bool cut)
{
	service->begin_drain.run = begin_drain;
	service->begin_abort.run = begin_abort;
	loop_post(&service->accept_loop, &service->begin_drain);
	if (cut)
		loop_post(&service->accept_loop, &service->begin_abort);
	assert_int_equal(pthread_join(service->accept_thread, NULL), 0);
	for (int i = 0; i < SHARDS; i++) {
		loop_stop(&service->loops[i]);
		assert_int_equal(pthread_join(service->threads[i], NULL), 0);
	}
	assert_int_equal(service->held, 0);
	server_free(service->server);
	for (int i = 0; i < SHARDS; i++) {
		loop_fini(&service->loops[i]);
		coder_free(service->shards[i].coder);
		assert_int_equal(service->shards[i].connections, 0);
	}
	loop_fini(&service->accept_loop);
	assert_int_equal(budget_used(&service->budget), 0);
	free(service);
}

static int connect_to(const struct service *service)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons(server_port(service->server))};
	struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void get(int fd, const char *path)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

static void expect_ok(int fd)
{
	char text[512] = "";
	size_t len = 0;
	while (!strstr(text, "\r\n\r\nok")) {
		ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
		assert_true(got > 0);
		len += (size_t)got;
		text[len] = 0;
	}
	assert_memory_equal(text, "HTTP/1.1 200", 12);
}

static void connections_are_spread_over_the_shards(void **state)
{
	struct service *service = start();
	int fds[CLIENTS];
	(void)state;
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = connect_to(service);
	for (int r = 0; r < REQUESTS; r++) {
		for (int i = 0; i < CLIENTS; i++)
			get(fds[i], "/x");
		for (int i = 0; i < CLIENTS; i++)
			expect_ok(fds[i]);
	}
	for (int i = 0; i < SHARDS; i++)
		assert_int_equal(service->answered[i], CLIENTS / SHARDS * REQUESTS);
	for (int i = 0; i < CLIENTS; i++)
		(void)close(fds[i]);
	stop(service, false);
}

static void a_drain_with_live_connections_ends(void **state)
{
	struct service *service = start();
	int fds[CLIENTS];
	(void)state;
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_to(service);
		get(fds[i], "/x");
		expect_ok(fds[i]);
	}
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(shutdown(fds[i], SHUT_WR), 0);
	stop(service, false);
	for (int i = 0; i < CLIENTS; i++)
		(void)close(fds[i]);
}

static void an_abort_cuts_requests_that_are_never_answered(void **state)
{
	struct service *service = start();
	int fds[CLIENTS];
	uint64_t end_ns = clock_monotonic_ns() + 60 * NS_PER_S;
	(void)state;
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_to(service);
		get(fds[i], "/hold");
	}
	while (service->held < CLIENTS && clock_monotonic_ns() < end_ns)
		(void)sched_yield();
	assert_int_equal(service->held, CLIENTS);
	stop(service, true);
	for (int i = 0; i < CLIENTS; i++)
		(void)close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_spread_over_the_shards),
		cmocka_unit_test(a_drain_with_live_connections_ends),
		cmocka_unit_test(an_abort_cuts_requests_that_are_never_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
