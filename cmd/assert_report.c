/* SPDX-License-Identifier: Apache-2.0 */
/* Which reports are written, and to where. Standard output is the command's: people read standard error. */
#include "cmd/assert_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool assert_write_file(const char *path, const struct buf *text)
{
	bool is_output = strcmp(path, "-") == 0;
	FILE *file = is_output ? stdout : fopen(path, "we");
	int error = 0;
	if (text->failed)
		error = ENOMEM;
	else if (!file || fwrite(text->data, 1, text->len, file) != text->len)
		error = errno;
	if (file && (is_output ? fflush(file) : fclose(file)) != 0 && error == 0)
		error = errno;
	if (error != 0)
		fprintf(stderr, "Error: %s: %s\n", path, strerror(error));
	return error == 0;
}

static bool write_report(const char *path, const struct assert_results *results,
			 void (*report)(const struct assert_results *results, struct buf *out))
{
	struct buf text = BUF_INIT;
	if (!path)
		return true;
	report(results, &text);
	bool written = assert_write_file(path, &text);
	buf_fini(&text);
	return written;
}

bool assert_report(const struct assert_results *results, const struct assert_report_files *files)
{
	const char *github = getenv("GITHUB_ACTIONS");
	struct buf text = BUF_INIT;
	assert_report_text(results, &text);
	if (github && strcmp(github, "true") == 0)
		assert_report_github(results, &text);
	(void)fwrite(text.data, 1, text.len, stderr);
	bool written = !text.failed && !results->no_memory;
	if (!written)
		fprintf(stderr, "Error: out of memory: the report is not complete\n");
	buf_fini(&text);
	written = write_report(files->junit, results, assert_report_junit) && written;
	written = write_report(files->json, results, assert_report_json) && written;
	return write_report(files->sarif, results, assert_report_sarif) && written;
}
