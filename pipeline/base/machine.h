/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may use of its machine: affinity, cgroup v2 limits, memory. */
#ifndef SLUICE_BASE_MACHINE_H
#define SLUICE_BASE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* CPUs that the affinity mask and the cgroup's quota leave to this process; at least 1. */
size_t machine_cpus(void);

/* Bytes of memory that this process may use: the cgroup's bound, else the machine's memory. */
uint64_t machine_memory_bytes(void);

#endif
