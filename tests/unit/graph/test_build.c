/* SPDX-License-Identifier: Apache-2.0 */
/* From configuration to instances: what is wrong is said once, and nothing is made of it. */
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define RECEIVERS "receivers: {nop: }\n"
#define PIPELINE(processors, exporters)                                                            \
	"service: {pipelines: {traces: {receivers: [nop], processors: [" processors                \
	"], exporters: [" exporters "]}}}\n"

/* A block that does not bind is not made into a component: what it would say depends on values
 * that nobody wrote. Others beside it are made, and say what is wrong with them. */
static void a_block_that_does_not_bind_has_no_follow_up_errors(void **state)
{
	static const struct {
		const char *yaml;
		const char *said[3], *unsaid;
	} cases[] = {
		{RECEIVERS "exporters: {otlp: {endpoint: [a, b]}}\n" PIPELINE("", "otlp"),
		 {"'endpoint' expected type 'string'"},
		 "invalid port"},
		{RECEIVERS
		 "exporters: {otlp: {endpoint: 'a:b', timeout: soon}}\n" PIPELINE("", "otlp"),
		 {"'timeout'"},
		 "invalid port"},
		{RECEIVERS
		 "processors: {filter: {error_mode: never, traces: {span: ['name = ']}}, "
		 "filter/2: {traces: {span: ['name = ']}}}\nexporters: {nop: }\n" PIPELINE(
			 "filter, filter/2", "nop"),
		 {"error_mode", "processors.filter/2"},
		 "processors.filter)"},
		{"receivers: {otlp: {protocols: {http: {max_request_body_size: lots, endpoint: "
		 "'nowhere'}}}}\nexporters: {nop: }\n"
		 "service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n",
		 {"max_request_body_size' expected type"},
		 "nowhere"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_fixture fixture;
		assert_false(graph_fixture_build(&fixture, cases[i].yaml, 1));
		const char *errors = config_support_errors(&fixture.config);
		for (size_t k = 0; k < ARRAY_COUNT(cases[i].said) && cases[i].said[k]; k++) {
			if (!strstr(errors, cases[i].said[k]))
				fail_msg("case %zu does not say %s:\n%s", i, cases[i].said[k],
					 errors);
		}
		if (strstr(errors, cases[i].unsaid))
			fail_msg("case %zu says %s:\n%s", i, cases[i].unsaid, errors);
		graph_fixture_close(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_that_does_not_bind_has_no_follow_up_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
