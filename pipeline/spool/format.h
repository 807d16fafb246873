/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a segment looks like. Numbers have the least significant byte first.
 *
 *   segment   head (512) record* [seal]
 *   head      0 magic (8)  8 version (4)  12 0 (4)  16 first sequence (8)  24 created (8, Unix ns)
 *             32 salt (4)  36 length of the name (4)  40 name of the queue  508 CRC of 0-507
 *   record    0 CRC of 4-39  4 CRC of the body  8 length (4)  12 flags (4)  16 sequence (8)
 *             24 appended (8, Unix ns)  32 spans (4)  36 bytes of its index (4)  40 body
 *   seal      a record with FLAG_SEAL, the last one; its body is a summary of the others:
 *             0 spans (8)  8 time of the last record (8)
 *
 * CRCs are CRC32C (Castagnoli). Those of records begin from the segment's salt, which is random: a
 * request that contains bytes of a record, of whatever segment, is not taken for one when we look for
 * the next record behind damaged bytes.
 */
#ifndef SLUICE_SPOOL_FORMAT_H
#define SLUICE_SPOOL_FORMAT_H

#include "pipeline/base/slice.h"

enum {
	FORMAT_VERSION = 1,
	FORMAT_SEGMENT_HEAD = 512,
	FORMAT_RECORD_HEAD = 40,
	FORMAT_SEAL_BODY = 16,
	FORMAT_SEAL = FORMAT_RECORD_HEAD + FORMAT_SEAL_BODY,
};

struct segment_head {
	uint64_t first_sequence, created_ns;
	uint32_t salt;
	struct slice queue_name; /* borrowed from what was read */
};

enum { FLAG_SEAL = 1, FLAG_IDS_USABLE = 2 }; /* the latter: chunk.h, ids_usable */

struct record_head {
	uint64_t sequence, appended_ns;
	uint32_t len, flags, span_count, index_bytes, body_crc;
};

/* The checksum of ${bytes} after those that ${crc} is of. */
uint32_t format_crc(uint32_t crc, struct slice bytes);

void segment_head_write(const struct segment_head *head, uint8_t out[FORMAT_SEGMENT_HEAD]);
/* False: no segment of ours, another version, or damaged. */
bool segment_head_read(const uint8_t bytes[FORMAT_SEGMENT_HEAD], struct segment_head *ret_head);

void record_head_write(const struct record_head *head, uint32_t salt,
		       uint8_t out[FORMAT_RECORD_HEAD]);
/* False: no head of a record of this segment. */
bool record_head_read(const uint8_t bytes[FORMAT_RECORD_HEAD], uint32_t salt,
		      struct record_head *ret_head);

/* What bbolt, the Collector's data base, writes at the beginning of a file: its first page's kind is
 * told by a number in it. ${bytes} are the file's first 32. */
bool format_is_bbolt(const uint8_t bytes[32]);

#endif
