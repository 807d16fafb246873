/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gRPC puts on top of HTTP/2 for unary calls (the "gRPC over HTTP2" protocol description):
 * one message behind a five-byte prefix, grpc-encoding, grpc-timeout, and a status in trailers.
 * Texts of refusals are those of grpc-go where it has some, because people search for them.
 *
 *   prefix: | flag: 0 plain, 1 compressed | length, four bytes, big-endian |
 */
#include "pipeline/net/server_internal.h"

#include "pipeline/base/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_DIGITS_MAX = 8,
	STATUS_MESSAGE_BYTES_MAX = 8192, /* percent-encoded; a longer one is cut */
	GRPC_INTERNAL = 13,
};

bool grpc_is_content_type(struct slice media_type)
{
	return slice_equal(media_type, SLICE("application/grpc")) ||
	       slice_equal(media_type, SLICE("application/grpc+proto"));
}

/* "100m" and the like into nanoseconds, at most a hundred years. False when malformed. */
static bool parse_timeout(struct slice value, uint64_t *ret_ns)
{
	static const struct {
		uint8_t unit;
		uint64_t ns;
	} units[] = {{'H', 3600 * NS_PER_S}, {'M', 60 * NS_PER_S}, {'S', NS_PER_S},
		     {'m', NS_PER_MS},	     {'u', NS_PER_US},	   {'n', 1}};
	const uint64_t max_ns = UINT64_C(100) * 365 * 24 * 3600 * NS_PER_S;
	uint64_t count;
	if (value.len < 2 || value.len > TIMEOUT_DIGITS_MAX + 1 ||
	    !slice_parse_u64(slice_of(value.ptr, value.len - 1), &count))
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (units[i].unit != value.ptr[value.len - 1])
			continue;
		*ret_ns = count > max_ns / units[i].ns ? max_ns : count * units[i].ns;
		return true;
	}
	return false;
}

bool grpc_header_done(struct request *request)
{
	struct server_request *base = &request->base;
	if (!slice_equal(base->method, SLICE("POST"))) {
		request_answer_plain(request, 405, "405 method not allowed, supported: [POST]");
		return false;
	}
	struct slice timeout = server_request_header(base, "grpc-timeout");
	if (timeout.len > 0) {
		uint64_t ns;
		if (!parse_timeout(timeout, &ns)) {
			counter_add(&server_conn_counters(request->sc)->protocol_errors, 1);
			server_respond_grpc(base, GRPC_INTERNAL, "malformed grpc-timeout",
					    slice_of(NULL, 0), slice_of(NULL, 0));
			return false;
		}
		base->deadline_ns = clock_monotonic_ns() + ns;
	}
	return true;
}

void grpc_check_encoding(struct request *request)
{
	struct slice encoding = server_request_header(&request->base, "grpc-encoding");
	if (!coding_parse_grpc(encoding, &request->coding)) {
		char message[96];
		bool printable = encoding.len <= 32;
		for (size_t i = 0; i < encoding.len && printable; i++)
			printable = encoding.ptr[i] > 0x20 && encoding.ptr[i] < 0x7f;
		(void)snprintf(message, sizeof(message),
			       "grpc: Decompressor is not installed for grpc-encoding \"%.*s\"",
			       SLICE_FMT(printable ? encoding : SLICE("?")));
		request_refuse(request, REFUSED_CODING_UNKNOWN, message);
	}
}

/* The prefix is complete: may the message come? */
static bool check_prefix(struct request *request)
{
	size_t max = server_conn_limits(request->sc)->grpc_message_bytes_max;
	const uint8_t *p = request->prefix;
	char message[96];
	request->message_bytes =
		(uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	if (p[0] > 1) {
		(void)snprintf(message, sizeof(message),
			       "grpc: received unexpected payload format %u", p[0]);
		request_refuse(request, REFUSED_GRPC_FRAMING, message);
		return false;
	}
	if (p[0] == 1 && request->coding == CODING_IDENTITY) {
		request_refuse(request, REFUSED_GRPC_FRAMING,
			       "grpc: compressed flag set with identity or empty encoding");
		return false;
	}
	if (p[0] == 0)
		request->coding = CODING_IDENTITY; /* this message is not compressed */
	if (request->message_bytes > max) {
		(void)snprintf(message, sizeof(message),
			       "grpc: received message larger than max (%u vs. %zu)",
			       request->message_bytes, max);
		request_refuse(request, REFUSED_BODY_TOO_LARGE, message);
		return false;
	}
	return true;
}

bool grpc_take_prefix(struct request *request, struct slice *bytes)
{
	while (request->prefix_len < GRPC_PREFIX_BYTES && bytes->len > 0) {
		request->prefix[request->prefix_len++] = *bytes->ptr;
		*bytes = slice_of(bytes->ptr + 1, bytes->len - 1);
		if (request->prefix_len == GRPC_PREFIX_BYTES && !check_prefix(request))
			return false;
	}
	if (bytes->len > request->message_bytes - request->body_bytes) {
		request_refuse(request, REFUSED_GRPC_FRAMING,
			       "cardinality violation: received multiple request messages for "
			       "non-client-streaming RPC");
		return false;
	}
	return true;
}

bool grpc_check_end(struct request *request)
{
	if (request->prefix_len == GRPC_PREFIX_BYTES &&
	    request->body_bytes == request->message_bytes)
		return true;
	request_refuse(request, REFUSED_GRPC_FRAMING,
		       request->prefix_len == 0
			       ? "cardinality violation: received no request message from "
				 "non-client-streaming RPC"
			       : "unexpected EOF");
	return false;
}

/* Percent-encodes what is not printable ASCII, and '%'. Cut so that no escape is split. */
static size_t encode_message(const char *message, char *encoded, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = 0;
	for (const char *p = message; *p && at + 3 <= size; p++) {
		uint8_t byte = (uint8_t)*p;
		if (byte >= 0x20 && byte < 0x7f && byte != '%') {
			encoded[at++] = (char)byte;
			continue;
		}
		encoded[at++] = '%';
		encoded[at++] = digits[byte >> 4];
		encoded[at++] = digits[byte & 15];
	}
	return at;
}

/* Base64 without padding, as gRPC recommends for "-bin" fields. NULL when memory is short. */
static char *encode_binary(struct slice bytes, size_t *ret_len)
{
	char *text = malloc(BASE64_LEN(bytes.len) + 1);
	if (!text)
		return NULL;
	base64_encode(bytes, text);
	*ret_len = strcspn(text, "=");
	return text;
}

/* Adds a field unless ${bytes} are empty or memory is short. What it returns has to be freed once
 * the headers are sent. */
static char *add_binary(struct server_header *headers, size_t *count, const char *name,
			struct slice bytes)
{
	size_t len = 0;
	char *text = bytes.len > 0 ? encode_binary(bytes, &len) : NULL;
	if (text)
		headers[(*count)++] = (struct server_header){name, slice_of(text, len)};
	return text;
}

static void respond_error(struct request *request, int status, const char *message,
			  struct slice details, struct slice retry_info)
{
	struct server_header headers[6] = {{"content-type", SLICE_INIT("application/grpc")}};
	size_t count = 1;
	char status_text[12], encoded[STATUS_MESSAGE_BYTES_MAX];
	int status_len = snprintf(status_text, sizeof(status_text), "%d", status);
	headers[count++] =
		(struct server_header){"grpc-status", slice_of(status_text, (size_t)status_len)};
	if (message && *message)
		headers[count++] = (struct server_header){
			"grpc-message",
			slice_of(encoded, encode_message(message, encoded, sizeof(encoded)))};
	char *details_text = add_binary(headers, &count, "grpc-status-details-bin", details);
	char *retry_text = add_binary(headers, &count, "google.rpc.retryinfo-bin", retry_info);
	if (request->base.unknown_coding)
		headers[count++] = (struct server_header){"grpc-accept-encoding",
							  SLICE_INIT(CODING_GRPC_NAMES)};
	request_answer(request,
		       &(struct answer){.status = 200, .headers = headers, .header_count = count});
	free(details_text);
	free(retry_text);
}

void server_respond_grpc(struct server_request *request, int status, const char *message,
			 struct slice details, struct slice message_bytes)
{
	static const struct server_header headers[] = {
		{"content-type", SLICE_INIT("application/grpc")}};
	struct request *whole = CONTAINER_OF(request, struct request, base);
	if (status != 0) {
		respond_error(whole, status, message, details, (struct slice){0});
		return;
	}
	const uint8_t prefix[GRPC_PREFIX_BYTES] = {
		0, (uint8_t)(message_bytes.len >> 24), (uint8_t)(message_bytes.len >> 16),
		(uint8_t)(message_bytes.len >> 8), (uint8_t)message_bytes.len};
	request_answer(whole, &(struct answer){.status = 200,
					       .headers = headers,
					       .header_count = 1,
					       .prefix = slice_of(prefix, sizeof(prefix)),
					       .body = message_bytes,
					       .grpc_trailers = true});
}

void server_respond_grpc_retry(struct server_request *request, int status, const char *message,
			       struct slice details, struct slice retry_info)
{
	respond_error(CONTAINER_OF(request, struct request, base), status, message, details,
		      retry_info);
}
