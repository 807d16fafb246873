/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consumer: whoever takes spans at the end of a stage. Exporters that share their batches, a batch
 * in the middle of a pipeline, spans that a processor holds back and pipelines behind a connector
 * are consumers; flow.c and stop.c know them by this alone. A new kind is one file: it embeds a
 * struct consumer, fills the slots of struct consumer_ops, and is made in pipeline.c.
 *
 * A request is handed over in two phases, so that a fan-out is atomic. Each consumer that it reaches
 * gets a transfer. First all reserve room; then all commit, or, when the request is refused, all
 * cancel. From the reservation on the spans are held, until somebody else is responsible for them
 * (the next consumer, the backend) or they are counted as dropped.
 *
 * Threads: slots of a request run on the shard that has it, on several shards at once; those of the
 * life say where. NULL slots have nothing to do.
 */
#ifndef SLUICE_GRAPH_CONSUMER_H
#define SLUICE_GRAPH_CONSUMER_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/base/outcome.h"
#include "pipeline/delivery/ack.h"
#include "pipeline/delivery/drain.h"

struct flow_from;
struct graph;
struct shard;
struct consumer;

/* One request for one consumer. */
struct transfer {
	struct consumer *consumer;
	struct chunk *chunk; /* what is handed over; a reference */
	uint64_t
		reserved; /* 0: no room. Of an exporter group: a bit for each member that has some */
	void *detail;	  /* the consumer's own, made by prepare */
};

/* What the consumers said to all transfers of one request. It is refused when somebody insists, or
 * when nobody has room and somebody is full. */
struct admission {
	size_t reserved, full;
	bool refused;
};

struct consumer_ops {
	/* ---- a request ---- */

	/* Makes the transfer's chunk and detail of the shard's view. NULL slot: it gets what is left
	 * of the request, encoded. ${from}: where the run began; NULL if it is the spans' first. */
	enum outcome (*prepare)(struct consumer *consumer, struct shard *shard,
				const struct flow_from *from, struct transfer *transfer,
				struct err *err);
	/* What follows in the same call, before anything is reserved: pipelines that make transfers
	 * of their own. */
	enum outcome (*forward)(struct consumer *consumer, struct shard *shard, struct chunk *chunk,
				struct err *err);
	/* Reserves room for the transfer, if there is some, and says so in ${admission}. */
	void (*reserve)(struct transfer *transfer, struct admission *admission);
	/* Takes what was reserved; what found no room is counted. ${ack}, unless NULL, waits for what
	 * happens to it. The detail is the consumer's, the chunk is referenced if it is kept. */
	void (*commit)(struct transfer *transfer, struct ack *ack);
	/* The request was refused: gives back what was reserved, if anything was, and the detail. */
	void (*cancel)(struct transfer *transfer);
	/* The same, before cancel: whoever had no room counts that, and says how long the sender
	 * should wait. */
	struct drain_wait (*refuse)(const struct transfer *transfer, uint64_t now_ns);
	/* Whether the sender of the request hears what happens to it. */
	bool (*waits)(struct consumer *consumer);

	/* ---- its life ---- */

	/* Main thread, before the loops run: makes its timers on consumer->home's loop. */
	int (*start)(struct consumer *consumer, struct err *err);
	/* Any thread: spans held now, and nobody else holds. */
	uint64_t (*held)(struct consumer *consumer);
	/* Any thread: what waits for more, or for a time, waits no longer. */
	void (*flush)(struct consumer *consumer);
	/* Home loop: drops and counts what is held, and what still comes. */
	void (*abort)(struct consumer *consumer);
	/* Home loop, also after a start half-way: closes what is on it. */
	void (*stop)(struct consumer *consumer);
	/* Main thread, after the loops have ended; also half-made. What is held is counted. */
	void (*free)(struct consumer *consumer);
};

struct consumer {
	const struct consumer_ops *ops; /* NULL: never made */
	struct shard *home;		/* whose loop it lives on, set before start */
	/* private */
	struct consumer_task {
		struct loop_task task;
		struct consumer *consumer;
	} abort_task, stop_task;
};

/* NULL and consumers that were never made are accepted. */
void consumer_free(struct consumer *consumer);

/* ---- all of a graph ---- */

/* Lists the consumers of ${graph} in the order in which spans move on: what is held back, batches in
 * the middle, groups, pipeline by pipeline; exporters last, once. False: no memory. */
MUST_CHECK bool consumers_list(struct graph *graph);

/* Gives each a home and starts it, from the last to the first. Main thread, before the loops run. */
MUST_CHECK int consumers_start(struct graph *graph, struct err *err);

/* How many spans all hold; sends on what waits for more. Main thread. What moves on while it is
 * counted is counted once more where it comes to, never nowhere. */
uint64_t consumers_flush(struct graph *graph);

/* Main thread: abort and stop, each on its own loop. */
void consumers_abort(struct graph *graph);
void consumers_stop(struct graph *graph);

#endif
