/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that `sluice assert` makes from spans and holds other spans against: what --record writes holds
 * for what it was written from and says what is missing from others; --snapshot tells what was added,
 * removed, changed; --registry what semantic conventions say otherwise.
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
	static const char *const names[] = {"it's", "a\"b",  "${HOME}", "$$", "a\\b", "#a: b",
					    "- x",  "naïve", "a, b",	"{}", "true"};
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
		{{1, 3, 1, "step", 4, 6, .kind = 3, .attributes = "n=x"},
		 "is a string, wanted an int"},
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

/* ---- --registry ----------------------------------------------------------------------------- */

/* As `weaver registry resolve` writes it; groups repeat the definitions of what they use. */
static const char resolved[] =
	"registry_url: https://example.org/model\n"
	"groups:\n"
	"- id: registry.app\n"
	"  type: attribute_group\n"
	"  brief: \"attributes: these\"\n"
	"  attributes:\n"
	"  - name: app.text\n"
	"    type: string\n"
	"    brief: What ${is} said\n"
	"    examples: [a, b]\n"
	"  - {name: app.count, type: int}\n"
	"  - {name: app.ratio, type: double}\n"
	"  - {name: app.flag, type: boolean}\n"
	"  - {name: app.list, type: 'string[]'}\n"
	"  - {name: app.any, type: any}\n"
	"  - {name: app.header, type: 'template[string]'}\n"
	"  - name: app.colour\n"
	"    type:\n"
	"      members:\n"
	"      - {id: red, value: red, brief: null}\n"
	"  - name: app.level\n"
	"    type:\n"
	"      allow_custom_values: true\n"
	"      members:\n"
	"      - {id: one, value: 1}\n"
	"  - name: app.old\n"
	"    type: string\n"
	"    deprecated: {reason: renamed, renamed_to: app.text, note: Since 2}\n"
	"  - name: app.older\n"
	"    type: string\n"
	"    deprecated: \"Replaced by `app.count`.\"\n"
	"  - name: app.dead\n"
	"    type: string\n"
	"    deprecated: {reason: obsoleted, note: x}\n"
	"- id: span.app\n"
	"  type: span\n"
	"  attributes:\n"
	"  - {name: app.text, type: string, requirement_level: required}\n";

static const char second_format[] = "file_format: resolved/2.0.0\n"
				    "attribute_catalog:\n"
				    "- {key: app.text, type: string}\n"
				    "- {key: app.old, type: string, deprecated: {reason: renamed, "
				    "renamed_to: app.text}}\n"
				    "registry: {attributes: [0, 1], spans: []}\n";

static void attributes_are_held_against_conventions(void **state)
{
	struct scenario_assert *scene = *state;
	static const struct {
		const char *attributes;
		const char *says; /* NULL: nothing is wrong */
	} cases[] = {
		{"app.text=x app.count=1 app.ratio=1.5 app.flag=true app.list=[a,b]", NULL},
		{"app.any=1 app.header.host=x app.colour=red app.level=2", NULL},
		{"app.colour=1", "conventions.yaml:17: app.colour: is of type int, wanted string"},
		{"app.level=x", "app.level: is of type string, wanted int"},
		{"app.count=x", "app.count: is of type string, wanted int"},
		{"app.ratio=1", "app.ratio: is of type int, wanted double"},
		{"app.flag=x", "app.flag: is of type string, wanted boolean"},
		{"app.list=x", "app.list: is of type string, wanted string[]"},
		{"app.header.host=1", "app.header.host: is of type int, wanted string"},
		{"app.old=x", "app.old: is deprecated: it is app.text now\n"},
		{"app.older=x", "app.older: is deprecated: it is app.count now\n"},
		{"app.dead=x", "app.dead: is deprecated\n"},
		{"app.texd=x", "app.texd: is not in the registry\n"},
		{"app.texd=x", "did you mean app.text?"},
		{"app.header=x app.header.=x", "1 unknown, 0 deprecated, 0 of another type"},
	};
	file_folder_write(&scene->folder, "conventions.yaml", resolved);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		ADD(scene, "in.pb",
		    {1, 1, 0, "root", 0, 9, .kind = 2, .attributes = cases[i].attributes});
		assert_run_is(scene, "--from @in.pb --registry @", cases[i].says ? 1 : 0);
		if (cases[i].says)
			scenario_assert_says(scene, cases[i].says);
	}
	file_folder_write(&scene->folder, "conventions.yaml", second_format);
	ADD(scene, "in.pb", {1, 1, 0, "root", 0, 9, .attributes = "app.old=x app.text=y"});
	assert_run_is(scene, "--from @in.pb --registry @", 1);
	scenario_assert_says(scene, ": 0 unknown, 1 deprecated, 0 of another type\n");
	scenario_assert_says(scene, "conventions.yaml:4: app.old: is deprecated: it is app.text");
	scenario_assert_says(scene, "found it on span: root");
}

static void a_registry_that_cannot_be_read_is_a_wrong_file(void **state)
{
	struct scenario_assert *scene = *state;
	struct buf deep = BUF_INIT;
	ADD(scene, "in.pb", {1, 1, 0, "root", 0, 9, .kind = 2});
	assert_run_is(scene, "--from @in.pb --registry @", 3);
	scenario_assert_says(scene, "weaver registry resolve");
	assert_run_is(scene, "--from @in.pb --registry @none", 3);
	file_folder_write(&scene->folder, "a.yaml", "groups: [\n");
	assert_run_is(scene, "--from @in.pb --registry @", 3);
	scenario_assert_says(scene, "a.yaml:2: ");
	for (int i = 0; i < 100; i++)
		buf_append_str(&deep, "[");
	file_folder_write(&scene->folder, "a.yaml", buf_cstr(&deep));
	assert_run_is(scene, "--from @in.pb --registry @", 3);
	scenario_assert_says(scene, "a.yaml:1: nested too deep");
	buf_fini(&deep);
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
		cmocka_unit_test_setup_teardown(attributes_are_held_against_conventions, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_registry_that_cannot_be_read_is_a_wrong_file,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
