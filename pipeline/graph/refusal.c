/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender is told whose request found no room: when to come again. See drain.h. */
#include "pipeline/base/clock.h"
#include "pipeline/graph/internal.h"

/* The sender is told: each queue that had no room counts the refusal and says when it will. */
static struct drain_wait refuse_group(const struct offer *offer, uint64_t now_ns)
{
	struct drain_wait longest = {0};
	const struct chunk *chunk = offer->chunk;
	for (size_t i = 0; i < offer->group->member_count; i++) {
		struct sender *sender = offer->group->members[i]->sender;
		if (!(offer->takers & UINT64_C(1) << i))
			longest = drain_longer(longest, sender_refuse(sender, chunk->span_count,
								      chunk->len, now_ns));
	}
	return longest;
}

struct drain_wait flow_refuse(const struct shard *shard)
{
	static const struct drain_wait one_second = {NS_PER_S, NS_PER_S};
	struct drain_wait longest = {0};
	uint64_t now_ns = clock_monotonic_ns();
	for (size_t i = 0; i < shard->offer_count; i++) {
		const struct offer *offer = &shard->offers[i];
		struct drain_wait wait = {0};
		if (offer->group)
			wait = refuse_group(offer, now_ns);
		else if (!offer->takers && offer->holder)
			wait = holder_refuse(offer->holder, offer->chunk->len, now_ns);
		else if (!offer->takers)
			wait = one_second; /* a waiting room: it empties by time alone */
		longest = drain_longer(longest, wait);
	}
	return longest;
}
