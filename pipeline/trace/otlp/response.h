/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small messages that travel back: ExportTraceServiceResponse and google.rpc.Status. They are
 * read field by field with the bounded wire reader, so a peer can neither nest nor allocate.
 */
#ifndef SLUICE_TRACE_OTLP_RESPONSE_H
#define SLUICE_TRACE_OTLP_RESPONSE_H

#include "pipeline/base/buf.h"

struct partial_success {
	uint64_t rejected_spans;
	bool has_message; /* the text itself stays where it is: it is the peer's */
};

/* Reads an ExportTraceServiceResponse. False when ${body} is malformed. */
bool response_read_partial_success(struct slice body, struct partial_success *ret_partial);

/* Reads google.rpc.Status.details for a RetryInfo with a retry_delay. False when there is none. */
bool response_read_retry_delay(struct slice status, uint64_t *ret_delay_ns);

/* Appends a google.rpc.Status: ${code}, ${message} and, unless 0, a RetryInfo of ${retry_ns}. */
void response_write_status(struct buf *out, int code, const char *message, uint64_t retry_ns);

/* Appends a google.rpc.RetryInfo of ${retry_ns}. */
void response_write_retry_info(struct buf *out, uint64_t retry_ns);

#endif
