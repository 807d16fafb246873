/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server: its sockets on the accept loop, and a worker on each shard that owns the connections
 * given to it. A new connection goes to the shard with the fewest, as a task in the mailbox of its
 * loop. The accept loop and the workers talk by tasks only; counters are atomic.
 *
 * Order of an orderly end: server_drain closes the sockets and posts to every worker; a worker
 * whose last connection has closed posts back; after the last one `drained` is called. server_free
 * may also come earlier, once the loops stand still: connections then end without their server.
 */
#include "pipeline/base/assert.h"
#include "pipeline/net/server_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	ACCEPTS_PER_EVENT = 64, /* then the loop's other work has its turn */
	ACCEPT_PAUSE_MS = 100,	/* after EMFILE and the like */
};

struct accept_socket {
	uv_poll_t poll;
	uv_timer_t pause;
	struct server *server; /* NULL: the server has gone */
	struct accept_socket *next;
	int fd; /* the listener's */
	uint8_t handles_open;
};

struct server_limits server_limits_default(void)
{
	return (struct server_limits){
		.connections_max = 10000,
		.streams_max = 1024,
		.header_bytes_max = 64 * 1024,
		.header_timeout_ns = 30 * NS_PER_S,
		.body_timeout_ns = 60 * NS_PER_S,
		.write_timeout_ns = 30 * NS_PER_S,
		.idle_timeout_ns = 600 * NS_PER_S,
		.http_body_bytes_max = 20 << 20,
		.grpc_message_bytes_max = 4 << 20,
		.window_bytes_initial = 256 << 10,
		.resets_per_second_max = 1000,
	};
}

struct server_limits server_limits_probe(void)
{
	struct server_limits limits = server_limits_default();
	limits.connections_max = 32;
	limits.streams_max = 8;
	limits.header_bytes_max = 8 << 10;
	limits.header_timeout_ns = 10 * NS_PER_S;
	limits.body_timeout_ns = 10 * NS_PER_S;
	limits.write_timeout_ns = 10 * NS_PER_S;
	limits.http_body_bytes_max = 64 << 10;
	limits.grpc_message_bytes_max = 64 << 10;
	limits.window_bytes_initial = 64 << 10;
	return limits;
}

/* ---- accepting: on the accept loop ---------------------------------------------------------- */

static struct worker *least_loaded(struct server *server)
{
	struct worker *best = &server->workers[0];
	uint32_t fewest = UINT32_MAX;
	for (size_t i = 0; i < server->worker_count; i++) {
		uint32_t open = atomic_load_explicit(&server->workers[i].shard->connections,
						     memory_order_relaxed);
		if (open < fewest) {
			fewest = open;
			best = &server->workers[i];
		}
	}
	return best;
}

static void hand_over(struct server *server, int fd)
{
	ASSERT_ON_LOOP(server->accept_loop);
	struct server_counters *counters = &server->counters;
	struct worker *worker = least_loaded(server);
	uint32_t max = server->config.limits.connections_max;
	bool over_limit = counter_get(&counters->connections_open) >= max;
	counter_add(&counters->connections, 1);
	if (!worker_take(worker, fd, over_limit)) {
		(void)close(fd);
		return;
	}
	if (over_limit)
		log_warn(server->log,
			 LOG_MSG("Too many connections: the one that was quiet for longest is "
				 "closed"),
			 LOG_STR("listener", server->config.label),
			 LOG_UINT("max_connections", max));
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct accept_socket *socket = timer->data;
	(void)uv_poll_start(&socket->poll, UV_READABLE, on_acceptable); /* worked before */
}

/* Out of descriptors or memory: the connection stays in the kernel's queue, and polling would say
 * so in every turn. */
static void pause_accepting(struct accept_socket *socket, int sys)
{
	struct err err;
	(void)err_set_sys(&err, sys, "accept");
	log_warn(socket->server->log, LOG_MSG("Accepting connections is paused"), LOG_ERR(&err));
	for (size_t i = 0; i < socket->server->worker_count; i++)
		worker_ask_to_evict(&socket->server->workers[i]);
	(void)uv_poll_stop(&socket->poll);
	(void)uv_timer_start(&socket->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct accept_socket *socket = poll->data;
	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		int fd = accept4(socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			hand_over(socket->server, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			pause_accepting(socket, errno);
			return;
		} else if (errno == EAGAIN) {
			return;
		} /* else this one connection failed; there may be others */
	}
}

static void on_accept_socket_closed(uv_handle_t *handle)
{
	struct accept_socket *socket = handle->data;
	if (--socket->handles_open == 0)
		free(socket);
}

static int open_accept_socket(struct server *server, int fd, struct err *err)
{
	struct accept_socket *socket = calloc(1, sizeof(*socket));
	if (!socket)
		return err_set(err, ERR_NOMEM, "no memory for a listener");
	int code = uv_poll_init(&server->accept_loop->uv, &socket->poll, fd);
	if (code != 0) {
		free(socket);
		return err_set_sys(err, -code, "listen");
	}
	(void)uv_timer_init(&server->accept_loop->uv, &socket->pause); /* cannot fail */
	socket->poll.data = socket->pause.data = socket;
	socket->handles_open = 2;
	socket->server = server;
	socket->fd = fd;
	socket->next = server->accept_sockets;
	server->accept_sockets = socket;
	code = uv_poll_start(&socket->poll, UV_READABLE, on_acceptable);
	return code == 0 ? 0 : err_set_sys(err, -code, "listen");
}

static void stop_accepting(struct server *server)
{
	while (server->accept_sockets) {
		struct accept_socket *socket = server->accept_sockets;
		server->accept_sockets = socket->next;
		uv_close((uv_handle_t *)&socket->poll, on_accept_socket_closed);
		uv_close((uv_handle_t *)&socket->pause, on_accept_socket_closed);
	}
	listener_close(server->listener);
	server->listener = NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct server *server_new(const struct server_config *config, const struct log *log,
			  struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server || (server->config = *config, server->log = log, http2_prepare(server) != 0)) {
		(void)err_set(err, ERR_NOMEM, "no memory for a server");
		server_free(server);
		return NULL;
	}
	server->listener = listener_open(config->transport, config->endpoint, err);
	if (!server->listener) {
		server_free(server);
		return NULL;
	}
	server->port = server->listener->port;
	return server;
}

uint16_t server_port(const struct server *server)
{
	return server->port;
}

const struct server_counters *server_get_counters(const struct server *server)
{
	return &server->counters;
}

int server_start(struct server *server, struct loop *accept_loop, struct server_shard *shards,
		 size_t shard_count, struct err *err)
{
	server->accept_loop = accept_loop;
	server->workers = calloc(shard_count, sizeof(*server->workers));
	if (!server->workers)
		return err_set(err, ERR_NOMEM, "no memory for a server");
	server->worker_count = shard_count;
	for (size_t i = 0; i < shard_count; i++) {
		server->workers[i].server = server;
		server->workers[i].shard = &shards[i];
	}
	for (size_t i = 0; i < server->listener->count; i++) {
		if (open_accept_socket(server, server->listener->fds[i], err) != 0) {
			stop_accepting(server);
			return -1;
		}
	}
	return 0;
}

void server_drain(struct server *server, void (*drained)(void *arg), void *arg)
{
	ASSERT_ON_LOOP(server->accept_loop);
	server->drained = drained;
	server->drained_arg = arg;
	stop_accepting(server);
	for (size_t i = 0; i < server->worker_count; i++)
		worker_ask_to_drain(&server->workers[i]);
}

void server_abort(struct server *server)
{
	stop_accepting(server);
	for (size_t i = 0; i < server->worker_count; i++)
		worker_ask_to_abort(&server->workers[i]);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	stop_accepting(server);
	for (size_t i = 0; i < server->worker_count; i++)
		worker_fini(&server->workers[i]);
	free(server->workers);
	nghttp2_option_del(server->http2_option);
	nghttp2_session_callbacks_del(server->http2_callbacks);
	free(server);
}
