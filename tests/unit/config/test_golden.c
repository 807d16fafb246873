/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files: each tests/fixtures/config/bad/NAME.yaml prints exactly NAME.txt (warnings, then
 * errors), each good/NAME.yaml binds. Runs in the root of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/support/config_blocks.h"
#include "tests/support/config_support.h"

static const struct config_support_pair env[] = {
	{"SLUICE_TEST_SECRET", "hunter2"},
	{"MY_POD_IP", "10.0.0.1"},
	{NULL, NULL},
};

static const char *get_env(void *arg, const char *name)
{
	(void)arg;
	for (size_t i = 0; env[i].name; i++) {
		if (strcmp(env[i].name, name) == 0)
			return env[i].value;
	}
	return NULL;
}

static const struct config_node *load(struct config_support *s, const char *path)
{
	const struct config_load load = {.uris = &path, .uri_count = 1, .env = {get_env, NULL}};
	config_support_init(s);
	return config_load(&load, &s->report);
}

/* Everything in the file ${path}, "" when it is missing. */
static void read_text(const char *path, struct buf *text)
{
	uint8_t block[4096];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (len = read(fd, block, sizeof(block))) > 0)
		buf_append(text, slice_of(block, (size_t)len));
	if (fd >= 0)
		(void)close(fd);
}

static int is_yaml(const struct dirent *entry)
{
	return slice_has_suffix(slice_str(entry->d_name), SLICE(".yaml"));
}

/* Calls ${visit} with each file of ${directory}, which is the working directory meanwhile, so that
 * messages show bare file names. Returns how many. */
static int for_each_file(const char *directory, void (*visit)(const char *name))
{
	struct dirent **names;
	char root[4096];
	assert_non_null(getcwd(root, sizeof(root)));
	assert_int_equal(chdir(directory), 0);
	int count = scandir(".", &names, is_yaml, alphasort);
	for (int i = 0; i < count; i++) {
		visit(names[i]->d_name);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	assert_int_equal(chdir(root), 0);
	return count;
}

static void expect_output(const char *name)
{
	struct config_support s;
	struct buf got = BUF_INIT, want = BUF_INIT, path = BUF_INIT;
	const struct config_node *root = load(&s, name);
	if (root)
		(void)sample_bind(root, &s.report);
	assert_true(s.report.error_count > 0);
	config_report_print(&s.report, CONFIG_WARNING, &got);
	config_report_print(&s.report, CONFIG_ERROR, &got);
	buf_printf(&path, "%.*s.txt", (int)(strlen(name) - strlen(".yaml")), name);
	read_text(buf_cstr(&path), &want);
	if (strcmp(buf_cstr(&got), buf_cstr(&want)) != 0)
		fail_msg("%s prints\n%s", name, buf_cstr(&got));
	buf_fini(&got);
	buf_fini(&want);
	buf_fini(&path);
	config_support_fini(&s);
}

static void bad_files_print_exactly_what_is_written_beside_them(void **state)
{
	(void)state;
	assert_true(for_each_file("tests/fixtures/config/bad", expect_output) >= 20);
}

static void expect_service(const char *name)
{
	static const char *const receivers[] = {"otlp", NULL};
	static const char *const processors[] = {"batch", "filter", "memory_limiter", NULL};
	static const char *const exporters[] = {"debug", "otlp", "otlphttp", NULL};
	static const char *const extensions[] = {"health_check", NULL};
	static const struct config_known_types known = {.types = {
								[SECTION_RECEIVERS] = receivers,
								[SECTION_PROCESSORS] = processors,
								[SECTION_EXPORTERS] = exporters,
								[SECTION_EXTENSIONS] = extensions,
							}};
	struct config_support s;
	const struct config_node *root = load(&s, name);
	if (!root || !config_service_bind(root, &known, &s.report) || s.report.error_count > 0)
		fail_msg("%s: %s", name, config_support_errors(&s));
	config_support_fini(&s);
}

static void good_files_bind(void **state)
{
	(void)state;
	assert_true(for_each_file("tests/fixtures/config/good", expect_service) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_print_exactly_what_is_written_beside_them),
		cmocka_unit_test(good_files_bind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
