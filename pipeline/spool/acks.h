/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sequence numbers are settled, and what became of them: all below one number, and those of a
 * window above it by a bit each. On disk two copies of one block each, so that there is always one
 * that is whole: the copy that was synced last is not touched until the other one has been synced.
 * The file has its full size from the beginning and is only overwritten: it needs no space when the
 * disk is full.
 *
 * A block is written by one call within one page, which kill -9 does not cut.
 *
 *   block (4096)  0 magic (8)  8 version (4)  12 0 (4)  16 generation (8)  24 below (8)
 *                 32 sent: records, spans (8 each)  48 lost: 8 x records, spans (8 each)
 *                 176 0  256 a bit for sequence % ACKS_WINDOW  4092 CRC of 0-4091
 */
#ifndef SLUICE_SPOOL_ACKS_H
#define SLUICE_SPOOL_ACKS_H

#include "pipeline/spool/spool.h"

enum {
	ACKS_BLOCK = 4096,
	ACKS_BITS_AT = 256,
	ACKS_WINDOW = (ACKS_BLOCK - ACKS_BITS_AT - 4) * 8,
	ACKS_LOSSES = 8, /* that the block has room for */
};

#define ACKS_FILE "acks"

struct acks_count {
	uint64_t records, spans;
};

struct acks {
	uint64_t below; /* all sequences below are settled */
	struct acks_count sent, lost[ACKS_LOSSES];
	/* private */
	uint64_t generation;
	unsigned copy; /* that is written next; the other one is on the disk */
	uint8_t bits[(ACKS_WINDOW + 7) / 8];
};

/* Whether ${sequence} is settled. */
bool acks_has(const struct acks *acks, uint64_t sequence);

/* Settles ${sequence}, which is less than below + ACKS_WINDOW. */
void acks_set(struct acks *acks, uint64_t sequence);

/* Moves `below` up over what is settled, to ${end} at most. True when it has come there. */
bool acks_advance(struct acks *acks, uint64_t end);

/* Moves `below` up to ${sequence}, whatever is settled. */
void acks_skip_to(struct acks *acks, uint64_t sequence);

/* Makes the next generation's block, and where in the file it goes. */
off_t acks_encode(struct acks *acks, uint8_t out[ACKS_BLOCK]);

/* What was written last is on the disk: the other copy is next. */
void acks_synced(struct acks *acks);

enum acks_state { ACKS_READ, ACKS_ABSENT, ACKS_DAMAGED };

/* Reads the whole copy that is the newest. -1 with ERR_IO. */
MUST_CHECK int acks_load(struct acks *acks, const struct spool_files *files, int directory,
			 enum acks_state *ret_state, struct err *err);

/* Makes the file anew, with what ${acks} says. -1 with ERR_IO. */
MUST_CHECK int acks_create(struct acks *acks, const struct spool_files *files, int directory,
			   struct err *err);

#endif
