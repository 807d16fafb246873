/* SPDX-License-Identifier: Apache-2.0 */
/* Words of peers, from either side, and secrets of the configuration: in no line of output and not
 * on the metrics page, whatever goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_http_sink.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"
#include "tests/support/trace_wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CANARY "kolibri-7f3a"
#define PROTOBUF "Content-Type: application/x-protobuf\r\n"

/* A span that sings in every text it has, values nested and not. */
static struct buf singing_request(void)
{
	struct buf out = BUF_INIT;
	size_t resource_spans = tw_open(&out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(&out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(&out, RESOURCE_ATTRIBUTES, "service.name", CANARY);
	tw_close(&out, resource);
	tw_text(&out, RESOURCE_SPANS_SCHEMA_URL, CANARY);
	size_t scope_spans = tw_open(&out, RESOURCE_SPANS_SCOPE_SPANS);
	size_t scope = tw_open(&out, SCOPE_SPANS_SCOPE);
	tw_text(&out, SCOPE_NAME, CANARY);
	tw_close(&out, scope);
	size_t span = tw_open(&out, SCOPE_SPANS_SPANS);
	tw_bytes(&out, SPAN_TRACE_ID, SLICE("0123456789abcdef"));
	tw_bytes(&out, SPAN_SPAN_ID, SLICE("01234567"));
	tw_text(&out, SPAN_NAME, CANARY);
	tw_text(&out, SPAN_TRACE_STATE, CANARY);
	tw_attr_text(&out, SPAN_ATTRIBUTES, CANARY, CANARY);
	tw_attr_text(&out, SPAN_ATTRIBUTES, "gen_ai.prompt", CANARY);
	size_t event = tw_open(&out, SPAN_EVENTS);
	tw_text(&out, EVENT_NAME, CANARY);
	tw_attr_text(&out, EVENT_ATTRIBUTES, "exception.message", CANARY);
	tw_close(&out, event);
	size_t link = tw_open(&out, SPAN_LINKS);
	tw_text(&out, LINK_TRACE_STATE, CANARY);
	tw_close(&out, link);
	size_t status = tw_open(&out, SPAN_STATUS);
	tw_text(&out, STATUS_MESSAGE, CANARY);
	tw_close(&out, status);
	tw_close(&out, span);
	tw_close(&out, scope_spans);
	tw_close(&out, resource_spans);
	assert_false(out.failed);
	return out;
}

struct scene {
	struct peer_grpc *grpc;
	struct http_sink *http;
	struct daemon *daemon;
	struct buf request;
	bool json;     /* lines of the log */
	unsigned done; /* spans that each exporter is through with */
};

static void scene_open(struct scene *scene, const char *encoding)
{
	scene->done = 0;
	scene->json = strcmp(encoding, "json") == 0;
	scene->grpc = peer_grpc_start(&(struct peer_grpc_options){0});
	scene->http = http_sink_start(0, false);
	scene->request = singing_request();
	scene->daemon = scenario_start(
		NULL,
		SCENARIO_LISTENERS
		"processors:\n"
		"  filter: {traces: {span: ['attributes[\"gen_ai.prompt\"] > 3', "
		"'Int(attributes[\"gen_ai.prompt\"]) == 7']}}\n"
		"exporters:\n"
		"  otlp: {" SCENARIO_GRPC_TO ", retry_on_failure: {enabled: false}, headers: "
		"{Authorization: 'Bearer " CANARY "'}}\n"
		"  otlphttp: {" SCENARIO_HTTP_TO ", "
		"retry_on_failure: {enabled: false}, headers: {X-Custom: " CANARY "}}\n"
		"service:\n"
		"  telemetry:\n"
		"    logs: {encoding: %s, sampling: {enabled: false}}\n"
		"    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: "
		"0}}}}]}\n"
		"  pipelines:\n"
		"    traces: {receivers: [otlp], processors: [filter], exporters: [otlp, "
		"otlphttp]}\n",
		peer_grpc_port(scene->grpc), http_sink_port(scene->http), encoding);
}

static void scene_close(struct scene *scene)
{
	struct buf page = BUF_INIT;
	daemon_scrape(scene->daemon, &page);
	assert_null(strstr(buf_cstr(&page), CANARY));
	assert_non_null(strstr(buf_cstr(&page), "otelcol_exporter_sent_spans"));
	daemon_signal(scene->daemon, SIGTERM);
	assert_int_equal(daemon_wait_exit(scene->daemon), 0);
	daemon_assert_silent_about(scene->daemon, CANARY);
	assert_non_null(strstr(daemon_output(scene->daemon), "Exporting failed. Dropping data."));
	assert_non_null(strstr(daemon_output(scene->daemon), "Partial success response"));
	if (scene->json)
		daemon_assert_json_lines(scene->daemon);
	(void)daemon_stop(scene->daemon);
	buf_fini(&page);
	buf_fini(&scene->request);
	peer_grpc_stop(scene->grpc);
	http_sink_stop(scene->http);
}

/* Sends the span and waits until both exporters are through with it. */
static void send_one(struct scene *scene)
{
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
	struct scenario_answer answer =
		scenario_send(&sender, NULL, CODING_IDENTITY, buf_slice(&scene->request));
	assert_int_equal(answer.grpc_status, 0);
	scenario_sender_close(&sender);
	scene->done++;
	assert_true(peer_grpc_wait_calls(scene->grpc, scene->done, SCENARIO_WAIT_MS));
	assert_true(http_sink_wait_calls(scene->http, scene->done, SCENARIO_WAIT_MS));
	daemon_wait_metric(scene->daemon, "sluice_exporter_held_spans{", 0);
}

static void let_backends_sing(struct scene *scene)
{
	static const char *const codes[] = {"3", "7", "8", "13", "14", "16"};
	static const int statuses[] = {400, 401, 413, 429, 500, 503};
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		peer_grpc_set(scene->grpc, &(struct peer_grpc_behaviour){.grpc_status = codes[i],
									 .grpc_message = CANARY,
									 .message = SLICE(CANARY)});
		http_sink_set(scene->http,
			      &(struct http_sink_behaviour){.status = statuses[i],
							    .retry_after = CANARY,
							    .body = SLICE(CANARY)},
			      0);
		send_one(scene);
	}
	peer_grpc_set(scene->grpc,
		      &(struct peer_grpc_behaviour){.http_status = 502, .content_type = CANARY});
	http_sink_set(scene->http, &(struct http_sink_behaviour){.body = SLICE(CANARY)}, 0);
	send_one(scene);
	struct buf partial = BUF_INIT;
	size_t message = tw_open(&partial, EXPORT_RESPONSE_PARTIAL_SUCCESS);
	tw_varint(&partial, PARTIAL_SUCCESS_REJECTED_SPANS, 1);
	tw_text(&partial, PARTIAL_SUCCESS_ERROR_MESSAGE, CANARY);
	tw_close(&partial, message);
	peer_grpc_set(scene->grpc, &(struct peer_grpc_behaviour){.message = buf_slice(&partial)});
	http_sink_set(scene->http, &(struct http_sink_behaviour){.body = buf_slice(&partial)}, 0);
	send_one(scene);
	buf_fini(&partial);
}

static void let_senders_sing(struct scene *scene)
{
	static const struct {
		const char *method, *path, *headers, *body;
	} requests[] = {
		{"POST", "/" CANARY, PROTOBUF, CANARY},
		{CANARY, "/v1/traces", PROTOBUF, CANARY},
		{"POST", "/v1/traces?" CANARY "=" CANARY, "Content-Type: " CANARY "\r\n", CANARY},
		{"POST", "/v1/traces", PROTOBUF "Content-Encoding: " CANARY "\r\n", CANARY},
		{"POST", "/v1/traces", PROTOBUF "Content-Encoding: gzip\r\n", CANARY},
		{"POST", "/v1/traces", PROTOBUF "User-Agent: " CANARY "\r\n", "\x0a\x7f" CANARY},
		{"POST", "/v1/traces", PROTOBUF CANARY " bad: header\r\n", CANARY},
	};
	uint16_t port = daemon_http_port(scene->daemon);
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		struct raw_answer answer;
		raw_http1_post(port, requests[i].method, requests[i].path, requests[i].headers,
			       slice_str(requests[i].body), &answer);
		assert_true(answer.status >= 400);
		raw_answer_fini(&answer);
	}
	struct scenario_sender sender;
	scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(scene->daemon));
	struct scenario_answer answer =
		scenario_send(&sender, "/" CANARY "/" CANARY, CODING_IDENTITY, SLICE(CANARY));
	assert_int_equal(answer.grpc_status, 12);
	scenario_sender_close(&sender);
}

static void nothing_that_peers_say_is_in_the_output(void **state)
{
	(void)state;
	static const char *const encodings[] = {"console", "json"};
	for (size_t i = 0; i < ARRAY_COUNT(encodings); i++) {
		struct scene scene;
		scene_open(&scene, encodings[i]);
		let_backends_sing(&scene);
		let_senders_sing(&scene);
		scene_close(&scene);
	}
}

static void secrets_are_not_in_the_words_about_a_wrong_configuration(void **state)
{
	(void)state;
	static const char *const exporters[] = {
		"otlp: {endpoint: 'a:4317', headers: {authorization: [" CANARY "]}}",
		"otlp: {endpoint: 'a:4317', headers: [{name: authorization, value: " CANARY
		", extra: 1}]}",
		"otlp: {endpoint: 'a:4317', headers: " CANARY "}",
		"otlp: {endpoint: 'a:4317', headers: {authorization: \"a\\r\\n" CANARY "\"}}",
		"otlp: {endpoint: 'a:4317', tls: {key_pem: [" CANARY "], cert_pem: [" CANARY "]}}",
		"otlp_http: {endpoint: 'http://me:" CANARY "@host:notaport'}",
		"otlp_http: {endpoint: 'http://me:" CANARY "@host'}",
	};
	for (size_t i = 0; i < ARRAY_COUNT(exporters); i++) {
		char text[512];
		struct buf output = BUF_INIT;
		(void)snprintf(text, sizeof(text),
			       "yaml:{receivers: {otlp: {protocols: {grpc: }}}, exporters: {%s}, "
			       "service: {pipelines: {traces: {receivers: [otlp], exporters: "
			       "[%.*s]}}}}",
			       exporters[i], (int)strcspn(exporters[i], ":"), exporters[i]);
		const char *const args[] = {"validate", "--config", text, NULL};
		int code = daemon_run(args, &output);
		if (strstr(buf_cstr(&output), CANARY))
			fail_msg("%s: %s", exporters[i], buf_cstr(&output));
		if (code != 1)
			fail_msg("%s is taken: %s", exporters[i], buf_cstr(&output));
		buf_fini(&output);
	}
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_peers_say_is_in_the_output),
		cmocka_unit_test(secrets_are_not_in_the_words_about_a_wrong_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
