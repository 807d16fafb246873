/* SPDX-License-Identifier: Apache-2.0 */
/* A result is kept in one atomic word, such that the worse of two is the larger number. */
#include "pipeline/delivery/ack.h"

enum { CODE_BITS = 8, RETRY_BITS = 32 };

static uint64_t pack(struct ack_result result)
{
	uint64_t outcome_and_retry = (uint64_t)result.outcome << RETRY_BITS | result.retry_after_ms;
	return outcome_and_retry << CODE_BITS | (uint8_t)result.grpc_code;
}

static struct ack_result unpack(uint64_t packed)
{
	return (struct ack_result){.outcome = (enum outcome)(packed >> (RETRY_BITS + CODE_BITS)),
				   .grpc_code = (uint8_t)packed,
				   .retry_after_ms = (uint32_t)(packed >> CODE_BITS)};
}

struct ack_result ack_worse(struct ack_result a, struct ack_result b)
{
	return pack(a) > pack(b) ? a : b;
}

static void run_done(struct loop_task *task)
{
	struct ack *ack = CONTAINER_OF(task, struct ack, task);
	ASSERT_ON_LOOP(ack->loop);
	struct ack_result result = unpack(atomic_load(&ack->worst));
	ack->done(ack, &result);
}

void ack_init(struct ack *ack, struct loop *loop,
	      void (*done)(struct ack *ack, const struct ack_result *result))
{
	*ack = (struct ack){.done = done, .loop = loop, .task = {.run = run_done}};
	atomic_init(&ack->pending, 1);
	atomic_init(&ack->worst, pack((struct ack_result){OUTCOME_TAKEN, 0, 0}));
}

void ack_expect(struct ack *ack, uint32_t count)
{
	UNUSED uint32_t before = atomic_fetch_add(&ack->pending, count);
	ASSERT(before > 0); /* else its waiter has been told already */
}

void ack_finish(struct ack *ack, struct ack_result result)
{
	uint64_t packed = pack(result), worst = atomic_load(&ack->worst);
	while (packed > worst && !atomic_compare_exchange_weak(&ack->worst, &worst, packed))
		;
	uint32_t before = atomic_fetch_sub(&ack->pending, 1);
	ASSERT(before > 0);
	if (before == 1)
		loop_post(ack->loop, &ack->task);
}
