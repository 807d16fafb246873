/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In process, one core: index + six conditions on key ids + one dropped attribute per span + encode
 * of 512-span requests, beside protobuf-c unpack + pack + free of the same bytes. 16 distinct
 * bodies in turn. The output is compared with protobuf-c's before anything is timed; both sides
 * are timed in turns; medians are printed.
 */
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp/encode.h"
#include "tests/support/bench_figure.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_proto.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODIES = 16, SPANS = 512, REPEATS = 9, ROUNDS = 8, RATIO_GOAL = 9 };

static const char *const other_keys[] = {
	"service.name",
	"http.route",
	"http.target",
	"url.full",
	"http.method",
	"url.path",
	"http.request.method",
	"http.response.status_code",
	"server.address",
	"server.port",
	"gen_ai.operation.name",
	"gen_ai.system",
	"gen_ai.request.model",
	"gen_ai.response.model",
	"gen_ai.usage.input_tokens",
	"gen_ai.usage.output_tokens",
	"gen_ai.response.id",
	"gen_ai.response.finish_reasons",
	"session.id",
	"user.id",
	"gen_ai.completion",
	"gen_ai.request.temperature",
	"langfuse.user.id",
	"langfuse.session.id",
	"user_agent.original",
	"db.system",
	"messaging.system",
	"http.url",
	"error.type",
	"k8s.pod.name",
};

struct bench {
	struct budget budget;
	struct key_table *keys;
	key_id denied, conditions[6];
	struct trace_view *view;
	struct buf bodies[BODIES];
	uint8_t *out;
	size_t out_bytes;
};

static key_id add_key(struct bench *bench, const char *key)
{
	struct err err;
	key_id id = key_table_add(bench->keys, slice_str(key), &err);
	if (id == KEY_ID_NONE)
		bench_die("%s", err.msg);
	return id;
}

/* Absent keys mostly, as noise filters ask; two that exist and do not match. */
static const char *const condition_keys[6] = {"http.route",  "http.target", "url.full",
					      "http.method", "url.path",    "user_agent.original"};

static void bench_init(struct bench *bench, enum payload_shape shape)
{
	struct err err;
	budget_init(&bench->budget, UINT64_MAX);
	bench->keys = key_table_new();
	if (!bench->keys)
		bench_die("out of memory");
	for (size_t i = 0; i < ARRAY_COUNT(other_keys); i++)
		(void)add_key(bench, other_keys[i]);
	for (size_t i = 0; i < ARRAY_COUNT(condition_keys); i++)
		bench->conditions[i] = add_key(bench, condition_keys[i]);
	bench->denied =
		add_key(bench, shape == PAYLOAD_S ? PAYLOAD_DENIED_KEY_S : PAYLOAD_DENIED_KEY_G);
	if (key_table_freeze(bench->keys, &err))
		bench_die("%s", err.msg);
	bench->view = view_new(&bench->budget, bench->keys);
	if (!bench->view)
		bench_die("out of memory");
	for (unsigned i = 0; i < BODIES; i++) {
		bench->bodies[i] = BUF_INIT;
		payload_append(&bench->bodies[i], shape, SPANS, 1000 + i);
		if (bench->bodies[i].len > bench->out_bytes)
			bench->out_bytes = bench->bodies[i].len;
	}
	bench->out = malloc(bench->out_bytes);
	if (!bench->out)
		bench_die("out of memory");
}

static void bench_fini(struct bench *bench)
{
	for (unsigned i = 0; i < BODIES; i++)
		buf_fini(&bench->bodies[i]);
	view_free(bench->view);
	key_table_free(bench->keys);
	free(bench->out);
}

static bool span_is_noise(const struct bench *bench, uint32_t span)
{
	struct value value;
	for (unsigned i = 0; i < ARRAY_COUNT(bench->conditions); i++) {
		if (view_find_attr(bench->view, (struct owner){OWNER_SPAN, span},
				   bench->conditions[i], &value) &&
		    value.type == VALUE_STRING && slice_equal(value.bytes, SLICE("/metrics")))
			return true;
	}
	return false;
}

/* One request through index, filter and encode; returns the bytes written. A function of its own in
 * every build: instructions are counted from its entry to its end. */
static __attribute__((noinline)) size_t run_sluice(struct bench *bench, struct slice body)
{
	struct err err;
	struct encode_plan plan;
	if (view_open(bench->view, body, &err) || view_begin(bench->view, &err))
		bench_die("%s", err.msg);
	uint32_t count = bench->view->index.span_count;
	for (uint32_t span = 0; span < count; span++) {
		if (span_is_noise(bench, span)) {
			edit_drop_span(bench->view, span);
			continue;
		}
		(void)edit_remove_attr(bench->view, (struct owner){OWNER_SPAN, span},
				       bench->denied);
	}
	if (trace_encode_measure(bench->view, (struct span_window){0, count}, &plan, &err))
		bench_die("%s", err.msg);
	if (plan.bytes > bench->out_bytes)
		bench_die("output larger than input");
	trace_encode_write(bench->view, &plan, bench->out);
	return plan.bytes;
}

static size_t run_index(struct bench *bench, struct slice body)
{
	struct err err;
	if (view_open(bench->view, body, &err))
		bench_die("%s", err.msg);
	return bench->view->index.span_count;
}

static size_t run_protobuf_c(struct bench *bench, struct slice body)
{
	trace_tree *tree = trace_tree_parse(body);
	if (!tree)
		bench_die("protobuf-c refused the payload");
	size_t len = otlp__export_trace_service_request__pack(tree, bench->out);
	trace_request_free(tree);
	return len;
}

/* protobuf-c's own tree without the denied attributes, packed, must be our output. */
static void check_output(struct bench *bench, struct slice body, const char *denied)
{
	size_t len = run_sluice(bench, body);
	trace_tree *ours = trace_tree_parse(slice_of(bench->out, len));
	trace_tree *theirs = trace_tree_parse(body);
	if (!ours || !theirs)
		bench_die("protobuf-c refused a request");
	Otlp__ScopeSpans *scope = theirs->resource_spans[0]->scope_spans[0];
	for (size_t i = 0; i < scope->n_spans; i++) {
		Otlp__Span *span = scope->spans[i];
		size_t kept = 0;
		for (size_t j = 0; j < span->n_attributes; j++) {
			if (strcmp(span->attributes[j]->key, denied) == 0)
				otlp__key_value__free_unpacked(span->attributes[j], NULL);
			else
				span->attributes[kept++] = span->attributes[j];
		}
		if (kept + 1 != span->n_attributes)
			bench_die("a span without the denied attribute");
		span->n_attributes = kept;
	}
	size_t packed = otlp__export_trace_service_request__get_packed_size(theirs);
	uint8_t *expected = malloc(packed);
	if (!expected)
		bench_die("out of memory");
	(void)otlp__export_trace_service_request__pack(theirs, expected);
	if (packed != len || memcmp(expected, bench->out, len) != 0)
		bench_die("the output differs from protobuf-c's");
	free(expected);
	trace_request_free(ours);
	trace_request_free(theirs);
}

typedef size_t run(struct bench *bench, struct slice body);

static double ns_per_span(struct bench *bench, run *run_one)
{
	uint64_t start_ns = clock_monotonic_ns();
	for (unsigned i = 0; i < BODIES * ROUNDS; i++)
		(void)run_one(bench, buf_slice(&bench->bodies[i % BODIES]));
	return (double)(clock_monotonic_ns() - start_ns) / (BODIES * ROUNDS * SPANS);
}

static void bench_shape(enum payload_shape shape)
{
	struct bench bench = {0};
	bench_init(&bench, shape);
	for (unsigned i = 0; i < BODIES; i++)
		check_output(&bench, buf_slice(&bench.bodies[i]),
			     shape == PAYLOAD_S ? PAYLOAD_DENIED_KEY_S : PAYLOAD_DENIED_KEY_G);
	struct bench_samples reference = {0}, sluice = {0}, index = {0};
	for (unsigned i = 0; i < REPEATS; i++) {
		bench_add(&reference, ns_per_span(&bench, run_protobuf_c));
		bench_add(&sluice, ns_per_span(&bench, run_sluice));
		bench_add(&index, ns_per_span(&bench, run_index));
	}
	double theirs = bench_median(&reference), ours = bench_median(&sluice);
	printf("%c  %6.1f B/span  protobuf-c unpack+pack+free %7.1f ns/span  "
	       "index+filter+encode %6.1f ns/span (index alone %6.1f)  ratio 1/%.1f, goal "
	       "1/%d: %s\n",
	       shape == PAYLOAD_S ? 'S' : 'G', (double)bench.bodies[0].len / SPANS, theirs, ours,
	       bench_median(&index), theirs / ours, RATIO_GOAL,
	       bench_verdict(theirs >= ours * RATIO_GOAL));
	bench_fini(&bench);
}

/* For a tool that counts instructions: each body twice. Prints the spans that were in them. */
static void count_shape(enum payload_shape shape)
{
	struct bench bench = {0};
	bench_init(&bench, shape);
	for (unsigned i = 0; i < 2 * BODIES; i++)
		(void)run_sluice(&bench, buf_slice(&bench.bodies[i % BODIES]));
	printf("%d\n", 2 * BODIES * SPANS);
	bench_fini(&bench);
}

/* Without an argument: the comparison. With "S" or "G": what instructions are counted of. */
int main(int argc, char **argv)
{
	if (argc > 1) {
		count_shape(argv[1][0] == 'S' ? PAYLOAD_S : PAYLOAD_G);
		return 0;
	}
	bench_shape(PAYLOAD_S);
	bench_shape(PAYLOAD_G);
	return 0;
}
