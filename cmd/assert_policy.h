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

/* Whether ${value}, found under ${key}, may be printed: the policy would let it pass. */
bool assert_policy_shows(struct assert_policy *policy, struct slice key, struct value value);

#endif
