/* SPDX-License-Identifier: Apache-2.0 */
/* Only the home loop takes out, so what it has looked at stays first until it pops it. */
#include "pipeline/delivery/queue.h"

#include <stdlib.h>

struct queued_batch {
	struct queue_item item;
	struct batch *batch;
};

static void run_task(struct loop_task *task)
{
	struct queue *queue = CONTAINER_OF(task, struct queue, task);
	ASSERT_ON_LOOP(queue->home);
	(void)pthread_mutex_lock(&queue->lock);
	queue->posted = false;
	(void)pthread_mutex_unlock(&queue->lock);
	queue->run(queue);
}

void queue_init(struct queue *queue, void (*run)(struct queue *queue))
{
	*queue = (struct queue){.run = run, .task = {.run = run_task}};
	queue->last = &queue->first;
	(void)pthread_mutex_init(&queue->lock, NULL);
}

void queue_fini(struct queue *queue)
{
	ASSERT(!queue->first);
	(void)pthread_mutex_destroy(&queue->lock);
}

void queue_start(struct queue *queue, struct loop *home)
{
	queue->home = home;
}

/* Lock held: whether the caller has to post the task. */
static bool begin_post(struct queue *queue)
{
	bool post = !queue->posted;
	queue->posted = true;
	return post;
}

void queue_push(struct queue *queue, struct queue_item *item)
{
	item->next = NULL;
	(void)pthread_mutex_lock(&queue->lock);
	*queue->last = item;
	queue->last = &item->next;
	bool post = begin_post(queue);
	(void)pthread_mutex_unlock(&queue->lock);
	if (post)
		loop_post(queue->home, &queue->task);
}

void queue_wake(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	bool post = begin_post(queue);
	(void)pthread_mutex_unlock(&queue->lock);
	if (post)
		loop_post(queue->home, &queue->task);
}

struct queue_item *queue_first(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	struct queue_item *first = queue->first;
	(void)pthread_mutex_unlock(&queue->lock);
	return first;
}

struct queue_item *queue_pop(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	struct queue_item *first = queue->first;
	if (first)
		queue->first = first->next;
	if (!queue->first)
		queue->last = &queue->first;
	(void)pthread_mutex_unlock(&queue->lock);
	return first;
}

/* ---- batches -------------------------------------------------------------------------------- */

bool queue_push_batch(struct queue *queue, struct batch *batch)
{
	struct queued_batch *queued = malloc(sizeof(*queued));
	if (!queued)
		return false;
	queued->batch = batch;
	queue_push(queue, &queued->item);
	return true;
}

struct batch *queue_first_batch(struct queue *queue)
{
	struct queue_item *item = queue_first(queue);
	return item ? CONTAINER_OF(item, struct queued_batch, item)->batch : NULL;
}

struct batch *queue_pop_batch(struct queue *queue)
{
	struct queue_item *item = queue_pop(queue);
	if (!item)
		return NULL;
	struct queued_batch *queued = CONTAINER_OF(item, struct queued_batch, item);
	struct batch *batch = queued->batch;
	free(queued);
	return batch;
}

/* ---- invariants ----------------------------------------------------------------------------- */

void queue_visit_batches(struct queue *queue, void (*visit)(void *arg, const struct batch *batch),
			 void *arg)
{
	(void)pthread_mutex_lock(&queue->lock);
	for (struct queue_item *item = queue->first; item; item = item->next)
		visit(arg, CONTAINER_OF(item, struct queued_batch, item)->batch);
	(void)pthread_mutex_unlock(&queue->lock);
}

const char *queue_fault(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	struct queue_item *const *last = &queue->first;
	for (const struct queue_item *item = queue->first; item; item = item->next)
		last = &item->next;
	bool known = last == queue->last;
	(void)pthread_mutex_unlock(&queue->lock);
	return known ? NULL : "the end of the queue is lost";
}
