/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 and 1.0 by llhttp (strict mode). One request at a time: while an answer is due nothing
 * is read, and bytes that came along (pipelining) wait in a stash, so answers are in order.
 *
 * Bytes go to llhttp by phase. Header and trailer blocks pass a scan first, which finds their exact
 * end and refuses what two parsers could read differently: bare LF or CR, NUL, folded lines, empty
 * names. What comes out of it is http1_parser.c's. After a request that is refused for its form the
 * connection is closed: where the next one begins would be a guess.
 *
 * Upgrade is ignored (h2c by upgrade is obsolete, RFC 9113 §3.1); trailers are read and dropped.
 */
#include "pipeline/net/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin_message(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	h->scan = (struct http1_scan){0};
	h->header_bytes = h->extra_bytes = 0;
	h->phase = HTTP1_HEADER;
	h->in_record = h->expect_continue = h->message_complete = false;
	h->host_count = h->te_count = 0;
	h->refuse_status = 0;
}

/* ---- answers -------------------------------------------------------------------------------- */

static const char *reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 204: return "No Content";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 413: return "Content Too Large";
	case 415: return "Unsupported Media Type";
	case 417: return "Expectation Failed";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	default: return "Status";
	}
}

/* The connection ends after what is written now. */
static void close_after_answer(struct server_conn *sc)
{
	sc->http1.closing = true;
	sc->header_since_ns = 0;
	conn_close(sc->conn, SERVER_LINGER_MS);
}

/* An answer to bytes that are no request. */
static void refuse(struct server_conn *sc, int status)
{
	char text[256];
	int len = snprintf(text, sizeof(text),
			   "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
			   "Connection: close\r\n\r\n%d %s",
			   status, reason(status), status, reason(status));
	conn_write(sc->conn, slice_of(text, (size_t)len));
	close_after_answer(sc);
}

/* Whether the connection can go on after this answer. */
static bool keeps_alive(const struct server_conn *sc, const struct request *request, int status)
{
	const struct http1 *h = &sc->http1;
	if (!h->keep_alive || sc->drain_since_ns != 0 || sc->retired_ns != 0 ||
	    !sc->worker->server->config.keep_alives)
		return false;
	if (request->body_complete)
		return true;
	if (status == 408)
		return false;
	/* A short rest of the body is read and dropped, unless the client waits to be asked. */
	return !h->expect_continue && request->content_length != UINT64_MAX &&
	       request->content_length <= REQUEST_DISCARD_BYTES_MAX;
}

static void write_head(struct server_conn *sc, const struct answer *answer, bool keep, bool http10)
{
	struct buf head = BUF_INIT;
	buf_printf(&head, "HTTP/1.1 %d %s\r\n", answer->status, reason(answer->status));
	for (size_t i = 0; i < answer->header_count; i++) {
		buf_append_str(&head, answer->headers[i].name);
		buf_append(&head, SLICE(": "));
		buf_append(&head, answer->headers[i].value);
		buf_append(&head, SLICE("\r\n"));
	}
	if (answer->date) {
		buf_append(&head, SLICE("Date: "));
		buf_append(&head, worker_date(sc->worker));
		buf_append(&head, SLICE("\r\n"));
	}
	if (answer->status != 204)
		buf_printf(&head, "Content-Length: %zu\r\n", answer->prefix.len + answer->body.len);
	if (!keep)
		buf_append(&head, SLICE("Connection: close\r\n"));
	else if (http10)
		buf_append(&head, SLICE("Connection: keep-alive\r\n"));
	buf_append(&head, SLICE("\r\n"));
	if (head.failed)
		conn_abort(sc->conn);
	conn_write(sc->conn, buf_slice(&head));
	buf_fini(&head);
}

/* The request is answered and wholly read: the next one may come. */
static void finish_request(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	request_free(h->request);
	h->request = NULL;
	sc->header_since_ns = 0;
	begin_message(sc);
	if (h->stash)
		conn_want_write(sc->conn); /* goes on with the stash in http1_writable */
	else
		conn_pause(sc->conn, false);
}

static void http1_answer(struct request *request, const struct answer *answer)
{
	struct server_conn *sc = request->sc;
	bool keep = keeps_alive(sc, request, answer->status);
	write_head(sc, answer, keep, request->is_http10);
	if (!request->base.is_head) {
		conn_write(sc->conn, answer->prefix);
		conn_write(sc->conn, answer->body);
	}
	if (!keep)
		close_after_answer(sc);
	else if (!request->body_complete)
		sc->header_since_ns = server_conn_now_ns(sc); /* the rest has a header's time */
	else if (!request->in_handler)
		finish_request(sc);
}

static void http1_settle(struct request *request)
{
	struct server_conn *sc = request->sc;
	if (!sc->http1.closing && request->state == REQUEST_ANSWERED && request->body_complete)
		finish_request(sc);
}

/* ---- bytes in ------------------------------------------------------------------------------- */

/* The bytes are no HTTP, or such that the end of the request cannot be trusted. */
static void protocol_error(struct server_conn *sc, int status)
{
	struct request *request = sc->http1.request;
	counter_add(&server_conn_counters(sc)->protocol_errors, 1);
	sc->http1.keep_alive = false;
	if (!request || request->state == REQUEST_HEADER)
		refuse(sc, status);
	else if (request->state == REQUEST_BODY)
		request_answer_plain(request, status, "400 Bad Request"); /* closes as well */
	else
		close_after_answer(sc);
}

/* Hands bytes of one phase to llhttp; returns how many it took. */
static size_t parse(struct server_conn *sc, struct slice bytes)
{
	struct http1 *h = &sc->http1;
	const char *start = (const char *)bytes.ptr;
	llhttp_errno_t code = llhttp_execute(&h->parser, start, bytes.len);
	if (code == HPE_OK)
		return bytes.len;
	if (code == HPE_PAUSED) {
		const char *stop = llhttp_get_error_pos(&h->parser);
		llhttp_resume(&h->parser);
		return (size_t)(stop - start);
	}
	protocol_error(sc, h->refuse_status ? h->refuse_status : 400);
	return bytes.len;
}

/* The first byte of a request: makes it. False when memory is short. */
static bool begin_request(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	if (h->request)
		return true;
	h->request = request_new(sc, SERVER_HTTP1);
	if (!h->request) {
		refuse(sc, 503);
		return false;
	}
	sc->header_since_ns = server_conn_now_ns(sc);
	http1_parser_init(sc);
	return true;
}

static bool is_block_too_long(struct server_conn *sc, size_t len)
{
	struct http1 *h = &sc->http1;
	size_t *count = h->phase == HTTP1_HEADER ? &h->header_bytes : &h->extra_bytes;
	*count += len;
	if (*count <= server_conn_limits(sc)->header_bytes_max)
		return false;
	counter_add(&server_conn_counters(sc)->header_too_large, 1);
	if (h->request && h->request->state == REQUEST_HEADER)
		refuse(sc, 431);
	else
		protocol_error(sc, 431);
	return true;
}

/* Takes bytes of a header or trailer block. */
static size_t feed_block(struct server_conn *sc, struct slice bytes)
{
	struct http1 *h = &sc->http1;
	enum http1_phase phase = h->phase;
	size_t len = 0;
	enum http1_scan_result result = http1_scan_block(&h->scan, bytes, &len);
	if (result == HTTP1_SCAN_BAD) {
		protocol_error(sc, 400);
		return bytes.len;
	}
	if (is_block_too_long(sc, len))
		return bytes.len;
	size_t used = parse(sc, slice_of(bytes.ptr, len));
	bool ended = phase == HTTP1_HEADER ? h->phase != HTTP1_HEADER : h->message_complete;
	if (!h->closing && (result == HTTP1_SCAN_END) != ended)
		protocol_error(sc, 400); /* llhttp and the scan disagree: trust neither */
	return used;
}

static bool is_answer_due(const struct http1 *h)
{
	return h->request && h->request->state == REQUEST_DUE;
}

static void complete_message(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	h->message_complete = false;
	request_body_done(h->request);
	if (!h->closing && h->request->state == REQUEST_ANSWERED)
		finish_request(sc);
	else if (is_answer_due(h))
		conn_pause(sc->conn, true);
}

/* The next request may be looked at: the one before is answered, and its answer not far behind. */
static bool may_go_on(const struct server_conn *sc)
{
	return !sc->http1.closing && !is_answer_due(&sc->http1) && conn_has_room(sc->conn);
}

static void feed(struct server_conn *sc, struct slice bytes)
{
	struct http1 *h = &sc->http1;
	while (bytes.len > 0 && may_go_on(sc)) {
		if (!begin_request(sc))
			return;
		size_t used = h->phase == HTTP1_BODY ? parse(sc, bytes) : feed_block(sc, bytes);
		bytes = slice_of(bytes.ptr + used, bytes.len - used);
		if (h->message_complete && !h->closing)
			complete_message(sc);
	}
	if (bytes.len == 0 || h->closing)
		return;
	/* Pipelined requests wait; their bytes are bounded by one read. */
	bool due = is_answer_due(h);
	h->stash = chunk_new(sc->account.budget, bytes.len);
	if (!h->stash || !chunk_append(h->stash, bytes)) {
		counter_add(&server_conn_counters(sc)->budget_refusals, 1);
		h->keep_alive = false; /* the answer that is due will be the last */
		if (!due)
			close_after_answer(sc);
	} else if (!due) { /* the peer has to read first */
		conn_pause(sc->conn, true);
		conn_want_write(sc->conn);
	}
}

/* ---- the protocol --------------------------------------------------------------------------- */

static bool http1_start(struct server_conn *sc)
{
	memset(&sc->http1, 0, sizeof(sc->http1));
	begin_message(sc);
	return true;
}

static void http1_data(struct server_conn *sc, struct slice bytes)
{
	feed(sc, bytes);
}

/* Goes on with what was pipelined; reading stays paused until it is used up. */
static void http1_writable(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	struct chunk *stash = h->stash;
	if (!stash || is_answer_due(h) || h->closing)
		return;
	h->stash = NULL;
	feed(sc, chunk_slice(stash));
	chunk_unref(stash);
	if (!h->stash && !is_answer_due(h))
		conn_pause(sc->conn, false);
}

static void http1_header_timeout(struct server_conn *sc)
{
	struct request *request = sc->http1.request;
	if (request && request->state == REQUEST_ANSWERED)
		close_after_answer(sc); /* the rest of a refused body did not come */
	else
		refuse(sc, 408);
}

static void http1_evict(struct server_conn *sc)
{
	sc->http1.closing = true;
	conn_close(sc->conn, 0);
}

static void http1_drain(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	if (!h->request && !h->stash && !h->closing)
		close_after_answer(sc);
}

static void http1_stop(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	if (h->request)
		request_free(h->request);
	h->request = NULL;
	chunk_unref(h->stash);
	h->stash = NULL;
}

const struct protocol http1_protocol = {
	.start = http1_start,
	.data = http1_data,
	.writable = http1_writable,
	.answer = http1_answer,
	.header_timeout = http1_header_timeout,
	.settle = http1_settle,
	.evict = http1_evict,
	.drain = http1_drain,
	.stop = http1_stop,
};
