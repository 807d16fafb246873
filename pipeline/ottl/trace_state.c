/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_state["k"]: a member of a span's trace state (W3C Trace Context §3.3). A text that breaks the
 * grammar anywhere has no members at all, as in the Collector: list-members are key=value, at most
 * 32, no key twice; spaces around them do not count, empty ones are allowed.
 */
#include "pipeline/ottl/evaluation.h"

#include "pipeline/base/ascii.h"

enum {
	MEMBERS_MAX = 32,
	VALUE_MAX = 256,
	SIMPLE_KEY_MAX = 256, /* key */
	TENANT_MAX = 241,     /* tenant@system */
	SYSTEM_MAX = 14,
};

static bool is_key_part(struct slice part, size_t len_max, bool digit_first)
{
	if (part.len == 0 || part.len > len_max ||
	    !(ascii_is_lower(part.ptr[0]) || (digit_first && ascii_is_digit(part.ptr[0]))))
		return false;
	for (size_t i = 1; i < part.len; i++) {
		uint8_t byte = part.ptr[i];
		if (!ascii_is_lower(byte) && !ascii_is_digit(byte) && byte != '_' && byte != '-' &&
		    byte != '*' && byte != '/')
			return false;
	}
	return true;
}

static bool is_key(struct slice key)
{
	const uint8_t *at = key.len > 0 ? memchr(key.ptr, '@', key.len) : NULL;
	if (!at)
		return is_key_part(key, SIMPLE_KEY_MAX, false);
	size_t tenant = (size_t)(at - key.ptr);
	return is_key_part(slice_of(key.ptr, tenant), TENANT_MAX, true) &&
	       is_key_part(slice_of(at + 1, key.len - tenant - 1), SYSTEM_MAX, false);
}

static bool is_value(struct slice value)
{
	if (value.len == 0 || value.len > VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		uint8_t byte = value.ptr[i];
		if (byte < ' ' || byte > '~' || byte == ',' || byte == '=')
			return false;
	}
	return value.ptr[value.len - 1] != ' ';
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static bool read_member(struct slice text, struct slice *ret_key, struct slice *ret_value)
{
	const uint8_t *equals = memchr(text.ptr, '=', text.len);
	if (!equals)
		return false;
	struct slice key = slice_of(text.ptr, (size_t)(equals - text.ptr));
	struct slice value = slice_of(equals + 1, text.len - key.len - 1);
	while (key.len > 0 && is_space(key.ptr[0]))
		key.ptr++, key.len--;
	while (value.len > 0 && is_space(value.ptr[value.len - 1]))
		value.len--;
	*ret_key = key;
	*ret_value = value;
	return is_key(key) && is_value(value);
}

struct term trace_state_member(struct slice state, struct slice wanted)
{
	struct slice keys[MEMBERS_MAX], value;
	struct term found = term_string((struct slice){NULL, 0});
	size_t count = 0;
	while (state.len > 0) {
		const uint8_t *comma = memchr(state.ptr, ',', state.len);
		size_t len = comma ? (size_t)(comma - state.ptr) : state.len;
		struct slice member = slice_of(state.ptr, len);
		size_t used = len + (comma != NULL);
		state = slice_of(state.ptr + used, state.len - used);
		if (len == 0)
			continue;
		if (count == MEMBERS_MAX || !read_member(member, &keys[count], &value))
			return term_nil();
		for (size_t i = 0; i < count; i++) {
			if (slice_equal(keys[i], keys[count]))
				return term_nil();
		}
		if (slice_equal(keys[count++], wanted))
			found = term_string(value);
	}
	return found;
}
