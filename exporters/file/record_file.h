/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that records are appended to, with rotation: before a record would take the file over its
 * size it is renamed to name-<time>.ext, and what is too old or too much of those is removed (the
 * scheme of the lumberjack package, which the Collector uses). Calls block; one thread at a time.
 */
#ifndef SLUICE_EXPORTERS_FILE_RECORD_FILE_H
#define SLUICE_EXPORTERS_FILE_RECORD_FILE_H

#include "pipeline/base/error.h"
#include "pipeline/base/slice.h"

struct record_file_config {
	const char *path;
	bool keep; /* append to what is there; rotation implies it */
	bool rotate;
	uint64_t bytes_max;		/* rotate: size of the file */
	uint32_t days_max, backups_max; /* rotate: of what was renamed; 0: no bound */
	bool local_time;		/* rotate: times in names are local, not UTC */
};

struct record_file {
	/* private */
	struct record_file_config config; /* path is borrowed */
	int fd;				  /* -1: closed */
	uint64_t size;			  /* bytes in the file, of whole records */
	bool has_part;			  /* a part of one is behind them */
	bool regular;			  /* not a terminal or pipe */
};

/* Opens, and creates the file but not its directory. -1 with ERR_IO. */
MUST_CHECK int record_file_open(struct record_file *file, const struct record_file_config *config,
				struct err *err);

/*
 * Appends one record: the concatenation of ${parts}, all of it or nothing. ${now_ns} is wall clock
 * time, for the name when the file is rotated. -1 with ERR_IO: the same record may be tried again.
 */
enum { RECORD_PARTS_MAX = 4 };
MUST_CHECK int record_file_append(struct record_file *file, const struct slice *parts,
				  size_t part_count, uint64_t now_ns, struct err *err);

void record_file_close(struct record_file *file);

#endif
