/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of a client, from the connector to on_close. A link is freed in on_close, where
 * nothing of it is on the stack, or, without a connection yet, by link_close.
 */
#include "pipeline/base/assert.h"
#include "pipeline/net/client_internal.h"

#include "pipeline/base/clock.h"

#include <stdlib.h>

enum { TLS_RECORD_ALERT = 0x15 /* RFC 8446 §5.1: how a TLS server answers plain text */ };

UNUSED static const unsigned may_follow[] = {
	[LINK_CONNECTING] = STATE_BIT(LINK_OPENING),
	[LINK_OPENING] = STATE_BIT(LINK_OPEN) | STATE_BIT(LINK_CLOSING),
	[LINK_OPEN] = STATE_BIT(LINK_DRAINING) | STATE_BIT(LINK_CLOSING),
	[LINK_DRAINING] = STATE_BIT(LINK_CLOSING),
	[LINK_CLOSING] = STATE_BIT(LINK_CLOSING), /* a close is followed by an abort */
};

static void enter(struct link *link, enum link_state state)
{
	ASSERT_STEP(may_follow, link->state, state);
	link->state = state;
}

static void link_free(struct link *link)
{
	ASSERT(link->active.count == 0);
	struct client *client = link->client;
	if (link->previous)
		link->previous->next = link->next;
	else
		client->links = link->next;
	if (link->next)
		link->next->previous = link->previous;
	if (link->session)
		link->protocol->close(link->session);
	free(link);
	client_turn_later(client);
	client_unref(client);
}

/* A link that did not come up. */
static void link_not_open(struct link *link, enum client_outcome outcome, const struct err *err)
{
	struct client *client = link->client;
	client->refs++;
	link_free(link);
	client_connect_failed(client, outcome, err);
	client_unref(client);
}

/* ---- events of the connection ------------------------------------------------------------- */

static const struct protocol *choose_protocol(struct link *link, struct err *err)
{
	struct client *client = link->client;
	struct slice alpn = conn_alpn(link->conn);
	bool is_h2 = slice_equal(alpn, SLICE("h2"));
	if (client->config.mode == CLIENT_HTTP) {
		client->multiplexes = is_h2;
		return is_h2 ? &http2_client_protocol : &http1_client_protocol;
	}
	if (alpn.len > 0 && !is_h2) {
		(void)err_set(err, ERR_TLS,
			      "connect to %s: the peer does not offer HTTP/2, which "
			      "gRPC needs",
			      client->target);
		return NULL;
	}
	return &http2_client_protocol;
}

static void on_open(struct conn *conn, void *arg)
{
	struct link *link = arg;
	struct err err;
	if (link->state == LINK_CLOSING)
		return;
	link->protocol = choose_protocol(link, &err);
	if (link->protocol) {
		link->session = link->protocol->open(link);
		if (!link->session)
			(void)err_set(&err, ERR_NOMEM, "no memory for a connection");
	}
	if (!link->session) {
		bool is_tls = err.kind == ERR_TLS;
		enter(link, LINK_CLOSING);
		conn_abort(conn);
		client_connect_failed(link->client,
				      is_tls ? CLIENT_TLS_FAILED : CLIENT_CONNECT_FAILED, &err);
		return;
	}
	enter(link, LINK_OPEN);
	link_settle(link);
	client_turn_later(link->client);
}

/* True when the first bytes show that the two sides speak different protocols. */
static bool is_misunderstanding(struct link *link, struct slice bytes)
{
	struct err err;
	struct client *client = link->client;
	if (!client->config.tls && bytes.ptr[0] == TLS_RECORD_ALERT) {
		(void)err_set(&err, ERR_TLS,
			      "connect to %s: the peer speaks TLS: remove tls.insecure: true, or "
			      "use https://",
			      client->target);
		link_fail(link, CLIENT_TLS_FAILED, &err);
		return true;
	}
	if (link->protocol == &http2_client_protocol && slice_has_prefix(bytes, SLICE("HTTP/1."))) {
		(void)err_set(&err, ERR_PEER,
			      "connect to %s: the peer speaks HTTP/1.1, not gRPC: is this its "
			      "OTLP/HTTP port?",
			      client->target);
		link_fail(link, CLIENT_BROKEN, &err);
		return true;
	}
	return false;
}

static void on_data(struct conn *conn, void *arg, struct slice bytes)
{
	(void)conn;
	struct link *link = arg;
	if (link->state == LINK_CLOSING)
		return;
	if (!link->has_read && is_misunderstanding(link, bytes))
		return;
	link->has_read = true;
	link->protocol->data(link->session, bytes);
}

static void on_writable(struct conn *conn, void *arg)
{
	(void)conn;
	struct link *link = arg;
	if (link->state != LINK_CLOSING)
		link->protocol->flush(link->session);
}

static void describe_handshake(const struct link *link, const struct err *why, struct err *err)
{
	const char *text = why ? why->msg : "TLS handshake: the peer closed the connection";
	bool may_be_plain_text = !why || why->kind == ERR_IO ||
				 strstr(text, "closed the connection") ||
				 strstr(text, "does not speak TLS");
	const char *hint = link->client->config.tls_by_scheme
				   ? " (for a plain-text peer use http://)"
				   : " (for a plain-text peer add tls.insecure: true)";
	(void)err_set(err, ERR_TLS, "connect to %s: %s%s", link->client->target, text,
		      may_be_plain_text ? hint : "");
}

/* One kept connection was dead; the others have been idle as long: the retry gets a fresh one. */
static void close_idle_links(struct client *client)
{
	for (struct link *link = client->links; link; link = link->next) {
		if (link->state == LINK_OPEN && link->active.count == 0)
			link_close(link);
	}
}

/* What was under way when the connection ended. */
static void end_active(struct link *link, const struct err *why)
{
	struct err err;
	struct client_call *call;
	/* Most TLS servers say nothing to plain text. */
	bool may_want_tls = !link->has_read && !link->client->config.tls;
	(void)err_set(&err, why ? why->kind : ERR_IO, "%s: %s%s", link->client->target,
		      why ? why->msg : "the peer closed the connection before its answer",
		      may_want_tls ? " (does it speak TLS? then use https:// or remove "
				     "tls.insecure: true)"
				   : "");
	while ((call = link->active.first)) {
		struct exchange *exchange = call->stream;
		link->protocol->cancel(link->session, exchange);
		/* A kept connection that the peer gave up while it was idle: nothing was lost. */
		bool was_stale = link->protocol == &http1_client_protocol && link->served > 0 &&
				 !exchange->touched;
		if (was_stale && !link->client->closing && call_retry(call))
			close_idle_links(link->client);
		else
			call_fail(call, CLIENT_BROKEN, &err);
	}
}

static void on_close(struct conn *conn, void *arg, const struct err *why)
{
	(void)conn;
	struct link *link = arg;
	enum link_state state = link->state;
	struct err err;
	if (state == LINK_OPENING) {
		bool tls = link->client->config.tls != NULL;
		if (tls)
			describe_handshake(link, why, &err);
		else
			(void)err_set(&err, ERR_IO, "connect to %s: %s", link->client->target,
				      why ? why->msg : "connection closed");
		link_not_open(link, tls ? CLIENT_TLS_FAILED : CLIENT_CONNECT_FAILED, &err);
		return;
	}
	if (state == LINK_OPEN || state == LINK_DRAINING) {
		if (!why)
			link->protocol->end(link->session);
		enter(link, LINK_CLOSING);
		end_active(link, why);
	}
	link_free(link);
}

static const struct conn_events events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_writable = on_writable,
	.on_close = on_close,
};

/* ---- the connector ------------------------------------------------------------------------ */

static void on_connected(void *arg, int fd, const struct err *connect_err)
{
	struct link *link = arg;
	struct client *client = link->client;
	struct err err;
	ASSERT(link->state == LINK_CONNECTING && link->connector);
	link->connector = NULL;
	if (fd < 0) {
		link_not_open(link, CLIENT_CONNECT_FAILED, connect_err);
		return;
	}
	enter(link, LINK_OPENING);
	link->conn = conn_new(client->loop, fd, client->config.tls, client->config.server_name,
			      &events, link, &err);
	if (!link->conn) {
		(void)err_wrap(&err, "connect to %s", client->target);
		link_not_open(link, err.kind == ERR_TLS ? CLIENT_TLS_FAILED : CLIENT_CONNECT_FAILED,
			      &err);
	}
}

int link_open(struct client *client, struct err *err)
{
	struct link *link = calloc(1, sizeof(*link));
	if (!link)
		return err_set(err, ERR_NOMEM, "no memory for a connection");
	link->connector = connector_start(client->loop, client->config.host, client->config.port,
					  &client->proxy, on_connected, link, err);
	if (!link->connector) {
		free(link);
		return -1;
	}
	link->client = client;
	link->next = client->links;
	if (link->next)
		link->next->previous = link;
	client->links = link;
	client->refs++;
	return 0;
}

/* ---- calls -------------------------------------------------------------------------------- */

uint32_t link_room(const struct link *link)
{
	return link->protocol->room(link->session);
}

void link_start(struct link *link, struct client_call *call)
{
	struct err err;
	struct exchange *exchange = exchange_new(link, call, &err);
	if (!exchange) {
		call_fail(call, CLIENT_BROKEN, &err);
		return;
	}
	ASSERT(link->state == LINK_OPEN && !call->stream);
	call_list_remove(&link->client->waiting, call);
	call_list_append(&link->active, call);
	call->stream = exchange;
	call->state = (uint8_t)(CALL_ACTIVE | (call->state & CALL_RETRIED));
	link->flush_due = true;
	if (link->protocol->start(link->session, exchange, &err) < 0)
		call_fail(call, CLIENT_BROKEN, &err);
}

void link_settle(struct link *link)
{
	struct client *client = link->client;
	if (link->active.count > 0)
		return;
	link->idle_since_ns = clock_monotonic_ns();
	if (link->state == LINK_DRAINING)
		link_close(link);
	else if (client->config.mode == CLIENT_HTTP)
		client_wake_at(client, link->idle_since_ns + client->config.idle_timeout_ns);
}

void link_drain(struct link *link)
{
	if (link->state != LINK_OPEN)
		return;
	enter(link, LINK_DRAINING);
	link_settle(link);
	client_turn_later(link->client);
}

void link_fail(struct link *link, enum client_outcome outcome, const struct err *err)
{
	struct client_call *call;
	if (link->state == LINK_CLOSING)
		return;
	link_abort(link);
	while ((call = link->active.first)) {
		link->protocol->cancel(link->session, call->stream);
		call_fail(call, outcome, err);
	}
}

void link_abort(struct link *link)
{
	enter(link, LINK_CLOSING);
	conn_abort(link->conn);
}

void link_close(struct link *link)
{
	if (link->state == LINK_CONNECTING) {
		connector_cancel(link->connector);
		link_free(link);
		return;
	}
	if (link->state == LINK_CLOSING)
		return;
	enter(link, LINK_CLOSING);
	conn_close(link->conn, 0);
}

void link_tick(struct link *link, uint64_t now_ns)
{
	struct client *client = link->client;
	if (link->state != LINK_OPEN && link->state != LINK_DRAINING)
		return;
	if (link->active.count == 0 && client->config.mode == CLIENT_HTTP) {
		uint64_t end_ns = link->idle_since_ns + client->config.idle_timeout_ns;
		if (end_ns <= now_ns) {
			link_close(link);
			return;
		}
		client_wake_at(client, end_ns);
	}
	link->protocol->tick(link->session, now_ns);
}
