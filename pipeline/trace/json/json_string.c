/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings of the lexer: what stands for itself is found eight bytes at a time and handed on where it
 * lies, an escape is a piece of its own. A first half of a surrogate pair waits for its second one.
 */
#include "pipeline/base/hex.h"
#include "pipeline/base/le.h"
#include "pipeline/base/utf8.h"
#include "pipeline/trace/json/json_lex_internal.h"

size_t json_plain_len(struct slice text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	size_t at = 0;
	while (text.len - at >= 8) {
		uint64_t word = le_read64(text.ptr + at);
		uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
		/* A top bit for each byte that is 0 (of the first two) or below 0x20. A borrow can
		 * only set further bits above the first one: the lowest is right. */
		uint64_t stops = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
				 ((word - ones * 0x20) & ~word);
		stops &= tops;
		if (stops)
			return at + (size_t)__builtin_ctzll(stops) / 8;
		at += 8;
	}
	while (at < text.len && text.ptr[at] >= 0x20 && text.ptr[at] != '"' && text.ptr[at] != '\\')
		at++;
	return at;
}

static enum json_event piece(struct json_lexer *lexer, size_t len)
{
	lexer->text = slice_of(lexer->encoded, len);
	return JSON_TEXT;
}

static size_t replace_half(struct json_lexer *lexer, uint8_t *out)
{
	lexer->replaced++;
	return utf8_encode(0xfffd, out);
}

/* The four digits of \uXXXX are read. True when `encoded` holds something now. */
static bool unit_done(struct json_lexer *lexer, size_t *ret_len)
{
	uint32_t unit = lexer->unit, high = lexer->high;
	bool is_high = unit >= 0xd800 && unit <= 0xdbff, is_low = unit >= 0xdc00 && unit <= 0xdfff;
	size_t len = 0;
	lexer->escape = ESCAPE_NONE;
	lexer->high = 0;
	if (high && is_low) {
		uint32_t point = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
		*ret_len = utf8_encode(point, lexer->encoded);
		return true;
	}
	if (high)
		len = replace_half(lexer, lexer->encoded);
	if (is_high)
		lexer->high = (uint16_t)unit;
	else if (is_low)
		len += replace_half(lexer, lexer->encoded + len);
	else
		len += utf8_encode(unit, lexer->encoded + len);
	*ret_len = len;
	return len > 0;
}

/* The byte that a one-letter escape stands for; 0 when there is no such escape. */
static uint8_t short_escape(uint8_t letter)
{
	switch (letter) {
	case '"':
	case '\\':
	case '/': return letter;
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return 0;
	}
}

/* The next byte of an escape. JSON_MORE: nothing came of it yet. */
static enum json_event lex_escape(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	uint8_t byte = *input->ptr;
	size_t len;
	if (lexer->escape == ESCAPE_HEX) {
		int digit = hex_value(byte);
		if (digit < 0)
			return json_lex_fail(lexer, err, "\\u wants four hexadecimal digits");
		json_lex_take(lexer, input, 1);
		lexer->unit = (uint16_t)(lexer->unit << 4 | digit);
		if (++lexer->hex_digits < 4 || !unit_done(lexer, &len))
			return JSON_MORE;
		return piece(lexer, len);
	}
	if (byte == 'u') {
		json_lex_take(lexer, input, 1);
		lexer->escape = ESCAPE_HEX;
		lexer->hex_digits = 0;
		lexer->unit = 0;
		return JSON_MORE;
	}
	if (lexer->high) { /* this escape stays for the next call */
		lexer->high = 0;
		return piece(lexer, replace_half(lexer, lexer->encoded));
	}
	lexer->encoded[0] = short_escape(byte);
	if (!lexer->encoded[0])
		return json_lex_fail(lexer, err, "unknown escape in a string");
	json_lex_take(lexer, input, 1);
	lexer->escape = ESCAPE_NONE;
	return piece(lexer, 1);
}

/* The next piece of the string that is being read. */
static enum json_event lex_string(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	while (input->len > 0) {
		if (lexer->escape != ESCAPE_NONE) {
			enum json_event event = lex_escape(lexer, input, err);
			if (event != JSON_MORE)
				return event;
			continue;
		}
		if (lexer->high && *input->ptr != '\\') {
			lexer->high = 0;
			return piece(lexer, replace_half(lexer, lexer->encoded));
		}
		size_t run = json_plain_len(*input);
		lexer->text = slice_of(input->ptr, run);
		json_lex_take(lexer, input, run);
		if (input->len > 0 && *input->ptr == '"') {
			json_lex_take(lexer, input, 1);
			return JSON_TEXT_END;
		}
		if (run > 0)
			return JSON_TEXT;
		if (*input->ptr != '\\')
			return json_lex_fail(lexer, err, "control character in a string");
		json_lex_take(lexer, input, 1);
		lexer->escape = ESCAPE_BACKSLASH;
	}
	return JSON_MORE;
}

enum json_event json_lex_text(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	enum json_event event = lex_string(lexer, input, err);
	if (event == JSON_TEXT_END)
		json_lex_value_ended(lexer);
	return event;
}

enum json_event json_lex_key(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	enum json_event event;
	while ((event = lex_string(lexer, input, err)) > JSON_MORE) {
		size_t room = JSON_KEY_BYTES_MAX - lexer->held;
		bool whole = event == JSON_TEXT_END && lexer->held == 0;
		size_t len = lexer->text.len < room ? lexer->text.len : room;
		if (!whole)
			memcpy(lexer->hold + lexer->held, lexer->text.ptr, len);
		lexer->held += len;
		if (event == JSON_TEXT_END) {
			lexer->text = slice_of(whole ? (const char *)lexer->text.ptr : lexer->hold,
					       lexer->held);
			lexer->state = STATE_COLON;
			return JSON_KEY;
		}
	}
	return event;
}
