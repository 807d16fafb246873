/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good the expectation files of configs/ci/ are: faults are put into the traces that they are
 * about, one at a time, every kind at every place. At least 99 % must make a file fail, with a
 * message that names the fault: what is missed is listed by kind. Without a fault all of them hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/assert_policy.h"
#include "tests/support/expect_fixture.h"
#include "tests/support/expect_mutation.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_BYTES_MAX = 64 << 10, MUTANTS_MIN = 200, CAUGHT_PERCENT_MIN = 99, PLACES_MAX = 40 };

/* What a file speaks of. */
enum about {
	ABOUT_ALL = 0,
	ABOUT_TREE,  /* an application's: its names are its own, content and errors are normal */
	ABOUT_LEAKS, /* nothing but what must not be there */
};

static const struct {
	const char *file;
	enum llmd_fixture which;
	uint8_t rows; /* that the file is about: from 1 */
	enum about about;
} cases[] = {
	{"llm-d-pd", FIXTURE_A, 25, ABOUT_ALL},
	{"llm-d-decode", FIXTURE_A7, 25, ABOUT_ALL},
	{"semantic-router", FIXTURE_C, 9, ABOUT_ALL},
	{"vllm", FIXTURE_D, 1, ABOUT_ALL},
	{"rag", FIXTURE_E, 7, ABOUT_TREE},
	{"privacy", FIXTURE_D, 1, ABOUT_LEAKS},
};

static const char *const part_names[] = {"parts/llm-d", "parts/engine", "parts/clean"};
enum { PARTS = ARRAY_COUNT(part_names) };

/* An expectation file, and those that it may import as files that stand beside it. */
struct sources {
	char *text, *parts[PARTS];
	struct buf all; /* one after another, to look for rules */
	struct config_support_pair files[2 * PARTS + 1];
};

static struct assert_policy policy;
static struct judge_env env;

struct score {
	unsigned made[MUTATION_COUNT], missed[MUTATION_COUNT], all, caught;
};

static char *read_file(const char *name)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "configs/ci/%s.yaml", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	char *text = calloc(1, FILE_BYTES_MAX);
	assert_non_null(text);
	assert_true(fread(text, 1, FILE_BYTES_MAX - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void read_sources(struct sources *sources, const char *name)
{
	static const char *const paths[][2] = {{"./parts/llm-d.yaml", ""},
					       {"./parts/engine.yaml", "./parts/./engine.yaml"},
					       {"./parts/clean.yaml", "./parts/./clean.yaml"}};
	*sources = (struct sources){.text = read_file(name)};
	buf_append_str(&sources->all, sources->text);
	for (size_t i = 0; i < PARTS; i++) {
		sources->parts[i] = read_file(part_names[i]);
		for (size_t k = 0; k < 2; k++)
			sources->files[2 * i + k] =
				(struct config_support_pair){paths[i][k], sources->parts[i]};
		char file[64];
		(void)snprintf(file, sizeof(file), "%s.yaml", strchr(part_names[i], '/'));
		if (strstr(buf_cstr(&sources->all), file))
			buf_append_str(&sources->all, sources->parts[i]);
	}
}

static void free_sources(struct sources *sources)
{
	buf_fini(&sources->all);
	free(sources->text);
	for (size_t i = 0; i < PARTS; i++)
		free(sources->parts[i]);
}

/* ---- what a file speaks of ------------------------------------------------------------------ */

/* Whether the file has a rule for ${key}; *ret_optional: one that it may break by being absent. */
static bool has_rule(const char *text, const char *key, bool *ret_optional)
{
	char wanted[128];
	(void)snprintf(wanted, sizeof(wanted), " %s:", key);
	const char *at = strstr(text, wanted);
	if (!at)
		at = strstr(text, (wanted[0] = '{', wanted));
	*ret_optional = at && memmem(at, strcspn(at, "\n"), "optional", strlen("optional"));
	return at != NULL;
}

static bool is_spoken_of(const char *text, enum about about, const struct mutation *mutation)
{
	bool optional, ruled = has_rule(text, mutation->key, &optional);
	bool leaks =
		mutation->kind == MUTATION_LEAKING_KEY || mutation->kind == MUTATION_LEAKING_TEXT;
	if (about == ABOUT_LEAKS)
		return leaks;
	switch ((int)mutation->kind) {
	case MUTATION_RETYPED: return ruled;
	case MUTATION_WITHOUT: return ruled && !optional;
	case MUTATION_UNKNOWN_KEY: return strstr(text, "\n    only:") != NULL;
	case MUTATION_RENAMED:
	case MUTATION_EXCEPTION:
	case MUTATION_FAILED:
	case MUTATION_KIND: return about != ABOUT_TREE;
	default: return about != ABOUT_TREE || !leaks;
	}
}

/* ---- one mutant ----------------------------------------------------------------------------- */

static bool names_it(const struct mutation *mutation, const char *verdict)
{
	const char *const *words = mutation_texts[mutation->kind].words;
	if (mutation->key[0] && strstr(verdict, mutation->key))
		return true;
	for (size_t i = 0; words[i]; i++) {
		if (strstr(verdict, words[i]))
			return true;
	}
	return false;
}

static bool is_caught(struct expect_fixture *fixture, const struct mutation *mutation)
{
	for (uint32_t i = 0; i < expect_count(fixture->expectations); i++) {
		const char *verdict = expect_fixture_verdict(fixture, i);
		if (strcmp(verdict, "holds") != 0 && (!mutation || names_it(mutation, verdict)))
			return true;
	}
	return false;
}

static void add_mutant(struct expect_fixture *fixture, enum llmd_fixture which,
		       struct mutation *mutation)
{
	struct example_requests requests;
	llmd_fixture_build_changed(which, mutation_apply, mutation, &fixture->budget, &requests);
	for (size_t i = 0; i < requests.count; i++)
		expect_fixture_add_body(fixture, chunk_slice(requests.items[i]));
	example_requests_fini(&requests);
}

static void try(struct expect_fixture *fixture, size_t at, const char *text,
		struct mutation *mutation, struct score *score)
{
	expect_fixture_forget(fixture);
	add_mutant(fixture, cases[at].which, mutation);
	if (!mutation->applied || !is_spoken_of(text, cases[at].about, mutation))
		return;
	bool caught = is_caught(fixture, mutation);
	score->all++;
	score->caught += caught;
	score->made[mutation->kind]++;
	score->missed[mutation->kind] += !caught;
	if (!caught)
		print_message("missed: %s: %s, row %u %s\n", cases[at].file,
			      mutation_texts[mutation->kind].name, mutation->row, mutation->key);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void nothing_changed(void *arg, const struct llmd_rows *rows)
{
	(void)arg;
	(void)rows;
}

static void assert_holds(struct expect_fixture *fixture, size_t at)
{
	struct example_requests requests;
	llmd_fixture_build_changed(cases[at].which, nothing_changed, NULL, &fixture->budget,
				   &requests);
	for (size_t i = 0; i < requests.count; i++)
		expect_fixture_add_body(fixture, chunk_slice(requests.items[i]));
	example_requests_fini(&requests);
	for (uint32_t i = 0; i < expect_count(fixture->expectations); i++) {
		const char *verdict = expect_fixture_verdict(fixture, i);
		if (strcmp(verdict, "holds") != 0)
			fail_msg("%s: %.*s: %s", cases[at].file,
				 SLICE_FMT(expect_head(fixture->expectations, i).title), verdict);
	}
}

static void try_kind(struct expect_fixture *fixture, size_t at, const char *text,
		     enum mutation_kind kind, struct score *score)
{
	bool by_attr = kind == MUTATION_RETYPED || kind == MUTATION_WITHOUT;
	for (uint8_t row = 0; row <= cases[at].rows; row++) {
		for (uint8_t attr = 0; attr < (by_attr ? PLACES_MAX : 1); attr++) {
			struct mutation mutation = {.kind = kind, .row = row, .attr = attr};
			try(fixture, at, text, &mutation, score);
		}
	}
}

static void faults_are_caught_and_named(void **state)
{
	struct score score = {0};
	(void)state;
	for (size_t at = 0; at < ARRAY_COUNT(cases); at++) {
		struct expect_fixture fixture;
		struct sources sources;
		read_sources(&sources, cases[at].file);
		if (!expect_fixture_load_with(&fixture, sources.text, sources.files, &env))
			fail_msg("%s: %s", cases[at].file, expect_fixture_errors(&fixture));
		assert_holds(&fixture, at);
		for (enum mutation_kind kind = 0; kind < MUTATION_COUNT; kind++)
			try_kind(&fixture, at, buf_cstr(&sources.all), kind, &score);
		expect_fixture_fini(&fixture);
		free_sources(&sources);
	}
	for (size_t i = 0; i < MUTATION_COUNT; i++) {
		print_message("%-24s %4u, missed %u\n", mutation_texts[i].name, score.made[i],
			      score.missed[i]);
		assert_true(score.made[i] > 0);
	}
	print_message("%u of %u faults caught and named (%.2f %%)\n", score.caught, score.all,
		      100.0 * score.caught / score.all);
	assert_true(score.all >= MUTANTS_MIN);
	assert_true(score.caught * 100 >= score.all * CAUGHT_PERCENT_MIN);
}

static int set_up(void **state)
{
	static const struct option_list none;
	(void)state;
	if (!assert_policy_init(&policy, &none, &none))
		return -1;
	env = assert_policy_env(&policy);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_policy_fini(&policy);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_caught_and_named),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
