/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the example traces over real OTLP to an endpoint, at a rate. For `generate` and `demo`. */
#ifndef SLUICE_CMD_EXAMPLE_SENDER_H
#define SLUICE_CMD_EXAMPLE_SENDER_H

#include "cmd/example_traces.h"
#include "pipeline/net/loop.h"

#include <stdbool.h>

struct example_sender_config {
	const char *endpoint; /* host:port or URL */
	bool http;	      /* OTLP/HTTP with protobuf; else gRPC */
	const char *names;    /* comma-separated; "": all */
	uint64_t seed;
	uint64_t rounds; /* each sends every named trace once; 0: until stopped */
	double rate;	 /* traces per second; 0: as fast as they are answered */
	struct budget *budget;
};

struct example_sent {
	uint64_t traces, requests, spans, failed_requests;
	uint64_t failed_spans;
	struct err first_error; /* of failed requests */
};

struct example_sender;

/* Begins to send on ${loop}. ${done} is called there once everything was answered or given up. NULL
 * with ERR_CONFIG (endpoint, unknown trace name) or ERR_NOMEM. */
MUST_CHECK struct example_sender *
example_sender_start(struct loop *loop, const struct example_sender_config *config,
		     void (*done)(void *arg, const struct example_sent *sent), void *arg,
		     struct err *err);

/* What was sent so far; borrowed. */
const struct example_sent *example_sender_sent(const struct example_sender *sender);

/* Ends sending after what is under way; done follows. */
void example_sender_stop(struct example_sender *sender);

/* After done; closes what is on the loop. */
void example_sender_free(struct example_sender *sender);

#endif
