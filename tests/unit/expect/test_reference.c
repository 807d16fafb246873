/* SPDX-License-Identifier: Apache-2.0 */
/* The page about expectations has the keys that there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/expect/expectations.h"
#include "tests/support/generated_page.h"

static const struct page_part parts[] = {
	{"<!-- keys -->\n", expect_document},
	{"<!-- names -->\n", expect_document_names},
};

static void the_page_has_the_keys_and_names_of_the_program(void **state)
{
	(void)state;
	generated_page_check("docs/expectations.md", parts, sizeof(parts) / sizeof(parts[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_has_the_keys_and_names_of_the_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
