/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the langfuse processor, and what is made of its two maps. */
#include "pipeline/graph/trace_memory_config.h"
#include "processors/langfuse/langfuse_internal.h"

struct langfuse_config {
	uint64_t join_wait_ns;
	const struct config_node *models, *prices, *priced_buckets;
	struct config_strings routing_scopes, routing_names;
	bool keep_zero_cost, wait_for_root;
	struct trace_memory_limits memory;
};

static const struct config_field fields[] = {
	CONFIG_DURATION(struct langfuse_config, join_wait_ns, "join_wait", "6s",
			"How long the span of a model server that names no model waits for another "
			"request of its trace to name it; 0: not at all."),
	CONFIG_BOOL(
		struct langfuse_config, wait_for_root, "wait_for_root", "false",
		"All spans below the root of a trace wait up to join_wait until it has come, for "
		"nothing else: where a filter drops roots, the spans below take over its name, "
		"user, session and tags also when it comes last."),
	CONFIG_NODE(struct langfuse_config, models, "models",
		    "Model by service.name, for model servers whose trace does not name one."),
	CONFIG_NODE(
		struct langfuse_config, prices, "prices",
		"USD per token by model pattern (`meta-llama/*`) and bucket: input, output, "
		"input_cached_tokens, input_cache_creation, output_reasoning_tokens. Used where "
		"a span has no cost; the first pattern that fits counts."),
	CONFIG_NODE(struct langfuse_config, priced_buckets, "priced_buckets",
		    "By model pattern, which of input_cached_tokens, input_cache_creation and "
		    "output_reasoning_tokens the models of your Langfuse project have a price for. "
		    "The first pattern that fits counts, before the built-in table."),
	CONFIG_BOOL(struct langfuse_config, keep_zero_cost, "keep_zero_cost", "false",
		    "Pass a cost of 0 on. Langfuse takes it for the truth and does not price the "
		    "call then."),
	CONFIG_STRING_LIST(struct langfuse_config, routing_scopes, "routing_scopes",
			   "More instrumentation scopes (by prefix) whose spans name a model, but "
			   "call none."),
	CONFIG_STRING_LIST(struct langfuse_config, routing_names, "routing_names",
			   "More names of such spans; one that ends in * stands for a prefix."),
	CONFIG_SUB(struct langfuse_config, memory, "trace_memory", &trace_memory_block,
		   "What is remembered of traces between requests."),
};
const struct config_block langfuse_block = CONFIG_BLOCK(struct langfuse_config, fields);

struct price_config {
	double usd_per_token[BUCKET_COUNT];
};

#define PRICE(bucket, key)                                                                         \
	CONFIG_DOUBLE(struct price_config, usd_per_token[bucket], key, "-1", -1, 1e6, "USD",       \
		      "Per token.")
static const struct config_field price_fields[] = {
	PRICE(BUCKET_INPUT, "input"),
	PRICE(BUCKET_OUTPUT, "output"),
	PRICE(BUCKET_CACHED, "input_cached_tokens"),
	PRICE(BUCKET_CACHE_CREATION, "input_cache_creation"),
	PRICE(BUCKET_REASONING, "output_reasoning_tokens"),
};
static const struct config_block price_block = CONFIG_BLOCK(struct price_config, price_fields);

static struct config_loc loc_of(const struct config_node *node)
{
	return node ? node->loc : (struct config_loc){0};
}

static bool is_map(const struct config_node *node, const char *path, const char *key,
		   struct config_report *report)
{
	if (!node || node->kind == CONFIG_MAP || node->kind == CONFIG_NULL)
		return true;
	config_problem(report, CONFIG_ERROR, loc_of(node), path, NULL, "%s has to be a map", key);
	return false;
}

static size_t entry_count(const struct config_node *map)
{
	return map && map->kind == CONFIG_MAP ? map->count : 0;
}

static bool read_models(struct langfuse *self, const struct component_env *env,
			const struct config_node *map, struct config_report *report)
{
	size_t count = entry_count(map);
	self->models = arena_calloc(env->arena, count + 1, sizeof(*self->models));
	if (!self->models || !is_map(map, env->path, "models", report))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct config_entry *entry = &map->entries[i];
		if (entry->node->kind != CONFIG_SCALAR || entry->node->text.len == 0) {
			config_problem(report, CONFIG_ERROR, entry->key_loc, env->path, NULL,
				       "models: the model of %.*s has to be a name",
				       SLICE_FMT(entry->key));
			return false;
		}
		self->models[self->model_count++] =
			(struct model_name){entry->key, entry->node->text};
	}
	return true;
}

static bool read_prices(struct langfuse *self, const struct component_env *env,
			const struct config_node *map, struct config_report *report)
{
	size_t count = entry_count(map), errors = report->error_count;
	self->prices = arena_calloc(env->arena, count + 1, sizeof(*self->prices));
	if (!self->prices || !is_map(map, env->path, "prices", report))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct config_entry *entry = &map->entries[i];
		struct price_config config = {{0}};
		struct price *price = &self->prices[self->price_count++];
		config_bind(&price_block, entry->node, env->path, &config, report);
		price->pattern = entry->key;
		for (int bucket = 0; bucket < BUCKET_COUNT; bucket++) {
			price->usd_per_token[bucket] = config.usd_per_token[bucket];
			price->known[bucket] = config.usd_per_token[bucket] >= 0;
		}
		/* Langfuse's own prices know one price for all of the input, too. */
		if (!price->known[BUCKET_REASONING] && price->known[BUCKET_OUTPUT]) {
			price->usd_per_token[BUCKET_REASONING] =
				price->usd_per_token[BUCKET_OUTPUT];
			price->known[BUCKET_REASONING] = true;
		}
		for (int bucket = BUCKET_CACHED; bucket <= BUCKET_CACHE_CREATION; bucket++) {
			if (price->known[bucket] || !price->known[BUCKET_INPUT])
				continue;
			price->usd_per_token[bucket] = price->usd_per_token[BUCKET_INPUT];
			price->known[bucket] = true;
		}
	}
	return report->error_count == errors;
}

/* The bucket that ${node} names; false when it is none that parts of tokens go to. */
static bool read_bucket(const struct config_node *node, uint8_t *ret_bits)
{
	for (int bucket = BUCKET_CACHED; bucket < BUCKET_COUNT; bucket++) {
		if (node->kind == CONFIG_SCALAR &&
		    slice_equal(node->text, slice_str(usage_bucket_names[bucket]))) {
			*ret_bits |= (uint8_t)BUCKET_BIT(bucket);
			return true;
		}
	}
	return false;
}

static bool read_priced(struct langfuse *self, const struct component_env *env,
			const struct config_node *map, struct config_report *report)
{
	size_t count = entry_count(map);
	self->priced = arena_calloc(env->arena, count + 1, sizeof(*self->priced));
	if (!self->priced || !is_map(map, env->path, "priced_buckets", report))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct config_entry *entry = &map->entries[i];
		struct priced_model *priced = &self->priced[self->priced_count++];
		bool good = entry->node->kind == CONFIG_LIST;
		priced->pattern = entry->key;
		for (size_t k = 0; good && k < entry->node->count; k++)
			good = read_bucket(entry->node->items[k], &priced->buckets);
		if (good)
			continue;
		config_problem(report, CONFIG_ERROR, entry->key_loc, env->path, NULL,
			       "priced_buckets: %.*s has to be a list of input_cached_tokens, "
			       "input_cache_creation, output_reasoning_tokens",
			       SLICE_FMT(entry->key));
		return false;
	}
	return true;
}

static bool read_list(struct name_list *list, const struct component_env *env,
		      const struct config_strings *strings)
{
	list->at = arena_calloc(env->arena, strings->count + 1, sizeof(*list->at));
	for (size_t i = 0; list->at && i < strings->count; i++)
		list->at[list->count++] = slice_str(strings->at[i]);
	return list->at != NULL;
}

const struct trace_memory_limits *langfuse_memory_limits(const void *config)
{
	return &((const struct langfuse_config *)config)->memory;
}

bool langfuse_configure(struct langfuse *self, const struct component_env *env, const void *arg,
			struct config_report *report)
{
	const struct langfuse_config *config = arg;
	self->join_wait_ns = config->join_wait_ns;
	self->keep_zero_cost = config->keep_zero_cost;
	self->wait_for_root = config->wait_for_root;
	return read_models(self, env, config->models, report) &&
	       read_prices(self, env, config->prices, report) &&
	       read_priced(self, env, config->priced_buckets, report) &&
	       read_list(&self->routing_scopes, env, &config->routing_scopes) &&
	       read_list(&self->routing_names, env, &config->routing_names);
}
