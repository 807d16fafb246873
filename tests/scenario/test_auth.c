/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticators at work in the real program, on both sides: who is let in over each protocol, what the
 * others are told, and that no credentials are said anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/base64.h"
#include "tests/support/file_folder.h"
#include "tests/support/scenario_config.h"
#include "tests/support/scenario_raw.h"
#include "tests/support/scenario_sender.h"

#include <stdio.h>

#define BCRYPT "$$2b$$04$$.j.4kfTbQ7iP.pUO6yXgne/Lxu731xY1l2w2VZCmr3XKuA6nhZNzS" /* correct horse */
#define BCRYPT_BEYOND "$$2b$$04$$EEgNbVGXPpFfA53TqNFTteH.do683BlRuQ//Lye0fkePBSttH5bye"
#define PATH "/v1/traces"
#define GRPC_PATH "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define CANARY "canary-7f3a"
#define SENT "otelcol_exporter_sent_spans{"
#define REFUSED "sluice_auth_requests_refused{"

/* Both listeners with the authenticator `${ID}`, everything at debug. */
#define GUARDED(id)                                                                                \
	"receivers:\n  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', auth: {authenticator: "  \
	"'" id "'}}, http: {endpoint: '127.0.0.1:0', auth: {authenticator: '" id "'}}}}\n"
#define SERVICE(id)                                                                                \
	"service:\n  extensions: ['" id "']\n  telemetry: {logs: {level: debug}, metrics: "        \
	"{readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}\n"             \
	"  pipelines:\n    traces: {receivers: [otlp], exporters: [nop]}\n"

static struct daemon *guarded_by_bcrypt(void)
{
	return scenario_start(NULL,
			      GUARDED("basicauth/in") "exporters: {nop: }\nextensions:\n"
						      "  basicauth/in: {htpasswd: {inline: "
						      "\"user:" BCRYPT "\\nbeyond:" BCRYPT_BEYOND
						      "\\nplain:" CANARY
						      "-plain\\n\"}}\n" SERVICE("basicauth/in"));
}

static void basic_header(struct buf *out, const char *pair)
{
	buf_append_str(out, "Authorization: Basic ");
	base64_append(out, slice_str(pair));
	buf_append_str(out, "\r\n");
}

enum way { HTTP1_JSON = 0, HTTP1_PROTOBUF, HTTP2_JSON, GRPC, WAY_COUNT };

/* Sends an empty request with ${headers}; returns whether it was let in, and checks the refusal. */
static bool is_let_in(struct daemon *daemon, enum way way, const char *headers,
		      const char *challenge)
{
	static const char *const types[] = {"application/json", "application/x-protobuf",
					    "application/json", "application/grpc"};
	static const uint8_t frame[5];
	struct raw_answer answer;
	struct buf all = BUF_INIT;
	bool grpc = way == GRPC;
	struct slice body = grpc		    ? slice_of(frame, sizeof(frame))
			    : way == HTTP1_PROTOBUF ? SLICE("")
						    : SLICE("{}");
	uint16_t port = grpc ? daemon_grpc_port(daemon) : daemon_http_port(daemon);
	buf_printf(&all, "Content-Type: %s\r\n%s%s", types[way], grpc ? "TE: trailers\r\n" : "",
		   headers);
	if (way == HTTP1_JSON || way == HTTP1_PROTOBUF)
		raw_http1_post(port, "POST", PATH, buf_cstr(&all), body, &answer);
	else
		raw_http2(port, "POST", grpc ? GRPC_PATH : PATH, buf_cstr(&all), body, &answer);
	bool in =
		grpc ? strcmp(raw_header(&answer, "grpc-status"), "0") == 0 : answer.status == 200;
	/* A space at the end of a value is malformed in HTTP/2 (RFC 9113 §8.2.1). */
	bool malformed = way >= HTTP2_JSON && strstr(headers, " \r\n");
	if (!in && grpc && !malformed)
		assert_string_equal(raw_header(&answer, "grpc-status"), "16");
	if (!in && !grpc && !malformed) {
		assert_int_equal(answer.status, 401);
		assert_string_equal(raw_header(&answer, "www-authenticate"), challenge);
	}
	assert_null(strstr(buf_cstr(&answer.body), CANARY));
	assert_null(strstr(buf_cstr(&answer.head), CANARY));
	raw_answer_fini(&answer);
	buf_fini(&all);
	return in;
}

static void expect(struct daemon *daemon, const char *headers, const char *challenge, bool in)
{
	for (enum way way = 0; way < WAY_COUNT; way++) {
		if (is_let_in(daemon, way, headers, challenge) != in)
			fail_msg("way %d: %s", way, headers);
	}
}

static void assert_metrics_silent_about(struct daemon *daemon, const char *canary)
{
	struct buf page = BUF_INIT;
	daemon_scrape(daemon, &page);
	assert_null(strstr(buf_cstr(&page), canary));
	buf_fini(&page);
}

#define BASIC_CHALLENGE "Basic realm=\"otlp\", charset=\"UTF-8\""

static void basic_credentials_are_judged_over_every_protocol(void **state)
{
	static const struct {
		const char *pair;
		bool in;
	} pairs[] = {
		{"user:correct horse", true},
		{"user:correct horse", true}, /* remembered */
		{"plain:" CANARY "-plain", true},
		{"beyond:p\xc3\xa4ssw\xc3\xb6rd", true},
		{"user:" CANARY, false},
		{"user:" CANARY, false}, /* remembered */
		{"plain:" CANARY, false},
		{"user:", false},
		{":", false},
		{"nobody:correct horse", false},
		{"user:correct horse:", false},
		{"USER:correct horse", false},
		{"plain:p\xe4ss", false},
	};
	(void)state;
	struct daemon *daemon = guarded_by_bcrypt();
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		struct buf header = BUF_INIT;
		basic_header(&header, pairs[i].pair);
		expect(daemon, buf_cstr(&header), BASIC_CHALLENGE, pairs[i].in);
		buf_fini(&header);
	}
	assert_true(daemon_metric(daemon,
				  REFUSED "extension=\"basicauth/in\",reason=\"credentials\"") > 0);
	daemon_assert_silent_about(daemon, CANARY);
	assert_metrics_silent_about(daemon, CANARY);
	assert_int_equal(daemon_stop(daemon), 0);
}

static void what_is_no_basic_header_is_refused(void **state)
{
	static const char *const headers[] = {
		"",
		"Authorization: \r\n",
		"Authorization: Basic\r\n",
		"Authorization: Basic \r\n",
		"Authorization: Basic %%%%\r\n",
		"Authorization: Basic " CANARY "\r\n",
		"Authorization: Basic dXNlcg==\r\n",			 /* no colon */
		"Authorization: Basic dXNlcjpjb3JyZWN0IGhvcnNlAA==\r\n", /* a zero byte */
		"Authorization: Bearer dXNlcjpjb3JyZWN0IGhvcnNl\r\n",
		"Authorization: \xff\xfe\r\n",
		/* the first one counts */
		"Authorization: Basic Og==\r\nAuthorization: Basic dXNlcjpjb3JyZWN0IGhvcnNl\r\n",
	};
	(void)state;
	struct daemon *daemon = guarded_by_bcrypt();
	for (size_t i = 0; i < ARRAY_COUNT(headers); i++)
		expect(daemon, headers[i], BASIC_CHALLENGE, false);
	struct buf longest = BUF_INIT;
	buf_append_str(&longest, "Authorization: Basic ");
	for (int i = 0; i < 2500; i++)
		buf_append(&longest, SLICE("dXNl"));
	buf_append_str(&longest, "\r\n");
	expect(daemon, buf_cstr(&longest), BASIC_CHALLENGE, false);
	buf_fini(&longest);
	expect(daemon, "Authorization: bASIC dXNlcjpjb3JyZWN0IGhvcnNl\r\n", BASIC_CHALLENGE, true);
	assert_true(daemon_metric(daemon,
				  REFUSED "extension=\"basicauth/in\",reason=\"malformed\"") > 0);
	assert_true(daemon_metric(daemon, REFUSED "extension=\"basicauth/in\",reason=\"missing\"") >
		    0);
	daemon_assert_silent_about(daemon, CANARY);
	assert_int_equal(daemon_stop(daemon), 0);
}

/* Guessing costs an allowance; who is known is let in meanwhile. */
static void guesses_are_limited(void **state)
{
	(void)state;
	struct daemon *daemon = guarded_by_bcrypt();
	struct raw_answer answer = {0};
	struct buf header = BUF_INIT;
	basic_header(&header, "user:correct horse");
	expect(daemon, buf_cstr(&header), BASIC_CHALLENGE, true);
	for (unsigned i = 0; answer.status != 503; i++) {
		struct buf guess = BUF_INIT;
		char pair[64];
		assert_true(i < 100000);
		(void)snprintf(pair, sizeof(pair), "user:%u", i);
		buf_append_str(&guess, "Content-Type: application/json\r\n");
		basic_header(&guess, pair);
		raw_http1_post(daemon_http_port(daemon), "POST", PATH, buf_cstr(&guess),
			       SLICE("{}"), &answer);
		assert_true(answer.status == 401 || answer.status == 503);
		raw_answer_fini(&answer);
		buf_fini(&guess);
	}
	expect(daemon, buf_cstr(&header), BASIC_CHALLENGE, true);
	assert_true(daemon_metric(daemon, REFUSED "extension=\"basicauth/in\",reason=\"busy\"") >
		    0);
	buf_fini(&header);
	assert_int_equal(daemon_stop(daemon), 0);
}

static void tokens_are_read_again_when_their_file_changes(void **state)
{
	(void)state;
	struct file_folder folder;
	file_folder_make(&folder);
	file_folder_write(&folder, "tokens", CANARY "-1\r\n\r\n " CANARY "-2 \r\n");
	struct daemon *daemon = scenario_start(
		NULL,
		GUARDED("bearertokenauth") "exporters: {nop: }\nextensions:\n  bearertokenauth: "
					   "{filename: '%s'}\n" SERVICE("bearertokenauth"),
		file_folder_path(&folder, "tokens"));
	expect(daemon, "Authorization: Bearer " CANARY "-1\r\n", "Bearer", true);
	expect(daemon, "Authorization: Bearer " CANARY "-2\r\n", "Bearer", true);
	expect(daemon, "Authorization: Bearer " CANARY "-3\r\n", "Bearer", false);
	expect(daemon, "Authorization: Bearer \r\n", "Bearer", false);
	expect(daemon, "Authorization: " CANARY "-1\r\n", "Bearer", false);
	expect(daemon, "", "Bearer", false);
	file_folder_write(&folder, "tokens", CANARY "-three\n");
	daemon_wait_metric(daemon,
			   "sluice_auth_reloads{extension=\"bearertokenauth\",file=\"token\","
			   "outcome=\"success\"",
			   1);
	expect(daemon, "Authorization: Bearer " CANARY "-1\r\n", "Bearer", false);
	expect(daemon, "Authorization: Bearer " CANARY "-three\r\n", "Bearer", true);
	file_folder_write(&folder, "tokens", " \n");
	daemon_wait_metric(daemon,
			   "sluice_auth_reloads{extension=\"bearertokenauth\",file=\"token\","
			   "outcome=\"failure\"",
			   1);
	daemon_wait_output(daemon, "Failed to reload credentials, keeping the old ones");
	expect(daemon, "Authorization: Bearer " CANARY "-three\r\n", "Bearer", true);
	daemon_assert_silent_about(daemon, CANARY);
	assert_metrics_silent_about(daemon, CANARY);
	assert_int_equal(daemon_stop(daemon), 0);
	file_folder_remove(&folder);
}

/* One program shows what another one asks for: over gRPC and HTTP, by password and by token. */
static void clients_show_what_servers_ask_for(void **state)
{
	static const struct {
		const char *server, *client;
	} pairs[] = {
		{"basicauth: {htpasswd: {inline: \"user:" BCRYPT "\"}}",
		 "basicauth: {client_auth: {username: user, password: correct horse}}"},
		{"bearertokenauth: {token: " CANARY "}",
		 "bearertokenauth: {tokens: [" CANARY ", other]}"},
		{"bearertokenauth: {tokens: [a, " CANARY "], header: X-Token, scheme: ''}",
		 "bearertokenauth: {token: " CANARY ", header: x-token, scheme: ''}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		int len = (int)strcspn(pairs[i].server, ":");
		const char *id = pairs[i].server;
		struct daemon *server = scenario_start(
			NULL,
			"receivers:\n  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', auth: "
			"{authenticator: %.*s}}, http: {endpoint: '127.0.0.1:0', auth: "
			"{authenticator: %.*s}}}}\nexporters: {nop: }\nextensions:\n  %s\n"
			"service:\n  extensions: [%.*s]\n" SCENARIO_TELEMETRY
			"  pipelines:\n    traces: {receivers: [otlp], exporters: [nop]}\n",
			len, id, len, id, pairs[i].server, len, id);
		struct daemon *client = scenario_start(
			NULL,
			SCENARIO_LISTENERS
			"exporters:\n  otlp: {" SCENARIO_GRPC_TO ", auth: {authenticator: %.*s}}\n"
			"  otlp_http: {" SCENARIO_HTTP_TO ", auth: {authenticator: %.*s}}\n"
			"extensions:\n  %s\nservice:\n  extensions: [%.*s]\n" SCENARIO_TELEMETRY
			"  pipelines:\n    traces: {receivers: [otlp], exporters: [otlp, "
			"otlp_http]}\n",
			(unsigned)daemon_grpc_port(server), len, id,
			(unsigned)daemon_http_port(server), len, id, pairs[i].client, len, id);
		struct scenario_sender sender;
		scenario_sender_open(&sender, CLIENT_GRPC, daemon_grpc_port(client));
		scenario_send_spans(&sender, 1, 7);
		daemon_wait_metric(client, SENT, 14);
		daemon_wait_metric(server, "otelcol_receiver_accepted_spans", 14);
		scenario_sender_close(&sender);
		daemon_assert_silent_about(client, CANARY);
		assert_int_equal(daemon_stop(client), 0);
		assert_int_equal(daemon_stop(server), 0);
	}
}

static void authenticators_that_cannot_be_are_refused(void **state)
{
	static const struct {
		const char *extensions, *receiver, *exporter, *error;
	} cases[] = {
		{"basicauth: ", "", "", "no credential source provided"},
		{"basicauth: {htpasswd: {}}", "", "", "no credential source provided"},
		{"basicauth: {client_auth: {}}", "", "", "no credential source provided"},
		{"basicauth: {htpasswd: {inline: 'a:b'}, client_auth: {username: x}}", "", "",
		 "only one of `htpasswd` or `client_auth` can be specified"},
		{"basicauth: {htpasswd: {inline: '" CANARY "'}}", "", "",
		 "no line \"user:password\" that can be used"},
		{"basicauth: {htpasswd: {file: /nowhere/users}}", "", "",
		 "/nowhere/users: No such file or directory"},
		{"basicauth: {client_auth: {username: x}}", "auth: {authenticator: basicauth}", "",
		 "failed to resolve authenticator \"basicauth\": requested authenticator is not a "
		 "server authenticator"},
		{"basicauth: {htpasswd: {inline: 'a:b'}}", "", "auth: {authenticator: basicauth}",
		 "requested authenticator is not a gRPC client authenticator"},
		{"basicauth: {htpasswd: {inline: 'a:b'}}", "auth: {authenticator: other}", "",
		 "failed to resolve authenticator \"other\": authenticator not found"},
		{"bearertokenauth: ", "", "", "no bearer token provided"},
		{"bearertokenauth: {token: a, tokens: [b]}", "", "",
		 "either tokens or token should be provided, not both"},
		{"bearertokenauth: {token: \"" CANARY "\\n\"}", "", "", "control character"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf yaml = BUF_INIT, output = BUF_INIT;
		buf_printf(
			&yaml,
			"--config=yaml:{receivers: {otlp: {protocols: {grpc: {%s}}}}, exporters: "
			"{otlp: {endpoint: 'h:1', %s}}, extensions: {%s}, service: {extensions: "
			"[%.*s], pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}}}",
			cases[i].receiver, cases[i].exporter, cases[i].extensions,
			(int)strcspn(cases[i].extensions, ":"), cases[i].extensions);
		const char *const args[] = {"validate", buf_cstr(&yaml), NULL};
		int status = daemon_run(args, &output);
		if (status == 0 || !strstr(buf_cstr(&output), cases[i].error) ||
		    strstr(buf_cstr(&output), CANARY))
			fail_msg("%s\n%s", buf_cstr(&yaml), buf_cstr(&output));
		buf_fini(&yaml);
		buf_fini(&output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basic_credentials_are_judged_over_every_protocol),
		cmocka_unit_test(what_is_no_basic_header_is_refused),
		cmocka_unit_test(guesses_are_limited),
		cmocka_unit_test(tokens_are_read_again_when_their_file_changes),
		cmocka_unit_test(clients_show_what_servers_ask_for),
		cmocka_unit_test(authenticators_that_cannot_be_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
