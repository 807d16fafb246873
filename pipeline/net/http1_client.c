/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 (RFC 9112) as a client: one request at a time on a connection, always with a
 * Content-Length; the answer is parsed by llhttp in its strict mode. The connection is kept when
 * the answer says so, was complete, and nothing came after it.
 */
#include "pipeline/net/client_internal.h"

#include "pipeline/base/buf.h"

#include <llhttp/llhttp.h>
#include <stdlib.h>

/* Interim answers and extensions of chunks are neither header nor body: they end as well. */
enum { ANSWER_RAW_BYTES_MAX = 2 * CLIENT_RESPONSE_READ_BYTES_MAX };

struct http1 {
	struct link *link;
	struct exchange *exchange; /* NULL: idle */
	llhttp_t parser;
	struct chunk *field; /* name and value of the header field being parsed */
	size_t name_len;
	struct buf head;
	size_t received;     /* of the answer, raw */
	bool complete, keep; /* the answer; the connection after it */
};

/* ---- the answer --------------------------------------------------------------------------- */

static int on_message_begin(llhttp_t *parser)
{
	struct http1 *http1 = parser->data;
	response_status(&http1->exchange->response, 0);
	return 0;
}

static int append_field(struct http1 *http1, const char *at, size_t len)
{
	struct err *err = &http1->exchange->err;
	if (len > CLIENT_RESPONSE_HEADER_BYTES_MAX - http1->field->len)
		return err_set(err, ERR_LIMIT, "the answer's header is larger than %d bytes",
			       CLIENT_RESPONSE_HEADER_BYTES_MAX);
	if (!chunk_append(http1->field, slice_of(at, len)))
		return err_set(err, ERR_NOMEM, "no memory for the answer");
	return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct http1 *http1 = parser->data;
	http1->name_len += len;
	return append_field(http1, at, len);
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
	return append_field(parser->data, at, len);
}

static int on_header_value_complete(llhttp_t *parser)
{
	struct http1 *http1 = parser->data;
	struct slice field = chunk_slice(http1->field);
	if (http1->name_len == 0) /* llhttp lets it pass, RFC 9110 §5.1 does not */
		return err_set(&http1->exchange->err, ERR_PEER, "a header field without a name");
	struct slice name = slice_of(field.ptr, http1->name_len);
	struct slice value = slice_of(field.ptr + name.len, field.len - name.len);
	http1->field->len = http1->name_len = 0;
	return response_header(&http1->exchange->response, name, slice_trim(value),
			       &http1->exchange->err);
}

static int on_headers_complete(llhttp_t *parser)
{
	struct http1 *http1 = parser->data;
	if (parser->status_code == 101)
		return err_set(&http1->exchange->err, ERR_PEER,
			       "the peer switches protocols without being asked");
	http1->exchange->response.http_status = parser->status_code;
	return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct http1 *http1 = parser->data;
	return response_body(&http1->exchange->response, slice_of(at, len), &http1->exchange->err);
}

static int on_message_complete(llhttp_t *parser)
{
	struct http1 *http1 = parser->data;
	if (parser->status_code / 100 == 1)
		return 0; /* an interim answer: the real one follows */
	http1->complete = true;
	http1->keep = llhttp_should_keep_alive(parser) != 0;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_message_begin = on_message_begin,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_header_value_complete = on_header_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

static void answer(struct http1 *http1)
{
	struct exchange *exchange = http1->exchange;
	struct link *link = http1->link;
	/* Answered before it had the whole request: what is left need not be sent. */
	bool unsent = exchange->body_left > 0 || conn_output_bytes(link->conn) > 0;
	bool cut = unsent || !http1->complete;
	http1->exchange = NULL;
	if (!http1->keep || cut)
		link_drain(link);
	exchange_answer(exchange);
	if (cut)
		link_abort(link);
}

static void http1_data(void *session, struct slice bytes)
{
	struct http1 *http1 = session;
	struct exchange *exchange = http1->exchange;
	if (!exchange) {
		link_abort(http1->link); /* nothing was asked */
		return;
	}
	exchange->touched = true;
	llhttp_errno_t code = llhttp_execute(&http1->parser, (const char *)bytes.ptr, bytes.len);
	if (http1->complete) {
		const uint8_t *end = (const uint8_t *)llhttp_get_error_pos(&http1->parser);
		http1->keep &= end == bytes.ptr + bytes.len;
		answer(http1);
		return;
	}
	struct err err = exchange->err;
	http1->received += bytes.len;
	if (code == HPE_OK && http1->received > ANSWER_RAW_BYTES_MAX)
		(void)err_set(&err, ERR_LIMIT, "the answer does not end");
	else if (code == HPE_OK)
		return;
	if (response_is_enough(&exchange->response, &err)) {
		answer(http1);
		return;
	}
	if (err.kind == ERR_NONE)
		(void)err_set(&err, ERR_PEER, "malformed HTTP/1.1 answer (%s)",
			      llhttp_errno_name(code));
	(void)err_wrap(&err, "%s", http1->link->client->target);
	link_fail(http1->link, CLIENT_BROKEN, &err);
}

/* A body without a length ends with the connection (RFC 9112 §6.3). */
static void http1_end(void *session)
{
	struct http1 *http1 = session;
	if (!http1->exchange || !http1->exchange->touched)
		return;
	(void)llhttp_finish(&http1->parser); /* an unfinished answer is told by `complete` */
	if (!http1->complete)
		return;
	http1->keep = false;
	answer(http1);
}

/* ---- the request -------------------------------------------------------------------------- */

static void write_field(struct buf *head, struct slice name, struct slice value)
{
	buf_append(head, name);
	buf_append(head, SLICE(": "));
	buf_append(head, value);
	buf_append(head, SLICE("\r\n"));
}

/* A proxy that forwards is told the whole URL; with the authority that Host has, as Go does it. */
static void write_request_line(struct buf *head, const struct proxy *proxy, struct slice authority,
			       struct slice path)
{
	buf_append(head, SLICE("POST "));
	if (proxy->forwards) {
		buf_append(head, SLICE("http://"));
		buf_append(head, authority);
	}
	buf_append(head, path);
	buf_append(head, SLICE(" HTTP/1.1\r\n"));
	write_field(head, SLICE("Host"), authority);
	if (proxy->forwards && proxy->authorization[0])
		write_field(head, SLICE("Proxy-Authorization"), slice_str(proxy->authorization));
}

static void write_head(struct http1 *http1, const struct exchange *exchange)
{
	const struct client_call *call = exchange->call;
	const struct client *client = http1->link->client;
	struct buf *head = &http1->head;
	buf_reset(head);
	write_request_line(head, &client->proxy, client_authority(client, call), call->path);
	if (call->content_type)
		write_field(head, SLICE("Content-Type"), slice_str(call->content_type));
	if (call->content_encoding)
		write_field(head, SLICE("Content-Encoding"), slice_str(call->content_encoding));
	buf_printf(head, "Content-Length: %zu\r\n", exchange->body_left);
	for (size_t i = 0; i < call->header_count; i++) {
		if (client_header_is_sendable(&call->headers[i]))
			write_field(head, call->headers[i].name, call->headers[i].value);
	}
	buf_append(head, SLICE("\r\n"));
}

static int http1_start(void *session, struct exchange *exchange, struct err *err)
{
	struct http1 *http1 = session;
	write_head(http1, exchange);
	if (http1->head.failed)
		return err_set(err, ERR_NOMEM, "no memory for a request");
	http1->exchange = exchange;
	http1->complete = http1->keep = false;
	http1->received = 0;
	http1->field->len = http1->name_len = 0;
	llhttp_init(&http1->parser, HTTP_RESPONSE, &settings);
	http1->parser.data = http1;
	conn_write(http1->link->conn, buf_slice(&http1->head));
	return 0;
}

static void http1_flush(void *session)
{
	struct http1 *http1 = session;
	struct conn *conn = http1->link->conn;
	struct exchange *exchange = http1->exchange;
	if (!exchange || exchange->body_left == 0)
		return;
	size_t held = conn_output_bytes(conn);
	size_t room = held < CONN_OUTPUT_BYTES_HIGH ? CONN_OUTPUT_BYTES_HIGH - held : 0;
	exchange_write(exchange, exchange->body_left < room ? exchange->body_left : room);
	if (exchange->body_left > 0)
		conn_want_write(conn);
}

/* ---- life --------------------------------------------------------------------------------- */

static uint32_t http1_room(void *session)
{
	const struct http1 *http1 = session;
	return http1->exchange ? 0 : 1;
}

/* Half a request cannot be taken back: the connection goes with it. */
static void http1_cancel(void *session, struct exchange *exchange)
{
	struct http1 *http1 = session;
	if (http1->exchange != exchange)
		return;
	http1->exchange = NULL;
	link_abort(http1->link);
}

static void http1_tick(void *session, uint64_t now_ns)
{
	(void)session; /* the link looks after idle connections */
	(void)now_ns;
}

static void http1_close(void *session)
{
	struct http1 *http1 = session;
	chunk_unref(http1->field);
	buf_fini(&http1->head);
	free(http1);
}

static void *http1_open(struct link *link)
{
	struct http1 *http1 = calloc(1, sizeof(*http1));
	if (!http1)
		return NULL;
	http1->link = link;
	http1->field = chunk_new(link->client->config.budget, 0);
	if (!http1->field) {
		free(http1);
		return NULL;
	}
	return http1;
}

const struct protocol http1_client_protocol = {
	.open = http1_open,
	.close = http1_close,
	.room = http1_room,
	.start = http1_start,
	.cancel = http1_cancel,
	.data = http1_data,
	.end = http1_end,
	.flush = http1_flush,
	.tick = http1_tick,
};
