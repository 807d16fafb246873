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
	TICK_MS_MIN = 10,
	TICK_MS_MAX = 1000,
	TICKS_PER_LIMIT = 8, /* a time limit is kept to an eighth of the shortest one */
};

/* Outlives worker and server until libuv has let go of it. */
struct ticker {
	uv_timer_t timer;
	struct worker *worker; /* NULL: the server has gone */
};

struct accept_socket {
	uv_poll_t poll;
	uv_timer_t pause;
	struct server *server; /* NULL: the server has gone */
	struct accept_socket *next;
	int fd; /* the listener's */
	uint8_t handles_open;
};

struct adoption {
	struct loop_task task;
	struct worker *worker;
	size_t asked; /* workers that had no quiet connection to give up for this one */
	bool over_limit;
	int fd;
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
		.idle_timeout_ns = 10 * 60 * NS_PER_S,
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
	limits.header_bytes_max = 8 * 1024;
	limits.header_timeout_ns = 10 * NS_PER_S;
	limits.body_timeout_ns = 10 * NS_PER_S;
	limits.write_timeout_ns = 10 * NS_PER_S;
	limits.http_body_bytes_max = 64 * 1024;
	limits.grpc_message_bytes_max = 64 * 1024;
	limits.window_bytes_initial = 64 * 1024;
	return limits;
}

/* ---- workers: on their shard's thread ------------------------------------------------------- */

static uint64_t tick_ms(const struct server_limits *limits)
{
	const uint64_t times[] = {
		limits->header_timeout_ns,     limits->body_timeout_ns,
		limits->write_timeout_ns,      limits->idle_timeout_ns,
		limits->max_connection_age_ns, limits->max_connection_age_grace_ns};
	uint64_t shortest = (uint64_t)TICK_MS_MAX * TICKS_PER_LIMIT * NS_PER_MS;
	for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
		if (times[i] != 0 && times[i] < shortest)
			shortest = times[i];
	}
	uint64_t ms = shortest / NS_PER_MS / TICKS_PER_LIMIT;
	return ms < TICK_MS_MIN ? TICK_MS_MIN : ms;
}

static void on_tick(uv_timer_t *timer)
{
	struct worker *worker = ((struct ticker *)timer->data)->worker;
	struct server_conn *next;
	/* Connections leave the list in on_close only, which is never called from here. */
	for (struct server_conn *sc = worker->connections; sc; sc = next) {
		next = sc->next;
		server_conn_tick(sc, server_conn_now_ns(sc));
	}
}

static void on_ticker_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* The first connection starts the ticker; it stops with the last, so idle processes sleep. */
static void start_ticker(struct worker *worker)
{
	if (!worker->ticker) {
		worker->ticker = calloc(1, sizeof(*worker->ticker));
		if (!worker->ticker)
			return; /* without time limits, until the next connection */
		(void)uv_timer_init(&worker->shard->loop->uv, &worker->ticker->timer);
		worker->ticker->timer.data = worker->ticker;
		worker->ticker->worker = worker;
	}
	uint64_t ms = tick_ms(&worker->server->config.limits);
	(void)uv_timer_start(&worker->ticker->timer, on_tick, ms, ms); /* cannot fail */
}

static void close_ticker(struct worker *worker)
{
	if (!worker->ticker)
		return;
	worker->ticker->worker = NULL;
	uv_close((uv_handle_t *)&worker->ticker->timer, on_ticker_closed);
	worker->ticker = NULL;
}

static void on_worker_drained(struct loop_task *task)
{
	struct worker *worker = CONTAINER_OF(task, struct worker, drained_task);
	struct server *server = worker->server;
	if (++server->workers_drained == server->worker_count && server->drained)
		server->drained(server->drained_arg); /* may free the server */
}

static void report_if_drained(struct worker *worker)
{
	if (!worker->report || worker->reported || worker->connections)
		return;
	worker->reported = true;
	close_ticker(worker);
	worker->drained_task.run = on_worker_drained;
	loop_post(worker->server->accept_loop, &worker->drained_task);
}

static void uncount(struct worker *worker)
{
	counter_sub(&worker->server->counters.connections_open, 1);
	atomic_fetch_sub_explicit(&worker->shard->connections, 1, memory_order_relaxed);
}

void worker_add(struct worker *worker, struct server_conn *sc)
{
	ASSERT_ON_LOOP(worker->shard->loop);
	sc->next = worker->connections;
	if (sc->next)
		sc->next->previous = sc;
	worker->connections = sc;
	if (!sc->next)
		start_ticker(worker);
}

void worker_remove(struct worker *worker, struct server_conn *sc)
{
	ASSERT_ON_LOOP(worker->shard->loop);
	ASSERT(sc->previous || worker->connections == sc);
	if (sc->next)
		sc->next->previous = sc->previous;
	if (sc->previous)
		sc->previous->next = sc->next;
	else
		worker->connections = sc->next;
	if (!worker->connections && worker->ticker)
		(void)uv_timer_stop(&worker->ticker->timer); /* cannot fail */
	uncount(worker);
	report_if_drained(worker);
}

void worker_lost(struct worker *worker, int fd)
{
	if (fd >= 0)
		(void)close(fd);
	uncount(worker);
}

struct slice worker_date(struct worker *worker)
{
	uint64_t now_s = clock_wall_ns() / NS_PER_S;
	if (now_s != worker->date_s) {
		struct tm tm;
		time_t time = (time_t)now_s;
		(void)gmtime_r(&time, &tm); /* the year fits */
		(void)strftime(worker->date, sizeof(worker->date), "%a, %d %b %Y %H:%M:%S GMT",
			       &tm);
		worker->date_s = now_s;
	}
	return slice_str(worker->date);
}

static void drain_worker(struct loop_task *task)
{
	struct worker *worker = CONTAINER_OF(task, struct worker, drain_task);
	worker->draining = worker->report = true;
	for (struct server_conn *sc = worker->connections; sc; sc = sc->next)
		server_conn_drain(sc);
	report_if_drained(worker);
}

static void abort_worker(struct loop_task *task)
{
	struct worker *worker = CONTAINER_OF(task, struct worker, abort_task);
	worker->draining = true;
	for (struct server_conn *sc = worker->connections; sc; sc = sc->next)
		conn_abort(sc->conn);
	report_if_drained(worker);
}

/* Lets the next worker look for a connection to give up. False when all were asked. */
static bool pass_on(struct adoption *adoption)
{
	struct server *server = adoption->worker->server;
	if (++adoption->asked == server->worker_count)
		return false;
	size_t next = (size_t)(adoption->worker - server->workers) + 1;
	atomic_fetch_sub_explicit(&adoption->worker->shard->connections, 1, memory_order_relaxed);
	adoption->worker = &server->workers[next % server->worker_count];
	atomic_fetch_add_explicit(&adoption->worker->shard->connections, 1, memory_order_relaxed);
	loop_post(adoption->worker->shard->loop, &adoption->task);
	return true;
}

static void adopt(struct loop_task *task)
{
	struct adoption *adoption = CONTAINER_OF(task, struct adoption, task);
	struct worker *worker = adoption->worker;
	if (adoption->over_limit && !worker_evict(worker)) {
		if (pass_on(adoption))
			return;
		counter_add(&worker->server->counters.connections_over_limit, 1);
		worker_lost(worker, adoption->fd);
	} else {
		server_conn_open(worker, adoption->fd);
	}
	free(adoption);
}

/* Out of descriptors: the accept loop asks for some to be given back. */
static void evict(struct loop_task *task)
{
	struct worker *worker = CONTAINER_OF(task, struct worker, evict_task);
	atomic_store(&worker->evict_asked, false);
	(void)worker_evict(worker);
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
	struct adoption *adoption = malloc(sizeof(*adoption));
	uint32_t max = server->config.limits.connections_max;
	bool over_limit = counter_get(&counters->connections_open) >= max;
	counter_add(&counters->connections, 1);
	if (!adoption) {
		(void)close(fd);
		return;
	}
	if (over_limit)
		log_warn(server->log,
			 LOG_MSG("Too many connections: the one that was quiet for longest is "
				 "closed"),
			 LOG_STR("listener", server->config.label),
			 LOG_UINT("max_connections", max));
	counter_add(&counters->connections_open, 1);
	atomic_fetch_add_explicit(&worker->shard->connections, 1, memory_order_relaxed);
	*adoption = (struct adoption){
		.task.run = adopt, .worker = worker, .over_limit = over_limit, .fd = fd};
	loop_post(worker->shard->loop, &adoption->task);
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
	for (size_t i = 0; i < socket->server->worker_count; i++) {
		struct worker *worker = &socket->server->workers[i];
		if (atomic_exchange(&worker->evict_asked, true))
			continue;
		worker->evict_task.run = evict;
		loop_post(worker->shard->loop, &worker->evict_task);
	}
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
	for (size_t i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];
		worker->drain_task.run = drain_worker;
		loop_post(worker->shard->loop, &worker->drain_task);
	}
}

void server_abort(struct server *server)
{
	stop_accepting(server);
	for (size_t i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];
		worker->abort_task.run = abort_worker;
		loop_post(worker->shard->loop, &worker->abort_task);
	}
}

void server_free(struct server *server)
{
	if (!server)
		return;
	stop_accepting(server);
	for (size_t i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];
		while (worker->connections) {
			struct server_conn *sc = worker->connections;
			worker->connections = sc->next;
			server_conn_detach(sc);
			conn_abort(sc->conn);
			uncount(worker);
		}
		close_ticker(worker);
	}
	free(server->workers);
	nghttp2_option_del(server->http2_option);
	nghttp2_session_callbacks_del(server->http2_callbacks);
	free(server);
}
