/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/file/record_file.h"

#include "pipeline/base/clock.h"
#include "tests/support/file_folder.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#define NOON_NS UINT64_C(1786190400123000000) /* 2026-08-08 12:00:00.123 UTC */
#define DAY_NS (UINT64_C(86400) * NS_PER_S)

static int set_up(void **state)
{
	static struct file_folder folder;
	file_folder_make(&folder);
	*state = &folder;
	return 0;
}

static int tear_down(void **state)
{
	file_folder_remove(*state);
	return 0;
}

static void open_records(struct file_folder *folder, struct record_file *file,
			 struct record_file_config config)
{
	struct err err;
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s", file_folder_path(folder, "traces.json"));
	config.path = path;
	if (record_file_open(file, &config, &err) != 0)
		fail_msg("%s", err.msg);
}

static void append(struct record_file *file, const char *record, uint64_t now_ns)
{
	struct err err;
	const struct slice parts[] = {SLICE(""), slice_str(record), SLICE("\n")};
	if (record_file_append(file, parts, ARRAY_COUNT(parts), now_ns, &err) != 0)
		fail_msg("%s", err.msg);
}

static void assert_file(struct file_folder *folder, const char *name, const char *expected)
{
	struct buf text = BUF_INIT;
	file_folder_read(folder, name, &text);
	assert_string_equal(buf_cstr(&text), expected);
	buf_fini(&text);
}

static void assert_names(struct file_folder *folder, const char *expected)
{
	struct buf names = BUF_INIT;
	file_folder_list(folder, &names);
	assert_string_equal(buf_cstr(&names), expected);
	buf_fini(&names);
}

static void begins_anew_unless_told_to_append(void **state)
{
	struct record_file file;
	file_folder_write(*state, "traces.json", "old\n");
	open_records(*state, &file, (struct record_file_config){.keep = true});
	append(&file, "more", NOON_NS);
	record_file_close(&file);
	assert_file(*state, "traces.json", "old\nmore\n");
	open_records(*state, &file, (struct record_file_config){.keep = false});
	append(&file, "new", NOON_NS);
	record_file_close(&file);
	assert_file(*state, "traces.json", "new\n");
}

static void a_missing_folder_is_an_error_that_names_the_file(void **state)
{
	struct record_file file;
	struct err err;
	char path[192];
	(void)snprintf(path, sizeof(path), "%s/no/traces.json",
		       ((struct file_folder *)*state)->path);
	assert_int_equal(record_file_open(&file, &(struct record_file_config){.path = path}, &err),
			 -1);
	assert_int_equal(err.kind, ERR_IO);
	assert_int_equal(err.sys, ENOENT);
	assert_non_null(strstr(err.msg, path));
}

static void rotates_before_a_record_passes_the_size(void **state)
{
	struct record_file file;
	file_folder_write(*state, "traces.json", "0123\n");
	open_records(*state, &file, (struct record_file_config){.rotate = true, .bytes_max = 10});
	append(&file, "4567", NOON_NS); /* exactly 10 bytes */
	assert_names(*state, "traces.json ");
	append(&file, "8", NOON_NS);
	append(&file, "longer than a file may be", NOON_NS + NS_PER_S);
	append(&file, "9", NOON_NS + 2 * NS_PER_S);
	record_file_close(&file);
	assert_names(*state, "traces-2026-08-08T12-00-00.123.json "
			     "traces-2026-08-08T12-00-01.123.json "
			     "traces-2026-08-08T12-00-02.123.json traces.json ");
	assert_file(*state, "traces-2026-08-08T12-00-00.123.json", "0123\n4567\n");
	assert_file(*state, "traces-2026-08-08T12-00-01.123.json", "8\n");
	assert_file(*state, "traces-2026-08-08T12-00-02.123.json", "longer than a file may be\n");
	assert_file(*state, "traces.json", "9\n");
}

static void two_rotations_in_a_millisecond_keep_both_files(void **state)
{
	struct record_file file;
	open_records(*state, &file, (struct record_file_config){.rotate = true, .bytes_max = 1});
	append(&file, "a", NOON_NS);
	append(&file, "b", NOON_NS);
	append(&file, "c", NOON_NS);
	record_file_close(&file);
	assert_file(*state, "traces-2026-08-08T12-00-00.123.json", "a\n");
	assert_file(*state, "traces-2026-08-08T12-00-00.124.json", "b\n");
	assert_file(*state, "traces.json", "c\n");
}

/* Names that look almost like a renamed file's stay whatever the rotation removes. */
static const char *const strangers[] = {
	"other-2020-01-01T00-00-00.000.json",	  "traces-2020-01-01T00-00-00.000.txt",
	"traces-2020-01-01T00-00-00.00x.json",	  "traces-2020-01-01.json",
	"traces-2020-01-01T00-00-00.000.json.gz",
};

static void keeps_so_many_files(void **state)
{
	struct record_file file;
	for (size_t i = 0; i < ARRAY_COUNT(strangers); i++)
		file_folder_write(*state, strangers[i], "");
	open_records(*state, &file,
		     (struct record_file_config){.rotate = true, .bytes_max = 1, .backups_max = 2});
	for (uint64_t i = 0; i < 5; i++)
		append(&file, "x", NOON_NS + i * NS_PER_S);
	record_file_close(&file);
	assert_names(*state, "other-2020-01-01T00-00-00.000.json "
			     "traces-2020-01-01.json "
			     "traces-2020-01-01T00-00-00.000.json.gz "
			     "traces-2020-01-01T00-00-00.000.txt "
			     "traces-2020-01-01T00-00-00.00x.json "
			     "traces-2026-08-08T12-00-03.123.json "
			     "traces-2026-08-08T12-00-04.123.json traces.json ");
}

static void keeps_files_for_so_many_days(void **state)
{
	struct record_file file;
	open_records(*state, &file,
		     (struct record_file_config){.rotate = true, .bytes_max = 1, .days_max = 2});
	append(&file, "x", NOON_NS);
	append(&file, "x", NOON_NS);
	append(&file, "x", NOON_NS + DAY_NS);
	append(&file, "x", NOON_NS + 2 * DAY_NS);
	append(&file, "x", NOON_NS + 3 * DAY_NS);
	record_file_close(&file);
	assert_names(*state, "traces-2026-08-09T12-00-00.123.json "
			     "traces-2026-08-10T12-00-00.123.json "
			     "traces-2026-08-11T12-00-00.123.json traces.json ");
}

static void names_may_have_local_time(void **state)
{
	struct record_file file;
	assert_int_equal(setenv("TZ", "XYZ-3", 1), 0); /* three hours east */
	tzset();
	open_records(
		*state, &file,
		(struct record_file_config){.rotate = true, .bytes_max = 1, .local_time = true});
	append(&file, "x", NOON_NS);
	append(&file, "x", NOON_NS);
	record_file_close(&file);
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
	assert_names(*state, "traces-2026-08-08T15-00-00.123.json traces.json ");
}

static void a_record_that_does_not_fit_leaves_nothing(void **state)
{
	struct record_file file;
	struct err err;
	struct rlimit before, small;
	const struct slice parts[] = {SLICE("head"), SLICE("a body that is cut\n")};
	open_records(*state, &file, (struct record_file_config){.keep = true});
	append(&file, "first", NOON_NS);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = 12, .rlim_max = before.rlim_max};
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int failed = record_file_append(&file, parts, ARRAY_COUNT(parts), NOON_NS, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(failed, -1);
	assert_int_equal(err.sys, EFBIG);
	append(&file, "second", NOON_NS);
	record_file_close(&file);
	assert_file(*state, "traces.json", "first\nsecond\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(begins_anew_unless_told_to_append),
		TEST(a_missing_folder_is_an_error_that_names_the_file),
		TEST(rotates_before_a_record_passes_the_size),
		TEST(two_rotations_in_a_millisecond_keep_both_files),
		TEST(keeps_so_many_files),
		TEST(keeps_files_for_so_many_days),
		TEST(names_may_have_local_time),
		TEST(a_record_that_does_not_fit_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
