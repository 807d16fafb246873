/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/JSON in process, one core: encode and decode of 512-span requests in ns per byte of JSON,
 * checked to be each other's inverse first; then bodies of 20 MiB that were made to cost much, fed
 * in slices of 256 KiB: time in all, the longest slice, and memory beside the body.
 */
#include "pipeline/base/clock.h"
#include "pipeline/trace/otlp_json/json_decode.h"
#include "pipeline/trace/otlp_json/json_encode.h"
#include "tests/support/json_hostile.h"
#include "tests/support/trace_payload.h"
#include "tests/support/trace_proto.h"

#include <stdio.h>
#include <stdlib.h>

enum { SPANS = 512, REPEATS = 9, ROUNDS = 40, SLICE_BYTES = 256 << 10, HOSTILE_BYTES = 20 << 20 };

static void die(const char *what)
{
	fprintf(stderr, "bench_json: %s\n", what);
	exit(1);
}

static struct chunk *encode(const struct trace_view *view, struct budget *budget)
{
	struct err err;
	uint64_t replaced = 0;
	struct chunk *out = chunk_new(budget, view->index.body.len * 3);
	if (!out || json_encode(view, out, &replaced, &err) != 0)
		die("encode failed");
	return out;
}

static struct chunk *decode(struct slice json, struct budget *budget)
{
	struct err err;
	struct json_decoder *decoder = json_decoder_new(budget);
	if (!decoder || json_decoder_feed(decoder, json, &err) != 0)
		die(err.msg);
	struct chunk *out = json_decoder_take(decoder, &err);
	json_decoder_free(decoder);
	if (!out)
		die(err.msg);
	return out;
}

static void check_inverse(struct slice body, struct slice decoded)
{
	trace_tree *a = trace_tree_parse(body), *b = trace_tree_parse(decoded);
	if (!a || !b)
		die("protobuf-c refused a request");
	size_t len = otlp__export_trace_service_request__get_packed_size(a);
	uint8_t *packed_a = malloc(len), *packed_b = malloc(len);
	if (otlp__export_trace_service_request__get_packed_size(b) != len || !packed_a || !packed_b)
		die("decoded request differs in size");
	(void)otlp__export_trace_service_request__pack(a, packed_a);
	(void)otlp__export_trace_service_request__pack(b, packed_b);
	if (memcmp(packed_a, packed_b, len) != 0)
		die("decoded request differs");
	free(packed_a);
	free(packed_b);
	trace_request_free(a);
	trace_request_free(b);
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static void bench_shape(enum payload_shape shape, const struct key_table *keys)
{
	struct budget budget;
	struct err err;
	struct buf body = BUF_INIT;
	budget_init(&budget, UINT64_MAX);
	struct trace_view *view = view_new(&budget, keys);
	payload_append(&body, shape, SPANS, 1000);
	if (!view || view_open(view, buf_slice(&body), &err) != 0)
		die(err.msg);
	struct chunk *json = encode(view, &budget);
	struct chunk *back = decode(chunk_slice(json), &budget);
	check_inverse(buf_slice(&body), chunk_slice(back));
	double encode_ns = 1e300, decode_ns = 1e300;
	for (unsigned i = 0; i < REPEATS; i++) {
		uint64_t start_ns = clock_monotonic_ns();
		for (unsigned j = 0; j < ROUNDS; j++)
			chunk_unref(encode(view, &budget));
		uint64_t middle_ns = clock_monotonic_ns();
		for (unsigned j = 0; j < ROUNDS; j++)
			chunk_unref(decode(chunk_slice(json), &budget));
		encode_ns = smaller(encode_ns, (double)(middle_ns - start_ns) / ROUNDS);
		decode_ns = smaller(decode_ns, (double)(clock_monotonic_ns() - middle_ns) / ROUNDS);
	}
	double bytes = (double)json->len;
	printf("%c  %7.1f B/span protobuf, %7.1f JSON, %7.1f decoded;  decode %5.2f ns/B "
	       "(%6.0f ns/span)  encode %5.2f ns/B (%6.0f ns/span)\n",
	       shape == PAYLOAD_S ? 'S' : 'G', (double)body.len / SPANS, bytes / SPANS,
	       (double)back->len / SPANS, decode_ns / bytes, decode_ns / SPANS, encode_ns / bytes,
	       encode_ns / SPANS);
	chunk_unref(json);
	chunk_unref(back);
	buf_fini(&body);
	view_free(view);
}

static void bench_hostile(enum json_hostile kind)
{
	struct buf body = BUF_INIT;
	struct budget budget;
	struct err err = {0};
	json_hostile_append(&body, kind, HOSTILE_BYTES);
	budget_init(&budget, UINT64_MAX);
	struct json_decoder *decoder = json_decoder_new(&budget);
	if (body.failed || !decoder)
		die("out of memory");
	double total_ms = 0, worst_ms = 0;
	int failed = 0;
	for (size_t at = 0; at < body.len && !failed; at += SLICE_BYTES) {
		size_t len = body.len - at < SLICE_BYTES ? body.len - at : SLICE_BYTES;
		uint64_t start_ns = clock_monotonic_ns();
		failed = json_decoder_feed(decoder, slice_of(body.data + at, len), &err);
		double ms = (double)(clock_monotonic_ns() - start_ns) / (double)NS_PER_MS;
		total_ms += ms;
		worst_ms = ms > worst_ms ? ms : worst_ms;
	}
	struct chunk *out = failed ? NULL : json_decoder_take(decoder, &err);
	printf("%-17s %6.1f ms  longest slice %5.2f ms  memory %5.1f MiB  %s\n",
	       json_hostile_names[kind], total_ms, worst_ms, (double)budget.peak / (1 << 20),
	       out ? "accepted" : err.msg);
	chunk_unref(out);
	json_decoder_free(decoder);
	buf_fini(&body);
}

int main(void)
{
	struct err err;
	struct key_table *keys = key_table_new();
	if (!keys || key_table_freeze(keys, &err) != 0)
		die("no key table");
	bench_shape(PAYLOAD_S, keys);
	bench_shape(PAYLOAD_G, keys);
	for (unsigned kind = 0; kind < HOSTILE_COUNT; kind++)
		bench_hostile((enum json_hostile)kind);
	key_table_free(keys);
	return 0;
}
