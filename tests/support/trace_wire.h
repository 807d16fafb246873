/* SPDX-License-Identifier: Apache-2.0 */
/* Writing protobuf by hand for tests: any order, any field, nested by open and close. */
#ifndef SLUICE_TEST_TRACE_WIRE_H
#define SLUICE_TEST_TRACE_WIRE_H

#include "pipeline/base/buf.h"
#include "pipeline/trace/value/field_numbers.h"
#include "pipeline/trace/value/wire.h"

void tw_raw_varint(struct buf *out, uint64_t value);
/* The same in ${bytes} bytes, padded with empty groups of seven bits. */
void tw_padded_varint(struct buf *out, uint64_t value, unsigned bytes);

void tw_varint(struct buf *out, uint32_t number, uint64_t value);
void tw_fixed64(struct buf *out, uint32_t number, uint64_t value);
void tw_fixed32(struct buf *out, uint32_t number, uint32_t value);
void tw_double(struct buf *out, uint32_t number, double value);
void tw_bytes(struct buf *out, uint32_t number, struct slice bytes);
void tw_text(struct buf *out, uint32_t number, const char *text);

/* Opens message ${number}; tw_close with the result puts its length in front. */
size_t tw_open(struct buf *out, uint32_t number);
void tw_close(struct buf *out, size_t mark);

/* A whole KeyValue as field ${number}. */
void tw_attr_text(struct buf *out, uint32_t number, const char *key, const char *value);
void tw_attr_int(struct buf *out, uint32_t number, const char *key, int64_t value);
void tw_attr_double(struct buf *out, uint32_t number, const char *key, double value);

/* A request with one resource and one scope around one Span with the given content. */
void tw_request_of_span(struct buf *out, struct slice span);

/* SplitMix64: small, seeded, the same everywhere. */
uint64_t tw_random(uint64_t *state);
/* A number below ${bound}. */
uint32_t tw_below(uint64_t *state, uint32_t bound);

#endif
