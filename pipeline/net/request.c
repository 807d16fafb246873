/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request from the end of its header to its answer, the same for both protocols: the header's
 * text, limits on the body before and after decompression, refusals, and the calls to the handler.
 *
 * Memory: the request, header text beyond 1 KiB, body and decoded body are charged to the shard's
 * budget. Body bytes are copied once, from the read buffer into the body's chunk, which grows as
 * bytes arrive. A declared length alone reserves nothing: it lets the chunk grow to four times what has
 * arrived instead of twice, and stops it at the end, so that a body is moved little and needs no
 * trimming.
 */
#include "pipeline/net/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECORD_HEAD_BYTES = 2 * sizeof(uint32_t),
	FIELD_OVERHEAD_BYTES = 32, /* as RFC 9113 §10.5.1 counts a field */
	BODY_GROWTH_FACTOR = 4,
	BODY_AHEAD_BYTES_MAX = 1 << 20,
};

static const struct {
	int http_status, grpc_status;
	const char *message;
} refusals[REFUSED_COUNT] = {
	[REFUSED_BODY_TOO_LARGE] = {413, 8, "http: request body too large"},
	[REFUSED_DECODED_TOO_LARGE] = {413, 8, "http: request body too large"},
	[REFUSED_CODING_UNKNOWN] = {415, 12, "unsupported Content-Encoding"},
	[REFUSED_CODING_MALFORMED] = {400, 13, "malformed compressed data"},
	[REFUSED_BODY_TIMEOUT] = {408, 4, "the request body did not arrive in time"},
	[REFUSED_MEMORY] = {503, 14, "data refused due to high memory usage"},
	[REFUSED_GRPC_FRAMING] = {400, 13, "malformed gRPC frame"},
};

static struct budget *budget_of(const struct request *request)
{
	return request->base.shard->budget;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct request *request_new(struct server_conn *sc, enum server_protocol protocol)
{
	struct server_shard *shard = sc->worker->shard;
	struct request *request = NULL;
	if (!budget_take(shard->budget, sizeof(*request))) {
		counter_add(&server_conn_counters(sc)->budget_refusals, 1);
		return NULL;
	}
	request = malloc(sizeof(*request));
	if (!request) {
		budget_give(shard->budget, sizeof(*request));
		return NULL;
	}
	memset(request, 0, offsetof(struct request, text_inline)); /* not the text: it is long */
	request->base.protocol = protocol;
	request->base.shard = shard;
	request->base.server = sc->worker->server;
	request->sc = sc;
	request->text = request->text_inline;
	request->text_capacity = REQUEST_TEXT_BYTES;
	request->content_length = UINT64_MAX;
	request->next = sc->requests;
	if (sc->requests)
		sc->requests->previous = request;
	sc->requests = request;
	sc->request_count++;
	sc->idle_since_ns = 0;
	return request;
}

static void await_body(struct request *request)
{
	struct server_conn *sc = request->sc;
	request->body_end_ns = server_conn_now_ns(sc) + server_conn_limits(sc)->body_timeout_ns;
	request->waiting_previous = sc->waiting_last;
	if (sc->waiting_last)
		sc->waiting_last->waiting_next = request;
	else
		sc->waiting_first = request;
	sc->waiting_last = request;
	request->is_waiting = true;
}

static void stop_waiting(struct request *request)
{
	struct server_conn *sc = request->sc;
	if (!request->is_waiting)
		return;
	if (request->waiting_previous)
		request->waiting_previous->waiting_next = request->waiting_next;
	else
		sc->waiting_first = request->waiting_next;
	if (request->waiting_next)
		request->waiting_next->waiting_previous = request->waiting_previous;
	else
		sc->waiting_last = request->waiting_previous;
	request->waiting_previous = request->waiting_next = NULL;
	request->is_waiting = false;
}

static void drop_body(struct request *request)
{
	chunk_unref(request->base.body);
	request->base.body = NULL;
}

void request_free(struct request *request)
{
	struct server_conn *sc = request->sc;
	const struct server_config *config = &sc->worker->server->config;
	stop_waiting(request);
	if (request->state == REQUEST_DUE || request->state == REQUEST_BODY)
		counter_add(&server_conn_counters(sc)->cancelled, 1);
	if (request->state == REQUEST_DUE)
		config->handler->on_cancel(config->handler_arg, &request->base);
	drop_body(request);
	if (request->next)
		request->next->previous = request->previous;
	if (request->previous)
		request->previous->next = request->next;
	else
		sc->requests = request->next;
	sc->request_count--;
	if (!sc->requests)
		sc->idle_since_ns = server_conn_now_ns(sc);
	size_t charged = sizeof(*request);
	if (request->text != request->text_inline) {
		charged += request->text_capacity;
		free(request->text);
	}
	if (request->answer != request->answer_inline)
		free(request->answer);
	budget_give(budget_of(request), charged);
	free(request);
}

/* ---- header text ---------------------------------------------------------------------------- */

static bool reserve_text(struct request *request, size_t more)
{
	size_t need = request->text_len + more;
	if (need <= request->text_capacity)
		return true;
	size_t capacity = request->text_capacity * 2;
	while (capacity < need)
		capacity *= 2; /* header_bytes_max bounds both */
	bool was_inline = request->text == request->text_inline;
	size_t charge = was_inline ? capacity : capacity - request->text_capacity;
	if (!budget_take(budget_of(request), charge)) {
		counter_add(&server_conn_counters(request->sc)->budget_refusals, 1);
		return false;
	}
	uint8_t *text = was_inline ? malloc(capacity) : realloc(request->text, capacity);
	if (!text) {
		budget_give(budget_of(request), charge);
		return false;
	}
	if (was_inline)
		memcpy(text, request->text_inline, request->text_len);
	request->text = text;
	request->text_capacity = capacity;
	return true;
}

static void count_header(struct request *request, size_t bytes)
{
	request->header_bytes += bytes;
	if (request->header_bytes > server_conn_limits(request->sc)->header_bytes_max)
		request->header_too_large = true;
}

bool request_field_begin(struct request *request)
{
	count_header(request, FIELD_OVERHEAD_BYTES);
	if (request->header_too_large)
		return true;
	if (!reserve_text(request, RECORD_HEAD_BYTES))
		return false;
	request->record_start = request->text_len;
	request->text_len += RECORD_HEAD_BYTES;
	return true;
}

bool request_field_text(struct request *request, struct slice bytes)
{
	count_header(request, bytes.len);
	if (request->header_too_large)
		return true;
	if (!reserve_text(request, bytes.len))
		return false;
	if (bytes.len > 0)
		memcpy(request->text + request->text_len, bytes.ptr, bytes.len);
	request->text_len += bytes.len;
	return true;
}

size_t request_field_len(const struct request *request)
{
	if (request->header_too_large)
		return 0;
	return request->text_len - request->record_start - RECORD_HEAD_BYTES;
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

void request_field_end(struct request *request, size_t name_len)
{
	if (request->header_too_large)
		return;
	uint8_t *record = request->text + request->record_start;
	uint32_t lengths[2] = {(uint32_t)name_len,
			       (uint32_t)(request_field_len(request) - name_len)};
	memcpy(record, lengths, sizeof(lengths));
	for (size_t i = 0; i < name_len; i++)
		record[RECORD_HEAD_BYTES + i] = lower(record[RECORD_HEAD_BYTES + i]);
}

bool request_add_field(struct request *request, struct slice name, struct slice value)
{
	if (!request_field_begin(request) || !request_field_text(request, name) ||
	    !request_field_text(request, value))
		return false;
	request_field_end(request, name.len);
	return true;
}

struct slice server_request_header(const struct server_request *request, const char *name)
{
	const struct request *whole =
		CONTAINER_OF((struct server_request *)(uintptr_t)request, struct request, base);
	struct slice wanted = slice_str(name);
	size_t at = 0;
	while (at < whole->text_len) {
		uint32_t lengths[2];
		memcpy(lengths, whole->text + at, sizeof(lengths));
		const uint8_t *text = whole->text + at + RECORD_HEAD_BYTES;
		if (slice_equal(slice_of(text, lengths[0]), wanted))
			return slice_of(text + lengths[0], lengths[1]);
		at += RECORD_HEAD_BYTES + lengths[0] + lengths[1];
	}
	return slice_of(NULL, 0);
}

/* ---- answers -------------------------------------------------------------------------------- */

void request_answer(struct request *request, const struct answer *answer)
{
	if (request->state == REQUEST_ANSWERED)
		return;
	stop_waiting(request);
	request->state = REQUEST_ANSWERED;
	struct chunk *body = request->base.body; /* kept until then: the answer may point there */
	request->base.body = NULL;
	request->sc->protocol->answer(request, answer); /* may free the request */
	chunk_unref(body);
}

void server_respond_http(struct server_request *request, int status,
			 const struct server_header *headers, size_t header_count,
			 struct slice body)
{
	request_answer(CONTAINER_OF(request, struct request, base),
		       &(struct answer){.status = status,
					.headers = headers,
					.header_count = header_count,
					.body = body,
					.date = true});
}

void server_refuse_as_text(void *arg, struct server_request *request, enum server_refusal why,
			   int http_status, int grpc_status, const char *message)
{
	(void)arg;
	(void)why;
	(void)grpc_status;
	const struct server_header headers[] = {
		{"content-type", SLICE_INIT("text/plain")},
		{"accept-encoding", SLICE_INIT(CODING_HTTP_NAMES)},
	};
	server_respond_http(request, http_status, headers, request->unknown_coding ? 2 : 1,
			    slice_str(message));
}

void server_no_cancel(void *arg, struct server_request *request)
{
	(void)arg;
	(void)request;
}

void request_answer_plain(struct request *request, int status, const char *text)
{
	const struct server_header headers[] = {
		{"content-type", SLICE_INIT("text/plain; charset=utf-8")},
		{"x-content-type-options", SLICE_INIT("nosniff")},
	};
	server_respond_http(&request->base, status, headers, ARRAY_COUNT(headers), slice_str(text));
}

/* A sender that compresses in a way that we do not read loses every span, and its own log may be far
 * away. Once is enough: the counter goes on. */
static void say_unknown_coding(const struct request *request)
{
	struct server *server = request->sc->worker->server;
	if (!atomic_exchange_explicit(&server->said_unknown_coding, true, memory_order_relaxed))
		log_warn(server->log,
			 LOG_MSG("Requests are refused: their compression is not supported (said "
				 "once)"),
			 LOG_STR("server", server->config.label),
			 LOG_STR("supported",
				 request->base.is_grpc ? CODING_GRPC_NAMES : CODING_HTTP_NAMES));
}

void request_refuse(struct request *request, enum server_refusal why, const char *message)
{
	const struct server_config *config = &request->sc->worker->server->config;
	struct server_counters *counters = server_conn_counters(request->sc);
	struct counter *const by_reason[REFUSED_COUNT] = {
		[REFUSED_BODY_TOO_LARGE] = &counters->body_too_large,
		[REFUSED_DECODED_TOO_LARGE] = &counters->decoded_too_large,
		[REFUSED_CODING_UNKNOWN] = &counters->coding_unknown,
		[REFUSED_CODING_MALFORMED] = &counters->coding_malformed,
		[REFUSED_BODY_TIMEOUT] = &counters->body_timeout,
		[REFUSED_MEMORY] = &counters->budget_refusals,
		[REFUSED_GRPC_FRAMING] = &counters->protocol_errors,
	};
	counter_add(by_reason[why], 1);
	stop_waiting(request);
	drop_body(request);
	if (why == REFUSED_CODING_UNKNOWN) {
		request->base.unknown_coding = true;
		say_unknown_coding(request);
	}
	bool was_in_handler = request->in_handler;
	request->in_handler = true;
	config->handler->on_refused(config->handler_arg, &request->base, why,
				    refusals[why].http_status, refusals[why].grpc_status,
				    message ? message : refusals[why].message);
	request->in_handler = was_in_handler;
}

/* ---- the header is there -------------------------------------------------------------------- */

/* "application/JSON ; charset=utf-8" -> "application/json"; lower-cased in place. */
static struct slice media_type(struct request *request)
{
	struct slice value = server_request_header(&request->base, "content-type");
	const uint8_t *semicolon = value.len ? memchr(value.ptr, ';', value.len) : NULL;
	if (semicolon)
		value.len = (size_t)(semicolon - value.ptr);
	value = slice_trim(value);
	uint8_t *text = value.len ? request->text + (value.ptr - request->text) : NULL;
	for (size_t i = 0; i < value.len; i++)
		text[i] = lower(text[i]);
	return value;
}

/* The path of an origin-form or absolute-form target (RFC 9112 §3.2), without the query. */
static struct slice target_path(struct slice target)
{
	for (size_t i = 0; i + 2 < target.len && target.ptr[0] != '/'; i++) {
		if (memcmp(target.ptr + i, "://", 3) != 0)
			continue;
		target = slice_of(target.ptr + i + 3, target.len - i - 3);
		const uint8_t *slash = target.len ? memchr(target.ptr, '/', target.len) : NULL;
		if (!slash)
			return SLICE("/");
		target = slice_of(slash, target.len - (size_t)(slash - target.ptr));
		break;
	}
	for (size_t i = 0; i < target.len; i++) {
		if (target.ptr[i] == '?' || target.ptr[i] == '#')
			return slice_of(target.ptr, i);
	}
	return target;
}

/* Content-Encoding, and what is wrong with the body already. */
static void http_header_done(struct request *request)
{
	struct slice coding = server_request_header(&request->base, "content-encoding");
	if (!coding_parse_http(slice_trim(coding), &request->coding)) {
		char message[96];
		bool printable = coding.len <= 32;
		for (size_t i = 0; i < coding.len && printable; i++)
			printable = coding.ptr[i] > 0x20 && coding.ptr[i] < 0x7f;
		(void)snprintf(message, sizeof(message), "unsupported Content-Encoding: %.*s",
			       SLICE_FMT(printable ? coding : SLICE("?")));
		request_refuse(request, REFUSED_CODING_UNKNOWN, message);
		return;
	}
	size_t max = server_conn_limits(request->sc)->http_body_bytes_max;
	if (request->content_length != UINT64_MAX && request->content_length > max)
		request_refuse(request, REFUSED_BODY_TOO_LARGE, NULL);
}

/* The checks in order; whoever finds something answers or refuses. */
static void check_header(struct request *request)
{
	const struct server_config *config = &request->sc->worker->server->config;
	struct server_counters *counters = server_conn_counters(request->sc);
	struct server_request *base = &request->base;
	if (request->header_too_large) {
		counter_add(&counters->header_too_large, 1);
		request_answer_plain(request, 431, "431 Request Header Fields Too Large");
		return;
	}
	base->path = target_path(server_request_header(base, ":path"));
	base->content_type = media_type(request);
	base->is_head = slice_equal(base->method, SLICE("HEAD"));
	bool grpc = grpc_is_content_type(base->content_type);
	if (grpc && base->protocol == SERVER_HTTP1) {
		request_answer_plain(request, 415, "415 unsupported media type: gRPC needs HTTP/2");
		return;
	}
	base->is_grpc = grpc;
	if (grpc)
		counter_add(&counters->requests_grpc, 1);
	if (grpc && !grpc_header_done(request))
		return;
	(void)config->handler->on_header(config->handler_arg, base); /* false: it has answered */
	if (request->state == REQUEST_ANSWERED)
		return;
	if (grpc)
		grpc_check_encoding(request);
	else
		http_header_done(request);
}

void request_header_done(struct request *request)
{
	struct server_counters *counters = server_conn_counters(request->sc);
	counter_add(&counters->requests, 1);
	counter_add(request->base.protocol == SERVER_HTTP2 ? &counters->requests_http2
							   : &counters->requests_http1,
		    1);
	request->state = REQUEST_BODY;
	request->in_handler = true;
	check_header(request);
	request->in_handler = false;
	if (request->state == REQUEST_BODY)
		await_body(request);
}

/* ---- the body ------------------------------------------------------------------------------- */

/* The body's length on the wire as the peer has declared it; 0 when it has not. */
static uint64_t declared_bytes(const struct request *request)
{
	if (request->base.is_grpc)
		return request->message_bytes;
	return request->content_length == UINT64_MAX ? 0 : request->content_length;
}

/* What to make room for when ${have} bytes are, or are about to be, there: the declared whole, but
 * neither BODY_GROWTH_FACTOR times what has really come nor much more than that. */
static size_t body_room(const struct request *request, size_t have)
{
	size_t room = have * (BODY_GROWTH_FACTOR - 1) < BODY_AHEAD_BYTES_MAX
			      ? have * BODY_GROWTH_FACTOR
			      : have + BODY_AHEAD_BYTES_MAX;
	uint64_t declared = declared_bytes(request);
	return declared < room ? (size_t)declared : room;
}

static bool append(struct request *request, struct slice bytes)
{
	struct chunk *body = request->base.body;
	size_t have = (body ? body->len : 0) + bytes.len;
	size_t room = have < declared_bytes(request) ? body_room(request, have) : have;
	if (!body)
		request->base.body = body = chunk_new(budget_of(request), room);
	else if (have > body->capacity && have < room && !chunk_grow_to(body, room))
		return false;
	return body && chunk_append(body, bytes);
}

void request_body(struct request *request, struct slice bytes)
{
	if (request->state != REQUEST_BODY)
		return;
	if (request->base.is_grpc) {
		if (!grpc_take_prefix(request, &bytes))
			return;
	} else if (bytes.len >
		   server_conn_limits(request->sc)->http_body_bytes_max - request->body_bytes) {
		request_refuse(request, REFUSED_BODY_TOO_LARGE, NULL);
		return;
	}
	request->body_bytes += bytes.len;
	if (bytes.len > 0 && !append(request, bytes))
		request_refuse(request, REFUSED_MEMORY, NULL);
}

/* Replaces the body by its decoded form. False when the request was refused. */
static bool decode_body(struct request *request)
{
	const struct server_limits *limits = server_conn_limits(request->sc);
	struct server_request *base = &request->base;
	size_t max = base->is_grpc ? limits->grpc_message_bytes_max : limits->http_body_bytes_max;
	struct slice coded = base->body ? chunk_slice(base->body) : slice_of(NULL, 0);
	struct err err;
	struct chunk *decoded = coder_decode(base->shard->coder, request->coding, coded, max,
					     budget_of(request), &err);
	if (decoded) {
		drop_body(request);
		base->body = decoded;
		return true;
	}
	char message[128];
	(void)snprintf(message, sizeof(message),
		       "grpc: received message after decompression larger than max (%zu vs. %zu)",
		       max + 1, max);
	if (err.kind == ERR_LIMIT)
		request_refuse(request, REFUSED_DECODED_TOO_LARGE, base->is_grpc ? message : NULL);
	else if (err.kind == ERR_NOMEM)
		request_refuse(request, REFUSED_MEMORY, NULL);
	else
		request_refuse(request, REFUSED_CODING_MALFORMED,
			       base->is_grpc ? "grpc: failed to decompress the received message"
					     : NULL);
	return false;
}

void request_body_done(struct request *request)
{
	const struct server_config *config = &request->sc->worker->server->config;
	request->body_complete = true;
	if (request->state != REQUEST_BODY)
		return;
	stop_waiting(request);
	if (request->base.is_grpc && !grpc_check_end(request))
		return;
	if (request->coding != CODING_IDENTITY && !decode_body(request))
		return;
	request->state = REQUEST_DUE;
	request->in_handler = true;
	config->handler->on_request(config->handler_arg, &request->base);
	request->in_handler = false;
}
