/* SPDX-License-Identifier: Apache-2.0 */
/* One segment file: what we know of it, a walk over its records, and the look at it when the queue is
 * opened. One thread at a time; the fields are guarded by the spool's lock once it runs. */
#ifndef SLUICE_SPOOL_SEGMENT_H
#define SLUICE_SPOOL_SEGMENT_H

#include "pipeline/spool/acks.h"
#include "pipeline/spool/format.h"

enum { SEGMENT_FILE_NAME_MAX = 32 };
#define SEGMENT_SUFFIX ".segment"
#define SEGMENT_DAMAGED_SUFFIX ".damaged"

struct segment {
	struct segment *next;
	uint64_t first, end; /* sequences: of its first record, behind its last durable one */
	uint64_t bytes;	     /* up to the end of its last durable record */
	uint64_t file_bytes; /* that it is charged with: bytes, and what is behind them */
	uint64_t created_ns, last_ns; /* of its last record */
	uint64_t records_left;	      /* durable and not settled; those that are damaged as well */
	uint64_t spans_left;	      /* of those, as far as they are known */
	uint64_t records_out;	      /* read and not settled */
	uint32_t salt;
	bool sealed;  /* nothing more is appended */
	bool damaged; /* kept under another name at its end */
	bool dropped; /* what is not read yet is lost, for `loss` */
	enum spool_loss loss;
};

/* "<16 hexadecimal digits>.segment" */
void segment_file_name(uint64_t first, char ret_name[SEGMENT_FILE_NAME_MAX]);
/* False: no segment's name. */
bool segment_parse_name(const char *name, uint64_t *ret_first);

/* A walk over the records between two offsets. */
struct segment_walk {
	const struct spool_files *files;
	int fd;
	uint32_t salt;
	uint64_t at, end; /* offsets: of the next head, behind the last byte */
	uint64_t skipped; /* bytes that were no record */
};

enum segment_step { SEGMENT_RECORD, SEGMENT_END, SEGMENT_UNREADABLE };

/* The next head that is whole, and fits with its body; damaged bytes are passed over. Its body is at
 * *ret_body, and `at` is behind it. SEGMENT_UNREADABLE: nothing has changed. */
enum segment_step segment_walk_next(struct segment_walk *walk, struct record_head *ret_head,
				    uint64_t *ret_body);

enum segment_look { SEGMENT_OK, SEGMENT_TORN, SEGMENT_BAD, SEGMENT_NOT_OURS };

/*
 * Fills the rest of ${segment}, whose `first` is given, from its file: by its seal; without one, or when
 * some of its records are settled by ${acks}, by reading all of it. Records from ${limit} on are not
 * its own. SEGMENT_TORN: the end is cut, *ret_torn bytes are behind it; SEGMENT_BAD: there is damage
 * between records. -1 with ERR_IO.
 */
MUST_CHECK int segment_look_at(struct segment *segment, const struct spool_files *files,
			       int directory, const char *queue_name, uint64_t limit,
			       const struct acks *acks, enum segment_look *ret_look,
			       uint64_t *ret_torn, struct err *err);

#endif
