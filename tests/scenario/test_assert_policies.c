/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asserted behind a pipeline's processors: the exporter assert behind a filter, metadata_only
 * and langfuse, and `policy prove`, which sends what must not come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <cmocka.h>

#include "tests/support/file_folder.h"
#include "tests/support/scenario_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct file_folder folder;

static void assert_says(struct buf *output, const char *text)
{
	if (!strstr(buf_cstr(output), text))
		fail_msg("no \"%s\" in:\n%s", text, buf_cstr(output));
}

/* ---- the exporter behind processors --------------------------------------------------------- */

#define RECEIVER "yaml:receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:0}}}}\n"
#define QUIET "telemetry: {logs: {level: error}, metrics: {level: none}}"
#define KEPT "exporters: {assert: {sending_queue: {enabled: true, wait_for_result: true}}}\n"
#define PIPELINE(processors)                                                                       \
	"service: {" QUIET ", pipelines: {traces: {receivers: [otlp], processors: [" processors    \
	"], exporters: [assert]}}}\n"

static int judge(const char *config, const char *expect, const char *traces, struct buf *output)
{
	char script[256], path[128];
	file_folder_write(&folder, "expect.yaml", expect);
	(void)snprintf(path, sizeof(path), "%s", file_folder_path(&folder, "expect.yaml"));
	(void)snprintf(script, sizeof(script),
		       "${SLUICE_BIN:-bin/sluice} generate --endpoint $OTEL_EXPORTER_OTLP_ENDPOINT "
		       "--traces %s",
		       traces);
	const char *const args[] = {"assert", "--config", config, "--expect", path,   "--quiet",
				    "500ms",  "--",	  "sh",	  "-c",	      script, NULL};
	*output = BUF_INIT;
	return daemon_run(args, output);
}

static const struct {
	const char *config, *traces, *expect, *says;
	int code;
} judged[] = {
	{RECEIVER KEPT
	 "processors: {filter: {traces: {span: ['name == \"decode\"']}}}\n" PIPELINE("filter"),
	 "llm-d",
	 "import: llm-d\nexpect:\n"
	 "  - {that: decode is filtered, in: each trace, spans: decode, count: 0}\n"
	 "  - {that: its child has lost its parent, in: each trace, orphans: 1}\n",
	 "24 spans in 1 traces", 0},
	{RECEIVER KEPT "processors: {metadata_only: }\n" PIPELINE("metadata_only"), "rag",
	 "expect:\n  - {that: nothing of it leaves, in: all traces, denied_keys: 0,\n"
	 "     text: {none: [Marlowe]}}\n",
	 "10 spans in 1 traces", 0},
	{RECEIVER KEPT PIPELINE(""), "rag",
	 "expect:\n  - {that: nothing of it leaves, in: all traces, denied_keys: 0,\n"
	 "     text: {none: [Marlowe]}}\n",
	 "FAIL  nothing of it leaves", 1},
	/* What Langfuse gets: one generation with the figures of the call. */
	{RECEIVER KEPT "processors: {langfuse: }\n" PIPELINE("langfuse"), "vllm",
	 "expect:\n  - that: a generation with its usage\n    in: each trace\n"
	 "    spans: 'attributes[\"langfuse.observation.type\"] == \"generation\"'\n    count: 1\n"
	 "    attributes: {langfuse.observation.usage_details: {matches: '\"input\":[0-9]+'}}\n",
	 "1 held", 0},
};

static void a_pipelines_end_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(judged); i++) {
		struct buf output;
		int code = judge(judged[i].config, judged[i].expect, judged[i].traces, &output);
		if (code != judged[i].code)
			fail_msg("case %zu: exit code %d:\n%s", i, code, buf_cstr(&output));
		assert_says(&output, judged[i].says);
		buf_fini(&output);
	}
}

/* ---- policy prove --------------------------------------------------------------------------- */

/* Exporters that would send to where nobody is: they are never made. */
#define BACKENDS                                                                                   \
	"exporters: {otlp_grpc: {endpoint: 127.9.9.9:1}, otlp_http: {endpoint: "                   \
	"http://127.9.9.9:1}}\n"
#define PROVED(processors)                                                                         \
	RECEIVER BACKENDS                                                                          \
		"processors: {metadata_only: , metadata_only/open: {allow: [input.value]}"         \
		", batch: , filter: {traces: {span: ['name == \"chat\"']}}}\n"                     \
		"service: {" QUIET ", pipelines: {traces: {receivers: [otlp], "                    \
		"processors: [" processors "], exporters: [otlp_grpc, otlp_http]}}}\n"

static const struct {
	const char *config, *says;
	int code;
} proved[] = {
	{"configs/cluster.yaml", "ok    traces/langfuse: 0 of ", 0},
	{"configs/dev.yaml", "ok    traces: 0 of ", 0},
	{PROVED("metadata_only, batch"), "ok    traces: 0 of ", 0},
	{PROVED("batch"), "came out, 5 of 5: input.value, by ", 1},
	{PROVED("metadata_only/open"), "came out, 5 of 5: input.value, by ", 1},
	{PROVED("filter"), "on 0 of ", 1},
	/* Content that goes around the policy through a connector. */
	{RECEIVER BACKENDS
	 "processors: {metadata_only: }\nconnectors: {forward: }\nservice: {" QUIET ", pipelines: {"
	 "traces/in: {receivers: [otlp], exporters: [forward, otlp_grpc]},\n"
	 "traces/out: {receivers: [forward], processors: [metadata_only], exporters: "
	 "[otlp_http]}}}",
	 "ok    traces/out: 0 of ", 1},
	{"yaml:receivers: {", "Error: ", 3},
	{"/nowhere.yaml", "Error: ", 3},
};

static void what_comes_out_is_said_by_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(proved); i++) {
		struct buf output = BUF_INIT;
		const char *const args[] = {"policy", "prove", "--config", proved[i].config, NULL};
		int code = daemon_run(args, &output);
		if (code != proved[i].code)
			fail_msg("case %zu: exit code %d:\n%s", i, code, buf_cstr(&output));
		assert_says(&output, proved[i].says);
		buf_fini(&output);
	}
}

/* One key is let through by the user: exactly that one came out, in the report as a script reads it. */
static void the_report_can_be_checked_by_a_script(void **state)
{
	(void)state;
	struct buf output = BUF_INIT, text = BUF_INIT;
	char path[128];
	json_error_t error;
	(void)snprintf(path, sizeof(path), "%s", file_folder_path(&folder, "report.json"));
	const char *const args[] = {"policy", "prove", "--config", PROVED("metadata_only/open"),
				    "--json", path,    NULL};
	assert_int_equal(daemon_run(args, &output), 1);
	file_folder_read(&folder, "report.json", &text);
	json_t *report = json_loads(buf_cstr(&text), 0, &error);
	if (!report)
		fail_msg("%s", error.text);
	assert_true(json_is_false(json_object_get(report, "holds")));
	json_t *pipeline = json_array_get(json_object_get(report, "pipelines"), 0);
	json_t *rules = json_object_get(pipeline, "rules");
	assert_string_equal(json_string_value(json_object_get(pipeline, "pipeline")), "traces");
	assert_int_equal(json_integer_value(json_object_get(pipeline, "spans")),
			 json_array_size(rules));
	size_t at;
	json_t *rule;
	json_array_foreach(rules, at, rule)
	{
		const char *key = json_string_value(json_object_get(rule, "key"));
		long long out = json_integer_value(json_object_get(rule, "came_out"));
		long long planted = json_integer_value(json_object_get(rule, "planted"));
		assert_true(planted > 0);
		if (out != (strcmp(key, "input.value") == 0 ? planted : 0))
			fail_msg("%s: %lld of %lld", key, out, planted);
	}
	json_decref(report);
	buf_fini(&text);
	buf_fini(&output);
}

/* ---- the program ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	file_folder_make(&folder);
	return setenv("LANGFUSE_AUTH", "dGVzdDp0ZXN0", 1) + setenv("LANGFUSE_PUBLIC_KEY", "a", 1) +
	       setenv("LANGFUSE_SECRET_KEY", "b", 1);
}

static int tear_down(void **state)
{
	(void)state;
	file_folder_remove(&folder);
	return 0;
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipelines_end_is_judged),
		cmocka_unit_test(what_comes_out_is_said_by_rule),
		cmocka_unit_test(the_report_can_be_checked_by_a_script),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
