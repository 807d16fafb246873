/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What real libraries send, as tests/interop recorded it, through each mode of metadata_only. What
 * still says a word of content is in leaks.txt, exactly: what is not in there must not leak, and
 * what no longer leaks must not be in there. `make test T=metadata_only_libraries` prints the
 * differences as lines of that file.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/library_leaks.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/trace_proto.h"

#define FOLDER "tests/fixtures/libraries/"

enum { LIBRARIES_MIN = 20, RECORDING_BYTES_MAX = 60000 };

/* A mode that this build does not have is refused by the configuration and left out. */
static const char *const modes[] = {"shape", "strict", "denylist"};

static void read_file(const char *name, struct buf *into)
{
	char path[512], bytes[4096];
	size_t got;
	(void)snprintf(path, sizeof(path), FOLDER "%s", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buf_append(into, slice_of(bytes, got));
	(void)fclose(file);
}

static void leaks_of(struct policy_fixture *f, struct slice body, const char *prefix,
		     struct line_set *out)
{
	struct chunk *left = policy_fixture_run(f, body);
	assert_non_null(left);
	trace_tree *tree = trace_tree_parse(chunk_slice(left));
	assert_non_null(tree);
	/* No word is anywhere but where the walk looks. */
	assert_int_equal(library_leaks(tree, prefix, out), library_words(chunk_slice(left)));
	trace_request_free(tree);
	chunk_unref(left);
}

static void replay(const char *file, struct line_set *out)
{
	struct buf body = BUF_INIT;
	int name_len = (int)(strlen(file) - strlen(".pb"));
	char yaml[64], prefix[256];
	read_file(file, &body);
	assert_true(body.len <= RECORDING_BYTES_MAX);
	assert_true(library_words(buf_slice(&body)) > 0);
	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		struct policy_fixture f;
		(void)snprintf(yaml, sizeof(yaml), "{mode: %s, identifiers: drop}", modes[i]);
		(void)snprintf(prefix, sizeof(prefix), "%.*s %s", name_len, file, modes[i]);
		policy_fixture_init(&f, yaml);
		if (f.self)
			leaks_of(&f, buf_slice(&body), prefix, out);
		policy_fixture_fini(&f);
	}
	buf_fini(&body);
}

static int is_recording(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && strcmp(dot, ".pb") == 0;
}

static void replay_all(struct line_set *out)
{
	struct dirent **names;
	int count = scandir(FOLDER, &names, is_recording, alphasort);
	assert_true(count >= LIBRARIES_MIN);
	for (int i = 0; i < count; i++) {
		replay(names[i]->d_name, out);
		free(names[i]);
	}
	free(names);
	line_set_sort(out);
}

static void read_expected(struct line_set *out)
{
	struct buf text = BUF_INIT;
	char *rest = NULL;
	read_file("leaks.txt", &text);
	for (char *line = strtok_r((char *)(uintptr_t)buf_cstr(&text), "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] != '#')
			line_set_add(out, line);
	}
	buf_fini(&text);
	line_set_sort(out);
}

/* Prints what is in one alone, as a patch of leaks.txt would; how many lines. */
static int differences(const struct line_set *expected, const struct line_set *got)
{
	size_t i = 0, j = 0;
	int count = 0;
	while (i < expected->count || j < got->count) {
		int order = i == expected->count ? 1
			    : j == got->count
				    ? -1
				    : strcmp(line_set_at(expected, i), line_set_at(got, j));
		if (order < 0)
			print_error("- %s\n", line_set_at(expected, i++));
		else if (order > 0)
			print_error("+ %s\n", line_set_at(got, j++));
		else
			i++, j++;
		count += order != 0;
	}
	return count;
}

static void libraries_leak_what_is_listed_and_no_more(void **state)
{
	static struct line_set expected, got;
	(void)state;
	line_set_init(&expected);
	line_set_init(&got);
	read_expected(&expected);
	replay_all(&got);
	assert_int_equal(differences(&expected, &got), 0);
	line_set_fini(&expected);
	line_set_fini(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libraries_leak_what_is_listed_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
