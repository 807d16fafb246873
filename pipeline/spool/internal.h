/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's inside, shared by its files. Who touches what:
 *
 *   immutable after spool_open   config, files, directory, name
 *   guarded by `lock`            all under that heading
 *   owned by the writer          `write`
 *   owned by the reader          `read` but for what is guarded, the acks file
 *
 * Invariants, under the lock:
 *   1. The segments are in order, and those between head and tail have no hole that has not been
 *      reported; only the tail may be open for writing.
 *   2. head is the segment that acks.below is in, or the next one.
 *   3. bytes is the sum of file_bytes of the listed and of the retired segments.
 *   4. held_spans is the sum of spans_left.
 */
#ifndef SLUICE_SPOOL_INTERNAL_H
#define SLUICE_SPOOL_INTERNAL_H

#include "pipeline/spool/segment.h"

#include <pthread.h>

enum {
	GROUP_RECORDS_MAX = 256,
	READ_TRIES_MAX = 5,
	RETRY_NS = 100 * 1000 * 1000, /* after the disk or the budget said no */
};

/* What was read and is not taken yet. */
struct ahead {
	struct ahead *next;
	struct spool_record record;
};

struct spool {
	struct spool_config config;
	const struct spool_files *files;
	int directory, lock_file;
	char name[SPOOL_NAME_MAX + 1];
	pthread_t writer_thread, reader_thread;

	pthread_mutex_t lock;
	pthread_cond_t writer_wake, reader_wake;
	/* guarded by lock */
	struct segment *head, *tail;
	struct segment *retired; /* settled; their files are to go */
	struct acks acks;
	bool acks_dirty;
	uint64_t acks_unwritten;
	uint64_t next_sequence;
	uint64_t bytes, reserved, held_spans, findings;
	struct spool_append *pending, **pending_last;
	size_t pending_bytes;
	uint64_t pending_since_ns;
	bool roll;	 /* the open segment is to be sealed: room is wanted that it takes */
	bool want_ready; /* the consumer found nothing */
	bool stop_writer, stop_reader;
	struct ahead *ahead_first, **ahead_last;
	uint32_t ahead_count;
	size_t ahead_bytes;
	struct segment *reading;
	uint64_t read_sequence;

	struct {
		int fd; /* -1: none is open */
		struct segment *segment;
		bool listed;	/* a record of it is durable: it is the tail */
		uint64_t spans; /* of its durable records */
		uint8_t heads[GROUP_RECORDS_MAX][FORMAT_RECORD_HEAD];
		struct iovec parts[2 * GROUP_RECORDS_MAX];
	} write;
	struct {
		int fd;	     /* of `reading`; -1: not open */
		uint64_t at; /* offset of the next record */
		unsigned tries;
		int acks_fd;
	} read;
};

/* Any thread, without the lock. */
void spool_report(struct spool *spool, const struct spool_finding *finding);

/* Fills the list of segments from the folder. ${acks_known}: the acks say what is settled; else they begin
 * with the first segment. */
MUST_CHECK int spool_recover(struct spool *spool, bool acks_known, struct err *err);

/* Sets ${file} aside under another name. False: it could not be. */
bool spool_set_aside(const struct spool_files *files, int directory, const char *file);

/* Under the lock: takes what is settled from the head of the list; its files go to `retired`. */
void spool_advance(struct spool *spool);

/* Under the lock: gives up what is not read yet of the oldest segment that is sealed. False: there is
 * none. */
bool spool_drop_head(struct spool *spool);

/* Under the lock: one read record is settled, or lost for ${loss}. */
void spool_settle_sequence(struct spool *spool, uint64_t sequence, uint32_t spans);
void spool_lose_sequence(struct spool *spool, uint64_t sequence, uint32_t spans,
			 enum spool_loss loss);

uint64_t spool_now_ns(const struct spool *spool);

/* Waits on ${wake} for ${ns} at most; UINT64_MAX: until it is signalled. */
void spool_wait(struct spool *spool, pthread_cond_t *wake, uint64_t ns);

void *spool_writer_main(void *arg);
void *spool_reader_main(void *arg);

#endif
