/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection's thread reads, feeds nghttp2 and writes what nghttp2 has to say. Only the record
 * of calls and the behaviour are shared, under one lock.
 */
#include "tests/support/peer_grpc.h"

#include "pipeline/net/coding.h"
#include "tests/support/peer_socket.h"
#include "tests/support/peer_spans.h"

#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	STREAMS_MAX_DEFAULT = 1000,
	MESSAGE_BYTES_MAX = 64 << 20,
	HEADER_BYTES_MAX = 1 << 20,
	PREFIX_BYTES = 5,
};

struct peer_grpc {
	struct peer *socket;
	struct peer_grpc_options options;
	struct budget budget;
	pthread_mutex_t lock; /* everything below */
	pthread_cond_t changed;
	struct peer_grpc_behaviour behaviour;
	unsigned times; /* calls the behaviour is for; UINT_MAX: all */
	struct peer_grpc_counts counts;
	struct peer_grpc_call *calls;
	size_t call_count, call_capacity;
};

struct call {
	struct peer_grpc_call record;
	struct peer_grpc_behaviour behaviour;
	uint8_t *body;
	size_t body_len, answer_sent;
	uint8_t prefix[PREFIX_BYTES];
};

struct connection {
	struct peer_grpc *peer;
	struct peer_stream *stream;
	nghttp2_session *session;
	struct coder *coder;
	size_t bytes_read;
	unsigned streams;
	bool broken; /* to be closed now */
};

static void *must_alloc(void *ptr)
{
	if (!ptr)
		abort();
	return ptr;
}

static struct peer_grpc_behaviour next_behaviour(struct peer_grpc *peer)
{
	struct peer_grpc_behaviour behaviour = {0};
	pthread_mutex_lock(&peer->lock);
	if (peer->times > 0)
		behaviour = peer->behaviour;
	if (peer->times > 0 && peer->times != UINT32_MAX)
		peer->times--;
	pthread_mutex_unlock(&peer->lock);
	return behaviour;
}

static bool is_accepted(const struct peer_grpc_behaviour *b)
{
	return (b->action == PEER_ANSWER || b->action == PEER_GOAWAY_AFTER) && !b->no_grpc_status &&
	       (b->http_status == 0 || b->http_status == 200) &&
	       (!b->grpc_status || strcmp(b->grpc_status, "0") == 0);
}

/* Other content types are plain HTTP: the body is the message, in both directions. */
static bool is_grpc(const struct call *call)
{
	return strncmp(call->record.content_type, "application/grpc", 16) == 0;
}

/* Moves the decoded message into the record; a frame that cannot be read leaves it empty. */
static void decode_message(struct connection *connection, struct call *call)
{
	struct peer_grpc_call *record = &call->record;
	enum coding coding;
	struct err err;
	size_t prefix_len = is_grpc(call) ? PREFIX_BYTES : 0;
	if (call->body_len < prefix_len)
		return;
	record->compressed = prefix_len > 0 ? call->body[0] & 1 : record->encoding[0] != 0;
	if (!record->compressed || !(prefix_len > 0 ? coding_parse_grpc : coding_parse_http)(
					   slice_str(record->encoding), &coding))
		coding = CODING_IDENTITY;
	struct chunk *message =
		coder_decode(connection->coder, coding,
			     slice_of(call->body + prefix_len, call->body_len - prefix_len),
			     MESSAGE_BYTES_MAX, &connection->peer->budget, &err);
	if (!message)
		return;
	record->message = must_alloc(malloc(message->len + 1));
	if (message->len > 0)
		memcpy(record->message, message->data, message->len);
	record->message_len = message->len;
	record->spans = peer_count_spans(chunk_slice(message));
	chunk_unref(message);
}

static void record_call(struct connection *connection, struct call *call)
{
	struct peer_grpc *peer = connection->peer;
	decode_message(connection, call);
	call->record.accepted = is_accepted(&call->behaviour);
	pthread_mutex_lock(&peer->lock);
	if (peer->call_count == peer->call_capacity) {
		peer->call_capacity = peer->call_capacity * 2 + 16;
		peer->calls = must_alloc(
			realloc(peer->calls, peer->call_capacity * sizeof(*peer->calls)));
	}
	peer->calls[peer->call_count++] = call->record;
	call->record.message = NULL;
	peer->counts.calls++;
	peer->counts.bytes += call->body_len;
	if (call->record.accepted) {
		peer->counts.accepted++;
		peer->counts.spans += call->record.spans;
	}
	pthread_cond_broadcast(&peer->changed);
	pthread_mutex_unlock(&peer->lock);
}

static void free_call(struct call *call)
{
	free(call->record.message);
	free(call->body);
	free(call);
}

/* ---- answers ------------------------------------------------------------------------------ */

static size_t add_field(nghttp2_nv *fields, size_t at, const char *name, const char *value)
{
	if (!value)
		return at;
	fields[at] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
				  .namelen = strlen(name),
				  .value = (uint8_t *)(uintptr_t)value,
				  .valuelen = strlen(value)};
	return at + 1;
}

static size_t add_status(nghttp2_nv *fields, size_t at, const struct peer_grpc_behaviour *b)
{
	if (!b->no_grpc_status)
		at = add_field(fields, at, "grpc-status", b->grpc_status ? b->grpc_status : "0");
	at = add_field(fields, at, "grpc-message", b->grpc_message);
	return add_field(fields, at, "grpc-status-details-bin", b->grpc_details);
}

static ssize_t read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t len,
			   uint32_t *data_flags, nghttp2_data_source *source, void *arg)
{
	(void)arg;
	struct call *call = source->ptr;
	const struct peer_grpc_behaviour *b = &call->behaviour;
	size_t prefix_len = is_grpc(call) ? PREFIX_BYTES : 0;
	size_t total = prefix_len + b->message.len, taken = 0;
	while (taken < len && call->answer_sent < total) {
		size_t at = call->answer_sent++;
		buffer[taken++] =
			at < prefix_len ? call->prefix[at] : b->message.ptr[at - prefix_len];
	}
	if (call->answer_sent == total) {
		nghttp2_nv fields[4];
		size_t count = is_grpc(call) ? add_status(fields, 0, b) : 0;
		*data_flags |= NGHTTP2_DATA_FLAG_EOF;
		if (count > 0) {
			*data_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			(void)nghttp2_submit_trailer(session, stream_id, fields, count);
		}
	}
	return (ssize_t)taken;
}

static void answer(struct connection *connection, int32_t stream_id, struct call *call)
{
	const struct peer_grpc_behaviour *b = &call->behaviour;
	nghttp2_nv fields[8];
	char status[8];
	size_t len = b->message.len;
	(void)snprintf(status, sizeof(status), "%d", b->http_status ? b->http_status : 200);
	size_t count = add_field(fields, 0, ":status", status);
	count = add_field(fields, count, "content-type",
			  b->content_type ? b->content_type : call->record.content_type);
	count = add_field(fields, count, "retry-after", b->retry_after);
	count = add_field(fields, count, is_grpc(call) ? "grpc-encoding" : "content-encoding",
			  b->coding);
	if (b->trailers_only) {
		count = add_status(fields, count, b);
		(void)nghttp2_submit_response(connection->session, stream_id, fields, count, NULL);
		return;
	}
	call->prefix[0] = b->coding != NULL;
	call->prefix[1] = (uint8_t)(len >> 24);
	call->prefix[2] = (uint8_t)(len >> 16);
	call->prefix[3] = (uint8_t)(len >> 8);
	call->prefix[4] = (uint8_t)len;
	nghttp2_data_provider body = {.source = {.ptr = call}, .read_callback = read_answer};
	(void)nghttp2_submit_response(connection->session, stream_id, fields, count, &body);
}

static void act(struct connection *connection, int32_t stream_id, struct call *call)
{
	nghttp2_session *session = connection->session;
	record_call(connection, call);
	switch (call->behaviour.action) {
	case PEER_GOAWAY_AFTER:
	case PEER_ANSWER:
		answer(connection, stream_id, call);
		if (call->behaviour.action == PEER_GOAWAY_AFTER)
			(void)nghttp2_submit_goaway(session, 0, stream_id, NGHTTP2_NO_ERROR, NULL,
						    0);
		break;
	case PEER_RESET:
		(void)nghttp2_submit_rst_stream(session, 0, stream_id, call->behaviour.reset_code);
		break;
	case PEER_GOAWAY:
		(void)nghttp2_submit_goaway(session, 0, stream_id - 2 > 0 ? stream_id - 2 : 0,
					    NGHTTP2_NO_ERROR, NULL, 0);
		break;
	case PEER_CLOSE: connection->broken = true; break;
	case PEER_ANSWER_EARLY:
	case PEER_RESET_EARLY:
	case PEER_STALL: break;
	}
}

/* ---- requests ----------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct connection *connection = arg;
	struct peer_grpc *peer = connection->peer;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct call *call = must_alloc(calloc(1, sizeof(*call)));
	call->behaviour = next_behaviour(peer);
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
	pthread_mutex_lock(&peer->lock);
	if (++connection->streams > peer->counts.streams_peak)
		peer->counts.streams_peak = connection->streams;
	pthread_mutex_unlock(&peer->lock);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	(void)flags;
	(void)arg;
	struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!call)
		return 0;
	const struct {
		const char *name;
		char *text;
		size_t size;
	} kept[] = {
		{":path", call->record.path, sizeof(call->record.path)},
		{":authority", call->record.authority, sizeof(call->record.authority)},
		{"content-type", call->record.content_type, sizeof(call->record.content_type)},
		{"grpc-encoding", call->record.encoding, sizeof(call->record.encoding)},
		{"content-encoding", call->record.encoding, sizeof(call->record.encoding)},
		{"grpc-accept-encoding", call->record.accept, sizeof(call->record.accept)},
		{"accept-encoding", call->record.accept, sizeof(call->record.accept)},
		{"grpc-timeout", call->record.timeout, sizeof(call->record.timeout)},
		{"user-agent", call->record.user_agent, sizeof(call->record.user_agent)},
		{"x-custom", call->record.custom, sizeof(call->record.custom)},
	};
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (slice_equal(slice_of(name, name_len), slice_str(kept[i].name)))
			(void)snprintf(kept[i].text, kept[i].size, "%.*s", (int)value_len,
				       (const char *)value);
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *arg)
{
	(void)flags;
	(void)arg;
	struct call *call = nghttp2_session_get_stream_user_data(session, stream_id);
	if (!call)
		return 0;
	call->body = must_alloc(realloc(call->body, call->body_len + len));
	memcpy(call->body + call->body_len, data, len);
	call->body_len += len;
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct connection *connection = arg;
	struct peer_grpc *peer = connection->peer;
	if (frame->hd.type == NGHTTP2_PING || frame->hd.type == NGHTTP2_RST_STREAM) {
		pthread_mutex_lock(&peer->lock);
		if (frame->hd.type == NGHTTP2_RST_STREAM)
			peer->counts.cancels++;
		else if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
			peer->counts.pings++;
		pthread_cond_broadcast(&peer->changed);
		pthread_mutex_unlock(&peer->lock);
		return 0;
	}
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!call)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && call->behaviour.action == PEER_ANSWER_EARLY)
		answer(connection, frame->hd.stream_id, call);
	if (frame->hd.type == NGHTTP2_HEADERS && call->behaviour.action == PEER_RESET_EARLY)
		(void)nghttp2_submit_rst_stream(session, 0, frame->hd.stream_id,
						call->behaviour.reset_code);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		act(connection, frame->hd.stream_id, call);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
			   void *arg)
{
	(void)error_code;
	struct connection *connection = arg;
	struct call *call = nghttp2_session_get_stream_user_data(session, stream_id);
	if (!call)
		return 0;
	connection->streams--;
	free_call(call);
	return 0;
}

/* ---- connections -------------------------------------------------------------------------- */

static bool write_pending(struct connection *connection)
{
	for (;;) {
		const uint8_t *bytes;
		ssize_t len = nghttp2_session_mem_send(connection->session, &bytes);
		if (len <= 0)
			return len == 0;
		if (!peer_write(connection->stream, slice_of(bytes, (size_t)len)))
			return false;
	}
}

static void make_session(struct connection *connection)
{
	const struct peer_grpc_options *options = &connection->peer->options;
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_option *option;
	if (nghttp2_option_new(&option) != 0)
		abort();
	nghttp2_option_set_max_send_header_block_length(option, HEADER_BYTES_MAX);
	if (nghttp2_session_server_new2(&connection->session, callbacks, connection, option) != 0)
		abort();
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_settings_entry settings[2] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		 options->streams_max ? options->streams_max : STREAMS_MAX_DEFAULT},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options->window_bytes},
	};
	(void)nghttp2_submit_settings(connection->session, 0, settings,
				      options->window_bytes ? 2 : 1);
}

/* Streams that are still open do not see on_stream_close. */
static void free_open_calls(struct connection *connection)
{
	int32_t last = nghttp2_session_get_last_proc_stream_id(connection->session);
	for (int32_t id = 1; id <= last; id += 2) {
		struct call *call = nghttp2_session_get_stream_user_data(connection->session, id);
		if (call)
			free_call(call);
	}
}

static void serve(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	struct peer_grpc *peer = arg;
	struct connection connection = {.peer = peer, .stream = stream, .coder = coder_new()};
	uint8_t buffer[16 * 1024];
	ssize_t len;
	must_alloc(connection.coder);
	make_session(&connection);
	pthread_mutex_lock(&peer->lock);
	peer->counts.connections++;
	pthread_mutex_unlock(&peer->lock);
	while (write_pending(&connection) && !connection.broken &&
	       (len = peer_read(stream, buffer, sizeof(buffer))) > 0) {
		pthread_mutex_lock(&peer->lock);
		size_t close_after = peer->behaviour.close_after_bytes;
		pthread_mutex_unlock(&peer->lock);
		connection.bytes_read += (size_t)len;
		if (close_after > 0 && connection.bytes_read >= close_after)
			break;
		if (nghttp2_session_mem_recv(connection.session, buffer, (size_t)len) < 0)
			break;
	}
	free_open_calls(&connection);
	nghttp2_session_del(connection.session);
	coder_free(connection.coder);
}

/* ---- the interface ------------------------------------------------------------------------ */

struct peer_grpc *peer_grpc_start(const struct peer_grpc_options *options)
{
	struct peer_grpc *peer = must_alloc(calloc(1, sizeof(*peer)));
	pthread_condattr_t attributes;
	peer->options = *options;
	peer->times = UINT32_MAX;
	budget_init(&peer->budget, UINT64_MAX);
	pthread_mutex_init(&peer->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&peer->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	const struct peer_options socket = {
		.port = options->port,
		.tls = options->tls,
		.alpn = options->alpn ? options->alpn : "h2",
	};
	peer->socket = peer_start(&socket, serve, peer);
	return peer;
}

void peer_grpc_stop(struct peer_grpc *peer)
{
	peer_stop(peer->socket);
	for (size_t i = 0; i < peer->call_count; i++)
		free(peer->calls[i].message);
	free(peer->calls);
	pthread_cond_destroy(&peer->changed);
	pthread_mutex_destroy(&peer->lock);
	free(peer);
}

uint16_t peer_grpc_port(const struct peer_grpc *peer)
{
	return peer_port(peer->socket);
}

const char *peer_grpc_certificate(const struct peer_grpc *peer)
{
	return peer_certificate_pem(peer->socket);
}

void peer_grpc_cut_connections(struct peer_grpc *peer)
{
	peer_cut_connections(peer->socket);
}

void peer_grpc_set_times(struct peer_grpc *peer, const struct peer_grpc_behaviour *behaviour,
			 unsigned count)
{
	pthread_mutex_lock(&peer->lock);
	peer->behaviour = *behaviour;
	peer->times = count;
	pthread_mutex_unlock(&peer->lock);
}

void peer_grpc_set(struct peer_grpc *peer, const struct peer_grpc_behaviour *behaviour)
{
	peer_grpc_set_times(peer, behaviour, UINT32_MAX);
}

struct peer_grpc_counts peer_grpc_counts(struct peer_grpc *peer)
{
	pthread_mutex_lock(&peer->lock);
	struct peer_grpc_counts counts = peer->counts;
	pthread_mutex_unlock(&peer->lock);
	return counts;
}

static bool wait_for(struct peer_grpc *peer, const unsigned *value, unsigned count,
		     unsigned timeout_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&peer->lock);
	int code = 0;
	while (*value < count && code == 0)
		code = pthread_cond_timedwait(&peer->changed, &peer->lock, &until);
	bool reached = *value >= count;
	pthread_mutex_unlock(&peer->lock);
	return reached;
}

bool peer_grpc_wait_calls(struct peer_grpc *peer, unsigned count, unsigned timeout_ms)
{
	return wait_for(peer, &peer->counts.calls, count, timeout_ms);
}

bool peer_grpc_wait_spans(struct peer_grpc *peer, unsigned count, unsigned timeout_ms)
{
	return wait_for(peer, &peer->counts.spans, count, timeout_ms);
}

const struct peer_grpc_call *peer_grpc_lock(struct peer_grpc *peer, size_t *ret_count)
{
	pthread_mutex_lock(&peer->lock);
	*ret_count = peer->call_count;
	return peer->calls;
}

void peer_grpc_unlock(struct peer_grpc *peer)
{
	pthread_mutex_unlock(&peer->lock);
}
