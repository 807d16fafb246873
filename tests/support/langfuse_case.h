/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases of the langfuse processor: rows of one trace, where the service of a row is the request that
 * it comes with, and what attributes are expected on the spans that leave. Values are written with
 * their types: "int 5", "string x", "" for absent; the key NAME is the span's name, and
 * RESOURCE before a key looks at its resource.
 */
#ifndef SLUICE_TESTS_LANGFUSE_CASE_H
#define SLUICE_TESTS_LANGFUSE_CASE_H

#include "cmd/example_table.h"
#include "tests/support/langfuse_bench.h"

enum { ROWS_MAX = 12, CHECKS_MAX = 14, REQUESTS_MAX = 4, CASES_START_S = 1767225600 };

/* Scopes of rows. */
enum { APP, VLLM, EPP, ROUTER };
#define ROW(request, parent, scope, name, ...)                                                     \
	SPAN(parent, request, scope, INTERNAL, name, 0, 1000000, .attrs = ATTRS(__VA_ARGS__))
#define NO_ATTRS                                                                                   \
	{                                                                                          \
		.key = NULL                                                                        \
	}

#define MODEL(name) STR("gen_ai.request.model", name)
#define TOKENS(in, out)                                                                            \
	INT("gen_ai.usage.prompt_tokens", in), INT("gen_ai.usage.completion_tokens", out)
#define TYPE "langfuse.observation.type"
#define USAGE "langfuse.observation.usage_details"
#define COST "langfuse.observation.cost_details"
#define MODEL_NAME "langfuse.observation.model.name"
#define PARAMETERS "langfuse.observation.model.parameters"
#define START "langfuse.observation.completion_start_time"
#define META "langfuse.observation.metadata."

struct check {
	const char *span, *key, *expected;
};

struct langfuse_case {
	const char *what;
	const char *yaml; /* of the processor; NULL: the spans go round it */
	struct example_span rows[ROWS_MAX];
	struct check checks[CHECKS_MAX];
	const struct example_service *services; /* NULL: plain */
};

/* The requests of a case. */
void langfuse_case_build(const struct langfuse_case *this, struct budget *budget,
			 struct example_requests *requests);

/* Runs a case; says what differs. */
bool langfuse_case_run(const struct langfuse_case *this);

/* Fails the test unless all ${count} cases show what they should. */
void langfuse_cases_run(const struct langfuse_case *cases, size_t count);

#endif
