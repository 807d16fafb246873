/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is wrong with a configuration, collected in one run. Each problem carries the
 * Collector's own text first (people and tools search for it), then where it stands and what was
 * probably meant:
 *
 *   'protocols' has invalid keys: htttp (configs/edge.yaml:7:9: receivers.otlp.protocols.htttp, did you mean "http"?)
 */
#ifndef SLUICE_CONFIG_REPORT_H
#define SLUICE_CONFIG_REPORT_H

#include "pipeline/base/arena.h"
#include "pipeline/base/buf.h"
#include "pipeline/config/tree.h"

enum config_severity { CONFIG_ERROR = 0, CONFIG_WARNING };

struct config_problem {
	struct config_problem *next;
	enum config_severity severity;
	struct config_loc loc;
	const char *path;	/* key path, "receivers.otlp.protocols.htttp"; "" for none */
	const char *text;	/* the Collector's text */
	const char *suggestion; /* nearest valid key; NULL for none */
};

struct config_report {
	struct arena *arena;
	struct config_problem *first, **last;
	size_t error_count, warning_count;
};

void config_report_init(struct config_report *report, struct arena *arena);

/* Adds a problem; all texts are copied. Beyond CONFIG_PROBLEMS_MAX further ones are only counted. */
enum { CONFIG_PROBLEMS_MAX = 200 };
void config_problem(struct config_report *report, enum config_severity severity,
		    struct config_loc loc, const char *path, const char *suggestion,
		    const char *format, ...) PRINTF_LIKE(6, 7);

/* The nearest of ${candidates} to ${word} by edit distance (at most a third of its length, or 1),
 * NULL when none is near. */
const char *config_nearest(struct slice word, const char *const *candidates, size_t count);

/* Prints all problems of ${severity}, one a line, "Error: " before the first error line. */
void config_report_print(const struct config_report *report, enum config_severity severity,
			 struct buf *out);

#endif
