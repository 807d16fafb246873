/* SPDX-License-Identifier: Apache-2.0 */
/* Acknowledgements: once, with the worst outcome, on the loop that made them. */
#include "pipeline/base/compiler.h"
#include "pipeline/delivery/ack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <cmocka.h>

struct answer {
	struct ack ack;
	struct loop *loop;
	uint32_t count;
	struct ack_result result;
	bool on_its_loop;
};

static void on_done(struct ack *ack, const struct ack_result *result)
{
	struct answer *answer = CONTAINER_OF(ack, struct answer, ack);
	answer->count++;
	answer->result = *result;
	answer->on_its_loop = loop_is_current(answer->loop);
}

static void turn(struct loop *loop)
{
	(void)uv_run(&loop->uv, UV_RUN_NOWAIT);
}

#define DELIVERED                                                                                  \
	{                                                                                          \
		OUTCOME_TAKEN, 0, 0                                                                \
	}
#define RETRY                                                                                      \
	{                                                                                          \
		OUTCOME_RETRY, 0, 0                                                                \
	}
#define DROPPED                                                                                    \
	{                                                                                          \
		OUTCOME_REJECTED, 0, 0                                                             \
	}

static void answers_once_when_all_has_ended_with_the_worst_outcome(void **state)
{
	static const struct {
		struct ack_result results[3], worst;
	} cases[] = {
		{{DELIVERED, DELIVERED, DELIVERED}, DELIVERED},
		{{RETRY, DELIVERED, DELIVERED}, RETRY},
		{{DELIVERED, DELIVERED, RETRY}, RETRY},
		{{DROPPED, RETRY, DELIVERED}, DROPPED},
		{{RETRY, DROPPED, RETRY}, DROPPED},
		/* The backend's own answer goes with it; of two the longer wait. */
		{{DELIVERED, {OUTCOME_RETRY, 14, 250}, DELIVERED}, {OUTCOME_RETRY, 14, 250}},
		{{{OUTCOME_RETRY, 14, 250}, {OUTCOME_RETRY, 8, 7000}, RETRY},
		 {OUTCOME_RETRY, 8, 7000}},
		{{RETRY, {OUTCOME_RETRY, 14, 0}, RETRY}, {OUTCOME_RETRY, 14, 0}},
		{{{OUTCOME_REJECTED, 3, 0}, {OUTCOME_RETRY, 16, UINT32_MAX}, DELIVERED},
		 {OUTCOME_REJECTED, 3, 0}},
		{{{OUTCOME_REJECTED, 16, 0}, DROPPED, {OUTCOME_REJECTED, 7, 0}},
		 {OUTCOME_REJECTED, 16, 0}},
	};
	struct loop loop;
	struct err err;
	(void)state;
	assert_int_equal(loop_init(&loop, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct answer answer = {.loop = &loop};
		ack_init(&answer.ack, &loop, on_done);
		ack_expect(&answer.ack, 2);
		for (size_t n = 0; n < 3; n++) {
			turn(&loop);
			assert_int_equal(answer.count, 0);
			ack_finish(&answer.ack, cases[i].results[n]);
		}
		assert_int_equal(answer.count, 0); /* never from inside ack_finish */
		turn(&loop);
		turn(&loop);
		assert_int_equal(answer.count, 1);
		assert_int_equal(answer.result.outcome, cases[i].worst.outcome);
		assert_int_equal(answer.result.grpc_code, cases[i].worst.grpc_code);
		assert_int_equal(answer.result.retry_after_ms, cases[i].worst.retry_after_ms);
	}
	loop_fini(&loop);
}

enum { THREADS = 4, ENDS = 20000 };

struct worker {
	struct ack *ack;
	struct ack_result last;
};

static void *finish_many(void *arg)
{
	struct worker *worker = arg;
	for (int i = 0; i < ENDS; i++)
		ack_finish(worker->ack,
			   i + 1 == ENDS ? worker->last : (struct ack_result)DELIVERED);
	return NULL;
}

static void many_threads_may_end_it(void **state)
{
	struct loop loop;
	struct err err;
	struct answer answer = {.loop = &loop};
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	(void)state;
	assert_int_equal(loop_init(&loop, &err), 0);
	ack_init(&answer.ack, &loop, on_done);
	ack_expect(&answer.ack, THREADS * ENDS);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){&answer.ack,
					     {i == 2 ? OUTCOME_REJECTED : OUTCOME_RETRY, i, 0}};
		assert_int_equal(pthread_create(&threads[i], NULL, finish_many, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	turn(&loop);
	assert_int_equal(answer.count, 0); /* our own is still pending */
	ack_finish(&answer.ack, (struct ack_result)DELIVERED);
	turn(&loop);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.result.outcome, OUTCOME_REJECTED);
	assert_int_equal(answer.result.grpc_code, 2);
	assert_true(answer.on_its_loop);
	loop_fini(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_once_when_all_has_ended_with_the_worst_outcome),
		cmocka_unit_test(many_threads_may_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
