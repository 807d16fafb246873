/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/JSON as a table (OTLP specification, "JSON Protobuf Encoding"): which keys each message has
 * and how their values are written. It goes beside schema.h, which knows the wire and the
 * snake_case names.
 */
#ifndef SLUICE_TRACE_OTLP_JSON_JSON_SCHEMA_H
#define SLUICE_TRACE_OTLP_JSON_JSON_SCHEMA_H

#include "pipeline/trace/otlp/schema.h"

enum json_format {
	FORMAT_MESSAGE = 0, /* an object */
	FORMAT_TEXT,
	FORMAT_TRACE_ID, /* 32 hexadecimal digits */
	FORMAT_SPAN_ID,	 /* 16 hexadecimal digits */
	FORMAT_BASE64,
	FORMAT_BOOL,
	FORMAT_UINT32,	/* varint */
	FORMAT_FIXED32, /* unsigned */
	FORMAT_FIXED64, /* unsigned */
	FORMAT_INT64,	/* varint */
	FORMAT_DOUBLE,
	FORMAT_SPAN_KIND,   /* a number or a name */
	FORMAT_STATUS_CODE, /* a number or a name */
	FORMAT_COUNT
};

struct json_field {
	const char *name; /* lowerCamelCase */
	uint8_t name_len;
	uint16_t number;
	uint8_t format;	 /* enum json_format */
	uint8_t message; /* enum schema_message of FORMAT_MESSAGE */
	bool repeated;	 /* an array */
};

/* The field of ${message} that goes by ${key}, in lowerCamelCase or snake_case; NULL when there is
 * none. ${hint} is where to look first, and is moved on: senders write keys in one order. */
const struct json_field *json_field_find(enum schema_message message, struct slice key,
					 uint8_t *hint);

#endif
