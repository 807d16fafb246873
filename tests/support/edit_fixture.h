/* SPDX-License-Identifier: Apache-2.0 */
/* What a test of edits needs: an index and an edit over the random generator's keys, with a budget
 * that must be empty at the end. */
#ifndef SLUICE_TESTS_EDIT_FIXTURE_H
#define SLUICE_TESTS_EDIT_FIXTURE_H

#include "pipeline/base/buf.h"
#include "pipeline/trace/otlp/edit.h"

struct edit_fixture {
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view;
	struct buf body; /* freed by tear_down */
};

/* For cmocka: ${state} becomes a struct edit_fixture. */
int edit_fixture_set_up(void **state);
int edit_fixture_tear_down(void **state);

#endif
