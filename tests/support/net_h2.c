/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/net_h2.h"

#include "pipeline/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct net_h2_stream *find(struct net_h2 *client, int32_t id)
{
	for (size_t i = 0; i < client->stream_count; i++) {
		if (client->streams[i].id == id)
			return &client->streams[i];
	}
	return NULL;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	struct net_h2_stream *stream = find(arg, frame->hd.stream_id);
	(void)session;
	(void)flags;
	if (!stream)
		return 0;
	if (slice_equal(slice_of(name, name_len), SLICE(":status")))
		stream->status = atoi((const char *)value);
	buf_append(&stream->headers, slice_of(name, name_len));
	buf_append_str(&stream->headers, ": ");
	buf_append(&stream->headers, slice_of(value, value_len));
	buf_append_byte(&stream->headers, '\n');
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		   size_t len, void *arg)
{
	struct net_h2_stream *stream = find(arg, id);
	(void)session;
	(void)flags;
	if (stream)
		buf_append(&stream->body, slice_of(data, len));
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct net_h2 *client = arg;
	struct net_h2_stream *stream = find(client, frame->hd.stream_id);
	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->goaway = true;
		client->goaway_code = frame->goaway.error_code;
		client->goaway_last = frame->goaway.last_stream_id;
	}
	if (!stream)
		return 0;
	if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		stream->ended = true;
	if (frame->hd.type == NGHTTP2_RST_STREAM) {
		stream->reset = true;
		stream->reset_code = frame->rst_stream.error_code;
	}
	return 0;
}

void net_h2_open(struct net_h2 *client, struct net_server *server)
{
	nghttp2_session_callbacks *callbacks;
	memset(client, 0, sizeof(*client));
	client->server = server;
	client->fd = net_server_connect(server);
	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	assert_int_equal(nghttp2_session_client_new(&client->session, callbacks, client), 0);
	nghttp2_session_callbacks_del(callbacks);
	assert_int_equal(nghttp2_submit_settings(client->session, 0, NULL, 0), 0);
}

void net_h2_close(struct net_h2 *client)
{
	for (size_t i = 0; i < client->stream_count; i++) {
		buf_fini(&client->streams[i].headers);
		buf_fini(&client->streams[i].body);
	}
	nghttp2_session_del(client->session);
	if (client->fd >= 0)
		(void)close(client->fd);
}

void net_h2_raw(struct net_h2 *client, struct slice bytes)
{
	if (!net_send(&client->server->loop, client->fd, bytes, client->piece))
		client->closed = true;
}

void net_h2_turn(struct net_h2 *client)
{
	const uint8_t *bytes;
	ssize_t len;
	struct buf in = BUF_INIT;
	while (!client->pause_sending && !client->closed &&
	       (len = nghttp2_session_mem_send(client->session, &bytes)) > 0)
		net_h2_raw(client, slice_of(bytes, (size_t)len));
	net_settle(&client->server->loop);
	if (!net_receive(client->fd, &in))
		client->closed = true;
	if (in.len > 0 && nghttp2_session_mem_recv(client->session, in.data, in.len) < 0)
		client->closed = true;
	buf_fini(&in);
}

static struct net_h2_stream *add_stream(struct net_h2 *client, int32_t id)
{
	assert_true(client->stream_count < NET_H2_STREAMS_MAX);
	struct net_h2_stream *stream = &client->streams[client->stream_count++];
	*stream = (struct net_h2_stream){.id = id};
	return stream;
}

static nghttp2_nv field(struct slice name, struct slice value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr,
			    name.len, value.len, 0};
}

struct net_h2_stream *net_h2_request(struct net_h2 *client, const char *method, const char *path,
				     const char *headers, bool end)
{
	nghttp2_nv fields[32] = {field(SLICE(":method"), slice_str(method)),
				 field(SLICE(":scheme"), SLICE("http")),
				 field(SLICE(":authority"), SLICE("localhost")),
				 field(SLICE(":path"), slice_str(path))};
	size_t count = 4;
	while (*headers) {
		size_t line = strcspn(headers, "\n"), name = strcspn(headers, ":");
		fields[count++] = field(slice_of(headers, name),
					slice_of(headers + name + 2, line - name - 2));
		headers += line + (headers[line] == '\n');
	}
	int32_t id = nghttp2_submit_headers(client->session, end ? NGHTTP2_FLAG_END_STREAM : 0, -1,
					    NULL, fields, count, NULL);
	assert_true(id > 0);
	return add_stream(client, id);
}

struct body_source {
	struct slice bytes;
	size_t at;
	bool end;
};

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *into, size_t size,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct body_source *body = source->ptr;
	size_t len = body->bytes.len - body->at;
	(void)session;
	(void)id;
	(void)arg;
	if (len > size)
		len = size;
	if (len > 0)
		memcpy(into, body->bytes.ptr + body->at, len);
	body->at += len;
	if (body->at == body->bytes.len) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (!body->end)
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	}
	return (ssize_t)len;
}

void net_h2_body(struct net_h2 *client, struct net_h2_stream *stream, struct slice bytes, bool end)
{
	struct body_source body = {bytes, 0, end};
	nghttp2_data_provider provider = {.source = {.ptr = &body}, .read_callback = read_body};
	uint64_t end_ns = clock_monotonic_ns() + NET_DEADLINE_MS * NS_PER_MS;
	net_h2_turn(client); /* the header has to be out before data can be submitted */
	if (nghttp2_submit_data(client->session, NGHTTP2_FLAG_END_STREAM, stream->id, &provider))
		return; /* the stream has gone */
	do
		net_h2_turn(client);
	while (body.at < bytes.len && !stream->reset && !client->closed &&
	       clock_monotonic_ns() < end_ns);
}

struct net_h2_stream *net_h2_grpc(struct net_h2 *client, const char *headers, uint8_t flag,
				  struct slice message)
{
	struct buf body = BUF_INIT, all = BUF_INIT;
	uint8_t prefix[5] = {flag, (uint8_t)(message.len >> 24), (uint8_t)(message.len >> 16),
			     (uint8_t)(message.len >> 8), (uint8_t)message.len};
	buf_append(&body, slice_of(prefix, 5));
	buf_append(&body, message);
	buf_printf(&all, "content-type: application/grpc\nte: trailers\n%s", headers);
	struct net_h2_stream *stream = net_h2_request(
		client, "POST", "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		buf_cstr(&all), false);
	net_h2_body(client, stream, buf_slice(&body), true);
	buf_fini(&body);
	buf_fini(&all);
	return stream;
}

static bool wait_for(struct net_h2 *client, const bool *flag, const bool *other)
{
	uint64_t end_ns = clock_monotonic_ns() + NET_DEADLINE_MS * NS_PER_MS;
	while (!*flag && !*other) {
		if (client->closed || clock_monotonic_ns() > end_ns)
			return false;
		net_h2_turn(client);
	}
	return true;
}

bool net_h2_wait(struct net_h2 *client, const struct net_h2_stream *stream)
{
	return wait_for(client, &stream->ended, &stream->reset);
}

bool net_h2_wait_goaway(struct net_h2 *client)
{
	return wait_for(client, &client->goaway, &client->goaway);
}

bool net_h2_wait_closed(struct net_h2 *client)
{
	(void)wait_for(client, &client->closed, &client->closed);
	return client->closed;
}

const char *net_h2_header(struct net_h2_stream *stream, const char *name)
{
	static char value[16384];
	char key[256];
	(void)snprintf(key, sizeof(key), "%s: ", name);
	const char *at = strstr(buf_cstr(&stream->headers), key);
	while (at && at != (const char *)stream->headers.data && at[-1] != '\n')
		at = strstr(at + 1, key);
	if (!at)
		return "";
	at += strlen(key);
	(void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
	return value;
}

void net_h2_frame(struct buf *into, uint8_t type, uint8_t flags, uint32_t stream_id,
		  struct slice payload)
{
	const uint8_t head[9] = {(uint8_t)(payload.len >> 16),
				 (uint8_t)(payload.len >> 8),
				 (uint8_t)payload.len,
				 type,
				 flags,
				 (uint8_t)(stream_id >> 24),
				 (uint8_t)(stream_id >> 16),
				 (uint8_t)(stream_id >> 8),
				 (uint8_t)stream_id};
	buf_append(into, slice_of(head, sizeof(head)));
	buf_append(into, payload);
}
