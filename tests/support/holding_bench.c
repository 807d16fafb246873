/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/holding_bench.h"

#include "pipeline/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void holding_bench_open(struct holding_bench *this, const char *yaml)
{
	*this = (struct holding_bench){0};
	processor_bench_open(&this->bench, (const char *const[]){"scrape_filter", yaml, NULL});
}

void holding_bench_close(struct holding_bench *this)
{
	assert_int_equal(this->item_count, 0);
	processor_bench_close(&this->bench);
	free(this->items);
	free(this->left);
}

static uint64_t word_of(struct slice id)
{
	uint64_t word = 0;
	if (id.len >= sizeof(word))
		memcpy(&word, id.ptr, sizeof(word));
	return word;
}

static void *grown(void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 64;
	array = reallocarray(array, *cap, size);
	assert_non_null(array);
	return array;
}

static void write_down(struct holding_bench *this, uint64_t came_ns)
{
	const struct trace_view *view = this->bench.out_view;
	for (uint32_t span = 0; span < bench_span_count(&this->bench); span++) {
		uint64_t delay_ns = bench_now_ns - came_ns;
		this->left =
			grown(this->left, this->left_count, &this->left_cap, sizeof(*this->left));
		this->left[this->left_count++] = (struct left_span){
			word_of(view_span_trace_id(view, span)), word_of(view_span_id(view, span)),
			word_of(view_span_parent(view, span))};
		this->delay_ns += delay_ns;
		if (delay_ns > this->delay_max_ns)
			this->delay_max_ns = delay_ns;
	}
}

/* Of all traces of the chunk, folded into one word. */
static uint64_t known(const struct holding_bench *this, const struct chunk *chunk)
{
	const struct processor_bench *bench = &this->bench;
	struct trace_index index;
	struct budget budget;
	struct err err;
	uint64_t all = 0;
	budget_init(&budget, UINT64_MAX);
	trace_index_init(&index, &budget, bench->keys);
	assert_int_equal(trace_index_build(&index, chunk_slice(chunk), &err), 0);
	for (uint32_t i = 0; i < index.span_count; i++)
		all = all * 31 +
		      bench->ops[0]->holds->known(
			      bench->selves[0],
			      index_id(&index, index.spans[i].trace_id_off, TRACE_ID_BYTES));
	trace_index_fini(&index);
	return all;
}

static void run(struct holding_bench *this, struct slice body, enum holding holding,
		const struct held_item *before)
{
	struct held_item item = {.came_ns = before ? before->came_ns : bench_now_ns,
				 .known = before ? before->known : 0,
				 .again = before != NULL};
	this->bench.holding = holding;
	assert_int_equal(processor_bench_run(&this->bench, body), OUTCOME_TAKEN);
	write_down(this, item.came_ns);
	if (!this->bench.held)
		return;
	item.chunk = chunk_ref(this->bench.held);
	this->held += before ? 0 : item.chunk->span_count;
	this->items = grown(this->items, this->item_count, &this->item_cap, sizeof(item));
	this->items[this->item_count++] = item;
}

void holding_bench_send(struct holding_bench *this, struct slice body)
{
	run(this, body, HOLDING_ON, NULL);
	this->sent += view_span_count(this->bench.view);
}

/* Takes out number ${at} and runs it. */
static void leave(struct holding_bench *this, size_t at, enum holding holding)
{
	struct held_item item = this->items[at];
	memmove(&this->items[at], &this->items[at + 1], (this->item_count - at - 1) * sizeof(item));
	this->item_count--;
	this->reruns++;
	run(this, chunk_slice(item.chunk), holding, &item);
	chunk_unref(item.chunk);
}

static void look(struct holding_bench *this)
{
	uint64_t wait_ns = this->bench.ops[0]->holds->wait_ns(this->bench.selves[0]);
	for (size_t at = 0, count = this->item_count; count > 0; count--) {
		struct held_item *item = &this->items[at];
		uint64_t now_known = known(this, item->chunk);
		bool over = bench_now_ns - item->came_ns >= wait_ns;
		if (!over && now_known == item->known) {
			at++;
			continue;
		}
		item->known = now_known;
		leave(this, at, over ? HOLDING_OVER : HOLDING_ON);
	}
}

void holding_bench_wait_until(struct holding_bench *this, uint64_t now_ns)
{
	while (bench_now_ns + HOLDING_LOOK_NS <= now_ns) {
		bench_now_ns += HOLDING_LOOK_NS;
		look(this);
	}
}

void holding_bench_flush(struct holding_bench *this)
{
	while (this->item_count > 0)
		leave(this, this->item_count - 1, HOLDING_OVER);
}

static int compare(const void *left, const void *right)
{
	const struct left_span *a = left, *b = right;
	if (a->trace != b->trace)
		return a->trace < b->trace ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

size_t holding_bench_orphans(struct holding_bench *this)
{
	size_t orphans = 0;
	if (this->left_count > 0)
		qsort(this->left, this->left_count, sizeof(*this->left), compare);
	for (size_t i = 0; i < this->left_count; i++) {
		const struct left_span parent = {this->left[i].trace, this->left[i].parent, 0};
		orphans += parent.id != 0 &&
			   !bsearch(&parent, this->left, this->left_count, sizeof(parent), compare);
	}
	return orphans;
}
