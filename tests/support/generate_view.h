/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that read requests: an encoded request, indexed, under a fresh edit. */
#ifndef SLUICE_TESTS_GENERATE_VIEW_H
#define SLUICE_TESTS_GENERATE_VIEW_H

#include "pipeline/trace/otlp/edit.h"

struct generate_view {
	struct budget budget;
	struct key_table *keys;
	struct trace_view *view;
};

/* Fails the test when ${body} is not a good request. ${body} stays in place until the close. */
void generate_view_open(struct generate_view *request, struct slice body);

/* Fails the test when something is still charged. */
void generate_view_close(struct generate_view *request);

/* Fails the test, and shows ${text}, unless it is what the file tests/fixtures/${name} holds. */
void generate_assert_golden(const char *name, struct slice text);

#endif
