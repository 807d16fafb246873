/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch as OTLP/JSON, for exporters whose peer or file wants that. Belongs to one exporter and is
 * used by one thread at a time; the counter may be read by any.
 */
#ifndef SLUICE_DELIVERY_JSON_BODY_H
#define SLUICE_DELIVERY_JSON_BODY_H

#include "pipeline/base/metrics.h"
#include "pipeline/delivery/batch.h"
#include "pipeline/trace/keys/key_table.h"

struct json_body;

/* ${budget}, ${keys} and ${metrics} outlive it. Its series is registered under exporter="${id}".
 * NULL: out of memory. */
MUST_CHECK struct json_body *json_body_new(struct budget *budget, const struct key_table *keys,
					   struct metrics *metrics, const char *id);
void json_body_free(struct json_body *body); /* NULL is accepted */

/* ${batch} as one line of JSON, without the line's end; the caller owns the chunk. NULL with ${err}
 * (ERR_NOMEM; ERR_LIMIT for what the index refuses). */
MUST_CHECK struct chunk *json_body_make(struct json_body *body, const struct batch *batch,
					struct err *err);

#endif
