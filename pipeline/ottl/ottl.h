/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTTL conditions (OpenTelemetry Transformation Language): lexer, parser, typed tree, evaluation
 * directly on the wire view. A condition is parsed once, when the graph is built; evaluation reads
 * attributes by their interned key and allocates nothing on the common path.
 */
#ifndef SLUICE_OTTL_OTTL_H
#define SLUICE_OTTL_OTTL_H

#include "pipeline/base/arena.h"
#include "pipeline/base/error.h"
#include "pipeline/trace/keys/key_table.h"
#include "pipeline/trace/otlp/edit.h"

enum ottl_context {
	OTTL_RESOURCE = 0,
	OTTL_SCOPE,
	OTTL_SPAN,
	OTTL_SPANEVENT,
	OTTL_CONTEXT_COUNT,
	OTTL_INFER = OTTL_CONTEXT_COUNT, /* from the prefixes used (trace_conditions) */
};

enum {
	OTTL_DEPTH_MAX = 64,		  /* nesting of parentheses, lists, function arguments */
	OTTL_CONDITION_BYTES_MAX = 65536, /* one condition's text */
	OTTL_NODES_MAX = 4096,		  /* of one condition */
};

struct ottl_condition; /* immutable after parse; in the arena; read by all shards */

/*
 * Parses ${text} for ${context}. Keys that it names are registered in ${keys}; regular expressions
 * are compiled (RE2's grammar is checked first). NULL with ERR_CONFIG and the Collector's text; then
 * err->offset is the byte in ${text} where the trouble is. Call ottl_condition_free for the result.
 */
MUST_CHECK const struct ottl_condition *ottl_parse(struct slice text, enum ottl_context context,
						   struct key_table *keys, struct arena *arena,
						   struct err *err);
void ottl_condition_free(const struct ottl_condition *condition);

/* The context that the condition was parsed for or that was inferred. */
enum ottl_context ottl_condition_context(const struct ottl_condition *condition);

/* Per-shard evaluation memory: regex match data, text scratch. */
struct ottl_scratch;
MUST_CHECK struct ottl_scratch *ottl_scratch_new(struct budget *budget);
void ottl_scratch_free(struct ottl_scratch *scratch);

enum ottl_result { OTTL_FALSE = 0, OTTL_TRUE, OTTL_ERROR };

/* Evaluates ${condition} on element ${at} of its context (a resource, scope, span or event index),
 * with the edits made so far. OTTL_ERROR fills ${err} (may be NULL): its text names types and
 * functions, never a value. Resets the scratch on return. */
enum ottl_result ottl_eval(const struct ottl_condition *condition, const struct trace_view *view,
			   uint32_t at, struct ottl_scratch *scratch, struct err *err);

/* What `sluice validate` says about a condition that parses but cannot do what it seems to: can
 * never match, or hits ordinary traffic. Calls ${warn} for each finding. */
typedef void ottl_warn(void *arg, const char *finding);
void ottl_lint(const struct ottl_condition *condition, ottl_warn *warn, void *arg);

#endif
