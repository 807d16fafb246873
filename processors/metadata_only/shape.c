/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over at most SHAPE_BYTES_MAX bytes with a table of classes: no allocation, no way back.
 * Words are counted three ways: between spaces, joined within a segment (what . / : and their like
 * part), and by capitals inside a run of letters. What a run of base64 or hexadecimal digits says is
 * looked at once more (shape_encoded.c), for an id and a text in base64 differ in nothing else.
 */
#include "processors/metadata_only/shape.h"

#include "pipeline/base/hex.h"
#include "pipeline/base/utf8.h"
#include "processors/metadata_only/shape_encoded.h"
#include "processors/metadata_only/shape_quick.h"
#include "processors/metadata_only/shape_script.h"

/* By byte, of ASCII: c control, s space, a A letters, 0 digit, _ joins words, . parts segments,
 * { } brackets, ( parenthesis, " quotes and operators, ? asks, = and % as they are. */
static const char classes[128 + 1] = "cccccccccccccccc"
				     "cccccccccccccccc"
				     "s?\"..%\"\"((.___.."
				     "0000000000...=.?"
				     ".AAAAAAAAAAAAAAA"
				     "AAAAAAAAAAA{.}\"_"
				     "\"aaaaaaaaaaaaaaa"
				     "aaaaaaaaaaa{\"}.c";

enum shape_mark {
	SHAPE_MARK_CONTROL = 1 << 0, /* control characters, line breaks and tabs among them */
	SHAPE_MARK_INVALID = 1 << 1, /* no UTF-8 */
	SHAPE_MARK_BLANK = 1 << 2,   /* white or invisible characters other than a space */
	SHAPE_MARK_CODE = 1 << 3,    /* characters or pairs of them that tokens do not have */
	SHAPE_MARK_QUOTE = 1 << 4,   /* " ; ` | & ^ ' */
	SHAPE_MARK_ASKS = 1 << 5,    /* a word ends with ? or ! or their like */
	SHAPE_MARK_SYMBOL = 1 << 6,  /* beyond ASCII and no letter */
	SHAPE_MARK_ENCODED = 1 << 7, /* holds a text in base64, hexadecimal digits or percents */
	SHAPE_MARK_LONG = 1 << 8,    /* over SHAPE_BYTES_MAX: nothing else was looked at */
};

/* What one pass over a text has found. */
struct shape {
	size_t len;	 /* bytes */
	unsigned marks;	 /* enum shape_mark */
	uint32_t words;	 /* between white characters */
	uint32_t spoken; /* those of letters alone */
	uint32_t joined; /* the most in one segment */
	uint32_t all_joined;
	uint32_t letters; /* the most in a row */
	uint32_t dense;
};

struct scan {
	struct shape shape;
	/* of the run of letters and digits */
	uint32_t run, run_letters, run_digits, letters, piece, pieces;
	bool small; /* the last letter was a small one */
	/* of the segment and the word */
	uint32_t joined;
	bool word, word_letters, word_other;
	uint32_t brackets; /* open ones */
};

static void end_piece(struct scan *s)
{
	enum { PIECE_MIN = 2 }; /* letters */
	s->pieces += s->piece >= PIECE_MIN;
	s->piece = s->letters = 0;
	s->small = false;
}

static void end_run(struct scan *s)
{
	end_piece(s);
	if (s->run_letters >= 2 && s->run_digits == 0) {
		uint32_t words = s->pieces > 1 ? s->pieces : 1;
		s->joined += words;
		s->shape.all_joined += words;
		if (s->joined > s->shape.joined)
			s->shape.joined = s->joined;
	}
	if (s->run > SHAPE_RUN_MAX)
		s->shape.marks |= SHAPE_MARK_ENCODED;
	s->run = s->run_letters = s->run_digits = s->pieces = 0;
}

static void end_segment(struct scan *s)
{
	end_run(s);
	s->joined = 0;
}

static void end_word(struct scan *s)
{
	end_segment(s);
	s->shape.words += s->word;
	s->shape.spoken += s->word_letters && !s->word_other;
	s->word = s->word_letters = s->word_other = false;
}

/* ${count} letters of one case. */
static void take_letters(struct scan *s, bool capital, uint32_t count)
{
	if (capital && s->small)
		end_piece(s);
	s->small = !capital;
	s->run += count;
	s->run_letters += count;
	s->piece += count;
	s->letters += count;
	if (s->letters > s->shape.letters)
		s->shape.letters = s->letters;
	s->word = s->word_letters = true;
}

static void take_digits(struct scan *s, uint32_t count)
{
	end_piece(s);
	s->run += count;
	s->run_digits += count;
	s->word = s->word_other = true;
}

/* How many bytes from ${at} on are of the class ${class}. */
static inline uint32_t count_alike(struct slice text, size_t at, char class)
{
	size_t end = at + 1;
	while (end < text.len && text.ptr[end] < 0x80 && classes[text.ptr[end]] == class)
		end++;
	return (uint32_t)(end - at);
}

/* A character that parts segments, brackets and = among them. Some pairs are code or markup. */
static void take_break(struct scan *s, struct slice text, size_t at)
{
	uint8_t byte = text.ptr[at];
	uint8_t last = at > 0 ? text.ptr[at - 1] : 0;
	bool map = text.ptr[0] == '{' || slice_has_prefix(text, SLICE("map["));
	/* A ; stands between a type and its parameters, else between statements. */
	bool code = (byte == '=' && (s->brackets > 0 || (last == '=' && at + 1 < text.len))) ||
		    (byte == ':' && s->brackets > 0 && map) ||
		    (byte == '>' && (last == '=' || last == '-' || last == '/')) ||
		    (byte == '/' && last == '<') ||
		    (byte == ';' && (at + 1 == text.len || !memchr(text.ptr, '/', at)));
	if (code)
		s->shape.marks |= SHAPE_MARK_CODE;
	s->word = true;
	s->word_other |= byte == '/' || byte == '{' || byte == '=';
	end_segment(s);
}

/* %41 and its like: white or not ASCII when decoded, it is a text in percents. */
static void take_percent(struct scan *s, struct slice text, size_t at)
{
	int byte = percent_value(text, at);
	if (byte >= 0 && (byte <= ' ' || byte >= 0x80))
		s->shape.marks |= SHAPE_MARK_ENCODED;
	s->word = s->word_other = true;
	end_run(s);
}

static void take_ask(struct scan *s, struct slice text, size_t at)
{
	bool ends = at + 1 == text.len || text.ptr[at + 1] == ' ' || text.ptr[at + 1] == '?' ||
		    text.ptr[at + 1] == '!';
	s->shape.marks |= SHAPE_MARK_CODE | (ends ? SHAPE_MARK_ASKS : 0u);
	s->word = true;
	end_segment(s);
}

static void take_ascii(struct scan *s, struct slice text, size_t at, char class)
{
	switch (class) {
	case '_':
		s->word = true;
		end_run(s);
		return;
	case '{':
		take_break(s, text, at);
		s->brackets++;
		return;
	case '}':
		take_break(s, text, at);
		s->brackets -= s->brackets > 0;
		return;
	case '(':
		s->shape.marks |= SHAPE_MARK_CODE;
		s->brackets += text.ptr[at] == '(';
		end_segment(s);
		return;
	case '"':
		s->shape.marks |= SHAPE_MARK_CODE | SHAPE_MARK_QUOTE;
		s->word = true;
		end_segment(s);
		return;
	case '?': take_ask(s, text, at); return;
	case '%': take_percent(s, text, at); return;
	case 's': end_word(s); return;
	case 'c':
		s->shape.marks |= SHAPE_MARK_CONTROL;
		end_word(s);
		return;
	default: take_break(s, text, at); return; /* . = */
	}
}

static void take_beyond_ascii(struct scan *s, struct slice sequence)
{
	switch (shape_script_of(sequence)) {
	case SCRIPT_LETTER: take_letters(s, false, 1); return;
	case SCRIPT_DENSE:
		s->shape.dense++;
		take_letters(s, false, 1);
		return;
	case SCRIPT_BLANK:
		s->shape.marks |= SHAPE_MARK_BLANK;
		end_word(s);
		return;
	case SCRIPT_CONTROL: s->shape.marks |= SHAPE_MARK_CONTROL; return;
	case SCRIPT_END: s->shape.marks |= SHAPE_MARK_ASKS | SHAPE_MARK_SYMBOL; return;
	case SCRIPT_SYMBOL:
		s->shape.marks |= SHAPE_MARK_SYMBOL;
		end_segment(s);
		return;
	}
}

static struct shape shape_of(struct slice text)
{
	struct scan s = {.shape = {.len = text.len}};
	if (text.len > SHAPE_BYTES_MAX) {
		s.shape.marks = SHAPE_MARK_LONG;
		return s.shape;
	}
	for (size_t at = 0; at < text.len;) {
		size_t len = 1;
		char class = text.ptr[at] < 0x80 ? classes[text.ptr[at]] : 'u';
		if (class == 'a' || class == 'A') {
			len = count_alike(text, at, class);
			take_letters(&s, class == 'A', (uint32_t)len);
		} else if (class == '0') {
			len = count_alike(text, at, class);
			take_digits(&s, (uint32_t)len);
		} else if (class != 'u') {
			take_ascii(&s, text, at, class);
		} else {
			len = utf8_sequence_len(slice_of(text.ptr + at, text.len - at));
			if (len == 0) {
				s.shape.marks |= SHAPE_MARK_INVALID;
				break;
			}
			take_beyond_ascii(&s, slice_of(text.ptr + at, len));
		}
		at += len;
	}
	end_word(&s);
	bool long_enough = text.len >= SHAPE_ENCODED_MIN || slice_has_prefix(text, SLICE("data:"));
	if (long_enough && shape_holds_encoded(text))
		s.shape.marks |= SHAPE_MARK_ENCODED;
	return s.shape;
}

static bool is_token(const struct shape *shape, struct slice text)
{
	return shape->marks == 0 && shape->words <= 1 && shape->joined <= SHAPE_JOINED_MAX &&
	       shape->all_joined <= SHAPE_ALL_JOINED_MAX && shape->letters <= SHAPE_LETTERS_MAX &&
	       shape->dense <= SHAPE_DENSE_MAX && !memchr(text.ptr, ' ', text.len);
}

bool shape_is_token_by_scan(struct slice text)
{
	struct shape shape = shape_of(text);
	return is_token(&shape, text);
}

bool shape_is_token(struct slice text)
{
	enum shape_guess guess = shape_guess(text);
	return guess != SHAPE_UNSURE ? guess == SHAPE_TOKEN : shape_is_token_by_scan(text);
}

/* What names and titles have in common. */
static bool is_brief(const struct shape *shape)
{
	enum {
		NEVER = SHAPE_MARK_CONTROL | SHAPE_MARK_INVALID | SHAPE_MARK_ASKS |
			SHAPE_MARK_ENCODED | SHAPE_MARK_LONG | SHAPE_MARK_BLANK
	};
	return !(shape->marks & NEVER) && shape->words <= SHAPE_NAME_WORDS_MAX &&
	       shape->spoken <= SHAPE_NAME_SPOKEN_MAX && shape->joined <= SHAPE_JOINED_MAX &&
	       shape->letters <= SHAPE_LETTERS_MAX && shape->dense <= SHAPE_NAME_DENSE_MAX;
}

bool shape_is_name(struct slice text)
{
	struct shape shape = shape_of(text);
	return is_token(&shape, text) || (is_brief(&shape) && shape.len <= SHAPE_NAME_BYTES_MAX &&
					  !(shape.marks & SHAPE_MARK_QUOTE));
}

bool shape_is_title(struct slice text)
{
	struct shape shape = shape_of(text);
	return is_brief(&shape);
}

bool shape_is_line(struct slice text)
{
	enum {
		NEVER = SHAPE_MARK_CONTROL | SHAPE_MARK_INVALID | SHAPE_MARK_ENCODED |
			SHAPE_MARK_LONG | SHAPE_MARK_BLANK | SHAPE_MARK_ASKS
	};
	struct shape shape = shape_of(text);
	return !(shape.marks & NEVER) && shape.dense <= SHAPE_NAME_DENSE_MAX;
}

static struct slice without_quotes(struct slice text)
{
	if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
		return slice_of(text.ptr + 1, text.len - 2);
	return text;
}

bool shape_is_time(struct slice text)
{
	enum { TIME_BYTES_MAX = 48 };
	static const char signs[] = "0123456789TtZzPpWwYMDHSmsunhd:.+-, ";
	text = without_quotes(text);
	if (text.len == 0 || text.len > TIME_BYTES_MAX)
		return false;
	size_t digits = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (!memchr(signs, text.ptr[i], sizeof(signs) - 1))
			return false;
		digits += ascii_is_digit(text.ptr[i]);
	}
	return digits * 3 >= text.len;
}

bool shape_is_route(struct slice text)
{
	if (text.len > SHAPE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t last = i > 0 ? text.ptr[i - 1] : 0;
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '"')
			return false;
		if (text.ptr[i] == '?' && !(last && memchr("()]}*+", last, 6)))
			return false;
	}
	struct shape shape = shape_of(text);
	return !(shape.marks & SHAPE_MARK_ENCODED) && shape.joined <= SHAPE_JOINED_MAX &&
	       shape.letters <= SHAPE_LETTERS_MAX;
}

bool shape_is_summary(struct slice text)
{
	enum { SUMMARY_WORDS_MAX = 4 };
	struct shape shape = shape_of(text);
	if (shape.words > SUMMARY_WORDS_MAX || shape.dense > SHAPE_DENSE_MAX ||
	    shape.joined > SHAPE_JOINED_MAX || shape.letters > SHAPE_LETTERS_MAX)
		return false;
	/* Identifiers may be quoted, and that is all. */
	for (size_t i = 0; i < text.len; i++) {
		if (memchr("=;,?!'(){}<>*", text.ptr[i], 13))
			return false;
	}
	return !(shape.marks & ~(unsigned)(SHAPE_MARK_CODE | SHAPE_MARK_QUOTE));
}

bool shape_is_reference(struct slice text)
{
	static const struct slice separator = SLICE_INIT("://");
	const uint8_t *colon = text.len <= (size_t)SHAPE_BYTES_MAX * 2
				       ? memmem(text.ptr, text.len, separator.ptr, separator.len)
				       : NULL;
	if (!colon || colon == text.ptr || memchr(text.ptr, '@', text.len) ||
	    memchr(text.ptr, '#', text.len))
		return false;
	/* Object stores nest: each half is bounded. */
	size_t half = text.len > SHAPE_BYTES_MAX ? text.len / 2 : text.len;
	return shape_is_token(slice_of(text.ptr, half)) &&
	       (half == text.len || shape_is_token(slice_of(text.ptr + half, text.len - half)));
}
