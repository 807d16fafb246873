/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a queue empties, measured, and what a sender that found it full is told from it: when
 * there is room for its request.
 *
 * Many senders may be refused at once. Each is given a turn of its own, one after the other as the
 * queue empties: told the same, they would all come back for one place. A queue whose backend fails
 * does not empty before the back-off is over, and that is what is told then.
 *
 * Units are those of the queue's sizer. All functions are for any thread; times are monotonic.
 */
#ifndef SLUICE_DELIVERY_DRAIN_H
#define SLUICE_DELIVERY_DRAIN_H

#include "pipeline/base/clock.h"

#include <pthread.h>
#include <stdbool.h>

#define DRAIN_WAIT_NS_MIN (NS_PER_S / 10)
#define DRAIN_WAIT_NS_MAX (30 * NS_PER_S)

struct drain {
	/* private; guarded by lock */
	pthread_mutex_t lock;
	double units, seconds;	  /* taken out in so much time of work, older work counting less */
	uint64_t measured_ns;	  /* up to when; 0: the queue was empty */
	uint64_t promised_ns;	  /* the last time that a refused sender was told */
	uint64_t failing_till_ns; /* the backend fails, and is tried again then; 0: it does not */
};

void drain_init(struct drain *drain);
void drain_fini(struct drain *drain);

/* The queue is empty no longer: from here on it is the backend's time. */
void drain_begin(struct drain *drain, uint64_t now_ns);

/* ${units} have left; ${empty}: these were the last. */
void drain_taken(struct drain *drain, uint64_t units, bool empty, uint64_t now_ns);

/* An attempt failed, and the next one is at ${next_ns}. */
void drain_failing(struct drain *drain, uint64_t next_ns, uint64_t now_ns);

/* The backend answered otherwise than that it should be tried again. */
void drain_working(struct drain *drain, uint64_t now_ns);

struct drain_wait {
	uint64_t turn_ns; /* until it is this sender's turn: between the bounds above */
	uint64_t room_ns; /* until there is room at all, for whoever comes first: at most turn_ns */
};

/* How long a request of ${units} should wait for which ${missing} units had no room. */
struct drain_wait drain_wait(struct drain *drain, uint64_t missing, uint64_t units,
			     uint64_t now_ns);

/* Each of the two the longer one. */
struct drain_wait drain_longer(struct drain_wait a, struct drain_wait b);

#endif
