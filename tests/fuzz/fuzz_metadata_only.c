/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy on any request that the index accepts: what leaves is a request again, holds no field
 * that the schema does not know, and going through once more takes nothing more out of it.
 */
#include "tests/support/policy_fixture.h"

#include <stdlib.h>

static void check(bool fact)
{
	if (!fact)
		abort();
}

static struct policy_fixture *fixture(void)
{
	static struct policy_fixture f;
	if (!f.self)
		policy_fixture_init(&f, "{mode: strict, identifiers: drop, max_value_bytes: 64}");
	check(f.self != NULL);
	return &f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_fixture *f = fixture();
	struct trace_index plain;
	struct err err;
	trace_index_init(&plain, &f->budget, f->keys);
	bool accepted = trace_index_build(&plain, slice_of(data, size), &err) == 0;
	if (accepted) {
		struct chunk *once = policy_fixture_run(f, slice_of(data, size));
		if (once) {
			check(trace_index_build(&plain, chunk_slice(once), &err) == 0);
			check(plain.unknown_count == 0);
			check(plain.span_count == once->span_count);
			struct chunk *twice = policy_fixture_run(f, chunk_slice(once));
			check(twice && slice_equal(chunk_slice(once), chunk_slice(twice)));
			chunk_unref(twice);
		}
		chunk_unref(once);
	}
	trace_index_fini(&plain);
	return 0;
}
