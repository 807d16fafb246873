/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a configuration file: load, top level, blocks, report. Nothing outside is read: the only
 * file is the input, and variables come from a fixed table. What was accepted must hold its bounds.
 *
 * Comment lines at the top give further arguments: "#config URI" and "#set KEY=VALUE".
 */
#include "tests/support/config_blocks.h"

#include "pipeline/config/load.h"

#include <stdlib.h>

enum {
	INPUT_BYTES_MAX = 64 << 10,
	ARENA_BYTES_MAX = 64 << 20,
	ARGUMENTS_MAX = 8,
};

struct arguments {
	char text[ARGUMENTS_MAX][256];
	const char *uris[ARGUMENTS_MAX + 1], *sets[ARGUMENTS_MAX];
	size_t uri_count, set_count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get_env(void *arg, const char *name)
{
	static const char *const pairs[][2] = {
		{"A", "8192"},	   {"B", "{a: 1, b: ${env:A}}"},
		{"C", "${env:D}"}, {"D", "x: ${A}\ny: [1]"},
		{"E", ""},	   {"LOOP", "${env:LOOP}"},
	};
	(void)arg;
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		if (strcmp(pairs[i][0], name) == 0)
			return pairs[i][1];
	}
	return NULL;
}

static int read_input(void *arg, const char *path, struct buf *ret_text, struct err *err)
{
	if (strcmp(path, "fuzz.yaml") != 0)
		return err_set(err, ERR_IO, "no such file");
	buf_append(ret_text, *(const struct slice *)arg);
	return 0;
}

static void read_arguments(struct slice input, struct arguments *arguments)
{
	arguments->uris[arguments->uri_count++] = "fuzz.yaml";
	for (size_t i = 0; i < ARGUMENTS_MAX && input.len > 0 && input.ptr[0] == '#'; i++) {
		const uint8_t *end = memchr(input.ptr, '\n', input.len);
		size_t len = end ? (size_t)(end - input.ptr) : input.len;
		size_t kept = len < sizeof(arguments->text[i]) ? len : 0;
		char *line = arguments->text[i];
		memcpy(line, input.ptr, kept);
		line[kept] = '\0';
		if (strncmp(line, "#config ", 8) == 0)
			arguments->uris[arguments->uri_count++] = line + 8;
		else if (strncmp(line, "#set ", 5) == 0)
			arguments->sets[arguments->set_count++] = line + 5;
		input = end ? slice_of(end + 1, input.len - len - 1) : slice_of(input.ptr, 0);
	}
}

/* Aborts when the tree is deeper than the loader promises. */
static size_t count_nodes(const struct config_node *node, size_t depth)
{
	size_t nodes = 1;
	if (depth > CONFIG_DEPTH_MAX)
		abort();
	for (size_t i = 0; i < node->count; i++)
		nodes += count_nodes(node->kind == CONFIG_MAP ? node->entries[i].node
							      : node->items[i],
				     depth + 1);
	return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = slice_of(data, size);
	struct arguments arguments = {0};
	read_arguments(input, &arguments);
	struct config_load load = {
		.uris = arguments.uris,
		.uri_count = arguments.uri_count,
		.sets = arguments.sets,
		.set_count = arguments.set_count,
		.env = {get_env, NULL},
		.files = {read_input, &input},
	};
	struct arena arena;
	struct config_report report;
	struct buf out = BUF_INIT;
	if (size > INPUT_BYTES_MAX)
		return 0;
	arena_init(&arena, NULL, ARENA_BYTES_MAX);
	config_report_init(&report, &arena);
	const struct config_node *root = config_load(&load, &report);
	if ((root == NULL) != (report.error_count > 0))
		abort();
	if (root) {
		(void)count_nodes(root, 1);
		(void)sample_bind(root, &report);
		const struct config_node *traces = config_keep_traces(root, &report);
		if (traces)
			(void)sample_bind(traces, &report);
	}
	config_report_print(&report, CONFIG_ERROR, &out);
	config_report_print(&report, CONFIG_WARNING, &out);
	buf_fini(&out);
	arena_fini(&arena);
	return 0;
}
