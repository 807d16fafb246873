/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are not as they were written: cut, changed, gone, of somebody else. What is whole comes
 * out, what is not is counted, reported, and kept under another name. */
#include "tests/support/spool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "pipeline/spool/acks.h"
#include "pipeline/spool/format.h"

enum { RECORDS = 6, LEN = 100, NUMBERS_MAX = 400 };
#define FIRST "0000000000000000.segment"

static struct spool_fixture fixture;
static uint8_t *segment, *acks;
static size_t segment_len, acks_len;

static const size_t record_len = LEN + FORMAT_RECORD_HEAD;

/* Files are made and read by the thousand; no power is lost here. */
static int no_sync(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	return 0;
}

/* A segment of RECORDS requests, none of which is settled; without its seal: as a kill leaves it. */
static int setup(void **state)
{
	(void)state;
	static struct spool_files files;
	files = spool_files_system;
	files.sync = no_sync;
	spool_fixture_init(&fixture);
	fixture.config.files = &files;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, RECORDS, LEN);
	spool_fixture_close(&fixture);
	segment = spool_fixture_read_file(spool_fixture_file(&fixture, FIRST), &segment_len);
	acks = spool_fixture_read_file(spool_fixture_file(&fixture, ACKS_FILE), &acks_len);
	assert_int_equal(segment_len, FORMAT_SEGMENT_HEAD + RECORDS * record_len + FORMAT_SEAL);
	assert_int_equal(acks_len, 2 * ACKS_BLOCK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(segment);
	free(acks);
	spool_fixture_fini(&fixture);
	return 0;
}

/* The queue's files as they were, but for the segment's. */
static void write_files(const uint8_t *bytes, size_t len)
{
	char name[64];
	while (spool_fixture_files(&fixture, ".damaged", name) > 0)
		(void)unlink(spool_fixture_file(&fixture, name));
	while (spool_fixture_files(&fixture, ".segment", name) > 0)
		(void)unlink(spool_fixture_file(&fixture, name));
	spool_fixture_write_file(spool_fixture_file(&fixture, FIRST), bytes, len);
	spool_fixture_write_file(spool_fixture_file(&fixture, ACKS_FILE), acks, acks_len);
}

static void assert_account(uint64_t accepted, bool spans_known)
{
	struct spool_stats stats = spool_fixture_stats(&fixture);
	uint64_t records = stats.sent_records + stats.held_records;
	uint64_t spans = stats.sent_spans + stats.held_spans;
	for (size_t i = 0; i < SPOOL_LOSS_COUNT; i++) {
		records += stats.lost_records[i];
		spans += stats.lost_spans[i];
	}
	assert_int_equal(records, accepted);
	if (spans_known)
		assert_int_equal(spans, accepted * SPOOL_FIXTURE_SPANS);
}

static void a_file_cut_at_any_byte_gives_all_records_before(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	size_t last = segment_len - FORMAT_SEAL - 2 * record_len;
	(void)state;
	for (size_t len = last; len < segment_len; len++) {
		write_files(segment, len);
		spool_fixture_open(&fixture);
		size_t whole = (len - FORMAT_SEGMENT_HEAD) / record_len;
		if (whole > RECORDS)
			whole = RECORDS;
		bool torn = len != FORMAT_SEGMENT_HEAD + whole * record_len;
		assert_int_equal(spool_fixture_count_findings(&fixture, SPOOL_FINDING_TORN), torn);
		assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), whole);
		for (size_t i = 0; i < whole; i++)
			assert_int_equal(numbers[i], i);
		assert_account(whole, true); /* the torn one was never taken */
		/* The number of the torn one is given again. */
		spool_fixture_append(&fixture, 77, 78, LEN);
		assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), 1);
		assert_int_equal(numbers[0], 77);
		spool_fixture_close(&fixture);
	}
}

/* Any byte, sealed or not: only the record that it belongs to is lost. */
static void a_changed_byte_costs_its_own_record(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	char name[64];
	(void)state;
	for (int sealed = 0; sealed < 2; sealed++) {
		size_t records_end = segment_len - FORMAT_SEAL;
		size_t len = sealed ? segment_len : records_end;
		for (size_t at = FORMAT_SEGMENT_HEAD; at < records_end; at++) {
			size_t in_record = (at - FORMAT_SEGMENT_HEAD) % record_len;
			if (in_record > FORMAT_RECORD_HEAD && in_record % 16 != 0)
				continue; /* bytes of a body are all alike */
			size_t victim = (at - FORMAT_SEGMENT_HEAD) / record_len;
			segment[at] ^= 0x10;
			write_files(segment, len);
			segment[at] ^= 0x10;
			spool_fixture_open(&fixture);
			size_t count = spool_fixture_drain(&fixture, numbers, NUMBERS_MAX);
			assert_int_equal(count, RECORDS - 1);
			for (size_t i = 0; i < count; i++)
				assert_int_equal(numbers[i], i + (i >= victim));
			/* The last one of a file without a seal may not have been written whole. */
			bool torn = !sealed && victim == RECORDS - 1;
			struct spool_stats stats = spool_fixture_stats(&fixture);
			assert_int_equal(stats.lost_records[SPOOL_LOSS_CORRUPT], !torn);
			assert_account(RECORDS - torn, sealed);
			spool_fixture_close(&fixture);
			assert_int_equal(fixture.finding_count, 1);
			assert_int_equal(fixture.findings[0],
					 torn ? SPOOL_FINDING_TORN : SPOOL_FINDING_DAMAGED);
			spool_fixture_open(&fixture); /* counted once, and kept */
			assert_account(RECORDS - torn, sealed);
			spool_fixture_close(&fixture);
			assert_int_equal(spool_fixture_files(&fixture, ".damaged", name), !torn);
		}
	}
}

static void a_changed_seal_costs_a_look_and_no_record(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	(void)state;
	for (size_t at = segment_len - FORMAT_SEAL; at < segment_len; at++) {
		segment[at] ^= 1;
		write_files(segment, segment_len);
		segment[at] ^= 1;
		spool_fixture_open(&fixture);
		assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), RECORDS);
		assert_account(RECORDS, true);
		spool_fixture_close(&fixture);
	}
}

static void
a_segment_with_a_damaged_head_is_set_aside_and_its_numbers_are_not_given_again(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	char name[64];
	(void)state;
	for (size_t at = 0; at < FORMAT_SEGMENT_HEAD; at += 7) {
		segment[at] ^= 1;
		write_files(segment, segment_len);
		segment[at] ^= 1;
		spool_fixture_open(&fixture);
		assert_int_equal(spool_fixture_count_findings(&fixture, SPOOL_FINDING_HEADER), 1);
		assert_int_equal(spool_fixture_files(&fixture, ".damaged", name), 1);
		assert_string_equal(name, FIRST ".damaged");
		spool_fixture_append(&fixture, 50, 52, LEN);
		assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), 2);
		assert_int_equal(numbers[0], 50);
		assert_true(spool_fixture_stats(&fixture).lost_records[SPOOL_LOSS_MISSING] > 0);
		spool_fixture_close(&fixture);
	}
}

/* A request may contain what looks like records; it does not know the salt of its segment. */
static void a_request_that_contains_a_segment_is_not_taken_for_records(void **state)
{
	(void)state;
	struct spool_record record;
	uint64_t number = 0;
	spool_fixture_open(&fixture);
	while (spool_fixture_stats(&fixture).held_records > 0) {
		number = spool_fixture_take(&fixture, &record);
		spool_fixture_settle(&fixture, &record);
	}
	assert_int_equal(number, RECORDS - 1);
	spool_fixture_append(&fixture, 10, 11, LEN); /* another segment: another salt */
	spool_fixture_close(&fixture);
	const char *path = spool_fixture_file(&fixture, "0000000000000006.segment");
	size_t len;
	uint8_t *bytes = spool_fixture_read_file(path, &len);
	/* The old records in place of the end of the new one's body, whose head is damaged. */
	uint8_t *forged = malloc(len + segment_len);
	assert_non_null(forged);
	memcpy(forged, bytes, len);
	memcpy(forged + len, segment + FORMAT_SEGMENT_HEAD, segment_len - FORMAT_SEGMENT_HEAD);
	forged[FORMAT_SEGMENT_HEAD] ^= 1;
	spool_fixture_write_file(path, forged, len + segment_len - FORMAT_SEGMENT_HEAD);
	free(forged);
	free(bytes);
	spool_fixture_open(&fixture);
	assert_false(spool_fixture_take_held(&fixture, &record, &number));
}

static void a_missing_segment_is_reported_and_counted(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	char name[64];
	(void)state;
	fixture.config.segment_bytes = 1;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, RECORDS, 300, 1000);
	spool_fixture_close(&fixture);
	assert_true(spool_fixture_files(&fixture, ".segment", name) > 3);
	assert_string_equal(name, FIRST);
	(void)unlink(spool_fixture_file(&fixture, FIRST));
	spool_fixture_open(&fixture);
	assert_int_equal(spool_fixture_count_findings(&fixture, SPOOL_FINDING_MISSING), 1);
	assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), 300 - RECORDS);
	assert_int_equal(numbers[0], RECORDS);
	assert_int_equal(spool_fixture_stats(&fixture).lost_records[SPOOL_LOSS_MISSING], RECORDS);
	spool_fixture_close(&fixture);
	spool_fixture_open(&fixture); /* once */
	assert_account(300, false);
	assert_int_equal(fixture.finding_count, 0);
}

/* Each byte of the copy that counts: the other one, or the beginning, is what is known. */
static void damaged_acks_send_again_and_lose_nothing(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	struct spool_record record;
	char name[64];
	(void)state;
	spool_fixture_open(&fixture);
	for (int i = 0; i < 2; i++) {
		(void)spool_fixture_take(&fixture, &record);
		spool_fixture_settle(&fixture, &record);
	}
	spool_fixture_close(&fixture);
	free(acks);
	acks = spool_fixture_read_file(spool_fixture_file(&fixture, ACKS_FILE), &acks_len);
	for (size_t at = 0; at < ACKS_BLOCK; at += 5) {
		for (int copies = 1; copies <= 3; copies++) {
			uint8_t damaged[2 * ACKS_BLOCK];
			memcpy(damaged, acks, sizeof(damaged));
			damaged[at] ^= copies & 1;
			damaged[at + ACKS_BLOCK] ^= (copies & 2) != 0;
			write_files(segment, segment_len);
			spool_fixture_write_file(spool_fixture_file(&fixture, ACKS_FILE), damaged,
						 sizeof(damaged));
			spool_fixture_open(&fixture);
			size_t count = spool_fixture_drain(&fixture, numbers, NUMBERS_MAX);
			assert_true(count == RECORDS || count == RECORDS - 2);
			assert_int_equal(numbers[count - 1], RECORDS - 1);
			if (copies == 3) {
				assert_int_equal(count, RECORDS);
				assert_int_equal(
					spool_fixture_count_findings(&fixture, SPOOL_FINDING_ACKS),
					1);
				assert_int_equal(
					spool_fixture_files(&fixture, "acks.damaged", name), 1);
			}
			spool_fixture_close(&fixture);
		}
	}
}

static void a_missing_acks_file_sends_all_again(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	(void)state;
	(void)unlink(spool_fixture_file(&fixture, ACKS_FILE));
	spool_fixture_open(&fixture);
	assert_int_equal(spool_fixture_count_findings(&fixture, SPOOL_FINDING_ACKS), 1);
	assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), RECORDS);
}

/* A number that was settled above a hole is not given to another request, which would be lost. */
static void a_settled_number_whose_segment_is_gone_is_not_given_again(void **state)
{
	struct spool_record records[RECORDS];
	uint64_t numbers[NUMBERS_MAX];
	(void)state;
	spool_fixture_open(&fixture);
	for (size_t i = 0; i < RECORDS; i++)
		(void)spool_fixture_take(&fixture, &records[i]);
	for (size_t i = 1; i < RECORDS; i++)
		spool_fixture_settle(&fixture, &records[i]);
	chunk_unref(records[0].chunk);
	spool_fixture_close(&fixture);
	(void)unlink(spool_fixture_file(&fixture, FIRST));
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 20, 30, LEN);
	assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(numbers[i], 20 + i);
}

static void files_of_others_are_left_alone_and_said(void **state)
{
	uint64_t numbers[NUMBERS_MAX];
	char name[64];
	(void)state;
	spool_fixture_write_file(spool_fixture_file(&fixture, "notes.txt"), "x", 1);
	spool_fixture_write_file(spool_fixture_file(&fixture, "00000000000000zz.segment"), "x", 1);
	spool_fixture_open(&fixture);
	assert_int_equal(spool_fixture_count_findings(&fixture, SPOOL_FINDING_FOREIGN), 2);
	assert_int_equal(spool_fixture_files(&fixture, "notes.txt", name), 1);
	assert_int_equal(spool_fixture_drain(&fixture, numbers, NUMBERS_MAX), RECORDS);
}

/* One in a hundred records has a flipped bit, somewhere. */
static void flipped_bits_in_one_percent_cost_that_percent(void **state)
{
	enum { COUNT = 1000 };
	uint64_t numbers[COUNT];
	size_t len, lost = 0, next = 0;
	unsigned seed = 7;
	(void)state;
	write_files(segment, FORMAT_SEGMENT_HEAD);
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, COUNT, LEN);
	spool_fixture_close(&fixture);
	uint8_t *bytes = spool_fixture_read_file(spool_fixture_file(&fixture, FIRST), &len);
	bool damaged[COUNT] = {0};
	for (; lost < COUNT / 100; lost++) {
		size_t victim = (size_t)rand_r(&seed) % COUNT;
		damaged[victim] = true;
		bytes[FORMAT_SEGMENT_HEAD + victim * record_len +
		      (size_t)rand_r(&seed) % record_len] ^= (uint8_t)(1 << (rand_r(&seed) % 8));
	}
	spool_fixture_write_file(spool_fixture_file(&fixture, FIRST), bytes, len);
	free(bytes);
	spool_fixture_open(&fixture);
	size_t count = spool_fixture_drain(&fixture, numbers, COUNT);
	for (uint64_t i = 0; i < COUNT; i++) {
		if (!damaged[i])
			assert_int_equal(numbers[next++], i);
	}
	assert_int_equal(next, count);
	assert_account(COUNT, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_cut_at_any_byte_gives_all_records_before),
		TEST(a_changed_byte_costs_its_own_record),
		TEST(a_changed_seal_costs_a_look_and_no_record),
		TEST(a_segment_with_a_damaged_head_is_set_aside_and_its_numbers_are_not_given_again),
		TEST(a_request_that_contains_a_segment_is_not_taken_for_records),
		TEST(a_missing_segment_is_reported_and_counted),
		TEST(damaged_acks_send_again_and_lose_nothing),
		TEST(a_missing_acks_file_sends_all_again),
		TEST(a_settled_number_whose_segment_is_gone_is_not_given_again),
		TEST(files_of_others_are_left_alone_and_said),
		TEST(flipped_bits_in_one_percent_cost_that_percent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
