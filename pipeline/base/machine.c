/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/machine.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* The first line of ${path} without its end, in ${buffer}; empty when it cannot be read. */
static struct slice read_line(const char *path, char *buffer, int size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(buffer, size, file);
	if (file)
		(void)fclose(file); /* only read from */
	return read ? slice_of(buffer, strcspn(buffer, "\n")) : slice_of(NULL, 0);
}

size_t machine_quota_cpus(struct slice cpu_max)
{
	const uint8_t *space = cpu_max.len > 0 ? memchr(cpu_max.ptr, ' ', cpu_max.len) : NULL;
	if (!space)
		return 0;
	size_t first = (size_t)(space - cpu_max.ptr);
	uint64_t quota, period; /* microseconds of CPU time in every so many microseconds */
	if (!slice_parse_u64(slice_of(cpu_max.ptr, first), &quota) ||
	    !slice_parse_u64(slice_of(space + 1, cpu_max.len - first - 1), &period) || period == 0)
		return 0;
	return (size_t)(quota / period + (quota % period > 0));
}

size_t machine_cpus(void)
{
	cpu_set_t set;
	char line[64];
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	size_t cpus = online > 0 ? (size_t)online : 1;
	/* Fails where the kernel knows more CPUs than the set has bits: then all of them it is. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = (size_t)CPU_COUNT(&set);
	size_t quota = machine_quota_cpus(read_line("/sys/fs/cgroup/cpu.max", line, sizeof(line)));
	return quota > 0 && quota < cpus ? quota : cpus;
}

uint64_t machine_memory_bytes(void)
{
	char line[64];
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit; /* "max" is no number: no limit */
	if (slice_parse_u64(read_line("/sys/fs/cgroup/memory.max", line, sizeof(line)), &limit) &&
	    limit < bytes)
		bytes = limit;
	return bytes;
}
