/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policy_fixture.h"

#include "pipeline/config/load.h"
#include "pipeline/pattern/regex.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_MAX = 16 << 20 };

static void require(bool fact, const char *what)
{
	if (fact)
		return;
	fprintf(stderr, "policy fixture: %s\n", what);
	abort();
}

void policy_fixture_init(struct policy_fixture *f, const char *yaml)
{
	const struct component_type *type = component_find(COMPONENT_PROCESSOR, "metadata_only");
	struct err err;
	*f = (struct policy_fixture){.metrics = metrics_new(), .keys = key_table_new()};
	arena_init(&f->arena, NULL, ARENA_MAX);
	config_report_init(&f->report, &f->arena);
	budget_init(&f->budget, UINT64_MAX);
	const char *uri = arena_printf(&f->arena, "yaml:processors: {metadata_only: %s}", yaml);
	const struct config_load load = {.uris = &uri, .uri_count = 1};
	const struct config_node *root = config_load(&load, &f->report);
	require(type && root && f->metrics && f->keys, "cannot read the configuration");
	const struct config_node *node =
		config_get(config_get(root, "processors"), "metadata_only");
	void *config = arena_calloc(&f->arena, 1, type->config->struct_size + 1);
	config_bind(type->config, node, "processors.metadata_only", config, &f->report);
	const struct component_env env = {.id = "metadata_only",
					  .path = "processors.metadata_only",
					  .metrics = f->metrics,
					  .budget = &f->budget,
					  .keys = f->keys,
					  .arena = &f->arena};
	if (f->report.error_count == 0)
		f->self = type->processor->create(&env, config, &f->report);
	if (!f->self)
		return;
	f->state = type->processor->shard_new(f->self);
	require(f->state && key_table_freeze(f->keys, &err) == 0, "no memory");
	f->view = view_new(&f->budget, f->keys);
	require(f->view && view_use_patterns(f->view, &err) == 0, "no memory");
}

void policy_fixture_fini(struct policy_fixture *f)
{
	const struct component_type *type = component_find(COMPONENT_PROCESSOR, "metadata_only");
	if (f->self) {
		view_free(f->view);
		type->processor->shard_free(f->state);
		type->processor->destroy(f->self);
	}
	metrics_free(f->metrics);
	key_table_free(f->keys);
	arena_fini(&f->arena);
}

struct chunk *policy_fixture_run(struct policy_fixture *f, struct slice body)
{
	const struct component_type *type = component_find(COMPONENT_PROCESSOR, "metadata_only");
	struct chunk *chunk = NULL;
	struct err err;
	require(view_open(f->view, body, &err) == 0, err.msg);
	require(type->processor->process(f->self, f->state, f->view, &err) == OUTCOME_TAKEN,
		"not processed");
	tally_commit(edit_tally(f->view));
	require(trace_encode(f->view, &f->budget, &chunk, &err) == 0, err.msg);
	return chunk;
}

uint64_t policy_fixture_removed(const struct policy_fixture *f, const char *rule)
{
	struct buf labels = BUF_INIT;
	double value = 0;
	metrics_label(&labels, "processor", "metadata_only");
	metrics_label(&labels, "rule", rule);
	require(metrics_value(f->metrics, "sluice_processor_metadata_only_removed",
			      buf_cstr(&labels), &value),
		rule);
	buf_fini(&labels);
	return (uint64_t)value;
}

bool policy_holds(struct slice bytes, const char *text)
{
	return memmem(bytes.ptr, bytes.len, text, strlen(text)) != NULL;
}

const char *policy_form_value(enum policy_form form)
{
	static const char *const values[FORM_COUNT] = {
		[FORM_ANY] = "SURVIVOR-90b3",
		[FORM_NUMBER] = "9071253",
		[FORM_FIGURES] = "9071253",
		[FORM_TOKEN] = "SURVIVOR-90b3",
		[FORM_NAME] = "SURVIVOR-90b3 agent",
		[FORM_TIME] = "\"2026-11-30T04:00:00.907Z\"",
		[FORM_URL] = "https://host/SURVIVOR-90b3",
		[FORM_ROUTE] = "^SURVIVOR-90b3/(?P<pk>[0-9]+)/$",
		[FORM_LINE] = "SURVIVOR-90b3 (Debian GNU/Linux 12; x86_64) 6.1.0 #1 SMP",
		[FORM_SUMMARY] = "SELECT SURVIVOR-90b3",
		[FORM_PAIRS] = "SURVIVOR-90b3",
	};
	return values[form];
}

/* ---- samples ---- */

struct sampler {
	struct slice re;
	size_t at;
	unsigned choice; /* what is left of the number: each choice takes its share */
	struct buf *out; /* NULL: reading over something */
};

static unsigned choose(struct sampler *s, unsigned count)
{
	unsigned chosen = s->choice % count;
	if (s->out)
		s->choice /= count;
	return chosen;
}

static void put(struct sampler *s, uint8_t byte)
{
	if (s->out)
		buf_append_byte(s->out, byte);
}

static void sample_sequence(struct sampler *s);

/* The group at s->at: one of its alternatives is written. */
static void sample_group(struct sampler *s)
{
	size_t begin = ++s->at;
	unsigned count = 1;
	struct sampler probe = *s;
	for (probe.out = NULL; sample_sequence(&probe), probe.re.ptr[probe.at] == '|'; probe.at++)
		count++;
	unsigned chosen = choose(s, count);
	struct buf *out = s->out;
	s->at = begin;
	for (unsigned i = 0; i < count; i++, s->at++) {
		s->out = i == chosen ? out : NULL;
		sample_sequence(s);
	}
	s->out = out; /* s->at stands behind the closing parenthesis */
}

/* Letters, escapes, classes and groups up to | or ) or the end; repetitions occur once or not. */
static void sample_sequence(struct sampler *s)
{
	while (s->at < s->re.len && s->re.ptr[s->at] != '|' && s->re.ptr[s->at] != ')') {
		size_t begin = s->at, after;
		struct sampler probe = *s;
		bool optional;
		for (int pass = 0; pass < 2; pass++) {
			struct sampler *p = pass == 0 ? &probe : s;
			struct buf *out = p->out;
			if (pass == 0)
				p->out = NULL;
			uint8_t byte = p->re.ptr[p->at];
			if (pass == 1) {
				optional = after < p->re.len &&
					   (p->re.ptr[after] == '?' || p->re.ptr[after] == '*');
				if (optional && choose(p, 2) == 1)
					p->out = NULL;
			}
			if (byte == '(') {
				sample_group(p);
			} else if (byte == '[') {
				put(p, p->re.ptr[p->at + 1]);
				p->at += strcspn((const char *)p->re.ptr + p->at, "]") + 1;
			} else if (byte == '\\') {
				put(p, p->re.ptr[p->at + 1]);
				p->at += 2;
			} else {
				if (byte != '^' && byte != '$')
					put(p, byte == '.' ? 'x' : byte);
				p->at++;
			}
			after = p->at;
			p->out = out;
		}
		(void)begin;
		if (s->at < s->re.len && strchr("?*+", s->re.ptr[s->at]))
			s->at++;
	}
}

/* No class, group or repetition, and no end. */
static bool is_text_only(struct slice re)
{
	for (size_t i = 0; i < re.len; i++) {
		if (memchr("()[]?*+|$", re.ptr[i], 9))
			return false;
	}
	return true;
}

bool policy_sample(struct slice pattern, unsigned number, struct buf *out)
{
	static const char *const tails[] = {"", ".0.x", ".more"};
	buf_reset(out);
	if (pattern.ptr[0] == '/') {
		struct sampler s = {.re = slice_of(pattern.ptr + 1, pattern.len - 2),
				    .choice = number,
				    .out = out};
		if (s.re.ptr[0] == '\\' || s.re.ptr[0] == '_')
			buf_append_str(out, "app");
		sample_sequence(&s);
		/* What begins so has longer ones, too. */
		if (s.re.ptr[0] == '^' && is_text_only(s.re) && s.choice == 1) {
			buf_append_str(out, "_delta.0");
			return true;
		}
		if (slice_has_suffix(s.re, SLICE("\\.")))
			buf_append_str(out, "x");
		return s.choice == 0;
	}
	if (!slice_has_suffix(pattern, SLICE(".*"))) {
		buf_append(out, pattern);
		return number == 0;
	}
	if (number >= ARRAY_COUNT(tails))
		return false;
	buf_append(out, slice_of(pattern.ptr, pattern.len - 2));
	buf_append_str(out, tails[number]);
	return true;
}
