/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two payloads that speed is measured with, generated from a seed:
 *   S  small spans: HTTP, 7 span and 8 resource attributes, about 291 bytes a span;
 *   G  gen_ai chat spans: 17 span and 8 resource attributes, about 1,082 bytes a span.
 * Both carry PAYLOAD_DENIED_KEY on every span, a key nobody has seen before on every 4th (more than
 * the attributes above) and an event on every 8th.
 */
#ifndef SLUICE_TEST_TRACE_PAYLOAD_H
#define SLUICE_TEST_TRACE_PAYLOAD_H

#include "pipeline/base/buf.h"

#define PAYLOAD_DENIED_KEY_S "client.address"
#define PAYLOAD_DENIED_KEY_G "gen_ai.prompt"

enum payload_shape { PAYLOAD_S, PAYLOAD_G };

/* Appends one request with ${span_count} spans; the same ${seed} gives the same bytes. */
void payload_append(struct buf *out, enum payload_shape shape, uint32_t span_count, uint64_t seed);

#endif
