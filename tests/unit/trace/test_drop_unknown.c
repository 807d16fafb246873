/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking out unknown fields, values, names and URLs, on random requests against protobuf-c: the same
 * done to its tree gives the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/trace/otlp/encode.h"
#include "tests/support/edit_fixture.h"
#include "tests/support/trace_exceptions.h"
#include "tests/support/trace_proto.h"
#include "tests/support/trace_random.h"
#include "tests/support/trace_wire.h"

#include <stdlib.h>

enum { ROUNDS = 8000 };

/* ---- the same on protobuf-c's tree ---- */

static size_t strip(ProtobufCMessage *message);

/* The messages in one field; returns how many unknown fields they held. */
static size_t strip_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	uint8_t *base = (uint8_t *)message;
	size_t count = 1, removed = 0;
	void *at = base + field->offset;
	uint32_t which;
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return 0;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		memcpy(&count, base + field->quantifier_offset, sizeof(count));
		memcpy(&at, at, sizeof(at));
	} else if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		memcpy(&which, base + field->quantifier_offset, sizeof(which));
		count = which == field->id;
	}
	for (size_t i = 0; i < count; i++) {
		ProtobufCMessage *child;
		memcpy(&child, (uint8_t *)at + i * sizeof(child), sizeof(child));
		if (child)
			removed += strip(child);
	}
	return removed;
}

static size_t strip(ProtobufCMessage *message)
{
	size_t removed = message->n_unknown_fields;
	for (size_t i = 0; i < message->n_unknown_fields; i++)
		free(message->unknown_fields[i].data);
	free(message->unknown_fields);
	message->unknown_fields = NULL;
	message->n_unknown_fields = 0;
	for (unsigned i = 0; i < message->descriptor->n_fields; i++)
		removed += strip_field(message, &message->descriptor->fields[i]);
	return removed;
}

static void fill_values(Otlp__KeyValue **attrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (attrs[i]->value)
			continue;
		attrs[i]->value = calloc(1, sizeof(*attrs[i]->value));
		assert_non_null(attrs[i]->value);
		otlp__any_value__init(attrs[i]->value);
	}
}

/* No value and an empty one mean the same and are written either way, and so is a status. */
static void fill_span(Otlp__Span *span)
{
	if (span->status && span->status->code == 0 && span->status->message[0] == 0) {
		otlp__status__free_unpacked(span->status, NULL);
		span->status = NULL;
	}
	fill_values(span->attributes, span->n_attributes);
	for (size_t i = 0; i < span->n_events; i++)
		fill_values(span->events[i]->attributes, span->events[i]->n_attributes);
	for (size_t i = 0; i < span->n_links; i++)
		fill_values(span->links[i]->attributes, span->links[i]->n_attributes);
}

static void drop_entity_refs(Otlp__Resource *resource)
{
	for (size_t i = 0; i < resource->n_entity_refs; i++)
		otlp__entity_ref__free_unpacked(resource->entity_refs[i], NULL);
	resource->n_entity_refs = 0;
}

/* Scopes and resources without spans are not written; the others get what encode does to them. */
static void tidy(trace_tree *tree)
{
	size_t kept = 0;
	for (size_t r = 0; r < tree->n_resource_spans; r++) {
		Otlp__ResourceSpans *resource = tree->resource_spans[r];
		size_t scopes = 0;
		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			Otlp__ScopeSpans *scope = resource->scope_spans[s];
			if (scope->n_spans == 0) {
				otlp__scope_spans__free_unpacked(scope, NULL);
				continue;
			}
			for (size_t i = 0; i < scope->n_spans; i++)
				fill_span(scope->spans[i]);
			if (scope->scope)
				fill_values(scope->scope->attributes, scope->scope->n_attributes);
			resource->scope_spans[scopes++] = scope;
		}
		resource->n_scope_spans = scopes;
		if (scopes == 0) {
			otlp__resource_spans__free_unpacked(resource, NULL);
			continue;
		}
		if (resource->resource) {
			fill_values(resource->resource->attributes,
				    resource->resource->n_attributes);
			drop_entity_refs(resource->resource);
		}
		tree->resource_spans[kept++] = resource;
	}
	tree->n_resource_spans = kept;
}

static struct buf packed(const trace_tree *tree)
{
	struct buf out = BUF_INIT;
	size_t len = otlp__export_trace_service_request__get_packed_size(tree);
	uint8_t *bytes = malloc(len + 1);
	assert_non_null(bytes);
	buf_append(&out, slice_of(bytes, otlp__export_trace_service_request__pack(tree, bytes)));
	free(bytes);
	return out;
}

static void assert_same(trace_tree *expected, struct chunk *chunk, uint64_t seed)
{
	tidy(expected);
	if (!chunk) {
		assert_int_equal(expected->n_resource_spans, 0);
		return;
	}
	trace_tree *ours = trace_tree_parse(chunk_slice(chunk));
	assert_non_null(ours);
	if (strip(&ours->base) != 0)
		fail_msg("seed %llu: an unknown field is left", (unsigned long long)seed);
	tidy(ours);
	struct buf a = packed(expected), b = packed(ours);
	if (!slice_equal(buf_slice(&a), buf_slice(&b)))
		fail_msg("seed %llu: the trees differ", (unsigned long long)seed);
	buf_fini(&a);
	buf_fini(&b);
	trace_request_free(ours);
}

/* The edit of one random request; ${also} does more to both sides. */
typedef void also(struct edit_fixture *f, trace_tree *tree);

static unsigned check_all(struct edit_fixture *f, also *more)
{
	struct buf body = BUF_INIT;
	struct err err;
	unsigned with_unknown = 0;
	for (uint64_t seed = 0; seed < ROUNDS; seed++) {
		struct random_shape shape = random_shape_of(seed);
		struct chunk *chunk;
		buf_reset(&body);
		random_request(&shape, &body);
		if (trace_exceptions(buf_slice(&body)) & EXCEPTION_REFUSED)
			continue;
		assert_int_equal(view_open(f->view, buf_slice(&body), &err), 0);
		trace_tree *tree = trace_tree_parse(f->view->index.body);
		assert_non_null(tree);
		size_t removed = strip(&tree->base);
		if ((removed > 0) != (f->view->index.unknown_count > 0))
			fail_msg("seed %llu: %zu unknown fields, %u counted",
				 (unsigned long long)seed, removed, f->view->index.unknown_count);
		with_unknown += removed > 0;
		assert_int_equal(view_begin(f->view, &err), 0);
		if (more)
			more(f, tree);
		edit_drop_unknown(f->view);
		assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
		assert_same(tree, chunk, seed);
		trace_request_free(tree);
		chunk_unref(chunk);
	}
	buf_fini(&body);
	return with_unknown;
}

static void unknown_fields_go_at_every_level(void **state)
{
	assert_true(check_all(*state, NULL) > ROUNDS / 10);
}

static void set_text(char **at, const char *text)
{
	if (*at != protobuf_c_empty_string)
		free(*at);
	*at = strdup(text);
	assert_non_null(*at);
}

/* Names of scopes and events, states of links, no versions, no schema URLs. */
static void change_fields(struct edit_fixture *f, trace_tree *tree)
{
	uint32_t scope_at = 0, span_at = 0, event_at = 0, link_at = 0;
	for (size_t r = 0; r < tree->n_resource_spans; r++) {
		Otlp__ResourceSpans *resource = tree->resource_spans[r];
		edit_drop_schema_url(f->view, (struct owner){OWNER_RESOURCE, (uint32_t)r});
		set_text(&resource->schema_url, "");
		for (size_t s = 0; s < resource->n_scope_spans; s++, scope_at++) {
			Otlp__ScopeSpans *scope = resource->scope_spans[s];
			edit_drop_schema_url(f->view, (struct owner){OWNER_SCOPE, scope_at});
			set_text(&scope->schema_url, "");
			if (scope->scope) {
				edit_set_scope_name(f->view, scope_at, SLICE("scope"));
				edit_set_scope_version(f->view, scope_at, SLICE(""));
				set_text(&scope->scope->name, "scope");
				set_text(&scope->scope->version, "");
			}
			for (size_t i = 0; i < scope->n_spans; i++, span_at++) {
				Otlp__Span *span = scope->spans[i];
				for (size_t e = 0; e < span->n_events; e++, event_at++) {
					edit_set_event_name(f->view, event_at, SLICE("event"));
					set_text(&span->events[e]->name, "event");
				}
				for (size_t l = 0; l < span->n_links; l++, link_at++) {
					edit_set_link_trace_state(f->view, link_at, SLICE("a=b"));
					set_text(&span->links[l]->trace_state, "a=b");
				}
			}
		}
	}
}

static void names_and_urls_are_replaced(void **state)
{
	(void)check_all(*state, change_fields);
}

static void replaced_values_are_seen_and_written(void **state)
{
	struct edit_fixture *f = *state;
	struct buf body = BUF_INIT, span = BUF_INIT;
	struct err err;
	struct chunk *chunk;
	struct attr_view seen;
	tw_attr_text(&span, SPAN_ATTRIBUTES, "a", "before");
	tw_attr_text(&span, SPAN_ATTRIBUTES, "b", "stays");
	tw_request_of_span(&body, buf_slice(&span));
	assert_int_equal(view_open(f->view, buf_slice(&body), &err), 0);
	struct owner owner = {OWNER_SPAN, 0};
	assert_true(view_attrs_untouched(f->view, owner));
	edit_replace_value(f->view, owner, 0, value_of_int(7));
	edit_rename_attr(f->view, owner, 0, SLICE("c"), 0);
	assert_false(view_attrs_untouched(f->view, owner));
	struct attr_cursor cursor = view_attrs(f->view, owner);
	assert_true(view_next_attr(f->view, &cursor, &seen));
	assert_true(slice_equal(seen.key, SLICE("c")) && seen.value_type == VALUE_INT &&
		    view_attr_value(f->view, owner, &seen).i == 7 && seen.attr == 0 &&
		    !seen.received);
	assert_int_equal(trace_encode(f->view, &f->budget, &chunk, &err), 0);
	trace_tree *tree = trace_tree_parse(chunk_slice(chunk));
	const Otlp__Span *left = tree->resource_spans[0]->scope_spans[0]->spans[0];
	assert_int_equal(left->n_attributes, 2);
	assert_string_equal(left->attributes[0]->key, "c");
	assert_int_equal(left->attributes[0]->value->int_value, 7);
	assert_string_equal(left->attributes[1]->value->string_value, "stays");
	trace_request_free(tree);
	chunk_unref(chunk);
	buf_fini(&body);
	buf_fini(&span);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_fields_go_at_every_level),
		cmocka_unit_test(names_and_urls_are_replaced),
		cmocka_unit_test(replaced_values_are_seen_and_written),
	};
	return cmocka_run_group_tests(tests, edit_fixture_set_up, edit_fixture_tear_down);
}
