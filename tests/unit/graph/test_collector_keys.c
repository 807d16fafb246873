/* SPDX-License-Identifier: Apache-2.0 */
/* Every key that the Collector knows in the blocks of our components: taken, or refused by name with
 * the reason, never for being unknown. */
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What config_support says of a graph with this receiver and this exporter. */
static void check(const char *receiver, const char *exporter, const char *error,
		  const char *warning)
{
	struct graph_fixture fixture;
	struct buf yaml = BUF_INIT;
	buf_printf(&yaml,
		   "receivers: {%s}\nexporters: {%s}\nservice: {pipelines: {traces: {receivers: "
		   "[%.*s], exporters: [%.*s]}}}\n",
		   receiver, exporter, (int)strcspn(receiver, ":"), receiver,
		   (int)strcspn(exporter, ":"), exporter);
	bool built = graph_fixture_build(&fixture, buf_cstr(&yaml), 1);
	const char *errors = config_support_errors(&fixture.config);
	if (built != !error || (error && !strstr(errors, error)))
		fail_msg("%s%s", buf_cstr(&yaml), errors);
	const char *warnings = config_support_warnings(&fixture.config);
	if (warning ? !strstr(warnings, warning) : warnings[0])
		fail_msg("%s%s", buf_cstr(&yaml), warnings);
	graph_fixture_close(&fixture);
	buf_fini(&yaml);
}

static void the_otlp_receivers_blocks_are_known(void **state)
{
	static const struct {
		const char *receiver, *error, *warning;
	} cases[] = {
		{"otlp: {protocols: {grpc: , http: }}", NULL, NULL},
		{"otlp: {protocols: {grpc: {endpoint: 'localhost:0', transport: tcp, "
		 "max_recv_msg_size_mib: 16, max_concurrent_streams: 10, read_buffer_size: 1, "
		 "write_buffer_size: 1, include_metadata: true, keepalive: {server_parameters: "
		 "{max_connection_idle: 1s, max_connection_age: 1s, max_connection_age_grace: 1s, "
		 "time: 1s, timeout: 1s}, enforcement_policy: {min_time: 1s, "
		 "permit_without_stream: true}}, auth: , middlewares: []}}}",
		 NULL, "'protocols.grpc.auth' is empty and counts as absent"},
		{"otlp: {protocols: {http: {endpoint: 'localhost:0', traces_url_path: traces, "
		 "metrics_url_path: /m, logs_url_path: /l, max_request_body_size: 1, "
		 "keep_alives_enabled: false, include_metadata: true, response_headers: {a: b}, "
		 "compression_algorithms: [gzip], read_timeout: 1s, read_header_timeout: 1s, "
		 "write_timeout: 1s, idle_timeout: 1s, middlewares: []}}}",
		 NULL, NULL},
		{"otlp: {protocols: {http: {cors: {allowed_origins: ['*'], max_age: 7200}}}}", NULL,
		 NULL},
		{"otlp: {protocols: {grpc: {auth: {authenticator: oidc}}}}",
		 "failed to resolve authenticator \"oidc\": authenticator not found", NULL},
		{"otlp: {protocols: {http: {auth: {authenticator: oidc}}}}",
		 "failed to resolve authenticator \"oidc\": authenticator not found", NULL},
		{"otlp: {protocols: {http: {auth: {authentcator: x}}}}",
		 "did you mean \"authenticator\"?", NULL},
		{"otlp: {protocols: {grpc: {middlewares: [{id: x}]}}}", "'middlewares'", NULL},
		{"otlp: {protocols: {grpc: {tls: }}}", NULL,
		 "'protocols.grpc.tls' is empty and counts as absent"},
		{"otlp: {protocols: {grpc: {tls: {}}}}", "must include both certificate and key",
		 NULL},
		{"otlp: {protocols: {http: {tls: {cert_file: /nowhere/c.pem, key_file: /tmp}}}}",
		 "failed to load TLS certificate: /nowhere/c.pem: No such file or directory "
		 "(test.yaml:1:44: receivers.otlp.protocols.http.tls)",
		 NULL},
		{"otlp: {protocols: {htttp: }}", "did you mean \"http\"?", NULL},
		{"otlp: ", "must specify at least one protocol when using the OTLP receiver", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		check(cases[i].receiver, "nop: ", cases[i].error, cases[i].warning);
}

static void the_otlp_exporters_blocks_are_known(void **state)
{
	static const struct {
		const char *exporter, *error;
	} cases[] = {
		{"otlp: {endpoint: 'http://tempo:4317/'}", NULL},
		{"otlp: {endpoint: 'http://tempo:4317/v1/traces'}",
		 "a gRPC endpoint is host:port: leave out what follows the port"},
		{"jaeger: {endpoint: 'https://jaeger/api'}",
		 "a gRPC endpoint is host:port: leave out what follows the port"},
		{"otlp: {endpoint: '$BACKEND'}", "write ${env:BACKEND}"},
		{"otlp_http: {endpoint: 'http://h:4318?x=1'}", "a base URL has no query"},
		{"otlp_http: {endpoint: 'http://h:4318/base?x=1'}", "a base URL has no query"},
		{"otlp_http: {traces_endpoint: 'http://h:4318?x=1'}", NULL},
		{"otlp_http: {traces_endpoint: 'http://h/v1/traces'}", NULL},
		{"otlp_http: {endpoint: 'https://h', tls: {ca_file: /nowhere/ca.pem}}",
		 "failed to load CA certificates: /nowhere/ca.pem: No such file or directory"},
		{"otlp: {endpoint: 'h:1', tls: {insecure: true, cert_file: /nowhere/c.pem}}", NULL},
		{"otlp: {endpoint: 'h:1', tls: {min_version: '1.7'}}", "invalid TLS min_version"},
		{"otlp: {endpoint: 'h:1', sending_queue: {enabled: }}",
		 "unexpected type <nil> for 'enabled'"},
		{"otlp: {endpoint: 'h:1', sending_queue: false}",
		 "'sending_queue' expected a map, got 'bool'"},
		{"otlp: {endpoint: 'tempo:4317', tls: {insecure: true}}", NULL},
		{"otlp_grpc: {endpoint: 'tempo:4317', compression: none, tls: {insecure: true}, "
		 "keepalive: {time: 10s, timeout: 10s, permit_without_stream: true}, "
		 "read_buffer_size: 1, write_buffer_size: 1, wait_for_ready: true, headers: {a: "
		 "b}, "
		 "balancer_name: round_robin, authority: x, user_agent: y, timeout: 1s, "
		 "middlewares: []}",
		 NULL},
		{"otlphttp: {endpoint: 'http://langfuse:3000/api/public/otel'}", NULL},
		{"otlp_http: {traces_endpoint: 'http://x:1/v1/traces', metrics_endpoint: "
		 "'http://x', "
		 "logs_endpoint: 'http://x', profiles_endpoint: 'http://x', proxy_url: '', "
		 "read_buffer_size: 0, write_buffer_size: 1, timeout: 1s, headers: {a: b}, "
		 "compression: zstd, compression_params: {level: 3}, max_idle_conns: 1, "
		 "max_idle_conns_per_host: 1, max_conns_per_host: 2, idle_conn_timeout: 1s, "
		 "disable_keep_alives: true, http2_read_idle_timeout: 1s, http2_ping_timeout: 1s, "
		 "cookies: {enabled: false}, force_attempt_http2: true, encoding: proto, "
		 "middlewares: []}",
		 NULL},
		{"otlp: {tls: {insecure: true}}", "requires a non-empty \"endpoint\""},
		{"otlp: {endpoint: 'tempo:grpc'}", "invalid port"},
		{"otlp_http: ", "at least one endpoint must be specified"},
		{"otlp: {endpoint: 'a:1', auth: {authenticator: oauth2client}}",
		 "failed to resolve authenticator \"oauth2client\": authenticator not found"},
		{"otlp_http: {endpoint: 'http://a:1', middlewares: [{id: x}]}", "'middlewares'"},
		{"otlp: {endpoint: 'a:1', compression: lz4}", "compression"},
		{"otlp: {endpoint: 'a:1', compression: x-snappy-framed}", "compression"},
		{"otlphttp: {endpoint: 'http://a:1', compression: br}", "compression"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		check("nop: ", cases[i].exporter, cases[i].error, NULL);
}

static void exporter_keys_that_are_surely_not_meant_are_warned_of(void **state)
{
	static const struct {
		const char *exporter, *warning;
	} cases[] = {
		{"otlp_http: {endpoint: 'http://h/v1/traces'}",
		 "/v1/traces is added to the base URL: requests go to …/v1/traces/v1/traces"},
		{"otlp_http: {endpoint: 'http://h/v1/traces/'}", "take it off"},
		{"otlp: {endpoint: 'h:1', keepalive: }", "'keepalive' is empty"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		check("nop: ", cases[i].exporter, NULL, cases[i].warning);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_otlp_receivers_blocks_are_known),
		cmocka_unit_test(the_otlp_exporters_blocks_are_known),
		cmocka_unit_test(exporter_keys_that_are_surely_not_meant_are_warned_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
