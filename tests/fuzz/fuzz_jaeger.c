/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jaeger exporter's requests. The first byte chooses the bound on a request, the rest is OTLP:
 * what is accepted must be read by protobuf-c with the same spans, ids, events and attributes, and
 * keep the bound unless it is one span; what is refused must be so for a reason of its own. Either
 * way nothing stays charged.
 */
#include "tests/support/jaeger_codec.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEMORY_MAX = 256 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_jaeger: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jaeger_codec codec;
	struct err err = {0};
	size_t bytes;
	if (size < 1)
		return 0;
	uint64_t bytes_max = UINT64_C(1) << (data[0] & 31);
	check(jaeger_codec_open(&codec, bytes_max), "no memory");
	atomic_store(&codec.budget.limit, MEMORY_MAX);
	struct slice body = slice_of(data + 1, size - 1);
	Jaeger__PostSpansRequest *post = jaeger_codec_map(&codec, body, &bytes, &err);
	if (post) {
		const char *difference = jaeger_codec_difference(&codec, body, post);
		check(!difference, difference);
		check(bytes <= bytes_max || post->batch->n_spans <= 1, "longer than the bound");
		jaeger__post_spans_request__free_unpacked(post, NULL);
	} else {
		check(err.kind == ERR_DECODE || err.kind == ERR_LIMIT || err.kind == ERR_NOMEM,
		      err.msg);
	}
	check(jaeger_codec_close(&codec), "memory charged and not given back");
	return 0;
}
