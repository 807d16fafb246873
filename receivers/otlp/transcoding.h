/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON body on its way to protobuf, a slice per turn of the shard's loop: a body of 20 MiB takes
 * 50 ms and more, and other connections are served in between. A body of one slice is done at once.
 */
#ifndef SLUICE_RECEIVERS_OTLP_TRANSCODING_H
#define SLUICE_RECEIVERS_OTLP_TRANSCODING_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/net/loop.h"

enum { TRANSCODING_SLICE_BYTES = 256 * 1024 };

struct json_decoder;

/* What is not in the protobuf as it was in the JSON. */
struct transcoding_losses {
	uint64_t replaced; /* characters */
	uint64_t unknown;  /* keys, with their values */
};

struct transcoding {
	/* private */
	struct loop_task task;
	struct loop *loop;
	struct json_decoder *decoder;
	struct chunk *json;
	size_t at; /* of the next slice */
	bool cancelled;
	void (*done)(struct transcoding *transcoding, struct chunk *body,
		     struct transcoding_losses losses, const struct err *err);
};

/* Starts on ${json}, whose reference passes over. ${done} is called exactly once, perhaps before
 * this returns: with the protobuf ${body} (the callee's reference) and what was lost on
 * the way, or with NULL and why. It may free the transcoding. On the thread of ${loop}. */
void transcoding_start(struct transcoding *transcoding, struct loop *loop, struct budget *budget,
		       struct chunk *json,
		       void (*done)(struct transcoding *transcoding, struct chunk *body,
				    struct transcoding_losses losses, const struct err *err));

/* Nobody wants the result any more: done is called with NULL at the loop's next turn. */
void transcoding_cancel(struct transcoding *transcoding);

#endif
