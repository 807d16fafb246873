/* SPDX-License-Identifier: Apache-2.0 */
/* A metadata_only processor as the graph would make it, and keys that its rules match. */
#ifndef SLUICE_TEST_POLICY_FIXTURE_H
#define SLUICE_TEST_POLICY_FIXTURE_H

#include "pipeline/graph/component.h"
#include "pipeline/trace/otlp/encode.h"
#include "processors/metadata_only/rules.h"

struct policy_fixture {
	struct arena arena;
	struct config_report report;
	struct budget budget;
	struct metrics *metrics;
	struct key_table *keys;
	void *self, *state; /* self NULL: refused, see report */
	struct trace_view *view;
};

/* With the configuration ${yaml}, a flow map such as "{mode: strict}". Aborts when memory is short.
 */
void policy_fixture_init(struct policy_fixture *f, const char *yaml);
void policy_fixture_fini(struct policy_fixture *f);

/* Runs ${body} through the processor and encode; NULL when nothing is left. */
struct chunk *policy_fixture_run(struct policy_fixture *f, struct slice body);

/* What the rule ${rule} has removed so far. */
uint64_t policy_fixture_removed(const struct policy_fixture *f, const char *rule);

/* A value of ${form} that no other form has, but for those that hold it. */
const char *policy_form_value(enum policy_form form);

/* Whether ${text} stands anywhere in ${bytes}. */
bool policy_holds(struct slice bytes, const char *text);

/* Writes the ${number}th key that ${pattern} (as in rules.def, braces resolved) matches to ${out}:
 * every alternative of an expression comes up. False when there is no such one. */
bool policy_sample(struct slice pattern, unsigned number, struct buf *out);

enum { POLICY_SAMPLES = 256 }; /* numbers worth trying */

/* The sources that the policy was drawn from list kept keys in 8 rows, the conventions of 36
 * frameworks and namespaces in as many, and events, names and texts in 8: a table with fewer rules
 * has lost one. */
enum { POLICY_SOURCE_ROWS = 52 };

#endif
