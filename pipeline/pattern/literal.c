/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns that are no more than a literal: `^/metrics$`, `kube-probe`, `.*\.example\.com$`. Half of
 * those in configurations are, and comparing bytes is several times cheaper than any engine. The
 * literal is ASCII, so that damaged text needs no repair before it.
 */
#include "pipeline/pattern/regex_internal.h"

#include "pipeline/base/ascii.h"

#include <string.h>

static bool skip(struct slice *rest, struct slice prefix)
{
	if (!slice_has_prefix(*rest, prefix))
		return false;
	rest->ptr += prefix.len;
	rest->len -= prefix.len;
	return true;
}

/* One character that stands for itself; false when ${rest} begins with anything else. */
static bool take_character(struct slice *rest, struct buf *out)
{
	static const char special[] = "\\.+*?()|[]{}^$";
	bool escaped = rest->len > 1 && rest->ptr[0] == '\\';
	uint8_t byte = rest->ptr[escaped];
	if (byte < ' ' || byte >= 0x7f ||
	    (escaped ? ascii_is_alnum(byte) : strchr(special, byte) != NULL))
		return false;
	buf_append_byte(out, byte);
	rest->ptr += 1 + escaped;
	rest->len -= 1 + escaped;
	return true;
}

enum literal_place literal_read(struct slice pattern, struct buf *out)
{
	struct slice rest = pattern;
	bool head = skip(&rest, SLICE("^")), tail;
	/* Whatever matches behind `.*` also matches without it, wherever a match may begin. */
	if (!head && skip(&rest, SLICE(".*")))
		(void)skip(&rest, SLICE("?"));
	while (rest.len > 0 && take_character(&rest, out))
		;
	tail = skip(&rest, SLICE("$"));
	if (!tail && skip(&rest, SLICE(".*"))) /* and the same before `.*` at the end */
		(void)skip(&rest, SLICE("?"));
	if (rest.len > 0)
		return LITERAL_NONE;
	if (head)
		return tail ? LITERAL_WHOLE : LITERAL_HEAD;
	return tail ? LITERAL_TAIL : LITERAL_INSIDE;
}

bool literal_found(enum literal_place place, struct slice literal, struct slice subject)
{
	switch (place) {
	case LITERAL_WHOLE: return slice_equal(subject, literal);
	case LITERAL_HEAD: return slice_has_prefix(subject, literal);
	case LITERAL_TAIL: return slice_has_suffix(subject, literal);
	case LITERAL_INSIDE:
		return literal.len == 0 ||
		       (subject.len >= literal.len &&
			memmem(subject.ptr, subject.len, literal.ptr, literal.len) != NULL);
	case LITERAL_NONE: break;
	}
	return false;
}
