/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that users have for the Collector's operator, loaded as they stand; only addresses
 * are overridden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_sender.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define FIXTURES "tests/fixtures/scenario/"
#define FILTERED "otelcol_processor_filter_spans_filtered{"
#define GRPC_ANYWHERE "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0"
#define HTTP_ANYWHERE "receivers.otlp.protocols.http.endpoint=127.0.0.1:0"

/* What this scenario adds to the file: where the metrics are served. */
static const char telemetry[] = "service:\n" SCENARIO_TELEMETRY;

/* The file, then what the tests need of it, as documents that are merged. */
static struct daemon *start(const char *file, const char *exporter_set)
{
	const char *const args[] = {"--config",	   file,    "--set",	  GRPC_ANYWHERE, "--set",
				    HTTP_ANYWHERE, "--set", exporter_set, NULL};
	const char *const grpc_only[] = {"--config", file,	   "--set", GRPC_ANYWHERE,
					 "--set",    exporter_set, NULL};
	return daemon_start(telemetry, strstr(file, "minimal") ? grpc_only : args);
}

static void send_named(struct scenario_sender *sender, uint32_t spans, const char *name,
		       const char *key, const char *value)
{
	static uint64_t first;
	struct buf request = scenario_request(first, spans, name, key, value);
	struct scenario_answer answer =
		scenario_send(sender, NULL, CODING_GZIP, buf_slice(&request));
	assert_true(scenario_taken(sender, &answer));
	first += spans;
	buf_fini(&request);
}

static void assert_condition_dropped(struct daemon *daemon, const char *condition, double spans)
{
	char prefix[256];
	(void)snprintf(prefix, sizeof(prefix),
		       "sluice_processor_filter_condition_dropped{filter=\"filter/"
		       "drop-metrics-scraping\",condition=\"%s\"}",
		       condition);
	daemon_wait_metric(daemon, prefix, spans);
}

static void scrapes_disappear_and_the_rest_arrives_at_the_backend(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	char endpoint[64];
	(void)snprintf(endpoint, sizeof(endpoint), "exporters.otlp.endpoint=127.0.0.1:%u",
		       peer_grpc_port(peer));
	struct daemon *daemon = start(FIXTURES "collector_minimal.yaml", endpoint);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	send_named(&sender, 7, "GET", "url.path", "/metrics");
	send_named(&sender, 5, "GET /metrics", NULL, NULL);
	send_named(&sender, 3, "GET /metrics", "url.path", "/metrics"); /* the first one counts */
	send_named(&sender, 11, "GET", "url.path", "/v1/models");
	send_named(&sender, 13, "llm_request", "gen_ai.request.model", "m");
	assert_true(peer_grpc_wait_spans(peer, 24, SCENARIO_WAIT_MS));
	daemon_wait_metric(daemon, FILTERED, 15);
	assert_condition_dropped(daemon, "attributes[\\\"url.path\\\"] == \\\"/metrics\\\"", 10);
	assert_condition_dropped(daemon, "name == \\\"GET /metrics\\\"", 5);
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(daemon), 0);
	assert_int_equal(peer_grpc_counts(peer).spans, 24);
	peer_grpc_stop(peer);
}

/* `kubectl logs … | grep -i filter`, as the users' guide tells to check it. */
static void the_log_says_which_condition_dropped_how_many(void **state)
{
	(void)state;
	static const struct {
		const char *name, *key, *value;
		uint32_t spans;
		const char *condition;
	} sent[] = {
		{"a", "url.path", "/metrics", 1,
		 "attributes[\\\"url.path\\\"] == \\\"/metrics\\\""},
		{"b", "http.route", "/metrics", 2,
		 "attributes[\\\"http.route\\\"] == \\\"/metrics\\\""},
		{"c", "http.target", "/metrics", 3,
		 "attributes[\\\"http.target\\\"] == \\\"/metrics\\\""},
		{"d", "http.url", "/metrics", 4,
		 "attributes[\\\"http.url\\\"] == \\\"/metrics\\\""},
		{"GET /metrics", NULL, NULL, 5, "name == \\\"GET /metrics\\\""},
		{"GET", NULL, NULL, 6, "name == \\\"GET\\\""},
		{"POST /v1/completions", "url.path", "/v1/completions", 100, NULL},
	};
	struct daemon *daemon =
		start(FIXTURES "collector_recommended.yaml", "exporters.debug.verbosity=basic");
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_HTTP, daemon_http_port(daemon));
	for (size_t i = 0; i < ARRAY_COUNT(sent); i++) {
		send_named(&sender, sent[i].spans, sent[i].name, sent[i].key, sent[i].value);
		if (sent[i].condition)
			assert_condition_dropped(daemon, sent[i].condition, sent[i].spans);
	}
	daemon_wait_metric(daemon, FILTERED, 21);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{exporter=\"debug\"}", 100);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM); /* the last report comes before the end */
	assert_int_equal(daemon_wait_exit(daemon), 0);
	for (size_t i = 0; i + 1 < ARRAY_COUNT(sent); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text), "\"condition\": \"%s\", \"dropped\": %u,",
			       sent[i].condition, sent[i].spans);
		if (!strstr(daemon_output(daemon), text))
			fail_msg("no %s in:\n%s", text, daemon_output(daemon));
	}
	assert_non_null(strstr(daemon_output(daemon), "\"filter/drop-metrics-scraping\""));
	assert_int_equal(daemon_stop(daemon), 0);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrapes_disappear_and_the_rest_arrives_at_the_backend),
		cmocka_unit_test(the_log_says_which_condition_dropped_how_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
