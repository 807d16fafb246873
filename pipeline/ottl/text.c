/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that "string-like" arguments become. The Collector makes it with Go's JSON encoder of
 * whatever Go type holds the value, so the type of a container decides how its members look: a
 * received map or list, and a written map, have plain members; in a written list a map is a struct
 * without public fields, which is {}. Texts go to the caller's buffer; recursion is bounded by
 * TRACE_VALUE_DEPTH_MAX and OTTL_DEPTH_MAX.
 */
#include "pipeline/ottl/evaluation.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* IN_MAP: in what was received, too. All the way down from there members are plain. */
enum container { IN_NOTHING, IN_MAP, IN_WRITTEN_LIST };

static bool append_json(struct evaluation *ev, struct buf *out, const struct term *term,
			enum container around);

/* Members by key; of equal keys the last one. */
static bool append_map(struct evaluation *ev, struct buf *out, const struct term *map)
{
	struct term_pair *pairs;
	size_t count;
	if (!term_sort_map(ev, map, &pairs, &count))
		return false;
	buf_append_byte(out, '{');
	for (size_t i = 0, written = 0; i < count; i++) {
		if (i + 1 < count && slice_equal(pairs[i].key, pairs[i + 1].key))
			continue;
		if (written++ > 0)
			buf_append_byte(out, ',');
		value_append_json_string(out, pairs[i].key);
		buf_append_byte(out, ':');
		if (!append_json(ev, out, &pairs[i].member, IN_MAP))
			return false;
	}
	buf_append_byte(out, '}');
	return true;
}

static bool append_list(struct evaluation *ev, struct buf *out, const struct term *list,
			enum container around)
{
	enum container inside =
		around == IN_MAP || list->store != STORE_NODES ? IN_MAP : IN_WRITTEN_LIST;
	struct term_walk walk = term_walk_begin(ev, list);
	struct slice ignored;
	struct term member;
	int more;
	buf_append_byte(out, '[');
	for (bool first = true; (more = term_walk_next(ev, &walk, &ignored, &member)) > 0;
	     first = false) {
		if (!first)
			buf_append_byte(out, ',');
		if (!append_json(ev, out, &member, inside))
			return false;
	}
	buf_append_byte(out, ']');
	return more == 0;
}

/* 2023-11-14T22:13:20.25Z, as many decimals as are needed. */
static void append_time(struct buf *out, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	long fraction = (long)(ns % 1000000000);
	struct tm parts;
	char text[40];
	if (fraction < 0) {
		fraction += 1000000000;
		seconds--;
	}
	(void)gmtime_r(&seconds, &parts);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	buf_printf(out, "\"%s", text);
	if (fraction > 0) {
		buf_printf(out, ".%09ld", fraction);
		while (out->len > 0 && out->data[out->len - 1] == '0')
			out->len--;
	}
	buf_append_str(out, "Z\"");
}

static bool append_double(struct evaluation *ev, struct buf *out, double number)
{
	if (!isfinite(number))
		return eval_fail(ev, "unsupported type: float64");
	value_append_text(out, value_of_double(number));
	return true;
}

/* An array of bytes, which Go's JSON takes for numbers; an absent id is the id of zeros. */
static void append_id(struct buf *out, const struct term *id)
{
	size_t len = id->type == TERM_TRACE_ID ? TRACE_ID_BYTES : SPAN_ID_BYTES;
	buf_append_byte(out, '[');
	for (size_t i = 0; i < len; i++) {
		if (i > 0)
			buf_append_byte(out, ',');
		buf_append_u64(out, i < id->bytes.len ? id->bytes.ptr[i] : 0);
	}
	buf_append_byte(out, ']');
}

static bool append_json(struct evaluation *ev, struct buf *out, const struct term *term,
			enum container around)
{
	bool opaque = around == IN_WRITTEN_LIST && term->store != STORE_NODES;
	switch (term->type) {
	case TERM_NIL: buf_append_str(out, "null"); return true;
	case TERM_STRING: value_append_json_string(out, term->bytes); return true;
	case TERM_BYTES:
		buf_append_byte(out, '"');
		term_append_value_text(out, term);
		buf_append_byte(out, '"');
		return true;
	case TERM_BOOL: buf_append_str(out, term->i ? "true" : "false"); return true;
	case TERM_INT:
	case TERM_DURATION: buf_printf(out, "%" PRId64, term->i); return true;
	case TERM_DOUBLE: return append_double(ev, out, term->d);
	case TERM_TIME: append_time(out, term->i); return true;
	case TERM_TRACE_ID:
	case TERM_SPAN_ID: append_id(out, term); return true;
	case TERM_MAP:
		if (around != IN_WRITTEN_LIST)
			return append_map(ev, out, term);
		break;
	case TERM_LIST:
		if (!opaque)
			return append_list(ev, out, term, around);
		break;
	case TERM_EVENTS:
	case TERM_LINKS:
	case TERM_STATUS:
	case TERM_TYPE_COUNT: break;
	}
	buf_append_str(out, "{}");
	return true;
}

bool term_append_text(struct evaluation *ev, struct buf *out, const struct term *term)
{
	if (term->type == TERM_STRING)
		buf_append(out, term->bytes);
	else if (term->type == TERM_BYTES)
		buf_append_hex(out, term->bytes);
	else
		return append_json(ev, out, term, IN_NOTHING);
	return true;
}

void term_append_value_text(struct buf *out, const struct term *term)
{
	static const enum value_type types[TERM_TYPE_COUNT] = {
		[TERM_STRING] = VALUE_STRING, [TERM_BYTES] = VALUE_BYTES,
		[TERM_BOOL] = VALUE_BOOL,     [TERM_INT] = VALUE_INT,
		[TERM_DOUBLE] = VALUE_DOUBLE, [TERM_MAP] = VALUE_KVLIST,
		[TERM_LIST] = VALUE_ARRAY,
	};
	struct value value = {.type = types[term->type], .bytes = term->bytes};
	if (term->type == TERM_DOUBLE)
		value.d = term->d;
	else
		value.i = term->i;
	value_append_text(out, value);
}
