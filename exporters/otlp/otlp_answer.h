/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backend's answer to an export means (OTLP specification, "Failures"):
 *
 *   delivered      gRPC OK; any HTTP 2xx. partial_success counts what was rejected
 *   try again      gRPC CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS,
 *                  RESOURCE_EXHAUSTED with RetryInfo; HTTP 429, 502, 503, 504; no connection
 *   smaller        HTTP 413; any gRPC error, and HTTP 400, 422, 429, 5xx, that speaks of a size
 *                  (size_words.h)
 *   bad span       gRPC INVALID_ARGUMENT, HTTP 400
 *   for good       everything else
 */
#ifndef SLUICE_EXPORTERS_OTLP_OTLP_ANSWER_H
#define SLUICE_EXPORTERS_OTLP_OTLP_ANSWER_H

#include "pipeline/delivery/export.h"
#include "pipeline/net/client.h"

/* What ${answer} means, see above. ${label} names the backend in err. Pure. */
void otlp_answer_classify(enum client_mode mode, const char *label,
			  const struct client_result *answer, uint64_t now_wall_ns,
			  struct export_result *ret_result);

/* Whether ${answer} is a page for people: a login, or what a web application answers every URL. */
bool otlp_answer_is_page(const struct client_result *answer);

/* What makes ${answer}, a 2xx, no OTLP answer, in words of ours; NULL when it is one, or no 2xx. */
const char *otlp_answer_flaw(const struct client_result *answer);

#endif
