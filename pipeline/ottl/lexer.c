/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lexer: tries the token forms in the language's order, the first that fits wins. That order
 * matters: 0x0 is bytes and not the integer 0, `notable` is a name and not `not`.
 *
 * Limits: the caller bounds the text (OTTL_CONDITION_BYTES_MAX), so offsets fit 32 bits. The token
 * array lives only as long as the parse and is owned by the caller.
 */
#include "pipeline/ottl/lexer.h"

#include "pipeline/base/hex.h"
#include "pipeline/base/utf8.h"

#include <stdlib.h>

static bool is_word(uint8_t byte)
{
	return ascii_is_alnum(byte) || byte == '_';
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r' && byte != '\v');
}

static uint8_t byte_at(struct slice text, size_t at)
{
	return at < text.len ? text.ptr[at] : 0;
}

static size_t digits_from(struct slice text, size_t at)
{
	size_t end = at;
	while (ascii_is_digit(byte_at(text, end)))
		end++;
	return end - at;
}

/* Length of the number at ${at}, 0 when there is none. */
static size_t lex_number(struct slice text, size_t at, enum token_kind *ret_kind)
{
	if (byte_at(text, at) == '0' && byte_at(text, at + 1) == 'x' &&
	    hex_value(byte_at(text, at + 2)) >= 0) {
		size_t end = at + 2;
		while (hex_value(byte_at(text, end)) >= 0)
			end++;
		*ret_kind = TOKEN_BYTES;
		return end - at;
	}
	size_t whole = digits_from(text, at), end = at + whole;
	if (byte_at(text, end) == '.' && (whole > 0 || ascii_is_digit(byte_at(text, end + 1)))) {
		end++;
		end += digits_from(text, end);
		uint8_t exponent = byte_at(text, end);
		if (exponent == 'e' || exponent == 'E') {
			size_t sign =
				byte_at(text, end + 1) == '+' || byte_at(text, end + 1) == '-';
			size_t digits = digits_from(text, end + 1 + sign);
			end += digits > 0 ? 1 + sign + digits : 0;
		}
		*ret_kind = TOKEN_FLOAT;
		return end - at;
	}
	*ret_kind = TOKEN_INT;
	return whole;
}

/* Length of the string at ${at} with its quotes, 0 when it is not closed. */
static size_t lex_string(struct slice text, size_t at)
{
	for (size_t end = at + 1; end < text.len; end++) {
		if (text.ptr[end] == '"')
			return end + 1 - at;
		if (text.ptr[end] == '\\')
			end++;
	}
	return 0;
}

static size_t lex_word(struct slice text, size_t at, enum token_kind *ret_kind)
{
	static const struct {
		struct slice word;
		enum token_kind kind;
	} words[] = {
		{SLICE_INIT("not"), TOKEN_NOT},	      {SLICE_INIT("or"), TOKEN_OR},
		{SLICE_INIT("and"), TOKEN_AND},	      {SLICE_INIT("true"), TOKEN_BOOLEAN},
		{SLICE_INIT("false"), TOKEN_BOOLEAN},
	};
	bool upper = ascii_is_upper(byte_at(text, at));
	size_t end = at, whole = at;
	while (ascii_is_digit(byte_at(text, end)) || byte_at(text, end) == '_' ||
	       (upper ? ascii_is_upper(byte_at(text, end)) : ascii_is_lower(byte_at(text, end))))
		end++;
	while (is_word(byte_at(text, whole)))
		whole++;
	*ret_kind = upper ? TOKEN_UPPER : TOKEN_LOWER;
	bool starts_word = at == 0 || !is_word(text.ptr[at - 1]);
	for (size_t i = 0; starts_word && whole == end && i < ARRAY_COUNT(words); i++) {
		if (slice_equal(words[i].word, slice_of(text.ptr + at, end - at)))
			*ret_kind = words[i].kind;
	}
	return end - at;
}

static size_t lex_symbol(struct slice text, size_t at, enum token_kind *ret_kind)
{
	bool then_equal = byte_at(text, at + 1) == '=';
	*ret_kind = TOKEN_COMPARE;
	switch (text.ptr[at]) {
	case '!': return then_equal ? 2 : 0;
	case '>':
	case '<': return then_equal ? 2 : 1;
	case '=':
		if (then_equal)
			return 2;
		*ret_kind = TOKEN_EQUAL;
		return 1;
	case '+':
	case '-': *ret_kind = TOKEN_ADD_SUB; return 1;
	case '*':
	case '/': *ret_kind = TOKEN_MUL_DIV; return 1;
	case '(': *ret_kind = TOKEN_LPAREN; return 1;
	case ')': *ret_kind = TOKEN_RPAREN; return 1;
	case '{': *ret_kind = TOKEN_LBRACE; return 1;
	case '}': *ret_kind = TOKEN_RBRACE; return 1;
	case ':': *ret_kind = TOKEN_COLON; return 1;
	case ',': *ret_kind = TOKEN_COMMA; return 1;
	case '.': *ret_kind = TOKEN_DOT; return 1;
	case '[': *ret_kind = TOKEN_LBRACKET; return 1;
	case ']': *ret_kind = TOKEN_RBRACKET; return 1;
	default: return 0;
	}
}

static size_t lex_one(struct slice text, size_t at, enum token_kind *ret_kind)
{
	uint8_t first = text.ptr[at];
	if (ascii_is_digit(first) || (first == '.' && ascii_is_digit(byte_at(text, at + 1))))
		return lex_number(text, at, ret_kind);
	if (first == '"') {
		*ret_kind = TOKEN_STRING;
		return lex_string(text, at);
	}
	if (ascii_is_lower(first) || ascii_is_upper(first))
		return lex_word(text, at, ret_kind);
	return lex_symbol(text, at, ret_kind);
}

/* Quotes the start of what no token begins with: 16 characters, as the Collector's lexer does. */
static int refuse_text(struct slice text, size_t at, struct err *err)
{
	enum { SAMPLE_CHARS = 16 };
	char sample[SAMPLE_CHARS * 4 * 2 + 4];
	size_t used = 0, chars = 0;
	for (size_t i = at; i < text.len && chars < SAMPLE_CHARS; chars++) {
		struct slice rest = {text.ptr + i, text.len - i};
		size_t len = utf8_sequence_len(rest);
		if (len <= 1 && (text.ptr[i] == '"' || text.ptr[i] == '\\'))
			sample[used++] = '\\';
		if (len == 0 || text.ptr[i] < 0x20)
			sample[used++] = '?';
		else
			memcpy(sample + used, text.ptr + i, len), used += len;
		i += len == 0 ? 1 : len;
		rest = (struct slice){text.ptr + i, text.len - i};
		if (chars + 1 == SAMPLE_CHARS && rest.len > 0)
			memcpy(sample + used, "...", 3), used += 3;
	}
	err_set(err, ERR_CONFIG, "invalid input text \"%.*s\"", (int)used, sample);
	if (err)
		err->offset = at;
	return -1;
}

int token_list_new(struct slice text, struct token_list *ret_list, struct err *err)
{
	struct token *tokens = malloc((text.len + 1) * sizeof(*tokens));
	if (!tokens)
		return err_set(err, ERR_NOMEM, "no memory for a condition of %zu bytes", text.len);
	size_t count = 0, at = 0;
	while (at < text.len) {
		if (is_space(text.ptr[at])) {
			at++;
			continue;
		}
		enum token_kind kind = TOKEN_END;
		size_t len = lex_one(text, at, &kind);
		if (len == 0) {
			free(tokens);
			return refuse_text(text, at, err);
		}
		tokens[count++] = (struct token){kind, (uint32_t)at, (uint32_t)len};
		at += len;
	}
	tokens[count++] = (struct token){TOKEN_END, (uint32_t)text.len, 0};
	*ret_list = (struct token_list){tokens, count};
	return 0;
}

void token_list_free(struct token_list *list)
{
	free(list->tokens);
	*list = (struct token_list){NULL, 0};
}

/* ---- string escapes ---- */

/* Reads ${digits} digits of base ${base} at the head of ${text}. */
static bool read_code(struct slice *text, size_t digits, int base, uint32_t *ret_code)
{
	uint32_t code = 0;
	if (text->len < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int value = hex_value(text->ptr[i]);
		if (value < 0 || value >= base)
			return false;
		code = code * (uint32_t)base + (uint32_t)value;
	}
	text->ptr += digits;
	text->len -= digits;
	*ret_code = code;
	return true;
}

/* Replaces one escape, its backslash already consumed. Returns bytes written, 0 when invalid. */
static size_t unescape(struct slice *text, uint8_t *out)
{
	static const char letters[] = "abfnrtv\\\"", values[] = "\a\b\f\n\r\t\v\\\"";
	uint8_t letter = text->ptr[0];
	const char *known = letter == 0 ? NULL : strchr(letters, letter);
	uint32_t code = 0;
	if (known) {
		out[0] = (uint8_t)values[known - letters];
		text->ptr++, text->len--;
		return 1;
	}
	if (letter >= '0' && letter <= '7') {
		if (!read_code(text, 3, 8, &code) || code > 0xff)
			return 0;
		out[0] = (uint8_t)code;
		return 1;
	}
	text->ptr++, text->len--;
	if (letter == 'x') {
		if (!read_code(text, 2, 16, &code))
			return 0;
		out[0] = (uint8_t)code;
		return 1;
	}
	if ((letter != 'u' && letter != 'U') || !read_code(text, letter == 'u' ? 4 : 8, 16, &code))
		return 0;
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return utf8_encode(code, out);
}

bool token_unquote(struct slice literal, struct arena *arena, struct slice *ret_text)
{
	struct slice rest = {literal.ptr + 1, literal.len - 2};
	uint8_t *out =
		arena_alloc(arena, literal.len); /* no escape is shorter than what it means */
	size_t used = 0;
	*ret_text = (struct slice){NULL, 0};
	if (!out)
		return true;
	while (rest.len > 0) {
		uint8_t byte = rest.ptr[0];
		if (byte == '\n')
			return false;
		rest.ptr++, rest.len--;
		if (byte != '\\') {
			out[used++] = byte;
			continue;
		}
		size_t len = rest.len > 0 ? unescape(&rest, out + used) : 0;
		if (len == 0)
			return false;
		used += len;
	}
	*ret_text = (struct slice){out, used};
	return true;
}
