/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph of all components, started and stopped with its threads: the table of docs/metrics.md is
 * printed from the metrics that it registers (`make docs`), and the page shows no series twice.
 */
#include "pipeline/base/clock.h"
#include "pipeline/graph/component.h"
#include "pipeline/graph/graph.h"
#include "tests/support/config_support.h"
#include "tests/support/generated_page.h"
#include "tests/support/net_certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <cmocka.h>

#define DOCUMENT "docs/metrics.md"
#define CERTIFICATE "build/test_metrics_page.crt"
#define KEY "build/test_metrics_page.key"

/* Blocks of the components that cannot do without one. */
static const struct {
	enum component_kind kind;
	const char *name, *block;
} blocks[] = {
	{COMPONENT_RECEIVER, "otlp",
	 "{protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0', tls: "
	 "{cert_file: '" CERTIFICATE "', key_file: '" KEY "'}}}}"},
	{COMPONENT_PROCESSOR, "memory_limiter", "{check_interval: 1s, limit_percentage: 50}"},
	{COMPONENT_PROCESSOR, "attributes", "{actions: [{key: a, action: delete}]}"},
	{COMPONENT_PROCESSOR, "resource", "{attributes: [{key: a, action: delete}]}"},
	{COMPONENT_PROCESSOR, "filter", "{traces: {span: ['name == \"x\"']}}"},
	{COMPONENT_EXPORTER, "otlp_grpc",
	 "{endpoint: '127.0.0.1:1', tls: {insecure: true}, sending_queue: {batch: {}}}"},
	{COMPONENT_EXPORTER, "otlp_http", "{endpoint: 'http://127.0.0.1:1'}"},
	{COMPONENT_EXPORTER, "langfuse", "{public_key: pk, secret_key: sk}"},
	{COMPONENT_EXPORTER, "jaeger", "{endpoint: '127.0.0.1:1', tls: {insecure: true}}"},
	{COMPONENT_EXPORTER, "file", "{path: build/test_metrics_page.json}"},
	{COMPONENT_EXTENSION, "health_check", "{endpoint: '127.0.0.1:0'}"},
	{COMPONENT_EXTENSION, "basicauth", "{htpasswd: {inline: 'a:b'}}"},
	{COMPONENT_EXTENSION, "bearertokenauth", "{token: a}"},
};

static const char *block_of(enum component_kind kind, const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
		if (blocks[i].kind == kind && strcmp(blocks[i].name, name) == 0)
			return blocks[i].block;
	}
	return "";
}

static void append_section(struct buf *yaml, const char *section, enum component_kind kind)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	buf_printf(yaml, "%s:\n", section);
	for (size_t i = 0; i < count; i++) {
		if (types[i]->kind == kind)
			buf_printf(yaml, "  %s: %s\n", types[i]->names[0],
				   block_of(kind, types[i]->names[0]));
	}
}

/* "a, b, c" of one kind; batch first, so that it is in the middle. */
static void append_names(struct buf *yaml, enum component_kind kind)
{
	size_t count;
	const struct component_type *const *types = component_list(&count);
	if (kind == COMPONENT_PROCESSOR)
		buf_append_str(yaml, "batch, ");
	for (size_t i = 0; i < count; i++) {
		if (types[i]->kind == kind && strcmp(types[i]->names[0], "batch") != 0)
			buf_printf(yaml, "%s, ", types[i]->names[0]);
	}
}

static void append_configuration(struct buf *yaml)
{
	append_section(yaml, "receivers", COMPONENT_RECEIVER);
	append_section(yaml, "processors", COMPONENT_PROCESSOR);
	append_section(yaml, "exporters", COMPONENT_EXPORTER);
	append_section(yaml, "extensions", COMPONENT_EXTENSION);
	buf_append_str(yaml, "service:\n  telemetry: {metrics: {level: none}}\n  extensions: [");
	append_names(yaml, COMPONENT_EXTENSION);
	buf_append_str(yaml, "]\n  pipelines:\n");
	for (int i = 1; i <= 2; i++) {
		buf_printf(yaml, "    traces/%d:\n      receivers: [", i);
		append_names(yaml, COMPONENT_RECEIVER);
		buf_append_str(yaml, "]\n      processors: [");
		append_names(yaml, COMPONENT_PROCESSOR);
		buf_append_str(yaml, "]\n      exporters: [");
		append_names(yaml, COMPONENT_EXPORTER);
		buf_append_str(yaml, "]\n");
	}
}

static void stop_when_ready(void *arg, struct graph *graph)
{
	metrics_print(graph_metrics(graph), (struct metrics_page){0}, arg);
	graph_stop(graph);
}

static void make_certificate(void)
{
	struct net_authority authority;
	net_authority_init(&authority);
	net_authority_issue(&authority, "localhost", CERTIFICATE, KEY);
	net_authority_fini(&authority);
}

/* The page of a graph of everything, while it runs. */
static void print_page(struct buf *page)
{
	struct config_support config;
	struct buf yaml = BUF_INIT;
	struct err err;
	make_certificate();
	append_configuration(&yaml);
	config_support_init(&config);
	const struct config_node *root = config_support_load_text(&config, buf_cstr(&yaml));
	const struct graph_options options = {.shard_count = 2,
					      .shutdown_timeout_ns = 5 * NS_PER_S,
					      .version = "test",
					      .ready = stop_when_ready,
					      .arg = page};
	const struct config_service *service =
		config_service_bind(root, graph_known_types(), &config.report);
	struct graph *graph = service ? graph_new(service, &options, &config.report) : NULL;
	if (!graph)
		fail_msg("%s\n%s", buf_cstr(&yaml), config_support_errors(&config));
	if (graph_start(graph, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(graph_run(graph), 0);
	graph_free(graph);
	config_support_fini(&config);
	buf_fini(&yaml);
}

static char *read_document(void)
{
	FILE *file = fopen(DOCUMENT, "re");
	if (!file)
		fail_msg("cannot open %s", DOCUMENT);
	size_t capacity = 1 << 20;
	char *text = calloc(1, capacity);
	assert_non_null(text);
	size_t len = fread(text, 1, capacity - 1, file);
	assert_true(len < capacity - 1);
	(void)fclose(file);
	return text;
}

/* The metrics of a page as rows of the document: | `name` | type | meaning | */
static void append_rows(struct buf *rows)
{
	struct buf page = BUF_INIT;
	char name[256], type[16], *help = NULL, *save = NULL;
	print_page(&page);
	buf_append_str(rows, "| metric | type | meaning |\n| --- | --- | --- |\n");
	char *copy = strdup(buf_cstr(&page));
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0)
			help = strchr(line + 7, ' ');
		else if (help && sscanf(line, "# TYPE %255s %15s", name, type) == 2)
			buf_printf(rows, "| `%s` | %s | %s |\n", name, type, help + 1);
	}
	free(copy);
	buf_fini(&page);
}

static void the_table_is_what_the_program_registers(void **state)
{
	static const struct page_part parts[] = {{"<!-- metrics -->\n", append_rows}};
	(void)state;
	generated_page_check(DOCUMENT, parts, ARRAY_COUNT(parts));
}

/* Under the heading of ${name}, up to the next one. */
static bool section_has(const char *document, const char *name, const char *item)
{
	struct buf heading = BUF_INIT;
	buf_printf(&heading, "\n### `%s`\n", name);
	const char *section = strstr(document, buf_cstr(&heading));
	const char *end = section ? strstr(section + heading.len, "\n##") : NULL;
	const char *found = section ? strstr(section, item) : NULL;
	buf_fini(&heading);
	return found && (!end || found < end);
}

static void every_reason_is_explained(void **state)
{
	struct buf page = BUF_INIT;
	char *document = read_document(), *save = NULL;
	size_t reasons = 0;
	(void)state;
	print_page(&page);
	char *copy = strdup(buf_cstr(&page));
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char reason[64], item[80];
		char *brace = strchr(line, '{'), *label = strstr(line, "reason=\"");
		if (line[0] == '#' || !brace || !label ||
		    sscanf(label, "reason=\"%63[^\"]\"", reason) != 1)
			continue;
		*brace = 0;
		(void)snprintf(item, sizeof(item), "\n- `%s`: ", reason);
		if (!section_has(document, line, item))
			fail_msg("%s does not explain reason %s of %s", DOCUMENT, reason, line);
		reasons++;
	}
	assert_true(reasons > 20);
	free(copy);
	free(document);
	buf_fini(&page);
}

static void the_page_shows_no_series_twice(void **state)
{
	struct buf page = BUF_INIT;
	char *save = NULL;
	(void)state;
	print_page(&page);
	char *copy = strdup(buf_cstr(&page));
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strrchr(line, ' ');
		if (line[0] == '#' || !value)
			continue;
		struct buf series = BUF_INIT;
		buf_append_byte(&series, '\n');
		buf_append(&series, slice_of(line, (size_t)(value - line) + 1));
		const char *first = strstr(buf_cstr(&page), buf_cstr(&series));
		assert_non_null(first);
		if (first && strstr(first + 1, buf_cstr(&series)))
			fail_msg("twice: %s", line);
		buf_fini(&series);
	}
	free(copy);
	buf_fini(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_what_the_program_registers),
		cmocka_unit_test(every_reason_is_explained),
		cmocka_unit_test(the_page_shows_no_series_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
