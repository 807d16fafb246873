/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: gathers what waits into groups, appends a group by one write, syncs the file, and only
 * then says that it is durable. A group is as large as what came during the last sync, at most what
 * fits into a segment.
 *
 * After a write that failed the file is cut back to its last durable record; when that fails, too, or
 * the sync did (what is on disk is then unknown), the segment is left and the next group begins another
 * one. Sequence numbers belong to durable records alone, so that those of a failed group are given
 * again; whatever is left of it in the old file is told by the first number of the new one.
 */
#include "pipeline/spool/internal.h"

#include "pipeline/base/clock.h"
#include "pipeline/base/le.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

static const uint64_t group_bytes_max = 8 << 20; /* so that nobody waits long for the others */

struct group {
	struct spool_append *first;
	int count;
	uint64_t bytes, spans; /* of the records */
	uint64_t now_ns;
};

/* ---- segments ------------------------------------------------------------------------------- */

static int fail(struct err *err, const char *what)
{
	return err_set_sys(err, errno, "%s a segment", what);
}

static int write_head(struct spool *spool, int fd, const struct segment *segment, struct err *err)
{
	uint8_t bytes[FORMAT_SEGMENT_HEAD];
	const struct segment_head head = {
		.first_sequence = segment->first,
		.created_ns = segment->created_ns,
		.salt = segment->salt,
		.queue_name = slice_str(spool->name),
	};
	segment_head_write(&head, bytes);
	if (!files_write_bytes(spool->files, fd, bytes, sizeof(bytes), 0))
		return fail(err, "write");
	if (spool->files->sync(spool->files->arg, fd) != 0 ||
	    spool->files->sync(spool->files->arg, spool->directory) != 0)
		return fail(err, "sync");
	return 0;
}

/* Creates the file; one that is left of a failed attempt goes first. */
static int create_file(struct spool *spool, const char *name)
{
	static const int flags = O_WRONLY | O_CREAT | O_EXCL;
	int fd = spool->files->open(spool->files->arg, spool->directory, name, flags);
	if (fd >= 0 || errno != EEXIST)
		return fd;
	if (spool->files->unlink(spool->files->arg, spool->directory, name) != 0)
		return -1;
	return spool->files->open(spool->files->arg, spool->directory, name, flags);
}

static int open_segment(struct spool *spool, uint64_t first, uint64_t now_ns, struct err *err)
{
	char name[SEGMENT_FILE_NAME_MAX];
	struct segment *segment = calloc(1, sizeof(*segment));
	if (!segment)
		return err_set(err, ERR_NOMEM, "no memory for a segment");
	segment->first = segment->end = first;
	segment->created_ns = segment->last_ns = now_ns;
	segment->bytes = segment->file_bytes = FORMAT_SEGMENT_HEAD;
	segment_file_name(first, name);
	int fd = -1;
	if (getrandom(&segment->salt, sizeof(segment->salt), 0) != sizeof(segment->salt))
		(void)fail(err, "salt");
	else if ((fd = create_file(spool, name)) < 0)
		(void)fail(err, "create");
	else if (write_head(spool, fd, segment, err) == 0) {
		spool->write.fd = fd;
		spool->write.segment = segment;
		spool->write.listed = false;
		spool->write.spans = 0;
		return 0;
	}
	if (fd >= 0) {
		(void)close(fd);
		(void)spool->files->unlink(spool->files->arg, spool->directory, name);
	}
	free(segment);
	return -1;
}

/* Leaves the open segment. One without a durable record is nobody's. */
static void leave_segment(struct spool *spool)
{
	char name[SEGMENT_FILE_NAME_MAX];
	struct segment *segment = spool->write.segment;
	(void)close(spool->write.fd);
	spool->write.fd = -1;
	spool->write.segment = NULL;
	if (!spool->write.listed) {
		segment_file_name(segment->first, name);
		(void)spool->files->unlink(spool->files->arg, spool->directory, name);
		free(segment);
		return;
	}
	(void)pthread_mutex_lock(&spool->lock);
	segment->sealed = true;
	(void)pthread_cond_signal(&spool->reader_wake);
	(void)pthread_mutex_unlock(&spool->lock);
}

/* Seals it, if one is open: a failure costs the next open a look at all of it. */
static void seal_segment(struct spool *spool)
{
	uint8_t bytes[FORMAT_SEAL];
	struct segment *segment = spool->write.segment;
	if (spool->write.fd < 0)
		return;
	if (spool->write.listed) {
		uint8_t *body = bytes + FORMAT_RECORD_HEAD;
		le_write64(body, spool->write.spans);
		le_write64(body + 8, segment->last_ns);
		const struct record_head head = {
			.sequence = segment->end,
			.appended_ns = segment->last_ns,
			.len = FORMAT_SEAL_BODY,
			.flags = FLAG_SEAL,
			.body_crc = format_crc(segment->salt, slice_of(body, FORMAT_SEAL_BODY)),
		};
		record_head_write(&head, segment->salt, bytes);
		if (files_write_bytes(spool->files, spool->write.fd, bytes, sizeof(bytes),
				      (off_t)segment->bytes)) {
			(void)pthread_mutex_lock(&spool->lock);
			segment->file_bytes += FORMAT_SEAL;
			spool->bytes += FORMAT_SEAL;
			(void)pthread_mutex_unlock(&spool->lock);
		}
	}
	leave_segment(spool);
}

/* ---- groups --------------------------------------------------------------------------------- */

/* Under the lock: what is written at once. */
static struct group take_group(struct spool *spool)
{
	struct group group = {.first = spool->pending, .now_ns = spool_now_ns(spool)};
	uint64_t bytes_max = spool->config.segment_bytes;
	struct spool_append **link = &spool->pending;
	if (bytes_max > group_bytes_max)
		bytes_max = group_bytes_max;
	while (*link && group.count < GROUP_RECORDS_MAX) {
		const struct chunk *chunk = (*link)->chunk;
		uint64_t bytes = chunk->len + FORMAT_RECORD_HEAD;
		if (group.count > 0 && group.bytes + bytes > bytes_max)
			break;
		group.bytes += bytes;
		group.spans += chunk->span_count;
		group.count++;
		link = &(*link)->next;
	}
	spool->pending = *link;
	*link = NULL;
	if (!spool->pending)
		spool->pending_last = &spool->pending;
	spool->pending_bytes -= group.bytes;
	return group;
}

static void lay_out(struct spool *spool, const struct group *group)
{
	const struct segment *segment = spool->write.segment;
	uint64_t sequence = segment->end;
	struct iovec *part = spool->write.parts;
	uint8_t(*bytes)[FORMAT_RECORD_HEAD] = spool->write.heads;
	for (const struct spool_append *a = group->first; a; a = a->next, bytes++) {
		const struct chunk *chunk = a->chunk;
		const struct record_head head = {
			.sequence = sequence++,
			.appended_ns = group->now_ns,
			.len = (uint32_t)chunk->len,
			.flags = chunk->ids_usable ? FLAG_IDS_USABLE : 0,
			.span_count = chunk->span_count,
			.index_bytes = chunk->index_bytes < UINT32_MAX
					       ? (uint32_t)chunk->index_bytes
					       : UINT32_MAX,
			.body_crc = format_crc(segment->salt, chunk_slice(chunk)),
		};
		record_head_write(&head, segment->salt, *bytes);
		*part++ = (struct iovec){*bytes, FORMAT_RECORD_HEAD};
		*part++ = (struct iovec){chunk->data, chunk->len};
	}
}

/* Any failure leaves the queue as it was. */
static int write_group(struct spool *spool, const struct group *group, uint64_t first,
		       struct err *err)
{
	struct segment *segment = spool->write.segment;
	if (spool->write.fd >= 0 && spool->write.listed &&
	    segment->bytes + group->bytes > spool->config.segment_bytes)
		seal_segment(spool);
	if (spool->write.fd < 0 && open_segment(spool, first, group->now_ns, err) != 0)
		return -1;
	segment = spool->write.segment;
	lay_out(spool, group);
	if (!files_write(spool->files, spool->write.fd, spool->write.parts, 2 * group->count,
			 (off_t)segment->bytes)) {
		(void)fail(err, "append to");
		if (spool->files->truncate(spool->files->arg, spool->write.fd,
					   (off_t)segment->bytes) != 0)
			leave_segment(spool);
		return -1;
	}
	if (spool->files->sync(spool->files->arg, spool->write.fd) != 0) {
		(void)fail(err, "sync");
		(void)spool->files->truncate(spool->files->arg, spool->write.fd,
					     (off_t)segment->bytes);
		leave_segment(spool);
		return -1;
	}
	return 0;
}

static void list_segment(struct spool *spool, struct segment *segment)
{
	if (spool->tail)
		spool->tail->next = segment;
	else
		spool->head = segment;
	spool->tail = segment;
	spool->bytes += segment->file_bytes;
	spool->write.listed = true;
	if (!spool->reading) {
		spool->reading = segment;
		spool->read_sequence = segment->first;
	}
}

/* Under the lock: the group is durable. */
static void publish(struct spool *spool, const struct group *group)
{
	struct segment *segment = spool->write.segment;
	if (!spool->write.listed)
		list_segment(spool, segment);
	segment->end += (uint64_t)group->count;
	segment->records_left += (uint64_t)group->count;
	segment->spans_left += group->spans;
	segment->bytes += group->bytes;
	segment->file_bytes += group->bytes;
	segment->last_ns = group->now_ns;
	spool->write.spans += group->spans;
	spool->bytes += group->bytes;
	spool->held_spans += group->spans;
	spool->next_sequence = segment->end;
	(void)pthread_cond_signal(&spool->reader_wake);
}

static void answer(struct group *group, const struct err *err)
{
	for (struct spool_append *a = group->first; a;) {
		struct spool_append *next = a->next; /* done may free it */
		chunk_unref(a->chunk);
		a->chunk = NULL;
		a->done(a, err);
		a = next;
	}
}

/* Under the lock, which it gives up meanwhile. */
static void commit(struct spool *spool)
{
	struct err err;
	struct group group = take_group(spool);
	uint64_t first = spool->next_sequence;
	(void)pthread_mutex_unlock(&spool->lock);
	int failed = write_group(spool, &group, first, &err);
	(void)pthread_mutex_lock(&spool->lock);
	spool->reserved -= group.bytes;
	if (!failed)
		publish(spool, &group);
	(void)pthread_mutex_unlock(&spool->lock);
	if (failed) {
		const struct spool_finding finding = {
			.kind = SPOOL_FINDING_WRITE,
			.file = spool->name,
			.bytes = group.bytes,
			.err = &err,
		};
		spool_report(spool, &finding);
	}
	answer(&group, failed ? &err : NULL);
	(void)pthread_mutex_lock(&spool->lock);
}

/* How long the group may still wait for others; 0: it is due. */
static uint64_t patience_ns(const struct spool *spool)
{
	if (!spool->pending)
		return spool->roll ? 0 : UINT64_MAX;
	if (spool->stop_writer || spool->roll || spool->pending_bytes >= spool->config.commit_bytes)
		return 0;
	uint64_t waited_ns = clock_monotonic_ns() - spool->pending_since_ns;
	return waited_ns >= spool->config.commit_ns ? 0 : spool->config.commit_ns - waited_ns;
}

void *spool_writer_main(void *arg)
{
	struct spool *spool = arg;
	(void)pthread_mutex_lock(&spool->lock);
	while (spool->pending || !spool->stop_writer) {
		uint64_t wait_ns = patience_ns(spool);
		if (wait_ns > 0) {
			spool_wait(spool, &spool->writer_wake, wait_ns);
			continue;
		}
		if (spool->roll) {
			(void)pthread_mutex_unlock(&spool->lock);
			seal_segment(spool);
			(void)pthread_mutex_lock(&spool->lock);
			spool->roll = false;
		}
		if (spool->pending)
			commit(spool);
	}
	(void)pthread_mutex_unlock(&spool->lock);
	seal_segment(spool);
	return NULL;
}
