/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures, values of spans under a name, and their comparison. A capture is never a list: what
 * comparisons need of it (how many, sum, least, greatest, whether all are equal) is added up, in one
 * trace or over all of them, in memory of a fixed size.
 */
#include "pipeline/expect/capture.h"

/* ---- reading -------------------------------------------------------------------------------- */

enum capture_nesting { NESTING_ALL = 0, NESTING_OUTERMOST, NESTING_INNERMOST };
static const char *const nesting_words[] = {"all", "outermost", "innermost", NULL};

struct capture {
	struct slice name;
	struct selector spans;
	const struct ottl_value *value;
	enum capture_nesting nesting;
};

struct capture_block {
	const struct config_node *spans, *value;
	int select;
};

static const struct config_field capture_fields[] = {
	CONFIG_NODE(struct capture_block, spans, "spans",
		    "Selector; the expectation's without it."),
	CONFIG_NODE(struct capture_block, value, "value", "OTTL expression on the span."),
	CONFIG_ENUM(struct capture_block, select, "select", nesting_words, "all",
		    "Of spans within one another: all, the outermost, the innermost."),
};
static const struct config_block capture_block = CONFIG_BLOCK(struct capture_block, capture_fields);

static bool capture_parse(struct loading *loading, const struct config_entry *entry,
			  const struct selector *spans, struct capture *capture)
{
	struct capture_block block = {NULL, NULL, 0};
	capture->name = entry->key;
	capture->spans = *spans;
	if (!load_bind(loading, &capture_block, entry->node, &block))
		return false;
	capture->nesting = (enum capture_nesting)block.select;
	if (!block.value)
		return load_problem(loading, entry->key_loc,
				    "'value' is required: an OTTL expression");
	capture->value = value_parse(loading, block.value);
	return capture->value &&
	       (!block.spans || selector_parse(loading, block.spans, &capture->spans));
}

bool captures_parse(struct loading *loading, const struct config_node *node,
		    struct expectation *expectation)
{
	const char *path = loading->path;
	bool ok = true;
	if (node->kind != CONFIG_MAP)
		return load_problem(loading, node->loc,
				    "expected a map of names to {spans, value}");
	struct capture *captures = load_alloc(loading, node->count, sizeof(*captures));
	for (size_t i = 0; captures && i < node->count; i++) {
		const char *below = arena_printf(loading->arena, "%s.%.*s", path,
						 SLICE_FMT(node->entries[i].key));
		loading->path = below ? below : path;
		ok = capture_parse(loading, &node->entries[i], &expectation->spans, &captures[i]) &&
		     ok;
	}
	loading->path = path;
	expectation->captures = captures;
	expectation->capture_count = captures ? (uint32_t)node->count : 0;
	return ok && captures;
}

uint32_t capture_find(const struct expectation *expectation, struct slice name)
{
	uint32_t at = 0;
	while (at < expectation->capture_count &&
	       !slice_equal(expectation->captures[at].name, name))
		at++;
	return at;
}

struct slice capture_key(const struct expectation *expectation, uint32_t at)
{
	return ottl_value_key(expectation->captures[at].value);
}

const char *capture_nearest(const struct expectation *expectation, struct slice name,
			    struct arena *arena)
{
	const char *names[CAPTURES_SUGGESTED_MAX];
	size_t count = 0;
	for (; count < expectation->capture_count && count < CAPTURES_SUGGESTED_MAX; count++) {
		names[count] =
			(const char *)arena_copy(arena, expectation->captures[count].name).ptr;
		if (!names[count])
			break;
	}
	return config_nearest(name, names, count);
}

/* ---- adding up ------------------------------------------------------------------------------ */

/* Equal numbers of either type have equal hashes. */
static uint64_t value_hash(const struct trial *trial, const struct value *value)
{
	struct {
		uint64_t type, number;
	} plain = {value->type, (uint64_t)value->i};
	if (value->type == VALUE_STRING || value->type == VALUE_BYTES ||
	    value->type == VALUE_ARRAY || value->type == VALUE_KVLIST)
		return hash_bytes(trial->hash, value->bytes.ptr, value->bytes.len) ^ value->type;
	bool whole = value->type == VALUE_DOUBLE && value->d >= -9e18 && value->d <= 9e18 &&
		     value->d == floor(value->d);
	if (whole)
		plain.number = (uint64_t)(int64_t)value->d;
	else if (value->type == VALUE_DOUBLE)
		memcpy(&plain.number, &value->d, sizeof(plain.number));
	if (whole)
		plain.type = VALUE_INT;
	return hash_bytes(trial->hash, (const uint8_t *)&plain, sizeof(plain));
}

static void add_number(struct capture_sum *sum, double number)
{
	sum->min = sum->numbers == 0 || number < sum->min ? number : sum->min;
	sum->max = sum->numbers == 0 || number > sum->max ? number : sum->max;
	sum->sum += number;
	sum->numbers++;
}

/* ${value} may be in the memory of conditions: a text that is not the trace's is copied. */
static struct value keep_value(struct trial *trial, struct value value)
{
	const uint8_t *body = trial->body->data;
	bool inside = value.bytes.ptr >= body && value.bytes.ptr < body + trial->body->len;
	if (value.bytes.len == 0 || inside)
		return value;
	uint8_t *copy = trial_alloc(trial, value.bytes.len, 1);
	if (!copy)
		return (struct value){.type = VALUE_EMPTY};
	memcpy(copy, value.bytes.ptr, value.bytes.len);
	value.bytes.ptr = copy;
	return value;
}

static void add_value(struct trial *trial, struct capture_sum *sum, const struct value *value)
{
	uint64_t hash = value_hash(trial, value);
	if (sum->count == 0) {
		sum->hash = hash;
		sum->first = keep_value(trial, *value);
	} else if (hash != sum->hash && !sum->differ) {
		sum->differ = true;
		sum->other = keep_value(trial, *value);
	}
	sum->count++;
	if (value->type == VALUE_INT)
		add_number(sum, (double)value->i);
	else if (value->type == VALUE_DOUBLE)
		add_number(sum, value->d);
}

/* ${bits} without those that have one of them above (outermost), or below (innermost). */
static const uint64_t *without_nested(struct trial *trial, const uint64_t *bits,
				      enum capture_nesting nesting)
{
	const struct span_tree *tree = &trial->tree;
	uint64_t *kept = trial_alloc(trial, trial->word_count, sizeof(*kept));
	uint64_t *above = trial_alloc(trial, trial->word_count, sizeof(*above));
	if (nesting == NESTING_ALL || !kept || !above)
		return bits;
	memcpy(kept, bits, trial->word_count * sizeof(*kept));
	for (uint32_t at = 0; nesting == NESTING_OUTERMOST && at < tree->count; at++) {
		uint32_t span = tree->order[at], parent = tree->parent[span];
		if (parent == NO_SPAN || (!bit_get(bits, parent) && !bit_get(above, parent)))
			continue;
		bit_set(above, span);
		kept[span / 64] &= ~(UINT64_C(1) << (span % 64));
	}
	for (uint32_t at = tree->count; nesting == NESTING_INNERMOST && at-- > 0;) {
		uint32_t span = tree->order[at], parent = tree->parent[span];
		if (bit_get(above, span))
			kept[span / 64] &= ~(UINT64_C(1) << (span % 64));
		if (parent != NO_SPAN && (bit_get(bits, span) || bit_get(above, span)))
			bit_set(above, parent);
	}
	return kept;
}

static void sum_up(struct trial *trial, const struct capture *capture, struct capture_sum *sum)
{
	const uint64_t *bits =
		without_nested(trial, trial_select(trial, &capture->spans), capture->nesting);
	FOR_EACH_BIT (span, bits, trial) {
		struct value value;
		if (ottl_value_eval(capture->value, trial->view, span, trial->scratch, &value,
				    NULL) == 0 &&
		    value.type != VALUE_EMPTY)
			add_value(trial, sum, &value);
	}
}

struct capture_sum *captures_sum_up(struct trial *trial)
{
	const struct expectation *expectation = trial->expectation;
	struct capture_sum *sums = trial_alloc(trial, expectation->capture_count, sizeof(*sums));
	for (uint32_t i = 0; !trial->no_memory && i < expectation->capture_count; i++)
		sum_up(trial, &expectation->captures[i], &sums[i]);
	return sums;
}

void capture_sum_add(struct capture_sum *sum, const struct capture_sum *more)
{
	if (more->count == 0)
		return;
	if (sum->count > 0 && sum->hash != more->hash)
		sum->differ = true;
	if (sum->count == 0)
		sum->hash = more->hash;
	sum->differ = sum->differ || more->differ;
	if (more->numbers > 0) {
		sum->min = sum->numbers == 0 || more->min < sum->min ? more->min : sum->min;
		sum->max = sum->numbers == 0 || more->max > sum->max ? more->max : sum->max;
	}
	sum->count += more->count;
	sum->numbers += more->numbers;
	sum->sum += more->sum;
}
