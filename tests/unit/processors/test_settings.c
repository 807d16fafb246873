/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the wrong type and out of bounds, for each key of the Collector's processors: the texts
 * are those that its users know and search for. */
#include "tests/support/processor_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NO_U32(key, type, value)                                                                   \
	"'" key "' expected type 'uint32', got unconvertible type '" type "', value: '" value "'"

static void wrong_values_are_told_as_the_collector_tells_them(void **state)
{
	static const struct {
		const char *processor, *yaml, *error;
	} cases[] = {
		{"batch", "{timeout: 5}", "'timeout' time: missing unit in duration \"5\""},
		{"batch", "{timeout: soon}", "'timeout' time: invalid duration \"soon\""},
		{"batch", "{timeout: -1s}", "'timeout' must not be negative, got \"-1s\""},
		{"batch", "{timeout: 9999999h}", "'timeout' time: invalid duration \"9999999h\""},
		{"batch", "{timeout: [1s]}",
		 "'timeout' expected type 'time.Duration', got unconvertible type '[]interface "
		 "{}'"},
		{"batch", "{send_batch_size: -1}",
		 "cannot parse 'send_batch_size', -1 overflows uint"},
		{"batch", "{send_batch_size: 4294967296}",
		 "cannot parse 'send_batch_size', 4294967296 overflows uint32"},
		{"batch", "{send_batch_size: many}", NO_U32("send_batch_size", "string", "many")},
		{"batch", "{send_batch_size: 1.5}", NO_U32("send_batch_size", "float64", "1.5")},
		{"batch", "{send_batch_max_size: true}",
		 NO_U32("send_batch_max_size", "bool", "true")},
		{"batch", "{metadata_keys: {a: b}}",
		 "'metadata_keys' source data must be an array or slice, got "
		 "map[string]interface {}"},
		{"memory_limiter", "{check_interval: 1, limit_mib: 10}",
		 "'check_interval' time: missing unit in duration \"1\""},
		{"memory_limiter", "{check_interval: 1s, limit_mib: -10}",
		 "cannot parse 'limit_mib', -10 overflows uint"},
		{"memory_limiter", "{check_interval: 1s, limit_mib: 10, spike_limit_mib: x}",
		 NO_U32("spike_limit_mib", "string", "x")},
		{"memory_limiter", "{check_interval: 1s, limit_percentage: 101}",
		 "'limit_percentage' must be between 0 and 100, got 101"},
		{"memory_limiter",
		 "{check_interval: 1s, limit_percentage: 50, spike_limit_percentage: [5]}",
		 "'spike_limit_percentage' expected type 'uint32', got unconvertible type "
		 "'[]interface {}'"},
		{"probabilistic_sampler", "{sampling_percentage: -1}",
		 "'sampling_percentage' must be between 0 and"},
		{"probabilistic_sampler", "{sampling_percentage: .nan}",
		 "'sampling_percentage' must be between 0 and"},
		{"probabilistic_sampler", "{sampling_percentage: much}",
		 "'sampling_percentage' expected type 'float64', got unconvertible type 'string', "
		 "value: 'much'"},
		{"probabilistic_sampler", "{hash_seed: -1}",
		 "cannot parse 'hash_seed', -1 overflows uint"},
		{"probabilistic_sampler", "{mode: random}", "'mode' unknown value \"random\""},
		{"probabilistic_sampler", "{fail_closed: 3}",
		 "'fail_closed' expected type 'bool', got unconvertible type 'int', value: '3'"},
		{"filter", "{error_mode: never}",
		 "'error_mode' unknown value \"never\" (valid values: [ignore silent propagate])"},
		{"filter", "{error_mode: 3}",
		 "'error_mode' expected type 'string', got unconvertible type 'int', value: '3'"},
		{"filter", "{traces: [span]}", "'traces' expected a map, got '[]interface {}'"},
		{"filter", "{traces: {spans: ['true']}}", "'traces' has invalid keys: spans"},
		{"filter", "{traces: {resource: {a: b}}}",
		 "'traces.resource' source data must be an array or slice, got "
		 "map[string]interface {}"},
		{"filter", "{traces: {spanevent: [3]}}",
		 "'traces.spanevent[0]' expected type 'string', got unconvertible type 'int', "
		 "value: '3'"},
		{"filter", "{trace_conditions: [{context: spam, conditions: ['true']}]}",
		 "'context' unknown value \"spam\" (valid values: [resource scope span "
		 "spanevent])"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		processor_fixture_expect_error(cases[i].processor, cases[i].yaml, cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_values_are_told_as_the_collector_tells_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
