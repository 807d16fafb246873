/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes from any thread to one loop, in order: batches to a sender, chunks to whoever keeps them.
 * A list under a lock and one task that is on its way at most; how much may stand in it is the
 * business of its owner (room.h).
 */
#ifndef SLUICE_DELIVERY_QUEUE_H
#define SLUICE_DELIVERY_QUEUE_H

#include "pipeline/delivery/batch.h"
#include "pipeline/net/loop.h"

/* Embedded in what is queued. */
struct queue_item {
	struct queue_item *next; /* private */
};

struct queue {
	/* private */
	void (*run)(struct queue *queue);
	struct loop *home;
	struct loop_task task;
	pthread_mutex_t lock; /* guards first, last, posted */
	struct queue_item *first, **last;
	bool posted;
};

/* ${run} is called on the home loop after something was pushed, or on queue_wake; once for all that
 * came meanwhile. */
void queue_init(struct queue *queue, void (*run)(struct queue *queue));
void queue_fini(struct queue *queue); /* it is empty, and its loop has ended */

/* Before anything is pushed and before ${home} runs. */
void queue_start(struct queue *queue, struct loop *home);

/* Any thread. The item is the queue's until it is popped. */
void queue_push(struct queue *queue, struct queue_item *item);

/* Any thread: has `run` called. */
void queue_wake(struct queue *queue);

/* Home loop. The first one, or NULL; pop takes it out. */
struct queue_item *queue_first(struct queue *queue);
struct queue_item *queue_pop(struct queue *queue);

/* For queues that hold batches alone. Takes over one reference to ${batch}; false when memory is
 * short: the reference is the caller's still. */
MUST_CHECK bool queue_push_batch(struct queue *queue, struct batch *batch);
/* Home loop. The first one (borrowed), or NULL; pop's reference is the caller's. */
struct batch *queue_first_batch(struct queue *queue);
struct batch *queue_pop_batch(struct queue *queue);

/* Calls ${visit} with each batch that is queued. Home loop; for tests. */
void queue_visit_batches(struct queue *queue, void (*visit)(void *arg, const struct batch *batch),
			 void *arg);
/* What is wrong with it, NULL for nothing. Any thread; for tests. */
const char *queue_fault(struct queue *queue);

#endif
