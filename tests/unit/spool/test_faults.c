/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails: each call of a queue's life in turn, once or from then on; that is full; that
 * writes a few bytes at a time. Whatever was answered as durable comes out, whole, and nothing comes
 * that was not put in.
 */
#include "tests/support/spool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "pipeline/spool/acks.h"

enum { REQUESTS = 12, LEN = 20000, CALLS_MAX = 2000 };

static struct spool_fixture fixture;

/* The script of the disk. */
static struct {
	_Atomic long calls;	 /* so far */
	long fail_from, fail_to; /* which of them fail, with `sys` */
	int sys;
	size_t write_max;   /* bytes of one write; 0: no bound */
	_Atomic bool full;  /* no file may grow */
	_Atomic bool stuck; /* no sync ends */
	_Atomic bool waits; /* one is under way meanwhile */
} disk;

static bool fails(void)
{
	long call = disk.calls++;
	errno = disk.sys;
	return call >= disk.fail_from && call < disk.fail_to;
}

static int disk_open(void *arg, int directory, const char *name, int flags)
{
	if (fails())
		return -1;
	if (disk.full && (flags & O_CREAT)) {
		errno = ENOSPC;
		return -1;
	}
	return spool_files_system.open(arg, directory, name, flags);
}

static ssize_t disk_pread(void *arg, int fd, void *data, size_t len, off_t offset)
{
	return fails() ? -1 : spool_files_system.pread(arg, fd, data, len, offset);
}

static ssize_t disk_pwritev(void *arg, int fd, const struct iovec *parts, int count, off_t offset)
{
	if (fails())
		return -1;
	if (disk.full && offset >= lseek(fd, 0, SEEK_END)) {
		errno = ENOSPC;
		return -1;
	}
	if (disk.write_max == 0)
		return spool_files_system.pwritev(arg, fd, parts, count, offset);
	size_t len = parts->iov_len < disk.write_max ? parts->iov_len : disk.write_max;
	return pwrite(fd, parts->iov_base, len, offset);
}

static int disk_sync(void *arg, int fd)
{
	while (disk.stuck) {
		disk.waits = true;
		(void)sched_yield();
	}
	return fails() ? -1 : spool_files_system.sync(arg, fd);
}

static int disk_truncate(void *arg, int fd, off_t len)
{
	return fails() ? -1 : spool_files_system.truncate(arg, fd, len);
}

static int disk_rename(void *arg, int directory, const char *from, const char *to)
{
	return fails() ? -1 : spool_files_system.rename(arg, directory, from, to);
}

static int disk_unlink(void *arg, int directory, const char *name)
{
	return fails() ? -1 : spool_files_system.unlink(arg, directory, name);
}

static const struct spool_files files = {
	.open = disk_open,
	.pread = disk_pread,
	.pwritev = disk_pwritev,
	.sync = disk_sync,
	.truncate = disk_truncate,
	.rename = disk_rename,
	.unlink = disk_unlink,
};

static void disk_works(void)
{
	disk.calls = 0;
	disk.fail_from = disk.fail_to = -1;
	disk.write_max = 0;
	disk.full = disk.stuck = disk.waits = false;
}

static int setup(void **state)
{
	(void)state;
	disk_works();
	disk.sys = EIO;
	spool_fixture_init(&fixture);
	fixture.config.files = &files;
	fixture.config.segment_bytes = 1; /* 64 KiB: three requests */
	fixture.config.ahead_records = 2;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disk_works();
	spool_fixture_fini(&fixture);
	return 0;
}

/* What the script below knows. */
struct known {
	bool durable[REQUESTS], settled[REQUESTS];
	unsigned seen[REQUESTS];
};

/* Appends them one by one, takes and settles half of them on the way. False: it could not be opened. */
static bool live(struct known *known)
{
	struct spool_record record;
	struct err err = {0};
	fixture.appended = fixture.failed = fixture.finding_count = 0;
	if (spool_open(&fixture.config, &fixture.spool, &err) != 0) {
		assert_true(err.msg[0]);
		return false;
	}
	for (uint64_t i = 0; i < REQUESTS; i++) {
		uint64_t before = fixture.appended;
		assert_true(spool_fixture_start(&fixture, i, LEN));
		spool_fixture_wait(&fixture, i + 1);
		known->durable[i] = fixture.appended > before;
		if (i % 2 == 0 || !spool_take(fixture.spool, &record))
			continue;
		uint64_t number = spool_fixture_number(chunk_slice(record.chunk));
		known->settled[number] = true;
		known->seen[number]++;
		spool_fixture_settle(&fixture, &record);
	}
	return true;
}

static uint64_t losses(void)
{
	struct spool_stats stats = spool_fixture_stats(&fixture);
	uint64_t count = 0;
	for (size_t i = 0; i < SPOOL_LOSS_COUNT; i++)
		count += stats.lost_records[i];
	return count;
}

/* After a restart on a disk that works. ${again}: some that were settled may come again. */
static void check_rest(struct known *known, uint64_t lost, bool again)
{
	struct spool_record record;
	uint64_t number, missing = 0;
	disk_works();
	spool_fixture_open(&fixture);
	uint64_t last = 0;
	while (spool_fixture_take_held(&fixture, &record, &number)) {
		assert_true(number < REQUESTS);
		assert_true(last == 0 || number > last); /* in order */
		last = number;
		known->seen[number]++;
		assert_true(!known->settled[number] || again);
		spool_fixture_settle(&fixture, &record);
	}
	for (size_t i = 0; i < REQUESTS; i++)
		missing += known->durable[i] && known->seen[i] == 0;
	assert_true(missing <= lost);
}

static void each_call_fails_once_and_nothing_durable_is_lost(void **state)
{
	(void)state;
	long calls = CALLS_MAX;
	for (long n = 0; n < calls; n++) {
		struct known known = {0};
		uint64_t lost = 0;
		disk_works();
		disk.fail_from = n;
		disk.fail_to = n + 1;
		if (live(&known))
			lost = losses();
		spool_fixture_close(&fixture);
		if (disk.calls <= n)
			calls = 0;	   /* the script is shorter */
		assert_int_equal(lost, 0); /* one failure is no damage */
		check_rest(&known, 0, true);
		spool_fixture_fini(&fixture);
		(void)setup(NULL);
	}
	assert_int_equal(calls, 0);
}

static void a_disk_that_fails_from_some_call_on_keeps_what_was_durable(void **state)
{
	(void)state;
	for (long n = 0; n < 160; n += 3) {
		struct known known = {0};
		disk_works();
		disk.fail_from = n;
		disk.fail_to = CALLS_MAX * 1000;
		bool opened = live(&known);
		uint64_t lost = opened ? losses() : 0;
		spool_fixture_close(&fixture);
		check_rest(&known, lost, true);
		spool_fixture_fini(&fixture);
		(void)setup(NULL);
	}
}

static void writes_of_any_few_bytes_give_whole_records(void **state)
{
	uint64_t numbers[REQUESTS];
	(void)state;
	for (size_t max = 1; max < 600; max += max < 64 ? 1 : 61) {
		disk_works();
		disk.write_max = max;
		spool_fixture_open(&fixture);
		spool_fixture_append(&fixture, 0, 3, 300);
		spool_fixture_close(&fixture);
		spool_fixture_open(&fixture);
		assert_int_equal(fixture.finding_count, 0);
		assert_int_equal(spool_fixture_drain(&fixture, numbers, REQUESTS), 3);
		for (uint64_t i = 0; i < 3; i++)
			assert_int_equal(numbers[i], i);
		spool_fixture_close(&fixture);
		spool_fixture_fini(&fixture);
		(void)setup(NULL);
	}
}

static void a_full_disk_refuses_and_lets_go_of_what_is_settled(void **state)
{
	struct spool_record record;
	char name[64];
	(void)state;
	fixture.config.ahead_records = REQUESTS;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, REQUESTS, LEN);
	size_t before = spool_fixture_files(&fixture, ".segment", name);
	assert_true(before >= 4);
	disk.full = true;
	assert_true(spool_fixture_start(&fixture, 99, LEN));
	spool_fixture_wait(&fixture, REQUESTS + 1);
	assert_int_equal(fixture.failed, 1);
	assert_int_equal(spool_fixture_count_findings(&fixture, SPOOL_FINDING_WRITE), 1);
	for (uint64_t i = 0; i < REQUESTS; i++) {
		assert_int_equal(spool_fixture_take(&fixture, &record), i);
		spool_fixture_settle(&fixture, &record);
	}
	while (spool_fixture_files(&fixture, ".segment", name) > 1)
		(void)sched_yield();
	while (spool_fixture_stats(&fixture).acks_unwritten > 0)
		(void)sched_yield();
	disk.full = false;
	fixture.failed = 0;
	assert_true(spool_fixture_start(&fixture, 100, LEN));
	spool_fixture_wait(&fixture, REQUESTS + 1);
	assert_int_equal(fixture.failed, 0);
	assert_int_equal(spool_fixture_take(&fixture, &record), 100);
	spool_fixture_settle(&fixture, &record);
}

static void what_is_settled_while_files_are_removed_goes_as_well(void **state)
{
	struct spool_record records[REQUESTS];
	char name[64];
	(void)state;
	fixture.config.ahead_records = REQUESTS;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, REQUESTS, LEN);
	for (size_t i = 0; i < REQUESTS; i++)
		assert_int_equal(spool_fixture_take(&fixture, &records[i]), i);
	disk.stuck = true;
	for (size_t i = 0; i < REQUESTS; i++) {
		spool_fixture_settle(&fixture, &records[i]);
		while (i == 2 && !disk.waits) /* the first segment is about to be removed */
			(void)sched_yield();
	}
	disk.stuck = false;
	while (spool_fixture_files(&fixture, ".segment", name) > 1)
		(void)sched_yield();
}

static void a_disk_that_is_stuck_bounds_what_waits_in_memory(void **state)
{
	uint64_t number = 0;
	(void)state;
	spool_fixture_open(&fixture);
	disk.stuck = true;
	while (spool_fixture_start(&fixture, number, 1 << 20))
		number++;
	assert_true(number > 0 && number <= SPOOL_PENDING_BYTES_MAX >> 20);
	assert_int_equal(fixture.appended, 0); /* nobody was told */
	disk.stuck = false;
	spool_fixture_wait(&fixture, number);
	assert_int_equal(fixture.failed, 0);
}

/* A file system that was remounted for reading alone. */
static void a_disk_that_takes_nothing_is_refused_with_words(void **state)
{
	struct err err = {0};
	(void)state;
	disk.sys = EROFS;
	disk.fail_from = 0;
	disk.fail_to = CALLS_MAX;
	assert_int_equal(spool_open(&fixture.config, &fixture.spool, &err), -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_non_null(strstr(err.msg, "Read-only file system"));
	fixture.spool = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_call_fails_once_and_nothing_durable_is_lost),
		TEST(a_disk_that_fails_from_some_call_on_keeps_what_was_durable),
		TEST(writes_of_any_few_bytes_give_whole_records),
		TEST(a_full_disk_refuses_and_lets_go_of_what_is_settled),
		TEST(what_is_settled_while_files_are_removed_goes_as_well),
		TEST(a_disk_that_is_stuck_bounds_what_waits_in_memory),
		TEST(a_disk_that_takes_nothing_is_refused_with_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
