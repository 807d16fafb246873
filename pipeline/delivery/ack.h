/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An acknowledgement that a sender waits for: `sending_queue.wait_for_result`. It counts what must
 * still happen and calls back once, on the loop that made it, with the worst outcome.
 */
#ifndef SLUICE_DELIVERY_ACK_H
#define SLUICE_DELIVERY_ACK_H

#include "pipeline/net/loop.h"

/* In order of badness. */
enum ack_outcome { ACK_DELIVERED = 0, ACK_RETRY, ACK_DROPPED };

struct ack {
	void (*done)(struct ack *ack, enum ack_outcome outcome); /* ${loop}'s thread; may free */
	/* private */
	struct loop *loop;
	struct loop_task task;
	_Atomic uint32_t pending;
	_Atomic uint32_t outcome;
};

/* One thing is pending after this: the caller's own, ended by ack_finish. */
void ack_init(struct ack *ack, struct loop *loop,
	      void (*done)(struct ack *ack, enum ack_outcome outcome));

/* ${count} more things are pending. Only while something is. Any thread. */
void ack_expect(struct ack *ack, uint32_t count);

/* One pending thing has ended. The last one posts `done` to the loop. Any thread. */
void ack_finish(struct ack *ack, enum ack_outcome outcome);

#endif
