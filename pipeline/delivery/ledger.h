/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where accepted spans went. Every span that a sender has taken ends in exactly one of these:
 *
 *   taken = sent + dropped{reason} + returned + still held
 *
 * Returned are those whose sender waited for the result and was told that there is none: they are
 * not lost, since the sender still has them.
 */
#ifndef SLUICE_DELIVERY_LEDGER_H
#define SLUICE_DELIVERY_LEDGER_H

#include "pipeline/base/metrics.h"

enum drop_reason {
	DROP_PERMANENT = 0,	/* the backend refused for good */
	DROP_RETRIES_EXHAUSTED, /* max_elapsed_time, or retries are off */
	DROP_REJECTED,		/* partial success: the backend's count; or a span that spoils
				 * each request that it is in */
	DROP_UNUSABLE_ID,	/* no trace id or span id that the backend could store */
	DROP_TOO_LARGE,		/* refused for its size, alone */
	DROP_QUEUE_FULL,	/* no room at admission */
	DROP_SHUTDOWN,		/* the deadline passed while it was held */
	DROP_MEMORY,		/* budget or allocator */
	DROP_REASON_COUNT
};

/* The reason as a metric's label: "queue_full". */
const char *drop_reason_name(enum drop_reason reason);

struct ledger {
	struct counter sent, send_failed, enqueue_failed; /* spans; the Collector's names */
	struct counter dropped[DROP_REASON_COUNT];	  /* spans */
	struct counter returned;			  /* spans */
	struct counter requests, retries, splits;	  /* requests */
	struct counter compressions;			  /* request bodies */
	struct counter in_flight;		   /* batches in slots now, back-off included */
	struct histogram batch_spans, batch_bytes; /* of batches that the queue gathered */
};

/* Counts spans that were not sent. ${returned}: their sender is told; else they are dropped. */
void ledger_fail(struct ledger *ledger, enum drop_reason reason, bool returned, uint64_t spans);

void ledger_init(struct ledger *ledger);

/* Registers the ledger's series under exporter="${id}"; those of what was sent have the labels
 * ${target} besides ("" for none; see exporter_ops). ${batches}: the queue gathers batches. False
 * when memory is short. */
bool ledger_register(const struct ledger *ledger, struct metrics *metrics, const char *id,
		     const char *target, bool batches);

#endif
