/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must stay, as a table, in every mode: a trace without it is of no use. And that every name of
 * OpenTelemetry's semantic conventions has a row: nobody forgot one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "processors/metadata_only/explain.h"
#include "tests/support/policy_fixture.h"
#include "tests/support/trace_wire.h"

/* Texts, with values as their writers write them. */
static const char *const texts[][2] = {
	/* OTel GenAI, vLLM */
	{"gen_ai.operation.name", "chat"},
	{"gen_ai.provider.name", "openai"},
	{"gen_ai.system", "vllm"},
	{"gen_ai.request.model", "meta-llama/Llama-3.1-70B-Instruct"},
	{"gen_ai.response.model", "gpt-4o-2024-08-06"},
	{"gen_ai.response.id", "chatcmpl-Bc5vqhOZ0nLPKbQkqWvXKqY1y4ykq"},
	{"gen_ai.request.id", "cmpl-8f1c0d2e3b4a59687f8e9d0c1b2a3948-0"},
	{"gen_ai.response.finish_reasons", "[\"stop\"]"},
	{"gen_ai.conversation.id", "conv_5j66UpCpwteGg4YSxUnt7lPY"},
	{"gen_ai.agent.name", "Research Agent"},
	{"gen_ai.agent.id", "asst_5j66UpCpwteGg4YSxUnt7lPY"},
	{"gen_ai.tool.name", "mcp__github__create_pull_request_review_comment"},
	{"gen_ai.tool.call.id", "call_9pw1qnYScqvGrCH58HWCvFH6"},
	{"gen_ai.tool.type", "function"},
	{"gen_ai.output.type", "json"},
	{"gen_ai.data_source.id", "H7STPQYOND"},
	{"gen_ai.evaluation.name", "Answer Relevance"},
	{"gen_ai.evaluation.score.label", "relevant"},
	{"gen_ai.prompt.name", "movie-critic"},
	{"gen_ai.workflow.name", "multi agent rag"},
	{"gen_ai.request.reasoning_effort", "high"},
	{"gen_ai.openai.request.service_tier", "auto"},
	{"gen_ai.openai.response.service_tier", "scale"},
	{"gen_ai.openai.response.system_fingerprint", "fp_44709d6fcb"},
	{"openai.response.service_tier", "default"},
	{"gen_ai.tool.call.decision", "require_approval"},
	{"gen_ai.guardrail.verdict", "block"},
	{"gen_ai.main_agent.name", "Triage"},
	/* llm-d */
	{"target_model", "food-review-0"},
	{"llm_d.epp.profile_handler.decision", "complete_prefill-decode"},
	{"llm_d.epp.scheduling.profile.name", "decode"},
	{"llm_d.epp.scorer.type", "precise-prefix-cache-scorer"},
	{"llm_d.epp.pd.prefill_pod_address", "10.131.0.17"},
	{"llm_d.epp.pd.reason", "no_prefill_header"},
	{"llm_d.pd_proxy.connector", "nixlv2"},
	{"llm_d.pd_proxy.request_path", "/v1/chat/completions"},
	{"llm_d.pd_proxy.prefill_target", "10.131.0.17:8000"},
	{"llm_d.kv_cache.scorer.algorithm", "LongestPrefix"},
	{"commit-sha", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"},
	/* vLLM Semantic Router, routers of others */
	{"routing.selected_model", "Qwen/Qwen2.5-7B-Instruct"},
	{"routing.strategy", "auto"},
	{"decision.name", "decision_evaluation"},
	{"plugin.type", "response_cache"},
	{"category.name", "computer_science"},
	{"model.name", "Model-A"},
	{"endpoint.address", "127.0.0.1:8000"},
	{"vllm.request_id", "8f1c0d2e-3b4a-5968-7f8e-9d0c1b2a3948"},
	{"request_id", "8f1c0d2e3b4a59687f8e9d0c1b2a3948"},
	/* OpenInference */
	{"openinference.span.kind", "RETRIEVER"},
	{"llm.model_name", "gpt-4o"},
	{"llm.provider", "azure"},
	{"input.mime_type", "application/json"},
	{"document.id", "doc-17"},
	{"tool.name", "look_up"},
	{"embedding.model_name", "text-embedding-3-small"},
	/* OpenLLMetry, AI SDK, Langfuse */
	{"traceloop.span.kind", "workflow"},
	{"traceloop.workflow.name", "joke generator"},
	{"traceloop.entity.name", "joke_creation.task"},
	{"ai.operationId", "ai.generateText.doGenerate"},
	{"operation.name", "ai.generateText.doGenerate f-gen"},
	{"ai.model.id", "gpt-4o"},
	{"ai.model.provider", "openai.chat"},
	{"ai.response.finishReason", "tool-calls"},
	{"ai.response.timestamp", "2026-09-10T00:26:40.000Z"},
	{"ai.toolCall.id", "call_1"},
	{"ai.telemetry.functionId", "f-stream"},
	{"langfuse.observation.type", "generation"},
	{"langfuse.observation.model.name", "GPT-4 Turbo"},
	{"langfuse.observation.usage_details", "{\"input\":12,\"output\":7}"},
	{"langfuse.observation.cost_details", "{\"total\":0.0012}"},
	{"langfuse.observation.completion_start_time", "\"2026-09-10T00:26:40.000Z\""},
	{"langfuse.observation.model.parameters",
	 "{\"temperature\":0.7,\"service_tier\":\"flex\"}"},
	{"langfuse.trace.name", "llm-inference"},
	{"langfuse.trace.tags", "production,gateway"},
	{"langfuse.trace.user_id", "user-17"},
	{"langfuse.prompt.name", "movie critic"},
	{"langfuse.environment", "staging"},
	/* HTTP, RPC, databases, resources */
	{"http.request.method", "POST"},
	{"http.route", "/users/{user_id}"},
	{"http.route", "^polls/(?P<pk>[0-9]+)/$"},
	{"url.full", "https://api.openai.com/v1/chat/completions"},
	{"url.path", "/v1/chat/completions"},
	{"url.scheme", "https"},
	{"server.address", "vllm-decode.inference.svc.cluster.local"},
	{"user_agent.original", "AsyncOpenAI/Python 1.99.1 (linux; x86_64)"},
	{"rpc.method", "Export"},
	{"rpc.service", "opentelemetry.proto.collector.trace.v1.TraceService"},
	{"db.system.name", "postgresql"},
	{"db.query.summary", "SELECT users"},
	{"db.namespace", "customers"},
	{"messaging.destination.name", "orders.created"},
	{"error.type", "openai.RateLimitError"},
	{"exception.type", "java.lang.IllegalStateException"},
	{"code.function.name", "com.example.MyHttpService.serveRequest"},
	{"service.name", "Checkout Service"},
	{"service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"},
	{"k8s.pod.name", "ms-inference-scheduling-llm-d-modelservice-decode-7d4b9c9d6f-x2x7z"},
	{"k8s.pod.label.app", "vllm"},
	{"container.image.name", "ghcr.io/llm-d/llm-d-inference-scheduler"},
	{"os.description", "Debian GNU/Linux 12 (bookworm)"},
	{"process.runtime.description", "Eclipse OpenJ9 OpenJ9 VM openj9-0.21.0 (build 11)"},
	{"host.name", "node-7"},
	{"cloud.region", "eu-west-1"},
	{"telemetry.sdk.language", "python"},
};

/* Under keys that no row knows: in mode: shape. */
static const char *const unknown[][2] = {
	{"job", "{\"result\":\"success\",\"rows\":5}"},
	{"acme.zone", "eu-west-1a"},
	{"labels", "{\"team\":\"search\",\"tier\":\"gold\"}"},
	{"langgraph_node", "retrieve_documents"},
};

static const char *const figures[] = {
	"gen_ai.usage.input_tokens",
	"gen_ai.usage.cache_read.input_tokens",
	"gen_ai.latency.time_to_first_token",
	"gen_ai.request.max_tokens",
	"gen_ai.request.temperature",
	"gen_ai.evaluation.score.value",
	"gen_ai.agent.token_budget.limit",
	"gen_ai.response.time_to_first_chunk",
	"llm.token_count.prompt_details.cache_read",
	"llm.usage.total_tokens",
	"document.score",
	"ai.usage.cachedInputTokens",
	"ai.response.msToFirstChunk",
	"http.response.status_code",
	"http.response.body.size",
	"llm_d.pd_proxy.true_ttft_ms",
	"llm_d.epp.filter.candidate_endpoints",
	"request_prio",
	"cache.hit",
	"signal.confidence",
	"vllm.is_streaming",
	"acme.anything",
	"langfuse.prompt.version",
	"server.port",
};

static bool stays(struct policy_fixture *f, const char *key, const char *text, bool event)
{
	struct buf body = BUF_INIT, span = BUF_INIT;
	size_t mark = 0;
	if (event) {
		mark = tw_open(&span, SPAN_EVENTS);
		tw_text(&span, EVENT_NAME, "gen_ai.evaluation.result");
	}
	if (text)
		tw_attr_text(&span, event ? EVENT_ATTRIBUTES : SPAN_ATTRIBUTES, key, text);
	else
		tw_attr_int(&span, event ? EVENT_ATTRIBUTES : SPAN_ATTRIBUTES, key, 17);
	if (event)
		tw_close(&span, mark);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "gen_ai.system", "vllm");
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(f, buf_slice(&body));
	bool same = slice_equal(chunk_slice(chunk), buf_slice(&body));
	chunk_unref(chunk);
	buf_fini(&body);
	buf_fini(&span);
	return same;
}

static void what_must_stay_stays(void **state)
{
	static const char *const modes[] = {"{}", "{mode: strict}", "{mode: denylist}"};
	(void)state;
	for (size_t m = 0; m < ARRAY_COUNT(modes); m++) {
		struct policy_fixture f;
		unsigned gone = 0;
		policy_fixture_init(&f, modes[m]);
		for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
			if (!stays(&f, texts[i][0], texts[i][1], false) && ++gone)
				print_error("%s: %s = %s is removed\n", modes[m], texts[i][0],
					    texts[i][1]);
		}
		for (size_t i = 0; i < ARRAY_COUNT(unknown) && m == 0; i++) {
			if (!stays(&f, unknown[i][0], unknown[i][1], false) && ++gone)
				print_error("%s: %s is removed\n", modes[m], unknown[i][0]);
		}
		for (size_t i = 0; i < ARRAY_COUNT(figures); i++) {
			if (!stays(&f, figures[i], NULL, false) && ++gone)
				print_error("%s: %s is removed\n", modes[m], figures[i]);
		}
		assert_int_equal(gone, 0);
		policy_fixture_fini(&f);
	}
}

static void evaluations_stay_without_their_texts(void **state)
{
	struct policy_fixture f;
	(void)state;
	policy_fixture_init(&f, "{}");
	assert_true(stays(&f, "gen_ai.evaluation.name", "Relevance", true));
	assert_true(stays(&f, "gen_ai.evaluation.score.value", NULL, true));
	assert_true(stays(&f, "gen_ai.evaluation.score.label", "pass", true));
	assert_false(stays(&f, "gen_ai.evaluation.explanation", "because", true));
	policy_fixture_fini(&f);
}

/* ---- OpenTelemetry's names ---- */

static void every_name_of_the_conventions_has_a_row(void **state)
{
	struct policy_fixture f;
	char line[256];
	unsigned names = 0, missing = 0;
	FILE *file = fopen("tests/fixtures/semconv_names.txt", "r");
	(void)state;
	assert_non_null(file);
	policy_fixture_init(&f, "{}");
	assert_int_equal(view_open(f.view, SLICE(""), &(struct err){0}), 0);
	while (fgets(line, sizeof(line), file)) {
		size_t len = strcspn(line, "\n");
		if (line[0] == '#' || len == 0)
			continue;
		if (line[len - 1] == '*')
			line[len - 1] = 'x';
		names++;
		if (!explain_key(f.self, f.state, f.view, slice_of(line, len)) && ++missing)
			print_error("no row for %.*s\n", (int)len, line);
	}
	(void)fclose(file);
	print_message("%u names, %u without a row\n", names, missing);
	assert_true(names > 800);
	assert_int_equal(missing, 0);
	policy_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_stay_stays),
		cmocka_unit_test(evaluations_stay_without_their_texts),
		cmocka_unit_test(every_name_of_the_conventions_has_a_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
