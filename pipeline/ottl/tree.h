/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The typed tree of one condition, and the values that its evaluation yields. Nodes live in the
 * arena given to ottl_parse and never change afterwards; all shards read them.
 *
 * Invariants after a successful parse:
 *  1. the tree is at most a few times OTTL_DEPTH_MAX deep: chains (`a or b or c`, `1 + 2 + 3`) are
 *     siblings, only nesting adds depth;
 *  2. a node marked constant reads nothing from the request;
 *  3. type is the type of every value that the node can yield, TERM_UNKNOWN when it varies (nil
 *     counts as a type of its own);
 *  4. `x or true` is true even where x fails, `x and false` is false: literals, and comparisons of
 *     two literals, are decided when the condition is parsed. The result of a constant call or sum
 *     is folded, too, but only to save time: it decides in its turn, as any other value.
 */
#ifndef SLUICE_OTTL_TREE_H
#define SLUICE_OTTL_TREE_H

#include "pipeline/ottl/ottl.h"

enum term_type {
	TERM_NIL = 0,
	TERM_STRING,
	TERM_BYTES,
	TERM_BOOL,
	TERM_INT,
	TERM_DOUBLE,
	TERM_TIME,     /* i: nanoseconds since the Unix epoch */
	TERM_DURATION, /* i: nanoseconds */
	TERM_MAP,
	TERM_LIST,
	TERM_TRACE_ID, /* bytes: 16, or none for the zero id */
	TERM_SPAN_ID,  /* bytes: 8, or none for the zero id */
	TERM_EVENTS,   /* i: how many; not comparable with anything else */
	TERM_LINKS,    /* as TERM_EVENTS */
	TERM_STATUS,
	TERM_TYPE_COUNT,
	TERM_UNKNOWN = TERM_TYPE_COUNT,
};

/* Where the members of a map or list are. */
enum term_store {
	STORE_NONE = 0, /* empty (the cache) */
	STORE_WIRE,	/* bytes: content of an ArrayValue or KeyValueList message */
	STORE_ATTRS,	/* owner: its live attributes */
	STORE_NODES,	/* nodes: a literal; members are evaluated as they are visited */
};

/* A value: borrowed bytes of the request, the arena or the scratch; never owned. */
struct term {
	enum term_type type;
	enum term_store store;
	struct slice bytes;
	union {
		int64_t i; /* int, time, duration, counts; bool as 0 or 1 */
		double d;
		struct owner owner;
		const struct node *nodes; /* first child */
	};
};

enum node_kind {
	/* yield true or false */
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	NODE_COMPARE,
	NODE_TRUTH, /* a Converter that stands as a condition */
	/* yield values */
	NODE_LITERAL,
	NODE_LIST,
	NODE_MAP, /* children with node.key */
	NODE_PATH,
	NODE_CALL,
	NODE_INDEX, /* first child: what is indexed; the others: keys */
	NODE_MATH,  /* children joined by node.op; the first child's op is MATH_ADD */
	NODE_NEGATE,
};

enum compare_op { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GE, COMPARE_GT };
enum math_op { MATH_ADD, MATH_SUB, MATH_MUL, MATH_DIV };

/* Comparisons that make up nearly all of real configurations have a way of their own. */
enum compare_shape {
	SHAPE_GENERAL = 0,
	SHAPE_ATTR_STRING, /* attributes["k"] == "literal", or != */
	SHAPE_NAME_STRING, /* name == "literal", or != (span context) */
};

enum field {
	FIELD_ATTRIBUTES,
	FIELD_ATTRIBUTE, /* attributes["k"] with a literal key: key_id */
	FIELD_CACHE,
	FIELD_DROPPED_ATTRIBUTES_COUNT,
	FIELD_NAME,
	FIELD_VERSION,
	FIELD_SCHEMA_URL,
	FIELD_TRACE_ID,
	FIELD_TRACE_ID_STRING,
	FIELD_SPAN_ID,
	FIELD_SPAN_ID_STRING,
	FIELD_PARENT_SPAN_ID,
	FIELD_PARENT_SPAN_ID_STRING,
	FIELD_TRACE_STATE,
	FIELD_KIND,
	FIELD_KIND_STRING,
	FIELD_KIND_DEPRECATED_STRING,
	FIELD_START_TIME,
	FIELD_START_TIME_UNIX_NANO,
	FIELD_END_TIME,
	FIELD_END_TIME_UNIX_NANO,
	FIELD_DROPPED_EVENTS_COUNT,
	FIELD_DROPPED_LINKS_COUNT,
	FIELD_EVENTS,
	FIELD_LINKS,
	FIELD_STATUS,
	FIELD_STATUS_CODE,
	FIELD_STATUS_MESSAGE,
	FIELD_FLAGS,
	FIELD_TIME,
	FIELD_TIME_UNIX_NANO,
	FIELD_EVENT_INDEX,
};

struct function;
struct regex;

enum { CALL_ARGS_MAX = 4 };

/* What the Collector knows of a condition before any span is seen. */
enum fixed_truth { FIXED_OPEN = 0, FIXED_FALSE, FIXED_TRUE };

struct node {
	enum node_kind kind;
	enum term_type type;
	bool constant;
	bool written; /* a literal as the Collector sees it: no result of a call or of arithmetic */
	uint8_t fixed; /* enum fixed_truth, of a condition: decided without evaluation, see invariant 4 */
	uint8_t op;	 /* enum compare_op, enum math_op */
	uint32_t offset; /* of its first byte in the condition's text */
	uint32_t end;	 /* behind its last one; of a comparison, a test and their values */
	struct node *child, *next;
	struct slice key; /* of a member of NODE_MAP; the literal key of FIELD_ATTRIBUTE */
	union {
		struct term literal;
		struct {
			enum ottl_context level;
			enum field field;
			key_id key_id;
		} path;
		struct {
			enum compare_shape shape;
			enum ottl_context level;
			key_id key_id;
			struct slice text;
		} compare;
		struct {
			const struct function *function;
			const struct node *args[CALL_ARGS_MAX];
			const struct regex *regex; /* IsMatch; NULL: the pattern is a value */
			int letter_case;	   /* ConvertCase: enum letter_case */
			bool utf8_safe;		   /* Substring */
		} call;
	};
};

struct ottl_condition {
	enum ottl_context context;
	bool prefixes_required; /* its paths have to begin with a context's name */
	const struct node *root;
	struct regex *regexes; /* list; freed with the condition */
};

/* Type names as the Collector's error texts print them. */
const char *term_type_name(enum term_type type);

static inline bool term_is_number(enum term_type type)
{
	return type == TERM_INT || type == TERM_DOUBLE;
}

#endif
