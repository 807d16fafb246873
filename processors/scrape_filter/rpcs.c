/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service and method of a procedure stand in one text or in two, parted by a '/' or, with OpenCensus,
 * by a '.'. They are put together on the stack as the patterns are written; a name that is longer
 * than that has room for is none of them.
 */
#include "processors/scrape_filter/rpcs.h"

#include "pipeline/base/compiler.h"

enum { RPC_BYTES_MAX = 256 };

/* Whether the procedure is listed whose service and method ${text} names, parted by the last ${mark}. */
static bool match(const struct scrape_patterns *rpcs, struct slice text, char mark)
{
	uint8_t name[RPC_BYTES_MAX];
	if (text.len == 0)
		return false;
	if (text.ptr[0] == '/')
		text = slice_of(text.ptr + 1, text.len - 1);
	const uint8_t *last = text.len <= sizeof(name) ? memrchr(text.ptr, mark, text.len) : NULL;
	if (!last)
		return false;
	memcpy(name, text.ptr, text.len);
	name[last - text.ptr] = '/';
	return patterns_match(rpcs, slice_of(name, text.len));
}

bool rpcs_match_full(const struct scrape_patterns *rpcs, struct slice text)
{
	return match(rpcs, text, '/');
}

bool rpcs_match_pair(const struct scrape_patterns *rpcs, struct slice service, struct slice method)
{
	uint8_t name[RPC_BYTES_MAX];
	size_t len = service.len + 1 + method.len;
	if (service.len == 0 || len > sizeof(name))
		return false;
	memcpy(name, service.ptr, service.len);
	name[service.len] = '/';
	if (method.len > 0)
		memcpy(name + service.len + 1, method.ptr, method.len);
	return match(rpcs, slice_of(name, len), '/');
}

bool rpcs_match_name(const struct scrape_patterns *rpcs, struct slice name)
{
	static const char *const prefixes[] = {"POST ", "Recv.", "Sent."};
	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
		struct slice prefix = slice_str(prefixes[i]);
		if (slice_has_prefix(name, prefix))
			name = slice_of(name.ptr + prefix.len, name.len - prefix.len);
	}
	return match(rpcs, name, '/') || match(rpcs, name, '.');
}
