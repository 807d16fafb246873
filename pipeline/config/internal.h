/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of pipeline/config share among themselves; no other folder includes this.
 */
#ifndef SLUICE_CONFIG_INTERNAL_H
#define SLUICE_CONFIG_INTERNAL_H

#include "pipeline/config/bind.h"
#include "pipeline/config/load.h"
#include "pipeline/config/service.h"

/* ---- building maps (map.c) ---- */

/* A map under construction. Lookups stay cheap for any number of keys. */
struct config_map {
	struct arena *arena;
	struct config_entry *entries;
	size_t count, capacity;
	uint32_t *slots; /* entry index + 1 by key hash; NULL while the map is small */
	size_t slot_count;
};

void config_map_init(struct config_map *map, struct arena *arena);

/* The entry under ${key}, NULL when there is none; valid until the next add. */
struct config_entry *config_map_find(const struct config_map *map, struct slice key);

/* Appends an entry whose key is not in the map yet. False when the arena is exhausted. */
MUST_CHECK bool config_map_add(struct config_map *map, struct config_entry entry);

/* The finished CONFIG_MAP node at ${loc}; NULL when the arena is exhausted. */
struct config_node *config_map_finish(struct config_map *map, struct config_loc loc);

/* ---- scalars (scalar.c) ---- */

/* What yaml.v3 makes of the plain scalar ${text}; *ret_kind is CONFIG_NULL or CONFIG_SCALAR. */
enum config_scalar config_scalar_resolve(struct slice text, enum config_kind *ret_kind);

/* Gives ${node}, which has its text, the type of an explicit ${tag} of the core schema such as !!int,
 * whose texts yaml.v3 checks. NULL, or what is wrong with it. */
const char *config_scalar_tag(struct config_node *node, const char *tag);

bool config_scalar_is_true(struct slice text); /* of a SCALAR_BOOL text */

/* Value of an integer text ("1_000", "0x1f", "0o17", "017", "0b11", "-5"): sign and magnitude. */
bool config_scalar_int(struct slice text, bool *ret_negative, uint64_t *ret_magnitude);

/* Value of an integer or float text, ".inf" and ".nan" included. */
bool config_scalar_double(struct slice text, double *ret_value);

/* Go's name for the type of ${node}'s value, as it stands in the Collector's messages. */
const char *config_go_type(const struct config_node *node);

/* ---- YAML (yaml.c) ---- */

/* What is left of the load's limits. */
struct config_quota {
	size_t nodes, bytes, expansions;
};

/* Where a text stands: positions inside it are shifted by the two offsets, or, when the text's
 * lines have no counterpart in the file (a quoted scalar), all become ${fixed}. */
struct config_origin {
	const char *file;
	uint32_t line_offset, column_offset;
	struct config_loc fixed; /* file NULL: not used */
};

struct config_documents {
	struct config_node **at;
	size_t count;
};

/* Parses all documents of ${text}. Problems go to ${report}; false when there was any. */
bool config_yaml_parse(struct slice text, const struct config_origin *origin,
		       struct config_quota *quota, struct config_report *report,
		       struct config_documents *ret_documents);

/* ---- sources (source.c) ---- */

/* One load as its parts see it. */
struct config_loader {
	const struct config_load *load;
	struct config_report *report;
	struct config_quota quota;
};

/* The scheme of ${uri} ("env", "file", …) and what follows its colon; an empty scheme when it has
 * none. A scheme has at least two characters (RFC 3986 §3.1; one is a drive letter). */
struct slice config_uri_scheme(struct slice uri, struct slice *ret_rest);

/* Reads the file ${path} into the arena. False with ${err}. */
bool config_read_file(struct config_loader *loader, const char *path, struct slice *ret_text,
		      struct err *err);

/* Value of the variable ${name}; NULL when unset. */
const char *config_read_env(const struct config_loader *loader, const char *name);

/* [A-Za-z_][A-Za-z0-9_]* */
bool config_env_name_valid(struct slice name);

/* ---- stages of a load ---- */

/* The configuration among ${documents} of a file with ${text} (resource.c): the plain one, or what
 * an OpenTelemetryCollector resource carries; CONFIG_NULL for an empty file. NULL with problems. */
struct config_node *config_resource_unwrap(struct config_loader *loader,
					   const struct config_documents *documents,
					   struct slice text, const struct config_origin *origin);

/* ${base} overlaid by ${over} (merge.c). Neither is changed. NULL when the arena is exhausted. */
struct config_node *config_merge(struct arena *arena, struct config_node *base,
				 struct config_node *over);

/* ${node}, which stands ${depth} levels deep, with each "a::b" key split into nested maps
 * (merge.c). NULL when it gets deeper than CONFIG_DEPTH_MAX or the arena is exhausted. */
struct config_node *config_split_keys(struct arena *arena, struct config_node *node, size_t depth);

/* ${node} with every ${…} replaced (expand.c). Problems go to the report. */
struct config_node *config_expand(struct config_loader *loader, struct config_node *node);

/* ---- places in the tree (scope.c) ---- */

/* A place in the tree as a chain to the root, rendered only when a problem needs it. */
struct config_scope {
	const struct config_scope *parent;
	const char *path, *name; /* of the root: full key path; what the Collector puts in quotes */
	struct slice key;	 /* below the root: a map's key */
	size_t index;		 /* below the root, key.ptr NULL: a list's index */
};

/* "receivers.otlp.protocols[2]"; the name likewise from the root's name. "" when the arena is
 * exhausted. */
const char *config_scope_path(const struct config_scope *scope, struct arena *arena);
const char *config_scope_name(const struct config_scope *scope, struct arena *arena);

/* ---- binding ---- */

enum config_duration_fault {
	DURATION_OK = 0,
	DURATION_INVALID,
	DURATION_MISSING_UNIT,
	DURATION_UNKNOWN_UNIT,
	DURATION_NEGATIVE
};

/* As config_parse_duration, with the fault and, for an unknown unit, that unit. */
enum config_duration_fault config_duration_parse(struct slice text, uint64_t *ret_ns,
						 struct slice *ret_unit);

/* Binds one value of a scalar type (bind_scalar.c). False when a problem was reported. */
bool config_bind_scalar(const struct config_field *field, const struct config_node *node,
			const struct config_scope *scope, void *member,
			struct config_report *report);

/* Binds CONFIG_TYPE_STRING_LIST and CONFIG_TYPE_HEADERS (bind_list.c). */
bool config_bind_strings(const struct config_node *node, const struct config_scope *scope,
			 struct config_strings *ret_strings, struct config_report *report);
bool config_bind_headers(const struct config_node *node, const struct config_scope *scope,
			 struct config_headers *ret_headers, struct config_report *report);

/* The text of ${node} as messages about a field of ${type} may show it. What came from ${…} is shown
 * when it is empty or looks like a number or word that was wanted, else "[REDACTED]". */
struct slice config_shown(const struct config_node *node, enum config_type type);

/* "'name' expected type 'want', got unconvertible type 'string', value: 'abc'"; the value is left
 * out for CONFIG_TYPE_OPAQUE, shown as config_shown does it for another ${type}. */
void config_type_problem(const struct config_node *node, const struct config_scope *scope,
			 const char *want, enum config_type type, struct config_report *report);

/* The text of a string-like ${node} as a NUL-terminated copy; NULL when it is none. */
const char *config_string_of(const struct config_node *node, struct arena *arena);

/* ---- the top level ---- */

/* "type[/name]" trimmed and checked (component_id.c). False with a problem at ${loc}, ${path}. */
struct config_id {
	const char *id, *type, *name;
};
bool config_id_parse(struct slice text, struct config_loc loc, const char *path,
		     struct config_report *report, struct config_id *ret_id);

/* Binds service.telemetry (telemetry.c); ${node} may be NULL. */
void config_telemetry_bind(const struct config_node *node, struct config_telemetry *ret_telemetry,
			   struct config_report *report);

#endif
