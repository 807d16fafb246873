/* SPDX-License-Identifier: Apache-2.0 */
/* A sender for scenarios: requests with numbered spans, sent one by one over real OTLP. */
#ifndef SLUICE_TESTS_SCENARIO_SENDER_H
#define SLUICE_TESTS_SCENARIO_SENDER_H

#include "pipeline/net/client.h"
#include "pipeline/net/coding.h"

struct scenario_sender {
	struct loop loop;
	struct budget budget;
	struct coder *coder;
	struct client *client;
	enum client_mode mode;
};

/* What came back; texts are cut. */
struct scenario_answer {
	enum client_outcome outcome;
	int http_status;
	int grpc_status;   /* -1: none */
	char message[256]; /* grpc-message or the beginning of the body */
	char retry_after[32];
	bool has_retry_info;
	uint64_t retry_info_ns;
};

void scenario_sender_open(struct scenario_sender *sender, enum client_mode mode, uint16_t port);
void scenario_sender_close(struct scenario_sender *sender);

/* Sends ${body} in ${coding}; waits for the answer. ${path} NULL: the OTLP one. */
struct scenario_answer scenario_send(struct scenario_sender *sender, const char *path,
				     enum coding coding, struct slice body);

/* A request whose spans have the ids ${first}, ${first} + 1 … (big-endian in the last 8 bytes of
 * the trace id and in the span id), are named ${name} and carry one attribute ${key} = ${value}
 * (NULL: none) and a service.name. The caller frees the buffer. */
struct buf scenario_request(uint64_t first, uint32_t spans, const char *name, const char *key,
			    const char *value);

/* Sends such a request and fails the test unless it is taken. */
void scenario_send_spans(struct scenario_sender *sender, uint64_t first, uint32_t spans);

/* True when the answer says that the request was taken. */
bool scenario_taken(const struct scenario_sender *sender, const struct scenario_answer *answer);

/* Marks each span id below ${count} that is in ${request} (protobuf-c reads it): seen[id]++. */
void scenario_count_ids(struct slice request, uint32_t *seen, size_t count);

#endif
