/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading takes the last of a field that is repeated, as protobuf does. Writing knows the few
 * messages that we send.
 */
#include "pipeline/trace/otlp/response.h"

#include "pipeline/base/clock.h"
#include "pipeline/trace/value/field_numbers.h"
#include "pipeline/trace/value/wire.h"

/* google/rpc/status.proto, google/rpc/error_details.proto, google/protobuf/{any,duration}.proto */
enum { STATUS_RPC_CODE = 1, STATUS_RPC_MESSAGE = 2, STATUS_RPC_DETAILS = 3 };
enum { ANY_TYPE_URL = 1, ANY_CONTENT = 2 };
enum { RETRY_INFO_DELAY = 1 };
enum { DURATION_SECONDS = 1, DURATION_NANOS = 2 };
#define RETRY_INFO_URL "type.googleapis.com/google.rpc.RetryInfo"

/* The last sub-message or string ${number} of ${message}; false when there is none. */
static bool find_bytes(struct slice message, uint32_t number, struct slice *ret_content)
{
	struct wire_reader reader = wire_reader_of(message);
	struct wire_field field;
	bool found = false;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number == number && field.type == WIRE_LEN) {
			*ret_content = field.content;
			found = true;
		}
	}
	return found;
}

static uint64_t find_number(struct slice message, uint32_t number)
{
	struct wire_reader reader = wire_reader_of(message);
	struct wire_field field;
	uint64_t value = 0;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		if (field.number == number && field.type == WIRE_VARINT)
			value = field.value;
	}
	return value;
}

static bool well_formed(struct slice message)
{
	struct wire_reader reader = wire_reader_of(message);
	struct wire_field field;
	while (reader.at < reader.end) {
		if (!wire_read_field(&reader, &field))
			return false;
	}
	return true;
}

bool response_read_partial_success(struct slice body, struct partial_success *ret_partial)
{
	struct slice partial, text;
	*ret_partial = (struct partial_success){0};
	if (!well_formed(body))
		return false;
	if (!find_bytes(body, EXPORT_RESPONSE_PARTIAL_SUCCESS, &partial))
		return true;
	if (!well_formed(partial))
		return false;
	int64_t rejected = (int64_t)find_number(partial, PARTIAL_SUCCESS_REJECTED_SPANS);
	ret_partial->rejected_spans = rejected > 0 ? (uint64_t)rejected : 0;
	ret_partial->has_message =
		find_bytes(partial, PARTIAL_SUCCESS_ERROR_MESSAGE, &text) && text.len > 0;
	return true;
}

static bool read_duration(struct slice duration, uint64_t *ret_ns)
{
	int64_t seconds = (int64_t)find_number(duration, DURATION_SECONDS);
	int64_t nanos = (int64_t)find_number(duration, DURATION_NANOS);
	if (seconds < 0 || nanos < 0 || nanos >= (int64_t)NS_PER_S ||
	    __builtin_mul_overflow((uint64_t)seconds, NS_PER_S, ret_ns) ||
	    __builtin_add_overflow(*ret_ns, (uint64_t)nanos, ret_ns))
		return false;
	return true;
}

bool response_read_retry_delay(struct slice status, uint64_t *ret_delay_ns)
{
	struct wire_reader reader = wire_reader_of(status);
	struct wire_field field;
	while (reader.at < reader.end && wire_read_field(&reader, &field)) {
		struct slice url, info, delay;
		uint64_t ns;
		if (field.number != STATUS_RPC_DETAILS || field.type != WIRE_LEN)
			continue;
		if (find_bytes(field.content, ANY_TYPE_URL, &url) &&
		    slice_equal(url, SLICE(RETRY_INFO_URL)) &&
		    find_bytes(field.content, ANY_CONTENT, &info) &&
		    find_bytes(info, RETRY_INFO_DELAY, &delay) && read_duration(delay, &ns)) {
			*ret_delay_ns = ns;
			return true;
		}
	}
	return false;
}

static void write_varint(struct buf *out, uint64_t value)
{
	uint8_t bytes[10];
	buf_append(out, slice_of(bytes, (size_t)(wire_write_varint(bytes, value) - bytes)));
}

static void write_number(struct buf *out, uint32_t number, uint64_t value)
{
	if (value == 0)
		return;
	write_varint(out, wire_tag(number, WIRE_VARINT));
	write_varint(out, value);
}

static void write_bytes(struct buf *out, uint32_t number, struct slice content)
{
	write_varint(out, wire_tag(number, WIRE_LEN));
	write_varint(out, content.len);
	buf_append(out, content);
}

void response_write_retry_info(struct buf *out, uint64_t retry_ns)
{
	struct buf duration = BUF_INIT;
	write_number(&duration, DURATION_SECONDS, retry_ns / NS_PER_S);
	write_number(&duration, DURATION_NANOS, retry_ns % NS_PER_S);
	write_bytes(out, RETRY_INFO_DELAY, buf_slice(&duration));
	out->failed = out->failed || duration.failed;
	buf_fini(&duration);
}

void response_write_status(struct buf *out, int code, const char *message, uint64_t retry_ns)
{
	write_number(out, STATUS_RPC_CODE, (uint64_t)code);
	if (message[0])
		write_bytes(out, STATUS_RPC_MESSAGE, slice_str(message));
	if (retry_ns == 0)
		return;
	struct buf info = BUF_INIT, any = BUF_INIT;
	response_write_retry_info(&info, retry_ns);
	write_bytes(&any, ANY_TYPE_URL, SLICE(RETRY_INFO_URL));
	write_bytes(&any, ANY_CONTENT, buf_slice(&info));
	write_bytes(out, STATUS_RPC_DETAILS, buf_slice(&any));
	out->failed = out->failed || info.failed || any.failed;
	buf_fini(&info);
	buf_fini(&any);
}
