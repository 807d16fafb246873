/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that conventions and products have added of late, each with a value as their writers
 * write it, and whether it stays; on spans and on events, in every mode unless the row says more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/policy_fixture.h"
#include "tests/support/trace_wire.h"

enum { SHAPE = 1, STRICT = 2, DENYLIST = 4, ALL = 7, NEVER = 0 };

static const char *const modes[] = {"{mode: shape}", "{mode: strict}", "{mode: denylist}"};

struct convention {
	const char *key, *value;
	unsigned stays; /* in which modes */
};

#define PROSE "my mother is ill, what now"
#define WISH "find my illness please"

static const struct convention table[] = {
	/* guardrails: OTel, OpenLLMetry */
	{"gen_ai.operation.name", "run_guardrail", ALL},
	{"gen_ai.guardrail.component.name", "Azure Content Safety", ALL},
	{"gen_ai.guardrail.name", "pii-guard", ALL},
	{"gen_ai.guardrail.id", "gr-4f2a", ALL},
	{"gen_ai.guardrail.status", "PASSED", ALL},
	{"gen_ai.guardrail.target.type", "input", ALL},
	{"gen_ai.guardrail.target.subtype", "tool_call", ALL},
	{"gen_ai.guardrail.target.id", "call_9pw1qnYScqvGrCH58HWCvFH6", ALL},
	{"gen_ai.guardrail.verdict.type", "deny", ALL},
	{"gen_ai.guardrail.verdict.code", "S1", ALL},
	{"gen_ai.guardrail.verdict", "deny", ALL},
	{"gen_ai.guardrail.action.type", "block", ALL},
	{"gen_ai.guardrail.action", "block", ALL},
	{"gen_ai.guardrail.security.policy.id", "policy-7", ALL},
	{"gen_ai.guardrail.security.policy.rule.id", "rule-7", ALL},
	{"gen_ai.guardrail.security.risk.category", "excessive_agency", ALL},
	{"gen_ai.guardrail.security.external_finding_id", "finding-7", ALL},
	{"gen_ai.guardrail.security.content.modified", "true", ALL},
	{"gen_ai.guardrail.verdict.reason", PROSE, NEVER},
	{"gen_ai.guardrail.verdict.reason", "illness", NEVER},
	{"gen_ai.guardrail.security.content.input.value", PROSE, NEVER},
	{"gen_ai.guardrail.security.content.input.value", "illness", NEVER},
	{"gen_ai.guardrail.security.content.output.value", "illness", NEVER},
	{"gen_ai.guardrail.security.content.input.hash", "sha256:9f86d081884c7d65", NEVER},
	{"gen_ai.guardrail.reason", "illness", NEVER},
	{"gen_ai.guardrail.explanation", PROSE, NEVER},
	{"gen_ai.guardrail.matches", "illness", NEVER},
	{"gen_ai.guardrail.input", "illness", NEVER},
	{"gen_ai.guardrail.output", "illness", NEVER},
	{"gen_ai.guardrail.error.message", PROSE, NEVER},
	/* skills */
	{"gen_ai.skill.name", "code-review", ALL},
	{"gen_ai.skill.name", WISH, DENYLIST},
	{"gen_ai.skill.id", "claude:project:probe-skill", ALL},
	{"gen_ai.skill.version", "1.2.3", ALL},
	{"gen_ai.skill.resource.name", "scripts/check.py", ALL},
	{"gen_ai.skill.source.type", "project", ALL},
	{"gen_ai.skill.source.uri", "https://skills.example.com/code-review", ALL},
	{"gen_ai.skill.source.uri", "https://skills.example.com/a?token=illness", NEVER},
	{"gen_ai.skill.path", "/opt/skills/review/SKILL.md", ALL},
	{"gen_ai.skill.result.status", "ok", ALL},
	{"gen_ai.skill.description", PROSE, NEVER},
	{"gen_ai.skill.description", "illness", NEVER},
	{"gen_ai.skill.content", "illness", NEVER},
	{"gen_ai.skill.instructions", PROSE, NEVER},
	/* what was added to a conversation since the last call */
	{"gen_ai.input.messages_delta", "[{\"role\":\"user\"}]", NEVER},
	{"gen_ai.input.messages_delta", "illness", NEVER},
	{"gen_ai.output.messages_delta", "illness", NEVER},
	{"gen_ai.system_instructions_delta", "illness", NEVER},
	{"gen_ai.tool.definitions_delta", "illness", NEVER},
	{"response.output_text_delta", "illness", NEVER},
	{"acme.content_delta", "illness", NEVER},
	{"tool.arguments_delta", "illness", NEVER},
	{"audio_transcript_delta", "illness", NEVER},
	{"vcs.revision_delta.direction", "ahead", ALL},
	/* content in a store */
	{"gen_ai.input.messages_ref", "s3://bucket/traces/0af7/input.json", ALL},
	{"gen_ai.output.messages_ref", "gs://bucket/traces/0af7/output.json", ALL},
	{"gen_ai.system_instructions_ref", "https://store.example.com/a/b", ALL},
	{"gen_ai.input.messages_ref", PROSE, NEVER},
	{"gen_ai.content.storage.status", "dropped", ALL},
	{"gen_ai.content.storage_uri", "s3://bucket/traces/0af7/input.json", ALL},
	{"gen_ai.content.storage_uri", "https://store.example.com/a/b", ALL},
	{"gen_ai.content.storage_uri", PROSE, DENYLIST},
	/* Model Context Protocol: OTel, Envoy AI Gateway */
	{"mcp.method.name", "notifications/progress", ALL},
	{"mcp.protocol.version", "2026-07-28", ALL},
	{"mcp.session.new", "true", ALL},
	{"mcp.backend.name", "github", ALL},
	{"mcp.client.name", "Claude Desktop", ALL},
	{"mcp.client.title", "Claude Desktop", ALL},
	{"mcp.client.version", "1.2.3", ALL},
	{"mcp.logging.level", "warning", ALL},
	{"mcp.notifications.progress", "0.5", ALL},
	{"mcp.notifications.progress.token", "tok-7", ALL},
	{"mcp.notifications.progress.message", "illness", NEVER},
	{"mcp.notifications.progress.message", PROSE, NEVER},
	{"mcp.complete.argument.name", "topic", ALL},
	{"mcp.complete.argument.value", "illness", NEVER},
	{"mcp.complete.argument.value", PROSE, NEVER},
	{"mcp.elicitation.message", "illness", NEVER},
	{"mcp.resource.uri", "file:///srv/notes.md", ALL},
	{"mcp.resource.uri", "notes://search?q=illness", NEVER},
	{"jsonrpc.request.id", "7", ALL},
	/* Agent2Agent */
	{"a2a.method.name", "SendStreamingMessage", ALL},
	{"a2a.protocol.version", "1.0", ALL},
	{"a2a.tenant", "billing", ALL},
	{"a2a.message.id", "msg-user-1234", ALL},
	{"a2a.message.reference_task_ids", "[\"task-abc-5678\"]", ALL},
	{"a2a.task.id", "task-5f2a7c7d9f8e4d2a", ALL},
	{"a2a.task.state", "TASK_STATE_INPUT_REQUIRED", ALL},
	{"a2a.task.previous_state", "TASK_STATE_WORKING", ALL},
	{"a2a.task.context_id", "ctx-7", ALL},
	{"a2a.context.id", "ctx-7", ALL},
	{"a2a.agent.name", "Travel Planner", ALL},
	{"a2a.transport", "jsonrpc", ALL},
	{"a2a.operation", "get_task", ALL},
	{"a2a.message.text", "illness", NEVER},
	{"a2a.message.reply_text", PROSE, NEVER},
	{"a2a.message.reply_text", "illness", NEVER},
	{"a2a.message.parts", "illness", NEVER},
	{"a2a.message.content", "illness", NEVER},
	{"a2a.task.input", "illness", NEVER},
	{"a2a.task.status.message", "illness", NEVER},
	{"a2a.artifact.parts", "illness", NEVER},
	{"a2a.entity.output", "illness", NEVER},
	{"a2a.entity.input", PROSE, NEVER},
	{"a2a.agent.description", PROSE, NEVER},
	/* live sessions */
	{"gen_ai.operation.name", "realtime_inference", ALL},
	{"gen_ai.operation.name", "user_speech", ALL},
	{"gen_ai.live_session.id", "sess_7f3a", ALL},
	{"gen_ai.usage.audio.input_tokens", "17", ALL},
	{"gen_ai.transcription.text", "illness", NEVER},
	{"audio.transcript", "illness", NEVER},
	{"realtime.transcript", "illness", NEVER},
	{"gen_ai.user_speech.transcript", PROSE, NEVER},
	{"gen_ai.user_speech.transcript", "illness", NEVER},
	{"gen_ai.realtime.transcription.text", "illness", NEVER},
	/* agents */
	{"gen_ai.operation.name", "handle_conversation_turn", ALL},
	{"gen_ai.operation.name", "fetch_response", ALL},
	{"gen_ai.main_agent.name", "Triage", ALL},
	{"gen_ai.caller.type", "agent", ALL},
	{"gen_ai.caller.name", "Triage Agent", ALL},
	{"gen_ai.invocation.is_nested", "true", ALL},
	{"gen_ai.tool.call.decision", "require_approval", ALL},
	{"gen_ai.agent.token_budget.limit", "5000", ALL},
	{"gen_ai.agent.iteration_budget.remaining", "7", ALL},
	{"gen_ai.usage.cache_write.input_tokens", "17", ALL},
	{"gen_ai.usage.text.input_tokens", "17", ALL},
	{"gen_ai.usage.image.cache_read.input_tokens", "17", ALL},
	{"gen_ai.token.modality", "audio", ALL},
	{"gen_ai.token.phase", "reasoning", ALL},
	{"agent.threat.detection.ruleset", "atr@v2.2.1", ALL},
	{"agent.threat.detection.action", "block", ALL},
	{"new_token_ids", "[17, 4, 9]", NEVER},
	/* engines and gateways */
	{"vllm.model", "Qwen/Qwen3-8B", ALL},
	{"vllm.routing_logic", "roundrobin", ALL},
	{"vllm.backend_url", "http://10.0.0.7:8000", ALL},
	{"vllm.request_id", "cmpl-8f1c0d2e", ALL},
	{"x_request_id", "8f1c0d2e-3b4a", ALL},
	{"gen_ai.latency.kv_cache_transfer_time", "0.004", ALL},
	/* what a request asks for by name is a token or nobody's name */
	{"gen_ai.prompt.name", "analyze-code", ALL},
	{"gen_ai.prompt.name", WISH, DENYLIST},
	{"mcp.prompt.name", WISH, DENYLIST},
	{"gen_ai.tool.name", WISH, DENYLIST},
	{"tool.name", WISH, DENYLIST},
	{"mcp.tool.name", WISH, DENYLIST},
	{"ai.toolCall.name", WISH, DENYLIST},
	{"gen_ai.request.model", WISH, DENYLIST},
	{"llm.model_name", WISH, DENYLIST},
	{"model", WISH, DENYLIST},
	{"llm.output_messages.0.message.tool_calls.0.tool_call.function.name", "look_up", ALL},
	{"llm.output_messages.0.message.tool_calls.0.tool_call.function.name", WISH, DENYLIST},
	{"llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments", "ill", NEVER},
	{"llm.input_messages.12.message.contents.3.tool_call.id", "call_9pw1qn", ALL},
	{"llm.input_messages.2.message.tool_call_id", "call_9pw1qn", ALL},
	{"llm.input_messages.2.message.content", "illness", NEVER},
	{"gen_ai.prompt.3.tool_call_id", "call_9pw1qn", ALL},
	{"gen_ai.prompt.2.tool_calls.0.name", "look_up", ALL},
	{"gen_ai.prompt.2.tool_calls.0.arguments", "illness", NEVER},
	{"gen_ai.completion.0.finish_reason", "tool_calls", ALL},
	{"gen_ai.completion.0.content", "illness", NEVER},
	{"retrieval.documents.3.document.id", "doc-17", ALL},
	{"retrieval.documents.3.document.score", "0.93", ALL},
	{"retrieval.documents.3.document.content", "illness", NEVER},
	{"retrieval.documents.3.document.metadata", "illness", NEVER},
	{"reranker.output_documents.0.document.id", "doc-17", ALL},
	{"reranker.input_documents.0.document.content", "illness", NEVER},
};

static bool stays(struct policy_fixture *f, const struct convention *row, bool event)
{
	struct buf body = BUF_INIT, span = BUF_INIT;
	size_t mark = 0;
	if (event) {
		mark = tw_open(&span, SPAN_EVENTS);
		tw_text(&span, EVENT_NAME, "gen_ai.content.storage.result");
	}
	tw_attr_text(&span, event ? EVENT_ATTRIBUTES : SPAN_ATTRIBUTES, row->key, row->value);
	if (event)
		tw_close(&span, mark);
	tw_attr_text(&span, SPAN_ATTRIBUTES, "gen_ai.system", "vllm");
	tw_request_of_span(&body, buf_slice(&span));
	struct chunk *chunk = policy_fixture_run(f, buf_slice(&body));
	bool same = slice_equal(chunk_slice(chunk), buf_slice(&body));
	/* What does not stay as it is has gone, its key alone or together with it. */
	if (!same && policy_holds(chunk_slice(chunk), row->value))
		fail_msg("%s = %s is neither kept nor removed", row->key, row->value);
	chunk_unref(chunk);
	buf_fini(&body);
	buf_fini(&span);
	return same;
}

static void every_new_key_has_its_verdict(void **state)
{
	unsigned wrong = 0;
	(void)state;
	for (size_t m = 0; m < ARRAY_COUNT(modes); m++) {
		struct policy_fixture f;
		policy_fixture_init(&f, modes[m]);
		for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
			bool expected = table[i].stays >> m & 1;
			for (int event = 0; event < 2; event++) {
				if (stays(&f, &table[i], event) == expected)
					continue;
				wrong++;
				print_error("%s: %s = %s %s on %s\n", modes[m], table[i].key,
					    table[i].value, expected ? "goes" : "stays",
					    event ? "an event" : "a span");
			}
		}
		policy_fixture_fini(&f);
	}
	assert_int_equal(wrong, 0);
}

/* The tenant and the conversation of an agent are identifiers like any other, and so is the address of
 * content a reference. */
static void who_asked_is_governed_by_identifiers(void **state)
{
	static const struct convention rows[] = {
		{"a2a.tenant", "billing", NEVER},
		{"a2a.context.id", "ctx-7", NEVER},
		{"a2a.task.context_id", "ctx-7", NEVER},
		{"gen_ai.live_session.id", "sess_7f3a", NEVER},
		{"gen_ai.input.messages_ref", "https://store.example.com/a/b", NEVER},
		{"gen_ai.content.storage_uri", "https://store.example.com/a/b", NEVER},
	};
	static const char *const dropping[] = {
		"{mode: shape, identifiers: drop, content_references: drop}",
		"{mode: strict, identifiers: drop, content_references: drop}",
		"{mode: denylist, identifiers: drop, content_references: drop}"};
	(void)state;
	for (size_t m = 0; m < ARRAY_COUNT(dropping); m++) {
		struct policy_fixture f;
		policy_fixture_init(&f, dropping[m]);
		for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
			if (stays(&f, &rows[i], false))
				fail_msg("%s stays", rows[i].key);
		}
		policy_fixture_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_new_key_has_its_verdict),
		cmocka_unit_test(who_asked_is_governed_by_identifiers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
