/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of an ExportTraceServiceRequest as a table: for each field its wire type, how often
 * it may occur and what it contains. The index has the hot messages compiled into switches; the
 * table drives what is cold or generic: nested values, normalisation, reasons in errors.
 */
#ifndef SLUICE_TRACE_OTLP_SCHEMA_H
#define SLUICE_TRACE_OTLP_SCHEMA_H

#include "pipeline/trace/value/wire.h"

enum schema_message {
	SCHEMA_NONE = 0, /* not a message: number, text or bytes */
	SCHEMA_EXPORT_REQUEST,
	SCHEMA_RESOURCE_SPANS,
	SCHEMA_RESOURCE,
	SCHEMA_ENTITY_REF,
	SCHEMA_SCOPE_SPANS,
	SCHEMA_SCOPE,
	SCHEMA_SPAN,
	SCHEMA_EVENT,
	SCHEMA_LINK,
	SCHEMA_STATUS,
	SCHEMA_KEY_VALUE,
	SCHEMA_ANY_VALUE,
	SCHEMA_ARRAY_VALUE,
	SCHEMA_KVLIST,
	SCHEMA_MESSAGE_COUNT
};

enum schema_label {
	SCHEMA_SINGULAR,
	SCHEMA_REPEATED,
	SCHEMA_ONEOF, /* member of the message's only oneof */
};

enum { SCHEMA_NUMBER_MAX = 16 }; /* highest field number of the current version */

struct schema_field {
	const char *name; /* NULL: the number is not in use */
	uint8_t wire;	  /* enum wire_type */
	uint8_t label;	  /* enum schema_label */
	uint8_t content;  /* enum schema_message */
	/* Of a field of older versions: the number of the one that took its place; 0: none did. */
	uint8_t replaced_by;
};

/* The field ${number} of ${message}; NULL when the schema does not know it. */
const struct schema_field *schema_field(enum schema_message message, uint32_t number);

const char *schema_message_name(enum schema_message message);

#endif
