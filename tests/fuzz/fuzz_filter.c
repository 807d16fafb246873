/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter processor beside its conditions asked one by one. Byte 0: bits 0-1 error_mode, bits 2-3
 * how many conditions; then a line for each, whose first byte chooses the context; then a request
 * (fuzz_request.h). What leaves are the elements for which no condition is true; the counters say
 * how many went; with error_mode propagate the request is refused when a condition cannot be
 * evaluated, and only then.
 */
#include "pipeline/ottl/ottl.h"
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/fuzz_request.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/processor_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONDITIONS_MAX = 4, CONTEXTS = 3, CONDITION_BYTES_MAX = 512 };

static const enum ottl_context contexts[CONTEXTS] = {OTTL_RESOURCE, OTTL_SPAN, OTTL_SPANEVENT};
static const char *const names[CONTEXTS] = {"resource", "span", "spanevent"};
static const char *const error_modes[] = {"ignore", "silent", "propagate", "propagate"};

/* One condition of the input, and what it was parsed to for us. */
struct rule {
	size_t context; /* index of contexts */
	struct slice text;
	const struct ottl_condition *condition;
};

struct scene {
	struct rule rules[CONDITIONS_MAX];
	size_t count;
	bool propagate;
	struct processor_fixture fixture;
	/* Ours: nothing is shared with the filter but the budget. */
	struct arena arena;
	struct key_table *keys;
	struct ottl_scratch *scratch;
	bool failed; /* a condition could not be evaluated */
};

/* ---- configuration -------------------------------------------------------------------------- */

/* A line as a scalar in double quotes; false when YAML could not hold it. */
static bool quote(struct buf *yaml, struct slice text)
{
	buf_append_byte(yaml, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = text.ptr[i];
		if (byte < ' ' || byte >= 0x7f || byte == '$')
			return false;
		if (byte == '"' || byte == '\\')
			buf_append_byte(yaml, '\\');
		buf_append_byte(yaml, byte);
	}
	buf_append_byte(yaml, '"');
	return true;
}

static bool write_config(const struct scene *scene, uint8_t flags, struct buf *yaml)
{
	bool written = true;
	buf_printf(yaml, "{error_mode: %s, traces: {", error_modes[flags & 3]);
	for (size_t context = 0; context < CONTEXTS; context++) {
		buf_printf(yaml, "%s: [", names[context]);
		for (size_t i = 0; i < scene->count; i++) {
			if (scene->rules[i].context != context)
				continue;
			written &= quote(yaml, scene->rules[i].text);
			buf_append_byte(yaml, ',');
		}
		buf_append_str(yaml, "], ");
	}
	buf_append_str(yaml, "}}");
	return written;
}

static void read_rules(struct scene *scene, uint8_t flags, struct slice *script)
{
	scene->propagate = (flags & 3) >= 2;
	scene->count = 1 + (flags >> 2 & 3);
	for (size_t i = 0; i < scene->count; i++) {
		struct slice line = fuzz_line(script);
		scene->rules[i].context = fuzz_byte(&line) % CONTEXTS;
		scene->rules[i].text = fuzz_bytes(&line, CONDITION_BYTES_MAX);
	}
}

/* ---- the conditions one by one -------------------------------------------------------------- */

static bool parse_rules(struct scene *scene)
{
	struct err err;
	bool parsed = true;
	arena_init(&scene->arena, &scene->fixture.budget, 16 << 20);
	scene->scratch = ottl_scratch_new(&scene->fixture.budget);
	scene->keys = key_table_new();
	fuzz_must(scene->scratch && scene->keys);
	for (size_t i = 0; i < scene->count; i++) {
		struct rule *rule = &scene->rules[i];
		rule->condition = ottl_parse(rule->text, contexts[rule->context], scene->keys,
					     &scene->arena, &err);
		parsed &= rule->condition != NULL;
	}
	return parsed && key_table_freeze(scene->keys, &err) == 0;
}

static bool matches(struct scene *scene, const struct trace_view *view, enum ottl_context context,
		    uint32_t at)
{
	struct err err;
	for (size_t i = 0; i < scene->count; i++) {
		struct rule *rule = &scene->rules[i];
		if (ottl_condition_context(rule->condition) != context)
			continue;
		enum ottl_result result =
			ottl_eval(rule->condition, view, at, scene->scratch, &err);
		if (result == OTTL_TRUE)
			return true;
		scene->failed |= result == OTTL_ERROR;
	}
	return false;
}

/* Drops from ${view} what the conditions say. */
static void apply(struct scene *scene, struct trace_view *view)
{
	for (uint32_t i = 0; i < view_resource_count(view); i++) {
		if (matches(scene, view, OTTL_RESOURCE, i))
			edit_drop_resource(view, i);
	}
	for (uint32_t i = 0; i < view_scope_count(view); i++) {
		struct view_range spans = view_scope_spans(view, i);
		bool goes = matches(scene, view, OTTL_SCOPE, i);
		for (uint32_t k = 0; goes && k < spans.count; k++)
			edit_drop_span(view, spans.begin + k);
	}
	for (uint32_t i = 0; i < view_span_count(view); i++) {
		if (view_span_live(view, i) && matches(scene, view, OTTL_SPAN, i))
			edit_drop_span(view, i);
	}
	for (uint32_t i = 0; i < view_event_count(view); i++) {
		if (view_event_live(view, i) && matches(scene, view, OTTL_SPANEVENT, i))
			edit_drop_event(view, i);
	}
}

/* ---- the filter ----------------------------------------------------------------------------- */

static struct chunk *encode(struct scene *scene, struct trace_view *view)
{
	struct chunk *chunk;
	struct err err;
	fuzz_must(trace_encode(view, &scene->fixture.budget, &chunk, &err) == 0);
	return chunk;
}

static void compare(struct scene *scene, struct slice body)
{
	struct processor_fixture *fixture = &scene->fixture;
	struct err err;
	struct trace_view *expected = view_new(&fixture->budget, scene->keys);
	fuzz_must(expected && view_open(expected, body, &err) == 0);
	enum outcome outcome = processor_fixture_run(fixture, body);
	apply(scene, expected);
	bool refused = scene->propagate && scene->failed;
	fuzz_must(outcome == (refused ? OUTCOME_RETRY : OUTCOME_TAKEN));
	uint32_t gone = view_span_count(expected) - view_live_spans(expected);
	double counted = processor_fixture_metric(
		fixture, "otelcol_processor_filter_spans_filtered", "filter=\"fixture\"");
	fuzz_must(counted == (refused ? 0 : gone));
	if (!refused) {
		struct chunk *ours = encode(scene, fixture->view);
		struct chunk *theirs = encode(scene, expected);
		fuzz_must((ours == NULL) == (theirs == NULL));
		fuzz_must(!ours || slice_equal(chunk_slice(ours), chunk_slice(theirs)));
		chunk_unref(ours);
		chunk_unref(theirs);
	}
	view_free(expected);
}

static void close_scene(struct scene *scene, bool parsed)
{
	for (size_t i = 0; parsed && i < scene->count; i++)
		ottl_condition_free(scene->rules[i].condition);
	if (parsed) {
		ottl_scratch_free(scene->scratch);
		arena_fini(&scene->arena);
		key_table_free(scene->keys);
	}
	processor_fixture_close(&scene->fixture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene scene = {0};
	struct slice script = slice_of(data, size);
	struct buf yaml = BUF_INIT, room = BUF_INIT;
	struct err err;
	uint8_t flags = fuzz_byte(&script);
	read_rules(&scene, flags, &script);
	if (write_config(&scene, flags, &yaml)) {
		bool open = processor_fixture_open(&scene.fixture, "filter", buf_cstr(&yaml));
		bool parsed = open && parse_rules(&scene);
		fuzz_must(parsed == open);
		struct slice body = fuzz_request(script, &room);
		if (open && view_open(scene.fixture.view, body, &err) == 0)
			compare(&scene, body);
		close_scene(&scene, open);
	}
	buf_fini(&yaml);
	buf_fini(&room);
	return 0;
}
