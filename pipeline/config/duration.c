/* SPDX-License-Identifier: Apache-2.0 */
/* Go's duration syntax (time.ParseDuration) into nanoseconds, up to Go's maximum of 2^63-1. */
#include "pipeline/config/internal.h"

#include "pipeline/base/ascii.h"

struct unit {
	struct slice name;
	uint64_t ns;
};

static const struct unit units[] = {
	{SLICE_INIT("ns"), 1},
	{SLICE_INIT("us"), 1000},
	{SLICE_INIT("\xc2\xb5s"), 1000}, /* U+00B5 micro sign */
	{SLICE_INIT("\xce\xbcs"), 1000}, /* U+03BC Greek letter mu */
	{SLICE_INIT("ms"), 1000000},
	{SLICE_INIT("s"), 1000000000},
	{SLICE_INIT("m"), UINT64_C(60) * 1000000000},
	{SLICE_INIT("h"), UINT64_C(3600) * 1000000000},
};

static uint64_t unit_ns(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (slice_equal(units[i].name, name))
			return units[i].ns;
	}
	return 0;
}

static struct slice take(struct slice *text, size_t len)
{
	struct slice head = slice_of(text->ptr, len);
	text->ptr += len;
	text->len -= len;
	return head;
}

static struct slice take_digits(struct slice *text)
{
	size_t len = 0;
	while (len < text->len && ascii_is_digit(text->ptr[len]))
		len++;
	return take(text, len);
}

static struct slice take_unit(struct slice *text)
{
	size_t len = 0;
	while (len < text->len && !ascii_is_digit(text->ptr[len]) && text->ptr[len] != '.')
		len++;
	return take(text, len);
}

/* 0.${digits} of a unit of ${ns}, digits below a nanosecond dropped. */
static uint64_t fraction_ns(struct slice digits, uint64_t ns)
{
	uint64_t numerator = 0, scale = 1;
	for (size_t i = 0; i < digits.len && scale < UINT64_C(1000000000000); i++) {
		numerator = numerator * 10 + (uint64_t)(digits.ptr[i] - '0');
		scale *= 10;
	}
	__extension__ unsigned __int128 product = (unsigned __int128)numerator * ns;
	return (uint64_t)(product / scale);
}

enum config_duration_fault config_duration_parse(struct slice text, uint64_t *ret_ns,
						 struct slice *ret_unit)
{
	uint64_t total = 0;
	bool negative = text.len > 0 && text.ptr[0] == '-';
	if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
		(void)take(&text, 1);
	if (slice_equal(text, SLICE("0"))) {
		*ret_ns = 0;
		return DURATION_OK;
	}
	if (text.len == 0)
		return DURATION_INVALID;
	while (text.len > 0) {
		struct slice whole = take_digits(&text), fraction = {NULL, 0}, unit;
		uint64_t value = 0, ns;
		if (text.len > 0 && text.ptr[0] == '.') {
			(void)take(&text, 1);
			fraction = take_digits(&text);
		}
		if (whole.len + fraction.len == 0 ||
		    (whole.len > 0 && !slice_parse_u64(whole, &value)))
			return DURATION_INVALID;
		unit = take_unit(&text);
		if (unit.len == 0)
			return DURATION_MISSING_UNIT;
		ns = unit_ns(unit);
		if (ns == 0) {
			*ret_unit = unit;
			return DURATION_UNKNOWN_UNIT;
		}
		if (__builtin_mul_overflow(value, ns, &value) ||
		    __builtin_add_overflow(total, value, &total) ||
		    __builtin_add_overflow(total, fraction_ns(fraction, ns), &total) ||
		    total > INT64_MAX)
			return DURATION_INVALID;
	}
	if (negative && total > 0)
		return DURATION_NEGATIVE;
	*ret_ns = total;
	return DURATION_OK;
}

bool config_parse_duration(struct slice text, uint64_t *ret_ns)
{
	struct slice unit;
	uint64_t ns;
	if (config_duration_parse(text, &ns, &unit) != DURATION_OK)
		return false;
	*ret_ns = ns;
	return true;
}
