/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the top level of a JSON object or array where it lies: the few facts that instrumentations
 * keep inside JSON texts (token counts, costs, call parameters, tags). Nested values are stepped
 * over. What is not JSON has no (more) members, and a text may be cut off: it is a peer's.
 */
#ifndef SLUICE_PROCESSORS_LANGFUSE_JSON_H
#define SLUICE_PROCESSORS_LANGFUSE_JSON_H

#include "pipeline/base/buf.h"
#include "pipeline/trace/json/json_lex.h"
#include "pipeline/trace/value/value.h"

enum {
	JSON_BYTES_MAX = 65536, /* a longer text reads as empty */
	JSON_WORD_BYTES_MAX = 64,
};

struct json_reader {
	struct json_lexer lexer;
	struct slice json, rest;
	bool is_object;
	uint8_t key[JSON_KEY_BYTES_MAX]; /* whose escapes are resolved */
};

struct json_member {
	struct slice key; /* its escapes resolved, its first JSON_KEY_BYTES_MAX bytes; valid until
			     the next member is read. Empty in arrays */
	struct slice raw_key, raw; /* key and value as they stand in the text */
};

/* The memory of a text that json_value resolves. */
struct json_word {
	uint8_t bytes[JSON_WORD_BYTES_MAX];
};

/* Begins to read ${json}, which outlives the reader. False when no object or array begins there. */
bool json_open(struct json_reader *reader, struct slice json);

/* The next member of the object, or item of the array. False when there is none. */
bool json_next_member(struct json_reader *reader, struct json_member *ret_member);

/* The value of the member ${key}, shorter than JSON_KEY_BYTES_MAX, of the object ${json}, as it stands
 * there. Of several the last one counts, as it does for the programs that read what we send. */
bool json_find_member(struct slice json, struct slice key, struct slice *ret_raw);

/* Whether the object ${json}, which may be cut off, has a member whose key stands for the same text
 * as ${raw_key}, a JSON string. */
bool json_has_key(struct slice json, struct slice raw_key);

/* True when ${json} is one object, perhaps with white space around it. */
bool json_is_object(struct slice json);

/* The string, int, double or bool that the member's value ${raw} is; empty: null, nested, or a string
 * with escapes that stands for more than JSON_WORD_BYTES_MAX bytes. A string's bytes are those of
 * ${raw}, or ${word}'s when it has escapes. */
struct value json_value(struct slice raw, struct json_word *word);

/* Appends the text that the JSON string ${raw} (a member's, with its quotation marks) stands for, its
 * escapes resolved. False when it is none; what was appended then is not to be used. */
bool json_append_text(struct slice raw, struct buf *out);

#endif
