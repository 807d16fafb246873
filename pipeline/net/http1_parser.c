/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What llhttp's callbacks make of a request: the fields go to the request's header text, and what two
 * parsers could read differently is refused with a status. On top of what llhttp refuses, so are:
 * Content-Length beside Transfer-Encoding, any transfer coding but exactly "chunked", a missing or
 * repeated Host (RFC 9112 §3.2, §6). The bytes come from http1_server.c, by phase.
 */
#include "pipeline/net/server_internal.h"

#include <string.h>

static struct server_conn *conn_of(llhttp_t *parser)
{
	return parser->data;
}

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
	if (h->phase != HTTP1_HEADER)
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
	if (h->phase == HTTP1_HEADER)
		h->name_len = request_field_len(h->request);
	return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	struct server_conn *sc = conn_of(parser);
	return sc->http1.phase == HTTP1_HEADER ? add_text(sc, at, len) : 0;
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
	if (h->phase != HTTP1_HEADER)
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
	h->phase = HTTP1_BODY;
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
	h->phase = HTTP1_TRAILER;
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

void http1_parser_init(struct server_conn *sc)
{
	struct http1 *h = &sc->http1;
	llhttp_init(&h->parser, HTTP_REQUEST, &settings);
	h->parser.data = sc;
}
