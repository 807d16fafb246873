/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/JSON to OTLP protobuf, incrementally: input in pieces of any size, output one encoded
 * request. No tree is made; memory beside the output is one fixed struct.
 *
 * Accepted is what the Collector accepts (OTLP specification, "JSON Protobuf Encoding"):
 *   keys           lowerCamelCase and snake_case; unknown ones are skipped with what they hold
 *   ids            hexadecimal of either case; "" is unset; another length is an error
 *   integers       numbers or decimal strings, within the field's range; 1.0 and 1e3 are errors
 *   doubles        numbers, the same in strings, "NaN", "Infinity", "-Infinity"
 *   enums          numbers or names ("SPAN_KIND_SERVER")
 *   bytes          base64, standard or URL-safe alphabet, with or without padding
 *   null           as if the key were absent; in an array it is no item, but among the values of
 *                  an attribute's array it is an empty value: it keeps the places of the others
 *   repeated keys  scalars: the last one wins; messages are merged, arrays are concatenated, as
 *                  concatenated protobuf would be (and as Go's decoder fills one struct twice)
 *   text           see json_lex.h
 * An empty object, or null, is an empty request.
 */
#ifndef SLUICE_TRACE_OTLP_JSON_JSON_DECODE_H
#define SLUICE_TRACE_OTLP_JSON_JSON_DECODE_H

#include "pipeline/base/chunk.h"
#include "pipeline/base/error.h"

enum {
	JSON_UNKNOWN_DEPTH_MAX = 100, /* nesting inside a field that is skipped */
	/* A byte of JSON may cost so many of index (see index.h), beyond the first MiB: 20 MiB of
	 * "{}," would cost a gigabyte. Real requests need a half. */
	JSON_INDEX_BYTES_PER_BYTE = 1,
};

struct json_decoder;

/* The output is charged to ${budget}, which outlives it. NULL: out of memory. */
MUST_CHECK struct json_decoder *json_decoder_new(struct budget *budget);
void json_decoder_free(struct json_decoder *decoder); /* NULL is accepted */

/* Takes the next ${input}. 0, or -1 with ${err}: ERR_DECODE with the byte offset in the whole
 * input, ERR_LIMIT (nesting, index, size), ERR_NOMEM. The result does not depend on how the input
 * is cut. After a failure only free may be called. */
MUST_CHECK int json_decoder_feed(struct json_decoder *decoder, struct slice input, struct err *err);

/* After the last input: the request, with span_count set. NULL with ERR_DECODE when the input ends
 * early. */
MUST_CHECK struct chunk *json_decoder_take(struct json_decoder *decoder, struct err *err);

/* Halves of surrogate pairs turned into U+FFFD so far. */
uint64_t json_decoder_replaced(const struct json_decoder *decoder);

/* Keys that OTLP does not have, stepped over with their values so far. */
uint64_t json_decoder_unknown(const struct json_decoder *decoder);

#endif
