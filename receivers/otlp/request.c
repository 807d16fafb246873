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
 *
 * Every HTTP error after content negotiation carries a google.rpc.Status in the request's encoding;
 * 404, 405 and 415 are plain text, as the Collector's.
 */
#include "pipeline/base/clock.h"
#include "pipeline/trace/response.h"
#include "receivers/otlp/otlp_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define TRACE_SERVICE "/opentelemetry.proto.collector.trace.v1.TraceService/"
#define TRACE_EXPORT TRACE_SERVICE "Export"
#define PROTOBUF "application/x-protobuf"

/* grpc/doc/statuscodes.md */
enum grpc_status {
	GRPC_OK = 0,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
};

enum { RESPONSE_HEADERS_MAX = 32 };

/* A request that the pipeline has. Freed by on_push_done. */
struct inflight {
	struct push push;
	struct server_request *request; /* NULL once the peer went away */
	const struct otlp_handler *handler;
};

/* ---- answers -------------------------------------------------------------------------------- */

/* ${retry_ns} 0: no Retry-After. */
static void respond(const struct otlp_handler *handler, struct server_request *request, int status,
		    const char *content_type, uint64_t retry_ns, struct slice body)
{
	struct server_header headers[RESPONSE_HEADERS_MAX + 2];
	size_t count = 0;
	char seconds[24];
	headers[count++] = (struct server_header){"content-type", slice_str(content_type)};
	if (retry_ns > 0) {
		(void)snprintf(seconds, sizeof(seconds), "%llu",
			       (unsigned long long)((retry_ns + NS_PER_S - 1) / NS_PER_S));
		headers[count++] = (struct server_header){"retry-after", slice_str(seconds)};
	}
	for (size_t i = 0; i < handler->response_headers->count && i < RESPONSE_HEADERS_MAX; i++) {
		const struct config_header *extra = &handler->response_headers->at[i];
		headers[count++] = (struct server_header){extra->name, slice_str(extra->value)};
	}
	server_respond_http(request, status, headers, count, body);
}

static void respond_text(const struct otlp_handler *handler, struct server_request *request,
			 int status, const char *text)
{
	respond(handler, request, status, "text/plain", 0, slice_str(text));
}

static void fail(const struct otlp_handler *handler, struct server_request *request,
		 int http_status, enum grpc_status code, const char *message, uint64_t retry_ns)
{
	struct buf status = BUF_INIT;
	response_write_status(&status, (int)code, message, retry_ns);
	if (request->is_grpc)
		server_respond_grpc(request, (int)code, message,
				    retry_ns > 0 ? buf_slice(&status) : (struct slice){0},
				    (struct slice){0});
	else
		respond(handler, request, http_status, PROTOBUF, retry_ns, buf_slice(&status));
	buf_fini(&status);
}

/* ---- which requests are for us -------------------------------------------------------------- */

static bool on_grpc_header(struct server_request *request)
{
	if (slice_equal(request->path, SLICE(TRACE_EXPORT)))
		return true;
	const char *message = "unknown service: this receiver implements "
			      "opentelemetry.proto.collector.trace.v1.TraceService alone "
			      "(Sluice takes traces; send metrics and logs to a Collector)";
	if (slice_has_prefix(request->path, SLICE(TRACE_SERVICE)))
		message = "unknown method for service "
			  "opentelemetry.proto.collector.trace.v1.TraceService";
	server_respond_grpc(request, GRPC_UNIMPLEMENTED, message, (struct slice){0},
			    (struct slice){0});
	return false;
}

static bool on_http_header(const struct otlp_handler *handler, struct server_request *request)
{
	if (!slice_equal(request->path, slice_str(handler->traces_url_path))) {
		char text[512];
		(void)snprintf(text, sizeof(text),
			       "404 page not found: OTLP/HTTP traces go to POST %s\n",
			       handler->traces_url_path);
		respond_text(handler, request, 404, text);
		return false;
	}
	if (!slice_equal(request->method, SLICE("POST"))) {
		respond_text(handler, request, 405, "405 method not allowed, supported: [POST]");
		return false;
	}
	if (!slice_equal(request->content_type, SLICE(PROTOBUF))) {
		respond_text(handler, request, 415,
			     "415 unsupported media type, supported: [" PROTOBUF "]");
		return false;
	}
	return true;
}

static bool on_header(void *arg, struct server_request *request)
{
	return request->is_grpc ? on_grpc_header(request) : on_http_header(arg, request);
}

/* ---- through the pipeline ------------------------------------------------------------------- */

static void succeed(const struct otlp_handler *handler, struct server_request *request)
{
	/* An ExportTraceServiceResponse without partial_success is zero bytes long. */
	if (request->is_grpc)
		server_respond_grpc(request, GRPC_OK, "", (struct slice){0}, (struct slice){0});
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
		fail(handler, request, 400, GRPC_INVALID_ARGUMENT, message, 0);
	} else if (why->kind == ERR_LIMIT) {
		fail(handler, request, 413, GRPC_RESOURCE_EXHAUSTED, why->msg, 0);
	} else {
		fail(handler, request, 500, GRPC_INTERNAL, why->msg, 0);
	}
}

static void on_push_done(struct push *push, const struct push_result *result)
{
	struct inflight *inflight = CONTAINER_OF(push, struct inflight, push);
	struct server_request *request = inflight->request;
	const struct otlp_handler *handler = inflight->handler;
	free(inflight);
	if (!request)
		return;
	request->user = NULL;
	switch (result->outcome) {
	case PUSH_TAKEN: succeed(handler, request); break;
	case PUSH_RETRY:
		fail(handler, request, 503, GRPC_UNAVAILABLE, result->err.msg,
		     result->retry_after_ns > 0 ? result->retry_after_ns : NS_PER_S);
		break;
	case PUSH_REJECTED: reject(handler, request, &result->err); break;
	}
}

static void on_request(void *arg, struct server_request *request)
{
	const struct otlp_handler *handler = arg;
	if (request->deadline_ns > 0 && clock_monotonic_ns() > request->deadline_ns) {
		fail(handler, request, 503, GRPC_DEADLINE_EXCEEDED,
		     "the deadline passed while the request was being received", 0);
		return;
	}
	if (!request->body) { /* a zero-byte message is an empty request: a success */
		succeed(handler, request);
		return;
	}
	struct inflight *inflight = malloc(sizeof(*inflight));
	if (!inflight) {
		fail(handler, request, 503, GRPC_UNAVAILABLE, "out of memory", NS_PER_S);
		return;
	}
	*inflight = (struct inflight){
		.push = {.done = on_push_done}, .request = request, .handler = handler};
	request->user = inflight;
	receiver_push(handler->port, request->shard, request->is_grpc ? PUSH_GRPC : PUSH_HTTP,
		      request->body, &inflight->push);
}

/* ---- refused by the server ------------------------------------------------------------------ */

static void on_refused(void *arg, struct server_request *request, enum server_refusal why,
		       int http_status, int grpc_status, const char *message)
{
	uint64_t retry_ns = why == REFUSED_MEMORY ? NS_PER_S : 0;
	/* The Status in a body of 400 is INVALID_ARGUMENT, whatever gRPC says for the cause. */
	if (!request->is_grpc && http_status == 400)
		grpc_status = GRPC_INVALID_ARGUMENT;
	fail(arg, request, http_status, (enum grpc_status)grpc_status, message, retry_ns);
}

static void on_cancel(void *arg, struct server_request *request)
{
	(void)arg;
	struct inflight *inflight = request->user;
	if (inflight)
		inflight->request = NULL;
}

const struct server_handler otlp_server_handler = {.on_header = on_header,
						   .on_request = on_request,
						   .on_refused = on_refused,
						   .on_cancel = on_cancel};
