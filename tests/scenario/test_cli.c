/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: what each command prints and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/held_port.h"
#include "tests/support/scenario_config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <yaml.h>

#define FIXTURES "tests/fixtures/scenario/"

/* Runs with the further arguments; the caller frees the output. */
#define RUN(output, ...) run((output), (const char *const[]){__VA_ARGS__, NULL})

static int run(struct buf *output, const char *const *args)
{
	*output = BUF_INIT;
	return daemon_run(args, output);
}

static void assert_says(struct buf *output, const char *text)
{
	if (!strstr(buf_cstr(output), text))
		fail_msg("no \"%s\" in:\n%s", text, buf_cstr(output));
}

static unsigned count(struct buf *output, const char *text)
{
	unsigned found = 0;
	for (const char *at = buf_cstr(output); (at = strstr(at, text)); at++)
		found++;
	return found;
}

static void the_version_is_one_line(void **state)
{
	(void)state;
	static const char *const words[] = {"version", "--version", "-v"};
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		struct buf output;
		assert_int_equal(RUN(&output, words[i]), 0);
		assert_true(slice_has_prefix(buf_slice(&output), SLICE("sluice version ")));
		assert_int_equal(count(&output, "\n"), 1);
		buf_fini(&output);
	}
}

static void every_command_helps(void **state)
{
	(void)state;
	static const char *const commands[] = {"run",	     "dev",    "demo",	   "validate",
					       "components", "policy", "generate", "version"};
	struct buf all;
	assert_int_equal(RUN(&all, "--help"), 0);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		struct buf output;
		char usage[64];
		assert_says(&all, commands[i]);
		assert_int_equal(RUN(&output, commands[i], "--help"), 0);
		(void)snprintf(usage, sizeof(usage),
			       strcmp(commands[i], "run") == 0 ? "Usage: sluice [%s]"
							       : "Usage: sluice %s",
			       commands[i]);
		assert_says(&output, usage);
		assert_says(&output, "--help");
		buf_fini(&output);
		assert_int_equal(RUN(&output, commands[i], "--no-such-option"), 1);
		assert_says(&output, "Error: unknown flag: --no-such-option (see --help)");
		buf_fini(&output);
	}
	buf_fini(&all);
	assert_int_equal(RUN(&all, "no-such-command"), 1);
	assert_says(
		&all,
		"Error: unknown command \"no-such-command\" for \"sluice\" (see sluice --help)");
	buf_fini(&all);
}

/* YAML, as the Collector's: each section is a list with the names that pipelines use. */
static void the_list_of_components_is_yaml(void **state)
{
	(void)state;
	static const char *const sections[] = {"receivers", "processors", "exporters",
					       "extensions"};
	struct buf output;
	yaml_parser_t parser;
	yaml_document_t document;
	assert_int_equal(RUN(&output, "components"), 0);
	assert_int_equal(yaml_parser_initialize(&parser), 1);
	yaml_parser_set_input_string(&parser, output.data, output.len);
	assert_int_equal(yaml_parser_load(&parser, &document), 1);
	yaml_node_t *root = yaml_document_get_root_node(&document);
	assert_non_null(root);
	assert_int_equal(root->type, YAML_MAPPING_NODE);
	size_t found = 0;
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&document, pair->key);
		const yaml_node_t *value = yaml_document_get_node(&document, pair->value);
		for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
			if (strcmp((const char *)key->data.scalar.value, sections[i]) != 0)
				continue;
			assert_int_equal(value->type, YAML_SEQUENCE_NODE);
			found++;
		}
	}
	assert_int_equal(found, ARRAY_COUNT(sections));
	assert_says(&output, "- name: otlp_grpc");
	assert_says(&output, "- name: filter");
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	buf_fini(&output);
}

/* ---- validate ------------------------------------------------------------------------------- */

static void a_good_configuration_is_silently_valid(void **state)
{
	(void)state;
	struct buf output;
	assert_int_equal(
		RUN(&output, "validate", "-q", "--config", FIXTURES "collector_minimal.yaml"), 0);
	assert_string_equal(buf_cstr(&output), "");
	buf_fini(&output);
}

/* What a valid configuration amounts to. Nothing that came from the environment is among it, no
 * password in an address, no hash_key. */
static void a_valid_configuration_is_summed_up(void **state)
{
	static const char *const rows[] = {
		"The configuration is valid.\n",
		"\n  traces: otlp -> metadata_only -> otlp_http, debug, langfuse\n",
		"\n  metadata_only in traces with mode: strict, allow: [acme.a, acme.b.*], "
		"hash_key: "
		"[REDACTED]; required in every pipeline (service.policies)\n",
		"\n  otlp_http https://backend.example:4318/x\n",
		"\n  debug (this machine)\n",
		"\n  langfuse https://cloud.langfuse.com\n",
		"\n  otlp_http: what waits in its memory queue (up to 1000 requests) or in a "
		"batch\n",
		"\n  debug: nothing that was acknowledged\n",
	};
	static const char text[] =
		"yaml:{receivers: {otlp: {protocols: {grpc: {endpoint: 'localhost:4317'}}}}, "
		"processors: {metadata_only: {mode: strict, allow: [acme.a, acme.b.*], hash_key: "
		"canary-canary-canary}}, exporters: {otlp_http: {traces_endpoint: "
		"'https://backend.example:4318/x?canary=1'}, debug: {sending_queue: "
		"{enabled: false}}, langfuse: {public_key: pk-canary, secret_key: sk-canary}}, "
		"service: {policies: [metadata_only], pipelines: {traces: "
		"{receivers: [otlp], processors: [metadata_only], exporters: [otlp_http, debug, "
		"langfuse]}}}}";
	struct buf output;
	(void)state;
	assert_int_equal(RUN(&output, "validate", "--config", text), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_says(&output, rows[i]);
	assert_null(strstr(buf_cstr(&output), "canary"));
	buf_fini(&output);
	assert_int_equal(RUN(&output, "validate", "--config", FIXTURES "collector_minimal.yaml"),
			 0);
	assert_says(&output, "Policies:\n  none: everything that arrives is sent on\n");
	buf_fini(&output);
}

static void what_follows_a_policy_is_warned_of(void **state)
{
	static const char text[] =
		"yaml:{receivers: {otlp: {protocols: {grpc: {endpoint: 'localhost:4317'}}}}, "
		"processors: {metadata_only: , langfuse: }, exporters: {debug: }, service: "
		"{pipelines: {traces: {receivers: [otlp], processors: [%s], exporters: [debug]}}}}";
	static const struct {
		const char *order;
		unsigned warnings;
	} cases[] = {{"metadata_only, langfuse", 1}, {"langfuse, metadata_only", 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char config[512];
		struct buf output;
		(void)snprintf(config, sizeof(config), text, cases[i].order);
		assert_int_equal(RUN(&output, "validate", "--config", config), 0);
		assert_int_equal(count(&output, "Warning: \"langfuse\" comes after"),
				 cases[i].warnings);
		buf_fini(&output);
	}
}

static void doubtful_conditions_are_valid_with_a_warning(void **state)
{
	(void)state;
	struct buf output;
	assert_int_equal(
		RUN(&output, "validate", "--config", FIXTURES "collector_recommended.yaml"), 0);
	assert_int_equal(count(&output, "Warning: "), 2);
	assert_says(&output, "attributes[\"http.url\"] == \"/metrics\" is never true");
	assert_says(&output, "name == \"GET\" hits ordinary traffic");
	assert_says(&output, FIXTURES "collector_recommended.yaml:20:15");
	assert_says(&output, FIXTURES "collector_recommended.yaml:23:15");
	buf_fini(&output);
}

static void all_errors_are_said_in_one_run_with_their_places(void **state)
{
	(void)state;
	char expected[8192];
	struct buf output;
	int fd = open(FIXTURES "broken.txt", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t len = read(fd, expected, sizeof(expected) - 1);
	(void)close(fd);
	assert_true(len > 0);
	expected[len] = 0;
	assert_int_equal(RUN(&output, "validate", "--config", FIXTURES "broken.yaml"), 1);
	assert_string_equal(buf_cstr(&output), expected);
	buf_fini(&output);
	/* When it is to be run the errors are the same, and nothing is opened. */
	assert_int_equal(RUN(&output, "--config", FIXTURES "broken.yaml"), 1);
	assert_says(&output, expected);
	assert_null(strstr(buf_cstr(&output), "Starting"));
	buf_fini(&output);
}

static void what_cannot_be_read_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *uri, *says;
	} cases[] = {
		{"/no/such/file.yaml", "Error: open /no/such/file.yaml: "},
		{"env:SLUICE_NO_SUCH_VARIABLE", "empty configuration file"},
		{"gopher:x", "gopher"},
		{"yaml:", "empty configuration file"},
		{"yaml:receivers:", "no receiver configuration specified in config"},
	};
	static const char *const commands[] = {"validate", "run"};
	struct buf output;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (size_t k = 0; k < ARRAY_COUNT(commands); k++) {
			assert_int_equal(RUN(&output, commands[k], "--config", cases[i].uri), 1);
			assert_true(slice_has_prefix(buf_slice(&output), SLICE("Error: ")));
			assert_says(&output, cases[i].says);
			buf_fini(&output);
		}
	}
	assert_int_equal(RUN(&output, "validate"), 1);
	assert_says(&output, "Error: at least one config flag must be provided");
	buf_fini(&output);
}

static void a_port_in_use_names_its_holder(void **state)
{
	(void)state;
	struct daemon *holder =
		scenario_start(NULL, SCENARIO_LISTENERS "exporters: {nop: }\n" SCENARIO_PIPELINE
							"exporters: [nop]}\n");
	char text[512], address[64];
	struct buf output;
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", daemon_grpc_port(holder));
	(void)snprintf(text, sizeof(text),
		       "yaml:{receivers: {otlp: {protocols: {grpc: {endpoint: '%s'}}}}, "
		       "exporters: {nop: }, service: {telemetry: {metrics: {level: none}}, "
		       "pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}}",
		       address);
	assert_int_equal(RUN(&output, "--config", text), 1);
	assert_says(&output, "Error: receivers::otlp: listen tcp ");
	assert_says(&output, address);
	assert_says(&output, "address already in use (held by pid ");
	assert_says(&output, ", sluice)");
	assert_int_equal(daemon_stop(holder), 0);
	buf_fini(&output);
}

/* ---- demo ----------------------------------------------------------------------------------- */

static void the_demo_prints_trees_of_spans_that_came_through_a_socket(void **state)
{
	(void)state;
	struct buf output;
	assert_int_equal(RUN(&output, "demo"), 0);
	unsigned trees = count(&output, "\ntrace ");
	trees += slice_has_prefix(buf_slice(&output), SLICE("trace "));
	assert_int_equal(trees, 4);
	assert_says(&output, "gateway.request [llm-d-router/epp]");
	assert_says(&output, "semantic_router.request.received");
	assert_says(&output, "rag_pipeline [hr-assistant]");
	assert_says(&output, "2071 \xe2\x86\x92 200 tokens");
	assert_says(&output, "TTFT 343 ms");
	assert_says(&output,
		    "6 example traces with 55 spans were sent over OTLP/gRPC to localhost:");
	assert_says(&output, "; 45 spans were kept.");
	assert_null(strchr(buf_cstr(&output), '\x1b')); /* no terminal, no colour */
	buf_fini(&output);
}

/* What was removed is told by rule and number, from the counters of the pipeline that removed it. */
static void the_demo_says_by_rule_what_its_policies_removed(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"\nscrape_filter dropped 10 spans\n",
		"\n     4  noise       path ",
		"\n     6  noise       name ",
		"\nmetadata_only removed ",
		"content     llm.input_messages*",
		"content     retrieval.documents*",
		"secret      http.{request,response}.header*",
		"error text  exception.message",
		"url         {url.full,http.url}",
	};
	struct buf output;
	assert_int_equal(RUN(&output, "demo"), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_says(&output, rows[i]);
	buf_fini(&output);
	/* Without the policies nothing is removed, and nothing is said. */
	assert_int_equal(RUN(&output, "demo", "--set", "service.pipelines.traces.processors=[]"),
			 0);
	assert_says(&output, "; 55 spans were kept.");
	assert_null(strstr(buf_cstr(&output), "dropped"));
	assert_null(strstr(buf_cstr(&output), "metadata_only removed"));
	buf_fini(&output);
}

/* The example's texts all name one person: she is nowhere, however much is printed, and would be
 * found if the policy were not there. */
static void content_that_the_demo_sends_is_in_no_output(void **state)
{
	(void)state;
	static const char *const verbosities[] = {"exporters.debug.verbosity=tree",
						  "exporters.debug.verbosity=normal",
						  "exporters.debug.verbosity=detailed"};
	struct buf output;
	for (size_t i = 0; i < ARRAY_COUNT(verbosities); i++) {
		assert_int_equal(RUN(&output, "demo", "--set", verbosities[i], "--set",
				     "service.telemetry.logs.level=debug"),
				 0);
		assert_says(&output, "ChatCompletion");
		assert_null(strstr(buf_cstr(&output), "Marlowe"));
		buf_fini(&output);
	}
	assert_int_equal(RUN(&output, "demo", "--set", verbosities[2], "--set",
			     "service.pipelines.traces.processors=[scrape_filter]"),
			 0);
	assert_true(count(&output, "Marlowe") >= 20);
	buf_fini(&output);
}

/* The receiver is elsewhere: the sender cannot connect, and there is nothing to print. */
static void the_demo_without_its_receiver_prints_no_tree(void **state)
{
	(void)state;
	struct buf output;
	char port[32]; /* of its own: another program may listen on the default one */
	(void)snprintf(port, sizeof(port), "%u", held_port());
	assert_int_equal(RUN(&output, "demo", "--grpc-port", port, "--set",
			     "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0"),
			 1);
	assert_null(strstr(buf_cstr(&output), "gateway.request"));
	assert_null(strstr(buf_cstr(&output), "\ntrace "));
	assert_null(strstr(buf_cstr(&output), "in all"));
	assert_says(&output, "; 0 spans were kept.");
	assert_says(&output, "connection refused");
	buf_fini(&output);
}

static void a_local_collector_goes_on_to_the_next_port(void **state)
{
	(void)state;
	struct daemon *holder =
		scenario_start(NULL, SCENARIO_LISTENERS "exporters: {nop: }\n" SCENARIO_PIPELINE
							"exporters: [nop]}\n");
	char grpc[32], http[32], set[128];
	struct buf output;
	(void)snprintf(grpc, sizeof(grpc), "%u", daemon_grpc_port(holder));
	(void)snprintf(http, sizeof(http), "%u", daemon_http_port(holder));
	assert_int_equal(RUN(&output, "demo", "--grpc-port", grpc, "--http-port", http), 0);
	assert_int_equal(count(&output, "address already in use (held by pid "), 2);
	assert_int_equal(count(&output, ", sluice): using port "), 2);
	assert_says(&output, "; 45 spans were kept.");
	buf_fini(&output);
	/* One wished for both: the second moves on. */
	assert_int_equal(RUN(&output, "demo", "--grpc-port", grpc, "--http-port", grpc), 0);
	assert_says(&output, "; 45 spans were kept.");
	buf_fini(&output);
	/* An address that the user insists on is not replaced. */
	(void)snprintf(set, sizeof(set), "receivers.otlp.protocols.http.endpoint=127.0.0.1:%s",
		       http);
	assert_int_equal(RUN(&output, "demo", "--set", set), 1);
	assert_says(&output, "address already in use");
	buf_fini(&output);
	assert_int_equal(daemon_stop(holder), 0);
}

/* `generate` says what became of what it sent, in words and by its exit code. */
static void generated_traces_are_sent_and_counted(void **state)
{
	(void)state;
	static const char *const protocols[] = {"grpc", "http"};
	struct daemon *daemon =
		scenario_start(NULL, SCENARIO_LISTENERS "exporters: {nop: }\n" SCENARIO_PIPELINE
							"exporters: [nop]}\n");
	const uint16_t ports[] = {daemon_grpc_port(daemon), daemon_http_port(daemon)};
	char endpoint[32];
	struct buf output;
	for (size_t i = 0; i < ARRAY_COUNT(protocols); i++) {
		(void)snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", ports[i]);
		assert_int_equal(RUN(&output, "generate", "--endpoint", endpoint, "--protocol",
				     protocols[i], "--traces", "llm-d", "--rounds", "4"),
				 0);
		assert_says(&output, "sent 4 traces, ");
		buf_fini(&output);
	}
	double accepted = daemon_metric(daemon, "otelcol_receiver_accepted_spans{");
	assert_true(accepted == 2 * 4 * 25);
	assert_int_equal(daemon_stop(daemon), 0);
	assert_int_equal(RUN(&output, "generate", "--endpoint", endpoint), 1);
	assert_says(&output, "Error: ");
	buf_fini(&output);
}

/* `policy` says which rule decides and what happens; no value of its own ends up anywhere else. */
static void the_policy_explains_itself(void **state)
{
	(void)state;
	static const struct {
		const char *key, *value, *set, *says;
	} cases[] = {
		{"gen_ai.input.messages_delta", "yes", "a=b", ": removed"},
		{"gen_ai.input.messages_delta", "yes", "a=b", "gen_ai.input.messages*"},
		{"acme.note", "what is it", "a=b", "none: its value is judged by its shape"},
		{"acme.note", "what is it", "a=b", "any other span: removed"},
		{"acme.note", "word", "a=b", "any other span: kept (it is a single token)"},
		{"acme.note", "word", "processors.metadata_only.mode=strict", "span: removed"},
		{"job", "{\"rows\":5,\"note\":\"what is it\"}", "a=b", "changed to: {\"rows\":5}"},
		{"acme.note", "what is it", "processors.metadata_only.allow=[acme.*]",
		 "acme.*: written under allow"},
	};
	struct buf output;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(RUN(&output, "policy", "explain", cases[i].key, cases[i].value,
				     "--set", cases[i].set),
				 0);
		assert_says(&output, cases[i].says);
		buf_fini(&output);
	}
	assert_int_equal(RUN(&output, "policy", "table"), 0);
	assert_says(&output, "gen_ai.usage.*\tkept: figures\t");
	buf_fini(&output);
	assert_int_equal(RUN(&output, "policy", "explain", "a", "--set",
			     "processors.metadata_only.mode=wrong"),
			 1);
	buf_fini(&output);
	assert_int_equal(RUN(&output, "policy"), 1);
	buf_fini(&output);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_one_line),
		cmocka_unit_test(every_command_helps),
		cmocka_unit_test(the_list_of_components_is_yaml),
		cmocka_unit_test(a_good_configuration_is_silently_valid),
		cmocka_unit_test(a_valid_configuration_is_summed_up),
		cmocka_unit_test(what_follows_a_policy_is_warned_of),
		cmocka_unit_test(doubtful_conditions_are_valid_with_a_warning),
		cmocka_unit_test(all_errors_are_said_in_one_run_with_their_places),
		cmocka_unit_test(what_cannot_be_read_is_named),
		cmocka_unit_test(a_port_in_use_names_its_holder),
		cmocka_unit_test(the_demo_prints_trees_of_spans_that_came_through_a_socket),
		cmocka_unit_test(the_demo_says_by_rule_what_its_policies_removed),
		cmocka_unit_test(content_that_the_demo_sends_is_in_no_output),
		cmocka_unit_test(the_demo_without_its_receiver_prints_no_tree),
		cmocka_unit_test(a_local_collector_goes_on_to_the_next_port),
		cmocka_unit_test(generated_traces_are_sent_and_counted),
		cmocka_unit_test(the_policy_explains_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
