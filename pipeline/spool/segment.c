/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment is walked from record to record by their lengths. A head that is damaged has no length, so
 * the next one is looked for byte by byte: a head is told by its checksum, which begins from a number
 * that nobody outside knows. The walk's window bounds what is read at once; each byte is looked at
 * once, so that a file full of damage costs its size.
 */
#include "pipeline/spool/segment.h"

#include "pipeline/base/hex.h"
#include "pipeline/base/le.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 64 << 10, DIGITS = 16 };

void segment_file_name(uint64_t first, char ret_name[SEGMENT_FILE_NAME_MAX])
{
	(void)snprintf(ret_name, SEGMENT_FILE_NAME_MAX, "%016llx" SEGMENT_SUFFIX,
		       (unsigned long long)first);
}

bool segment_parse_name(const char *name, uint64_t *ret_first)
{
	uint8_t bytes[DIGITS / 2];
	uint64_t first = 0;
	if (strlen(name) != DIGITS + strlen(SEGMENT_SUFFIX) ||
	    strcmp(name + DIGITS, SEGMENT_SUFFIX) != 0 ||
	    !hex_decode(slice_of(name, DIGITS), bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		first = first << 8 | bytes[i];
	*ret_first = first;
	return true;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static bool is_record(const struct segment_walk *walk, const uint8_t *bytes, uint64_t at,
		      struct record_head *ret_head)
{
	return record_head_read(bytes, walk->salt, ret_head) &&
	       ret_head->len <= SPOOL_RECORD_BYTES_MAX &&
	       ret_head->len <= walk->end - at - FORMAT_RECORD_HEAD;
}

/* Looks for a head from ${walk}->at + 1 on. */
static COLD enum segment_step find_head(struct segment_walk *walk, struct record_head *ret_head)
{
	uint8_t window[WINDOW];
	uint64_t at = walk->at + 1;
	while (walk->end - at >= FORMAT_RECORD_HEAD && at < walk->end) {
		ssize_t len = files_read(walk->files, walk->fd, window, sizeof(window), (off_t)at);
		if (len < 0)
			return SEGMENT_UNREADABLE;
		if (len < FORMAT_RECORD_HEAD)
			break;
		size_t count = (size_t)len - FORMAT_RECORD_HEAD + 1;
		for (size_t i = 0; i < count && at + i + FORMAT_RECORD_HEAD <= walk->end; i++) {
			if (!is_record(walk, window + i, at + i, ret_head))
				continue;
			walk->skipped += at + i - walk->at;
			walk->at = at + i;
			return SEGMENT_RECORD;
		}
		at += count;
	}
	walk->skipped += walk->end - walk->at;
	walk->at = walk->end;
	return SEGMENT_END;
}

enum segment_step segment_walk_next(struct segment_walk *walk, struct record_head *ret_head,
				    uint64_t *ret_body)
{
	uint8_t bytes[FORMAT_RECORD_HEAD];
	struct record_head head;
	if (walk->at >= walk->end)
		return SEGMENT_END;
	ssize_t len = files_read(walk->files, walk->fd, bytes, sizeof(bytes), (off_t)walk->at);
	if (len < 0)
		return SEGMENT_UNREADABLE;
	if (len < FORMAT_RECORD_HEAD || walk->end - walk->at < FORMAT_RECORD_HEAD ||
	    !is_record(walk, bytes, walk->at, &head)) {
		enum segment_step step = find_head(walk, &head);
		if (step != SEGMENT_RECORD)
			return step;
	}
	*ret_head = head;
	*ret_body = walk->at + FORMAT_RECORD_HEAD;
	walk->at += FORMAT_RECORD_HEAD + head.len;
	return SEGMENT_RECORD;
}

/* Whether the body at ${offset} is what was written. -1: unreadable. */
static int check_body(const struct segment_walk *walk, const struct record_head *head,
		      uint64_t offset)
{
	uint8_t window[WINDOW];
	uint32_t crc = walk->salt;
	for (uint64_t left = head->len; left > 0;) {
		size_t len = left < WINDOW ? (size_t)left : WINDOW;
		ssize_t got = files_read(walk->files, walk->fd, window, len, (off_t)offset);
		if (got < 0)
			return -1;
		if ((size_t)got < len)
			return 0;
		crc = format_crc(crc, slice_of(window, len));
		offset += len;
		left -= len;
	}
	return crc == head->body_crc;
}

/* ---- the look ------------------------------------------------------------------------------- */

struct look {
	struct segment *segment;
	struct segment_walk walk;
	uint64_t limit;
	const struct acks *acks;
	uint64_t good;		   /* offset behind the last record that is whole */
	uint64_t settled_spans;	   /* of records that are settled */
	uint64_t skipped;	   /* before it */
	bool bad_body, bad_before; /* a body that is damaged: since `good`, before it */
};

/* True when the seal says it all. */
static bool read_seal(struct look *look)
{
	struct segment *segment = look->segment;
	uint8_t bytes[FORMAT_SEAL];
	struct record_head head;
	if (segment->file_bytes < FORMAT_SEGMENT_HEAD + FORMAT_SEAL)
		return false;
	uint64_t at = segment->file_bytes - FORMAT_SEAL;
	struct slice body = slice_of(bytes + FORMAT_RECORD_HEAD, FORMAT_SEAL_BODY);
	if (files_read(look->walk.files, look->walk.fd, bytes, sizeof(bytes), (off_t)at) !=
		    FORMAT_SEAL ||
	    !record_head_read(bytes, segment->salt, &head) || !(head.flags & FLAG_SEAL) ||
	    head.len != FORMAT_SEAL_BODY || head.body_crc != format_crc(segment->salt, body) ||
	    head.sequence < segment->first || head.sequence > look->limit)
		return false;
	segment->end = head.sequence;
	segment->bytes = at;
	segment->spans_left = le_read64(body.ptr);
	segment->last_ns = le_read64(body.ptr + 8);
	return true;
}

/* Whether records of it are settled, so that the seal's sum is not what is left. */
static bool is_partly_settled(const struct look *look)
{
	const struct segment *segment = look->segment;
	uint64_t window_end = look->acks->below + ACKS_WINDOW;
	uint64_t end = segment->end < window_end ? segment->end : window_end;
	if (look->acks->below >= segment->end)
		return false; /* all of it is */
	for (uint64_t sequence = segment->first; sequence < end; sequence++) {
		if (acks_has(look->acks, sequence))
			return true;
	}
	return false;
}

static void count_spans(struct look *look, const struct record_head *head)
{
	if (acks_has(look->acks, head->sequence))
		look->settled_spans += head->span_count;
	else
		look->segment->spans_left += head->span_count;
}

static void take_record(struct look *look, const struct record_head *head)
{
	struct segment *segment = look->segment;
	count_spans(look, head);
	segment->end = head->sequence + 1;
	segment->last_ns = head->appended_ns;
	look->good = look->walk.at;
	look->skipped = look->walk.skipped;
	look->bad_before |= look->bad_body;
	look->bad_body = false;
}

/* Reads all records. -1: unreadable. */
static int read_all(struct look *look)
{
	struct segment *segment = look->segment;
	struct record_head head;
	uint64_t body, pending_spans = 0;
	segment->end = segment->first;
	segment->spans_left = 0;
	for (;;) {
		enum segment_step step = segment_walk_next(&look->walk, &head, &body);
		if (step == SEGMENT_UNREADABLE)
			return -1;
		if (step == SEGMENT_END || head.flags & FLAG_SEAL || head.sequence >= look->limit)
			return 0;
		if (head.sequence < segment->end)
			continue; /* none of ours would go back */
		int whole = check_body(&look->walk, &head, body);
		if (whole < 0)
			return -1;
		if (!whole) {
			/* Lost, unless it turns out to be the end that was being written. */
			look->bad_body = true;
			if (!acks_has(look->acks, head.sequence))
				pending_spans += head.span_count;
			else
				look->settled_spans += head.span_count;
			continue;
		}
		take_record(look, &head);
		segment->spans_left += pending_spans;
		pending_spans = 0;
	}
}

static int look_into(struct look *look, enum segment_look *ret_look, uint64_t *ret_torn)
{
	struct segment *segment = look->segment;
	bool has_seal = read_seal(look);
	*ret_look = SEGMENT_OK;
	if (has_seal && !is_partly_settled(look))
		return 0;
	uint64_t sealed_end = segment->end, sealed_bytes = segment->bytes;
	uint64_t sealed_spans = segment->spans_left;
	look->walk.at = look->good = FORMAT_SEGMENT_HEAD;
	look->walk.end = has_seal ? sealed_bytes : segment->file_bytes;
	if (read_all(look) != 0)
		return -1;
	if (look->skipped > 0 || look->bad_before)
		*ret_look = SEGMENT_BAD;
	segment->bytes = look->good;
	if (has_seal) { /* nothing was being written: all that is missing is damage */
		if (segment->end < sealed_end)
			*ret_look = SEGMENT_BAD;
		segment->end = sealed_end;
		segment->bytes = sealed_bytes;
		segment->spans_left =
			sealed_spans > look->settled_spans ? sealed_spans - look->settled_spans : 0;
	} else if (look->good < segment->file_bytes) {
		*ret_torn = segment->file_bytes - look->good;
		if (*ret_look == SEGMENT_OK)
			*ret_look = SEGMENT_TORN;
	}
	return 0;
}

/* Opens it and reads its head. -1 with errno; the file may be open even so. */
static int read_head(struct look *look, int directory, const char *name, const char *queue_name,
		     bool *ret_ours)
{
	uint8_t bytes[FORMAT_SEGMENT_HEAD];
	struct segment_head head;
	struct stat status;
	const struct spool_files *files = look->walk.files;
	look->walk.fd = files->open(files->arg, directory, name, O_RDONLY | O_NOFOLLOW);
	if (look->walk.fd < 0)
		return -1;
	ssize_t len = files_read(files, look->walk.fd, bytes, sizeof(bytes), 0);
	if (len < 0 || fstat(look->walk.fd, &status) != 0)
		return -1;
	look->segment->file_bytes = (uint64_t)status.st_size;
	look->segment->sealed = true;
	*ret_ours = len == FORMAT_SEGMENT_HEAD && segment_head_read(bytes, &head) &&
		    head.first_sequence == look->segment->first &&
		    slice_equal(head.queue_name, slice_str(queue_name));
	if (*ret_ours) {
		look->walk.salt = look->segment->salt = head.salt;
		look->segment->created_ns = look->segment->last_ns = head.created_ns;
	}
	return 0;
}

int segment_look_at(struct segment *segment, const struct spool_files *files, int directory,
		    const char *queue_name, uint64_t limit, const struct acks *acks,
		    enum segment_look *ret_look, uint64_t *ret_torn, struct err *err)
{
	char name[SEGMENT_FILE_NAME_MAX];
	bool ours = false;
	struct look look = {
		.segment = segment,
		.walk = {.files = files, .fd = -1},
		.limit = limit,
		.acks = acks,
	};
	segment_file_name(segment->first, name);
	*ret_look = SEGMENT_NOT_OURS;
	*ret_torn = 0;
	int result = read_head(&look, directory, name, queue_name, &ours);
	if (result == 0 && ours)
		result = look_into(&look, ret_look, ret_torn);
	if (result != 0)
		(void)err_set_sys(err, errno, "read %s", name);
	if (look.walk.fd >= 0)
		(void)close(look.walk.fd);
	return result;
}
