/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding a call: the number and names of its arguments, and what has to be a literal. Patterns are
 * compiled here, once per condition.
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

static int bind_literal(const struct function *function, size_t parameter, size_t at,
			struct node *call, struct regex **regexes, struct err *err)
{
	const struct node *value = call->call.args[parameter];
	bool literal = value->kind == NODE_LITERAL;
	struct slice text = literal ? value->literal.bytes : (struct slice){NULL, 0};
	enum letter_case wanted;
	struct regex *regex;
	switch (function->arguments[parameter].kind) {
	case ARGUMENT_VALUE: return 0;
	case ARGUMENT_BYTES: {
		bool trace_id = function->result == TERM_TRACE_ID;
		if (!literal || value->literal.type != TERM_BYTES)
			return refuse_argument(function, at,
					       "slice parameter must be a byte slice literal", err);
		if (text.len != (trace_id ? TRACE_ID_BYTES : SPAN_ID_BYTES))
			return err_set(err, ERR_CONFIG, "couldn't create function: %s",
				       trace_id ? "traces ids must be 16 bytes"
						: "span ids must be 8 bytes");
		return 0;
	}
	case ARGUMENT_CASE:
	case ARGUMENT_PATTERN: break;
	}
	if (!literal || value->literal.type != TERM_STRING)
		return refuse_argument(function, at, "must be a string", err);
	if (function->arguments[parameter].kind == ARGUMENT_CASE) {
		if (!letter_case_find(text, &wanted))
			return err_set(err, ERR_CONFIG,
				       "couldn't create function: invalid case: %.*s, allowed "
				       "cases are: lower, upper, snake, camel",
				       SLICE_FMT(text));
		call->call.letter_case = (int)wanted;
		return 0;
	}
	regex = regex_new(text, err);
	if (!regex)
		return err_wrap(err, "couldn't create function: the regex pattern supplied to "
				     "IsMatch is not a valid pattern");
	regex_push(regexes, regex);
	call->call.regex = regex;
	return 0;
}

int function_bind(const struct function *function, const struct arguments *arguments,
		  struct node *call, struct regex **regexes, struct err *err)
{
	bool named = false;
	call->type = function->result;
	call->call.function = function;
	if (arguments->count != function->argument_count)
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
		if (bind_literal(function, (size_t)parameter, at, call, regexes, err) != 0)
			return -1;
	}
	return 0;
}
