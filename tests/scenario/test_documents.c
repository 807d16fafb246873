/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every YAML example of the documents is a configuration that `sluice validate` has nothing against.
 * An example that shows some sections only is completed: what it defines runs in one pipeline, with
 * a receiver and an exporter of ours where it has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/buf.h"
#include "tests/support/scenario_daemon.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES_MIN = 7 };

static const char *const pages[] = {"*.md", "docs/*.md", "docs/exporters/*.md",
				    "docs/processors/*.md", "docs/extensions/*.md"};

static bool has_section(const char *yaml, const char *section)
{
	size_t len = strlen(section);
	for (const char *line = yaml; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, section, len) == 0 && line[len] == ':')
			return true;
		if (!*line)
			break;
	}
	return false;
}

/* Appends the ids that ${section} defines: the keys that are indented by two. */
static void append_ids(struct buf *out, const char *yaml, const char *section)
{
	bool inside = false;
	size_t len = strlen(section);
	for (const char *line = yaml; *line; line = strchr(line, '\n') + 1) {
		if (line[0] != ' ' && line[0] != '\n' && line[0] != '#')
			inside = strncmp(line, section, len) == 0 && line[len] == ':';
		else if (inside && strncmp(line, "  ", 2) == 0 && line[2] != ' ' && line[2] != '#')
			buf_printf(out, "%.*s, ", (int)strcspn(line + 2, ":"), line + 2);
	}
}

static void complete(struct buf *config, const char *yaml)
{
	buf_append_str(config, yaml);
	if (has_section(yaml, "service"))
		return;
	if (!has_section(yaml, "receivers"))
		buf_append_str(config, "receivers:\n  nop:\n");
	if (!has_section(yaml, "exporters"))
		buf_append_str(config, "exporters:\n  nop:\n");
	buf_append_str(config, "service:\n  extensions: [");
	append_ids(config, yaml, "extensions");
	buf_append_str(config, "]\n  pipelines:\n    traces:\n");
	static const char *const sections[] = {"receivers", "processors", "exporters"};
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
		buf_printf(config, "      %s: [", sections[i]);
		if (has_section(yaml, sections[i]))
			append_ids(config, yaml, sections[i]);
		else if (strcmp(sections[i], "processors") != 0)
			buf_append_str(config, "nop");
		buf_append_str(config, "]\n");
	}
}

/* Other examples are pieces of something else, or pipelines of components that stand elsewhere. */
static bool is_configuration(const char *yaml)
{
	bool receivers = has_section(yaml, "receivers"), exporters = has_section(yaml, "exporters");
	if (has_section(yaml, "service"))
		return receivers && exporters;
	return receivers || exporters || has_section(yaml, "processors") ||
	       has_section(yaml, "extensions");
}

static void validate(const char *page, const char *yaml)
{
	struct buf config = BUF_INIT, output = BUF_INIT;
	buf_append_str(&config, "yaml:");
	complete(&config, yaml);
	const char *const args[] = {"validate", "--quiet", "--config", buf_cstr(&config), NULL};
	int status = daemon_run(args, &output);
	if (status != 0 || output.len > 0)
		fail_msg("%s: status %d: %s\n%s", page, status, buf_cstr(&output),
			 buf_cstr(&config));
	buf_fini(&config);
	buf_fini(&output);
}

static void read_page(const char *path, struct buf *text)
{
	char bytes[4096];
	size_t got;
	FILE *file = fopen(path, "rbe");
	assert_non_null(file);
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buf_append(text, slice_of(bytes, got));
	(void)fclose(file);
}

static size_t validate_page(const char *path)
{
	static const char begin[] = "\n```yaml\n", end[] = "\n```";
	struct buf page = BUF_INIT;
	size_t count = 0;
	read_page(path, &page);
	for (const char *at = buf_cstr(&page); (at = strstr(at, begin));) {
		at += strlen(begin);
		const char *stop = strstr(at, end);
		assert_non_null(stop);
		struct buf yaml = BUF_INIT;
		buf_printf(&yaml, "%.*s\n", (int)(stop - at), at);
		if (is_configuration(buf_cstr(&yaml))) {
			validate(path, buf_cstr(&yaml));
			count++;
		}
		buf_fini(&yaml);
		at = stop;
	}
	buf_fini(&page);
	return count;
}

static void examples_are_valid_configurations(void **state)
{
	size_t count = 0;
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
		glob_t found;
		assert_int_equal(glob(pages[i], 0, NULL, &found), 0);
		for (size_t k = 0; k < found.gl_pathc; k++)
			count += validate_page(found.gl_pathv[k]);
		globfree(&found);
	}
	assert_true(count >= EXAMPLES_MIN);
}

static int set_secrets(void **state)
{
	static const char *const names[] = {"LANGFUSE_AUTH", "LANGFUSE_PUBLIC_KEY",
					    "LANGFUSE_SECRET_KEY", "SLUICE_HASH_KEY"};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (setenv(names[i], "dGVzdDp0ZXN0OnRlc3Q6", 1) !=
		    0) /* an unset one is worth a warning */
			return -1;
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_are_valid_configurations),
	};
	return cmocka_run_group_tests(tests, set_secrets, NULL);
}
