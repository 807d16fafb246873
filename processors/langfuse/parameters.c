/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of roles and names. Texts pass only when they are single words: a schema or a prompt is
 * no parameter.
 */
#include "processors/langfuse/parameters.h"

#include "pipeline/base/ascii.h"

#include "processors/langfuse/json.h"

#include <math.h>

enum { WORD_BYTES_MAX = 32 }; /* of a service tier, a reasoning effort */

static const struct {
	enum role role;
	const char *name;
} parameters[] = {
	{ROLE_MAX_TOKENS, "max_tokens"},
	{ROLE_TEMPERATURE, "temperature"},
	{ROLE_TOP_P, "top_p"},
	{ROLE_TOP_K, "top_k"},
	{ROLE_FREQUENCY_PENALTY, "frequency_penalty"},
	{ROLE_PRESENCE_PENALTY, "presence_penalty"},
	{ROLE_SEED, "seed"},
	{ROLE_REASONING_EFFORT, "reasoning_effort"},
	{ROLE_SERVICE_TIER, "service_tier"},
};

static bool is_word(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		if (!ascii_is_lower(byte) && byte != '_' && byte != '-')
			return false;
	}
	return text.len > 0 && text.len <= WORD_BYTES_MAX;
}

/* The value as it may be shown under the role; empty: not at all. Figures may come as text. */
static struct value shown_value(enum role role, struct value value)
{
	bool worded = role == ROLE_REASONING_EFFORT || role == ROLE_SERVICE_TIER;
	double number;
	if (worded && value.type == VALUE_STRING)
		return is_word(value.bytes) ? value : (struct value){.type = VALUE_EMPTY};
	if (value.type == VALUE_INT)
		return value;
	if (value.type == VALUE_BOOL || !value_as_double(value, &number))
		return (struct value){.type = VALUE_EMPTY};
	return value_of_double(number);
}

static void write_parameter(struct buf *json, enum role role, const char *name, struct value given)
{
	struct value value = shown_value(role, given);
	if (value.type == VALUE_EMPTY)
		return;
	if (json->len > 1)
		buf_append_byte(json, ',');
	buf_append_byte(json, '"');
	buf_append_str(json, name);
	buf_append_str(json, "\":");
	if (value.type == VALUE_STRING)
		buf_append_byte(json, '"');
	if (value.type == VALUE_DOUBLE)
		buf_append_double(json, value.d);
	else
		value_append_text(json, value);
	if (value.type == VALUE_STRING)
		buf_append_byte(json, '"');
}

/* Parameters that a library keeps as a JSON object, unless the span says them itself. */
static void write_invocation(struct buf *json, const struct span_roles *roles)
{
	struct slice found[ARRAY_COUNT(parameters)] = {{NULL, 0}};
	struct json_reader reader;
	struct json_member member;
	struct json_word word;
	bool open = json_open(&reader, roles_text(roles, ROLE_INVOCATION));
	while (open && json_next_member(&reader, &member)) {
		for (size_t i = 0; i < ARRAY_COUNT(parameters); i++) {
			if (slice_equal(member.key, slice_str(parameters[i].name)))
				found[i] = member.raw; /* of several the last one */
		}
	}
	for (size_t i = 0; i < ARRAY_COUNT(parameters); i++) {
		if (found[i].len > 0 && !roles_has(roles, parameters[i].role))
			write_parameter(json, parameters[i].role, parameters[i].name,
					json_value(found[i], &word));
	}
}

void parameters_set(struct run *run, uint32_t span, const struct span_roles *roles)
{
	struct buf *json = &run->scratch->text;
	if (roles_has(roles, ROLE_PARAMETERS))
		return;
	buf_reset(json);
	buf_append_byte(json, '{');
	for (size_t i = 0; i < ARRAY_COUNT(parameters); i++) {
		enum role role = parameters[i].role;
		if (roles_has(roles, role))
			write_parameter(json, role, parameters[i].name, roles_value(roles, role));
	}
	write_invocation(json, roles);
	if (json->len == 1)
		return;
	buf_append_byte(json, '}');
	if (!json->failed)
		keys_set(&run->self->keys, run->view, span_owner(span), ROLE_PARAMETERS, 0,
			 value_of_str(buf_slice(json)));
}
