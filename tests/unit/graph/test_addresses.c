/* SPDX-License-Identifier: Apache-2.0 */
/* What building the graph says about addresses: that is all that `sluice validate` does. */
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define METRICS(level) "service: {telemetry: {metrics: {level: " level "}}, "

static const struct {
	const char *yaml, *error, *warning; /* NULL: none */
} cases[] = {
	/* forms */
	{"receivers: {otlp: {protocols: {grpc: {endpoint: localhost}}}}\nexporters: {nop: }\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}",
	 "address localhost: missing port in address (test.yaml:1:49: "
	 "receivers.otlp.protocols.grpc.endpoint)",
	 NULL},
	{"receivers: {otlp: {protocols: {grpc: }}, otlp/unused: {protocols: {http: {endpoint: "
	 "'a:99999'}}}}\nexporters: {nop: }\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}",
	 "address a:99999: invalid port \"99999\"", NULL},
	{"receivers: {otlp: {protocols: {grpc: {transport: udp}}}}\nexporters: {nop: }\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}",
	 "unknown transport \"udp\"", NULL},
	{"receivers: {nop: }\nexporters: {nop: }\nextensions: {health_check: {endpoint: "
	 "'http://127.0.0.1:1'}}\nservice: {extensions: [health_check], pipelines: {traces: "
	 "{receivers: [nop], exporters: [nop]}}}",
	 "leave out what stands before the host (test.yaml:3:39: extensions.health_check.endpoint)",
	 NULL},
	{"receivers: {nop: }\nexporters: {nop: }\nservice: {telemetry: {metrics: {readers: [{pull: "
	 "{exporter: {prometheus: {host: 'a b'}}}}]}}, pipelines: {traces: {receivers: [nop], "
	 "exporters: [nop]}}}",
	 "address a b:8888: invalid character in host name (test.yaml:3:", NULL},
	{"receivers: {nop: }\nexporters: {nop: }\nservice: {telemetry: {metrics: {readers: [{pull: "
	 "{exporter: {prometheus: {host: '::1'}}}}]}}, pipelines: {traces: {receivers: [nop], "
	 "exporters: [nop]}}}",
	 NULL, NULL},
	/* one port twice */
	{"receivers: {otlp: {protocols: {grpc: , http: {endpoint: 'localhost:4317'}}}}\n"
	 "exporters: {nop: }\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}",
	 "localhost:4317 is listened at by receivers.otlp.protocols.grpc.endpoint, too: give one "
	 "of "
	 "them another port (test.yaml:1:57: receivers.otlp.protocols.http.endpoint)",
	 NULL},
	{"receivers: {otlp/a: {protocols: {grpc: {endpoint: ':1'}}}, otlp/b: {protocols: {grpc: "
	 "{endpoint: '127.0.0.1:1'}}}}\nexporters: {nop: }\n"
	 "service: {pipelines: {traces: {receivers: [otlp/a, otlp/b], exporters: [nop]}}}",
	 "127.0.0.1:1 is listened at by receivers.otlp/a.protocols.grpc.endpoint", NULL},
	{"receivers: {otlp: {protocols: {grpc: {endpoint: ':13133'}}}}\nexporters: {nop: }\n"
	 "extensions: {health_check: }\nservice: {extensions: [health_check], pipelines: {traces: "
	 "{receivers: [otlp], exporters: [nop]}}}",
	 "localhost:13133 is listened at by receivers.otlp.protocols.grpc.endpoint", NULL},
	{"receivers: {otlp: {protocols: {grpc: {endpoint: ':8888'}}}}\nexporters: {nop: }\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}",
	 "localhost:8888 is listened at by receivers.otlp.protocols.grpc.endpoint, too: give one "
	 "of them another port",
	 NULL},
	{"receivers: {otlp: {protocols: {grpc: {endpoint: ':8888'}}}}\nexporters: {nop: "
	 "}\n" METRICS("none") "pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}",
	 NULL, NULL},
	/* A receiver that no pipeline uses listens nowhere. */
	{"receivers: {otlp: {protocols: {grpc: }}, otlp/unused: {protocols: {grpc: }}}\n"
	 "exporters: {nop: }\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}",
	 NULL, NULL},
	/* to oneself */
	{"receivers: {otlp: {protocols: {grpc: }}}\nexporters: {otlp_grpc: {endpoint: "
	 "'127.0.0.1:4317'}}\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}",
	 "sends to a receiver of this process, receivers.otlp.protocols.grpc.endpoint: every span "
	 "would come back for ever (test.yaml:2:35: exporters.otlp_grpc.endpoint)",
	 NULL},
	{"receivers: {otlp: {protocols: {http: {endpoint: '0.0.0.0:1'}}}}\nexporters: {otlp_http: "
	 "{endpoint: 'http://localhost:1'}}\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_http]}}}",
	 "every span would come back for ever", NULL},
	{"receivers: {otlp/a: {protocols: {grpc: {endpoint: ':1'}}}, otlp/b: {protocols: {grpc: "
	 "{endpoint: 'localhost:2'}}}}\nexporters: {nop: , otlp_grpc: {endpoint: 'localhost:2'}}\n"
	 "service: {pipelines: {traces/a: {receivers: [otlp/a], exporters: [otlp_grpc]}, traces/b: "
	 "{receivers: [otlp/b], exporters: [nop]}}}",
	 NULL, "sends to a receiver of this process, receivers.otlp/b.protocols.grpc.endpoint"},
	{"receivers: {otlp: {protocols: {grpc: }}}\nexporters: {otlp_grpc: {endpoint: "
	 "'backend:4317'}}\n"
	 "service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}",
	 NULL, NULL},
};

static void addresses_are_judged_before_anything_starts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_fixture fixture;
		bool built = graph_fixture_build(&fixture, cases[i].yaml, 1);
		const char *errors = config_support_errors(&fixture.config);
		if (built != !cases[i].error || (cases[i].error && !strstr(errors, cases[i].error)))
			fail_msg("%s\n%s", cases[i].yaml, errors);
		const char *warnings = config_support_warnings(&fixture.config);
		if (cases[i].warning ? !strstr(warnings, cases[i].warning) : warnings[0])
			fail_msg("%s\n%s", cases[i].yaml, warnings);
		graph_fixture_close(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_judged_before_anything_starts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
