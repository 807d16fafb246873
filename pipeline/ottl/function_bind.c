/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding a call: the number and names of its arguments, and whether those that are literals fit.
 * Patterns that are literals are compiled here, once per condition.
 */
#include "pipeline/ottl/function.h"

static int refuse_argument(const struct function *function, size_t at, const char *why,
			   struct err *err)
{
	return err_set(err, ERR_CONFIG,
		       "error while parsing arguments for call to \"%.*s\": invalid argument at "
		       "position %zu: %s",
		       SLICE_FMT(function->name), at, why);
}

/* Which parameter the argument at ${at} is for; -1 with ${err}. */
static int parameter_of(const struct function *function, const struct arguments *arguments,
			size_t at, struct err *err)
{
	struct slice name = arguments->list[at].name;
	if (name.len == 0)
		return (int)at;
	for (size_t i = 0; i < function->argument_count; i++) {
		if (slice_equal(name, function->arguments[i].name))
			return (int)i;
	}
	return err_set(err, ERR_CONFIG,
		       "error while parsing arguments for call to \"%.*s\": no such parameter: "
		       "%.*s",
		       SLICE_FMT(function->name), SLICE_FMT(name));
}

/* Whether a literal fits ${kind}; the text of ${err} says why not. */
static bool literal_fits(struct evaluation *ev, enum argument_kind kind, const struct node *value)
{
	static const enum term_type types[] = {
		[ARGUMENT_STRING] = TERM_STRING, [ARGUMENT_PATTERN] = TERM_STRING,
		[ARGUMENT_INT] = TERM_INT,	 [ARGUMENT_DOUBLE] = TERM_DOUBLE,
		[ARGUMENT_BOOL] = TERM_BOOL,	 [ARGUMENT_MAP] = TERM_MAP,
	};
	struct term term;
	struct slice ignored_text;
	int64_t ignored_int;
	double ignored_double;
	if (!eval_value(ev, value, &term))
		return false;
	bool nil = term.type == TERM_NIL;
	switch (kind) {
	case ARGUMENT_STRING:
	case ARGUMENT_PATTERN:
	case ARGUMENT_INT:
	case ARGUMENT_DOUBLE:
	case ARGUMENT_BOOL:
	case ARGUMENT_MAP:
		return term.type == types[kind] ||
		       eval_fail(ev, "expected %s but got %s", term_type_name(types[kind]),
				 term_type_name(term.type));
	case ARGUMENT_TEXT: return nil || convert_text(ev, &term, &ignored_text);
	case ARGUMENT_TO_INT: return nil || convert_int(ev, &term, &ignored_int);
	case ARGUMENT_TO_DOUBLE: return nil || convert_double(ev, &term, &ignored_double);
	case ARGUMENT_TO_BYTES: return nil || convert_bytes(ev, &term, &ignored_text);
	case ARGUMENT_ANY:
	case ARGUMENT_TEXTS:
	case ARGUMENT_CASE:
	case ARGUMENT_FLAG: break;
	}
	return true;
}

static int check_literal(const struct function *function, enum argument_kind kind, size_t at,
			 const struct node *value, struct ottl_scratch *scratch, struct err *err)
{
	struct err why = {0};
	struct evaluation ev = {.scratch = scratch, .err = &why};
	bool fits = !value->written || literal_fits(&ev, kind, value);
	arena_reset(&scratch->texts, EVAL_TEXT_KEEP_BYTES);
	return fits ? 0 : refuse_argument(function, at, why.msg, err);
}

static int bind_case(struct node *call, const struct node *value, const struct function *function,
		     size_t at, struct err *err)
{
	enum letter_case wanted;
	if (!value->written || value->type != TERM_STRING)
		return refuse_argument(function, at, "must be a string", err);
	if (!letter_case_find(value->literal.bytes, &wanted))
		return err_set(err, ERR_CONFIG,
			       "couldn't create function: invalid case: %.*s, allowed cases are: "
			       "lower, upper, snake, camel",
			       SLICE_FMT(value->literal.bytes));
	call->call.letter_case = (int)wanted;
	return 0;
}

static int bind_pattern(struct node *call, const struct node *value, struct regex **regexes,
			struct err *err)
{
	if (!value->written)
		return 0;
	struct regex *regex = regex_new(value->literal.bytes, err);
	if (!regex)
		return err_wrap(err, "couldn't create function: the regex pattern supplied to "
				     "IsMatch is not a valid pattern");
	regex_push(regexes, regex);
	call->call.regex = regex;
	return 0;
}

/* An id that is written is checked, too; its text is the Collector's. */
static int bind_id(const struct function *function, const struct node *value,
		   struct ottl_scratch *scratch, struct err *err)
{
	struct err why = {0};
	struct evaluation ev = {.scratch = scratch, .err = &why};
	struct term term;
	struct slice bytes = {0};
	bool good =
		!value->written || (eval_value(&ev, value, &term) &&
				    (term.type == TERM_NIL || convert_bytes(&ev, &term, &bytes)) &&
				    convert_id(&ev, bytes, function->result, &term));
	arena_reset(&scratch->texts, EVAL_TEXT_KEEP_BYTES);
	return good ? 0 : err_set(err, ERR_CONFIG, "couldn't create function: %s", why.msg);
}

static int bind_argument(const struct function *function, size_t parameter, size_t at,
			 struct node *call, struct binding *binding, struct err *err)
{
	const struct node *value = call->call.args[parameter];
	enum argument_kind kind = function->arguments[parameter].kind;
	if (kind == ARGUMENT_FLAG) {
		if (!value->written || value->type != TERM_BOOL)
			return refuse_argument(function, at, "must be a bool", err);
		call->call.utf8_safe = value->literal.i != 0;
		return 0;
	}
	if (kind == ARGUMENT_CASE)
		return bind_case(call, value, function, at, err);
	const struct node *member =
		kind == ARGUMENT_TEXTS && value->kind == NODE_LIST ? value->child : NULL;
	for (; member; member = member->next) {
		if (check_literal(function, ARGUMENT_TEXT, at, member, binding->scratch, err) != 0)
			return -1;
	}
	if (check_literal(function, kind, at, value, binding->scratch, err) != 0)
		return -1;
	if (kind == ARGUMENT_PATTERN)
		return bind_pattern(call, value, binding->regexes, err);
	return kind == ARGUMENT_TO_BYTES ? bind_id(function, value, binding->scratch, err) : 0;
}

int function_bind(const struct function *function, const struct arguments *arguments,
		  struct node *call, struct binding *binding, struct err *err)
{
	bool named = false;
	call->type = function->result;
	call->call.function = function;
	if (arguments->count < function->required_count ||
	    arguments->count > function->argument_count)
		return err_set(err, ERR_CONFIG,
			       "error while parsing arguments for call to \"%.*s\": incorrect "
			       "number of arguments. Expected: %zu Received: %zu",
			       SLICE_FMT(function->name), function->argument_count,
			       arguments->count);
	call->constant = arguments->count > 0;
	for (size_t at = 0; at < arguments->count; at++) {
		const struct argument *argument = &arguments->list[at];
		if (named && argument->name.len == 0)
			return err_set(
				err, ERR_CONFIG,
				"error while parsing arguments for call to \"%.*s\": unnamed "
				"argument used after named argument",
				SLICE_FMT(function->name));
		named = argument->name.len > 0;
		int parameter = parameter_of(function, arguments, at, err);
		if (parameter < 0)
			return -1;
		if (call->call.args[parameter])
			return refuse_argument(function, at, "given twice", err);
		call->call.args[parameter] = argument->value;
		call->constant = call->constant && argument->value->constant;
		if (bind_argument(function, (size_t)parameter, at, call, binding, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < function->required_count; i++) {
		if (!call->call.args[i])
			return err_set(err, ERR_CONFIG,
				       "error while parsing arguments for call to \"%.*s\": "
				       "parameter %.*s is missing",
				       SLICE_FMT(function->name),
				       SLICE_FMT(function->arguments[i].name));
	}
	return 0;
}
