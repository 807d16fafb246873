/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer that a `batch` processor is which others follow. It gathers what the stage before it
 * leaves, and runs the stages after it over each batch. It keeps a batch until the next stage has
 * taken it, pushes back when it is full, and never drops, unless a later processor refuses a batch
 * for good: an error that will be the same at the next attempt would block the pipeline for ever.
 * What is dropped is counted. A crash loses what it holds: `validate` says so.
 */
#ifndef SLUICE_GRAPH_BATCH_STAGE_H
#define SLUICE_GRAPH_BATCH_STAGE_H

#include "pipeline/graph/component.h"
#include "pipeline/graph/consumer.h"

struct pipeline;

enum { BATCH_STAGE_BYTES_MAX = 64 << 20 };

/* For processor ${id} of ${pipeline}, in front of stage ${next}; registers its series. NULL: no
 * memory. */
MUST_CHECK struct consumer *batch_stage_new(struct pipeline *pipeline, size_t next,
					    const struct batching *batching, const char *id);

#endif
