/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of plain scalars as Go's yaml.v3 resolves them: YAML 1.2 core schema, plus underscores in
 * numbers, 0b and the old leading-zero octal. "yes", "on" and dates are strings to us.
 */
#include "pipeline/config/internal.h"

#include "pipeline/base/hex.h"

#include <math.h>
#include <stdlib.h>
#include <yaml.h>

enum { NUMBER_TEXT_MAX = 64 }; /* longer plain scalars are strings */

static bool is_one_of(struct slice text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equal(text, slice_str(words[i])))
			return true;
	}
	return false;
}

/* ${text} without underscores into ${digits}; 0 when it does not fit. */
static size_t strip_underscores(struct slice text, char digits[NUMBER_TEXT_MAX + 1])
{
	size_t len = 0;
	if (text.len > NUMBER_TEXT_MAX)
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '_')
			digits[len++] = (char)text.ptr[i];
	}
	digits[len] = '\0';
	return len;
}

static bool parse_digits(const char *digits, unsigned base, uint64_t *ret_value)
{
	uint64_t value = 0;
	if (!*digits)
		return false;
	for (; *digits; digits++) {
		int digit = hex_value((uint8_t)*digits);
		if (digit < 0 || (unsigned)digit >= base ||
		    __builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool config_scalar_int(struct slice text, bool *ret_negative, uint64_t *ret_magnitude)
{
	char buffer[NUMBER_TEXT_MAX + 1];
	if (text.len == 0 || text.ptr[0] == '_' || strip_underscores(text, buffer) == 0)
		return false;
	const char *digits = buffer;
	bool negative = *digits == '-';
	if (*digits == '-' || *digits == '+')
		digits++;
	unsigned base = 10;
	if (digits[0] == '0' && digits[1] != '\0') {
		char mark = digits[1] | 0x20;
		base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
		digits += mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
	}
	uint64_t magnitude;
	if (!parse_digits(digits, base, &magnitude) ||
	    (negative && magnitude > (uint64_t)INT64_MAX + 1))
		return false;
	*ret_negative = negative && magnitude > 0;
	*ret_magnitude = magnitude;
	return true;
}

static const char *skip_digits(const char *at)
{
	while (ascii_is_digit((uint8_t)*at))
		at++;
	return at;
}

/* [-+]? ( .digits | digits [. digits] ) ( [eE] [-+]? digits )? */
static bool looks_like_float(const char *at)
{
	if (*at == '-' || *at == '+')
		at++;
	const char *whole = at;
	at = skip_digits(at);
	bool has_digits = at > whole;
	if (*at == '.') {
		const char *fraction = ++at;
		at = skip_digits(at);
		has_digits = has_digits || at > fraction;
	}
	if (!has_digits)
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		if (*at == '-' || *at == '+')
			at++;
		const char *exponent = at;
		at = skip_digits(at);
		if (at == exponent)
			return false;
	}
	return *at == '\0';
}

/* A number too large for a double is a text to Go. */
static bool parse_float(struct slice text, double *ret_value)
{
	char buffer[NUMBER_TEXT_MAX + 1];
	if (text.len == 0 || text.ptr[0] == '_' || strip_underscores(text, buffer) == 0 ||
	    !looks_like_float(buffer))
		return false;
	*ret_value = strtod(buffer, NULL);
	return isfinite(*ret_value);
}

bool config_scalar_double(struct slice text, double *ret_value)
{
	static const char *const nans[] = {".nan", ".NaN", ".NAN"};
	static const char *const infinities[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"};
	static const char *const negatives[] = {"-.inf", "-.Inf", "-.INF"};
	bool negative;
	uint64_t magnitude;
	if (is_one_of(text, nans, ARRAY_COUNT(nans)))
		*ret_value = (double)NAN;
	else if (is_one_of(text, infinities, ARRAY_COUNT(infinities)))
		*ret_value = HUGE_VAL;
	else if (is_one_of(text, negatives, ARRAY_COUNT(negatives)))
		*ret_value = -HUGE_VAL;
	else if (config_scalar_int(text, &negative, &magnitude))
		*ret_value = negative ? -(double)magnitude : (double)magnitude;
	else
		return parse_float(text, ret_value);
	return true;
}

bool config_scalar_is_true(struct slice text)
{
	static const char *const trues[] = {"true", "True", "TRUE"};
	return is_one_of(text, trues, ARRAY_COUNT(trues));
}

enum config_scalar config_scalar_resolve(struct slice text, enum config_kind *ret_kind)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	static const char *const falses[] = {"false", "False", "FALSE"};
	bool negative;
	uint64_t magnitude;
	double value;
	*ret_kind = CONFIG_SCALAR;
	if (is_one_of(text, nulls, ARRAY_COUNT(nulls))) {
		*ret_kind = CONFIG_NULL;
		return SCALAR_STRING;
	}
	if (config_scalar_is_true(text) || is_one_of(text, falses, ARRAY_COUNT(falses)))
		return SCALAR_BOOL;
	if (config_scalar_int(text, &negative, &magnitude))
		return SCALAR_INT;
	if (config_scalar_double(text, &value))
		return SCALAR_FLOAT;
	return SCALAR_STRING;
}

const char *config_go_type(const struct config_node *node)
{
	static const char *const scalars[] = {
		[SCALAR_STRING] = "string",
		[SCALAR_BOOL] = "bool",
		[SCALAR_INT] = "int",
		[SCALAR_FLOAT] = "float64",
	};
	static const char *const kinds[CONFIG_KIND_COUNT] = {
		[CONFIG_NULL] = "<nil>",
		[CONFIG_LIST] = "[]interface {}",
		[CONFIG_MAP] = "map[string]interface {}",
	};
	return node->kind == CONFIG_SCALAR ? scalars[node->scalar] : kinds[node->kind];
}

bool config_bool_of(const struct config_node *node)
{
	return config_scalar_is_true(node->text);
}

int64_t config_int_of(const struct config_node *node)
{
	bool negative = false;
	uint64_t magnitude = 0;
	(void)config_scalar_int(node->text, &negative, &magnitude);
	return (int64_t)(negative ? 0 - magnitude : magnitude);
}

double config_double_of(const struct config_node *node)
{
	double value = 0;
	(void)config_scalar_double(node->text, &value);
	return value;
}

const char *config_scalar_tag(struct config_node *node, const char *tag)
{
	static const struct {
		const char *tag;
		enum config_kind kind;
		enum config_scalar scalar;
	} cores[] = {
		{YAML_NULL_TAG, CONFIG_NULL, SCALAR_STRING},
		{YAML_BOOL_TAG, CONFIG_SCALAR, SCALAR_BOOL},
		{YAML_INT_TAG, CONFIG_SCALAR, SCALAR_INT},
		{YAML_FLOAT_TAG, CONFIG_SCALAR, SCALAR_FLOAT},
	};
	if (strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0) {
		node->literal_string = true;
		return NULL;
	}
	enum config_kind kind;
	enum config_scalar scalar = config_scalar_resolve(node->text, &kind);
	for (size_t i = 0; i < ARRAY_COUNT(cores); i++) {
		if (strcmp(tag, cores[i].tag) != 0)
			continue;
		bool whole = cores[i].scalar == SCALAR_FLOAT && scalar == SCALAR_INT;
		if (kind != cores[i].kind || (scalar != cores[i].scalar && !whole))
			return "the value does not have the type of its tag";
		node->kind = kind;
		node->scalar = cores[i].scalar;
		return NULL;
	}
	return "a tag other than those of YAML's core schema is not supported";
}
