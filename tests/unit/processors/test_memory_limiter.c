/* SPDX-License-Identifier: Apache-2.0 */
/* The memory limiter: the exact byte at which it refuses, and what it says. */
#include "pipeline/graph/memory_limit.h"
#include "tests/support/processor_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TYPE "memory_limiter"
#define MIB (UINT64_C(1) << 20)

static void open_limiter(struct processor_fixture *fixture, const char *yaml)
{
	if (!processor_fixture_open(fixture, TYPE, yaml))
		fail_msg("%s: %s", yaml, config_support_errors(&fixture->config));
}

/* A request of so many spans, which are empty: 2 bytes each, and 4 around them. */
static enum outcome admit(struct processor_fixture *fixture, uint8_t spans)
{
	uint8_t body[512] = {0x0a, 0, 0x12, 0};
	uint8_t *span = body + 4;
	assert_true(spans <= 60);
	for (uint8_t i = 0; i < spans; i++, span += 2)
		*span = 0x12;
	body[1] = (uint8_t)(2 + 2 * spans);
	body[3] = (uint8_t)(2 * spans);
	memset(&fixture->err, 0, sizeof(fixture->err));
	return memory_limit_admit(fixture->self, slice_of(body, (size_t)(span - body)),
				  &fixture->err);
}

static void refuses_from_the_byte_above_the_soft_limit_on(void **state)
{
	static const struct {
		const char *yaml;
		uint64_t soft_mib, hard_mib;
	} cases[] = {
		{"{check_interval: 1s, limit_mib: 100}", 80, 100}, /* spike: a fifth */
		{"{check_interval: 1s, limit_mib: 100, spike_limit_mib: 30}", 70, 100},
		{"{check_interval: 1s, limit_mib: 100, limit_percentage: 1}", 80, 100},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct processor_fixture fixture;
		open_limiter(&fixture, cases[i].yaml);
		struct budget *budget = &fixture.budget;
		uint64_t soft = cases[i].soft_mib * MIB, hard = cases[i].hard_mib * MIB;
		assert_int_equal(atomic_load(&budget->limit), hard);
		assert_true(budget_take(budget, soft));
		assert_int_equal(admit(&fixture, 10), OUTCOME_TAKEN);
		assert_true(budget_take(budget, 1));
		assert_int_equal(admit(&fixture, 10), OUTCOME_RETRY);
		assert_int_equal(fixture.err.kind, ERR_NOMEM);
		assert_string_equal(fixture.err.msg, "data refused due to high memory usage");
		/* The hard limit is the budget's: nothing is taken beyond it. */
		assert_true(budget_take(budget, hard - soft - 1));
		assert_false(budget_take(budget, 1));
		budget_give(budget, hard - soft);
		assert_int_equal(admit(&fixture, 10), OUTCOME_TAKEN);
		budget_give(budget, soft);
		processor_fixture_close(&fixture);
	}
}

static void a_percentage_is_of_the_machines_memory(void **state)
{
	struct processor_fixture half, all;
	(void)state;
	open_limiter(&half,
		     "{check_interval: 1s, limit_percentage: 50, spike_limit_percentage: 10}");
	open_limiter(&all, "{check_interval: 1s, limit_percentage: 100}");
	uint64_t whole = atomic_load(&all.budget.limit);
	assert_true(whole > 16 * MIB);
	assert_int_equal(atomic_load(&half.budget.limit), whole / 2);
	budget_force(&half.budget, whole / 100 * 40);
	assert_int_equal(admit(&half, 1), OUTCOME_TAKEN);
	budget_force(&half.budget, 1);
	assert_int_equal(admit(&half, 1), OUTCOME_RETRY);
	budget_give(&half.budget, whole / 100 * 40 + 1);
	processor_fixture_close(&half);
	processor_fixture_close(&all);
}

static void a_limit_never_raises_the_budget(void **state)
{
	struct processor_fixture fixture;
	(void)state;
	open_limiter(&fixture, "{check_interval: 1s, limit_mib: 100}");
	atomic_store(&fixture.budget.limit, 10 * MIB);
	const struct component_env env = {.id = "second",
					  .path = "processors.second",
					  .metrics = fixture.metrics,
					  .budget = &fixture.budget,
					  .keys = fixture.keys,
					  .arena = &fixture.config.arena};
	void *second = component_create(component_find(COMPONENT_PROCESSOR, "memory_limiter"), &env,
					fixture.bound, &fixture.config.report);
	assert_non_null(second);
	assert_int_equal(atomic_load(&fixture.budget.limit), 10 * MIB);
	fixture.ops->destroy(second);
	processor_fixture_close(&fixture);
}

/* One line when it begins to refuse, one when it ends, in the Collector's words. */
static void says_once_that_it_refuses_and_once_that_it_resumes(void **state)
{
	struct processor_fixture fixture;
	(void)state;
	open_limiter(&fixture, "{check_interval: 1s, limit_mib: 10}");
	for (int round = 0; round < 2; round++) {
		assert_true(budget_take(&fixture.budget, 9 * MIB));
		for (int i = 0; i < 100; i++)
			assert_int_equal(admit(&fixture, 48), OUTCOME_RETRY);
		budget_give(&fixture.budget, 9 * MIB);
		for (int i = 0; i < 100; i++)
			assert_int_equal(admit(&fixture, 48), OUTCOME_TAKEN);
	}
	static const char *const texts[] = {
		"Memory usage is above soft limit. Refusing data.",
		"Memory usage back within limits. Resuming normal operation."};
	assert_non_null(strstr(processor_fixture_log(&fixture), "Memory limiter configured"));
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		const char *at = processor_fixture_log(&fixture);
		size_t count = 0;
		while ((at = strstr(at, texts[i]))) {
			count++;
			at++;
		}
		assert_int_equal(count, 2);
	}
	assert_int_equal(processor_fixture_metric(
				 &fixture, "sluice_processor_memory_limiter_refused_requests",
				 "processor=\"fixture\""),
			 200);
	assert_int_equal(processor_fixture_metric(&fixture,
						  "sluice_processor_memory_limiter_refused",
						  "processor=\"fixture\""),
			 200 * (4 + 2 * 48));
	assert_int_equal(processor_fixture_metric(&fixture,
						  "otelcol_processor_memory_limiter_refused_spans",
						  "processor=\"fixture\""),
			 200 * 48);
	processor_fixture_close(&fixture);
}

static void every_key_of_the_collector_is_known(void **state)
{
	struct processor_fixture fixture;
	(void)state;
	open_limiter(&fixture,
		     "{check_interval: 5s, limit_mib: 100, spike_limit_mib: 10, limit_percentage: "
		     "80, spike_limit_percentage: 25, min_gc_interval_when_soft_limited: 10s, "
		     "min_gc_interval_when_hard_limited: 0s, max_gc_interval_when_soft_limited: "
		     "30s, max_gc_interval_when_hard_limited: 30s}");
	processor_fixture_close(&fixture);
}

static void says_what_is_wrong_with_its_configuration(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{"{limit_mib: 100}", "'check_interval' must be greater than zero"},
		{"{check_interval: 0s, limit_mib: 100}",
		 "'check_interval' must be greater than zero"},
		{"{check_interval: 1s}",
		 "'limit_mib' or 'limit_percentage' must be greater than zero"},
		{"{check_interval: 1s, limit_mib: 10, spike_limit_mib: 10}",
		 "'spike_limit_mib' must be smaller than 'limit_mib'"},
		{"{check_interval: 1s, limit_percentage: 10, spike_limit_percentage: 10}",
		 "'spike_limit_percentage' must be smaller than 'limit_percentage'"},
		{"{check_interval: 1s, limit_percentage: 101}", "limit_percentage"},
		{"{check_interval: 1s, limit_mib: abc}",
		 "'limit_mib' expected type 'uint32', got unconvertible type 'string', value: "
		 "'abc'"},
		{"{check_interval: 1, limit_mib: 10}", "check_interval"},
		{"{check_interval: 1s, limit: 10}", "limit"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		processor_fixture_expect_error(TYPE, cases[i].yaml, cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_from_the_byte_above_the_soft_limit_on),
		cmocka_unit_test(a_percentage_is_of_the_machines_memory),
		cmocka_unit_test(a_limit_never_raises_the_budget),
		cmocka_unit_test(says_once_that_it_refuses_and_once_that_it_resumes),
		cmocka_unit_test(every_key_of_the_collector_is_known),
		cmocka_unit_test(says_what_is_wrong_with_its_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
