/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values, times and environments, each written anew where Langfuse would not read it as it came.
 */
#include "processors/langfuse/values.h"

#include "pipeline/base/ascii.h"
#include "pipeline/base/clock.h"

#include <math.h>
#include <time.h>

struct found {
	struct slice key;
	key_id id;
	struct value value;
};

static bool is_scalar(enum value_type type)
{
	return type >= VALUE_STRING && type <= VALUE_DOUBLE;
}

enum reading { READ_AS_IS, READ_AS_TEXT, READ_NOT_AT_ALL };

/* Arrays of scalars are read; an empty one would become a text about protobuf. */
static enum reading reading_of(struct value value)
{
	struct value item;
	if (value.type != VALUE_ARRAY)
		return READ_AS_TEXT;
	enum reading reading = READ_NOT_AT_ALL;
	for (struct slice cursor = value.bytes; value_next_item(&cursor, &item);) {
		if (!is_scalar(item.type))
			return READ_AS_TEXT;
		reading = READ_AS_IS;
	}
	return reading;
}

bool values_convert(struct run *run, struct owner owner)
{
	struct found *found = NULL;
	size_t count = 0;
	bool changed = false;
	struct attr_view attr;
	for (struct attr_cursor cursor = view_attrs(run->view, owner);
	     view_next_attr(run->view, &cursor, &attr);) {
		if (attr.value_type < VALUE_ARRAY)
			continue;
		struct value value = view_attr_value(run->view, owner, &attr);
		enum reading reading = reading_of(value);
		if (reading == READ_NOT_AT_ALL && attr.attr != VIEW_ATTR_ADDED) {
			edit_drop_attr(run->view, attr.attr);
			changed = true;
		}
		if (reading != READ_AS_TEXT)
			continue;
		if (!found)
			found = arena_calloc(&run->scratch->arena, VALUES_CONVERTED_MAX,
					     sizeof(*found));
		if (!found || count == VALUES_CONVERTED_MAX)
			run->counts[COUNT_NOT_CONVERTED]++;
		else
			found[count++] = (struct found){attr.key, attr.key_id, value};
	}
	/* In order: of two values under one key the last counts. */
	for (size_t i = 0; i < count; i++) {
		struct buf *text = &run->scratch->text;
		buf_reset(text);
		value_append_text(text, found[i].value);
		edit_set_attr(run->view, owner, found[i].key, found[i].id,
			      value_of_str(buf_slice(text)));
	}
	return changed || count > 0;
}

struct slice values_unquoted(struct slice text)
{
	if (text.len < 2 || text.ptr[0] != '"' || text.ptr[text.len - 1] != '"')
		return text;
	return slice_of(text.ptr + 1, text.len - 2);
}

/* Events of OpenInference, OpenLLMetry (the first of many) and the AI SDK. */
static bool is_first_token_event(struct slice name)
{
	static const char *const names[] = {
		"First Token Stream Event", "gen_ai.content.completion.chunk",
		"llm.content.completion.chunk", "ai.stream.firstChunk", "gen_ai.first_token"};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (slice_equal(name, slice_str(names[i])))
			return true;
	}
	return false;
}

uint64_t values_first_token(const struct run *run, uint32_t span, const struct span_roles *roles)
{
	uint64_t start_ns = view_span_start_ns(run->view, span);
	uint64_t end_ns = view_span_end_ns(run->view, span);
	double seconds;
	uint64_t duration_ns = end_ns > start_ns ? end_ns - start_ns : 0;
	if (roles_has(roles, ROLE_FIRST_TOKEN)) {
		if (!value_as_double(roles_value(roles, ROLE_FIRST_TOKEN), &seconds) ||
		    seconds <= 0 || seconds > (double)duration_ns / (double)NS_PER_S)
			return 0;
		return start_ns + (uint64_t)llround(seconds * (double)NS_PER_S);
	}
	struct view_range events = view_span_events(run->view, span);
	for (uint32_t i = events.begin; i < events.begin + events.count; i++) {
		uint64_t at_ns = view_event_time_ns(run->view, i);
		if (view_event_live(run->view, i) && at_ns > start_ns && at_ns <= end_ns &&
		    is_first_token_event(view_event_name(run->view, i)))
			return at_ns;
	}
	return 0;
}

static void write_digits(char *out, unsigned number, int digits)
{
	for (; digits > 0; number /= 10)
		out[--digits] = (char)('0' + number % 10);
}

bool values_write_time(uint64_t at_ns, char out[TIME_BYTES])
{
	time_t at_s = (time_t)(at_ns / NS_PER_S);
	struct tm utc;
	if (!gmtime_r(&at_s, &utc) || utc.tm_year > 9999 - 1900)
		return false;
	memcpy(out, "0000-00-00T00:00:00.000Z", TIME_BYTES);
	write_digits(out, (unsigned)utc.tm_year + 1900, 4);
	write_digits(out + 5, (unsigned)utc.tm_mon + 1, 2);
	write_digits(out + 8, (unsigned)utc.tm_mday, 2);
	write_digits(out + 11, (unsigned)utc.tm_hour, 2);
	write_digits(out + 14, (unsigned)utc.tm_min, 2);
	write_digits(out + 17, (unsigned)utc.tm_sec, 2);
	write_digits(out + 20, (unsigned)(at_ns % NS_PER_S / NS_PER_MS), 3);
	return true;
}

struct slice values_environment(struct slice given, char slug[ENVIRONMENT_BYTES_MAX])
{
	static const struct slice reserved = SLICE_INIT("langfuse");
	struct slice text = given;
	size_t len = 0;
	while (text.len > reserved.len &&
	       slice_equal_nocase(slice_of(text.ptr, reserved.len), reserved) &&
	       !ascii_is_alnum(text.ptr[reserved.len])) /* a dash soon, if it is none */
		text = slice_of(text.ptr + reserved.len + 1, text.len - reserved.len - 1);
	for (; len < text.len && len < ENVIRONMENT_BYTES_MAX; len++) {
		uint8_t byte = ascii_lower(text.ptr[len]);
		slug[len] = (char)(ascii_is_alnum(byte) || byte == '_' ? byte : '-');
	}
	struct slice shown = slice_of(slug, len);
	return len == 0 || slice_equal(shown, given) ? given : shown;
}

void values_set_environment(struct run *run, struct owner owner, const struct span_roles *roles)
{
	char slug[ENVIRONMENT_BYTES_MAX];
	struct slice given = roles_text(roles, ROLE_ENVIRONMENT);
	struct slice shown = values_environment(given, slug);
	if (shown.ptr != given.ptr)
		keys_set(&run->self->keys, run->view, owner, ROLE_ENVIRONMENT,
			 roles->rank[ROLE_ENVIRONMENT], value_of_str(shown));
}
