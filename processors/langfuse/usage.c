/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instrumentations count cached and reasoning tokens inside input and output, under a dozen names;
 * Langfuse adds up whatever it gets. So tokens are sorted into buckets that exclude each other, and
 * written as one JSON object, which Langfuse takes in place of everything else.
 */
#include "processors/langfuse/usage.h"

#include "processors/langfuse/json.h"

const char *const usage_bucket_names[BUCKET_COUNT] = {"input", "output", "input_cached_tokens",
						      "input_cache_creation",
						      "output_reasoning_tokens"};

static const enum role bucket_roles[BUCKET_COUNT] = {ROLE_INPUT, ROLE_OUTPUT, ROLE_CACHED,
						     ROLE_CACHE_CREATION, ROLE_REASONING};

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

enum { TOTAL = BUCKET_COUNT };

/* Where token counts stand in JSON texts. Of two fields of one bucket the first that is there
 * counts. What Langfuse takes for parts of input and output is taken so here. */
static const struct {
	uint8_t text;	     /* enum usage_json */
	uint8_t bucket;	     /* or TOTAL */
	const char *path[3]; /* NULL behind the last */
} json_fields[] = {
	{USAGE_JSON_MLFLOW, BUCKET_INPUT, {"input_tokens"}},
	{USAGE_JSON_MLFLOW, BUCKET_OUTPUT, {"output_tokens"}},
	{USAGE_JSON_MLFLOW, TOTAL, {"total_tokens"}},
	{USAGE_JSON_MLFLOW, BUCKET_CACHED, {"cache_read_input_tokens"}},
	{USAGE_JSON_MLFLOW, BUCKET_CACHE_CREATION, {"cache_creation_input_tokens"}},
	{USAGE_JSON_GENKIT, BUCKET_INPUT, {"usage", "inputTokens"}},
	{USAGE_JSON_GENKIT, BUCKET_OUTPUT, {"usage", "outputTokens"}},
	{USAGE_JSON_GENKIT, TOTAL, {"usage", "totalTokens"}},
	{USAGE_JSON_GENKIT, BUCKET_CACHED, {"usage", "cachedContentTokens"}},
	{USAGE_JSON_GENKIT, BUCKET_REASONING, {"usage", "thoughtsTokens"}},
	{USAGE_JSON_AI_SDK, BUCKET_CACHED, {"openai", "cachedPromptTokens"}},
	{USAGE_JSON_AI_SDK, BUCKET_REASONING, {"openai", "reasoningTokens"}},
	{USAGE_JSON_AI_SDK, BUCKET_CACHED, {"anthropic", "usage", "cache_read_input_tokens"}},
	{USAGE_JSON_AI_SDK,
	 BUCKET_CACHE_CREATION,
	 {"anthropic", "usage", "cache_creation_input_tokens"}},
	{USAGE_JSON_AI_SDK, BUCKET_CACHED, {"bedrock", "usage", "cacheReadInputTokens"}},
	{USAGE_JSON_AI_SDK, BUCKET_CACHE_CREATION, {"bedrock", "usage", "cacheWriteInputTokens"}},
	{USAGE_JSON_AI_SDK,
	 BUCKET_CACHE_CREATION,
	 {"bedrock", "usage", "cacheCreationInputTokens"}},
	{USAGE_JSON_ADK, BUCKET_CACHED, {"usage_metadata", "cached_content_token_count"}},
};

static bool read_json_field(struct slice json, const char *const path[3], uint64_t *ret_count)
{
	struct json_word word;
	for (size_t i = 0; i < 3 && path[i]; i++) {
		if (!json_find_member(json, slice_str(path[i]), &json))
			return false;
	}
	return value_as_count(json_value(json, &word), ret_count);
}

/* Tokens that libraries keep inside a JSON object. */
static void read_json(const struct span_roles *roles, struct usage *usage, uint64_t *total,
		      bool *total_known)
{
	struct slice json = roles_text(roles, ROLE_USAGE_JSON);
	for (size_t i = 0; json.len > 0 && i < ARRAY_COUNT(json_fields); i++) {
		uint64_t count;
		uint8_t bucket = json_fields[i].bucket;
		if (json_fields[i].text != roles->rank[ROLE_USAGE_JSON] ||
		    (bucket == TOTAL ? *total_known : usage->known[bucket]) ||
		    !read_json_field(json, json_fields[i].path, &count))
			continue;
		if (bucket == TOTAL) {
			*total = count;
			*total_known = true;
		} else {
			usage->tokens[bucket] = count;
			usage->known[bucket] = true;
		}
	}
}

/* Whether ${whole} leaves out its ${parts}: there are more of them than it counts, or the call's
 * total counts them on top. */
static bool is_exclusive(uint64_t whole, uint64_t parts, uint64_t other, uint64_t total)
{
	return parts > whole || (parts > 0 && total > 0 && whole + parts + other == total);
}

/* Adds to input and output the parts that they leave out. False for nonsense. */
static bool make_inclusive(struct usage *usage, uint64_t total)
{
	enum { TOKENS_MAX = 1 << 30 }; /* of each: nobody sums up to an overflow */
	for (int bucket = 0; bucket < BUCKET_COUNT; bucket++) {
		if (usage->tokens[bucket] > (uint64_t)TOKENS_MAX << 20)
			return false;
	}
	uint64_t *input = &usage->tokens[BUCKET_INPUT], *output = &usage->tokens[BUCKET_OUTPUT];
	uint64_t cache = usage->tokens[BUCKET_CACHED] + usage->tokens[BUCKET_CACHE_CREATION];
	uint64_t reasoning = usage->tokens[BUCKET_REASONING];
	bool input_excludes = is_exclusive(*input, cache, *output, total);
	bool output_excludes = is_exclusive(*output, reasoning, *input, total);
	if (!input_excludes && !output_excludes && cache > 0 && reasoning > 0)
		input_excludes = output_excludes =
			is_exclusive(*input, cache, *output + reasoning, total);
	if (input_excludes) {
		*input += cache;
		usage->known[BUCKET_INPUT] = true;
	}
	if (output_excludes) {
		*output += reasoning;
		usage->known[BUCKET_OUTPUT] = true;
	}
	return true;
}

bool usage_read(const struct span_roles *roles, struct usage *ret_usage)
{
	struct usage usage = {0};
	uint64_t total = 0;
	bool total_known = roles_has(roles, ROLE_TOTAL) &&
			   value_as_count(roles_value(roles, ROLE_TOTAL), &total);
	read_json(roles, &usage, &total, &total_known);
	bool any = total_known;
	for (int bucket = 0; bucket < BUCKET_COUNT; bucket++) {
		enum role role = bucket_roles[bucket];
		if (roles_has(roles, role) &&
		    value_as_count(roles_value(roles, role), &usage.tokens[bucket]))
			usage.known[bucket] = true;
		any |= bucket <= BUCKET_OUTPUT && usage.known[bucket]; /* the others are parts */
	}
	if (!any)
		return false;
	if (!make_inclusive(&usage, total_known ? total : 0))
		return false;
	usage.total = usage.tokens[BUCKET_INPUT] + usage.tokens[BUCKET_OUTPUT];
	if (total_known && total > usage.total)
		usage.total = total;
	*ret_usage = usage;
	return true;
}

void usage_split(struct usage *usage, uint8_t buckets)
{
	for (int bucket = BUCKET_CACHED; bucket < BUCKET_COUNT; bucket++) {
		uint64_t *whole =
			&usage->tokens[bucket == BUCKET_REASONING ? BUCKET_OUTPUT : BUCKET_INPUT];
		if (buckets >> bucket & 1)
			*whole = minus(*whole, usage->tokens[bucket]);
		else
			usage->known[bucket] = false;
	}
}

void usage_forget_input(struct usage *usage)
{
	static const enum usage_bucket parts[] = {BUCKET_INPUT, BUCKET_CACHED,
						  BUCKET_CACHE_CREATION};
	usage->total = minus(usage->total, usage->tokens[BUCKET_INPUT]);
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		usage->tokens[parts[i]] = 0;
		usage->known[parts[i]] = false;
	}
}

static void append_count(struct buf *out, const char *name, uint64_t count)
{
	buf_append_byte(out, '"');
	buf_append_str(out, name);
	buf_append_str(out, "\":");
	buf_append_u64(out, count);
}

void usage_write(const struct usage *usage, struct buf *out)
{
	buf_append_byte(out, '{');
	for (int bucket = 0; bucket < BUCKET_COUNT; bucket++) {
		if (!usage->known[bucket])
			continue;
		append_count(out, usage_bucket_names[bucket], usage->tokens[bucket]);
		buf_append_byte(out, ',');
	}
	append_count(out, "total", usage->total);
	buf_append_byte(out, '}');
}

/* ---- prices --------------------------------------------------------------------------------- */

/* '*' stands for any text: the last star takes one byte more whenever the rest fails. */
bool model_fits(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			resume = t;
		} else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

const struct price *price_find(const struct price *prices, size_t count, struct slice model)
{
	for (size_t i = 0; i < count && model.len > 0 && model.len <= MODEL_NAME_MAX; i++) {
		if (model_fits(prices[i].pattern, model))
			return &prices[i];
	}
	return NULL;
}

bool price_write(const struct price *price, const struct usage *usage, struct buf *out)
{
	double total = 0;
	bool any = false;
	size_t before = out->len;
	buf_append_byte(out, '{');
	for (int bucket = 0; bucket < BUCKET_COUNT; bucket++) {
		if (!usage->known[bucket] || !price->known[bucket])
			continue;
		double cost = (double)usage->tokens[bucket] * price->usd_per_token[bucket];
		buf_printf(out, "\"%s\":", usage_bucket_names[bucket]);
		buf_append_double(out, cost);
		buf_append_byte(out, ',');
		total += cost;
		any = true;
	}
	if (!any) {
		out->len = before;
		return false;
	}
	buf_append_str(out, "\"total\":");
	buf_append_double(out, total);
	buf_append_byte(out, '}');
	return true;
}

/* ---- costs that the span itself says -------------------------------------------------------- */

/* A cost that could be meant; -1 for none. Zero would keep Langfuse from pricing the call. */
static double read_one(const struct span_roles *roles, enum role role, bool keep_zero)
{
	double cost;
	if (!roles_has(roles, role) || !value_as_double(roles_value(roles, role), &cost) ||
	    cost < 0 || (cost == 0 && !keep_zero))
		return -1;
	return cost;
}

static double read_total_from_json(struct slice json, bool keep_zero)
{
	struct json_word word;
	struct slice raw;
	double cost;
	if (!json_find_member(json, SLICE("total_cost"), &raw) ||
	    !value_as_double(json_value(raw, &word), &cost))
		return -1;
	return cost > 0 || (cost == 0 && keep_zero) ? cost : -1;
}

bool cost_is_sound(const struct span_roles *roles, bool keep_zero)
{
	return read_one(roles, ROLE_COST, keep_zero) >= 0;
}

bool cost_read(const struct span_roles *roles, bool keep_zero, struct cost *ret_cost)
{
	struct cost cost = {.total = read_one(roles, ROLE_COST, keep_zero),
			    .input = read_one(roles, ROLE_COST_INPUT, keep_zero),
			    .output = read_one(roles, ROLE_COST_OUTPUT, keep_zero)};
	if (cost.total < 0)
		cost.total = read_total_from_json(roles_text(roles, ROLE_COST_JSON), keep_zero);
	if (cost.total < 0 && cost.input >= 0 && cost.output >= 0)
		cost.total = cost.input + cost.output;
	if (cost.total < 0)
		return false;
	*ret_cost = cost;
	return true;
}

void cost_write(const struct cost *cost, struct buf *out)
{
	buf_append_byte(out, '{');
	if (cost->input >= 0 && cost->output >= 0) {
		buf_append_str(out, "\"input\":");
		buf_append_double(out, cost->input);
		buf_append_str(out, ",\"output\":");
		buf_append_double(out, cost->output);
		buf_append_byte(out, ',');
	}
	buf_append_str(out, "\"total\":");
	buf_append_double(out, cost->total);
	buf_append_byte(out, '}');
}
