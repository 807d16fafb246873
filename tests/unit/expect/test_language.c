/* SPDX-License-Identifier: Apache-2.0 */
/* Each element of the language on one small scene: where it holds, where it fails, what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/value/field_numbers.h"
#include "tests/support/expect_fixture.h"

#include <stdio.h>

/* Trace 1 is right, but that a call failed and another outlives its parent; 2 is broken. */
static const struct expect_span scene[] = {
	{1, 1, 0, "request", 0, 100, SPAN_KIND_SERVER, 0, NULL, "gateway", "gw",
	 "model=llama tokens=5 ratio=0.5 ok=true tags=[a,b]", NULL, 0},
	{1, 2, 1, "route", 5, 15, SPAN_KIND_INTERNAL, 0, NULL, "gateway", "gw",
	 "target=llama model=llama", NULL, 0},
	{1, 3, 1, "engine", 20, 60, SPAN_KIND_SERVER, 2, "boom", "vllm", NULL,
	 "prompt_tokens=7 prompt=CANARY-1", "exception exception.type=Timeout", 0},
	{1, 4, 1, "engine", 60, 130, SPAN_KIND_SERVER, 0, NULL, "vllm", NULL,
	 "prompt_tokens=7 output_tokens=20 model=llama", NULL, 1},
	{1, 5, 4, "inner", 70, 75, SPAN_KIND_CLIENT, 0, NULL, "vllm", NULL, NULL, NULL, 0},
	{2, 1, 0, "request", 0, 50, SPAN_KIND_SERVER, 0, NULL, "gateway", "gw", "model=qwen", NULL,
	 0},
	{2, 2, 9, "lost", 1, 2, SPAN_KIND_INTERNAL, 0, NULL, "gateway", "gw", NULL, NULL, 0},
	{2, 3, 4, "loop", 1, 2, SPAN_KIND_INTERNAL, 0, NULL, "gateway", "gw", NULL, NULL, 0},
	{2, 4, 3, "loop", 1, 2, SPAN_KIND_INTERNAL, 0, NULL, "gateway", "gw", NULL, NULL, 0},
	{2, 5, 1, "twin", 1, 2, SPAN_KIND_INTERNAL, 0, NULL, "gateway", "gw", NULL, NULL, 0},
	{2, 5, 1, "twin", 1, 3, SPAN_KIND_INTERNAL, 0, NULL, "gateway", "gw", NULL, NULL, 0},
	{2, 6, 1, "GET /metrics", 4, 5, SPAN_KIND_SERVER, 0, NULL, "gateway", "gw", NULL, NULL, 0},
};

/*
 * Values and times at the edges of what the elements look at. In trace 1 `early` starts before its
 * parent, `middle` parts two servers, `backwards` ends before it starts. Of `k` trace 1 has two values
 * and trace 2 the first one, of `m` the other way round.
 */
static const struct expect_span edges[] = {
	{1, 1, 0, "root", 10, 100, SPAN_KIND_SERVER, 0, NULL, "a", NULL,
	 "n=4 k=x m=x one=1 zero=0 tags=[a,bc,longer]", NULL, 0},
	{1, 2, 1, "early", 5, 50, SPAN_KIND_SERVER, 0, NULL, "a", NULL, "n=4.0 k=y zero=-0.0", NULL,
	 0},
	{1, 3, 2, "middle", 20, 40, SPAN_KIND_INTERNAL, 0, NULL, "a", NULL, "half=4.5 one=true",
	 NULL, 0},
	{1, 4, 3, "deep", 25, 30, SPAN_KIND_SERVER, 0, NULL, "a", NULL, "n=9 tags=[longer,bc,a]",
	 NULL, 0},
	{1, 5, 1, "backwards", 60, 50, SPAN_KIND_INTERNAL, 0, NULL, "a", NULL, NULL, NULL, 0},
	{1, 6, 1, "noted", 60, 90, SPAN_KIND_CLIENT, 0, NULL, "a", NULL, NULL,
	 "exception exception.type=Timeout; note text=late; exception exception.type=Abort", 0},
	{2, 1, 0, "root", 0, 10, SPAN_KIND_SERVER, 0, NULL, "a", NULL, "n=5 k=x m=x", NULL, 0},
	{2, 2, 1, "deep", 1, 2, SPAN_KIND_SERVER, 0, NULL, "a", NULL, "n=9 m=y", NULL, 0},
};

/* `expect:`, `- that: t` and the lines of text, which begin at line 3, column 3. */
struct language_case {
	const char *text, *verdict;
};

static const struct language_case scene_cases[] = {
#include "tests/unit/expect/language_cases.h"
};

static const struct language_case edge_cases[] = {
#include "tests/unit/expect/language_edges.h"
};

static void make_file(struct buf *file, const char *text)
{
	buf_append_str(file, "expect:\n- that: t\n");
	while (*text) {
		size_t len = strcspn(text, "\n");
		buf_append_str(file, "  ");
		buf_append(file, slice_of(text, len));
		buf_append_byte(file, '\n');
		text += len + (text[len] == '\n');
	}
}

static size_t count_wrong(const struct language_case *cases, size_t case_count,
			  const struct expect_span *spans, size_t span_count)
{
	size_t wrong = 0;
	for (size_t i = 0; i < case_count; i++) {
		struct expect_fixture fixture;
		struct buf file = BUF_INIT;
		make_file(&file, cases[i].text);
		if (!expect_fixture_load(&fixture, buf_cstr(&file), NULL))
			fail_msg("%s\n%s", cases[i].text, expect_fixture_errors(&fixture));
		expect_fixture_add(&fixture, spans, span_count);
		const char *verdict = expect_fixture_verdict(&fixture, 0);
		if (strcmp(verdict, cases[i].verdict) != 0)
			print_error("---- %s\n%s\n++++ wanted\n%s\n", cases[i].text, verdict,
				    cases[i].verdict);
		wrong += strcmp(verdict, cases[i].verdict) != 0;
		expect_fixture_fini(&fixture);
		buf_fini(&file);
	}
	return wrong;
}

static void elements_hold_and_fail_with_their_messages(void **state)
{
	(void)state;
	assert_int_equal(
		count_wrong(scene_cases, ARRAY_COUNT(scene_cases), scene, ARRAY_COUNT(scene)), 0);
}

static void edges_are_on_the_side_that_the_page_says(void **state)
{
	(void)state;
	assert_int_equal(
		count_wrong(edge_cases, ARRAY_COUNT(edge_cases), edges, ARRAY_COUNT(edges)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_hold_and_fail_with_their_messages),
		cmocka_unit_test(edges_are_on_the_side_that_the_page_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
