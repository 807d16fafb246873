/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An expectation file: what traces must look like, read through pipeline/config into a form that
 * the judge (judge.h) goes by. The language is described in docs/design/assert.md. Selectors and
 * conditions are OTTL, parsed here, so that a file that cannot be understood never judges anything.
 *
 * Immutable after the load; read by any number of judges and threads.
 */
#ifndef SLUICE_EXPECT_EXPECTATIONS_H
#define SLUICE_EXPECT_EXPECTATIONS_H

#include "pipeline/config/load.h"
#include "pipeline/trace/keys/key_table.h"

enum {
	EXPECTATIONS_MAX = 1000,     /* in all files of a load together */
	EXPECT_SELECTORS_MAX = 4096, /* distinct conditions of all expectations */
	EXPECT_IMPORT_DEPTH_MAX = 8, /* files that import files */
};

/* Over which traces an expectation speaks. */
enum expect_scope {
	EXPECT_EACH_TRACE = 0, /* it holds in every trace that `where` selects */
	EXPECT_ONE_TRACE,      /* it holds in at least one of them */
	EXPECT_ALL_TRACES,     /* it holds over the spans of all of them taken together */
};

struct expectations;

/*
 * Reads the expectation files that ${load} names, one after the other, and what they import; names that
 * one defines are known to those after it. Everything that is wrong
 * goes to ${report}, with file:line:column and the nearest valid key; NULL when anything is: there is
 * no half of an expectation file. Attribute keys are registered in ${keys}, which the caller freezes
 * afterwards. All memory but compiled regular expressions is the report's arena's, which outlives
 * the result; expect_free for the result. Called at the start, by one thread.
 */
MUST_CHECK const struct expectations *
expect_load(const struct config_load *load, struct key_table *keys, struct config_report *report);
void expect_free(const struct expectations *expectations); /* NULL is accepted */

/* Expectations in the order of the files; numbered from 0. */
uint32_t expect_count(const struct expectations *expectations);

/* What heads a report about expectation ${at}. Valid as long as the expectations. */
struct expect_head {
	struct slice title; /* its `that` */
	struct config_loc loc;
	enum expect_scope scope;
};
struct expect_head expect_head(const struct expectations *expectations, uint32_t at);

/* The reference of the language, and the built-in names by set and role, as Markdown tables. For
 * docs/. */
void expect_document(struct buf *out);
void expect_document_names(struct buf *out);

#endif
