/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/jaeger_codec.h"

#include "pipeline/trace/otlp/index.h"

#include <inttypes.h>

bool jaeger_codec_open(struct jaeger_codec *codec, uint64_t bytes_max)
{
	struct err err;
	budget_init(&codec->budget, UINT64_MAX);
	codec->keys = key_table_new();
	if (!codec->keys || key_table_freeze(codec->keys, &err) != 0)
		return false;
	codec->request = jaeger_request_new(&codec->budget, codec->keys, bytes_max);
	return codec->request != NULL;
}

bool jaeger_codec_close(struct jaeger_codec *codec)
{
	jaeger_request_free(codec->request);
	key_table_free(codec->keys);
	return budget_used(&codec->budget) == 0;
}

Jaeger__PostSpansRequest *jaeger_codec_map(struct jaeger_codec *codec, struct slice body,
					   size_t *ret_bytes, struct err *err)
{
	Jaeger__PostSpansRequest *post = NULL;
	struct batch *batch = batch_new(&codec->budget);
	struct chunk *chunk = chunk_new(&codec->budget, body.len), *made = NULL;
	if (batch && chunk && chunk_append(chunk, body) && batch_append(batch, chunk))
		made = jaeger_request_make(codec->request, batch, err);
	else
		(void)err_set(err, ERR_NOMEM, "out of memory");
	if (made) {
		post = jaeger__post_spans_request__unpack(NULL, made->len, made->data);
		if (!post)
			(void)err_set(err, ERR_INTERNAL, "protobuf-c cannot read the request");
		if (ret_bytes)
			*ret_bytes = made->len;
	}
	chunk_unref(made);
	chunk_unref(chunk);
	batch_unref(batch);
	return post;
}

static struct slice bytes_of(ProtobufCBinaryData data)
{
	return slice_of(data.data, data.len);
}

/* Absent ids are zeros. */
static bool same_id(ProtobufCBinaryData data, struct slice id, size_t len)
{
	static const uint8_t zeros[TRACE_ID_BYTES];
	return slice_equal(bytes_of(data), id.len > 0 ? id : slice_of(zeros, len));
}

static const char *span_difference(const struct trace_index *index, const struct span_entry *span,
				   const Jaeger__Span *mapped)
{
	if (!same_id(mapped->trace_id, index_id(index, span->trace_id_off, TRACE_ID_BYTES),
		     TRACE_ID_BYTES))
		return "a trace id";
	if (!same_id(mapped->span_id, index_id(index, span->span_id_off, SPAN_ID_BYTES),
		     SPAN_ID_BYTES))
		return "a span id";
	if (mapped->n_logs != span->event_count)
		return "the count of events";
	if (mapped->n_tags < span->attrs.count)
		return "the count of attributes";
	if (mapped->n_references > span->link_count + 1u)
		return "the count of references";
	if (!mapped->start_time || !mapped->duration || mapped->duration->seconds < 0)
		return "the times";
	return NULL;
}

const char *jaeger_codec_difference(struct jaeger_codec *codec, struct slice body,
				    const Jaeger__PostSpansRequest *post)
{
	struct err err;
	struct trace_index index;
	const char *difference = NULL;
	trace_index_init(&index, &codec->budget, codec->keys);
	if (trace_index_build(&index, body, &err) != 0)
		difference = "a request that cannot be indexed";
	else if (!post->batch || post->batch->n_spans != index.span_count)
		difference = "the count of spans";
	else if (index.span_count > 0 && !post->batch->process)
		difference = "the process";
	for (uint32_t i = 0; !difference && i < index.span_count; i++)
		difference = span_difference(&index, &index.spans[i], post->batch->spans[i]);
	trace_index_fini(&index);
	return difference;
}

static void print_tags(struct buf *out, const char *before, Jaeger__KeyValue **tags, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const Jaeger__KeyValue *tag = tags[i];
		buf_append_str(out, before);
		buf_append(out, bytes_of(tag->key));
		switch ((int)tag->v_type) {
		case JAEGER__KEY_VALUE__TYPE__STRING:
			buf_append_str(out, " STRING ");
			buf_append(out, bytes_of(tag->v_str));
			break;
		case JAEGER__KEY_VALUE__TYPE__BOOL:
			buf_printf(out, " BOOL %s", tag->v_bool ? "true" : "false");
			break;
		case JAEGER__KEY_VALUE__TYPE__INT64:
			buf_printf(out, " INT64 %" PRId64, tag->v_int64);
			break;
		case JAEGER__KEY_VALUE__TYPE__FLOAT64:
			buf_printf(out, " FLOAT64 %g", tag->v_float64);
			break;
		case JAEGER__KEY_VALUE__TYPE__BINARY:
			buf_append_str(out, " BINARY ");
			buf_append_hex(out, bytes_of(tag->v_binary));
			break;
		}
		buf_append_byte(out, '\n');
	}
}

void jaeger_print_process(struct buf *out, const Jaeger__Process *process)
{
	buf_append_str(out, "process ");
	buf_append(out, bytes_of(process->service_name));
	buf_append_byte(out, '\n');
	print_tags(out, "process tag ", process->tags, process->n_tags);
}

void jaeger_print_span(struct buf *out, const Jaeger__Span *span)
{
	buf_append_str(out, "span ");
	buf_append(out, bytes_of(span->operation_name));
	buf_append_byte(out, ' ');
	buf_append_hex(out, bytes_of(span->trace_id));
	buf_append_byte(out, ' ');
	buf_append_hex(out, bytes_of(span->span_id));
	buf_printf(out, " at %" PRId64 ".%09d took %" PRId64 ".%09d\n", span->start_time->seconds,
		   span->start_time->nanos, span->duration->seconds, span->duration->nanos);
	for (size_t i = 0; i < span->n_references; i++) {
		const Jaeger__SpanRef *reference = span->references[i];
		buf_append_str(out, reference->ref_type == JAEGER__SPAN_REF__TYPE__CHILD_OF
					    ? "child of "
					    : "follows from ");
		buf_append_hex(out, bytes_of(reference->trace_id));
		buf_append_byte(out, ' ');
		buf_append_hex(out, bytes_of(reference->span_id));
		buf_append_byte(out, '\n');
	}
	print_tags(out, "tag ", span->tags, span->n_tags);
	for (size_t i = 0; i < span->n_logs; i++) {
		buf_printf(out, "log at %" PRId64 ".%09d\n", span->logs[i]->timestamp->seconds,
			   span->logs[i]->timestamp->nanos);
		print_tags(out, "log field ", span->logs[i]->fields, span->logs[i]->n_fields);
	}
	if (span->process)
		jaeger_print_process(out, span->process);
}
