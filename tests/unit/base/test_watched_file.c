/* SPDX-License-Identifier: Apache-2.0 */
/* Files are replaced as editors and Kubernetes do it: by a rename, and by another link. */
#include "pipeline/base/watched_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct folder {
	char path[32], a[48], b[48], link[48];
};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void folder_open(struct folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/sluice-watched-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	(void)snprintf(folder->a, sizeof(folder->a), "%s/a", folder->path);
	(void)snprintf(folder->b, sizeof(folder->b), "%s/b", folder->path);
	(void)snprintf(folder->link, sizeof(folder->link), "%s/link", folder->path);
}

static void folder_remove(struct folder *folder)
{
	(void)unlink(folder->a);
	(void)unlink(folder->b);
	(void)unlink(folder->link);
	assert_int_equal(rmdir(folder->path), 0);
}

static void a_change_is_told_once(void **state)
{
	(void)state;
	struct folder folder;
	folder_open(&folder);
	struct watched_file file = {.path = folder.a};
	assert_false(watched_file_has_changed(&file)); /* not there yet */
	put(folder.a, "one");
	assert_true(watched_file_has_changed(&file));
	assert_false(watched_file_has_changed(&file));
	put(folder.b, "two"); /* as long as the first */
	assert_int_equal(rename(folder.b, folder.a), 0);
	assert_true(watched_file_has_changed(&file));
	assert_false(watched_file_has_changed(&file));
	folder_remove(&folder);
}

static void a_file_that_is_missing_has_not_changed(void **state)
{
	(void)state;
	struct folder folder;
	folder_open(&folder);
	struct watched_file file = {.path = folder.a};
	put(folder.a, "one");
	assert_true(watched_file_has_changed(&file));
	assert_int_equal(rename(folder.a, folder.b), 0);
	assert_false(watched_file_has_changed(&file));
	assert_int_equal(rename(folder.b, folder.a), 0);
	assert_false(watched_file_has_changed(&file)); /* the same one is back */
	folder_remove(&folder);
}

static void what_a_link_points_to_is_looked_at(void **state)
{
	(void)state;
	struct folder folder;
	folder_open(&folder);
	struct watched_file file = {.path = folder.link};
	put(folder.a, "one");
	put(folder.b, "two");
	assert_int_equal(symlink(folder.a, folder.link), 0);
	assert_true(watched_file_has_changed(&file));
	assert_int_equal(unlink(folder.link), 0);
	assert_int_equal(symlink(folder.b, folder.link), 0);
	assert_true(watched_file_has_changed(&file));
	assert_false(watched_file_has_changed(&file));
	folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_told_once),
		cmocka_unit_test(a_file_that_is_missing_has_not_changed),
		cmocka_unit_test(what_a_link_points_to_is_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
