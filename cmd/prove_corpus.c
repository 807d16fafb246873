/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that depend on the span's class are met on a model call, so every span is one. Rules of
 * mode: strict, those that keep something of a value, and expressions are not planted; the last are
 * counted.
 */
#include "cmd/prove_corpus.h"

#include "pipeline/trace/otlp/builder.h"
#include "processors/metadata_only/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define STEM "sluice-canary-"
enum { DIGITS = 6, STEM_BYTES = sizeof(STEM) - 1 };

/* Texts that stand under no key of the table. */
static const struct prove_plant fields[] = {
	{"a text under a key that nobody knows", "acme.prove", 0x1f},
	{"the message of a status", "", 1 << PROVE_FIELD},
};

/* ---- the plan ------------------------------------------------------------------------------- */

static void add(struct prove_corpus *corpus, const char *rule, const char *key, unsigned places)
{
	corpus->failed |= corpus->count == PROVE_PLANTS_MAX || !rule || !key;
	if (!corpus->failed)
		corpus->plants[corpus->count++] = (struct prove_plant){rule, key, places};
}

struct expansion {
	struct prove_corpus *corpus;
	const struct policy_row *row;
};

/* The beginning of the keys in which an expression of the form /^a\.b/ is found; false: another form. */
static bool prefix_of(struct slice expression, char *out, size_t size)
{
	size_t len = 0;
	if (!slice_has_prefix(expression, SLICE("/^")) ||
	    !slice_has_suffix(expression, SLICE("/")) || expression.len > size)
		return false;
	for (size_t i = 2; i + 1 < expression.len; i++) {
		bool escaped = expression.ptr[i] == '\\' && expression.ptr[i + 1] == '.';
		i += escaped;
		char byte = (char)expression.ptr[i];
		if (!escaped && !isalnum((unsigned char)byte) && byte != '_' && byte != '-')
			return false;
		out[len++] = byte;
	}
	out[len] = '\0';
	return len > 0;
}

/* "a.b*" and "a.b.*" stand for all keys that begin so: one of them. */
static bool take_pattern(void *arg, struct slice pattern)
{
	const struct expansion *expansion = arg;
	struct prove_corpus *corpus = expansion->corpus;
	char prefix[POLICY_KEY_MAX + 8];
	bool expression = pattern.len > 0 && pattern.ptr[0] == '/';
	bool open = expression || slice_has_suffix(pattern, SLICE("*"));
	if (expression && !prefix_of(pattern, prefix, sizeof(prefix))) {
		corpus->expressions++;
		return true;
	}
	struct slice start = expression ? slice_str(prefix)
					: slice_of(pattern.ptr, pattern.len - (open ? 1 : 0));
	const char *key =
		arena_printf(corpus->arena, "%.*s%s", SLICE_FMT(start), open ? "prove" : "");
	add(corpus, expansion->row->pattern, key, expansion->row->slots);
	return !corpus->failed;
}

static bool is_removed(const struct policy_row *row)
{
	bool removed = row->action == ACTION_DROP || row->action == ACTION_REPLACE;
	return removed && row->when != WHEN_STRICT && row->when != WHEN_MODEL_EVENT;
}

int prove_corpus_init(struct prove_corpus *corpus, struct arena *arena)
{
	*corpus = (struct prove_corpus){.arena = arena};
	corpus->plants = arena_calloc(arena, PROVE_PLANTS_MAX, sizeof(*corpus->plants));
	if (!corpus->plants)
		return -1;
	for (size_t i = 0; i < policy_row_count && !corpus->failed; i++) {
		struct expansion expansion = {corpus, &policy_rows[i]};
		const char *pattern = policy_rows[i].pattern;
		if (!is_removed(&policy_rows[i]))
			continue;
		if (strchr(pattern, '{'))
			corpus->failed |= !policy_expand(pattern, take_pattern, &expansion);
		else
			corpus->failed |= !take_pattern(&expansion, slice_str(pattern));
	}
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		add(corpus, fields[i].rule, fields[i].key, fields[i].places);
	return corpus->failed ? -1 : 0;
}

/* ---- the request ---------------------------------------------------------------------------- */

struct sower {
	struct trace_builder builder;
	const struct prove_plant *plant;
	uint32_t number; /* of the plant */
	char text[64];
};

/* Some words, as a person writes them: no policy takes them for a name. */
static struct slice text_of(struct sower *sower, unsigned place)
{
	(void)snprintf(sower->text, sizeof(sower->text), STEM "%06u what is it that they asked?",
		       sower->number * PROVE_PLACES + place);
	return slice_str(sower->text);
}

static void put_attr(struct sower *sower, unsigned slot, uint32_t field)
{
	if (sower->plant->places >> slot & 1)
		trace_builder_attr(&sower->builder, field, slice_str(sower->plant->key),
				   value_of_str(text_of(sower, slot)));
}

static void put_ids(struct sower *sower, uint32_t trace_field, uint32_t span_field)
{
	uint8_t id[TRACE_ID_BYTES] = {0x5c};
	uint32_t number = sower->number + 1;
	memcpy(id + 1, &number, sizeof(number));
	trace_builder_bytes(&sower->builder, trace_field, slice_of(id, TRACE_ID_BYTES));
	trace_builder_bytes(&sower->builder, span_field, slice_of(id, SPAN_ID_BYTES));
}

static void put_span(struct sower *sower)
{
	struct trace_builder *builder = &sower->builder;
	trace_builder_begin(builder, SCOPE_SPANS_SPANS);
	put_ids(sower, SPAN_TRACE_ID, SPAN_SPAN_ID);
	trace_builder_text(builder, SPAN_NAME, SLICE("chat"));
	trace_builder_varint(builder, SPAN_KIND, SPAN_KIND_CLIENT);
	trace_builder_fixed64(builder, SPAN_START_TIME_UNIX_NANO, UINT64_C(1789000003146000000));
	trace_builder_fixed64(builder, SPAN_END_TIME_UNIX_NANO, UINT64_C(1789000003147000000));
	trace_builder_attr(builder, SPAN_ATTRIBUTES, SLICE("gen_ai.operation.name"),
			   value_of_str(SLICE("chat")));
	put_attr(sower, SLOT_SPAN, SPAN_ATTRIBUTES);
	trace_builder_begin(builder, SPAN_EVENTS);
	trace_builder_text(builder, EVENT_NAME, SLICE("prove"));
	put_attr(sower, SLOT_EVENT, EVENT_ATTRIBUTES);
	trace_builder_end(builder);
	trace_builder_begin(builder, SPAN_LINKS);
	put_ids(sower, LINK_TRACE_ID, LINK_SPAN_ID);
	put_attr(sower, SLOT_LINK, LINK_ATTRIBUTES);
	trace_builder_end(builder);
	trace_builder_begin(builder, SPAN_STATUS);
	trace_builder_varint(builder, STATUS_CODE, STATUS_CODE_ERROR);
	if (sower->plant->places >> PROVE_FIELD & 1)
		trace_builder_text(builder, STATUS_MESSAGE, text_of(sower, PROVE_FIELD));
	trace_builder_end(builder);
	trace_builder_end(builder);
}

static void put_resource(struct sower *sower)
{
	struct trace_builder *builder = &sower->builder;
	trace_builder_begin(builder, EXPORT_REQUEST_RESOURCE_SPANS);
	trace_builder_begin(builder, RESOURCE_SPANS_RESOURCE);
	trace_builder_attr(builder, RESOURCE_ATTRIBUTES, SLICE("service.name"),
			   value_of_str(SLICE("prove")));
	put_attr(sower, SLOT_RESOURCE, RESOURCE_ATTRIBUTES);
	trace_builder_end(builder);
	trace_builder_begin(builder, RESOURCE_SPANS_SCOPE_SPANS);
	trace_builder_begin(builder, SCOPE_SPANS_SCOPE);
	trace_builder_text(builder, SCOPE_NAME, SLICE("prove"));
	put_attr(sower, SLOT_SCOPE, SCOPE_ATTRIBUTES);
	trace_builder_end(builder);
	put_span(sower);
	trace_builder_end(builder);
	trace_builder_end(builder);
}

struct chunk *prove_corpus_request(const struct prove_corpus *corpus, struct budget *budget,
				   struct err *err)
{
	struct sower sower = {0};
	trace_builder_init(&sower.builder, budget);
	for (uint32_t i = 0; i < corpus->count; i++) {
		sower.plant = &corpus->plants[i];
		sower.number = i;
		put_resource(&sower);
	}
	return trace_builder_take(&sower.builder, corpus->count, err);
}

void prove_corpus_find(const struct prove_corpus *corpus, struct slice bytes, uint8_t *places)
{
	const uint8_t *at = bytes.ptr, *end = bytes.ptr + bytes.len;
	while (at < end && (at = memmem(at, (size_t)(end - at), STEM, STEM_BYTES))) {
		uint64_t number;
		at += STEM_BYTES;
		if (end - at < DIGITS || !slice_parse_u64(slice_of(at, DIGITS), &number) ||
		    number / PROVE_PLACES >= corpus->count)
			continue;
		places[number / PROVE_PLACES] |= (uint8_t)(1 << number % PROVE_PLACES);
	}
}
