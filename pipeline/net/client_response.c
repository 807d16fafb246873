/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC over HTTP/2 (its protocol document, "Responses"): Length-Prefixed-Message is one byte of
 * flags and four of length; Trailers-Only answers have the status in the header block;
 * grpc-message is percent-encoded UTF-8; "-bin" fields are base64 with or without padding. An
 * answer without a usable grpc-status gets one from the HTTP status.
 */
#include "pipeline/net/client_response.h"

#include "pipeline/base/base64.h"
#include "pipeline/base/hex.h"

enum {
	TEXT_BYTES_FIRST = 512,
	GRPC_FLAG_COMPRESSED = 1,
	GRPC_STATUS_MAX = 16,
};

enum grpc_status {
	GRPC_UNKNOWN = 2,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};

static const struct slice field_names[FIELD_COUNT] = {
	[FIELD_CONTENT_TYPE] = SLICE_INIT("content-type"),
	[FIELD_CONTENT_ENCODING] = SLICE_INIT("content-encoding"),
	[FIELD_RETRY_AFTER] = SLICE_INIT("retry-after"),
	[FIELD_GRPC_ENCODING] = SLICE_INIT("grpc-encoding"),
	[FIELD_GRPC_STATUS] = SLICE_INIT("grpc-status"),
	[FIELD_GRPC_MESSAGE] = SLICE_INIT("grpc-message"),
	[FIELD_GRPC_DETAILS] = SLICE_INIT("grpc-status-details-bin"),
};

void response_init(struct response *response, bool is_grpc, struct budget *budget)
{
	*response = (struct response){.budget = budget, .is_grpc = is_grpc};
}

void response_fini(struct response *response)
{
	chunk_unref(response->text);
	chunk_unref(response->body);
	response->text = response->body = NULL;
}

void response_status(struct response *response, int http_status)
{
	response->http_status = http_status;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		response->fields[i].present = false;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the answer");
}

/* Room for ${len} more bytes of text: at most one growth per field, bounded by the header limit. */
static bool text_reserve(struct response *response, size_t len)
{
	if (!response->text)
		response->text = chunk_new(response->budget, TEXT_BYTES_FIRST);
	return response->text && chunk_reserve(response->text, len);
}

int response_header(struct response *response, struct slice name, struct slice value,
		    struct err *err)
{
	size_t left = CLIENT_RESPONSE_HEADER_BYTES_MAX - response->header_bytes;
	if (name.len > left || value.len > left - name.len)
		return err_set(err, ERR_LIMIT, "the answer's header is larger than %d bytes",
			       CLIENT_RESPONSE_HEADER_BYTES_MAX);
	response->header_bytes += name.len + value.len;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!slice_equal_nocase(name, field_names[i]))
			continue;
		if (!text_reserve(response, value.len))
			return no_memory(err);
		response->fields[i].present = true;
		response->fields[i].offset = response->text->len;
		response->fields[i].len = value.len;
		if (value.len > 0)
			memcpy(response->text->data + response->text->len, value.ptr, value.len);
		response->text->len += value.len;
	}
	return 0;
}

/* Keeps what fits under the limit, drops the rest. */
static int keep_body(struct response *response, struct slice bytes, struct err *err)
{
	size_t held = response->body ? response->body->len : 0;
	size_t room = CLIENT_RESPONSE_BYTES_MAX - held;
	if (bytes.len > room)
		bytes.len = room;
	if (bytes.len == 0)
		return 0;
	if (!response->body)
		response->body = chunk_new(response->budget, bytes.len);
	if (!response->body || !chunk_append(response->body, bytes))
		return no_memory(err);
	return 0;
}

static uint32_t prefix_length(const uint8_t *prefix)
{
	return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 |
	       prefix[4];
}

bool response_is_enough(const struct response *response, const struct err *err)
{
	return err->kind == ERR_LIMIT && !response->is_grpc && response->http_status >= 200 &&
	       response->body_bytes > GRPC_PREFIX_BYTES + CLIENT_RESPONSE_READ_BYTES_MAX;
}

int response_body(struct response *response, struct slice bytes, struct err *err)
{
	response->body_bytes += bytes.len;
	if (response->body_bytes > GRPC_PREFIX_BYTES + CLIENT_RESPONSE_READ_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "the answer's body is larger than %d bytes",
			       CLIENT_RESPONSE_READ_BYTES_MAX);
	if (!response->is_grpc)
		return keep_body(response, bytes, err);
	while (bytes.len > 0 && response->prefix_len < GRPC_PREFIX_BYTES) {
		response->prefix[response->prefix_len++] = bytes.ptr[0];
		bytes = slice_of(bytes.ptr + 1, bytes.len - 1);
		if (response->prefix_len == GRPC_PREFIX_BYTES)
			response->message_left = prefix_length(response->prefix);
	}
	/* What follows the first message of a unary call means nothing and is dropped. */
	if (bytes.len > response->message_left)
		bytes.len = response->message_left;
	response->message_left -= bytes.len;
	return keep_body(response, bytes, err);
}

static struct slice field_value(const struct response *response, enum response_field field)
{
	if (!response->fields[field].present)
		return SLICE("");
	return slice_of(response->text->data + response->fields[field].offset,
			response->fields[field].len);
}

/* A coded gRPC message has the flag; grpc-encoding alone says what the flag would mean. */
static struct slice body_coding(const struct response *response)
{
	if (!response->is_grpc)
		return field_value(response, FIELD_CONTENT_ENCODING);
	if (!(response->prefix[0] & GRPC_FLAG_COMPRESSED))
		return SLICE("");
	struct slice coding = field_value(response, FIELD_GRPC_ENCODING);
	return coding.len > 0 ? coding : SLICE("unnamed"); /* which nobody can read */
}

/* "HTTP to gRPC Status Code Mapping" of the gRPC documents. */
static int status_from_http(int http_status)
{
	switch (http_status) {
	case 400: return GRPC_INTERNAL;
	case 401: return GRPC_UNAUTHENTICATED;
	case 403: return GRPC_PERMISSION_DENIED;
	case 404: return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504: return GRPC_UNAVAILABLE;
	default: return GRPC_UNKNOWN;
	}
}

static int grpc_status(const struct response *response)
{
	uint64_t status;
	if (!response->fields[FIELD_GRPC_STATUS].present)
		return status_from_http(response->http_status);
	if (!slice_parse_u64(field_value(response, FIELD_GRPC_STATUS), &status) ||
	    status > GRPC_STATUS_MAX)
		return GRPC_UNKNOWN;
	return (int)status;
}

/* Into ${out}, which has room for encoded.len bytes; an escape that is none stays as it is. */
static size_t percent_decode(struct slice encoded, uint8_t *out)
{
	size_t len = 0;
	for (size_t i = 0; i < encoded.len; i++) {
		uint8_t byte = encoded.ptr[i];
		int escaped = byte == '%' ? percent_value(encoded, i) : -1;
		if (escaped >= 0) {
			byte = (uint8_t)escaped;
			i += 2;
		}
		out[len++] = byte;
	}
	return len;
}

/* Into ${out} (room for encoded.len bytes); 0 when malformed. */
static size_t binary_decode(struct slice encoded, uint8_t *out)
{
	struct base64_decoder decoder = {0};
	ptrdiff_t len = base64_decode(&decoder, encoded, out);
	ptrdiff_t rest = len < 0 ? -1 : base64_decode_end(&decoder, out + len);
	return rest < 0 ? 0 : (size_t)(len + rest);
}

int response_finish(struct response *response, struct client_result *result, struct err *err)
{
	size_t message_len = response->fields[FIELD_GRPC_MESSAGE].len;
	size_t details_len = response->fields[FIELD_GRPC_DETAILS].len;
	if (response->is_grpc && !text_reserve(response, message_len + details_len))
		return no_memory(err);
	result->outcome = CLIENT_ANSWERED;
	result->http_status = response->http_status;
	result->content_type = field_value(response, FIELD_CONTENT_TYPE);
	result->coding = body_coding(response);
	result->retry_after = field_value(response, FIELD_RETRY_AFTER);
	result->body = response->body ? chunk_slice(response->body) : SLICE("");
	if (!response->is_grpc)
		return 0;
	result->has_grpc_status = true;
	result->grpc_status = grpc_status(response);
	uint8_t *message = response->text->data + response->text->len;
	uint8_t *details = message + message_len;
	result->grpc_message = slice_of(
		message, percent_decode(field_value(response, FIELD_GRPC_MESSAGE), message));
	result->grpc_status_details = slice_of(
		details, binary_decode(field_value(response, FIELD_GRPC_DETAILS), details));
	return 0;
}
