/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions from end to end: the vector files, edits, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/ottl_request.h"

#include "pipeline/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const context_names[] = {
	[OTTL_RESOURCE] = "resource",
	[OTTL_SCOPE] = "scope",
	[OTTL_SPAN] = "span",
	[OTTL_SPANEVENT] = "spanevent",
};

/* One line of a vector file with its expectations. */
struct vector {
	char *text;	  /* the file; the others point into it */
	char *at;	  /* where the next line begins */
	const char *verb; /* "true", "false", "error", "parse", "lint", or "@context" */
	const char *rest; /* the condition, or the element */
	const char *expected[4];
	size_t expected_count;
	unsigned line, vector_line;
};

static bool open_vectors(struct vector *vector, const char *path)
{
	FILE *file = fopen(path, "rb");
	*vector = (struct vector){0};
	if (!file)
		return false;
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	long size = ftell(file);
	rewind(file);
	vector->text = calloc(1, (size_t)size + 1);
	assert_non_null(vector->text);
	assert_int_equal(fread(vector->text, 1, (size_t)size, file), size);
	vector->at = vector->text;
	return fclose(file) == 0;
}

static char *next_line(struct vector *vector)
{
	char *line = vector->at, *end = line + strcspn(line, "\n");
	if (*line == 0)
		return NULL;
	vector->at = *end ? end + 1 : end;
	*end = 0;
	vector->line++;
	return line;
}

static bool next_vector(struct vector *vector)
{
	char *line;
	do
		line = next_line(vector);
	while (line && (line[0] == '#' || line[0] == 0));
	if (!line)
		return false;
	size_t verb_len = strcspn(line, " ");
	vector->vector_line = vector->line;
	vector->verb = line;
	vector->rest = line + verb_len + strspn(line + verb_len, " ");
	line[verb_len] = 0;
	vector->expected_count = 0;
	while (strncmp(vector->at, "  = ", 4) == 0 && vector->expected_count < 4)
		vector->expected[vector->expected_count++] = next_line(vector) + 4;
	return true;
}

/* ---- vectors.txt ---- */

struct place {
	enum ottl_context wanted, expected;
	uint32_t at;
};

static struct place read_place(const struct vector *vector)
{
	const char *name = vector->verb + 1;
	bool infer = strncmp(name, "infer:", 6) == 0;
	struct place place = {.at = (uint32_t)strtoul(vector->rest, NULL, 10)};
	for (int i = 0; i < OTTL_CONTEXT_COUNT; i++) {
		if (strcmp(name + (infer ? 6 : 0), context_names[i]) == 0)
			place.expected = (enum ottl_context)i;
	}
	place.wanted = infer ? OTTL_INFER : place.expected;
	return place;
}

static bool fail_line(const struct vector *vector, const char *found)
{
	print_error("line %u: %s %s\n    came to: %s\n", vector->vector_line, vector->verb,
		    vector->rest, found);
	return false;
}

/* The message that ${vector} expects, in its frame. */
static bool is_parse_error(const struct vector *vector, const struct err *err)
{
	struct buf expected = BUF_INIT;
	char *text;
	unsigned long offset = strtoul(vector->expected[0], &text, 10);
	buf_append_str(&expected, "unable to parse OTTL condition \"");
	for (const char *c = vector->rest; *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_append_byte(&expected, '\\');
		buf_append_byte(&expected, (uint8_t)*c);
	}
	buf_printf(&expected, "\": %s", text + 1);
	bool same = strcmp(buf_cstr(&expected), err->msg) == 0 && err->offset == offset &&
		    err->kind == ERR_CONFIG;
	buf_fini(&expected);
	return same;
}

static bool check_refused(const struct vector *vector, const struct err *err)
{
	char found[600];
	(void)snprintf(found, sizeof(found), "%llu %s", (unsigned long long)err->offset, err->msg);
	if (strcmp(vector->verb, "parse") != 0 || vector->expected_count != 1 ||
	    !is_parse_error(vector, err))
		return fail_line(vector, found);
	return true;
}

static bool check_result(struct ottl_bench *bench, const struct vector *vector,
			 const struct place *place, const struct ottl_condition *condition)
{
	struct err err = {0};
	if (ottl_condition_context(condition) != place->expected)
		return fail_line(vector, context_names[ottl_condition_context(condition)]);
	switch (ottl_eval(condition, bench->view, place->at, bench->scratch, &err)) {
	case OTTL_TRUE: return strcmp(vector->verb, "true") == 0 || fail_line(vector, "true");
	case OTTL_FALSE: return strcmp(vector->verb, "false") == 0 || fail_line(vector, "false");
	case OTTL_ERROR: break;
	}
	if (strcmp(vector->verb, "error") != 0 || vector->expected_count != 1 ||
	    strcmp(err.msg, vector->expected[0]) != 0)
		return fail_line(vector, err.msg);
	return true;
}

static bool check_vector(const struct vector *vector, const struct place *place)
{
	struct ottl_bench bench;
	struct err err = {0};
	bool good;
	assert_true(ottl_bench_begin(&bench));
	const struct ottl_condition *condition =
		ottl_parse(slice_str(vector->rest), place->wanted, bench.keys, &bench.arena, &err);
	if (condition) {
		assert_true(ottl_bench_index(&bench, ottl_request_body()));
		good = check_result(&bench, vector, place, condition);
		ottl_condition_free(condition);
	} else {
		good = check_refused(vector, &err);
	}
	ottl_bench_end(&bench);
	return good;
}

static void every_vector_comes_to_what_it_says(void **state)
{
	struct vector vector;
	struct place place = {0};
	unsigned count = 0, failed = 0;
	(void)state;
	assert_true(open_vectors(&vector, "tests/fixtures/ottl/vectors.txt"));
	while (next_vector(&vector)) {
		if (vector.verb[0] == '@') {
			place = read_place(&vector);
			continue;
		}
		count++;
		failed += !check_vector(&vector, &place);
	}
	free(vector.text);
	print_message("%u conditions, %u failed\n", count, failed);
	assert_true(count >= 200);
	assert_int_equal(failed, 0);
}

/* ---- lint.txt ---- */

struct findings {
	const struct vector *vector;
	size_t count;
	bool good;
};

static void take_finding(void *arg, const char *finding)
{
	struct findings *findings = arg;
	if (findings->count >= findings->vector->expected_count ||
	    strcmp(finding, findings->vector->expected[findings->count]) != 0)
		findings->good = fail_line(findings->vector, finding);
	findings->count++;
}

static void lint_says_what_is_expected(void **state)
{
	struct vector vector;
	unsigned failed = 0;
	(void)state;
	assert_true(open_vectors(&vector, "tests/fixtures/ottl/lint.txt"));
	while (next_vector(&vector)) {
		struct ottl_bench bench;
		struct err err = {0};
		struct findings findings = {.vector = &vector, .good = true};
		assert_true(ottl_bench_begin(&bench));
		const struct ottl_condition *condition =
			ottl_parse(slice_str(vector.rest),
				   strcmp(vector.verb, "infer") == 0 ? OTTL_INFER : OTTL_SPAN,
				   bench.keys, &bench.arena, &err);
		if (condition) {
			ottl_lint(condition, take_finding, &findings);
			if (findings.count < vector.expected_count)
				findings.good = fail_line(&vector, "fewer findings");
		} else {
			findings.good = fail_line(&vector, err.msg);
		}
		failed += !findings.good;
		ottl_condition_free(condition);
		ottl_bench_end(&bench);
	}
	free(vector.text);
	assert_int_equal(failed, 0);
}

/* ---- what a line of a file cannot say ---- */

static enum ottl_result eval_edited(struct ottl_bench *bench,
				    const struct ottl_condition *condition)
{
	struct err err;
	return ottl_eval(condition, bench->view, 0, bench->scratch, &err);
}

static void edits_made_before_are_seen(void **state)
{
	struct ottl_bench bench;
	struct err err;
	struct owner span = {OWNER_SPAN, 0};
	(void)state;
	assert_true(ottl_bench_begin(&bench));
	const struct ottl_condition *by_name = ottl_parse(
		slice_str("name == \"renamed\""), OTTL_SPAN, bench.keys, &bench.arena, &err);
	const struct ottl_condition *by_attr = ottl_parse(
		slice_str(
			"attributes[\"added\"] == \"yes\" and attributes[\"http.method\"] == nil"),
		OTTL_SPAN, bench.keys, &bench.arena, &err);
	const struct ottl_condition *by_rest = ottl_parse(
		slice_str("IsRootSpan() and status.message == \"calm\" and Len(events) == 1"),
		OTTL_SPAN, bench.keys, &bench.arena, &err);
	assert_true(by_name && by_attr && by_rest);
	assert_true(ottl_bench_index(&bench, ottl_request_body()));
	assert_int_equal(eval_edited(&bench, by_name), OTTL_FALSE);
	assert_int_equal(eval_edited(&bench, by_attr), OTTL_FALSE);
	assert_int_equal(eval_edited(&bench, by_rest), OTTL_FALSE);
	edit_set_span_name(bench.view, 0, SLICE("renamed"));
	edit_set_attr(bench.view, span, SLICE("added"), KEY_ID_NONE, value_of_str(SLICE("yes")));
	(void)edit_remove_attr(bench.view, span, key_table_find(bench.keys, SLICE("http.method")));
	edit_set_span_parent(bench.view, 0, slice_of(NULL, 0));
	edit_set_span_status(bench.view, 0, STATUS_CODE_OK, SLICE("calm"));
	edit_drop_event(bench.view, 1);
	assert_int_equal(eval_edited(&bench, by_name), OTTL_TRUE);
	assert_int_equal(eval_edited(&bench, by_attr), OTTL_TRUE);
	assert_int_equal(eval_edited(&bench, by_rest), OTTL_TRUE);
	ottl_condition_free(by_name);
	ottl_condition_free(by_attr);
	ottl_condition_free(by_rest);
	ottl_bench_end(&bench);
}

static void expect_parse(const char *text, size_t len, const char *part, uint64_t offset)
{
	struct ottl_bench bench;
	struct err err = {0};
	assert_true(ottl_bench_begin(&bench));
	const struct ottl_condition *condition =
		ottl_parse(slice_of(text, len), OTTL_SPAN, bench.keys, &bench.arena, &err);
	if (part) {
		assert_null(condition);
		if (!strstr(err.msg, part))
			fail_msg("expected \"%s\" in \"%s\"", part, err.msg);
		assert_int_equal(err.offset, offset);
	} else if (!condition) {
		fail_msg("%s", err.msg);
	}
	ottl_condition_free(condition);
	ottl_bench_end(&bench);
}

/* Of the first span of the request. */
static enum ottl_result eval_text(const char *text)
{
	struct ottl_bench bench;
	struct err err = {0};
	assert_true(ottl_bench_begin(&bench));
	const struct ottl_condition *condition =
		ottl_parse(slice_str(text), OTTL_SPAN, bench.keys, &bench.arena, &err);
	if (!condition)
		fail_msg("%s: %s", text, err.msg);
	assert_true(ottl_bench_index(&bench, ottl_request_body()));
	enum ottl_result result = ottl_eval(condition, bench.view, 0, bench.scratch, &err);
	ottl_condition_free(condition);
	ottl_bench_end(&bench);
	return result;
}

/* Two values of each type that has an order, and the lower one once more. */
static void operators_hold_as_the_order_of_their_sides_says(void **state)
{
	static const char *const families[][3] = {
		{"1", "1", "2"},
		{"-2", "-2", "-1"},
		{"1.5", "1.5", "2.5"},
		{"1.0", "1", "1.5"},
		{"1", "1.0", "2.5"},
		{"\"a\"", "\"a\"", "\"b\""},
		{"0x01", "0x01", "0x02"},
		{"false", "false", "true"},
		{"start_time", "start_time", "end_time"},
		{"(end_time - start_time) - (end_time - start_time)",
		 "(end_time - start_time) - (end_time - start_time)", "end_time - start_time"},
	};
	static const struct {
		const char *text;
		bool of_lower, of_equal, of_higher; /* left */
	} operators[] = {
		{"==", false, true, false}, {"!=", true, false, true}, {"<", true, false, false},
		{"<=", true, true, false},  {">=", false, true, true}, {">", false, false, true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(operators); j++) {
			const char *const *of = families[i], *op = operators[j].text;
			const char *const sides[][2] = {
				{of[0], of[2]}, {of[0], of[1]}, {of[1], of[0]}, {of[2], of[0]}};
			const bool holds[] = {operators[j].of_lower, operators[j].of_equal,
					      operators[j].of_equal, operators[j].of_higher};
			for (size_t k = 0; k < ARRAY_COUNT(sides); k++) {
				char text[200];
				(void)snprintf(text, sizeof(text), "%s %s %s", sides[k][0], op,
					       sides[k][1]);
				if (eval_text(text) != (holds[k] ? OTTL_TRUE : OTTL_FALSE))
					fail_msg("%s", text);
			}
		}
	}
}

/* Inside of lists and maps the type has to be the same, too. */
static void members_are_equal_when_type_and_value_are(void **state)
{
	static const char *const values[] = {
		"1",
		"2",
		"1.0",
		"1.5",
		"2.5",
		"\"1\"",
		"\"a\"",
		"true",
		"false",
		"0x01",
		"0x02",
		"nil",
		"[1]",
		"[1.0]",
		"{\"k\": 1}",
		"{\"k\": 2}",
		/* not in maps */
		"start_time",
		"end_time",
		"end_time - start_time",
		"start_time - end_time",
	};
	enum { OF_MAPS = ARRAY_COUNT(values) - 4 };
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(values); j++) {
			enum ottl_result expected = i == j ? OTTL_TRUE : OTTL_FALSE;
			char text[200];
			(void)snprintf(text, sizeof(text), "[%s] == [%s]", values[i], values[j]);
			if (eval_text(text) != expected)
				fail_msg("%s", text);
			if (i >= OF_MAPS || j >= OF_MAPS)
				continue;
			(void)snprintf(text, sizeof(text), "{\"k\": %s} == {\"k\": %s}", values[i],
				       values[j]);
			if (eval_text(text) != expected)
				fail_msg("%s", text);
		}
	}
}

static void positions_count_lines_and_characters(void **state)
{
	(void)state;
	static const char text[] = "name == \"\xc3\xa4\"\n  or\n  kind = 2";
	expect_parse(text, sizeof(text) - 1, "3:8: unexpected token \"=\"", 25);
	static const char good[] = "name == \"x\"\n\t or kind\r\n == 2\n";
	expect_parse(good, sizeof(good) - 1, NULL, 0);
}

/* ${open} repeated, "true", ${close} repeated. */
static void expect_nested(size_t depth, const char *open, const char *inner, const char *close,
			  const char *part, uint64_t offset)
{
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < depth; i++)
		buf_append_str(&text, open);
	buf_append_str(&text, inner);
	for (size_t i = 0; i < depth; i++)
		buf_append_str(&text, close);
	expect_parse((const char *)text.data, text.len, part, offset);
	buf_fini(&text);
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	expect_nested(OTTL_DEPTH_MAX, "(", "true", ")", NULL, 0);
	expect_nested(OTTL_DEPTH_MAX + 1, "(", "true", ")", "nesting deeper than 64", 65);
	expect_nested(20000, "(", "true", ")", "nesting deeper than 64", 65);
	expect_nested(20000, "[", "", "]", "nesting deeper than 64", 65);
	expect_nested(9000, "{\"a\":", "1", "}", "nesting deeper than 64", 321);
	expect_nested(9000, "Len(", "1", ")", "nesting deeper than 64", 4 * 64 + 4);
	expect_nested(4000, "attributes[", "1", "]", "nesting deeper than 64", 11 * 65);
}

static void size_is_bounded(void **state)
{
	struct buf text = BUF_INIT;
	(void)state;
	buf_append_str(&text, "true");
	while (text.len < 5000 * 8)
		buf_append_str(&text, " or true");
	expect_parse((const char *)text.data, text.len, "more than 4096 parts", 8 * 2047);
	while (text.len <= OTTL_CONDITION_BYTES_MAX)
		buf_append_str(&text, " or true");
	expect_parse((const char *)text.data, text.len, "longer than 65536 bytes", 0);
	buf_fini(&text);
}

static void a_long_condition_does_not_push_the_message_out(void **state)
{
	struct buf text = BUF_INIT;
	(void)state;
	buf_append_str(&text, "name == \"");
	for (int i = 0; i < 3000; i++)
		buf_append_str(&text, "\xc3\xa4");
	buf_append_str(&text, "\" and foo == 1");
	expect_parse((const char *)text.data, text.len,
		     "...\": segment \"foo\" from path \"foo\" is", text.len - 8);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_comes_to_what_it_says),
		cmocka_unit_test(lint_says_what_is_expected),
		cmocka_unit_test(edits_made_before_are_seen),
		cmocka_unit_test(operators_hold_as_the_order_of_their_sides_says),
		cmocka_unit_test(members_are_equal_when_type_and_value_are),
		cmocka_unit_test(positions_count_lines_and_characters),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(a_long_condition_does_not_push_the_message_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
