/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/demo_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { SERIES_MAX = 64 };

static const struct metric_desc scrapes = {"sluice_processor_scrape_filter_dropped", "{spans}", "",
					   METRIC_COUNTER};
static const struct metric_desc conditions = {"sluice_processor_filter_condition_dropped",
					      "{spans}", "", METRIC_COUNTER};
static const struct metric_desc removals = {"sluice_processor_metadata_only_removed", "{items}", "",
					    METRIC_COUNTER};

/* A registry with series of our own making, and what is printed of it. */
struct fixture {
	struct metrics *metrics;
	struct counter counters[SERIES_MAX];
	size_t count;
	struct buf out;
};

static void open_registry(struct fixture *fixture)
{
	*fixture = (struct fixture){.metrics = metrics_new(), .out = BUF_INIT};
	assert_non_null(fixture->metrics);
}

static void add(struct fixture *fixture, const struct metric_desc *metric, const char *label,
		const char *rule, uint64_t count)
{
	struct buf labels = BUF_INIT;
	struct counter *counter = &fixture->counters[fixture->count++];
	assert_true(fixture->count <= SERIES_MAX);
	counter_add(counter, count);
	/* The name of the processor comes first and may look like the label. */
	metrics_label(&labels, "processor", "rule=\"x\",condition");
	metrics_label(&labels, label, rule);
	assert_true(metrics_add(fixture->metrics, metric, buf_cstr(&labels), counter));
	buf_fini(&labels);
}

static const char *print(struct fixture *fixture, struct terminal terminal)
{
	demo_report_print(fixture->metrics, &terminal, &fixture->out);
	return buf_cstr(&fixture->out);
}

static void close_registry(struct fixture *fixture)
{
	metrics_free(fixture->metrics);
	buf_fini(&fixture->out);
}

static const struct terminal plain = {.columns = 140, .ascii = true};

static void nothing_removed_is_nothing_said(void **state)
{
	struct fixture fixture;
	(void)state;
	open_registry(&fixture);
	add(&fixture, &scrapes, "rule", "path", 0);
	add(&fixture, &removals, "rule", "url.query", 0);
	assert_string_equal(print(&fixture, plain), "");
	close_registry(&fixture);
}

static void sections_and_rows_are_aligned_most_first(void **state)
{
	struct fixture fixture;
	(void)state;
	open_registry(&fixture);
	add(&fixture, &scrapes, "rule", "path", 3);
	add(&fixture, &scrapes, "rule", "name", 12);
	add(&fixture, &scrapes, "rule", "background", 0);
	add(&fixture, &conditions, "condition", "name == \"GET\"", 1);
	add(&fixture, &removals, "rule", "url.query", 2);
	add(&fixture, &removals, "rule", "status.message", 7);
	add(&fixture, &removals, "rule", "acme.secret", 1);
	assert_string_equal(
		print(&fixture, plain),
		"scrape_filter dropped 15 spans\n"
		"    12  noise       name                                              is named "
		"after such a request\n"
		"     3  noise       path                                              asks for "
		"/metrics, /health and the like\n"
		"\n"
		"filter dropped 1 spans\n"
		"     1  condition   name == \"GET\"                                     of your "
		"own\n"
		"\n"
		"metadata_only removed 10 values of the spans that were kept\n"
		"     7  field       status.message                                    servers "
		"copy error texts into it, and those quote the prompt\n"
		"     2  url         url.query                                         a query "
		"string\n"
		"     1  denied      acme.secret                                       by your "
		"configuration\n"
		"\n");
	close_registry(&fixture);
}

static void more_rules_than_fit_are_counted_and_long_ones_cut(void **state)
{
	struct fixture fixture;
	char rule[300];
	(void)state;
	open_registry(&fixture);
	for (unsigned i = 0; i < 30; i++) {
		(void)snprintf(rule, sizeof(rule), "rule-%02u%0250u", i, 0U);
		add(&fixture, &removals, "rule", rule, i + 1);
	}
	const char *text = print(&fixture, plain);
	assert_non_null(strstr(text, "removed 465 values")); /* 1 + 2 + … + 30 */
	assert_non_null(strstr(text, "\n    30  denied      rule-29000"));
	assert_null(strstr(text, "rule-05")); /* the 24 with most are shown */
	assert_non_null(strstr(text, "rule-06"));
	assert_non_null(strstr(text, "and 6 more rules\n"));
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\n") <= plain.columns);
	close_registry(&fixture);
}

static void colour_is_for_terminals(void **state)
{
	struct fixture fixture;
	struct terminal coloured = plain;
	(void)state;
	coloured.colour = true;
	open_registry(&fixture);
	add(&fixture, &scrapes, "rule", "path", 1);
	assert_null(strchr(print(&fixture, plain), '\x1b'));
	assert_non_null(strchr(print(&fixture, coloured), '\x1b'));
	close_registry(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_removed_is_nothing_said),
		cmocka_unit_test(sections_and_rows_are_aligned_most_first),
		cmocka_unit_test(more_rules_than_fit_are_counted_and_long_ones_cut),
		cmocka_unit_test(colour_is_for_terminals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
