/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over the text itself: nothing is copied, strings and nested values are stepped over by
 * their quotation marks and brackets. Only json_append_text resolves escapes, with the lexer of
 * pipeline/trace.
 */
#include "processors/langfuse/json.h"

#include "pipeline/trace/json/json_lex.h"

#include <stdlib.h>

static size_t skip_space(struct slice json, size_t at)
{
	while (at < json.len && memchr(" \t\r\n", json.ptr[at], 4))
		at++;
	return at;
}

/* The end of the string that begins at ${at} with its quote; SIZE_MAX when it has none. */
static size_t skip_string(struct slice json, size_t at)
{
	for (at++; at < json.len; at++) {
		if (json.ptr[at] == '\\')
			at++;
		else if (json.ptr[at] == '"')
			return at + 1;
	}
	return SIZE_MAX;
}

/* The end of an object or array: brackets are counted, not matched by kind. */
static size_t skip_nested(struct slice json, size_t at)
{
	size_t depth = 0;
	while (at < json.len) {
		uint8_t byte = json.ptr[at];
		if (byte == '"') {
			at = skip_string(json, at);
			continue;
		}
		at++;
		if (byte == '{' || byte == '[')
			depth++;
		else if ((byte == '}' || byte == ']') && --depth == 0)
			return at;
	}
	return SIZE_MAX;
}

static size_t skip_word(struct slice json, size_t at)
{
	size_t begin = at;
	while (at < json.len && !memchr(",]} \t\r\n", json.ptr[at], 7))
		at++;
	return at > begin ? at : SIZE_MAX;
}

static struct value read_number(struct slice text)
{
	enum { NUMBER_BYTES_MAX = 40 };
	char copy[NUMBER_BYTES_MAX + 1], *end;
	if (text.len > NUMBER_BYTES_MAX || !memchr("-0123456789", text.ptr[0], 11))
		return (struct value){.type = VALUE_EMPTY};
	for (size_t i = 0; i < text.len; i++) {
		if (!memchr("0123456789+-.eE", text.ptr[i], 15))
			return (struct value){.type = VALUE_EMPTY};
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	if (!strpbrk(copy, ".eE") && text.len < 19)
		return (struct value){.type = VALUE_INT, .i = strtoll(copy, &end, 10)};
	return (struct value){.type = VALUE_DOUBLE, .d = strtod(copy, &end)};
}

static struct value read_value(struct slice raw)
{
	switch (raw.ptr[0]) {
	case '"': return (struct value){.type = VALUE_STRING, .bytes = {raw.ptr + 1, raw.len - 2}};
	case '{':
	case '[':
	case 'n': return (struct value){.type = VALUE_EMPTY};
	case 't': return (struct value){.type = VALUE_BOOL, .i = 1};
	case 'f': return (struct value){.type = VALUE_BOOL, .i = 0};
	default: return read_number(raw);
	}
}

/* Reads the value at ${at}; returns its end, or SIZE_MAX. */
static size_t take_value(struct slice json, size_t at, struct json_member *member)
{
	if (at >= json.len)
		return SIZE_MAX;
	uint8_t byte = json.ptr[at];
	size_t end;
	if (byte == '"')
		end = skip_string(json, at);
	else if (byte == '{' || byte == '[')
		end = skip_nested(json, at);
	else
		end = skip_word(json, at);
	if (end == SIZE_MAX)
		return SIZE_MAX;
	member->raw = slice_of(json.ptr + at, end - at);
	member->value = read_value(member->raw);
	return end;
}

bool json_next_member(struct slice json, size_t *cursor, struct json_member *ret_member)
{
	if (json.len == 0 || json.len > JSON_BYTES_MAX)
		return false;
	size_t at = skip_space(json, *cursor);
	size_t open = skip_space(json, 0);
	bool object = open < json.len && json.ptr[open] == '{';
	bool first = at == open && (object || (open < json.len && json.ptr[open] == '['));
	if (!first && (*cursor == 0 || at >= json.len || json.ptr[at] != ','))
		return false;
	at = skip_space(json, at + 1);
	ret_member->key = (struct slice){NULL, 0};
	if (object) {
		if (at >= json.len || json.ptr[at] != '"')
			return false;
		size_t end = skip_string(json, at);
		if (end == SIZE_MAX)
			return false;
		ret_member->key = slice_of(json.ptr + at + 1, end - at - 2);
		at = skip_space(json, end);
		if (at >= json.len || json.ptr[at] != ':')
			return false;
		at = skip_space(json, at + 1);
	}
	size_t end = take_value(json, at, ret_member);
	if (end == SIZE_MAX)
		return false;
	*cursor = end;
	return true;
}

bool json_find_member(struct slice json, struct slice key, struct json_member *ret_member)
{
	size_t open = skip_space(json, 0);
	if (open >= json.len || json.ptr[open] != '{')
		return false;
	for (size_t cursor = 0; json_next_member(json, &cursor, ret_member);) {
		if (slice_equal(ret_member->key, key))
			return true;
	}
	return false;
}

bool json_is_object(struct slice json)
{
	struct json_member member;
	size_t cursor = 0, open = skip_space(json, 0);
	if (open >= json.len || json.len > JSON_BYTES_MAX || json.ptr[open] != '{')
		return false;
	while (json_next_member(json, &cursor, &member))
		;
	size_t end = skip_space(json, cursor > 0 ? cursor : open + 1);
	return end < json.len && json.ptr[end] == '}' && skip_space(json, end + 1) == json.len;
}

bool json_append_text(struct slice raw, struct buf *out)
{
	struct json_lexer lexer;
	struct err err;
	enum json_event event;
	json_lexer_init(&lexer);
	do {
		event = json_lexer_next(&lexer, &raw, &err);
		if (event == JSON_TEXT || event == JSON_TEXT_END)
			buf_append(out, lexer.text);
	} while (event == JSON_TEXT);
	return event == JSON_TEXT_END && raw.len == 0;
}
