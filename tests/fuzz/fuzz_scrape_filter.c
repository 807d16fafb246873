/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scrape filter on requests of a few small traces, one after another. Byte 0: bits 0-1 the
 * configuration. Then spans of four bytes: trace and id, parent, name and kind, attribute; a span
 * whose attribute byte is 255 ends its request instead. Ids are not used twice.
 *
 * No span that leaves has a parent of which it was known, when it left, that it had gone; who has
 * another parent than it came with has an ancestor of its own, or none and says so; protected spans
 * and all that is above a kept path stay, but below a probe that generates; what is missing is counted.
 */
#include "tests/support/fuzz_script.h"
#include "tests/support/langfuse_bench.h"
#include "tests/support/trace_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRACES = 2, IDS = 16, SPANS_MAX = 64, REQUEST_ENDS = 255 };

static const char *const configs[] = {
	"",
	"{closure: false}",
	"{asgi_collapse: true, paths: [/probe/*], keep_paths: [/version]}",
	"{background: false, protect: [chat*]}",
};

static const char *const span_names[] = {"GET /metrics",
					 "GET /metrics http send",
					 "GET",
					 "POST /v1/chat/completions",
					 "llm_request",
					 "gateway.request",
					 "index_add",
					 "llm_d.pd_proxy.GET /health",
					 "POST /v1/chat/completions http send",
					 "semantic_router.route",
					 "chat a",
					 "HEAD /healthz/",
					 "",
					 "GET /health_generate",
					 "GET /probe/x",
					 "GET /version"};

static const struct {
	const char *key, *text;
} attributes[] = {
	{"url.path", "/metrics"},
	{"http.target", "/healthz?x=1"},
	{"http.url", "http://h:80/ping"},
	{"url.path", "/v1/chat/completions"},
	{"http.request.method", "POST"},
	{"http.method", "GET"},
	{"asgi.event.type", "http.response.body"},
	{"http.route", "/probe/x"},
};

/* What became of an id, in order of the input. */
struct made_span {
	bool came, gone;
	uint8_t parent; /* id it came with, 0: none */
	uint8_t name;
};

static struct made_span spans_made[TRACES][IDS];

/* ---- making requests ------------------------------------------------------------------------ */

static void put_id(struct buf *out, uint32_t field, size_t trace, uint8_t id)
{
	uint8_t bytes[SPAN_ID_BYTES] = {(uint8_t)(trace + 1), id};
	tw_bytes(out, field, slice_of(bytes, sizeof(bytes)));
}

static bool add_span(struct buf *out, struct slice *script)
{
	uint8_t head = fuzz_byte(script), parent = fuzz_byte(script) % IDS;
	uint8_t name = fuzz_byte(script), attribute = fuzz_byte(script);
	size_t trace = head >> 7 & 1;
	uint8_t id = head % IDS, trace_id[TRACE_ID_BYTES] = {1, (uint8_t)trace};
	if (attribute == REQUEST_ENDS)
		return false;
	struct made_span *made = &spans_made[trace][id];
	if (id == 0 || made->came)
		return true;
	*made = (struct made_span){.came = true, .parent = parent, .name = name % 16};
	size_t span = tw_open(out, SCOPE_SPANS_SPANS);
	tw_bytes(out, SPAN_TRACE_ID, slice_of(trace_id, sizeof(trace_id)));
	put_id(out, SPAN_SPAN_ID, trace, id);
	if (parent != 0)
		put_id(out, SPAN_PARENT_SPAN_ID, trace, parent);
	tw_text(out, SPAN_NAME, span_names[made->name]);
	tw_varint(out, SPAN_KIND, 1 + (name >> 4) % 5);
	for (size_t i = 0; i < ARRAY_COUNT(attributes); i++) {
		if (attribute >> i & 1)
			tw_attr_text(out, SPAN_ATTRIBUTES, attributes[i].key, attributes[i].text);
	}
	tw_close(out, span);
	return true;
}

static void make_request(struct buf *out, struct slice *script)
{
	size_t request = tw_open(out, EXPORT_REQUEST_RESOURCE_SPANS);
	size_t scope = tw_open(out, RESOURCE_SPANS_SCOPE_SPANS);
	for (int i = 0; i < SPANS_MAX && script->len > 0 && add_span(out, script); i++)
		;
	tw_close(out, scope);
	tw_close(out, request);
}

/* ---- what left ------------------------------------------------------------------------------ */

static struct made_span *made_of(const struct trace_view *view, uint32_t span, uint8_t *ret_id)
{
	struct slice id = view_span_id(view, span);
	fuzz_must(id.ptr && id.len == SPAN_ID_BYTES);
	*ret_id = id.ptr[1];
	return &spans_made[id.ptr[0] - 1][id.ptr[1]];
}

static bool is_ancestor(const struct made_span *trace, uint8_t id, uint8_t ancestor)
{
	uint8_t at = trace[id].parent;
	for (int i = 0; i < IDS && at != 0; i++, at = trace[at].parent) {
		if (at == ancestor)
			return true;
	}
	return false;
}

static bool is_protected(size_t config, uint8_t name)
{
	return name == 4 || name == 5 || name == 9 || (config == 3 && name == 10);
}

/* ASGI's events have no children: that they went is not remembered. */
static bool is_leaf(uint8_t name)
{
	return name == 1 || name == 8;
}

/* Below such a probe protected spans go, too. */
static bool is_below_generating(const struct made_span *trace, uint8_t id)
{
	enum { GENERATING = 13 };
	uint8_t at = trace[id].parent;
	for (int i = 0; i < IDS && at != 0; i++, at = trace[at].parent) {
		if (trace[at].name == GENERATING && trace[at].came)
			return true;
	}
	return false;
}

static void check_parent(const struct trace_view *out, uint32_t span)
{
	uint8_t id;
	const struct made_span *made = made_of(out, span, &id);
	const struct made_span *trace = made - id;
	struct slice parent = view_span_parent(out, span);
	if (parent.len == 0) {
		bool marked = false;
		struct attr_view attr;
		struct attr_cursor cursor = view_attrs(out, (struct owner){OWNER_SPAN, span});
		while (view_next_attr(out, &cursor, &attr))
			marked |= slice_equal(attr.key, SLICE("sluice.parent_dropped"));
		fuzz_must(marked == (made->parent != 0));
		return;
	}
	fuzz_must(parent.len == SPAN_ID_BYTES && &spans_made[parent.ptr[0] - 1][0] == trace);
	fuzz_must(!trace[parent.ptr[1]].gone);
	fuzz_must(parent.ptr[1] == made->parent || is_ancestor(trace, id, parent.ptr[1]));
}

static void check_output(const struct processor_bench *bench, size_t config)
{
	uint8_t id;
	for (uint32_t i = 0; i < view_span_count(bench->view); i++) {
		struct made_span *made = made_of(bench->view, i, &id);
		bool gone = !view_span_live(bench->view, i);
		fuzz_must(!gone || !is_protected(config, made->name) ||
			  is_below_generating(made - id, id));
		made->gone = gone && !is_leaf(made->name); /* nobody asks for leaves later */
	}
	for (uint32_t i = 0; i < bench_span_count(bench); i++)
		check_parent(bench->out_view, i);
}

static double counted(const struct processor_bench *bench)
{
	static const char *const rules[] = {"path",	  "name",	"background", "asgi",
					    "descendant", "remembered", "rpc"};
	double sum = 0;
	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		struct buf labels = BUF_INIT;
		metrics_label(&labels, "scrape_filter", "scrape_filter");
		metrics_label(&labels, "rule", rules[i]);
		sum += bench_metric(bench, "sluice_processor_scrape_filter_dropped",
				    buf_cstr(&labels));
		buf_fini(&labels);
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of(data, size);
	struct processor_bench bench;
	size_t config = fuzz_byte(&script) & 3;
	const char *const processors[] = {"scrape_filter", configs[config], NULL};
	uint32_t gone = 0;
	processor_bench_open(&bench, processors);
	memset(spans_made, 0, sizeof(spans_made));
	while (script.len > 0) {
		struct buf body = BUF_INIT;
		make_request(&body, &script);
		fuzz_must(processor_bench_run(&bench, buf_slice(&body)) == OUTCOME_TAKEN);
		gone += view_span_count(bench.view) - view_live_spans(bench.view);
		check_output(&bench, config);
		buf_fini(&body);
	}
	fuzz_must(counted(&bench) == gone);
	processor_bench_close(&bench);
	return 0;
}
