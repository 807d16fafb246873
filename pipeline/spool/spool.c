/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callers of the queue see: room, what waits for the disk, what was read from it, what is
 * settled. Nothing here touches the disk but open and close; the two threads are woken.
 */
#include "pipeline/spool/internal.h"

#include "pipeline/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, SEGMENTS_MIN = 16, SEGMENT_BYTES_MIN = 64 << 10 };

static const char *const loss_names[] = {
	[SPOOL_LOSS_DROP_OLDEST] = "drop_oldest", [SPOOL_LOSS_EXPIRED] = "expired",
	[SPOOL_LOSS_CORRUPT] = "corrupt",	  [SPOOL_LOSS_MISSING] = "missing",
	[SPOOL_LOSS_REFUSED] = "refused",
};
_Static_assert(ARRAY_COUNT(loss_names) == SPOOL_LOSS_COUNT, "a name for each");

const char *spool_loss_name(enum spool_loss loss)
{
	return loss_names[loss];
}

/* ---- open and close ------------------------------------------------------------------------- */

static bool is_collector_file(int directory, const char *name)
{
	uint8_t bytes[32];
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && pread(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) &&
		  format_is_bbolt(bytes);
	if (fd >= 0)
		(void)close(fd);
	return is;
}

/* Opens the queue's folder, and makes it when there is none. */
static int open_folder(struct spool *spool, struct err *err)
{
	struct stat status;
	int parent = open(spool->config.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return err_set_sys(err, errno, "open %s", spool->config.directory);
	int result = -1;
	if (fstatat(parent, spool->name, &status, 0) == 0 && !S_ISDIR(status.st_mode)) {
		(void)err_set(err, ERR_CONFIG, "%s/%s is %s", spool->config.directory, spool->name,
			      is_collector_file(parent, spool->name)
				      ? "a queue of the OpenTelemetry Collector, which only it can "
					"read: let it send what is in there, or move the file away"
				      : "not the folder of a queue");
	} else if (mkdirat(parent, spool->name, FOLDER_MODE) != 0 && errno != EEXIST) {
		(void)err_set_sys(err, errno, "make %s/%s", spool->config.directory, spool->name);
	} else {
		spool->directory = openat(parent, spool->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		result = spool->directory < 0 || fsync(parent) != 0
				 ? err_set_sys(err, errno, "open %s/%s", spool->config.directory,
					       spool->name)
				 : 0;
	}
	(void)close(parent);
	return result;
}

static int lock_folder(struct spool *spool, struct err *err)
{
	spool->lock_file = openat(spool->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (spool->lock_file < 0)
		return err_set_sys(err, errno, "open the lock of %s", spool->name);
	if (flock(spool->lock_file, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_set_sys(err, errno, "lock %s", spool->name);
	return err_set(err, ERR_CONFIG, "%s/%s is in use by another process",
		       spool->config.directory, spool->name);
}

static int load_acks(struct spool *spool, struct err *err)
{
	enum acks_state state;
	if (acks_load(&spool->acks, spool->files, spool->directory, &state, err) != 0 ||
	    spool_recover(spool, state == ACKS_READ, err) != 0)
		return -1;
	if (state != ACKS_READ && (spool->head || state == ACKS_DAMAGED)) {
		const struct spool_finding finding = {.kind = SPOOL_FINDING_ACKS,
						      .file = ACKS_FILE};
		spool_report(spool, &finding);
	}
	if (state == ACKS_DAMAGED && !spool_set_aside(spool->files, spool->directory, ACKS_FILE))
		return err_set_sys(err, errno, "rename %s", ACKS_FILE);
	if (state != ACKS_READ &&
	    acks_create(&spool->acks, spool->files, spool->directory, err) != 0)
		return -1;
	spool->read.acks_fd =
		spool->files->open(spool->files->arg, spool->directory, ACKS_FILE, O_WRONLY);
	return spool->read.acks_fd < 0 ? err_set_sys(err, errno, "open %s", ACKS_FILE) : 0;
}

static int start_threads(struct spool *spool, struct err *err)
{
	int sys = pthread_create(&spool->writer_thread, NULL, spool_writer_main, spool);
	if (sys != 0)
		return err_set_sys(err, sys, "start the writer of %s", spool->name);
	sys = pthread_create(&spool->reader_thread, NULL, spool_reader_main, spool);
	if (sys == 0)
		return 0;
	(void)pthread_mutex_lock(&spool->lock);
	spool->stop_writer = true;
	(void)pthread_cond_signal(&spool->writer_wake);
	(void)pthread_mutex_unlock(&spool->lock);
	(void)pthread_join(spool->writer_thread, NULL);
	return err_set_sys(err, sys, "start the reader of %s", spool->name);
}

static void free_segments(struct segment *segment)
{
	while (segment) {
		struct segment *next = segment->next;
		free(segment);
		segment = next;
	}
}

static void free_spool(struct spool *spool)
{
	free_segments(spool->head);
	free_segments(spool->retired);
	const int fds[] = {spool->read.fd, spool->read.acks_fd, spool->lock_file, spool->directory};
	for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	(void)pthread_mutex_destroy(&spool->lock);
	(void)pthread_cond_destroy(&spool->writer_wake);
	(void)pthread_cond_destroy(&spool->reader_wake);
	free((char *)(uintptr_t)spool->config.directory); /* ours */
	free(spool);
}

static void set_defaults(struct spool_config *config)
{
	uint64_t segment_max = config->bytes_max / SEGMENTS_MIN;
	if (config->segment_bytes == 0)
		config->segment_bytes = SPOOL_SEGMENT_BYTES;
	if (config->segment_bytes > segment_max)
		config->segment_bytes = segment_max;
	if (config->segment_bytes < SEGMENT_BYTES_MIN)
		config->segment_bytes = SEGMENT_BYTES_MIN;
	if (config->commit_bytes == 0)
		config->commit_bytes = SPOOL_COMMIT_BYTES;
	if (config->ahead_records == 0)
		config->ahead_records = 1;
}

static struct spool *new_spool(const struct spool_config *config)
{
	pthread_condattr_t monotonic;
	struct spool *spool = calloc(1, sizeof(*spool));
	if (!spool)
		return NULL;
	spool->config = *config;
	set_defaults(&spool->config);
	spool->config.directory = strdup(config->directory);
	spool->files = config->files ? config->files : &spool_files_system;
	spool->directory = spool->lock_file = -1;
	spool->read.fd = spool->read.acks_fd = spool->write.fd = -1;
	spool->pending_last = &spool->pending;
	spool->ahead_last = &spool->ahead_first;
	(void)pthread_mutex_init(&spool->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&spool->writer_wake, &monotonic);
	(void)pthread_cond_init(&spool->reader_wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	if (spool->config.directory)
		return spool;
	free_spool(spool);
	return NULL;
}

int spool_open(const struct spool_config *config, struct spool **ret_spool, struct err *err)
{
	struct spool *spool = new_spool(config);
	if (!spool)
		return err_set(err, ERR_NOMEM, "no memory for a queue");
	if (!spool_name(config->exporter_id, config->signal, spool->name)) {
		(void)err_set(err, ERR_CONFIG, "the name of %s is too long for a queue's folder",
			      config->exporter_id);
		goto fail;
	}
	/* The names are the caller's strings: they are part of spool->name from here on. */
	spool->config.exporter_id = spool->config.signal = spool->name;
	if (open_folder(spool, err) != 0 || lock_folder(spool, err) != 0 ||
	    load_acks(spool, err) != 0 || start_threads(spool, err) != 0)
		goto fail;
	*ret_spool = spool;
	return 0;
fail:
	free_spool(spool);
	return -1;
}

static void stop_thread(struct spool *spool, bool *stop, pthread_cond_t *wake, pthread_t thread)
{
	(void)pthread_mutex_lock(&spool->lock);
	*stop = true;
	(void)pthread_cond_signal(wake);
	(void)pthread_mutex_unlock(&spool->lock);
	(void)pthread_join(thread, NULL);
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	stop_thread(spool, &spool->stop_writer, &spool->writer_wake, spool->writer_thread);
	stop_thread(spool, &spool->stop_reader, &spool->reader_wake, spool->reader_thread);
	while (spool->ahead_first) {
		struct ahead *ahead = spool->ahead_first;
		spool->ahead_first = ahead->next;
		chunk_unref(ahead->record.chunk);
		free(ahead);
	}
	free_spool(spool);
}

/* ---- in ------------------------------------------------------------------------------------- */

static bool fits(const struct spool *spool, uint64_t bytes)
{
	uint64_t used = spool->bytes + spool->reserved;
	return used <= spool->config.bytes_max && bytes <= spool->config.bytes_max - used;
}

/* Nothing is held or waits: what is on disk is about to go. */
static bool is_empty(const struct spool *spool)
{
	return spool->reserved == 0 && spool->acks.below >= spool->next_sequence;
}

bool spool_reserve(struct spool *spool, size_t bytes)
{
	uint64_t needed = (uint64_t)bytes + FORMAT_RECORD_HEAD;
	if (bytes > SPOOL_RECORD_BYTES_MAX)
		return false;
	(void)pthread_mutex_lock(&spool->lock);
	bool granted = spool->reserved == 0 || spool->reserved + needed <= SPOOL_PENDING_BYTES_MAX;
	if (granted && !fits(spool, needed) && !is_empty(spool)) {
		while (spool->config.drop_oldest && !fits(spool, needed) && spool_drop_head(spool))
			continue;
		granted = fits(spool, needed);
	}
	if (granted)
		spool->reserved += needed;
	(void)pthread_mutex_unlock(&spool->lock);
	return granted;
}

void spool_cancel(struct spool *spool, size_t bytes)
{
	(void)pthread_mutex_lock(&spool->lock);
	spool->reserved -= (uint64_t)bytes + FORMAT_RECORD_HEAD;
	(void)pthread_mutex_unlock(&spool->lock);
}

void spool_append(struct spool *spool, struct spool_append *append)
{
	append->next = NULL;
	(void)pthread_mutex_lock(&spool->lock);
	if (!spool->pending)
		spool->pending_since_ns = clock_monotonic_ns();
	bool wake = !spool->pending || spool->config.commit_ns == 0;
	*spool->pending_last = append;
	spool->pending_last = &append->next;
	spool->pending_bytes += append->chunk->len + FORMAT_RECORD_HEAD;
	if (wake || spool->pending_bytes >= spool->config.commit_bytes)
		(void)pthread_cond_signal(&spool->writer_wake);
	(void)pthread_mutex_unlock(&spool->lock);
}

/* ---- out ------------------------------------------------------------------------------------ */

bool spool_take(struct spool *spool, struct spool_record *ret_record)
{
	(void)pthread_mutex_lock(&spool->lock);
	struct ahead *ahead = spool->ahead_first;
	if (ahead) {
		spool->ahead_first = ahead->next;
		if (!ahead->next)
			spool->ahead_last = &spool->ahead_first;
		spool->ahead_count--;
		spool->ahead_bytes -= ahead->record.chunk->len;
		(void)pthread_cond_signal(&spool->reader_wake);
	}
	spool->want_ready = !ahead;
	(void)pthread_mutex_unlock(&spool->lock);
	if (!ahead)
		return false;
	*ret_record = ahead->record;
	free(ahead);
	return true;
}

void spool_settle(struct spool *spool, const struct spool_record *record, enum spool_end end)
{
	(void)pthread_mutex_lock(&spool->lock);
	struct acks_count *count =
		end == SPOOL_SENT ? &spool->acks.sent : &spool->acks.lost[SPOOL_LOSS_REFUSED];
	count->records++;
	count->spans += record->span_count;
	spool_settle_sequence(spool, record->sequence, record->span_count);
	spool_advance(spool);
	(void)pthread_cond_signal(&spool->reader_wake);
	(void)pthread_mutex_unlock(&spool->lock);
}

void spool_stats(struct spool *spool, struct spool_stats *ret_stats)
{
	(void)pthread_mutex_lock(&spool->lock);
	struct spool_stats stats = {
		.bytes = spool->bytes + spool->reserved,
		.bytes_max = spool->config.bytes_max,
		.held_spans = spool->held_spans,
		.sent_records = spool->acks.sent.records,
		.sent_spans = spool->acks.sent.spans,
		.unsettled = spool->acks.below,
		.next_sequence = spool->next_sequence,
		.acks_unwritten = spool->acks_unwritten,
		.findings = spool->findings,
	};
	for (size_t i = 0; i < SPOOL_LOSS_COUNT; i++) {
		stats.lost_records[i] = spool->acks.lost[i].records;
		stats.lost_spans[i] = spool->acks.lost[i].spans;
	}
	for (const struct segment *s = spool->head; s; s = s->next) {
		stats.segments++;
		stats.held_records += s->records_left;
		if (stats.oldest_ns == 0 && s->records_left > 0)
			stats.oldest_ns = s->created_ns;
	}
	(void)pthread_mutex_unlock(&spool->lock);
	*ret_stats = stats;
}
