/* SPDX-License-Identifier: Apache-2.0 */
/* What the control groups of this process allow: the least of all levels, in both hierarchies. */
#ifndef SLUICE_BASE_CGROUP_H
#define SLUICE_BASE_CGROUP_H

#include "pipeline/base/slice.h"

struct cgroup_limits {
	uint64_t memory_bytes; /* UINT64_MAX: none */
	uint64_t cpus;	       /* CPU time per time, rounded up; UINT64_MAX: none */
};

/* Reads them from the files below ${root} ("" is the machine itself; tests have trees of their own).
 * What is missing, unreadable or malformed sets no limit. Any thread; reads some tens of small
 * files. */
struct cgroup_limits cgroup_read_limits(const char *root);

/* CPUs that ${quota_us} of CPU time in every ${period_us} are worth, rounded up; UINT64_MAX when
 * either is no positive number ("max", "-1"). */
uint64_t cgroup_quota_cpus(struct slice quota_us, struct slice period_us);

#endif
