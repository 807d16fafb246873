/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One OTLP request: which ones are for us, and how each outcome of the pipeline is told to its
 * sender (OTLP specification: "OTLP/gRPC Response", "OTLP/HTTP Response", "Failures").
 *
 *   outcome of the pipeline          gRPC                      HTTP
 *   taken                            OK                        200
 *   try again (queue, memory)        UNAVAILABLE + RetryInfo   503 + Retry-After
 *   malformed                        INVALID_ARGUMENT          400
 *   over a limit                     RESOURCE_EXHAUSTED        413
 *   refused for good                 INTERNAL                  500
 *   a backend's answer, waited for   its code                  its status
 *
 * The last one is for exporters without a queue, or with wait_for_result; what HTTP and gRPC call
 * the same thing is translated as the Collector does. Retry-After has whole seconds, RetryInfo has
 * nanoseconds.
 *
 * Every HTTP error after content negotiation carries a google.rpc.Status in the request's encoding
 * (JSON unless that is protobuf); 404, 405 and 415 are plain text, as the Collector's.
 */
#include "pipeline/base/clock.h"
#include "pipeline/net/grpc_status.h"
#include "pipeline/trace/otlp_json/json_response.h"
#include "receivers/otlp/otlp_internal.h"
#include "receivers/otlp/transcoding.h"

#include <stdio.h>
#include <stdlib.h>

#define TRACE_SERVICE "/opentelemetry.proto.collector.trace.v1.TraceService/"
#define TRACE_EXPORT TRACE_SERVICE "Export"
#define METRICS_SERVICE "/opentelemetry.proto.collector.metrics.v1.MetricsService/"
#define LOGS_SERVICE "/opentelemetry.proto.collector.logs.v1.LogsService/"
#define PROTOBUF "application/x-protobuf"
#define JSON "application/json"

enum { RESPONSE_HEADERS_MAX = 32 };

/* When to come again, as the two protocols can say it. */
struct again {
	uint64_t info_ns;   /* RetryInfo; 0: none */
	uint64_t header_ns; /* Retry-After, rounded; less than half a second: none */
};

static const struct again never = {0}, soon = {NS_PER_S, NS_PER_S};

/* A request that is being transcoded or that the pipeline has. Freed by on_push_done, or when there
 * is nothing to push. */
struct inflight {
	struct transcoding transcoding; /* of JSON */
	struct push push;
	struct server_request *request; /* NULL once the peer went away */
	struct otlp_handler *handler;
};

/* ---- answers -------------------------------------------------------------------------------- */

static size_t add_configured(const struct otlp_handler *handler, struct server_header *headers)
{
	size_t count = 0;
	for (size_t i = 0; i < handler->response_headers->count && i < RESPONSE_HEADERS_MAX; i++) {
		const struct config_header *extra = &handler->response_headers->at[i];
		headers[count++] = (struct server_header){extra->name, slice_str(extra->value)};
	}
	return count;
}

/* Whole seconds are all that Retry-After can say: the nearest, so that nobody is told half a second
 * more than is needed. Without one the sender's own back-off holds, which may be short. */
static uint64_t retry_after_seconds(uint64_t retry_ns)
{
	return retry_ns / NS_PER_S + (retry_ns % NS_PER_S >= NS_PER_S / 2);
}

/* A turn of one's own is for those who can be told it exactly. By whole seconds all those of one
 * second would come at once, for the room of a moment: they are told when there is room, and their
 * own back-off, which differs from sender to sender, spreads them. */
static struct again again_of(const struct push_result *result)
{
	return (struct again){.info_ns = result->retry_after_ns,
			      .header_ns = result->room_after_ns};
}

/* ${retry_ns}: of Retry-After. */
static void respond(const struct otlp_handler *handler, struct server_request *request, int status,
		    const char *content_type, uint64_t retry_ns, struct slice body)
{
	struct server_header headers[RESPONSE_HEADERS_MAX + CORS_HEADERS_MAX + 4];
	size_t count = 0;
	char seconds[24];
	headers[count++] = (struct server_header){"content-type", slice_str(content_type)};
	if (retry_after_seconds(retry_ns) > 0) {
		(void)snprintf(seconds, sizeof(seconds), "%llu",
			       (unsigned long long)retry_after_seconds(retry_ns));
		headers[count++] = (struct server_header){"retry-after", slice_str(seconds)};
	}
	if (request->unknown_coding)
		headers[count++] =
			(struct server_header){"accept-encoding", SLICE(CODING_HTTP_NAMES)};
	if (request->challenge)
		headers[count++] =
			(struct server_header){"www-authenticate", slice_str(request->challenge)};
	count += cors_headers(&handler->cors, request, headers + count);
	count += add_configured(handler, headers + count);
	server_respond_http(request, status, headers, count, body);
}

static void respond_preflight(const struct otlp_handler *handler, struct server_request *request)
{
	struct server_header headers[RESPONSE_HEADERS_MAX + CORS_HEADERS_MAX];
	size_t count = cors_preflight_headers(&handler->cors, request, headers);
	count += add_configured(handler, headers + count);
	server_respond_http(request, 204, headers, count, SLICE(""));
}

static void respond_text(const struct otlp_handler *handler, struct server_request *request,
			 int status, const char *text)
{
	respond(handler, request, status, "text/plain", 0, slice_str(text));
}

static bool is_json(const struct server_request *request)
{
	return !request->is_grpc && slice_equal(request->content_type, SLICE(JSON));
}

static bool is_protobuf(const struct server_request *request)
{
	return slice_equal(request->content_type, SLICE(PROTOBUF));
}

static void fail(const struct otlp_handler *handler, struct server_request *request,
		 int http_status, enum grpc_status code, const char *message, struct again again)
{
	struct buf status = BUF_INIT, retry = BUF_INIT;
	uint64_t retry_ns = again.info_ns;
	bool json = !request->is_grpc && !is_protobuf(request);
	if (json)
		json_response_write_status(&status, (int)code, message, retry_ns);
	else
		response_write_status(&status, (int)code, message, retry_ns);
	if (retry_ns > 0)
		response_write_retry_info(&retry, retry_ns);
	if (request->is_grpc)
		server_respond_grpc_retry(request, (int)code, message,
					  retry_ns > 0 ? buf_slice(&status) : (struct slice){0},
					  buf_slice(&retry));
	else
		respond(handler, request, http_status, json ? JSON : PROTOBUF, again.header_ns,
			buf_slice(&status));
	buf_fini(&status);
	buf_fini(&retry);
}

/* ---- which requests are for us -------------------------------------------------------------- */

static bool is_service(struct slice path, const char *service)
{
	return slice_has_prefix(path, slice_str(service));
}

static bool on_grpc_header(struct otlp_handler *handler, struct server_request *request)
{
	if (slice_equal(request->path, SLICE(TRACE_EXPORT)))
		return true;
	const char *message = "unknown service: this receiver implements "
			      "opentelemetry.proto.collector.trace.v1.TraceService alone "
			      "(Sluice takes traces; send metrics and logs to a Collector)";
	if (slice_has_prefix(request->path, SLICE(TRACE_SERVICE)))
		message = "unknown method for service "
			  "opentelemetry.proto.collector.trace.v1.TraceService";
	bool other_signal = is_service(request->path, METRICS_SERVICE) ||
			    is_service(request->path, LOGS_SERVICE);
	counter_add(
		&handler->misdirected[other_signal ? MISDIRECTED_SIGNAL : MISDIRECTED_GRPC_METHOD],
		1);
	server_respond_grpc(request, GRPC_UNIMPLEMENTED, message, (struct slice){0},
			    (struct slice){0});
	return false;
}

static size_t skip_slashes(struct slice path, size_t at)
{
	while (at < path.len && path.ptr[at] == '/')
		at++;
	return at;
}

/* A run of slashes is as good as one: an endpoint with a slash at its end makes "//v1/traces", which
 * the Collector redirects. Not at the end of the path, where it answers 404. */
static bool is_same_path(struct slice path, struct slice wanted)
{
	size_t at = 0, i = 0;
	while (at < path.len && i < wanted.len && path.ptr[at] == wanted.ptr[i]) {
		bool is_slash = path.ptr[at] == '/';
		at = is_slash ? skip_slashes(path, at) : at + 1;
		i = is_slash ? skip_slashes(wanted, i) : i + 1;
	}
	return at == path.len && i == wanted.len;
}

static bool on_http_header(struct otlp_handler *handler, struct server_request *request)
{
	if (cors_is_preflight(&handler->cors, request)) {
		respond_preflight(handler, request);
		return false;
	}
	if (!is_same_path(request->path, slice_str(handler->traces_url_path))) {
		char text[512];
		(void)snprintf(text, sizeof(text),
			       "404 page not found: OTLP/HTTP traces go to POST %s\n",
			       handler->traces_url_path);
		bool other_signal = slice_has_suffix(request->path, SLICE("/v1/metrics")) ||
				    slice_has_suffix(request->path, SLICE("/v1/logs"));
		counter_add(
			&handler->misdirected[other_signal ? MISDIRECTED_SIGNAL : MISDIRECTED_PATH],
			1);
		respond_text(handler, request, 404, text);
		return false;
	}
	if (!slice_equal(request->method, SLICE("POST"))) {
		counter_add(&handler->misdirected[MISDIRECTED_METHOD], 1);
		respond_text(handler, request, 405, "405 method not allowed, supported: [POST]");
		return false;
	}
	if (!is_protobuf(request) && !is_json(request)) {
		counter_add(&handler->misdirected[MISDIRECTED_MEDIA_TYPE], 1);
		respond_text(handler, request, 415,
			     "415 unsupported media type, supported: [" JSON ", " PROTOBUF "]");
		return false;
	}
	return true;
}

static bool on_header(void *arg, struct server_request *request)
{
	return request->is_grpc ? on_grpc_header(arg, request) : on_http_header(arg, request);
}

/* ---- through the pipeline ------------------------------------------------------------------- */

static void succeed(const struct otlp_handler *handler, struct server_request *request)
{
	/* An ExportTraceServiceResponse without partial_success is zero bytes long. */
	if (request->is_grpc)
		server_respond_grpc(request, GRPC_OK, "", (struct slice){0}, (struct slice){0});
	else if (is_json(request))
		respond(handler, request, 200, JSON, 0, SLICE("{\"partialSuccess\":{}}"));
	else
		respond(handler, request, 200, PROTOBUF, 0, (struct slice){0});
}

static void reject(const struct otlp_handler *handler, struct server_request *request,
		   const struct err *why)
{
	char message[sizeof(why->msg) + 64];
	if (why->kind == ERR_DECODE) {
		(void)snprintf(message, sizeof(message), "malformed OTLP at byte %llu: %s",
			       (unsigned long long)why->offset, why->msg);
		fail(handler, request, 400, GRPC_INVALID_ARGUMENT, message, never);
	} else if (why->kind == ERR_LIMIT) {
		fail(handler, request, 413, GRPC_RESOURCE_EXHAUSTED, why->msg, never);
	} else {
		fail(handler, request, 500, GRPC_INTERNAL, why->msg, never);
	}
}

/* A backend has answered, and the sender hears what. */
static void pass_on(const struct otlp_handler *handler, struct server_request *request,
		    const struct push_result *result)
{
	enum grpc_status code = (enum grpc_status)result->grpc_code;
	struct again again = again_of(result);
	/* The backend asked for a repeat. Without a RetryInfo this code says the opposite in gRPC. */
	if (result->outcome == OUTCOME_RETRY && code == GRPC_RESOURCE_EXHAUSTED &&
	    request->is_grpc && again.info_ns == 0)
		again.info_ns = NS_PER_S;
	fail(handler, request, grpc_status_to_http(code), code, result->err.msg, again);
}

static void answer(const struct otlp_handler *handler, struct server_request *request,
		   const struct push_result *result)
{
	if (result->outcome != OUTCOME_TAKEN && result->grpc_code != GRPC_OK) {
		pass_on(handler, request, result);
		return;
	}
	switch (result->outcome) {
	case OUTCOME_TAKEN: succeed(handler, request); break;
	case OUTCOME_RETRY:
		fail(handler, request, 503, GRPC_UNAVAILABLE, result->err.msg,
		     result->retry_after_ns > 0 ? again_of(result) : soon);
		break;
	case OUTCOME_REJECTED: reject(handler, request, &result->err); break;
	}
}

/* The end of ${inflight}, which nothing refers to any more. */
static void finish(struct inflight *inflight, const struct push_result *result)
{
	struct server_request *request = inflight->request;
	const struct otlp_handler *handler = inflight->handler;
	free(inflight);
	if (!request)
		return;
	request->user = NULL;
	answer(handler, request, result);
}

static void on_push_done(struct push *push, const struct push_result *result)
{
	finish(CONTAINER_OF(push, struct inflight, push), result);
}

static void on_transcoded(struct transcoding *transcoding, struct chunk *body,
			  struct transcoding_losses losses, const struct err *err)
{
	struct inflight *inflight = CONTAINER_OF(transcoding, struct inflight, transcoding);
	struct server_request *request = inflight->request;
	if (body && request) {
		counter_add(&inflight->handler->json_replaced, losses.replaced);
		if (losses.unknown > 0)
			receiver_count_unknown(inflight->handler->port, losses.unknown,
					       body->span_count);
		receiver_push(inflight->handler->port, request->shard, PUSH_HTTP, body,
			      &inflight->push);
	} else {
		struct push_result result = {.outcome = OUTCOME_REJECTED, .err = *err};
		if (err->kind == ERR_NOMEM)
			result.outcome = OUTCOME_RETRY;
		if (err->kind != ERR_NONE) /* else: cancelled */
			receiver_count_refused(inflight->handler->port, err);
		finish(inflight, &result);
	}
	chunk_unref(body);
}

/* A protobuf message of no bytes is an empty request: a success. No bytes are not JSON. */
static void on_empty_body(const struct otlp_handler *handler, struct server_request *request)
{
	if (is_json(request)) {
		struct err why;
		(void)err_set_at(&why, 0, "invalid JSON: it ends early");
		receiver_count_refused(handler->port, &why);
		reject(handler, request, &why);
		return;
	}
	receiver_count_empty(handler->port);
	succeed(handler, request);
}

static void on_request(void *arg, struct server_request *request)
{
	struct otlp_handler *handler = arg;
	if (request->deadline_ns > 0 && clock_monotonic_ns() > request->deadline_ns) {
		receiver_count_late(handler->port);
		fail(handler, request, 503, GRPC_DEADLINE_EXCEEDED,
		     "the deadline passed while the request was being received", never);
		return;
	}
	if (!request->body) {
		on_empty_body(handler, request);
		return;
	}
	struct inflight *inflight = malloc(sizeof(*inflight));
	if (!inflight) {
		struct push_result result = {.outcome = OUTCOME_RETRY};
		(void)err_set(&result.err, ERR_NOMEM, "out of memory");
		receiver_count_refused(handler->port, &result.err);
		answer(handler, request, &result);
		return;
	}
	*inflight = (struct inflight){
		.push = {.done = on_push_done}, .request = request, .handler = handler};
	request->user = inflight;
	if (!is_json(request)) {
		receiver_push(handler->port, request->shard,
			      request->is_grpc ? PUSH_GRPC : PUSH_HTTP, request->body,
			      &inflight->push);
		return;
	}
	struct chunk *json = request->body;
	request->body = NULL; /* freed once it is transcoded, not with the answer */
	transcoding_start(&inflight->transcoding, request->shard->loop, request->shard->budget,
			  json, on_transcoded);
}

/* ---- refused by the server ------------------------------------------------------------------ */

static void on_refused(void *arg, struct server_request *request, enum server_refusal why,
		       int http_status, int grpc_status, const char *message)
{
	enum grpc_status code = (enum grpc_status)grpc_status;
	if (!request->is_grpc && (http_status == 400 || http_status == 415))
		code = GRPC_INVALID_ARGUMENT; /* what they mean, whatever gRPC would call it */
	fail(arg, request, http_status, code, message,
	     why == REFUSED_MEMORY || why == REFUSED_AUTH_BUSY ? soon : never);
}

static bool is_public(void *arg, const struct server_request *request)
{
	const struct otlp_handler *handler = arg;
	return !request->is_grpc && cors_is_preflight(&handler->cors, request);
}

static void on_cancel(void *arg, struct server_request *request)
{
	(void)arg;
	struct inflight *inflight = request->user;
	if (!inflight)
		return;
	inflight->request = NULL;
	transcoding_cancel(&inflight->transcoding); /* no effect once it has ended */
}

const struct server_handler otlp_server_handler = {.is_public = is_public,
						   .on_header = on_header,
						   .on_request = on_request,
						   .on_refused = on_refused,
						   .on_cancel = on_cancel};
