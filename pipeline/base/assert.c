/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a program whose own promise was broken. No logger: it may be what is broken. */
#include "pipeline/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *condition, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
	abort();
}
