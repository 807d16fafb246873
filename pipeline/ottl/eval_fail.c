/* SPDX-License-Identifier: Apache-2.0 */
/* How an evaluation ends in an error: the first one stays, in the words of the Collector. A file of its
 * own, so that what reads and converts values does not depend on what evaluates them. */
#include "pipeline/ottl/evaluation.h"

#include <stdarg.h>
#include <stdio.h>

bool eval_fail(struct evaluation *ev, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err_set(ev->err, ERR_CONFIG, "%s", text);
	return false;
}
