/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration load for tests: files and variables from tables in memory, everything else is
 * absent. One struct is one load; its results live until config_support_fini.
 */
#ifndef SLUICE_TESTS_CONFIG_SUPPORT_H
#define SLUICE_TESTS_CONFIG_SUPPORT_H

#include "pipeline/config/load.h"

struct config_support_pair {
	const char *name, *value; /* the table ends with a NULL name */
};

struct config_support {
	struct arena arena;
	struct config_report report;
	const struct config_support_pair *files, *env; /* NULL: none */
	const char *main_text; /* of "test.yaml", set by config_support_load_text */
	struct buf text;
};

void config_support_init(struct config_support *s);
void config_support_fini(struct config_support *s);

/* Loads the NULL-terminated ${uris} and then the NULL-terminated ${sets} (NULL: none). */
const struct config_node *config_support_load(struct config_support *s, const char *const *uris,
					      const char *const *sets);

/* The files and variables of ${s}, for loads of the test's own. */
struct config_support_files {
	struct config_source_env env;
	struct config_source_file files;
};
struct config_support_files config_support_files(struct config_support *s);

/* Loads ${text} as the file "test.yaml". */
const struct config_node *config_support_load_text(struct config_support *s, const char *text);

/* A text and the tree that it becomes, as config_support_dump prints it. */
struct config_support_tree {
	const char *text, *want;
};

/* Loads each text by itself; fails the test unless it becomes its tree. */
void config_support_check_trees(const struct config_support_tree *cases, size_t count);

/* The report's problems as printed; valid until the next call. */
const char *config_support_errors(struct config_support *s);
const char *config_support_warnings(struct config_support *s);

/* The node at ${path}, keys separated by dots and list indices as "[0]"; NULL when there is none.
 */
const struct config_node *config_support_at(const struct config_node *root, const char *path);

/* The tree in one line: maps {a: 1}, lists [1, 2], scalars with their type: s"x" i5 f1.5 btrue,
 * null. Valid until the next call. */
const char *config_support_dump(struct config_support *s, const struct config_node *node);

#endif
