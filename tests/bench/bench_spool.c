/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue on disk beside one in memory: spans a second through each, of requests of 512 spans that
 * are copied in, as encoding does, and read once at the end, as sending does; memory while a backlog is
 * read back; time to open 10,000 segments.
 *
 * The queue in memory hands over pointers and does nothing else: it says what the rest of the bench
 * costs. The two on disk are bound by the disk, and are to be read beside its own speed.
 *
 *   bench_spool [DIRECTORY [BACKLOG-MIB]]     default: /tmp, 1024
 */
#include "pipeline/base/clock.h"
#include "pipeline/spool/format.h"
#include "pipeline/spool/spool.h"
#include "tests/support/bench_figure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SPANS = 512,
	REQUEST_BYTES = SPANS * 635, /* a span of vLLM with 14 attributes */
	WINDOW = 32,		     /* requests that are not answered, of 32 connections */
	RUN_MS = 3000,
	REPEATS = 3,
	SEGMENTS = 10000,
	SEGMENT_BYTES = 40000,
	READY_MS_GOAL = 1000,
	REPLAY_MIB_GOAL = 32,
};

static struct budget budget;
static uint8_t body[REQUEST_BYTES];

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned waiting; /* requests that are not answered */
	bool ready;
	struct chunk *ring[WINDOW]; /* the queue in memory */
	size_t first, count;
} at = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void change(unsigned less, bool ready)
{
	(void)pthread_mutex_lock(&at.lock);
	at.waiting -= less;
	at.ready |= ready;
	(void)pthread_cond_broadcast(&at.changed);
	(void)pthread_mutex_unlock(&at.lock);
}

static void on_done(struct spool_append *append, const struct err *err)
{
	if (err)
		bench_die("append: %s", err->msg);
	free(append);
	change(1, false);
}

static void on_ready(void *arg)
{
	(void)arg;
	change(0, true);
}

static struct chunk *make_request(size_t len)
{
	struct chunk *chunk = chunk_new(&budget, len);
	if (!chunk || !chunk_append(chunk, slice_of(body, len)))
		bench_die("no memory");
	chunk->span_count = SPANS;
	return chunk;
}

static void put(struct spool *spool, size_t len)
{
	struct spool_append *append = calloc(1, sizeof(*append));
	if (!append)
		bench_die("no memory");
	append->chunk = make_request(len);
	append->done = on_done;
	(void)pthread_mutex_lock(&at.lock);
	while (at.waiting >= WINDOW)
		(void)pthread_cond_wait(&at.changed, &at.lock);
	at.waiting++;
	(void)pthread_mutex_unlock(&at.lock);
	while (!spool_reserve(spool, len))
		(void)usleep(1000); /* full: the reader removes files */
	spool_append(spool, append);
}

static uint32_t consume(const struct chunk *chunk)
{
	static volatile uint32_t sink;
	sink = format_crc(sink, chunk_slice(chunk));
	return chunk->span_count;
}

/* Takes one; false: the end. */
static bool take(struct spool *spool, const _Atomic bool *done, uint64_t *spans)
{
	struct spool_record record;
	while (!spool_take(spool, &record)) {
		struct spool_stats stats;
		spool_stats(spool, &stats);
		if (*done && stats.held_records == 0)
			return false;
		(void)pthread_mutex_lock(&at.lock);
		struct timespec until;
		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		if (!at.ready)
			(void)pthread_cond_timedwait(&at.changed, &at.lock, &until);
		at.ready = false;
		(void)pthread_mutex_unlock(&at.lock);
	}
	*spans += consume(record.chunk);
	chunk_unref(record.chunk);
	spool_settle(spool, &record, SPOOL_SENT);
	return true;
}

static void open_or_die(const struct spool_config *config, struct spool **spool)
{
	struct err err;
	if (spool_open(config, spool, &err) != 0)
		bench_die("%s", err.msg);
}

struct run {
	struct spool *spool;
	_Atomic bool done;
	uint64_t spans;
};

static void *consumer_main(void *arg)
{
	struct run *run = arg;
	while (take(run->spool, &run->done, &run->spans))
		continue;
	return NULL;
}

static double disk_spans_per_s(struct spool_config config)
{
	struct run run = {0};
	pthread_t thread;
	open_or_die(&config, &run.spool);
	uint64_t began_ns = clock_monotonic_ns();
	if (pthread_create(&thread, NULL, consumer_main, &run) != 0)
		bench_die("no thread");
	while (clock_monotonic_ns() - began_ns < RUN_MS * NS_PER_MS)
		put(run.spool, REQUEST_BYTES);
	(void)pthread_mutex_lock(&at.lock);
	while (at.waiting > 0)
		(void)pthread_cond_wait(&at.changed, &at.lock);
	(void)pthread_mutex_unlock(&at.lock);
	run.done = true;
	change(0, true);
	(void)pthread_join(thread, NULL);
	double seconds = (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_S;
	spool_close(run.spool);
	return (double)run.spans / seconds;
}

static void *memory_consumer_main(void *arg)
{
	struct run *run = arg;
	(void)pthread_mutex_lock(&at.lock);
	while (!run->done || at.count > 0) {
		if (at.count == 0) {
			(void)pthread_cond_wait(&at.changed, &at.lock);
			continue;
		}
		struct chunk *chunk = at.ring[at.first];
		at.first = (at.first + 1) % WINDOW;
		at.count--;
		(void)pthread_cond_broadcast(&at.changed);
		(void)pthread_mutex_unlock(&at.lock);
		run->spans += consume(chunk);
		chunk_unref(chunk);
		(void)pthread_mutex_lock(&at.lock);
	}
	(void)pthread_mutex_unlock(&at.lock);
	return NULL;
}

static double memory_spans_per_s(void)
{
	struct run run = {0};
	pthread_t thread;
	uint64_t began_ns = clock_monotonic_ns();
	if (pthread_create(&thread, NULL, memory_consumer_main, &run) != 0)
		bench_die("no thread");
	while (clock_monotonic_ns() - began_ns < RUN_MS * NS_PER_MS) {
		struct chunk *chunk = make_request(REQUEST_BYTES);
		(void)pthread_mutex_lock(&at.lock);
		while (at.count == WINDOW)
			(void)pthread_cond_wait(&at.changed, &at.lock);
		at.ring[(at.first + at.count++) % WINDOW] = chunk;
		(void)pthread_cond_broadcast(&at.changed);
		(void)pthread_mutex_unlock(&at.lock);
	}
	run.done = true;
	change(0, true);
	(void)pthread_join(thread, NULL);
	return (double)run.spans / ((double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_S);
}

static void print_rates(struct spool_config config)
{
	struct bench_samples memory = {0}, grouped = {0}, each = {0};
	config.bytes_max = UINT64_C(8) << 30;
	for (int i = 0; i < REPEATS; i++) {
		bench_add(&memory, memory_spans_per_s());
		config.commit_ns = 100 * NS_PER_MS;
		bench_add(&grouped, disk_spans_per_s(config));
		config.commit_ns = 0;
		bench_add(&each, disk_spans_per_s(config));
	}
	printf("in memory                  %10.0f spans/s\n", bench_median(&memory));
	printf("on disk, group commit      %10.0f spans/s\n", bench_median(&grouped));
	printf("on disk, synced at once    %10.0f spans/s\n", bench_median(&each));
}

/* The largest resident size of this process so far, or now, in MiB. */
static double memory_mib(const char *field)
{
	char line[256];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtoul(line + strlen(field) + 1, NULL, 10);
	}
	if (file)
		(void)fclose(file);
	return (double)kib / 1024;
}

static int no_sync(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	return 0;
}

/* Puts ${count} requests into a new queue, without waiting for the disk. */
static void fill(struct spool_config config, size_t len, uint64_t count)
{
	struct spool *spool;
	struct spool_files files = spool_files_system;
	files.sync = no_sync;
	config.files = &files;
	config.ahead_bytes = config.ahead_records = 1;
	open_or_die(&config, &spool);
	for (uint64_t i = 0; i < count; i++)
		put(spool, len);
	spool_close(spool);
}

/* In a process of its own, whose memory is its own. */
static void print_replay(struct spool_config config, uint64_t backlog_mib)
{
	static const _Atomic bool done = true;
	struct spool *spool;
	uint64_t spans = 0;
	config.exporter_id = "bench/backlog";
	config.bytes_max = UINT64_MAX;
	fill(config, REQUEST_BYTES, (backlog_mib << 20) / REQUEST_BYTES);
	(void)fflush(stdout);
	pid_t child = fork();
	if (child != 0) {
		(void)waitpid(child, NULL, 0);
		return;
	}
	double before = memory_mib("VmRSS:");
	uint64_t began_ns = clock_monotonic_ns();
	open_or_die(&config, &spool);
	while (take(spool, &done, &spans))
		continue;
	double seconds = (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_S;
	double more = memory_mib("VmHWM:") - before;
	printf("backlog of %llu MiB read back %7.0f MiB/s, memory +%.1f MiB   (goal +%d: %s)\n",
	       (unsigned long long)backlog_mib, (double)backlog_mib / seconds, more,
	       REPLAY_MIB_GOAL, bench_verdict(more <= REPLAY_MIB_GOAL));
	spool_close(spool);
	(void)fflush(stdout);
	_exit(0);
}

static void print_ready(struct spool_config config)
{
	struct spool *spool;
	config.exporter_id = "bench/segments";
	config.segment_bytes = 1;
	config.bytes_max = UINT64_MAX;
	fill(config, SEGMENT_BYTES, SEGMENTS);
	uint64_t began_ns = clock_monotonic_ns();
	open_or_die(&config, &spool);
	double ms = (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_MS;
	struct spool_stats stats;
	spool_stats(spool, &stats);
	printf("%llu segments ready in     %7.0f ms   (goal %d: %s)\n",
	       (unsigned long long)stats.segments, ms, READY_MS_GOAL,
	       bench_verdict(ms <= READY_MS_GOAL && stats.segments == SEGMENTS));
	spool_close(spool);
}

int main(int argc, char **argv)
{
	char directory[256], command[300];
	budget_init(&budget, UINT64_MAX);
	memset(body, 'x', sizeof(body));
	(void)snprintf(directory, sizeof(directory), "%.200s/sluice-bench-XXXXXX",
		       argc > 1 ? argv[1] : "/tmp");
	if (!mkdtemp(directory))
		bench_die("cannot make %s", directory);
	const struct spool_config config = {
		.directory = directory,
		.exporter_id = "bench",
		.signal = "traces",
		.ahead_records = 10,
		.ahead_bytes = 8 << 20,
		.budget = &budget,
		.ready = on_ready,
	};
	print_rates(config);
	print_replay(config, argc > 2 ? strtoull(argv[2], NULL, 10) : 1024);
	print_ready(config);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command) != 0;
}
