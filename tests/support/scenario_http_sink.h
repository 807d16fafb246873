/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OTLP/HTTP backend for scenarios: takes POSTs over HTTP/1.1 on an ephemeral loopback port, on
 * threads of its own, keeps what it received, when, and answers as told; it can judge each request
 * by what is in it. What it does may be changed while it runs.
 */
#ifndef SLUICE_TESTS_SCENARIO_HTTP_SINK_H
#define SLUICE_TESTS_SCENARIO_HTTP_SINK_H

#include "pipeline/base/slice.h"

struct http_sink;

enum http_sink_action { SINK_ANSWER = 0, SINK_CLOSE, SINK_STALL };

/* What is done with a request. Zeroed: answered with 200 and an empty body. Texts are borrowed. */
struct http_sink_behaviour {
	enum http_sink_action action;
	int status;		  /* 0: 200 */
	const char *retry_after;  /* NULL: none */
	const char *reason;	  /* after the status; NULL: something harmless */
	const char *custom;	  /* value of a header X-Custom; NULL: none */
	bool ends_connection;	  /* says Connection: close, and does */
	struct slice body;	  /* as it is coded */
	const char *coding;	  /* of it; NULL: none */
	const char *content_type; /* of the answer; NULL: application/x-protobuf */
	/* Whether the rest applies to this request (decoded); others get 200. NULL: to all. */
	bool (*applies)(struct slice request);
};

struct http_sink_call {
	char path[128], encoding[32], content_type[64], custom[64]; /* x-custom */
	char accept[64];					    /* accept-encoding */
	char authorization[96], ingestion_version[8], sdk_name[32]; /* x-langfuse-… */
	bool accepted;						    /* answered with 2xx */
	uint8_t *message;					    /* decoded */
	size_t message_len;
	unsigned spans;
	uint64_t at_ns; /* clock_monotonic_ns when it was complete */
};

/* ${port} 0: any free one. */
struct http_sink *http_sink_start(uint16_t port, bool tls);
void http_sink_stop(struct http_sink *sink);
uint16_t http_sink_port(const struct http_sink *sink);
const char *http_sink_certificate(const struct http_sink *sink); /* PEM */

/* From the next request on; ${count} 0: for all, else for so many that it applies to. */
void http_sink_set(struct http_sink *sink, const struct http_sink_behaviour *behaviour,
		   unsigned count);

/* Wait for so many requests, or spans in accepted ones; false after ${timeout_ms}. */
bool http_sink_wait_calls(struct http_sink *sink, unsigned count, unsigned timeout_ms);
bool http_sink_wait_spans(struct http_sink *sink, unsigned count, unsigned timeout_ms);

/* Requests in the order of their arrival. Between lock and unlock they stay where they are. */
const struct http_sink_call *http_sink_lock(struct http_sink *sink, size_t *ret_count);
void http_sink_unlock(struct http_sink *sink);

#endif
