/* SPDX-License-Identifier: Apache-2.0 */
/* What the user gives a local collector is taken whole or refused. Its ports: scenario/test_cli. */
#include "cmd/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_refused(struct local *local)
{
	size_t configs = local->options.configs.count, sets = local->options.sets.count;
	assert_false(local_start(local, NULL, NULL));
	assert_true(local->options.configs.count <= configs + 1);
	assert_int_equal(local->options.sets.count, sets);
}

static void one_option_too_many_is_refused_not_dropped(void **state)
{
	static struct local configs = {.options.configs.count = OPTION_LIST_MAX};
	static struct local sets = {.options.sets.count = OPTION_LIST_MAX - 1};
	(void)state;
	for (size_t i = 0; i < OPTION_LIST_MAX; i++) {
		configs.options.configs.at[i] = "yaml:{}";
		sets.options.sets.at[i] = "service.telemetry.logs.level=warn";
	}
	assert_refused(&configs);
	assert_int_equal(configs.options.configs.count, OPTION_LIST_MAX);
	assert_refused(&sets);
}

static void a_port_above_all_ports_is_refused(void **state)
{
	struct local grpc = {.grpc_port = UINT16_MAX + 1}, http = {.http_port = UINT64_MAX};
	(void)state;
	assert_refused(&grpc);
	assert_refused(&http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_option_too_many_is_refused_not_dropped),
		cmocka_unit_test(a_port_above_all_ports_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
