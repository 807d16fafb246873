/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single values: bool, numbers, durations, texts, words of a closed set. Types are strict as in the
 * Collector ("5" is no number), except where a value came whole from ${…}. What came from ${…} is
 * shown in messages only when it looks like what was wanted: it may be a secret in the wrong place.
 */
#include "pipeline/config/internal.h"

#include "pipeline/base/ascii.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

/* One value on its way into its member. */
struct value {
	const struct config_field *field;
	const struct config_node *node;
	const struct config_scope *scope;
	struct config_report *report;
};

static const char *name_of(const struct value *v)
{
	return config_scope_name(v->scope, v->report->arena);
}

static struct slice shown(const struct value *v)
{
	return config_shown(v->node, v->field->type);
}

static const char *path_of(const struct value *v)
{
	return config_scope_path(v->scope, v->report->arena);
}

/* ---- what messages may show ---- */

enum { SHOWN_WORD_BYTES_MAX = 12, SHOWN_NUMBER_BYTES_MAX = 20, SHOWN_UNIT_BYTES_MAX = 3 };

static size_t count_letters(struct slice text)
{
	size_t count = 0;
	while (count < text.len && ascii_is_letter(text.ptr[count]))
		count++;
	return count;
}

/* "-1", "1_000", "2.5", "100MiB": digits and at most a unit. */
static bool looks_like_number(struct slice text)
{
	size_t digits = 0;
	while (digits < text.len && text.ptr[digits] != 0 &&
	       strchr("0123456789._+-", text.ptr[digits]))
		digits++;
	size_t unit = count_letters(slice_of(text.ptr + digits, text.len - digits));
	return digits > 0 && digits + unit == text.len && unit <= SHOWN_UNIT_BYTES_MAX &&
	       text.len <= SHOWN_NUMBER_BYTES_MAX;
}

/* "verbose": letters alone. */
static bool looks_like_word(struct slice text)
{
	return text.len <= SHOWN_WORD_BYTES_MAX && count_letters(text) == text.len;
}

struct slice config_shown(const struct config_node *node, enum config_type type)
{
	bool is_word = type == CONFIG_TYPE_ENUM || type == CONFIG_TYPE_BOOL;
	bool is_text = type == CONFIG_TYPE_STRING || type == CONFIG_TYPE_OPAQUE;
	bool is_harmless = node->text.len == 0 ||
			   (node->from_env && ((is_word && looks_like_word(node->text)) ||
					       (!is_text && looks_like_number(node->text))));
	return !node->expanded || is_harmless ? node->text : SLICE("[REDACTED]");
}

void config_type_problem(const struct config_node *node, const struct config_scope *scope,
			 const char *want, enum config_type type, struct config_report *report)
{
	bool opaque = type == CONFIG_TYPE_OPAQUE;
	const char *name = config_scope_name(scope, report->arena);
	const char *path = config_scope_path(scope, report->arena);
	if (opaque || node->kind != CONFIG_SCALAR)
		config_problem(report, CONFIG_ERROR, node->loc, path, NULL,
			       "'%s' expected type '%s', got unconvertible type '%s'", name, want,
			       config_go_type(node));
	else
		config_problem(
			report, CONFIG_ERROR, node->loc, path, NULL,
			"'%s' expected type '%s', got unconvertible type '%s', value: '%.*s'", name,
			want, config_go_type(node), SLICE_FMT(config_shown(node, type)));
}

static bool wrong_type(const struct value *v, const char *want)
{
	config_type_problem(v->node, v->scope, want, v->field->type, v->report);
	return false;
}

const char *config_string_of(const struct config_node *node, struct arena *arena)
{
	bool is_string = node->kind == CONFIG_SCALAR && node->scalar == SCALAR_STRING;
	if (!is_string && !node->from_env)
		return NULL;
	const char *text = (const char *)arena_copy(arena, node->text).ptr;
	return text ? text : "";
}

/* The type and text that a number or bool is read from: a quoted value counts only when it came
 * from ${…}, where quotes are a shell habit. */
static enum config_scalar loose_type(const struct config_node *node, struct slice *ret_text)
{
	struct slice text = node->text;
	enum config_kind kind;
	*ret_text = text;
	if (node->kind != CONFIG_SCALAR)
		return SCALAR_STRING;
	if (!node->from_env || node->scalar != SCALAR_STRING || text.len < 2)
		return node->scalar;
	uint8_t quote = text.ptr[0];
	if ((quote != '"' && quote != '\'') || text.ptr[text.len - 1] != quote)
		return node->scalar;
	*ret_text = slice_of(text.ptr + 1, text.len - 2);
	return config_scalar_resolve(*ret_text, &kind);
}

static bool bind_bool(const struct value *v, bool *ret)
{
	struct slice text;
	if (loose_type(v->node, &text) != SCALAR_BOOL)
		return wrong_type(v, "bool");
	*ret = config_scalar_is_true(text);
	return true;
}

/* ---- numbers ---- */

static bool out_of_bounds(const struct value *v)
{
	const struct config_field *field = v->field;
	char least[32], most[32];
	const char *unit = field->type == CONFIG_TYPE_DURATION ? "ns" : "";
	(void)snprintf(least, sizeof(least), "%.15g%s", field->min, unit);
	(void)snprintf(most, sizeof(most), "%.15g%s", field->max, unit);
	config_problem(v->report, CONFIG_ERROR, v->node->loc, path_of(v), NULL,
		       "'%s' must be between %s and %s, got %.*s", name_of(v), least, most,
		       SLICE_FMT(shown(v)));
	return false;
}

static bool within(const struct config_field *field, double value)
{
	return value >= field->min && value <= field->max;
}

static bool overflows(const struct value *v, const char *type)
{
	config_problem(v->report, CONFIG_ERROR, v->node->loc, path_of(v), NULL,
		       "cannot parse '%s', %.*s overflows %s", name_of(v), SLICE_FMT(shown(v)),
		       type);
	return false;
}

/* Whole numbers, written as such or as a float without a fraction (1e6). */
static bool read_whole(const struct value *v, const char *type, bool *ret_negative,
		       uint64_t *ret_magnitude)
{
	struct slice text;
	enum config_scalar scalar = loose_type(v->node, &text);
	double value;
	if (scalar == SCALAR_INT && config_scalar_int(text, ret_negative, ret_magnitude))
		return true;
	if (scalar != SCALAR_FLOAT || !config_scalar_double(text, &value) ||
	    value != nearbyint(value) || !(fabs(value) < 18446744073709551616.0))
		return wrong_type(v, type);
	*ret_negative = value < 0;
	*ret_magnitude = (uint64_t)fabs(value);
	return true;
}

static bool bind_unsigned(const struct value *v, const char *type, uint64_t max, uint64_t *ret)
{
	bool negative;
	uint64_t magnitude;
	if (!read_whole(v, type, &negative, &magnitude))
		return false;
	if (negative)
		return overflows(v, "uint");
	if (magnitude > max)
		return overflows(v, type);
	if (!within(v->field, (double)magnitude))
		return out_of_bounds(v);
	*ret = magnitude;
	return true;
}

static bool bind_u32(const struct value *v, uint32_t *ret)
{
	uint64_t value;
	if (!bind_unsigned(v, "uint32", UINT32_MAX, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool bind_i64(const struct value *v, int64_t *ret)
{
	bool negative;
	uint64_t magnitude;
	if (!read_whole(v, "int64", &negative, &magnitude))
		return false;
	if (magnitude > (uint64_t)INT64_MAX)
		return overflows(v, "int64");
	int64_t value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (!within(v->field, (double)value))
		return out_of_bounds(v);
	*ret = value;
	return true;
}

static bool bind_double(const struct value *v, double *ret)
{
	struct slice text;
	enum config_scalar scalar = loose_type(v->node, &text);
	double value;
	if ((scalar != SCALAR_INT && scalar != SCALAR_FLOAT) || !config_scalar_double(text, &value))
		return wrong_type(v, "float64");
	if (!within(v->field, value)) /* NaN is within nothing */
		return out_of_bounds(v);
	*ret = value;
	return true;
}

/* ---- durations ---- */

static bool duration_problem(const struct value *v, enum config_duration_fault fault,
			     struct slice unit)
{
	struct config_report *report = v->report;
	const struct config_loc loc = v->node->loc;
	struct slice text = shown(v);
	switch (fault) {
	case DURATION_MISSING_UNIT:
		config_problem(report, CONFIG_ERROR, loc, path_of(v), NULL,
			       "'%s' time: missing unit in duration \"%.*s\"", name_of(v),
			       SLICE_FMT(text));
		break;
	case DURATION_UNKNOWN_UNIT:
		if (!slice_equal(text, v->node->text))
			unit = text;
		config_problem(report, CONFIG_ERROR, loc, path_of(v), NULL,
			       "'%s' time: unknown unit \"%.*s\" in duration \"%.*s\"", name_of(v),
			       SLICE_FMT(unit), SLICE_FMT(text));
		break;
	case DURATION_NEGATIVE:
		config_problem(report, CONFIG_ERROR, loc, path_of(v), NULL,
			       "'%s' must not be negative, got \"%.*s\"", name_of(v),
			       SLICE_FMT(text));
		break;
	case DURATION_INVALID:
	case DURATION_OK:
		config_problem(report, CONFIG_ERROR, loc, path_of(v), NULL,
			       "'%s' time: invalid duration \"%.*s\"", name_of(v), SLICE_FMT(text));
		break;
	}
	return false;
}

static bool bind_duration(const struct value *v, uint64_t *ret)
{
	struct slice text, unit = {NULL, 0};
	enum config_scalar scalar = loose_type(v->node, &text);
	uint64_t ns = 0;
	if (v->node->kind != CONFIG_SCALAR || scalar == SCALAR_BOOL)
		return wrong_type(v, "time.Duration");
	enum config_duration_fault fault = config_duration_parse(text, &ns, &unit);
	if (fault != DURATION_OK)
		return duration_problem(v, fault, unit);
	if (!within(v->field, (double)ns))
		return out_of_bounds(v);
	*ret = ns;
	return true;
}

/* ---- texts ---- */

static bool bind_string(const struct value *v, const char **ret)
{
	const char *text = config_string_of(v->node, v->report->arena);
	if (!text) {
		return wrong_type(v, "string");
	}
	*ret = text;
	return true;
}

static bool unknown_word(const struct value *v, size_t count)
{
	struct buf words = BUF_INIT;
	for (size_t i = 0; i < count; i++) {
		buf_append_str(&words, i > 0 ? " " : "");
		buf_append_str(&words, *v->field->names[i] ? v->field->names[i] : "\"\"");
	}
	config_problem(v->report, CONFIG_ERROR, v->node->loc, path_of(v),
		       v->node->expanded ? NULL
					 : config_nearest(v->node->text, v->field->names, count),
		       "'%s' unknown value \"%.*s\" (valid values: [%s])", name_of(v),
		       SLICE_FMT(shown(v)), buf_cstr(&words));
	buf_fini(&words);
	return false;
}

static bool bind_enum(const struct value *v, int *ret)
{
	size_t count = 0;
	const char *text = config_string_of(v->node, v->report->arena);
	int (*differ)(const char *, const char *) = v->field->any_case ? strcasecmp : strcmp;
	if (!text)
		return wrong_type(v, "string");
	for (; v->field->names[count]; count++) {
		if (differ(text, v->field->names[count]) == 0) {
			*ret = (int)count;
			return true;
		}
	}
	return unknown_word(v, count);
}

/* ---- null ---- */

/* What stands for null: the Collector sets numbers to zero, texts to "", bools to false, whatever
 * the default is. Of a closed set null is the empty word, where there is one. */
static bool stands_for_null(const struct config_field *field, struct config_node *ret_node)
{
	bool is_text = field->type == CONFIG_TYPE_STRING || field->type == CONFIG_TYPE_OPAQUE;
	bool is_word = field->type == CONFIG_TYPE_ENUM, has_empty = false;
	for (size_t i = 0; is_word && field->names[i]; i++)
		has_empty = has_empty || !field->names[i][0];
	ret_node->kind = CONFIG_SCALAR;
	ret_node->scalar = is_text || is_word		     ? SCALAR_STRING
			   : field->type == CONFIG_TYPE_BOOL ? SCALAR_BOOL
							     : SCALAR_INT;
	ret_node->text = is_text || is_word		   ? SLICE("")
			 : field->type == CONFIG_TYPE_BOOL ? SLICE("false")
							   : SLICE("0");
	return !is_word || has_empty;
}

bool config_bind_scalar(const struct config_field *field, const struct config_node *node,
			const struct config_scope *scope, void *member,
			struct config_report *report)
{
	struct config_node null_node = *node;
	struct value v = {field, node, scope, report};
	if (node->kind == CONFIG_NULL && !stands_for_null(field, &null_node))
		return true;
	if (node->kind == CONFIG_NULL && !(node->from_env && node->text.len > 0))
		v.node = &null_node;
	switch (field->type) {
	case CONFIG_TYPE_BOOL: return bind_bool(&v, member);
	case CONFIG_TYPE_U32: return bind_u32(&v, member);
	case CONFIG_TYPE_U64: return bind_unsigned(&v, "uint64", UINT64_MAX, member);
	case CONFIG_TYPE_I64: return bind_i64(&v, member);
	case CONFIG_TYPE_DOUBLE: return bind_double(&v, member);
	case CONFIG_TYPE_DURATION: return bind_duration(&v, member);
	case CONFIG_TYPE_STRING:
	case CONFIG_TYPE_OPAQUE: return bind_string(&v, member);
	case CONFIG_TYPE_ENUM: return bind_enum(&v, member);
	case CONFIG_TYPE_STRING_LIST:
	case CONFIG_TYPE_HEADERS:
	case CONFIG_TYPE_BLOCK:
	case CONFIG_TYPE_BLOCK_LIST:
	case CONFIG_TYPE_NODE:
	case CONFIG_TYPE_IGNORED:
	case CONFIG_TYPE_MAP:
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_COUNT: break;
	}
	return true;
}
