/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scenario_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct daemon *scenario_start(const char *const *args, const char *format, ...)
{
	char *text = NULL;
	va_list list;
	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	assert_true(len >= 0);
	struct daemon *daemon = daemon_start(text, args);
	free(text);
	return daemon;
}
