/* SPDX-License-Identifier: Apache-2.0 */
/* Facts come sorted, so that words of one entry stand beside each other; a file is sorted when it is read,
 * as people edit it. */
#include "cmd/assert_contract.h"

#include "cmd/assert_record.h"

#include <stdlib.h>

enum { WORDS_MAX = 1000 /* in one list of a file */ };

void contract_init(struct contract *contract, struct arena *arena)
{
	*contract = (struct contract){.arena = arena};
}

void contract_fini(struct contract *contract)
{
	free(contract->at);
	*contract = (struct contract){.at = NULL};
}

static void append(struct contract *contract, struct contract_entry entry)
{
	if (contract->count == contract->capacity) {
		size_t capacity = contract->capacity ? contract->capacity * 2 : 256;
		struct contract_entry *at = realloc(contract->at, capacity * sizeof(*at));
		contract->failed = contract->failed || !at;
		if (!at)
			return;
		contract->at = at;
		contract->capacity = capacity;
	}
	contract->at[contract->count++] = entry;
}

int contract_compare(const struct contract_entry *a, const struct contract_entry *b)
{
	int order = slice_compare(a->span, b->span);
	if (order == 0)
		order = (a->type > b->type) - (a->type < b->type);
	return order == 0 ? slice_compare(a->key, b->key) : order;
}

/* ---- of spans ------------------------------------------------------------------------------- */

static bool entry_of_fact(const struct fact *fact, struct contract_entry *ret_entry)
{
	static const enum contract_type types[] = {[FACT_SPAN] = CONTRACT_SPAN,
						   [FACT_KIND] = CONTRACT_KIND,
						   [FACT_PARENT] = CONTRACT_PARENT,
						   [FACT_VALUE_TYPE] = CONTRACT_ATTRIBUTE};
	if (fact->type < FACT_SPAN || fact->type == FACT_KEY)
		return false;
	*ret_entry = (struct contract_entry){.span = fact->span,
					     .type = types[fact->type],
					     .key = fact->key,
					     .value = fact->value};
	return true;
}

/* Puts the word of ${entry} behind those that ${last} has already. */
static void join(struct contract *contract, struct contract_entry *last, struct slice word)
{
	const char *both = arena_printf(contract->arena, "%.*s, %.*s", SLICE_FMT(last->value),
					SLICE_FMT(word));
	contract->failed = contract->failed || !both;
	if (both)
		last->value = slice_str(both);
}

bool contract_of_survey(struct contract *contract, const struct survey *survey)
{
	struct contract_entry entry;
	for (size_t i = 0; i < survey->facts.count; i++) {
		struct contract_entry *last =
			contract->count > 0 ? &contract->at[contract->count - 1] : NULL;
		if (!entry_of_fact(survey->facts.at[i], &entry))
			continue;
		if (last && contract_compare(last, &entry) == 0)
			join(contract, last, entry.value);
		else
			append(contract, entry);
	}
	return !contract->failed;
}

/* ---- of a file ------------------------------------------------------------------------------ */

static void problem(struct config_report *report, const struct config_node *node, const char *text)
{
	config_problem(report, CONFIG_ERROR, node->loc, "", NULL, "%s", text);
}

static int compare_words(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* The words of ${node}, a scalar or a list of them, in order. */
static void read_words(struct contract *contract, const struct config_node *node,
		       struct contract_entry entry, struct config_report *report)
{
	bool is_list = node->kind == CONFIG_LIST;
	size_t count = is_list ? node->count : 1;
	struct slice *words = arena_calloc(contract->arena, count + 1, sizeof(*words));
	if (!words || count > WORDS_MAX) {
		problem(report, node, "too many words");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct config_node *word = is_list ? node->items[i] : node;
		if (word->kind != CONFIG_SCALAR)
			problem(report, word, "expected a word or a list of words");
		words[i] = word->text;
	}
	qsort(words, count, sizeof(*words), compare_words);
	entry.loc = node->loc;
	entry.value = words[0];
	for (size_t i = 1; i < count; i++)
		join(contract, &entry, words[i]);
	append(contract, entry);
}

static void read_attributes(struct contract *contract, const struct config_node *node,
			    struct contract_entry entry, struct config_report *report)
{
	entry.type = CONTRACT_ATTRIBUTE;
	if (node->kind != CONFIG_MAP) {
		problem(report, node, "expected a map of attribute keys");
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		entry.key = node->entries[i].key;
		read_words(contract, node->entries[i].node, entry, report);
	}
}

static void read_span(struct contract *contract, const struct config_node *node,
		      struct config_report *report)
{
	static const char *const keys[] = {"name", "kind", "parent", "attributes"};
	const struct config_node *name = config_get(node, "name");
	if (!name || name->kind != CONFIG_SCALAR || name->text.len == 0) {
		problem(report, node, "expected a span with a name");
		return;
	}
	struct contract_entry entry = {.span = name->text, .type = CONTRACT_SPAN, .loc = node->loc};
	append(contract, entry);
	for (size_t i = 0; i < node->count; i++) {
		struct slice key = node->entries[i].key;
		const struct config_node *value = node->entries[i].node;
		entry.type = slice_equal(key, SLICE("kind")) ? CONTRACT_KIND : CONTRACT_PARENT;
		if (slice_equal(key, SLICE("kind")) || slice_equal(key, SLICE("parent")))
			read_words(contract, value, entry, report);
		else if (slice_equal(key, SLICE("attributes")))
			read_attributes(contract, value, entry, report);
		else if (!slice_equal(key, SLICE("name")))
			config_problem(report, CONFIG_ERROR, node->entries[i].key_loc, "",
				       config_nearest(key, keys, ARRAY_COUNT(keys)), "unknown key");
	}
}

static int compare_entries(const void *a, const void *b)
{
	return contract_compare(a, b);
}

bool contract_read(struct contract *contract, const char *path, struct config_report *report)
{
	const struct config_load load = {.uris = &path, .uri_count = 1};
	const struct config_node *root = config_load(&load, report);
	const struct config_node *spans = config_get(root, "spans");
	if (!root)
		return false;
	if (!spans || spans->kind != CONFIG_LIST || root->count != 1) {
		problem(report, root, "expected a list under \"spans\", and nothing else");
		return false;
	}
	for (size_t i = 0; i < spans->count; i++)
		read_span(contract, spans->items[i], report);
	if (contract->count > 0)
		qsort(contract->at, contract->count, sizeof(*contract->at), compare_entries);
	for (size_t i = 1; i < contract->count; i++) {
		if (contract_compare(&contract->at[i - 1], &contract->at[i]) == 0)
			config_problem(report, CONFIG_ERROR, contract->at[i].loc, "", NULL,
				       "is there twice");
	}
	return report->error_count == 0 && !contract->failed;
}

/* ---- to a file ------------------------------------------------------------------------------ */

static void write_word(const struct fact *fact, const struct fact *before, struct buf *out)
{
	bool same = before && before->type == fact->type && slice_equal(before->key, fact->key) &&
		    slice_equal(before->span, fact->span);
	if (same) {
		out->len -= 2; /* "]\n" of the word before */
		buf_append_str(out, ", ");
	} else if (fact->type == FACT_VALUE_TYPE) {
		if (!before || before->type != FACT_VALUE_TYPE)
			buf_append_str(out, "    attributes:\n");
		buf_append_str(out, "      ");
		assert_append_key(out, fact->key);
		buf_append_str(out, ": [");
	} else {
		buf_append_str(out, fact->type == FACT_KIND ? "    kind: [" : "    parent: [");
	}
	assert_append_scalar(out, fact->value);
	buf_append_str(out, "]\n");
}

void contract_write(const struct survey *survey, struct buf *out)
{
	const struct fact *before = NULL;
	buf_append_str(out, "# What the spans look like. Written by `sluice assert --snapshot … "
			    "--update`; commit it.\nspans:");
	for (size_t i = 0; i < survey->facts.count; i++) {
		const struct fact *fact = survey->facts.at[i];
		if (fact->type == FACT_SPAN) {
			buf_append_str(out, before ? "  - name: " : "\n  - name: ");
			assert_append_scalar(out, fact->span);
			buf_append_byte(out, '\n');
		} else if (fact->type > FACT_SPAN && fact->type != FACT_KEY) {
			write_word(fact, before, out);
		} else {
			continue;
		}
		before = fact;
	}
	if (!before)
		buf_append_str(out, " []\n");
}
