/* SPDX-License-Identifier: Apache-2.0 */
/* The results of `sluice assert` for people and for programs. Each report appends to a buffer, in which a
 * failure to grow latches; none judges, and none decides what may be shown. */
#ifndef SLUICE_CMD_ASSERT_REPORT_H
#define SLUICE_CMD_ASSERT_REPORT_H

#include "cmd/assert_results.h"

/* Where reports go beside standard error; NULL: nowhere. */
struct assert_report_files {
	const char *junit, *json, *sarif;
};

/* Prints to standard error, in colour when that is a terminal, and writes the files. Annotations are
 * printed when $GITHUB_ACTIONS is "true". False after a message: a file could not be written. */
MUST_CHECK bool assert_report(const struct assert_results *results,
			      const struct assert_report_files *files);

/* A line per case; below one that does not hold, what it misses, and the trace. */
void assert_report_text(const struct assert_results *results, struct buf *out);

/* JUnit's XML as CI systems read it: a testcase per case. */
void assert_report_junit(const struct assert_results *results, struct buf *out);

/* docs/assert-reports.md describes it. */
void assert_report_json(const struct assert_results *results, struct buf *out);

/* Static Analysis Results Interchange Format 2.1.0 (OASIS). */
void assert_report_sarif(const struct assert_results *results, struct buf *out);

/* Workflow commands of GitHub Actions: an "::error" per missed part. */
void assert_report_github(const struct assert_results *results, struct buf *out);

/* The missed parts of ${at} as lines that begin with ${indent}. */
void assert_report_misses(const struct assert_case *at, const char *indent, struct buf *out);

/* Replaces the file at ${path} as a whole; "-" is standard output. False after a message. */
MUST_CHECK bool assert_write_file(const char *path, const struct buf *text);

#endif
