/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints are a service's own, by the list of dialects. */
#include "exporters/otlp/otlp_dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *url, *name; /* name NULL: plain OTLP */
} endpoints[] = {
	{"https://cloud.langfuse.com/api/public/otel", "Langfuse"},
	{"https://cloud.langfuse.com/api/public/otel/", "Langfuse"},
	{"https://cloud.langfuse.com/api/public/otel/v1/traces", "Langfuse"},
	{"http://10.0.0.1:3000/base/api/public/otel/v1/traces//", "Langfuse"},
	{"https://cloud.langfuse.com", NULL},
	{"https://cloud.langfuse.com/api/public/otel/v1/metrics", NULL},
	{"http://tempo:4318", NULL},
	{"http://tempo:4318/v1/traces", NULL},
	{"/", NULL},
	{"", NULL},
};

static void an_endpoint_has_the_dialect_of_its_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		const struct otlp_dialect *dialect = otlp_dialect_find(endpoints[i].url);
		if (!endpoints[i].name) {
			assert_null(dialect);
			continue;
		}
		assert_non_null(dialect);
		assert_string_equal(dialect->name, endpoints[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_has_the_dialect_of_its_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
