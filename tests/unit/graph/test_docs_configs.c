/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every YAML block of the pages: a whole configuration becomes a graph without an error or a
 * warning; a part of one, which has no pipelines, does when a frame uses what it configures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "pipeline/graph/internal.h"
#include "tests/support/config_support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_BYTES_MAX = 256 << 10, BLOCKS_MIN = 8 };

static const struct config_support_pair environment[] = {{"LANGFUSE_PUBLIC_KEY", "pk-lf-1"},
							 {"LANGFUSE_SECRET_KEY", "sk-lf-1"},
							 {"SLUICE_HASH_KEY", "key"},
							 {NULL, NULL}};

/* ---- parts ---------------------------------------------------------------------------------- */

/* The names directly below the top-level ${section}, as a flow list's content. */
static void list_names(struct slice text, const char *section, struct buf *names)
{
	bool inside = false;
	buf_reset(names);
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		struct slice line = slice_of(text.ptr, (size_t)(end - text.ptr));
		text = slice_of(end + 1, text.len - line.len - 1);
		const uint8_t *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
		if (!colon)
			continue;
		struct slice key = slice_of(line.ptr, (size_t)(colon - line.ptr));
		if (key.ptr[0] != ' ' && key.ptr[0] != '#')
			inside = slice_equal(key, slice_str(section));
		else if (inside && key.len > 2 && key.ptr[1] == ' ' && key.ptr[2] != ' ' &&
			 key.ptr[2] != '#')
			buf_printf(names, "%s%.*s", names->len > 0 ? ", " : "", (int)key.len - 2,
				   (const char *)key.ptr + 2);
	}
}

/* Pipelines of all that the part configures, with nothing at the ends that it leaves open. */
static void add_frame(struct slice part, struct buf *yaml)
{
	static const struct {
		const char *section, *otherwise;
	} sections[] = {{"receivers", "nop"}, {"processors", ""}, {"exporters", "nop"}};
	struct buf names[ARRAY_COUNT(sections)] = {BUF_INIT, BUF_INIT, BUF_INIT};
	struct buf extensions = BUF_INIT;
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
		list_names(part, sections[i].section, &names[i]);
		if (names[i].len > 0 || !sections[i].otherwise[0])
			continue;
		buf_printf(yaml, "%s: {%s: }\n", sections[i].section, sections[i].otherwise);
		buf_append_str(&names[i], sections[i].otherwise);
	}
	list_names(part, "extensions", &extensions);
	buf_printf(yaml,
		   "service: {extensions: [%s], pipelines: {traces: {receivers: [%s], processors: "
		   "[%s], exporters: [%s]}}}\n",
		   buf_cstr(&extensions), buf_cstr(&names[0]), buf_cstr(&names[1]),
		   buf_cstr(&names[2]));
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
		buf_fini(&names[i]);
	buf_fini(&extensions);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static bool is_whole(struct slice text)
{
	return memmem(text.ptr, text.len, "pipelines:", strlen("pipelines:")) != NULL;
}

static bool check_block(const char *page, int line, struct slice text)
{
	const struct graph_options options = {
		.shard_count = 1, .shutdown_timeout_ns = NS_PER_S, .version = "test"};
	struct config_support config;
	struct buf yaml = BUF_INIT;
	buf_append(&yaml, text);
	if (!is_whole(text))
		add_frame(text, &yaml);
	config_support_init(&config);
	config.env = environment;
	const struct config_node *root = config_support_load_text(&config, buf_cstr(&yaml));
	const struct config_service *service =
		root ? config_service_bind(root, graph_known_types(), &config.report) : NULL;
	struct graph *graph = service ? graph_new(service, &options, &config.report) : NULL;
	bool good = graph != NULL && !config_support_warnings(&config)[0];
	if (!good)
		print_error("%s:%d: %s%s\n", page, line, config_support_errors(&config),
			    config_support_warnings(&config));
	graph_free(graph);
	config_support_fini(&config);
	buf_fini(&yaml);
	return good;
}

/* Checks the blocks of one page; returns how many there are. */
static int check_page(const char *page, bool *good)
{
	static char text[PAGE_BYTES_MAX];
	FILE *file = fopen(page, "r");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof(text) - 1, file);
	assert_int_equal(fclose(file), 0);
	assert_true(len < sizeof(text) - 1);
	text[len] = 0;
	int count = 0;
	for (char *at = text; (at = strstr(at, "\n```yaml\n"));) {
		char *begin = at + strlen("\n```yaml\n"), *end = strstr(begin, "\n```");
		int line = 2;
		assert_non_null(end);
		for (const char *c = text; c < begin; c++)
			line += *c == '\n';
		*good &= check_block(page, line - 1, slice_of(begin, (size_t)(end - begin) + 1));
		count++;
		at = end + 1;
	}
	return count;
}

static void every_block_of_yaml_in_the_pages_is_a_valid_configuration(void **state)
{
	static const char *const patterns[] = {"README.md", "docs/*.md", "docs/*/*.md"};
	int blocks = 0;
	bool good = true;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(patterns); i++) {
		glob_t pages;
		assert_int_equal(glob(patterns[i], 0, NULL, &pages), 0);
		for (size_t k = 0; k < pages.gl_pathc; k++)
			blocks += check_page(pages.gl_pathv[k], &good);
		globfree(&pages);
	}
	assert_true(blocks >= BLOCKS_MIN);
	assert_true(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_of_yaml_in_the_pages_is_a_valid_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
