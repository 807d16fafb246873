/* SPDX-License-Identifier: Apache-2.0 */
/* What any thread pushes comes out on the loop: in order, once, with one task at a time. */
#include "pipeline/delivery/queue.h"

#include "tests/support/delivery_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { THREADS = 3, ITEMS = 5000 };

struct item {
	struct queue_item item;
	int thread, number;
};

struct reading {
	struct queue queue;
	int runs, read;
	int next[THREADS]; /* number to come, by thread */
};

static void read_all(struct queue *queue)
{
	struct reading *reading = CONTAINER_OF(queue, struct reading, queue);
	struct queue_item *first;
	reading->runs++;
	while ((first = queue_first(queue))) {
		assert_ptr_equal(queue_pop(queue), first);
		const struct item *item = CONTAINER_OF(first, struct item, item);
		assert_int_equal(item->number, reading->next[item->thread]++);
		reading->read++;
	}
}

/* Once nobody pushes any more: between the last look and this one another thread could have. */
static void close_reading(struct reading *reading, struct delivery_fixture *fixture)
{
	assert_null(queue_pop(&reading->queue));
	delivery_fixture_close(fixture);
	queue_fini(&reading->queue);
}

static void open_reading(struct reading *reading, struct delivery_fixture *fixture)
{
	delivery_fixture_open(fixture);
	*reading = (struct reading){.runs = 0};
	queue_init(&reading->queue, read_all);
	queue_start(&reading->queue, &fixture->loop);
}

static bool has_run(void *arg)
{
	return ((struct reading *)arg)->runs > 0;
}

static void one_run_takes_all_that_came(void **state)
{
	struct delivery_fixture fixture;
	struct reading reading;
	static struct item items[3];
	(void)state;
	open_reading(&reading, &fixture);
	for (int i = 0; i < 3; i++) {
		items[i].number = i;
		queue_push(&reading.queue, &items[i].item);
	}
	queue_wake(&reading.queue);
	delivery_run_until(&fixture, has_run, &reading);
	assert_int_equal(reading.read, 3);
	for (int i = 0; i < 10; i++)
		(void)uv_run(&fixture.loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(reading.runs, 1);
	reading.runs = 0;
	queue_wake(&reading.queue); /* of an empty one */
	delivery_run_until(&fixture, has_run, &reading);
	items[0].number = 3;
	reading.runs = 0;
	queue_push(&reading.queue, &items[0].item); /* into one that was emptied */
	delivery_run_until(&fixture, has_run, &reading);
	assert_int_equal(reading.read, 4);
	close_reading(&reading, &fixture);
}

static struct reading shared;
static struct item pushed[THREADS][ITEMS];

static void *push_all(void *arg)
{
	int thread = (int)(intptr_t)arg;
	for (int i = 0; i < ITEMS; i++) {
		pushed[thread][i].thread = thread;
		pushed[thread][i].number = i;
		queue_push(&shared.queue, &pushed[thread][i].item);
	}
	return NULL;
}

static bool has_all(void *arg)
{
	(void)arg;
	return shared.read == THREADS * ITEMS;
}

static void each_threads_items_come_in_its_order(void **state)
{
	struct delivery_fixture fixture;
	pthread_t threads[THREADS];
	(void)state;
	open_reading(&shared, &fixture);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, push_all, (void *)(intptr_t)i),
				 0);
	delivery_run_until(&fixture, has_all, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	close_reading(&shared, &fixture);
}

static void batches_pass_with_their_reference(void **state)
{
	struct delivery_fixture fixture;
	struct reading reading;
	struct batch *batches[2];
	(void)state;
	open_reading(&reading, &fixture);
	assert_null(queue_first_batch(&reading.queue));
	assert_null(queue_pop_batch(&reading.queue));
	for (int i = 0; i < 2; i++) {
		batches[i] = batch_new(&fixture.budget);
		assert_true(queue_push_batch(&reading.queue, batches[i]));
	}
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(queue_first_batch(&reading.queue), batches[i]);
		assert_ptr_equal(queue_pop_batch(&reading.queue), batches[i]);
		batch_unref(batches[i]);
	}
	delivery_run_until(&fixture, has_run, &reading);
	close_reading(&reading, &fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_run_takes_all_that_came),
		cmocka_unit_test(each_threads_items_come_in_its_order),
		cmocka_unit_test(batches_pass_with_their_reference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
