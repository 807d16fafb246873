/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <float.h>
#include <cmocka.h>

#include "tests/support/config_blocks.h"
#include "tests/support/config_support.h"

#define DECODE_HEAD "Error: "

static const struct config_support_pair env[] = {
	{"NUMBER", "64"},    {"QUOTED", "\"64\""},
	{"WORD", "abc"},     {"YES", "true"},
	{"DIGITS", "0123"},  {"EMPTY", ""},
	{"LIST", "a,b"},     {"SECRET", "hunter2"},
	{"NULLISH", "null"}, {"WRAPPED", "dXNlcjpw\nYXNz"},
	{NULL, NULL},
};

static void bind(struct config_support *s, const struct config_block *block, const char *text,
		 const char *path, void *config)
{
	config_support_init(s);
	s->env = env;
	const struct config_node *root = config_support_load_text(s, text);
	if (!root)
		fail_msg("%s: %s", text, config_support_errors(s));
	config_bind(block, root, path, config, &s->report);
}

static void bind_processor(struct config_support *s, const char *text,
			   struct sample_processor *processor)
{
	bind(s, &sample_processor_block, text, "processors.p", processor);
}

static void absent_keys_have_their_defaults(void **state)
{
	struct config_support s;
	struct sample_processor p;
	(void)state;
	bind_processor(&s, "", &p);
	assert_int_equal(s.report.error_count, 0);
	assert_int_equal(p.timeout_ns, 200000000);
	assert_int_equal(p.limit_mib, 512);
	assert_int_equal(p.bytes_max, 1000);
	assert_int_equal(p.offset, -5);
	assert_true(p.ratio > 0.5 - DBL_EPSILON && p.ratio < 0.5 + DBL_EPSILON);
	assert_true(p.enabled);
	assert_int_equal(p.mode, 1);
	assert_int_equal(p.keys.count, 0);
	assert_int_equal(p.actions.count, 0);
	assert_null(p.rules);
	config_support_fini(&s);
}

/* As the Collector prints its own configuration: `otelcol print-config`. */
static void null_and_an_unset_variable_are_zero_but_for_words(void **state)
{
	static const char *const texts[] = {
		"timeout:\nlimit_mib:\noffset:\nratio:\nenabled:\nerror_mode:\nmetadata_keys:\n"
		"actions: [{key: , action: }]\nrules:\nmin_gc_interval:\n",
		"timeout: ${env:UNSET}\nlimit_mib: ${env:UNSET}\noffset: ${env:UNSET}\n"
		"ratio: ${env:UNSET}\nenabled: ${env:UNSET}\nerror_mode: ${env:UNSET}\n"
		"metadata_keys: ${env:UNSET}\n"
		"actions: [{key: '${env:UNSET}', action: '${env:UNSET}'}]\n"
		"rules: ${env:UNSET}\nmin_gc_interval: ${env:UNSET}\n",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct config_support s;
		struct sample_processor p;
		bind_processor(&s, texts[i], &p);
		assert_string_equal(config_support_errors(&s), "");
		assert_int_equal(p.timeout_ns, 0);
		assert_int_equal(p.limit_mib, 0);
		assert_int_equal(p.offset, 0);
		assert_true(p.ratio == 0);
		assert_false(p.enabled);
		assert_int_equal(p.mode, 1);
		assert_int_equal(p.keys.count, 0);
		const struct sample_action *action = p.actions.at[0];
		assert_string_equal(action->key, "");
		assert_string_equal(action->action, "");
		assert_int_equal(p.rules->kind, CONFIG_NULL);
		config_support_fini(&s);
	}
}

static void a_null_that_is_out_of_bounds_is_refused(void **state)
{
	struct config_support s;
	struct sample_processor p;
	(void)state;
	bind_processor(&s, "bytes_max:\n", &p);
	assert_non_null(strstr(config_support_errors(&s),
			       "'bytes_max' must be between 10 and 1e+18, got 0 (test.yaml:1:11"));
	config_support_fini(&s);
}

/* A null that takes the place of a word takes the empty one, where there is one. */
static void null_is_the_empty_word_of_a_closed_set(void **state)
{
	static const char *const words[] = {"gzip", "none", "", NULL};
	struct compressed {
		int compression;
	} c;
	static const struct config_field fields[] = {
		CONFIG_ENUM(struct compressed, compression, "compression", words, "gzip", ""),
	};
	static const struct config_block block = CONFIG_BLOCK(struct compressed, fields);
	struct config_support s;
	(void)state;
	bind(&s, &block, "compression:", "exporters.x", &c);
	assert_string_equal(config_support_errors(&s), "");
	assert_int_equal(c.compression, 2);
	config_support_fini(&s);
}

static void words_of_any_case_are_taken_where_it_is_said(void **state)
{
	static const char *const words[] = {"basic", "normal", NULL};
	struct debug {
		int any, exact;
	} d;
	static const struct config_field fields[] = {
		CONFIG_ENUM_ANY_CASE(struct debug, any, "any", words, "basic", ""),
		CONFIG_ENUM(struct debug, exact, "exact", words, "basic", ""),
	};
	static const struct config_block block = CONFIG_BLOCK(struct debug, fields);
	struct config_support s;
	(void)state;
	bind(&s, &block, "any: Normal\nexact: Normal\n", "exporters.x", &d);
	assert_int_equal(d.any, 1);
	assert_int_equal(s.report.error_count, 1);
	config_support_fini(&s);
}

static void keys_without_effect_have_a_type(void **state)
{
	static const struct config_field inner[] = {CONFIG_IGNORED(BOOL, "enabled", "")};
	static const struct config_block inner_block = CONFIG_BLOCK_OF_IGNORED(inner);
	static const struct config_field fields[] = {
		CONFIG_IGNORED(BOOL, "bool", ""),
		CONFIG_IGNORED(I64, "integer", ""),
		CONFIG_IGNORED(DURATION, "time", ""),
		CONFIG_IGNORED(STRING, "text", ""),
		CONFIG_IGNORED(STRING_LIST, "list", ""),
		CONFIG_IGNORED(MAP, "map", ""),
		CONFIG_IGNORED(LIST, "any", ""),
		CONFIG_IGNORED_BLOCK("block", &inner_block, ""),
	};
	static const struct config_block block = CONFIG_BLOCK_OF_IGNORED(fields);
	static const struct {
		const char *text, *error; /* NULL: taken */
	} cases[] = {
		{"{bool: true, integer: -1, time: 5s, text: x, list: [a], map: {a: 1}, any: [{}], "
		 "block: {enabled: false}}",
		 NULL},
		{"{bool: , integer: , time: , text: , list: , map: , any: , block: }", NULL},
		{"bool: 1", "'bool' expected type 'bool', got unconvertible type 'int'"},
		{"integer: x", "'integer' expected type 'int64'"},
		{"time: []", "'time' expected type 'time.Duration'"},
		{"text: 1", "'text' expected type 'string'"},
		{"list: {}", "'list' source data must be an array or slice"},
		{"map: []", "'map' expected a map, got []interface {}"},
		{"any: {}", "'any' source data must be an array or slice"},
		{"block: true", "'block' expected a map, got 'bool'"},
		{"block: {enabled: 1}", "'block.enabled' expected type 'bool'"},
		{"block: {other: 1}", "'block' has invalid keys: other"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		char nothing;
		bind(&s, &block, cases[i].text, "exporters.x", &nothing);
		const char *errors = config_support_errors(&s);
		if (cases[i].error ? !strstr(errors, cases[i].error) : errors[0])
			fail_msg("%s: %s", cases[i].text, errors);
		config_support_fini(&s);
	}
}

/* What came from a variable is shown when it is what was wanted, else it may be a secret. */
static void values_of_variables_are_shown_when_they_cannot_be_secrets(void **state)
{
	static const struct {
		const char *value, *key, *shown;
	} cases[] = {
		{"", "enabled", NULL},
		{"-1", "limit_mib", "-1 overflows uint"},
		{"64MB", "limit_mib", "value: '64MB'"},
		{"1.5", "limit_mib", "value: '1.5'"},
		{"5d", "timeout", "unknown unit \"d\" in duration \"5d\""},
		{"verbose", "error_mode", "unknown value \"verbose\""},
		{"hunter2", "error_mode", "unknown value \"[REDACTED]\""},
		{"hunter2", "limit_mib", "value: '[REDACTED]'"},
		{"sk-lf-0123", "timeout", "invalid duration \"[REDACTED]\""},
		{"1234567890123456789012", "bytes_max", "'[REDACTED]'"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		struct sample_processor p;
		char text[96];
		(void)snprintf(text, sizeof(text), "%s: ${env:UNSET:-%s}", cases[i].key,
			       cases[i].value);
		bind_processor(&s, text, &p);
		const char *errors = config_support_errors(&s);
		if (cases[i].shown ? !strstr(errors, cases[i].shown) : errors[0])
			fail_msg("%s: %s", text, errors);
		config_support_fini(&s);
	}
}

static void values_are_bound_by_their_type(void **state)
{
	struct config_support s;
	struct sample_processor p;
	(void)state;
	bind_processor(&s,
		       "timeout: 1m30s\nlimit_mib: 0x10\nbytes_max: 1e6\noffset: -10\nratio: 1\n"
		       "enabled: false\nerror_mode: propagate\nmetadata_keys: [a, b]\n"
		       "actions: [{key: x}, {key: y, action: delete}]\nrules: [1]\n"
		       "min_gc_interval: 5s\n",
		       &p);
	assert_string_equal(config_support_errors(&s), "");
	assert_int_equal(p.timeout_ns, UINT64_C(90000000000));
	assert_int_equal(p.limit_mib, 16);
	assert_int_equal(p.bytes_max, 1000000);
	assert_int_equal(p.offset, -10);
	assert_true(p.ratio > 1 - DBL_EPSILON);
	assert_false(p.enabled);
	assert_int_equal(p.mode, 2);
	assert_int_equal(p.keys.count, 2);
	assert_string_equal(p.keys.at[1], "b");
	assert_int_equal(p.keys.nodes[1]->loc.column, 20);
	assert_int_equal(p.actions.count, 2);
	const struct sample_action *second = p.actions.at[1];
	assert_string_equal(second->key, "y");
	assert_string_equal(second->action, "delete");
	assert_string_equal(((const struct sample_action *)p.actions.at[0])->action, "insert");
	assert_int_equal(p.rules->kind, CONFIG_LIST);
	config_support_fini(&s);
}

static void values_from_the_environment_are_typed_loosely(void **state)
{
	struct config_support s;
	struct sample_processor p;
	(void)state;
	bind_processor(&s,
		       "limit_mib: ${env:NUMBER}\nbytes_max: ${env:QUOTED}\nenabled: ${env:YES}\n"
		       "error_mode: ${UNSET:-ignore}\ntimeout: ${UNSET:-5s}\n"
		       "metadata_keys: ${env:LIST}\nactions: [{key: '${env:DIGITS}'}, "
		       "{key: '${env:EMPTY}', action: '${env:NULLISH}'}]\n",
		       &p);
	assert_string_equal(config_support_errors(&s), "");
	assert_int_equal(p.limit_mib, 64);
	assert_int_equal(p.bytes_max, 64);
	assert_true(p.enabled);
	assert_int_equal(p.mode, 0);
	assert_int_equal(p.timeout_ns, UINT64_C(5000000000));
	assert_int_equal(p.keys.count, 2);
	assert_string_equal(p.keys.at[0], "a");
	assert_string_equal(((const struct sample_action *)p.actions.at[0])->key, "0123");
	assert_string_equal(((const struct sample_action *)p.actions.at[1])->key, "");
	assert_string_equal(((const struct sample_action *)p.actions.at[1])->action, "null");
	config_support_fini(&s);
}

static void a_list_of_strings_may_be_one_comma_separated_string(void **state)
{
	static const struct {
		const char *text, *items[4];
	} cases[] = {
		{"metadata_keys: a", {"a"}},   {"metadata_keys: a,b, c", {"a", "b", "c"}},
		{"metadata_keys: ''", {NULL}}, {"metadata_keys: ','", {"", ""}},
		{"metadata_keys: []", {NULL}}, {"metadata_keys: [\"a,b\"]", {"a,b"}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		struct sample_processor p;
		bind_processor(&s, cases[i].text, &p);
		assert_string_equal(config_support_errors(&s), "");
		for (size_t k = 0; k < p.keys.count; k++)
			assert_string_equal(p.keys.at[k], cases[i].items[k]);
		assert_null(cases[i].items[p.keys.count]);
		config_support_fini(&s);
	}
}

static const struct {
	const char *text, *want;
} refusals[] = {
	{"limit_mib: abc", "'limit_mib' expected type 'uint32', got unconvertible type 'string', "
			   "value: 'abc' (test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: \"5\"", "'limit_mib' expected type 'uint32', got unconvertible type 'string', "
			     "value: '5' (test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: true", "'limit_mib' expected type 'uint32', got unconvertible type 'bool', "
			    "value: 'true' (test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: 1.5", "'limit_mib' expected type 'uint32', got unconvertible type 'float64', "
			   "value: '1.5' (test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: {a: 1}",
	 "'limit_mib' expected type 'uint32', got unconvertible type "
	 "'map[string]interface {}' (test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: -5", "cannot parse 'limit_mib', -5 overflows uint (test.yaml:1:12: "
			  "processors.p.limit_mib)\n"},
	{"limit_mib: 4294967296", "cannot parse 'limit_mib', 4294967296 overflows uint32 "
				  "(test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: .nan", "'limit_mib' expected type 'uint32', got unconvertible type 'float64', "
			    "value: '.nan' (test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: 1e30", "'limit_mib' expected type 'uint32', got unconvertible type 'float64', "
			    "value: '1e30' (test.yaml:1:12: processors.p.limit_mib)\n"},
	{"limit_mib: ${env:WORD}",
	 "'limit_mib' expected type 'uint32', got unconvertible type 'string', value: '[REDACTED]' "
	 "(test.yaml:1:12: processors.p.limit_mib)\n"},
	{"bytes_max: 5", "'bytes_max' must be between 10 and 1e+18, got 5 (test.yaml:1:12: "
			 "processors.p.bytes_max)\n"},
	{"offset: 11", "'offset' must be between -10 and 10, got 11 (test.yaml:1:9: "
		       "processors.p.offset)\n"},
	{"offset: 9223372036854775808",
	 "cannot parse 'offset', 9223372036854775808 overflows int64 "
	 "(test.yaml:1:9: processors.p.offset)\n"},
	{"ratio: 1.5",
	 "'ratio' must be between 0 and 1, got 1.5 (test.yaml:1:8: processors.p.ratio)\n"},
	{"ratio: .nan",
	 "'ratio' must be between 0 and 1, got .nan (test.yaml:1:8: processors.p.ratio)\n"},
	{"ratio: half", "'ratio' expected type 'float64', got unconvertible type 'string', value: "
			"'half' (test.yaml:1:8: processors.p.ratio)\n"},
	{"enabled: yes", "'enabled' expected type 'bool', got unconvertible type 'string', value: "
			 "'yes' (test.yaml:1:10: processors.p.enabled)\n"},
	{"enabled: 1", "'enabled' expected type 'bool', got unconvertible type 'int', value: '1' "
		       "(test.yaml:1:10: processors.p.enabled)\n"},
	{"timeout: fast", "'timeout' time: invalid duration \"fast\" (test.yaml:1:10: "
			  "processors.p.timeout)\n"},
	{"timeout: 5", "'timeout' time: missing unit in duration \"5\" (test.yaml:1:10: "
		       "processors.p.timeout)\n"},
	{"timeout: 5d", "'timeout' time: unknown unit \"d\" in duration \"5d\" (test.yaml:1:10: "
			"processors.p.timeout)\n"},
	{"timeout: -5s", "'timeout' must not be negative, got \"-5s\" (test.yaml:1:10: "
			 "processors.p.timeout)\n"},
	{"timeout: 5${env:WORD}", "'timeout' time: unknown unit \"[REDACTED]\" in duration "
				  "\"[REDACTED]\" (test.yaml:1:10: processors.p.timeout)\n"},
	{"timeout: true", "'timeout' expected type 'time.Duration', got unconvertible type 'bool', "
			  "value: 'true' (test.yaml:1:10: processors.p.timeout)\n"},
	{"error_mode: ignroe",
	 "'error_mode' unknown value \"ignroe\" (valid values: [ignore silent propagate]) "
	 "(test.yaml:1:13: processors.p.error_mode, did you mean \"ignore\"?)\n"},
	{"error_mode: 5",
	 "'error_mode' expected type 'string', got unconvertible type 'int', value: "
	 "'5' (test.yaml:1:13: processors.p.error_mode)\n"},
	{"metadata_keys: 5", "'metadata_keys' source data must be an array or slice, got int "
			     "(test.yaml:1:16: processors.p.metadata_keys)\n"},
	{"metadata_keys: [a, 5]",
	 "'metadata_keys[1]' expected type 'string', got unconvertible type 'int', value: '5' "
	 "(test.yaml:1:20: processors.p.metadata_keys[1])\n"},
	{"actions: {key: x}", "'actions' source data must be an array or slice, got "
			      "map[string]interface {} (test.yaml:1:10: processors.p.actions)\n"},
	{"actions: [{kye: x}]",
	 "'actions[0]' has invalid keys: kye (test.yaml:1:12: processors.p.actions[0].kye, did you "
	 "mean \"key\"?)\n"},
	{"actions: [x]", "'actions[0]' expected a map, got 'string' (test.yaml:1:11: "
			 "processors.p.actions[0])\n"},
	{"timout: 5s\nx: 1\n",
	 "'' has invalid keys: timout (test.yaml:1:1: processors.p.timout, did you mean "
	 "\"timeout\"?)\n"
	 "Error: '' has invalid keys: x (test.yaml:2:1: processors.p.x)\n"},
};

static void wrong_values_are_refused_with_the_collectors_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		struct config_support s;
		struct sample_processor p;
		bind_processor(&s, refusals[i].text, &p);
		const char *errors = config_support_errors(&s);
		assert_memory_equal(errors, DECODE_HEAD, strlen(DECODE_HEAD));
		assert_string_equal(errors + strlen(DECODE_HEAD), refusals[i].want);
		config_support_fini(&s);
	}
}

static void the_rest_is_bound_beside_a_wrong_value(void **state)
{
	struct config_support s;
	struct sample_processor p;
	(void)state;
	bind_processor(&s, "limit_mib: abc\ntimeout: 1s\nratio: 7\n", &p);
	assert_int_equal(s.report.error_count, 2);
	assert_int_equal(p.limit_mib, 512);
	assert_int_equal(p.timeout_ns, UINT64_C(1000000000));
	config_support_fini(&s);
}

/* ---- blocks ---- */

static void an_optional_block_is_off_when_absent_and_has_defaults_when_null(void **state)
{
	static const struct {
		const char *text;
		bool grpc, http;
		const char *endpoint;
	} cases[] = {
		{"protocols: {grpc: }", true, false, "localhost:4317"},
		{"protocols: {grpc: {}}", true, false, "localhost:4317"},
		{"protocols: {grpc: {endpoint: x}}", true, false, "x"},
		{"protocols: {grpc: {endpoint: }, http: {}}", true, true, ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		struct sample_receiver_top r;
		bind(&s, &sample_receiver_block, cases[i].text, "receivers.otlp", &r);
		assert_string_equal(config_support_errors(&s), "");
		assert_int_equal(r.protocols.has_grpc, cases[i].grpc);
		assert_int_equal(r.protocols.has_http, cases[i].http);
		assert_string_equal(r.protocols.grpc.endpoint, cases[i].endpoint);
		/* Off or not, the members hold their defaults. */
		assert_string_equal(r.protocols.http.endpoint, "localhost:4317");
		config_support_fini(&s);
	}
}

static void a_check_speaks_for_the_nearest_block_in_the_file(void **state)
{
	struct config_support s;
	struct sample_receiver_top r;
	(void)state;
	bind(&s, &sample_receiver_block, "protocols:\n  {}\n", "receivers.otlp/a.b", &r);
	assert_string_equal(config_support_errors(&s),
			    "Error: receivers::otlp/a.b::protocols: must "
			    "specify at least one protocol when using the OTLP receiver "
			    "(test.yaml:2:3: receivers.otlp/a.b.protocols)\n");
	config_support_fini(&s);
	bind(&s, &sample_receiver_block, "{}", "receivers.otlp", &r);
	assert_non_null(
		strstr(config_support_errors(&s), "(test.yaml:1:1: receivers.otlp.protocols)"));
	config_support_fini(&s);
}

static void a_check_does_not_run_over_values_that_were_refused(void **state)
{
	struct config_support s;
	struct sample_exporter e;
	(void)state;
	bind(&s, &sample_exporter_block, "endpoint: 5\n", "exporters.otlp", &e);
	assert_int_equal(s.report.error_count, 1);
	config_support_fini(&s);
	/* Nor over a field that a misspelt key left unset. */
	bind(&s, &sample_exporter_block, "endpiont: x\n", "exporters.otlp", &e);
	assert_int_equal(s.report.error_count, 1);
	config_support_fini(&s);
	bind(&s, &sample_exporter_block, "other: x\n", "exporters.otlp", &e);
	assert_int_equal(s.report.error_count, 2);
	config_support_fini(&s);
}

static void an_empty_block_is_off_where_null_is_absent(void **state)
{
	static const struct {
		const char *text;
		bool on;
	} cases[] = {{"{}", false},
		     {"exporter:", false},
		     {"exporter: {endpoint: x}", true},
		     {"exporter: '${env:UNSET}'", true}}; /* its check asks for an endpoint */
	struct outer {
		bool present;
		struct sample_exporter exporter;
	} outer;
	static const struct config_field fields[] = {
		CONFIG_OPTIONAL_SET(struct outer, exporter, present, "exporter",
				    &sample_exporter_block, ""),
	};
	static const struct config_block block = CONFIG_BLOCK(struct outer, fields);
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		bind(&s, &block, cases[i].text, "extensions.x", &outer);
		assert_int_equal(s.report.error_count, i == 3);
		assert_int_equal(outer.present, cases[i].on);
		assert_int_equal(outer.exporter.queue.size, 1000);
		bool warns = strstr(config_support_warnings(&s), "is empty and counts as absent");
		assert_int_equal(warns, i == 1);
		config_support_fini(&s);
	}
}

static void a_block_that_is_off_is_not_checked(void **state)
{
	struct config_support s;
	struct outer {
		bool present;
		struct sample_exporter exporter;
	} outer;
	static const struct config_field fields[] = {
		CONFIG_OPTIONAL(struct outer, exporter, present, "exporter", &sample_exporter_block,
				"Needs an endpoint when it is on."),
	};
	static const struct config_block block = CONFIG_BLOCK(struct outer, fields);
	(void)state;
	bind(&s, &block, "{}", "extensions.x", &outer);
	assert_string_equal(config_support_errors(&s), "");
	assert_false(outer.present);
	assert_int_equal(outer.exporter.queue.size, 1000);
	config_support_fini(&s);
	bind(&s, &block, "exporter:", "extensions.x", &outer);
	assert_int_equal(s.report.error_count, 1);
	config_support_fini(&s);
}

static void a_block_is_no_switch(void **state)
{
	struct config_support s;
	struct sample_exporter e;
	struct sample_receiver_top r;
	(void)state;
	bind(&s, &sample_exporter_block, "endpoint: x\nsending_queue: false\nbatch: true\n",
	     "exporters.otlp", &e);
	assert_non_null(strstr(config_support_errors(&s),
			       "'sending_queue' expected a map, got 'bool' (test.yaml:2:16"));
	assert_int_equal(s.report.error_count, 2);
	config_support_fini(&s);
	bind(&s, &sample_receiver_block, "protocols: {grpc: false}\n", "receivers.otlp", &r);
	assert_non_null(strstr(config_support_errors(&s),
			       "'protocols.grpc' expected a map, got 'bool' (test.yaml:1:19: "
			       "receivers.otlp.protocols.grpc)\n"));
	config_support_fini(&s);
}

/* ---- headers ---- */

static void bind_headers(struct config_support *s, const char *text, struct sample_exporter *e)
{
	bind(s, &sample_exporter_block, text, "exporters.otlp", e);
}

static void headers_are_a_map_or_a_list(void **state)
{
	static const char *const texts[] = {
		"endpoint: x\nheaders: {A: one, B: ''}\n",
		"endpoint: x\nheaders: [{name: A, value: one}, {name: B}]\n",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct config_support s;
		struct sample_exporter e;
		bind_headers(&s, texts[i], &e);
		assert_string_equal(config_support_errors(&s), "");
		assert_int_equal(e.headers.count, 2);
		assert_string_equal(e.headers.at[0].name, "A");
		assert_string_equal(e.headers.at[0].value, "one");
		assert_int_equal(e.headers.at[0].loc.line, 2);
		assert_null(e.headers.at[0].unset_env);
		assert_string_equal(e.headers.at[1].name, "B");
		assert_string_equal(e.headers.at[1].value, "");
		config_support_fini(&s);
	}
}

static void a_header_names_the_unset_variable_of_its_value(void **state)
{
	struct config_support s;
	struct sample_exporter e;
	(void)state;
	bind_headers(&s, "endpoint: x\nheaders: {A: 'Basic ${env:GONE}', B: '${ALSO_GONE}'}\n", &e);
	assert_string_equal(config_support_errors(&s), "");
	assert_string_equal(e.headers.at[0].unset_env, "GONE");
	assert_string_equal(e.headers.at[0].value, "Basic");
	assert_string_equal(e.headers.at[1].unset_env, "ALSO_GONE");
	assert_string_equal(e.headers.at[1].value, "");
	config_support_fini(&s);
}

static void white_space_inside_a_basic_value_is_removed_and_said_once(void **state)
{
	static const struct {
		const char *name, *text, *value;
		const char *warning;
	} cases[] = {
		{"Authorization", "\"Basic dXNlcjpw\\nYXNz\"", "Basic dXNlcjpwYXNz",
		 "inside the value"},
		{"Authorization", "\"Basic ${env:WRAPPED}\"", "Basic dXNlcjpwYXNz",
		 "inside the value"},
		{"Authorization", "\"basic  dXNl cjpw\\r\\nYXNz \\n\"", "basic dXNlcjpwYXNz",
		 "inside the value"},
		{"Authorization", "Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz", NULL},
		{"Authorization", "\"Bearer abc\\n\"", "Bearer abc", "around the value"},
		{"Authorization", "Bearer a b", "Bearer a b", NULL},
		{"Authorization", "Basically a b", "Basically a b", NULL},
		{"authorization", "Basic dXNl cjpw", "Basic dXNlcjpw", "inside the value"},
		{"X-Plan", "Basic plan for all", "Basic plan for all", NULL},
		{"X-Plan", "\"basic  two  spaces\"", "basic  two  spaces", NULL},
		{"X-Plan", "\"Basic plan \\n\"", "Basic plan", "around the value"},
		{"X-Authorization", "Basic a b", "Basic a b", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		struct sample_exporter e;
		struct buf text = BUF_INIT;
		buf_printf(&text, "endpoint: x\nheaders:\n  %s: %s\n", cases[i].name,
			   cases[i].text);
		bind_headers(&s, buf_cstr(&text), &e);
		assert_string_equal(config_support_errors(&s), "");
		assert_string_equal(e.headers.at[0].value, cases[i].value);
		const char *warnings = config_support_warnings(&s);
		assert_int_equal(s.report.warning_count, cases[i].warning ? 1 : 0);
		if (cases[i].warning)
			assert_non_null(strstr(warnings, cases[i].warning));
		assert_null(strstr(warnings, "dXNl"));
		buf_fini(&text);
		config_support_fini(&s);
	}
}

static const struct {
	const char *text, *want;
} header_refusals[] = {
	{"headers: {A: 5}", "'headers.A' expected type 'string', got unconvertible type 'int' "
			    "(test.yaml:2:14: exporters.otlp.headers.A)\n"},
	{"headers: text", "'headers' expected type 'map[string]string', got unconvertible type "
			  "'string' (test.yaml:2:10: exporters.otlp.headers)\n"},
	{"headers: {\"A B\": x}", "'headers' header \"A B\" has an invalid name (test.yaml:2:18: "
				  "exporters.otlp.headers.A B)\n"},
	{"headers: {A: \"x\\ny\"}",
	 "'headers' header \"A\" has a value with a line end or another "
	 "control character (test.yaml:2:14: exporters.otlp.headers.A)\n"},
	{"headers: {A: \"x\\0y\"}",
	 "'headers' header \"A\" has a value with a line end or another "
	 "control character (test.yaml:2:14: exporters.otlp.headers.A)\n"},
	{"headers: [{name: A, valeu: x}]",
	 "'headers[0]' expected a map with the keys name and value "
	 "(test.yaml:2:11: exporters.otlp.headers[0])\n"},
	{"headers: [A]", "'headers[0]' expected a map with the keys name and value "
			 "(test.yaml:2:11: exporters.otlp.headers[0])\n"},
	{"token: 5", "'token' expected type 'string', got unconvertible type 'int' (test.yaml:2:8: "
		     "exporters.otlp.token)\n"},
};

static void bad_headers_are_refused_without_showing_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(header_refusals); i++) {
		struct config_support s;
		struct sample_exporter e;
		struct buf text = BUF_INIT;
		buf_printf(&text, "endpoint: x\n%s\n", header_refusals[i].text);
		bind_headers(&s, buf_cstr(&text), &e);
		const char *errors = config_support_errors(&s);
		assert_memory_equal(errors, DECODE_HEAD, strlen(DECODE_HEAD));
		assert_string_equal(errors + strlen(DECODE_HEAD), header_refusals[i].want);
		buf_fini(&text);
		config_support_fini(&s);
	}
}

static void a_secret_from_the_environment_shows_in_no_message(void **state)
{
	struct config_support s;
	struct sample_processor p;
	(void)state;
	bind_processor(&s,
		       "timeout: ${env:SECRET}\nlimit_mib: ${env:SECRET}\nratio: ${env:SECRET}\n"
		       "enabled: ${env:SECRET}\nerror_mode: ${env:SECRET}\n"
		       "actions: ${env:SECRET}\nbytes_max: 1${env:SECRET}\n",
		       &p);
	assert_int_equal(s.report.error_count, 7);
	assert_null(strstr(config_support_errors(&s), "hunter2"));
	config_support_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_keys_have_their_defaults),
		cmocka_unit_test(null_and_an_unset_variable_are_zero_but_for_words),
		cmocka_unit_test(a_null_that_is_out_of_bounds_is_refused),
		cmocka_unit_test(null_is_the_empty_word_of_a_closed_set),
		cmocka_unit_test(words_of_any_case_are_taken_where_it_is_said),
		cmocka_unit_test(keys_without_effect_have_a_type),
		cmocka_unit_test(values_of_variables_are_shown_when_they_cannot_be_secrets),
		cmocka_unit_test(an_empty_block_is_off_where_null_is_absent),
		cmocka_unit_test(values_are_bound_by_their_type),
		cmocka_unit_test(values_from_the_environment_are_typed_loosely),
		cmocka_unit_test(a_list_of_strings_may_be_one_comma_separated_string),
		cmocka_unit_test(wrong_values_are_refused_with_the_collectors_texts),
		cmocka_unit_test(the_rest_is_bound_beside_a_wrong_value),
		cmocka_unit_test(an_optional_block_is_off_when_absent_and_has_defaults_when_null),
		cmocka_unit_test(a_check_speaks_for_the_nearest_block_in_the_file),
		cmocka_unit_test(a_check_does_not_run_over_values_that_were_refused),
		cmocka_unit_test(a_block_that_is_off_is_not_checked),
		cmocka_unit_test(a_block_is_no_switch),
		cmocka_unit_test(headers_are_a_map_or_a_list),
		cmocka_unit_test(a_header_names_the_unset_variable_of_its_value),
		cmocka_unit_test(white_space_inside_a_basic_value_is_removed_and_said_once),
		cmocka_unit_test(bad_headers_are_refused_without_showing_values),
		cmocka_unit_test(a_secret_from_the_environment_shows_in_no_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
