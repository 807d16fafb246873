/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bench_figure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_add(struct bench_samples *samples, double value)
{
	if (samples->count == BENCH_SAMPLES_MAX)
		bench_die("more than %d repeats", BENCH_SAMPLES_MAX);
	samples->at[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The ${rank}-th smallest. */
static double ranked(const struct bench_samples *samples, size_t rank)
{
	struct bench_samples sorted = *samples;
	if (samples->count == 0)
		return 0;
	qsort(sorted.at, sorted.count, sizeof(*sorted.at), compare);
	return sorted.at[rank];
}

double bench_median(const struct bench_samples *samples)
{
	return ranked(samples, samples->count / 2);
}

double bench_min(const struct bench_samples *samples)
{
	return ranked(samples, 0);
}

double bench_max(const struct bench_samples *samples)
{
	return ranked(samples, samples->count > 0 ? samples->count - 1 : 0);
}

const char *bench_verdict(bool met)
{
	return met ? "met" : "missed";
}

void bench_die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}
