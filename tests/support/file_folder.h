/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, and what is in it. */
#ifndef SLUICE_TESTS_FILE_FOLDER_H
#define SLUICE_TESTS_FILE_FOLDER_H

#include "pipeline/base/buf.h"

struct file_folder {
	char path[64]; /* "/tmp/sluice-file-XXXXXX" */
	char text[128];
};

void file_folder_make(struct file_folder *folder);
/* Removes the files in it and the folder. */
void file_folder_remove(struct file_folder *folder);

/* The path of ${name} in it; valid until the next call. */
const char *file_folder_path(struct file_folder *folder, const char *name);

/* Appends the content of ${name}; fails the test when there is none. */
void file_folder_read(struct file_folder *folder, const char *name, struct buf *out);
void file_folder_write(struct file_folder *folder, const char *name, const char *text);

/* Appends the names in it in order, each with a space after it. */
void file_folder_list(struct file_folder *folder, struct buf *out);

#endif
