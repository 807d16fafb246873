/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as a tree whose nodes remember where they came from. The tree is what libyaml's
 * events say, after ${…} expansion and the merge of all --config sources; no meaning is attached
 * yet (pipeline/config/bind.h does that). Nodes and texts live in the arena of the load and are
 * immutable after it.
 */
#ifndef SLUICE_CONFIG_TREE_H
#define SLUICE_CONFIG_TREE_H

#include "pipeline/base/slice.h"

struct config_loc {
	const char *file;      /* as given on the command line; "env:NAME", "yaml:" for others */
	uint32_t line, column; /* from 1; 0 when there is none */
};

enum config_kind { CONFIG_NULL = 0, CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAP, CONFIG_KIND_COUNT };

/* What YAML 1.2 core schema (as Go's yaml.v3 applies it) makes of a plain scalar. */
enum config_scalar { SCALAR_STRING = 0, SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT };

struct config_entry {
	struct slice key;
	struct config_loc key_loc;
	struct config_node *node;
};

struct config_node {
	enum config_kind kind;
	enum config_scalar scalar; /* of CONFIG_SCALAR */
	struct config_loc loc;
	struct slice text; /* of CONFIG_SCALAR: after expansion, the original spelling; with
				 * from_env also of the other kinds: what a string field takes */
	bool from_env;	   /* the whole scalar came from one ${…}: weak typing is allowed */
	bool expanded;	   /* some of the text came from ${…}: never show it, it may be secret */
	const char *unset_env;	      /* first unset variable the text named; NULL for none */
	bool literal_string;	      /* quoted or block scalar */
	size_t count;		      /* entries or items */
	struct config_entry *entries; /* of CONFIG_MAP, in order of first appearance */
	struct config_node **items;   /* of CONFIG_LIST */
};

/* The node under ${key} of a map; NULL when ${map} is NULL, no map, or has no such key. */
const struct config_node *config_get(const struct config_node *map, const char *key);

/* The value of a CONFIG_SCALAR of the type that its name says. A whole number that fits 64 bits
 * without a sign alone wraps, as Go's conversion does. */
bool config_bool_of(const struct config_node *node);
int64_t config_int_of(const struct config_node *node);
double config_double_of(const struct config_node *node);

#endif
