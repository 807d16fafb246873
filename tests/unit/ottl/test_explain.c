/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts keep a condition from being true, with what they found; and values by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/buf.h"
#include "pipeline/ottl/explain.h"
#include "tests/support/ottl_request.h"

static const struct {
	const char *condition, *parts;
} conditions[] = {
	{"name == \"GET /metrics\"", ""},
	{"name == \"GET\"", "name == \"GET\" [name=GET /metrics] ~GET\n"},
	{"name == \"GET\" and kind == SPAN_KIND_SERVER",
	 "name == \"GET\" [name=GET /metrics] ~GET\n"},
	{"kind == SPAN_KIND_SERVER and name == \"a\" and \"b\" == name",
	 "name == \"a\" [name=GET /metrics] ~a\n\"b\" == name [name=GET /metrics] ~b\n"},
	{"name == \"a\" or (kind == 3 and name != nil)",
	 "name == \"a\" [name=GET /metrics] ~a\nkind == 3 [kind=2]\n"},
	{"not (name == \"a\" or kind == 2)", "not kind == 2 [kind=2]\n"},
	{"not (kind == 2 and name == \"GET /metrics\")",
	 "not kind == 2 [kind=2]\nnot name == \"GET /metrics\" [name=GET /metrics] ~GET "
	 "/metrics\n"},
	{"not (not (kind == 3))", "kind == 3 [kind=2]\n"},
	{"IsMatch(name, \"^x\")", "IsMatch(name, \"^x\") [name=GET /metrics]\n"},
	{"not IsMatch(name, \"^G\")", "not IsMatch(name, \"^G\") [name=GET /metrics]\n"},
	{"attributes[\"none\"] == 1 + 1",
	 "attributes[\"none\"] == 1 + 1 [attributes[\"none\"]= none]\n"},
	{"resource.attributes[\"service.name\"] == \"x\"",
	 "resource.attributes[\"service.name\"] == \"x\" "
	 "[resource.attributes[\"service.name\"]=checkout service.name] ~x\n"},
	{"Len(name) == 3 and true", "Len(name) == 3 [Len(name)=12] [name=GET /metrics]\n"},
	{"name * 2 == 4", "! name * 2 == 4 [name * 2=]\n"},
	{"1 == 2", "1 == 2\n"},
	{"false", "false\n"},
};

struct seen {
	const char *text;
	struct buf out;
};

static void print(void *arg, const struct ottl_part *part)
{
	struct seen *seen = arg;
	buf_printf(&seen->out, "%s%s%.*s", part->error ? "! " : "", part->not_wanted ? "not " : "",
		   (int)part->len, seen->text + part->offset);
	for (uint32_t i = 0; i < part->value_count; i++) {
		buf_printf(&seen->out, " [%.*s=", (int)part->values[i].len,
			   seen->text + part->values[i].offset);
		value_append_text(&seen->out, part->values[i].value);
		if (part->values[i].key.len > 0)
			buf_printf(&seen->out, " %.*s", SLICE_FMT(part->values[i].key));
		buf_append_byte(&seen->out, ']');
	}
	if (part->literal.len > 0)
		buf_printf(&seen->out, " ~%.*s", SLICE_FMT(part->literal));
	buf_append_byte(&seen->out, '\n');
}

static void the_parts_that_make_the_difference_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(conditions); i++) {
		struct ottl_bench bench;
		struct err err = {0};
		struct seen seen = {.text = conditions[i].condition};
		assert_true(ottl_bench_begin(&bench));
		const struct ottl_condition *condition =
			ottl_parse(slice_str(seen.text), OTTL_SPAN, bench.keys, &bench.arena, &err);
		if (!condition)
			fail_msg("%s", err.msg);
		assert_true(ottl_bench_index(&bench, ottl_request_body()));
		uint32_t parts =
			ottl_explain(condition, bench.view, 0, bench.scratch, print, &seen);
		assert_string_equal(buf_cstr(&seen.out), conditions[i].parts);
		assert_int_equal(ottl_explain(condition, bench.view, 0, bench.scratch, NULL, NULL),
				 parts);
		assert_int_equal(parts == 0, ottl_eval(condition, bench.view, 0, bench.scratch,
						       NULL) == OTTL_TRUE);
		ottl_condition_free(condition);
		buf_fini(&seen.out);
		ottl_bench_end(&bench);
	}
}

static const struct {
	const char *expression, *text, *key;
	enum value_type type;
} values[] = {
	{"name", "GET /metrics", "", VALUE_STRING},
	{"kind", "2", "", VALUE_INT},
	{"Len(name) * 2", "24", "", VALUE_INT},
	{"resource.attributes[\"service.name\"]", "checkout", "service.name", VALUE_STRING},
	{"attributes[\"none\"]", "", "none", VALUE_EMPTY},
	{"Concat([name, \"x\"], \"-\")", "GET /metrics-x", "", VALUE_STRING},
	{"true", "true", "", VALUE_BOOL},
};

static void an_expression_yields_its_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		struct ottl_bench bench;
		struct err err = {0};
		struct value value = {.type = VALUE_TYPE_COUNT};
		struct buf text = BUF_INIT;
		assert_true(ottl_bench_begin(&bench));
		const struct ottl_value *expression = ottl_value_parse(
			slice_str(values[i].expression), OTTL_SPAN, bench.keys, &bench.arena, &err);
		if (!expression)
			fail_msg("%s", err.msg);
		assert_true(ottl_bench_index(&bench, ottl_request_body()));
		assert_int_equal(
			ottl_value_eval(expression, bench.view, 0, bench.scratch, &value, &err), 0);
		assert_int_equal(value.type, values[i].type);
		value_append_text(&text, value);
		assert_string_equal(buf_cstr(&text), values[i].text);
		assert_true(slice_equal(ottl_value_key(expression), slice_str(values[i].key)));
		buf_fini(&text);
		ottl_value_free(expression);
		ottl_bench_end(&bench);
	}
}

static void what_is_no_expression_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *error;
		uint64_t offset;
	} cases[] = {
		{"name == \"x\"",
		 "unable to parse OTTL value expression \"name == \\\"x\\\"\": value expression "
		 "has "
		 "invalid syntax: 1:6: unexpected token \"==\" (expected <EOF>)",
		 5},
		{"",
		 "unable to parse OTTL value expression \"\": value expression has invalid syntax: "
		 "1:1: unexpected token \"<EOF>\" (expected Value)",
		 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct ottl_bench bench;
		struct err err = {0};
		assert_true(ottl_bench_begin(&bench));
		assert_null(ottl_value_parse(slice_str(cases[i].text), OTTL_SPAN, bench.keys,
					     &bench.arena, &err));
		assert_string_equal(err.msg, cases[i].error);
		assert_int_equal(err.offset, cases[i].offset);
		ottl_bench_end(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parts_that_make_the_difference_are_told),
		cmocka_unit_test(an_expression_yields_its_value),
		cmocka_unit_test(what_is_no_expression_is_refused_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
