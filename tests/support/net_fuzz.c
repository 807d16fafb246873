/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_fuzz.h"

#include "pipeline/net/server_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUDGET_BYTES = 8 << 20, TURNS_MAX = 10000, HELD_MAX = 8 };

static struct loop loop;
static struct budget budget;
static struct server_shard shard;
static struct server *server;
static struct server_request *held[HELD_MAX]; /* answered late, or cancelled */
static size_t held_count, request_count;

static void answer(struct server_request *request)
{
	if (request->is_grpc)
		server_respond_grpc(request, 0, NULL, slice_of(NULL, 0), SLICE("fine"));
	else
		server_respond_http(request, 200, NULL, 0, request->path);
}

static bool on_header(void *arg, struct server_request *request)
{
	(void)arg;
	if (!slice_equal(request->path, SLICE("/404")))
		return true;
	server_respond_http(request, 404, NULL, 0, SLICE("not here"));
	return false;
}

static void on_request(void *arg, struct server_request *request)
{
	(void)arg;
	if (++request_count % 3 == 0 && held_count < HELD_MAX)
		held[held_count++] = request;
	else
		answer(request);
}

static void on_refused(void *arg, struct server_request *request, enum server_refusal why,
		       int http_status, int grpc_status, const char *message)
{
	(void)arg;
	(void)why;
	if (request->is_grpc)
		server_respond_grpc(request, grpc_status, message, SLICE("details"),
				    slice_of(NULL, 0));
	else
		server_respond_http(request, http_status, NULL, 0, slice_str(message));
}

static void on_cancel(void *arg, struct server_request *request)
{
	(void)arg;
	for (size_t i = 0; i < held_count; i++) {
		if (held[i] == request)
			held[i] = held[--held_count];
	}
}

static const struct server_handler handler = {on_header, on_request, on_refused, on_cancel};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void set_up(void)
{
	struct server_config config = {.endpoint = "127.0.0.1:0",
				       .transport = "tcp",
				       .label = "FUZZ",
				       .limits = server_limits_default(),
				       .handler = &handler,
				       .keep_alives = true};
	config.limits.header_bytes_max = 4096;
	config.limits.http_body_bytes_max = config.limits.grpc_message_bytes_max = 1 << 20;
	config.limits.streams_max = 8;
	must(loop_init(&loop, NULL) == 0);
	budget_init(&budget, BUDGET_BYTES);
	shard.loop = &loop;
	shard.budget = &budget;
	must((shard.coder = coder_new()) != NULL);
	must((server = server_new(&config, NULL, NULL)) != NULL);
	must(server_start(server, &loop, &shard, 1, NULL) == 0);
}

static void turn(int fd)
{
	char bytes[4096];
	(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
	if (fd >= 0)
		while (recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
}

void net_fuzz_play(struct slice opening, struct slice input)
{
	int fds[2];
	if (!server)
		set_up();
	request_count = 0;
	size_t piece = input.len > 0 ? input.ptr[0] : 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	counter_add(&server->counters.connections_open, 1);
	atomic_fetch_add(&shard.connections, 1);
	server_conn_open(&server->workers[0], fds[0]);
	turn(fds[1]);
	if (opening.len > 0)
		(void)send(fds[1], opening.ptr, opening.len, MSG_NOSIGNAL);
	for (size_t at = 1; at < input.len;) {
		size_t len = input.len - at;
		if (piece > 0 && len > piece)
			len = piece;
		if (send(fds[1], input.ptr + at, len, MSG_NOSIGNAL) <= 0)
			break;
		at += len;
		turn(fds[1]);
	}
	while (piece % 2 == 0 && held_count > 0)
		answer(held[--held_count]);
	turn(fds[1]);
	(void)close(fds[1]);
	for (int i = 0; i < TURNS_MAX && server->workers[0].connections; i++) {
		turn(-1); /* HTTP/2 cancels what is held; HTTP/1.1 sees the end after the answer */
		while (held_count > 0)
			answer(held[--held_count]);
	}
	must(!server->workers[0].connections);
	must(held_count == 0 && budget_used(&budget) == 0);
}
