/* SPDX-License-Identifier: Apache-2.0 */
/*
 * langfuse moves keys to places among the metadata. With [langfuse, metadata_only] the policy sees
 * the place, not the key: what it removes under the one it has to remove under the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors/langfuse/keys.h"
#include "processors/metadata_only/explain.h"
#include "processors/metadata_only/policy.h"
#include "tests/support/policy_fixture.h"

static bool removes(struct policy_fixture *f, const char *key)
{
	const struct policy_rule *rule = explain_key(f->self, f->state, f->view, slice_str(key));
	return rule && (rule->action == ACTION_DROP || rule->action == ACTION_REPLACE ||
			rule->action == ACTION_IDENTIFY);
}

static void a_moved_key_is_judged_as_before(void **state)
{
	static const char *const modes[] = {"{identifiers: drop}",
					    "{mode: denylist, identifiers: drop}",
					    "{mode: strict, identifiers: drop}"};
	size_t count, moved = 0, removed = 0;
	const struct key_row *rows = keys_rows(&count);
	(void)state;
	for (size_t m = 0; m < ARRAY_COUNT(modes); m++) {
		struct policy_fixture f;
		policy_fixture_init(&f, modes[m]);
		assert_int_equal(view_open(f.view, SLICE(""), &(struct err){0}), 0);
		for (size_t i = 0; i < count; i++) {
			if (!rows[i].to)
				continue;
			moved++;
			removed += removes(&f, rows[i].text);
			if (removes(&f, rows[i].text) && !removes(&f, rows[i].to))
				fail_msg("%s: %s is kept as %s", modes[m], rows[i].text,
					 rows[i].to);
		}
		policy_fixture_fini(&f);
	}
	assert_true(moved > 0 && removed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moved_key_is_judged_as_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
