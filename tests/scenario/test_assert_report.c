/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `sluice assert` writes: for people, for CI systems and for itself, each form parsed and checked
 * against its schema, and none with a word of a peer that the policy would have removed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/canary.h"
#include "tests/support/scenario_assert.h"
#include "tests/support/scenario_daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Of fixture A: one holds, one fails at a span, one selects nothing. Texts with what each format
 * has to escape. */
static const char three[] = "expect:\n"
			    "  - that: 'one <root> & \"more\": 100%, yes'\n"
			    "    in: each trace\n"
			    "    roots: 1\n"
			    "  - that: 'the <engines> & \"more\": 100%, no'\n"
			    "    in: each trace\n"
			    "    spans: name == \"decode\"\n"
			    "    kind: server\n"
			    "    attributes:\n"
			    "      llm_d.pd_proxy.true_ttft_ms: string\n"
			    "  - that: nothing\n"
			    "    in: each trace\n"
			    "    where: name == \"decodes\"\n"
			    "    roots: 1\n";

static void run_three(struct scenario_assert *scene, const char *more)
{
	char line[400];
	scenario_assert_fixture(scene, "a.pb", FIXTURE_A);
	file_folder_write(&scene->folder, "e.yaml", three);
	(void)snprintf(line, sizeof(line), "--from @a.pb --expect @e.yaml%s", more);
	assert_int_equal(scenario_assert_run(scene, line), 1);
}

/* The line of the output that begins with ${mark}, behind it; NULL: none. */
static const char *marked_line(struct scenario_assert *scene, const char *mark)
{
	const char *at = strstr(buf_cstr(&scene->output), mark);
	return at ? at + strlen(mark) : NULL;
}

static void the_tree_is_shown_with_its_place_marked(void **state)
{
	struct scenario_assert *scene = *state;
	run_three(scene, "");
	scenario_assert_says(scene, "25 spans");
	scenario_assert_says(scene, "gateway.request [llm-d-router/epp]");
	const char *line = marked_line(scene, "\n      > ");
	assert_non_null(line);
	const char *end = strchr(line, '\n');
	const char *name = strstr(line, "decode");
	assert_true(name && name < end);
	assert_null(strchr(buf_cstr(&scene->output), '\x1b')); /* no terminal, no colour */
	scenario_assert_says(scene,
			     "3 expectations: 1 held, 1 failed, 1 selected nothing; 25 spans "
			     "in 1 traces; read from files.");
}

static void check_loc(const json_t *at, struct scenario_assert *scene, int line)
{
	assert_string_equal(json_string_value(json_object_get(at, "file")),
			    file_folder_path(&scene->folder, "e.yaml"));
	assert_int_equal(json_integer_value(json_object_get(at, "line")), line);
}

/* The schema of docs/assert-reports.md. */
static void check_json_case(json_t *at)
{
	const char *kind, *title, *result, *summary;
	json_t *file, *trace, *span, *tree, *misses, *miss;
	int line, column, miss_count;
	json_int_t numbers[4];
	size_t i, k;
	json_t *found;
	assert_int_equal(
		json_unpack(at,
			    "{s:s, s:s, s:s, s:o, s:i, s:i, s:s, s:I, s:I, s:I, s:I, s:o, s:o, "
			    "s:o, s:i, s:o !}",
			    "kind", &kind, "title", &title, "result", &result, "file", &file,
			    "line", &line, "column", &column, "summary", &summary, "traces",
			    &numbers[0], "traces_failed", &numbers[1], "spans", &numbers[2],
			    "spans_failed", &numbers[3], "trace_id", &trace, "span_id", &span,
			    "tree", &tree, "miss_count", &miss_count, "misses", &misses),
		0);
	json_array_foreach(misses, i, miss)
	{
		json_t *founds, *one;
		const char *wanted, *why;
		assert_int_equal(json_unpack(miss, "{s:s, s:s, s:o, s:i, s:i, s:o, s:o !}",
					     "wanted", &wanted, "why", &why, "file", &file, "line",
					     &line, "column", &column, "nearest_word", &one,
					     "found", &founds),
				 0);
		json_array_foreach(founds, k, found)
		{
			const char *what;
			assert_int_equal(json_unpack(found, "{s:s, s:o, s:o !}", "what", &what,
						     "value", &one, "hidden", &one),
					 0);
		}
	}
}

static void json_is_as_documented(void **state)
{
	struct scenario_assert *scene = *state;
	run_three(scene, " --json @r.json");
	json_t *root = scenario_assert_json(scene, "r.json"), *cases, *command, *at;
	int version, code, spans, traces, lost, held, failed, empty;
	const char *end;
	size_t i;
	assert_int_equal(
		json_unpack(root, "{s:i, s:i, s:s, s:i, s:i, s:i, s:o, s:i, s:i, s:i, s:o !}",
			    "version", &version, "exit_code", &code, "end", &end, "spans", &spans,
			    "traces", &traces, "lost", &lost, "command_exit_code", &command, "held",
			    &held, "failed", &failed, "selected_nothing", &empty, "cases", &cases),
		0);
	assert_int_equal(version, 1);
	assert_int_equal(code, 1);
	assert_string_equal(end, "recorded");
	assert_int_equal(spans, 25);
	assert_int_equal(held + failed * 10 + empty * 100, 111);
	assert_int_equal(json_array_size(cases), 4); /* that spans came, too */
	json_array_foreach(cases, i, at) check_json_case(at);
	at = json_array_get(cases, 2);
	check_loc(at, scene, 5);
	assert_string_equal(json_string_value(json_object_get(at, "title")),
			    "the <engines> & \"more\": 100%, no");
	json_t *misses = json_object_get(at, "misses");
	assert_int_equal(json_array_size(misses), 2);
	check_loc(json_array_get(misses, 0), scene, 8);
	check_loc(json_array_get(misses, 1), scene, 10);
	json_decref(root);
}

static int lint(const char *schema, const char *path)
{
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		(void)execlp("xmllint", "xmllint", "--nonet", "--noout", "--schema", schema, path,
			     (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned count(const char *text, const char *word)
{
	unsigned found = 0;
	for (; (text = strstr(text, word)); text++)
		found++;
	return found;
}

static void junit_is_valid_and_has_a_testcase_for_each_expectation(void **state)
{
	struct scenario_assert *scene = *state;
	struct buf text = BUF_INIT;
	run_three(scene, " --junit @j.xml");
	assert_int_equal(
		lint("tests/fixtures/assert/junit.xsd", file_folder_path(&scene->folder, "j.xml")),
		0);
	file_folder_read(&scene->folder, "j.xml", &text);
	const char *xml = buf_cstr(&text);
	assert_int_equal(count(xml, "<testcase "), 4);
	assert_int_equal(count(xml, "<failure "), 2);
	assert_int_equal(count(xml, "<error "), 0);
	assert_non_null(
		strstr(xml, "name=\"the &lt;engines&gt; &amp; &quot;more&quot;: 100%, no\""));
	assert_non_null(strstr(xml, "message=\"in 1 of 1 traces, 1 of 1 spans\""));
	buf_fini(&text);
}

static void nothing_received_is_an_error_in_junit(void **state)
{
	struct scenario_assert *scene = *state;
	struct buf text = BUF_INIT;
	file_folder_write(&scene->folder, "none.jsonl", "");
	file_folder_write(&scene->folder, "e.yaml", three);
	assert_int_equal(
		scenario_assert_run(scene, "--from @none.jsonl --expect @e.yaml --junit @j.xml"),
		2);
	assert_int_equal(
		lint("tests/fixtures/assert/junit.xsd", file_folder_path(&scene->folder, "j.xml")),
		0);
	file_folder_read(&scene->folder, "j.xml", &text);
	assert_int_equal(count(buf_cstr(&text), "<error "), 1);
	buf_fini(&text);
}

/* What SARIF 2.1.0 requires of the objects that we write (sections 3.13 to 3.52). */
static void check_sarif_result(json_t *rules, json_t *result)
{
	const char *rule, *kind, *level, *text;
	int index;
	json_t *locations, *location;
	size_t i;
	assert_int_equal(json_unpack(result, "{s:s, s:i, s:s, s:s, s:{s:s !}, s:o !}", "ruleId",
				     &rule, "ruleIndex", &index, "kind", &kind, "level", &level,
				     "message", "text", &text, "locations", &locations),
			 0);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(rules, (size_t)index), "id")),
		rule);
	/* 3.27.10: a level other than "none" goes with the kind "fail" alone. */
	assert_true((strcmp(kind, "fail") == 0) == (strcmp(level, "error") == 0));
	assert_true(strcmp(kind, "fail") == 0 || strcmp(level, "none") == 0);
	json_array_foreach(locations, i, location)
	{
		const char *uri;
		int line, column = 1;
		assert_int_equal(json_unpack(location, "{s:{s:{s:s !}, s:{s:i, s?:i !} !} !}",
					     "physicalLocation", "artifactLocation", "uri", &uri,
					     "region", "startLine", &line, "startColumn", &column),
				 0);
		assert_true(line > 0 && column > 0);
		assert_int_equal(strncmp(uri, "file:///", 8), 0);
	}
}

static void sarif_is_as_the_standard_says(void **state)
{
	struct scenario_assert *scene = *state;
	run_three(scene, " --sarif @s.sarif");
	json_t *root = scenario_assert_json(scene, "s.sarif"), *rules, *results, *result;
	const char *schema, *version, *name, *tool_version, *unit;
	size_t i;
	unsigned lines[20] = {0};
	assert_int_equal(json_unpack(root,
				     "{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o !} !}, s:s, s:o !}] !}",
				     "$schema", &schema, "version", &version, "runs", "tool",
				     "driver", "name", &name, "version", &tool_version, "rules",
				     &rules, "columnKind", &unit, "results", &results),
			 0);
	assert_string_equal(version, "2.1.0");
	json_array_foreach(results, i, result)
	{
		check_sarif_result(rules, result);
		int line = 0;
		(void)json_unpack(result, "{s:[{s:{s:{s:i}}}]}", "locations", "physicalLocation",
				  "region", "startLine", &line);
		lines[line]++;
	}
	assert_int_equal(lines[8], 1); /* kind: server */
	assert_int_equal(lines[10], 1);
	json_decref(root);
}

static void annotations_are_written_in_github_actions_alone(void **state)
{
	struct scenario_assert *scene = *state;
	char wanted[300];
	run_three(scene, "");
	assert_null(strstr(buf_cstr(&scene->output), "::error"));
	assert_int_equal(setenv("GITHUB_ACTIONS", "true", 1), 0);
	run_three(scene, "");
	assert_int_equal(unsetenv("GITHUB_ACTIONS"), 0);
	(void)snprintf(
		wanted, sizeof(wanted),
		"\n::error file=%s,line=8,col=11,title=the <engines> & \"more\"%%3A 100%%25%%2C "
		"no::kind: ",
		file_folder_path(&scene->folder, "e.yaml"));
	scenario_assert_says(scene, wanted);
}

static void what_is_kept_is_judged_as_what_came(void **state)
{
	struct scenario_assert *scene = *state;
	struct stat info;
	static const struct {
		enum llmd_fixture which;
		const char *expect;
	} cases[] = {{FIXTURE_A, "tests/fixtures/expect/a.yaml"},
		     {FIXTURE_C, "tests/fixtures/expect/c.yaml"},
		     {FIXTURE_E, "tests/fixtures/expect/e.yaml"}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char line[200];
		scenario_assert_fixture(scene, "in.pb", cases[i].which);
		(void)snprintf(line, sizeof(line), "--from @in.pb --keep @kept --expect %s",
			       cases[i].expect);
		assert_int_equal(scenario_assert_run(scene, line), 0);
		struct buf first = scene->output;
		scene->output = BUF_INIT;
		(void)snprintf(line, sizeof(line), "--from @kept --expect %s", cases[i].expect);
		assert_int_equal(scenario_assert_run(scene, line), 0);
		assert_string_equal(buf_cstr(&scene->output), buf_cstr(&first));
		buf_fini(&first);
	}
	assert_int_equal(stat(file_folder_path(&scene->folder, "kept"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600); /* it has everything in it */
}

static void a_report_that_cannot_be_written_is_no_success(void **state)
{
	struct scenario_assert *scene = *state;
	static const char *const options[] = {"--junit", "--json", "--sarif", "--keep", "--record"};
	scenario_assert_fixture(scene, "a.pb", FIXTURE_A);
	for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
		char line[200];
		(void)snprintf(line, sizeof(line),
			       "--from @a.pb --expect tests/fixtures/expect/a.yaml %s @no/such",
			       options[i]);
		assert_int_equal(scenario_assert_run(scene, line), 3);
		scenario_assert_says(scene, "/no/such: ");
	}
}

/* ---- privacy -------------------------------------------------------------------------------- */

/* Looks at every place that a canary is in, and finds each wanting. */
static const char curious[] =
	"expect:\n"
	"  - {that: denied, in: each trace, denied_keys: 0}\n"
	"  - {that: short, in: each trace, value_bytes: {max: 1}}\n"
	"  - {that: absent, in: each trace, absent: [gen_ai.prompt]}\n"
	"  - {that: only, in: each trace, only: [a.b]}\n"
	"  - that: typed\n"
	"    in: each trace\n"
	"    spans: name == \"chat\"\n"
	"    attributes: {gen_ai.prompt: int, gen_ai.completion: {equal: x}}\n"
	"    resource: {service.name: {equal: x}}\n"
	"    status_message: {equal: x}\n"
	"    scope_name: {equal: x}\n"
	"    events: [{where: name == \"x\", count: 1}]\n"
	"    must: ['attributes[\"gen_ai.prompt\"] == \"x\"', 'status.message == \"y\"', "
	"'instrumentation_scope.name == \"z\"', "
	"'Concat([attributes[\"gen_ai.prompt\"], \"b\"], \"\") == \"c\"']\n"
	"  - {that: called, in: each trace, spans: 'name == \"chat\" and kind == 9'}\n"
	"  - {that: child, in: each trace, spans: 'parent_span_id != nil', must: 'name == \"x\"'}\n"
	"  - {that: services, in: each trace, services_only: [x]}\n"
	"  - {that: text, in: each trace, text: {none: [hello, it failed, tell me, he said]}}\n"
	"  - that: compared\n"
	"    in: each trace\n"
	"    capture:\n"
	"      a: {spans: 'name == \"chat\"', value: 'attributes[\"gen_ai.prompt\"]'}\n"
	"      b: {spans: 'name == \"chat\"', value: status.message}\n"
	"    compare: [a == b, a < b]\n";

static void search(struct scenario_assert *scene, const char *where, struct slice bytes,
		   unsigned *found)
{
	struct canary_find find;
	(void)scene;
	for (size_t from = 0; canary_find(bytes, from, &find); from = find.at + 1) {
		if (found && find.number <= SCENARIO_CANARIES)
			found[find.number]++;
		else
			canary_print(where, bytes, &find);
		if (!found)
			fail_msg("a canary is in %s", where);
	}
}

/* All that a run writes but --keep, which keeps what came. */
static void search_outputs(struct scenario_assert *scene, const char *more, unsigned *found)
{
	static const char *const names[] = {"j.xml", "r.json", "s.sarif", "record.yaml",
					    "contract.yaml"};
	char line[400];
	struct buf text = BUF_INIT;
	(void)snprintf(
		line, sizeof(line),
		"--from @canaries.pb --expect @curious.yaml --junit @j.xml --json @r.json "
		"--sarif @s.sarif --record @record.yaml --snapshot @contract.yaml --update%s",
		more);
	assert_int_equal(scenario_assert_run(scene, line), 1);
	search(scene, "the output", buf_slice(&scene->output), found);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		buf_reset(&text);
		file_folder_read(&scene->folder, names[i], &text);
		assert_true(text.len > 0);
		search(scene, names[i], buf_slice(&text), found);
	}
	buf_fini(&text);
}

static void nothing_that_the_policy_removes_is_in_any_output(void **state)
{
	struct scenario_assert *scene = *state;
	struct budget budget;
	unsigned found[SCENARIO_CANARIES + 1] = {0};
	budget_init(&budget, UINT64_MAX);
	struct chunk *request = scenario_assert_canaries(&budget);
	assert_non_null(request);
	scenario_assert_request(scene, "canaries.pb", request);
	chunk_unref(request);
	file_folder_write(&scene->folder, "curious.yaml", curious);
	assert_int_equal(setenv("GITHUB_ACTIONS", "true", 1), 0);
	search_outputs(scene, "", NULL);
	scenario_assert_says(scene, "0 held, 9 failed");
	/* A contract of spans with such names is compared, too. */
	search_outputs(scene, " --show-values", found);
	assert_int_equal(
		scenario_assert_run(scene, "--from @canaries.pb --snapshot @contract.yaml"), 1);
	assert_int_equal(unsetenv("GITHUB_ACTIONS"), 0);
	/* The search can find: all come out when they are asked for, but for what no report looks at. */
	for (unsigned number = 1; number <= 7; number++)
		assert_true(found[number] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_tree_is_shown_with_its_place_marked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(json_is_as_documented, setup, teardown),
		cmocka_unit_test_setup_teardown(
			junit_is_valid_and_has_a_testcase_for_each_expectation, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_received_is_an_error_in_junit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sarif_is_as_the_standard_says, setup, teardown),
		cmocka_unit_test_setup_teardown(annotations_are_written_in_github_actions_alone,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_kept_is_judged_as_what_came, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_report_that_cannot_be_written_is_no_success,
						setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_that_the_policy_removes_is_in_any_output,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
