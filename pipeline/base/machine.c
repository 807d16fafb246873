/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the least of what each source says; a source that cannot be read bounds nothing. */
#include "pipeline/base/machine.h"

#include "pipeline/base/cgroup.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

size_t machine_cpus(void)
{
	cpu_set_t set;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	size_t cpus = online > 0 ? (size_t)online : 1;
	/* Fails where the kernel knows more CPUs than the set has bits: then all of them it is. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = (size_t)CPU_COUNT(&set);
	uint64_t quota = cgroup_read_limits("").cpus;
	return quota < cpus ? (size_t)quota : cpus;
}

uint64_t machine_memory_bytes(void)
{
	static const __rlimit_resource_t resources[] = {RLIMIT_AS, RLIMIT_DATA};
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t group = cgroup_read_limits("").memory_bytes;
	if (group < bytes)
		bytes = group;
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		struct rlimit limit; /* RLIM_INFINITY is the largest number */
		if (getrlimit(resources[i], &limit) == 0 && limit.rlim_cur < bytes)
			bytes = limit.rlim_cur;
	}
	return bytes;
}
