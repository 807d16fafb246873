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

#include "tests/support/key_oracle.h"
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
	"/^gen_ai\\.(.+\\.)?contents?(\\.[0-9]+)?$/",
	"/^gen_ai\\.(input|prompt)[._]size$/",
	"/^gen_ai\\.(input|prompt)?_ids$/",
	"/^gen_ai\\.(a|prompt)\\.x$/",
	"/^gen_ai\\.(text|size)+$/",
	"/^gen_ai\\.prompt\\.(x|y)/",
	"/^a\\.[A-Za-z0-9_-]+\\.(messages?|prompt|text)(\\..*)?$/",
	"/^a\\.[a-z_]+\\.(text|messages)?/",
	"/^genkit:input\\.(x|y)$/",
	"/^a\\.b\\.(c|x)$/",
	"/^b\\.x\\./",
	"/^a\\.b\\.(text|w)$/",
	"/^a\\.b\\.[0-9]+$/",
	"/^genkit:input\\.[0-9]+$/",
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

static int set_up(void **state)
{
	static struct key_oracle oracle;
	struct err err;
	key_oracle_init(&oracle);
	for (size_t i = 0; i < PATTERNS; i++)
		key_oracle_add(&oracle, slice_str(patterns[i]));
	assert_int_not_equal(key_table_add(oracle.keys, SLICE("a.b.message.content"), &err), 0);
	key_oracle_freeze(&oracle);
	*state = &oracle;
	return 0;
}

static int tear_down(void **state)
{
	key_oracle_fini(*state);
	return 0;
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
			key_oracle_check(*state, buf_slice(&key));
	}
	buf_fini(&key);
}

static void registered_keys_know_their_patterns(void **state)
{
	key_oracle_check(*state, SLICE("a.b.message.content"));
	key_oracle_check(*state, SLICE("gen_ai.prompt"));
	key_oracle_check(*state, SLICE("a.b.c"));
}

static void expressions_with_the_same_prefix_are_all_tried(void **state)
{
	static const char *const keys[] = {
		"a.b.c",  "a.b.x",	    "a.b.text",	       "a.b.w",	  "a.b.12",
		"a.b.1x", "genkit:input.x", "genkit:input.12", "a.b.c.d", "a.b.text."};
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		key_oracle_check(*state, slice_str(keys[i]));
}

/* Where no pattern is, and nobody else. */
static void every_registered_key_is_found_in_a_namespace_of_its_own(void **state)
{
	enum { KEYS = 1000 };
	struct key_oracle f;
	struct err err;
	key_id ids[KEYS];
	char key[40];
	(void)state;
	key_oracle_init(&f);
	key_oracle_add(&f, SLICE("a.*"));
	for (unsigned i = 0; i < KEYS; i++) {
		(void)snprintf(key, sizeof(key), "n%u%ckey", i, i % 2 ? '.' : ':');
		ids[i] = key_table_add(f.keys, slice_str(key), &err);
	}
	key_oracle_freeze(&f);
	for (unsigned i = 0; i < KEYS; i++) {
		int len = snprintf(key, sizeof(key), "n%u%ckey", i, i % 2 ? '.' : ':');
		const uint8_t *bytes = (const uint8_t *)key;
		assert_int_equal(key_cache_find(f.cache, bytes, (size_t)len), ids[i]);
		assert_int_not_equal(key_cache_find(f.cache, bytes, (size_t)len - 1), ids[i]);
	}
	key_oracle_fini(&f);
}

static void keys_share_an_id_when_they_match_the_same(void **state)
{
	struct key_oracle *f = *state;
	key_id first = key_cache_find(f->cache, (const uint8_t *)"q.one", 5);
	key_id second = key_cache_find(f->cache, (const uint8_t *)"q.two", 5);
	assert_int_equal(first, second);
	assert_true(first >= KEY_ID_SET_FIRST);
	assert_false(key_id_is_exact(first));
}

/* More new keys than slots and ring hold, then the same again in another order. */
static void a_flood_of_keys_changes_no_answer(void **state)
{
	struct key_oracle *f = *state;
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
	key_oracle_check(f, SLICE("gen_ai.prompt.0.content"));
}

static void long_keys_are_not_looked_at(void **state)
{
	struct key_oracle *f = *state;
	uint8_t key[KEY_MATCHED_BYTES_MAX + 1];
	memset(key, 'k', sizeof(key));
	assert_true(key_cache_find(f->cache, key, sizeof(key) - 1) >= KEY_ID_SET_FIRST);
	assert_int_equal(key_cache_find(f->cache, key, sizeof(key)), KEY_ID_TOO_LONG);
}

static void keys_with_control_characters_are_not_told(void **state)
{
	static const struct slice keys[] = {SLICE_INIT("a.b\0"),
					    SLICE_INIT("q\n"),
					    SLICE_INIT("gen_ai.prompt.0.content\x1f.more"),
					    SLICE_INIT("gen_ai.prompt\x7f"),
					    SLICE_INIT("gen_ai.prompt\xc2\x85"),
					    SLICE_INIT("gen_ai.prompt\xff"),
					    SLICE_INIT("\xc3"),
					    SLICE_INIT("")};
	struct key_oracle *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		assert_int_equal(key_cache_find(f->cache, keys[i].ptr, keys[i].len),
				 KEY_ID_UNRESOLVED);
}

/* Each sequence at each place of keys of several lengths: words of eight bytes are looked at. */
static void what_cannot_be_printed_is_seen_at_every_place(void **state)
{
	static const struct {
		const char *text;
		bool told;
	} sequences[] = {
		{" ", true},	     {"~", true},
		{"\x1f", false},     {"\x7f", false},
		{"\x01", false},     {"\xc2\x80", false},
		{"\xc2\x9f", false}, {"\xc2\xa0", true},
		{"\xc2\xbf", true},  {"\xc3\x85", true},
		{"\xc2", false},     {"\x85", false},
		{"\xc3", false},     {"\xe2\x82\xac", true},
		{"\xe2\x82", false}, {"\xff", false},
	};
	struct key_oracle *f = *state;
	for (size_t i = 0; i < ARRAY_COUNT(sequences); i++) {
		size_t len = strlen(sequences[i].text);
		for (size_t total = len; total <= 40; total++) {
			for (size_t at = 0; at + len <= total; at++) {
				uint8_t key[40];
				memset(key, 'k', sizeof(key));
				memcpy(key + at, sequences[i].text, len);
				key_id id = key_cache_find(f->cache, key, total);
				if ((id != KEY_ID_UNRESOLVED) != sequences[i].told)
					fail_msg("sequence %zu at %zu of %zu", i, at, total);
			}
		}
	}
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
		cmocka_unit_test(expressions_with_the_same_prefix_are_all_tried),
		cmocka_unit_test(every_registered_key_is_found_in_a_namespace_of_its_own),
		cmocka_unit_test(keys_share_an_id_when_they_match_the_same),
		cmocka_unit_test(a_flood_of_keys_changes_no_answer),
		cmocka_unit_test(long_keys_are_not_looked_at),
		cmocka_unit_test(keys_with_control_characters_are_not_told),
		cmocka_unit_test(what_cannot_be_printed_is_seen_at_every_place),
		cmocka_unit_test(bad_patterns_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
