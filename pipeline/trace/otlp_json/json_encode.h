/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view as OTLP/JSON, the way the Collector writes it: ids in lower-case hexadecimal,
 * 64-bit integers as strings, enums as numbers, bytes in base64, NaN and infinities as strings,
 * fields with default values left out but for "status", which every span has. One line.
 *
 * Fields that OTLP/JSON has no name for (unknown to the schema) are not written. Text that is not
 * UTF-8 cannot stand in JSON: each bad byte becomes U+FFFD and is counted.
 */
#ifndef SLUICE_TRACE_OTLP_JSON_JSON_ENCODE_H
#define SLUICE_TRACE_OTLP_JSON_JSON_ENCODE_H

#include "pipeline/trace/otlp/view.h"

/* Appends the request to ${out}; ${ret_replaced} is increased by the bytes that were replaced. -1
 * with ERR_NOMEM; ${out} may hold a part of it then. */
MUST_CHECK int json_encode(const struct trace_view *view, struct chunk *out, uint64_t *ret_replaced,
			   struct err *err);

#endif
