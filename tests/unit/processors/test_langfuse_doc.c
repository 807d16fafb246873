/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/processors/langfuse.md holds what the tables say: keys, routing spans, settings, counters.
 * Runs in the root of the tree; with SLUICE_UPDATE=1 it writes the page anew instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/vocabulary/llm_stack.h"
#include "processors/langfuse/langfuse_internal.h"
#include "tests/support/generated_page.h"

/* What a role is called on the page; NULL: not there. */
static const char *const titles[ROLE_COUNT] = {
	[ROLE_TRACE_NAME] = "trace name",
	[ROLE_USER] = "user",
	[ROLE_SESSION] = "session",
	[ROLE_TAGS] = "tags",
	[ROLE_TRACE_METADATA] = "trace metadata",
	[ROLE_RELEASE] = "release",
	[ROLE_VERSION] = "version",
	[ROLE_PUBLIC] = "public",
	[ROLE_SERVICE_VERSION] = "version of the resource",
	[ROLE_ENVIRONMENT] = "environment",
	[ROLE_SERVICE] = "service, for `models`",
	[ROLE_NAME] = "name",
	[ROLE_TYPE] = "type",
	[ROLE_OPENINFERENCE_KIND] = "type, by OpenInference",
	[ROLE_OPERATION] = "type, by OpenTelemetry",
	[ROLE_TRACELOOP_KIND] = "type, by OpenLLMetry",
	[ROLE_REQUEST_TYPE] = "type, by OpenLLMetry and LiteLLM",
	[ROLE_MLFLOW_TYPE] = "type, by MLflow",
	[ROLE_TOOL_NAME] = "tool",
	[ROLE_AI_TOOL_NAME] = "tool, by the AI SDK",
	[ROLE_AI_OPERATION] = "type, by the AI SDK",
	[ROLE_GENKIT_NAME] = "name, by Genkit",
	[ROLE_LOGFIRE_MESSAGE] = "name, by Logfire",
	[ROLE_NATIVE_TYPE] = "type, by other rules of Langfuse's",
	[ROLE_APP_ROOT] = "root",
	[ROLE_AS_ROOT] = "root, in the application's words",
	[ROLE_MODEL] = "model",
	[ROLE_OTHER_MODEL] = "model, unknown to Langfuse",
	[ROLE_ROUTED_MODEL] = "model, chosen by a router",
	[ROLE_PARAMETERS] = "parameters",
	[ROLE_INVOCATION] = "parameters, in JSON",
	[ROLE_MAX_TOKENS] = "`max_tokens`",
	[ROLE_TEMPERATURE] = "`temperature`",
	[ROLE_TOP_P] = "`top_p`",
	[ROLE_TOP_K] = "`top_k`",
	[ROLE_FREQUENCY_PENALTY] = "`frequency_penalty`",
	[ROLE_PRESENCE_PENALTY] = "`presence_penalty`",
	[ROLE_SEED] = "`seed`",
	[ROLE_REASONING_EFFORT] = "`reasoning_effort`",
	[ROLE_SERVICE_TIER] = "`service_tier`",
	[ROLE_RESPONSE_ID] = "one call, by its answer",
	[ROLE_REQUEST_ID] = "one call, by the model server",
	[ROLE_USAGE_DETAILS] = "tokens",
	[ROLE_INPUT] = "tokens in",
	[ROLE_OUTPUT] = "tokens out",
	[ROLE_CACHED] = "of those in: cached",
	[ROLE_CACHE_CREATION] = "of those in: written to the cache",
	[ROLE_REASONING] = "of those out: reasoning",
	[ROLE_TOTAL] = "tokens in all",
	[ROLE_USAGE_JSON] = "tokens, in JSON",
	[ROLE_COST_DETAILS] = "costs",
	[ROLE_COST] = "cost in all",
	[ROLE_COST_INPUT] = "cost of the input",
	[ROLE_COST_OUTPUT] = "cost of the output",
	[ROLE_COST_JSON] = "cost, in JSON",
	[ROLE_COMPLETION_START] = "first token",
	[ROLE_NATIVE_FIRST_CHUNK] = "first token, by the AI SDK",
	[ROLE_FIRST_TOKEN] = "seconds to the first token",
	[ROLE_E2E] = "latency",
	[ROLE_PROMPT_NAME] = "prompt",
	[ROLE_PROMPT_VERSION] = "version of the prompt",
};

/* The keys of ${role}, best first. */
static void append_keys_of(struct buf *out, enum role role)
{
	size_t count;
	const struct key_row *rows = keys_rows(&count);
	bool first = true;
	for (unsigned rank = 0; rank <= UINT8_MAX; rank++) {
		for (size_t i = 0; i < count; i++) {
			if (rows[i].role != role || rows[i].rank != rank)
				continue;
			buf_printf(out, "%s`%s`", first ? "" : ", ", rows[i].text);
			first = false;
		}
	}
}

static void append_keys(struct buf *out)
{
	buf_append_str(out, "| what | keys, best first |\n| --- | --- |\n");
	for (int role = ROLE_NONE + 1; role < ROLE_RENAMED; role++) {
		assert_non_null(titles[role]);
		buf_printf(out, "| %s | ", titles[role]);
		append_keys_of(out, (enum role)role);
		buf_append_str(out, " |\n");
	}
}

static void append_moved(struct buf *out)
{
	size_t count;
	const struct key_row *rows = keys_rows(&count);
	buf_append_str(out, "| key | moves to |\n| --- | --- |\n");
	for (size_t i = 0; i < count; i++) {
		if (rows[i].role == ROLE_RENAMED)
			buf_printf(out, "| `%s` | `%s` |\n", rows[i].text, rows[i].to);
	}
}

static void append_list(struct buf *out, const struct stack_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		buf_printf(out, "%s`%.*s`", i > 0 ? ", " : "", SLICE_FMT(names->at[i]));
}

static void append_routing(struct buf *out)
{
	buf_append_str(out, "| of routing spans | |\n| --- | --- |\n| scope begins with | ");
	append_list(out, &stack_routing_scopes);
	buf_append_str(out, " |\n| name | ");
	append_list(out, &stack_routing_spans);
	buf_append_str(out, " |\n");
}

static void append_settings(struct buf *out)
{
	config_block_document(&langfuse_block, out);
}

static void append_decisions(struct buf *out)
{
	buf_append_str(out, "| `decision` | spans |\n| --- | --- |\n");
	for (int i = 0; i < COUNT_COUNT; i++)
		buf_printf(out, "| `%s` | %s |\n", langfuse_decisions[i].name,
			   langfuse_decisions[i].meaning);
}

static void the_page_says_what_the_tables_say(void **state)
{
	static const struct page_part parts[] = {{"<!-- moved -->\n", append_moved},
						 {"<!-- routing -->\n", append_routing},
						 {"<!-- settings -->\n", append_settings},
						 {"<!-- decisions -->\n", append_decisions},
						 {"<!-- keys -->\n", append_keys}};
	(void)state;
	generated_page_check("docs/processors/langfuse.md", parts, ARRAY_COUNT(parts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_says_what_the_tables_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
