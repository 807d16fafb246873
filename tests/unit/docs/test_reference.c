/* SPDX-License-Identifier: Apache-2.0 */
/* docs/components.md is what the program prints of its own tables, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

static void read_stream(FILE *stream, struct buf *text)
{
	char piece[4096];
	size_t len;
	assert_non_null(stream);
	while ((len = fread(piece, 1, sizeof(piece), stream)) > 0)
		buf_append(text, slice_of(piece, len));
}

static void the_reference_is_what_the_program_prints(void **state)
{
	struct buf printed = BUF_INIT, committed = BUF_INIT, command = BUF_INIT;
	const char *program = getenv("SLUICE_BIN");
	(void)state;
	buf_printf(&command, "%s components --markdown", program ? program : "bin/sluice");
	FILE *pipe = popen(buf_cstr(&command), "r");
	read_stream(pipe, &printed);
	assert_int_equal(pclose(pipe), 0);
	FILE *file = fopen("docs/components.md", "re");
	read_stream(file, &committed);
	assert_int_equal(fclose(file), 0);
	if (!slice_equal(buf_slice(&printed), buf_slice(&committed)))
		fail_msg("docs/components.md is old: make docs");
	buf_fini(&printed);
	buf_fini(&committed);
	buf_fini(&command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_is_what_the_program_prints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
