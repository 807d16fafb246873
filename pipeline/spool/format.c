/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of segments and records to bytes and back; see the picture in format.h. */
#include "pipeline/spool/format.h"

#include "pipeline/base/le.h"

#include <isa-l/crc.h>

static const struct slice magic = SLICE_INIT("SLUICESG");
enum { NAME_MAX_BYTES = 508 - 40 };
/* go.etcd.io/bbolt, meta page: 16 bytes of page header, magic */
static const uint32_t bbolt_magic = 0xED0CDAED;

uint32_t format_crc(uint32_t crc, struct slice bytes)
{
	static const size_t piece_max = 1 << 30; /* the library counts in int */
	while (bytes.len > 0) {
		size_t len = bytes.len < piece_max ? bytes.len : piece_max;
		crc = ~crc32_iscsi((uint8_t *)(uintptr_t)bytes.ptr, (int)len, ~crc);
		bytes = slice_of(bytes.ptr + len, bytes.len - len);
	}
	return crc;
}

void segment_head_write(const struct segment_head *head, uint8_t out[FORMAT_SEGMENT_HEAD])
{
	size_t len = head->queue_name.len < NAME_MAX_BYTES ? head->queue_name.len : NAME_MAX_BYTES;
	memset(out, 0, FORMAT_SEGMENT_HEAD);
	memcpy(out, magic.ptr, magic.len);
	le_write32(out + 8, FORMAT_VERSION);
	le_write64(out + 16, head->first_sequence);
	le_write64(out + 24, head->created_ns);
	le_write32(out + 32, head->salt);
	le_write32(out + 36, (uint32_t)len);
	memcpy(out + 40, head->queue_name.ptr, len);
	le_write32(out + 508, format_crc(0, slice_of(out, 508)));
}

bool segment_head_read(const uint8_t bytes[FORMAT_SEGMENT_HEAD], struct segment_head *ret_head)
{
	if (memcmp(bytes, magic.ptr, magic.len) != 0 || le_read32(bytes + 8) != FORMAT_VERSION ||
	    le_read32(bytes + 36) > NAME_MAX_BYTES ||
	    le_read32(bytes + 508) != format_crc(0, slice_of(bytes, 508)))
		return false;
	*ret_head = (struct segment_head){
		.first_sequence = le_read64(bytes + 16),
		.created_ns = le_read64(bytes + 24),
		.salt = le_read32(bytes + 32),
		.queue_name = slice_of(bytes + 40, le_read32(bytes + 36)),
	};
	return true;
}

void record_head_write(const struct record_head *head, uint32_t salt,
		       uint8_t out[FORMAT_RECORD_HEAD])
{
	le_write32(out + 4, head->body_crc);
	le_write32(out + 8, head->len);
	le_write32(out + 12, head->flags);
	le_write64(out + 16, head->sequence);
	le_write64(out + 24, head->appended_ns);
	le_write32(out + 32, head->span_count);
	le_write32(out + 36, head->index_bytes);
	le_write32(out, format_crc(salt, slice_of(out + 4, FORMAT_RECORD_HEAD - 4)));
}

bool record_head_read(const uint8_t bytes[FORMAT_RECORD_HEAD], uint32_t salt,
		      struct record_head *ret_head)
{
	if (le_read32(bytes) != format_crc(salt, slice_of(bytes + 4, FORMAT_RECORD_HEAD - 4)))
		return false;
	*ret_head = (struct record_head){
		.body_crc = le_read32(bytes + 4),
		.len = le_read32(bytes + 8),
		.flags = le_read32(bytes + 12),
		.sequence = le_read64(bytes + 16),
		.appended_ns = le_read64(bytes + 24),
		.span_count = le_read32(bytes + 32),
		.index_bytes = le_read32(bytes + 36),
	};
	return true;
}

bool format_is_bbolt(const uint8_t bytes[32])
{
	return le_read32(bytes + 16) == bbolt_magic;
}
