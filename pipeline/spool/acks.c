/* SPDX-License-Identifier: Apache-2.0 */
/* A window of bits that moves in a ring, and the two copies of it in a file. */
#include "pipeline/spool/acks.h"

#include "pipeline/base/le.h"
#include "pipeline/spool/format.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct slice magic = SLICE_INIT("SLUICEAK");

#define NEW_FILE ACKS_FILE ".new"

_Static_assert((int)SPOOL_LOSS_COUNT <= (int)ACKS_LOSSES, "the block has a place for each");
_Static_assert(48 + ACKS_LOSSES * 16 <= ACKS_BITS_AT, "the counters end before the bits");

static uint8_t *bit_of(struct acks *acks, uint64_t sequence, uint8_t *ret_mask)
{
	uint64_t bit = sequence % ACKS_WINDOW;
	*ret_mask = (uint8_t)(1u << (bit & 7));
	return &acks->bits[bit >> 3];
}

bool acks_has(const struct acks *acks, uint64_t sequence)
{
	uint64_t bit = sequence % ACKS_WINDOW;
	if (sequence < acks->below)
		return true;
	return sequence - acks->below < ACKS_WINDOW && (acks->bits[bit >> 3] >> (bit & 7) & 1);
}

void acks_set(struct acks *acks, uint64_t sequence)
{
	uint8_t mask;
	if (sequence >= acks->below && sequence - acks->below < ACKS_WINDOW)
		*bit_of(acks, sequence, &mask) |= mask;
}

static void step(struct acks *acks)
{
	uint8_t mask;
	uint8_t *byte = bit_of(acks, acks->below, &mask);
	*byte = (uint8_t)(*byte & ~mask);
	acks->below++;
}

bool acks_advance(struct acks *acks, uint64_t end)
{
	while (acks->below < end && acks_has(acks, acks->below))
		step(acks);
	return acks->below >= end;
}

void acks_skip_to(struct acks *acks, uint64_t sequence)
{
	if (sequence > acks->below && sequence - acks->below >= ACKS_WINDOW) {
		memset(acks->bits, 0, sizeof(acks->bits));
		acks->below = sequence;
	}
	while (acks->below < sequence)
		step(acks);
}

off_t acks_encode(struct acks *acks, uint8_t out[ACKS_BLOCK])
{
	memset(out, 0, ACKS_BITS_AT);
	memcpy(out, magic.ptr, magic.len);
	le_write32(out + 8, FORMAT_VERSION);
	le_write64(out + 16, ++acks->generation);
	le_write64(out + 24, acks->below);
	le_write64(out + 32, acks->sent.records);
	le_write64(out + 40, acks->sent.spans);
	for (size_t i = 0; i < ACKS_LOSSES; i++) {
		le_write64(out + 48 + 16 * i, acks->lost[i].records);
		le_write64(out + 56 + 16 * i, acks->lost[i].spans);
	}
	memcpy(out + ACKS_BITS_AT, acks->bits, sizeof(acks->bits));
	le_write32(out + ACKS_BLOCK - 4, format_crc(0, slice_of(out, ACKS_BLOCK - 4)));
	return (off_t)acks->copy * ACKS_BLOCK;
}

void acks_synced(struct acks *acks)
{
	acks->copy ^= 1;
}

/* False: this copy is not whole. */
static bool decode(const uint8_t block[ACKS_BLOCK], struct acks *ret_acks)
{
	if (memcmp(block, magic.ptr, magic.len) != 0 || le_read32(block + 8) != FORMAT_VERSION ||
	    le_read32(block + ACKS_BLOCK - 4) != format_crc(0, slice_of(block, ACKS_BLOCK - 4)))
		return false;
	ret_acks->generation = le_read64(block + 16);
	ret_acks->below = le_read64(block + 24);
	ret_acks->sent.records = le_read64(block + 32);
	ret_acks->sent.spans = le_read64(block + 40);
	for (size_t i = 0; i < ACKS_LOSSES; i++) {
		ret_acks->lost[i].records = le_read64(block + 48 + 16 * i);
		ret_acks->lost[i].spans = le_read64(block + 56 + 16 * i);
	}
	memcpy(ret_acks->bits, block + ACKS_BITS_AT, sizeof(ret_acks->bits));
	return true;
}

/* The newest copy that is whole; the other one is the next to be written. */
static bool choose(const uint8_t *blocks, size_t len, struct acks *ret_acks)
{
	bool found = false;
	for (unsigned i = 0; i < 2 && (i + 1) * ACKS_BLOCK <= len; i++) {
		const uint8_t *block = blocks + (size_t)i * ACKS_BLOCK;
		if (found && le_read64(block + 16) <= ret_acks->generation)
			continue;
		if (!decode(block, ret_acks))
			continue;
		ret_acks->copy = i ^ 1;
		found = true;
	}
	return found;
}

int acks_load(struct acks *acks, const struct spool_files *files, int directory,
	      enum acks_state *ret_state, struct err *err)
{
	uint8_t blocks[2 * ACKS_BLOCK];
	*acks = (struct acks){0};
	int fd = files->open(files->arg, directory, ACKS_FILE, O_RDONLY);
	if (fd < 0 && errno == ENOENT) {
		*ret_state = ACKS_ABSENT;
		return 0;
	}
	if (fd < 0)
		return err_set_sys(err, errno, "open %s", ACKS_FILE);
	ssize_t len = files_read(files, fd, blocks, sizeof(blocks), 0);
	int sys = errno;
	(void)close(fd);
	if (len < 0)
		return err_set_sys(err, sys, "read %s", ACKS_FILE);
	*ret_state = choose(blocks, (size_t)len, acks) ? ACKS_READ : ACKS_DAMAGED;
	return 0;
}

int acks_create(struct acks *acks, const struct spool_files *files, int directory, struct err *err)
{
	uint8_t blocks[2 * ACKS_BLOCK];
	acks->copy = 0;
	(void)acks_encode(acks, blocks);
	memset(blocks + ACKS_BLOCK, 0, ACKS_BLOCK);
	int fd = files->open(files->arg, directory, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0)
		return err_set_sys(err, errno, "create %s", NEW_FILE);
	bool written = files_write_bytes(files, fd, blocks, sizeof(blocks), 0) &&
		       files->sync(files->arg, fd) == 0;
	int sys = errno;
	(void)close(fd);
	if (!written)
		return err_set_sys(err, sys, "write %s", NEW_FILE);
	if (files->rename(files->arg, directory, NEW_FILE, ACKS_FILE) != 0)
		return err_set_sys(err, errno, "rename %s", NEW_FILE);
	if (files->sync(files->arg, directory) != 0)
		return err_set_sys(err, errno, "sync the queue's folder");
	acks->copy = 1;
	return 0;
}
