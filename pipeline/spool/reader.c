/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: writes what is settled, first, so that little comes twice after a crash; removes files
 * whose records are all settled; reads ahead, as far as it may; then waits.
 *
 * A file goes only after the block that says so was synced: one that is gone without that is missed.
 * What is damaged is lost record by record, counted, and the walk goes on behind it. A record's bytes
 * are handed out only when they have the checksum that they were written with.
 */
#include "pipeline/spool/internal.h"

#include "pipeline/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct reader {
	struct spool *spool;
	uint64_t skip_to; /* sequences from read_sequence to here are not there: they are lost */
	uint64_t acks_retry_ns; /* monotonic: not before */
	uint64_t read_retry_ns;
};

static const uint64_t expiry_look_ns = NS_PER_S;

/* ---- what is settled ------------------------------------------------------------------------ */

static void report_write(struct spool *spool, const char *file)
{
	struct err err;
	(void)err_set_sys(&err, errno, "write %s", file);
	const struct spool_finding finding = {
		.kind = SPOOL_FINDING_WRITE, .file = file, .err = &err};
	spool_report(spool, &finding);
}

/* Under the lock, which it gives up meanwhile. */
static void write_acks(struct reader *reader)
{
	uint8_t block[ACKS_BLOCK];
	struct spool *spool = reader->spool;
	uint64_t count = spool->acks_unwritten;
	off_t at = acks_encode(&spool->acks, block);
	spool->acks_dirty = false;
	(void)pthread_mutex_unlock(&spool->lock);
	bool written =
		files_write_bytes(spool->files, spool->read.acks_fd, block, sizeof(block), at);
	if (!written)
		report_write(spool, ACKS_FILE);
	(void)pthread_mutex_lock(&spool->lock);
	if (written) {
		spool->acks_unwritten -= count;
		return;
	}
	spool->acks_dirty = true;
	reader->acks_retry_ns = clock_monotonic_ns() + RETRY_NS;
}

/* Syncs the block that was written last. */
static bool sync_acks(struct spool *spool)
{
	if (spool->files->sync(spool->files->arg, spool->read.acks_fd) != 0) {
		report_write(spool, ACKS_FILE);
		return false;
	}
	acks_synced(&spool->acks);
	return true;
}

/* True when the file is gone, or kept under another name. */
static bool remove_file(struct spool *spool, const struct segment *segment)
{
	char name[SEGMENT_FILE_NAME_MAX];
	segment_file_name(segment->first, name);
	if (segment->damaged && spool_set_aside(spool->files, spool->directory, name))
		return true;
	if (spool->files->unlink(spool->files->arg, spool->directory, name) == 0 || errno == ENOENT)
		return true;
	report_write(spool, name);
	return false;
}

/* Under the lock, which it gives up meanwhile. What cannot be removed is tried again. */
static void remove_retired(struct reader *reader)
{
	struct spool *spool = reader->spool;
	struct segment *list = spool->retired, *left = NULL;
	uint64_t freed = 0;
	spool->retired = NULL;
	(void)pthread_mutex_unlock(&spool->lock);
	bool synced = sync_acks(spool);
	while (list) {
		struct segment *segment = list;
		list = segment->next;
		if (synced && remove_file(spool, segment)) {
			freed += segment->file_bytes;
			free(segment);
		} else {
			segment->next = left;
			left = segment;
		}
	}
	(void)pthread_mutex_lock(&spool->lock);
	spool->bytes -= freed;
	if (left)
		reader->acks_retry_ns = clock_monotonic_ns() + RETRY_NS;
	while (left) { /* others may have been retired meanwhile */
		struct segment *segment = left;
		left = segment->next;
		segment->next = spool->retired;
		spool->retired = segment;
	}
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Under the lock: all bytes are read, and records are missing among them. */
static bool is_short(const struct spool *spool, const struct segment *segment)
{
	return !segment->dropped && spool->read.at >= segment->bytes &&
	       spool->read_sequence < segment->end;
}

/* Under the lock. */
static bool can_read(const struct reader *reader)
{
	const struct spool *spool = reader->spool;
	const struct segment *segment = spool->reading;
	if (!segment || spool->stop_reader)
		return false;
	if (segment->dropped || (segment->sealed && spool->read_sequence >= segment->end))
		return true; /* on to the next one */
	if (spool->read_sequence >= spool->acks.below &&
	    spool->read_sequence - spool->acks.below >= ACKS_WINDOW)
		return false;
	if (spool->read_sequence < reader->skip_to || is_short(spool, segment))
		return true;
	return spool->read.at < segment->bytes &&
	       spool->ahead_count < spool->config.ahead_records &&
	       (spool->ahead_count == 0 || spool->ahead_bytes < spool->config.ahead_bytes);
}

/* Under the lock: the segment is kept under another name at its end. */
static bool note_damage(struct segment *segment)
{
	bool first = !segment->damaged;
	segment->damaged = true;
	return first;
}

static void report_segment(struct spool *spool, enum spool_finding_kind kind, uint64_t first)
{
	char name[SEGMENT_FILE_NAME_MAX];
	segment_file_name(first, name);
	const struct spool_finding finding = {.kind = kind, .file = name};
	spool_report(spool, &finding);
}

/* Under the lock: to the next segment, if there is one. */
static void leave_segment(struct reader *reader)
{
	struct spool *spool = reader->spool;
	const struct segment *segment = spool->reading;
	if (spool->read.fd >= 0)
		(void)close(spool->read.fd);
	spool->read.fd = -1;
	spool->read.at = FORMAT_SEGMENT_HEAD;
	spool->read.tries = 0;
	spool->reading = segment->next;
	spool->read_sequence = segment->next ? segment->next->first : segment->end;
	reader->skip_to = 0;
}

enum got { GOT_RECORD, GOT_NOTHING, GOT_DAMAGE, GOT_UNREADABLE, GOT_NO_MEMORY };

/* Reads the body at ${at} into ${chunk} and checks it. */
static enum got fill_chunk(const struct segment_walk *walk, const struct record_head *head,
			   uint64_t at, struct chunk *chunk)
{
	ssize_t len = files_read(walk->files, walk->fd, chunk->data, head->len, (off_t)at);
	if (len < 0)
		return GOT_UNREADABLE;
	if ((size_t)len < head->len ||
	    format_crc(walk->salt, slice_of(chunk->data, head->len)) != head->body_crc)
		return GOT_DAMAGE;
	chunk->len = head->len;
	chunk->span_count = head->span_count;
	chunk->index_bytes = head->index_bytes;
	chunk->ids_usable = head->flags & FLAG_IDS_USABLE;
	return GOT_RECORD;
}

static enum got read_body(struct spool *spool, const struct segment_walk *walk,
			  const struct record_head *head, uint64_t at, struct ahead **ret_ahead)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));
	struct chunk *chunk = ahead ? chunk_new(spool->config.budget, head->len) : NULL;
	enum got got = chunk ? fill_chunk(walk, head, at, chunk) : GOT_NO_MEMORY;
	if (got == GOT_RECORD) {
		ahead->record = (struct spool_record){chunk, head->sequence, head->span_count};
		*ret_ahead = ahead;
		return got;
	}
	chunk_unref(chunk);
	free(ahead);
	return got;
}

static int open_for_reading(struct spool *spool, const struct segment *segment)
{
	char name[SEGMENT_FILE_NAME_MAX];
	if (spool->read.fd >= 0)
		return 0;
	segment_file_name(segment->first, name);
	spool->read.fd = spool->files->open(spool->files->arg, spool->directory, name,
					    O_RDONLY | O_NOFOLLOW);
	return spool->read.fd < 0 ? -1 : 0;
}

/* Under the lock: the disk does not give it. */
static enum spool_finding_kind give_up_reading(struct reader *reader, struct segment *segment,
					       bool *ret_report)
{
	struct spool *spool = reader->spool;
	*ret_report = false;
	reader->read_retry_ns = clock_monotonic_ns() + RETRY_NS;
	if (++spool->read.tries >= READ_TRIES_MAX) {
		/* Nothing can be appended behind what is given up. */
		spool->roll |= !segment->sealed;
		(void)pthread_cond_signal(&spool->writer_wake);
		segment->dropped |= segment->sealed;
		segment->loss = SPOOL_LOSS_CORRUPT;
		*ret_report = note_damage(segment);
	}
	return SPOOL_FINDING_UNREADABLE;
}

/* Under the lock: a record whose head is whole; its body is not read yet. True: it is wanted. */
static bool is_wanted(struct reader *reader, const struct segment *segment,
		      const struct segment_walk *walk, const struct record_head *head,
		      uint64_t body)
{
	struct spool *spool = reader->spool;
	uint64_t age_max = spool->config.age_ns_max, now_ns = age_max ? spool_now_ns(spool) : 0;
	uint64_t sequence = spool->read_sequence;
	if (head->sequence < sequence || head->sequence >= segment->end ||
	    head->sequence - sequence > walk->skipped / FORMAT_RECORD_HEAD) {
		spool->read.at = walk->at; /* none that we wrote here */
	} else if (head->sequence > sequence) {
		reader->skip_to = head->sequence; /* damaged bytes were passed over */
		spool->read.at = body - FORMAT_RECORD_HEAD;
	} else if (acks_has(&spool->acks, sequence)) {
		spool->read_sequence++;
		spool->read.at = walk->at;
	} else if (age_max && now_ns > head->appended_ns && now_ns - head->appended_ns > age_max) {
		spool_lose_sequence(spool, sequence, head->span_count, SPOOL_LOSS_EXPIRED);
		spool->read_sequence++;
		spool->read.at = walk->at;
	} else {
		return true;
	}
	return false;
}

/* Under the lock. */
static void push_ahead(struct spool *spool, struct segment *segment, struct ahead *ahead)
{
	segment->records_out++;
	*spool->ahead_last = ahead;
	spool->ahead_last = &ahead->next;
	spool->ahead_count++;
	spool->ahead_bytes += ahead->record.chunk->len;
}

/* What a look at the next record brought. */
struct finding {
	enum got got;
	bool report;
	enum spool_finding_kind kind;
};

/* Under the lock: what follows from it. */
static void take_finding(struct reader *reader, struct segment *segment,
			 const struct segment_walk *walk, const struct record_head *head,
			 struct ahead *ahead, struct finding *finding)
{
	struct spool *spool = reader->spool;
	if (finding->got == GOT_RECORD || finding->got == GOT_DAMAGE) {
		spool->read_sequence++;
		spool->read.at = walk->at;
		spool->read.tries = 0;
	}
	if (finding->got == GOT_RECORD) {
		push_ahead(spool, segment, ahead);
	} else if (finding->got == GOT_DAMAGE) {
		spool_lose_sequence(spool, head->sequence, head->span_count, SPOOL_LOSS_CORRUPT);
		finding->report |= note_damage(segment);
	} else if (finding->got == GOT_UNREADABLE) {
		finding->kind = give_up_reading(reader, segment, &finding->report);
	} else if (finding->got == GOT_NO_MEMORY) {
		reader->read_retry_ns = clock_monotonic_ns() + RETRY_NS;
	}
}

/* Without the lock: the next head. */
static enum segment_step next_head(struct spool *spool, const struct segment *segment,
				   struct segment_walk *walk, struct record_head *ret_head,
				   uint64_t *ret_body)
{
	if (open_for_reading(spool, segment) != 0)
		return SEGMENT_UNREADABLE;
	walk->fd = spool->read.fd;
	return segment_walk_next(walk, ret_head, ret_body);
}

/* Under the lock, which it gives up meanwhile: reads one record. */
static void read_record(struct reader *reader)
{
	struct spool *spool = reader->spool;
	struct segment *segment = spool->reading;
	struct segment_walk walk = {
		.files = spool->files,
		.salt = segment->salt,
		.at = spool->read.at,
		.end = segment->bytes,
	};
	uint64_t first = segment->first, end = segment->end, body = 0;
	struct record_head head = {0};
	struct ahead *ahead = NULL;
	(void)pthread_mutex_unlock(&spool->lock);
	enum segment_step step = next_head(spool, segment, &walk, &head, &body);
	(void)pthread_mutex_lock(&spool->lock);
	struct finding finding = {
		.got = step == SEGMENT_UNREADABLE ? GOT_UNREADABLE : GOT_NOTHING,
		.report = walk.skipped > 0 && note_damage(segment),
		.kind = SPOOL_FINDING_DAMAGED,
	};
	if (step == SEGMENT_END || (step == SEGMENT_RECORD && head.flags & FLAG_SEAL)) {
		spool->read.at = walk.end;
		reader->skip_to = end;
	} else if (step == SEGMENT_RECORD && is_wanted(reader, segment, &walk, &head, body)) {
		(void)pthread_mutex_unlock(&spool->lock);
		finding.got = read_body(spool, &walk, &head, body, &ahead);
		(void)pthread_mutex_lock(&spool->lock);
	}
	take_finding(reader, segment, &walk, &head, ahead, &finding);
	if (finding.report) {
		(void)pthread_mutex_unlock(&spool->lock);
		report_segment(spool, finding.kind, first);
		(void)pthread_mutex_lock(&spool->lock);
	}
}

/* Under the lock: one step. */
static void read_step(struct reader *reader)
{
	struct spool *spool = reader->spool;
	const struct segment *segment = spool->reading;
	if (spool->read_sequence < reader->skip_to && !segment->dropped) {
		if (!acks_has(&spool->acks, spool->read_sequence))
			spool_lose_sequence(spool, spool->read_sequence, 0, SPOOL_LOSS_CORRUPT);
		spool->read_sequence++;
	} else if (is_short(spool, segment)) {
		reader->skip_to = segment->end;
	} else if (segment->dropped || (segment->sealed && spool->read_sequence >= segment->end)) {
		leave_segment(reader);
	} else {
		read_record(reader);
	}
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* Under the lock. */
static void expire(struct spool *spool)
{
	uint64_t age_max = spool->config.age_ns_max;
	if (age_max == 0)
		return;
	uint64_t now_ns = spool_now_ns(spool);
	for (struct segment *s = spool->head; s && s->sealed; s = s->next) {
		if (now_ns <= s->last_ns || now_ns - s->last_ns <= age_max)
			break;
		if (s->dropped)
			continue;
		s->dropped = true;
		s->loss = SPOOL_LOSS_EXPIRED;
	}
}

/* Under the lock, which it gives up meanwhile. */
static void tell_ready(struct spool *spool)
{
	if (!spool->want_ready || !spool->ahead_first)
		return;
	spool->want_ready = false;
	(void)pthread_mutex_unlock(&spool->lock);
	if (spool->config.ready)
		spool->config.ready(spool->config.arg);
	(void)pthread_mutex_lock(&spool->lock);
}

/* Until the first of what is to be tried again, or looked at. */
static uint64_t patience_ns(const struct reader *reader, uint64_t now_ns)
{
	const struct spool *spool = reader->spool;
	uint64_t wait_ns = spool->config.age_ns_max ? expiry_look_ns : UINT64_MAX;
	const uint64_t retries_ns[] = {reader->acks_retry_ns, reader->read_retry_ns};
	for (size_t i = 0; i < ARRAY_COUNT(retries_ns); i++) {
		if (retries_ns[i] > now_ns && retries_ns[i] - now_ns < wait_ns)
			wait_ns = retries_ns[i] - now_ns;
	}
	return wait_ns;
}

void *spool_reader_main(void *arg)
{
	struct reader reader = {.spool = arg};
	struct spool *spool = arg;
	(void)pthread_mutex_lock(&spool->lock);
	for (;;) {
		uint64_t now_ns = clock_monotonic_ns();
		bool may_write = now_ns >= reader.acks_retry_ns;
		expire(spool);
		spool_advance(spool);
		if (may_write && spool->acks_dirty)
			write_acks(&reader);
		else if (may_write && spool->retired)
			remove_retired(&reader);
		else if (now_ns >= reader.read_retry_ns && can_read(&reader))
			read_step(&reader);
		else if (spool->stop_reader)
			break;
		else
			spool_wait(spool, &spool->reader_wake, patience_ns(&reader, now_ns));
		tell_ready(spool);
	}
	(void)pthread_mutex_unlock(&spool->lock);
	(void)sync_acks(spool);
	return NULL;
}
