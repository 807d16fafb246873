/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of expectations over spans that come in on any thread: the trace buffer, the judge over it,
 * and the lock around both. The exporter `assert` adds, whoever waits for the verdict asks.
 *
 *   add … add      exporters' threads; a reference to each request is kept, nothing is copied
 *   state          any thread: judges what is new and says where it stands
 *   judge, buffer  once nobody adds any more: the verdicts and what they are about
 */
#ifndef SLUICE_EXPECT_SESSION_H
#define SLUICE_EXPECT_SESSION_H

#include "pipeline/expect/judge.h"

struct expect_session;

/* What is kept at most. At a bound new spans are refused, and the run cannot hold (`lost`). */
struct expect_limits {
	size_t bytes_max;
	uint32_t traces_max, spans_max;
};

enum { EXPECT_TRACES_DEFAULT = 1000000, EXPECT_SPANS_DEFAULT = 1000000 };
#define EXPECT_BYTES_DEFAULT ((size_t)1 << 30)

/*
 * ${expectations} (NULL: nothing is expected, spans are only kept), ${keys} (frozen) and ${budget}
 * outlive the session; ${env} is copied. NULL as judge_new.
 */
MUST_CHECK struct expect_session *expect_session_new(const struct expectations *expectations,
						     const struct key_table *keys,
						     const struct judge_env *env,
						     const struct expect_limits *limits,
						     struct budget *budget, struct err *err);
void expect_session_free(struct expect_session *session); /* NULL is accepted */

/* Keeps the spans of the OTLP request ${body}, which came at ${now_ns} (monotonic). -1 with
 * ERR_DECODE, ERR_LIMIT or ERR_NOMEM as view_open; spans over a limit are counted instead. */
MUST_CHECK int expect_session_add(struct expect_session *session, struct chunk *body,
				  uint64_t now_ns, struct err *err);

struct expect_state {
	uint64_t requests, spans, traces; /* that were kept */
	uint64_t lost;			  /* spans that did not fit */
	uint64_t added_ns;		  /* when a span came last; 0: none has */
	bool all_hold;			  /* of what has come so far, nothing lost */
};

/* What has come since the last call is judged first. -1 as judge_update. */
MUST_CHECK int expect_session_state(struct expect_session *session, struct expect_state *ret_state,
				    struct err *err);

/* The same without judging: `all_hold` is that of the last call. Cheap. */
struct expect_state expect_session_glance(struct expect_session *session);

/* Only when nobody adds any more. The judge is NULL when nothing is expected. */
const struct expectations *expect_session_expectations(const struct expect_session *session);
struct judge *expect_session_judge(struct expect_session *session);
const struct trace_buffer *expect_session_buffer(const struct expect_session *session);

#endif
