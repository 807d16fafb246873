/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 (RFC 9113) as a client, by nghttp2: many calls on one connection, as many as the peer
 * allows; further ones wait in the client. DATA frames are a copied 9-byte header and ranges of
 * the caller's chunks.
 *
 * Callbacks of nghttp2 only note what happened; calls end in settle_finished, outside of nghttp2,
 * because their callbacks may do anything to the session.
 */
#include "pipeline/net/client_internal.h"

#include "pipeline/base/clock.h"
#include "pipeline/net/grpc_status.h"
#include "pipeline/net/http2_fields.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

enum {
	/* Answers are small; windows this large need hardly a WINDOW_UPDATE. */
	STREAM_WINDOW_BYTES = 256 * 1024,
	CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024,
	STREAMS_BEFORE_SETTINGS = 100, /* RFC 9113 §6.5.2: what a peer should at least allow */
	STREAM_ID_LAST = 0x7fffff00,
	FRAME_HEADER_BYTES = 9,
	FRAME_BYTES_MAX = 128 * 1024, /* nghttp2 makes its buffer as large as the largest frame */
	KEEPALIVE_TIMEOUT_S_DEFAULT = 20,
};

struct http2 {
	struct link *link;
	nghttp2_session *session;
	struct exchange *finished, **finished_tail;
	uint64_t last_read_ns;
	uint64_t ping_sent_ns; /* 0: none is on its way */
};

/* ---- ends of streams ---------------------------------------------------------------------- */

/* The stream is over for us; what nghttp2 still says about it is not ours to hear. */
static void finish(struct http2 *http2, struct exchange *exchange, uint32_t error_code)
{
	exchange->finished = true;
	exchange->error_code = error_code;
	exchange->next_finished = NULL;
	*http2->finished_tail = exchange;
	http2->finished_tail = &exchange->next_finished;
	/* Fails for a stream that nghttp2 has closed already, which forgets just as well. */
	(void)nghttp2_session_set_stream_user_data(http2->session, exchange->stream_id, NULL);
}

static void unfinish(struct http2 *http2, struct exchange *exchange)
{
	struct exchange **at = &http2->finished;
	while (*at != exchange)
		at = &(*at)->next_finished;
	*at = exchange->next_finished;
	if (http2->finished_tail == &exchange->next_finished)
		http2->finished_tail = at;
	exchange->finished = false;
}

static void fail_stream(struct http2 *http2, struct exchange *exchange)
{
	struct client_result result = {.outcome = CLIENT_BROKEN, .err = exchange->err};
	if (result.err.kind == ERR_NONE) {
		(void)err_set(&result.err, ERR_PEER, "the stream was reset: %s",
			      nghttp2_http2_strerror(exchange->error_code));
		result.has_grpc_status = exchange->response.is_grpc;
		result.grpc_status = (int)grpc_status_of_reset(exchange->error_code);
	}
	(void)err_wrap(&result.err, "%s", http2->link->client->target);
	call_finish(exchange->call, &result);
}

static void settle_finished(struct http2 *http2)
{
	struct exchange *exchange;
	while ((exchange = http2->finished)) {
		unfinish(http2, exchange);
		if (exchange->err.kind == ERR_NONE && exchange->ended)
			exchange_answer(exchange);
		else
			fail_stream(http2, exchange);
	}
}

/* ---- callbacks of nghttp2: input ---------------------------------------------------------- */

static struct exchange *exchange_of(nghttp2_session *session, int32_t stream_id)
{
	return nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	(void)flags;
	(void)arg;
	struct exchange *exchange = exchange_of(session, frame->hd.stream_id);
	if (!exchange)
		return 0;
	uint64_t status;
	struct slice value_slice = slice_of(value, value_len);
	exchange->touched = true;
	if (slice_equal(slice_of(name, name_len), SLICE(":status"))) {
		/* nghttp2 has checked that it is a number of three digits */
		if (slice_parse_u64(value_slice, &status) && status < 1000)
			response_status(&exchange->response, (int)status);
		return 0;
	}
	if (response_header(&exchange->response, slice_of(name, name_len), value_slice,
			    &exchange->err) < 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *arg)
{
	(void)flags;
	struct http2 *http2 = arg;
	struct exchange *exchange = exchange_of(session, stream_id);
	if (!exchange)
		return 0;
	if (response_body(&exchange->response, slice_of(data, len), &exchange->err) < 0) {
		exchange->ended = response_is_enough(&exchange->response, &exchange->err);
		if (exchange->ended)
			exchange->err.kind = ERR_NONE;
		finish(http2, exchange, NGHTTP2_INTERNAL_ERROR);
		(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id,
						NGHTTP2_CANCEL); /* no memory: it will time out */
	}
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct http2 *http2 = arg;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		/* Streams the peer did not process end with REFUSED_STREAM. */
		link_drain(http2->link);
		return 0;
	}
	bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	if (!may_end || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	struct exchange *exchange = exchange_of(session, frame->hd.stream_id);
	if (!exchange)
		return 0;
	exchange->ended = true;
	if (exchange->body_left > 0) /* answered early: the rest need not be sent */
		(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
						NGHTTP2_CANCEL);
	finish(http2, exchange, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
			   void *arg)
{
	struct exchange *exchange = exchange_of(session, stream_id);
	if (exchange)
		finish(arg, exchange, error_code);
	return 0;
}

/* ---- callbacks of nghttp2: output --------------------------------------------------------- */

static bool is_full(struct http2 *http2)
{
	if (conn_output_bytes(http2->link->conn) < CONN_OUTPUT_BYTES_HIGH)
		return false;
	conn_want_write(http2->link->conn);
	return true;
}

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
			  void *arg)
{
	(void)session;
	(void)flags;
	struct http2 *http2 = arg;
	if (is_full(http2))
		return NGHTTP2_ERR_WOULDBLOCK;
	conn_write(http2->link->conn, slice_of(data, len));
	return (ssize_t)len;
}

/* The type is nghttp2's. NOLINTNEXTLINE(readability-non-const-parameter) */
static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t len,
			 uint32_t *data_flags, nghttp2_data_source *source, void *arg)
{
	(void)buffer;
	(void)source;
	(void)arg;
	const struct exchange *exchange = exchange_of(session, stream_id);
	if (!exchange)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	*data_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (len < exchange->body_left)
		return (ssize_t)len;
	*data_flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)exchange->body_left;
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_header,
		     size_t len, nghttp2_data_source *source, void *arg)
{
	(void)source;
	struct http2 *http2 = arg;
	struct exchange *exchange = exchange_of(session, frame->hd.stream_id);
	if (!exchange)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (is_full(http2))
		return NGHTTP2_ERR_WOULDBLOCK;
	conn_write(http2->link->conn, slice_of(frame_header, FRAME_HEADER_BYTES));
	exchange_write(exchange, len);
	return 0;
}

static ssize_t frame_length(nghttp2_session *session, uint8_t frame_type, int32_t stream_id,
			    int32_t session_window, int32_t stream_window, uint32_t frame_max,
			    void *arg)
{
	(void)session;
	(void)frame_type;
	(void)stream_id;
	(void)arg;
	int32_t len = session_window < stream_window ? session_window : stream_window;
	if (frame_max > FRAME_BYTES_MAX)
		frame_max = FRAME_BYTES_MAX;
	return (uint32_t)len < frame_max ? len : (ssize_t)frame_max;
}

/* ---- calls -------------------------------------------------------------------------------- */

static int32_t submit(struct http2 *http2, struct exchange *exchange)
{
	struct http2_fields fields;
	const nghttp2_data_provider body = {.read_callback = read_body};
	http2_fields_fill(&fields, exchange);
	return nghttp2_submit_request(http2->session, NULL, fields.at, fields.count,
				      exchange->body_left > 0 ? &body : NULL, exchange);
}

static int http2_start(void *session, struct exchange *exchange, struct err *err)
{
	struct http2 *http2 = session;
	struct client *client = http2->link->client;
	exchange->stream_id = submit(http2, exchange);
	if (exchange->stream_id < 0)
		return err_set(err, ERR_INTERNAL, "%s: HTTP/2: %s", client->target,
			       nghttp2_strerror(exchange->stream_id));
	if (exchange->stream_id >= STREAM_ID_LAST)
		link_drain(http2->link);
	if (client->config.keepalive_time_ns > 0)
		client_wake_at(client, clock_monotonic_ns() + client->config.keepalive_time_ns);
	return 0;
}

static uint32_t http2_room(void *session)
{
	const struct http2 *http2 = session;
	uint32_t max = nghttp2_session_get_remote_settings(http2->session,
							   NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	uint32_t count = http2->link->active.count;
	return nghttp2_session_check_request_allowed(http2->session) && count < max ? max - count
										    : 0;
}

static void http2_cancel(void *session, struct exchange *exchange)
{
	struct http2 *http2 = session;
	if (exchange->finished) {
		unfinish(http2, exchange);
		return;
	}
	if (exchange->stream_id <= 0)
		return;
	/* Both fail for want of memory only; then the stream ends with the connection. */
	(void)nghttp2_session_set_stream_user_data(http2->session, exchange->stream_id, NULL);
	(void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, exchange->stream_id,
					NGHTTP2_CANCEL);
	http2->link->flush_due = true;
	client_turn_later(http2->link->client);
}

/* ---- the session -------------------------------------------------------------------------- */

static void fail_session(struct http2 *http2, const char *what)
{
	struct err err;
	(void)err_set(&err, ERR_PEER, "%s: HTTP/2: %s", http2->link->client->target, what);
	link_fail(http2->link, CLIENT_BROKEN, &err);
}

static void http2_flush(void *session)
{
	struct http2 *http2 = session;
	int code = nghttp2_session_send(http2->session);
	settle_finished(http2);
	if (http2->link->state >= LINK_CLOSING)
		return;
	if (code != 0)
		fail_session(http2, nghttp2_strerror(code));
	else if (!nghttp2_session_want_read(http2->session) &&
		 !nghttp2_session_want_write(http2->session))
		fail_session(http2, "the connection was ended");
}

static void http2_data(void *session, struct slice bytes)
{
	struct http2 *http2 = session;
	struct client *client = http2->link->client;
	http2->last_read_ns = clock_monotonic_ns();
	if (http2->ping_sent_ns > 0) /* answered: the timer was set to the end of its time */
		client_wake_at(client, http2->last_read_ns + client->config.keepalive_time_ns);
	http2->ping_sent_ns = 0;
	ssize_t code = nghttp2_session_mem_recv(http2->session, bytes.ptr, bytes.len);
	settle_finished(http2);
	if (http2->link->state >= LINK_CLOSING)
		return;
	if (code < 0)
		fail_session(http2, nghttp2_strerror((int)code));
	else
		http2_flush(http2);
}

static void http2_end(void *session)
{
	(void)session; /* no answer ends with the connection */
}

static void http2_tick(void *session, uint64_t now_ns)
{
	struct http2 *http2 = session;
	struct client *client = http2->link->client;
	uint64_t time_ns = client->config.keepalive_time_ns;
	uint64_t timeout_ns = client->config.keepalive_timeout_ns;
	if (timeout_ns == 0)
		timeout_ns = KEEPALIVE_TIMEOUT_S_DEFAULT * NS_PER_S;
	if (time_ns == 0 || http2->link->active.count == 0)
		return;
	if (http2->ping_sent_ns > 0 && now_ns >= http2->ping_sent_ns + timeout_ns) {
		fail_session(http2, "no answer to a keep-alive PING");
		return;
	}
	if (http2->ping_sent_ns == 0 && now_ns >= http2->last_read_ns + time_ns) {
		http2->ping_sent_ns = now_ns;
		(void)nghttp2_submit_ping(http2->session, NGHTTP2_FLAG_NONE,
					  NULL); /* no memory: counts as not answered */
		http2_flush(http2);
	}
	client_wake_at(client, http2->ping_sent_ns > 0 ? http2->ping_sent_ns + timeout_ns
						       : http2->last_read_ns + time_ns);
}

static void http2_close(void *session)
{
	struct http2 *http2 = session;
	nghttp2_session_del(http2->session);
	free(http2);
}

static nghttp2_session_callbacks *make_callbacks(void)
{
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
	nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, frame_length);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	return callbacks;
}

static int make_session(struct http2 *http2)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, CLIENT_RESPONSE_HEADER_BYTES_MAX},
	};
	nghttp2_option *option;
	if (nghttp2_option_new(&option) != 0)
		return -1;
	nghttp2_option_set_peer_max_concurrent_streams(option, STREAMS_BEFORE_SETTINGS);
	nghttp2_session_callbacks *callbacks = make_callbacks();
	int code = -1;
	if (callbacks)
		code = nghttp2_session_client_new2(&http2->session, callbacks, http2, option);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	if (code != 0)
		return -1;
	if (nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
				    ARRAY_COUNT(settings)) != 0 ||
	    nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
						  CONNECTION_WINDOW_BYTES) != 0) {
		nghttp2_session_del(http2->session);
		return -1;
	}
	return 0;
}

static void *http2_open(struct link *link)
{
	struct http2 *http2 = calloc(1, sizeof(*http2));
	if (!http2)
		return NULL;
	http2->link = link;
	http2->finished_tail = &http2->finished;
	http2->last_read_ns = clock_monotonic_ns();
	if (make_session(http2) < 0) {
		free(http2);
		return NULL;
	}
	link->flush_due = true; /* the preface */
	return http2;
}

const struct protocol http2_client_protocol = {
	.open = http2_open,
	.close = http2_close,
	.room = http2_room,
	.start = http2_start,
	.cancel = http2_cancel,
	.data = http2_data,
	.end = http2_end,
	.flush = http2_flush,
	.tick = http2_tick,
};
