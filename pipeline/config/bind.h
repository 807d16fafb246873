/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables: one static table per block of configuration says each key's name, type, default,
 * bounds, unit and meaning; config_bind fills a typed struct from a tree by it, and the reference
 * documentation is printed from it. So code, defaults and documents cannot drift apart.
 *
 *   struct batch_config { uint64_t timeout_ns; uint32_t send_batch_size; };
 *   static const struct config_field fields[] = {
 *       CONFIG_DURATION(struct batch_config, timeout_ns, "timeout", "200ms", "…"),
 *       CONFIG_U32(struct batch_config, send_batch_size, "send_batch_size", "8192", 0, 1e9, "{span}", "…"),
 *   };
 *   const struct config_block batch_block = CONFIG_BLOCK(struct batch_config, fields);
 */
#ifndef SLUICE_CONFIG_BIND_H
#define SLUICE_CONFIG_BIND_H

#include "pipeline/config/report.h"

enum config_type {
	CONFIG_TYPE_BOOL = 0,	 /* bool */
	CONFIG_TYPE_U32,	 /* uint32_t */
	CONFIG_TYPE_U64,	 /* uint64_t */
	CONFIG_TYPE_I64,	 /* int64_t */
	CONFIG_TYPE_DOUBLE,	 /* double */
	CONFIG_TYPE_DURATION,	 /* uint64_t nanoseconds; Go syntax "1h2m3.5s", "0" needs no unit */
	CONFIG_TYPE_STRING,	 /* const char * (NUL-terminated, in the arena; "" when unset) */
	CONFIG_TYPE_OPAQUE,	 /* const char *; prints as [REDACTED] */
	CONFIG_TYPE_ENUM,	 /* int, index into names */
	CONFIG_TYPE_STRING_LIST, /* struct config_strings; a comma-separated string is accepted */
	CONFIG_TYPE_HEADERS, /* struct config_headers; map, or list of {name, value}; opaque values */
	CONFIG_TYPE_BLOCK,   /* embedded struct of the block's type */
	CONFIG_TYPE_BLOCK_LIST, /* struct config_blocks */
	CONFIG_TYPE_NODE,	/* const struct config_node *: the component reads it itself */
	CONFIG_TYPE_IGNORED,	/* accepted, checked as `ignored`, without effect (doc says why) */
	CONFIG_TYPE_MAP,	/* of CONFIG_TYPE_IGNORED alone: a map of anything */
	CONFIG_TYPE_LIST,	/* of CONFIG_TYPE_IGNORED alone: a list of anything */
	CONFIG_TYPE_COUNT
};

struct config_strings {
	const char **at;
	const struct config_node **nodes; /* for places in messages */
	size_t count;
};

struct config_header {
	const char *name, *value;
	struct config_loc loc;
	const char *unset_env; /* an unset variable that the value named; NULL for none */
};

struct config_headers {
	struct config_header *at;
	size_t count;
};

struct config_blocks {
	void **at; /* each points to a struct of the block's type */
	size_t count;
};

struct config_block;

struct config_field {
	const char *key;
	enum config_type type;
	enum config_type ignored; /* CONFIG_TYPE_IGNORED: the type that the value must have */
	bool null_is_absent;	  /* optional blocks: `key: null` leaves the block off */
	bool any_case;		  /* CONFIG_TYPE_ENUM: words count in capitals, too */
	size_t offset;		  /* of the member in the struct */
	size_t present_offset;	  /* of a bool that says "the key was there"; SIZE_MAX: none */
	const char *default_text; /* as it would stand in YAML; NULL: zero / empty / block off */
	double min, max;	  /* numbers and durations (ns): inclusive bounds */
	const char *const *names; /* CONFIG_TYPE_ENUM: NULL-terminated */
	const struct config_block *block; /* CONFIG_TYPE_BLOCK, CONFIG_TYPE_BLOCK_LIST */
	const char *unit, *doc;
};

struct config_block {
	const struct config_field *fields;
	size_t field_count;
	size_t struct_size;
	/* Whether `key: null` and an absent key differ for a CONFIG_TYPE_BLOCK (present_offset says
	 * which): an optional block is off when absent and has all defaults when null. */
	/* Checks that need more than one field; adds problems to ${report}. May be NULL. */
	void (*check)(const void *config, const struct config_node *node, const char *path,
		      struct config_report *report);
};

/*
 * Fills ${config} (block->struct_size bytes) with defaults, then with what ${node} says (NULL or
 * CONFIG_NULL: defaults only). Inside, null does what it does in the Collector: a number, a duration,
 * a bool, a text becomes zero, false, empty; a word of a closed set and a block keep their default.
 * So does a variable that is not set. Unknown keys, wrong types, values out of bounds, unknown enum words
 * become problems with the Collector's texts; the rest is still bound, so that all problems show
 * in one run. ${path} is the key path of ${node}, e.g. "processors.batch".
 */
void config_bind(const struct config_block *block, const struct config_node *node, const char *path,
		 void *config, struct config_report *report);

/* A key that stands twice in the table of ${block}, or of a block inside it: the second one would never be
 * read. NULL for none. Every bind asserts that there is none. */
const char *config_block_repeated_key(const struct config_block *block);

/* As config_bind; ${name} is the part of the path that the Collector's texts show. */
void config_bind_named(const struct config_block *block, const struct config_node *node,
		       const char *path, const char *name, void *config,
		       struct config_report *report);

/* Parses Go's duration syntax into nanoseconds. False when it is none or negative. */
bool config_parse_duration(struct slice text, uint64_t *ret_ns);

/* Appends the Markdown table of a block (key, type, default, unit, meaning), sub-blocks as dotted
 * keys. For `sluice components --markdown` and docs/. */
void config_block_document(const struct config_block *block, struct buf *out);

/* Table entries; each checks the member's C type at compile time. */
#define CONFIG_CHECKED_OFFSET(type, member, ctype)                                                 \
	(offsetof(type, member) +                                                                  \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)0)->member), ctype)      \
				 ? 1                                                               \
				 : -1]))
#define CONFIG_FIELD_(type_, member, ctype, kind, k, dflt, lo, hi, u, d)                           \
	{                                                                                          \
		.key = (k), .type = (kind), .offset = CONFIG_CHECKED_OFFSET(type_, member, ctype), \
		.present_offset = SIZE_MAX, .default_text = (dflt), .min = (lo), .max = (hi),      \
		.unit = (u), .doc = (d),                                                           \
	}
#define CONFIG_BOOL(type_, member, key, dflt, doc)                                                 \
	CONFIG_FIELD_(type_, member, bool, CONFIG_TYPE_BOOL, key, dflt, 0, 0, "", doc)
#define CONFIG_U32(type_, member, key, dflt, min, max, unit, doc)                                  \
	CONFIG_FIELD_(type_, member, uint32_t, CONFIG_TYPE_U32, key, dflt, min, max, unit, doc)
#define CONFIG_U64(type_, member, key, dflt, min, max, unit, doc)                                  \
	CONFIG_FIELD_(type_, member, uint64_t, CONFIG_TYPE_U64, key, dflt, min, max, unit, doc)
#define CONFIG_DOUBLE(type_, member, key, dflt, min, max, unit, doc)                               \
	CONFIG_FIELD_(type_, member, double, CONFIG_TYPE_DOUBLE, key, dflt, min, max, unit, doc)
#define CONFIG_DURATION(type_, member, key, dflt, doc)                                             \
	CONFIG_FIELD_(type_, member, uint64_t, CONFIG_TYPE_DURATION, key, dflt, 0, 1.8e19, "", doc)
#define CONFIG_STRING(type_, member, key, dflt, doc)                                               \
	CONFIG_FIELD_(type_, member, const char *, CONFIG_TYPE_STRING, key, dflt, 0, 0, "", doc)
#define CONFIG_OPAQUE(type_, member, key, doc)                                                     \
	CONFIG_FIELD_(type_, member, const char *, CONFIG_TYPE_OPAQUE, key, NULL, 0, 0, "", doc)
#define CONFIG_STRING_LIST(type_, member, key, doc)                                                \
	CONFIG_FIELD_(type_, member, struct config_strings, CONFIG_TYPE_STRING_LIST, key, NULL, 0, \
		      0, "", doc)
#define CONFIG_HEADERS(type_, member, key, doc)                                                    \
	CONFIG_FIELD_(type_, member, struct config_headers, CONFIG_TYPE_HEADERS, key, NULL, 0, 0,  \
		      "", doc)
#define CONFIG_NODE(type_, member, key, doc)                                                       \
	CONFIG_FIELD_(type_, member, const struct config_node *, CONFIG_TYPE_NODE, key, NULL, 0,   \
		      0, "", doc)
#define CONFIG_ENUM(type_, member, key_, words, dflt, doc_)                                        \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_ENUM,                                           \
		.offset = CONFIG_CHECKED_OFFSET(type_, member, int), .present_offset = SIZE_MAX,   \
		.default_text = (dflt), .names = (words), .unit = "", .doc = (doc_),               \
	}
/* As CONFIG_ENUM, with words that count in capitals, too. */
#define CONFIG_ENUM_ANY_CASE(type_, member, key_, words, dflt, doc_)                               \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_ENUM, .any_case = true,                         \
		.offset = CONFIG_CHECKED_OFFSET(type_, member, int), .present_offset = SIZE_MAX,   \
		.default_text = (dflt), .names = (words), .unit = "", .doc = (doc_),               \
	}
/* An embedded block that is always there. */
#define CONFIG_SUB(type_, member, key_, block_, doc_)                                              \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_BLOCK, .offset = offsetof(type_, member),       \
		.present_offset = SIZE_MAX, .block = (block_), .unit = "", .doc = (doc_),          \
	}
/* An embedded block that is off unless its key is there (null counts as there). When it is off its
 * members hold their defaults, unchecked. */
#define CONFIG_OPTIONAL(type_, member, present_member, key_, block_, doc_)                         \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_BLOCK, .offset = offsetof(type_, member),       \
		.present_offset = CONFIG_CHECKED_OFFSET(type_, present_member, bool),              \
		.block = (block_), .unit = "", .doc = (doc_),                                      \
	}
/* As CONFIG_OPTIONAL, but null counts as absent, with a warning: the Collector's blocks that have no
 * defaults of their own, such as `tls:`. */
#define CONFIG_OPTIONAL_SET(type_, member, present_member, key_, block_, doc_)                     \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_BLOCK, .null_is_absent = true,                  \
		.offset = offsetof(type_, member),                                                 \
		.present_offset = CONFIG_CHECKED_OFFSET(type_, present_member, bool),              \
		.block = (block_), .unit = "", .doc = (doc_),                                      \
	}
#define CONFIG_SUB_LIST(type_, member, key_, block_, doc_)                                         \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_BLOCK_LIST,                                     \
		.offset = CONFIG_CHECKED_OFFSET(type_, member, struct config_blocks),              \
		.present_offset = SIZE_MAX, .block = (block_), .unit = "", .doc = (doc_),          \
	}
/* A key without effect: ${kind} is what stands behind CONFIG_TYPE_ for the type it must have. */
#define CONFIG_IGNORED(kind, key_, doc_)                                                           \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_IGNORED, .ignored = CONFIG_TYPE_##kind,         \
		.present_offset = SIZE_MAX, .min = -9.3e18, .max = 1.9e19, .unit = "",             \
		.doc = (doc_),                                                                     \
	}
/* A block without effect, whose keys are all CONFIG_IGNORED. */
#define CONFIG_IGNORED_BLOCK(key_, block_, doc_)                                                   \
	{                                                                                          \
		.key = (key_), .type = CONFIG_TYPE_BLOCK, .present_offset = SIZE_MAX,              \
		.block = (block_), .unit = "", .doc = (doc_),                                      \
	}
#define CONFIG_BLOCK(type, table)                                                                  \
	{                                                                                          \
		.fields = (table), .field_count = ARRAY_COUNT(table), .struct_size = sizeof(type)  \
	}
/* For CONFIG_IGNORED_BLOCK: nothing is stored. */
#define CONFIG_BLOCK_OF_IGNORED(table)                                                             \
	{                                                                                          \
		.fields = (table), .field_count = ARRAY_COUNT(table),                              \
	}
#define CONFIG_BLOCK_CHECKED(type, table, check_fn)                                                \
	{                                                                                          \
		.fields = (table), .field_count = ARRAY_COUNT(table), .struct_size = sizeof(type), \
		.check = (check_fn)                                                                \
	}

#endif
