/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What real libraries send, as tests/interop recorded it, through each mode of metadata_only. What
 * still says a word of content is in leaks.txt, exactly: what is not in there must not leak, and
 * what no longer leaks must not be in there; shape and strict have none. What stays.txt lists stays,
 * but for what is in lost.txt, as exactly. `make test T=metadata_only_libraries` prints the
 * differences as lines of those files.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/library_facts.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/trace_proto.h"

#define FOLDER "tests/fixtures/libraries/"

enum { LIBRARIES_MIN = 20, RECORDING_BYTES_MAX = 60000, FACTS_MIN = 2000 };

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

/* What became of all recordings. */
struct findings {
	struct line_set leaks, stays, lost; /* lines of leaks.txt, stays.txt and lost.txt */
	size_t facts, facts_lost[ARRAY_COUNT(modes)];
};

static trace_tree *parse(struct slice body)
{
	trace_tree *tree = trace_tree_parse(body);
	assert_non_null(tree);
	return tree;
}

static void findings_of(struct policy_fixture *f, struct slice body, const char *library,
			size_t mode, struct findings *all)
{
	static struct line_set before, after;
	char prefix[256];
	struct chunk *left = policy_fixture_run(f, body);
	assert_non_null(left);
	trace_tree *tree = parse(chunk_slice(left)), *sent = parse(body);
	(void)snprintf(prefix, sizeof(prefix), "%s %s", library, modes[mode]);
	/* No word is anywhere but where the walk looks. */
	assert_int_equal(library_leaks(tree, prefix, &all->leaks),
			 library_words(chunk_slice(left)));
	line_set_init(&before);
	line_set_init(&after);
	library_facts(sent, library, &all->stays, &before);
	library_facts(tree, library, &all->stays, &after);
	line_set_sort(&before);
	line_set_sort(&after);
	all->facts += before.count;
	all->facts_lost[mode] += library_facts_lost(&before, &after, prefix, &all->lost);
	line_set_fini(&before);
	line_set_fini(&after);
	trace_request_free(sent);
	trace_request_free(tree);
	chunk_unref(left);
}

static void replay(const char *file, struct findings *all)
{
	struct buf body = BUF_INIT;
	char yaml[64], library[128];
	read_file(file, &body);
	assert_true(body.len <= RECORDING_BYTES_MAX);
	assert_true(library_words(buf_slice(&body)) > 0);
	(void)snprintf(library, sizeof(library), "%.*s", (int)(strlen(file) - strlen(".pb")), file);
	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		struct policy_fixture f;
		(void)snprintf(yaml, sizeof(yaml), "{mode: %s, identifiers: drop}", modes[i]);
		policy_fixture_init(&f, yaml);
		assert_non_null(f.self);
		findings_of(&f, buf_slice(&body), library, i, all);
		policy_fixture_fini(&f);
	}
	buf_fini(&body);
}

static int is_recording(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && strcmp(dot, ".pb") == 0;
}

static void read_lines(const char *name, struct line_set *out)
{
	struct buf text = BUF_INIT;
	char *rest = NULL;
	read_file(name, &text);
	line_set_init(out);
	for (char *line = strtok_r((char *)(uintptr_t)buf_cstr(&text), "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] != '#')
			line_set_add(out, line);
	}
	buf_fini(&text);
	line_set_sort(out);
}

static int replay_all(void **state)
{
	static struct findings all;
	struct dirent **names;
	int count = scandir(FOLDER, &names, is_recording, alphasort);
	assert_true(count >= LIBRARIES_MIN);
	read_lines("stays.txt", &all.stays);
	line_set_init(&all.leaks);
	line_set_init(&all.lost);
	for (int i = 0; i < count; i++) {
		replay(names[i]->d_name, &all);
		free(names[i]);
	}
	free(names);
	line_set_sort(&all.leaks);
	line_set_sort(&all.lost);
	*state = &all;
	return 0;
}

static int forget(void **state)
{
	struct findings *all = *state;
	line_set_fini(&all->stays);
	line_set_fini(&all->leaks);
	line_set_fini(&all->lost);
	return 0;
}

/* Prints what is in one alone, as a patch of the file would; how many lines. */
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
	static struct line_set expected;
	struct findings *all = *state;
	read_lines("leaks.txt", &expected);
	assert_int_equal(differences(&expected, &all->leaks), 0);
	for (size_t i = 0; i < expected.count; i++)
		assert_non_null(strstr(line_set_at(&expected, i), " denylist "));
	line_set_fini(&expected);
}

static void what_must_stay_stays_but_for_what_is_listed(void **state)
{
	static struct line_set expected;
	struct findings *all = *state;
	read_lines("lost.txt", &expected);
	assert_int_equal(differences(&expected, &all->lost), 0);
	assert_true(all->facts > FACTS_MIN);
	for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
		/* 1 in 100 */
		assert_true(all->facts_lost[i] * ARRAY_COUNT(modes) * 100 <= all->facts);
	}
	line_set_fini(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libraries_leak_what_is_listed_and_no_more),
		cmocka_unit_test(what_must_stay_stays_but_for_what_is_listed),
	};
	return cmocka_run_group_tests(tests, replay_all, forget);
}
