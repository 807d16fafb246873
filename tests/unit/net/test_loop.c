/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/net/loop.h"

#include "pipeline/base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { POSTERS = 4, POSTS = 2000 };

struct post {
	struct loop_task task;
	struct order *order;
	int poster, number;
};

struct order {
	struct loop loop;
	int last[POSTERS]; /* number of the last task seen of each poster */
	int count;
	bool in_order, on_thread;
	struct post posts[POSTERS][POSTS];
};

static void run_post(struct loop_task *task)
{
	struct post *post = CONTAINER_OF(task, struct post, task);
	struct order *order = post->order;
	if (post->number != order->last[post->poster] + 1)
		order->in_order = false;
	if (!loop_is_current(&order->loop))
		order->on_thread = false;
	order->last[post->poster] = post->number;
	if (++order->count == POSTERS * POSTS)
		loop_stop(&order->loop);
}

static void *post_all(void *arg)
{
	struct post *posts = arg;
	for (int i = 0; i < POSTS; i++)
		loop_post(&posts[i].order->loop, &posts[i].task);
	return NULL;
}

static void tasks_of_each_thread_run_in_order_on_the_loop(void **state)
{
	struct order *order = calloc(1, sizeof(*order));
	pthread_t threads[POSTERS];
	(void)state;
	assert_non_null(order);
	order->in_order = order->on_thread = true;
	assert_int_equal(loop_init(&order->loop, NULL), 0);
	for (int p = 0; p < POSTERS; p++) {
		for (int i = 0; i < POSTS; i++)
			order->posts[p][i] = (struct post){
				.task.run = run_post, .order = order, .poster = p, .number = i + 1};
		assert_int_equal(pthread_create(&threads[p], NULL, post_all, order->posts[p]), 0);
	}
	loop_run(&order->loop);
	for (int p = 0; p < POSTERS; p++)
		assert_int_equal(pthread_join(threads[p], NULL), 0);
	assert_int_equal(order->count, POSTERS * POSTS);
	assert_true(order->in_order);
	assert_true(order->on_thread);
	loop_fini(&order->loop);
	free(order);
}

struct deferral {
	struct loop_task task;
	struct loop *loop;
	int runs, again;
};

static void run_deferral(struct loop_task *task)
{
	struct deferral *deferral = CONTAINER_OF(task, struct deferral, task);
	deferral->runs++;
	if (deferral->again-- > 0)
		loop_defer(deferral->loop, task);
	else
		loop_stop(deferral->loop);
}

static void a_task_may_put_itself_off_again_and_again(void **state)
{
	struct loop loop;
	struct deferral deferral = {.task.run = run_deferral, .loop = &loop, .again = 100};
	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	loop_defer(&loop, &deferral.task);
	loop_run(&loop); /* would wait for ever if the last turns were forgotten */
	assert_int_equal(deferral.runs, 101);
	loop_fini(&loop);
}

static void tasks_that_come_after_the_stop_run_in_fini(void **state)
{
	struct loop loop;
	struct deferral late = {.task.run = run_deferral, .loop = &loop};
	struct deferral later = {.task.run = run_deferral, .loop = &loop};
	(void)state;
	assert_int_equal(loop_init(&loop, NULL), 0);
	loop_stop(&loop);
	loop_run(&loop);
	loop_post(&loop, &late.task);
	loop_defer(&loop, &later.task);
	loop_fini(&loop);
	assert_int_equal(late.runs, 1);
	assert_int_equal(later.runs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_of_each_thread_run_in_order_on_the_loop),
		cmocka_unit_test(a_task_may_put_itself_off_again_and_again),
		cmocka_unit_test(tasks_that_come_after_the_stop_run_in_fini),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
