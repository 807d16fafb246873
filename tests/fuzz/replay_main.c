/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over the files of its corpus without libFuzzer, so that any compiler and
 * `make test` can do it. Each file is handed over whole, in a heap block of exactly its size: a
 * sanitizer then sees the first byte read past its end. Speaks TAP: one test for the corpus.
 *
 *   fuzz_x.replay FILE-OR-DIRECTORY...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_BYTES_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A heap block that holds the file, NULL when it cannot be read. */
static uint8_t *read_stream(FILE *file, size_t *ret_size)
{
	struct stat info;
	if (fstat(fileno(file), &info) != 0 || info.st_size > INPUT_BYTES_MAX)
		return NULL;
	size_t size = (size_t)info.st_size;
	uint8_t *data = malloc(size > 0 ? size : 1);
	if (data && fread(data, 1, size, file) != size) {
		free(data);
		return NULL;
	}
	*ret_size = size;
	return data;
}

/* The inputs that ran, or -1. A crash leaves the name of the input as the last line printed. */
static int replay(const char *path)
{
	size_t size;
	FILE *file = fopen(path, "rb");
	uint8_t *data = file ? read_stream(file, &size) : NULL;
	if (file)
		(void)fclose(file); /* only read from */
	if (!data) {
		printf("# cannot read %s\n", path);
		return -1;
	}
	printf("# %s\n", path);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_all(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, not_hidden, alphasort);
	if (count < 0)
		return replay(path); /* no directory */
	int done = 0;
	for (int i = 0; i < count; i++) {
		char file[4096];
		int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		int one = len > 0 && (size_t)len < sizeof(file) ? replay(file) : -1;
		done = one < 0 || done < 0 ? -1 : done + one;
		free(entries[i]);
	}
	free(entries);
	return done;
}

int main(int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* names must be out before a crash */
	printf("1..1\n");
	int done = 0;
	for (int i = 1; i < argc && done >= 0; i++) {
		int some = replay_all(argv[i]);
		done = some < 0 ? -1 : done + some;
	}
	/* A corpus that lost its files must not look like success. */
	const char *verdict = done > 0 ? "ok" : "not ok";
	printf("%s 1 - replays %d inputs\n", verdict, done);
	return done > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
