/* SPDX-License-Identifier: Apache-2.0 */
/* What spans, resources and requests of one trace tell each other under the langfuse processor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/langfuse_case.h"

#include <stdio.h>

#define TRACE_METADATA "langfuse.trace.metadata"

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define LONG_NAME FIFTY FIFTY FIFTY TEN TEN TEN TEN "012345678" /* 199 bytes */

static const struct example_service telling_services[REQUESTS_MAX] = {
	{NULL, ATTRS(STR("service.name", "a"), STR("langfuse.user.id", "u"),
		     STR(TRACE_METADATA, "{\"tenant\":\"acme\"}"))},
	{NULL, ATTRS(STR("service.name", "b"), INT("service.version", 3),
		     STR("deployment.environment.name", "Langfuse_Prod EU"))},
	{NULL, ATTRS(STR("service.name", "c"), MODEL("served"))},
	{NULL, ATTRS(STR("service.name", "d"))}};

static const struct langfuse_case cases[] = {
	{"metadata of all spans of a trace adds up, a span's own goes first",
	 "",
	 {ROW(0, 0, APP, "root", STR(TRACE_METADATA, "{\"tenant\": \"acme\", \"step\": 1}")),
	  ROW(0, 1, APP, "own", STR(TRACE_METADATA ".step", "mine"), INT("langfuse.metadata.n", 4)),
	  ROW(0, 1, APP, "none", NO_ATTRS),
	  ROW(0, 1, APP, "odd", STR(TRACE_METADATA, "no object"))},
	 {{"root", TRACE_METADATA, "string {\"tenant\": \"acme\", \"step\": 1,\"n\":4}"},
	  {"own", TRACE_METADATA, "string {\"step\":\"mine\",\"n\":4,\"tenant\":\"acme\"}"},
	  {"own", TRACE_METADATA ".step", "string mine"},
	  {"none", TRACE_METADATA, "string {\"tenant\": \"acme\", \"step\": 1,\"n\":4}"},
	  {"odd", TRACE_METADATA, "string {\"tenant\": \"acme\", \"step\": 1,\"n\":4}"}},
	 NULL},
	{"metadata adds up across requests",
	 "",
	 {ROW(0, 0, APP, "first", STR(TRACE_METADATA, "{\"a\":1}")),
	  ROW(1, 1, APP, "second", STR(TRACE_METADATA, "{\"b\":[2]}")),
	  ROW(2, 1, APP, "third", STR(TRACE_METADATA ".c", "3")), ROW(3, 1, APP, "last", NO_ATTRS)},
	 {{"first", TRACE_METADATA, "string {\"a\":1}"},
	  {"second", TRACE_METADATA, "string {\"b\":[2],\"a\":1}"},
	  {"third", TRACE_METADATA, "string {\"c\":\"3\",\"a\":1,\"b\":[2]}"},
	  {"last", TRACE_METADATA, "string {\"a\":1,\"b\":[2],\"c\":\"3\"}"}},
	 NULL},
	{"what a resource says of users and metadata is said of its traces",
	 "",
	 {ROW(0, 0, APP, "a", NO_ATTRS), ROW(1, 1, APP, "b", NO_ATTRS),
	  ROW(1, 1, APP, "own", STR("langfuse.user.id", "other"))},
	 {{"a", "langfuse.user.id", "string u"},
	  {"a", TRACE_METADATA, "string {\"tenant\":\"acme\"}"},
	  {"b", "langfuse.user.id", "string u"},
	  {"b", TRACE_METADATA, "string {\"tenant\":\"acme\"}"},
	  {"own", "langfuse.user.id", "string other"}},
	 telling_services},
	{"what Langfuse reads on resources is made readable there",
	 "",
	 {ROW(1, 0, APP, "a", NO_ATTRS)},
	 {{"a", "RESOURCE service.version", "string 3"},
	  {"a", "RESOURCE deployment.environment.name", "string prod-eu"},
	  {"a", "RESOURCE service.name", "string b"},
	  {"a", "langfuse.environment", ""}},
	 telling_services},
	{"a model server's resource may name the model",
	 "models: {c: configured}",
	 {ROW(2, 0, VLLM, "llm_request", TOKENS(1, 2))},
	 {{"llm_request", MODEL_NAME, "string served"}},
	 telling_services},
	{"who calls a model names it for its server, and who embeds does not",
	 "",
	 {ROW(0, 0, APP, "embed", STR("openinference.span.kind", "EMBEDDING"), MODEL("bge-m3")),
	  ROW(0, 0, APP, "embed too", STR("gen_ai.operation.name", "embeddings"),
	      STR("embedding.model_name", "bge-m3")),
	  ROW(0, 0, VLLM, "llm_request", TOKENS(1, 2)),
	  ROW(1, 0, APP, "call", STR("openinference.span.kind", "LLM"),
	      STR("llm.request.model_name", "llama")),
	  ROW(2, 3, VLLM, "full", TOKENS(1, 2))},
	 {{"llm_request", MODEL_NAME, ""},
	  {"call", MODEL_NAME, "string llama"},
	  {"full", MODEL_NAME, "string llama"}},
	 NULL},
	{"a trace's name has an end, between two characters",
	 "",
	 {ROW(0, 0, APP, "a", STR("langfuse.trace.name", LONG_NAME "\xc3\xa4\xc3\xa4"))},
	 {{"a", "langfuse.trace.name", "string " LONG_NAME}},
	 NULL},
	{"ids and names that are no texts become texts",
	 "",
	 {ROW(0, 0, APP, "a", INT("langfuse.user.id", 7), INT("langfuse.trace.name", 8),
	      DOUBLE("langfuse.release", 1.5), STR("gen_ai.conversation.id", "talk")),
	  ROW(0, 1, APP, "b", NO_ATTRS)},
	 {{"a", "langfuse.user.id", "string 7"},
	  {"a", "langfuse.trace.name", "string 8"},
	  {"a", "langfuse.release", "string 1.5"},
	  {"a", "langfuse.session.id", "string talk"},
	  {"a", "gen_ai.conversation.id", "string talk"},
	  {"b", "langfuse.user.id", "string 7"},
	  {"b", "langfuse.trace.name", "string 8"},
	  {"b", "langfuse.session.id", "string talk"}},
	 NULL},
	{"a place among the metadata that the application has taken stays as it is",
	 "",
	 {ROW(0, 0, VLLM, "llm_request", DOUBLE("gen_ai.latency.e2e", 1.5),
	      DOUBLE("gen_ai.latency.time_in_queue", 0.5), STR(META "latency_e2e_s", "mine"),
	      STR(META "time_in_queue_s", "mine"))},
	 {{"llm_request", META "latency_e2e_s", "string mine"},
	  {"llm_request", META "time_in_queue_s", "string mine"},
	  {"llm_request", "gen_ai.latency.time_in_queue", ""}},
	 NULL},
	{"an environment loses every reserved prefix",
	 "",
	 {ROW(0, 0, APP, "a", STR("langfuse.environment", "langfuse-Langfuse.x")),
	  ROW(0, 1, APP, "b", NO_ATTRS)},
	 {{"a", "langfuse.environment", "string x"}, {"b", "langfuse.environment", "string x"}},
	 NULL},
};

static void every_case_shows_what_it_should(void **state)
{
	(void)state;
	langfuse_cases_run(cases, ARRAY_COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_shows_what_it_should),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
