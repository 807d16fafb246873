/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's part on one shard: the connections given to it, the clock that ends them, and what the
 * accept loop asks of it. All of it runs on the shard's thread but the functions that ask, which post
 * a task; a connection over the limit goes from worker to worker until one gives up a quiet one.
 */
#include "pipeline/net/server_internal.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	TICK_MS_MIN = 10,
	TICK_MS_MAX = 1000,
	TICKS_PER_LIMIT = 8, /* a time limit is kept to an eighth of the shortest one */
};

/* Outlives worker and server until libuv has let go of it. */
struct ticker {
	uv_timer_t timer;
	struct worker *worker; /* NULL: the server has gone */
};

/* A connection on its way to a worker. */
struct adoption {
	struct loop_task task;
	struct worker *worker;
	size_t asked; /* workers that had no quiet connection to give up for this one */
	bool over_limit;
	int fd;
};

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

bool worker_take(struct worker *worker, int fd, bool over_limit)
{
	struct adoption *adoption = malloc(sizeof(*adoption));
	if (!adoption)
		return false;
	counter_add(&worker->server->counters.connections_open, 1);
	atomic_fetch_add_explicit(&worker->shard->connections, 1, memory_order_relaxed);
	*adoption = (struct adoption){
		.task.run = adopt, .worker = worker, .over_limit = over_limit, .fd = fd};
	loop_post(worker->shard->loop, &adoption->task);
	return true;
}

/* Out of descriptors: the accept loop asks for some to be given back. */
static void evict(struct loop_task *task)
{
	struct worker *worker = CONTAINER_OF(task, struct worker, evict_task);
	atomic_store(&worker->evict_asked, false);
	(void)worker_evict(worker);
}

void worker_ask_to_evict(struct worker *worker)
{
	if (atomic_exchange(&worker->evict_asked, true))
		return;
	worker->evict_task.run = evict;
	loop_post(worker->shard->loop, &worker->evict_task);
}

void worker_ask_to_drain(struct worker *worker)
{
	worker->drain_task.run = drain_worker;
	loop_post(worker->shard->loop, &worker->drain_task);
}

void worker_ask_to_abort(struct worker *worker)
{
	worker->abort_task.run = abort_worker;
	loop_post(worker->shard->loop, &worker->abort_task);
}

void worker_fini(struct worker *worker)
{
	while (worker->connections) {
		struct server_conn *sc = worker->connections;
		worker->connections = sc->next;
		server_conn_detach(sc);
		conn_abort(sc->conn);
		uncount(worker);
	}
	close_ticker(worker);
}
