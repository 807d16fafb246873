/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling and matching. Three ways lead to an answer, the cheapest first: bytes are compared when
 * the pattern is a literal (literal.c); a text outside of the range in which an anchored pattern's
 * matches lie is none; everything else is RE2's, which takes time linear in the text.
 *
 * Go reads a damaged byte as U+FFFD, RE2 lets nothing match it: so a text that is not UTF-8 is
 * copied with U+FFFD in the damaged places before RE2 sees it.
 *
 * What RE2 learns in searches (the states of its automata) is bounded by the memory given at
 * compile time; when that is used up it starts over, and in the end walks its program, slower by a
 * constant. Ownership: a regex owns its engine; a scratch belongs to one shard.
 */
#include "pipeline/pattern/regex.h"

#include "pipeline/base/utf8.h"
#include "pipeline/pattern/re2_shim.h"
#include "pipeline/pattern/regex_internal.h"

#include <stdlib.h>

struct regex {
	struct re2_engine *engine; /* NULL: the literal is all */
	struct regex *next;
	enum literal_place place;
	struct buf literal;
	bool ranged; /* matches lie between low and high */
	struct slice low, high;
	uint8_t low_bytes[RE2_RANGE_BYTES], high_bytes[RE2_RANGE_BYTES];
};

static int compile(struct regex *regex, struct slice pattern, struct err *err)
{
	struct buf translated = BUF_INIT;
	char error[RE2_ERROR_BYTES] = "out of memory";
	bool anchored, too_large = false;
	if (go_syntax_to_re2(pattern, &translated, &anchored, err) != 0) {
		buf_fini(&translated);
		return -1;
	}
	if (!translated.failed)
		regex->engine = re2_engine_new(translated.data, translated.len, REGEX_MEMORY_BYTES,
					       error, &too_large);
	if (too_large)
		regex->engine = re2_engine_new(translated.data, translated.len,
					       REGEX_MEMORY_BYTES_MAX, error, &too_large);
	buf_fini(&translated);
	if (!regex->engine)
		return err_set(err, ERR_CONFIG, "error parsing regexp: %s", error);
	size_t lens[2];
	regex->ranged = anchored &&
			re2_engine_range(regex->engine, regex->low_bytes, regex->high_bytes, lens);
	if (regex->ranged) {
		regex->low = slice_of(regex->low_bytes, lens[0]);
		regex->high = slice_of(regex->high_bytes, lens[1]);
	}
	return 0;
}

struct regex *regex_new(struct slice pattern, struct err *err)
{
	struct regex *regex = calloc(1, sizeof(*regex));
	if (!regex)
		return err_set(err, ERR_NOMEM, "no memory for a regular expression"), NULL;
	if (pattern.len > REGEX_PATTERN_BYTES_MAX) {
		err_set(err, ERR_CONFIG, "error parsing regexp: longer than %d bytes",
			REGEX_PATTERN_BYTES_MAX);
		regex_free(regex);
		return NULL;
	}
	regex->place = literal_read(pattern, &regex->literal);
	if (regex->place != LITERAL_NONE && !regex->literal.failed)
		return regex;
	buf_fini(&regex->literal);
	regex->place = LITERAL_NONE;
	if (compile(regex, pattern, err) == 0)
		return regex;
	regex_free(regex);
	return NULL;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	re2_engine_free(regex->engine);
	buf_fini(&regex->literal);
	free(regex);
}

void regex_push(struct regex **list, struct regex *regex)
{
	regex->next = *list;
	*list = regex;
}

void regex_list_free(struct regex *list)
{
	while (list) {
		struct regex *next = list->next;
		regex_free(list);
		list = next;
	}
}

int regex_scratch_init(struct regex_scratch *scratch)
{
	*scratch = (struct regex_scratch){.repaired = BUF_INIT};
	return 0;
}

void regex_scratch_fini(struct regex_scratch *scratch)
{
	buf_fini(&scratch->repaired);
}

static bool repair(struct slice text, struct buf *out)
{
	buf_reset(out);
	while (text.len > 0 && !out->failed) {
		size_t len = utf8_sequence_len(text);
		buf_append(out, len > 0 ? slice_of(text.ptr, len) : SLICE("\xef\xbf\xbd"));
		text = slice_of(text.ptr + (len > 0 ? len : 1), text.len - (len > 0 ? len : 1));
	}
	return !out->failed;
}

static enum regex_result search(const struct regex *regex, struct slice text)
{
	/* RE2 tells an empty text from none by its pointer, and finds nothing in none. */
	const uint8_t *ptr = text.ptr ? text.ptr : (const uint8_t *)"";
	if (regex->ranged &&
	    (slice_compare(text, regex->low) < 0 || slice_compare(text, regex->high) > 0))
		return REGEX_NO_MATCH;
	int found = re2_engine_search(regex->engine, ptr, text.len);
	if (found < 0)
		return REGEX_FAILED;
	return found > 0 ? REGEX_MATCH : REGEX_NO_MATCH;
}

enum regex_result regex_search(const struct regex *regex, struct slice subject,
			       struct regex_scratch *scratch)
{
	if (regex->place != LITERAL_NONE)
		return literal_found(regex->place, buf_slice(&regex->literal), subject)
			       ? REGEX_MATCH
			       : REGEX_NO_MATCH;
	if (LIKELY(utf8_valid(subject)))
		return search(regex, subject);
	enum regex_result result = repair(subject, &scratch->repaired)
					   ? search(regex, buf_slice(&scratch->repaired))
					   : REGEX_FAILED;
	if (scratch->repaired.capacity > REGEX_REPAIRED_KEEP_BYTES)
		buf_fini(&scratch->repaired);
	return result;
}
