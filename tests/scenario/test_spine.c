/* SPDX-License-Identifier: Apache-2.0 */
/* The main job, on the real binary over real sockets: in, filtered, batched, out, counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/held_port.h"
#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_daemon.h"
#include "tests/support/scenario_sender.h"

#include <signal.h>
#include <stdlib.h>

enum { WAIT_MS = 40000, IDS = 100000 };

#define LISTENERS                                                                                  \
	"receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, "                         \
	"http: {endpoint: '127.0.0.1:0'}}}}\n"
#define TELEMETRY                                                                                  \
	"  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, "      \
	"port: 0}}}}]}}\n"

/* ${exporters} is the inside of `exporters:` with one %u per backend; all are in the pipeline. */
static char *config(const char *processors, const char *exporters, const char *pipeline)
{
	struct buf text = BUF_INIT;
	buf_printf(&text,
		   LISTENERS "processors: {%s}\nexporters: {%s}\nservice:\n" TELEMETRY
			     "  pipelines: {traces: {receivers: [otlp], %s}}\n",
		   processors, exporters, pipeline);
	char *copy = strdup(buf_cstr(&text));
	buf_fini(&text);
	return copy;
}

static char *grpc_exporter(const char *name, uint16_t port, const char *more)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "%s: {endpoint: '127.0.0.1:%u', tls: {insecure: true}%s%s}", name, port,
		   more[0] ? ", " : "", more);
	char *copy = strdup(buf_cstr(&text));
	buf_fini(&text);
	return copy;
}

/* How often each span id arrived at ${peer} in accepted requests. */
static void count_arrived(struct peer_grpc *peer, uint32_t *seen)
{
	size_t count;
	const struct peer_grpc_call *calls = peer_grpc_lock(peer, &count);
	for (size_t i = 0; i < count; i++) {
		if (calls[i].accepted)
			scenario_count_ids(slice_of(calls[i].message, calls[i].message_len), seen,
					   IDS);
	}
	peer_grpc_unlock(peer);
}

static void assert_each_arrived_once(struct peer_grpc *peer, uint64_t first, uint64_t count)
{
	uint32_t *seen = calloc(IDS, sizeof(*seen));
	count_arrived(peer, seen);
	for (uint64_t id = 0; id < IDS; id++)
		assert_int_equal(seen[id], id >= first && id < first + count);
	free(seen);
}

static void every_protocol_and_coding_arrives_on_every_port(void **state)
{
	(void)state;
	static const enum coding codings[] = {CODING_IDENTITY, CODING_GZIP,	     CODING_ZSTD,
					      CODING_DEFLATE,  CODING_SNAPPY_FRAMED, CODING_SNAPPY,
					      CODING_LZ4};
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	char *exporter = grpc_exporter("otlp", peer_grpc_port(peer), "");
	char *text = config("batch: {timeout: 20ms}", exporter,
			    "processors: [batch], exporters: [otlp]");
	struct daemon *daemon = daemon_start(text, NULL);
	const uint16_t ports[] = {daemon_grpc_port(daemon), daemon_http_port(daemon)};
	uint64_t next = 0;
	for (size_t mode = 0; mode < 2; mode++) {
		for (size_t port = 0; port < ARRAY_COUNT(ports); port++) {
			struct scenario_sender sender;
			scenario_sender_open(&sender, mode ? CLIENT_HTTP : CLIENT_GRPC,
					     ports[port]);
			for (size_t coding = 0; coding < ARRAY_COUNT(codings); coding++) {
				if (!mode && !coding_grpc_name(codings[coding]))
					continue;
				struct buf request =
					scenario_request(next, 50, "work", "key", "value");
				struct scenario_answer answer = scenario_send(
					&sender, NULL, codings[coding], buf_slice(&request));
				assert_true(scenario_taken(&sender, &answer));
				buf_fini(&request);
				next += 50;
			}
			scenario_sender_close(&sender);
		}
	}
	assert_true(peer_grpc_wait_spans(peer, (unsigned)next, WAIT_MS));
	assert_each_arrived_once(peer, 0, next);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{", (double)next);
	assert_int_equal(daemon_metric(daemon, "otelcol_receiver_accepted_spans{"), next);
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
	free(text);
	free(exporter);
}

static void scrape_spans_are_filtered_and_counted_by_condition(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	char *exporter = grpc_exporter("otlp", peer_grpc_port(peer), "");
	char *text = config("filter/drop-metrics-scraping: {error_mode: ignore, traces: {span: "
			    "['attributes[\"url.path\"] == \"/metrics\"', 'name == \"GET "
			    "/metrics\"']}}, batch: {timeout: 20ms}",
			    exporter,
			    "processors: [filter/drop-metrics-scraping, batch], exporters: [otlp]");
	struct daemon *daemon = daemon_start(text, NULL);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	struct buf by_path = scenario_request(0, 10, "x", "url.path", "/metrics");
	struct buf by_name = scenario_request(10, 20, "GET /metrics", NULL, NULL);
	struct scenario_answer answer =
		scenario_send(&sender, NULL, CODING_IDENTITY, buf_slice(&by_path));
	assert_true(scenario_taken(&sender, &answer));
	answer = scenario_send(&sender, NULL, CODING_IDENTITY, buf_slice(&by_name));
	assert_true(scenario_taken(&sender, &answer));
	scenario_send_spans(&sender, 100, 30);
	assert_true(peer_grpc_wait_spans(peer, 30, WAIT_MS));
	assert_each_arrived_once(peer, 100, 30);
	daemon_wait_metric(daemon, "otelcol_processor_filter_spans_filtered{", 30);
	daemon_wait_metric(daemon,
			   "sluice_processor_filter_condition_dropped{filter=\"filter/"
			   "drop-metrics-scraping\",condition=\"attributes",
			   10);
	daemon_wait_output(daemon, "Filter dropped spans");
	scenario_sender_close(&sender);
	buf_fini(&by_path);
	buf_fini(&by_name);
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
	free(text);
	free(exporter);
}

static void a_dead_branch_does_not_stop_a_live_one(void **state)
{
	(void)state;
	struct peer_grpc *alive = peer_grpc_start(&(struct peer_grpc_options){0});
	char *first = grpc_exporter("otlp/alive", peer_grpc_port(alive), "");
	char *second =
		grpc_exporter("otlp/dead", held_port(),
			      "sending_queue: {queue_size: 2}, retry_on_failure: "
			      "{initial_interval: 1h, max_interval: 1h, max_elapsed_time: 0}");
	struct buf both = BUF_INIT;
	buf_printf(&both, "%s, %s", first, second);
	char *text = config("", buf_cstr(&both), "exporters: [otlp/alive, otlp/dead]");
	struct daemon *daemon =
		daemon_start(text, (const char *[]){"--shutdown-timeout", "1s", NULL});
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (uint64_t i = 0; i < 10; i++)
		scenario_send_spans(&sender, i * 10, 10);
	assert_true(peer_grpc_wait_spans(alive, 100, WAIT_MS));
	assert_each_arrived_once(alive, 0, 100);
	/* Two requests fit the dead one's queue; the other eight were dropped for it alone. */
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{exporter=\"otlp/dead\"}", 20);
	daemon_wait_metric(daemon,
			   "sluice_exporter_dropped_spans{exporter=\"otlp/dead\",reason=\"queue_"
			   "full\"}",
			   80);
	daemon_wait_metric(daemon, "otelcol_exporter_sent_spans{exporter=\"otlp/alive\",", 100);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(daemon), 1);
	daemon_wait_output(daemon, "The shutdown deadline passed");
	assert_int_equal(daemon_stop(daemon), 1);
	peer_grpc_stop(alive);
	buf_fini(&both);
	free(first);
	free(second);
	free(text);
}

static void when_a_required_queue_is_full_nobody_takes_and_the_sender_may_repeat(void **state)
{
	(void)state;
	struct peer_grpc *alive = peer_grpc_start(&(struct peer_grpc_options){0});
	struct peer_grpc *slow = peer_grpc_start(&(struct peer_grpc_options){0});
	peer_grpc_set(slow, &(struct peer_grpc_behaviour){.action = PEER_STALL});
	char *first = grpc_exporter("otlp/alive", peer_grpc_port(alive), "");
	char *second = grpc_exporter("otlp/slow", peer_grpc_port(slow),
				     "timeout: 0s, sending_queue: {queue_size: 1, required: true}");
	struct buf both = BUF_INIT;
	buf_printf(&both, "%s, %s", first, second);
	char *text = config("", buf_cstr(&both), "exporters: [otlp/alive, otlp/slow]");
	struct daemon *daemon =
		daemon_start(text, (const char *[]){"--shutdown-timeout", "1s", NULL});
	struct scenario_sender grpc, http;
	scenario_sender_open(&grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_sender_open(&http, CLIENT_HTTP, daemon_http_port(daemon));
	scenario_send_spans(&grpc, 0, 10);
	struct buf request = scenario_request(10, 10, "work", NULL, NULL);
	struct scenario_answer answer =
		scenario_send(&grpc, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 14);
	assert_true(answer.has_retry_info);
	assert_in_range(answer.retry_info_ns, NS_PER_S / 10, 30 * NS_PER_S);
	/* A wait of less than half a second has no Retry-After; its RetryInfo is in the body. */
	answer = scenario_send(&http, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.http_status, 503);
	assert_non_null(strstr(answer.message, "sending queue is full"));
	assert_true(peer_grpc_wait_spans(alive, 10, WAIT_MS));
	daemon_wait_metric(daemon, "sluice_receiver_requests_refused{", 2);
	assert_each_arrived_once(alive, 0, 10);
	buf_fini(&request);
	scenario_sender_close(&grpc);
	scenario_sender_close(&http);
	assert_int_equal(daemon_stop(daemon), 1);
	peer_grpc_stop(alive);
	peer_grpc_stop(slow);
	buf_fini(&both);
	free(first);
	free(second);
	free(text);
}

static void waiting_for_the_result_answers_with_the_backends_word(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	char *exporter = grpc_exporter("otlp", peer_grpc_port(peer),
				       "sending_queue: {wait_for_result: true}, retry_on_failure: "
				       "{enabled: false}");
	char *text = config("", exporter, "exporters: [otlp]");
	struct daemon *daemon = daemon_start(text, NULL);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&sender, 0, 10);
	/* It was answered after the backend had it. */
	assert_int_equal(peer_grpc_counts(peer).spans, 10);
	struct buf request = scenario_request(10, 5, "work", NULL, NULL);
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){.grpc_status = "7"});
	struct scenario_answer answer =
		scenario_send(&sender, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 7);
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){.grpc_status = "14"});
	answer = scenario_send(&sender, NULL, CODING_IDENTITY, buf_slice(&request));
	assert_int_equal(answer.grpc_status, 14);
	buf_fini(&request);
	scenario_sender_close(&sender);
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
	free(text);
	free(exporter);
}

/* A backend that comes and goes; at the end every accepted span is accounted for, exactly. */
static void the_ledger_balances_under_a_backend_that_comes_and_goes(void **state)
{
	(void)state;
	static const struct peer_grpc_behaviour troubles[] = {
		{.grpc_status = "14"},	       {.action = PEER_RESET, .reset_code = 2},
		{.grpc_status = "7"}, /* permanent: dropped, counted */
		{.action = PEER_GOAWAY},       {.action = PEER_CLOSE},
		{.grpc_status = "3"}, /* invalid: halved, then dropped */
		{.action = PEER_GOAWAY_AFTER}, {.grpc_status = "8"},
	};
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	char *exporter = grpc_exporter(
		"otlp", peer_grpc_port(peer),
		"timeout: 2s, retry_on_failure: {initial_interval: 1ms, max_interval: 5ms, "
		"max_elapsed_time: 0}, sending_queue: {queue_size: 8, num_consumers: 3}");
	char *text = config("batch: {timeout: 5ms, send_batch_size: 100, send_batch_max_size: "
			    "150}",
			    exporter, "processors: [batch], exporters: [otlp]");
	struct daemon *daemon = daemon_start(text, NULL);
	struct scenario_sender grpc, http;
	scenario_sender_open(&grpc, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_sender_open(&http, CLIENT_HTTP, daemon_http_port(daemon));
	uint64_t accepted = 0, deadline = clock_monotonic_ns() + WAIT_MS * NS_PER_MS;
	for (uint64_t i = 0; i < 400; i++) {
		struct scenario_sender *sender = i % 2 ? &grpc : &http;
		if (i % 10 == 0)
			peer_grpc_set_times(peer, &troubles[i / 10 % ARRAY_COUNT(troubles)], 3);
		uint32_t spans = 1 + (uint32_t)(i * 7 % 200);
		struct buf request = scenario_request(i * 200, spans, "work", "k", "v");
		struct scenario_answer answer;
		/* A full queue refuses; a good client comes back. */
		do {
			answer = scenario_send(sender, NULL, CODING_IDENTITY, buf_slice(&request));
		} while (!scenario_taken(sender, &answer) && clock_monotonic_ns() < deadline);
		assert_true(scenario_taken(sender, &answer));
		accepted += spans;
		buf_fini(&request);
	}
	peer_grpc_set(peer, &(struct peer_grpc_behaviour){0});
	daemon_wait_metric(daemon, "sluice_exporter_held_spans{", 0);
	double sent = daemon_metric(daemon, "otelcol_exporter_sent_spans{");
	double dropped = daemon_metric(daemon, "sluice_exporter_dropped_spans{");
	assert_int_equal(daemon_metric(daemon, "otelcol_receiver_accepted_spans{"), accepted);
	assert_int_equal(sent + dropped, accepted);
	assert_true(dropped > 0 && sent > 0);
	uint32_t *seen = calloc(IDS, sizeof(*seen));
	uint64_t arrived = 0;
	count_arrived(peer, seen);
	for (size_t id = 0; id < IDS; id++)
		arrived += seen[id] > 0;
	/* A GOAWAY after the answer, or a close, may hide that a batch was taken: then it is sent
	 * again. Nothing may be missing. */
	assert_true((double)arrived >= sent);
	free(seen);
	scenario_sender_close(&grpc);
	scenario_sender_close(&http);
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
	free(text);
	free(exporter);
}

static void sigterm_delivers_what_is_gathered_and_ends_well(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	char *exporter = grpc_exporter("otlp", peer_grpc_port(peer), "");
	char *text =
		config("batch: {timeout: 1h}", exporter, "processors: [batch], exporters: [otlp]");
	struct daemon *daemon = daemon_start(text, NULL);
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	scenario_send_spans(&sender, 0, 500);
	assert_int_equal(peer_grpc_counts(peer).spans, 0);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(daemon), 0);
	assert_int_equal(peer_grpc_counts(peer).spans, 500);
	assert_each_arrived_once(peer, 0, 500);
	assert_non_null(strstr(daemon_output(daemon), "Shutdown complete."));
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
	free(text);
	free(exporter);
}

/* Words that a peer sends, from either side, never reach a log line or the metrics page. */
static void no_word_of_a_peer_is_logged(void **state)
{
	(void)state;
	struct peer_grpc *peer = peer_grpc_start(&(struct peer_grpc_options){0});
	char *exporter =
		grpc_exporter("otlp", peer_grpc_port(peer), "retry_on_failure: {enabled: false}");
	char *text = config("filter: {traces: {span: ['attributes[\"CANARYKEY\"] > 3']}}", exporter,
			    "processors: [filter], exporters: [otlp]");
	struct daemon *daemon = daemon_start(text, NULL);
	struct scenario_sender sender;
	static const char *const statuses[] = {"14", "7", "3", "8"};
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(daemon));
	for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
		struct buf request =
			scenario_request(i, 1, "CANARYNAME", "CANARYKEY", "CANARYVALUE");
		peer_grpc_set(peer, &(struct peer_grpc_behaviour){.grpc_status = statuses[i],
								  .grpc_message = "CANARYMESSAGE"});
		struct scenario_answer answer =
			scenario_send(&sender, NULL, CODING_IDENTITY, buf_slice(&request));
		assert_true(scenario_taken(&sender, &answer));
		daemon_wait_metric(daemon, "sluice_exporter_dropped_spans{", (double)i + 1);
		buf_fini(&request);
	}
	static const char malformed[] = "\x0a\x7f"
					"CANARYBYTES";
	struct scenario_answer answer = scenario_send(&sender, NULL, CODING_IDENTITY,
						      slice_of(malformed, sizeof(malformed) - 1));
	assert_int_equal(answer.grpc_status, 3);
	assert_null(strstr(answer.message, "CANARY"));
	struct buf page = BUF_INIT;
	daemon_scrape(daemon, &page);
	assert_null(strstr(buf_cstr(&page), "CANARYNAME"));
	assert_null(strstr(buf_cstr(&page), "CANARYVALUE"));
	assert_null(strstr(buf_cstr(&page), "CANARYMESSAGE"));
	buf_fini(&page);
	scenario_sender_close(&sender);
	daemon_signal(daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(daemon), 0);
	daemon_assert_silent_about(daemon, "CANARYNAME");
	daemon_assert_silent_about(daemon, "CANARYVALUE");
	daemon_assert_silent_about(daemon, "CANARYMESSAGE");
	daemon_assert_silent_about(daemon, "CANARYBYTES");
	assert_non_null(strstr(daemon_output(daemon), "Exporting failed. Dropping data."));
	assert_int_equal(daemon_stop(daemon), 0);
	peer_grpc_stop(peer);
	free(text);
	free(exporter);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_protocol_and_coding_arrives_on_every_port),
		cmocka_unit_test(scrape_spans_are_filtered_and_counted_by_condition),
		cmocka_unit_test(a_dead_branch_does_not_stop_a_live_one),
		cmocka_unit_test(
			when_a_required_queue_is_full_nobody_takes_and_the_sender_may_repeat),
		cmocka_unit_test(waiting_for_the_result_answers_with_the_backends_word),
		cmocka_unit_test(the_ledger_balances_under_a_backend_that_comes_and_goes),
		cmocka_unit_test(sigterm_delivers_what_is_gathered_and_ends_well),
		cmocka_unit_test(no_word_of_a_peer_is_logged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
