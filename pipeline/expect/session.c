/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lock around buffer, judge and view. Judging holds it: a sender waits for that long, at most
 * the second that 100,000 spans take, and only when the one who asks has waited for quiet himself.
 */
#include "pipeline/expect/session.h"

#include <pthread.h>
#include <stdlib.h>

struct expect_session {
	const struct expectations *expectations; /* immutable; NULL: nothing is expected */

	/* locked by mutex */
	pthread_mutex_t mutex;
	struct trace_buffer *buffer;
	struct trace_view *view; /* open only during an add */
	struct judge *judge;	 /* NULL: nothing is expected */
	struct expect_state state;
	bool judged; /* since the last add */
};

struct expect_session *expect_session_new(const struct expectations *expectations,
					  const struct key_table *keys, const struct judge_env *env,
					  const struct expect_limits *limits, struct budget *budget,
					  struct err *err)
{
	const struct trace_buffer_config buffer = {.bytes_max = limits->bytes_max,
						   .traces_max = limits->traces_max,
						   .spans_max = limits->spans_max,
						   .refuse_new = true};
	struct expect_session *session = calloc(1, sizeof(*session));
	(void)err_set(err, ERR_NOMEM, "out of memory");
	if (!session)
		return NULL;
	(void)pthread_mutex_init(&session->mutex, NULL); /* cannot fail without attributes */
	session->expectations = expectations;
	session->buffer = trace_buffer_new(&buffer, budget);
	session->view = view_new(budget, keys);
	if (session->buffer && session->view && expectations)
		session->judge = judge_new(expectations, keys, env, budget, err);
	if (session->buffer && session->view && (session->judge || !expectations))
		return session;
	expect_session_free(session);
	return NULL;
}

void expect_session_free(struct expect_session *session)
{
	if (!session)
		return;
	judge_free(session->judge);
	view_free(session->view);
	trace_buffer_free(session->buffer);
	(void)pthread_mutex_destroy(&session->mutex);
	free(session);
}

static uint64_t lost(const struct expect_session *session)
{
	uint64_t spans = 0;
	for (int bound = 0; bound < TRACE_BOUND_COUNT; bound++)
		spans += trace_buffer_lost(session->buffer, (enum trace_bound)bound);
	return spans;
}

int expect_session_add(struct expect_session *session, struct chunk *body, uint64_t now_ns,
		       struct err *err)
{
	(void)pthread_mutex_lock(&session->mutex);
	int status = view_open_chunk(session->view, body, err);
	if (status == 0) {
		uint32_t kept = trace_buffer_add(session->buffer, session->view, body, now_ns);
		session->state.requests++;
		session->state.spans += kept;
		session->state.traces = trace_buffer_traces(session->buffer);
		session->state.lost = lost(session);
		if (kept > 0)
			session->state.added_ns = now_ns;
		session->judged = false;
		view_close(session->view);
	}
	(void)pthread_mutex_unlock(&session->mutex);
	return status;
}

/* Locked. */
static int judge_what_is_new(struct expect_session *session, struct err *err)
{
	if (session->judged)
		return 0;
	if (session->judge && judge_update(session->judge, session->buffer, err) != 0)
		return -1;
	session->judged = true;
	session->state.all_hold =
		session->state.lost == 0 && (!session->judge || judge_all_hold(session->judge));
	return 0;
}

int expect_session_state(struct expect_session *session, struct expect_state *ret_state,
			 struct err *err)
{
	(void)pthread_mutex_lock(&session->mutex);
	int status = judge_what_is_new(session, err);
	*ret_state = session->state;
	(void)pthread_mutex_unlock(&session->mutex);
	return status;
}

struct expect_state expect_session_glance(struct expect_session *session)
{
	(void)pthread_mutex_lock(&session->mutex);
	struct expect_state state = session->state;
	(void)pthread_mutex_unlock(&session->mutex);
	return state;
}

const struct expectations *expect_session_expectations(const struct expect_session *session)
{
	return session->expectations;
}

struct judge *expect_session_judge(struct expect_session *session)
{
	return session->judge;
}

const struct trace_buffer *expect_session_buffer(const struct expect_session *session)
{
	return session->buffer;
}
