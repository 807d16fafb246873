/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps that were written into a text: JSON, and what some languages print for their own maps. SDKs
 * flatten structured values so, and content would hide in them under any harmless key.
 *
 * The text need not be well-formed: whatever is quoted and followed by a colon is a key, judged as
 * a pair of a nested value is, by itself and by the path to it. What cannot be read (escapes in a
 * key, a text in a text, too deep, too long) counts as denied. No recursion, memory of fixed size.
 */
#include "processors/metadata_only/json_text.h"

enum { DEPTH_MAX = 32 };

struct reader {
	struct slice text;
	size_t at;
	uint8_t path[KEY_MATCHED_BYTES_MAX]; /* keys on the way, a dot between two */
	size_t ends[DEPTH_MAX + 1];	     /* of the path, by depth */
	size_t depth;
};

static size_t skip_spaces(struct slice text, size_t at)
{
	while (at < text.len && text.ptr[at] <= ' ')
		at++;
	return at;
}

static bool is_colon_next(struct slice text, size_t at)
{
	at = skip_spaces(text, at);
	return at < text.len && text.ptr[at] == ':';
}

/* Reads the quoted text at reader->at into ${ret_text}, without its quotes. False when it has keys
 * of its own, in escaped quotes. */
static bool read_quoted(struct reader *reader, struct slice *ret_text, bool *ret_escapes)
{
	struct slice text = reader->text;
	uint8_t quote = text.ptr[reader->at];
	size_t begin = ++reader->at;
	*ret_escapes = false;
	while (reader->at < text.len && text.ptr[reader->at] != quote) {
		if (text.ptr[reader->at] == '\\') {
			*ret_escapes = true;
			while (reader->at < text.len && text.ptr[reader->at] == '\\')
				reader->at++;
			if (reader->at < text.len && is_colon_next(text, reader->at + 1))
				return false;
		}
		reader->at += reader->at < text.len;
	}
	*ret_text = slice_of(text.ptr + begin, reader->at - begin);
	reader->at += reader->at < text.len;
	return true;
}

/* A number, true, false or null, also in quotes, at ${at}. */
static bool is_figure(struct slice text, size_t at)
{
	at = skip_spaces(text, at);
	size_t begin = at;
	while (at < text.len && !memchr(",}] \n\r\t", text.ptr[at], 7))
		at++;
	struct slice word = slice_of(text.ptr + begin, at - begin);
	if (word.len > 2 && word.ptr[0] == '"' && word.ptr[word.len - 1] == '"')
		word = slice_of(word.ptr + 1, word.len - 2);
	return text_is_number(word) || slice_equal(word, SLICE("true")) ||
	       slice_equal(word, SLICE("false")) || slice_equal(word, SLICE("null"));
}

/* Puts ${key} behind the path of the depth that the reader is at. False when it is too long. */
static bool extend_path(struct reader *reader, struct slice key)
{
	size_t len = reader->depth > 0 ? reader->ends[reader->depth - 1] : 0;
	if (len + 1 + key.len > sizeof(reader->path))
		return false;
	if (len > 0)
		reader->path[len++] = '.';
	memcpy(reader->path + len, key.ptr, key.len);
	reader->ends[reader->depth] = len + key.len;
	return true;
}

static bool take_key(struct pass *pass, struct reader *reader, struct slice key, bool escapes,
		     bool numbers_stay)
{
	if (escapes || !extend_path(reader, key)) {
		hit_field(pass, FIELD_DOUBTFUL_KEY);
		return false;
	}
	reader->at = skip_spaces(reader->text, reader->at) + 1; /* behind the colon */
	struct slice path = slice_of(reader->path, reader->ends[reader->depth]);
	return policy_pair_stays(pass, key, path, is_figure(reader->text, reader->at),
				 numbers_stay);
}

static bool step(struct pass *pass, struct reader *reader, bool numbers_stay)
{
	struct slice quoted;
	bool escapes;
	switch (reader->text.ptr[reader->at]) {
	case '"':
	case '\'':
		if (!read_quoted(reader, &quoted, &escapes)) {
			hit_field(pass, FIELD_DOUBTFUL_KEY);
			return false;
		}
		return !is_colon_next(reader->text, reader->at) ||
		       take_key(pass, reader, quoted, escapes, numbers_stay);
	case '{':
	case '[':
		if (reader->depth == DEPTH_MAX) {
			hit_field(pass, FIELD_DOUBTFUL_KEY);
			return false;
		}
		reader->depth++;
		reader->ends[reader->depth] = reader->ends[reader->depth - 1];
		break;
	case '}':
	case ']': reader->depth -= reader->depth > 0; break;
	default: break;
	}
	reader->at++;
	return true;
}

/* False when a rule denies a pair in ${text}; the rule is counted. */
static bool text_stays(struct pass *pass, struct slice text, bool numbers_stay)
{
	size_t begin = skip_spaces(text, 0);
	if (begin == text.len || !text_may_hold_pairs(text.ptr[begin]) ||
	    !memchr(text.ptr, '{', text.len))
		return true;
	struct reader reader = {.text = text, .at = begin};
	while (reader.at < text.len) {
		if (!step(pass, &reader, numbers_stay))
			return false;
	}
	return true;
}

bool policy_texts_stay(struct pass *pass, const struct value *value, bool numbers_stay)
{
	struct slice cursor = value->bytes;
	struct value item;
	if (value->type == VALUE_STRING || value->type == VALUE_BYTES)
		return text_stays(pass, value->bytes, numbers_stay);
	if (value->type != VALUE_ARRAY)
		return true;
	while (value_next_item(&cursor, &item)) {
		bool text = item.type == VALUE_STRING || item.type == VALUE_BYTES;
		if (text && !text_stays(pass, item.bytes, numbers_stay))
			return false;
	}
	return true;
}
