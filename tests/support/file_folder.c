/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/file_folder.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

void file_folder_make(struct file_folder *folder)
{
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/sluice-file-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
}

static int is_named(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void file_folder_remove(struct file_folder *folder)
{
	struct dirent **entries;
	int count = scandir(folder->path, &entries, is_named, alphasort);
	for (int i = 0; i < count; i++) {
		(void)unlink(file_folder_path(folder, entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(rmdir(folder->path), 0);
}

const char *file_folder_path(struct file_folder *folder, const char *name)
{
	(void)snprintf(folder->text, sizeof(folder->text), "%.40s/%.80s", folder->path, name);
	return folder->text;
}

void file_folder_read(struct file_folder *folder, const char *name, struct buf *out)
{
	char piece[4096];
	size_t len;
	FILE *file = fopen(file_folder_path(folder, name), "r");
	if (!file)
		fail_msg("no file %s", name);
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_append(out, slice_of(piece, len));
	(void)fclose(file);
}

void file_folder_write(struct file_folder *folder, const char *name, const char *text)
{
	FILE *file = fopen(file_folder_path(folder, name), "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void file_folder_list(struct file_folder *folder, struct buf *out)
{
	struct dirent **entries;
	int count = scandir(folder->path, &entries, is_named, alphasort);
	for (int i = 0; i < count; i++) {
		buf_printf(out, "%s ", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}
