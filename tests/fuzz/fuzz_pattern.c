/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A regular expression (the first line) and the text to search (the rest). The same search twice
 * says the same, and so it does however the pattern is written: in a group, beside itself, or, for
 * one that is only text, quoted and looked for byte by byte. What is refused says so as Go does.
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

/* The pattern as a text that means itself, searched without a regular expression. */
static void check_quoted(struct slice text, struct slice subject)
{
	struct buf quoted = BUF_INIT;
	if (text.len == 0 || !utf8_valid(text) || !utf8_valid(subject))
		return;
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("\\.+*?()|[]{}^$", text.ptr[i]) && text.ptr[i])
			buf_append_byte(&quoted, '\\');
		buf_append_byte(&quoted, text.ptr[i]);
	}
	struct regex *regex = compile(buf_slice(&quoted));
	bool found = subject.len > 0 && memmem(subject.ptr, subject.len, text.ptr, text.len);
	fuzz_must(regex && search(regex, subject) == (found ? REGEX_MATCH : REGEX_NO_MATCH));
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
	regex_free(regex);
	return 0;
}
