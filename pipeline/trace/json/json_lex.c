/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state machine over bytes: `state` is what the grammar allows next, or the token
 * that is being read. A token that lies whole in the input is handed on where it lies; only the
 * parts of a key or number that is split over inputs are copied. Strings are json_string.c's.
 *
 * Why not a library: the push parser among the packages (yajl) collects a string that is split over
 * inputs and reads it again from its beginning with each of them; docs/design/json.md has figures.
 */
#include "pipeline/base/ascii.h"
#include "pipeline/trace/json/json_lex_internal.h"

void json_lexer_init(struct json_lexer *lexer)
{
	memset(lexer, 0, sizeof(*lexer));
}

/* ---- errors and levels ---------------------------------------------------------------------------- */

enum json_event json_lex_fail(struct json_lexer *lexer, struct err *err, const char *why)
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

static bool in_object(const struct json_lexer *lexer)
{
	uint32_t level = lexer->depth - 1;
	return lexer->is_object[level / 8] >> (level % 8) & 1;
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
	json_lex_take(lexer, input, len);
	if (lexer->held + len > JSON_NUMBER_BYTES_MAX)
		return fail_limit(lexer, err, "number's bytes", JSON_NUMBER_BYTES_MAX);
	if (state == NUMBER_BAD)
		return json_lex_fail(lexer, err, "malformed number");
	bool ended = state == NUMBER_END;
	if (!ended || lexer->held > 0) {
		memcpy(lexer->hold + lexer->held, lexer->text.ptr, len);
		lexer->held += len;
		lexer->text = slice_of(lexer->hold, lexer->held);
	}
	lexer->number_state = (uint8_t)state;
	if (!ended)
		return JSON_MORE;
	json_lex_value_ended(lexer);
	return JSON_NUMBER;
}

static enum json_event lex_literal(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	while (*lexer->literal) {
		if (input->len == 0)
			return JSON_MORE;
		if (*input->ptr != (uint8_t)*lexer->literal)
			return json_lex_fail(lexer, err, "unknown word");
		json_lex_take(lexer, input, 1);
		lexer->literal++;
	}
	json_lex_value_ended(lexer);
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
	json_lex_take(lexer, input, 1);
	return object ? JSON_BEGIN_OBJECT : JSON_BEGIN_ARRAY;
}

static enum json_event close_container(struct json_lexer *lexer, struct slice *input)
{
	bool object = in_object(lexer);
	lexer->depth--;
	json_lex_value_ended(lexer);
	json_lex_take(lexer, input, 1);
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
		json_lex_take(lexer, input, 1);
		lexer->state = STATE_IN_TEXT;
		return json_lex_text(lexer, input, err);
	case 't': return start_literal(lexer, input, "true", JSON_TRUE, err);
	case 'f': return start_literal(lexer, input, "false", JSON_FALSE, err);
	case 'n': return start_literal(lexer, input, "null", JSON_NULL, err);
	default: break;
	}
	/* A number's first byte may be what NUMBER_SIGN allows, or the sign itself. */
	if (byte != '-' && (byte < '0' || byte > '9'))
		return json_lex_fail(lexer, err, "expected a value");
	lexer->state = STATE_IN_NUMBER;
	lexer->number_state = NUMBER_SIGN;
	lexer->held = 0;
	if (byte == '-') {
		lexer->hold[lexer->held++] = '-';
		json_lex_take(lexer, input, 1);
	}
	return lex_number(lexer, input, err);
}

static enum json_event start_key(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	if (*input->ptr != '"')
		return json_lex_fail(lexer, err, "expected a key in quotation marks");
	json_lex_take(lexer, input, 1);
	lexer->state = STATE_IN_KEY;
	lexer->held = 0;
	return json_lex_key(lexer, input, err);
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
			return json_lex_fail(lexer, err, "expected a colon");
		json_lex_take(lexer, input, 1);
		lexer->state = STATE_VALUE;
		return JSON_MORE;
	case STATE_COMMA:
		if (byte == (in_object(lexer) ? '}' : ']'))
			return close_container(lexer, input);
		if (byte != ',')
			return json_lex_fail(lexer, err,
					     "expected a comma or the end of what is open");
		json_lex_take(lexer, input, 1);
		lexer->state = in_object(lexer) ? STATE_KEY : STATE_VALUE;
		return JSON_MORE;
	case STATE_DONE: return json_lex_fail(lexer, err, "something follows the value");
	case STATE_IN_KEY:
	case STATE_IN_TEXT:
	case STATE_IN_NUMBER:
	case STATE_IN_LITERAL:
	case STATE_FAILED: break;
	}
	return json_lex_fail(lexer, err, "the input was refused before");
}

static inline bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

enum json_event json_lexer_next(struct json_lexer *lexer, struct slice *input, struct err *err)
{
	switch ((enum state)lexer->state) {
	case STATE_IN_KEY: return json_lex_key(lexer, input, err);
	case STATE_IN_TEXT: return json_lex_text(lexer, input, err);
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
			json_lex_take(lexer, input, 1);
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
