/* SPDX-License-Identifier: Apache-2.0 */
/* A bag of whole spans, each with its resource and scope, as protobuf-c reads them: for "what went
 * in is what came out, byte for byte, once". */
#ifndef SLUICE_TESTS_SCENARIO_SPANS_H
#define SLUICE_TESTS_SCENARIO_SPANS_H

#include "tests/support/peer_grpc.h"
#include "tests/support/scenario_http_sink.h"
#include "trace.pb-c.h"

struct span_bag {
	struct slice *at; /* ids, span, scope, resource, schema URLs; owned */
	size_t count, capacity;
};

/* Adds the spans of ${request} for which ${keep} (NULL: all) holds. */
void span_bag_add(struct span_bag *bag, struct slice request, bool (*keep)(const Otlp__Span *span));
/* Adds what a backend has accepted. */
void span_bag_add_grpc(struct span_bag *bag, struct peer_grpc *peer);
void span_bag_add_http(struct span_bag *bag, struct http_sink *sink);
void span_bag_fini(struct span_bag *bag);

/* Fails the test unless both hold the same spans, as often. Sorts them. */
void span_bag_assert_equal(struct span_bag *expected, struct span_bag *seen);

/* How many different ones there are. Sorts. */
size_t span_bag_distinct(struct span_bag *bag);

#endif
