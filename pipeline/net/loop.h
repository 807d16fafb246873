/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread's event loop: a libuv loop plus the only door between threads, a mailbox of tasks.
 * Everything that hangs on a loop (connections, timers, queues of exporters) is touched by the
 * loop's thread alone; other threads post tasks.
 */
#ifndef SLUICE_NET_LOOP_H
#define SLUICE_NET_LOOP_H

#include "pipeline/base/assert.h"
#include "pipeline/base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct loop_task {
	void (*run)(struct loop_task *task); /* on the loop's thread */
	struct loop_task *next;		     /* private */
};

struct resolver;

struct loop {
	uv_loop_t uv;
	/* Shared receive buffer: bytes are handed on before the next read, so one is enough. */
	uint8_t *read_buffer;
	size_t read_buffer_bytes;
	/* private: the mailbox. `lock` guards head, tail and stopping. */
	pthread_mutex_t lock;
	struct loop_task *head, **tail;
	bool stopping;
	uv_async_t wake;
	pthread_t thread;
	/* private: work put off to the end of the turn; the loop's thread only. */
	struct loop_task *deferred_head, **deferred_tail;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	/* Private to resolver.c: made when a name is asked for, and ended with the loop. */
	struct resolver *resolver;
	void (*free_resolver)(struct resolver *resolver);
};

enum { LOOP_READ_BUFFER_BYTES = 256 * 1024 };

MUST_CHECK int loop_init(struct loop *loop, struct err *err);

/* Runs until loop_stop; then runs what is still in the mailbox once more and returns. */
void loop_run(struct loop *loop);

/* Thread-safe: makes loop_run return after the callbacks of this turn. */
void loop_stop(struct loop *loop);

/* Closes what is left and frees. All handles that others put on the loop must have been closed, or
 * be closing: loop_fini runs the loop until their close callbacks have run. */
void loop_fini(struct loop *loop);

/* Thread-safe: runs ${task} on the loop's thread, in order of posting. The task belongs to the loop
 * until run is called; it may free itself there. */
void loop_post(struct loop *loop, struct loop_task *task);

/* On the loop's thread: runs ${task} at the end of this turn, before the loop waits again. A task
 * that is put off by another one may run a turn later. It must not be on the list already. */
void loop_defer(struct loop *loop, struct loop_task *task);

/* True on the loop's own thread. */
bool loop_is_current(const struct loop *loop);

/* First in every function that belongs to one loop's thread. */
#define ASSERT_ON_LOOP(loop) ASSERT(loop_is_current(loop))

#endif
