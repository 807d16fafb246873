/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a job, what holds in each of them, and what its end means to those who wait. What
 * makes a job pass from one state to the next is in job.c.
 */
#include "pipeline/base/assert.h"
#include "pipeline/delivery/job.h"

UNUSED static const unsigned may_follow[] = {
	[JOB_FREE] = STATE_BIT(JOB_AT_WORK),
	[JOB_AT_WORK] = STATE_BIT(JOB_SENDING) | STATE_BIT(JOB_WAITING) | STATE_BIT(JOB_FREE),
	[JOB_SENDING] = STATE_BIT(JOB_AT_WORK),
	[JOB_WAITING] = STATE_BIT(JOB_AT_WORK),
};

void job_enter(struct job *job, enum job_state state)
{
	ASSERT_STEP(may_follow, job->state, state);
	job->state = state;
}

const char *job_fault(const struct job *job)
{
	if ((job->state == JOB_FREE) != !job->batch)
		return "a slot is neither free nor has it a batch";
	uint64_t left = piece_list_spans(&job->pieces);
	if (job->batch ? job->settled + left != job->batch->span_count : left > 0)
		return "a span is neither accounted for nor in a piece, or twice";
	return NULL;
}

void job_acknowledge(bool waits, struct batch *batch, struct ack_result result)
{
	for (size_t i = 0; waits && i < batch->ack_count; i++)
		ack_finish(batch->acks[i], result);
}
