/* SPDX-License-Identifier: Apache-2.0 */
/* The settings that all exporters share: the Collector's defaults and the text of each error. */
#include "pipeline/base/clock.h"
#include "pipeline/delivery/export.h"
#include "tests/support/config_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct exporter_config {
	struct delivery_config delivery;
};

static const struct config_field exporter_fields[] = {
	DELIVERY_FIELDS(struct exporter_config, delivery, "5s")};
static const struct config_block block = CONFIG_BLOCK(struct exporter_config, exporter_fields);

static void bind_settings(struct config_support *support, const char *yaml,
			  struct delivery_config *ret)
{
	struct exporter_config config;
	config_support_init(support);
	const struct config_node *node = config_support_load_text(support, yaml);
	assert_non_null(node);
	config_bind(&block, node, "exporters.x", &config, &support->report);
	*ret = config.delivery;
}

/* The second table of docs/collector-differences.md and what stands above it: null as the Collector's
 * print-config shows it. A block from a variable that is not set keeps its defaults; there the
 * Collector has zeros, and no retries. */
static void null_and_unset_values_do_what_the_page_says(void **state)
{
	struct config_support support;
	struct delivery_config config;
	(void)state;
	bind_settings(&support,
		      "{timeout: , sending_queue: {block_on_overflow: , batch: , sizer: }, "
		      "retry_on_failure: {enabled: , initial_interval: , max_elapsed_time: , "
		      "multiplier: }}",
		      &config);
	assert_string_equal(config_support_errors(&support), "");
	assert_int_equal(config.timeout_ns, 0);
	assert_false(config.queue.block_on_overflow);
	assert_int_equal(config.queue.sizer, SIZER_REQUESTS);
	assert_true(config.queue.batch_present);
	assert_int_equal(config.queue.batch.min_size, 8192);
	assert_int_equal(config.queue.batch.flush_timeout_ns, 200 * NS_PER_MS);
	assert_false(config.retry.enabled);
	assert_int_equal(config.retry.initial_interval_ns, 0);
	assert_int_equal(config.retry.max_elapsed_time_ns, 0);
	assert_true(config.retry.multiplier == 0);
	assert_int_equal(config.retry.max_interval_ns, 30 * NS_PER_S);
	config_support_fini(&support);

	bind_settings(&support, "{retry_on_failure: '${env:UNSET}', sending_queue: '${env:UNSET}'}",
		      &config);
	assert_string_equal(config_support_errors(&support), "");
	assert_true(config.queue.enabled);
	assert_true(config.retry.enabled);
	assert_int_equal(config.retry.max_elapsed_time_ns, 300 * NS_PER_S);
	config_support_fini(&support);
}

static void an_empty_block_has_the_collectors_defaults(void **state)
{
	static const char *const blocks[] = {"{}", "{sending_queue: , retry_on_failure: }",
					     "{sending_queue: {}, retry_on_failure: {}}"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
		struct config_support support;
		struct delivery_config config;
		bind_settings(&support, blocks[i], &config);
		assert_int_equal(support.report.error_count, 0);
		assert_int_equal(config.timeout_ns, 5 * NS_PER_S);
		assert_int_equal(config.max_request_bytes, (4 << 20) - (64 << 10));
		assert_true(config.queue.enabled);
		assert_int_equal(config.queue.num_consumers, 10);
		assert_int_equal(config.queue.queue_size, 1000);
		assert_int_equal(config.queue.sizer, SIZER_REQUESTS);
		assert_false(config.queue.block_on_overflow);
		assert_false(config.queue.wait_for_result);
		assert_false(config.queue.required);
		assert_false(config.queue.batch_present);
		assert_string_equal(config.queue.storage, "");
		assert_true(config.retry.enabled);
		assert_int_equal(config.retry.initial_interval_ns, 5 * NS_PER_S);
		assert_int_equal(config.retry.max_interval_ns, 30 * NS_PER_S);
		assert_int_equal(config.retry.max_elapsed_time_ns, 300 * NS_PER_S);
		assert_true(config.retry.randomization_factor == 0.5);
		assert_true(config.retry.multiplier == 1.5);
		config_support_fini(&support);
	}
}

static void a_batch_block_that_is_there_is_on(void **state)
{
	static const char *const blocks[] = {"{sending_queue: {batch: }}",
					     "{sending_queue: {batch: {}}}"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
		struct config_support support;
		struct delivery_config config;
		bind_settings(&support, blocks[i], &config);
		assert_int_equal(support.report.error_count, 0);
		assert_true(config.queue.batch_present);
		assert_int_equal(config.queue.batch.flush_timeout_ns, 200 * NS_PER_MS);
		assert_int_equal(config.queue.batch.min_size, 8192);
		assert_int_equal(config.queue.batch.max_size, 0);
		assert_int_equal(config.queue.batch.sizer, SIZER_ITEMS);
		config_support_fini(&support);
	}
}

/* Batches for each value of a request's metadata do not exist yet: asked for, they are refused. */
static void partitions_are_refused_and_none_are_not(void **state)
{
	static const struct {
		const char *block;
		bool refused;
	} cases[] = {
		{"{sending_queue: {batch: {partition: }}}", false},
		{"{sending_queue: {batch: {partition: {metadata_keys: }}}}", false},
		{"{sending_queue: {batch: {partition: {metadata_keys: []}}}}", false},
		{"{sending_queue: {batch: {partition: {metadata_keys: [tenant]}}}}", true},
		{"{sending_queue: {batch: {partition: {metadata_keys: [a, b]}}}}", true},
		{"{sending_queue: {batch: {partition: {keys: [a]}}}}", true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support support;
		struct delivery_config config;
		bind_settings(&support, cases[i].block, &config);
		assert_int_equal(support.report.error_count > 0, cases[i].refused);
		config_support_fini(&support);
	}
}

static void what_is_written_is_what_holds(void **state)
{
	struct config_support support;
	struct delivery_config config;
	(void)state;
	bind_settings(
		&support,
		"{timeout: 0s, max_request_bytes: 4000000, sending_queue: {num_consumers: 3, "
		"queue_size: 77, sizer: bytes, block_on_overflow: true, wait_for_result: true, "
		"required: true, batch: {flush_timeout: 1s, min_size: 10, max_size: 20, sizer: "
		"bytes}}, retry_on_failure: {enabled: false, initial_interval: 1s, max_interval: "
		"2s, "
		"max_elapsed_time: 0, randomization_factor: 0, multiplier: 2}}",
		&config);
	assert_string_equal(config_support_errors(&support), "");
	assert_int_equal(config.timeout_ns, 0);
	assert_int_equal(config.max_request_bytes, 4000000);
	assert_int_equal(config.queue.num_consumers, 3);
	assert_int_equal(config.queue.queue_size, 77);
	assert_int_equal(config.queue.sizer, SIZER_BYTES);
	assert_true(config.queue.block_on_overflow);
	assert_true(config.queue.wait_for_result);
	assert_true(config.queue.required);
	assert_int_equal(config.queue.batch.min_size, 10);
	assert_int_equal(config.queue.batch.max_size, 20);
	assert_int_equal(config.queue.batch.sizer, SIZER_BYTES);
	assert_false(config.retry.enabled);
	assert_int_equal(config.retry.max_elapsed_time_ns, 0);
	config_support_fini(&support);
}

static void each_mistake_has_its_text(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{"{sending_queue: {queue_size: 0}}", "`queue_size` must be positive"},
		{"{sending_queue: {num_consumers: 0}}", "`num_consumers` must be positive"},
		{"{sending_queue: {sizer: spans}}", "sizer"},
		{"{sending_queue: {storage: file_storage, wait_for_result: true}}",
		 "`wait_for_result` is not supported with a persistent queue"},
		{"{sending_queue: {storage: file_storage}}", "`storage` needs a storage extension"},
		{"{sending_queue: {batch: {flush_timeout: 0s}}}",
		 "`flush_timeout` must be greater than zero"},
		{"{sending_queue: {batch: {min_size: 10, max_size: 9}}}",
		 "`max_size` must be greater than or equal to `min_size`"},
		{"{sending_queue: {batch: {sizer: requests}}}",
		 "`batch` supports only `items` or `bytes` sizer"},
		{"{retry_on_failure: {initial_interval: 10s, max_interval: 1s, max_elapsed_time: "
		 "9s}}",
		 "'max_elapsed_time' must not be less than 'initial_interval'"},
		{"{retry_on_failure: {max_interval: 400s}}",
		 "'max_elapsed_time' must not be less than 'max_interval'"},
		{"{retry_on_failure: {randomization_factor: 1.5}}", "randomization_factor"},
		{"{retry_on_failure: {initial_interval: -1s}}", "initial_interval"},
		{"{retry_on_failure: {inital_interval: 1s}}", "did you mean \"initial_interval\"?"},
		{"{max_request_bytes: 10}", "max_request_bytes"},
		{"{timeout: 5}", "timeout"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support support;
		struct delivery_config config;
		bind_settings(&support, cases[i].yaml, &config);
		const char *errors = config_support_errors(&support);
		if (support.report.error_count != 1 || !strstr(errors, cases[i].error) ||
		    !strstr(errors, "test.yaml:1:"))
			fail_msg("%s: %s", cases[i].yaml, errors);
		config_support_fini(&support);
	}
}

/* What is switched off is not checked, as in the Collector. */
static void what_is_off_may_hold_anything(void **state)
{
	static const char *const blocks[] = {
		"{sending_queue: {enabled: false, queue_size: 0, num_consumers: 0}}",
		"{retry_on_failure: {enabled: false, initial_interval: 10m}}",
		"{retry_on_failure: {max_elapsed_time: 0, initial_interval: 10m}}",
		"{sending_queue: {batch: {min_size: 10, max_size: 0}}}"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
		struct config_support support;
		struct delivery_config config;
		bind_settings(&support, blocks[i], &config);
		assert_string_equal(config_support_errors(&support), "");
		config_support_fini(&support);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_and_unset_values_do_what_the_page_says),
		cmocka_unit_test(an_empty_block_has_the_collectors_defaults),
		cmocka_unit_test(a_batch_block_that_is_there_is_on),
		cmocka_unit_test(partitions_are_refused_and_none_are_not),
		cmocka_unit_test(what_is_written_is_what_holds),
		cmocka_unit_test(each_mistake_has_its_text),
		cmocka_unit_test(what_is_off_may_hold_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
