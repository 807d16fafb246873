/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <unistd.h>

static void an_affinity_mask_of_one_cpu_leaves_one(void **state)
{
	(void)state;
	cpu_set_t before, one;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
		if (CPU_ISSET(cpu, &before))
			CPU_SET(cpu, &one);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(machine_cpus(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_true(machine_cpus() >= 1);
	assert_true(machine_cpus() <= (size_t)CPU_COUNT(&before));
}

static void a_quota_is_rounded_up_to_whole_cpus(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		size_t cpus;
	} cases[] = {
		{"200000 100000", 2}, {"150000 100000", 2}, {"50000 100000", 1},  {"1 100000", 1},
		{"max 100000", 0},    {"100000 0", 0},	    {"100000", 0},	  {"", 0},
		{"-1 100000", 0},     {"100000 x", 0},	    {"400000 100000", 4},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(machine_quota_cpus(slice_str(cases[i].line)), cases[i].cpus);
	assert_int_equal(machine_quota_cpus(slice_of(NULL, 0)), 0);
}

static void memory_is_some_and_at_most_the_machines(void **state)
{
	(void)state;
	uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	assert_true(machine_memory_bytes() > 0);
	assert_true(machine_memory_bytes() <= physical);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_affinity_mask_of_one_cpu_leaves_one),
		cmocka_unit_test(a_quota_is_rounded_up_to_whole_cpus),
		cmocka_unit_test(memory_is_some_and_at_most_the_machines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
