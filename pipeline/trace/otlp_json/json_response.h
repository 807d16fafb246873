/* SPDX-License-Identifier: Apache-2.0 */
/* response.h in JSON: the small messages of OTLP/HTTP with content type application/json. */
#ifndef SLUICE_TRACE_OTLP_JSON_JSON_RESPONSE_H
#define SLUICE_TRACE_OTLP_JSON_JSON_RESPONSE_H

#include "pipeline/trace/otlp/response.h"

/* Reads an ExportTraceServiceResponse in JSON. False when ${body} is malformed. */
bool json_response_read_partial_success(struct slice body, struct partial_success *ret_partial);

/* Appends a google.rpc.Status: {"code":…,"message":…} and, unless ${retry_ns} is 0, a RetryInfo. */
void json_response_write_status(struct buf *out, int code, const char *message, uint64_t retry_ns);

#endif
