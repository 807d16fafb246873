/* SPDX-License-Identifier: Apache-2.0 */
/* Paths: which exist in which context, and what a written path stands for. */
#ifndef SLUICE_OTTL_PATH_H
#define SLUICE_OTTL_PATH_H

#include "pipeline/ottl/tree.h"

enum { PATH_SEGMENTS_MAX = 4, PATH_TEXT_MAX = 160 };

/* One `name[key]…` of a path as it is written. */
struct path_segment {
	struct slice name;
	struct node *keys; /* list, NULL when it is not indexed */
};

struct path_text {
	struct path_segment segments[PATH_SEGMENTS_MAX];
	size_t count;
	/* For error texts, cut when longer: as the Collector prints it (attributes[k]), and as it
	 * is written (attributes["k"]). */
	char text[PATH_TEXT_MAX], source[PATH_TEXT_MAX];
};

/* The context that ${name} is the prefix of; false when it is none of ours. */
bool path_context_of(struct slice name, enum ottl_context *ret_context);

struct path_scope {
	enum ottl_context context;
	bool prefixes_required; /* the context was inferred */
	struct key_table *keys;
};

/* Makes ${node} (kind NODE_PATH or, with keys left over, NODE_INDEX whose first child is the
 * ${spare} node) of a written path. -1 with the Collector's text, without position. */
MUST_CHECK int path_resolve(const struct path_scope *scope, const struct path_text *path,
			    struct node *node, struct node *spare, struct err *err);

#endif
