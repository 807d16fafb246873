/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probabilistic sampler. Whatever a request holds: what is kept and dropped is counted; a trace
 * is kept or dropped whole, unless a span of it says otherwise; nothing of it is kept at 0 %, all of
 * it at 100 %; and what a lower percentage keeps, a higher one keeps, too.
 *
 * Byte 0: bits 0-2 one percentage, 3-5 another, bit 6 fail_closed; then a request (fuzz_request.h).
 */
#include "tests/support/fuzz_request.h"
#include "tests/support/fuzz_script.h"
#include "tests/support/langfuse_bench.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PERCENTAGES = 8, SPANS_MAX = 1024, SEED = 22 };

static const char *const percentages[PERCENTAGES] = {"0",  "1e-3", "6.25",    "33.3",
						     "50", "99.9", "99.9999", "100"};

static struct processor_bench benches[PERCENTAGES][2];

static struct processor_bench *bench_of(size_t percentage, bool fail_closed)
{
	struct processor_bench *bench = &benches[percentage][fail_closed];
	char yaml[128];
	const char *const processors[] = {"probabilistic_sampler", yaml, NULL};
	(void)snprintf(yaml, sizeof(yaml),
		       "{sampling_percentage: %s, hash_seed: %d, fail_closed: %s}",
		       percentages[percentage], SEED, fail_closed ? "true" : "false");
	if (!bench->view)
		processor_bench_open(bench, processors);
	return bench;
}

static double counted(struct processor_bench *bench)
{
	static const char *const labels[] = {"policy=\"trace_id_hash\",sampled=\"true\"",
					     "policy=\"trace_id_hash\",sampled=\"false\"",
					     "policy=\"sampling_priority\",sampled=\"true\"",
					     "policy=\"sampling_priority\",sampled=\"false\""};
	double sum = 0;
	for (size_t i = 0; i < ARRAY_COUNT(labels); i++)
		sum += bench_metric(bench,
				    "otelcol_processor_probabilistic_sampler_count_traces_sampled",
				    labels[i]);
	return sum;
}

/* Whether the hash of the trace id alone decides, as far as a reader of the request can tell. */
static bool is_plain(const struct trace_view *view, uint32_t span)
{
	struct owner owner = {OWNER_SPAN, span};
	struct attr_cursor cursor = view_attrs(view, owner);
	struct attr_view attr;
	while (view_next_attr(view, &cursor, &attr)) {
		if (slice_equal(attr.key, SLICE("sampling.priority")))
			return false;
	}
	static const uint8_t zero_id[TRACE_ID_BYTES];
	struct slice id = view_span_trace_id(view, span);
	return id.len == TRACE_ID_BYTES && memcmp(id.ptr, zero_id, sizeof(zero_id)) != 0 &&
	       view_span_trace_state(view, span).len == 0;
}

static void check_traces(const struct trace_view *view)
{
	for (uint32_t a = 0; a < view_span_count(view); a++) {
		for (uint32_t b = 0; b < a; b++) {
			if (is_plain(view, a) && is_plain(view, b) &&
			    slice_equal(view_span_trace_id(view, a), view_span_trace_id(view, b)))
				fuzz_must(view_span_live(view, a) == view_span_live(view, b));
		}
	}
}

/* Which spans stay; ${ret_kept} has SPANS_MAX. */
static void sample(struct slice body, size_t percentage, bool fail_closed, bool *ret_kept)
{
	struct processor_bench *bench = bench_of(percentage, fail_closed);
	double before = counted(bench);
	fuzz_must(processor_bench_run(bench, body) == OUTCOME_TAKEN);
	uint32_t count = view_span_count(bench->view);
	fuzz_must(counted(bench) - before == count);
	check_traces(bench->view);
	for (uint32_t span = 0; span < count; span++) {
		ret_kept[span] = view_span_live(bench->view, span);
		if (is_plain(bench->view, span)) {
			fuzz_must(percentage > 0 || !ret_kept[span]);
			fuzz_must(percentage + 1 < PERCENTAGES || ret_kept[span]);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool low[SPANS_MAX], high[SPANS_MAX];
	struct slice script = slice_of(data, size);
	uint8_t flags = fuzz_byte(&script);
	struct buf room = BUF_INIT;
	struct err err;
	struct slice body = fuzz_request(script, &room);
	size_t one = flags & 7, other = flags >> 3 & 7;
	bool fail_closed = flags & 64;
	struct trace_view *view = bench_of(one, fail_closed)->view;
	if (view_open(view, body, &err) == 0 && view_span_count(view) <= SPANS_MAX) {
		uint32_t count = view_span_count(view);
		sample(body, one < other ? one : other, fail_closed, low);
		sample(body, one < other ? other : one, fail_closed, high);
		for (uint32_t span = 0; span < count; span++)
			fuzz_must(high[span] || !low[span]);
	}
	buf_fini(&room);
	return 0;
}
