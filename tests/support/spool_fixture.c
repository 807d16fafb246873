/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/spool_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/base/le.h"

enum { WAIT_S = 60, POLL_MS = 1 };

static void on_ready(void *arg)
{
	struct spool_fixture *fixture = arg;
	(void)pthread_mutex_lock(&fixture->lock);
	fixture->ready = true;
	(void)pthread_cond_broadcast(&fixture->changed);
	(void)pthread_mutex_unlock(&fixture->lock);
}

static void on_found(void *arg, const struct spool_finding *finding)
{
	struct spool_fixture *fixture = arg;
	(void)pthread_mutex_lock(&fixture->lock);
	if (fixture->finding_count < SPOOL_FIXTURE_FINDINGS)
		fixture->findings[fixture->finding_count++] = finding->kind;
	(void)pthread_mutex_unlock(&fixture->lock);
	assert_non_null(finding->file);
	assert_non_null(spool_finding_words(finding->kind));
}

void spool_fixture_init(struct spool_fixture *fixture)
{
	*fixture = (struct spool_fixture){0};
	(void)snprintf(fixture->path, sizeof(fixture->path), "/tmp/sluice-spool-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	budget_init(&fixture->budget, UINT64_MAX);
	(void)pthread_mutex_init(&fixture->lock, NULL);
	(void)pthread_cond_init(&fixture->changed, NULL);
	fixture->config = (struct spool_config){
		.directory = fixture->path,
		.exporter_id = "otlp_grpc/primary",
		.signal = "traces",
		.bytes_max = 1 << 30,
		.ahead_records = 1000,
		.ahead_bytes = 1 << 26,
		.budget = &fixture->budget,
		.ready = on_ready,
		.found = on_found,
		.arg = fixture,
	};
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void spool_fixture_fini(struct spool_fixture *fixture)
{
	spool_fixture_close(fixture);
	assert_int_equal(budget_used(&fixture->budget), 0);
	assert_int_equal(nftw(fixture->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	(void)pthread_mutex_destroy(&fixture->lock);
	(void)pthread_cond_destroy(&fixture->changed);
}

void spool_fixture_open(struct spool_fixture *fixture)
{
	struct err err = {0};
	fixture->appended = fixture->failed = fixture->finding_count = 0;
	if (spool_open(&fixture->config, &fixture->spool, &err) != 0)
		fail_msg("%s", err.msg);
}

void spool_fixture_close(struct spool_fixture *fixture)
{
	spool_close(fixture->spool);
	fixture->spool = NULL;
}

/* ---- requests ------------------------------------------------------------------------------- */

static void fill(uint8_t *out, uint64_t number, size_t len)
{
	le_write64(out, number);
	le_write64(out + 8, len);
	for (size_t i = 16; i < len; i++)
		out[i] = (uint8_t)(number * 31 + i * 7);
}

struct chunk *spool_fixture_body(struct budget *budget, uint64_t number, size_t len)
{
	struct chunk *chunk = chunk_new(budget, len);
	assert_non_null(chunk);
	fill(chunk->data, number, len);
	chunk->len = len;
	chunk->span_count = SPOOL_FIXTURE_SPANS;
	chunk->index_bytes = 99;
	chunk->ids_usable = true;
	return chunk;
}

uint64_t spool_fixture_number(struct slice body)
{
	assert_true(body.len >= SPOOL_FIXTURE_BODY_MIN);
	uint64_t number = le_read64(body.ptr);
	uint8_t *expected = malloc(body.len);
	assert_non_null(expected);
	fill(expected, number, body.len);
	assert_memory_equal(body.ptr, expected, body.len);
	free(expected);
	return number;
}

struct append {
	struct spool_append append;
	struct spool_fixture *fixture;
};

static void on_done(struct spool_append *append, const struct err *err)
{
	struct append *self = CONTAINER_OF(append, struct append, append);
	struct spool_fixture *fixture = self->fixture;
	(void)pthread_mutex_lock(&fixture->lock);
	if (err)
		fixture->failed++;
	else
		fixture->appended++;
	(void)pthread_cond_broadcast(&fixture->changed);
	(void)pthread_mutex_unlock(&fixture->lock);
	free(self);
}

bool spool_fixture_start(struct spool_fixture *fixture, uint64_t number, size_t len)
{
	if (!spool_reserve(fixture->spool, len))
		return false;
	struct append *append = calloc(1, sizeof(*append));
	assert_non_null(append);
	append->fixture = fixture;
	append->append.done = on_done;
	append->append.chunk = spool_fixture_body(&fixture->budget, number, len);
	spool_append(fixture->spool, &append->append);
	return true;
}

static struct timespec deadline(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += WAIT_S;
	return at;
}

void spool_fixture_wait(struct spool_fixture *fixture, uint64_t count)
{
	struct timespec until = deadline();
	int result = 0;
	(void)pthread_mutex_lock(&fixture->lock);
	while (fixture->appended + fixture->failed < count && result == 0)
		result = pthread_cond_timedwait(&fixture->changed, &fixture->lock, &until);
	uint64_t answered = fixture->appended + fixture->failed;
	(void)pthread_mutex_unlock(&fixture->lock);
	assert_true(answered >= count);
}

void spool_fixture_append(struct spool_fixture *fixture, uint64_t from, uint64_t to, size_t len)
{
	for (uint64_t number = from; number < to; number++) {
		uint64_t before = fixture->appended + fixture->failed;
		assert_true(spool_fixture_start(fixture, number, len));
		spool_fixture_wait(fixture, before + 1);
	}
	assert_int_equal(fixture->failed, 0);
}

static void pause_shortly(void)
{
	const struct timespec pause = {0, POLL_MS * 1000000};
	(void)nanosleep(&pause, NULL);
}

bool spool_fixture_take_held(struct spool_fixture *fixture, struct spool_record *ret_record,
			     uint64_t *ret_number)
{
	for (int tries = 0; tries < WAIT_S * 1000 / POLL_MS; tries++) {
		if (spool_take(fixture->spool, ret_record)) {
			*ret_number = spool_fixture_number(chunk_slice(ret_record->chunk));
			assert_int_equal(ret_record->span_count, ret_record->chunk->span_count);
			assert_int_equal(ret_record->chunk->index_bytes, 99);
			assert_true(ret_record->chunk->ids_usable);
			return true;
		}
		if (spool_fixture_stats(fixture).held_records == 0)
			return false;
		pause_shortly(); /* either comes without an event when records are lost */
	}
	fail_msg("the queue holds records and does not give them");
	return false;
}

uint64_t spool_fixture_take(struct spool_fixture *fixture, struct spool_record *ret_record)
{
	uint64_t number = 0;
	assert_true(spool_fixture_take_held(fixture, ret_record, &number));
	return number;
}

void spool_fixture_settle(struct spool_fixture *fixture, struct spool_record *record)
{
	chunk_unref(record->chunk);
	record->chunk = NULL;
	spool_settle(fixture->spool, record, SPOOL_SENT);
}

size_t spool_fixture_drain(struct spool_fixture *fixture, uint64_t *ret_numbers, size_t max)
{
	struct spool_record record;
	uint64_t number;
	size_t count = 0;
	while (spool_fixture_take_held(fixture, &record, &number)) {
		assert_true(count < max);
		ret_numbers[count++] = number;
		spool_fixture_settle(fixture, &record);
	}
	return count;
}

struct spool_stats spool_fixture_stats(struct spool_fixture *fixture)
{
	struct spool_stats stats;
	spool_stats(fixture->spool, &stats);
	return stats;
}

size_t spool_fixture_count_findings(struct spool_fixture *fixture, enum spool_finding_kind kind)
{
	size_t count = 0;
	(void)pthread_mutex_lock(&fixture->lock);
	for (size_t i = 0; i < fixture->finding_count; i++)
		count += fixture->findings[i] == kind;
	(void)pthread_mutex_unlock(&fixture->lock);
	return count;
}

/* ---- files ---------------------------------------------------------------------------------- */

const char *spool_fixture_file(struct spool_fixture *fixture, const char *name)
{
	static char text[256];
	(void)snprintf(text, sizeof(text), "%s/" SPOOL_FIXTURE_QUEUE "/%s", fixture->path, name);
	return text;
}

size_t spool_fixture_files(struct spool_fixture *fixture, const char *suffix, char ret_first[64])
{
	struct dirent **entries;
	size_t found = 0;
	int count = scandir(spool_fixture_file(fixture, ""), &entries, NULL, alphasort);
	assert_true(count >= 0);
	for (int i = 0; i < count; i++) {
		if (slice_has_suffix(slice_str(entries[i]->d_name), slice_str(suffix)) &&
		    found++ == 0)
			(void)snprintf(ret_first, 64, "%.63s", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return found;
}

uint8_t *spool_fixture_read_file(const char *path, size_t *ret_len)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	uint8_t *bytes = malloc((size_t)status.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
	(void)close(fd);
	*ret_len = (size_t)status.st_size;
	return bytes;
}

void spool_fixture_write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	(void)close(fd);
}
