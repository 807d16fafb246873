/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pipeline/base/cgroup.h"

#include <sched.h>
#include <sys/resource.h>
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

static void memory_is_some_and_at_most_the_machines(void **state)
{
	(void)state;
	uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	assert_true(machine_memory_bytes() > 0);
	assert_true(machine_memory_bytes() <= physical);
}

/* The shadow memory of sanitizers is larger than any such limit. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Lowered for this process alone; what it has mapped already stays. */
static void a_resource_limit_bounds_memory(void **state)
{
	(void)state;
	static const __rlimit_resource_t resources[] = {RLIMIT_AS, RLIMIT_DATA};
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		struct rlimit before, small = {.rlim_cur = 100 << 20};
		assert_int_equal(getrlimit(resources[i], &before), 0);
		small.rlim_max = before.rlim_max;
		assert_int_equal(setrlimit(resources[i], &small), 0);
		uint64_t bytes = machine_memory_bytes();
		assert_int_equal(setrlimit(resources[i], &before), 0);
		assert_true(bytes <= 100 << 20);
	}
}
#endif

static void control_groups_bound_both(void **state)
{
	(void)state;
	struct cgroup_limits limits = cgroup_read_limits("");
	assert_true(machine_memory_bytes() <= limits.memory_bytes);
	assert_true(machine_cpus() <= limits.cpus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_affinity_mask_of_one_cpu_leaves_one),
		cmocka_unit_test(memory_is_some_and_at_most_the_machines),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(a_resource_limit_bounds_memory),
#endif
		cmocka_unit_test(control_groups_bound_both),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
