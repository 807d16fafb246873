/* SPDX-License-Identifier: Apache-2.0 */
/* Basic credentials (RFC 7617). */
#ifndef SLUICE_NET_BASIC_AUTH_H
#define SLUICE_NET_BASIC_AUTH_H

#include "pipeline/base/slice.h"

/* Room for the field value of ${len} bytes of "user:password", with its NUL. */
#define BASIC_AUTH_BYTES(len) (sizeof("Basic ") + ((size_t)(len) + 2) / 3 * 4)

/* Writes "Basic …" for ${credentials} ("user:password") to ${out}, which has BASIC_AUTH_BYTES of its
 * length. The result is a secret. */
void basic_auth_write(struct slice credentials, char *out);

#endif
