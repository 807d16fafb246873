/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp_json/json_response.h"

static void reads_partial_success(void **state)
{
	static const struct {
		const char *json;
		bool good, message;
		uint64_t rejected;
	} rows[] = {
		{"{}", true, false, 0},
		{"{\"partialSuccess\":{}}", true, false, 0},
		{"{\"partialSuccess\":null}", true, false, 0},
		{"{\"partialSuccess\":{\"rejectedSpans\":\"7\",\"errorMessage\":\"m\"}}", true,
		 true, 7},
		{"{\"partial_success\":{\"rejected_spans\":3}}", true, false, 3},
		{"{\"partialSuccess\":{\"errorMessage\":\"\"}}", true, false, 0},
		{"{\"rejectedSpans\":\"7\"}", true, false, 0},
		{"{\"x\":{\"rejectedSpans\":\"7\"},\"y\":[{\"rejectedSpans\":1}]}", true, false, 0},
		{"{\"partialSuccess\":{\"x\":{\"rejectedSpans\":7}}}", true, false, 0},
		{"{\"partialSuccess\":{\"rejectedSpans\":\"x\"}}", false, false, 0},
		{"{\"partialSuccess\":{\"rejectedSpans\":-1}}", false, false, 0},
		{"{\"partialSuccess\":{}", false, false, 0},
		{"", false, false, 0},
		{"[]", false, false, 0},
		{"{} x", false, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct partial_success partial;
		bool good = json_response_read_partial_success(slice_str(rows[i].json), &partial);
		if (good != rows[i].good)
			fail_msg("%s", rows[i].json);
		if (!good)
			continue;
		if (partial.rejected_spans != rows[i].rejected ||
		    partial.has_message != rows[i].message)
			fail_msg("%s: %llu", rows[i].json,
				 (unsigned long long)partial.rejected_spans);
	}
}

static void writes_status(void **state)
{
	struct buf out = BUF_INIT;
	(void)state;
	json_response_write_status(&out, 3, "a \"b\"\n", 0);
	assert_string_equal(buf_cstr(&out), "{\"code\":3,\"message\":\"a \\\"b\\\"\\n\"}");
	buf_reset(&out);
	json_response_write_status(&out, 14, "full", 1500000000);
	assert_string_equal(buf_cstr(&out),
			    "{\"code\":14,\"message\":\"full\",\"details\":[{\"@type\":"
			    "\"type.googleapis.com/google.rpc.RetryInfo\","
			    "\"retryDelay\":\"1.500000000s\"}]}");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_partial_success),
		cmocka_unit_test(writes_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
