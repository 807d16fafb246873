/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the folder when the queue is opened: the segments in the order of their names, each by
 * its seal or, when it has none, by all of its bytes; and what does not belong there. A file that is
 * no segment of this queue is set aside; a file that cannot be read stops the opening, since what is
 * in it may be there the next time.
 */
#include "pipeline/spool/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct names {
	uint64_t *firsts;
	size_t count, capacity;
};

bool spool_set_aside(const struct spool_files *files, int directory, const char *file)
{
	char name[SEGMENT_FILE_NAME_MAX + sizeof(SEGMENT_DAMAGED_SUFFIX)];
	(void)snprintf(name, sizeof(name), "%s" SEGMENT_DAMAGED_SUFFIX, file);
	return files->rename(files->arg, directory, file, name) == 0;
}

static bool add_name(struct names *names, uint64_t first)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity ? 2 * names->capacity : 64;
		uint64_t *firsts = realloc(names->firsts, capacity * sizeof(*firsts));
		if (!firsts)
			return false;
		names->firsts = firsts;
		names->capacity = capacity;
	}
	names->firsts[names->count++] = first;
	return true;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static bool is_known(const char *name)
{
	return name[0] == '.' || strcmp(name, "lock") == 0 || strcmp(name, ACKS_FILE) == 0 ||
	       strcmp(name, ACKS_FILE ".new") == 0 ||
	       slice_has_suffix(slice_str(name), SLICE(SEGMENT_DAMAGED_SUFFIX));
}

static int read_names(struct spool *spool, struct names *names, struct err *err)
{
	uint64_t first;
	int fd = dup(spool->directory);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (!folder) {
		int sys = errno;
		if (fd >= 0)
			(void)close(fd);
		return err_set_sys(err, sys, "read the folder %s", spool->name);
	}
	rewinddir(folder); /* the descriptor's place is shared */
	int result = 0;
	for (struct dirent *entry; result == 0 && (entry = readdir(folder));) {
		const struct spool_finding foreign = {.kind = SPOOL_FINDING_FOREIGN,
						      .file = entry->d_name};
		if (segment_parse_name(entry->d_name, &first))
			result = add_name(names, first)
					 ? 0
					 : err_set(err, ERR_NOMEM, "no memory for a queue");
		else if (!is_known(entry->d_name))
			spool_report(spool, &foreign);
	}
	(void)closedir(folder);
	if (names->count > 1)
		qsort(names->firsts, names->count, sizeof(*names->firsts), compare);
	return result;
}

static void count_records_left(struct segment *segment, const struct acks *acks)
{
	uint64_t from = segment->first > acks->below ? segment->first : acks->below;
	uint64_t window_end = acks->below + ACKS_WINDOW;
	segment->records_left = segment->end > from ? segment->end - from : 0;
	if (segment->records_left == 0)
		segment->spans_left = 0;
	for (uint64_t s = from; s < segment->end && s < window_end; s++)
		segment->records_left -= acks_has(acks, s);
}

static void report(struct spool *spool, enum spool_finding_kind kind, uint64_t first,
		   uint64_t records, uint64_t bytes)
{
	char name[SEGMENT_FILE_NAME_MAX];
	segment_file_name(first, name);
	const struct spool_finding finding = {
		.kind = kind, .file = name, .records = records, .bytes = bytes};
	spool_report(spool, &finding);
}

/* The segment is part of the queue. */
static void append(struct spool *spool, struct segment *segment)
{
	uint64_t expected = spool->next_sequence;
	count_records_left(segment, &spool->acks);
	spool->bytes += segment->file_bytes;
	spool->held_spans += segment->spans_left;
	if (segment->end <= spool->acks.below) {
		segment->next = spool->retired;
		spool->retired = segment;
		return;
	}
	if (segment->first > expected)
		report(spool, SPOOL_FINDING_MISSING, expected, segment->first - expected, 0);
	if (spool->tail)
		spool->tail->next = segment;
	else
		spool->head = segment;
	spool->tail = segment;
	spool->next_sequence = segment->end;
}

/* True when the file was put away. */
static int put_away(struct spool *spool, const struct segment *segment, bool keep, struct err *err)
{
	char name[SEGMENT_FILE_NAME_MAX];
	segment_file_name(segment->first, name);
	bool done = keep ? spool_set_aside(spool->files, spool->directory, name)
			 : spool->files->unlink(spool->files->arg, spool->directory, name) == 0;
	return done ? 0 : err_set_sys(err, errno, "put %s away", name);
}

/* One file. The segment becomes the list's, or is freed. */
static int recover_segment(struct spool *spool, struct segment *segment, uint64_t limit,
			   bool acks_known, struct err *err)
{
	enum segment_look look;
	uint64_t torn = 0;
	int result = segment_look_at(segment, spool->files, spool->directory, spool->name, limit,
				     &spool->acks, &look, &torn, err);
	if (result != 0)
		goto out;
	if (look == SEGMENT_NOT_OURS) {
		report(spool, SPOOL_FINDING_HEADER, segment->first, 0, segment->file_bytes);
		result = put_away(spool, segment, segment->file_bytes > 0, err);
		/* Its numbers may have been given: they are missing, and not given again. */
		if (segment->file_bytes > FORMAT_SEGMENT_HEAD && limit == UINT64_MAX &&
		    spool->next_sequence <= segment->first)
			spool->next_sequence = segment->first + 1;
		goto out;
	}
	if (torn > 0)
		report(spool, SPOOL_FINDING_TORN, segment->first, 0, torn);
	if (look == SEGMENT_BAD)
		report(spool, SPOOL_FINDING_DAMAGED, segment->first, 0, 0);
	segment->damaged = look == SEGMENT_BAD;
	if (segment->end == segment->first) {
		result = put_away(spool, segment, segment->damaged, err);
		goto out;
	}
	if (!acks_known && !spool->head)
		spool->acks.below = spool->next_sequence = segment->first;
	append(spool, segment);
	return 0;
out:
	free(segment);
	return result;
}

/* Settled out of order, with its segment lost since: such a number may not be given again. */
static uint64_t highest_settled_end(const struct acks *acks)
{
	for (uint64_t s = acks->below + ACKS_WINDOW; s-- > acks->below;) {
		if (acks_has(acks, s))
			return s + 1;
	}
	return acks->below;
}

int spool_recover(struct spool *spool, bool acks_known, struct err *err)
{
	struct names names = {0};
	int result = read_names(spool, &names, err);
	spool->next_sequence = spool->acks.below;
	for (size_t i = 0; result == 0 && i < names.count; i++) {
		struct segment *segment = calloc(1, sizeof(*segment));
		if (!segment) {
			result = err_set(err, ERR_NOMEM, "no memory for a queue");
			break;
		}
		segment->first = names.firsts[i];
		uint64_t limit = i + 1 < names.count ? names.firsts[i + 1] : UINT64_MAX;
		result = recover_segment(spool, segment, limit, acks_known, err);
	}
	free(names.firsts);
	uint64_t settled_end = highest_settled_end(&spool->acks);
	if (spool->next_sequence < settled_end)
		spool->next_sequence = settled_end;
	spool->reading = spool->head;
	spool->read_sequence = spool->head ? spool->head->first : spool->next_sequence;
	spool->read.at = FORMAT_SEGMENT_HEAD;
	return result;
}
