/* SPDX-License-Identifier: Apache-2.0 */
/* What the measuring programs of tests/bench share: medians, and how a figure is printed. */
#ifndef SLUICE_TESTS_BENCH_FIGURE_H
#define SLUICE_TESTS_BENCH_FIGURE_H

#include "pipeline/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

enum { BENCH_SAMPLES_MAX = 16 };

/* Repeated measurements of one figure. */
struct bench_samples {
	double at[BENCH_SAMPLES_MAX];
	size_t count;
};

/* Adds ${value}; ends the program when there are too many. */
void bench_add(struct bench_samples *samples, double value);

double bench_median(const struct bench_samples *samples);
double bench_min(const struct bench_samples *samples);
double bench_max(const struct bench_samples *samples);

/* "met" or "missed". */
const char *bench_verdict(bool met);

/* Ends the program with a message; for what makes measuring pointless. */
COLD _Noreturn void bench_die(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
