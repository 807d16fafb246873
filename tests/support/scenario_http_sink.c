/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads HTTP/1.1 as our own client writes it (Content-Length or chunked, no trailers to speak of)
 * with blocking reads on the connection's thread. The record of calls and the behaviour are shared,
 * under one lock.
 */
#include "tests/support/scenario_http_sink.h"

#include "pipeline/base/buf.h"
#include "pipeline/base/clock.h"
#include "pipeline/net/coding.h"
#include "tests/support/peer_socket.h"
#include "tests/support/peer_spans.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { MESSAGE_BYTES_MAX = 64 << 20 };

struct http_sink {
	struct peer *socket;
	struct budget budget;
	pthread_mutex_t lock; /* everything below */
	pthread_cond_t changed;
	struct http_sink_behaviour behaviour;
	unsigned times; /* requests the behaviour is for; UINT32_MAX: all */
	struct http_sink_call *calls;
	size_t call_count, call_capacity;
	unsigned complete, spans;
};

/* What was read of a connection and not used yet. */
struct input {
	struct peer_stream *stream;
	struct buf bytes;
	size_t used;
};

static void *must_alloc(void *ptr)
{
	if (!ptr)
		abort();
	return ptr;
}

static bool read_more(struct input *input)
{
	uint8_t piece[16384];
	ssize_t len = peer_read(input->stream, piece, sizeof(piece));
	if (len > 0)
		buf_append(&input->bytes, slice_of(piece, (size_t)len));
	return len > 0;
}

/* The next ${len} bytes; NULL at the end of the connection. Valid until the next read. */
static const uint8_t *take(struct input *input, size_t len)
{
	while (input->bytes.len - input->used < len) {
		if (!read_more(input))
			return NULL;
	}
	input->used += len;
	return input->bytes.data + input->used - len;
}

/* The next line without its CRLF, as a text of its own; NULL at the end. The caller frees. */
static char *take_line(struct input *input)
{
	size_t len = 0;
	for (;;) {
		const char *begin = buf_cstr(&input->bytes) + input->used;
		const char *end = input->used < input->bytes.len ? strstr(begin, "\r\n") : NULL;
		if (end) {
			len = (size_t)(end - begin);
			break;
		}
		if (!read_more(input))
			return NULL;
	}
	char *line = must_alloc(malloc(len + 1));
	memcpy(line, input->bytes.data + input->used, len);
	line[len] = 0;
	input->used += len + 2;
	return line;
}

static bool read_chunked(struct input *input, struct buf *body)
{
	for (;;) {
		char *line = take_line(input);
		if (!line)
			return false;
		size_t len = strtoul(line, NULL, 16);
		free(line);
		const uint8_t *bytes = take(input, len + 2);
		if (!bytes)
			return false;
		if (len == 0)
			return true;
		buf_append(body, slice_of(bytes, len));
	}
}

static void keep(char *into, size_t size, const char *line, const char *name)
{
	size_t len = strlen(name);
	if (strncasecmp(line, name, len) == 0)
		(void)snprintf(into, size, "%s", line + len + strspn(line + len, " "));
}

/* One request, its body as on the wire. False at the end of the connection. */
static bool read_request(struct input *input, struct http_sink_call *call, struct buf *body)
{
	char length[32] = "0", transfer[32] = "", expect[32] = "";
	char *line = take_line(input);
	if (!line)
		return false;
	(void)sscanf(line, "%*s %127s", call->path);
	free(line);
	while ((line = take_line(input)) && line[0]) {
		keep(length, sizeof(length), line, "content-length:");
		keep(transfer, sizeof(transfer), line, "transfer-encoding:");
		keep(expect, sizeof(expect), line, "expect:");
		keep(call->encoding, sizeof(call->encoding), line, "content-encoding:");
		keep(call->content_type, sizeof(call->content_type), line, "content-type:");
		keep(call->custom, sizeof(call->custom), line, "x-custom:");
		keep(call->accept, sizeof(call->accept), line, "accept-encoding:");
		keep(call->authorization, sizeof(call->authorization), line, "authorization:");
		keep(call->ingestion_version, sizeof(call->ingestion_version), line,
		     "x-langfuse-ingestion-version:");
		keep(call->sdk_name, sizeof(call->sdk_name), line, "x-langfuse-sdk-name:");
		free(line);
	}
	if (!line)
		return false;
	free(line);
	if (expect[0] && !peer_write(input->stream, SLICE("HTTP/1.1 100 Continue\r\n\r\n")))
		return false;
	if (strcasecmp(transfer, "chunked") == 0)
		return read_chunked(input, body);
	size_t len = strtoul(length, NULL, 10);
	const uint8_t *bytes = take(input, len);
	if (bytes && len > 0)
		buf_append(body, slice_of(bytes, len));
	return bytes != NULL;
}

static void decode(struct http_sink *sink, struct coder *coder, struct http_sink_call *call,
		   struct slice body)
{
	enum coding coding;
	struct err err;
	if (!coding_parse_http(slice_str(call->encoding), &coding))
		return;
	struct chunk *message =
		coder_decode(coder, coding, body, MESSAGE_BYTES_MAX, &sink->budget, &err);
	if (!message)
		return;
	call->message = must_alloc(malloc(message->len + 1));
	memcpy(call->message, message->data, message->len);
	call->message_len = message->len;
	call->spans = peer_count_spans(chunk_slice(message));
	chunk_unref(message);
}

static struct http_sink_behaviour record(struct http_sink *sink, struct http_sink_call *call)
{
	struct http_sink_behaviour behaviour = {0};
	pthread_mutex_lock(&sink->lock);
	if (sink->times > 0 &&
	    (!sink->behaviour.applies ||
	     sink->behaviour.applies(slice_of(call->message, call->message_len)))) {
		behaviour = sink->behaviour;
		sink->times -= sink->times != UINT32_MAX;
	}
	if (behaviour.status == 0)
		behaviour.status = 200;
	call->accepted = behaviour.action == SINK_ANSWER && behaviour.status / 100 == 2;
	call->at_ns = clock_monotonic_ns();
	if (sink->call_count == sink->call_capacity) {
		sink->call_capacity = sink->call_capacity * 2 + 16;
		sink->calls = must_alloc(
			realloc(sink->calls, sink->call_capacity * sizeof(*sink->calls)));
	}
	sink->calls[sink->call_count++] = *call;
	sink->complete++;
	sink->spans += call->accepted ? call->spans : 0;
	pthread_cond_broadcast(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
	return behaviour;
}

/* False: the connection is to be closed. */
static bool answer(struct peer_stream *stream, const struct http_sink_behaviour *behaviour)
{
	struct buf out = BUF_INIT;
	char byte;
	if (behaviour->action == SINK_STALL) {
		while (peer_read(stream, &byte, 1) > 0)
			;
		return false;
	}
	if (behaviour->action == SINK_CLOSE)
		return false;
	buf_printf(&out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
		   behaviour->status, behaviour->reason ? behaviour->reason : "Whatever",
		   behaviour->content_type ? behaviour->content_type : "application/x-protobuf",
		   behaviour->body.len);
	if (behaviour->coding)
		buf_printf(&out, "Content-Encoding: %s\r\n", behaviour->coding);
	if (behaviour->ends_connection)
		buf_printf(&out, "Connection: close\r\n");
	if (behaviour->custom)
		buf_printf(&out, "X-Custom: %s\r\n", behaviour->custom);
	if (behaviour->retry_after)
		buf_printf(&out, "Retry-After: %s\r\n", behaviour->retry_after);
	buf_append_str(&out, "\r\n");
	buf_append(&out, behaviour->body);
	bool written = peer_write(stream, buf_slice(&out));
	buf_fini(&out);
	return written && !behaviour->ends_connection;
}

static void serve(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	struct http_sink *sink = arg;
	struct input input = {.stream = stream};
	struct coder *coder = must_alloc(coder_new());
	bool open = true;
	while (open) {
		struct http_sink_call call = {0};
		struct buf body = BUF_INIT;
		open = read_request(&input, &call, &body);
		if (open) {
			decode(sink, coder, &call, buf_slice(&body));
			struct http_sink_behaviour behaviour = record(sink, &call);
			open = answer(stream, &behaviour);
		}
		buf_fini(&body);
	}
	coder_free(coder);
	buf_fini(&input.bytes);
}

/* ---- the interface ------------------------------------------------------------------------ */

struct http_sink *http_sink_start(uint16_t port, bool tls)
{
	struct http_sink *sink = must_alloc(calloc(1, sizeof(*sink)));
	pthread_condattr_t attributes;
	budget_init(&sink->budget, UINT64_MAX);
	pthread_mutex_init(&sink->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sink->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	const struct peer_options options = {.port = port, .tls = tls, .alpn = "http/1.1"};
	sink->socket = peer_start(&options, serve, sink);
	return sink;
}

void http_sink_stop(struct http_sink *sink)
{
	peer_stop(sink->socket);
	for (size_t i = 0; i < sink->call_count; i++)
		free(sink->calls[i].message);
	free(sink->calls);
	pthread_cond_destroy(&sink->changed);
	pthread_mutex_destroy(&sink->lock);
	free(sink);
}

uint16_t http_sink_port(const struct http_sink *sink)
{
	return peer_port(sink->socket);
}

const char *http_sink_certificate(const struct http_sink *sink)
{
	return peer_certificate_pem(sink->socket);
}

void http_sink_set(struct http_sink *sink, const struct http_sink_behaviour *behaviour,
		   unsigned count)
{
	pthread_mutex_lock(&sink->lock);
	sink->behaviour = *behaviour;
	sink->times = count > 0 ? count : UINT32_MAX;
	pthread_mutex_unlock(&sink->lock);
}

static bool wait_for(struct http_sink *sink, const unsigned *value, unsigned count,
		     unsigned timeout_ms)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&sink->lock);
	int code = 0;
	while (*value < count && code == 0)
		code = pthread_cond_timedwait(&sink->changed, &sink->lock, &until);
	bool reached = *value >= count;
	pthread_mutex_unlock(&sink->lock);
	return reached;
}

bool http_sink_wait_calls(struct http_sink *sink, unsigned count, unsigned timeout_ms)
{
	return wait_for(sink, &sink->complete, count, timeout_ms);
}

bool http_sink_wait_spans(struct http_sink *sink, unsigned count, unsigned timeout_ms)
{
	return wait_for(sink, &sink->spans, count, timeout_ms);
}

const struct http_sink_call *http_sink_lock(struct http_sink *sink, size_t *ret_count)
{
	pthread_mutex_lock(&sink->lock);
	*ret_count = sink->call_count;
	return sink->calls;
}

void http_sink_unlock(struct http_sink *sink)
{
	pthread_mutex_unlock(&sink->lock);
}
