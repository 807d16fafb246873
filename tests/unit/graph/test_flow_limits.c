/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that grow too large on their way: refused for good when they would be so again, for now
 * when it was the process that had no memory. */
#include "pipeline/base/clock.h"
#include "tests/support/graph_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MIB = 1 << 20 };

static const char one_pipeline[] =
	"receivers: {nop: }\n"
	"processors: {filter: {traces: {span: ['name == \"odd\"']}}}\n"
	"exporters: {nop: }\n"
	"service: {pipelines: {traces: {receivers: [nop], processors: [filter], exporters: "
	"[nop]}}}\n";

/* How many MiB the processor under test adds to each request. */
static unsigned added_mib;

static enum outcome add(void *self, void *state, struct trace_view *view, struct err *err)
{
	(void)self;
	(void)state;
	(void)err;
	uint8_t *large = calloc(1, MIB);
	assert_non_null(large);
	for (unsigned i = 0; i < added_mib; i++)
		edit_set_attr(view, (struct owner){OWNER_SPAN, 0}, SLICE("large"), 0,
			      value_of_str(slice_of(large, MIB)));
	free(large);
	return OUTCOME_TAKEN;
}

static const struct processor_ops adding = {.process = add};
static const struct component_type adding_type = {.kind = COMPONENT_PROCESSOR,
						  .processor = &adding};

static void edits_over_their_bound_are_refused_for_good(void **state)
{
	static const struct {
		unsigned added_mib;
		uint64_t budget_bytes; /* on top of what is held */
		enum outcome outcome;
		enum err_kind kind;
		const char *reason;
	} cases[] = {
		{1, 64 * MIB, OUTCOME_TAKEN, ERR_NONE, NULL},
		{100, 512 * MIB, OUTCOME_REJECTED, ERR_LIMIT, "limit"},
		{100, 8 * MIB, OUTCOME_RETRY, ERR_NOMEM, "memory"},
	};
	(void)state;
	struct graph_fixture fixture;
	struct buf body = BUF_INIT;
	graph_fixture_open(&fixture, one_pipeline, 1);
	struct node *node = &fixture.graph->pipelines[0].processors[0].node;
	const struct component_type *filter = node->type;
	struct budget *budget = &fixture.graph->budget;
	node->type = &adding_type;
	graph_request(&body, 0, 1, 10, 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct graph_push push;
		char labels[64];
		added_mib = cases[i].added_mib;
		atomic_store(&budget->limit, budget_used(budget) + cases[i].budget_bytes);
		graph_fixture_push(&fixture, 0, buf_slice(&body), 0, &push);
		assert_int_equal(push.answers, 1);
		assert_int_equal(push.outcome, cases[i].outcome);
		assert_int_equal(push.err_kind, cases[i].kind);
		graph_fixture_drain(&fixture);
		/* Nothing of it stays behind until the next request comes. */
		assert_true(budget_used(budget) < 4 * MIB);
		if (!cases[i].reason)
			continue;
		(void)snprintf(labels, sizeof(labels), "receiver=\"nop\",reason=\"%s\"",
			       cases[i].reason);
		assert_int_equal(
			graph_fixture_metric(&fixture, "sluice_receiver_requests_refused", labels),
			1);
	}
	assert_int_equal(counter_get(&graph_fixture_ledger(&fixture, 0)->sent), 1);
	node->type = filter;
	buf_fini(&body);
	graph_fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_over_their_bound_are_refused_for_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
