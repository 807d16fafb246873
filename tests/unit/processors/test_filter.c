/* SPDX-License-Identifier: Apache-2.0 */
/* The filter processor: what is dropped, in which order, what is counted, said and warned about. */
#include "tests/support/processor_fixture.h"
#include "tests/support/trace_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TYPE "filter"

static void add_span(struct buf *out, const char *name, const char *path, const char *first_event,
		     const char *second_event)
{
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	tw_text(out, SPAN_NAME, name);
	if (path)
		tw_attr_text(out, SPAN_ATTRIBUTES, "url.path", path);
	const char *const events[] = {first_event, second_event};
	for (size_t i = 0; i < 2 && events[i]; i++) {
		size_t event = tw_open(out, SPAN_EVENTS);
		tw_text(out, EVENT_NAME, events[i]);
		tw_close(out, event);
	}
	tw_close(out, span);
}

static size_t open_scope(struct buf *out, const char *name)
{
	size_t scope_spans = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	size_t scope = tw_open(out, SCOPE_SPANS_SCOPE);
	tw_text(out, SCOPE_NAME, name);
	tw_close(out, scope);
	return scope_spans;
}

static size_t open_resource(struct buf *out, const char *service)
{
	size_t resource_spans = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t resource = tw_open(out, RESOURCE_SPANS_RESOURCE);
	tw_attr_text(out, RESOURCE_ATTRIBUTES, "service.name", service);
	tw_close(out, resource);
	return resource_spans;
}

/*
 * Spans 0 to 4 and their events:
 *   api    http   0 scrape (start, noise), 1 chat (start, noise)
 *          probe  2 ping (noise)
 *   batch  http   3 scrape (start), 4 job
 */
static struct slice request(void)
{
	static struct buf out;
	if (out.len > 0)
		return buf_slice(&out);
	size_t resource = open_resource(&out, "api");
	size_t scope = open_scope(&out, "http");
	add_span(&out, "scrape", "/metrics", "start", "noise");
	add_span(&out, "chat", "/v1/chat", "start", "noise");
	tw_close(&out, scope);
	scope = open_scope(&out, "probe");
	add_span(&out, "ping", NULL, "noise", NULL);
	tw_close(&out, scope);
	tw_close(&out, resource);
	resource = open_resource(&out, "batch");
	scope = open_scope(&out, "http");
	add_span(&out, "scrape", "/metrics", "start", NULL);
	add_span(&out, "job", NULL, NULL, NULL);
	tw_close(&out, scope);
	tw_close(&out, resource);
	return buf_slice(&out);
}

/* Live spans and events as digits: "1 4|23". */
static const char *live(struct processor_fixture *fixture)
{
	static char text[32];
	size_t len = 0;
	for (uint32_t i = 0; i < view_span_count(fixture->view); i++) {
		if (view_span_live(fixture->view, i))
			text[len++] = (char)('0' + i);
	}
	text[len++] = '|';
	for (uint32_t i = 0; i < view_event_count(fixture->view); i++) {
		if (view_event_live(fixture->view, i))
			text[len++] = (char)('0' + i);
	}
	text[len] = 0;
	return text;
}

static void open_filter(struct processor_fixture *fixture, const char *yaml)
{
	if (!processor_fixture_open(fixture, TYPE, yaml))
		fail_msg("%s: %s", yaml, config_support_errors(&fixture->config));
}

static void drops_what_any_condition_holds_for(void **state)
{
	static const struct {
		const char *yaml, *live;
	} cases[] = {
		{"{}", "01234|012345"},
		{"{traces: {span: ['attributes[\"url.path\"] == \"/metrics\"']}}", "124|234"},
		{"{traces: {span: ['name == \"chat\"', 'name == \"job\"']}}", "023|0145"},
		{"{traces: {resource: ['attributes[\"service.name\"] == \"api\"']}}", "34|5"},
		{"{traces: {spanevent: ['name == \"noise\"']}}", "01234|025"},
		/* prefixed paths in the old form, too */
		{"{traces: {span: ['span.name == \"chat\"'], spanevent: ['spanevent.name == "
		 "\"start\"']}}",
		 "0234|14"},
		/* outer contexts from inner ones */
		{"{traces: {span: ['resource.attributes[\"service.name\"] == \"batch\" and "
		 "name == \"scrape\"']}}",
		 "0124|01234"},
		{"{traces: {spanevent: ['span.name == \"chat\" and name == \"noise\"']}}",
		 "01234|01245"},
		/* contexts by prefix */
		{"{trace_conditions: ['span.name == \"ping\"']}", "0134|01235"},
		{"{trace_conditions: ['scope.name == \"http\"']}", "2|4"},
		{"{trace_conditions: ['resource.attributes[\"service.name\"] == \"api\"', "
		 "'spanevent.name == \"start\"']}",
		 "34|"},
		{"{trace_conditions: ['resource.attributes[\"service.name\"] == \"api\" and "
		 "span.name == \"chat\"']}",
		 "0234|0145"},
		/* the long form */
		{"{trace_conditions: [{context: span, conditions: ['name == \"job\"', "
		 "'attributes[\"url.path\"] != nil']}]}",
		 "2|4"},
		{"{trace_conditions: [{conditions: ['span.name == \"job\"']}, 'spanevent.name == "
		 "\"noise\"']}",
		 "0123|025"},
		{"{trace_conditions: [{context: spanevent, conditions: ['name == \"noise\"']}]}",
		 "01234|025"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct processor_fixture fixture;
		open_filter(&fixture, cases[i].yaml);
		assert_int_equal(processor_fixture_run(&fixture, request()), OUTCOME_TAKEN);
		if (strcmp(live(&fixture), cases[i].live) != 0)
			fail_msg("%s: %s, not %s", cases[i].yaml, live(&fixture), cases[i].live);
		processor_fixture_close(&fixture);
	}
}

#define DROPPED "sluice_processor_filter_condition_dropped"
#define CONDITION(text) "filter=\"fixture\",condition=\"" text "\""

/* Resources before spans before events: what an outer context dropped is nobody else's. */
static void each_drop_is_counted_once_for_the_outermost_condition(void **state)
{
	struct processor_fixture fixture;
	(void)state;
	open_filter(&fixture, "{traces: {spanevent: ['true'], span: ['name == \"job\"', 'true'], "
			      "resource: ['attributes[\"service.name\"] == \"api\"']}}");
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(processor_fixture_run(&fixture, request()), OUTCOME_TAKEN);
		assert_string_equal(live(&fixture), "|");
		assert_int_equal(
			processor_fixture_metric(&fixture, DROPPED,
						 CONDITION("attributes[\\\"service.name\\\"] == "
							   "\\\"api\\\"")),
			3 * i);
		assert_int_equal(processor_fixture_metric(&fixture, DROPPED,
							  CONDITION("name == \\\"job\\\"")),
				 1 * i);
		/* As a span condition; as an event condition it has the same series and dropped
		 * nothing. */
		assert_int_equal(processor_fixture_metric(&fixture, DROPPED, CONDITION("true")),
				 1 * i);
		assert_int_equal(processor_fixture_metric(&fixture,
							  "otelcol_processor_filter_spans_filtered",
							  "filter=\"fixture\""),
				 5 * i);
		assert_int_equal(processor_fixture_metric(&fixture,
							  "sluice_processor_filter_events_filtered",
							  "filter=\"fixture\""),
				 0);
	}
	processor_fixture_close(&fixture);
}

static void events_of_spans_that_stay_are_counted(void **state)
{
	struct processor_fixture fixture;
	(void)state;
	open_filter(&fixture,
		    "{traces: {span: ['name == \"chat\"'], spanevent: ['name == \"noise\"']}}");
	(void)processor_fixture_run(&fixture, request());
	assert_int_equal(processor_fixture_metric(&fixture,
						  "sluice_processor_filter_events_filtered",
						  "filter=\"fixture\""),
			 2);
	assert_int_equal(
		processor_fixture_metric(&fixture, DROPPED, CONDITION("name == \\\"noise\\\"")), 2);
	processor_fixture_close(&fixture);
}

/* ---- errors --------------------------------------------------------------------------------- */

/* An error on every span without url.path: 2 and 4. */
#define FAILING "HasPrefix(attributes[\"url.path\"], \"/metrics\")"

static void an_error_goes_the_way_of_its_mode(void **state)
{
	static const struct {
		const char *mode;
		enum outcome outcome;
		bool logged;
		uint32_t dropped;
	} cases[] = {
		{"", OUTCOME_TAKEN, true, 2},
		{"error_mode: ignore, ", OUTCOME_TAKEN, true, 2},
		{"error_mode: silent, ", OUTCOME_TAKEN, false, 2},
		{"error_mode: propagate, ", OUTCOME_RETRY, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct processor_fixture fixture;
		struct buf yaml = BUF_INIT;
		buf_printf(&yaml, "{%straces: {span: ['%s']}}", cases[i].mode, FAILING);
		open_filter(&fixture, buf_cstr(&yaml));
		assert_int_equal(processor_fixture_run(&fixture, request()), cases[i].outcome);
		const char *log = processor_fixture_log(&fixture);
		assert_int_equal(strstr(log, "failed to eval condition") != NULL, cases[i].logged);
		/* Two errors, one line. */
		if (cases[i].logged)
			assert_null(strstr(strchr(log, '\n') + 1, "failed to eval condition"));
		assert_int_equal(processor_fixture_metric(
					 &fixture, "sluice_processor_filter_condition_errors",
					 CONDITION("HasPrefix(attributes[\\\"url.path\\\"], "
						   "\\\"/metrics\\\")")),
				 2);
		assert_int_equal(processor_fixture_metric(
					 &fixture, DROPPED,
					 CONDITION("HasPrefix(attributes[\\\"url.path\\\"], "
						   "\\\"/metrics\\\")")),
				 cases[i].dropped);
		assert_int_equal(processor_fixture_metric(&fixture,
							  "otelcol_processor_filter_spans_filtered",
							  "filter=\"fixture\""),
				 cases[i].dropped);
		processor_fixture_close(&fixture);
		buf_fini(&yaml);
	}
}

static void the_long_form_has_its_own_error_mode(void **state)
{
	static const struct {
		const char *yaml;
		enum outcome outcome;
	} cases[] = {
		{"{error_mode: propagate, trace_conditions: [{context: span, error_mode: silent, "
		 "conditions: ['" FAILING "']}]}",
		 OUTCOME_TAKEN},
		{"{error_mode: silent, trace_conditions: [{context: span, error_mode: propagate, "
		 "conditions: ['" FAILING "']}]}",
		 OUTCOME_RETRY},
		/* and the processor's when it says nothing */
		{"{error_mode: propagate, trace_conditions: [{context: span, conditions: ['" FAILING
		 "']}]}",
		 OUTCOME_RETRY},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct processor_fixture fixture;
		open_filter(&fixture, cases[i].yaml);
		if (processor_fixture_run(&fixture, request()) != cases[i].outcome)
			fail_msg("%s", cases[i].yaml);
		processor_fixture_close(&fixture);
	}
}

/* ---- telling -------------------------------------------------------------------------------- */

static void tells_what_each_condition_dropped_when_it_changed(void **state)
{
	struct processor_fixture fixture;
	(void)state;
	open_filter(&fixture, "{traces: {span: ['name == \"scrape\"', 'name == \"never\"']}}");
	fixture.ops->report(fixture.self);
	assert_null(strstr(processor_fixture_log(&fixture), "Filter dropped"));
	(void)processor_fixture_run(&fixture, request());
	fixture.ops->report(fixture.self);
	const char *log = processor_fixture_log(&fixture);
	assert_non_null(strstr(log, "name == \\\"scrape\\\""));
	assert_non_null(strstr(log, "\"dropped\": 2"));
	assert_null(strstr(log, "never"));
	size_t len = strlen(log);
	fixture.ops->report(fixture.self); /* nothing new, nothing said */
	assert_int_equal(strlen(processor_fixture_log(&fixture)), len);
	processor_fixture_close(&fixture);
}

static void warns_of_conditions_that_cannot_mean_what_they_say(void **state)
{
	static const struct {
		const char *condition, *warning;
	} cases[] = {
		{"attributes[\"http.url\"] == \"/metrics\"", "never true"},
		{"name == \"GET\"", "hits ordinary traffic"},
		{"attributes[\"url.path\"] == \"/metrics\"", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct processor_fixture fixture;
		struct buf yaml = BUF_INIT;
		buf_printf(&yaml, "{traces: {span: ['%s']}}", cases[i].condition);
		open_filter(&fixture, buf_cstr(&yaml));
		fixture.ops->lint(fixture.self, &fixture.config.report);
		const char *warnings = config_support_warnings(&fixture.config);
		if (cases[i].warning) {
			assert_non_null(strstr(warnings, cases[i].warning));
			assert_non_null(strstr(warnings, "test.yaml:1:"));
		} else {
			assert_string_equal(warnings, "");
		}
		processor_fixture_close(&fixture);
		buf_fini(&yaml);
	}
}

static void says_what_is_wrong_with_its_configuration(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{"{traces: {span: ['true']}, trace_conditions: ['true']}",
		 "cannot use \"traces\" and \"trace_conditions\" at the same time"},
		{"{traces: {span: ['name = \"x\"']}}", "test.yaml:1:24"},
		{"{traces: {span: ['Foo(name)']}}", "undefined function \"Foo\""},
		{"{error_mode: loud}", "error_mode"},
		{"{traces: {spans: ['true']}}", "did you mean \"span\"?"},
		{"{trace_conditions: {a: b}}", "'trace_conditions' must be a list"},
		{"{trace_conditions: [{context: link, conditions: ['true']}]}", "context"},
		{"{trace_conditions: ['name == \"x\"']}", "missing context name"},
		{"{trace_conditions: [['true']]}", "must be a string or a map"},
		{"{spans: {exclude: {match_type: strict, services: [a]}}}", "traces.span"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		processor_fixture_expect_error(TYPE, cases[i].yaml, cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_what_any_condition_holds_for),
		cmocka_unit_test(each_drop_is_counted_once_for_the_outermost_condition),
		cmocka_unit_test(events_of_spans_that_stay_are_counted),
		cmocka_unit_test(an_error_goes_the_way_of_its_mode),
		cmocka_unit_test(the_long_form_has_its_own_error_mode),
		cmocka_unit_test(tells_what_each_condition_dropped_when_it_changed),
		cmocka_unit_test(warns_of_conditions_that_cannot_mean_what_they_say),
		cmocka_unit_test(says_what_is_wrong_with_its_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
