/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the pipelines behind the OTLP receiver (pipeline/graph): writes down what it is
 * given, and answers as the script says, at once or later. Malformed requests it refuses, as they do.
 */
#ifndef SLUICE_TESTS_OTLP_CONSUMER_H
#define SLUICE_TESTS_OTLP_CONSUMER_H

#include "receivers/otlp/otlp_internal.h"
#include "tests/support/fuzz_script.h"

/* What the consumer says, and what the sender must hear. */
static const struct {
	struct push_result result;
	int http, grpc;
} consumer_answers[8] = {
	{{.outcome = OUTCOME_TAKEN}, 200, 0},
	{{.outcome = OUTCOME_RETRY, .retry_after_ns = 2400000000, .room_after_ns = 900000000},
	 503,
	 14},
	{{.outcome = OUTCOME_RETRY}, 503, 14},
	{{.outcome = OUTCOME_REJECTED, .err = {.kind = ERR_INTERNAL, .msg = "a"}}, 500, 13},
	{{.outcome = OUTCOME_REJECTED, .err = {.kind = ERR_LIMIT, .msg = "b"}}, 413, 8},
	{{.outcome = OUTCOME_RETRY, .grpc_code = 8, .err = {.kind = ERR_PEER, .msg = "c"}}, 429, 8},
	{{.outcome = OUTCOME_REJECTED, .grpc_code = 7, .err = {.kind = ERR_PEER, .msg = "d"}},
	 403,
	 7},
	{{.outcome = OUTCOME_REJECTED, .grpc_code = 3, .err = {.kind = ERR_PEER, .msg = "e"}},
	 400,
	 3},
};

/* Where a request is counted. */
enum place { PLACE_PUSHED = 0, PLACE_EMPTY, PLACE_LATE, PLACE_REFUSED, PLACE_MISDIRECTED, PLACES };

static struct consumer {
	struct trace_view *view; /* the target's */
	uint8_t answer;		 /* to the next push: of consumer_answers */
	bool hold;		 /* not yet */
	struct push *held;
	struct push_result held_result;
	struct chunk *given; /* the last request */
	uint64_t counts[PLACES];
} consumer;

static struct push_result consumer_judge(struct chunk *body)
{
	struct push_result result = consumer_answers[consumer.answer].result;
	struct err err = {0};
	if (view_open(consumer.view, chunk_slice(body), &err) == 0)
		return result;
	return (struct push_result){
		.outcome = err.kind == ERR_NOMEM ? OUTCOME_RETRY : OUTCOME_REJECTED, .err = err};
}

void receiver_push(struct receiver_port *port, struct server_shard *shard,
		   enum push_transport transport, struct chunk *body, struct push *push)
{
	(void)port;
	(void)shard;
	(void)transport;
	fuzz_must(!consumer.given && !consumer.held);
	consumer.counts[PLACE_PUSHED]++;
	consumer.given = chunk_ref(body);
	struct push_result result = consumer_judge(body);
	if (consumer.hold) {
		consumer.held = push;
		consumer.held_result = result;
		return;
	}
	push->done(push, &result);
}

void receiver_count_empty(struct receiver_port *port)
{
	(void)port;
	consumer.counts[PLACE_EMPTY]++;
}

void receiver_count_late(struct receiver_port *port)
{
	(void)port;
	consumer.counts[PLACE_LATE]++;
}

void receiver_count_unknown(struct receiver_port *port, uint64_t fields, uint32_t span_count)
{
	(void)port;
	(void)span_count;
	fuzz_must(fields > 0);
}

void receiver_count_refused(struct receiver_port *port, const struct err *why)
{
	(void)port;
	fuzz_must(why->kind != ERR_NONE && why->msg[0] != 0);
	consumer.counts[PLACE_REFUSED]++;
}

/* Answers what it holds. */
static void consumer_release(void)
{
	struct push *push = consumer.held;
	consumer.held = NULL;
	if (push)
		push->done(push, &consumer.held_result);
}

#endif
