/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/coding.h"
#include "tests/support/client_fixture.h"
#include "tests/support/peer_grpc.h"
#include "tests/support/peer_socket.h"
#include "tests/support/test_clock.h"

#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char export_path[] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/* One ResourceSpans with one ScopeSpans with two empty spans. */
static const char two_spans[] = "\x0a\x06\x12\x04\x12\x00\x12\x00";

struct state {
	struct client_fixture fixture;
	struct peer_grpc *peer;
};

static void open_state(struct state *state, const struct peer_grpc_options *options,
		       const struct client_config *config)
{
	state->peer = peer_grpc_start(options);
	fixture_open(&state->fixture, CLIENT_GRPC, peer_grpc_port(state->peer), config);
}

static int setup(void **ret_state)
{
	struct state *state = calloc(1, sizeof(*state));
	open_state(state, &(struct peer_grpc_options){0}, NULL);
	*ret_state = state;
	return 0;
}

static int teardown(void **ret_state)
{
	struct state *state = *ret_state;
	fixture_close(&state->fixture);
	peer_grpc_stop(state->peer);
	free(state);
	return 0;
}

static struct slice spans(void)
{
	return slice_of(two_spans, sizeof(two_spans) - 1);
}

static void a_call_arrives_whole_and_is_answered(void **ret_state)
{
	struct state *state = *ret_state;
	const struct client_header headers[] = {
		{SLICE("user-agent"), SLICE("sluice/test")},
		{SLICE("x-custom"), SLICE("a value")},
		{SLICE("te"), SLICE("not sent")},
		{SLICE("connection"), SLICE("not sent")},
		{SLICE("x-bad"), SLICE("in\r\njected: 1")},
	};
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){.message = SLICE("answer")});
	struct fixture_call call = {0};
	call.call.headers = headers;
	call.call.header_count = ARRAY_COUNT(headers);
	call.call.content_type = "application/grpc";
	call.call.timeout_ns = 99 * NS_PER_S;
	fixture_call(&state->fixture, &call, export_path, spans());
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.http_status, 200);
	assert_true(call.result.has_grpc_status);
	assert_int_equal(call.result.grpc_status, 0);
	assert_string_equal(call.body, "answer");
	assert_string_equal(call.content_type, "application/grpc");
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(state->peer, &count);
	char authority[32];
	snprintf(authority, sizeof(authority), "127.0.0.1:%u", peer_grpc_port(state->peer));
	assert_int_equal(count, 1);
	assert_string_equal(calls[0].path, export_path);
	assert_string_equal(calls[0].authority, authority);
	assert_string_equal(calls[0].content_type, "application/grpc");
	assert_string_equal(calls[0].user_agent, "sluice/test");
	assert_string_equal(calls[0].custom, "a value");
	assert_false(calls[0].compressed);
	assert_int_equal(calls[0].spans, 2);
	assert_int_equal(calls[0].message_len, sizeof(two_spans) - 1);
	assert_memory_equal(calls[0].message, two_spans, sizeof(two_spans) - 1);
	/* 99 s in eight digits: micro-seconds, a little under */
	assert_int_equal(strlen(calls[0].timeout), 9);
	assert_int_equal(calls[0].timeout[8], 'u');
	assert_int_equal(calls[0].timeout[0], '9');
	peer_grpc_unlock(state->peer);
}

static void a_compressed_message_says_so(void **ret_state)
{
	struct state *state = *ret_state;
	struct coder *coder = coder_new();
	const struct slice part = spans();
	struct err err;
	struct chunk *coded =
		coder_encode(coder, CODING_GZIP, 0, &part, 1, &state->fixture.budget, &err);
	struct fixture_call call = {0};
	call.call.content_encoding = "gzip";
	fixture_call(&state->fixture, &call, export_path, chunk_slice(coded));
	assert_int_equal(call.result.grpc_status, 0);
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(state->peer, &count);
	assert_int_equal(count, 1);
	assert_true(calls[0].compressed);
	assert_string_equal(calls[0].encoding, "gzip");
	assert_string_equal(calls[0].timeout, "");
	assert_int_equal(calls[0].spans, 2);
	peer_grpc_unlock(state->peer);
	chunk_unref(coded);
	coder_free(coder);
}

static void a_large_body_in_parts_passes_small_windows(void **ret_state)
{
	struct state *state = *ret_state;
	enum { PART_BYTES = 1500000 };
	uint8_t *bytes = malloc(PART_BYTES);
	struct fixture_call call = {.call.path = slice_str(export_path)};
	for (unsigned part = 0; part < 3; part++) {
		for (size_t i = 0; i < PART_BYTES; i++)
			bytes[i] = (uint8_t)(i * 7 + part);
		fixture_add_part(&state->fixture, &call, slice_of(bytes, PART_BYTES - part));
	}
	fixture_start(&state->fixture, &call);
	fixture_finish(&state->fixture, &call);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	size_t count, at = 0;
	const struct peer_grpc_call *calls = peer_grpc_lock(state->peer, &count);
	assert_int_equal(calls[0].message_len, 3 * PART_BYTES - 3);
	for (unsigned part = 0; part < 3; part++) {
		size_t len = call.parts[part]->len;
		assert_memory_equal(calls[0].message + at, call.parts[part]->data, len);
		at += len;
	}
	peer_grpc_unlock(state->peer);
	fixture_release(&call);
	free(bytes);
}

static const struct status_case {
	const char *name;
	struct peer_grpc_behaviour behaviour;
	int http_status, grpc_status;
	const char *message, *details;
} status_cases[] = {
	{"trailers",
	 {.grpc_status = "14", .grpc_message = "over%20there%2C 100%"},
	 200,
	 14,
	 "over there, 100%",
	 ""},
	{"trailers only",
	 {.trailers_only = true, .grpc_status = "8", .grpc_message = "full"},
	 200,
	 8,
	 "full",
	 ""},
	{"details without padding",
	 {.grpc_status = "8", .grpc_details = "CAgSBGZ1bGw"},
	 200,
	 8,
	 "",
	 "\x08\x08\x12\x04"
	 "full"},
	{"details with padding",
	 {.grpc_status = "8", .grpc_details = "CAgSBGZ1bGw="},
	 200,
	 8,
	 "",
	 "\x08\x08\x12\x04"
	 "full"},
	{"details that are none", {.grpc_status = "8", .grpc_details = "C"}, 200, 8, "", ""},
	{"details with a foreign byte",
	 {.grpc_status = "8", .grpc_details = "CA*S"},
	 200,
	 8,
	 "",
	 ""},
	{"a status that is no number", {.grpc_status = "ok"}, 200, 2, "", ""},
	{"a status out of range", {.grpc_status = "17"}, 200, 2, "", ""},
	{"a bad escape", {.grpc_status = "2", .grpc_message = "%zz%4"}, 200, 2, "%zz%4", ""},
	{"no status", {.no_grpc_status = true}, 200, 2, "", ""},
	{"http 400", {.http_status = 400, .no_grpc_status = true}, 400, 13, "", ""},
	{"http 401", {.http_status = 401, .no_grpc_status = true}, 401, 16, "", ""},
	{"http 403", {.http_status = 403, .no_grpc_status = true}, 403, 7, "", ""},
	{"http 404", {.http_status = 404, .no_grpc_status = true}, 404, 12, "", ""},
	{"http 429", {.http_status = 429, .no_grpc_status = true}, 429, 14, "", ""},
	{"http 502", {.http_status = 502, .no_grpc_status = true}, 502, 14, "", ""},
	{"http 503", {.http_status = 503, .no_grpc_status = true}, 503, 14, "", ""},
	{"http 504", {.http_status = 504, .no_grpc_status = true}, 504, 14, "", ""},
	{"http 500", {.http_status = 500, .no_grpc_status = true}, 500, 2, "", ""},
};

static void every_kind_of_status_is_understood(void **ret_state)
{
	struct state *state = *ret_state;
	for (size_t i = 0; i < ARRAY_COUNT(status_cases); i++) {
		const struct status_case *c = &status_cases[i];
		struct fixture_call call = {0};
		peer_grpc_set(state->peer, &c->behaviour);
		fixture_call(&state->fixture, &call, export_path, spans());
		if (call.result.outcome != CLIENT_ANSWERED ||
		    call.result.http_status != c->http_status || !call.result.has_grpc_status ||
		    call.result.grpc_status != c->grpc_status ||
		    strcmp(call.message, c->message) != 0 || strcmp(call.details, c->details) != 0)
			fail_msg("%s: outcome %d (%s), http %d, grpc %d, \"%s\", \"%s\"", c->name,
				 (int)call.result.outcome, call.result.err.msg,
				 call.result.http_status, call.result.grpc_status, call.message,
				 call.details);
	}
	assert_int_equal(peer_grpc_counts(state->peer).connections, 1);
}

static void a_long_answer_is_cut(void **ret_state)
{
	struct state *state = *ret_state;
	uint8_t *bytes = malloc(1 << 20);
	memset(bytes, 'x', 1 << 20);
	struct peer_grpc_behaviour behaviour = {.message = slice_of(bytes, 1 << 20)};
	peer_grpc_set(state->peer, &behaviour);
	for (int i = 0; i < 8; i++) { /* more than the connection's window */
		struct fixture_call call = {0};
		fixture_call(&state->fixture, &call, export_path, spans());
		assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
		assert_int_equal(call.result.grpc_status, 0);
		assert_int_equal(call.result.body.len, CLIENT_RESPONSE_BYTES_MAX);
	}
	free(bytes);
}

/* gRPC says what became of the request after the message: without it there is no answer. */
static void a_message_over_the_bound_ends_the_call_only(void **ret_state)
{
	struct state *state = *ret_state;
	enum { BYTES = CLIENT_RESPONSE_READ_BYTES_MAX + 1 };
	uint8_t *bytes = calloc(1, BYTES);
	struct peer_grpc_behaviour large = {.message = slice_of(bytes, BYTES)};
	struct fixture_call call = {0}, next = {0};
	peer_grpc_set_times(state->peer, &large, 1);
	fixture_call(&state->fixture, &call, export_path, spans());
	assert_int_equal(call.result.outcome, CLIENT_BROKEN);
	assert_int_equal(call.result.err.kind, ERR_LIMIT);
	fixture_call(&state->fixture, &next, export_path, spans());
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
	free(bytes);
}

static void an_oversize_header_ends_the_call_only(void **ret_state)
{
	struct state *state = *ret_state;
	enum { BYTES = CLIENT_RESPONSE_HEADER_BYTES_MAX / 2 + 10 };
	char *text = malloc(BYTES + 1);
	memset(text, 'a', BYTES);
	text[BYTES] = 0;
	struct peer_grpc_behaviour large = {
		.grpc_status = "3", .grpc_message = text, .grpc_details = text};
	struct fixture_call call = {0}, next = {0};
	peer_grpc_set_times(state->peer, &large, 1);
	fixture_call(&state->fixture, &call, export_path, spans());
	assert_int_equal(call.result.outcome, CLIENT_BROKEN);
	fixture_call(&state->fixture, &next, export_path, spans());
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
	free(text);
}

static const struct reset_case {
	uint32_t code;
	int grpc_status;
	const char *name;
} reset_cases[] = {
	{NGHTTP2_NO_ERROR, 13, "NO_ERROR"},
	{NGHTTP2_INTERNAL_ERROR, 13, "INTERNAL_ERROR"},
	{NGHTTP2_REFUSED_STREAM, 14, "REFUSED_STREAM"},
	{NGHTTP2_CANCEL, 1, "CANCEL"},
	{NGHTTP2_ENHANCE_YOUR_CALM, 8, "ENHANCE_YOUR_CALM"},
	{NGHTTP2_INADEQUATE_SECURITY, 7, "INADEQUATE_SECURITY"},
	{0xabcdef, 13, "unknown"},
};

static void a_reset_breaks_the_call_and_names_the_code(void **ret_state)
{
	struct state *state = *ret_state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(reset_cases); i++) {
		const struct reset_case *c = &reset_cases[i / 2];
		struct fixture_call call = {0};
		struct peer_grpc_behaviour behaviour = {
			.action = i % 2 ? PEER_RESET : PEER_RESET_EARLY, .reset_code = c->code};
		peer_grpc_set(state->peer, &behaviour);
		fixture_call(&state->fixture, &call, export_path, spans());
		assert_int_equal(call.result.outcome, CLIENT_BROKEN);
		assert_int_equal(call.result.grpc_status, c->grpc_status);
		assert_non_null(strstr(call.result.err.msg, c->name));
	}
	assert_int_equal(peer_grpc_counts(state->peer).connections, 1);
}

static void calls_refused_by_goaway_break_and_the_next_one_reconnects(void **ret_state)
{
	struct state *state = *ret_state;
	struct fixture_call call = {0}, next = {0};
	peer_grpc_set_times(state->peer, &(struct peer_grpc_behaviour){.action = PEER_GOAWAY}, 1);
	fixture_call(&state->fixture, &call, export_path, spans());
	assert_int_equal(call.result.outcome, CLIENT_BROKEN);
	fixture_call(&state->fixture, &next, export_path, spans());
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(peer_grpc_counts(state->peer).connections, 2);
}

static void calls_taken_before_goaway_are_answered(void **ret_state)
{
	struct state *state = *ret_state;
	for (int i = 0; i < 5; i++) {
		struct fixture_call call = {0};
		peer_grpc_set(state->peer,
			      &(struct peer_grpc_behaviour){.action = PEER_GOAWAY_AFTER});
		fixture_call(&state->fixture, &call, export_path, spans());
		assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	}
	assert_int_equal(peer_grpc_counts(state->peer).connections, 5);
}

static void a_cut_connection_breaks_all_its_calls(void **ret_state)
{
	struct state *state = *ret_state;
	struct fixture_call calls[3] = {0};
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){.action = PEER_STALL});
	for (size_t i = 0; i < 3; i++)
		fixture_send(&state->fixture, &calls[i], export_path, spans());
	while (peer_grpc_counts(state->peer).calls < 3)
		uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	peer_grpc_cut_connections(state->peer);
	for (size_t i = 0; i < 3; i++) {
		fixture_finish(&state->fixture, &calls[i]);
		assert_int_equal(calls[i].result.outcome, CLIENT_BROKEN);
		fixture_release(&calls[i]);
	}
	assert_int_equal(peer_grpc_counts(state->peer).connections, 1);
}

static void a_peer_that_closes_in_the_middle_of_a_body_breaks_the_call(void **ret_state)
{
	struct state *state = *ret_state;
	uint8_t *bytes = calloc(1, 1 << 20);
	struct fixture_call call = {0};
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){.close_after_bytes = 100000});
	fixture_call(&state->fixture, &call, export_path, slice_of(bytes, 1 << 20));
	assert_int_equal(call.result.outcome, CLIENT_BROKEN);
	free(bytes);
}

static void calls_share_a_connection_up_to_the_peers_limit(void **ret_state)
{
	enum { CALLS = 40, STREAMS = 3 };
	struct state *state = *ret_state;
	struct fixture_call *calls = calloc(CALLS, sizeof(*calls));
	teardown(ret_state);
	*ret_state = state = calloc(1, sizeof(*state));
	open_state(state, &(struct peer_grpc_options){.streams_max = STREAMS}, NULL);
	/* Before the peer's SETTINGS more would be allowed: they are known after one call. */
	struct fixture_call first = {0};
	fixture_call(&state->fixture, &first, export_path, spans());
	for (size_t i = 0; i < CALLS; i++)
		fixture_send(&state->fixture, &calls[i], export_path, spans());
	for (size_t i = 0; i < CALLS; i++) {
		fixture_finish(&state->fixture, &calls[i]);
		assert_int_equal(calls[i].result.outcome, CLIENT_ANSWERED);
		fixture_release(&calls[i]);
	}
	struct peer_grpc_counts counts = peer_grpc_counts(state->peer);
	assert_int_equal(counts.connections, 1);
	assert_int_equal(counts.streams_peak, STREAMS);
	assert_int_equal(counts.spans, 2 * (CALLS + 1));
	free(calls);
}

static bool has_arrived(void *arg)
{
	return peer_grpc_counts(arg).calls > 0;
}

static void a_timeout_ends_the_call_and_tells_the_peer(void **ret_state)
{
	struct state *state = *ret_state;
	struct fixture_call call = {.call.timeout_ns = 3600 * NS_PER_S}, next = {0};
	peer_grpc_set_times(state->peer, &(struct peer_grpc_behaviour){.action = PEER_STALL}, 1);
	fixture_send(&state->fixture, &call, export_path, spans());
	fixture_run_until(&state->fixture, has_arrived, state->peer);
	assert_int_equal(call.done_count, 0);
	test_clock_advance(3600 * NS_PER_S);
	fixture_finish(&state->fixture, &call);
	fixture_release(&call);
	assert_int_equal(call.result.outcome, CLIENT_TIMED_OUT);
	fixture_call(&state->fixture, &next, export_path, spans());
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
	struct peer_grpc_counts counts = peer_grpc_counts(state->peer);
	assert_int_equal(counts.connections, 1);
	assert_int_equal(counts.cancels, 1);
}

static void a_call_can_be_cancelled_in_every_state(void **ret_state)
{
	struct state *state = *ret_state;
	struct fixture_call call = {0};
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){.action = PEER_STALL});
	/* After so many turns of the loop: waiting, resolving, connecting, sent. */
	for (unsigned turns = 0; turns < 20; turns++) {
		fixture_send(&state->fixture, &call, export_path, spans());
		for (unsigned i = 0; i < turns; i++)
			uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
		client_cancel(&call.call);
		assert_int_equal(call.done_count, 1);
		assert_int_equal(call.result.outcome, CLIENT_CANCELLED);
		client_cancel(&call.call); /* no effect on a call that is done */
		assert_int_equal(call.done_count, 1);
		fixture_release(&call);
	}
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){0});
	fixture_call(&state->fixture, &call, export_path, spans());
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
}

static void half_a_body_can_be_cancelled(void **ret_state)
{
	struct state *state = *ret_state;
	enum { BYTES = 4 << 20 };
	uint8_t *bytes = calloc(1, BYTES);
	struct fixture_call call = {0}, next = {0};
	for (unsigned turns = 1; turns < 12; turns++) {
		fixture_send(&state->fixture, &call, export_path, slice_of(bytes, BYTES));
		for (unsigned i = 0; i < turns; i++)
			uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
		if (call.done_count == 0)
			client_cancel(&call.call);
		fixture_release(&call);
	}
	fixture_call(&state->fixture, &next, export_path, spans());
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
	free(bytes);
}

static void freeing_the_client_cancels_everything(void **ret_state)
{
	struct state *state = *ret_state;
	struct fixture_call calls[4] = {0};
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){.action = PEER_STALL});
	for (size_t i = 0; i < 3; i++)
		fixture_send(&state->fixture, &calls[i], export_path, spans());
	while (peer_grpc_counts(state->peer).calls < 3)
		uv_run(&state->fixture.loop.uv, UV_RUN_NOWAIT);
	fixture_send(&state->fixture, &calls[3], export_path, spans());
	client_free(state->fixture.client);
	state->fixture.client = NULL;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(calls[i].done_count, 1);
		assert_int_equal(calls[i].result.outcome, CLIENT_CANCELLED);
		fixture_release(&calls[i]);
	}
}

static void free_client(struct fixture_call *call)
{
	client_free(call->fixture->client);
	call->fixture->client = NULL;
}

static void the_client_may_be_freed_while_it_connects(void **ret_state)
{
	struct state *state = *ret_state;
	for (unsigned turns = 0; turns < 10; turns++) {
		struct client_fixture fixture;
		struct fixture_call call = {0};
		fixture_open(&fixture, CLIENT_GRPC, peer_grpc_port(state->peer),
			     &(struct client_config){.host = "localhost"});
		fixture_send(&fixture, &call, export_path, spans());
		for (unsigned i = 0; i < turns; i++)
			uv_run(&fixture.loop.uv, UV_RUN_NOWAIT);
		client_free(fixture.client);
		fixture.client = NULL;
		assert_int_equal(call.done_count, 1);
		fixture_release(&call);
		fixture_close(&fixture);
	}
}

static bool has_cancel(void *arg)
{
	return peer_grpc_counts(arg).cancels > 0;
}

static void an_answer_before_the_whole_message_stops_it(void **ret_state)
{
	struct state *state = *ret_state;
	uint8_t *bytes = calloc(1, 4 << 20);
	struct fixture_call call = {0};
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){.action = PEER_ANSWER_EARLY,
								 .trailers_only = true,
								 .grpc_status = "8"});
	fixture_call(&state->fixture, &call, export_path, slice_of(bytes, 4 << 20));
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.grpc_status, 8);
	fixture_run_until(&state->fixture, has_cancel, state->peer);
	free(bytes);
}

static void the_client_may_be_freed_from_inside_done(void **ret_state)
{
	struct state *state = *ret_state;
	struct fixture_call calls[3] = {0};
	for (size_t i = 0; i < 3; i++) {
		calls[i].then = i == 0 ? free_client : NULL;
		fixture_send(&state->fixture, &calls[i], export_path, spans());
	}
	for (size_t i = 0; i < 3; i++) {
		fixture_finish(&state->fixture, &calls[i]);
		fixture_release(&calls[i]);
	}
	assert_int_equal(calls[0].result.outcome, CLIENT_ANSWERED);
}

static void send_again(struct fixture_call *call)
{
	if (call->done_count >= 5)
		return;
	unsigned count = call->done_count;
	fixture_start(call->fixture, call);
	call->done_count = count;
}

static bool five_times_done(void *arg)
{
	return ((struct fixture_call *)arg)->done_count == 5;
}

static void a_call_may_be_sent_again_from_inside_done(void **ret_state)
{
	struct state *state = *ret_state;
	struct fixture_call call = {.then = send_again};
	fixture_send(&state->fixture, &call, export_path, spans());
	fixture_run_until(&state->fixture, five_times_done, &call);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	fixture_release(&call);
	assert_int_equal(peer_grpc_counts(state->peer).calls, 5);
}

static bool has_pinged(void *arg)
{
	return peer_grpc_counts(arg).pings >= 2;
}

static void keep_alive_pings_while_a_call_waits(void **ret_state)
{
	struct state *state = *ret_state;
	teardown(ret_state);
	*ret_state = state = calloc(1, sizeof(*state));
	const struct client_config config = {.keepalive_time_ns = 10 * 1000000,
					     .keepalive_timeout_ns = 3600 * NS_PER_S};
	open_state(state, &(struct peer_grpc_options){0}, &config);
	struct fixture_call call = {0};
	peer_grpc_set(state->peer, &(struct peer_grpc_behaviour){.action = PEER_STALL});
	fixture_send(&state->fixture, &call, export_path, spans());
	fixture_run_until(&state->fixture, has_pinged, state->peer);
	client_cancel(&call.call);
	fixture_release(&call);
}

/* Reads for ever, says nothing. */
static void serve_silence(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	char buffer[1024];
	while (peer_read(stream, buffer, sizeof(buffer)) > 0)
		;
}

static void a_peer_that_answers_no_ping_is_given_up(void **ret_state)
{
	(void)ret_state;
	struct client_fixture fixture;
	struct fixture_call call = {0};
	const struct client_config config = {.keepalive_time_ns = 10 * 1000000,
					     .keepalive_timeout_ns = 10 * 1000000};
	struct peer *peer = peer_start(&(struct peer_options){0}, serve_silence, NULL);
	fixture_open(&fixture, CLIENT_GRPC, peer_port(peer), &config);
	fixture_call(&fixture, &call, export_path, spans());
	assert_int_equal(call.result.outcome, CLIENT_BROKEN);
	assert_non_null(strstr(call.result.err.msg, "keep-alive"));
	fixture_close(&fixture);
	peer_stop(peer);
}

static void serve_text(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	char buffer[4096];
	if (peer_read(stream, buffer, sizeof(buffer)) > 0)
		(void)peer_write(stream, slice_str(arg));
}

static void what_is_not_http2_breaks_the_call_with_advice(void **ret_state)
{
	(void)ret_state;
	static char http1[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	static char noise[] = "\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f";
	const struct {
		char *text;
		const char *advice;
	} cases[] = {{http1, "is this its OTLP/HTTP port?"}, {noise, "HTTP/2"}, {NULL, "closed"}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct client_fixture fixture;
		struct fixture_call call = {0};
		struct peer *peer =
			peer_start(&(struct peer_options){0}, serve_text, cases[i].text);
		fixture_open(&fixture, CLIENT_GRPC, peer_port(peer), NULL);
		fixture_call(&fixture, &call, export_path, spans());
		assert_int_equal(call.result.outcome, CLIENT_BROKEN);
		if (!strstr(call.result.err.msg, cases[i].advice))
			fail_msg("%zu: %s", i, call.result.err.msg);
		fixture_close(&fixture);
		peer_stop(peer);
	}
}

static void a_refused_connection_is_named(void **ret_state)
{
	struct state *state = *ret_state;
	uint16_t port = peer_grpc_port(state->peer);
	struct fixture_call calls[2] = {0};
	char expected[64];
	peer_grpc_stop(state->peer);
	for (size_t i = 0; i < 2; i++)
		fixture_send(&state->fixture, &calls[i], export_path, spans());
	for (size_t i = 0; i < 2; i++) {
		fixture_finish(&state->fixture, &calls[i]);
		assert_int_equal(calls[i].result.outcome, CLIENT_CONNECT_FAILED);
		snprintf(expected, sizeof(expected), "connect to 127.0.0.1:%u: connection refused",
			 port);
		assert_string_equal(calls[i].result.err.msg, expected);
		fixture_release(&calls[i]);
	}
	/* The peer comes back; the next call finds it. */
	state->peer = peer_grpc_start(&(struct peer_grpc_options){.port = port});
	struct fixture_call next = {0};
	fixture_call(&state->fixture, &next, export_path, spans());
	assert_int_equal(next.result.outcome, CLIENT_ANSWERED);
}

static void an_unknown_name_is_named(void **ret_state)
{
	(void)ret_state;
	struct client_fixture fixture;
	struct fixture_call call = {0};
	fixture_open(&fixture, CLIENT_GRPC, 4317,
		     &(struct client_config){.host = "no-such-host.invalid", .proxy_url = ""});
	fixture_call(&fixture, &call, export_path, spans());
	assert_int_equal(call.result.outcome, CLIENT_CONNECT_FAILED);
	assert_non_null(strstr(call.result.err.msg, "connect to no-such-host.invalid:4317: "));
	fixture_close(&fixture);
}

int main(void)
{
#define STATE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		STATE_TEST(a_call_arrives_whole_and_is_answered),
		STATE_TEST(a_compressed_message_says_so),
		STATE_TEST(a_large_body_in_parts_passes_small_windows),
		STATE_TEST(every_kind_of_status_is_understood),
		STATE_TEST(a_long_answer_is_cut),
		STATE_TEST(a_message_over_the_bound_ends_the_call_only),
		STATE_TEST(an_oversize_header_ends_the_call_only),
		STATE_TEST(a_reset_breaks_the_call_and_names_the_code),
		STATE_TEST(calls_refused_by_goaway_break_and_the_next_one_reconnects),
		STATE_TEST(calls_taken_before_goaway_are_answered),
		STATE_TEST(a_cut_connection_breaks_all_its_calls),
		STATE_TEST(a_peer_that_closes_in_the_middle_of_a_body_breaks_the_call),
		STATE_TEST(calls_share_a_connection_up_to_the_peers_limit),
		STATE_TEST(a_timeout_ends_the_call_and_tells_the_peer),
		STATE_TEST(a_call_can_be_cancelled_in_every_state),
		STATE_TEST(half_a_body_can_be_cancelled),
		STATE_TEST(freeing_the_client_cancels_everything),
		STATE_TEST(the_client_may_be_freed_while_it_connects),
		STATE_TEST(an_answer_before_the_whole_message_stops_it),
		STATE_TEST(the_client_may_be_freed_from_inside_done),
		STATE_TEST(a_call_may_be_sent_again_from_inside_done),
		STATE_TEST(keep_alive_pings_while_a_call_waits),
		cmocka_unit_test(a_peer_that_answers_no_ping_is_given_up),
		cmocka_unit_test(what_is_not_http2_breaks_the_call_with_advice),
		STATE_TEST(a_refused_connection_is_named),
		cmocka_unit_test(an_unknown_name_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
