/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata_only and senders that mean to get something past it: fields said twice, two members of a
 * oneof, keys that decoders cut, fields of other versions of the protocol. Whatever a decoder might
 * make of the bytes, the canary is not in what leaves; or the request is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/policy_fixture.h"
#include "tests/support/trace_wire.h"

#define CANARY "CANARY-7e1f"

/* ---- spans ---- */

static void open_value(struct buf *out, const char *key, size_t mark[2])
{
	mark[0] = tw_open(out, SPAN_ATTRIBUTES);
	tw_text(out, KEY_VALUE_KEY, key);
	mark[1] = tw_open(out, KEY_VALUE_VALUE);
}

static void close_value(struct buf *out, const size_t mark[2])
{
	tw_close(out, mark[1]);
	tw_close(out, mark[0]);
}

/* The number is kept, the text beside it is not. */
static void two_members_of_a_value(struct buf *out)
{
	size_t mark[2];
	open_value(out, "gen_ai.prompt.0.token_count", mark);
	tw_text(out, ANY_VALUE_STRING, CANARY);
	tw_varint(out, ANY_VALUE_INT, 5);
	close_value(out, mark);
}

static void a_value_said_twice(struct buf *out)
{
	size_t pair = tw_open(out, SPAN_ATTRIBUTES);
	tw_text(out, KEY_VALUE_KEY, "gen_ai.prompt.0.token_count");
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	tw_text(out, ANY_VALUE_STRING, CANARY);
	tw_close(out, any);
	any = tw_open(out, KEY_VALUE_VALUE);
	tw_varint(out, ANY_VALUE_INT, 5);
	tw_close(out, any);
	tw_close(out, pair);
}

static void put_two_keys(struct buf *out, const char *first, const char *second)
{
	size_t pair = tw_open(out, SPAN_ATTRIBUTES);
	tw_text(out, KEY_VALUE_KEY, first);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	tw_text(out, ANY_VALUE_STRING, CANARY);
	tw_close(out, any);
	tw_text(out, KEY_VALUE_KEY, second);
	tw_close(out, pair);
}

static void a_harmless_key_then_another(struct buf *out)
{
	put_two_keys(out, "harmless", "gen_ai.prompt");
}

static void put_key(struct buf *out, struct slice key)
{
	size_t pair = tw_open(out, SPAN_ATTRIBUTES);
	tw_bytes(out, KEY_VALUE_KEY, key);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	tw_text(out, ANY_VALUE_STRING, CANARY);
	tw_close(out, any);
	tw_close(out, pair);
}

/* Decoders in C end a string there. */
static void a_key_with_nul(struct buf *out)
{
	put_key(out, SLICE("gen_ai.prompt\0.x"));
}

static void a_key_with_a_line_break(struct buf *out)
{
	put_key(out, SLICE("gen_ai.prompt\n"));
}

static void a_short_key_with_nul(struct buf *out)
{
	put_key(out, SLICE("input.value\0"));
}

static void the_value_before_the_key(struct buf *out)
{
	size_t pair = tw_open(out, SPAN_ATTRIBUTES);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	tw_text(out, ANY_VALUE_STRING, CANARY);
	tw_close(out, any);
	tw_text(out, KEY_VALUE_KEY, "input.value");
	tw_close(out, pair);
}

static void a_name_said_twice(struct buf *out)
{
	tw_text(out, SPAN_NAME, CANARY " is what I said to it, and then it said to me");
	tw_text(out, SPAN_NAME, "chat");
}

static void a_status_said_twice(struct buf *out)
{
	size_t status = tw_open(out, SPAN_STATUS);
	tw_text(out, STATUS_MESSAGE, CANARY);
	tw_close(out, status);
	status = tw_open(out, SPAN_STATUS);
	tw_varint(out, STATUS_CODE, STATUS_CODE_ERROR);
	tw_close(out, status);
}

static void a_trace_state_said_twice(struct buf *out)
{
	tw_text(out, SPAN_TRACE_STATE, "a=" CANARY);
	tw_text(out, SPAN_TRACE_STATE, "ot=th:8");
}

static void an_event_name_said_twice(struct buf *out)
{
	size_t event = tw_open(out, SPAN_EVENTS);
	tw_text(out, EVENT_NAME, CANARY);
	tw_attr_text(out, EVENT_ATTRIBUTES, "content", CANARY);
	tw_text(out, EVENT_NAME, "gen_ai.user.message");
	tw_close(out, event);
}

static void ids_that_are_texts(struct buf *out)
{
	tw_text(out, SPAN_TRACE_ID, CANARY CANARY CANARY);
}

static void a_parent_that_is_a_text(struct buf *out)
{
	tw_text(out, SPAN_PARENT_SPAN_ID, CANARY CANARY);
}

static void a_link_to_a_text(struct buf *out)
{
	size_t link = tw_open(out, SPAN_LINKS);
	tw_text(out, LINK_TRACE_ID, CANARY CANARY CANARY);
	tw_close(out, link);
}

/* Deprecated in protobuf, and no part of this protocol. */
static void a_group(struct buf *out)
{
	enum { GROUP = 100, WIRE_GROUP_BEGIN = 3, WIRE_GROUP_END = 4 };
	tw_raw_varint(out, GROUP << 3 | WIRE_GROUP_BEGIN);
	tw_text(out, SPAN_NAME, CANARY);
	tw_raw_varint(out, GROUP << 3 | WIRE_GROUP_END);
}

static void the_name_in_another_wire_type(struct buf *out)
{
	size_t event = tw_open(out, SPAN_START_TIME_UNIX_NANO);
	tw_text(out, EVENT_NAME, CANARY);
	tw_close(out, event);
}

static void a_text_for_a_number(struct buf *out)
{
	tw_attr_text(out, SPAN_ATTRIBUTES, "prompt_token_ids", CANARY);
	tw_attr_text(out, SPAN_ATTRIBUTES, "llm.prompts.0_size", CANARY);
}

static void nested_maps_without_names(struct buf *out)
{
	size_t mark[2];
	open_value(out, "", mark);
	size_t outer = tw_open(out, ANY_VALUE_KVLIST);
	size_t pair = tw_open(out, KVLIST_VALUES);
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	size_t inner = tw_open(out, ANY_VALUE_KVLIST);
	tw_attr_text(out, KVLIST_VALUES, "gen_ai.prompt", CANARY);
	tw_close(out, inner);
	tw_close(out, any);
	tw_close(out, pair);
	tw_close(out, outer);
	close_value(out, mark);
}

static void a_path_in_nested_maps(struct buf *out)
{
	size_t mark[2];
	open_value(out, "app", mark);
	size_t outer = tw_open(out, ANY_VALUE_KVLIST);
	size_t pair = tw_open(out, KVLIST_VALUES);
	tw_text(out, KEY_VALUE_KEY, "gen_ai");
	size_t any = tw_open(out, KEY_VALUE_VALUE);
	size_t inner = tw_open(out, ANY_VALUE_KVLIST);
	tw_attr_text(out, KVLIST_VALUES, "prompt", CANARY);
	tw_close(out, inner);
	tw_close(out, any);
	tw_close(out, pair);
	tw_close(out, outer);
	close_value(out, mark);
}

#define CASE(put)                                                                                  \
	{                                                                                          \
#put, put                                                                          \
	}
static const struct {
	const char *what;
	void (*put)(struct buf *out);
} spans[] = {
	CASE(two_members_of_a_value),
	CASE(a_value_said_twice),
	CASE(a_harmless_key_then_another),
	CASE(a_key_with_nul),
	CASE(a_key_with_a_line_break),
	CASE(a_short_key_with_nul),
	CASE(the_value_before_the_key),
	CASE(a_name_said_twice),
	CASE(a_status_said_twice),
	CASE(a_trace_state_said_twice),
	CASE(an_event_name_said_twice),
	CASE(ids_that_are_texts),
	CASE(a_parent_that_is_a_text),
	CASE(a_link_to_a_text),
	CASE(a_group),
	CASE(the_name_in_another_wire_type),
	CASE(a_text_for_a_number),
	CASE(nested_maps_without_names),
	CASE(a_path_in_nested_maps),
};

/* ---- tests ---- */

static bool is_accepted(struct policy_fixture *f, struct slice body)
{
	struct trace_index index;
	struct err err;
	trace_index_init(&index, &f->budget, f->keys);
	bool accepted = trace_index_build(&index, body, &err) == 0;
	trace_index_fini(&index);
	return accepted;
}

static void no_trick_gets_a_text_past_the_policy(void **state)
{
	struct policy_fixture f;
	unsigned accepted = 0;
	(void)state;
	policy_fixture_init(&f, "{}");
	for (size_t i = 0; i < ARRAY_COUNT(spans); i++) {
		struct buf body = BUF_INIT, span = BUF_INIT;
		spans[i].put(&span);
		tw_request_of_span(&body, buf_slice(&span));
		if (is_accepted(&f, buf_slice(&body))) {
			struct chunk *chunk = policy_fixture_run(&f, buf_slice(&body));
			accepted++;
			if (chunk && policy_holds(chunk_slice(chunk), CANARY))
				fail_msg("%s: leaves", spans[i].what);
			chunk_unref(chunk);
		}
		buf_fini(&body);
		buf_fini(&span);
	}
	assert_true(accepted >= 12);
	policy_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_trick_gets_a_text_past_the_policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
