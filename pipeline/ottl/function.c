/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Converters that conditions may call. What is not in the table does not exist. Texts that a
 * call makes are built in the scratch and die with the evaluation.
 */
#include "pipeline/ottl/function.h"

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

/* ---- tests ---- */

static bool call_is_match(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	const struct regex *regex = call->call.regex;
	struct term target;
	struct slice text = {0}, pattern = {0};
	*ret_term = term_bool(false);
	if (!regex &&
	    (!want_string(ev, call->call.args[1], &pattern) || !pattern_find(ev, pattern, &regex)))
		return false;
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	if (target.type == TERM_NIL)
		return true;
	if (!convert_text(ev, &target, &text))
		return false;
	switch (regex_search(regex, text, &ev->scratch->regex)) {
	case REGEX_NO_MATCH: return true;
	case REGEX_MATCH: *ret_term = term_bool(true); return true;
	case REGEX_FAILED: break;
	}
	return eval_fail(ev, "IsMatch: no memory for the search");
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
	if (target.type == TERM_STRING || target.type == TERM_BYTES)
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

static bool call_int(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	int64_t number = 0;
	*ret_term = term_nil();
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	if (target.type == TERM_NIL)
		return true;
	if (!convert_int(ev, &target, &number))
		return false;
	*ret_term = term_int(number);
	return true;
}

static bool call_double(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	double number = 0;
	*ret_term = term_nil();
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	if (target.type == TERM_NIL)
		return true;
	if (!convert_double(ev, &target, &number))
		return false;
	*ret_term = term_double(number);
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
	if (!convert_text(ev, &target, &text))
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

static bool is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
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
	size_t begin = (size_t)start, end = begin + (size_t)length;
	if (call->call.utf8_safe) {
		while (begin < text.len && is_continuation(text.ptr[begin]))
			begin++;
		while (begin < end && end < text.len && is_continuation(text.ptr[end]))
			end--;
		end = end < begin ? begin : end;
	}
	*ret_term = term_string(slice_of(text.ptr + begin, end - begin));
	return true;
}

/* The Collector takes the members of a list that was received as values with a text of their own
 * (bytes in base64, nothing for an empty one), and those of a written list as any argument. */
static bool append_member(struct evaluation *ev, bool received, const struct term *member,
			  struct buf *out)
{
	if (received && member->type == TERM_NIL)
		return true;
	if (received && member->type != TERM_STRING) {
		term_append_value_text(out, member);
		return true;
	}
	if (member->type == TERM_NIL)
		buf_append_str(out, "<nil>");
	return member->type == TERM_NIL || term_append_text(ev, out, member);
}

/* To the Collector bytes are a list of small numbers. */
static bool append_numbers(struct slice bytes, struct slice delimiter, struct buf *out)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (i > 0)
			buf_append(out, delimiter);
		buf_append_u64(out, bytes.ptr[i]);
	}
	return true;
}

static bool append_members(struct evaluation *ev, const struct term *list, struct slice delimiter,
			   struct buf *out)
{
	struct term_walk walk = term_walk_begin(ev, list);
	struct slice ignored;
	struct term member;
	int more;
	for (bool first = true; (more = term_walk_next(ev, &walk, &ignored, &member)) > 0;
	     first = false) {
		if (!first)
			buf_append(out, delimiter);
		if (!append_member(ev, list->store == STORE_WIRE, &member, out))
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
	*ret_term = term_string((struct slice){NULL, 0});
	if (list.type == TERM_NIL)
		return true;
	if (list.type != TERM_LIST && list.type != TERM_BYTES)
		return eval_fail(ev, "expected a slice, got %s", term_type_name(list.type));
	struct buf building = building_take(ev);
	bool done = list.type == TERM_LIST ? append_members(ev, &list, delimiter, &building)
					   : append_numbers(list.bytes, delimiter, &building);
	if (!building_give(ev, &building, done, &text))
		return false;
	*ret_term = term_string(text);
	return true;
}

static bool call_id(struct evaluation *ev, const struct node *call, struct term *ret_term)
{
	struct term target;
	struct slice bytes = {0};
	if (!eval_value(ev, call->call.args[0], &target))
		return false;
	if (target.type != TERM_NIL && !convert_bytes(ev, &target, &bytes))
		return false;
	return convert_id(ev, bytes, call->call.function->result, ret_term);
}

/* ---- the table ---- */

#define ONE_ARGUMENT(function_name, result_type, argument_kind, function_call)                     \
	{                                                                                          \
		.name = SLICE_INIT(function_name), .result = (result_type), .argument_count = 1,   \
		.required_count = 1, .arguments = {{SLICE_INIT("target"), (argument_kind)}},       \
		.call = (function_call),                                                           \
	}
#define TWO_ARGUMENTS(function_name, result_type, first, first_kind, second, second_kind,          \
		      function_call)                                                               \
	{                                                                                          \
		.name = SLICE_INIT(function_name), .result = (result_type), .argument_count = 2,   \
		.required_count = 2,                                                               \
		.arguments = {{SLICE_INIT(first), (first_kind)},                                   \
			      {SLICE_INIT(second), (second_kind)}},                                \
		.call = (function_call),                                                           \
	}

static const struct function functions[] = {
	TWO_ARGUMENTS("IsMatch", TERM_BOOL, "target", ARGUMENT_TEXT, "pattern", ARGUMENT_PATTERN,
		      call_is_match),
	{.name = SLICE_INIT("IsRootSpan"),
	 .result = TERM_BOOL,
	 .contexts = 1u << OTTL_SPAN,
	 .call = call_is_root_span},
	TWO_ARGUMENTS("HasPrefix", TERM_BOOL, "target", ARGUMENT_STRING, "prefix", ARGUMENT_STRING,
		      call_has_prefix),
	TWO_ARGUMENTS("HasSuffix", TERM_BOOL, "target", ARGUMENT_STRING, "suffix", ARGUMENT_STRING,
		      call_has_suffix),
	ONE_ARGUMENT("Len", TERM_INT, ARGUMENT_ANY, call_len),
	ONE_ARGUMENT("IsString", TERM_BOOL, ARGUMENT_STRING, call_is_string),
	ONE_ARGUMENT("IsInt", TERM_BOOL, ARGUMENT_INT, call_is_int),
	ONE_ARGUMENT("IsDouble", TERM_BOOL, ARGUMENT_DOUBLE, call_is_double),
	ONE_ARGUMENT("IsBool", TERM_BOOL, ARGUMENT_BOOL, call_is_bool),
	ONE_ARGUMENT("IsMap", TERM_BOOL, ARGUMENT_MAP, call_is_map),
	ONE_ARGUMENT("IsList", TERM_BOOL, ARGUMENT_ANY, call_is_list),
	ONE_ARGUMENT("Int", TERM_UNKNOWN, ARGUMENT_TO_INT, call_int),
	ONE_ARGUMENT("Double", TERM_UNKNOWN, ARGUMENT_TO_DOUBLE, call_double),
	ONE_ARGUMENT("String", TERM_UNKNOWN, ARGUMENT_TEXT, call_string),
	TWO_ARGUMENTS("ConvertCase", TERM_STRING, "target", ARGUMENT_STRING, "to_case",
		      ARGUMENT_CASE, call_convert_case),
	{.name = SLICE_INIT("Substring"),
	 .result = TERM_STRING,
	 .argument_count = 4,
	 .required_count = 3,
	 .arguments = {{SLICE_INIT("target"), ARGUMENT_STRING},
		       {SLICE_INIT("start"), ARGUMENT_INT},
		       {SLICE_INIT("length"), ARGUMENT_INT},
		       {SLICE_INIT("utf8_safe"), ARGUMENT_FLAG}},
	 .call = call_substring},
	TWO_ARGUMENTS("Concat", TERM_STRING, "vals", ARGUMENT_TEXTS, "delimiter", ARGUMENT_STRING,
		      call_concat),
	ONE_ARGUMENT("TraceID", TERM_TRACE_ID, ARGUMENT_TO_BYTES, call_id),
	ONE_ARGUMENT("SpanID", TERM_SPAN_ID, ARGUMENT_TO_BYTES, call_id),
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
