/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may use of its machine: affinity, control groups, resource limits, memory. */
#ifndef SLUICE_BASE_MACHINE_H
#define SLUICE_BASE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* CPUs that the affinity mask and the quotas of our control groups leave to this process; at
 * least 1. */
size_t machine_cpus(void);

/* Bytes of memory that this process may use: the least of the machine's memory, the limits of our
 * control groups on all levels, and RLIMIT_AS and RLIMIT_DATA. */
uint64_t machine_memory_bytes(void);

#endif
