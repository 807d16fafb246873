/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 by nghttp2. Its callbacks only translate: frames to calls of request.c, answers to frames.
 * What nghttp2 wants to send is fetched once per turn (conn_want_write), so the answers of all
 * streams that became ready leave in one write.
 *
 * Flow control is by hand: bytes are consumed as they are copied into the body. A stream's window
 * starts small and doubles while its body outgrows it and the budget has room; the connection's
 * window follows at four times a stream's.
 *
 * All that nghttp2 allocates for a session is charged to the connection's account
 * (http2_memory.c). When the account refuses, the session has no memory and ends.
 *
 * Floods end the connection with GOAWAY ENHANCE_YOUR_CALM: resets (CVE-2023-44487), streams that
 * the peer makes us reset, empty DATA frames, header blocks far above the limit; CONTINUATION,
 * SETTINGS and PING floods are bounded by nghttp2's options. A callback only says so and fails: a
 * session that is terminated inside of a callback reads on, and asserts at the next bad frame
 * (CVE-2026-27135).
 */
#include "pipeline/base/assert.h"
#include "pipeline/net/server_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	CONNECTION_WINDOW_BYTES = 1 << 20,
	STREAM_WINDOW_BYTES_MAX = 4 << 20,
	CONNECTION_WINDOW_BYTES_MAX = 16 << 20,
	HEADER_FLOOD_FACTOR = 4, /* so far above header_bytes_max nothing honest is */
	OUTBOUND_ACKS_MAX = 256, /* answers to PING and SETTINGS that wait to be sent */
	SETTINGS_MAX = 32,	 /* entries in one frame */
	DRAIN_PING_WAIT_MS = 1000,
};

static struct request *request_of(nghttp2_session *session, int32_t stream_id)
{
	return nghttp2_session_get_stream_user_data(session, stream_id);
}

/* ---- floods --------------------------------------------------------------------------------- */

static void give_up(struct server_conn *sc, uint32_t code)
{
	struct http2 *h = &sc->http2;
	h->closing = true;
	(void)nghttp2_session_terminate_session(h->session,
						code); /* no memory: closed all the same */
	conn_want_write(sc->conn);
}

/* The value of a callback that has seen a flood: nghttp2 stops, and http2_data gives up. */
static int flood(struct server_conn *sc, struct counter *counter)
{
	counter_add(counter, 1);
	sc->http2.flooded = true;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Counts something that costs us more than the peer; the value is a callback's. */
static int count_reset(struct server_conn *sc)
{
	struct http2 *h = &sc->http2;
	uint32_t max = server_conn_limits(sc)->resets_per_second_max;
	uint64_t second = server_conn_now_ns(sc) / NS_PER_S;
	counter_add(&server_conn_counters(sc)->resets, 1);
	if (second != h->second) {
		h->second = second;
		h->resets = 0;
	}
	if (max == 0 || ++h->resets <= max)
		return 0;
	return flood(sc, &server_conn_counters(sc)->reset_floods);
}

/* There is no room for the request: the peer may repeat it, for nobody has looked at it. */
static int refuse_stream(nghttp2_session *session, struct server_conn *sc, int32_t stream_id)
{
	struct request *request = request_of(session, stream_id);
	if (request)
		request_free(request);
	sc->header_since_ns = 0;
	(void)nghttp2_session_set_stream_user_data(session, stream_id, NULL);
	return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id,
					 NGHTTP2_REFUSED_STREAM) == 0
		       ? 0
		       : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void say_final_goaway(struct server_conn *sc)
{
	sc->http2.final_goaway_due = true;
	conn_want_write(sc->conn);
}

/* ---- callbacks: the peer's frames ----------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct server_conn *sc = arg;
	sc->http2.block_bytes = 0;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;		 /* trailers */
	ASSERT(!sc->http2.final_goaway); /* else it is handled, and the peer sends it again */
	struct request *request = request_new(sc, SERVER_HTTP2);
	if (!request)
		return refuse_stream(session, sc, frame->hd.stream_id);
	request->stream_id = frame->hd.stream_id;
	sc->header_since_ns = server_conn_now_ns(sc);
	(void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, request);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	struct server_conn *sc = arg;
	struct http2 *h = &sc->http2;
	struct request *request = request_of(session, frame->hd.stream_id);
	size_t max = server_conn_limits(sc)->header_bytes_max;
	(void)flags;
	h->block_bytes += name_len + value_len + 32;
	if (h->block_bytes > max * HEADER_FLOOD_FACTOR)
		return flood(sc, &server_conn_counters(sc)->header_too_large);
	if (!request || request->state != REQUEST_HEADER)
		return 0; /* trailers */
	if (!request_add_field(request, slice_of(name, name_len), slice_of(value, value_len)))
		return refuse_stream(session, sc, frame->hd.stream_id);
	return 0;
}

static void header_done(struct request *request, bool end_stream)
{
	struct server_request *base = &request->base;
	struct slice length = server_request_header(base, "content-length");
	base->method = server_request_header(base, ":method");
	request->body_complete = end_stream;
	if (length.len > 0 && !slice_parse_u64(length, &request->content_length))
		request->content_length = UINT64_MAX; /* nghttp2 has refused such a thing before */
	request_header_done(request);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct server_conn *sc = arg;
	struct request *request;
	bool end_stream = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		request = request_of(session, frame->hd.stream_id);
		if (frame->hd.type == NGHTTP2_HEADERS && request &&
		    request->state == REQUEST_HEADER) {
			sc->header_since_ns = 0;
			header_done(request, end_stream);
		}
		if (frame->hd.type == NGHTTP2_DATA && frame->hd.length == 0 && !end_stream)
			return count_reset(sc);
		if (request && end_stream)
			request_body_done(request);
		break;
	case NGHTTP2_RST_STREAM: return count_reset(sc);
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && sc->http2.notice_ns != 0)
			say_final_goaway(sc);
		break;
	default: break;
	}
	return 0;
}

static void grow_windows(nghttp2_session *session, struct server_conn *sc,
			 const struct request *request)
{
	struct http2 *h = &sc->http2;
	struct budget *budget = sc->worker->shard->budget;
	int32_t window =
		nghttp2_session_get_stream_effective_local_window_size(session, request->stream_id);
	uint64_t limit = atomic_load_explicit(&budget->limit, memory_order_relaxed);
	if (window >= STREAM_WINDOW_BYTES_MAX || request->body_bytes < (size_t)window ||
	    (uint64_t)window * 8 > limit - budget_used(budget) || budget_used(budget) > limit)
		return;
	window *= 2;
	(void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, request->stream_id,
						    window);
	while (h->window_bytes < window * 4 && h->window_bytes < CONNECTION_WINDOW_BYTES_MAX)
		h->window_bytes *= 2;
	(void)nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, h->window_bytes);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *arg)
{
	struct server_conn *sc = arg;
	struct request *request = request_of(session, stream_id);
	(void)flags;
	if (!request || request->state != REQUEST_BODY)
		return nghttp2_session_consume_connection(session, len) == NGHTTP2_ERR_NOMEM
			       ? NGHTTP2_ERR_CALLBACK_FAILURE
			       : 0;
	request_body(request, slice_of(data, len));
	grow_windows(session, sc, request);
	return nghttp2_session_consume(session, stream_id, len) == NGHTTP2_ERR_NOMEM
		       ? NGHTTP2_ERR_CALLBACK_FAILURE
		       : 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *arg)
{
	struct request *request = request_of(session, stream_id);
	(void)code;
	(void)arg;
	if (request)
		request_free(request);
	return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
			    void *arg)
{
	struct server_conn *sc = arg;
	(void)session;
	/* grpc-go says goodbye with a GOAWAY that names a stream of its own, which RFC 9113 §6.8
	 * does not allow. The peer leaves either way: that is no trouble to count. */
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		sc->http2.peer_left = true;
		return 0;
	}
	bool over_streams = frame->hd.type == NGHTTP2_HEADERS &&
			    frame->headers.cat == NGHTTP2_HCAT_REQUEST &&
			    sc->request_count >= server_conn_limits(sc)->streams_max;
	counter_add(code == NGHTTP2_ERR_REFUSED_STREAM || over_streams
			    ? &server_conn_counters(sc)->streams_refused
			    : &server_conn_counters(sc)->protocol_errors,
		    1);
	return count_reset(sc); /* it makes us send a reset: as cheap for the peer as its own */
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct server_conn *sc = arg;
	/* nghttp2 has ended the connection by itself; give_up has counted its own reasons. */
	if (frame->hd.type == NGHTTP2_GOAWAY && !sc->http2.closing && !sc->http2.peer_left &&
	    frame->goaway.error_code != NGHTTP2_NO_ERROR)
		counter_add(&server_conn_counters(sc)->protocol_errors, 1);
	/* Answered before the request was wholly there: the peer need not send the rest. */
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	    (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	struct request *request = request_of(session, frame->hd.stream_id);
	if (!request || request->body_complete)
		return 0;
	return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
					 NGHTTP2_NO_ERROR);
}

/* ---- the protocol --------------------------------------------------------------------------- */

int http2_prepare(struct server *server)
{
	nghttp2_session_callbacks *callbacks;
	uint32_t resets = server->config.limits.resets_per_second_max;
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return -1;
	server->http2_callbacks = callbacks;
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	if (nghttp2_option_new(&server->http2_option) != 0)
		return -1;
	nghttp2_option_set_no_auto_window_update(server->http2_option, 1);
	nghttp2_option_set_no_closed_streams(server->http2_option, 1);
	nghttp2_option_set_max_outbound_ack(server->http2_option, OUTBOUND_ACKS_MAX);
	nghttp2_option_set_max_settings(server->http2_option, SETTINGS_MAX);
	/* nghttp2's own bound on resets comes after ours, which is counted. */
	nghttp2_option_set_stream_reset_rate_limit(
		server->http2_option, (uint64_t)resets * 2 + 1000, (uint64_t)resets * 2 + 1000);
	return 0;
}

static bool http2_start(struct server_conn *sc)
{
	const struct server_limits *limits = server_conn_limits(sc);
	const struct server *server = sc->worker->server;
	struct http2 *h = &sc->http2;
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams_max},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)limits->window_bytes_initial},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->header_bytes_max},
	};
	nghttp2_mem memory = http2_memory(&sc->account);
	memset(h, 0, sizeof(*h));
	if (nghttp2_session_server_new3(&h->session, server->http2_callbacks, sc,
					server->http2_option, &memory) != 0) {
		counter_add(&server_conn_counters(sc)->budget_refusals, 1);
		return false;
	}
	h->window_bytes = CONNECTION_WINDOW_BYTES;
	if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
				    ARRAY_COUNT(settings)) != 0 ||
	    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
						  h->window_bytes) != 0) {
		nghttp2_session_del(h->session);
		return false;
	}
	sc->header_since_ns = 0;
	conn_want_write(sc->conn);
	return true;
}

static void http2_data(struct server_conn *sc, struct slice bytes)
{
	struct http2 *h = &sc->http2;
	if (h->closing)
		return;
	ssize_t used = nghttp2_session_mem_recv(h->session, bytes.ptr, bytes.len);
	if (used < 0 && h->flooded) {
		give_up(sc, NGHTTP2_ENHANCE_YOUR_CALM);
	} else if (used < 0) {
		struct server_counters *counters = server_conn_counters(sc);
		counter_add(used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS ? &counters->header_too_large
			    : used == NGHTTP2_ERR_NOMEM		       ? &counters->budget_refusals
								       : &counters->protocol_errors,
			    1);
		give_up(sc,
			used == NGHTTP2_ERR_NOMEM ? NGHTTP2_INTERNAL_ERROR
			: used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS
				? NGHTTP2_ENHANCE_YOUR_CALM
				: NGHTTP2_PROTOCOL_ERROR);
	}
	conn_want_write(sc->conn);
}

/* What is to be sent next. The final GOAWAY is made when nothing is queued before it, and so leaves
 * before another frame is read: a stream that came between its making and its sending would have been
 * handled, while the peer hears that it was not, and sends it again. From here on nghttp2 ignores
 * new streams. */
static ssize_t next_bytes(struct server_conn *sc, const uint8_t **bytes)
{
	struct http2 *h = &sc->http2;
	ssize_t len = nghttp2_session_mem_send(h->session, bytes);
	if (len != 0 || !h->final_goaway_due || h->final_goaway || h->closing)
		return len;
	h->final_goaway = true;
	if (nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
				  nghttp2_session_get_last_proc_stream_id(h->session),
				  NGHTTP2_NO_ERROR, NULL, 0) != 0)
		return NGHTTP2_ERR_NOMEM;
	return nghttp2_session_mem_send(h->session, bytes);
}

/* Fetches what is to be sent, as far as the connection has room. */
static void http2_writable(struct server_conn *sc)
{
	struct http2 *h = &sc->http2;
	const uint8_t *bytes;
	ssize_t len = 0;
	while (conn_has_room(sc->conn) && (len = next_bytes(sc, &bytes)) > 0)
		conn_write(sc->conn, slice_of(bytes, (size_t)len));
	if (len < 0)
		conn_abort(sc->conn); /* out of memory */
	else if (len > 0)
		conn_want_write(sc->conn);
	else if (h->closing || (!nghttp2_session_want_read(h->session) &&
				!nghttp2_session_want_write(h->session)))
		conn_close(sc->conn, h->evicted ? 0 : SERVER_LINGER_MS);
}

static void http2_evict(struct server_conn *sc)
{
	sc->http2.evicted = true;
	give_up(sc, NGHTTP2_NO_ERROR);
}

static void http2_header_timeout(struct server_conn *sc)
{
	give_up(sc, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Graceful end (RFC 9113 §6.8): a first GOAWAY that refuses nothing yet and a PING; when the PING
 * is answered everything the peer sent before it knew is here, and the final GOAWAY can be exact.
 */
static void http2_drain(struct server_conn *sc)
{
	struct http2 *h = &sc->http2;
	if (h->notice_ns != 0)
		return;
	h->notice_ns = server_conn_now_ns(sc);
	if (nghttp2_submit_shutdown_notice(h->session) != 0 ||
	    nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL) != 0)
		give_up(sc, NGHTTP2_INTERNAL_ERROR);
	conn_want_write(sc->conn);
}

static void http2_tick(struct server_conn *sc, uint64_t now_ns)
{
	if (sc->http2.notice_ns != 0 &&
	    now_ns >= sc->http2.notice_ns + DRAIN_PING_WAIT_MS * NS_PER_MS)
		say_final_goaway(sc);
}

static void http2_stop(struct server_conn *sc)
{
	while (sc->requests)
		request_free(sc->requests);
	nghttp2_session_del(sc->http2.session);
	sc->http2.session = NULL;
}

const struct protocol http2_protocol = {
	.start = http2_start,
	.data = http2_data,
	.writable = http2_writable,
	.answer = http2_answer,
	.header_timeout = http2_header_timeout,
	.cut = http2_cut,
	.evict = http2_evict,
	.drain = http2_drain,
	.retire = http2_drain,
	.tick = http2_tick,
	.stop = http2_stop,
};
