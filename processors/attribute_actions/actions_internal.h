/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of processors/attribute_actions/ alone. */
#ifndef SLUICE_PROCESSORS_ATTRIBUTE_ACTIONS_INTERNAL_H
#define SLUICE_PROCESSORS_ATTRIBUTE_ACTIONS_INTERNAL_H

#include "processors/attribute_actions/actions.h"

enum action_kind {
	ACTION_INSERT = 0,
	ACTION_UPDATE,
	ACTION_UPSERT,
	ACTION_DELETE,
	ACTION_HASH,
	ACTION_EXTRACT,
	ACTION_CONVERT,
	ACTION_COUNT
};

struct action_key {
	struct slice text;
	key_id id; /* KEY_ID_NONE: there is none */
};

struct attribute_action {
	enum action_kind kind;
	enum value_type type;	/* ACTION_CONVERT: the wanted one */
	struct action_key key;	/* may be missing where there is a pattern of keys */
	struct action_key from; /* the attribute whose value is taken */
	struct value value;	/* written, or the default */
	bool has_value;
	struct regex *regex;	   /* of keys, or ACTION_EXTRACT: of the value; NULL: none */
	struct action_key *groups; /* ACTION_EXTRACT */
	size_t group_count;
};

struct attribute_actions {
	struct attribute_action *at; /* in the graph's arena */
	size_t count;
};

#endif
