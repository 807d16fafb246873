/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 and 1.0 by llhttp (strict mode). One request at a time: while an answer is due nothing
 * is read, and bytes that came along (pipelining) wait in a stash, so answers are in order.
 *
 * Bytes go to llhttp by phase. Header and trailer blocks pass a scan first, which finds their exact
 * end and refuses what two parsers could read differently: bare LF or CR, NUL, folded lines, empty
 * names. On top of what llhttp refuses, so are: Content-Length beside Transfer-Encoding, any
 * transfer coding but exactly "chunked", a missing or repeated Host (RFC 9112 §3.2, §6). After
 * such a request the connection is closed: where the next one begins would be a guess.
 *
 * Upgrade is ignored (h2c by upgrade is obsolete, RFC 9113 §3.1); trailers are read and dropped.
 */
#include "pipeline/net/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum phase { PHASE_HEADER = 0, PHASE_BODY, PHASE_TRAILER };

static struct server_conn *conn_of(llhttp_t *parser)
{
	return parser->data;
}

static void begin_message(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	h->scan = (struct http1_scan){0};
	h->header_bytes = h->extra_bytes = 0;
	h->phase = PHASE_HEADER;
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

/* ---- llhttp's callbacks --------------------------------------------------------------------- */

/* Remembers why the header is refused; the first reason counts. */
static int bad(struct server_conn *sc, int status)
{
	if (sc->http1.refuse_status == 0)
		sc->http1.refuse_status = status;
	return HPE_USER;
}

static int add_text(struct server_conn *sc, const char *at, size_t len)
{
	return request_field_text(sc->http1.request, slice_of(at, len)) ? 0 : bad(sc, 503);
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct server_conn *sc = conn_of(parser);
	struct http1 *h = &sc->http1;
	if (!h->in_record) {
		h->in_record = true;
		if (!request_field_begin(h->request) ||
		    !request_field_text(h->request, SLICE(":path")))
			return bad(sc, 503);
	}
	return add_text(sc, at, len);
}

static int on_url_complete(llhttp_t *parser)
{
	struct http1 *h = &conn_of(parser)->http1;
	request_field_end(h->request, strlen(":path"));
	h->in_record = false;
	return 0;
}

/* Trailers and chunk extensions are dropped, but not without bound. */
static int drop_extra(struct server_conn *sc, size_t len)
{
	sc->http1.extra_bytes += len;
	if (sc->http1.extra_bytes <= server_conn_limits(sc)->header_bytes_max)
		return 0;
	counter_add(&server_conn_counters(sc)->header_too_large, 1);
	return bad(sc, 431);
}

static int on_extension(llhttp_t *parser, const char *at, size_t len)
{
	(void)at;
	return drop_extra(conn_of(parser), len);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct server_conn *sc = conn_of(parser);
	struct http1 *h = &sc->http1;
	if (h->phase != PHASE_HEADER)
		return 0; /* trailers are counted by the block */
	if (!h->in_record) {
		h->in_record = true;
		if (!request_field_begin(h->request))
			return bad(sc, 503);
	}
	return add_text(sc, at, len);
}

static int on_header_field_complete(llhttp_t *parser)
{
	struct http1 *h = &conn_of(parser)->http1;
	if (h->phase == PHASE_HEADER)
		h->name_len = request_field_len(h->request);
	return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct server_conn *sc = conn_of(parser);
	return sc->http1.phase == PHASE_HEADER ? add_text(sc, at, len) : 0;
}

/* Looks at the field that was just completed: the last record of the request. */
static int check_field(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	struct request *request = h->request;
	if (request->header_too_large)
		return 0;
	const uint8_t *text = request->text + request->text_len - request_field_len(request);
	struct slice name = slice_of(text, h->name_len);
	struct slice value =
		slice_trim(slice_of(text + h->name_len, request_field_len(request) - h->name_len));
	if (slice_equal(name, SLICE("host"))) {
		return ++h->host_count > 1 ? bad(sc, 400) : 0;
	} else if (slice_equal(name, SLICE("transfer-encoding"))) {
		if (++h->te_count > 1 || !slice_equal_nocase(value, SLICE("chunked")))
			return bad(sc, 400);
	} else if (slice_equal(name, SLICE("content-length"))) {
		uint64_t length;
		bool repeated = request->content_length != UINT64_MAX;
		if (!slice_parse_u64(value, &length) || length == UINT64_MAX || repeated)
			return bad(sc, 400);
		request->content_length = length;
	} else if (slice_equal(name, SLICE("expect"))) {
		if (!slice_equal_nocase(value, SLICE("100-continue")))
			return bad(sc, 417);
		h->expect_continue = true;
	}
	return 0;
}

static int on_header_value_complete(llhttp_t *parser)
{
	struct server_conn *sc = conn_of(parser);
	struct http1 *h = &sc->http1;
	if (h->phase != PHASE_HEADER)
		return 0;
	h->in_record = false;
	request_field_end(h->request, h->name_len);
	return check_field(sc);
}

/* What the fields say together. 0, or the status to refuse with. */
static int check_header(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	struct request *request = h->request;
	if (request->header_too_large)
		return 0; /* answered with 431 by request_header_done */
	if (h->parser.http_major != 1 || h->parser.http_minor > 1)
		return 400;
	request->is_http10 = h->parser.http_minor == 0;
	if (h->host_count == 0 && !request->is_http10)
		return 400;
	if (h->te_count > 0 && (request->content_length != UINT64_MAX || request->is_http10))
		return 400;
	struct slice target = server_request_header(&request->base, ":path");
	bool asterisk = h->parser.method == HTTP_OPTIONS && slice_equal(target, SLICE("*"));
	if (h->parser.method == HTTP_CONNECT || target.len == 0 ||
	    (target.ptr[0] != '/' && !asterisk && !memmem(target.ptr, target.len, "://", 3)))
		return 400;
	return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct server_conn *sc = conn_of(parser);
	struct http1 *h = &sc->http1;
	struct request *request = h->request;
	int status = check_header(sc);
	if (status != 0)
		return bad(sc, status);
	parser->upgrade = 0; /* never: the rest of the bytes is HTTP/1.1 as well */
	h->keep_alive = llhttp_should_keep_alive(parser) != 0 && !request->header_too_large;
	h->phase = PHASE_BODY;
	sc->header_since_ns = 0;
	const char *method = llhttp_method_name(parser->method);
	request->base.method = slice_str(method);
	bool has_body = h->te_count > 0 ||
			(request->content_length != UINT64_MAX && request->content_length > 0);
	request->body_complete = !has_body;
	h->expect_continue = h->expect_continue && has_body && !request->is_http10;
	request_header_done(request);
	if (h->expect_continue && request->state == REQUEST_BODY) {
		h->expect_continue = false;
		conn_write(sc->conn, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
	}
	return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	request_body(conn_of(parser)->http1.request, slice_of(at, len));
	return 0;
}

static int on_chunk_header(llhttp_t *parser)
{
	if (parser->content_length > 0)
		return 0;
	struct http1 *h = &conn_of(parser)->http1;
	h->phase = PHASE_TRAILER;
	h->scan = (struct http1_scan){.in_block = true};
	return HPE_PAUSED; /* what follows passes the scan first */
}

static int on_message_complete(llhttp_t *parser)
{
	conn_of(parser)->http1.message_complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_url,
	.on_url_complete = on_url_complete,
	.on_header_field = on_header_field,
	.on_header_field_complete = on_header_field_complete,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_chunk_header = on_chunk_header,
	.on_chunk_extension_name = on_extension,
	.on_chunk_extension_value = on_extension,
	.on_message_complete = on_message_complete,
};

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
	llhttp_init(&h->parser, HTTP_REQUEST, &settings);
	h->parser.data = sc;
	return true;
}

static bool is_block_too_long(struct server_conn *sc, size_t len)
{
	struct http1 *h = &sc->http1;
	size_t *count = h->phase == PHASE_HEADER ? &h->header_bytes : &h->extra_bytes;
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
	enum phase phase = h->phase;
	size_t len = 0;
	enum http1_scan_result result = http1_scan_block(&h->scan, bytes, &len);
	if (result == HTTP1_SCAN_BAD) {
		protocol_error(sc, 400);
		return bytes.len;
	}
	if (is_block_too_long(sc, len))
		return bytes.len;
	size_t used = parse(sc, slice_of(bytes.ptr, len));
	bool ended = phase == PHASE_HEADER ? h->phase != PHASE_HEADER : h->message_complete;
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
		size_t used = h->phase == PHASE_BODY ? parse(sc, bytes) : feed_block(sc, bytes);
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
	.evict = http1_evict,
	.drain = http1_drain,
	.stop = http1_stop,
};
