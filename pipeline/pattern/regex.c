/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling and matching. Three ways lead to an answer, the cheapest first: bytes are compared when
 * the pattern is a literal (literal.c); a text that does not begin as all matches of an anchored
 * pattern do is none; everything else is RE2's, which takes time linear in the text.
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
#include <string.h>

/* What every text with a match begins with: some bytes, and one in a range behind them. */
struct head {
	bool known;
	uint8_t bytes[RE2_RANGE_BYTES];
	size_t len;
	uint8_t low, high;
};

struct regex {
	struct re2_engine *engine; /* NULL: the literal is all */
	struct regex *next;
	enum literal_place place;
	struct buf literal;
	struct head head;
};

/* RE2 tells the least and the greatest text that the expression matches as a whole. All between them
 * share what those two share, and the next byte is between theirs. */
static void find_head(const struct re2_engine *engine, struct head *head)
{
	uint8_t low[RE2_RANGE_BYTES], high[RE2_RANGE_BYTES];
	size_t lens[2], len = 0;
	if (!re2_engine_range(engine, low, high, lens))
		return;
	while (len < lens[0] && len < lens[1] && low[len] == high[len])
		len++;
	if (len >= lens[0] || len >= lens[1])
		return;
	*head = (struct head){.known = true, .len = len, .low = low[len], .high = high[len]};
	memcpy(head->bytes, low, len);
}

static bool has_head(const struct head *head, struct slice text)
{
	return text.len > head->len && slice_has_prefix(text, slice_of(head->bytes, head->len)) &&
	       text.ptr[head->len] >= head->low && text.ptr[head->len] <= head->high;
}

static int compile(struct regex *regex, struct slice pattern, size_t memory_bytes,
		   size_t memory_bytes_max, struct go_groups *groups, struct err *err)
{
	struct buf translated = BUF_INIT;
	char error[RE2_ERROR_BYTES] = "out of memory";
	bool anchored, too_large = false;
	if (go_syntax_to_re2(pattern, &translated, &anchored, groups, err) != 0) {
		buf_fini(&translated);
		return -1;
	}
	if (!translated.failed)
		regex->engine = re2_engine_new(translated.data, translated.len, memory_bytes,
					       groups, error, &too_large);
	if (too_large && memory_bytes < memory_bytes_max)
		regex->engine = re2_engine_new(translated.data, translated.len, memory_bytes_max,
					       groups, error, &too_large);
	buf_fini(&translated);
	if (!regex->engine)
		return err_set(err, ERR_CONFIG, "error parsing regexp: %s", error);
	if (anchored)
		find_head(regex->engine, &regex->head);
	return 0;
}

static struct regex *new_regex(struct slice pattern, size_t memory_bytes, size_t memory_bytes_max,
			       struct go_groups *groups, struct err *err)
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
	regex->place = groups ? LITERAL_NONE : literal_read(pattern, &regex->literal);
	if (regex->place != LITERAL_NONE && !regex->literal.failed)
		return regex;
	buf_fini(&regex->literal);
	regex->place = LITERAL_NONE;
	if (compile(regex, pattern, memory_bytes, memory_bytes_max, groups, err) == 0)
		return regex;
	regex_free(regex);
	return NULL;
}

struct regex *regex_new(struct slice pattern, struct err *err)
{
	return new_regex(pattern, REGEX_MEMORY_BYTES, REGEX_MEMORY_BYTES_MAX, NULL, err);
}

_Static_assert((int)REGEX_GROUPS_MAX == (int)RE2_GROUPS_MAX, "what is noted can be asked for");

struct regex *regex_new_groups(struct slice pattern, struct slice names[REGEX_GROUPS_MAX],
			       size_t *ret_count, struct err *err)
{
	struct go_groups groups = {.names = names, .max = REGEX_GROUPS_MAX};
	struct regex *regex =
		new_regex(pattern, REGEX_MEMORY_BYTES, REGEX_MEMORY_BYTES_MAX, &groups, err);
	if (regex && groups.count > REGEX_GROUPS_MAX) {
		err_set(err, ERR_CONFIG, "error parsing regexp: more than %d groups",
			REGEX_GROUPS_MAX);
		regex_free(regex);
		return NULL;
	}
	*ret_count = groups.count;
	return regex;
}

struct regex *regex_new_within(struct slice pattern, size_t memory_bytes, struct err *err)
{
	return new_regex(pattern, memory_bytes, memory_bytes, NULL, err);
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

static void trim(struct regex_scratch *scratch)
{
	if (scratch->repaired.capacity > REGEX_REPAIRED_KEEP_BYTES)
		buf_fini(&scratch->repaired);
}

static enum regex_result search(const struct regex *regex, struct slice text)
{
	if (!text.ptr) /* RE2 tells an empty text from none by its pointer, and finds nothing in none */
		text = SLICE("");
	if (regex->head.known && !has_head(&regex->head, text))
		return REGEX_NO_MATCH;
	int found = re2_engine_search(regex->engine, text.ptr, text.len);
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
	trim(scratch);
	return result;
}

/* The place in ${text} of what is at ${offset} of its repaired form. */
static size_t before_repair(struct slice text, size_t offset)
{
	size_t at = 0;
	for (size_t repaired = 0; repaired < offset && at < text.len;) {
		size_t len = utf8_sequence_len(slice_of(text.ptr + at, text.len - at));
		repaired += len > 0 ? len : strlen("\xef\xbf\xbd");
		at += len > 0 ? len : 1;
	}
	return at;
}

enum regex_result regex_groups(const struct regex *regex, struct slice subject,
			       struct slice groups[REGEX_GROUPS_MAX], size_t count,
			       struct regex_scratch *scratch)
{
	struct re2_part parts[REGEX_GROUPS_MAX] = {0};
	struct slice text = subject.ptr ? subject : SLICE("");
	bool valid = utf8_valid(subject);
	if (!valid) {
		if (!repair(subject, &scratch->repaired))
			return REGEX_FAILED;
		text = buf_slice(&scratch->repaired);
	}
	int found = re2_engine_groups(regex->engine, text.ptr, text.len, parts, count);
	for (size_t i = 0; found > 0 && i < count; i++) {
		size_t begin = parts[i].off, end = parts[i].off + parts[i].len;
		if (!valid) {
			begin = before_repair(subject, begin);
			end = before_repair(subject, end);
		}
		groups[i] = slice_of(subject.len > 0 ? subject.ptr + begin : NULL, end - begin);
	}
	trim(scratch);
	return found < 0 ? REGEX_FAILED : found > 0 ? REGEX_MATCH : REGEX_NO_MATCH;
}
