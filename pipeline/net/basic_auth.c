/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/basic_auth.h"

#include <openssl/evp.h>
#include <string.h>

void basic_auth_write(struct slice credentials, char *out)
{
	static const char scheme[] = "Basic ";
	memcpy(out, scheme, sizeof(scheme));
	EVP_EncodeBlock((unsigned char *)out + sizeof(scheme) - 1, credentials.ptr,
			(int)credentials.len);
}
