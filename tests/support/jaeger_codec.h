/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP requests as the jaeger exporter sends them, read back by protobuf-c. Without cmocka, so that
 * fuzz targets can use it, too. */
#ifndef SLUICE_TESTS_JAEGER_CODEC_H
#define SLUICE_TESTS_JAEGER_CODEC_H

#include "exporters/jaeger/request.h"

#include "jaeger.pb-c.h"

struct jaeger_codec {
	struct budget budget;
	struct key_table *keys;
	struct jaeger_request *request;
};

/* False: out of memory. ${bytes_max} as jaeger_request_new. */
MUST_CHECK bool jaeger_codec_open(struct jaeger_codec *codec, uint64_t bytes_max);

/* False when something is still charged to the budget. */
MUST_CHECK bool jaeger_codec_close(struct jaeger_codec *codec);

/* ${body} as a PostSpansRequest that the caller frees; *ret_bytes (may be NULL) is its length as
 * encoded. NULL with ${err} when it is refused; ERR_INTERNAL when protobuf-c cannot read it. */
Jaeger__PostSpansRequest *jaeger_codec_map(struct jaeger_codec *codec, struct slice body,
					   size_t *ret_bytes, struct err *err);

/* What ${post} lacks or has wrong of the spans in ${body}: counts of spans, events and attributes,
 * ids and processes. NULL: nothing. */
const char *jaeger_codec_difference(struct jaeger_codec *codec, struct slice body,
				    const Jaeger__PostSpansRequest *post);

/* One line for each thing in ${span}: name, ids, times, references, tags, logs, its own process. */
void jaeger_print_span(struct buf *out, const Jaeger__Span *span);
void jaeger_print_process(struct buf *out, const Jaeger__Process *process);

#endif
