/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing and reading slices; what is a line or two stands in the header. */
#include "pipeline/base/slice.h"

#include "pipeline/base/ascii.h"

int slice_compare(struct slice a, struct slice b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);
	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool slice_fits(struct slice s, struct slice pattern)
{
	if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
		return slice_has_prefix(s, slice_of(pattern.ptr, pattern.len - 1));
	return slice_equal(s, pattern);
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	}
	return true;
}

static bool is_ows(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_ows(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_ows(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool slice_parse_u64(struct slice s, uint64_t *ret_value)
{
	uint64_t value = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.ptr[i]))
			return false;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
			return false;
	}
	*ret_value = value;
	return true;
}
