/* SPDX-License-Identifier: Apache-2.0 */
/* metadata_only and maps that were written into a text, as SDKs do with structured values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/policy_fixture.h"
#include "tests/support/trace_wire.h"

#define CANARY "CANARY-7e1f"

/* What leaves of one span with the attribute app.state, a text, bytes, or an array of texts. */
static struct chunk *run(struct policy_fixture *f, unsigned kind, const char *key,
			 struct slice text)
{
	struct buf body = BUF_INIT, span = BUF_INIT;
	size_t pair = tw_open(&span, SPAN_ATTRIBUTES);
	tw_text(&span, KEY_VALUE_KEY, key);
	size_t any = tw_open(&span, KEY_VALUE_VALUE);
	if (kind == ANY_VALUE_ARRAY) {
		size_t array = tw_open(&span, ANY_VALUE_ARRAY);
		size_t item = tw_open(&span, ARRAY_VALUE_VALUES);
		tw_bytes(&span, ANY_VALUE_STRING, text);
		tw_close(&span, item);
		tw_close(&span, array);
	} else {
		tw_bytes(&span, kind, text);
	}
	tw_close(&span, any);
	tw_close(&span, pair);
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(f, buf_slice(&body));
	assert_non_null(chunk);
	buf_fini(&body);
	buf_fini(&span);
	return chunk;
}

static bool leaves(struct policy_fixture *f, unsigned kind, const char *key, struct slice text)
{
	struct chunk *chunk = run(f, kind, key, text);
	bool found = memmem(chunk->data, chunk->len, text.ptr, text.len) != NULL;
	chunk_unref(chunk);
	return found;
}

static void pairs_in_texts_are_judged(void **state)
{
	static const char *const denied[] = {
		"{\"gen_ai.prompt\": \"" CANARY "\"}",
		" \n[{\"a\": 1}, {\"messages\" : [\"" CANARY "\"]}]",
		"{\"gen_ai\": {\"input\": {\"messages\": \"" CANARY "\"}}}",
		"{'input.value': '" CANARY "'}",			    /* Python's repr */
		"{\"a\": {\"b\": [[{\"content\": \"" CANARY "\"}",	    /* cut */
		"{\"a\": \"{\\\"gen_ai.prompt\\\": \\\"" CANARY "\\\"}\"}", /* a text in a text */
		"{\"gen_ai.\\u0070rompt\": \"" CANARY "\"}",
		"{\"token_ids\": [1, 2, 3]}",
	};
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(denied); i++) {
		static const unsigned kinds[] = {ANY_VALUE_STRING, ANY_VALUE_BYTES,
						 ANY_VALUE_ARRAY};
		for (size_t j = 0; j < ARRAY_COUNT(kinds); j++) {
			if (leaves(&f, kinds[j], "app.state", slice_str(denied[i])))
				fail_msg("%s leaves", denied[i]);
		}
	}
	assert_true(policy_fixture_removed(&f, "pair in a nested value") > 0);
	assert_true(policy_fixture_removed(&f, "key that could not be judged") > 0);
	policy_fixture_fini(&f);
}

static void harmless_texts_stay(void **state)
{
	static const char *const kept[] = {
		"{\"retries\": 3, \"zone\": \"eu\"}",
		"[1, 2, 3]",
		"[\"a\", \"b\"]",
		"{}",
		"{user}",
		"{\"prompt_tokens_count\": 12, \"output_count\": \"7\"}",
	};
	static const char note[] = "{\"note\": \"so \\\"x\\\"\"}"; /* a text with spaces */
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{mode: denylist}");
	assert_true(leaves(&f, ANY_VALUE_STRING, "app.state", slice_str(note)));
	policy_fixture_fini(&f);
	policy_fixture_init(&f, "{}");
	assert_false(leaves(&f, ANY_VALUE_STRING, "app.state", slice_str(note)));
	for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
		if (!leaves(&f, ANY_VALUE_STRING, "app.state", slice_str(kept[i])))
			fail_msg("%s does not leave", kept[i]);
	}
	/* Figures under a key that is kept, whatever they are called. */
	assert_true(leaves(&f, ANY_VALUE_STRING, "langfuse.observation.usage_details",
			   SLICE("{\"input\": 12, \"output\": 7}")));
	assert_false(leaves(&f, ANY_VALUE_STRING, "langfuse.observation.usage_details",
			    SLICE("{\"input\": \"" CANARY "\"}")));
	policy_fixture_fini(&f);
}

static void texts_too_deep_or_too_long_to_be_judged_go(void **state)
{
	struct policy_fixture f;
	struct buf text = BUF_INIT;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (int i = 0; i < 40; i++)
		buf_append_str(&text, "{\"a\":");
	assert_false(leaves(&f, ANY_VALUE_STRING, "app.state", buf_slice(&text)));
	buf_reset(&text);
	buf_append_str(&text, "{\"");
	for (int i = 0; i < 1100; i++)
		buf_append_byte(&text, 'k');
	buf_append_str(&text, "\": 1}");
	assert_false(leaves(&f, ANY_VALUE_STRING, "app.state", buf_slice(&text)));
	buf_fini(&text);
	policy_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_in_texts_are_judged),
		cmocka_unit_test(harmless_texts_stay),
		cmocka_unit_test(texts_too_deep_or_too_long_to_be_judged_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
