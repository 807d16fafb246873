/* SPDX-License-Identifier: Apache-2.0 */
/* Both forms of a unix socket's address: a file, and a name in the abstract namespace, whose first
 * byte is NUL and whose end is the address's length, without a NUL. */
#include "pipeline/net/unix_address.h"

#include <stddef.h>
#include <string.h>

static const char prefix[] = "unix:";

bool unix_address_is(const char *host)
{
	return strncmp(host, prefix, sizeof(prefix) - 1) == 0;
}

socklen_t unix_address_set(const char *path, struct sockaddr_un *ret_address)
{
	if (unix_address_is(path))
		path += sizeof(prefix) - 1;
	size_t len = strlen(path);
	bool is_abstract = path[0] == '@';
	if (len <= (is_abstract ? 1 : 0) || len > UNIX_PATH_BYTES_MAX)
		return 0;
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret_address->sun_path, path, len);
	if (is_abstract)
		ret_address->sun_path[0] = 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (is_abstract ? 0 : 1));
}
