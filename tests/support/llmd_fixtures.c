/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variants are made from the tables: rows are copied, then moved, changed or taken out (their
 * service becomes one that does not exist, so nobody writes them).
 */
#include "tests/support/llmd_fixtures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/llmd_tables.h"

#include <string.h>

enum { PARTS_MAX = 8, FIXTURE_SALT = 1000 };

#define FIXTURE_END_NS UINT64_C(1789000003146000000)

/* A table that may be changed. */
struct copy {
	struct example_trace trace;
	struct example_span spans[LLMD_ROWS_MAX];
	struct example_service services[PARTS_MAX];
	struct example_scope scopes[PARTS_MAX * 2];
};

static void copy_table(struct copy *copy, const struct example_trace *trace)
{
	copy->trace = *trace;
	memcpy(copy->spans, trace->spans, trace->span_count * sizeof(*copy->spans));
	memcpy(copy->services, trace->services, trace->service_count * sizeof(*copy->services));
	memcpy(copy->scopes, trace->scopes, trace->scope_count * sizeof(*copy->scopes));
	copy->trace.spans = copy->spans;
	copy->trace.services = copy->services;
	copy->trace.scopes = copy->scopes;
}

/* Appends ${lower} below row ${parent} of what is there already. */
static void append_table(struct copy *copy, const struct example_trace *lower, uint8_t parent)
{
	struct example_trace *trace = &copy->trace;
	uint8_t rows = trace->span_count;
	for (uint8_t i = 0; i < lower->span_count; i++) {
		struct example_span *span = &copy->spans[rows + i];
		*span = lower->spans[i];
		span->parent = span->parent ? (uint8_t)(span->parent + rows) : parent;
		span->service = (uint8_t)(span->service + trace->service_count);
		span->scope = (uint8_t)(span->scope + trace->scope_count);
		span->start_us += 180000;
	}
	memcpy(&copy->services[trace->service_count], lower->services,
	       lower->service_count * sizeof(*copy->services));
	memcpy(&copy->scopes[trace->scope_count], lower->scopes,
	       lower->scope_count * sizeof(*copy->scopes));
	trace->span_count = (uint8_t)(rows + lower->span_count);
	trace->service_count = (uint8_t)(trace->service_count + lower->service_count);
	trace->scope_count = (uint8_t)(trace->scope_count + lower->scope_count);
}

/* The row of the table, counted from 1. */
static struct example_span *row(struct copy *copy, size_t number)
{
	return &copy->spans[number - 1];
}

static void take_out(struct copy *copy, size_t first, size_t last)
{
	for (size_t i = first; i <= last; i++)
		row(copy, i)->service = LLMD_NOBODY;
}

static void without_names(struct copy *copy)
{
	for (size_t i = 0; i < copy->trace.service_count; i++)
		copy->services[i].attrs = NULL;
}

/* ---- the variants --------------------------------------------------------------------------- */

static void decode_only(struct copy *copy)
{
	take_out(copy, 9, 14);
	take_out(copy, 16, 17);
	take_out(copy, 20, 22);
	row(copy, 15)->attrs = llmd_decision_decode_only;
	row(copy, 19)->attrs = llmd_proxy_decode_only;
	row(copy, 23)->parent = 19;
}

static void make_a(struct copy *copy, enum llmd_fixture which)
{
	copy_table(copy, &example_llmd);
	row(copy, 18)->attrs = llmd_proxy_canaries;
	if (which == FIXTURE_A2)
		without_names(copy);
	if (which == FIXTURE_A3)
		take_out(copy, 22, 22);
	if (which == FIXTURE_A4) {
		take_out(copy, 23, 25);
		row(copy, 20)->attrs = llmd_prefill_failed;
		row(copy, 20)->status = STATUS_CODE_ERROR;
		row(copy, 20)->status_message = "prefill request failed";
		row(copy, 20)->exception_type = "*url.Error";
	}
	if (which == FIXTURE_A7)
		decode_only(copy);
	if (which == FIXTURE_A6)
		row(copy, 22)->parent = row(copy, 25)->parent = 1;
}

static void make_c(struct copy *copy, enum llmd_fixture which)
{
	copy_table(copy, &example_semantic_router);
	row(copy, 1)->attrs = llmd_router_request;
	row(copy, 4)->attrs = llmd_router_cache;
	if (which == FIXTURE_C2)
		take_out(copy, 8, 8);
	if (which == FIXTURE_C3) {
		row(copy, 8)->attrs = llmd_router_upstream_failed;
		row(copy, 8)->status = STATUS_CODE_ERROR;
		row(copy, 8)->status_message = "upstream request failed";
	}
	for (size_t i = 0; which == FIXTURE_C4 && i < 8; i++)
		copy->spans[i].name = llmd_router_names_v01[i];
}

static void make_d(struct copy *copy, enum llmd_fixture which)
{
	copy_table(copy, &example_vllm);
	if (which == FIXTURE_D3)
		without_names(copy);
}

static void make_e(struct copy *copy, enum llmd_fixture which)
{
	copy_table(copy, &llmd_rag);
	if (which == FIXTURE_E2) {
		row(copy, 6)->status = STATUS_CODE_ERROR;
		row(copy, 6)->status_message = "Error code: 400 - CANARY-PROMPT";
		row(copy, 6)->exception_type = "BadRequestError";
	}
	if (which == FIXTURE_E3)
		row(copy, 6)->attrs = llmd_openllmetry_call;
	append_table(copy, &example_llmd, 7);
}

static void make(struct copy *copy, enum llmd_fixture which)
{
	if (which <= FIXTURE_A6 || which == FIXTURE_A7)
		make_a(copy, which);
	else if (which == FIXTURE_B)
		copy_table(copy, &llmd_proposal);
	else if (which <= FIXTURE_C4)
		make_c(copy, which);
	else if (which <= FIXTURE_D3)
		make_d(copy, which);
	else
		make_e(copy, which);
}

/* ---- the interface -------------------------------------------------------------------------- */

static void build(const struct example_trace *trace, enum llmd_fixture which, bool merged,
		  struct budget *budget, struct example_requests *ret_requests)
{
	const struct example_variant variant = {
		.seed = 7, .end_ns = FIXTURE_END_NS, .merged = merged};
	struct err err;
	if (example_table_build(trace, FIXTURE_SALT + which, &variant, budget, ret_requests,
				&err) != 0)
		fail_msg("%s", err.msg);
}

void llmd_fixture_build(enum llmd_fixture which, bool merged, struct budget *budget,
			struct example_requests *ret_requests)
{
	struct copy copy;
	struct example_requests more;
	make(&copy, which);
	build(&copy.trace, which, merged, budget, ret_requests);
	if (which != FIXTURE_D2)
		return;
	build(&llmd_fastapi, FIXTURE_COUNT, merged, budget, &more);
	for (size_t i = 0; i < more.count; i++)
		ret_requests->items[ret_requests->count++] = more.items[i];
}

void llmd_fixture_build_changed(enum llmd_fixture which,
				void (*change)(void *arg, const struct llmd_rows *rows), void *arg,
				struct budget *budget, struct example_requests *ret_requests)
{
	struct copy copy;
	make(&copy, which);
	const struct llmd_rows rows = {copy.spans, copy.services, copy.scopes,
				       &copy.trace.span_count};
	change(arg, &rows);
	build(&copy.trace, which, true, budget, ret_requests);
}

const char *llmd_fixture_name(enum llmd_fixture which)
{
	static const char *const names[FIXTURE_COUNT] = {"A",  "A2", "A3", "A4", "A5", "A6",
							 "B",  "C",  "C2", "C3", "C4", "D",
							 "D2", "D3", "E",  "E2", "E3", "A7"};
	return names[which];
}
