/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) as a stream of events, from input that comes in pieces of any size. Nothing is
 * collected but a key or a number that two pieces share: a string value is handed on piece by
 * piece, its escapes resolved, so neither memory nor time depends on how long it is.
 *
 *   while ((event = json_lexer_next(&lexer, &input, &err)) > JSON_MORE)
 *       …
 *
 * Bytes of strings that are not UTF-8 pass as they are, as they do in protobuf. An escape that is
 * half a surrogate pair has no UTF-8 form: it becomes U+FFFD and is counted (JavaScript cuts
 * strings between the halves, so this is not rare).
 */
#ifndef SLUICE_TRACE_JSON_JSON_LEX_H
#define SLUICE_TRACE_JSON_JSON_LEX_H

#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

enum {
	JSON_DEPTH_MAX = 640,	     /* objects and arrays inside each other */
	JSON_KEY_BYTES_MAX = 64,     /* of an object's key; what is longer is cut */
	JSON_NUMBER_BYTES_MAX = 512, /* longer numbers are refused */
};

enum json_event {
	JSON_FAILED = 0, /* err is set; the lexer is finished */
	JSON_MORE,	 /* the input is used up */
	JSON_BEGIN_OBJECT,
	JSON_END_OBJECT,
	JSON_BEGIN_ARRAY,
	JSON_END_ARRAY,
	JSON_KEY,      /* text: the whole key, or its first JSON_KEY_BYTES_MAX bytes */
	JSON_TEXT,     /* text: a piece of a string value, more follow */
	JSON_TEXT_END, /* text: its last piece, perhaps empty */
	JSON_NUMBER,   /* text: as it stands in the input */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
	JSON_EVENT_COUNT
};

struct json_lexer {
	struct slice text; /* of the last event; valid until the next call */
	uint64_t offset;   /* bytes of the input taken so far */
	uint64_t token;	   /* offset at which the last token began */
	uint64_t replaced; /* halves of surrogate pairs turned into U+FFFD */

	/* private */
	uint8_t state, number_state;
	uint8_t escape, hex_digits;
	uint16_t unit, high; /* UTF-16: being read; waiting for its second half */
	const char *literal; /* what is left of true, false, null */
	uint8_t literal_event;
	uint8_t encoded[8]; /* an escape's bytes */
	size_t held;	    /* bytes of a key or number in `hold` */
	char hold[JSON_NUMBER_BYTES_MAX];
	uint32_t depth;
	uint8_t is_object[JSON_DEPTH_MAX / 8]; /* one bit a level */
};

void json_lexer_init(struct json_lexer *lexer);

/* The next event of ${input}, which is moved past what was taken. JSON_FAILED with ERR_DECODE or
 * ERR_LIMIT and the byte's offset. */
enum json_event json_lexer_next(struct json_lexer *lexer, struct slice *input, struct err *err);

/* After the last input: 0 when it was one whole JSON value, else -1 with ERR_DECODE. */
MUST_CHECK int json_lexer_finish(const struct json_lexer *lexer, struct err *err);

/* Bytes at the beginning of ${text} that stand for themselves in a JSON string: all but quotation
 * mark, backslash and control characters. */
size_t json_plain_len(struct slice text);

#endif
