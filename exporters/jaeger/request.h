/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch as one PostSpansRequest. Belongs to one exporter and is used on its home loop; the counter
 * may be read by any thread.
 */
#ifndef SLUICE_JAEGER_REQUEST_H
#define SLUICE_JAEGER_REQUEST_H

#include "pipeline/base/metrics.h"
#include "pipeline/delivery/batch.h"
#include "pipeline/trace/keys/key_table.h"

enum {
	/* Of protobuf-c's messages for one request; a request of several spans that needs more is
	 * split. */
	JAEGER_MESSAGE_BYTES_MAX = 64 << 20,
};

struct jaeger_request;

/* Requests of several spans are at most ${bytes_max} long. ${budget} and ${keys} outlive it. NULL:
 * out of memory. */
MUST_CHECK struct jaeger_request *
jaeger_request_new(struct budget *budget, const struct key_table *keys, uint64_t bytes_max);
void jaeger_request_free(struct jaeger_request *request); /* NULL is accepted */

/* Registers the counter of replaced bytes under exporter="${id}". False: out of memory. */
MUST_CHECK bool jaeger_request_register(struct jaeger_request *request, struct metrics *metrics,
					const char *id);

/* ${batch} as an encoded PostSpansRequest; the caller owns the chunk. NULL with ${err}: ERR_LIMIT
 * when it has to be split, ERR_NOMEM, ERR_DECODE. */
MUST_CHECK struct chunk *jaeger_request_make(struct jaeger_request *request,
					     const struct batch *batch, struct err *err);

#endif
