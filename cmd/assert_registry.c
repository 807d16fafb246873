/* SPDX-License-Identifier: Apache-2.0 */
/* Each key and type is told once, with the first name of a span that has it, in the order of the keys. */
#include "cmd/assert_registry.h"

#include "cmd/assert_conventions.h"
#include "cmd/assert_survey.h"
#include "pipeline/config/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct checking {
	struct assert_results *results;
	struct assert_case *at;
	const struct conventions *conventions;
	const char **names; /* of the conventions, for the nearest one */
	uint64_t unknown, deprecated, mistyped;
};

static void tell(struct checking *checking, const struct fact *fact, struct config_loc loc,
		 const char *why, const char *nearest)
{
	struct assert_results *results = checking->results;
	struct assert_miss miss = {.loc = loc,
				   .wanted = assert_results_text(results, fact->key),
				   .why = why ? why : "",
				   .nearest_word = nearest,
				   .found_count = 1};
	miss.found[0] = (struct assert_found){.what = "it on span",
					      .value = assert_results_text(results, fact->span)};
	results->no_memory = results->no_memory || !why;
	assert_results_miss(results, checking->at, &miss);
}

static void check_fact(struct checking *checking, const struct fact *fact, bool same_key)
{
	struct arena *arena = &checking->results->arena;
	const struct convention *known = conventions_find(checking->conventions, fact->key);
	if (!known) {
		checking->unknown += !same_key;
		if (!same_key)
			tell(checking, fact, (struct config_loc){.file = NULL},
			     "is not in the registry",
			     config_nearest(fact->key, checking->names,
					    checking->conventions->count));
		return;
	}
	if (known->deprecated && !same_key) {
		checking->deprecated++;
		tell(checking, fact, known->loc,
		     known->renamed_to
			     ? arena_printf(arena, "is deprecated: it is %s now", known->renamed_to)
			     : "is deprecated",
		     NULL);
	}
	if (!convention_takes(known, fact->value)) {
		checking->mistyped++;
		tell(checking, fact, known->loc,
		     arena_printf(arena, "is of type %.*s, wanted %s", SLICE_FMT(fact->value),
				  known->type),
		     NULL);
	}
}

static int compare(const void *a, const void *b)
{
	const struct fact *x = *(struct fact *const *)a, *y = *(struct fact *const *)b;
	int order = slice_compare(x->key, y->key);
	if (order == 0)
		order = slice_compare(x->value, y->value);
	return order == 0 ? slice_compare(x->span, y->span) : order;
}

/* Sorts the survey's facts by key on the way. */
static void check_facts(struct checking *checking, struct facts *facts)
{
	const struct fact *last = NULL;
	if (facts->count > 0)
		qsort(facts->at, facts->count, sizeof(struct fact *), compare);
	for (size_t i = 0; i < facts->count; i++) {
		const struct fact *fact = facts->at[i];
		if (fact->type != FACT_VALUE_TYPE)
			continue;
		bool same_key = last && slice_equal(last->key, fact->key);
		if (!same_key || !slice_equal(last->value, fact->value))
			check_fact(checking, fact, same_key);
		last = fact;
	}
}

static bool check(struct checking *checking, struct facts *facts)
{
	struct assert_results *results = checking->results;
	size_t count = checking->conventions->count;
	checking->names = arena_calloc(&results->arena, count, sizeof(*checking->names));
	checking->at = assert_results_add(
		results, ASSERT_CASE_REGISTRY,
		SLICE("the attributes are as the registry's semantic conventions say"));
	if (!checking->names || !checking->at)
		return false;
	for (size_t i = 0; i < count; i++)
		checking->names[i] = checking->conventions->at[i].name;
	check_facts(checking, facts);
	const char *summary = arena_printf(
		&results->arena,
		"%" PRIu64 " unknown, %" PRIu64 " deprecated, %" PRIu64 " of another type",
		checking->unknown, checking->deprecated, checking->mistyped);
	if (summary && checking->at->result != VERDICT_HOLDS)
		checking->at->summary = summary;
	return summary != NULL;
}

bool assert_registry(const char *path, const struct trace_buffer *const *buffers, size_t count,
		     struct assert_results *results)
{
	struct conventions conventions;
	struct checking checking = {.results = results, .conventions = &conventions};
	struct survey survey;
	struct err err;
	bool done = false;
	int read = conventions_read(&conventions, path, &results->arena, &err);
	if (read == 0) {
		int status = survey_init(&survey, buffers, count, results->policy, false, &err);
		if (status == 0 && !(done = check(&checking, &survey.facts)))
			(void)err_set(&err, ERR_NOMEM, "out of memory");
		survey_fini(&survey);
	}
	if (!done)
		fprintf(stderr, "Error: %s\n", err.msg);
	conventions_fini(&conventions);
	return done;
}
