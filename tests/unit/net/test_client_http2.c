/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP/HTTP over HTTP/2, which TLS peers offer by ALPN. */
#include "tests/support/client_fixture.h"
#include "tests/support/peer_grpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct state {
	struct client_fixture fixture;
	struct peer_grpc *peer;
};

static void begin(struct state *state, const char *alpn, uint32_t connections_max)
{
	struct err err;
	state->peer = peer_grpc_start(&(struct peer_grpc_options){.tls = true, .alpn = "h2"});
	const struct tls_config tls = {.ca_pem = peer_grpc_certificate(state->peer)};
	const struct client_config config = {
		.host = "localhost",
		.tls = tls_client_context(&tls, alpn, NULL, &err),
		.connections_max = connections_max,
	};
	if (!config.tls)
		fail_msg("%s", err.msg);
	fixture_open(&state->fixture, CLIENT_HTTP, peer_grpc_port(state->peer), &config);
}

static void finish(struct state *state)
{
	fixture_close(&state->fixture);
	peer_grpc_stop(state->peer);
}

static void a_post_over_http2_is_answered(void **unused)
{
	(void)unused;
	struct state state;
	begin(&state, "h2,http/1.1", 1);
	peer_grpc_set(state.peer, &(struct peer_grpc_behaviour){.http_status = 503,
								.retry_after = "7",
								.message = SLICE("busy")});
	struct fixture_call call = {.call.content_type = "application/x-protobuf",
				    .call.timeout_ns = UINT64_C(5000000000)};
	fixture_call(&state.fixture, &call, "/v1/traces", SLICE("\x0a\x04\x12\x02\x12\x00"));
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.http_status, 503);
	assert_false(call.result.has_grpc_status);
	assert_string_equal(call.body, "busy");
	assert_string_equal(call.retry_after, "7");
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(state.peer, &count);
	assert_int_equal(count, 1);
	assert_string_equal(calls[0].path, "/v1/traces");
	assert_string_equal(calls[0].content_type, "application/x-protobuf");
	assert_string_equal(calls[0].timeout, ""); /* gRPC's alone */
	assert_int_equal(calls[0].spans, 1);
	peer_grpc_unlock(state.peer);
	finish(&state);
}

static void an_empty_body_ends_the_stream_with_the_header(void **unused)
{
	(void)unused;
	struct state state;
	begin(&state, "h2", 1);
	struct fixture_call call = {.call.path = SLICE("/v1/traces"),
				    .call.content_type = "application/x-protobuf"};
	fixture_start(&state.fixture, &call);
	fixture_finish(&state.fixture, &call);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.http_status, 200);
	finish(&state);
}

static void calls_share_the_connection_once_http2_is_known(void **unused)
{
	(void)unused;
	enum { CALLS = 30 };
	struct state state;
	begin(&state, "h2,http/1.1", 5);
	struct fixture_call first = {.call.content_type = "application/x-protobuf"};
	fixture_call(&state.fixture, &first, "/v1/traces", SLICE("x"));
	struct fixture_call *calls = calloc(CALLS, sizeof(*calls));
	for (size_t i = 0; i < CALLS; i++) {
		calls[i].call.content_type = "application/x-protobuf";
		fixture_send(&state.fixture, &calls[i], "/v1/traces", SLICE("x"));
	}
	for (size_t i = 0; i < CALLS; i++) {
		fixture_finish(&state.fixture, &calls[i]);
		assert_int_equal(calls[i].result.outcome, CLIENT_ANSWERED);
		fixture_release(&calls[i]);
	}
	assert_int_equal(peer_grpc_counts(state.peer).connections, 1);
	free(calls);
	finish(&state);
}

static void a_large_body_passes_tls_and_flow_control(void **unused)
{
	(void)unused;
	enum { BYTES = 5000001 };
	struct state state;
	uint8_t *bytes = malloc(BYTES);
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)(i * 11);
	begin(&state, "h2", 1);
	struct fixture_call call = {.call.content_type = "application/x-protobuf"};
	fixture_call(&state.fixture, &call, "/v1/traces", slice_of(bytes, BYTES));
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(state.peer, &count);
	assert_int_equal(calls[0].message_len, BYTES);
	assert_memory_equal(calls[0].message, bytes, BYTES);
	peer_grpc_unlock(state.peer);
	free(bytes);
	finish(&state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_post_over_http2_is_answered),
		cmocka_unit_test(an_empty_body_ends_the_stream_with_the_header),
		cmocka_unit_test(calls_share_the_connection_once_http2_is_known),
		cmocka_unit_test(a_large_body_passes_tls_and_flow_control),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
