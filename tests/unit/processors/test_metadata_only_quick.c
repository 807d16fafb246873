/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast ways of the policy against the one that is easy to follow: what a look at sixteen bytes
 * at a time says of a text must be what the scan over its characters says, and what leaves under
 * unknown keys must be what the scan calls a token. Texts are made by chance, near the bounds: bytes,
 * letters, words joined in every way, what is encoded, UTF-8 whole and cut, short and long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pipeline/base/base64.h"
#include "processors/metadata_only/shape.h"
#include "processors/metadata_only/shape_quick.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/trace_wire.h"

enum { TEXT_MAX = 300 };

/* ---- making up ---- */

static const char *const seeds[] = {
	"meta-llama/Llama-3.1-70B-Instruct",
	"req_0123456789abcdef-AbC-fedcba9876543210",
	"what my doctor wrote to me about it and more",
	"550e8400-e29b-41d4-a716-446655440000",
	"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"caf\xc3\xa9 \xe5\x8c\xbb\xe7\x94\x9f \xf0\x9f\x98\x80",
	"data:text/plain;base64,d2hhdCBpcyBteSBpbGxuZXNz",
	"d2hhdCBpcyBteSBpbGxuZXNz",
	"7768617420697320746865206361706974616c206f66",
	"https://api.example.com/v1/chat/completions",
	"mcp__github__create_pull_request_review_comment",
};

static void append_letters(struct buf *out, uint64_t *rng, const char *letters, size_t count)
{
	for (; count > 0; count--)
		buf_append_byte(out, (uint8_t)letters[tw_below(rng, (uint32_t)strlen(letters))]);
}

static void append_bytes(struct buf *out, uint64_t *rng)
{
	for (uint32_t left = tw_below(rng, 80); left > 0; left--)
		buf_append_byte(out, (uint8_t)tw_random(rng));
}

static void append_class(struct buf *out, uint64_t *rng)
{
	static const char *const classes[] = {"abcdefghxyz", "abcABC",	   "abc019",
					      "aB0_-",	     "abc_-.:/",   "abcXYZ089_-.",
					      "aB ",	     "-_",	   "0123456789abcdef",
					      "aA0/+=-_",    "a?&;\"'{[(%"};
	append_letters(out, rng, classes[tw_below(rng, ARRAY_COUNT(classes))], tw_below(rng, 90));
}

/* Words, as many as a token has at most or a few more or less. */
static void append_words(struct buf *out, uint64_t *rng)
{
	static const char *const joints[] = {"_", "-", ".", "/", "",
					     " ", "+", ":", "1", "\xc2\xa0"};
	const char *joint = joints[tw_below(rng, ARRAY_COUNT(joints))];
	bool hump = tw_below(rng, 2) == 0;
	uint32_t longest = 2 + tw_below(rng, 6);
	for (uint32_t words = 5 + tw_below(rng, 7), i = 0; i < words; i++) {
		if (i > 0)
			buf_append(out, slice_str(joint));
		if (hump)
			append_letters(out, rng, "ABCXYZ", 1);
		append_letters(out, rng, "abcxyz", longest / 2 + tw_below(rng, longest / 2 + 1));
	}
}

/* Letters in a row, near the bounds of 15, 31, 32, 63 and 64. */
static void append_run(struct buf *out, uint64_t *rng)
{
	static const uint8_t lengths[] = {14, 15, 16, 17, 30, 31,  32, 33,
					  34, 62, 63, 64, 65, 128, 129};
	append_letters(out, rng, "_.1a/", tw_below(rng, 3));
	append_letters(out, rng, tw_below(rng, 2) ? "abcxyz" : "abcXYZ",
		       lengths[tw_below(rng, ARRAY_COUNT(lengths))]);
	append_letters(out, rng, "_.1a/ ", tw_below(rng, 3));
}

static void append_encoded(struct buf *out, uint64_t *rng)
{
	struct buf plain = BUF_INIT;
	if (tw_below(rng, 2))
		append_bytes(&plain, rng);
	else
		append_letters(&plain, rng, "what is my illness?", 10 + tw_below(rng, 40));
	append_letters(out, rng, "id_-:.", tw_below(rng, 4));
	if (tw_below(rng, 2))
		buf_append_hex(out, buf_slice(&plain));
	else
		base64_append(out, buf_slice(&plain));
	for (size_t i = 0; tw_below(rng, 2) && i < out->len; i++) {
		if (out->data[i] == '+' || out->data[i] == '/')
			out->data[i] = out->data[i] == '+' ? '-' : '_';
	}
	while (out->len > 0 && out->data[out->len - 1] == '=')
		out->len--;
	buf_fini(&plain);
}

static void append_seed(struct buf *out, uint64_t *rng)
{
	buf_append(out, slice_str(seeds[tw_below(rng, ARRAY_COUNT(seeds))]));
	if (tw_below(rng, 2))
		out->len -= tw_below(rng, (uint32_t)out->len);
	for (uint32_t changes = tw_below(rng, 3); changes > 0; changes--)
		out->data[tw_below(rng, (uint32_t)out->len)] = (uint8_t)tw_random(rng);
	if (tw_below(rng, 4) == 0)
		buf_append(out, slice_str(seeds[tw_below(rng, ARRAY_COUNT(seeds))]));
}

static void make_text(struct buf *out, uint64_t *rng)
{
	buf_reset(out);
	switch (tw_below(rng, 6)) {
	case 0: append_bytes(out, rng); break;
	case 1: append_class(out, rng); break;
	case 2: append_words(out, rng); break;
	case 3: append_run(out, rng); break;
	case 4: append_encoded(out, rng); break;
	default: append_seed(out, rng); break;
	}
	if (tw_below(rng, 16) == 0)
		append_words(out, rng);
	if (out->len > TEXT_MAX)
		out->len = TEXT_MAX;
	assert_false(out->failed);
}

/* ---- of one text ---- */

static void fail_of(const char *what, struct slice text)
{
	struct buf hex = BUF_INIT;
	buf_append_hex(&hex, text);
	fail_msg("%s: %s", what, buf_cstr(&hex));
}

static void guesses_are_right(void **state)
{
	uint64_t rng = 11;
	unsigned plain = 0, tokens = 0, none = 0, unsure = 0;
	struct buf text = BUF_INIT;
	(void)state;
	for (int round = 0; round < 500000; round++) {
		make_text(&text, &rng);
		struct slice bytes = buf_slice(&text);
		bool token = shape_is_token_by_scan(bytes);
		bool is_plain = shape_is_plain(bytes.ptr, bytes.len);
		enum shape_guess guess = shape_guess(bytes);
		plain += is_plain;
		tokens += guess == SHAPE_TOKEN;
		none += guess == SHAPE_NO_TOKEN;
		unsure += guess == SHAPE_UNSURE && token;
		if (is_plain && !token)
			fail_of("plain and no token", bytes);
		if (guess != SHAPE_UNSURE && (guess == SHAPE_TOKEN) != token)
			fail_of(token ? "a token, not guessed" : "guessed, and no token", bytes);
		assert_int_equal(shape_is_token(bytes), token);
	}
	/* Each says something often enough to have been tried. */
	assert_true(plain > 20000 && tokens > 20000 && none > 20000 && unsure > 1000);
	buf_fini(&text);
}

/* Every text of at most three of the characters that plain tokens have, and of one that they lack. */
static void short_texts_are_right(void **state)
{
	static const char letters[] = "aZz09_-./:@ ";
	enum { COUNT = sizeof(letters) - 1 };
	(void)state;
	for (unsigned number = 0; number < COUNT * COUNT * COUNT; number++) {
		const uint8_t text[] = {(uint8_t)letters[number % COUNT],
					(uint8_t)letters[number / COUNT % COUNT],
					(uint8_t)letters[number / COUNT / COUNT]};
		for (size_t len = 1; len <= sizeof(text); len++) {
			bool foreign = memchr(text, '@', len) || memchr(text, ' ', len);
			struct slice bytes = slice_of(text, len);
			assert_int_equal(shape_is_plain(text, len), !foreign);
			if (!foreign && !shape_is_token_by_scan(bytes))
				fail_of("plain and no token", bytes);
		}
	}
}

/* ---- of what leaves ---- */

enum { TEXTS = 24 };

struct span_of_texts {
	struct buf texts[TEXTS], body;
	bool in_list[TEXTS];
};

static void put_text(struct buf *body, unsigned number, struct slice text, bool in_list)
{
	char key[32];
	(void)snprintf(key, sizeof(key), "acme.unknown.%02u", number);
	size_t pair = tw_open(body, SPAN_ATTRIBUTES);
	tw_text(body, KEY_VALUE_KEY, key);
	size_t any = tw_open(body, KEY_VALUE_VALUE);
	if (in_list) {
		size_t list = tw_open(body, ANY_VALUE_ARRAY);
		size_t item = tw_open(body, ARRAY_VALUE_VALUES);
		tw_bytes(body, ANY_VALUE_STRING, text);
		tw_close(body, item);
		tw_close(body, list);
	} else {
		tw_bytes(body, ANY_VALUE_STRING, text);
	}
	tw_close(body, any);
	tw_close(body, pair);
}

static void make_span(struct span_of_texts *s, uint64_t *rng)
{
	struct buf span = BUF_INIT;
	tw_text(&span, SPAN_NAME, "chat of a user");
	for (unsigned i = 0; i < TEXTS; i++) {
		make_text(&s->texts[i], rng);
		s->in_list[i] = tw_below(rng, 4) == 0;
		put_text(&span, i, buf_slice(&s->texts[i]), s->in_list[i]);
	}
	buf_reset(&s->body);
	tw_request_of_span(&s->body, buf_slice(&span));
	buf_fini(&span);
}

/* The value of attribute ${number}; false when it is not there. */
static bool find(const struct trace_view *view, unsigned number, struct value *ret_value)
{
	char key[32];
	struct attr_view attr;
	struct owner owner = {OWNER_SPAN, 0};
	struct attr_cursor cursor = view_attrs(view, owner);
	(void)snprintf(key, sizeof(key), "acme.unknown.%02u", number);
	while (view_next_attr(view, &cursor, &attr)) {
		if (!slice_equal(attr.key, slice_str(key)))
			continue;
		*ret_value = view_attr_value(view, owner, &attr);
		return true;
	}
	return false;
}

/* A list stays without what went from it. */
static void check_span(struct policy_fixture *f, const struct span_of_texts *s, bool tokens)
{
	struct err err;
	struct value value;
	struct chunk *chunk = policy_fixture_run(f, buf_slice(&s->body));
	assert_non_null(chunk);
	assert_int_equal(view_open(f->view, chunk_slice(chunk), &err), 0);
	for (unsigned i = 0; i < TEXTS; i++) {
		struct slice text = buf_slice(&s->texts[i]);
		struct slice rest = slice_trim(text);
		bool stays = tokens && shape_is_token_by_scan(text);
		bool found = find(f->view, i, &value);
		/* JSON is judged by its pairs. */
		if (text.len == 0 || (rest.len > 0 && memchr("{[\"", rest.ptr[0], 3)))
			continue;
		assert_true(found || !s->in_list[i]);
		if ((found && value.bytes.len > 0) != stays)
			fail_of(stays ? "a token went" : "a text left", text);
	}
	view_close(f->view);
	chunk_unref(chunk);
}

static void only_tokens_leave(void **state)
{
	static const char *const modes[] = {"{}", "{mode: strict}"};
	uint64_t rng = 12;
	struct span_of_texts s = {.body = BUF_INIT};
	(void)state;
	for (size_t mode = 0; mode < ARRAY_COUNT(modes); mode++) {
		struct policy_fixture f;
		policy_fixture_init(&f, modes[mode]);
		assert_non_null(f.self);
		for (int round = 0; round < 2000; round++) {
			make_span(&s, &rng);
			check_span(&f, &s, mode == 0);
		}
		policy_fixture_fini(&f);
	}
	for (unsigned i = 0; i < TEXTS; i++)
		buf_fini(&s.texts[i]);
	buf_fini(&s.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guesses_are_right),
		cmocka_unit_test(short_texts_are_right),
		cmocka_unit_test(only_tokens_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
