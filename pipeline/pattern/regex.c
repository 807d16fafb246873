/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling and matching. Options keep RE2's meaning: subjects are UTF-8 and may be damaged, `$` is
 * the very end unless (?m), classes like \d are ASCII (no UCP), `^` under (?m) also matches after a
 * final line break.
 *
 * PCRE2 backtracks, RE2 does not, and subjects come from peers. So a search is bounded three times:
 * steps and heap per start position, and time over all start positions (a callout at the head of
 * the pattern looks at the clock). What breaks a bound is tried once more with the DFA matcher,
 * which takes no exponential time, but quadratic time in the subject and in its work space: so both
 * are small, and what it cannot do (longer or damaged text, too many states) is an error.
 *
 * Ownership: a regex owns its code; scratch belongs to one shard.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pipeline/pattern/regex.h"

#include "pipeline/base/clock.h"

#include <pcre2.h>
#include <stdlib.h>

struct regex {
	pcre2_code *code;
	pcre2_code *strict; /* the same without MATCH_INVALID_UTF, which the DFA matcher refuses */
	struct regex *next;
};

enum { CALLOUT_CLOCK_EVERY = 32 }; /* start positions between two looks at the clock */

struct stopwatch {
	uint64_t deadline_ns;
	uint32_t callouts;
};

static pcre2_code *compile(const struct buf *translated, uint32_t option, int *ret_error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	if (!context)
		return NULL;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	PCRE2_SIZE offset;
	pcre2_code *code =
		pcre2_compile(translated->data, translated->len,
			      PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX |
				      PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C | option,
			      ret_error, &offset, context);
	pcre2_compile_context_free(context);
	return code;
}

struct regex *regex_new(struct slice pattern, struct err *err)
{
	struct buf translated = BUF_INIT;
	struct regex *regex = calloc(1, sizeof(*regex));
	int error = 0;
	buf_append_str(&translated, "(?C1)(?:");
	if (!regex)
		err_set(err, ERR_NOMEM, "no memory for a regular expression");
	else if (re2_translate(pattern, &translated, err) == 0) {
		buf_append_byte(&translated, ')');
		if (!translated.failed) {
			regex->code = compile(&translated, PCRE2_MATCH_INVALID_UTF, &error);
			regex->strict = compile(&translated, 0, &error);
		}
		if (!regex->code || !regex->strict) {
			PCRE2_UCHAR text[128] = "out of memory";
			if (error != 0)
				pcre2_get_error_message(error, text, sizeof(text));
			err_set(err, ERR_CONFIG, "error parsing regexp: %s: `%.*s`", (char *)text,
				SLICE_FMT(pattern));
		}
	}
	buf_fini(&translated);
	if (!regex || !regex->code || !regex->strict) {
		regex_free(regex);
		return NULL;
	}
	/* Where executable memory is forbidden this fails and the interpreter does the work. */
	(void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
	return regex;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	pcre2_code_free(regex->strict);
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
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	*scratch = (struct regex_scratch){
		.match_data = match,
		.context = context,
		.dfa_words = calloc(REGEX_DFA_WORDS, sizeof(int)),
	};
	if (!match || !context || !scratch->dfa_words) {
		regex_scratch_fini(scratch);
		return -1;
	}
	pcre2_set_match_limit(context, REGEX_STEPS_MAX);
	pcre2_set_heap_limit(context, REGEX_HEAP_KIB_MAX);
	return 0;
}

void regex_scratch_fini(struct regex_scratch *scratch)
{
	pcre2_match_data_free(scratch->match_data);
	pcre2_match_context_free(scratch->context);
	free(scratch->dfa_words);
	*scratch = (struct regex_scratch){0};
}

/* Called at each start position that PCRE2 tries. Negative ends the search with that code. */
static int look_at_clock(pcre2_callout_block *block, void *arg)
{
	struct stopwatch *watch = arg;
	(void)block;
	if (++watch->callouts % CALLOUT_CLOCK_EVERY != 0)
		return 0;
	uint64_t now = clock_monotonic_ns();
	if (watch->deadline_ns == 0)
		watch->deadline_ns = now + REGEX_TIME_MS_MAX * NS_PER_MS;
	return now > watch->deadline_ns ? PCRE2_ERROR_CALLOUT : 0;
}

enum regex_result regex_search(const struct regex *regex, struct slice subject,
			       struct regex_scratch *scratch)
{
	struct stopwatch watch = {0};
	const uint8_t *text = subject.ptr ? subject.ptr : (const uint8_t *)"";
	pcre2_set_callout(scratch->context, look_at_clock, &watch);
	int found = pcre2_match(regex->code, text, subject.len, 0, 0, scratch->match_data,
				scratch->context);
	if (found < 0 && found != PCRE2_ERROR_NOMATCH && subject.len <= REGEX_DFA_SUBJECT_MAX) {
		watch = (struct stopwatch){0};
		found = pcre2_dfa_match(regex->strict, text, subject.len, 0, PCRE2_DFA_SHORTEST,
					scratch->match_data, scratch->context, scratch->dfa_words,
					REGEX_DFA_WORDS);
	}
	if (found >= 0)
		return REGEX_MATCH;
	return found == PCRE2_ERROR_NOMATCH ? REGEX_NO_MATCH : REGEX_FAILED;
}
