/* SPDX-License-Identifier: Apache-2.0 */
/* Saying what a policy does with one key and value, by doing it. For people, not for traffic. */
#ifndef SLUICE_PROCESSORS_METADATA_ONLY_EXPLAIN_H
#define SLUICE_PROCESSORS_METADATA_ONLY_EXPLAIN_H

#include "pipeline/trace/otlp/view.h"

struct policy_rule;

/* The row or option that says something about ${key}: by which it is kept, else removed, else known;
 * NULL when none does. ${state} and ${view} are a shard's, made for ${self}, a metadata_only. */
const struct policy_rule *explain_key(const void *self, void *state, const struct trace_view *view,
				      struct slice key);

/* Whether the table, or the user, says that ${value} under ${key} goes whatever its shape. The words
 * that the policy puts in place of a value stay. The rest as explain_key. */
bool explain_denies(const void *self, void *state, const struct trace_view *view, struct slice key,
		    struct value value);

/* Appends what happens to the attribute ${key}, with the value ${value} (NULL: no value is asked
 * about), on a span, as lines of text. The processor's counters count it. -1: it could not be tried. */
MUST_CHECK int explain_attribute(void *self, void *state, struct trace_view *view, const char *key,
				 const char *value, struct buf *out, struct err *err);

/* Appends the table, one row a line, columns parted by tabs. */
void explain_table(struct buf *out);

#endif
