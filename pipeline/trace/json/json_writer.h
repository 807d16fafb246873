/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON into a chunk: commas, escapes, U+FFFD for what is not UTF-8. Small writes gather in a
 * buffer that is kept below a few dozen KiB, whatever a peer sent. The first failure latches.
 */
#ifndef SLUICE_TRACE_JSON_JSON_WRITER_H
#define SLUICE_TRACE_JSON_JSON_WRITER_H

#include "pipeline/base/buf.h"
#include "pipeline/base/chunk.h"

struct json_writer {
	/* private */
	struct buf gathered;
	struct chunk *out;
	bool comma; /* something stands before in the innermost object or array */
	bool failed;
	uint64_t replaced; /* bytes that were not UTF-8 */
};

void json_writer_init(struct json_writer *writer, struct chunk *out);

/* Writes out what is gathered and frees. False when something did not fit. */
MUST_CHECK bool json_writer_finish(struct json_writer *writer);

/* '{' or '[', and '}' or ']'. */
void json_write_open(struct json_writer *writer, char bracket);
void json_write_close(struct json_writer *writer, char bracket);

/* A key; ${name} needs no escapes. A value follows. */
void json_write_key(struct json_writer *writer, const char *name);

void json_write_text(struct json_writer *writer, struct slice text);
void json_write_u64(struct json_writer *writer, uint64_t number);      /* in digits */
void json_write_i64(struct json_writer *writer, int64_t number);       /* in digits */
void json_write_u64_text(struct json_writer *writer, uint64_t number); /* in quotation marks */
void json_write_i64_text(struct json_writer *writer, int64_t number);  /* in quotation marks */
void json_write_true_false(struct json_writer *writer, bool yes);
void json_write_double(struct json_writer *writer, double number); /* NaN, Infinity as strings */
void json_write_hex(struct json_writer *writer, struct slice bytes);
void json_write_bytes(struct json_writer *writer, struct slice bytes); /* base64 */

#endif
