/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request on its way through pipelines, to consumers (consumer.h). All functions run on the thread
 * of the shard, whose view and transfers they work on: one request at a time.
 */
#ifndef SLUICE_GRAPH_FLOW_H
#define SLUICE_GRAPH_FLOW_H

#include "pipeline/graph/consumer.h"

struct pipeline;
struct held_request;

/* Where a run begins, and as what. */
struct flow_from {
	size_t stage, processor;	  /* of the stage */
	const struct held_request *again; /* what ${processor} held back before; NULL: nothing */
	bool final;			  /* it may not be held again */
};

/* What ${err} means for a request: memory comes back, so retry; everything else depends on the
 * request alone and is the same the next time. */
enum outcome flow_outcome(const struct err *err);

/* Whether the memory limits of the pipeline's first stage have room for ${body}, before its index is
 * made. */
enum outcome flow_admit(const struct pipeline *pipeline, struct slice body, struct err *err);

/* Runs the processors of one stage on the shard's view and makes the transfers of what follows;
 * flow_forward is still to come. On anything but OUTCOME_TAKEN the caller undoes all (flow_cancel). */
enum outcome flow_run(struct pipeline *pipeline, const struct flow_from *from, struct shard *shard,
		      struct chunk *body, struct err *err);

/* Runs what consumers among the transfers forward to, and what that reaches in turn. The view is of
 * another request then. Outcome as of flow_run. */
enum outcome flow_forward(struct shard *shard, struct err *err);

/* Has all transfers reserved, and committed or, when the request is refused, cancelled: false, and
 * how long its sender should wait. ${ack} may be NULL. */
bool flow_commit(struct shard *shard, struct ack *ack, struct drain_wait *ret_wait);

/* Cancels all transfers, and what was counted on the way. */
void flow_cancel(struct shard *shard);

/* All of that for what a consumer kept: ${body} runs on from ${from}. OUTCOME_RETRY: nobody took it,
 * try again soon; OUTCOME_REJECTED: nobody ever will. */
enum outcome flow_again(struct pipeline *pipeline, const struct flow_from *from,
			struct shard *shard, struct chunk *body, struct err *err);

#endif
