/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A regular expression (the first line) and the text to search (the rest). The same search twice
 * says the same, and so it does however the pattern is written: in a group, beside itself, or, for
 * one that is only text, quoted and looked for byte by byte. What groups capture lies in the text, in
 * what the whole matched, and, of a quoted one, where it stands first, damaged as the text may be.
 * What is refused says so as Go does.
 */
#include "pipeline/base/utf8.h"
#include "pipeline/pattern/regex_internal.h"
#include "tests/support/fuzz_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERN_BYTES_MAX = 1 << 10, SUBJECT_BYTES_MAX = 8 << 10 };

static struct regex *compile(struct slice pattern)
{
	struct err err = {0};
	struct regex *regex = regex_new(pattern, &err);
	fuzz_must((regex != NULL) == (err.kind == ERR_NONE));
	fuzz_must(regex || err.kind == ERR_NOMEM ||
		  (err.kind == ERR_CONFIG && strstr(err.msg, "error parsing regexp: ")));
	return regex;
}

static enum regex_result search(const struct regex *regex, struct slice subject)
{
	struct regex_scratch scratch;
	fuzz_must(regex_scratch_init(&scratch) == 0);
	enum regex_result result = regex_search(regex, subject, &scratch);
	fuzz_must(result == regex_search(regex, subject, &scratch));
	regex_scratch_fini(&scratch);
	return result;
}

/* ${pattern} between ${before} and ${after} finds what it finds alone. Memory may be short for the
 * longer one, and nesting too deep. */
static void check_written_as(const char *before, struct slice pattern, const char *after,
			     struct slice subject, enum regex_result expected)
{
	struct buf text = BUF_INIT;
	struct err err = {0};
	if (pattern.len > 0 && memmem(pattern.ptr, pattern.len, "\\Q", 2))
		return; /* it may quote what follows, too */
	buf_append_str(&text, before);
	buf_append(&text, pattern);
	buf_append_str(&text, after);
	struct regex *regex = regex_new(buf_slice(&text), &err);
	if (regex) {
		enum regex_result result = search(regex, subject);
		fuzz_must(result == expected || result == REGEX_FAILED || expected == REGEX_FAILED);
	} else {
		fuzz_must(err.kind == ERR_NOMEM || strstr(err.msg, "too large") ||
			  strstr(err.msg, "nests too deeply"));
	}
	regex_free(regex);
	buf_fini(&text);
}

static bool lies_in(struct slice part, struct slice whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

/* What "(${pattern})" captures; the first group is the whole. NULL: nothing. */
static struct slice check_groups(struct slice pattern, struct slice subject,
				 enum regex_result expected)
{
	struct slice names[REGEX_GROUPS_MAX], groups[REGEX_GROUPS_MAX] = {{0}};
	struct regex_scratch scratch;
	struct buf text = BUF_INIT;
	struct err err = {0};
	size_t count;
	buf_append_byte(&text, '(');
	buf_append(&text, pattern);
	buf_append_byte(&text, ')');
	struct regex *regex = regex_new_groups(buf_slice(&text), names, &count, &err);
	fuzz_must(regex || err.kind == ERR_NOMEM || strstr(err.msg, "too large") ||
		  strstr(err.msg, "nests too deeply") || strstr(err.msg, "groups"));
	fuzz_must(regex_scratch_init(&scratch) == 0);
	enum regex_result result = REGEX_FAILED;
	if (regex)
		result = regex_groups(regex, subject, groups, count, &scratch);
	fuzz_must(result == expected || result == REGEX_FAILED || expected == REGEX_FAILED);
	for (size_t i = 0; result == REGEX_MATCH && i < count; i++) {
		fuzz_must(names[i].len == 0 || lies_in(names[i], buf_slice(&text)));
		fuzz_must(groups[i].len == 0 ||
			  (lies_in(groups[i], subject) && lies_in(groups[i], groups[0])));
	}
	regex_scratch_fini(&scratch);
	regex_free(regex);
	buf_fini(&text);
	return result == REGEX_MATCH ? groups[0] : slice_of(NULL, 0);
}

/* The pattern as a text that means itself, searched without a regular expression. */
static void check_quoted(struct slice text, struct slice subject)
{
	struct buf quoted = BUF_INIT;
	if (text.len == 0 || !utf8_valid(text))
		return;
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("\\.+*?()|[]{}^$", text.ptr[i]) && text.ptr[i])
			buf_append_byte(&quoted, '\\');
		buf_append_byte(&quoted, text.ptr[i]);
	}
	struct regex *regex = compile(buf_slice(&quoted));
	const uint8_t *found =
		subject.len > 0 ? memmem(subject.ptr, subject.len, text.ptr, text.len) : NULL;
	enum regex_result expected = found ? REGEX_MATCH : REGEX_NO_MATCH;
	/* U+FFFD also stands for a damaged byte. */
	if (utf8_valid(subject) || !memmem(text.ptr, text.len, "\xef\xbf\xbd", 3)) {
		fuzz_must(regex && search(regex, subject) == expected);
		struct slice whole = check_groups(buf_slice(&quoted), subject, expected);
		fuzz_must(whole.ptr == found && (!found || whole.len == text.len));
	}
	regex_free(regex);
	buf_fini(&quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice subject = slice_of(data, size), pattern = fuzz_line(&subject);
	pattern = fuzz_bytes(&pattern, PATTERN_BYTES_MAX);
	subject = fuzz_bytes(&subject, SUBJECT_BYTES_MAX);
	check_quoted(pattern, subject);
	struct regex *regex = compile(pattern);
	if (!regex)
		return 0;
	enum regex_result result = search(regex, subject);
	check_written_as("(?:", pattern, ")", subject, result);
	check_written_as("(?:", pattern, ")|[^\\x00-\\x{10FFFF}]", subject, result);
	if (pattern.len == 0 || !memmem(pattern.ptr, pattern.len, "\\Q", 2))
		(void)check_groups(pattern, subject, result);
	regex_free(regex);
	return 0;
}
