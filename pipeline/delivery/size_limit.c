/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/delivery/size_limit.h"

void size_limit_accept(struct size_limit *limit, size_t bytes)
{
	if (limit->refused > 0 && bytes >= limit->refused)
		limit->refused = 0; /* the backend's limit was raised, or is no number of bytes */
	if (bytes > limit->accepted)
		limit->accepted = bytes;
}

void size_limit_refuse(struct size_limit *limit, size_t bytes, bool alone, uint64_t now_ns)
{
	if (alone && bytes <= limit->accepted)
		return;
	if (limit->refused == 0 || bytes / 2 < limit->refused)
		limit->forget_ns = now_ns + SIZE_LIMIT_FORGET_NS;
	if (limit->refused == 0 || bytes < limit->refused)
		limit->refused = bytes;
	if (limit->accepted >= limit->refused)
		limit->accepted = 0;
}

static void forget(struct size_limit *limit, uint64_t now_ns)
{
	while (limit->refused > 0 && now_ns >= limit->forget_ns) {
		limit->forget_ns += SIZE_LIMIT_FORGET_NS;
		limit->refused = limit->refused > SIZE_MAX / 2 ? 0 : limit->refused * 2;
	}
}

bool size_limit_expects_refusal(struct size_limit *limit, size_t bytes, uint64_t now_ns)
{
	forget(limit, now_ns);
	return limit->refused > 0 && bytes >= limit->refused;
}

size_t size_limit_fitting(const struct size_limit *limit)
{
	return limit->accepted >= limit->refused / 2 ? limit->accepted : 0;
}
