/* SPDX-License-Identifier: Apache-2.0 */
/* What of ascii.h is no single comparison. */
#include "pipeline/base/ascii.h"

bool ascii_is_token(struct slice text)
{
	static const char signs[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < text.len; i++) {
		if (!ascii_is_alnum(text.ptr[i]) && !memchr(signs, text.ptr[i], sizeof(signs) - 1))
			return false;
	}
	return text.len > 0;
}
