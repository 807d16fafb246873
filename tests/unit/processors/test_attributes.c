/* SPDX-License-Identifier: Apache-2.0 */
/* The processors attributes and resource: each action, each match property, what is refused. */
#include "tests/support/processor_fixture.h"
#include "tests/support/trace_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void attr_value(struct buf *out, const char *key, uint32_t member, const char *content)
{
	size_t attr = tw_open(out, SPAN_ATTRIBUTES);
	tw_text(out, KEY_VALUE_KEY, key);
	size_t value = tw_open(out, KEY_VALUE_VALUE);
	if (member == ANY_VALUE_BOOL)
		tw_varint(out, member, 1);
	else if (member != 0)
		tw_text(out, member, content);
	tw_close(out, value);
	tw_close(out, attr);
}

/* One server span of service `api`, of library http 1.2. */
static struct slice request(void)
{
	static struct buf out;
	if (out.len > 0)
		return buf_slice(&out);
	size_t resource_spans = tw_open(&out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(&out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(&out, RESOURCE_ATTRIBUTES, "service.name", "api");
	tw_close(&out, resource);
	size_t scope_spans = tw_open(&out, RESOURCE_SPANS_SCOPE_SPANS);
	size_t scope = tw_open(&out, SCOPE_SPANS_SCOPE);
	tw_text(&out, SCOPE_NAME, "http");
	tw_text(&out, SCOPE_VERSION, "1.2");
	tw_close(&out, scope);
	size_t span = tw_open(&out, SCOPE_SPANS_SPANS);
	tw_text(&out, SPAN_NAME, "GET /a");
	tw_varint(&out, SPAN_KIND, 2);
	tw_attr_text(&out, SPAN_ATTRIBUTES, "text", "GET /a");
	tw_attr_text(&out, SPAN_ATTRIBUTES, "digits", "-12");
	tw_attr_text(&out, SPAN_ATTRIBUTES, "broken", "x\xff/y");
	tw_attr_int(&out, SPAN_ATTRIBUTES, "int", 7);
	tw_attr_double(&out, SPAN_ATTRIBUTES, "double", 2.75);
	tw_attr_double(&out, SPAN_ATTRIBUTES, "large", 1e21);
	attr_value(&out, "bool", ANY_VALUE_BOOL, NULL);
	attr_value(&out, "bytes", ANY_VALUE_BYTES, "raw");
	attr_value(&out, "empty", 0, NULL);
	tw_attr_text(&out, SPAN_ATTRIBUTES, "twice", "one");
	tw_attr_text(&out, SPAN_ATTRIBUTES, "twice", "two");
	tw_close(&out, span);
	tw_close(&out, scope_spans);
	tw_close(&out, resource_spans);
	return buf_slice(&out);
}

/* The attribute ${key} of ${owner} as "type text", all values where there are more; "-" for none. */
static const char *read_attr(struct processor_fixture *fixture, struct owner owner, const char *key)
{
	static const char *const types[VALUE_TYPE_COUNT] = {"empty",  "string", "bool",	  "int",
							    "double", "array",	"kvlist", "bytes"};
	static struct buf out;
	struct attr_cursor cursor = view_attrs(fixture->view, owner);
	struct attr_view attr;
	buf_reset(&out);
	while (view_next_attr(fixture->view, &cursor, &attr)) {
		if (!slice_equal(attr.key, slice_str(key)))
			continue;
		struct value value = view_attr_value(fixture->view, owner, &attr);
		buf_printf(&out, "%s%s ", out.len > 0 ? ", " : "", types[value.type]);
		value_append_text(&out, value);
	}
	return out.len > 0 ? buf_cstr(&out) : "-";
}

static void expect(const char *type, struct owner owner, const char *yaml, const char *key,
		   const char *expected)
{
	struct processor_fixture fixture;
	if (!processor_fixture_open(&fixture, type, yaml))
		fail_msg("%s: %s", yaml, config_support_errors(&fixture.config));
	assert_int_equal(processor_fixture_run(&fixture, request()), OUTCOME_TAKEN);
	const char *found = read_attr(&fixture, owner, key);
	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s is %s, not %s", yaml, key, found, expected);
	processor_fixture_close(&fixture);
}

static void every_action_does_what_the_collectors_does(void **state)
{
	static const struct {
		const char *action, *key, *expected;
	} cases[] = {
		{"{key: new, action: insert, value: 5}", "new", "int 5"},
		{"{key: new, action: INSERT, value: '5'}", "new", "string 5"},
		{"{key: new, action: insert, value: [1, {a: true}]}", "new",
		 "array [1,{\"a\":true}]"},
		{"{key: text, action: insert, value: 5}", "text", "string GET /a"},
		{"{key: text, action: update, value: 1.5}", "text", "double 1.5"},
		{"{key: new, action: update, value: 1.5}", "new", "-"},
		{"{key: text, action: upsert, value: false}", "text", "bool false"},
		{"{key: new, action: upsert, value: false}", "new", "bool false"},
		{"{key: new, action: insert, from_attribute: int}", "new", "int 7"},
		{"{key: new, action: insert, from_attribute: absent}", "new", "-"},
		{"{key: new, action: insert, from_attribute: absent, default_value: 3}", "new",
		 "int 3"},
		{"{key: new, action: insert, from_attribute: int, default_value: 3}", "new",
		 "int 7"},
		{"{key: new, action: insert, default_value: 3}", "new", "int 3"},
		{"{key: text, action: delete}", "text", "-"},
		{"{key: twice, action: delete}", "twice", "-"},
		{"{pattern: '^te', action: delete}", "text", "-"},
		{"{pattern: '^te', action: delete}", "digits", "string -12"},
		{"{key: int, pattern: '^te', action: delete}", "int", "-"},
		{"{key: bytes, action: hash}", "bytes", "string "},
		{"{key: empty, action: hash}", "empty", "string "},
		{"{key: bool, action: hash}", "bool",
		 "string 4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"},
		{"{key: absent, action: hash}", "absent", "-"},
		{"{key: text, action: extract, pattern: '^(?P<method>[A-Z]+) (?<path>.*)$'}",
		 "method", "string GET"},
		{"{key: text, action: extract, pattern: '^(?P<method>[A-Z]+) (?<path>.*)$'}",
		 "path", "string /a"},
		{"{key: text, action: extract, pattern: '(?P<none>Z)|(?P<some>G)'}", "none",
		 "string "},
		{"{key: text, action: extract, pattern: '(?P<int>E)'}", "int", "string E"},
		{"{key: text, action: extract, pattern: '(?P<none>Z)'}", "none", "-"},
		{"{key: int, action: extract, pattern: '(?P<none>7)'}", "none", "-"},
		{"{key: broken, action: extract, pattern: '/(?P<tail>.*)'}", "tail", "string y"},
		{"{key: broken, action: extract, pattern: '(?P<head>.*)/'}", "head",
		 "string x\xff"},
		{"{key: digits, action: convert, converted_type: int}", "digits", "int -12"},
		{"{key: digits, action: convert, converted_type: double}", "digits", "double -12"},
		{"{key: text, action: convert, converted_type: int}", "text", "string GET /a"},
		{"{key: double, action: convert, converted_type: int}", "double", "int 2"},
		{"{key: bool, action: convert, converted_type: int}", "bool", "int 1"},
		{"{key: bool, action: convert, converted_type: double}", "bool", "double 1"},
		{"{key: int, action: convert, converted_type: double}", "int", "double 7"},
		{"{key: int, action: convert, converted_type: string}", "int", "string 7"},
		{"{key: bytes, action: convert, converted_type: int}", "bytes", "bytes cmF3"},
		{"{key: bytes, action: convert, converted_type: string}", "bytes", "string cmF3"},
		/* in order, each on what those before it did */
		{"{key: a, action: insert, from_attribute: int}, {key: int, action: delete}, {key: "
		 "b, action: insert, from_attribute: a}",
		 "b", "int 7"},
		{"{key: a, action: insert, value: x}, {pattern: '^a$', action: delete}", "a", "-"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char yaml[400];
		(void)snprintf(yaml, sizeof(yaml), "{actions: [%s]}", cases[i].action);
		expect("attributes", (struct owner){OWNER_SPAN, 0}, yaml, cases[i].key,
		       cases[i].expected);
	}
}

static void resources_are_changed_alike(void **state)
{
	const struct owner resource = {OWNER_RESOURCE, 0};
	(void)state;
	expect("resource", resource, "{attributes: [{key: env, action: upsert, value: prod}]}",
	       "env", "string prod");
	expect("resource", resource, "{attributes: [{key: service.name, action: delete}]}",
	       "service.name", "-");
	expect("resource", resource,
	       "{attributes: [{key: service.name, action: update, value: b}]}", "service.name",
	       "string b");
}

static void a_span_is_meant_when_all_properties_fit(void **state)
{
	static const struct {
		const char *match;
		bool meant;
	} cases[] = {
		{"match_type: strict, services: [b, api]", true},
		{"match_type: strict, services: [ap]", false},
		{"match_type: regexp, services: [ap]", true},
		{"match_type: strict, span_names: [GET /a]", true},
		{"match_type: strict, span_names: [GET]", false},
		{"match_type: regexp, span_names: [^POST, ^GET]", true},
		{"match_type: strict, span_kinds: [SPAN_KIND_SERVER]", true},
		{"match_type: strict, span_kinds: [SPAN_KIND_CLIENT]", false},
		{"match_type: regexp, span_kinds: [SERVER]", true},
		{"match_type: strict, attributes: [{key: int}]", true},
		{"attributes: [{key: int}]", true},
		{"match_type: strict, attributes: [{key: int, value: 7}]", true},
		{"match_type: strict, attributes: [{key: int, value: 7.0}]", false},
		{"match_type: strict, attributes: [{key: int, value: '7'}]", false},
		{"match_type: strict, attributes: [{key: bool, value: true}]", true},
		{"match_type: strict, attributes: [{key: int}, {key: absent}]", false},
		{"match_type: regexp, attributes: [{key: double, value: '^2\\.75$'}]", true},
		{"match_type: regexp, attributes: [{key: large, value: '^10{21}$'}]", true},
		{"match_type: regexp, attributes: [{key: bool, value: 'true'}]", true},
		{"match_type: regexp, attributes: [{key: bytes, value: '.*'}]", false},
		{"match_type: strict, resources: [{key: service.name, value: api}]", true},
		{"match_type: strict, resources: [{key: service.name, value: b}]", false},
		{"match_type: strict, libraries: [{name: http}]", true},
		{"match_type: strict, libraries: [{name: http, version: '1.2'}]", true},
		{"match_type: strict, libraries: [{name: http, version: ''}]", false},
		{"match_type: regexp, libraries: [{name: ht, version: '^1'}]", true},
		{"match_type: strict, libraries: [{name: http}, {name: grpc}]", false},
		{"match_type: strict, services: [api], span_names: [other]", false},
		{"match_type: regexp, regexp: {cacheenabled: true, cachemaxnumentries: 9}, "
		 "services: [api]",
		 true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		for (int exclude = 0; exclude < 2; exclude++) {
			char yaml[400];
			(void)snprintf(
				yaml, sizeof(yaml),
				"{%s: {%s}, actions: [{key: hit, action: insert, value: 1}]}",
				exclude ? "exclude" : "include", cases[i].match);
			expect("attributes", (struct owner){OWNER_SPAN, 0}, yaml, "hit",
			       cases[i].meant == !exclude ? "int 1" : "-");
		}
	}
}

static void what_is_wrong_is_said_as_the_collector_says_it(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{"{}", "missing required field \"actions\""},
		{"{actions: []}", "missing required field \"actions\""},
		{"{actions: [{action: insert, value: 1}]}",
		 "missing required field \"key\" at the 0-th action"},
		{"{actions: [{action: delete}]}", "at least one of \"key\" and \"pattern\""},
		{"{actions: [{key: a, action: drop}]}",
		 "error with key \"a\" (0-th action): error creating AttrProc due to unsupported "
		 "action \"drop\""},
		{"{actions: [{key: a, action: insert}]}", "\"default_value\" must be specified"},
		{"{actions: [{key: a, action: insert, value: 1, from_attribute: b}]}",
		 "multiple value sources"},
		{"{actions: [{key: a, action: insert, from_context: metadata.x}]}",
		 "from_context is not in this build"},
		{"{actions: [{key: a, action: insert, value: 1, pattern: b}]}",
		 "does not use the \"pattern\" field"},
		{"{actions: [{key: a, action: delete, value: 1}]}",
		 "does not use \"value\" or \"from_attribute\""},
		{"{actions: [{pattern: '(', action: hash}]}", "has invalid pattern: \"(\""},
		{"{actions: [{key: a, action: extract}]}", "missing required field \"pattern\""},
		{"{actions: [{key: a, action: extract, pattern: a}]}", "no named matcher groups"},
		{"{actions: [{key: a, action: extract, pattern: '(?P<a>.)(.)'}]}",
		 "at least one unnamed matcher group"},
		{"{actions: [{key: a, action: convert}]}", "missing required field "
							   "\"converted_type\""},
		{"{actions: [{key: a, action: convert, converted_type: bool}]}",
		 "invalid value \"bool\""},
		{"{include: {}, actions: [{key: a, action: delete}]}",
		 "at least one of \"attributes\", \"libraries\""},
		{"{include: {services: [a]}, actions: [{key: a, action: delete}]}",
		 "unrecognized match_type"},
		{"{exclude: {match_type: strict, span_kinds: [server]}, actions: [{key: a, action: "
		 "delete}]}",
		 "one of the standard span kinds"},
		{"{exclude: {match_type: regexp, span_names: ['(']}, actions: [{key: a, action: "
		 "delete}]}",
		 "error creating span name filters"},
		{"{include: {match_type: regexp, attributes: [{key: a, value: 1}]}, actions: "
		 "[{key: a, action: delete}]}",
		 "only supports Str"},
		{"{include: {match_type: strict, metric_names: [a]}, actions: [{key: a, action: "
		 "delete}]}",
		 "metric_names should not be specified for trace spans"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		processor_fixture_expect_error("attributes", cases[i].yaml, cases[i].error);
	processor_fixture_expect_error("resource", "{}", "missing required field \"attributes\"");
}

/* The same hash for the same value is what hash is for; a second copy must not get through. */
static void equal_keys_are_all_hashed(void **state)
{
	(void)state;
	expect("attributes", (struct owner){OWNER_SPAN, 0},
	       "{actions: [{key: twice, action: hash}]}", "twice",
	       "string 7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action_does_what_the_collectors_does),
		cmocka_unit_test(resources_are_changed_alike),
		cmocka_unit_test(a_span_is_meant_when_all_properties_fit),
		cmocka_unit_test(what_is_wrong_is_said_as_the_collector_says_it),
		cmocka_unit_test(equal_keys_are_all_hashed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
