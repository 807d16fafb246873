/* SPDX-License-Identifier: Apache-2.0 */
/* TLS on both sides with an authority made on the spot, and what the log says when one side speaks
 * TLS and the other does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/net_certificate.h"
#include "tests/support/peer_socket.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/scenario_spans.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SOON "retry_on_failure: {initial_interval: 50ms, max_interval: 50ms}"

/* A folder with the authority's certificate and a pair for localhost. */
struct files {
	char folder[32], ca[64], certificate[64], key[64];
};

static void files_make(struct files *files)
{
	struct net_authority authority;
	(void)snprintf(files->folder, sizeof(files->folder), "/tmp/sluice-tls-XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	(void)snprintf(files->ca, sizeof(files->ca), "%s/ca.pem", files->folder);
	(void)snprintf(files->certificate, sizeof(files->certificate), "%s/tls.crt", files->folder);
	(void)snprintf(files->key, sizeof(files->key), "%s/tls.key", files->folder);
	net_authority_init(&authority);
	net_authority_write(&authority, files->ca);
	net_authority_issue(&authority, "localhost", files->certificate, files->key);
	net_authority_fini(&authority);
}

static void files_remove(const struct files *files)
{
	(void)unlink(files->ca);
	(void)unlink(files->certificate);
	(void)unlink(files->key);
	(void)rmdir(files->folder);
}

static void write_pem(const char *path, const char *pem)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
	(void)close(fd);
}

/* Spans come in over TLS at one daemon and leave it over TLS to a second one, over both protocols;
 * the authority is the only thing that all of them trust. */
static void spans_travel_over_tls_in_and_out(void **state)
{
	(void)state;
	struct files files;
	struct peer_grpc *end = peer_grpc_start(&(struct peer_grpc_options){0});
	struct span_bag expected = {0}, seen = {0};
	files_make(&files);
	struct daemon *back = scenario_start(
		NULL,
		"receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', tls: {cert_file: "
		"%s, key_file: %s}}, http: {endpoint: '127.0.0.1:0', tls: {cert_file: %s, "
		"key_file: %s}}}}}\nexporters: {otlp: {" SCENARIO_GRPC_TO "}}\n" SCENARIO_PIPELINE
		"exporters: [otlp]}\n",
		files.certificate, files.key, files.certificate, files.key, peer_grpc_port(end));
	struct daemon *front = scenario_start(
		NULL,
		SCENARIO_LISTENERS "exporters:\n"
				   "  otlp: {endpoint: 'localhost:%u', tls: {ca_file: %s}}\n"
				   "  otlphttp: {endpoint: 'https://127.0.0.1:%u', tls: {ca_file: "
				   "%s}}\n" SCENARIO_PIPELINE "exporters: [otlp, otlphttp]}\n",
		daemon_grpc_port(back), files.ca, daemon_http_port(back), files.ca);
	struct scenario_sender sender;
	struct buf request = scenario_request(0, 100, "work", "k", "v");
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(front));
	struct scenario_answer answer =
		scenario_send(&sender, NULL, CODING_GZIP, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 0);
	span_bag_add(&expected, buf_slice(&request), NULL);
	span_bag_add(&expected, buf_slice(&request), NULL); /* once by each exporter */
	assert_true(peer_grpc_wait_spans(end, 200, SCENARIO_WAIT_MS));
	span_bag_add_grpc(&seen, end);
	span_bag_assert_equal(&expected, &seen);
	daemon_wait_metric(back, "otelcol_receiver_accepted_spans{", 200);
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(front), 0);
	assert_int_equal(daemon_stop(back), 0);
	span_bag_fini(&expected);
	span_bag_fini(&seen);
	buf_fini(&request);
	files_remove(&files);
	peer_grpc_stop(end);
}

/* An HTTP server that is greeted in TLS. */
static void serve_bad_request(struct peer_stream *stream, unsigned index, void *arg)
{
	char bytes[512];
	(void)index;
	(void)arg;
	if (peer_read(stream, bytes, sizeof(bytes)) > 0)
		(void)peer_write(stream, SLICE("HTTP/1.1 400 Bad Request\r\n\r\n"));
}

/* One span to an exporter that cannot reach its backend on ${port}; the log has to say ${hint}. */
static void assert_log_says(const char *exporter, const char *scheme, uint16_t port,
			    const char *settings, const char *hint)
{
	static const char *const args[] = {"--shutdown-timeout", "200ms", NULL};
	struct daemon *daemon = scenario_start(
		args,
		SCENARIO_LISTENERS "exporters: {%s: {endpoint: '%s127.0.0.1:%u', "
				   "%s" SOON "}}\n" SCENARIO_PIPELINE "exporters: [%s]}\n",
		exporter, scheme, port, settings, exporter);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&sender, 0, 1);
	daemon_wait_output(daemon, "Exporting failed. Will retry the request after interval.");
	daemon_wait_output(daemon, hint);
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{", 1);
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(daemon), 1);
}

/* Backends that speak the other language: the span waits, the log knows what to do. */
static void a_mismatch_is_named_in_the_log(void **state)
{
	(void)state;
	struct peer_grpc *plain = peer_grpc_start(&(struct peer_grpc_options){0});
	struct peer_grpc *secret = peer_grpc_start(&(struct peer_grpc_options){.tls = true});
	struct peer *plain_http = peer_start(&(struct peer_options){0}, serve_bad_request, NULL);
	struct http_sink *secret_http = http_sink_start(0, true);
	assert_log_says("otlp", "", peer_grpc_port(plain), "", "add tls.insecure: true");
	assert_log_says("otlp", "", peer_grpc_port(secret), "tls: {insecure: true}, ",
			"remove tls.insecure: true");
	assert_log_says("otlphttp", "https://", peer_port(plain_http), "",
			"the peer does not speak TLS (for a plain-text peer use http://)");
	assert_log_says("otlphttp", "http://", http_sink_port(secret_http), "", "https://");
	peer_grpc_stop(plain);
	peer_grpc_stop(secret);
	peer_stop(plain_http);
	http_sink_stop(secret_http);
}

/* A certificate that nobody vouches for is refused, unless the operator says so. */
static void certificates_are_verified_unless_told_otherwise(void **state)
{
	(void)state;
	static const char *const args[] = {"--shutdown-timeout", "200ms", NULL};
	struct files files;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){.tls = true});
	files_make(&files);
	const struct {
		const char *tls, *file;
		bool arrives;
	} cases[] = {
		{"insecure_skip_verify: true", "", true},
		{"ca_file: ", files.ca, true}, /* the peer's own */
		{"min_version: '1.2'", "", false},
	};
	write_pem(files.ca, peer_grpc_certificate(peer));
	unsigned arrived = 0;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct daemon *daemon = scenario_start(
			args,
			SCENARIO_LISTENERS "exporters: {otlp: {endpoint: 'localhost:%u', tls: "
					   "{%s%s}, " SOON "}}\n" SCENARIO_PIPELINE
					   "exporters: [otlp]}\n",
			peer_grpc_port(peer), cases[i].tls, cases[i].file);
		struct scenario_sender sender;
		scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
		scenario_send_spans(&sender, i * 10, 10);
		if (cases[i].arrives)
			daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{", 10);
		else
			daemon_wait_output(daemon, "certificate");
		arrived += cases[i].arrives ? 10 : 0;
		scenario_sender_close(&sender);
		assert_int_equal(daemon_stop(daemon), cases[i].arrives ? 0 : 1);
		assert_int_equal(peer_grpc_counts(peer).spans, arrived);
	}
	files_remove(&files);
	peer_grpc_stop(peer);
}

/* ---- files that change ------------------------------------------------------------------------ */

/* Knocks until the log says ${text}: a listener looks at its files when a connection comes. */
static void knock_until(struct daemon *daemon, const char *text)
{
	uint64_t deadline_ns = clock_monotonic_ns() + SCENARIO_WAIT_MS * NS_PER_MS;
	while (!strstr(daemon_output(daemon), text)) {
		int fd = raw_connect(daemon_grpc_port(daemon));
		(void)close(fd);
		if (clock_monotonic_ns() > deadline_ns)
			fail_msg("no \"%s\" in: %s", text, daemon_output(daemon));
	}
}

/* Sends until the log says ${text}: every request makes a new connection to ${sink}. */
static unsigned send_until(struct daemon *daemon, struct http_sink *sink, unsigned sent,
			   const char *text)
{
	uint64_t deadline_ns = clock_monotonic_ns() + SCENARIO_WAIT_MS * NS_PER_MS;
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_HTTP, daemon_http_port(daemon));
	while (!strstr(daemon_output(daemon), text)) {
		scenario_send_spans(&sender, sent, 1);
		assert_true(http_sink_wait_spans(sink, ++sent, SCENARIO_WAIT_MS));
		if (clock_monotonic_ns() > deadline_ns)
			fail_msg("no \"%s\" in: %s", text, daemon_output(daemon));
	}
	scenario_sender_close(&sender);
	return sent;
}

static const char failed[] = "Failed to reload TLS files, keeping the old ones";
static const char reloaded[] = "Reloaded TLS files";

static void a_listeners_certificate_is_reloaded_and_said(void **state)
{
	(void)state;
	struct files files;
	files_make(&files);
	struct daemon *daemon = scenario_start(
		NULL,
		"receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', tls: {cert_file: "
		"%s, key_file: %s}}}}}\nexporters: {nop: }\n" SCENARIO_PIPELINE
		"exporters: [nop]}\n",
		files.certificate, files.key);
	daemon_wait_metric(daemon, "sluice_tls_reloads{receiver=\"otlp\",listener=\"grpc\"", 0);
	write_pem(files.certificate, "this is no certificate\n");
	knock_until(daemon, failed);
	daemon_wait_metric(daemon,
			   "sluice_tls_reloads{receiver=\"otlp\",listener=\"grpc\",outcome="
			   "\"failure\"}",
			   1);
	struct net_authority authority;
	net_authority_init(&authority);
	net_authority_issue(&authority, "localhost", files.certificate, files.key);
	net_authority_fini(&authority);
	knock_until(daemon, reloaded);
	assert_true(daemon_metric(daemon, "sluice_tls_certificate_expiry{receiver=\"otlp\"") >
		    (double)(clock_wall_ns() / NS_PER_S));
	assert_int_equal(daemon_stop(daemon), 0);
	files_remove(&files);
}

static void an_exporters_authority_is_reloaded_and_said(void **state)
{
	(void)state;
	struct files files;
	struct http_sink *sink = http_sink_start(0, true);
	http_sink_set(sink, &(struct http_sink_behaviour){.ends_connection = true}, 0);
	files_make(&files);
	write_pem(files.ca, http_sink_certificate(sink));
	struct daemon *daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS "exporters: {otlphttp: {endpoint: 'https://localhost:%u', tls: "
				   "{ca_file: %s}}}\n" SCENARIO_PIPELINE "exporters: [otlphttp]}\n",
		http_sink_port(sink), files.ca);
	write_pem(files.ca, "this is no certificate\n");
	unsigned sent = send_until(daemon, sink, 0, failed); /* each of them arrives */
	write_pem(files.ca, http_sink_certificate(sink));
	(void)send_until(daemon, sink, sent, reloaded);
	daemon_wait_metric(daemon, "sluice_tls_reloads{exporter=\"otlphttp\",outcome=\"failure\"}",
			   1);
	daemon_wait_metric(daemon, "sluice_tls_reloads{exporter=\"otlphttp\",outcome=\"success\"}",
			   1);
	assert_int_equal(daemon_stop(daemon), 0);
	files_remove(&files);
	http_sink_stop(sink);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_travel_over_tls_in_and_out),
		cmocka_unit_test(a_mismatch_is_named_in_the_log),
		cmocka_unit_test(a_listeners_certificate_is_reloaded_and_said),
		cmocka_unit_test(an_exporters_authority_is_reloaded_and_said),
		cmocka_unit_test(certificates_are_verified_unless_told_otherwise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
