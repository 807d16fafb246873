/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the two bounds apart, and tries a larger request again after a time or after enough that
 * were taken: limits are raised, and not every refusal was about bytes.
 */
#include "pipeline/delivery/size_limit.h"

void size_limit_accept(struct size_limit *limit, size_t bytes)
{
	if (limit->refused > 0 && bytes >= limit->refused)
		limit->refused = 0; /* the limit was raised, or is no number of bytes */
	else if (limit->refused > 0 && bytes >= limit->refused / 2)
		limit->taken++;
	if (bytes > limit->accepted)
		limit->accepted = bytes;
}

static bool is_close(const struct size_limit *limit, size_t bytes)
{
	return bytes / 2 < limit->refused;
}

void size_limit_refuse(struct size_limit *limit, size_t bytes, bool alone, uint64_t now_ns)
{
	if (alone && bytes <= limit->accepted)
		return;
	if (limit->refused == 0) {
		limit->refused = bytes;
		limit->taken = 0;
		limit->patience = SIZE_LIMIT_PATIENCE;
	}
	if (is_close(limit, bytes))
		limit->probe_ns = now_ns + SIZE_LIMIT_FORGET_NS;
	if (bytes < limit->refused)
		limit->refused = bytes;
	if (limit->accepted >= limit->refused)
		limit->accepted = 0;
}

static bool is_probe_due(const struct size_limit *limit, uint64_t now_ns)
{
	return now_ns >= limit->probe_ns || limit->taken >= limit->patience;
}

bool size_limit_expects_refusal(struct size_limit *limit, size_t bytes, uint64_t now_ns)
{
	if (limit->refused == 0 || bytes < limit->refused)
		return false;
	if (!is_probe_due(limit, now_ns) || !is_close(limit, bytes))
		return true;
	limit->probe_ns = now_ns + SIZE_LIMIT_FORGET_NS;
	limit->taken = 0;
	limit->patience *= 2;
	return false;
}

size_t size_limit_fitting(const struct size_limit *limit, uint64_t now_ns)
{
	if (limit->accepted < limit->refused / 2)
		return 0;
	return is_probe_due(limit, now_ns) ? limit->accepted * 2 : limit->accepted;
}
