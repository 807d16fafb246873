/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exporter has learnt about the largest request that its backend takes, in bytes of
 * uncompressed OTLP. Backends measure other things too (compressed bytes, JSON, spans), so this is
 * an estimate: it decides how a batch is cut, never that a span is dropped.
 *
 *   accepted < limit of the backend <= refused
 *
 * The two are what was seen last: an answer that contradicts one of them replaces it.
 *
 * A limit may be raised, or be none of bytes, so refusals are forgotten, slowly: a single request of
 * up to twice the size is let through after SIZE_LIMIT_FORGET_NS without a refusal, and after
 * SIZE_LIMIT_PATIENCE requests that were taken close to the limit, then twice as many, and so on: of
 * n such requests at most log2(n / SIZE_LIMIT_PATIENCE) + 1 are refused for that.
 *
 * One per exporter, shared by its slots; home loop's thread. Times are clock_monotonic_ns.
 */
#ifndef SLUICE_DELIVERY_SIZE_LIMIT_H
#define SLUICE_DELIVERY_SIZE_LIMIT_H

#include "pipeline/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE_LIMIT_FORGET_NS (600 * NS_PER_S)
enum { SIZE_LIMIT_PATIENCE = 8 };

/* Zeroed: nothing is known. */
struct size_limit {
	/* private */
	size_t accepted;   /* largest size taken below refused; 0: none */
	size_t refused;	   /* smallest size refused; 0: none */
	uint64_t probe_ns; /* when a larger one is tried again */
	uint64_t taken;	   /* requests close to refused, since a larger one was tried */
	uint64_t patience; /* so many before a larger one is tried again */
};

/* A request of ${bytes} was taken. */
void size_limit_accept(struct size_limit *limit, size_t bytes);

/* A request of ${bytes} was refused for its size. A single span (${alone}) that is smaller than what
 * was taken before says nothing about batches. */
void size_limit_refuse(struct size_limit *limit, size_t bytes, bool alone, uint64_t now_ns);

/* Whether a request of ${bytes}, which is about to be sent, should rather be cut. */
bool size_limit_expects_refusal(struct size_limit *limit, size_t bytes, uint64_t now_ns);

/* The size to cut to: one that was taken and is at least half of the smallest refused one, twice of
 * it when a larger one is to be tried; 0 when none is known: what is refused is then halved. */
size_t size_limit_fitting(const struct size_limit *limit, uint64_t now_ns);

#endif
