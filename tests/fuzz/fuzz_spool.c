/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue on disk whose files were damaged: bytes changed, cut, added, a file left out or replaced by
 * the input. It opens; what comes out is what was put in, byte for byte and in order; what stood before
 * the first damage comes out; and it takes and gives again.
 *
 * Byte 0: which file the edits are of. Then edits of six bytes: what, where (2), how much (2), a value.
 * The rest replaces the file when the edit says so.
 */
#include "pipeline/base/le.h"
#include "tests/support/spool_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/spool/acks.h"
#include "pipeline/spool/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 5, LEN = 48, EDIT = 6, EDITS_MAX = 32, FILE_MAX_BYTES = 64 << 10 };

static const char *const names[] = {"0000000000000000.segment", "0000000000000003.segment",
				    ACKS_FILE};
enum { FILES = 3, ACKS_AT = 2, FIRST_OF_SECOND = 3 };

static struct world {
	struct spool_fixture fixture;
	struct spool_files files;
	uint8_t *bytes[FILES]; /* as they were */
	size_t lens[FILES];
} world;

static int no_sync(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	return 0;
}

/* Two segments, and one request that is settled: number 1. */
static void make_files(void)
{
	struct spool_fixture *f = &world.fixture;
	struct spool_record records[RECORDS];
	spool_fixture_init(f);
	world.files = spool_files_system;
	world.files.sync = no_sync;
	f->config.files = &world.files;
	spool_fixture_open(f);
	spool_fixture_append(f, 0, FIRST_OF_SECOND, LEN);
	spool_fixture_close(f);
	spool_fixture_open(f);
	spool_fixture_append(f, FIRST_OF_SECOND, RECORDS, LEN);
	for (size_t i = 0; i < RECORDS; i++)
		(void)spool_fixture_take(f, &records[i]);
	for (size_t i = 0; i < RECORDS; i++) {
		if (i != 1)
			chunk_unref(records[i].chunk);
		else
			spool_fixture_settle(f, &records[i]);
	}
	spool_fixture_close(f);
	for (size_t i = 0; i < FILES; i++)
		world.bytes[i] =
			spool_fixture_read_file(spool_fixture_file(f, names[i]), &world.lens[i]);
}

static void restore_files(void)
{
	char name[64];
	struct spool_fixture *f = &world.fixture;
	static const char *const gone[] = {".segment", ".damaged", ACKS_FILE};
	for (size_t i = 0; i < ARRAY_COUNT(gone); i++) {
		while (spool_fixture_files(f, gone[i], name) > 0)
			(void)unlink(spool_fixture_file(f, name));
	}
	for (size_t i = 0; i < FILES; i++)
		spool_fixture_write_file(spool_fixture_file(f, names[i]), world.bytes[i],
					 world.lens[i]);
}

/* Edits the file; where the first damage is, at most. */
static size_t damage(size_t file, const uint8_t *data, size_t size)
{
	static uint8_t bytes[FILE_MAX_BYTES];
	size_t len = world.lens[file], first = SIZE_MAX;
	const char *path = spool_fixture_file(&world.fixture, names[file]);
	memcpy(bytes, world.bytes[file], len);
	for (size_t edits = 0; size >= EDIT && edits < EDITS_MAX; edits++) {
		size_t where = (size_t)(data[1] | data[2] << 8) % (len + 1);
		size_t count = (size_t)(data[3] | data[4] << 8);
		uint8_t what = data[0] % 5, value = data[5];
		data += EDIT;
		size -= EDIT;
		if (where < first)
			first = where;
		if (what == 0 && where < len) {
			bytes[where] ^= value;
		} else if (what == 1) {
			len = where;
		} else if (what == 2 && len + count <= sizeof(bytes)) {
			memset(bytes + len, value, count);
			first = first < len ? first : len;
			len += count;
		} else if (what == 3) {
			(void)unlink(path);
			return 0;
		} else if (what == 4) {
			size_t more = size < sizeof(bytes) - where ? size : sizeof(bytes) - where;
			memcpy(bytes + where, data, more);
			len = where + more;
			size = 0;
		}
	}
	spool_fixture_write_file(path, bytes, len);
	return first;
}

/* How many records of ${file} end before ${first}. */
static uint64_t whole_before(size_t file, size_t first)
{
	uint64_t records = file == 0 ? FIRST_OF_SECOND : RECORDS - FIRST_OF_SECOND;
	if (first < FORMAT_SEGMENT_HEAD)
		return 0;
	uint64_t whole = (first - FORMAT_SEGMENT_HEAD) / (LEN + FORMAT_RECORD_HEAD);
	return whole < records ? whole : records;
}

static void check(size_t file, size_t first)
{
	struct spool_fixture *f = &world.fixture;
	uint64_t numbers[2 * RECORDS];
	bool seen[RECORDS] = {false};
	size_t count = spool_fixture_drain(f, numbers, ARRAY_COUNT(numbers));
	for (size_t i = 0; i < count; i++) {
		assert_true(numbers[i] < RECORDS);
		assert_true(i == 0 || numbers[i] > numbers[i - 1]);
		seen[numbers[i]] = true;
	}
	for (uint64_t i = 0; i < RECORDS; i++) {
		size_t of = i < FIRST_OF_SECOND ? 0 : 1;
		uint64_t in_file = i - (of ? FIRST_OF_SECOND : 0);
		bool intact = file != of || in_file < whole_before(of, first);
		if (intact && i != 1)
			assert_true(seen[i]);
	}
	spool_fixture_append(f, 100, 102, LEN);
	assert_int_equal(spool_fixture_drain(f, numbers, ARRAY_COUNT(numbers)), 2);
	assert_int_equal(numbers[0], 100);
	assert_int_equal(numbers[1], 101);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world.bytes[0])
		make_files();
	if (size < 1)
		return 0;
	restore_files();
	size_t file = data[0] % FILES;
	size_t first = damage(file, data + 1, size - 1);
	spool_fixture_open(&world.fixture);
	check(file, first);
	spool_fixture_close(&world.fixture);
	assert_int_equal(budget_used(&world.fixture.budget), 0);
	return 0;
}
