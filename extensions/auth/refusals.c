/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, and one line in ten seconds: a sender with wrong credentials repeats its requests for ever. */
#include "extensions/auth/refusals.h"

#include "pipeline/base/clock.h"

#define SAY_INTERVAL_NS (10 * NS_PER_S)

const struct metric_desc auth_refusal_metric = {
	"sluice_auth_requests_refused", "{requests}",
	"Requests that an authenticator did not let in, by reason", METRIC_COUNTER};

static const char *const reason_names[AUTH_REFUSAL_COUNT] = {
	[REFUSAL_MISSING] = "no credentials",
	[REFUSAL_MALFORMED] = "malformed credentials",
	[REFUSAL_CREDENTIALS] = "wrong credentials",
	[REFUSAL_CHECKS_BUSY] = "too many credentials to check",
};

static bool may_say(struct auth_refusals *refusals)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t said_ns = atomic_load_explicit(&refusals->said_ns, memory_order_relaxed);
	if (said_ns != 0 && now_ns - said_ns < SAY_INTERVAL_NS)
		return false;
	return atomic_compare_exchange_strong(&refusals->said_ns, &said_ns, now_ns);
}

static void count_refusal(struct auth_refusals *refusals, enum auth_refusal reason)
{
	uint64_t total = 0;
	counter_add(&refusals->by_reason[reason], 1);
	if (!may_say(refusals))
		return;
	for (int i = 0; i < AUTH_REFUSAL_COUNT; i++)
		total += counter_get(&refusals->by_reason[i]);
	log_warn(refusals->log, LOG_MSG("Requests are refused by the authenticator"),
		 LOG_STR("reason", reason_names[reason]), LOG_UINT("refused", total));
}

enum auth_verdict auth_refuse(struct auth_refusals *refusals, struct auth_check *check,
			      enum auth_refusal reason, const char *message)
{
	count_refusal(refusals, reason);
	check->message = message;
	return reason == REFUSAL_CHECKS_BUSY ? AUTH_BUSY : AUTH_REFUSED;
}
