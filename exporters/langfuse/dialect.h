/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Langfuse's OTLP endpoint (…/api/public/otel/v1/traces), where it differs from plain OTLP/HTTP:
 *
 *   - the header x-langfuse-ingestion-version: 4 asks for the path that shows spans within seconds;
 *   - one span without a usable trace id and span id makes it refuse the whole request: such spans
 *     are left out; a parent id of zeros would be an unknown parent, so it is taken out;
 *   - requests are at most 4,000,000 bytes of uncompressed OTLP (its cloud refuses 5 MB);
 *   - any 2xx means taken, whatever the body says, which is JSON and no OTLP answer; but a web
 *     page is not Langfuse's answer: not taken, repeated as retry_on_failure says, while whoever
 *     put a login before it has time to notice;
 *   - 500 means not taken, too, and is repeated, but only a few times;
 *   - of compressions it reads gzip alone.
 */
#ifndef SLUICE_LANGFUSE_DIALECT_H
#define SLUICE_LANGFUSE_DIALECT_H

#include "exporters/otlp/otlp_dialect.h"

enum {
	LANGFUSE_REQUEST_BYTES_MAX = 4000000, /* a larger single span is sent alone */
	LANGFUSE_RETRIES_MAX = 5,	      /* after a 500 */
};

#define LANGFUSE_OTLP_PATH "/api/public/otel"

/* Found by endpoint, too: it stands in exporters/otlp/dialects.def. Its self belongs to one exporter
 * and is used on its home loop. */
extern const struct otlp_dialect otlp_dialect_langfuse;

#endif
