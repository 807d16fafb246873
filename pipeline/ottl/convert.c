/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions of arguments: to the text, the number, the bytes that a Converter asks for. What has
 * none is an error, which a condition's error_mode decides about; its text names types and never a
 * value.
 */
#include "pipeline/ottl/function.h"

#include "pipeline/base/hex.h"
#include "pipeline/base/text.h"

struct buf building_take(struct evaluation *ev)
{
	struct buf building = ev->scratch->building;
	ev->scratch->building = BUF_INIT;
	buf_reset(&building);
	return building;
}

bool building_give(struct evaluation *ev, struct buf *building, bool done, struct slice *ret_text)
{
	struct ottl_scratch *scratch = ev->scratch;
	struct slice text = {NULL, 0};
	bool failed = building->failed;
	if (done && !failed)
		text = arena_copy(&scratch->texts, buf_slice(building));
	buf_fini(&scratch->building);
	if (building->capacity > EVAL_TEXT_KEEP_BYTES)
		buf_fini(building);
	scratch->building = *building;
	if (!done)
		return false;
	if (!text.ptr)
		return eval_fail(ev, "texts of one evaluation are too long");
	*ret_text = text;
	return true;
}

bool convert_text(struct evaluation *ev, const struct term *term, struct slice *ret_text)
{
	if (term->type == TERM_STRING) { /* not copied */
		*ret_text = term->bytes;
		return true;
	}
	struct buf building = building_take(ev);
	bool done = term_append_text(ev, &building, term);
	return building_give(ev, &building, done, ret_text);
}

/* ---- numbers ---- */

bool convert_int(struct evaluation *ev, const struct term *term, int64_t *ret_number)
{
	if (term->type == TERM_INT || term->type == TERM_BOOL)
		*ret_number = term->i;
	else if (term->type == TERM_DOUBLE)
		*ret_number = text_truncate(term->d);
	else if (term->type != TERM_STRING)
		return eval_fail(ev, "unsupported type: %s", term_type_name(term->type));
	else if (!text_read_int(term->bytes, ret_number))
		return eval_fail(ev, "strconv.ParseInt: invalid syntax or value out of range");
	return true;
}

bool convert_double(struct evaluation *ev, const struct term *term, double *ret_number)
{
	if (term->type == TERM_INT || term->type == TERM_BOOL)
		*ret_number = (double)term->i;
	else if (term->type == TERM_DOUBLE)
		*ret_number = term->d;
	else if (term->type != TERM_STRING)
		return eval_fail(ev, "unsupported type: %s", term_type_name(term->type));
	else if (!text_read_double(term->bytes, ret_number))
		return eval_fail(ev, "strconv.ParseFloat: invalid syntax or value out of range");
	return true;
}

/* ---- bytes and ids ---- */

/* Numbers are eight bytes, the most significant first. */
bool convert_bytes(struct evaluation *ev, const struct term *term, struct slice *ret_bytes)
{
	uint64_t word = 0;
	switch ((int)term->type) {
	case TERM_STRING:
	case TERM_BYTES: *ret_bytes = term->bytes; return true;
	case TERM_BOOL:
	case TERM_INT: word = (uint64_t)term->i; break;
	case TERM_DOUBLE: memcpy(&word, &term->d, sizeof(word)); break;
	default: return eval_fail(ev, "unsupported type: %s", term_type_name(term->type));
	}
	size_t len = term->type == TERM_BOOL ? 1 : sizeof(word);
	uint8_t *bytes = arena_alloc(&ev->scratch->texts, len);
	if (!bytes)
		return eval_fail(ev, "texts of one evaluation are too long");
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(word >> 8 * (len - 1 - i));
	*ret_bytes = slice_of(bytes, len);
	return true;
}

bool convert_id(struct evaluation *ev, struct slice bytes, enum term_type type,
		struct term *ret_term)
{
	bool trace_id = type == TERM_TRACE_ID;
	const char *name = trace_id ? "TraceID" : "SpanID";
	size_t len = trace_id ? TRACE_ID_BYTES : SPAN_ID_BYTES;
	*ret_term = (struct term){.type = type, .bytes = bytes};
	if (bytes.len == len)
		return true;
	if (bytes.len != 2 * len)
		return eval_fail(ev,
				 "%s: could not decode ID: invalid length: expected %zu or %zu "
				 "bytes, got %zu",
				 name, len, 2 * len, bytes.len);
	uint8_t *id = arena_alloc(&ev->scratch->texts, len);
	if (!id)
		return eval_fail(ev, "texts of one evaluation are too long");
	if (!hex_decode(bytes, id))
		return eval_fail(ev, "%s: could not decode ID: invalid hex", name);
	ret_term->bytes = slice_of(id, len);
	return true;
}
