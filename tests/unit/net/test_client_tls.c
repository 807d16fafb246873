/* SPDX-License-Identifier: Apache-2.0 */
/* What users get to see when the two ends disagree about TLS, and when they agree. */
#include "tests/support/client_fixture.h"
#include "tests/support/peer_grpc.h"
#include "tests/support/peer_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct tls_context *context(const struct tls_config *config, const char *alpn)
{
	struct err err;
	struct tls_context *tls = tls_client_context(config, alpn, NULL, &err);
	if (!tls)
		fail_msg("%s", err.msg);
	return tls;
}

/* One gRPC call to ${port} on ${host}. */
static void call_once(struct fixture_call *call, enum client_mode mode, const char *host,
		      uint16_t port, struct tls_context *tls, const char *server_name)
{
	struct client_fixture fixture;
	*call = (struct fixture_call){.call.content_type = "application/grpc"};
	fixture_open(&fixture, mode, port,
		     &(struct client_config){.host = host, .tls = tls, .server_name = server_name});
	fixture_call(&fixture, call, "/s/Export", SLICE(""));
	fixture_close(&fixture);
}

static void a_verified_peer_is_called(void **unused)
{
	(void)unused;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){.tls = true});
	uint16_t port = peer_grpc_port(peer);
	const struct tls_config trusted = {.ca_pem = peer_grpc_certificate(peer)};
	const struct tls_config unverified = {.insecure_skip_verify = true};
	const struct tls_config renamed = {.ca_pem = peer_grpc_certificate(peer),
					   .server_name_override = "localhost"};
	struct fixture_call call;
	call_once(&call, CLIENT_GRPC, "localhost", port, context(&trusted, "h2"), NULL);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	assert_int_equal(call.result.grpc_status, 0);
	call_once(&call, CLIENT_GRPC, "127.0.0.1", port, context(&trusted, "h2"), NULL);
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	call_once(&call, CLIENT_GRPC, "127.0.0.1", port, context(&trusted, "h2"), "localhost");
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	call_once(&call, CLIENT_GRPC, "127.0.0.1", port, context(&unverified, "h2"), "other");
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	call_once(&call, CLIENT_GRPC, "127.0.0.1", port, context(&renamed, "h2"), "other");
	assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
	peer_grpc_stop(peer);
}

static void an_untrusted_or_misnamed_certificate_is_refused(void **unused)
{
	(void)unused;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){.tls = true});
	struct peer_grpc *other = peer_grpc_start(&(struct peer_grpc_options){.tls = true});
	uint16_t port = peer_grpc_port(peer);
	const struct tls_config stranger = {.ca_pem = peer_grpc_certificate(other)};
	const struct tls_config trusted = {.ca_pem = peer_grpc_certificate(peer)};
	struct fixture_call call;
	call_once(&call, CLIENT_GRPC, "localhost", port, context(&stranger, "h2"), NULL);
	assert_int_equal(call.result.outcome, CLIENT_TLS_FAILED);
	assert_non_null(strstr(call.result.err.msg, "certificate"));
	assert_null(strstr(call.result.err.msg, "tls.insecure: true"));
	call_once(&call, CLIENT_GRPC, "localhost", port, context(&trusted, "h2"), "elsewhere");
	assert_int_equal(call.result.outcome, CLIENT_TLS_FAILED);
	assert_non_null(strstr(call.result.err.msg, "certificate"));
	assert_int_equal(peer_grpc_counts(peer).calls, 0);
	peer_grpc_stop(other);
	peer_grpc_stop(peer);
}

/* Says ${arg}, if anything, to whoever connects, then reads and ends. */
static void serve_plain(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	char buffer[4096];
	const char *text = arg;
	if (text)
		(void)peer_write(stream, slice_of(text, 64));
	(void)peer_read(stream, buffer, sizeof(buffer));
}

static void serve_reset(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	char buffer[16];
	(void)peer_read(stream, buffer, sizeof(buffer));
	peer_reset_on_close(stream);
}

static void tls_to_a_plain_peer_says_what_to_do(void **unused)
{
	(void)unused;
	static char settings[64] = {0, 0, 0, 4}; /* an HTTP/2 peer's first frame */
	static char http1[64] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	const struct {
		peer_serve_f *serve;
		char *text;
	} cases[] = {{serve_plain, settings},
		     {serve_plain, http1},
		     {serve_plain, NULL},
		     {serve_reset, NULL}};
	const struct tls_config config = {.insecure_skip_verify = true};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct peer *peer =
			peer_start(&(struct peer_options){0}, cases[i].serve, cases[i].text);
		struct fixture_call call;
		call_once(&call, CLIENT_GRPC, "127.0.0.1", peer_port(peer), context(&config, "h2"),
			  NULL);
		assert_int_equal(call.result.outcome, CLIENT_TLS_FAILED);
		if (!strstr(call.result.err.msg, "add tls.insecure: true"))
			fail_msg("%zu: %s", i, call.result.err.msg);
		peer_stop(peer);
	}
}

static void plain_text_to_a_tls_peer_says_what_to_do(void **unused)
{
	(void)unused;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){.tls = true});
	struct fixture_call call;
	for (int mode = CLIENT_GRPC; mode <= CLIENT_HTTP; mode++) {
		call_once(&call, (enum client_mode)mode, "127.0.0.1", peer_grpc_port(peer), NULL,
			  NULL);
		assert_int_equal(call.result.outcome, CLIENT_BROKEN);
		if (!strstr(call.result.err.msg, "does it speak TLS?"))
			fail_msg("%s", call.result.err.msg);
	}
	peer_grpc_stop(peer);
}

static void an_alert_says_that_the_peer_speaks_tls(void **unused)
{
	(void)unused;
	static char alert[64] = {0x15, 3, 1, 0, 2, 2, 10}; /* RFC 8446 §6: unexpected_message */
	struct peer *peer = peer_start(&(struct peer_options){0}, serve_plain, alert);
	struct fixture_call call;
	call_once(&call, CLIENT_GRPC, "127.0.0.1", peer_port(peer), NULL, NULL);
	assert_int_equal(call.result.outcome, CLIENT_TLS_FAILED);
	assert_non_null(strstr(call.result.err.msg, "the peer speaks TLS"));
	peer_stop(peer);
}

static void grpc_needs_http2(void **unused)
{
	(void)unused;
	struct peer_grpc *peer =
		peer_grpc_start(&(struct peer_grpc_options){.tls = true, .alpn = "http/1.1"});
	const struct tls_config config = {.insecure_skip_verify = true};
	struct fixture_call call;
	call_once(&call, CLIENT_GRPC, "127.0.0.1", peer_grpc_port(peer),
		  context(&config, "h2,http/1.1"), NULL);
	assert_int_equal(call.result.outcome, CLIENT_TLS_FAILED);
	assert_non_null(strstr(call.result.err.msg, "HTTP/2"));
	peer_grpc_stop(peer);
}

static void serve_http1(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	char buffer[4096];
	if (peer_read(stream, buffer, sizeof(buffer)) > 0)
		(void)peer_write(stream, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"));
}

static void http_falls_back_to_http1_under_tls(void **unused)
{
	(void)unused;
	static const char *const alpn[] = {"http/1.1", NULL};
	for (size_t i = 0; i < ARRAY_COUNT(alpn); i++) {
		struct peer *peer = peer_start(&(struct peer_options){.tls = true, .alpn = alpn[i]},
					       serve_http1, NULL);
		const struct tls_config config = {.ca_pem = peer_certificate_pem(peer)};
		struct fixture_call call;
		call_once(&call, CLIENT_HTTP, "localhost", peer_port(peer),
			  context(&config, "h2,http/1.1"), NULL);
		assert_int_equal(call.result.outcome, CLIENT_ANSWERED);
		assert_string_equal(call.body, "yes");
		peer_stop(peer);
	}
}

static void serve_nothing(struct peer_stream *stream, unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	char buffer[64];
	while (peer_read(stream, buffer, sizeof(buffer)) > 0)
		;
}

static void a_handshake_that_never_ends_times_out(void **unused)
{
	(void)unused;
	struct peer *peer = peer_start(&(struct peer_options){0}, serve_nothing, NULL);
	const struct tls_config config = {.insecure_skip_verify = true};
	struct client_fixture fixture;
	struct fixture_call call = {.call.timeout_ns = 30 * 1000000}, other = {0};
	fixture_open(&fixture, CLIENT_GRPC, peer_port(peer),
		     &(struct client_config){.tls = context(&config, "h2")});
	fixture_call(&fixture, &call, "/s/Export", SLICE(""));
	assert_int_equal(call.result.outcome, CLIENT_TIMED_OUT);
	fixture_send(&fixture, &other, "/s/Export", SLICE(""));
	client_cancel(&other.call);
	assert_int_equal(other.result.outcome, CLIENT_CANCELLED);
	fixture_release(&other);
	fixture_close(&fixture);
	peer_stop(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verified_peer_is_called),
		cmocka_unit_test(an_untrusted_or_misnamed_certificate_is_refused),
		cmocka_unit_test(tls_to_a_plain_peer_says_what_to_do),
		cmocka_unit_test(plain_text_to_a_tls_peer_says_what_to_do),
		cmocka_unit_test(an_alert_says_that_the_peer_speaks_tls),
		cmocka_unit_test(grpc_needs_http2),
		cmocka_unit_test(http_falls_back_to_http1_under_tls),
		cmocka_unit_test(a_handshake_that_never_ends_times_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
