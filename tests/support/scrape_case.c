/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scrape_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pipeline/base/clock.h"
#include "tests/support/holding_bench.h"

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

static const char *name_of(const struct names *names, uint64_t id)
{
	for (size_t i = 0; i < names->count; i++) {
		if (id != 0 && names->ids[i] == id)
			return names->names[i];
	}
	return id != 0 ? "?" : "-";
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
	struct holding_bench holding;
	struct example_requests requests;
	struct names names = {.count = 0};
	struct buf got = BUF_INIT;
	holding_bench_open(&holding, this->yaml);
	scrape_case_build(this, &holding.bench.budget, &requests);
	gather_names(&holding.bench, &requests, &names);
	for (size_t i = 0; i < requests.count; i++) {
		size_t at = this->order ? (size_t)(this->order[i] - '0') : i;
		holding_bench_send(&holding, chunk_slice(requests.items[at]));
		holding_bench_wait_until(&holding, bench_now_ns + NS_PER_S);
	}
	holding_bench_flush(&holding);
	for (size_t i = 0; i < holding.left_count; i++)
		buf_printf(&got, "%s<%s ", name_of(&names, holding.left[i].id),
			   name_of(&names, holding.left[i].parent));
	bool same = strcmp(buf_cstr(&got), this->expected) == 0;
	if (!same)
		print_error("%s:\n  got      %s\n  expected %s\n", this->what, buf_cstr(&got),
			    this->expected);
	example_requests_fini(&requests);
	holding_bench_close(&holding);
	buf_fini(&got);
	return same;
}
