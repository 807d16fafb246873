/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox is a list under a mutex: posts are rare (a connection handed over, a batch, a
 * completion), so contention is not worth a lock-free queue. One uv_async_t wakes the loop for any
 * number of posts.
 *
 * Deferred tasks run twice a turn: after the poll phase, where most of them are made, and before
 * it, for those that timers and close callbacks made. Each pass takes the list as it stands, so a
 * task that defers itself again cannot keep the loop from its sockets.
 */
#include "pipeline/net/loop.h"

#include <stdlib.h>
#include <string.h>

static void run_list(struct loop_task *task)
{
	while (task) {
		struct loop_task *next = task->next;
		task->run(task); /* may free the task */
		task = next;
	}
}

static bool run_mailbox(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct loop_task *task = loop->head;
	loop->head = NULL;
	loop->tail = &loop->head;
	pthread_mutex_unlock(&loop->lock);
	run_list(task);
	return task != NULL;
}

static bool run_deferred(struct loop *loop)
{
	struct loop_task *task = loop->deferred_head;
	loop->deferred_head = NULL;
	loop->deferred_tail = &loop->deferred_head;
	run_list(task);
	return task != NULL;
}

static void on_wake(uv_async_t *wake)
{
	struct loop *loop = wake->data;
	(void)run_mailbox(loop); /* an empty mailbox: woken for a stop or for deferred tasks */
	pthread_mutex_lock(&loop->lock);
	bool stopping = loop->stopping;
	pthread_mutex_unlock(&loop->lock);
	if (stopping)
		uv_stop(&loop->uv);
}

static void on_before_poll(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	(void)run_deferred(loop); /* an empty list is the usual case */
	if (loop->deferred_head)
		(void)uv_async_send(&loop->wake); /* cannot fail on an open handle */
}

static void on_after_poll(uv_check_t *check)
{
	(void)run_deferred(check->data); /* what this leaves over runs before the next poll */
}

static void set_thread(struct loop *loop)
{
	__atomic_store_n(&loop->thread, pthread_self(), __ATOMIC_RELAXED);
}

int loop_init(struct loop *loop, struct err *err)
{
	memset(loop, 0, sizeof(*loop));
	loop->tail = &loop->head;
	loop->deferred_tail = &loop->deferred_head;
	loop->read_buffer_bytes = LOOP_READ_BUFFER_BYTES;
	loop->read_buffer = malloc(LOOP_READ_BUFFER_BYTES);
	if (!loop->read_buffer)
		return err_set(err, ERR_NOMEM, "event loop: no memory");
	int code = uv_loop_init(&loop->uv);
	if (code != 0)
		goto fail;
	code = uv_async_init(&loop->uv, &loop->wake, on_wake);
	if (code != 0) {
		(void)uv_loop_close(&loop->uv); /* nothing is on it */
		goto fail;
	}
	loop->wake.data = loop;
	(void)uv_prepare_init(&loop->uv, &loop->before_poll); /* these four cannot fail */
	(void)uv_check_init(&loop->uv, &loop->after_poll);
	loop->before_poll.data = loop->after_poll.data = loop;
	(void)uv_prepare_start(&loop->before_poll, on_before_poll);
	(void)uv_check_start(&loop->after_poll, on_after_poll);
	uv_unref((uv_handle_t *)&loop->before_poll);
	uv_unref((uv_handle_t *)&loop->after_poll);
	pthread_mutex_init(&loop->lock, NULL);
	set_thread(loop);
	return 0;
fail:
	free(loop->read_buffer);
	loop->read_buffer = NULL;
	return err_set_sys(err, -code, "event loop");
}

void loop_run(struct loop *loop)
{
	set_thread(loop);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* what is left over is closed by loop_fini */
	(void)run_mailbox(loop);
	pthread_mutex_lock(&loop->lock);
	loop->stopping = false;
	pthread_mutex_unlock(&loop->lock);
}

void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stopping = true;
	(void)uv_async_send(&loop->wake); /* cannot fail on an open handle */
	pthread_mutex_unlock(&loop->lock);
}

void loop_fini(struct loop *loop)
{
	if (!loop->read_buffer)
		return;
	set_thread(loop);
	while (run_mailbox(loop) || run_deferred(loop))
		;
	if (loop->resolver)
		loop->free_resolver(loop->resolver);
	loop->resolver = NULL;
	uv_unref((uv_handle_t *)&loop->wake);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* close callbacks of what is closing */
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->before_poll, NULL);
	uv_close((uv_handle_t *)&loop->after_poll, NULL);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
	int busy = uv_loop_close(&loop->uv);
	ASSERT(busy == 0); /* else somebody has forgotten a handle */
	(void)busy;
	ASSERT(!loop->head && !loop->deferred_head); /* else a task is lost */
	pthread_mutex_destroy(&loop->lock);
	free(loop->read_buffer);
	loop->read_buffer = NULL;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	ASSERT(task->run);
	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	bool was_empty = loop->head == NULL;
	*loop->tail = task;
	loop->tail = &task->next;
	if (was_empty)
		(void)uv_async_send(&loop->wake); /* cannot fail on an open handle */
	pthread_mutex_unlock(&loop->lock);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	ASSERT_ON_LOOP(loop);
	ASSERT(task->run && loop->deferred_tail != &task->next); /* not twice in a row */
	task->next = NULL;
	*loop->deferred_tail = task;
	loop->deferred_tail = &task->next;
}

bool loop_is_current(const struct loop *loop)
{
	return pthread_equal(__atomic_load_n(&loop->thread, __ATOMIC_RELAXED), pthread_self());
}
