/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending queue of one exporter, with retry, time-out and split: the Collector's
 * exporterhelper. It owns every span between admission and the backend's answer; its ledger says
 * where each went. Admission is two-phase, so that a fan-out can be atomic: sender_reserve on every sender, then
 * sender_enqueue, or sender_cancel_reservation. Both count in the queue's sizer; what is under way
 * counts against the capacity until it has ended.
 *
 * Threads: reserve, cancel, enqueue from any; the rest runs on the home loop.
 */
#ifndef SLUICE_DELIVERY_SENDER_H
#define SLUICE_DELIVERY_SENDER_H

#include "pipeline/base/log.h"
#include "pipeline/delivery/drain.h"
#include "pipeline/delivery/export.h"
#include "pipeline/delivery/ledger.h"
#include "pipeline/net/loop.h"
#include "pipeline/trace/keys/key_table.h"

struct sender;

MUST_CHECK struct sender *sender_new(const struct delivery_config *config,
				     const struct export_target *target, const struct log *log,
				     struct budget *budget, const struct key_table *keys);

/* Registers the sender's series under exporter="${id}"; see ledger_register. */
bool sender_register(struct sender *sender, struct metrics *metrics, const char *id,
		     const char *target);

/* Makes the timers on ${home}; before it runs. */
MUST_CHECK int sender_start(struct sender *sender, struct loop *home, struct err *err);

/* True when a request must be refused rather than dropped here (required, wait_for_result,
 * block_on_overflow, or no queue at all). */
bool sender_is_required(const struct sender *sender);

/* True when the answer to the request waits for this sender's result. */
bool sender_waits(const struct sender *sender);

/* Holds room for one chunk; from here on its spans count as held. False: full. */
MUST_CHECK bool sender_reserve(struct sender *sender, uint32_t spans, size_t bytes);
void sender_cancel_reservation(struct sender *sender, uint32_t spans, size_t bytes);

/* The chunk that room was reserved for became batches that hold so much more (or, below zero, less)
 * than it: corrects the reservation, so that what the batches give back at their end is what was
 * taken. They may have ended already. */
void sender_adjust(struct sender *sender, int64_t more_batches, int64_t more_spans,
		   int64_t more_bytes);

/* Takes over one reference to ${batch}, for which room was reserved chunk by chunk. */
void sender_enqueue(struct sender *sender, struct batch *batch);

/* Counts ${spans} that found no room, and logs it. */
void sender_count_full(struct sender *sender, uint32_t spans);

/* Counts ${spans} of what was reserved as lost for lack of memory; they are held no longer.
 * ${waited_for}: by the sender of their request. */
void sender_count_memory(struct sender *sender, uint32_t spans, bool waited_for);

/* A chunk found no room and its sender is told so: counts it, and returns how long that one should
 * wait, from how fast the queue empties; each caller is given a turn of its own (drain.h). */
struct drain_wait sender_refuse(struct sender *sender, uint32_t spans, size_t bytes,
				uint64_t now_ns);

/* What the queue holds, what is under way included, in units of its sizer. */
uint64_t sender_used_units(const struct sender *sender);

/* Spans held now: being gathered, queued, waiting to repeat, under way. */
uint64_t sender_held_spans(const struct sender *sender);

/* Home loop: drops what is held, counted as DROP_SHUTDOWN, and cancels what is under way. */
void sender_abort(struct sender *sender);

/* Home loop: closes the timers. Nothing may be held. */
void sender_stop(struct sender *sender);
void sender_free(struct sender *sender);

/* What is wrong with it, NULL for nothing: invariants 1 and 2 of sender.c, and every job's. On the
 * home loop, in a moment in which nobody adds; ${reserved_units} and ${reserved_spans} are not
 * enqueued yet. For tests. */
const char *sender_fault(struct sender *sender, int64_t reserved_units, int64_t reserved_spans);

const struct ledger *sender_ledger(const struct sender *sender);

#endif
