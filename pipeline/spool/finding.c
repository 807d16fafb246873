/* SPDX-License-Identifier: Apache-2.0 */
/* What should not be there is counted and handed to the queue's owner, who has words for its log. */
#include "pipeline/spool/internal.h"

const char *spool_finding_words(enum spool_finding_kind kind)
{
	static const char *const words[] = {
		[SPOOL_FINDING_TORN] = "the end of a segment was being written",
		[SPOOL_FINDING_DAMAGED] = "a segment is damaged",
		[SPOOL_FINDING_HEADER] = "a segment is not of this queue, or its head is damaged",
		[SPOOL_FINDING_MISSING] = "a segment is missing",
		[SPOOL_FINDING_ACKS] = "what was delivered is not known any more",
		[SPOOL_FINDING_FOREIGN] = "a file is not ours",
		[SPOOL_FINDING_UNREADABLE] = "a segment cannot be read",
		[SPOOL_FINDING_WRITE] = "the disk takes nothing",
	};
	return words[kind];
}

void spool_report(struct spool *spool, const struct spool_finding *finding)
{
	(void)pthread_mutex_lock(&spool->lock);
	spool->findings++;
	(void)pthread_mutex_unlock(&spool->lock);
	if (spool->config.found)
		spool->config.found(spool->config.arg, finding);
}
