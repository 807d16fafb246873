/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: whether what a trace buffer keeps is as the expectations say. It is asked while spans
 * still come ("is everything met?") and at the end, and then says of each expectation whether it
 * holds, with counts, and of a failure which span or trace came nearest and what it missed.
 *
 *   judge_update   judges the traces that have changed since it was asked last; the others' results
 *                  are kept in an entry of a fixed size each. No object per span.
 *   judge_verdict  adds the entries up
 *   judge_explain  opens the nearest trace again and tells each part that it misses
 *
 * Order of arrival, batching and repeated delivery (the same span with the same bytes) make no
 * difference to any verdict.
 *
 * Values: the judge prints nothing. What a miss found is handed out by reference, with the key that
 * it stood under; the one who reports decides what may be shown.
 *
 * Not thread-safe: one owner, the one of the buffer.
 */
#ifndef SLUICE_EXPECT_JUDGE_H
#define SLUICE_EXPECT_JUDGE_H

#include "pipeline/expect/expectations.h"
#include "pipeline/trace/buffer/trace_buffer.h"

/* What the core cannot know by itself. Each is called on the judge's thread. */
struct judge_env {
	/* Whether the policy's table denies attribute ${key} with ${value}, which may be what the policy
	 * itself puts in place of another; for `denied_keys`. */
	bool (*key_is_denied)(void *arg, struct slice key, struct value value);
	/* How many spans of the trace under ${view} are noise of scrapes and health checks, of those
	 * whose bit is set in ${spans} (span i: bit i % 64 of word i / 64); for `noise`. */
	uint32_t (*count_noise)(void *arg, const struct trace_view *view, const uint64_t *spans);
	void *arg;
};

struct judge;

/*
 * ${expectations}, ${keys} (frozen after expect_load) and ${budget} outlive the judge; ${env} is
 * copied. NULL with ERR_CONFIG when an expectation asks for a callback that ${env} does not have,
 * with ERR_NOMEM when there is no memory.
 */
MUST_CHECK struct judge *judge_new(const struct expectations *expectations,
				   const struct key_table *keys, const struct judge_env *env,
				   struct budget *budget, struct err *err);
void judge_free(struct judge *judge);

/*
 * Takes account of the spans that came into ${buffer}, which is the same in all calls, since the
 * last call, and of the traces that it let go. Costs a step per trace kept, and for the traces that
 * changed some 5 us a span (17 expectations, tests/bench/bench_expect.c): ask when no span has come
 * for some milliseconds rather than at each request. -1 with ERR_NOMEM, or ERR_LIMIT for a trace too large to be
 * opened; what was judged before stays.
 */
MUST_CHECK int judge_update(struct judge *judge, const struct trace_buffer *buffer,
			    struct err *err);

enum verdict_result {
	VERDICT_HOLDS = 0,
	VERDICT_FAILED,
	VERDICT_SELECTED_NOTHING, /* there was nothing to judge, and the file does not say `count: 0` */
};

struct verdict {
	enum verdict_result result;
	uint32_t traces, traces_failed; /* that the expectation speaks of; of these */
	uint64_t spans, spans_failed;	/* selected in them; of these */
};

/* Of expectation ${at}, by what the last judge_update saw. */
struct verdict judge_verdict(struct judge *judge, uint32_t at);

/* Whether all hold. Expectations that say that something must not be may still fail later. */
bool judge_all_hold(struct judge *judge);

/* ---- why not -------------------------------------------------------------------------------- */

/* Where a failure shows best. */
struct expect_nearest {
	const struct trace_view *view; /* open on the trace; NULL: no trace came near */
	uint32_t span;		       /* in the view; EXPECT_NO_SPAN: the trace as a whole */
	uint8_t trace_id[TRACE_ID_BYTES], span_id[SPAN_ID_BYTES]; /* zeros: none */
};
#define EXPECT_NO_SPAN UINT32_MAX

enum { EXPECT_FOUND_MAX = 4 };

/* A value that the missed part looked at. */
struct expect_found {
	struct slice what; /* attribute key, path as the file writes it, or name of a capture */
	struct slice key; /* the attribute that the value is of, for asking a policy; empty: a field
			    * of the span, or computed */
	bool from_peer;	  /* `what` and `key` are a key that the file does not name */
	struct value value; /* VALUE_EMPTY: not there */
};

/* One part that the nearest span or trace misses. */
struct expect_miss {
	struct config_loc loc; /* of the part in the file */
	struct slice wanted; /* its text as the file has it: `count`, `duration`, a condition … */
	const char *why;     /* fixed words and our own counts, never a byte from a peer */
	uint32_t found_count;
	struct expect_found found[EXPECT_FOUND_MAX];
	const char
		*nearest_word; /* the file's word that is nearest to a name that was found; NULL */
};

/* Everything handed over is valid during the call. */
struct judge_listener {
	void (*nearest)(void *arg, const struct expect_nearest *nearest); /* once, first */
	void (*miss)(void *arg, const struct expect_miss *miss);
	void *arg;
};

/*
 * Tells ${listener} why expectation ${at} does not hold: the nearest span or trace, then each part
 * that it misses. Which one is nearest depends on the spans alone, not on the order of their
 * arrival. Looks through at most JUDGE_EXPLAIN_TRACES_MAX traces. For a failed expectation, after
 * judge_update. -1 as judge_update.
 */
enum { JUDGE_EXPLAIN_TRACES_MAX = 10000 };
MUST_CHECK int judge_explain(struct judge *judge, const struct trace_buffer *buffer, uint32_t at,
			     const struct judge_listener *listener, struct err *err);

#endif
