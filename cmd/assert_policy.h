/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `sluice assert` knows beyond the spans: the metadata-only policy (which keys it denies, which
 * values may be printed) and what is noise. Answered by the processors themselves, with their defaults or
 * the settings of the configuration that runs.
 */
#ifndef SLUICE_CMD_ASSERT_POLICY_H
#define SLUICE_CMD_ASSERT_POLICY_H

#include "cmd/processor_trial.h"
#include "pipeline/expect/judge.h"

#include <pthread.h>

struct assert_policy {
	bool shows_all; /* --show-values: it is asked about nothing. Set before assert_policy_init. */
	/* private */
	pthread_mutex_t mutex; /* several exporters may judge at the same time */
	struct processor_trial metadata_only, scrape_filter;
};

/* False after a message; assert_policy_fini in either case. */
MUST_CHECK bool assert_policy_init(struct assert_policy *policy, const struct option_list *configs,
				   const struct option_list *sets);
void assert_policy_fini(struct assert_policy *policy);

/* For any number of judges; ${policy} has to stay. */
struct judge_env assert_policy_env(struct assert_policy *policy);

/* Whether ${value}, found under the attribute ${key}, may be printed: the policy would let it pass. */
bool assert_policy_shows(struct assert_policy *policy, struct slice key, struct value value);

/* Whether the policy's own table names ${key}, to keep it or to remove it: then it is our word, whoever
 * sent it. */
bool assert_policy_names_key(struct slice key);

/* Whether the attribute key ${key} that a peer sent with ${value} may be printed: it would pass with
 * its value, or the policy's own table names it. */
bool assert_policy_shows_key(struct assert_policy *policy, struct slice key, struct value value);

/* The same for the name of a span, and for that (or the version) of a scope. */
bool assert_policy_shows_name(struct assert_policy *policy, struct slice name);
bool assert_policy_shows_scope(struct assert_policy *policy, struct slice name);

/*
 * Calls ${visit} with a view on the request ${body} as the policy leaves it, in which elements have the numbers
 * that they have in the request. -1 with the error of view_open, without a call. ${visit} must not
 * ask the policy.
 */
typedef void assert_policy_visit(void *arg, const struct trace_view *view);
MUST_CHECK int assert_policy_apply(struct assert_policy *policy, struct slice body,
				   assert_policy_visit *visit, void *arg, struct err *err);

#endif
