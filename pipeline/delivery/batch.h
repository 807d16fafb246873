/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch: one request on its way to exporters. Two concatenated ExportTraceServiceRequests are one
 * request, so a batch is a list of encoded chunks; its body is their concatenation. All exporters
 * that share the same input share the batch, and its compressed form is made once.
 *
 * Life: the assembler fills it (one thread at a time, under the assembler's lock); from batch_close
 * on it is read-only and reference-counted. Acknowledgements that wait for a result hang on it.
 */
#ifndef SLUICE_DELIVERY_BATCH_H
#define SLUICE_DELIVERY_BATCH_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"
#include "pipeline/base/metrics.h"
#include "pipeline/net/coding.h"

#include <pthread.h>

struct ack;

struct batch {
	struct chunk **chunks;
	size_t chunk_count;
	size_t bytes;	    /* uncompressed OTLP */
	size_t index_bytes; /* of the entries of an index of it, at most */
	uint32_t span_count;
	bool ids_usable; /* of all its chunks */
	bool waited_for; /* the senders of its spans wait for what happens to them */
	/* private */
	size_t chunk_capacity;
	struct budget *budget;
	struct ack **acks;
	size_t ack_count, ack_capacity;
	pthread_mutex_t coded_lock; /* guards coded */
	struct chunk *coded[CODING_COUNT];
	_Atomic uint32_t refs;
};

/* A new empty batch with one reference; NULL when memory is short. */
MUST_CHECK struct batch *batch_new(struct budget *budget);
struct batch *batch_ref(struct batch *batch);
void batch_unref(struct batch *batch); /* NULL accepted */

/* Appends ${chunk}: the first one and large ones are referenced, small ones that follow are copied
 * together. The caller keeps its own reference. False when memory is short; the batch is unchanged
 * then. */
MUST_CHECK bool batch_append(struct batch *batch, struct chunk *chunk);

/* What is wrong with it, NULL for nothing: what it says of its bytes, spans and ids is what its chunks
 * hold. For assertions. */
const char *batch_fault(const struct batch *batch);

/* Lets ${ack} (see ack.h) wait for what happens to this batch. The batch takes over one of its
 * pending counts per exporter. False when memory is short. */
MUST_CHECK bool batch_attach(struct batch *batch, struct ack *ack);

/*
 * The body in ${coding}: *ret_parts and *ret_count borrow from the batch. The first caller
 * compresses and adds one to ${compressions} (NULL: nobody counts), others wait for it (they need
 * the same bytes). Any thread, with its own ${coder}. -1 with ERR_NOMEM.
 */
MUST_CHECK int batch_body(struct batch *batch, enum coding coding, struct coder *coder,
			  struct counter *compressions, struct chunk *const **ret_parts,
			  size_t *ret_count, struct err *err);

/* All bytes in one chunk (a reference): the only chunk, or a new concatenation. NULL: no memory. */
MUST_CHECK struct chunk *batch_flatten(const struct batch *batch);

#endif
