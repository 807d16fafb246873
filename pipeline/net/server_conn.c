/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One accepted connection: finds out which protocol it speaks (ALPN, or the 24 bytes that every
 * HTTP/2 connection begins with, RFC 9113 §3.4) and watches its time limits. There is no timer per
 * connection or request: the worker's ticker looks at each connection a few times per shortest
 * limit, and a connection at its oldest request only, because all bodies have the same time, and
 * all answers.
 */
#include "pipeline/base/assert.h"
#include "pipeline/net/server_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Of the connection besides what is counted as it is allocated: conn.c and libuv, OpenSSL. */
	CONNECTION_BYTES = 2 * 1024,
	TLS_BYTES = 40 * 1024,
	DRAIN_UNREAD_MS_MAX = 1000, /* at the end nobody waits longer for a peer to read */
};

static const uint8_t http2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
_Static_assert(sizeof(http2_preface) - 1 == HTTP2_PREFACE_BYTES, "the preface of RFC 9113");

const struct server_limits *server_conn_limits(const struct server_conn *sc)
{
	return &sc->worker->server->config.limits;
}

struct server_counters *server_conn_counters(const struct server_conn *sc)
{
	return &sc->worker->server->counters;
}

uint64_t server_conn_now_ns(const struct server_conn *sc)
{
	return uv_now(&sc->worker->shard->loop->uv) * NS_PER_MS;
}

/* ---- quiet and busy ------------------------------------------------------------------------- */

static void set_quiet(struct server_conn *sc, bool quiet)
{
	struct worker *worker = sc->worker;
	if (sc->is_quiet == quiet)
		return;
	sc->is_quiet = quiet;
	if (quiet) {
		sc->quiet_previous = worker->quiet_last;
		sc->quiet_next = NULL;
		*(worker->quiet_last ? &worker->quiet_last->quiet_next : &worker->quiet_first) = sc;
		worker->quiet_last = sc;
		return;
	}
	*(sc->quiet_previous ? &sc->quiet_previous->quiet_next : &worker->quiet_first) =
		sc->quiet_next;
	*(sc->quiet_next ? &sc->quiet_next->quiet_previous : &worker->quiet_last) =
		sc->quiet_previous;
}

void server_conn_busy(struct server_conn *sc)
{
	sc->busy_count++;
	set_quiet(sc, false);
}

void server_conn_unbusy(struct server_conn *sc)
{
	ASSERT(sc->busy_count > 0);
	if (--sc->busy_count == 0)
		set_quiet(sc, true);
}

bool worker_evict(struct worker *worker)
{
	struct server_conn *sc = worker->quiet_first;
	if (!sc)
		return false;
	server_conn_busy(sc); /* never quiet again */
	counter_add(&server_conn_counters(sc)->connections_evicted, 1);
	if (!sc->protocol || conn_output_bytes(sc->conn) > 0)
		conn_abort(sc->conn);
	else
		sc->protocol->evict(sc);
	return true;
}

/* ---- the protocol --------------------------------------------------------------------------- */

static bool choose(struct server_conn *sc, const struct protocol *protocol)
{
	sc->protocol = protocol;
	if (protocol->start(sc)) {
		if (sc->drain_since_ns != 0)
			protocol->drain(sc);
		else if (sc->retired_ns != 0 && protocol->retire)
			protocol->retire(sc);
		return true;
	}
	sc->protocol = NULL;
	conn_abort(sc->conn);
	return false;
}

/* The header of a record of type handshake, version 3.x (RFC 8446 §5.1). HTTP never begins so. */
static bool is_tls_hello(struct slice bytes)
{
	return bytes.len >= 2 && bytes.ptr[0] == 0x16 && bytes.ptr[1] == 0x03;
}

/* Reads as long as the bytes could be the preface of HTTP/2; the first that could not tells. */
static void detect(struct server_conn *sc, struct slice bytes)
{
	size_t len = HTTP2_PREFACE_BYTES - (size_t)sc->preface_len;
	if (len > bytes.len)
		len = bytes.len;
	bool same = memcmp(bytes.ptr, http2_preface + sc->preface_len, len) == 0;
	if (same && sc->preface_len + len < HTTP2_PREFACE_BYTES) {
		memcpy(sc->preface + sc->preface_len, bytes.ptr, len);
		sc->preface_len = (uint8_t)(sc->preface_len + len);
		return;
	}
	if (sc->preface_len == 0 && is_tls_hello(bytes))
		counter_add(&server_conn_counters(sc)->tls_on_plain_port, 1);
	/* The protocol's state takes the place of nothing here: preface is not in the union. */
	struct slice before = slice_of(sc->preface, sc->preface_len);
	if (!choose(sc, same ? &http2_protocol : &http1_protocol))
		return;
	if (before.len > 0)
		sc->protocol->data(sc, before);
	sc->protocol->data(sc, bytes);
}

static void on_open(struct conn *conn, void *arg)
{
	struct server_conn *sc = arg;
	sc->handshaking = false;
	sc->idle_since_ns = server_conn_now_ns(sc);
	if (slice_equal(conn_alpn(conn), SLICE("h2")))
		(void)choose(sc, &http2_protocol); /* a failure has closed the connection */
}

static void on_data(struct conn *conn, void *arg, struct slice bytes)
{
	struct server_conn *sc = arg;
	(void)conn;
	if (sc->protocol) {
		sc->protocol->data(sc, bytes);
		return;
	}
	if (sc->header_since_ns == 0)
		sc->header_since_ns = server_conn_now_ns(sc);
	detect(sc, bytes);
}

static void on_writable(struct conn *conn, void *arg)
{
	struct server_conn *sc = arg;
	(void)conn;
	if (sc->protocol)
		sc->protocol->writable(sc);
}

static void on_close(struct conn *conn, void *arg, const struct err *why)
{
	struct server_conn *sc = arg;
	struct worker *worker = sc->worker;
	(void)conn;
	if (worker && sc->handshaking && why) {
		counter_add(&server_conn_counters(sc)->tls_handshake_failures, 1);
		log_debug(worker->server->log, LOG_MSG("TLS handshake failed"), LOG_ERR(why));
	}
	if (worker) {
		server_conn_busy(sc); /* never quiet again */
		server_conn_detach(sc);
		worker_remove(worker, sc);
	}
	account_give(&sc->account, sc->fixed_bytes);
	free(sc);
}

static const struct conn_events events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_writable = on_writable,
	.on_close = on_close,
};

/* What the connection takes before a byte has come. Without room for it a quiet one has to go. */
static bool charge(struct server_conn *sc, struct worker *worker)
{
	const struct server_config *config = &worker->server->config;
	account_init(&sc->account, config->budget ? config->budget : worker->shard->budget);
	sc->fixed_bytes = sizeof(*sc) + CONNECTION_BYTES + (config->tls ? TLS_BYTES : 0);
	if (account_take(&sc->account, sc->fixed_bytes))
		return true;
	counter_add(&worker->server->counters.budget_refusals, 1);
	(void)worker_evict(worker);
	return false;
}

void server_conn_open(struct worker *worker, int fd)
{
	const struct server_config *config = &worker->server->config;
	struct server_conn *sc = calloc(1, sizeof(*sc));
	if (!sc || !charge(sc, worker)) {
		free(sc);
		worker_lost(worker, fd);
		return;
	}
	sc->worker = worker;
	sc->handshaking = config->tls != NULL;
	sc->opened_ns = server_conn_now_ns(sc);
	sc->header_since_ns = sc->opened_ns; /* the handshake and the silence before a request */
	struct err err;
	sc->conn = conn_new(worker->shard->loop, fd, config->tls, NULL, &events, sc, &err);
	if (!sc->conn) {
		log_warn(worker->server->log, LOG_MSG("Failed to take a connection"),
			 LOG_ERR(&err));
		account_give(&sc->account, sc->fixed_bytes);
		free(sc);
		worker_lost(worker, -1);
		return;
	}
	conn_charge(sc->conn, &sc->account);
	conn_limit_output(sc->conn, SERVER_OUTPUT_BYTES_HIGH);
	worker_add(worker, sc);
	set_quiet(sc, true);
	if (worker->draining)
		server_conn_drain(sc);
}

void server_conn_detach(struct server_conn *sc)
{
	if (sc->protocol)
		sc->protocol->stop(sc);
	sc->protocol = NULL;
	sc->worker = NULL;
}

/* ---- time limits ---------------------------------------------------------------------------- */

void server_conn_drain(struct server_conn *sc)
{
	if (sc->drain_since_ns != 0)
		return;
	sc->drain_since_ns = server_conn_now_ns(sc);
	if (sc->protocol)
		sc->protocol->drain(sc);
	else
		conn_close(sc->conn, SERVER_LINGER_MS); /* nothing was asked for yet */
}

/* An idle HTTP/1.1 connection is left open: the peer's next request may be on its way, and most
 * clients do not repeat a POST whose connection was closed under it. Its answer says close. */
static void retire(struct server_conn *sc)
{
	if (sc->retired_ns != 0 || sc->drain_since_ns != 0)
		return;
	sc->retired_ns = server_conn_now_ns(sc);
	if (sc->protocol && sc->protocol->retire)
		sc->protocol->retire(sc);
}

static bool is_over(uint64_t since_ns, uint64_t limit_ns, uint64_t now_ns)
{
	return since_ns != 0 && limit_ns != 0 && now_ns >= since_ns + limit_ns;
}

/* Whether output that waited at an earlier look is still there when its time is over. */
static bool is_unread(struct server_conn *sc, uint64_t limit_ns, uint64_t now_ns)
{
	size_t waiting = conn_output_bytes(sc->conn);
	uint64_t written = conn_written_bytes(sc->conn);
	if (waiting == 0 || written >= sc->write_mark) {
		sc->write_mark = written + waiting;
		sc->write_mark_ns = waiting > 0 ? now_ns : 0;
	}
	return is_over(sc->write_mark_ns, limit_ns, now_ns);
}

/* Cuts what the peer does not read: the connection, or the answers that its windows hold back.
 * True when the connection ends. */
static bool cut_unread(struct server_conn *sc, uint64_t now_ns)
{
	uint64_t limit_ns = server_conn_limits(sc)->write_timeout_ns;
	uint64_t at_the_end_ns = DRAIN_UNREAD_MS_MAX * NS_PER_MS;
	bool ending = sc->worker->draining;
	if (ending && (limit_ns == 0 || limit_ns > at_the_end_ns))
		limit_ns = at_the_end_ns;
	struct request *oldest = sc->answers.first;
	bool held_back = oldest && is_over(oldest->list_since_ns, limit_ns, now_ns);
	if (!is_unread(sc, limit_ns, now_ns) && !held_back)
		return false;
	counter_add(&server_conn_counters(sc)->write_timeout, 1);
	if (held_back && !ending) {
		sc->protocol->cut(oldest);
		return false;
	}
	conn_abort(sc->conn);
	return true;
}

void server_conn_tick(struct server_conn *sc, uint64_t now_ns)
{
	ASSERT_ON_LOOP(sc->worker->shard->loop);
	const struct server_limits *limits = server_conn_limits(sc);
	while (sc->bodies.first &&
	       is_over(sc->bodies.first->list_since_ns, limits->body_timeout_ns, now_ns))
		request_refuse(sc->bodies.first, REFUSED_BODY_TIMEOUT, NULL);
	if (cut_unread(sc, now_ns))
		return;
	if (is_over(sc->header_since_ns, limits->header_timeout_ns, now_ns)) {
		sc->header_since_ns = 0;
		counter_add(&server_conn_counters(sc)->header_timeout, 1);
		if (sc->protocol)
			sc->protocol->header_timeout(sc);
		else
			conn_abort(sc->conn);
		return;
	}
	if (sc->drain_since_ns == 0 &&
	    is_over(sc->idle_since_ns, limits->idle_timeout_ns, now_ns)) {
		counter_add(&server_conn_counters(sc)->connections_idle, 1);
		server_conn_drain(sc);
	}
	if (is_over(sc->opened_ns, limits->max_connection_age_ns, now_ns))
		retire(sc);
	if (!sc->worker->draining &&
	    is_over(sc->retired_ns, limits->max_connection_age_grace_ns, now_ns))
		conn_abort(sc->conn);
	if (sc->protocol && sc->protocol->tick)
		sc->protocol->tick(sc, now_ns);
}
