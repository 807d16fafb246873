/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of texts: what is one token, a name, a line, a time, a route, a reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors/metadata_only/shape.h"

typedef bool predicate(struct slice text);

static void check(predicate *is, const char *what, const char *const *texts, size_t count, bool yes)
{
	for (size_t i = 0; i < count; i++) {
		if (is(slice_str(texts[i])) != yes)
			fail_msg("\"%s\" is %s%s", texts[i], yes ? "no " : "a ", what);
	}
}

#define CHECK(is, texts, yes) check(is, #is, texts, ARRAY_COUNT(texts), yes)

static const char *const tokens[] = {
	"x",
	"stop",
	"gpt-4o-mini-2024-07-18",
	"meta-llama/Llama-3.1-70B-Instruct",
	"anthropic.claude-3-5-sonnet-20241022-v2:0",
	"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-5-sonnet-"
	"20241022-v2:0",
	"chatcmpl-Bc5vqhOZ0nLPKbQkqWvXKqY1y4ykq",
	"resp_68a1fbc09f1c819d8e9a5a0d9c2b3e4f0123456789abcdef",
	"call_9pw1qnYScqvGrCH58HWCvFH6",
	"fp_44709d6fcb",
	"550e8400-e29b-41d4-a716-446655440000",
	"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
	"ghcr.io/llm-d/llm-d-inference-scheduler@sha256:"
	"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"ms-inference-scheduling-llm-d-modelservice-decode-7d4b9c9d6f-x2x7z",
	"mcp__github__create_pull_request_review_comment",
	"/usr/lib/python3.12/site-packages/vllm/entrypoints/openai/api_server.py",
	"/subscriptions/550e8400-e29b-41d4-a716-446655440000/resourceGroups/rg/providers/"
	"Microsoft.CognitiveServices/accounts/a/deployments/gpt-4o",
	"org.springframework.boot.autoconfigure.web.servlet.error.BasicErrorController",
	"UsersController#show",
	"/users/{user_id}",
	"/users/<int:id>",
	"https://api.openai.com/v1/chat/completions",
	"[::1]:8080",
	"application/json;charset=utf-8",
	"text/*",
	"10.0.0.7:8000",
	"user@example.com",
	"2026-11-30T04:00:00.123Z",
	"1.2e-05",
	"95%",
	"production,gateway,eu",
	"C:\\models\\llama",
	"\xd0\x9c\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0", /* one word in Russian */
	"\xe5\xae\xa2\xe6\x9c\x8d",			    /* two letters in Chinese */
	"[1,2,3]",
};

/* 44 bytes and more of them are in base64, hexadecimal digits, percents. */
static const char *const texts[] = {
	"what is this",
	"what\xc2\xa0is",			/* no-break space */
	"what\xe2\x80\x8bis",			/* zero width space */
	"what\xe2\x80\xafis",			/* narrow no-break space */
	"\xe6\x88\x91\xe3\x80\x80\xe4\xbd\xa0", /* ideographic space */
	"what\tis",
	"what\nis",
	"why?",
	"Hello!",
	"don't",
	"caf\xe9", /* no UTF-8 */
	"a\xc2\x85"
	"b", /* C1 */
	"a\x7f"
	"b",
	"\xef\xbb\xbfyes", /* byte order mark */
	"what_is_the_capital_of_france_and_how_many_people_live_there",
	"what-is-the-capital-of-france-and-how-many-people-live-there",
	"what+is+the+capital+of+france+and+how+many+people+live+there",
	"WhatShallThePatientTakeAgainstHerHeadacheAndForHowManyDaysMustShe",
	"what%20is%20the%20capital",
	"%E6%88%91%E7%9A%84",
	"whatisthecapitaloffranceandhowmany",
	"d2hhdCBpcyBteSBpbGxuZXNz",	 /* what is my illness */
	"id_d2hhdCBpcyBteSBpbGxuZXNzPw", /* the same behind a prefix */
	"5oiR55qE55eF5piv5LuA5LmI77yf",	 /* the same in Chinese */
	"eyJwcm9tcHQiOiJ3aGF0IGlzIG15IGlsbG5lc3MifQ",
	"7768617420697320746865206361706974616c206f66",
	"data:text/plain;base64,d2hhdA",
	"data:,yes",
	"{\"prompt\":\"yes\"}",
	"{'prompt':'yes'}",
	"{prompt=yes}",
	"{prompt:yes}",
	"map[prompt:yes]",
	"Prompt(text=yes)",
	"Prompt{text=yes}",
	"print('yes')",
	"x=>x+1",
	"a==b",
	"a&&b",
	"<b>yes</b>",
	"SELECT*FROM\"t\"",
	"\xe6\x88\x91\xe7\x9a\x84\xe7\x97\x85\xe6\x98\xaf\xe4\xbb\x80\xe4\xb9\x88", /* Chinese */
	"\xe0\xb8\x9b\xe0\xb8\xa7\xe0\xb8\x94\xe0\xb8\xab\xe0\xb8\xb1\xe0\xb8\xa7", /* Thai */
	"\xe3\x81\x82\xe3\x82\x8a\xe3\x81\x8c\xe3\x81\xa8\xe3\x81\x86",		    /* Japanese */
	"\xf0\x9f\x98\x80",							    /* a picture */
};

static void tokens_are_told_from_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
		if (strcmp(tokens[i], "[object") != 0 && !shape_is_token(slice_str(tokens[i])))
			fail_msg("\"%s\" is no token", tokens[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (strcmp(texts[i], "[object") != 0 && shape_is_token(slice_str(texts[i])))
			fail_msg("\"%s\" is a token", texts[i]);
	}
}

static void tokens_have_bounds(void **state)
{
	char text[SHAPE_BYTES_MAX + 2];
	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 4 == 3 ? '/' : 'a';
	assert_true(shape_is_token(slice_of(text, SHAPE_BYTES_MAX / 2)));
	memset(text, '7', sizeof(text));
	assert_true(shape_is_token(slice_of(text, SHAPE_RUN_MAX)));
	assert_false(shape_is_token(slice_of(text, SHAPE_RUN_MAX + 1)));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 8 == 7 ? '/' : '7';
	assert_true(shape_is_token(slice_of(text, SHAPE_BYTES_MAX)));
	assert_false(shape_is_token(slice_of(text, SHAPE_BYTES_MAX + 1)));
}

static void names_lines_times_routes_and_references(void **state)
{
	static const char *const names[] = {"Research Agent", "stop", "Customer Support (EU)",
					    "GPT-4 Turbo"};
	static const char *const no_names[] = {
		"Tell me what my doctor wrote about it", "Why me?", "a\nb", "say \"yes\"",
		"\xe6\x88\x91\xe7\x9a\x84\xe7\x97\x85\xe6\x98\xaf\xe4\xbb\x80\xe4\xb9\x88\xe6\x88"
		"\x91\xe7\x9a\x84\xe7\x97\x85\xe6\x98\xaf\xe4\xbb\x80\xe4\xb9\x88\xe6\x98\xaf"};
	static const char *const titles[] = {
		"Update user profile",	       "Select best pod",
		"Execute tool look_up",	       "Chat Completion with {request_data[model]!r}",
		"GET ^polls/(?P<pk>[0-9]+)/$", "streaming response from 'gpt-4o' took 1.26s"};
	static const char *const lines[] = {
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
		"Linux 6.1.0-13-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.55-1 (2023-09-29)",
		"11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz"};
	static const char *const no_lines[] = {"a\nb", "so what is it?",
					       "x d2hhdCBpcyBteSBpbGxuZXNz"};
	static const char *const times[] = {"2026-11-30T04:00:00.5+01:00",
					    "\"2026-11-30T04:00:00Z\"", "1.5s", "PT20S"};
	static const char *const no_times[] = {"tomorrow", "Mon", ""};
	static const char *const routes[] = {"/users/:id", "^polls/(?P<pk>[0-9]+)/$",
					     "/users/<int:id>", "api/{id}"};
	static const char *const no_routes[] = {"/a?q=secret", "/what is it", "/what%20is%20it"};
	static const char *const summaries[] = {"SELECT users", "GET", "INSERT t SELECT u"};
	static const char *const no_summaries[] = {"SELECT a FROM b WHERE c", "what? yes",
						   "SELECT 'my name'"};
	static const char *const references[] = {"s3://bucket/traces/0af7/input.json", "gs://b/o",
						 "https://host/a/b"};
	static const char *const no_references[] = {"https://host/a?sig=x", "https://u:p@h/a",
						    "hello", "://x", "s3://b/what is it"};
	(void)state;
	CHECK(shape_is_name, names, true);
	CHECK(shape_is_name, no_names, false);
	CHECK(shape_is_title, titles, true);
	CHECK(shape_is_line, lines, true);
	CHECK(shape_is_line, no_lines, false);
	CHECK(shape_is_time, times, true);
	CHECK(shape_is_time, no_times, false);
	CHECK(shape_is_route, routes, true);
	CHECK(shape_is_route, no_routes, false);
	CHECK(shape_is_summary, summaries, true);
	CHECK(shape_is_summary, no_summaries, false);
	CHECK(shape_is_reference, references, true);
	CHECK(shape_is_reference, no_references, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_told_from_texts),
		cmocka_unit_test(tokens_have_bounds),
		cmocka_unit_test(names_lines_times_routes_and_references),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
