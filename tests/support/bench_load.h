/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load of a measurement: payloads made once, sent over and over in a closed loop on several
 * connections. It runs on the loop of its caller.
 */
#ifndef SLUICE_TESTS_BENCH_LOAD_H
#define SLUICE_TESTS_BENCH_LOAD_H

#include "pipeline/net/client.h"
#include "pipeline/net/coding.h"
#include "tests/support/trace_payload.h"

enum { BENCH_BODIES = 16, BENCH_CLIENTS_MAX = 64 };

/* Different requests of one kind, sent in turn: one body over and over would flatter compression. */
struct bench_bodies {
	struct chunk *at[BENCH_BODIES];
	enum coding coding;
	uint32_t spans;	   /* in each */
	double span_bytes; /* mean, before compression */
};

void bench_bodies_make(struct bench_bodies *bodies, enum payload_shape shape, uint32_t spans,
		       enum coding coding, struct budget *budget);
void bench_bodies_free(struct bench_bodies *bodies);

struct bench_load_config {
	enum client_mode mode;
	unsigned connections, streams; /* streams: requests at a time on each connection */
	const struct bench_bodies *bodies;
	/* The load waits while more than ${ahead_max} spans were accepted that have not arrived;
	 * NULL: it never does. */
	const uint64_t *arrived;
	uint64_t ahead_max;
};

struct bench_load;

struct bench_load *bench_load_new(struct loop *loop, struct budget *budget,
				  const struct bench_load_config *config, uint16_t port);
void bench_load_free(struct bench_load *load);

/* What the requests of one run came to. */
struct bench_answers {
	uint64_t accepted; /* requests */
	uint64_t refused;  /* asked to come back: UNAVAILABLE or 503 */
	uint64_t failed;   /* anything else */
};

/* Sends for ${duration_ns} and waits for the answers of what was sent. */
struct bench_answers bench_load_run(struct bench_load *load, uint64_t duration_ns);

#endif
