/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the first "$NAME". Only that name is shown: what stands around it may be a secret. */
#include "pipeline/net/shell_variable.h"

#include "pipeline/base/ascii.h"

enum { NAME_BYTES_MAX = 64 };

static bool is_name_byte(uint8_t byte)
{
	return ascii_is_alnum(byte) || byte == '_';
}

int shell_variable_refuse(struct slice address, struct err *err)
{
	const uint8_t *dollar = address.len > 0 ? memchr(address.ptr, '$', address.len) : NULL;
	if (!dollar)
		return 0;
	const char *name = (const char *)dollar + 1;
	size_t room = address.len - (size_t)(dollar + 1 - address.ptr), len = 0;
	while (len < room && is_name_byte((uint8_t)name[len]))
		len++;
	if (len == 0 || len > NAME_BYTES_MAX)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "$%.*s is not replaced: only braces name a variable; write ${env:%.*s}",
		       (int)len, name, (int)len, name);
}
