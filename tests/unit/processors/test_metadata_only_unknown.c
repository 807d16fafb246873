/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof for keys that nobody has seen yet: made up in the style of real conventions, with prose,
 * JSON, printed maps, lists, encodings and code as values, none of which may pass; and with tokens,
 * numbers and ids, which have to. Seeds are fixed: the same keys and values every time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/policy_fixture.h"
#include "tests/support/trace_wire.h"

#include <openssl/evp.h>

enum { KEYS = 5000 };

/* ---- making up ---- */

static const char *const prefixes[] = {
	"acme", "gen_ai.acme", "llm.acme", "ai.acme", "agent",	"langgraph", "rag",    "acme.chat",
	"crew", "flow",	       "mcp.acme", "x",	      "bot.v2", "svc",	     "lab.run"};
static const char *const middles[] = {"",	  ".request", ".step",	  ".turn",
				      ".payload", ".node",    ".trace_x", ".out_x",
				      "_inner",	  ".0.thing", ".detail"};
static const char *const ends[] = {"note",  "said",    "ask",	"reply", "thought", "summary_x",
				   "draft", "caption", "label", "state", "blob",    "extra"};

static const char *const english[] = {"what",	"does", "the",	  "doctor", "say", "about",
				      "my",	"pain", "please", "tell",   "me",  "why",
				      "mother", "lost", "her",	  "money",  "in",  "Berlin"};
static const char *const german[] = {"warum",
				     "hat",
				     "der",
				     "Arzt",
				     "mir",
				     "nichts",
				     "\xc3\xbc"
				     "ber",
				     "meine",
				     "Krankheit",
				     "gesagt"};
static const char *const russian[] = {"\xd0\xbf\xd0\xbe\xd1\x87\xd0\xb5\xd0\xbc\xd1\x83",
				      "\xd0\xb2\xd1\x80\xd0\xb0\xd1\x87",
				      "\xd0\xbc\xd0\xbd\xd0\xb5", "\xd0\xbd\xd0\xb5",
				      "\xd1\x81\xd0\xba\xd0\xb0\xd0\xb7\xd0\xb0"
				      "\xd0\xbb"};
static const char *const arabic[] = {"\xd9\x84\xd9\x85\xd8\xa7\xd8\xb0\xd8\xa7",
				     "\xd8\xa7\xd9\x84\xd8\xb7\xd8\xa8\xd9\x8a\xd8\xa8",
				     "\xd9\x84\xd9\x85", "\xd9\x8a\xd9\x82\xd9\x84"};
static const char *const chinese[] = {"\xe5\x8c\xbb\xe7\x94\x9f", "\xe6\xb2\xa1\xe6\x9c\x89",
				      "\xe5\x91\x8a\xe8\xaf\x89", "\xe6\x88\x91\xe7\x9a\x84",
				      "\xe7\x97\x85\xe6\x83\x85"};
static const char *const thai[] = {"\xe0\xb8\xab\xe0\xb8\xa1\xe0\xb8\xad",
				   "\xe0\xb9\x84\xe0\xb8\xa1\xe0\xb9\x88",
				   "\xe0\xb8\x9a\xe0\xb8\xad\xe0\xb8\x81"};
static const char *const korean[] = {"\xec\x9d\x98\xec\x82\xac\xea\xb0\x80",
				     "\xeb\xa7\x90\xed\x95\x98\xec\xa7\x80",
				     "\xec\x95\x8a\xec\x95\x98\xeb\x8b\xa4"};

static const struct language {
	const char *const *words;
	size_t count;
	const char *space;
} languages[] = {
	{english, ARRAY_COUNT(english), " "},
	{english, ARRAY_COUNT(english), " "},
	{german, ARRAY_COUNT(german), " "},
	{russian, ARRAY_COUNT(russian), " "},
	{arabic, ARRAY_COUNT(arabic), " "},
	{chinese, ARRAY_COUNT(chinese), ""},
	{thai, ARRAY_COUNT(thai), ""},
	{korean, ARRAY_COUNT(korean), " "},
	{english, ARRAY_COUNT(english), "\xc2\xa0"},
	{german, ARRAY_COUNT(german), "\n"},
};

static const char *const code[] = {
	"def f(x):\n    return x + 1",
	"print(\"@\")",
	"const a = await fetch('@');",
	"SELECT name FROM patients WHERE note = '@'",
	"for (int i = 0; i < 9; i++) puts(\"@\");",
	"fmt.Println(\"@\")",
	"x=>x.map(y=>y+1)",
	"#include <stdio.h>",
	"rm -rf /tmp/@",
	"<p>@</p>",
	"let v = vec![1, 2];",
	"public class A { String s = \"@\"; }",
	"items.forEach(item=>console.log(item));",
	"[x for x in range(9) if x]",
	"echo \"@\" | sort -u",
	"\xd8\xa3 = (\xd8\xa8)",
};

static const char *pick(uint64_t *rng, const char *const *words, size_t count)
{
	return words[tw_below(rng, (uint32_t)count)];
}

#define PICK(rng, words) pick(rng, words, ARRAY_COUNT(words))

static void put_prose(uint64_t *rng, struct buf *out, size_t words_min)
{
	const struct language *l = &languages[tw_below(rng, ARRAY_COUNT(languages))];
	size_t count = words_min + tw_below(rng, 12);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i > 0 ? l->space : "", pick(rng, l->words, l->count));
}

/* ${template} with ${said} for its @. */
static void put_template(struct buf *out, const char *template, const char *said)
{
	for (; *template; template ++) {
		if (*template == '@')
			buf_append_str(out, said);
		else
			buf_append_byte(out, (uint8_t) * template);
	}
}

static void put_joined(uint64_t *rng, struct buf *out)
{
	static const char *const joints[] = {"_", "-", "+", "%20", ",", "_"};
	const char *joint = PICK(rng, joints);
	size_t count = 10 + tw_below(rng, 8);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i > 0 ? joint : "", PICK(rng, english));
}

static void put_capitals(uint64_t *rng, struct buf *out)
{
	for (int i = 0; i < 16; i++) {
		const char *word = PICK(rng, english);
		buf_append_byte(out, (uint8_t)(word[0] & ~0x20));
		buf_append_str(out, word + 1);
	}
}

static void put_encoded(uint64_t *rng, struct buf *out)
{
	struct buf plain = BUF_INIT;
	char text[2048];
	put_prose(rng, &plain, 5);
	switch (tw_below(rng, 4)) {
	case 0:
		for (size_t i = 0; i < plain.len; i++)
			buf_printf(out, "%02x", plain.data[i]);
		break;
	case 1: buf_append_str(out, "data:text/plain;base64,"); /* fall through */
	default:
		(void)EVP_EncodeBlock((unsigned char *)text, plain.data, (int)plain.len);
		for (char *at = text; tw_below(rng, 2) && *at; at++)
			*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
		buf_append_str(out, text);
	}
	buf_fini(&plain);
}

/* A value that is a text around ${said}. */
static void put_map(uint64_t *rng, const char *said, struct buf *out)
{
	static const char *const maps[] = {
		"{\"a\":1,\"b\":\"@\"}",
		" [{\"x\":{\"y\":[true,\"@\"]}}]",
		"\xef\xbb\xbf{\"a\":\"@\"}",
		"\xc2\xa0{\"a\":\"@\"}",
		"data: {\"a\":\"@\"}",
		"\"{\\\"a\\\":\\\"@\\\"}\"",
		"{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"c\\\\\\\":\\\\\\\"@\\\\\\\"}\\\"}\"}",
		"{\"@\":1}",
		"{a=@, b=1}",
		"map[a:@ b:1]",
		"{a: '@'}",
		"{'a': '@', 'b': None}",
		"[object Object],@",
		"Message(content='@', role='user')",
		"&{@ user}",
		"[\"@\",\"ok\"]",
		"\"@\"",
		"{\"a\":\"@",
	};
	put_template(out, PICK(rng, maps), said);
}
enum form { TEXT = 0, ITEM, PAIR, BYTES, FORMS };

static void put_value(struct buf *out, enum form form, struct slice text)
{
	if (form == TEXT) {
		tw_bytes(out, ANY_VALUE_STRING, text);
	} else if (form == BYTES) {
		tw_bytes(out, ANY_VALUE_BYTES, text);
	} else if (form == ITEM) {
		size_t array = tw_open(out, ANY_VALUE_ARRAY);
		size_t item = tw_open(out, ARRAY_VALUE_VALUES);
		tw_text(out, ANY_VALUE_STRING, "ok");
		tw_close(out, item);
		item = tw_open(out, ARRAY_VALUE_VALUES);
		tw_bytes(out, ANY_VALUE_STRING, text);
		tw_close(out, item);
		tw_close(out, array);
	} else {
		size_t map = tw_open(out, ANY_VALUE_KVLIST);
		size_t pair = tw_open(out, KVLIST_VALUES);
		tw_text(out, KEY_VALUE_KEY, "inner");
		size_t any = tw_open(out, KEY_VALUE_VALUE);
		tw_bytes(out, ANY_VALUE_STRING, text);
		tw_close(out, any);
		tw_close(out, pair);
		tw_close(out, map);
	}
}

static void put_attr(struct buf *out, const char *key, enum form form, struct slice text)
{
	size_t pair = tw_open(out, SPAN_ATTRIBUTES);
	tw_text(out, KEY_VALUE_KEY, key);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	put_value(out, form, text);
	tw_close(out, any);
	tw_close(out, pair);
}

static void make_key(uint64_t *rng, unsigned number, char key[128])
{
	(void)snprintf(key, 128, "%s%s.%s_%u", PICK(rng, prefixes), PICK(rng, middles),
		       PICK(rng, ends), number);
}

/* ---- content ---- */

/* Writes a value that says something to ${value}, and what must not be found of it to ${said}. */
static void make_content(uint64_t *rng, struct buf *value, struct buf *said)
{
	buf_reset(value);
	buf_reset(said);
	switch (tw_below(rng, 6)) {
	case 0: put_joined(rng, said); break;
	case 1: put_capitals(rng, said); break;
	case 2: put_encoded(rng, said); break;
	case 3:
		put_prose(rng, value, 5);
		put_template(said, PICK(rng, code), buf_cstr(value));
		break;
	default: put_prose(rng, said, 4); break;
	}
	buf_reset(value);
	if (tw_below(rng, 3) == 0)
		put_map(rng, buf_cstr(said), value);
	else
		buf_append(value, buf_slice(said));
}

static void nothing_said_under_unknown_keys_passes(void **state)
{
	struct policy_fixture f;
	uint64_t rng = 2026;
	unsigned passed = 0;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (unsigned i = 0; i < KEYS; i++) {
		struct buf body = BUF_INIT, span = BUF_INIT, value = BUF_INIT, said = BUF_INIT;
		char key[128];
		make_key(&rng, i, key);
		make_content(&rng, &value, &said);
		put_attr(&span, key, (enum form)tw_below(&rng, FORMS), buf_slice(&value));
		tw_request_of_span(&body, buf_slice(&span));
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		if (policy_holds(chunk_slice(chunk), buf_cstr(&said))) {
			if (passed++ < 20)
				print_error("%s: %s\n", key, buf_cstr(&value));
		}
		chunk_unref(chunk);
		buf_fini(&body);
		buf_fini(&span);
		buf_fini(&value);
		buf_fini(&said);
	}
	print_message("%d unknown keys with content, %u passed\n", KEYS, passed);
	assert_int_equal(passed, 0);
	policy_fixture_fini(&f);
}

/* ---- metadata ---- */

static void put_chars(uint64_t *rng, struct buf *out, const char *letters, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_append_byte(out, (uint8_t)letters[tw_below(rng, (uint32_t)strlen(letters))]);
}

static void make_metadata(uint64_t *rng, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";
	static const char mixed[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char *const words[] = {"stop",
					    "tool_calls",
					    "chat",
					    "success",
					    "openai",
					    "eu-west-1",
					    "gpt-4o-mini",
					    "v1.2.3-rc1",
					    "ChatOpenAI",
					    "/v1/models",
					    "10.0.0.7",
					    "text/plain",
					    "prefill_decode",
					    "nixlv2",
					    "gpt-5.4-mini",
					    "NVIDIA-H100",
					    "langgraph",
					    "INTERNAL",
					    "max_tokens",
					    "vllm.engine:8000",
					    "eu.anthropic.claude-3-5-sonnet-20241022-v2:0",
					    "Qwen/Qwen2.5-7B-Instruct-AWQ"};
	buf_reset(out);
	switch (tw_below(rng, 8)) {
	case 0: put_chars(rng, out, hex, 32); break;
	case 1:
		put_chars(rng, out, hex, 8);
		for (int i = 0; i < 3; i++) {
			buf_append_byte(out, '-');
			put_chars(rng, out, hex, 4);
		}
		buf_append_byte(out, '-');
		put_chars(rng, out, hex, 12);
		break;
	case 2:
		buf_append_str(out, "call_");
		put_chars(rng, out, mixed, 24);
		break;
	case 3:
		buf_append_str(out, "sha256:");
		put_chars(rng, out, hex, 64);
		break;
	case 4: buf_printf(out, "%u.%u", tw_below(rng, 1000), tw_below(rng, 1000)); break;
	case 5:
		buf_append_str(out, "chatcmpl-");
		put_chars(rng, out, mixed, 29);
		break;
	case 6:
		buf_printf(out, "vllm-llama-3-decode-%u-", tw_below(rng, 100));
		put_chars(rng, out, hex, 10);
		break;
	default: buf_append_str(out, PICK(rng, words)); break;
	}
}

static void tokens_numbers_and_ids_stay(void **state)
{
	struct policy_fixture f;
	uint64_t rng = 7;
	unsigned stayed = 0;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (unsigned i = 0; i < KEYS; i++) {
		struct buf body = BUF_INIT, span = BUF_INIT, value = BUF_INIT;
		char key[128];
		make_key(&rng, i, key);
		make_metadata(&rng, &value);
		if (i % 5 == 4)
			tw_attr_int(&span, SPAN_ATTRIBUTES, key, tw_below(&rng, 100000));
		else
			put_attr(&span, key, (enum form)tw_below(&rng, FORMS), buf_slice(&value));
		tw_request_of_span(&body, buf_slice(&span));
		struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
		if (slice_equal(chunk_slice(chunk), buf_slice(&body)))
			stayed++;
		else if (i - stayed < 20)
			print_message("%s: %s is removed\n", key, buf_cstr(&value));
		chunk_unref(chunk);
		buf_fini(&body);
		buf_fini(&span);
		buf_fini(&value);
	}
	print_message("%d unknown keys with metadata, %u stayed (%.2f %%)\n", KEYS, stayed,
		      100.0 * stayed / KEYS);
	assert_true(stayed * 100 >= KEYS * 99);
	policy_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_under_unknown_keys_passes),
		cmocka_unit_test(tokens_numbers_and_ids_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
