/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fuzz_http.h"

#include "tests/support/fuzz_script.h"

#include <llhttp/llhttp.h>
#include <nghttp2/nghttp2.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIELDS_MAX = 16, ROUNDS = 8 };

struct fuzz_http {
	int fd;
	void (*turn)(void);
	bool over, is_head;
	struct fuzz_answer answer;
	/* HTTP/1.1 */
	llhttp_t parser;
	llhttp_settings_t settings;
	struct buf field, value; /* of the header line being read */
	/* HTTP/2; NULL: HTTP/1.1 */
	nghttp2_session *session;
	int32_t stream_id;
	struct buf body; /* of the request; the other end's window says when it has gone */
	size_t sent, piece_bytes;
	bool body_may_come;
};

static void answer_header(struct fuzz_answer *answer, struct slice name, struct slice value)
{
	char text[64] = "";
	memcpy(text, value.ptr, value.len < sizeof(text) ? value.len : sizeof(text) - 1);
	if (slice_equal_nocase(name, SLICE(":status")))
		answer->status = atoi(text);
	else if (slice_equal_nocase(name, SLICE("grpc-status")))
		answer->grpc_status = atoi(text);
	else if (slice_equal_nocase(name, SLICE("content-type")))
		memcpy(answer->content_type, text, sizeof(text));
	else if (slice_equal_nocase(name, SLICE("access-control-allow-origin")))
		memcpy(answer->allow_origin, text, sizeof(text));
}

static void send_all(struct fuzz_http *http, struct slice bytes)
{
	int stuck = 0;
	while (bytes.len > 0 && stuck < ROUNDS && !http->over) {
		ssize_t len = send(http->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		stuck = len > 0 ? 0 : stuck + 1;
		if (len > 0)
			(void)fuzz_bytes(&bytes, (size_t)len);
		else
			http->turn();
	}
}

/* ---- HTTP/1.1 ------------------------------------------------------------------------------- */

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
	struct fuzz_http *http = parser->data;
	buf_append(&http->field, slice_of(at, len));
	return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct fuzz_http *http = parser->data;
	buf_append(&http->value, slice_of(at, len));
	return 0;
}

static int on_value_complete(llhttp_t *parser)
{
	struct fuzz_http *http = parser->data;
	if (http->value.len > 0)
		answer_header(&http->answer, buf_slice(&http->field), buf_slice(&http->value));
	buf_reset(&http->field);
	buf_reset(&http->value);
	return 0;
}

static int on_headers(llhttp_t *parser)
{
	struct fuzz_http *http = parser->data;
	http->answer.status = parser->status_code;
	return http->is_head; /* 1: no body follows, whatever its length is said to be */
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct fuzz_http *http = parser->data;
	buf_append(&http->answer.body, slice_of(at, len));
	return 0;
}

static int on_complete(llhttp_t *parser)
{
	struct fuzz_http *http = parser->data;
	http->answer.complete = parser->status_code >= 200;
	http->over |= !llhttp_should_keep_alive(parser);
	return 0;
}

static void send_http1(struct fuzz_http *http, const struct fuzz_call *call)
{
	struct buf head = BUF_INIT;
	struct slice body = call->body;
	buf_printf(&head, "%s %s HTTP/1.1\r\nHost: fuzz\r\nContent-Length: %zu\r\n", call->method,
		   call->path, body.len);
	for (const char *at = call->headers; *at; at += strcspn(at, "\n") + 1)
		buf_printf(&head, "%.*s\r\n", (int)strcspn(at, "\n"), at);
	buf_append_str(&head, "\r\n");
	send_all(http, buf_slice(&head));
	buf_fini(&head);
	http->turn();
	if (call->before_body)
		call->before_body(call->arg);
	while (body.len > 0 && !http->over) {
		size_t piece = call->piece_bytes > 0 ? call->piece_bytes : body.len;
		send_all(http, fuzz_bytes(&body, piece));
		http->turn();
	}
}

/* ---- HTTP/2 --------------------------------------------------------------------------------- */

static int on_h2_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
			size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
			void *arg)
{
	struct fuzz_http *http = arg;
	(void)session;
	(void)flags;
	if (frame->hd.stream_id == http->stream_id)
		answer_header(&http->answer, slice_of(name, name_len), slice_of(value, value_len));
	return 0;
}

static int on_h2_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		      size_t len, void *arg)
{
	struct fuzz_http *http = arg;
	(void)session;
	(void)flags;
	if (id == http->stream_id)
		buf_append(&http->answer.body, slice_of(data, len));
	return 0;
}

static int on_h2_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct fuzz_http *http = arg;
	bool ends = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		http->over = true;
	if (ends && frame->hd.stream_id == http->stream_id &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		http->answer.complete = true;
	return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *into, size_t size,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct fuzz_http *http = arg;
	struct slice left = buf_slice(&http->body);
	(void)session;
	(void)id;
	(void)source;
	if (!http->body_may_come)
		return NGHTTP2_ERR_DEFERRED;
	(void)fuzz_bytes(&left, http->sent);
	size_t piece = http->piece_bytes > 0 ? http->piece_bytes : size;
	struct slice part = fuzz_bytes(&left, piece < size ? piece : size);
	if (part.len > 0)
		memcpy(into, part.ptr, part.len);
	http->sent += part.len;
	if (left.len == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)part.len;
}

static void open_h2(struct fuzz_http *http)
{
	nghttp2_session_callbacks *callbacks;
	fuzz_must(nghttp2_session_callbacks_new(&callbacks) == 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_h2_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_h2_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_h2_frame);
	fuzz_must(nghttp2_session_client_new(&http->session, callbacks, http) == 0);
	nghttp2_session_callbacks_del(callbacks);
	fuzz_must(nghttp2_submit_settings(http->session, 0, NULL, 0) == 0);
}

static void flush_h2(struct fuzz_http *http)
{
	const uint8_t *bytes;
	ssize_t len;
	while (!http->over && (len = nghttp2_session_mem_send(http->session, &bytes)) > 0) {
		send_all(http, slice_of(bytes, (size_t)len));
		if (http->piece_bytes > 0)
			http->turn();
	}
}

static nghttp2_nv field(struct slice name, struct slice value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr,
			    name.len, value.len, 0};
}

static void send_h2(struct fuzz_http *http, const struct fuzz_call *call)
{
	nghttp2_nv fields[FIELDS_MAX] = {field(SLICE(":method"), slice_str(call->method)),
					 field(SLICE(":scheme"), SLICE("http")),
					 field(SLICE(":authority"), SLICE("fuzz")),
					 field(SLICE(":path"), slice_str(call->path))};
	size_t count = 4;
	for (const char *at = call->headers; *at && count < FIELDS_MAX; at += strcspn(at, "\n") + 1)
		fields[count++] = field(slice_of(at, strcspn(at, ":")),
					slice_of(at + strcspn(at, ":") + 2,
						 strcspn(at, "\n") - strcspn(at, ":") - 2));
	const nghttp2_data_provider provider = {.read_callback = read_body};
	buf_reset(&http->body);
	buf_append(&http->body, call->body);
	http->piece_bytes = call->piece_bytes;
	http->sent = 0;
	http->body_may_come = false;
	http->stream_id =
		nghttp2_submit_request(http->session, NULL, fields, count, &provider, NULL);
	fuzz_must(http->stream_id > 0);
	flush_h2(http);
	http->turn();
	if (call->before_body)
		call->before_body(call->arg);
	http->body_may_come = true;
	(void)nghttp2_session_resume_data(http->session, http->stream_id); /* it may be over */
	flush_h2(http);
	http->turn();
}

/* ---- both ----------------------------------------------------------------------------------- */

struct fuzz_http *fuzz_http_new(int fd, bool http2, void (*turn)(void))
{
	struct fuzz_http *http = calloc(1, sizeof(*http));
	fuzz_must(http != NULL);
	http->fd = fd;
	http->turn = turn;
	http->answer.grpc_status = -1;
	if (http2) {
		open_h2(http);
		return http;
	}
	llhttp_settings_init(&http->settings);
	http->settings.on_header_field = on_field;
	http->settings.on_header_value = on_value;
	http->settings.on_header_value_complete = on_value_complete;
	http->settings.on_headers_complete = on_headers;
	http->settings.on_body = on_body;
	http->settings.on_message_complete = on_complete;
	llhttp_init(&http->parser, HTTP_RESPONSE, &http->settings);
	http->parser.data = http;
	return http;
}

void fuzz_http_free(struct fuzz_http *http)
{
	(void)close(http->fd);
	nghttp2_session_del(http->session);
	buf_fini(&http->field);
	buf_fini(&http->value);
	buf_fini(&http->body);
	buf_fini(&http->answer.body);
	free(http);
}

void fuzz_http_send(struct fuzz_http *http, const struct fuzz_call *call)
{
	buf_fini(&http->answer.body);
	http->answer = (struct fuzz_answer){.grpc_status = -1, .body = BUF_INIT};
	http->is_head = strcmp(call->method, "HEAD") == 0;
	if (http->session)
		send_h2(http, call);
	else
		send_http1(http, call);
}

static void take(struct fuzz_http *http, const uint8_t *bytes, size_t len)
{
	if (http->session)
		fuzz_must(nghttp2_session_mem_recv(http->session, bytes, len) == (ssize_t)len);
	else
		fuzz_must(llhttp_execute(&http->parser, (const char *)bytes, len) == HPE_OK);
}

const struct fuzz_answer *fuzz_http_answer(struct fuzz_http *http)
{
	static uint8_t bytes[64 * 1024];
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t len;
		http->turn();
		while ((len = recv(http->fd, bytes, sizeof(bytes), 0)) > 0)
			take(http, bytes, (size_t)len);
		http->over |= len == 0;
		if (http->session)
			flush_h2(http);
	}
	return &http->answer;
}

bool fuzz_http_is_over(const struct fuzz_http *http)
{
	return http->over;
}
