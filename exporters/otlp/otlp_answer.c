/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend's answer means. Its texts are looked at, never copied: see otlp_answer.h. */
#include "exporters/otlp/otlp_answer.h"
#include "exporters/otlp/size_words.h"
#include "pipeline/base/clock.h"
#include "pipeline/net/grpc_status.h"
#include "pipeline/trace/otlp_json/json_response.h"

#include <stdlib.h>
#include <time.h>

static const char *const grpc_names[] = {
	"OK",
	"Canceled",
	"Unknown",
	"InvalidArgument",
	"DeadlineExceeded",
	"NotFound",
	"AlreadyExists",
	"PermissionDenied",
	"ResourceExhausted",
	"FailedPrecondition",
	"Aborted",
	"OutOfRange",
	"Unimplemented",
	"Internal",
	"Unavailable",
	"DataLoss",
	"Unauthenticated",
};

enum { HTTP_CONTENT_TOO_LARGE = 413 };

typedef bool read_partial(struct slice body, struct partial_success *ret_partial);

static void read_partial_success(const struct client_result *answer, read_partial *read,
				 struct export_result *result)
{
	struct partial_success partial;
	/* An answer that cannot be read does not undo that the batch was taken. */
	if (!read(answer->body, &partial))
		return;
	result->rejected_spans = partial.rejected_spans;
	result->partial_warning = partial.has_message && partial.rejected_spans == 0;
}

static void classify_grpc(const char *label, const struct client_result *answer,
			  struct export_result *result)
{
	int status = answer->grpc_status;
	bool known = status >= 0 && status < (int)ARRAY_COUNT(grpc_names);
	bool has_delay =
		response_read_retry_delay(answer->grpc_status_details, &result->retry_after_ns);
	if (status == GRPC_OK) {
		result->outcome = EXPORT_DELIVERED;
		read_partial_success(answer, response_read_partial_success, result);
		return;
	}
	(void)err_set(&result->err, ERR_PEER, "rpc error: code = %s (%d), endpoint %s",
		      known ? grpc_names[status] : "Code", status, label);
	/* Whatever the code, and whatever it asks to wait: the same request meets the same limit. A
	 * proxy that does not speak gRPC has the HTTP status alone. */
	if (answer->http_status == HTTP_CONTENT_TOO_LARGE || speaks_of_size(answer->grpc_message)) {
		result->outcome = EXPORT_TOO_LARGE;
		return;
	}
	switch (status) {
	case GRPC_CANCELLED:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_ABORTED:
	case GRPC_OUT_OF_RANGE:
	case GRPC_UNAVAILABLE:
	case GRPC_DATA_LOSS: result->outcome = EXPORT_RETRY; break;
	case GRPC_RESOURCE_EXHAUSTED:
		result->outcome = has_delay ? EXPORT_RETRY : EXPORT_PERMANENT;
		break;
	case GRPC_INVALID_ARGUMENT: result->outcome = EXPORT_INVALID; break;
	default: result->outcome = EXPORT_PERMANENT; break;
	}
}

/* Retry-After: delay-seconds or HTTP-date (RFC 9110 §10.2.3); 0 when it is neither. */
static uint64_t retry_after_ns(struct slice value, uint64_t now_wall_ns)
{
	/* IMF-fixdate, and the two that recipients have to understand besides. */
	static const char *const formats[] = {"%a, %d %b %Y %H:%M:%S GMT",
					      "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
	uint64_t seconds;
	char text[64];
	if (slice_parse_u64(value, &seconds))
		return seconds > UINT64_MAX / NS_PER_S ? 0 : seconds * NS_PER_S;
	if (value.len == 0 || value.len >= sizeof(text))
		return 0;
	memcpy(text, value.ptr, value.len);
	text[value.len] = 0;
	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		struct tm date = {0};
		const char *end = strptime(text, formats[i], &date);
		if (!end || *end)
			continue;
		time_t then = timegm(&date);
		uint64_t now = now_wall_ns / NS_PER_S;
		return then > 0 && (uint64_t)then > now ? ((uint64_t)then - now) * NS_PER_S : 0;
	}
	return 0;
}

/* Media types are compared without regard to case; parameters may follow (RFC 9110 §8.3.1). */
static bool is_type(struct slice content_type, struct slice type)
{
	return content_type.len >= type.len &&
	       slice_equal_nocase(slice_of(content_type.ptr, type.len), type);
}

static bool is_protobuf(const struct client_result *answer)
{
	return is_type(answer->content_type, SLICE("application/x-protobuf")) ||
	       is_type(answer->content_type, SLICE("application/protobuf"));
}

static bool is_json(const struct client_result *answer)
{
	return is_type(answer->content_type, SLICE("application/json"));
}

bool otlp_answer_is_page(const struct client_result *answer)
{
	return is_type(answer->content_type, SLICE("text/html")) ||
	       is_type(answer->content_type, SLICE("application/xhtml+xml"));
}

const char *otlp_answer_flaw(const struct client_result *answer)
{
	struct partial_success partial;
	if (answer->outcome != CLIENT_ANSWERED || answer->http_status < 200 ||
	    answer->http_status > 299)
		return NULL;
	if (otlp_answer_is_page(answer))
		return "an HTML page";
	if (answer->body.len == 0)
		return NULL; /* as it is when all was taken */
	if (answer->has_grpc_status || is_protobuf(answer))
		return response_read_partial_success(answer->body, &partial) ? NULL
									     : "malformed protobuf";
	if (is_json(answer))
		return json_response_read_partial_success(answer->body, &partial)
			       ? NULL
			       : "malformed JSON";
	return "neither protobuf nor JSON";
}

/* Statuses that do not always speak of something else than this request's body. */
static bool may_be_about_size(int status)
{
	return status == 400 || status == 422 || status == 429 || status >= 500;
}

static void classify_taken(const struct client_result *answer, struct export_result *result)
{
	result->outcome = EXPORT_DELIVERED;
	if (is_protobuf(answer))
		read_partial_success(answer, response_read_partial_success, result);
	else if (is_json(answer))
		read_partial_success(answer, json_response_read_partial_success, result);
}

static void classify_http(const char *label, const struct client_result *answer,
			  uint64_t now_wall_ns, struct export_result *result)
{
	int status = answer->http_status;
	if (status >= 200 && status <= 299) {
		classify_taken(answer, result);
		return;
	}
	bool is_doubled = status >= 400 && status < 500 && strstr(label, "/v1/traces/v1/traces");
	(void)err_set(&result->err, ERR_PEER,
		      "error exporting items, request to %s responded with HTTP Status Code %d%s",
		      label, status,
		      is_doubled ? ": /v1/traces is added to `endpoint`, take it off there" : "");
	if (status == HTTP_CONTENT_TOO_LARGE ||
	    (may_be_about_size(status) && speaks_of_size(answer->body))) {
		result->outcome = EXPORT_TOO_LARGE;
		return;
	}
	switch (status) {
	case 429:
	case 503:
		result->retry_after_ns = retry_after_ns(answer->retry_after, now_wall_ns);
		FALLTHROUGH;
	case 502:
	case 504: result->outcome = EXPORT_RETRY; break;
	case 400: result->outcome = EXPORT_INVALID; break;
	default: result->outcome = EXPORT_PERMANENT; break;
	}
}

/* The answer in gRPC's terms, as a sender who waits for it is told; GRPC_OK: there was none. */
static int grpc_code_of(enum client_mode mode, const struct client_result *answer)
{
	if (mode == CLIENT_GRPC && answer->outcome == CLIENT_TIMED_OUT)
		return GRPC_DEADLINE_EXCEEDED;
	if (answer->outcome != CLIENT_ANSWERED)
		return GRPC_OK;
	if (mode == CLIENT_HTTP)
		return grpc_status_of_http(answer->http_status);
	bool known = answer->grpc_status >= 0 && answer->grpc_status < GRPC_STATUS_COUNT;
	return known ? answer->grpc_status : GRPC_UNKNOWN;
}

void otlp_answer_classify(enum client_mode mode, const char *label,
			  const struct client_result *answer, uint64_t now_wall_ns,
			  struct export_result *ret_result)
{
	*ret_result = (struct export_result){.outcome = EXPORT_RETRY};
	if (answer->outcome != CLIENT_ANSWERED)
		ret_result->err = answer->err;
	else if (mode == CLIENT_GRPC)
		classify_grpc(label, answer, ret_result);
	else
		classify_http(label, answer, now_wall_ns, ret_result);
	if (ret_result->outcome != EXPORT_DELIVERED)
		ret_result->grpc_code = grpc_code_of(mode, answer);
}
