/* SPDX-License-Identifier: Apache-2.0 */
/* The queue on a disk that works: order, what is settled, restarts, bounds, names. */
#include "tests/support/spool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "pipeline/base/buf.h"
#include "pipeline/base/clock.h"
#include "pipeline/spool/format.h"

enum { LEN = 1000 };

static struct spool_fixture fixture;

static int setup(void **state)
{
	(void)state;
	spool_fixture_init(&fixture);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spool_fixture_fini(&fixture);
	return 0;
}

static void restart(void)
{
	spool_fixture_close(&fixture);
	spool_fixture_open(&fixture);
}

static void assert_drains(uint64_t from, uint64_t to)
{
	uint64_t numbers[1000];
	size_t count = spool_fixture_drain(&fixture, numbers, ARRAY_COUNT(numbers));
	assert_int_equal(count, to - from);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(numbers[i], from + i);
}

/* The counts of the whole life of a queue agree with what it was given. */
static void assert_account(uint64_t accepted)
{
	struct spool_stats stats = spool_fixture_stats(&fixture);
	uint64_t records = stats.sent_records + stats.held_records;
	uint64_t spans = stats.sent_spans + stats.held_spans;
	for (size_t i = 0; i < SPOOL_LOSS_COUNT; i++) {
		records += stats.lost_records[i];
		spans += stats.lost_spans[i];
	}
	assert_int_equal(records, accepted);
	assert_int_equal(spans, accepted * SPOOL_FIXTURE_SPANS);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void requests_come_out_in_the_order_in_which_they_came(void **state)
{
	(void)state;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 50, LEN);
	assert_account(50);
	assert_drains(0, 50);
	assert_account(50);
	assert_int_equal(spool_fixture_stats(&fixture).sent_records, 50);
}

static void order_is_kept_over_restarts_and_what_is_settled_does_not_come_again(void **state)
{
	struct spool_record record;
	(void)state;
	spool_fixture_open(&fixture);
	for (uint64_t round = 0; round < 5; round++) {
		spool_fixture_append(&fixture, round * 10, round * 10 + 10, LEN);
		for (uint64_t i = 0; i < 3; i++) {
			assert_int_equal(spool_fixture_take(&fixture, &record), round * 3 + i);
			spool_fixture_settle(&fixture, &record);
		}
		restart();
		assert_account(round * 10 + 10);
		assert_int_equal(fixture.finding_count, 0);
	}
	assert_drains(15, 50);
	restart();
	assert_drains(50, 50);
	assert_account(50);
}

/* In any order, with a hole that comes again and nothing else. */
static void records_may_be_settled_in_any_order(void **state)
{
	struct spool_record records[20];
	(void)state;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 20, LEN);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(spool_fixture_take(&fixture, &records[i]), i);
	for (size_t i = 20; i-- > 0;) {
		if (i % 4 == 1)
			chunk_unref(records[i].chunk);
		else
			spool_fixture_settle(&fixture, &records[i]);
	}
	restart();
	assert_account(20);
	for (uint64_t i = 1; i < 20; i += 4) {
		assert_int_equal(spool_fixture_take(&fixture, &records[0]), i);
		spool_fixture_settle(&fixture, &records[0]);
	}
	assert_drains(0, 0);
	assert_account(20);
}

static void a_segment_goes_when_all_of_it_is_settled(void **state)
{
	char name[64];
	(void)state;
	fixture.config.segment_bytes = 1; /* the least there is: 64 KiB */
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 300, LEN);
	size_t before = spool_fixture_files(&fixture, ".segment", name);
	assert_true(before >= 4);
	assert_int_equal(spool_fixture_stats(&fixture).segments, before);
	assert_drains(0, 300);
	restart(); /* so that the last one is sealed, too */
	restart();
	assert_int_equal(spool_fixture_files(&fixture, ".segment", name), 0);
	assert_int_equal(spool_fixture_stats(&fixture).bytes, 0);
	spool_fixture_append(&fixture, 300, 310, LEN);
	assert_drains(300, 310);
}

static void what_was_refused_for_good_is_counted_apart(void **state)
{
	struct spool_record record;
	(void)state;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 2, LEN);
	(void)spool_fixture_take(&fixture, &record);
	chunk_unref(record.chunk);
	spool_settle(fixture.spool, &record, SPOOL_REFUSED);
	restart();
	assert_int_equal(spool_fixture_stats(&fixture).lost_records[SPOOL_LOSS_REFUSED], 1);
	assert_account(2);
	assert_drains(1, 2);
}

static void no_more_is_read_ahead_than_is_asked_for(void **state)
{
	struct spool_record record;
	(void)state;
	fixture.config.ahead_records = 3;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 100, 10000);
	assert_int_equal(spool_fixture_take(&fixture, &record), 0);
	for (uint64_t i = 1; i < 100; i++) {
		assert_true(budget_used(&fixture.budget) <= 5 * 10000);
		spool_fixture_settle(&fixture, &record);
		assert_int_equal(spool_fixture_take(&fixture, &record), i);
	}
	spool_fixture_settle(&fixture, &record);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void a_full_queue_pushes_back_and_takes_again(void **state)
{
	struct spool_record record;
	uint64_t in = 0, out = 0;
	(void)state;
	fixture.config.bytes_max = 1 << 20;
	spool_fixture_open(&fixture);
	while (spool_reserve(fixture.spool, 10000)) {
		spool_cancel(fixture.spool, 10000);
		spool_fixture_append(&fixture, in, in + 1, 10000);
		in++;
	}
	assert_true(in > 90 && in < 110);
	assert_true(spool_fixture_stats(&fixture).bytes <= 1 << 20);
	for (; out < 7; out++) { /* the first segment is enough */
		assert_int_equal(spool_fixture_take(&fixture, &record), out);
		spool_fixture_settle(&fixture, &record);
	}
	while (!spool_reserve(fixture.spool, 10000))
		(void)sched_yield(); /* until its file is gone */
	spool_cancel(fixture.spool, 10000);
	assert_drains(out, in);
	assert_account(in);
}

static void a_queue_of_the_newest_lets_the_oldest_go_and_counts_them(void **state)
{
	uint64_t numbers[400];
	(void)state;
	fixture.config.bytes_max = 1 << 20;
	fixture.config.drop_oldest = true;
	fixture.config.ahead_records = 1;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 400, 10000);
	assert_account(400);
	size_t count = spool_fixture_drain(&fixture, numbers, ARRAY_COUNT(numbers));
	struct spool_stats stats = spool_fixture_stats(&fixture);
	assert_int_equal(stats.lost_records[SPOOL_LOSS_DROP_OLDEST], 400 - count);
	assert_true(count > 80 && count < 110);
	assert_int_equal(numbers[count - 1], 399);
	for (size_t i = 1; i < count;
	     i++) /* but for the one that was read before the others went */
		assert_true(numbers[i] == numbers[i - 1] + 1 || i == 1);
	assert_account(400);
}

static void a_request_larger_than_an_empty_queue_is_let_in(void **state)
{
	struct spool_record record;
	(void)state;
	fixture.config.bytes_max = 1 << 20;
	spool_fixture_open(&fixture);
	for (uint64_t i = 0; i < 3; i++) {
		spool_fixture_append(&fixture, i, i + 1, 2 << 20);
		assert_false(spool_reserve(fixture.spool, 1));
		assert_int_equal(spool_fixture_take(&fixture, &record), i);
		spool_fixture_settle(&fixture, &record);
	}
}

static _Atomic uint64_t now_ns = 1000 * NS_PER_S;

static uint64_t test_now_ns(void)
{
	return now_ns;
}

static void what_is_too_old_expires_and_is_counted(void **state)
{
	(void)state;
	fixture.config.age_ns_max = 60 * NS_PER_S;
	fixture.config.wall_ns = test_now_ns;
	fixture.config.ahead_records = 1;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 10, LEN);
	now_ns += 50 * NS_PER_S;
	spool_fixture_append(&fixture, 10, 20, LEN);
	spool_fixture_close(&fixture);
	now_ns += 20 * NS_PER_S;
	spool_fixture_open(&fixture);
	assert_drains(10, 20);
	assert_int_equal(spool_fixture_stats(&fixture).lost_records[SPOOL_LOSS_EXPIRED], 10);
	assert_account(20);
	spool_fixture_append(&fixture, 20, 30, LEN);
	spool_fixture_close(&fixture);
	now_ns += 61 * NS_PER_S; /* a whole segment */
	spool_fixture_open(&fixture);
	assert_drains(0, 0);
	assert_account(30);
}

/* ---- groups --------------------------------------------------------------------------------- */

static _Atomic unsigned syncs;

static int counted_sync(void *arg, int fd)
{
	syncs++;
	return spool_files_system.sync(arg, fd);
}

static void a_group_shares_one_sync(void **state)
{
	struct spool_files files = spool_files_system;
	(void)state;
	files.sync = counted_sync;
	fixture.config.files = &files;
	fixture.config.commit_ns = 3600 * NS_PER_S; /* bytes alone make it due */
	fixture.config.commit_bytes = 100 * (LEN + FORMAT_RECORD_HEAD);
	fixture.config.ahead_records = 1;
	spool_fixture_open(&fixture);
	for (uint64_t group = 1; group <= 5; group++) {
		unsigned before = syncs;
		for (uint64_t i = 0; i < 99; i++)
			assert_true(spool_fixture_start(&fixture, i, LEN));
		assert_int_equal(syncs, before);
		assert_int_equal(fixture.appended, (group - 1) * 100); /* nobody was told */
		assert_true(spool_fixture_start(&fixture, 99, LEN));
		spool_fixture_wait(&fixture, group * 100);
		assert_int_equal(syncs - before, group == 1 ? 3 : 1); /* file, folder; records */
	}
	spool_fixture_close(&fixture);
	fixture.config.files = NULL;
}

static void what_waits_for_its_group_is_committed_by_closing(void **state)
{
	(void)state;
	fixture.config.commit_ns = 3600 * NS_PER_S;
	spool_fixture_open(&fixture);
	for (uint64_t i = 0; i < 10; i++)
		assert_true(spool_fixture_start(&fixture, i, LEN));
	spool_fixture_close(&fixture);
	assert_int_equal(fixture.appended, 10);
	spool_fixture_open(&fixture);
	assert_drains(0, 10);
}

/* ---- who else is there ---------------------------------------------------------------------- */

static void a_queue_is_opened_by_one_process_and_its_files_are_private(void **state)
{
	static const char *const names[] = {"lock", "acks", "0000000000000000.segment"};
	struct spool *other;
	struct err err;
	struct stat status;
	(void)state;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 1, LEN);
	assert_int_equal(spool_open(&fixture.config, &other, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "in use by another process"));
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		assert_int_equal(stat(spool_fixture_file(&fixture, names[i]), &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
	}
	assert_int_equal(stat(spool_fixture_file(&fixture, ""), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
}

static void write_collector_file(const char *name)
{
	static const uint8_t page[64] = {
		[8] = 4, [16] = 0xed, [17] = 0xda, [18] = 0x0c, [19] = 0xed};
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", fixture.path, name);
	spool_fixture_write_file(path, page, sizeof(page));
}

static void a_queue_of_the_collector_is_called_what_it_is(void **state)
{
	struct spool *spool;
	struct err err;
	(void)state;
	write_collector_file(SPOOL_FIXTURE_QUEUE);
	assert_int_equal(spool_open(&fixture.config, &spool, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "a queue of the OpenTelemetry Collector"));
}

static void names_are_those_of_the_collector(void **state)
{
	static const struct {
		const char *id, *name;
	} cases[] = {
		{"otlp", "exporter_otlp__traces"},
		{"otlp_grpc/primary", "exporter_otlp_grpc_primary_traces"},
		{"otlp/a/b c", "exporter_otlp_a~002Fb~0020c_traces"},
		{"otlp/..", "exporter_otlp_.._traces"},
		{"otlp/\xc3\xa9~", "exporter_otlp_~00C3~00A9~007E_traces"},
	};
	char name[SPOOL_NAME_MAX + 1], longest[SPOOL_NAME_MAX + 1];
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_true(spool_name(cases[i].id, "traces", name));
		assert_string_equal(name, cases[i].name);
	}
	memset(longest, 'x', SPOOL_NAME_MAX);
	longest[SPOOL_NAME_MAX] = '\0';
	assert_false(spool_name(longest, "traces", name));
}

static void losses_have_names(void **state)
{
	static const char *const names[] = {"drop_oldest", "expired", "corrupt", "missing",
					    "refused"};
	(void)state;
	assert_int_equal(ARRAY_COUNT(names), SPOOL_LOSS_COUNT);
	for (size_t i = 0; i < SPOOL_LOSS_COUNT; i++)
		assert_string_equal(spool_loss_name((enum spool_loss)i), names[i]);
}

static void print_listing(void *arg, const struct spool_listing *listing)
{
	static const char *const kinds[] = {"queue", "collector", "other"};
	buf_printf(arg, "%s %s %d segments%s\n", listing->name, kinds[listing->kind],
		   (int)listing->segments, listing->in_use ? " in use" : "");
}

static void queues_in_a_directory_are_listed(void **state)
{
	struct buf text = BUF_INIT;
	struct err err;
	(void)state;
	spool_fixture_open(&fixture);
	spool_fixture_append(&fixture, 0, 3, LEN);
	write_collector_file("exporter_otlp__traces");
	write_collector_file("receiver_filelog_");
	assert_int_equal(spool_list(fixture.path, print_listing, &text, &err), 0);
	assert_string_equal(buf_cstr(&text),
			    "exporter_otlp__traces collector 0 segments\n" SPOOL_FIXTURE_QUEUE
			    " queue 1 segments in use\nreceiver_filelog_ collector 0 segments\n");
	spool_fixture_close(&fixture);
	buf_reset(&text);
	assert_int_equal(spool_list(fixture.path, print_listing, &text, &err), 0);
	assert_null(strstr(buf_cstr(&text), "in use"));
	buf_fini(&text);
	assert_int_equal(spool_list("/nowhere", print_listing, &text, &err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_come_out_in_the_order_in_which_they_came),
		TEST(order_is_kept_over_restarts_and_what_is_settled_does_not_come_again),
		TEST(records_may_be_settled_in_any_order),
		TEST(a_segment_goes_when_all_of_it_is_settled),
		TEST(what_was_refused_for_good_is_counted_apart),
		TEST(no_more_is_read_ahead_than_is_asked_for),
		TEST(a_full_queue_pushes_back_and_takes_again),
		TEST(a_queue_of_the_newest_lets_the_oldest_go_and_counts_them),
		TEST(a_request_larger_than_an_empty_queue_is_let_in),
		TEST(what_is_too_old_expires_and_is_counted),
		TEST(a_group_shares_one_sync),
		TEST(what_waits_for_its_group_is_committed_by_closing),
		TEST(a_queue_is_opened_by_one_process_and_its_files_are_private),
		TEST(a_queue_of_the_collector_is_called_what_it_is),
		TEST(names_are_those_of_the_collector),
		TEST(losses_have_names),
		TEST(queues_in_a_directory_are_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
