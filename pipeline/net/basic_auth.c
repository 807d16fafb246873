/* SPDX-License-Identifier: Apache-2.0 */
/* The scheme and the credentials in base64 behind it. Nothing is kept. */
#include "pipeline/net/basic_auth.h"

#include "pipeline/base/base64.h"

#include <string.h>

void basic_auth_write(struct slice credentials, char *out)
{
	static const char scheme[] = "Basic ";
	memcpy(out, scheme, sizeof(scheme));
	base64_encode(credentials, out + sizeof(scheme) - 1);
}
