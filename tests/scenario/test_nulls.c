/* SPDX-License-Identifier: Apache-2.0 */
/* An empty value means defaults, for every kind of component and section: each overlay below is taken
 * or refused as the Collector takes or refuses it (0.161, seen). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/scenario_config.h"

#include <stdio.h>
#include <string.h>

static const char base[] =
	"yaml:{receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}}}}, "
	"exporters: {debug: , nop: }, service: {telemetry: {metrics: {level: none}}, pipelines: "
	"{traces: {receivers: [otlp], exporters: [debug]}}}}";

static const struct {
	const char *overlay, *refusal; /* a part of the Collector's text; NULL: taken */
} cases[] = {
	{"receivers: ", "no receiver configuration specified in config"},
	{"receivers: {otlp: }", "receivers::otlp: must specify at least one protocol"},
	{"receivers: {otlp: {protocols: }}", "receivers::otlp: must specify at least one protocol"},
	{"receivers: {otlp: {protocols: {grpc: }}}", NULL},
	/* The Collector takes it and listens at some port: docs/collector-differences.md. */
	{"receivers: {otlp: {protocols: {grpc: {endpoint: }}}}", "missing port in address"},
	{"receivers: {nop: }", NULL},
	{"processors: ", NULL},
	{"processors: {batch: }", NULL},
	{"processors: {memory_limiter: }",
	 "processors::memory_limiter: 'check_interval' must be greater than zero"},
	{"processors: {filter: }", NULL},
	{"processors: {probabilistic_sampler: }", NULL},
	{"exporters: ", "no exporter configuration specified in config"},
	{"exporters: {debug: }", NULL},
	{"exporters: {otlp_http: }", "at least one endpoint must be specified"},
	{"exporters: {file: }", "exporters::file: path must be non-empty"},
	{"exporters: {nop: }", NULL},
	{"extensions: ", NULL},
	{"extensions: {health_check: }", NULL},
	{"connectors: ", NULL},
	{"connectors: {forward: , forward/b: {}}", NULL},
	{"service: ", "service::pipelines: service must have at least one pipeline"},
	{"service: {telemetry: }", NULL},
	{"service: {telemetry: {metrics: }}", NULL},
	{"service: {telemetry: {logs: }}", NULL},
	{"service: {extensions: }", NULL},
	{"service: {pipelines: }", "service::pipelines: service must have at least one pipeline"},
	{"service: {pipelines: {traces: }}",
	 "service::pipelines::traces: must have at least one receiver"},
	{"service: {pipelines: {traces/2: }}",
	 "service::pipelines::traces/2: must have at least one receiver"},
	{"service: {pipelines: {traces: {receivers: }}}",
	 "service::pipelines::traces: must have at least one receiver"},
	{"service: {pipelines: {traces: {processors: }}}", NULL},
	{"service: {pipelines: {traces: {exporters: }}}",
	 "service::pipelines::traces: must have at least one exporter"},
	/* Joined pipelines, and a connector that this build lacks. */
	{"{connectors: {forward: }, service: {pipelines: {traces: {exporters: [forward]}, "
	 "traces/2: "
	 "{receivers: [forward], exporters: [nop]}}}}",
	 NULL},
	{"{connectors: {spanmetrics: }, service: {pipelines: {traces: {exporters: [debug, "
	 "spanmetrics]}}}}",
	 "unknown type: \"spanmetrics\" for id: \"spanmetrics\""},
	{"{connectors: {spanmetrics: }, service: {pipelines: {traces: {receivers: [otlp, "
	 "spanmetrics]}}}}",
	 "unknown type: \"spanmetrics\" for id: \"spanmetrics\""},
};

static void null_means_what_it_means_to_the_collector(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf output = BUF_INIT, overlay = BUF_INIT;
		buf_printf(&overlay, "yaml:%s", cases[i].overlay);
		const char *const args[] = {"validate", "--config",	    base,
					    "--config", buf_cstr(&overlay), NULL};
		int code = daemon_run(args, &output);
		if (code != (cases[i].refusal ? 1 : 0) ||
		    (cases[i].refusal && !strstr(buf_cstr(&output), cases[i].refusal)))
			fail_msg("%s ends with %d:\n%s", cases[i].overlay, code, buf_cstr(&output));
		buf_fini(&output);
		buf_fini(&overlay);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_means_what_it_means_to_the_collector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
