/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scrape_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"

enum { NAMES_MAX = 64 };

static const struct example_service services[SCRAPE_REQUESTS_MAX];
static const struct example_scope scope = {"test", NULL, NULL};

/* Names by span id, of all requests of a case. */
struct names {
	uint64_t ids[NAMES_MAX];
	char names[NAMES_MAX][64];
	size_t count;
};

static uint64_t id_of(struct slice bytes)
{
	uint64_t id = 0;
	if (bytes.len == sizeof(id))
		memcpy(&id, bytes.ptr, sizeof(id));
	return id;
}

static void gather_names(struct processor_bench *bench, const struct example_requests *requests,
			 struct names *names)
{
	struct err err;
	for (size_t i = 0; i < requests->count; i++) {
		assert_int_equal(view_open(bench->view, chunk_slice(requests->items[i]), &err), 0);
		for (uint32_t span = 0; span < bench->view->index.span_count; span++) {
			const struct span_entry *entry = &bench->view->index.spans[span];
			(void)snprintf(names->names[names->count], 64, "%.*s",
				       SLICE_FMT(index_slice(&bench->view->index, entry->name)));
			names->ids[names->count++] = id_of(
				index_id(&bench->view->index, entry->span_id_off, SPAN_ID_BYTES));
		}
	}
}

static const char *name_of(const struct names *names, struct slice id)
{
	for (size_t i = 0; i < names->count; i++) {
		if (id.len > 0 && names->ids[i] == id_of(id))
			return names->names[i];
	}
	return id.len > 0 ? "?" : "-";
}

static void describe(const struct processor_bench *bench, const struct names *names,
		     struct buf *out)
{
	for (uint32_t span = 0; span < bench_span_count(bench); span++)
		buf_printf(out, "%.*s<%s ", SLICE_FMT(view_span_name(bench->out_view, span)),
			   name_of(names, view_span_parent(bench->out_view, span)));
}

void scrape_case_build(const struct scrape_case *this, struct budget *budget,
		       struct example_requests *requests)
{
	struct example_trace trace = {.services = services,
				      .scopes = &scope,
				      .spans = this->rows,
				      .service_count = SCRAPE_REQUESTS_MAX,
				      .scope_count = 1};
	struct err err;
	while (trace.span_count < SCRAPE_ROWS_MAX && this->rows[trace.span_count].name)
		trace.span_count++;
	const struct example_variant variant = {.seed = 3, .end_ns = NS_PER_S};
	assert_int_equal(example_table_build(&trace, 1, &variant, budget, requests, &err), 0);
}

bool scrape_case_run(const struct scrape_case *this)
{
	struct processor_bench bench;
	struct example_requests requests;
	struct names names = {.count = 0};
	struct buf got = BUF_INIT;
	processor_bench_open(&bench, (const char *const[]){"scrape_filter", this->yaml, NULL});
	scrape_case_build(this, &bench.budget, &requests);
	gather_names(&bench, &requests, &names);
	for (size_t i = 0; i < requests.count; i++) {
		size_t at = this->order ? (size_t)(this->order[i] - '0') : i;
		assert_int_equal(processor_bench_run(&bench, chunk_slice(requests.items[at])),
				 OUTCOME_TAKEN);
		describe(&bench, &names, &got);
	}
	bool same = strcmp(buf_cstr(&got), this->expected) == 0;
	if (!same)
		print_error("%s:\n  got      %s\n  expected %s\n", this->what, buf_cstr(&got),
			    this->expected);
	example_requests_fini(&requests);
	processor_bench_close(&bench);
	buf_fini(&got);
	return same;
}
