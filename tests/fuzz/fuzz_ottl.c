/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary text as a condition. The first byte chooses the context, the rest is the text; what
 * parses is linted and evaluated on the elements of one fixed request. An error has a message and a
 * place inside the text; the same evaluation twice comes to the same result.
 */
#include "tests/support/ottl_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_finding(void *arg, const char *finding)
{
	size_t *findings = arg;
	if (finding[0] == 0)
		abort();
	++*findings;
}

static uint32_t elements_of(const struct trace_index *index, enum ottl_context context)
{
	switch (context) {
	case OTTL_RESOURCE: return index->resource_count;
	case OTTL_SCOPE: return index->scope_count;
	case OTTL_SPAN: return index->span_count;
	case OTTL_SPANEVENT: return index->event_count;
	case OTTL_CONTEXT_COUNT: break;
	}
	return 0;
}

static void evaluate(struct ottl_bench *bench, const struct ottl_condition *condition)
{
	enum ottl_context context = ottl_condition_context(condition);
	struct err err = {0};
	for (uint32_t at = 0; at < elements_of(&bench->index, context); at++) {
		enum ottl_result first =
			ottl_eval(condition, bench->view, at, bench->scratch, &err);
		enum ottl_result second =
			ottl_eval(condition, bench->view, at, bench->scratch, NULL);
		if (first != second || (first == OTTL_ERROR && err.msg[0] == 0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ottl_bench bench;
	struct err err = {0};
	size_t findings = 0;
	if (size == 0)
		return 0;
	struct slice text = {data + 1, size - 1};
	enum ottl_context context = (enum ottl_context)(data[0] % (OTTL_INFER + 1));
	if (!ottl_bench_begin(&bench))
		abort();
	const struct ottl_condition *condition =
		ottl_parse(text, context, bench.keys, &bench.arena, &err);
	if (condition) {
		ottl_lint(condition, take_finding, &findings);
		if (!ottl_bench_index(&bench, ottl_request_body()))
			abort();
		evaluate(&bench, condition);
	} else if (err.msg[0] == 0 || err.offset > text.len) {
		abort();
	}
	ottl_condition_free(condition);
	ottl_bench_end(&bench);
	return 0;
}
