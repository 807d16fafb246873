/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that an authenticator refuses: counted by reason, and told in the log now and then. Any
 * thread. */
#ifndef SLUICE_EXTENSIONS_AUTH_REFUSALS_H
#define SLUICE_EXTENSIONS_AUTH_REFUSALS_H

#include "pipeline/base/log.h"
#include "pipeline/base/metrics.h"
#include "pipeline/net/authenticator.h"

enum auth_refusal {
	REFUSAL_MISSING = 0, /* no credentials */
	REFUSAL_MALFORMED,   /* not of the scheme, or not of its form */
	REFUSAL_CREDENTIALS, /* wrong */
	REFUSAL_CHECKS_BUSY, /* not judged: too many are being checked, or were wrong */
	AUTH_REFUSAL_COUNT
};

struct auth_refusals {
	const struct log *log;
	struct counter by_reason[AUTH_REFUSAL_COUNT];
	_Atomic uint64_t said_ns; /* when the last line was written; 0: never */
};

/* Counts a refusal for ${reason} and puts ${message}, a fixed text for the peer, in ${check}. Returns the
 * verdict: AUTH_BUSY for REFUSAL_CHECKS_BUSY, else AUTH_REFUSED. */
enum auth_verdict auth_refuse(struct auth_refusals *refusals, struct auth_check *check,
			      enum auth_refusal reason, const char *message);

extern const struct metric_desc auth_refusal_metric;

#define AUTH_REFUSAL_ROW(type, member, which, text)                                                \
	{                                                                                          \
		&auth_refusal_metric, offsetof(type, member.by_reason[which]),                     \
		{                                                                                  \
			"reason", text                                                             \
		}                                                                                  \
	}
#define AUTH_REFUSAL_ROWS(type, member)                                                            \
	AUTH_REFUSAL_ROW(type, member, REFUSAL_MISSING, "missing"),                                \
		AUTH_REFUSAL_ROW(type, member, REFUSAL_MALFORMED, "malformed"),                    \
		AUTH_REFUSAL_ROW(type, member, REFUSAL_CREDENTIALS, "credentials"),                \
		AUTH_REFUSAL_ROW(type, member, REFUSAL_CHECKS_BUSY, "busy")

#endif
