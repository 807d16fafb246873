/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes through the spans that were kept and takes down their form (assert_facts.h), as the judge sees them: repeated
 * deliveries once, parents by its tree. Names and keys that the policy would not let pass, or that
 * would not stand in a file as they are, are left out and counted.
 */
#ifndef SLUICE_CMD_ASSERT_SURVEY_H
#define SLUICE_CMD_ASSERT_SURVEY_H

#include "cmd/assert_facts.h"
#include "cmd/assert_policy.h"

struct survey {
	struct facts facts;
	uint64_t spans, traces;
	uint64_t hidden_names, hidden_keys; /* spans without a name to show; keys on the others */
};

/*
 * ${grouped}: facts come by groups of traces, those that have a root of the same name, else a first
 * span of the same name; a trace with several roots is in several. Otherwise in the one group "".
 * -1 with the error; survey_fini in either case.
 */
MUST_CHECK int survey_init(struct survey *survey, const struct trace_buffer *const *buffers,
			   size_t count, struct assert_policy *policy, bool grouped,
			   struct err *err);
void survey_fini(struct survey *survey);

/* Appends the OTTL condition that is true of spans named ${name}. */
void survey_append_name_condition(struct buf *out, struct slice name);

#endif
