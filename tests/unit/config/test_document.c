/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/config_blocks.h"

#define TABLE_HEAD                                                                                 \
	"| Key | Type | Default | Unit | Meaning |\n"                                              \
	"| --- | --- | --- | --- | --- |\n"

static void a_block_becomes_a_table_with_dotted_keys(void **state)
{
	struct buf out = BUF_INIT;
	(void)state;
	config_block_document(&sample_receiver_block, &out);
	assert_string_equal(
		buf_cstr(&out), TABLE_HEAD
		"| `protocols` | block |  |  | Protocols. |\n"
		"| `protocols.grpc` | block | off |  | OTLP/gRPC. |\n"
		"| `protocols.grpc.endpoint` | string | `localhost:4317` |  | Where to listen. |\n"
		"| `protocols.grpc.max_concurrent_streams` | integer | `100` | {stream} | Streams "
		"per connection. |\n"
		"| `protocols.http` | block | off |  | OTLP/HTTP. |\n"
		"| `protocols.http.endpoint` | string | `localhost:4317` |  | Where to listen. |\n"
		"| `protocols.http.max_concurrent_streams` | integer | `100` | {stream} | Streams "
		"per connection. |\n");
	buf_fini(&out);
}

static void each_type_has_its_row(void **state)
{
	struct buf out = BUF_INIT;
	(void)state;
	config_block_document(&sample_processor_block, &out);
	assert_string_equal(
		buf_cstr(&out), TABLE_HEAD
		"| `timeout` | duration | `200ms` |  | How long \\| to wait. |\n"
		"| `limit_mib` | integer | `512` | MiB | Memory. |\n"
		"| `bytes_max` | integer | `1000` | B | Bytes. |\n"
		"| `offset` | integer | `-5` |  | A signed number. |\n"
		"| `ratio` | number | `0.5` |  | A share. |\n"
		"| `enabled` | bool | `true` |  | On. |\n"
		"| `error_mode` | `ignore`, `silent`, `propagate` | `silent` |  | On errors. |\n"
		"| `metadata_keys` | list of strings |  |  | Keys. |\n"
		"| `actions` | list of blocks |  |  | Actions. |\n"
		"| `actions[].key` | string |  |  | The attribute. |\n"
		"| `actions[].action` | string | `insert` |  | What is done. |\n"
		"| `rules` | own syntax |  |  | Rules. |\n"
		"| `min_gc_interval` | duration, no effect |  |  | There is no garbage collector. "
		"|\n");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_becomes_a_table_with_dotted_keys),
		cmocka_unit_test(each_type_has_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
