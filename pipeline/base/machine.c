/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static bool read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(text, (int)size, file);
	if (file)
		(void)fclose(file);
	return read;
}

size_t machine_cpus(void)
{
	cpu_set_t set;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	size_t cpus = online > 0 ? (size_t)online : 1;
	/* Fails where the kernel knows more CPUs than the set has bits: then all of them it is. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = (size_t)CPU_COUNT(&set);
	char text[64];
	unsigned long long quota, period;
	/* "max 100000" without a quota: sscanf then reads no number. */
	if (read_line("/sys/fs/cgroup/cpu.max", text, sizeof(text)) &&
	    sscanf(text, "%llu %llu", &quota, &period) == 2 && period > 0) {
		size_t allowed = (size_t)((quota + period - 1) / period);
		if (allowed < cpus)
			cpus = allowed;
	}
	return cpus > 0 ? cpus : 1;
}

uint64_t machine_memory_bytes(void)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	char text[64];
	unsigned long long limit;
	if (read_line("/sys/fs/cgroup/memory.max", text, sizeof(text)) &&
	    sscanf(text, "%llu", &limit) == 1 && limit < bytes)
		bytes = limit;
	return bytes;
}
