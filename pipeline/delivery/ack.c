/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/delivery/ack.h"

static void run_done(struct loop_task *task)
{
	struct ack *ack = CONTAINER_OF(task, struct ack, task);
	ack->done(ack, (enum ack_outcome)atomic_load(&ack->outcome));
}

void ack_init(struct ack *ack, struct loop *loop,
	      void (*done)(struct ack *ack, enum ack_outcome outcome))
{
	*ack = (struct ack){.done = done, .loop = loop, .task = {.run = run_done}};
	atomic_init(&ack->pending, 1);
	atomic_init(&ack->outcome, ACK_DELIVERED);
}

void ack_expect(struct ack *ack, uint32_t count)
{
	atomic_fetch_add(&ack->pending, count);
}

void ack_finish(struct ack *ack, enum ack_outcome outcome)
{
	uint32_t worst = atomic_load(&ack->outcome);
	while ((uint32_t)outcome > worst &&
	       !atomic_compare_exchange_weak(&ack->outcome, &worst, (uint32_t)outcome))
		;
	if (atomic_fetch_sub(&ack->pending, 1) == 1)
		loop_post(ack->loop, &ack->task);
}
