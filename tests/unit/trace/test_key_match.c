/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which patterns a key matches, against the naive answer: every prefix compared, every expression
 * run. The gates that spare most of that work must never lose a match.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/pattern/regex.h"
#include "pipeline/trace/key_cache.h"
#include "tests/support/trace_wire.h"

#include <stdio.h>

static const char *const patterns[] = {
	"gen_ai.prompt",
	"gen_ai.prompt.*",
	"gen_ai.*",
	"a.*",
	"a.b.*",
	"a.b.c",
	"genkit:input",
	"/^gen_ai\\.(prompt|completion)\\.[0-9]+(\\..+)?$/",
	"/^gen_ai\\.[a-z_]+\\.message$/",
	"/^a/",
	"/^a?b/",
	"/^ab*\\.c/",
	"/b\\.c/",
	"/_count$/",
	"/\\.size$/",
	"/(^|\\.)message\\.(content|text)(\\.|$)/",
	"/(^|[._])logprobs(\\.|$)/",
	"/(^|[._])(prompt|input)?_?token_ids$/",
	"/\\.pii\\./",
	"/x\\.y|z\\.w$/",
	"/(?i)secret/",
	"/\\x61bcd$/",
	"/\\.messages?$/",
	"/_[ab]_ids/",
	"/[]_.]ids$/",
	"/\\.[^\\]]ize/",
	"/\\.siz{1,2}e$/",
	"/\\dids$/",
	"/\\Qa.b\\E\\.size/",
	"/^\\Qa.b\\E/",
	"/.+/",
};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

static const char *const parts[] = {
	"gen_ai", "prompt", "completion", "message", "messages", "content",  "text",  "a",
	"b",	  "c",	    "0",	  "12",	     "pii",	 "logprobs", "token", "ids",
	"x",	  "y",	    "z",	  "w",	     "count",	 "size",     "sizze", "SECRET",
	"abcd",	  "",	    "genkit",	  "input",   "]",	 "q",
};
static const char *const joints[] = {".", ".", ".", "_", ":", ""};

struct fixture {
	struct key_table *keys;
	pattern_id ids[PATTERNS];
	struct regex *regexes[PATTERNS];
	struct regex_scratch scratch;
	struct key_cache *cache;
};

static int set_up(void **state)
{
	static struct fixture f;
	struct err err;
	f.keys = key_table_new();
	for (size_t i = 0; i < PATTERNS; i++) {
		struct slice text = slice_str(patterns[i]);
		f.ids[i] = key_table_add_pattern(f.keys, text, &err);
		if (f.ids[i] == 0)
			fail_msg("%s: %s", patterns[i], err.msg);
		if (text.ptr[0] == '/')
			f.regexes[i] = regex_new(slice_of(text.ptr + 1, text.len - 2), &err);
	}
	assert_int_not_equal(key_table_add(f.keys, SLICE("a.b.message.content"), &err), 0);
	assert_int_equal(key_table_freeze(f.keys, &err), 0);
	assert_int_equal(regex_scratch_init(&f.scratch), 0);
	f.cache = key_cache_new(f.keys);
	assert_non_null(f.cache);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < PATTERNS; i++)
		regex_free(f->regexes[i]);
	regex_scratch_fini(&f->scratch);
	key_cache_free(f->cache);
	key_table_free(f->keys);
	return 0;
}

static bool matches(struct fixture *f, size_t at, struct slice key)
{
	struct slice text = slice_str(patterns[at]);
	if (f->regexes[at])
		return regex_search(f->regexes[at], key, &f->scratch) == REGEX_MATCH;
	if (!slice_has_suffix(text, SLICE(".*")))
		return slice_equal(text, key);
	text.len -= 2;
	return slice_has_prefix(key, text) && (key.len == text.len || key.ptr[text.len] == '.');
}

static void check_key(struct fixture *f, struct slice key)
{
	key_id id = key_cache_find(f->cache, key.ptr, key.len);
	struct key_set set = key_cache_set(f->cache, id);
	size_t found = 0;
	for (size_t i = 0; i < PATTERNS; i++) {
		bool in_set = false;
		for (size_t j = 0; j < set.count; j++)
			in_set |= set.at[j] == f->ids[i];
		if (in_set != matches(f, i, key))
			fail_msg("%.*s and %s: %s", SLICE_FMT(key), patterns[i],
				 in_set ? "found, but is no match" : "lost");
		found += in_set;
	}
	assert_int_equal(found, set.count);
	key_id exact = key_table_find(f->keys, key);
	if (exact != KEY_ID_NONE)
		assert_int_equal(id, exact);
	assert_int_equal(key_cache_find(f->cache, key.ptr, key.len), id);
}

static void random_keys_match_what_the_naive_answer_says(void **state)
{
	uint64_t rng = 7;
	struct buf key = BUF_INIT;
	for (int round = 0; round < 30000; round++) {
		buf_reset(&key);
		uint32_t count = 1 + tw_below(&rng, 6);
		for (uint32_t i = 0; i < count; i++) {
			if (i > 0)
				buf_append_str(&key, joints[tw_below(&rng, ARRAY_COUNT(joints))]);
			buf_append_str(&key, parts[tw_below(&rng, ARRAY_COUNT(parts))]);
		}
		if (key.len > 0)
			check_key(*state, buf_slice(&key));
	}
	buf_fini(&key);
}

static void registered_keys_know_their_patterns(void **state)
{
	check_key(*state, SLICE("a.b.message.content"));
	check_key(*state, SLICE("gen_ai.prompt"));
	check_key(*state, SLICE("a.b.c"));
}

static void keys_share_an_id_when_they_match_the_same(void **state)
{
	struct fixture *f = *state;
	key_id first = key_cache_find(f->cache, (const uint8_t *)"q.one", 5);
	key_id second = key_cache_find(f->cache, (const uint8_t *)"q.two", 5);
	assert_int_equal(first, second);
	assert_true(first >= KEY_ID_SET_FIRST);
	assert_false(key_id_is_exact(first));
}

/* More new keys than slots and ring hold, then the same again in another order. */
static void a_flood_of_keys_changes_no_answer(void **state)
{
	struct fixture *f = *state;
	char key[80];
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 20000; i++) {
			unsigned number = round ? 19999 - i : i;
			int len = snprintf(key, sizeof(key), "%s.%u%s",
					   number % 3 ? "flood" : "gen_ai.flood", number,
					   number % 5 ? "" : "_count");
			struct slice text = slice_of(key, (size_t)len);
			struct key_set set = key_cache_set(
				f->cache, key_cache_find(f->cache, text.ptr, text.len));
			unsigned expected = 1u + (number % 3 == 0) + (number % 5 == 0);
			assert_int_equal(set.count, expected);
		}
	}
	check_key(f, SLICE("gen_ai.prompt.0.content"));
}

static void long_keys_are_not_looked_at(void **state)
{
	struct fixture *f = *state;
	uint8_t key[KEY_MATCHED_BYTES_MAX + 1];
	memset(key, 'k', sizeof(key));
	assert_true(key_cache_find(f->cache, key, sizeof(key) - 1) >= KEY_ID_SET_FIRST);
	assert_int_equal(key_cache_find(f->cache, key, sizeof(key)), KEY_ID_TOO_LONG);
}

static void bad_patterns_are_refused(void **state)
{
	static const char *const bad[] = {"", "a*", "*.a", "a.*.b", "/(/", "/(?=x)/"};
	struct key_table *keys = key_table_new();
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct err err = {0};
		assert_int_equal(key_table_add_pattern(keys, slice_str(bad[i]), &err), 0);
		assert_int_equal(err.kind, ERR_CONFIG);
	}
	key_table_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_keys_match_what_the_naive_answer_says),
		cmocka_unit_test(registered_keys_know_their_patterns),
		cmocka_unit_test(keys_share_an_id_when_they_match_the_same),
		cmocka_unit_test(a_flood_of_keys_changes_no_answer),
		cmocka_unit_test(long_keys_are_not_looked_at),
		cmocka_unit_test(bad_patterns_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
