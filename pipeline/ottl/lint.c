/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings about conditions that parse but cannot mean what they seem to: comparisons that their
 * types alone decide, values that an attribute never has by the semantic conventions, and names
 * that ordinary traffic has too. Each text says why and what to write instead.
 */
#include "pipeline/ottl/function.h"

#include <stdarg.h>
#include <stdio.h>

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_OPEN };

struct lint {
	ottl_warn *warn;
	void *arg;
	const struct ottl_condition *condition;
};

static void warn(const struct lint *lint, const char *format, ...) PRINTF_LIKE(2, 3);

static void warn(const struct lint *lint, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	lint->warn(lint->arg, text);
}

/* What stands before a proposed path of ${level}, so that it can be pasted into the condition. */
static const char *prefix_of(const struct lint *lint, enum ottl_context level)
{
	static const char *const prefixes[OTTL_CONTEXT_COUNT] = {
		[OTTL_RESOURCE] = "resource.",
		[OTTL_SCOPE] = "scope.",
		[OTTL_SPAN] = "span.",
		[OTTL_SPANEVENT] = "spanevent.",
	};
	bool plain = !lint->condition->prefixes_required && level == lint->condition->context;
	return plain ? "" : prefixes[level];
}

/* ---- what is decided before any span is seen ---- */

static enum truth truth_of_compare(const struct node *node)
{
	const struct node *left = node->child, *right = left->next;
	if (compare_types_differ(left->type, right->type))
		return node->op == COMPARE_NE ? TRUTH_TRUE : TRUTH_FALSE;
	if (left->kind != NODE_LITERAL || right->kind != NODE_LITERAL)
		return TRUTH_OPEN;
	struct evaluation ev = {0};
	bool holds;
	if (!eval_compare(&ev, &left->literal, (enum compare_op)node->op, &right->literal, &holds))
		return TRUTH_OPEN;
	return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth truth_of(const struct node *node);

/* What a junction is when nothing fails: one deciding part is enough. */
static enum truth truth_of_junction(const struct node *node, enum truth deciding)
{
	enum truth all = deciding == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
	for (const struct node *child = node->child; child; child = child->next) {
		enum truth truth = truth_of(child);
		if (truth == deciding)
			return deciding;
		if (truth == TRUTH_OPEN)
			all = TRUTH_OPEN;
	}
	return all;
}

static enum truth truth_of(const struct node *node)
{
	enum truth inner;
	switch ((int)node->kind) {
	case NODE_COMPARE: return truth_of_compare(node);
	case NODE_OR: return truth_of_junction(node, TRUTH_TRUE);
	case NODE_AND: return truth_of_junction(node, TRUTH_FALSE);
	case NODE_NOT:
		inner = truth_of(node->child);
		return inner == TRUTH_OPEN   ? TRUTH_OPEN
		       : inner == TRUTH_TRUE ? TRUTH_FALSE
					     : TRUTH_TRUE;
	case NODE_TRUTH:
		if (node->child->kind != NODE_LITERAL || node->child->type != TERM_BOOL)
			return TRUTH_OPEN;
		return node->child->literal.i ? TRUTH_TRUE : TRUTH_FALSE;
	default: return TRUTH_OPEN;
	}
}

/* ---- comparisons of an attribute with a string ---- */

static bool one_of(struct slice text, const struct slice *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equal(text, list[i]))
			return true;
	}
	return false;
}

/* Attributes that the semantic conventions define as int. */
static bool is_int_attribute(struct slice key)
{
	static const struct slice keys[] = {
		SLICE_INIT("http.status_code"),
		SLICE_INIT("http.response.status_code"),
		SLICE_INIT("http.request_content_length"),
		SLICE_INIT("http.response_content_length"),
		SLICE_INIT("http.request.body.size"),
		SLICE_INIT("http.response.body.size"),
		SLICE_INIT("http.request.resend_count"),
		SLICE_INIT("rpc.grpc.status_code"),
		SLICE_INIT("server.port"),
		SLICE_INIT("client.port"),
		SLICE_INIT("network.peer.port"),
		SLICE_INIT("net.peer.port"),
		SLICE_INIT("net.host.port"),
		SLICE_INIT("gen_ai.usage.input_tokens"),
		SLICE_INIT("gen_ai.usage.output_tokens"),
		SLICE_INIT("gen_ai.request.max_tokens"),
	};
	return one_of(key, keys, ARRAY_COUNT(keys));
}

/* Attributes that hold an absolute URL. */
static bool is_url_attribute(struct slice key)
{
	static const struct slice keys[] = {SLICE_INIT("http.url"), SLICE_INIT("url.full")};
	return one_of(key, keys, ARRAY_COUNT(keys));
}

static bool is_decimal(struct slice text)
{
	uint64_t ignored;
	return slice_parse_u64(text, &ignored);
}

static bool has_query(struct slice text)
{
	return text.len > 0 && memchr(text.ptr, '?', text.len);
}

static void lint_attribute(const struct lint *lint, const struct node *path, enum compare_op op,
			   struct slice text)
{
	struct slice key = path->key;
	const char *prefix = prefix_of(lint, path->path.level);
	const char *outcome = op == COMPARE_NE ? "always true" : "never true";
	const char *symbol = op == COMPARE_NE ? "!=" : "==";
	bool decimal = is_decimal(text);
	if (is_url_attribute(key) && text.len > 0 && text.ptr[0] == '/') {
		warn(lint,
		     "%sattributes[\"%.*s\"] %s \"%.*s\" is %s: %.*s holds an absolute URL "
		     "(https://host/path); write %sattributes[\"url.path\"] == \"%.*s\" or "
		     "%sattributes[\"http.target\"] == \"%.*s\"",
		     prefix, SLICE_FMT(key), symbol, SLICE_FMT(text), outcome, SLICE_FMT(key),
		     prefix, SLICE_FMT(text), prefix, SLICE_FMT(text));
	} else if (is_int_attribute(key)) {
		warn(lint,
		     "%sattributes[\"%.*s\"] %s \"%.*s\" is %s for instrumentation that follows "
		     "the "
		     "semantic conventions: %.*s is an integer, and a string never equals "
		     "one%s%.*s",
		     prefix, SLICE_FMT(key), symbol, SLICE_FMT(text), outcome, SLICE_FMT(key),
		     decimal ? "; write it without quotes: " : "", decimal ? (int)text.len : 0,
		     (const char *)text.ptr);
	} else if (slice_equal(key, SLICE("http.route")) && has_query(text)) {
		warn(lint,
		     "%sattributes[\"http.route\"] %s \"%.*s\" is %s: a route has no query; match "
		     "%sattributes[\"url.query\"] or %sattributes[\"http.target\"]",
		     prefix, symbol, SLICE_FMT(text), outcome, prefix, prefix);
	}
}

/* A span that is named by its method alone: every HTTP client, every server without routes. */
static bool is_method(struct slice text)
{
	static const struct slice methods[] = {
		SLICE_INIT("GET"),	SLICE_INIT("POST"),	 SLICE_INIT("PUT"),
		SLICE_INIT("DELETE"),	SLICE_INIT("PATCH"),	 SLICE_INIT("HEAD"),
		SLICE_INIT("OPTIONS"),	SLICE_INIT("TRACE"),	 SLICE_INIT("CONNECT"),
		SLICE_INIT("HTTP GET"), SLICE_INIT("HTTP POST"), SLICE_INIT("HTTP"),
	};
	return one_of(text, methods, ARRAY_COUNT(methods));
}

static void lint_shape(const struct lint *lint, const struct node *node)
{
	const struct node *left = node->child, *right = left->next;
	const struct node *path = left->kind == NODE_PATH ? left : right;
	if (node->compare.shape == SHAPE_ATTR_STRING) {
		lint_attribute(lint, path, (enum compare_op)node->op, node->compare.text);
	} else if (node->compare.shape == SHAPE_NAME_STRING && node->op == COMPARE_EQ &&
		   is_method(node->compare.text)) {
		const char *prefix = prefix_of(lint, OTTL_SPAN);
		warn(lint,
		     "%sname == \"%.*s\" hits ordinary traffic: by the semantic conventions every "
		     "HTTP client span, and every server span without a route, is named by its "
		     "method alone; their children would be left without a parent. Match the path "
		     "instead: %sattributes[\"url.path\"] == \"/metrics\"",
		     prefix, SLICE_FMT(node->compare.text), prefix);
	}
}

/* ---- comparisons that types decide ---- */

/* "string", "int64", or for a path also what it is called. */
static void describe(const struct node *node, char *out, size_t size)
{
	const char *type = term_type_name(node->type);
	if (node->kind == NODE_CALL)
		(void)snprintf(out, size, "%.*s() is %s", SLICE_FMT(node->call.function->name),
			       type);
	else
		(void)snprintf(out, size, "the %s %s %s",
			       node->kind == NODE_LITERAL ? "literal" : "path",
			       node->kind == NODE_LITERAL ? "is" : "is always", type);
}

enum { ADVICE_BYTES = 128 };

/* What to write instead; in ${out} or fixed. */
static const char *advice_for(const struct lint *lint, const struct node *left,
			      const struct node *right, char out[ADVICE_BYTES])
{
	const struct node *path = left->kind == NODE_PATH ? left : right;
	if (left->kind != NODE_PATH && right->kind != NODE_PATH)
		return "compare an attribute or a field of the span";
	const char *p = prefix_of(lint, path->path.level);
	switch ((int)path->path.field) {
	case FIELD_KIND:
		(void)snprintf(out, ADVICE_BYTES,
			       "write %skind == SPAN_KIND_SERVER, or %skind.string == \"Server\"",
			       p, p);
		return out;
	case FIELD_STATUS_CODE:
		(void)snprintf(out, ADVICE_BYTES, "write %sstatus.code == STATUS_CODE_ERROR", p);
		return out;
	case FIELD_STATUS:
		(void)snprintf(out, ADVICE_BYTES, "compare %sstatus.code or %sstatus.message", p,
			       p);
		return out;
	case FIELD_TRACE_ID:
		(void)snprintf(out, ADVICE_BYTES,
			       "write %strace_id == TraceID(0x…), or %strace_id.string == \"…\"", p,
			       p);
		return out;
	case FIELD_SPAN_ID:
		(void)snprintf(out, ADVICE_BYTES,
			       "write %sspan_id == SpanID(0x…), or %sspan_id.string == \"…\"", p,
			       p);
		return out;
	case FIELD_PARENT_SPAN_ID:
		(void)snprintf(out, ADVICE_BYTES,
			       "write %sparent_span_id == SpanID(0x…), %sparent_span_id.string == "
			       "\"…\", or IsRootSpan()",
			       p, p);
		return out;
	case FIELD_START_TIME:
	case FIELD_END_TIME:
	case FIELD_TIME: return "compare the path that ends in _unix_nano with an integer";
	default:
		return "compare values of one type; quotes make a string, digits without quotes a "
		       "number";
	}
}

static void lint_types(const struct lint *lint, const struct node *node)
{
	const struct node *left = node->child, *right = left->next;
	char left_text[96], right_text[96], advice[ADVICE_BYTES];
	if (!compare_types_differ(left->type, right->type))
		return;
	describe(left, left_text, sizeof(left_text));
	describe(right, right_text, sizeof(right_text));
	warn(lint, "a comparison is %s: on the left %s, on the right %s; %s",
	     node->op == COMPARE_NE ? "always true" : "never true", left_text, right_text,
	     advice_for(lint, left, right, advice));
}

static void lint_order(const struct lint *lint, const struct node *node)
{
	enum term_type type = node->child->type;
	bool ordering = node->op != COMPARE_EQ && node->op != COMPARE_NE;
	if (type == TERM_UNKNOWN)
		type = node->child->next->type;
	if (ordering && (type == TERM_MAP || type == TERM_LIST))
		warn(lint, "a comparison is never true: maps and lists have no order; compare "
			   "Len(…), or use == or !=");
}

/* ---- calls ---- */

static void lint_truth(const struct lint *lint, const struct node *node)
{
	const struct node *value = node->child;
	if (value->type == TERM_BOOL || value->kind == NODE_LITERAL)
		return;
	if (value->kind == NODE_CALL)
		warn(lint,
		     "%.*s() is no test and fails for every item: compare its result with a value",
		     SLICE_FMT(value->call.function->name));
}

static void lint_node(const struct lint *lint, const struct node *node)
{
	switch ((int)node->kind) {
	case NODE_COMPARE:
		lint_shape(lint, node);
		lint_types(lint, node);
		lint_order(lint, node);
		return;
	case NODE_TRUTH: lint_truth(lint, node); return;
	case NODE_AND:
	case NODE_OR:
	case NODE_NOT:
		for (const struct node *child = node->child; child; child = child->next)
			lint_node(lint, child);
		return;
	default: return;
	}
}

void ottl_lint(const struct ottl_condition *condition, ottl_warn *warn_function, void *arg)
{
	struct lint lint = {.warn = warn_function, .arg = arg, .condition = condition};
	lint_node(&lint, condition->root);
	enum truth truth = truth_of(condition->root);
	if (truth == TRUTH_TRUE)
		warn(&lint, "the condition is always true: it holds for every item");
	else if (truth == TRUTH_FALSE)
		warn(&lint, "the condition is never true: it holds for no item");
}
