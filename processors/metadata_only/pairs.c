/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of JSON (RFC 8259) that writes what may stay as it goes; an offending pair or item is
 * taken back with its comma. What is not well-formed is no JSON: what some languages print for their
 * maps, and JSON behind a mark or other words, are texts like any other, and go. So are texts with
 * escapes, for nothing that needs one is a token. Recursion is bounded by PAIRS_DEPTH_MAX.
 */
#include "processors/metadata_only/pairs.h"

#include "pipeline/base/ascii.h"

#include "processors/metadata_only/text.h"

struct reader {
	struct pass *pass;
	struct slice text;
	size_t at;
	struct buf *out;
	uint8_t path[KEY_MATCHED_BYTES_MAX]; /* keys on the way, a dot between two */
	size_t path_len;
	unsigned depth;
	bool quiet; /* in something that has gone already */
	bool cut, bad;
};

static bool take_value(struct reader *r, const struct measure *measure);

static inline bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static inline bool is_of_number(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.' ||
	       byte == 'e' || byte == 'E';
}

static void skip_spaces(struct reader *r)
{
	while (r->at < r->text.len && is_space(r->text.ptr[r->at]))
		r->at++;
}

static int peek(struct reader *r)
{
	skip_spaces(r);
	return r->at < r->text.len ? r->text.ptr[r->at] : -1;
}

static bool fail(struct reader *r)
{
	r->bad = true;
	return false;
}

/* A string without its quotes. */
static bool take_string(struct reader *r, struct slice *ret_text, bool *ret_escapes)
{
	if (peek(r) != '"')
		return fail(r);
	size_t begin = ++r->at;
	*ret_escapes = false;
	while (r->at < r->text.len && r->text.ptr[r->at] != '"') {
		if (r->text.ptr[r->at] < ' ')
			return fail(r);
		if (r->text.ptr[r->at] == '\\') {
			*ret_escapes = true;
			r->at++;
		}
		r->at++;
	}
	if (r->at >= r->text.len)
		return fail(r);
	*ret_text = slice_of(r->text.ptr + begin, r->at - begin);
	r->at++;
	return true;
}

static bool take_text(struct reader *r, const struct measure *measure)
{
	struct slice text;
	bool escapes;
	if (!take_string(r, &text, &escapes))
		return false;
	if (!r->quiet && (escapes || !judge_text(measure, text))) {
		hit_field(r->pass, FIELD_TEXT);
		return false;
	}
	buf_append_byte(r->out, '"');
	buf_append(r->out, text);
	buf_append_byte(r->out, '"');
	return true;
}

/* A number, true, false, null. */
static bool take_figure(struct reader *r)
{
	size_t begin = r->at;
	while (r->at < r->text.len && r->text.ptr[r->at] != ',' && r->text.ptr[r->at] != ']' &&
	       r->text.ptr[r->at] != '}' && !is_space(r->text.ptr[r->at]))
		r->at++;
	struct slice word = slice_of(r->text.ptr + begin, r->at - begin);
	bool number = word.len > 0 && word.len <= 40;
	for (size_t i = 0; number && i < word.len; i++)
		number = is_of_number(word.ptr[i]);
	if (!number && !slice_equal(word, SLICE("true")) && !slice_equal(word, SLICE("false")) &&
	    !slice_equal(word, SLICE("null")))
		return fail(r);
	buf_append(r->out, word);
	return true;
}

/* The end of a list: true at ${close}, which is taken; else a comma is. */
static bool take_end(struct reader *r, char close)
{
	int byte = peek(r);
	r->at++;
	if (byte != close && byte != ',')
		r->bad = true;
	return r->bad || byte == close;
}

static bool take_array(struct reader *r, const struct measure *measure)
{
	size_t kept = 0, figures = 0;
	buf_append_byte(r->out, '[');
	r->at++;
	if (peek(r) == ']') {
		r->at++;
		buf_append_byte(r->out, ']');
		return true;
	}
	do {
		size_t before = r->out->len;
		int first = peek(r);
		if (kept > 0)
			buf_append_byte(r->out, ',');
		if (take_value(r, measure)) {
			kept++;
			figures += first == '-' || (first >= 0 && ascii_is_digit((uint8_t)first));
		} else {
			r->out->len = before;
			r->cut = true;
		}
	} while (!r->bad && !take_end(r, ']'));
	buf_append_byte(r->out, ']');
	if (measure->kept || figures < kept || figures <= JUDGE_NUMBERS_MAX)
		return true;
	if (!r->quiet)
		hit_field(r->pass, FIELD_TEXT);
	return false;
}

/* Puts ${key} behind the path; false when there is no room. */
static bool extend_path(struct reader *r, struct slice key)
{
	if (r->path_len + 1 + key.len > sizeof(r->path))
		return false;
	if (r->path_len > 0)
		r->path[r->path_len++] = '.';
	if (key.len > 0)
		memcpy(r->path + r->path_len, key.ptr, key.len);
	r->path_len += key.len;
	return true;
}

/* Whether a number, true, false or null comes next, also in quotes. */
static bool figure_follows(struct reader *r)
{
	int byte = peek(r);
	if (byte != '"')
		return byte == '-' || byte == 't' || byte == 'f' || byte == 'n' ||
		       (byte >= 0 && ascii_is_digit((uint8_t)byte));
	struct reader ahead = {.text = r->text, .at = r->at};
	struct slice text;
	bool escapes;
	return take_string(&ahead, &text, &escapes) && text_is_number(text);
}

static bool take_pair(struct reader *r, const struct measure *measure)
{
	struct slice key;
	struct measure inner = *measure;
	bool escapes, quiet = r->quiet, stays = true;
	size_t path_len = r->path_len;
	if (!take_string(r, &key, &escapes) || peek(r) != ':')
		return fail(r);
	r->at++;
	bool figure = figure_follows(r);
	if (!quiet && (escapes || !extend_path(r, key))) {
		hit_field(r->pass, FIELD_DOUBTFUL_KEY);
		stays = false;
	} else if (!quiet) {
		stays = judge_pair(measure, key, slice_of(r->path, r->path_len), figure, &inner);
	}
	buf_append_byte(r->out, '"');
	buf_append(r->out, key);
	buf_append_str(r->out, "\":");
	r->quiet |= !stays;
	stays &= take_value(r, &inner);
	r->quiet = quiet;
	r->path_len = path_len;
	return stays;
}

static bool take_object(struct reader *r, const struct measure *measure)
{
	size_t kept = 0;
	buf_append_byte(r->out, '{');
	r->at++;
	if (peek(r) == '}') {
		r->at++;
		buf_append_byte(r->out, '}');
		return true;
	}
	do {
		size_t before = r->out->len;
		if (kept > 0)
			buf_append_byte(r->out, ',');
		if (take_pair(r, measure)) {
			kept++;
		} else {
			r->out->len = before;
			r->cut = true;
		}
	} while (!r->bad && !take_end(r, '}'));
	buf_append_byte(r->out, '}');
	return kept > 0;
}

static bool take_value(struct reader *r, const struct measure *measure)
{
	int byte = peek(r);
	bool stays;
	if (r->depth == PAIRS_DEPTH_MAX || byte < 0)
		return fail(r);
	r->depth++;
	if (byte == '{')
		stays = take_object(r, measure);
	else if (byte == '[')
		stays = take_array(r, measure);
	else if (byte == '"')
		stays = take_text(r, measure);
	else
		stays = take_figure(r);
	r->depth--;
	return stays;
}

enum pairs_result pairs_filter(const struct measure *measure, struct slice text, struct buf *out)
{
	struct reader r = {.pass = measure->pass, .text = text, .out = out};
	int first = peek(&r);
	if (first != '{' && first != '[' && first != '"')
		return PAIRS_NONE;
	bool stays = take_value(&r, measure);
	if (r.bad || peek(&r) >= 0 || !stays || out->failed)
		return PAIRS_NONE;
	return r.cut ? PAIRS_CUT : PAIRS_SAME;
}
