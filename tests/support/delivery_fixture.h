/* SPDX-License-Identifier: Apache-2.0 */
/* A loop, a budget and a key table, small requests with numbered spans, and a scripted exporter. */
#ifndef SLUICE_TESTS_DELIVERY_FIXTURE_H
#define SLUICE_TESTS_DELIVERY_FIXTURE_H

#include "pipeline/delivery/export.h"
#include "pipeline/net/loop.h"
#include "pipeline/trace/keys/key_table.h"

enum { SCRIPT_CALLS_MAX = 32768, SCRIPT_SPANS_MAX = 8192 };

struct delivery_fixture {
	struct loop loop;
	struct budget budget;
	struct key_table *keys;
};

void delivery_fixture_open(struct delivery_fixture *fixture);
/* Also checks that every byte was given back to the budget. */
void delivery_fixture_close(struct delivery_fixture *fixture);

/* Runs turns of the loop until ${done}(${arg}); fails the test after a minute. */
void delivery_run_until(struct delivery_fixture *fixture, bool (*done)(void *arg), void *arg);

/* A request with spans whose ids are ${first}, ${first} + 1 …, each with ${padding} bytes of name. */
struct chunk *delivery_request(struct delivery_fixture *fixture, uint64_t first, uint32_t spans,
			       size_t padding);

/* The same with ${paddings}[i] bytes of name in the span ${first} + i, and ${around} bytes of the
 * resource's schema URL. */
struct chunk *delivery_request_of_sizes(struct delivery_fixture *fixture, uint64_t first,
					uint32_t spans, const size_t *paddings, size_t around);

/* An exporter that answers by a function of the batch and remembers what it was given. */
struct scripted_exporter {
	struct export_target target;
	/* What to answer; NULL: delivered. */
	struct export_result (*answer)(struct scripted_exporter *script, const struct batch *batch);
	bool hold; /* keep calls open until script_release */
	uint32_t calls;
	uint32_t usable_calls; /* whose batch says that its ids are usable */
	struct export_call *held[SCRIPT_CALLS_MAX];
	uint32_t held_count;
	uint32_t batch_spans[SCRIPT_CALLS_MAX]; /* of each call */
	uint32_t delivered[SCRIPT_SPANS_MAX];	/* times that span id was delivered */
	uint64_t poison;			/* for answers that look for one span id */
};

void script_init(struct scripted_exporter *script);

/* Answers all calls that are held. */
void script_release(struct scripted_exporter *script);

/* True when ${batch} holds the span with id ${id}. */
bool script_holds_span(const struct batch *batch, uint64_t id);

#endif
