/* SPDX-License-Identifier: Apache-2.0 */
/* In what coding the body of an answer is handed on, by protocol, header and flag. */
#include "pipeline/net/client_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_coding_is_that_of_the_body(void **state)
{
	static const struct {
		bool is_grpc;
		uint8_t flag;
		const char *name, *value; /* of a header field; NULL: none */
		const char *coding;
	} cases[] = {
		{true, 1, "grpc-encoding", "gzip", "gzip"},
		{true, 0, "grpc-encoding", "gzip", ""}, /* this message is not */
		{true, 1, NULL, NULL, "unnamed"},
		{true, 1, "content-encoding", "gzip", "unnamed"},
		{true, 0, NULL, NULL, ""},
		{false, 0, "content-encoding", "zstd", "zstd"},
		{false, 0, "grpc-encoding", "zstd", ""},
		{false, 0, NULL, NULL, ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const uint8_t body[] = {cases[i].flag, 0, 0, 0, 2, 'o', 'k'};
		size_t prefix = cases[i].is_grpc ? 0 : GRPC_PREFIX_BYTES;
		struct budget budget;
		struct response response;
		struct client_result result = {0};
		struct err err;
		budget_init(&budget, UINT64_MAX);
		response_init(&response, cases[i].is_grpc, &budget);
		response_status(&response, 200);
		if (cases[i].name)
			assert_int_equal(response_header(&response, slice_str(cases[i].name),
							 slice_str(cases[i].value), &err),
					 0);
		/* Byte by byte: a split anywhere changes nothing. */
		for (size_t at = prefix; at < sizeof(body); at++)
			assert_int_equal(response_body(&response, slice_of(body + at, 1), &err), 0);
		assert_int_equal(response_finish(&response, &result, &err), 0);
		assert_true(slice_equal(result.coding, slice_str(cases[i].coding)));
		assert_true(slice_equal(result.body, SLICE("ok")));
		response_fini(&response);
		assert_int_equal(budget_used(&budget), 0);
	}
}

/* What decoded texts are put behind are the other fields, in any order of arrival. */
static void fields_and_decoded_texts_stand_side_by_side(void **state)
{
	static const struct {
		const char *name, *value;
	} fields[] = {
		{"content-type", "application/grpc"},
		{"grpc-encoding", "gzip"},
		{"retry-after", "17"},
		{"grpc-status", "14"},
		{"grpc-message", "caf%C3%A9 100%25"},
		{"grpc-status-details-bin", "CA4S"},
	};
	enum { COUNT = ARRAY_COUNT(fields) };
	(void)state;
	for (size_t first = 0; first < COUNT; first++) {
		const uint8_t body[] = {1, 0, 0, 0, 2, 'o', 'k'};
		struct budget budget;
		struct response response;
		struct client_result result = {0};
		struct err err;
		budget_init(&budget, UINT64_MAX);
		response_init(&response, true, &budget);
		response_status(&response, 200);
		for (size_t i = 0; i < COUNT; i++) {
			size_t at = (first + i) % COUNT;
			assert_int_equal(response_header(&response, slice_str(fields[at].name),
							 slice_str(fields[at].value), &err),
					 0);
		}
		assert_int_equal(response_body(&response, slice_of(body, sizeof(body)), &err), 0);
		assert_int_equal(response_finish(&response, &result, &err), 0);
		assert_int_equal(result.outcome, CLIENT_ANSWERED);
		assert_int_equal(result.http_status, 200);
		assert_true(result.has_grpc_status);
		assert_int_equal(result.grpc_status, 14);
		assert_true(slice_equal(result.content_type, SLICE("application/grpc")));
		assert_true(slice_equal(result.coding, SLICE("gzip")));
		assert_true(slice_equal(result.retry_after, SLICE("17")));
		assert_true(slice_equal(result.body, SLICE("ok")));
		assert_true(slice_equal(result.grpc_message, SLICE("caf\xc3\xa9 100%")));
		assert_true(slice_equal(result.grpc_status_details, SLICE("\x08\x0e\x12")));
		response_fini(&response);
		assert_int_equal(budget_used(&budget), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_and_decoded_texts_stand_side_by_side),
		cmocka_unit_test(the_coding_is_that_of_the_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
