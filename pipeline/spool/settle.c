/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of the queue: which record is settled or lost, and when a segment has nothing left. All
 * of it under the spool's lock.
 *
 * A segment's records and spans leave `records_left` and `spans_left` one by one, or all that are
 * left at once when the segment is given up. That waits for those of its records that are on their
 * way, so that each is counted by what became of it.
 */
#include "pipeline/spool/internal.h"

static struct segment *segment_of(struct spool *spool, uint64_t sequence)
{
	struct segment *segment = spool->head; /* what is on its way is in the first few */
	while (segment && sequence >= segment->end)
		segment = segment->next;
	return segment && sequence >= segment->first ? segment : NULL;
}

static void leave(struct spool *spool, uint64_t sequence, uint32_t spans, bool was_out)
{
	struct segment *segment = segment_of(spool, sequence);
	acks_set(&spool->acks, sequence);
	spool->acks_dirty = true;
	spool->acks_unwritten++;
	if (!segment)
		return;
	segment->records_out -= was_out;
	segment->records_left--;
	/* Of a record whose head is damaged the spans are not known. */
	uint64_t known = spans < segment->spans_left ? spans : segment->spans_left;
	segment->spans_left -= known;
	spool->held_spans -= known;
}

void spool_settle_sequence(struct spool *spool, uint64_t sequence, uint32_t spans)
{
	leave(spool, sequence, spans, true);
}

void spool_lose_sequence(struct spool *spool, uint64_t sequence, uint32_t spans,
			 enum spool_loss loss)
{
	spool->acks.lost[loss].records++;
	spool->acks.lost[loss].spans += spans;
	leave(spool, sequence, spans, false);
}

/* What is left of it is lost for ${loss}. */
static void lose_rest(struct spool *spool, struct segment *segment, enum spool_loss loss)
{
	spool->acks.lost[loss].records += segment->records_left;
	spool->acks.lost[loss].spans += segment->spans_left;
	spool->held_spans -= segment->spans_left;
	segment->records_left = segment->spans_left = 0;
	spool->acks_dirty = true;
}

bool spool_drop_head(struct spool *spool)
{
	struct segment *segment = spool->head;
	while (segment && segment->dropped)
		segment = segment->next;
	if (!segment || !segment->sealed) {
		spool->roll |= segment != NULL;
		(void)pthread_cond_signal(&spool->writer_wake);
		return false;
	}
	segment->dropped = true;
	segment->loss = SPOOL_LOSS_DROP_OLDEST;
	spool->bytes -= segment->file_bytes; /* the file is as good as gone */
	segment->file_bytes = 0;
	(void)pthread_cond_signal(&spool->reader_wake);
	return true;
}

void spool_advance(struct spool *spool)
{
	struct segment *segment;
	while ((segment = spool->head)) {
		if (segment->first > spool->acks.below) {
			spool->acks.lost[SPOOL_LOSS_MISSING].records +=
				segment->first - spool->acks.below;
			acks_skip_to(&spool->acks, segment->first);
			spool->acks_dirty = true;
		}
		if (segment->dropped && segment->records_out == 0 && segment != spool->reading) {
			lose_rest(spool, segment, segment->loss);
			acks_skip_to(&spool->acks, segment->end);
		}
		uint64_t before = spool->acks.below;
		bool done = acks_advance(&spool->acks, segment->end);
		spool->acks_dirty |= spool->acks.below != before;
		if (!done || !segment->sealed || segment == spool->reading)
			return;
		lose_rest(spool, segment, SPOOL_LOSS_CORRUPT); /* spans nobody could count */
		spool->head = segment->next;
		if (!spool->head)
			spool->tail = NULL;
		segment->next = spool->retired;
		spool->retired = segment;
	}
}
