/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each phrase is as much of a real message as tells it from others: "too large" alone is said of
 * headers and traces as well, "exceeded" of quotas and rates. Who says what is in the test, one row
 * each: tests/unit/exporters/test_size_words.c.
 */
#include "exporters/otlp/size_words.h"

#include "pipeline/base/compiler.h"

static const struct slice phrases[] = {
	/* in lower case */
	/* gRPC libraries */
	SLICE_INIT("message larger than max"),
	SLICE_INIT("decompression larger than max"),
	SLICE_INIT("to a size larger than"),
	SLICE_INIT("message with a size larger than"),
	SLICE_INIT("message exceeds maximum size"),
	SLICE_INIT("exceeds the maximum configured message size"),
	SLICE_INIT("message length too large"),
	SLICE_INIT("message after compression is too large"),
	/* HTTP servers and proxies */
	SLICE_INIT("content too large"),
	SLICE_INIT("payload too large"),
	SLICE_INIT("request too large"),
	SLICE_INIT("entity too large"),
	SLICE_INIT("entity is too large"),
	SLICE_INIT("body too large"),
	SLICE_INIT("body is too large"),
	SLICE_INIT("body exceeded"),
	SLICE_INIT("length limit exceeded"),
	/* queues, brokers and stores behind them */
	SLICE_INIT("element size too large"),
	SLICE_INIT("exceeds ingestion limit"),
	SLICE_INIT("message was too large"),
	SLICE_INIT("message size too large"),
	SLICE_INIT("larger than the max message size"),
	SLICE_INIT("message larger than configured"),
};

static bool starts_with(struct slice text, struct slice phrase)
{
	return text.len >= phrase.len && (text.ptr[0] | 0x20) == phrase.ptr[0] &&
	       slice_equal_nocase(slice_of(text.ptr, phrase.len), phrase);
}

bool speaks_of_size(struct slice text)
{
	for (; text.len > 0; text = slice_of(text.ptr + 1, text.len - 1)) {
		for (size_t i = 0; i < ARRAY_COUNT(phrases); i++) {
			if (starts_with(text, phrases[i]))
				return true;
		}
	}
	return false;
}
