/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Converters that conditions may call. What is not in the table does not exist. Patterns and
 * the case of ConvertCase are literals, checked when the condition is parsed; texts that a call
 * makes are built in the scratch and die with the evaluation.
 */
#include "pipeline/ottl/function.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- arguments at run time ---- */

static bool want_string(struct evaluation *ev, const struct node *node, struct slice *ret_text)
{
	struct term term;
	if (!eval_value(ev, node, &term))
		return false;
	if (term.type != TERM_STRING)
		return eval_fail(ev, "expected string but got %s", term_type_name(term.type));
	*ret_text = term.bytes;
	return true;
}

static bool want_int(struct evaluation *ev, const struct node *node, int64_t *ret_number)
{
	struct term term;
	if (!eval_value(ev, node, &term))
		return false;
	if (term.type != TERM_INT)
		return eval_fail(ev, "expected int64 but got %s", term_type_name(term.type));
	*ret_number = term.i;
	return true;
}

/* The scratch buffer is taken out while a text is built in it: what is evaluated meanwhile may
 * build texts of its own. */
static struct buf building_take(struct evaluation *ev)
{
	struct buf building = ev->scratch->building;
	ev->scratch->building = BUF_INIT;
	buf_reset(&building);
	return building;
}

/* Gives the buffer back and, when ${done}, copies what was built into the scratch arena. */
static bool building_give(struct evaluation *ev, struct buf *building, bool done,
			  struct slice *ret_text)
{
	struct ottl_scratch *scratch = ev->scratch;
	struct slice text = {NULL, 0};
	bool failed = building->failed;
	if (done && !failed)
		text = arena_copy(&scratch->texts, buf_slice(building));
	buf_fini(&scratch->building);
	if (building->capacity > EVAL_TEXT_KEEP_BYTES)
		buf_fini(building);
	scratch->building = *building;
	if (!done)
		return false;
	if (!text.ptr)
		return eval_fail(ev, "texts of one evaluation are too long");
	*ret_text = text;
	return true;
}

/* The text of a "string-like" value; strings are not copied. */
static bool text_of(struct evaluation *ev, const struct term *term, struct slice *ret_text)
{
	if (term->type == TERM_STRING) {
		*ret_text = term->bytes;
		return true;
	}
	struct buf building = building_take(ev);
	bool done = term_append_text(ev, &building, term);
	return building_give(ev, &building, done, ret_text);
}

/* ---- tests ---- */

static bool call_is_match(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	struct slice text = {0};
	*ret_term = term_bool(false);
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	if (target.type == TERM_NIL)
		return true;
	if (!text_of(ev, &target, &text))
		return false;
	switch (regex_search(call->call.regex, text, &ev->scratch->regex)) {
	case REGEX_NO_MATCH: return true;
	case REGEX_MATCH: *ret_term = term_bool(true); return true;
	case REGEX_FAILED: break;
	}
	return eval_fail(ev, "IsMatch gave up: the pattern needs too many steps for this value");
}

static bool call_is_root_span(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	static const uint8_t zeros[SPAN_ID_BYTES];
	struct slice parent = view_span_parent(ev->view, ev->at);
	(void)call;
	*ret_term =
		term_bool(parent.len == 0 || slice_equal(parent, slice_of(zeros, sizeof(zeros))));
	return true;
}

static bool call_has_prefix(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct slice text = {0}, prefix = {0};
	if (!want_string(ev, call->call.args[0], &text) ||
	    !want_string(ev, call->call.args[1], &prefix))
		return false;
	*ret_term = term_bool(slice_has_prefix(text, prefix));
	return true;
}

static bool call_has_suffix(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct slice text = {0}, suffix = {0};
	if (!want_string(ev, call->call.args[0], &text) ||
	    !want_string(ev, call->call.args[1], &suffix))
		return false;
	*ret_term = term_bool(slice_has_suffix(text, suffix));
	return true;
}

static bool is_type(struct evaluation *ev, const struct node *call, enum term_type type,
		    struct term *ret_term)
{
	struct term target;
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	*ret_term = term_bool(target.type == type);
	return true;
}

static bool call_is_string(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	return is_type(ev, call, TERM_STRING, ret_term);
}

static bool call_is_int(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	return is_type(ev, call, TERM_INT, ret_term);
}

static bool call_is_double(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	return is_type(ev, call, TERM_DOUBLE, ret_term);
}

static bool call_is_bool(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	return is_type(ev, call, TERM_BOOL, ret_term);
}

static bool call_is_map(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	return is_type(ev, call, TERM_MAP, ret_term);
}

static bool call_is_list(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	return is_type(ev, call, TERM_LIST, ret_term);
}

/* ---- conversions ---- */

static bool call_len(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	if (target.type == TERM_STRING)
		*ret_term = term_int((int64_t)target.bytes.len);
	else if (target.type == TERM_MAP || target.type == TERM_LIST)
		*ret_term = term_int((int64_t)term_count(ev, &target));
	else if (target.type == TERM_EVENTS || target.type == TERM_LINKS)
		*ret_term = term_int(target.i);
	else
		return eval_fail(ev, "target arg must be of type string, []any, map[string]any, "
				     "pcommon.Map, pcommon.Slice, or pcommon.Value (of type "
				     "String, Map, Slice)");
	return true;
}

/* Decimal digits with an optional sign that fit 64 bits. */
static bool parse_int(struct slice text, int64_t *ret_number)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t size, bound = (uint64_t)INT64_MAX + negative;
	if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
		text.ptr++, text.len--;
	if (!slice_parse_u64(text, &size) || size > bound)
		return false;
	*ret_number = (int64_t)(negative ? 0 - size : size);
	return true;
}

static int64_t truncate_double(double number)
{
	/* Outside of the range the conversion has no defined result; Go's on amd64 is this one. */
	const double limit = 9223372036854775808.0; /* 2^63 */
	return number >= -limit && number < limit ? (int64_t)number : INT64_MIN;
}

static bool call_int(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	int64_t number;
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	*ret_term = term_nil();
	if (target.type == TERM_INT || target.type == TERM_BOOL)
		*ret_term = term_int(target.i);
	else if (target.type == TERM_DOUBLE)
		*ret_term = term_int(truncate_double(target.d));
	else if (target.type == TERM_STRING && parse_int(target.bytes, &number))
		*ret_term = term_int(number);
	else if (target.type != TERM_STRING && target.type != TERM_NIL)
		return eval_fail(ev, "unsupported type: %s", term_type_name(target.type));
	return true;
}

static bool parse_double(struct slice text, double *ret_number)
{
	char copy[400]; /* the longest exact decimal that people write; longer ones are no number */
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len) ||
	    memchr(text.ptr, '(', text.len))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ')
			return false; /* strtod skips white space, a number has none */
		copy[i] = (char)text.ptr[i];
	}
	copy[text.len] = 0;
	char *end;
	errno = 0;
	*ret_number = strtod(copy, &end);
	return *end == 0 && end != copy && !(errno == ERANGE && isinf(*ret_number));
}

static bool call_double(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	double number;
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	*ret_term = term_nil();
	if (target.type == TERM_INT || target.type == TERM_BOOL)
		*ret_term = term_double((double)target.i);
	else if (target.type == TERM_DOUBLE)
		*ret_term = target;
	else if (target.type == TERM_STRING && parse_double(target.bytes, &number))
		*ret_term = term_double(number);
	else if (target.type != TERM_STRING && target.type != TERM_NIL)
		return eval_fail(ev, "unsupported type: %s", term_type_name(target.type));
	return true;
}

static bool call_string(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	struct slice text;
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	*ret_term = term_nil();
	if (target.type == TERM_NIL)
		return true;
	if (!text_of(ev, &target, &text))
		return false;
	*ret_term = term_string(text);
	return true;
}

static bool call_convert_case(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct slice text = {0};
	if (!want_string(ev, call->call.args[0], &text))
		return false;
	struct buf building = building_take(ev);
	letter_case_append(&building, text, (enum letter_case)call->call.letter_case);
	if (!building_give(ev, &building, true, &text))
		return false;
	*ret_term = term_string(text);
	return true;
}

static bool call_substring(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	int64_t start = 0, length = 0;
	struct slice text = {0};
	if (!want_int(ev, call->call.args[1], &start))
		return false;
	if (start < 0)
		return eval_fail(ev, "invalid start for substring function, it cannot be negative");
	if (!want_int(ev, call->call.args[2], &length))
		return false;
	if (length <= 0)
		return eval_fail(ev, "invalid length for substring function, it cannot be negative "
				     "or zero");
	if (!want_string(ev, call->call.args[0], &text))
		return false;
	if ((uint64_t)start > text.len || (uint64_t)length > text.len - (uint64_t)start)
		return eval_fail(ev, "invalid range for substring function, start+length cannot be "
				     "greater than the length of target string");
	*ret_term = term_string(slice_of(text.ptr + start, (size_t)length));
	return true;
}

static bool append_members(struct evaluation *ev, const struct term *list, struct slice delimiter,
			   struct buf *out)
{
	struct term_walk walk = term_walk_begin(list);
	struct slice ignored;
	struct term member;
	int more;
	for (bool first = true; (more = term_walk_next(ev, &walk, &ignored, &member)) > 0;
	     first = false) {
		if (!first)
			buf_append(out, delimiter);
		if (member.type == TERM_NIL)
			buf_append_str(out, "<nil>");
		else if (!term_append_text(ev, out, &member))
			return false;
		if (out->len > EVAL_TEXT_BYTES_MAX)
			return eval_fail(ev, "texts of one evaluation are too long");
	}
	return more == 0;
}

static bool call_concat(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term list;
	struct slice delimiter = {0}, text;
	if (!want_string(ev, call->call.args[1], &delimiter) ||
	    !eval_value(ev, call->call.args[0], &list))
		return false;
	if (list.type != TERM_LIST)
		return eval_fail(ev, "expected pcommon.Slice but got %s",
				 term_type_name(list.type));
	struct buf building = building_take(ev);
	bool done = append_members(ev, &list, delimiter, &building);
	if (!building_give(ev, &building, done, &text))
		return false;
	*ret_term = term_string(text);
	return true;
}

static bool call_trace_id(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	(void)ev;
	*ret_term = call->call.args[0]->literal;
	ret_term->type = TERM_TRACE_ID;
	return true;
}

static bool call_span_id(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	(void)ev;
	*ret_term = call->call.args[0]->literal;
	ret_term->type = TERM_SPAN_ID;
	return true;
}

/* ---- the table ---- */

#define TARGET                                                                                     \
	{                                                                                          \
		SLICE_INIT("target"), ARGUMENT_VALUE                                               \
	}
#define TYPE_TEST(function_name, function_call)                                                    \
	{                                                                                          \
		SLICE_INIT(function_name), TERM_BOOL, 0, 1, {TARGET}, (function_call)              \
	}

static const struct function functions[] = {
	{SLICE_INIT("IsMatch"),
	 TERM_BOOL,
	 0,
	 2,
	 {TARGET, {SLICE_INIT("pattern"), ARGUMENT_PATTERN}},
	 call_is_match},
	{SLICE_INIT("IsRootSpan"),
	 TERM_BOOL,
	 1u << OTTL_SPAN,
	 0,
	 {{{NULL, 0}, 0}},
	 call_is_root_span},
	{SLICE_INIT("HasPrefix"),
	 TERM_BOOL,
	 0,
	 2,
	 {TARGET, {SLICE_INIT("prefix"), ARGUMENT_VALUE}},
	 call_has_prefix},
	{SLICE_INIT("HasSuffix"),
	 TERM_BOOL,
	 0,
	 2,
	 {TARGET, {SLICE_INIT("suffix"), ARGUMENT_VALUE}},
	 call_has_suffix},
	{SLICE_INIT("Len"), TERM_INT, 0, 1, {TARGET}, call_len},
	TYPE_TEST("IsString", call_is_string),
	TYPE_TEST("IsInt", call_is_int),
	TYPE_TEST("IsDouble", call_is_double),
	TYPE_TEST("IsBool", call_is_bool),
	TYPE_TEST("IsMap", call_is_map),
	TYPE_TEST("IsList", call_is_list),
	{SLICE_INIT("Int"), TERM_UNKNOWN, 0, 1, {TARGET}, call_int},
	{SLICE_INIT("Double"), TERM_UNKNOWN, 0, 1, {TARGET}, call_double},
	{SLICE_INIT("String"), TERM_UNKNOWN, 0, 1, {TARGET}, call_string},
	{SLICE_INIT("ConvertCase"),
	 TERM_STRING,
	 0,
	 2,
	 {TARGET, {SLICE_INIT("to_case"), ARGUMENT_CASE}},
	 call_convert_case},
	{SLICE_INIT("Substring"),
	 TERM_STRING,
	 0,
	 3,
	 {TARGET, {SLICE_INIT("start"), ARGUMENT_VALUE}, {SLICE_INIT("length"), ARGUMENT_VALUE}},
	 call_substring},
	{SLICE_INIT("Concat"),
	 TERM_STRING,
	 0,
	 2,
	 {{SLICE_INIT("vals"), ARGUMENT_VALUE}, {SLICE_INIT("delimiter"), ARGUMENT_VALUE}},
	 call_concat},
	{SLICE_INIT("TraceID"),
	 TERM_TRACE_ID,
	 0,
	 1,
	 {{SLICE_INIT("target"), ARGUMENT_BYTES}},
	 call_trace_id},
	{SLICE_INIT("SpanID"),
	 TERM_SPAN_ID,
	 0,
	 1,
	 {{SLICE_INIT("target"), ARGUMENT_BYTES}},
	 call_span_id},
};

const struct function *function_find(struct slice name, enum ottl_context context)
{
	for (size_t i = 0; i < ARRAY_COUNT(functions); i++) {
		const struct function *function = &functions[i];
		if (slice_equal(name, function->name) &&
		    (function->contexts == 0 || (function->contexts & (1u << context))))
			return function;
	}
	return NULL;
}

bool function_wants_context(struct slice name, enum ottl_context *ret_context)
{
	bool root_span = slice_equal(name, SLICE("IsRootSpan"));
	if (root_span)
		*ret_context = OTTL_SPAN;
	return root_span;
}

bool function_call(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	return call->call.function->call(ev, call, ret_term);
}
