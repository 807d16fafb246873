/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members as slices of the text, found by the lexer of pipeline/trace. A value is looked into only
 * when somebody asks for it. A lexer takes three quarters of a kilobyte, all of it on the stack.
 */
#include "processors/langfuse/json.h"

#include <stdlib.h>

/* ---- members -------------------------------------------------------------------------------- */

static enum json_event next_event(struct json_reader *reader)
{
	struct err err;
	return json_lexer_next(&reader->lexer, &reader->rest, &err);
}

/* The text from the byte ${from} to where the lexer is. */
static struct slice text_since(const struct json_reader *reader, uint64_t from)
{
	return slice_of(reader->json.ptr + from, (size_t)(reader->lexer.offset - from));
}

bool json_open(struct json_reader *reader, struct slice json)
{
	if (json.len == 0 || json.len > JSON_BYTES_MAX)
		return false;
	json_lexer_init(&reader->lexer);
	reader->json = reader->rest = json;
	enum json_event event = next_event(reader);
	reader->is_object = event == JSON_BEGIN_OBJECT;
	return event == JSON_BEGIN_OBJECT || event == JSON_BEGIN_ARRAY;
}

/* Reads the value whose first event is ${event}. False when it is none, or does not end. */
static bool take_value(struct json_reader *reader, enum json_event event,
		       struct json_member *member)
{
	uint64_t begin = reader->lexer.token;
	uint32_t around = 1; /* how deep the members lie */
	if (event == JSON_END_ARRAY)
		return false;
	while (event > JSON_MORE && (event == JSON_TEXT || reader->lexer.depth > around))
		event = next_event(reader);
	member->raw = text_since(reader, begin);
	return event > JSON_MORE;
}

static bool take_key(struct json_reader *reader, struct json_member *member)
{
	if (next_event(reader) != JSON_KEY)
		return false;
	member->key = reader->lexer.text;
	member->raw_key = text_since(reader, reader->lexer.token);
	if (member->key.len + 2 < member->raw_key.len) { /* the lexer's, until it reads on */
		memcpy(reader->key, member->key.ptr, member->key.len);
		member->key.ptr = reader->key;
	}
	return true;
}

bool json_next_member(struct json_reader *reader, struct json_member *ret_member)
{
	if (!reader->is_object) {
		ret_member->key = ret_member->raw_key = slice_of(NULL, 0);
		return take_value(reader, next_event(reader), ret_member);
	}
	return take_key(reader, ret_member) && take_value(reader, next_event(reader), ret_member);
}

bool json_find_member(struct slice json, struct slice key, struct slice *ret_raw)
{
	struct json_reader reader;
	struct json_member member;
	bool found = false;
	if (!json_open(&reader, json) || !reader.is_object)
		return false;
	while (json_next_member(&reader, &member)) {
		if (!slice_equal(member.key, key))
			continue;
		*ret_raw = member.raw;
		found = true;
	}
	return found;
}

bool json_is_object(struct slice json)
{
	struct json_reader reader;
	struct json_member member;
	struct err err;
	if (!json_open(&reader, json) || !reader.is_object)
		return false;
	while (json_next_member(&reader, &member))
		;
	return next_event(&reader) == JSON_MORE && json_lexer_finish(&reader.lexer, &err) == 0;
}

/* ---- strings -------------------------------------------------------------------------------- */

struct pieces {
	struct json_lexer lexer;
	struct slice rest, piece;
	bool ended;
};

static void pieces_of(struct pieces *pieces, struct slice raw)
{
	json_lexer_init(&pieces->lexer);
	pieces->rest = raw;
	pieces->piece = slice_of(NULL, 0);
	pieces->ended = false;
}

/* Makes sure that there is a piece with bytes, unless it was the last one. */
static bool pieces_fill(struct pieces *pieces)
{
	struct err err;
	while (pieces->piece.len == 0 && !pieces->ended) {
		enum json_event event = json_lexer_next(&pieces->lexer, &pieces->rest, &err);
		if (event != JSON_TEXT && event != JSON_TEXT_END)
			return false;
		pieces->piece = pieces->lexer.text;
		pieces->ended = event == JSON_TEXT_END;
	}
	return true;
}

static void pieces_skip(struct pieces *pieces, size_t len)
{
	pieces->piece = slice_of(pieces->piece.ptr + len, pieces->piece.len - len);
}

static bool has_escapes(struct slice raw)
{
	return raw.len > 0 && memchr(raw.ptr, '\\', raw.len) != NULL;
}

/* Whether two JSON strings stand for the same text, however long it is. */
static bool same_text(struct slice one, struct slice other)
{
	struct pieces a, b;
	if (!has_escapes(one) && !has_escapes(other))
		return slice_equal(one, other);
	pieces_of(&a, one);
	pieces_of(&b, other);
	while (pieces_fill(&a) && pieces_fill(&b)) {
		size_t len = a.piece.len < b.piece.len ? a.piece.len : b.piece.len;
		if (len == 0)
			return a.piece.len == b.piece.len;
		if (memcmp(a.piece.ptr, b.piece.ptr, len) != 0)
			return false;
		pieces_skip(&a, len);
		pieces_skip(&b, len);
	}
	return false;
}

bool json_has_key(struct slice json, struct slice raw_key)
{
	struct json_reader reader;
	struct json_member member;
	if (!json_open(&reader, json) || !reader.is_object)
		return false;
	while (take_key(&reader, &member)) {
		if (same_text(member.raw_key, raw_key))
			return true;
		if (!take_value(&reader, next_event(&reader), &member))
			break;
	}
	return false;
}

bool json_append_text(struct slice raw, struct buf *out)
{
	struct pieces pieces;
	pieces_of(&pieces, raw);
	while (pieces_fill(&pieces)) {
		if (pieces.piece.len == 0)
			return pieces.rest.len == 0;
		buf_append(out, pieces.piece);
		pieces.piece.len = 0;
	}
	return false;
}

/* ---- values --------------------------------------------------------------------------------- */

/* ${raw} is a number by the grammar. */
static struct value read_number(struct slice raw)
{
	enum { NUMBER_BYTES_MAX = 40, INT_BYTES_MAX = 18 };
	char copy[NUMBER_BYTES_MAX + 1];
	if (raw.len > NUMBER_BYTES_MAX)
		return (struct value){.type = VALUE_EMPTY};
	memcpy(copy, raw.ptr, raw.len);
	copy[raw.len] = 0;
	if (!strpbrk(copy, ".eE") && raw.len <= INT_BYTES_MAX)
		return value_of_int(strtoll(copy, NULL, 10));
	return value_of_double(strtod(copy, NULL));
}

static struct value read_text(struct slice raw, struct json_word *word)
{
	struct pieces pieces;
	size_t len = 0;
	if (!has_escapes(raw))
		return value_of_str(slice_of(raw.ptr + 1, raw.len - 2));
	pieces_of(&pieces, raw);
	while (pieces_fill(&pieces) && pieces.piece.len <= sizeof(word->bytes) - len) {
		if (pieces.piece.len == 0)
			return value_of_str(slice_of(word->bytes, len));
		memcpy(word->bytes + len, pieces.piece.ptr, pieces.piece.len);
		len += pieces.piece.len;
		pieces.piece.len = 0;
	}
	return (struct value){.type = VALUE_EMPTY};
}

struct value json_value(struct slice raw, struct json_word *word)
{
	switch (raw.ptr[0]) {
	case '"': return read_text(raw, word);
	case '{':
	case '[':
	case 'n': return (struct value){.type = VALUE_EMPTY};
	case 't': return value_of_bool(true);
	case 'f': return value_of_bool(false);
	default: return read_number(raw);
	}
}
