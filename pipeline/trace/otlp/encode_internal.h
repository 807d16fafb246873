/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink of encode. One walk over index and edit serves twice: measuring, it adds up sizes and
 * remembers the length of each re-encoded message; writing, it puts those lengths before the bytes.
 * Two separate walks could disagree about a length; one cannot.
 */
#ifndef SLUICE_TRACE_OTLP_ENCODE_INTERNAL_H
#define SLUICE_TRACE_OTLP_ENCODE_INTERNAL_H

#include "pipeline/trace/otlp/edit_internal.h"
#include "pipeline/trace/otlp/encode.h"
#include "pipeline/trace/value/wire.h"

struct sink {
	const struct trace_view *view;
	const uint8_t *body;
	uint8_t *out;	   /* NULL: measuring */
	size_t bytes;	   /* measured so far */
	uint32_t from, to; /* range of the body that is to be copied next */
	uint32_t spans;	   /* live ones, counted while measuring */
};

static inline bool sink_measures(const struct sink *sink)
{
	return sink->out == NULL;
}

/* Writes what is pending. */
static inline void sink_flush(struct sink *sink)
{
	uint32_t len = sink->to - sink->from;
	if (len == 0)
		return; /* most fields that are added follow one another */
	memcpy(sink->out, sink->body + sink->from, len);
	sink->out += len;
	sink->from = sink->to;
}

/* Passes ${len} bytes of the body on; neighbours become one copy. */
static inline void sink_keep(struct sink *sink, uint32_t off, uint32_t len)
{
	if (sink_measures(sink)) {
		sink->bytes += len;
		return;
	}
	if (off != sink->to) {
		sink_flush(sink);
		sink->from = off;
	}
	sink->to = off + len;
}

static inline void sink_varint(struct sink *sink, uint64_t value)
{
	if (sink_measures(sink)) {
		sink->bytes += wire_varint_size(value);
		return;
	}
	sink_flush(sink);
	sink->out = wire_write_varint(sink->out, value);
}

/* Bytes that are not in the body. */
static inline void sink_put(struct sink *sink, const void *bytes, size_t len)
{
	if (sink_measures(sink)) {
		sink->bytes += len;
		return;
	}
	sink_flush(sink);
	if (len > 0)
		memcpy(sink->out, bytes, len);
	sink->out += len;
}

static inline void sink_text(struct sink *sink, uint32_t number, struct slice text)
{
	sink_varint(sink, wire_tag(number, WIRE_LEN));
	sink_varint(sink, text.len);
	sink_put(sink, text.ptr, text.len);
}

/* Opens message ${number}, whose length is remembered in ${*len}. */
static inline size_t sink_open(struct sink *sink, uint32_t number, const uint32_t *len)
{
	if (sink_measures(sink))
		return sink->bytes;
	sink_varint(sink, wire_tag(number, WIRE_LEN));
	sink_varint(sink, *len);
	return 0;
}

/* Closes it; ${opened} is what sink_open returned. Numbers below 16 have tags of one byte. */
static inline void sink_close(struct sink *sink, size_t opened, uint32_t *len)
{
	if (!sink_measures(sink))
		return;
	size_t content = sink->bytes - opened;
	*len = (uint32_t)content;
	sink->bytes += 1 + wire_varint_size(content);
}

/* The message of ${owner}, [content], as the edit leaves it (encode_element.c). */
void sink_element(struct sink *sink, struct owner owner, struct range content);

#endif
