/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes of semantic conventions, as `weaver registry resolve` writes them in YAML (or JSON): maps with a
 * `name` and a `type` in lists named `attributes`, below `groups`; in the second version of that format with
 * a `key`, in `attribute_catalog`. All else in the files is passed over.
 */
#ifndef SLUICE_CMD_ASSERT_CONVENTIONS_H
#define SLUICE_CMD_ASSERT_CONVENTIONS_H

#include "pipeline/base/arena.h"
#include "pipeline/base/error.h"
#include "pipeline/config/tree.h"

enum {
	CONVENTIONS_MAX = 200000, /* definitions, repeated ones included */
	CONVENTIONS_DEPTH_MAX = 64,
};

struct convention {
	const char *name;
	const char *type; /* "string", "int[]" …; of an enumeration that of its first member */
	bool is_template; /* keys begin with the name and a dot */
	bool deprecated;
	const char *renamed_to; /* NULL: none was named */
	struct config_loc loc;
};

struct conventions {
	struct convention *at; /* sorted by name, each once */
	size_t count;
	/* private */
	size_t capacity;
	struct arena *arena;
};

/* Reads the files *.yaml, *.yml and *.json of folder ${path}. Texts are ${arena}'s, which outlives the result.
 * -1 with the error, file and line; conventions_fini in either case. */
MUST_CHECK int conventions_read(struct conventions *conventions, const char *path,
				struct arena *arena, struct err *err);
void conventions_fini(struct conventions *conventions);

/* What is said of attribute ${key}; NULL: nothing. */
const struct convention *conventions_find(const struct conventions *conventions, struct slice key);

/* Whether a value of the type that ${word} names (as in assert_facts.h) is one of the convention's. */
bool convention_takes(const struct convention *convention, struct slice word);

#endif
