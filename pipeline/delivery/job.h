/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One slot of a sender: carries one batch through its attempts. Retryable failures wait in the slot
 * and repeat; a request refused for its size, or for one span in it, is split. Home loop's thread.
 */
#ifndef SLUICE_DELIVERY_JOB_H
#define SLUICE_DELIVERY_JOB_H

#include "pipeline/base/log.h"
#include "pipeline/delivery/ack.h"
#include "pipeline/delivery/drain.h"
#include "pipeline/delivery/ledger.h"
#include "pipeline/delivery/piece.h"
#include "pipeline/delivery/retry.h"
#include "pipeline/delivery/size_limit.h"
#include "pipeline/net/loop.h"

/* What the slot borrows from its sender. */
struct job_host {
	const struct delivery_config *config;
	const struct export_target *target;
	struct ledger *ledger;
	struct drain *drain;
	const struct log *log;
	struct budget *budget;
	const struct key_table *keys;
	struct size_limit *size_limit; /* of the exporter's backend */
	bool waits;		       /* the batch's acknowledgements wait for this sender */
	/* All spans of ${batch} are accounted for; the reference passes to the callee. */
	void (*ended)(void *arg, struct batch *batch);
	void *arg;
};

enum job_state {
	JOB_FREE,
	JOB_AT_WORK, /* decides what comes next */
	JOB_SENDING, /* the first piece is under way */
	JOB_WAITING, /* until the first piece is sent again: the timer runs */
};

struct job {
	/* private */
	struct job_host host;
	struct loop *home;
	struct export_call call;
	enum job_state state;
	struct batch *batch;	  /* NULL: the slot is free */
	struct piece_list pieces; /* still to be sent, in order; first is under way */
	struct retry_state retry;
	uint64_t random;
	uv_timer_t timer;
	bool timer_made, aborting;
	bool going_on, going_on_again; /* see next() in job.c */
	uint32_t settled;	       /* spans of the batch that are accounted for */
	uint32_t delivered;	       /* requests of the batch */
	/* what splitting has cost, see the head of job.c */
	uint32_t size_refusals, culprits;      /* EXPORT_TOO_LARGE */
	uint32_t requests, both_halves_failed; /* EXPORT_INVALID */
	struct ack_result worst;
};

void job_init(struct job *job, const struct job_host *host, uint64_t seed);
MUST_CHECK int job_start(struct job *job, struct loop *home, struct err *err);
static inline bool job_is_busy(const struct job *job)
{
	return job->batch != NULL;
}

/* Takes over the reference to ${batch} and begins. */
void job_run(struct job *job, struct batch *batch);

/* What is wrong with it, NULL for nothing: each span of its batch is accounted for or in one piece,
 * and a free slot has neither batch nor piece. For tests and assertions. */
const char *job_fault(const struct job *job);

/* For job.c: passes to ${state}, which is one that may follow. */
void job_enter(struct job *job, enum job_state state);

/* Ends the job now; what is left is counted as dropped by the shutdown. */
void job_abort(struct job *job);
void job_stop(struct job *job);
void job_fini(struct job *job);

/* Tells everyone who waits for ${batch} about ${result}, if this sender is waited for. */
void job_acknowledge(bool waits, struct batch *batch, struct ack_result result);

#endif
