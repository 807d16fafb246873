/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the JSON decoder share. */
#ifndef SLUICE_TRACE_OTLP_JSON_JSON_DECODE_INTERNAL_H
#define SLUICE_TRACE_OTLP_JSON_JSON_DECODE_INTERNAL_H

#include "pipeline/base/base64.h"
#include "pipeline/trace/json/json_lex.h"
#include "pipeline/trace/otlp/index.h"
#include "pipeline/trace/otlp_json/json_decode.h"
#include "pipeline/trace/otlp_json/json_schema.h"

enum {
	/* Request to event attribute, then KeyValue, AnyValue and array or list per nested value,
	 * then a string. */
	FRAMES_MAX = 8 + 3 * TRACE_VALUE_DEPTH_MAX,
};

/* A message or a text that is being written: its length goes before `content` when it ends. */
struct json_frame {
	const struct json_field *field; /* in a message: whose value comes next; NULL: skip it */
	size_t content;			/* offset in the output */
	uint8_t message;		/* enum schema_message */
	uint8_t width;			/* bytes set aside for the length; 0: the request itself */
	uint8_t hint;			/* for json_field_find */
	bool in_list;			/* inside the array of `field` */
};

struct json_decoder {
	struct json_lexer lexer;
	struct chunk *out;
	struct json_frame frames[FRAMES_MAX];
	uint32_t depth;	     /* frames in use; the last one is what is being written */
	uint32_t values;     /* AnyValue messages among them */
	uint32_t skip_depth; /* containers open inside a value that is skipped */
	bool skipping;
	bool in_text;	    /* some of a text has come, more will follow */
	size_t index_bytes; /* what the index of all this will need */
	uint32_t spans;
	uint64_t unknown; /* keys */
	struct base64_decoder base64;
	/* ids, numbers and names in strings */
	size_t scalar_len;
	char scalar[JSON_NUMBER_BYTES_MAX];
};

/* Sets ${err} for the value that is being read: "key: why". Returns -1. */
int json_value_fail(const struct json_decoder *decoder, const struct json_field *field,
		    struct err *err, const char *why);

/* Makes room for ${more} bytes of output. -1 with ERR_NOMEM or ERR_LIMIT. */
MUST_CHECK int json_reserve(struct json_decoder *decoder, size_t more, struct err *err);

/* Writes scalar ${field} from the JSON number or the text (${quoted}) ${text}. */
MUST_CHECK int json_write_scalar(struct json_decoder *decoder, const struct json_field *field,
				 struct slice text, bool quoted, struct err *err);
MUST_CHECK int json_write_bool(struct json_decoder *decoder, const struct json_field *field,
			       bool yes, struct err *err);

/* Appends what ${text}, the next piece of a base64 value, stands for; the last piece is checked. */
MUST_CHECK int json_write_base64(struct json_decoder *decoder, const struct json_field *field,
				 struct slice text, bool last, struct err *err);

#endif
