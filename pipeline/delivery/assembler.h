/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The assembler: gathers encoded chunks into batches by spans, bytes or time. Exporters with the
 * same input and the same limits share one, so a batch is put together (and compressed) once.
 *
 * Chunks come from any shard, under one lock per chunk; the timer runs on the home loop. A batch is
 * closed
 *   when it holds spans_min spans or bytes_min bytes,
 *   when the next chunk would take it over spans_max or bytes_max, or an index of it over 32 MiB
 *   (spans without content: whoever has to look into the batch must be able to),
 *   when its oldest chunk is timeout_ns old,
 *   when the next chunk goes to other targets (one of them was full), or its sender waits for the
 *   result and theirs do not, or the other way round, or on flush.
 * A chunk that is larger than the maximum alone is split; a span that is larger goes alone.
 */
#ifndef SLUICE_DELIVERY_ASSEMBLER_H
#define SLUICE_DELIVERY_ASSEMBLER_H

#include "pipeline/delivery/ack.h"
#include "pipeline/delivery/batch.h"
#include "pipeline/net/loop.h"
#include "pipeline/trace/keys/key_table.h"

struct assembler;
struct metrics;

struct assembler_config {
	uint32_t spans_min, spans_max; /* 0: no bound; min 0 and timeout 0: each chunk at once */
	size_t bytes_min, bytes_max;   /* bytes_max is never 0 */
	uint64_t timeout_ns;
	/* Takes over one reference to a closed batch. Any thread, in order, under the lock. */
	void (*take)(void *arg, struct batch *batch, uint64_t targets);
	void *arg;
};

MUST_CHECK struct assembler *assembler_new(const struct assembler_config *config,
					   struct budget *budget, const struct key_table *keys);

/* Registers what closed its batches as series of the batch processor ${processor_id}. */
MUST_CHECK bool assembler_register(const struct assembler *assembler, struct metrics *metrics,
				   const char *processor_id);

/* Makes the timer on ${home}; on its thread, or before it runs. Without it only size closes. */
MUST_CHECK int assembler_start(struct assembler *assembler, struct loop *home, struct err *err);

/* What became of one chunk. */
struct assembled {
	uint32_t batches_opened; /* batches that its spans began: 0 = it joined one */
	uint32_t spans_lost;	 /* memory was short: all of them, or some of a chunk being split */
	size_t bytes_added;	 /* more than its own when split: resource and scope are repeated */
};

/*
 * Adds ${chunk} (the caller keeps its reference) for the set of ${targets} (bits). ${ack}, when not
 * NULL, waits for ${ack_count} results from each batch that holds a part of it.
 */
void assembler_add(struct assembler *assembler, struct chunk *chunk, uint64_t targets,
		   struct ack *ack, uint32_t ack_count, struct assembled *ret);

/* Closes the open batch now. Any thread. */
void assembler_flush(struct assembler *assembler);

/* Home loop: closes the timer. */
void assembler_stop(struct assembler *assembler);
void assembler_free(struct assembler *assembler); /* after the loop has ended */

#endif
