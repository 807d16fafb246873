/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pattern of keys: its kind, and for a regular expression what can be said about every key that
 * it matches without running it. That gate only has to be true of all matches; where the expression
 * is written in a way that is not understood here, there is none and the expression is always run.
 *
 *   ^gen_ai\.tool\.(args|input)$       begins with "gen_ai.tool."
 *   ^llm\.[a-z_]+\.(prompt|tools?)$     begins with "llm." and has "prom" or "tool" after a dot
 *   (^|\.)message\.(content)(\.|$)     "mess" at the beginning or after a dot
 *   (^|[._])(prompt)?_?token_ids$      ends with "token_ids"
 */
#include "pipeline/trace/keys/key_table_internal.h"

#include "pipeline/base/ascii.h"

#include <stdlib.h>

enum { INNER_MIN = 3 }; /* shorter ones are found in too many keys */

/* ---- reading an expression's literal parts ---- */

static bool is_plain(uint8_t byte)
{
	return ascii_is_alnum(byte) || byte == '_' || byte == '-' || byte == ':';
}

/* An alternation outside of all groups, or a flag group: no literal can be relied on. Classes and
 * escapes are stepped over. */
static bool is_one_sequence(struct slice re)
{
	unsigned depth = 0;
	bool in_class = false;
	for (size_t i = 0; i < re.len; i++) {
		uint8_t byte = re.ptr[i];
		if (byte == '\\') {
			if (i + 1 < re.len && (re.ptr[i + 1] == 'Q' || re.ptr[i + 1] == 'E'))
				return false;
			i++;
		} else if (in_class) {
			in_class = byte != ']';
		} else if (byte == '[') {
			in_class = true;
			i += i + 1 < re.len && re.ptr[i + 1] == '^';
			i += i + 1 < re.len && re.ptr[i + 1] == ']';
		} else if (byte == '(') {
			depth++;
			if (i + 1 < re.len && re.ptr[i + 1] == '?')
				return false;
		} else if (byte == ')') {
			depth -= depth > 0;
		} else if (byte == '|' && depth == 0) {
			return false;
		}
	}
	return true;
}

/* Reads literal characters at ${*at} of ${re} into ${out}, up to the first that is none or that a
 * repetition makes optional. Returns how many. */
static size_t read_literal(struct slice re, size_t *at, uint8_t *out)
{
	size_t count = 0, i = *at;
	while (i < re.len) {
		uint8_t byte = re.ptr[i];
		size_t next = i + 1;
		if (byte == '\\' && next < re.len && re.ptr[next] == '.')
			byte = re.ptr[next++];
		else if (!is_plain(byte))
			break;
		if (next < re.len && memchr("?*+{", re.ptr[next], 4))
			break;
		out[count++] = byte;
		i = next;
	}
	*at = i;
	return count;
}

static bool skip(struct slice re, size_t *at, struct slice expected)
{
	struct slice rest = slice_of(re.ptr + *at, re.len - *at);
	if (!slice_has_prefix(rest, expected))
		return false;
	*at += expected.len;
	return true;
}

/* Steps over what says "at the beginning, or after a dot or underscore". */
static bool skip_boundary(struct slice re, size_t *at)
{
	return skip(re, at, SLICE("(^|\\.)")) || skip(re, at, SLICE("(^|[._])")) ||
	       skip(re, at, SLICE("\\.")) || skip(re, at, SLICE("_"));
}

static bool has_segment_end(struct slice literal)
{
	for (size_t i = 0; i < literal.len; i++) {
		if (literal.ptr[i] == '.' || literal.ptr[i] == ':')
			return true;
	}
	return false;
}

static bool is_repeated(struct slice re, size_t at)
{
	return at < re.len && memchr("?*+{", re.ptr[at], 4);
}

/* Steps over whole segments, if any: a dot stood before them, and a dot ends them. */
static void skip_segments(struct slice re, size_t *at)
{
	static const struct slice fillers[] = {
		SLICE_INIT("(.+\\.)?"), SLICE_INIT("[A-Za-z0-9_-]+\\."), SLICE_INIT("[a-z_]+\\.")};
	for (size_t i = 0; i < ARRAY_COUNT(fillers); i++) {
		if (skip(re, at, fillers[i]))
			return;
	}
}

/* How the alternatives of the group at ${at}, plain words with perhaps a last character that may be
 * missing, begin: GRAM_BYTES of each to ${out}. 0 when one is shorter or something else. */
static size_t read_alternatives(struct slice re, size_t at, uint8_t *out)
{
	size_t written = 0;
	do {
		size_t begin = ++at;
		while (at < re.len && is_plain(re.ptr[at]))
			at++;
		size_t certain = at - begin;
		if (at < re.len && re.ptr[at] == '?') {
			certain -= certain > 0;
			at++;
		}
		if (certain < GRAM_BYTES || at == re.len ||
		    (re.ptr[at] != '|' && re.ptr[at] != ')'))
			return 0;
		memcpy(out + written, re.ptr + begin, GRAM_BYTES);
		written += GRAM_BYTES;
	} while (re.ptr[at] == '|');
	return is_repeated(re, at + 1) ? 0 : written;
}

/* How the segment that begins at ${at} can begin. 0: in any way. */
static size_t read_starts(struct slice re, size_t at, uint8_t *out)
{
	if (at < re.len && re.ptr[at] == '(')
		return read_alternatives(re, at, out);
	return read_literal(re, &at, out) >= GRAM_BYTES ? GRAM_BYTES : 0;
}

/* The literal before a final `$`: plain characters and escaped dots, nothing before them in doubt.
 */
static size_t read_tail(struct slice re, uint8_t *out)
{
	if (re.len < 2 || re.ptr[re.len - 1] != '$')
		return 0;
	size_t begin = re.len - 1;
	while (begin > 0 && is_plain(re.ptr[begin - 1]))
		begin--;
	/* After a backslash they are no literal, or only partly (\d, \x41, \pL). */
	if (begin > 0 && re.ptr[begin - 1] == '\\')
		return 0;
	memcpy(out, re.ptr + begin, re.len - 1 - begin);
	return re.len - 1 - begin;
}

/* Writes the longest run of plain characters and escaped dots at or after ${at}, outside of all
 * groups, to ${best}. Nothing when the expression has escapes or counts whose text could be taken
 * for literals. */
static size_t read_inner(struct slice re, size_t at, uint8_t *run, uint8_t *best)
{
	size_t best_len = 0, len = 0;
	unsigned depth = 0;
	while (at <= re.len) {
		size_t count = depth == 0 ? read_literal(re, &at, run + len) : 0;
		len += count;
		if (len > best_len)
			memcpy(best, run, best_len = len);
		len = 0;
		if (at >= re.len)
			break;
		uint8_t byte = re.ptr[at];
		if (byte == '{' || (byte == '\\' && (at + 1 == re.len || re.ptr[at + 1] != '.')))
			return 0;
		if (byte == '[') {
			at += at + 1 < re.len && re.ptr[at + 1] == '^';
			at++; /* a bracket right here belongs to the class */
			const uint8_t *end = at + 1 < re.len
						     ? memchr(re.ptr + at + 1, ']', re.len - at - 1)
						     : NULL;
			if (!end || memchr(re.ptr + at, '\\', (size_t)(end - re.ptr) - at))
				return 0;
			at = (size_t)(end - re.ptr);
		}
		depth += byte == '(';
		depth -= byte == ')' && depth > 0;
		at += byte == '\\' ? 2 : 1;
	}
	return best_len;
}

/* The gate of an expression that begins with pattern->head, read up to ${at}. */
static void find_anchored_gate(struct key_pattern *pattern, struct slice re, size_t at)
{
	struct slice head = pattern->head;
	bool dot_ends = head.len > 0 && head.ptr[head.len - 1] == '.';
	uint8_t *out = pattern->gate_text + head.len;
	size_t count = 0;
	if (!has_segment_end(head)) {
		pattern->gate = head.len > 0 ? GATE_HEAD : GATE_NONE;
		return;
	}
	pattern->gate = GATE_NAMESPACE;
	if (dot_ends && has_segment_end(slice_of(head.ptr, head.len - 1))) {
		pattern->gate = GATE_PREFIX;
		return;
	}
	if (dot_ends) {
		skip_segments(re, &at);
		count = read_starts(re, at, out);
	}
	if (count > 0)
		pattern->gate = GATE_SEGMENT;
	else if ((count = read_tail(re, out)) >= GRAM_BYTES)
		pattern->gate = GATE_TAIL;
	pattern->literal = slice_of(out, count);
}

static void find_gate(struct key_pattern *pattern, struct slice re)
{
	size_t at = 0, count;
	uint8_t *out = pattern->gate_text;
	pattern->gate = GATE_NONE;
	if (!is_one_sequence(re))
		return;
	uint8_t *inner = out + re.len, *run = inner + re.len;
	bool anchored = skip(re, &at, SLICE("^"));
	pattern->head = slice_of(out, anchored ? read_literal(re, &at, out) : 0);
	/* What the head holds anyway tells nothing more as the inner text. */
	size_t inner_len = read_inner(re, at, run, inner);
	if (inner_len >= INNER_MIN)
		pattern->inner = slice_of(inner, inner_len);
	if (anchored) {
		find_anchored_gate(pattern, re, at);
		return;
	}
	count = skip_boundary(re, &at) && !is_repeated(re, at) ? read_starts(re, at, out) : 0;
	if (count > 0)
		pattern->gate = GATE_SEGMENT;
	else if ((count = read_tail(re, out)) >= GRAM_BYTES)
		pattern->gate = GATE_TAIL;
	pattern->literal = slice_of(out, count);
}

/* ---- making ---- */

static int init_regex(struct key_pattern *pattern, struct err *err)
{
	struct slice re = slice_of(pattern->text.ptr + 1, pattern->text.len - 2);
	pattern->kind = PATTERN_REGEX;
	pattern->regex = regex_new(re, err);
	if (!pattern->regex)
		return -1;
	pattern->gate_text = malloc(re.len * 3 + 1); /* literal, inner, and room to find it */
	if (!pattern->gate_text)
		return err_set(err, ERR_NOMEM, "out of memory for a pattern of keys");
	find_gate(pattern, re);
	return 0;
}

int key_pattern_init(struct key_pattern *pattern, struct slice text, struct err *err)
{
	*pattern = (struct key_pattern){0};
	if (text.len == 0 || text.len > KEY_MATCHED_BYTES_MAX)
		return err_set(err, ERR_CONFIG, "a pattern of keys has 1 to %d bytes",
			       KEY_MATCHED_BYTES_MAX);
	uint8_t *copy = malloc(text.len);
	if (!copy)
		return err_set(err, ERR_NOMEM, "out of memory for a pattern of keys");
	memcpy(copy, text.ptr, text.len);
	pattern->text = slice_of(copy, text.len);
	if (text.len > 2 && text.ptr[0] == '/' && text.ptr[text.len - 1] == '/') {
		if (init_regex(pattern, err) == 0)
			return 0;
		key_pattern_fini(pattern);
		return -1;
	}
	pattern->literal = pattern->text;
	if (slice_has_suffix(text, SLICE(".*")) && text.len > 2) {
		pattern->kind = PATTERN_PREFIX;
		pattern->literal.len -= 2;
	} else if (memchr(text.ptr, '*', text.len)) {
		key_pattern_fini(pattern);
		return err_set(err, ERR_CONFIG,
			       "\"%.*s\": a star stands for whole segments at the end (a.b.*); "
			       "for anything else write /a regular expression/",
			       SLICE_FMT(text));
	}
	return 0;
}

void key_pattern_fini(struct key_pattern *pattern)
{
	free((void *)(uintptr_t)pattern->text.ptr);
	free(pattern->gate_text);
	regex_free(pattern->regex);
	*pattern = (struct key_pattern){0};
}
