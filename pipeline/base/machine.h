/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may use of its machine: affinity, cgroup v2 limits, memory. */
#ifndef SLUICE_BASE_MACHINE_H
#define SLUICE_BASE_MACHINE_H

#include "pipeline/base/slice.h"

/* CPUs that the affinity mask and the cgroup's quota leave to this process; at least 1. */
size_t machine_cpus(void);

/* CPUs that a line of cgroup v2's cpu.max is worth, rounded up: "150000 100000" is 2. 0 when it sets
 * no limit ("max 100000") or is malformed. */
size_t machine_quota_cpus(struct slice cpu_max);

/* Bytes of memory that this process may use: the cgroup's bound, else the machine's memory. */
uint64_t machine_memory_bytes(void);

#endif
