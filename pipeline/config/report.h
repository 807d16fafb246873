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

/* Where in the Collector's start-up the problem would show: its text there has a head of its own,
 * which config_report_print writes once above the problems of the stage. */
enum config_stage {
	CONFIG_STAGE_RESOLVE = 0, /* reading sources, ${…}, merging */
	CONFIG_STAGE_DECODE,	  /* values into settings */
	CONFIG_STAGE_VALIDATE,	  /* what the settings say together */
	CONFIG_STAGE_BUILD,	  /* no head: what only building the pipelines shows */
	CONFIG_STAGE_COUNT
};

struct config_problem {
	struct config_problem *next;
	enum config_severity severity;
	enum config_stage stage;
	struct config_loc loc;
	const char *path;	/* key path, "receivers.otlp.protocols.htttp"; "" for none */
	const char *text;	/* the Collector's text */
	const char *suggestion; /* nearest valid key; NULL for none */
};

struct config_report {
	struct arena *arena;
	struct config_problem *first, **last;
	size_t error_count, warning_count;
	enum config_stage stage; /* of the problems added from now on; BUILD after init */
	const char *scope;	 /* put before their texts, "exporters::otlp: "; "" for none */
	struct config_loc loc;	 /* stands in for problems that have none */
	/* private */
	size_t error_repeats, warning_repeats; /* counted above, but in the list only once */
};

void config_report_init(struct config_report *report, struct arena *arena);

/* Adds a problem; all texts are copied. The same problem at the same place is listed once (a block
 * may be bound once for each pipeline). Beyond CONFIG_PROBLEMS_MAX further ones are only counted. */
enum { CONFIG_PROBLEMS_MAX = 200 };
void config_problem(struct config_report *report, enum config_severity severity,
		    struct config_loc loc, const char *path, const char *suggestion,
		    const char *format, ...) PRINTF_LIKE(6, 7);

/* The nearest of ${candidates} to ${word} by edit distance (at most a third of its length, or 1),
 * NULL when none is near. */
const char *config_nearest(struct slice word, const char *const *candidates, size_t count);

/*
 * Prints all problems of ${severity}, one a line: text (file:line:column: path, did you mean "x"?).
 * They stand in the order of the file, errors by stage first. Each begins with "Error: " or
 * "Warning: ", so that a line says the same wherever it is cut out. Characters that cannot be seen
 * are escaped.
 */
void config_report_print(const struct config_report *report, enum config_severity severity,
			 struct buf *out);

#endif
