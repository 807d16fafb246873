/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See json_lex.h. A state machine over bytes: `state` is what the grammar allows next, or the token
 * that is being read. A token that lies whole in the input is handed on where it lies; only the
 * parts of a key or number that is split over inputs are copied.
 *
 * Why not a library: the push parser among the packages (yajl) collects a string that is split over
 * inputs and reads it again from its beginning with each of them; docs/design/json.md has figures.
 */
#include "pipeline/trace/json/json_lex.h"

#include "pipeline/base/hex.h"

enum state {
	STATE_VALUE = 0,  /* a value */
	STATE_FIRST_ITEM, /* after [: a value or ] */
	STATE_FIRST_KEY,  /* after {: a key or } */
	STATE_KEY,	  /* after a comma in an object */
	STATE_COLON,
	STATE_COMMA, /* after a value in a container: a comma or its end */
	STATE_DONE,  /* after the outermost value */
	STATE_IN_KEY,
	STATE_IN_TEXT,
	STATE_IN_NUMBER,
	STATE_IN_LITERAL,
	STATE_FAILED,
};

enum escape { ESCAPE_NONE = 0, ESCAPE_BACKSLASH, ESCAPE_HEX };

void json_lexer_init(struct json_lexer *lexer)
{
	memset(lexer, 0, sizeof(*lexer));
}

/* ---- small parts ---------------------------------------------------------------------------- */

COLD static enum json_event fail(struct json_lexer *lexer, struct err *err, const char *why)
{
	lexer->state = STATE_FAILED;
	(void)err_set_at(err, lexer->offset, "invalid JSON: %s", why);
	return JSON_FAILED;
}

COLD static enum json_event fail_limit(struct json_lexer *lexer, struct err *err, const char *what,
				       int max)
{
	lexer->state = STATE_FAILED;
	(void)err_set(err, ERR_LIMIT, "JSON %s over %d at byte %llu", what, max,
		      (unsigned long long)lexer->offset);
	return JSON_FAILED;
}

static inline void take(struct json_lexer *lexer, struct slice *input, size_t len)
{
	input->ptr += len;
	input->len -= len;
	lexer->offset += len;
}

static bool in_object(const struct json_lexer *lexer)
{
	uint32_t level = lexer->depth - 1;
	return lexer->is_object[level / 8] >> (level % 8) & 1;
}

static inline void value_ended(struct json_lexer *lexer)
{
	lexer->state = lexer->depth > 0 ? STATE_COMMA : STATE_DONE;
}

size_t json_plain_len(struct slice text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	size_t at = 0;
	while (text.len - at >= 8) {
		uint64_t word;
		memcpy(&word, text.ptr + at, 8);
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

/* ---- strings -------------------------------------------------------------------------------- */

static size_t encode_utf8(uint8_t *out, uint32_t point)
{
	if (point < 0x80) {
		out[0] = (uint8_t)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (uint8_t)(0xc0 | point >> 6);
		out[1] = (uint8_t)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (uint8_t)(0xe0 | point >> 12);
		out[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | point >> 18);
	out[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (point & 0x3f));
	return 4;
}

static enum json_event piece(struct json_lexer *lexer, size_t len)
{
	lexer->text = slice_of(lexer->encoded, len);
	return JSON_TEXT;
}

static size_t replace_half(struct json_lexer *lexer, uint8_t *out)
{
	lexer->replaced++;
	return encode_utf8(out, 0xfffd);
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
		*ret_len = encode_utf8(lexer->encoded, point);
		return true;
	}
	if (high)
		len = replace_half(lexer, lexer->encoded);
	if (is_high)
		lexer->high = (uint16_t)unit;
	else if (is_low)
		len += replace_half(lexer, lexer->encoded + len);
	else
		len += encode_utf8(lexer->encoded + len, unit);
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
			return fail(lexer, err, "\\u wants four hexadecimal digits");
		take(lexer, input, 1);
		lexer->unit = (uint16_t)(lexer->unit << 4 | digit);
		if (++lexer->hex_digits < 4 || !unit_done(lexer, &len))
			return JSON_MORE;
		return piece(lexer, len);
	}
	if (byte == 'u') {
		take(lexer, input, 1);
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
		return fail(lexer, err, "unknown escape in a string");
	take(lexer, input, 1);
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
		take(lexer, input, run);
		if (input->len > 0 && *input->ptr == '"') {
			take(lexer, input, 1);
			return JSON_TEXT_END;
		}
		if (run > 0)
			return JSON_TEXT;
		if (*input->ptr != '\\')
			return fail(lexer, err, "control character in a string");
		take(lexer, input, 1);
		lexer->escape = ESCAPE_BACKSLASH;
	}
	return JSON_MORE;
}

static enum json_event lex_text(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	enum json_event event = lex_string(lexer, input, err);
	if (event == JSON_TEXT_END)
		value_ended(lexer);
	return event;
}

static enum json_event lex_key(struct json_lexer *lexer, struct slice *input, struct err *err)
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

/* ---- numbers and literals ------------------------------------------------------------------- */

enum number {
	NUMBER_SIGN = 0, /* after -: a digit must follow */
	NUMBER_ZERO,
	NUMBER_WHOLE,
	NUMBER_POINT, /* a digit must follow */
	NUMBER_FRACTION,
	NUMBER_E, /* a sign or digit must follow */
	NUMBER_E_SIGN,
	NUMBER_EXPONENT,
	NUMBER_END, /* this byte does not belong to it */
	NUMBER_BAD,
};

static enum number number_next(enum number state, uint8_t byte)
{
	bool digit = ascii_is_digit(byte), e = (byte | 0x20) == 'e';
	switch (state) {
	case NUMBER_SIGN:
		if (byte == '0')
			return NUMBER_ZERO;
		return digit ? NUMBER_WHOLE : NUMBER_BAD;
	case NUMBER_ZERO:
	case NUMBER_WHOLE:
		if (digit)
			return state == NUMBER_WHOLE ? NUMBER_WHOLE : NUMBER_BAD;
		if (byte == '.')
			return NUMBER_POINT;
		return e ? NUMBER_E : NUMBER_END;
	case NUMBER_POINT: return digit ? NUMBER_FRACTION : NUMBER_BAD;
	case NUMBER_FRACTION:
		if (digit)
			return NUMBER_FRACTION;
		return e ? NUMBER_E : NUMBER_END;
	case NUMBER_E:
		if (byte == '+' || byte == '-')
			return NUMBER_E_SIGN;
		return digit ? NUMBER_EXPONENT : NUMBER_BAD;
	case NUMBER_E_SIGN: return digit ? NUMBER_EXPONENT : NUMBER_BAD;
	case NUMBER_EXPONENT: return digit ? NUMBER_EXPONENT : NUMBER_END;
	case NUMBER_END:
	case NUMBER_BAD: break;
	}
	return NUMBER_BAD;
}

static enum json_event lex_number(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	enum number state = (enum number)lexer->number_state;
	size_t len = 0;
	while (len < input->len && lexer->held + len <= JSON_NUMBER_BYTES_MAX) {
		enum number next = number_next(state, input->ptr[len]);
		if (next >= NUMBER_END) {
			state = next;
			break;
		}
		state = next;
		len++;
	}
	lexer->text = slice_of(input->ptr, len);
	take(lexer, input, len);
	if (lexer->held + len > JSON_NUMBER_BYTES_MAX)
		return fail_limit(lexer, err, "number's bytes", JSON_NUMBER_BYTES_MAX);
	if (state == NUMBER_BAD)
		return fail(lexer, err, "malformed number");
	bool ended = state == NUMBER_END;
	if (!ended || lexer->held > 0) {
		memcpy(lexer->hold + lexer->held, lexer->text.ptr, len);
		lexer->held += len;
		lexer->text = slice_of(lexer->hold, lexer->held);
	}
	lexer->number_state = (uint8_t)state;
	if (!ended)
		return JSON_MORE;
	value_ended(lexer);
	return JSON_NUMBER;
}

static enum json_event lex_literal(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	while (*lexer->literal) {
		if (input->len == 0)
			return JSON_MORE;
		if (*input->ptr != (uint8_t)*lexer->literal)
			return fail(lexer, err, "unknown word");
		take(lexer, input, 1);
		lexer->literal++;
	}
	value_ended(lexer);
	return (enum json_event)lexer->literal_event;
}

/* ---- structure ------------------------------------------------------------------------------ */

static enum json_event open_container(struct json_lexer *lexer, struct slice *input, bool object,
				      struct err *err)
{
	if (lexer->depth == JSON_DEPTH_MAX)
		return fail_limit(lexer, err, "nesting", JSON_DEPTH_MAX);
	uint8_t bit = (uint8_t)(1u << (lexer->depth % 8));
	uint8_t *bits = &lexer->is_object[lexer->depth / 8];
	*bits = (uint8_t)(object ? *bits | bit : *bits & ~bit);
	lexer->depth++;
	lexer->state = object ? STATE_FIRST_KEY : STATE_FIRST_ITEM;
	take(lexer, input, 1);
	return object ? JSON_BEGIN_OBJECT : JSON_BEGIN_ARRAY;
}

static enum json_event close_container(struct json_lexer *lexer, struct slice *input)
{
	bool object = in_object(lexer);
	lexer->depth--;
	value_ended(lexer);
	take(lexer, input, 1);
	return object ? JSON_END_OBJECT : JSON_END_ARRAY;
}

static enum json_event start_literal(struct json_lexer *lexer, struct slice *input,
				     const char *word, enum json_event event, struct err *err)
{
	lexer->state = STATE_IN_LITERAL;
	lexer->literal = word;
	lexer->literal_event = (uint8_t)event;
	return lex_literal(lexer, input, err);
}

static enum json_event start_value(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	uint8_t byte = *input->ptr;
	switch (byte) {
	case '{':
	case '[': return open_container(lexer, input, byte == '{', err);
	case '"':
		take(lexer, input, 1);
		lexer->state = STATE_IN_TEXT;
		return lex_text(lexer, input, err);
	case 't': return start_literal(lexer, input, "true", JSON_TRUE, err);
	case 'f': return start_literal(lexer, input, "false", JSON_FALSE, err);
	case 'n': return start_literal(lexer, input, "null", JSON_NULL, err);
	default: break;
	}
	/* A number's first byte may be what NUMBER_SIGN allows, or the sign itself. */
	if (byte != '-' && (byte < '0' || byte > '9'))
		return fail(lexer, err, "expected a value");
	lexer->state = STATE_IN_NUMBER;
	lexer->number_state = NUMBER_SIGN;
	lexer->held = 0;
	if (byte == '-') {
		lexer->hold[lexer->held++] = '-';
		take(lexer, input, 1);
	}
	return lex_number(lexer, input, err);
}

static enum json_event start_key(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	if (*input->ptr != '"')
		return fail(lexer, err, "expected a key in quotation marks");
	take(lexer, input, 1);
	lexer->state = STATE_IN_KEY;
	lexer->held = 0;
	return lex_key(lexer, input, err);
}

/* The next token, which begins at the first byte of ${input}, or JSON_MORE after punctuation. */
static enum json_event start_token(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	uint8_t byte = *input->ptr;
	lexer->token = lexer->offset;
	switch ((enum state)lexer->state) {
	case STATE_FIRST_ITEM:
		if (byte == ']')
			return close_container(lexer, input);
		FALLTHROUGH;
	case STATE_VALUE: return start_value(lexer, input, err);
	case STATE_FIRST_KEY:
		if (byte == '}')
			return close_container(lexer, input);
		FALLTHROUGH;
	case STATE_KEY: return start_key(lexer, input, err);
	case STATE_COLON:
		if (byte != ':')
			return fail(lexer, err, "expected a colon");
		take(lexer, input, 1);
		lexer->state = STATE_VALUE;
		return JSON_MORE;
	case STATE_COMMA:
		if (byte == (in_object(lexer) ? '}' : ']'))
			return close_container(lexer, input);
		if (byte != ',')
			return fail(lexer, err, "expected a comma or the end of what is open");
		take(lexer, input, 1);
		lexer->state = in_object(lexer) ? STATE_KEY : STATE_VALUE;
		return JSON_MORE;
	case STATE_DONE: return fail(lexer, err, "something follows the value");
	case STATE_IN_KEY:
	case STATE_IN_TEXT:
	case STATE_IN_NUMBER:
	case STATE_IN_LITERAL:
	case STATE_FAILED: break;
	}
	return fail(lexer, err, "the input was refused before");
}

static inline bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

enum json_event json_lexer_next(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	switch ((enum state)lexer->state) {
	case STATE_IN_KEY: return lex_key(lexer, input, err);
	case STATE_IN_TEXT: return lex_text(lexer, input, err);
	case STATE_IN_NUMBER: return lex_number(lexer, input, err);
	case STATE_IN_LITERAL: return lex_literal(lexer, input, err);
	case STATE_VALUE:
	case STATE_FIRST_ITEM:
	case STATE_FIRST_KEY:
	case STATE_KEY:
	case STATE_COLON:
	case STATE_COMMA:
	case STATE_DONE:
	case STATE_FAILED: break;
	}
	while (input->len > 0) {
		if (is_space(*input->ptr)) {
			take(lexer, input, 1);
			continue;
		}
		enum json_event event = start_token(lexer, input, err);
		if (event != JSON_MORE)
			return event;
	}
	return JSON_MORE;
}

int json_lexer_finish(const struct json_lexer *lexer, struct err *err)
{
	if (lexer->state == STATE_DONE)
		return 0;
	return err_set_at(err, lexer->offset, "invalid JSON: it ends early");
}
