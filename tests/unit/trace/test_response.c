/* SPDX-License-Identifier: Apache-2.0 */
/* The small messages that travel back, against protobuf-c and against damage. */
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/response.h"
#include "rpc.pb-c.h"
#include "tests/support/trace_wire.h"
#include "trace.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RETRY_INFO_URL "type.googleapis.com/google.rpc.RetryInfo"

static void a_status_is_what_protobuf_c_reads(void **state)
{
	static const struct {
		int code;
		const char *message;
		uint64_t retry_ns;
	} cases[] = {
		{0, "", 0},
		{3, "malformed OTLP at byte 17", 0},
		{14, "sending queue is full", NS_PER_S},
		{14, "", 1500 * NS_PER_MS},
		{8, "x", 1},
		{16, "m", UINT64_MAX},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		response_write_status(&out, cases[i].code, cases[i].message, cases[i].retry_ns);
		Rpc__Status *status = rpc__status__unpack(NULL, out.len, out.data);
		assert_non_null(status);
		assert_int_equal(status->code, cases[i].code);
		assert_string_equal(status->message, cases[i].message);
		assert_int_equal(status->n_details, cases[i].retry_ns > 0 ? 1 : 0);
		uint64_t delay = 7;
		assert_int_equal(response_read_retry_delay(buf_slice(&out), &delay),
				 cases[i].retry_ns > 0);
		if (cases[i].retry_ns > 0) {
			const Rpc__Any *any = status->details[0];
			assert_string_equal(any->type_url, RETRY_INFO_URL);
			Rpc__RetryInfo *info =
				rpc__retry_info__unpack(NULL, any->value.len, any->value.data);
			assert_int_equal((uint64_t)info->retry_delay->seconds * NS_PER_S +
						 (uint64_t)info->retry_delay->nanos,
					 cases[i].retry_ns);
			assert_int_equal(delay, cases[i].retry_ns);
			rpc__retry_info__free_unpacked(info, NULL);
		}
		rpc__status__free_unpacked(status, NULL);
		buf_fini(&out);
	}
}

/* A Status with ${count} details before the RetryInfo of the given duration. */
static void pack_status(struct buf *out, size_t count, const char *url, int64_t seconds,
			int32_t nanos)
{
	for (size_t i = 0; i <= count; i++) {
		struct buf duration = BUF_INIT;
		tw_varint(&duration, 1, (uint64_t)seconds);
		tw_varint(&duration, 2, (uint64_t)(int64_t)nanos);
		size_t any = tw_open(out, 3);
		tw_text(out, 1, i < count ? "type.googleapis.com/google.rpc.BadRequest" : url);
		size_t info = tw_open(out, 2);
		tw_bytes(out, 1, buf_slice(&duration));
		tw_close(out, info);
		tw_close(out, any);
		buf_fini(&duration);
	}
}

static void a_retry_delay_is_found_among_details(void **state)
{
	static const struct {
		size_t others;
		const char *url;
		int64_t seconds;
		int32_t nanos;
		bool found;
		uint64_t delay_ns;
	} cases[] = {
		{0, RETRY_INFO_URL, 5, 0, true, 5 * NS_PER_S},
		{3, RETRY_INFO_URL, 5, 7, true, 5 * NS_PER_S + 7},
		{0, RETRY_INFO_URL, 0, 0, true, 0},
		{0, "type.googleapis.com/google.rpc.DebugInfo", 5, 0, false, 0},
		{0, RETRY_INFO_URL "2", 5, 0, false, 0},
		{0, RETRY_INFO_URL, -1, 0, false, 0},
		{0, RETRY_INFO_URL, 1, -1, false, 0},
		{0, RETRY_INFO_URL, 1, 1000000000, false, 0},
		{0, RETRY_INFO_URL, INT64_MAX, 0, false, 0}, /* more than 64 bits of ns */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		uint64_t delay = 0;
		pack_status(&out, cases[i].others, cases[i].url, cases[i].seconds, cases[i].nanos);
		assert_int_equal(response_read_retry_delay(buf_slice(&out), &delay),
				 cases[i].found);
		assert_int_equal(delay, cases[i].delay_ns);
		buf_fini(&out);
	}
}

static void a_partial_success_is_what_protobuf_c_packs(void **state)
{
	static const struct {
		int64_t rejected;
		const char *message;
		uint64_t counted;
	} cases[] = {
		{0, "", 0},	     {3, "", 3},  {3, "why", 3},
		{0, "a warning", 0}, {-5, "", 0}, {INT64_MAX, "x", INT64_MAX},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char message[16];
		(void)strcpy(message, cases[i].message);
		Otlp__ExportTracePartialSuccess partial;
		Otlp__ExportTraceServiceResponse response;
		otlp__export_trace_partial_success__init(&partial);
		otlp__export_trace_service_response__init(&response);
		partial.rejected_spans = cases[i].rejected;
		partial.error_message = message;
		response.partial_success = &partial;
		uint8_t packed[64];
		size_t len = otlp__export_trace_service_response__pack(&response, packed);
		struct partial_success read;
		assert_true(response_read_partial_success(slice_of(packed, len), &read));
		assert_int_equal(read.rejected_spans, cases[i].counted);
		assert_int_equal(read.has_message, message[0] != 0);
	}
}

static void a_delay_alone_is_a_retry_info(void **state)
{
	static const struct {
		uint64_t ns;
		int64_t seconds;
		int32_t nanos;
	} cases[] = {{5 * NS_PER_S, 5, 0}, {7, 0, 7}, {5 * NS_PER_S + 7, 5, 7}};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		response_write_retry_info(&out, cases[i].ns);
		Rpc__RetryInfo *info = rpc__retry_info__unpack(NULL, out.len, out.data);
		assert_non_null(info);
		assert_non_null(info->retry_delay);
		assert_int_equal(info->retry_delay->seconds, cases[i].seconds);
		assert_int_equal(info->retry_delay->nanos, cases[i].nanos);
		rpc__retry_info__free_unpacked(info, NULL);
		buf_fini(&out);
	}
}

static void damage_is_never_read_beyond_its_end(void **state)
{
	struct buf status = BUF_INIT;
	struct partial_success partial;
	uint64_t delay;
	(void)state;
	pack_status(&status, 2, RETRY_INFO_URL, 5, 7);
	for (size_t len = 0; len <= status.len; len++) {
		/* A copy of exactly this length, so that a sanitizer sees one byte too many. */
		uint8_t *copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, status.data, len);
		(void)response_read_retry_delay(slice_of(copy, len), &delay);
		(void)response_read_partial_success(slice_of(copy, len), &partial);
		for (size_t at = 0; at < len; at++) {
			copy[at] ^= 0xff;
			(void)response_read_retry_delay(slice_of(copy, len), &delay);
			(void)response_read_partial_success(slice_of(copy, len), &partial);
			copy[at] ^= 0xff;
		}
		free(copy);
	}
	assert_false(response_read_partial_success(SLICE("\x0a\x05\x08"), &partial));
	assert_false(response_read_partial_success(SLICE("\x0a\x02\x08\xff"), &partial));
	assert_false(response_read_retry_delay(SLICE("\x1a\xff"), &delay));
	buf_fini(&status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_is_what_protobuf_c_reads),
		cmocka_unit_test(a_retry_delay_is_found_among_details),
		cmocka_unit_test(a_partial_success_is_what_protobuf_c_packs),
		cmocka_unit_test(a_delay_alone_is_a_retry_info),
		cmocka_unit_test(damage_is_never_read_beyond_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
