/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that `sluice assert` makes from spans and holds other spans against: what --record writes holds
 * for what it was written from and says what is missing from others; --snapshot tells what was added,
 * removed, changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/expect_fixture.h"
#include "tests/support/scenario_assert.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	static struct scenario_assert scene;
	scenario_assert_open(&scene);
	*state = &scene;
	return 0;
}

static int teardown(void **state)
{
	scenario_assert_close(*state);
	return 0;
}

#define ADD(scene, name, ...)                                                                      \
	add((scene), (name), (const struct expect_span[]){__VA_ARGS__},                            \
	    ARRAY_COUNT(((const struct expect_span[]){__VA_ARGS__})))

static void add(struct scenario_assert *scene, const char *name, const struct expect_span *spans,
		size_t count)
{
	struct budget budget;
	budget_init(&budget, UINT64_MAX);
	struct chunk *request = expect_fixture_request(&budget, spans, count);
	scenario_assert_request(scene, name, request);
	chunk_unref(request);
}

static void assert_run_is(struct scenario_assert *scene, const char *line, int code)
{
	int got = scenario_assert_run(scene, line);
	if (got != code)
		fail_msg("%s: exit code %d, wanted %d:\n%s", line, got, code,
			 buf_cstr(&scene->output));
}

static void assert_same_files(struct scenario_assert *scene, const char *a, const char *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	file_folder_read(&scene->folder, a, &x);
	file_folder_read(&scene->folder, b, &y);
	assert_string_equal(buf_cstr(&x), buf_cstr(&y));
	buf_fini(&x);
	buf_fini(&y);
}

/* ---- --record ------------------------------------------------------------------------------- */

static void what_is_recorded_holds_and_is_the_same_again(void **state)
{
	struct scenario_assert *scene = *state;
	for (int which = 0; which < FIXTURE_COUNT; which++) {
		scenario_assert_fixture(scene, "in.pb", (enum llmd_fixture)which);
		assert_run_is(scene, "--from @in.pb --record @first.yaml", 0);
		assert_run_is(scene, "--from @in.pb --expect @first.yaml --record @second.yaml", 0);
		scenario_assert_says(scene, " 0 failed, 0 selected nothing");
		assert_null(strstr(buf_cstr(&scene->output), "\n0 expectations"));
		assert_same_files(scene, "first.yaml", "second.yaml");
	}
}

static void all_fixtures_together_are_recorded_by_their_roots(void **state)
{
	struct scenario_assert *scene = *state;
	char line[600] = "--record @all.yaml", judge[600] = "--expect @all.yaml";
	for (int which = 0; which < FIXTURE_COUNT; which++) {
		char name[16], more[32];
		if (which != FIXTURE_A && which != FIXTURE_B && which != FIXTURE_C &&
		    which != FIXTURE_D2 && which != FIXTURE_C2 && which != FIXTURE_E)
			continue;
		(void)snprintf(name, sizeof(name), "in%d.pb", which);
		(void)snprintf(more, sizeof(more), " --from @%s", name);
		scenario_assert_fixture(scene, name, (enum llmd_fixture)which);
		strcat(line, more);
		strcat(judge, more);
	}
	assert_run_is(scene, line, 0);
	assert_run_is(scene, judge, 0);
}

/* Names and keys with what YAML, OTTL and the configuration's ${…} read in their own way. */
static void odd_names_are_recorded_so_that_they_are_read_back(void **state)
{
	struct scenario_assert *scene = *state;
	static const char *const names[] = {"it's", "a\"b",	"${HOME}", "$$", "a\\b", "#a: b",
					    "- x",  "naïve", "a, b",    "{}", "true"};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct expect_span spans[] = {
			{1, 1, 0, names[i], 0, 9, .kind = 2, .service = names[i]},
			{1, 2, 1, "child", 1, 2, .kind = 3, .attributes = "it's=1 $a=x true=2.5"}};
		add(scene, "in.pb", spans, ARRAY_COUNT(spans));
		assert_run_is(scene, "--from @in.pb --show-values --record @r.yaml", 0);
		assert_run_is(scene, "--from @in.pb --expect @r.yaml", 0);
		assert_run_is(scene, "--from @in.pb --show-values --snapshot @s.yaml --update", 0);
		assert_run_is(scene, "--from @in.pb --show-values --snapshot @s.yaml", 0);
	}
}

static void a_second_run_with_a_fault_misses_what_was_recorded(void **state)
{
	struct scenario_assert *scene = *state;
	ADD(scene, "good.pb", {1, 1, 0, "root", 0, 9, .kind = 2},
	    {1, 2, 1, "step", 1, 3, .kind = 3, .attributes = "n=1"},
	    {1, 3, 1, "step", 4, 6, .kind = 3, .attributes = "n=2"});
	assert_run_is(scene, "--from @good.pb --record @r.yaml", 0);
	static const struct {
		struct expect_span step;
		const char *says;
	} faults[] = {
		{{1, 3, 1, "stop", 4, 6, .kind = 3, .attributes = "n=2"}, "is 1, wanted 2"},
		{{1, 3, 1, "step", 4, 6, .kind = 1, .attributes = "n=2"}, "kind"},
		{{1, 3, 1, "step", 4, 6, .kind = 3, .attributes = "n=x"}, "is a string, wanted an int"},
		{{1, 3, 1, "step", 4, 6, .kind = 3}, "is missing"},
		{{1, 3, 2, "step", 4, 6, .kind = 3, .attributes = "n=2"}, "parent"},
		{{1, 3, 7, "step", 4, 6, .kind = 3, .attributes = "n=2"}, "orphans"},
		{{1, 3, 0, "step", 4, 6, .kind = 3, .attributes = "n=2"}, "roots"},
	};
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		ADD(scene, "bad.pb", {1, 1, 0, "root", 0, 9, .kind = 2},
		    {1, 2, 1, "step", 1, 3, .kind = 3, .attributes = "n=1"}, faults[i].step);
		assert_run_is(scene, "--from @bad.pb --expect @r.yaml", 1);
		scenario_assert_says(scene, faults[i].says);
	}
}

static void nothing_is_recorded_from_nothing(void **state)
{
	struct scenario_assert *scene = *state;
	file_folder_write(&scene->folder, "none.jsonl", "");
	file_folder_write(&scene->folder, "r.yaml", "mine");
	file_folder_write(&scene->folder, "s.yaml", "mine");
	file_folder_write(&scene->folder, "mine", "mine");
	assert_run_is(scene, "--from @none.jsonl --record @r.yaml --snapshot @s.yaml --update", 2);
	assert_same_files(scene, "r.yaml", "mine");
	assert_same_files(scene, "s.yaml", "mine");
}

/* ---- --snapshot ----------------------------------------------------------------------------- */

static void a_contract_holds_for_its_own_spans_in_any_order(void **state)
{
	struct scenario_assert *scene = *state;
	for (int which = 0; which < FIXTURE_COUNT; which++) {
		scenario_assert_fixture(scene, "in.pb", (enum llmd_fixture)which);
		assert_run_is(scene, "--from @in.pb --snapshot @s.yaml --update", 0);
		assert_run_is(scene, "--from @in.pb --snapshot @s.yaml", 0);
		/* Once more, every span delivered twice. */
		assert_run_is(scene, "--from @in.pb --from @in.pb --snapshot @t.yaml --update", 0);
		assert_same_files(scene, "s.yaml", "t.yaml");
	}
}

static void a_contract_says_what_was_added_removed_and_changed(void **state)
{
	struct scenario_assert *scene = *state;
	ADD(scene, "was.pb", {1, 1, 0, "root", 0, 9, .kind = 2},
	    {1, 2, 1, "step", 1, 3, .kind = 3, .attributes = "n=1 m=x"},
	    {1, 3, 1, "gone", 4, 6, .kind = 3, .attributes = "k=1"});
	ADD(scene, "is.pb", {1, 1, 0, "root", 0, 9, .kind = 2},
	    {1, 2, 1, "step", 1, 3, .kind = 1, .attributes = "n=1.5 o=x"},
	    {1, 3, 2, "step", 1, 3, .kind = 1, .attributes = "n=2"},
	    {1, 4, 1, "new", 4, 6, .kind = 3, .attributes = "k=1"});
	assert_run_is(scene, "--from @was.pb --snapshot @s.yaml --update", 0);
	assert_run_is(scene, "--from @is.pb --snapshot @s.yaml --json @r.json", 1);
	static const char *const lines[] = {
		"s.yaml:3: gone: removed\n",
		"s.yaml:1: new: added\n",
		"s.yaml:12: step: kind: changed from client to internal\n",
		"s.yaml:13: step: parent: changed from root to root, step\n",
		"s.yaml:15: step: attribute m: removed\n",
		"s.yaml:16: step: attribute n: changed from int to double, int\n",
		"s.yaml:11: step: attribute o: added\n",
		": 2 added, 2 removed, 3 changed (--update takes it over)\n",
	};
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		scenario_assert_says(scene, lines[i]);
	json_t *root = scenario_assert_json(scene, "r.json");
	json_t *at = json_array_get(json_object_get(root, "cases"), 1);
	assert_string_equal(json_string_value(json_object_get(at, "kind")), "snapshot");
	assert_int_equal(json_integer_value(json_object_get(at, "miss_count")), 7);
	json_decref(root);
	assert_run_is(scene, "--from @is.pb --snapshot @s.yaml --update", 0);
	assert_run_is(scene, "--from @is.pb --snapshot @s.yaml", 0);
}

static void a_contract_that_a_person_wrote_is_read(void **state)
{
	struct scenario_assert *scene = *state;
	ADD(scene, "in.pb", {1, 1, 0, "root", 0, 9, .kind = 2, .attributes = "n=1"},
	    {2, 1, 0, "root", 0, 9, .kind = 3, .attributes = "n=x"});
	file_folder_write(&scene->folder, "s.yaml",
			  "spans:\n"
			  "  - attributes: {n: [string, int]}\n"
			  "    parent: (none)\n"
			  "    kind: [server, client]\n"
			  "    name: root\n");
	assert_run_is(scene, "--from @in.pb --snapshot @s.yaml", 0);
}

static void a_contract_that_cannot_be_read_is_a_wrong_file(void **state)
{
	struct scenario_assert *scene = *state;
	static const struct {
		const char *text, *says;
	} files[] = {
		{"", "spans"},
		{"spans: 1\n", ":1:"},
		{"span: []\n", ":1:"},
		{"spans: [{kind: server}]\n", ":1:"},
		{"spans:\n  - name: a\n    kid: server\n", "did you mean \"kind\""},
		{"spans:\n  - name: a\n  - name: a\n", ":3:"},
		{"spans:\n  - name: a\n    attributes: [b]\n", ":3:"},
		{"spans:\n  - name: a\n    kind: {b: c}\n", ":3:"},
		{"spans: [\n", "s.yaml"},
	};
	ADD(scene, "in.pb", {1, 1, 0, "root", 0, 9, .kind = 2});
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		file_folder_write(&scene->folder, "s.yaml", files[i].text);
		assert_run_is(scene, "--from @in.pb --snapshot @s.yaml", 3);
		scenario_assert_says(scene, files[i].says);
	}
	assert_run_is(scene, "--from @in.pb --snapshot @none.yaml", 3);
	assert_run_is(scene, "--from @in.pb --expect @s.yaml --update", 3);
	scenario_assert_says(scene, "--snapshot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_recorded_holds_and_is_the_same_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(all_fixtures_together_are_recorded_by_their_roots,
						setup, teardown),
		cmocka_unit_test_setup_teardown(odd_names_are_recorded_so_that_they_are_read_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_run_with_a_fault_misses_what_was_recorded,
						setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_recorded_from_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_contract_holds_for_its_own_spans_in_any_order,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_contract_says_what_was_added_removed_and_changed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_contract_that_a_person_wrote_is_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_contract_that_cannot_be_read_is_a_wrong_file,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
