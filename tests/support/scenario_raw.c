/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scenario_raw.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_S = 20, HEADERS_MAX = 16 };

static int try_connect(uint16_t port, int *ret_fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = DEADLINE_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	*ret_fd = fd;
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
}

int raw_connect(uint16_t port)
{
	int fd;
	assert_int_equal(try_connect(port, &fd), 0);
	return fd;
}

int raw_try_connect(uint16_t port)
{
	int fd, failure = try_connect(port, &fd);
	(void)close(fd);
	return failure;
}

/* The peer may have answered and closed before it read all: then what is left is not sent. */
static void send_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t len = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (len <= 0)
			return;
		bytes = slice_of(bytes.ptr + len, bytes.len - (size_t)len);
	}
}

void raw_answer_fini(struct raw_answer *answer)
{
	buf_fini(&answer->head);
	buf_fini(&answer->body);
}

const char *raw_header(struct raw_answer *answer, const char *name)
{
	static char value[1024];
	char wanted[80];
	(void)snprintf(wanted, sizeof(wanted), "\n%s: ", name);
	const char *line = strstr(buf_cstr(&answer->head), wanted);
	value[0] = 0;
	if (line) {
		line += strlen(wanted);
		(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, "\r\n"), line);
	}
	return value;
}

/* ---- HTTP/1.1 ------------------------------------------------------------------------------- */

void raw_http1(uint16_t port, struct slice request, struct raw_answer *ret_answer)
{
	char piece[16384];
	ssize_t len;
	int fd = raw_connect(port);
	*ret_answer = (struct raw_answer){0};
	struct buf all = BUF_INIT;
	send_all(fd, request);
	const char *end = NULL;
	size_t body_len = SIZE_MAX;
	while (!(end && all.len - (size_t)(end - (char *)all.data) >= body_len) &&
	       (len = recv(fd, piece, sizeof(piece), 0)) > 0) {
		buf_append(&all, slice_of(piece, (size_t)len));
		const char *text = buf_cstr(&all);
		if (!(end = strstr(text, "\r\n\r\n")))
			continue;
		end += 4;
		const char *length = strcasestr(text, "\r\ncontent-length: ");
		body_len = length && length < end ? strtoul(length + 18, NULL, 10) : SIZE_MAX;
	}
	(void)close(fd);
	if (end) {
		ret_answer->status = atoi(strchr((char *)all.data, ' '));
		buf_append(&ret_answer->head, slice_of(all.data, (size_t)(end - (char *)all.data)));
		buf_append(&ret_answer->body, slice_of(end, all.len - ret_answer->head.len));
		bool in_name = true;
		for (size_t i = 0; i < ret_answer->head.len; i++) {
			uint8_t *at = &ret_answer->head.data[i];
			in_name = *at == '\n' || (in_name && *at != ':');
			if (in_name)
				*at = (uint8_t)tolower(*at);
		}
	}
	buf_fini(&all);
}

void raw_http1_post(uint16_t port, const char *method, const char *path, const char *headers,
		    struct slice body, struct raw_answer *ret_answer)
{
	struct buf request = BUF_INIT;
	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n",
		   method, path, headers, body.len);
	buf_append(&request, body);
	raw_http1(port, buf_slice(&request), ret_answer);
	buf_fini(&request);
}

/* ---- HTTP/2 --------------------------------------------------------------------------------- */

struct exchange {
	struct raw_answer *answer;
	struct slice body; /* not sent yet */
	bool over;
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	(void)session;
	(void)frame;
	(void)flags;
	struct exchange *exchange = arg;
	if (slice_equal(slice_of(name, name_len), SLICE(":status")))
		exchange->answer->status = atoi((const char *)value);
	buf_printf(&exchange->answer->head, "\n%.*s: %.*s", (int)name_len, (const char *)name,
		   (int)value_len, (const char *)value);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
		   size_t len, void *arg)
{
	(void)session;
	(void)flags;
	(void)stream_id;
	buf_append(&((struct exchange *)arg)->answer->body, slice_of(data, len));
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *arg)
{
	(void)session;
	(void)stream_id;
	(void)code;
	((struct exchange *)arg)->over = true;
	return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *out, size_t len,
			 uint32_t *data_flags, nghttp2_data_source *source, void *arg)
{
	(void)session;
	(void)stream_id;
	(void)source;
	struct exchange *exchange = arg;
	if (len > exchange->body.len)
		len = exchange->body.len;
	if (len > 0)
		memcpy(out, exchange->body.ptr, len);
	exchange->body = slice_of(exchange->body.ptr + len, exchange->body.len - len);
	if (exchange->body.len == 0)
		*data_flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

static nghttp2_nv field(const char *name, size_t name_len, const char *value, size_t value_len)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
			    .namelen = name_len,
			    .value = (uint8_t *)(uintptr_t)value,
			    .valuelen = value_len};
}

static void submit(nghttp2_session *session, const char *method, const char *path, char *headers)
{
	nghttp2_nv fields[HEADERS_MAX] = {
		field(":method", 7, method, strlen(method)), field(":scheme", 7, "http", 4),
		field(":path", 5, path, strlen(path)), field(":authority", 10, "localhost", 9)};
	size_t count = 4;
	for (char *line = headers; *line && count < HEADERS_MAX;) {
		size_t name = strcspn(line, ":"), end = strcspn(line, "\r");
		for (size_t i = 0; i < name; i++)
			line[i] = (char)tolower(line[i]);
		fields[count++] = field(line, name, line + name + 2, end - name - 2);
		line += end + strspn(line + end, "\r\n");
	}
	const nghttp2_data_provider body = {.read_callback = read_body};
	assert_true(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0) == 0);
	assert_true(nghttp2_submit_request(session, NULL, fields, count, &body, NULL) > 0);
}

void raw_http2(uint16_t port, const char *method, const char *path, const char *headers,
	       struct slice body, struct raw_answer *ret_answer)
{
	struct exchange exchange = {.answer = ret_answer, .body = body};
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;
	uint8_t piece[16384];
	char *fields = strdup(headers);
	int fd = raw_connect(port);
	*ret_answer = (struct raw_answer){0};
	assert_non_null(fields);
	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	assert_int_equal(nghttp2_session_client_new(&session, callbacks, &exchange), 0);
	nghttp2_session_callbacks_del(callbacks);
	submit(session, method, path, fields);
	while (!exchange.over) {
		const uint8_t *out;
		ssize_t len;
		while ((len = nghttp2_session_mem_send(session, &out)) > 0)
			send_all(fd, slice_of(out, (size_t)len));
		if (exchange.over || (len = recv(fd, piece, sizeof(piece), 0)) <= 0 ||
		    nghttp2_session_mem_recv(session, piece, (size_t)len) < 0)
			break;
	}
	nghttp2_session_del(session);
	(void)close(fd);
	free(fields);
}
