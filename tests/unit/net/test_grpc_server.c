/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/base/clock.h"
#include "tests/support/net_h2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A call and what came of it. */
static void expect(struct net_server *server, const char *headers, uint8_t flag,
		   struct slice message, const char *status, const char *text)
{
	struct net_h2 client;
	net_h2_open(&client, server);
	struct net_h2_stream *call = net_h2_grpc(&client, headers, flag, message);
	assert_true(net_h2_wait(&client, call));
	assert_int_equal(call->status, 200);
	assert_string_equal(net_h2_header(call, "content-type"), "application/grpc");
	assert_string_equal(net_h2_header(call, "grpc-status"), status);
	assert_string_equal(net_h2_header(call, "grpc-message"), text);
	net_h2_close(&client);
}

static void answers_a_message_with_a_message_and_trailers(void **state)
{
	struct net_server *server = *state;
	struct net_h2 client;
	net_h2_open(&client, server);
	struct net_h2_stream *call = net_h2_grpc(&client, "", 0, SLICE("request"));
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(buf_cstr(&server->body), "request");
	assert_int_equal(call->body.len, 5 + 8);
	assert_memory_equal(call->body.data,
			    "\0\0\0\0\x08"
			    "7 bytes\n",
			    13);
	assert_string_equal(net_h2_header(call, "grpc-status"), "0");
	assert_int_equal(counter_get(&server->counters->requests_grpc), 1);
	net_h2_close(&client);
}

static void an_empty_message_is_a_message(void **state)
{
	struct net_server *server = *state;
	expect(server, "", 0, slice_of(NULL, 0), "0", "");
	assert_int_equal(server->requests, 1);
}

static void reads_compressed_messages(void **state)
{
	static const char *const names[] = {"gzip", "zstd", "deflate", "snappy"};
	static const enum coding codings[] = {CODING_GZIP, CODING_ZSTD, CODING_DEFLATE,
					      CODING_SNAPPY_FRAMED};
	struct net_server *server = *state;
	struct slice text = SLICE("some text, some text, some text");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char header[64];
		struct chunk *coded = coder_encode(server->shard.coder, codings[i], 0, &text, 1,
						   &server->budget, NULL);
		assert_non_null(coded);
		(void)snprintf(header, sizeof(header), "grpc-encoding: %s\n", names[i]);
		expect(server, header, 1, chunk_slice(coded), "0", "");
		assert_int_equal(server->body.len, text.len);
		expect(server, header, 0, text, "0", ""); /* flag 0: this one is plain */
		assert_int_equal(server->body.len, text.len);
		chunk_unref(coded);
	}
}

static void says_what_is_wrong_with_a_message(void **state)
{
	static const struct {
		const char *headers;
		uint8_t flag;
		const char *message, *status, *text;
		enum server_refusal why;
	} cases[] = {
		{"grpc-encoding: lz4\n", 1, "x", "12",
		 "grpc: Decompressor is not installed for grpc-encoding \"lz4\"",
		 REFUSED_CODING_UNKNOWN},
		{"", 1, "x", "13", "grpc: compressed flag set with identity or empty encoding",
		 REFUSED_GRPC_FRAMING},
		{"", 2, "x", "13", "grpc: received unexpected payload format 2",
		 REFUSED_GRPC_FRAMING},
		{"grpc-encoding: gzip\n", 1, "not gzip", "13",
		 "grpc: failed to decompress the received message", REFUSED_CODING_MALFORMED},
	};
	struct net_server *server = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		expect(server, cases[i].headers, cases[i].flag, slice_str(cases[i].message),
		       cases[i].status, cases[i].text);
		assert_true(server->refusals[cases[i].why] > 0);
	}
	assert_int_equal(server->requests, 0);
}

static void an_unknown_encoding_is_told_what_is_known(void **state)
{
	struct net_h2 client;
	net_h2_open(&client, *state);
	struct net_h2_stream *call = net_h2_grpc(&client, "grpc-encoding: br\n", 1, SLICE("x"));
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-accept-encoding"),
			    "gzip, zstd, deflate, snappy");
	net_h2_close(&client);
}

/* Bodies that are not exactly one message. */
static void expects_exactly_one_message(void **state)
{
	static const struct {
		struct slice body;
		const char *text;
	} cases[] = {
		{SLICE_INIT(""), "cardinality violation: received no request message from "
				 "non-client-streaming RPC"},
		{SLICE_INIT("\0\0"), "unexpected EOF"},
		{SLICE_INIT("\0\0\0\0\3ab"), "unexpected EOF"},
		{SLICE_INIT("\0\0\0\0\1a\0\0\0\0\1b"),
		 "cardinality violation: received multiple request messages for "
		 "non-client-streaming RPC"},
	};
	struct net_h2 client;
	net_h2_open(&client, *state);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct net_h2_stream *call = net_h2_request(
			&client, "POST", "/s/m", "content-type: application/grpc+proto\n", false);
		net_h2_body(&client, call, cases[i].body, true);
		assert_true(net_h2_wait(&client, call));
		assert_string_equal(net_h2_header(call, "grpc-status"), "13");
		assert_string_equal(net_h2_header(call, "grpc-message"), cases[i].text);
	}
	net_h2_close(&client);
}

static void a_timeout_becomes_a_deadline(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {{"1H", 3600 * NS_PER_S},
		     {"2M", 120 * NS_PER_S},
		     {"3S", 3 * NS_PER_S},
		     {"40m", 40 * NS_PER_MS},
		     {"50u", 50 * NS_PER_US},
		     {"60n", 60},
		     {"99999999H", UINT64_C(100) * 365 * 24 * 3600 * NS_PER_S}};
	struct net_server *server = *state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char header[64];
		(void)snprintf(header, sizeof(header), "grpc-timeout: %s\n", cases[i].text);
		uint64_t before = clock_monotonic_ns();
		expect(server, header, 0, SLICE("x"), "0", "");
		assert_true(server->deadline_ns >= before + cases[i].ns);
		assert_true(server->deadline_ns <= clock_monotonic_ns() + cases[i].ns);
	}
	static const char *const bad[] = {"1", "S", "123456789S", "-1S", "1s", "1.5S"};
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		char header[64];
		(void)snprintf(header, sizeof(header), "grpc-timeout: %s\n", bad[i]);
		expect(server, header, 0, SLICE("x"), "13", "malformed grpc-timeout");
	}
}

static void a_get_is_no_call(void **state)
{
	struct net_h2 client;
	net_h2_open(&client, *state);
	struct net_h2_stream *call =
		net_h2_request(&client, "GET", "/s/m", "content-type: application/grpc\n", true);
	assert_true(net_h2_wait(&client, call));
	assert_int_equal(call->status, 405);
	net_h2_close(&client);
}

/* The handler that answers with an error whose text needs escapes, and with details. */
static bool refuse_on_header(void *arg, struct server_request *request)
{
	(void)arg;
	server_respond_grpc(request, 14, "caf\xc3\xa9 100%\n", SLICE("\x08\x0e\x12"),
			    slice_of(NULL, 0));
	return false;
}

static void errors_carry_an_escaped_message_and_details(void **state)
{
	static const struct server_handler refusing = {.on_header = refuse_on_header};
	struct net_server server = {0};
	struct server_config config = net_server_config();
	struct net_h2 client;
	(void)state;
	config.handler = &refusing;
	net_server_open(&server, &config);
	net_h2_open(&client, &server);
	struct net_h2_stream *call = net_h2_grpc(&client, "", 0, SLICE("x"));
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-status"), "14");
	assert_string_equal(net_h2_header(call, "grpc-message"), "caf%C3%A9 100%25%0A");
	assert_string_equal(net_h2_header(call, "grpc-status-details-bin"), "CA4S");
	assert_int_equal(call->body.len, 0);
	net_h2_close(&client);
	net_server_close(&server);
}

static char long_message[8300];

static bool refuse_at_length(void *arg, struct server_request *request)
{
	(void)arg;
	server_respond_grpc(request, 14, long_message, slice_of(NULL, 0), slice_of(NULL, 0));
	return false;
}

/* Of 8,192 bytes: an escape that fits is there, one that does not is not begun. */
static void a_long_message_is_cut_between_its_characters(void **state)
{
	static const struct server_handler refusing = {.on_header = refuse_at_length};
	enum { MAX = 8192, AROUND = 6 };
	struct net_server server = {0};
	struct server_config config = net_server_config();
	struct net_h2 client;
	(void)state;
	config.handler = &refusing;
	net_server_open(&server, &config);
	net_h2_open(&client, &server);
	for (size_t plain = MAX - AROUND; plain < MAX + AROUND; plain++) {
		for (int escape = 0; escape < 2; escape++) {
			size_t wanted = plain < MAX - 2 ? plain : MAX - 2;
			bool fits = escape && plain + 3 <= MAX;
			memset(long_message, 'x', sizeof(long_message));
			long_message[plain] = escape ? '\n' : 0;
			long_message[plain + 1] = 0;
			struct net_h2_stream *call = net_h2_grpc(&client, "", 0, SLICE("x"));
			assert_true(net_h2_wait(&client, call));
			const char *message = net_h2_header(call, "grpc-message");
			assert_int_equal(strspn(message, "x"), wanted);
			assert_string_equal(message + wanted, fits ? "%0A" : "");
		}
	}
	net_h2_close(&client);
	net_server_close(&server);
}

static bool ask_for_a_repeat(void *arg, struct server_request *request)
{
	(void)arg;
	server_respond_grpc_retry(request, 14, "busy", SLICE("\x08\x0e\x12"),
				  SLICE("\x0a\x02\x08\x05"));
	return false;
}

/* OpenTelemetry's Python exporter reads this field alone. */
static void a_refusal_that_is_worth_a_repeat_carries_its_delay(void **state)
{
	static const struct server_handler busy = {.on_header = ask_for_a_repeat};
	struct net_server server = {0};
	struct server_config config = net_server_config();
	struct net_h2 client;
	(void)state;
	config.handler = &busy;
	net_server_open(&server, &config);
	net_h2_open(&client, &server);
	struct net_h2_stream *call = net_h2_grpc(&client, "", 0, SLICE("x"));
	assert_true(net_h2_wait(&client, call));
	assert_string_equal(net_h2_header(call, "grpc-status"), "14");
	assert_string_equal(net_h2_header(call, "grpc-status-details-bin"), "CA4S");
	assert_string_equal(net_h2_header(call, "google.rpc.retryinfo-bin"), "CgIIBQ");
	net_h2_close(&client);
	net_server_close(&server);
}

/* A coding of the peer's making is named when it is short and plain. */
static void an_unknown_encoding_is_named_within_bounds(void **state)
{
	static const struct {
		const char *coding, *named;
	} cases[] = {
		{"br", "br"},
		{"!~", "!~"},
		{"a b", "?"},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "?"},
		{"a\xc3\xa9", "?"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char header[96], text[160];
		(void)snprintf(header, sizeof(header), "grpc-encoding: %s\n", cases[i].coding);
		(void)snprintf(text, sizeof(text),
			       "grpc: Decompressor is not installed for grpc-encoding \"%s\"",
			       cases[i].named);
		expect(*state, header, 1, SLICE("x"), "12", text);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, net_server_set_up, net_server_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(answers_a_message_with_a_message_and_trailers),
		CASE(an_empty_message_is_a_message),
		CASE(reads_compressed_messages),
		CASE(says_what_is_wrong_with_a_message),
		CASE(an_unknown_encoding_is_told_what_is_known),
		CASE(expects_exactly_one_message),
		CASE(a_timeout_becomes_a_deadline),
		CASE(a_get_is_no_call),
		cmocka_unit_test(a_long_message_is_cut_between_its_characters),
		cmocka_unit_test(errors_carry_an_escaped_message_and_details),
		cmocka_unit_test(a_refusal_that_is_worth_a_repeat_carries_its_delay),
		CASE(an_unknown_encoding_is_named_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
