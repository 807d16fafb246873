/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the top level of a JSON object or array where it lies: the few facts that instrumentations
 * keep inside JSON texts (token counts, costs, call parameters, tags). Nested values are stepped
 * over. Whatever is not JSON reads as having no (more) members: the text is a peer's.
 */
#ifndef SLUICE_PROCESSORS_LANGFUSE_JSON_H
#define SLUICE_PROCESSORS_LANGFUSE_JSON_H

#include "pipeline/base/buf.h"
#include "pipeline/trace/value/value.h"

enum { JSON_BYTES_MAX = 65536 }; /* a longer text reads as empty */

struct json_member {
	struct slice key;   /* raw: escapes are not resolved; empty in arrays */
	struct value value; /* string (raw), int, double or bool; empty: null, nested */
	struct slice raw;   /* the value's own text */
};

/* The next member of the object, or item of the array, in ${json}. ${cursor} starts at 0. */
bool json_next_member(struct slice json, size_t *cursor, struct json_member *ret_member);

/* The first member ${key} of the object ${json}. */
bool json_find_member(struct slice json, struct slice key, struct json_member *ret_member);

/* True when ${json} is one object, perhaps with white space around it, as far as json_next_member
 * can tell. */
bool json_is_object(struct slice json);

/* Appends the text that the JSON string ${raw} (a member's, with its quotation marks) stands for, its
 * escapes resolved. False when it is none; what was appended then is not to be used. */
bool json_append_text(struct slice raw, struct buf *out);

#endif
