/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program under measurement: started on a CPU of its own, asked what it has used, ended by its
 * pid. It ends with the measuring program, too (PR_SET_PDEATHSIG).
 */
#ifndef SLUICE_TESTS_BENCH_CHILD_H
#define SLUICE_TESTS_BENCH_CHILD_H

#include "pipeline/base/buf.h"

#include <sys/types.h>
#include <time.h>

enum { BENCH_CPU_ANY = -1, BENCH_CPU_SUBJECT = 0, BENCH_CPU_LOAD = 1 };

struct bench_child {
	pid_t pid;
	int output_fd; /* its stdout and stderr */
	struct buf output;
	uint64_t started_ns; /* clock_monotonic_ns just before it was made */
	clockid_t cpu_clock;
	char directory[32]; /* its configuration; removed at the end */
};

/* Starts ${argv} on ${cpu}. An argument "@config" stands for a file with ${config}, in which
 * "@dir@" stands for a directory of its own. */
void bench_child_start(struct bench_child *child, const char *const *argv, const char *config,
		       int cpu);

/* Waits until ${text} is in its output; returns nanoseconds since the start. */
uint64_t bench_child_wait_output(struct bench_child *child, const char *text);

/* Waits until something accepts connections on 127.0.0.1:${port}. */
void bench_child_wait_port(struct bench_child *child, uint16_t port);

/* User and system time of all its threads so far. */
uint64_t bench_child_cpu_ns(const struct bench_child *child);

/* A value of /proc/<pid>/status in KiB: "VmRSS", "VmHWM". */
uint64_t bench_child_status_kib(const struct bench_child *child, const char *name);

/* SIGTERM, a deadline, SIGKILL. */
void bench_child_stop(struct bench_child *child);

/* Restricts the calling process to ${cpu}. */
void bench_pin(int cpu);

/* CPUs this process may use. */
unsigned bench_cpu_count(void);

#endif
