/* SPDX-License-Identifier: Apache-2.0 */
/* Each question is one pass over the text. Nothing is kept. */
#include "processors/metadata_only/text.h"

#include "pipeline/base/hex.h"

enum { URL_MAX = 256, OT_MEMBER_MAX = 256, SEGMENT_MAX = 40, HEX_SEGMENT_MIN = 8 };

static bool is_visible(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	}
	return true;
}

/* ---- URLs ---- */

/* The length of ${text} before the first byte that is one of ${stops}. */
static size_t until(struct slice text, const char *stops)
{
	size_t len = text.len;
	for (; *stops; stops++) {
		const uint8_t *stop = len > 0 ? memchr(text.ptr, *stops, len) : NULL;
		if (stop)
			len = (size_t)(stop - text.ptr);
	}
	return len;
}

static size_t after_scheme(struct slice url)
{
	for (size_t i = 0; i + 2 < url.len && i < 32; i++) {
		if (memcmp(url.ptr + i, "://", 3) == 0)
			return i + 3;
	}
	return url.len >= 2 && memcmp(url.ptr, "//", 2) == 0 ? 2 : 0;
}

/* Behind "user:password@" in an authority that begins at ${begin}; ${begin} when there is none. */
static size_t after_user(struct slice url, size_t begin)
{
	size_t at = begin;
	if (begin == 0)
		return 0;
	for (size_t i = begin; i < url.len && url.ptr[i] != '/'; i++) {
		if (url.ptr[i] == '@')
			at = i + 1;
	}
	return at;
}

/* Before the first ? that is no operator of an expression: those follow something to be repeated, or
 * the parenthesis of a group. */
static size_t until_query(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '?' && (i == 0 || !memchr("()]}*+", text.ptr[i - 1], 6)))
			return i;
	}
	return text.len;
}

bool text_cut_url(struct slice url, bool route, struct buf *out)
{
	size_t end = route ? until_query(url) : until(url, "?#");
	bool may_have_user = memchr(url.ptr, '@', end) != NULL;
	if (end == url.len && !may_have_user)
		return false;
	size_t host = may_have_user ? after_scheme(url) : 0;
	size_t rest = after_user(slice_of(url.ptr, end), host);
	if (end == url.len && rest == host)
		return false;
	buf_append(out, slice_of(url.ptr, host));
	buf_append(out, slice_of(url.ptr + rest, end - rest));
	return true;
}

bool text_is_plain_url(struct slice url)
{
	return url.len <= URL_MAX &&
	       (slice_has_prefix(url, SLICE("https://")) ||
		slice_has_prefix(url, SLICE("http://"))) &&
	       is_visible(url) && until(url, "?#@%&=\"'<>{}") == url.len;
}

/* ---- names of spans ---- */

/* An id or data, not a name that a programmer gave: digits, long hexadecimal or long at all, or
 * with characters that paths of routes do not have. */
static bool segment_is_data(struct slice segment)
{
	size_t digits = 0, hex = 0;
	for (size_t i = 0; i < segment.len; i++) {
		uint8_t byte = segment.ptr[i];
		if (!ascii_is_alnum(byte) && !memchr("._~:{}*<>-", byte, 10))
			return true;
		digits += ascii_is_digit(byte);
		hex += hex_value(byte) >= 0 || byte == '-';
	}
	if (segment.len > SEGMENT_MAX || (digits > 0 && digits == segment.len))
		return true;
	return segment.len >= HEX_SEGMENT_MIN && hex == segment.len && digits > 0;
}

/* The path that begins at ${begin}, its data replaced. Returns whether anything was. */
static bool append_path(struct slice name, size_t begin, size_t end, struct buf *out)
{
	bool changed = false;
	while (begin < end) {
		buf_append_byte(out, '/');
		struct slice rest = slice_of(name.ptr + begin + 1, end - begin - 1);
		struct slice segment = slice_of(rest.ptr, until(rest, "/"));
		bool data = segment_is_data(segment);
		buf_append(out, data ? SLICE("{}") : segment);
		changed |= data;
		begin += 1 + segment.len;
	}
	return changed;
}

/* What frameworks put behind the path: " http send" and its like. */
static bool is_phase(struct slice tail)
{
	static const char *const phases[] = {" http send", " http receive", " websocket send",
					     " websocket receive"};
	for (size_t i = 0; i < ARRAY_COUNT(phases); i++) {
		if (slice_equal(tail, slice_str(phases[i])))
			return true;
	}
	return false;
}

/* Where a path begins in ${name}: at its start or after a space. name.len when there is none. */
static size_t find_path(struct slice name)
{
	size_t at = 0;
	while (at < name.len) {
		const uint8_t *slash = memchr(name.ptr + at, '/', name.len - at);
		if (!slash)
			break;
		at = (size_t)(slash - name.ptr);
		if (at == 0 || name.ptr[at - 1] == ' ')
			return at;
		at++;
	}
	return name.len;
}

static bool is_statement(struct slice name, size_t first_word)
{
	static const char *const verbs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE",
					    "WITH",   "MATCH",	"UNWIND", "CREATE", "ALTER",
					    "DROP",   "CALL",	"EXEC",	  "EXECUTE"};
	struct slice word = slice_of(name.ptr, first_word);
	struct slice rest = slice_of(name.ptr + first_word + 1, name.len - first_word - 1);
	/* "Update user profile" names an operation: people do not shout, and programs that print
	 * small letters still write values with their signs. */
	bool values = until(rest, "'\"=(*;") < rest.len;
	for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
		if (slice_equal(word, slice_str(verbs[i])))
			return values || until(rest, " ") < rest.len;
		if (values && slice_equal_nocase(word, slice_str(verbs[i])))
			return true;
	}
	return false;
}

/* A statement names its operation and perhaps its table; anything after that are its values. */
static bool cut_statement(struct slice name, struct buf *out)
{
	size_t first = until(name, " ");
	if (first == name.len || !is_statement(name, first))
		return false;
	buf_append(out, slice_of(name.ptr, first));
	return true;
}

bool text_cut_span_name(struct slice name, struct buf *out)
{
	size_t path = find_path(name);
	size_t before = out->len;
	if (path == name.len) {
		size_t end = until_query(name);
		if (end + 1 >= name.len)
			return cut_statement(name, out);
		buf_append(out, slice_of(name.ptr, end));
		return true;
	}
	struct slice from_path = slice_of(name.ptr + path, name.len - path);
	size_t end = path + until(slice_of(from_path.ptr, until_query(from_path)), "# ");
	struct slice tail = slice_of(name.ptr + end, name.len - end);
	buf_append(out, slice_of(name.ptr, path));
	bool changed = append_path(name, path, end, out);
	if (tail.len > 0 && is_phase(tail))
		buf_append(out, tail);
	else
		changed |= tail.len > 0;
	if (!changed)
		out->len = before;
	return changed;
}

/* ---- trace state, numbers, cutting ---- */

struct slice text_ot_member(struct slice trace_state)
{
	while (trace_state.len > 0) {
		size_t len = until(trace_state, ",");
		struct slice member = slice_trim(slice_of(trace_state.ptr, len));
		if (slice_has_prefix(member, SLICE("ot=")) && member.len <= OT_MEMBER_MAX) {
			/* th:<hex>;rv:<hex> and nothing else: other keys may carry anything. */
			struct slice rest = slice_of(member.ptr + 3, member.len - 3);
			bool sound = rest.len > 0;
			while (sound && rest.len > 0) {
				struct slice pair = slice_of(rest.ptr, until(rest, ";"));
				sound = slice_has_prefix(pair, SLICE("th:")) ||
					slice_has_prefix(pair, SLICE("rv:"));
				sound = sound && pair.len > 3 && pair.len <= 17;
				for (size_t i = 3; sound && i < pair.len; i++)
					sound = ascii_is_digit(pair.ptr[i]) ||
						(pair.ptr[i] >= 'a' && pair.ptr[i] <= 'f');
				size_t step = pair.len + (pair.len < rest.len);
				rest = slice_of(rest.ptr + step, rest.len - step);
			}
			if (sound)
				return member;
		}
		size_t step = len + (len < trace_state.len);
		trace_state = slice_of(trace_state.ptr + step, trace_state.len - step);
	}
	return SLICE("");
}

struct slice text_cut_runes(struct slice text, size_t bytes_max)
{
	if (text.len <= bytes_max)
		return text;
	while (bytes_max > 0 && (text.ptr[bytes_max] & 0xc0) == 0x80)
		bytes_max--;
	return slice_of(text.ptr, bytes_max);
}

bool text_is_number(struct slice text)
{
	size_t digits = 0, points = 0, i = 0;
	if (text.len == 0 || text.len > 32)
		return false;
	if (text.ptr[0] == '-' || text.ptr[0] == '+')
		i++;
	for (; i < text.len; i++) {
		if (ascii_is_digit(text.ptr[i]))
			digits++;
		else if (text.ptr[i] == '.' && points == 0)
			points++;
		else
			return false;
	}
	return digits > 0;
}
