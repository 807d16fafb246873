/* SPDX-License-Identifier: Apache-2.0 */
/* The batch processor's settings: the Collector's defaults, and the texts of its errors. What is made
 * of them is tested with the assembler and the batch stage. */
#include "pipeline/base/clock.h"
#include "tests/support/processor_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void settings_become_bounds(void **state)
{
	static const struct {
		const char *yaml;
		struct batching want;
	} cases[] = {
		{NULL, {.spans_min = 8192, .timeout_ns = 200 * NS_PER_MS}},
		{"{}", {.spans_min = 8192, .timeout_ns = 200 * NS_PER_MS}},
		{"{send_batch_size: 10, send_batch_max_size: 20, timeout: 5s}",
		 {.spans_min = 10, .spans_max = 20, .timeout_ns = 5 * NS_PER_S}},
		{"{timeout: 0s}", {.spans_min = 8192, .timeout_ns = 0}},
		/* as without a timer: each request at once */
		{"{send_batch_size: 0, timeout: 5s}", {.spans_min = 0, .timeout_ns = 0}},
		{"{metadata_keys: [], metadata_cardinality_limit: 5}",
		 {.spans_min = 8192, .timeout_ns = 200 * NS_PER_MS}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct processor_fixture fixture;
		assert_true(processor_fixture_open(&fixture, "batch", cases[i].yaml));
		const struct batching *batching = fixture.self;
		assert_int_equal(batching->spans_min, cases[i].want.spans_min);
		assert_int_equal(batching->spans_max, cases[i].want.spans_max);
		assert_int_equal(batching->timeout_ns, cases[i].want.timeout_ns);
		assert_int_equal(batching->bytes_min, 0);
		assert_int_equal(batching->bytes_max, 0);
		processor_fixture_close(&fixture);
	}
}

static void says_what_is_wrong_with_its_configuration(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{"{send_batch_size: 10, send_batch_max_size: 9}",
		 "send_batch_max_size must be greater or equal to send_batch_size"},
		{"{send_batch_max_size: 100}",
		 "send_batch_max_size must be greater or equal to send_batch_size"},
		{"{metadata_keys: [tenant]}", "metadata_keys: request metadata is not kept"},
		{"{timeout: 5}", "timeout"},
		{"{send_batch_size: -1}", "send_batch_size"},
		{"{sendbatchsize: 1}", "sendbatchsize"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		processor_fixture_expect_error("batch", cases[i].yaml, cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_become_bounds),
		cmocka_unit_test(says_what_is_wrong_with_its_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
