/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An acknowledgement that a sender waits for: `sending_queue.wait_for_result`. It counts what must
 * still happen and calls back once, on the loop that made it, with the worst outcome.
 */
#ifndef SLUICE_DELIVERY_ACK_H
#define SLUICE_DELIVERY_ACK_H

#include "pipeline/base/outcome.h"
#include "pipeline/net/loop.h"

struct ack_result {
	enum outcome outcome;
	int grpc_code; /* what the backend answered, in gRPC's terms; 0: no answer of its own */
	uint32_t retry_after_ms; /* OUTCOME_RETRY: the backend's own wish, 0 for none */
};

/* The worse of the two; of equals the one that asks for more patience. */
struct ack_result ack_worse(struct ack_result a, struct ack_result b);

struct ack {
	/* ${loop}'s thread; may free */
	void (*done)(struct ack *ack, const struct ack_result *result);
	/* private */
	struct loop *loop;
	struct loop_task task;
	_Atomic uint32_t pending;
	_Atomic uint64_t worst; /* a result, see ack.c */
};

/* One thing is pending after this: the caller's own, ended by ack_finish. */
void ack_init(struct ack *ack, struct loop *loop,
	      void (*done)(struct ack *ack, const struct ack_result *result));

/* ${count} more things are pending. Only while something is. Any thread. */
void ack_expect(struct ack *ack, uint32_t count);

/* One pending thing has ended. The last one posts `done` to the loop. Any thread. */
void ack_finish(struct ack *ack, struct ack_result result);

#endif
