/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/langfuse_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"

#include <stdio.h>

static const struct example_service plain_services[REQUESTS_MAX] = {
	{NULL, ATTRS(STR("service.name", "app"))},
	{NULL, ATTRS(STR("service.name", "app"))},
	{NULL, ATTRS(STR("service.name", "app"))},
	{NULL, ATTRS(STR("service.name", "app"))}};

static const struct example_scope scopes[] = {[APP] = {"my.app", NULL, NULL},
					      [VLLM] = {"vllm.tracing.otel", NULL, NULL},
					      [EPP] = {"llm-d-router/pkg/epp", NULL, NULL},
					      [ROUTER] = {"semantic-router", NULL, NULL}};

void langfuse_case_build(const struct langfuse_case *this, struct budget *budget,
			 struct example_requests *requests)
{
	struct example_trace trace = {.services = this->services ? this->services : plain_services,
				      .scopes = scopes,
				      .spans = this->rows,
				      .service_count = REQUESTS_MAX,
				      .scope_count = ARRAY_COUNT(scopes)};
	struct err err;
	while (trace.span_count < ROWS_MAX && this->rows[trace.span_count].name)
		trace.span_count++;
	const struct example_variant variant = {.seed = 5,
						.end_ns = (CASES_START_S + 1) * NS_PER_S};
	assert_int_equal(example_table_build(&trace, 1, &variant, budget, requests, &err), 0);
}

static const char *find_value(const struct processor_bench *bench, uint32_t span, const char *key)
{
	static const char of_resource[] = "RESOURCE ";
	static char name[64];
	if (strncmp(key, of_resource, strlen(of_resource)) == 0) {
		const struct trace_index *index = &bench->out_view->index;
		uint32_t at = index->scopes[index->spans[span].scope].resource;
		return bench_attr(bench, (struct owner){OWNER_RESOURCE, at},
				  key + strlen(of_resource));
	}
	if (strcmp(key, "NAME") != 0)
		return bench_span_attr(bench, span, key);
	(void)snprintf(name, sizeof(name), "%.*s",
		       SLICE_FMT(view_span_name(bench->out_view, span)));
	return name;
}

/* Fills in what the checks look for, as far as this request has it. */
static void look(const struct processor_bench *bench, const struct langfuse_case *this,
		 char found[CHECKS_MAX][512])
{
	for (size_t i = 0; i < CHECKS_MAX && this->checks[i].span; i++) {
		uint32_t span = bench_find_span(bench, this->checks[i].span, 0);
		if (span != BENCH_NOT_FOUND)
			(void)snprintf(found[i], 512, "%s",
				       find_value(bench, span, this->checks[i].key));
	}
}

bool langfuse_case_run(const struct langfuse_case *this)
{
	struct processor_bench bench;
	struct example_requests requests;
	char found[CHECKS_MAX][512];
	bool good = true;
	for (size_t i = 0; i < CHECKS_MAX; i++)
		(void)snprintf(found[i], 512, "%s", "(no such span)");
	processor_bench_open(
		&bench, (const char *const[]){this->yaml ? "langfuse" : NULL, this->yaml, NULL});
	langfuse_case_build(this, &bench.budget, &requests);
	for (size_t i = 0; i < requests.count; i++) {
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[i])),
				 OUTCOME_TAKEN);
		assert_int_equal(bench_span_count(&bench), requests.items[i]->span_count);
		look(&bench, this, found);
	}
	for (size_t i = 0; i < CHECKS_MAX && this->checks[i].span; i++) {
		if (strcmp(found[i], this->checks[i].expected) == 0)
			continue;
		good = false;
		print_error("%s: %s of %s\n  found    %s\n  expected %s\n", this->what,
			    this->checks[i].key, this->checks[i].span, found[i],
			    this->checks[i].expected);
	}
	example_requests_fini(&requests);
	processor_bench_close(&bench);
	return good;
}

void langfuse_cases_run(const struct langfuse_case *cases, size_t count)
{
	bool good = true;
	for (size_t i = 0; i < count; i++)
		good &= langfuse_case_run(&cases[i]);
	assert_true(good);
}
