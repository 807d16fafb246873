/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of keys. Ranks of a role follow Langfuse's own order; *_OWN and *_NATIVE below say up to
 * which rank Langfuse reads a key itself.
 */
#include "processors/langfuse/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_TEXT_MAX = 160 };

#define META "langfuse.observation.metadata."
#define PARAMETER(role, name)                                                                      \
	{                                                                                          \
		"gen_ai.request." name, role, 0, 0, NULL                                           \
	}
#define USAGE_BOTH(role, rank, name)                                                               \
	{"gen_ai.usage." name, role, rank, KEY_USAGE, NULL},                                       \
	{                                                                                          \
		"llm.token_count." name, role, rank, KEY_USAGE, NULL                               \
	}
#define RENAMED(from, to)                                                                          \
	{                                                                                          \
		from, ROLE_RENAMED, 0, 0, META to                                                  \
	}

/* clang-format off */
static const struct key_row rows[] = {
	{"langfuse.trace.name", ROLE_TRACE_NAME, 0, 0, NULL},
	/* Langfuse does not read what stands at rank 1, nor what other makers wrote, from rank 10 on. */
#define IDENTIFIER_READ(key, kind, rank, source)                                                   \
	{key, ROLE_##kind, rank, (rank) == 1 || (rank) >= 10 ? KEY_UNREAD : 0, NULL},
#include "pipeline/vocabulary/identifiers.def"
	{"langfuse.trace.tags", ROLE_TAGS, 0, 0, NULL},
	{"langfuse.tags", ROLE_TAGS, 1, 0, NULL},
	{META "langfuse_tags", ROLE_TAGS, 2, 0, NULL},
	{"langfuse.trace.metadata.langfuse_tags", ROLE_TAGS, 3, 0, NULL},
	{"ai.telemetry.metadata.tags", ROLE_TAGS, 4, 0, NULL},
	{"tag.tags", ROLE_TAGS, 5, 0, NULL},
	{"langfuse.trace.metadata", ROLE_TRACE_METADATA, 0, 0, NULL},
	{"langfuse.metadata", ROLE_TRACE_METADATA, 1, 0, NULL},
	{"langfuse.release", ROLE_RELEASE, 0, 0, NULL},
	{"langfuse.version", ROLE_VERSION, 0, 0, NULL},
	{"langfuse.trace.public", ROLE_PUBLIC, 0, 0, NULL},
	{"langfuse.public", ROLE_PUBLIC, 1, 0, NULL},
	{"service.version", ROLE_SERVICE_VERSION, 0, 0, NULL},
	{"langfuse.environment", ROLE_ENVIRONMENT, 0, 0, NULL},
	{"deployment.environment.name", ROLE_ENVIRONMENT, 1, 0, NULL},
	{"deployment.environment", ROLE_ENVIRONMENT, 2, 0, NULL},
	{"service.name", ROLE_SERVICE, 0, 0, NULL},

	{"langfuse.observation.name", ROLE_NAME, 0, 0, NULL},
	{"langfuse.observation.type", ROLE_TYPE, 0, 0, NULL},
	{"openinference.span.kind", ROLE_OPENINFERENCE_KIND, 0, 0, NULL},
	{"gen_ai.operation.name", ROLE_OPERATION, 0, 0, NULL},
	{"traceloop.span.kind", ROLE_TRACELOOP_KIND, 0, 0, NULL},
	{"llm.request.type", ROLE_REQUEST_TYPE, 0, 0, NULL},
	{"mlflow.spanType", ROLE_MLFLOW_TYPE, 0, 0, NULL},
	{"gen_ai.tool.name", ROLE_TOOL_NAME, 0, 0, META "tool_name"},
	{"ai.toolCall.name", ROLE_AI_TOOL_NAME, 0, 0, META "tool_name"},
	{"ai.operationId", ROLE_AI_OPERATION, 0, 0, META "operation_id"},
	{"genkit:name", ROLE_GENKIT_NAME, 0, 0, META "genkit_name"},
	{"logfire.msg", ROLE_LOGFIRE_MESSAGE, 0, 0, META "logfire_msg"},
	{"genkit:metadata:subtype", ROLE_NATIVE_TYPE, 0, 0, NULL},
	{"gen_ai.tool.call.id", ROLE_NATIVE_TYPE, 1, 0, NULL},
	{"ai.toolCall.id", ROLE_NATIVE_TYPE, 2, 0, NULL},
	{"langfuse.internal.is_app_root", ROLE_APP_ROOT, 0, 0, NULL},
	{"langfuse.internal.as_root", ROLE_AS_ROOT, 0, 0, NULL},

	{"langfuse.observation.model.name", ROLE_MODEL, 0, KEY_NAMES_MODEL, NULL},
	{"gen_ai.response.model", ROLE_MODEL, 1, KEY_NAMES_MODEL, NULL},
	{"ai.model.id", ROLE_MODEL, 2, 0, NULL},
	{"gen_ai.request.model", ROLE_MODEL, 3, KEY_NAMES_MODEL, NULL},
	{"llm.response.model", ROLE_MODEL, 4, 0, NULL},
	{"llm.model_name", ROLE_MODEL, 5, KEY_NAMES_MODEL, NULL},
	{"model", ROLE_MODEL, 6, KEY_NAMES_MODEL, NULL},
	{"llm.response.model_name", ROLE_OTHER_MODEL, 0, 0, NULL},
	{"llm.request.model_name", ROLE_OTHER_MODEL, 1, 0, NULL},
	{"embedding.model_name", ROLE_OTHER_MODEL, 2, 0, NULL},
	{"mlflow.llm.model", ROLE_OTHER_MODEL, 3, 0, NULL},
	{"ai.response.model", ROLE_OTHER_MODEL, 4, 0, NULL},
	{"routing.selected_model", ROLE_ROUTED_MODEL, 0, 0, NULL},
	{"target_model", ROLE_ROUTED_MODEL, 1, 0, NULL},
	{"model.name", ROLE_ROUTED_MODEL, 2, 0, NULL},
	{"langfuse.observation.model.parameters", ROLE_PARAMETERS, 0, 0, NULL},
	{"llm.invocation_parameters", ROLE_INVOCATION, 0, 0, NULL},
	PARAMETER(ROLE_MAX_TOKENS, "max_tokens"),
	PARAMETER(ROLE_TEMPERATURE, "temperature"),
	PARAMETER(ROLE_TOP_P, "top_p"),
	PARAMETER(ROLE_TOP_K, "top_k"),
	PARAMETER(ROLE_FREQUENCY_PENALTY, "frequency_penalty"),
	PARAMETER(ROLE_PRESENCE_PENALTY, "presence_penalty"),
	PARAMETER(ROLE_SEED, "seed"),
	PARAMETER(ROLE_REASONING_EFFORT, "reasoning_effort"),
	/* What was granted before what was asked for: Langfuse prices by it. */
	{"gen_ai.response.service_tier", ROLE_SERVICE_TIER, 0, 0, NULL},
	{"openai.response.service_tier", ROLE_SERVICE_TIER, 1, 0, NULL},
	{"gen_ai.openai.response.service_tier", ROLE_SERVICE_TIER, 2, 0, NULL},
	{"gen_ai.request.service_tier", ROLE_SERVICE_TIER, 3, 0, NULL},
	{"openai.request.service_tier", ROLE_SERVICE_TIER, 4, 0, NULL},
	{"gen_ai.openai.request.service_tier", ROLE_SERVICE_TIER, 5, 0, NULL},

	{"gen_ai.response.id", ROLE_RESPONSE_ID, 0, 0, NULL},
	{"ai.response.id", ROLE_RESPONSE_ID, 1, 0, NULL},
	{"gen_ai.request.id", ROLE_REQUEST_ID, 0, 0, NULL},
	{"langfuse.observation.usage_details", ROLE_USAGE_DETAILS, 0, 0, NULL},
	USAGE_BOTH(ROLE_INPUT, 0, "prompt_tokens"),
	USAGE_BOTH(ROLE_INPUT, 1, "input_tokens"),
	USAGE_BOTH(ROLE_INPUT, 2, "prompt"),
	{"ai.usage.inputTokens", ROLE_INPUT, 3, KEY_USAGE, NULL},
	{"ai.usage.promptTokens", ROLE_INPUT, 4, KEY_USAGE, NULL},
	{"ai.usage.tokens", ROLE_INPUT, 5, KEY_USAGE, NULL},
	USAGE_BOTH(ROLE_OUTPUT, 0, "completion_tokens"),
	USAGE_BOTH(ROLE_OUTPUT, 1, "output_tokens"),
	USAGE_BOTH(ROLE_OUTPUT, 2, "completion"),
	{"ai.usage.outputTokens", ROLE_OUTPUT, 3, KEY_USAGE, NULL},
	{"ai.usage.completionTokens", ROLE_OUTPUT, 4, KEY_USAGE, NULL},
	USAGE_BOTH(ROLE_TOTAL, 0, "total_tokens"),
	USAGE_BOTH(ROLE_TOTAL, 1, "total"),
	{"llm.usage.total_tokens", ROLE_TOTAL, 2, KEY_USAGE, NULL},
	{"ai.usage.totalTokens", ROLE_TOTAL, 3, KEY_USAGE, NULL},
	USAGE_BOTH(ROLE_CACHED, 0, "cache_read.input_tokens"),
	USAGE_BOTH(ROLE_CACHED, 1, "cache_read_input_tokens"),
	USAGE_BOTH(ROLE_CACHED, 2, "cache_read_tokens"),
	USAGE_BOTH(ROLE_CACHED, 3, "details.cache_read_tokens"),
	USAGE_BOTH(ROLE_CACHED, 4, "details.cache_read_input_tokens"),
	USAGE_BOTH(ROLE_CACHED, 5, "prompt_details.cache_read"),
	USAGE_BOTH(ROLE_CACHED, 6, "input_cached_tokens"),
	USAGE_BOTH(ROLE_CACHED, 7, "prompt_tokens_details.cached_tokens"),
	USAGE_BOTH(ROLE_CACHED, 8, "cached_tokens"),
	{"ai.usage.cachedInputTokens", ROLE_CACHED, 9, KEY_USAGE, NULL},
	{"ai.usage.inputTokenDetails.cacheReadTokens", ROLE_CACHED, 10, KEY_USAGE, NULL},
	USAGE_BOTH(ROLE_CACHE_CREATION, 0, "cache_creation.input_tokens"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 1, "cache_creation_input_tokens"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 2, "cache_write_tokens"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 3, "details.cache_write_tokens"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 4, "details.cache_creation_input_tokens"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 5, "prompt_details.cache_write"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 6, "input_cache_creation"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 7, "cache_write_input_tokens"),
	USAGE_BOTH(ROLE_CACHE_CREATION, 8, "cache_write.input_tokens"),
	{"ai.usage.inputTokenDetails.cacheWriteTokens", ROLE_CACHE_CREATION, 9, KEY_USAGE, NULL},
	USAGE_BOTH(ROLE_REASONING, 0, "reasoning.output_tokens"),
	USAGE_BOTH(ROLE_REASONING, 1, "completion_details.reasoning"),
	USAGE_BOTH(ROLE_REASONING, 2, "completion_tokens_details.reasoning_tokens"),
	USAGE_BOTH(ROLE_REASONING, 3, "reasoning_tokens"),
	{"ai.usage.reasoningTokens", ROLE_REASONING, 4, KEY_USAGE, NULL},
	{"ai.usage.outputTokenDetails.reasoningTokens", ROLE_REASONING, 5, KEY_USAGE, NULL},
	{"mlflow.chat.tokenUsage", ROLE_USAGE_JSON, USAGE_JSON_MLFLOW, KEY_USAGE, NULL},
	{"genkit:output", ROLE_USAGE_JSON, USAGE_JSON_GENKIT, KEY_ANSWER, NULL},
	{"ai.response.providerMetadata", ROLE_USAGE_JSON, USAGE_JSON_AI_SDK, KEY_ANSWER, NULL},
	{"gcp.vertex.agent.llm_response", ROLE_USAGE_JSON, USAGE_JSON_ADK, KEY_ANSWER, NULL},
	{"langfuse.observation.cost_details", ROLE_COST_DETAILS, 0, 0, NULL},
	{"gen_ai.usage.cost", ROLE_COST, 0, KEY_COST, NULL},
	{"llm.cost.total", ROLE_COST, 1, KEY_COST, NULL},
	{"gen_ai.cost.total_cost", ROLE_COST, 2, KEY_COST, NULL},
	{"operation.cost", ROLE_COST, 3, KEY_COST, NULL},
	{"llm.cost.prompt", ROLE_COST_INPUT, 0, KEY_COST, NULL},
	{"gen_ai.cost.input_cost", ROLE_COST_INPUT, 1, KEY_COST, NULL},
	{"llm.cost.completion", ROLE_COST_OUTPUT, 0, KEY_COST, NULL},
	{"gen_ai.cost.output_cost", ROLE_COST_OUTPUT, 1, KEY_COST, NULL},
	{"mlflow.llm.cost", ROLE_COST_JSON, 0, KEY_COST, NULL},

	{"langfuse.observation.completion_start_time", ROLE_COMPLETION_START, 0, 0, NULL},
	{"ai.response.msToFirstChunk", ROLE_NATIVE_FIRST_CHUNK, 0, 0, NULL},
	{"ai.stream.msToFirstChunk", ROLE_NATIVE_FIRST_CHUNK, 1, 0, NULL},
	{"gen_ai.latency.time_to_first_token", ROLE_FIRST_TOKEN, 0, 0, NULL},
	{"gen_ai.response.time_to_first_chunk", ROLE_FIRST_TOKEN, 1, 0, NULL},
	{"gen_ai.server.time_to_first_token", ROLE_FIRST_TOKEN, 2, 0, NULL},
	{"gen_ai.client.operation.time_to_first_chunk", ROLE_FIRST_TOKEN, 4, 0, NULL},
	{"gen_ai.client.inference.time_to_first_chunk", ROLE_FIRST_TOKEN, 5, 0, NULL},
	{"lk.response.ttft", ROLE_FIRST_TOKEN, 3, 0, NULL},
	{"gen_ai.latency.e2e", ROLE_E2E, 0, 0, META "latency_e2e_s"},
	RENAMED("gen_ai.latency.time_in_queue", "time_in_queue_s"),
	RENAMED("gen_ai.latency.time_in_model_prefill", "time_in_model_prefill_s"),
	RENAMED("gen_ai.latency.time_in_model.prefill", "time_in_model_prefill_s"),
	RENAMED("gen_ai.latency.time_in_model_decode", "time_in_model_decode_s"),
	RENAMED("gen_ai.latency.time_in_model.decode", "time_in_model_decode_s"),
	RENAMED("gen_ai.latency.time_in_model_inference", "time_in_model_inference_s"),
	RENAMED("gen_ai.latency.time_in_model.inference", "time_in_model_inference_s"),
	RENAMED("gen_ai.latency.time_in_model_forward", "time_in_model_forward_s"),
	RENAMED("gen_ai.latency.time_in_model_execute", "time_in_model_execute_s"),
	RENAMED("gen_ai.latency.time_in_scheduler", "time_in_scheduler_s"),

	{"langfuse.observation.prompt.name", ROLE_PROMPT_NAME, 0, 0, META "prompt_name"},
	{"langfuse.prompt.name", ROLE_PROMPT_NAME, 1, 0, META "prompt_name"},
	{"langfuse.observation.prompt.version", ROLE_PROMPT_VERSION, 0, 0, META "prompt_version"},
	{"langfuse.prompt.version", ROLE_PROMPT_VERSION, 1, 0, META "prompt_version"},
	/* A key that begins with gen_ai.prompt is the whole input for Langfuse. */
	RENAMED("gen_ai.prompt.name", "prompt_name"),
	RENAMED("gen_ai.prompt.version", "prompt_version"),
	RENAMED("gen_ai.prompt.id", "prompt_id"),
	RENAMED("gen_ai.prompt_caching", "prompt_caching"),
	RENAMED("gen_ai.prompt.caching", "prompt_caching"),
};
/* clang-format on */

_Static_assert(ARRAY_COUNT(rows) <= KEY_ROWS_MAX, "rows in a byte, with one for none");

const struct key_row *keys_rows(size_t *ret_count)
{
	*ret_count = ARRAY_COUNT(rows);
	return rows;
}

static key_id add_key(struct key_table *table, struct slice key, const char *path,
		      struct config_report *report)
{
	struct err err;
	key_id id = key_table_add(table, key, &err);
	if (id == KEY_ID_NONE)
		config_problem(report, CONFIG_ERROR, (struct config_loc){0}, path, NULL, "%s",
			       err.msg);
	return id;
}

/* The place among the metadata for what the row's key says: by table, or for tokens and costs that
 * are counted elsewhere. Empty: there is none. */
static struct slice place_of(const struct key_row *row, char *text, size_t size)
{
	if (row->to)
		return slice_str(row->to);
	if (!(row->flags & (KEY_USAGE | KEY_COST)))
		return (struct slice){NULL, 0};
	size_t len = (size_t)snprintf(text, size, META "uncounted_%s", row->text);
	for (size_t i = sizeof(META) - 1; i < len; i++)
		text[i] = text[i] == '.' ? '_' : text[i];
	return slice_of(text, len);
}

bool keys_register(struct keys *keys, struct key_table *table, const char *path,
		   struct config_report *report)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char text[KEY_TEXT_MAX];
		struct slice place = place_of(&rows[i], text, sizeof(text));
		keys->texts[i] = slice_str(rows[i].text);
		keys->ids[i] = add_key(table, keys->texts[i], path, report);
		if (keys->ids[i] == KEY_ID_NONE)
			return false;
		keys->row_of[keys->ids[i]] = (uint8_t)(i + 1);
		/* The places are asked for, too: something may stand there already. */
		keys->place_ids[i] =
			place.len > 0 ? add_key(table, place, path, report) : KEY_ID_NONE;
		if (place.len > 0 && keys->place_ids[i] == KEY_ID_NONE)
			return false;
	}
	for (size_t i = ARRAY_COUNT(rows); i-- > 0;)
		keys->first_row[rows[i].role] = (uint8_t)i;
	return true;
}

struct slice keys_metadata_entry(struct slice key)
{
	static const struct slice prefixes[] = {SLICE_INIT("langfuse.trace.metadata."),
						SLICE_INIT("langfuse.metadata.")};
	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
		size_t len = prefixes[i].len;
		if (key.len > len && slice_has_prefix(key, prefixes[i]))
			return slice_of(key.ptr + len, key.len - len);
	}
	return (struct slice){NULL, 0};
}

/* Ids above those of registered keys belong to keys that another component's patterns match. */
static uint8_t row_at(const struct keys *keys, key_id id)
{
	return key_id_is_exact(id) ? keys->row_of[id] : 0;
}

void keys_roles(const struct keys *keys, const struct trace_view *view, struct owner owner,
		struct span_roles *ret_roles)
{
	struct attr_view attr;
	uint64_t present = 0;
	uint8_t flags = 0;
	bool structured = false, trace_metadata = false;
	for (struct attr_cursor cursor = view_attrs(view, owner);
	     view_next_attr(view, &cursor, &attr);) {
		uint8_t number = row_at(keys, attr.key_id);
		structured |= attr.value_type >= VALUE_ARRAY;
		if (number == 0) {
			trace_metadata |= keys_trace_metadata(attr.key_id, attr.key).len > 0;
			continue;
		}
		const struct key_row *row = &rows[number - 1];
		uint64_t bit = UINT64_C(1) << row->role;
		flags |= row->flags;
		if ((present & bit) && row->rank > ret_roles->rank[row->role])
			continue;
		present |= bit;
		ret_roles->rank[row->role] = row->rank;
		ret_roles->at[row->role] = attr.at;
	}
	ret_roles->present = present;
	ret_roles->flags = flags;
	ret_roles->structured = structured;
	ret_roles->trace_metadata = trace_metadata;
	ret_roles->view = view;
	ret_roles->owner = owner;
}

const struct key_row *keys_row(const struct keys *keys, key_id id)
{
	uint8_t row = row_at(keys, id);
	return row == 0 ? NULL : &rows[row - 1];
}

/* Rows of a role stand together for most, and are asked for by few: a span that is rewritten. */
static size_t row_of(const struct keys *keys, enum role role, uint8_t rank)
{
	size_t at = keys->first_row[role];
	while (at + 1 < ARRAY_COUNT(rows) && (rows[at].role != role || rows[at].rank != rank))
		at++;
	return at;
}

key_id keys_place(const struct keys *keys, const struct key_row *row)
{
	return keys->place_ids[row - rows];
}

key_id keys_id(const struct keys *keys, enum role role, uint8_t rank)
{
	return keys->ids[row_of(keys, role, rank)];
}

void keys_set(const struct keys *keys, struct trace_view *view, struct owner owner, enum role role,
	      uint8_t rank, struct value value)
{
	size_t row = row_of(keys, role, rank);
	edit_set_attr(view, owner, keys->texts[row], keys->ids[row], value);
}

/* ---- numbers -------------------------------------------------------------------------------- */

enum { NUMBER_TEXT_MAX = 40 };

static bool parse_double(struct slice text, double *ret_number)
{
	char copy[NUMBER_TEXT_MAX + 1], *end;
	text = slice_trim(text);
	if (text.len == 0 || text.len > NUMBER_TEXT_MAX)
		return false;
	/* Digits, sign, point and exponent only: strtod takes hexadecimal and "nan", too. */
	for (size_t i = 0; i < text.len; i++) {
		if (!memchr("0123456789+-.eE", text.ptr[i], 15))
			return false;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	*ret_number = strtod(copy, &end);
	return *end == 0;
}

bool value_as_double(struct value value, double *ret_number)
{
	double number;
	if (value.type == VALUE_INT)
		number = (double)value.i;
	else if (value.type == VALUE_DOUBLE)
		number = value.d;
	else if (value.type != VALUE_STRING || !parse_double(value.bytes, &number))
		return false;
	if (!isfinite(number))
		return false;
	*ret_number = number;
	return true;
}

bool value_as_count(struct value value, uint64_t *ret_count)
{
	if (value.type == VALUE_STRING)
		return slice_parse_u64(value.bytes, ret_count) && *ret_count <= INT64_MAX;
	if (value.type == VALUE_DOUBLE && value.d >= 0 && value.d < 9e15 &&
	    floor(value.d) == value.d) {
		*ret_count = (uint64_t)value.d;
		return true;
	}
	if (value.type != VALUE_INT || value.i < 0)
		return false;
	*ret_count = (uint64_t)value.i;
	return true;
}
