/* SPDX-License-Identifier: Apache-2.0 */
/* Component and pipeline ids: "type[/name]", the Collector's rules and texts. */
#include "pipeline/config/internal.h"

#include "pipeline/base/ascii.h"
#include "pipeline/base/utf8.h"

enum {
	TYPE_LEN_MAX = 63,
	NAME_LEN_MAX = 1024, /* bytes */
};

/* [a-zA-Z][0-9a-zA-Z_]{0,62} */
static bool type_valid(struct slice type)
{
	for (size_t i = 0; i < type.len; i++) {
		uint8_t byte = type.ptr[i];
		bool later = ascii_is_digit(byte) || byte == '_';
		if (!ascii_is_letter(byte) && (i == 0 || !later))
			return false;
	}
	return type.len > 0 && type.len <= TYPE_LEN_MAX;
}

static uint32_t code_point(const uint8_t *at, size_t len)
{
	static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = at[0] & first_bits[len];
	for (size_t i = 1; i < len; i++)
		code = code << 6 | (at[i] & 0x3f);
	return code;
}

/* White space and controls anywhere, and ASCII's symbols (Unicode categories Z, C, S there). */
static bool is_refused(uint32_t code)
{
	if (code < 0x80)
		return code <= ' ' || code == 0x7f || strchr("$+<=>^`|~", (int)code);
	return code <= 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f) ||
	       code == 0x3000 || code == 0xfeff;
}

static bool name_valid(struct slice name)
{
	for (size_t at = 0; at < name.len;) {
		struct slice rest = slice_of(name.ptr + at, name.len - at);
		size_t len = utf8_sequence_len(rest);
		if (len == 0 || is_refused(code_point(rest.ptr, len)))
			return false;
		at += len;
	}
	return true;
}

bool config_id_parse(struct slice text, struct config_loc loc, const char *path,
		     struct config_report *report, struct config_id *ret_id)
{
	struct arena *arena = report->arena;
	const uint8_t *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
	size_t type_len = slash ? (size_t)(slash - text.ptr) : text.len;
	struct slice type = slice_trim(slice_of(text.ptr, type_len)), name = {NULL, 0};
	const char *what = NULL;
	if (slash)
		name = slice_trim(slice_of(slash + 1, text.len - type_len - 1));
	if (type.len == 0 && !slash) {
		config_problem(report, CONFIG_ERROR, loc, path, NULL, "id must not be empty");
		return false;
	}
	if (type.len == 0)
		what = "the part before / should not be empty";
	else if (slash && name.len == 0)
		what = "the part after / should not be empty";
	else if (!type_valid(type))
		what = arena_printf(arena, "invalid character(s) in type \"%.*s\"",
				    SLICE_FMT(type));
	else if (name.len > NAME_LEN_MAX)
		what = "the name is longer than 1024 characters";
	else if (!name_valid(name))
		what = arena_printf(arena, "invalid character(s) in name \"%.*s\"",
				    SLICE_FMT(name));
	if (what) {
		config_problem(report, CONFIG_ERROR, loc, path, NULL, "in \"%.*s\" id: %s",
			       SLICE_FMT(text), what);
		return false;
	}
	ret_id->type = (const char *)arena_copy(arena, type).ptr;
	ret_id->name = (const char *)arena_copy(arena, name).ptr;
	ret_id->id =
		slash ? arena_printf(arena, "%s/%s", ret_id->type, ret_id->name) : ret_id->type;
	return ret_id->type && ret_id->name && ret_id->id;
}
