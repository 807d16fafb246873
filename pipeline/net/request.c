/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request from the end of its header to its answer, the same for both protocols: refusals, and
 * the calls to the handler. The header's text is request_header.c's, the body request_body.c's.
 *
 * Memory: the request and the answer are charged to the connection's account.
 */
#include "pipeline/base/ascii.h"
#include "pipeline/base/assert.h"
#include "pipeline/net/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	[REFUSED_UNAUTHENTICATED] = {401, 16, "unauthenticated"},
	[REFUSED_AUTH_BUSY] = {503, 14, "too many credentials are being checked"},
};

UNUSED static const unsigned may_follow[] = {
	[REQUEST_HEADER] = STATE_BIT(REQUEST_BODY) | STATE_BIT(REQUEST_ANSWERED),
	[REQUEST_BODY] = STATE_BIT(REQUEST_DUE) | STATE_BIT(REQUEST_ANSWERED),
	[REQUEST_DUE] = STATE_BIT(REQUEST_ANSWERED),
	[REQUEST_ANSWERED] = 0,
};

void request_enter(struct request *request, enum request_state state)
{
	ASSERT_STEP(may_follow, request->state, state);
	request->state = state;
}

static bool is_busy(const struct request *request)
{
	return request->state == REQUEST_BODY || request->state == REQUEST_DUE;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct request *request_new(struct server_conn *sc, enum server_protocol protocol)
{
	struct server_shard *shard = sc->worker->shard;
	struct request *request = NULL;
	if (!account_take(&sc->account, sizeof(*request))) {
		counter_add(&server_conn_counters(sc)->budget_refusals, 1);
		return NULL;
	}
	request = malloc(sizeof(*request));
	if (!request) {
		account_give(&sc->account, sizeof(*request));
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

void request_wait(struct request *request, struct request_list *list)
{
	struct request_list *old = request->list;
	ASSERT(!old || (request->list_previous ? request->list_previous->list_next : old->first) ==
			       request);
	if (old) {
		struct request *next = request->list_next, *previous = request->list_previous;
		*(previous ? &previous->list_next : &old->first) = next;
		*(next ? &next->list_previous : &old->last) = previous;
	}
	request->list = list;
	request->list_next = request->list_previous = NULL;
	if (!list)
		return;
	request->list_since_ns = server_conn_now_ns(request->sc);
	request->list_previous = list->last;
	*(list->last ? &list->last->list_next : &list->first) = request;
	list->last = request;
}

void request_free(struct request *request)
{
	struct server_conn *sc = request->sc;
	const struct server_config *config = &sc->worker->server->config;
	ASSERT(!request->in_handler);
	request_wait(request, NULL);
	request_end_receiving(request);
	if (is_busy(request)) {
		counter_add(&server_conn_counters(sc)->cancelled, 1);
		server_conn_unbusy(sc);
	}
	request_stop_authenticating(request);
	if (request->state == REQUEST_DUE && !request->body_deferred)
		config->handler->on_cancel(config->handler_arg, &request->base);
	request_drop_body(request);
	if (request->next)
		request->next->previous = request->previous;
	if (request->previous)
		request->previous->next = request->next;
	else
		sc->requests = request->next;
	ASSERT(sc->request_count > 0 && (sc->request_count == 1) == (sc->requests == NULL));
	sc->request_count--;
	if (!sc->requests)
		sc->idle_since_ns = server_conn_now_ns(sc);
	size_t charged = sizeof(*request);
	if (request->text != request->text_inline) {
		charged += request->text_capacity;
		free(request->text);
	}
	if (request->answer != request->answer_inline) {
		charged += request->answer_len;
		free(request->answer);
	}
	account_give(&sc->account, charged);
	free(request);
}

/* ---- answers -------------------------------------------------------------------------------- */

void request_answer(struct request *request, const struct answer *answer)
{
	ASSERT_ON_LOOP(request->base.shard->loop);
	if (request->state == REQUEST_ANSWERED)
		return;
	request_stop_authenticating(request);
	request_wait(request, NULL);
	request_end_receiving(request);
	bool was_busy = is_busy(request);
	request_enter(request, REQUEST_ANSWERED);
	if (was_busy)
		server_conn_unbusy(request->sc);
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
	struct server_header headers[3] = {{"content-type", SLICE_INIT("text/plain")}};
	size_t count = 1;
	if (request->unknown_coding)
		headers[count++] =
			(struct server_header){"accept-encoding", SLICE(CODING_HTTP_NAMES)};
	if (request->challenge)
		headers[count++] =
			(struct server_header){"www-authenticate", slice_str(request->challenge)};
	server_respond_http(request, http_status, headers, count, slice_str(message));
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
		[REFUSED_UNAUTHENTICATED] = &counters->unauthenticated,
		[REFUSED_AUTH_BUSY] = &counters->auth_busy,
	};
	counter_add(by_reason[why], 1);
	request_wait(request, NULL);
	request_drop_body(request);
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
		text[i] = ascii_lower(text[i]);
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

void request_admit(struct request *request)
{
	const struct server_config *config = &request->sc->worker->server->config;
	(void)config->handler->on_header(config->handler_arg, &request->base); /* false: answered */
	if (request->state == REQUEST_ANSWERED || !request->body_deferred)
		return;
	request->body_deferred = false;
	request_deliver(request);
}

/* The checks in order; whoever finds something answers or refuses. */
static void check_header(struct request *request)
{
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
	if (request_authenticate(request))
		request_admit(request);
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
	request_enter(request, REQUEST_BODY);
	server_conn_busy(request->sc);
	request->in_handler = true;
	check_header(request);
	request->in_handler = false;
	if (request->state == REQUEST_BODY)
		request_wait(request, &request->sc->bodies);
}
