/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the delivery layer and an exporter say to each other: a batch to deliver, one attempt, and
 * what came of it; and the settings that all exporters share (the Collector's exporterhelper).
 */
#ifndef SLUICE_DELIVERY_EXPORT_H
#define SLUICE_DELIVERY_EXPORT_H

#include "pipeline/base/error.h"
#include "pipeline/config/bind.h"
#include "pipeline/delivery/batch.h"

enum export_outcome {
	EXPORT_DELIVERED = 0,
	EXPORT_RETRY,	  /* not taken; the same bytes may be sent again */
	EXPORT_PERMANENT, /* refused for good */
	EXPORT_TOO_LARGE, /* refused for its size: split to what fits */
	EXPORT_INVALID,	  /* refused for what is in it: split towards the bad span */
	EXPORT_SPLIT,	  /* not sent: more than the exporter puts into one request: split */
	EXPORT_OUTCOME_COUNT
};

struct export_result {
	enum export_outcome outcome;
	int grpc_code; /* the backend's answer in gRPC's terms; 0: delivered, or no answer */
	uint64_t retry_after_ns; /* EXPORT_RETRY: the peer's own wish, 0 for none */
	uint32_t retries_max; /* EXPORT_RETRY: in a row for such a cause; 0: retry_on_failure's */
	uint64_t rejected_spans; /* EXPORT_DELIVERED: partial success */
	uint64_t unusable_spans; /* EXPORT_DELIVERED: left out of the request */
	bool partial_warning;	 /* a partial success that only carries a message */
	struct err err;		 /* unless delivered: what to log; no text from the peer */
};

/* One attempt. Belongs to the exporter from send() until export_done. */
struct export_call {
	struct batch *batch;	      /* borrowed for the attempt */
	uint64_t timeout_ns;	      /* of this attempt; 0: none */
	struct counter *compressions; /* of bodies for it; NULL: nobody counts */
	void *exporter;		      /* the exporter's own, for the time of the attempt */
	/* private */
	void (*done)(struct export_call *call, const struct export_result *result);
};

/* How the delivery layer reaches an exporter; the slots of struct exporter_ops. */
struct export_target {
	void *self;
	void (*send)(void *self, struct export_call *call);
	void (*cancel)(void *self, struct export_call *call); /* may be NULL */
};

/* Home loop's thread, exactly once for each send. */
static inline void export_done(struct export_call *call, const struct export_result *result)
{
	call->done(call, result);
}

enum queue_sizer { SIZER_REQUESTS = 0, SIZER_ITEMS, SIZER_BYTES };

struct queue_partition_config {
	struct config_strings metadata_keys;
};

struct queue_batch_config {
	uint64_t flush_timeout_ns;
	uint64_t min_size, max_size; /* in sizer units; max 0: no split */
	int sizer;		     /* SIZER_ITEMS or SIZER_BYTES */
	struct queue_partition_config partition;
};

struct queue_config {
	bool enabled;
	uint32_t num_consumers;
	uint64_t queue_size; /* in sizer units */
	int sizer;	     /* enum queue_sizer */
	bool block_on_overflow, wait_for_result, required;
	const char *storage; /* extension id; "" for memory */
	bool batch_present;
	struct queue_batch_config batch;
};

struct retry_config {
	bool enabled;
	uint64_t initial_interval_ns, max_interval_ns,
		max_elapsed_time_ns; /* elapsed 0: for ever */
	double randomization_factor, multiplier;
};

/* The settings common to exporters. Embed it and give its blocks in the exporter's field table. */
struct delivery_config {
	uint64_t timeout_ns;
	uint64_t max_request_bytes; /* uncompressed OTLP */
	struct queue_config queue;
	struct retry_config retry;
};

extern const struct config_block queue_block; /* for struct queue_config: `sending_queue` */
extern const struct config_block retry_block; /* for struct retry_config: `retry_on_failure` */

/* 4 MiB - 64 KiB: the common gRPC server limit, with room for the framing. */
#define DELIVERY_REQUEST_BYTES_DEFAULT "4128768"

/* The four common keys of an exporter's field table. ${type} embeds struct delivery_config as
 * ${member}; ${timeout} is the default of `timeout`. */
#define DELIVERY_FIELDS(type, member, timeout)                                                     \
	CONFIG_DURATION(type, member.timeout_ns, "timeout", timeout,                               \
			"Bound on one attempt, connecting included; 0 for none."),                 \
		CONFIG_U64(type, member.max_request_bytes, "max_request_bytes",                    \
			   DELIVERY_REQUEST_BYTES_DEFAULT, 1024, 2147483647.0, "By",               \
			   "Largest request in uncompressed OTLP bytes; larger batches are "       \
			   "split. A single larger span is sent alone."),                          \
		CONFIG_SUB(type, member.queue, "sending_queue", &queue_block,                      \
			   "What is accepted and not yet delivered."),                             \
		CONFIG_SUB(type, member.retry, "retry_on_failure", &retry_block,                   \
			   "What happens after a failure that may pass.")

#endif
