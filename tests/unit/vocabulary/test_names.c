/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the LLM stack stand in two forms: by role and release for expectations, by meaning for
 * processors. A release that is entered in one of them only fails here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pipeline/base/compiler.h"
#include "pipeline/vocabulary/llm_stack.h"

static const struct {
	const char *set, *role, *name;
} names[] = {
#define SPAN_NAME(set, role, releases, name) {set, role, name},
#include "pipeline/vocabulary/span_names.def"
};

static bool is_role(const char *role, const char *wanted)
{
	return strcmp(role, wanted) == 0;
}

static void every_name_with_a_role_is_one_that_processors_know(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct slice name = slice_str(names[i].name);
		bool known = stack_names_has(&stack_routing_spans, name) ||
			     stack_names_has(&stack_engine_spans, name) ||
			     stack_names_has(&stack_disaggregation_spans, name) ||
			     stack_names_has(&stack_background_spans, name);
		if (!known)
			fail_msg("%s, %s: %s is not in llm_stack.def", names[i].set, names[i].role,
				 names[i].name);
	}
}

static void roles_and_meanings_agree(void **state)
{
	static const struct {
		const char *role;
		const struct stack_names *meaning;
	} pairs[] = {
		{"engine", &stack_engine_spans},
		{"prefill", &stack_prefill_spans},
		{"decode", &stack_decode_spans},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		for (size_t p = 0; p < ARRAY_COUNT(pairs); p++) {
			bool means = stack_names_has(pairs[p].meaning, slice_str(names[i].name));
			if (is_role(names[i].role, pairs[p].role) != means)
				fail_msg("%s: role %s, but llm_stack.def says %s%s", names[i].name,
					 names[i].role, means ? "" : "not ", pairs[p].role);
		}
	}
}

static bool is_named(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (slice_equal(name, slice_str(names[i].name)))
			return true;
	}
	return false;
}

static void every_whole_name_that_processors_know_has_a_role(void **state)
{
	static const struct stack_names *const lists[] = {
		&stack_routing_spans,	     &stack_engine_spans, &stack_prefill_spans,
		&stack_disaggregation_spans, &stack_decode_spans, &stack_background_spans};
	(void)state;
	for (size_t l = 0; l < ARRAY_COUNT(lists); l++) {
		for (size_t i = 0; i < lists[l]->count; i++) {
			struct slice name = lists[l]->at[i];
			if (name.ptr[name.len - 1] != '*' && !is_named(name))
				fail_msg("%.*s has no role in span_names.def", SLICE_FMT(name));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_with_a_role_is_one_that_processors_know),
		cmocka_unit_test(roles_and_meanings_agree),
		cmocka_unit_test(every_whole_name_that_processors_know_has_a_role),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
